package vault

// Token is the present login's.
func (k *Keys) Token() string { return k.client.Token() }

// Token is the present login's.
func (s *LogSigner) Token() string { return s.k.Token() }
