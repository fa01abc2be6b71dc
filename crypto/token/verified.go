package token

import (
	"crypto"
	"crypto/sha256"

	"github.com/go-jose/go-jose/v4"

	"github.com/comity-platform/comity/internal/bounded"
)

// maxVerified bounds the tokens that are remembered.
const maxVerified = 1024

// verifieds remembers tokens whose signature was checked, by their hash, with the key
// it was checked by. Everything else about a token is judged anew at each use; and
// where its issuer publishes another key under the same name, its signature too.
type verifieds = bounded.Map[[sha256.Size]byte, verified]

// verified is what a token says, and what signed it.
type verified struct {
	algorithm jose.SignatureAlgorithm
	keyID     string
	key       jose.JSONWebKey
	claims    claims
}

// holds reports whether the signature was checked by this very key.
func (d verified) holds(key jose.JSONWebKey) bool {
	public, ok := d.key.Key.(interface{ Equal(crypto.PublicKey) bool })
	return ok && d.key.KeyID == key.KeyID && d.key.Algorithm == key.Algorithm && d.key.Use == key.Use && public.Equal(key.Key)
}
