package token

import (
	"context"
	"time"
)

// HoldPatience has whoever waits for an issuer's keys wait until they are
// fetched or the test ends it, however long either takes.
func (v *Verifier) HoldPatience() (end func()) {
	held, end := context.WithCancel(context.Background())
	v.issuers.patience = func(context.Context) (context.Context, context.CancelFunc) { return context.WithCancel(held) }
	return end
}

// Waiting is how many have waited for the fetches under way.
func (v *Verifier) Waiting() int {
	v.issuers.mu.Lock()
	defer v.issuers.mu.Unlock()
	n := 0
	for _, k := range v.issuers.kept {
		if k.flight != nil {
			n += k.flight.waiting
		}
	}
	return n
}

// MaxVerified bounds the tokens that are remembered.
const MaxVerified = maxVerified

// Remembered is how many are.
func (v *Verifier) Remembered() int {
	return v.verified.Len()
}

// ReadProof is [ReadProof] for a verifier, which remembers headers.
func (v *Verifier) ReadProof(proof, method, rawURL, token string, now time.Time) (jkt, id string, err error) {
	p, err := v.sessions.readProof(proof, method, rawURL, token, now)
	return p.jkt, p.id, err
}

// MaxSessions bounds the headers that are remembered.
const MaxSessions = maxSessions

// Sessions is how many headers are remembered.
func (v *Verifier) Sessions() int {
	return v.sessions.known.Len()
}
