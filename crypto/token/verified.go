package token

import (
	"crypto"
	"crypto/sha256"
	"sync"

	"github.com/go-jose/go-jose/v4"
)

// maxVerified bounds the tokens that are remembered.
const maxVerified = 1024

// verifieds remembers tokens whose signature was checked, by their hash, with the key
// it was checked by. Everything else about a token is judged anew at each use; and
// where its issuer publishes another key under the same name, its signature too.
type verifieds struct {
	mu    sync.Mutex
	known map[[sha256.Size]byte]verified
}

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

func (v *verifieds) look(token [sha256.Size]byte) (verified, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	d, ok := v.known[token]
	return d, ok
}

// keep remembers a token, in the place of any other where there are too many.
func (v *verifieds) keep(token [sha256.Size]byte, d verified) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for other := range v.known {
		if len(v.known) < maxVerified {
			break
		}
		delete(v.known, other)
	}
	v.known[token] = d
}
