package token

import (
	"crypto/ecdsa"
	"strings"
	"sync"

	"github.com/comity-platform/comity/crypto/internal/jws"
	"github.com/comity-platform/comity/crypto/statement"
)

// maxSessions bounds the headers that are remembered.
const maxSessions = 1024

// sessions remembers the headers of proofs that held, which are the same in every
// proof of a session key, with the key that each carries and its thumbprint. Every
// proof's signature is checked, and all that it says. A nil one remembers nothing.
type sessions struct {
	mu    sync.Mutex
	known map[string]session
}

type session struct {
	key *ecdsa.PublicKey
	jkt string
}

// verify gives what a proof says and the thumbprint of the key that signed it.
func (s *sessions) verify(proof string) (payload []byte, jkt string, err error) {
	header, _, _ := strings.Cut(proof, ".")
	if known, ok := s.look(header); ok {
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
		s.keep(strings.Clone(header), session{public, jkt})
	}
	return payload, jkt, nil
}

func (s *sessions) look(header string) (session, bool) {
	if s == nil {
		return session{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	known, ok := s.known[header]
	return known, ok
}

// keep remembers a header, in the place of any other where there are too many.
func (s *sessions) keep(header string, of session) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for other := range s.known {
		if len(s.known) < maxSessions {
			break
		}
		delete(s.known, other)
	}
	s.known[header] = of
}
