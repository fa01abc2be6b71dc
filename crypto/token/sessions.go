package token

import (
	"crypto/ecdsa"
	"strings"

	"github.com/comity-platform/comity/crypto/internal/jws"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/internal/bounded"
)

// maxSessions bounds the headers that are remembered.
const maxSessions = 1024

// sessions remembers the headers of proofs that held, which are the same in every
// proof of a session key, with the key that each carries and its thumbprint. Every
// proof's signature is checked, and all that it says. With a nil map nothing is remembered.
type sessions struct{ known *bounded.Map[string, session] }

type session struct {
	key *ecdsa.PublicKey
	jkt string
}

// verify gives what a proof says and the thumbprint of the key that signed it.
func (s sessions) verify(proof string) (payload []byte, jkt string, err error) {
	header, _, _ := strings.Cut(proof, ".")
	if known, ok := s.known.Get(header); ok {
		if payload, ok := jws.VerifyAgain(proof, known.key, maxProof); ok {
			return payload, known.jkt, nil
		}
	}
	payload, key, err := jws.VerifyEmbedded(proof, TypProof, maxProof)
	if err != nil {
		return nil, "", err
	}
	if jkt, err = statement.Thumbprint(key); err != nil {
		return nil, "", err
	}
	if public, ok := key.Key.(*ecdsa.PublicKey); ok {
		s.known.Put(strings.Clone(header), session{public, jkt})
	}
	return payload, jkt, nil
}
