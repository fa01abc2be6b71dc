package vault

// Token is the present login's.
func (k *Keys) Token() string { return k.client.Token() }
