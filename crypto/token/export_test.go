package token

import "context"

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
	v.verified.mu.Lock()
	defer v.verified.mu.Unlock()
	return len(v.verified.known)
}
