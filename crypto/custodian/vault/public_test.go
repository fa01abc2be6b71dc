package vault

import (
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// FuzzParsePublic: whatever Vault answers for a public key, only a valid key
// of the two kinds is taken for one.
func FuzzParsePublic(f *testing.F) {
	f.Add("ed25519", "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=")
	f.Add("ed25519", "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=")
	f.Add("ecdsa-p256", "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEVs/o5+uQbTjL3chynL4wXgUg2R9\nq9UU8I5mEovUf86QZ7kOBIjJwqnzD1omageEHWwHdBO6B+dFabmdT9POxg==\n-----END PUBLIC KEY-----\n")
	f.Add("ecdsa-p384", "")
	f.Add("rsa-2048", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n")
	f.Fuzz(func(t *testing.T, kind, text string) {
		key, err := parsePublic(kind, text)
		if err != nil {
			return
		}
		want := map[string]jose.SignatureAlgorithm{"ed25519": jose.EdDSA, "ecdsa-p256": jose.ES256}[kind]
		if !key.Valid() || !key.IsPublic() || key.Algorithm != string(want) || want == "" {
			t.Errorf("%q of the kind %q is taken for %v", text, kind, key)
		}
	})
}
