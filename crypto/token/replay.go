package token

import (
	"crypto/sha256"
	"sync"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
)

// The bounds of what is remembered. A full memory refuses rather than forgets:
// forgetting would let a proof be played again.
const (
	maxProofs       = 1 << 20          // by one process
	maxProofsPerKey = maxProofs / 4    // by one session key
	replayStep      = 15 * time.Second // grain of forgetting
)

// replays remembers the proofs of one process until they are no longer fresh.
// The verifier refuses what is dated before it was made, so that a restart
// forgets nothing. At another server of the exchange a proof can be used once
// more while it is fresh: there it meets the nonces of signed acts, which the
// database and the custodian take once over all servers, as the database does the
// proofs that open streams.
type replays struct {
	mu     sync.Mutex
	steps  map[int64]*replayed // by the step in which their proofs arrived
	total  int
	limit  int
	perKey int
}

type replayed struct {
	seen map[[16]byte]struct{}
	keys map[string]int
}

func newReplays() *replays {
	return &replays{steps: map[int64]*replayed{}, limit: maxProofs, perKey: maxProofsPerKey}
}

// Replayed is the error for a proof that was used before.
func Replayed() error {
	return refuse(invalidProof, "the DPoP proof was used before: every request needs a new one")
}

// use takes a proof once. now must be the instant at which it was found fresh:
// what is fresh then was signed at most Freshness later, and is stale
// 2 × Freshness from now.
func (r *replays) use(jkt, id string, now time.Time) error {
	sum := sha256.Sum256([]byte(jkt + "\x00" + id))
	var name [16]byte
	copy(name[:], sum[:])
	r.mu.Lock()
	defer r.mu.Unlock()
	step := now.UnixNano() / int64(replayStep)
	oldest := now.Add(-2*statement.Freshness-time.Second).UnixNano()/int64(replayStep) - 1
	byKey := 0
	for at, s := range r.steps {
		if at < oldest {
			r.total -= len(s.seen)
			delete(r.steps, at)
			continue
		}
		if _, again := s.seen[name]; again {
			return Replayed()
		}
		byKey += s.keys[jkt]
	}
	if r.total >= r.limit || byKey >= r.perKey {
		return &comity.Error{Code: comity.CodeLimit, Message: "too many requests within four minutes; wait a little and try again"}
	}
	s := r.steps[step]
	if s == nil {
		s = &replayed{seen: map[[16]byte]struct{}{}, keys: map[string]int{}}
		r.steps[step] = s
	}
	s.seen[name] = struct{}{}
	s.keys[jkt]++
	r.total++
	return nil
}
