package audit

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity-platform/comity/audit/verify"
)

const (
	// verdictFor is for how long it is remembered whether a checkpoint satisfies a
	// policy. Cosignatures age meanwhile, by far less than custodians leave.
	verdictFor = time.Second
	// maxVerdicts bounds what is remembered: all kept checkpoints for a dozen states.
	maxVerdicts = 4096
)

// verdicts remembers which checkpoints satisfy which policies, for all who wait for
// a proof: a state whose own witness is silent has many of them, and each would
// verify the same signatures whenever anything is stored.
type verdicts struct {
	mu sync.Mutex
	of map[judged]verdict
}

// judged is a policy and the signed bytes of a checkpoint, by their hashes.
type judged struct{ policy, signed [32]byte }

type verdict struct {
	at  time.Time
	err error
}

// open says why a checkpoint does not satisfy a policy, which is named by [policyHash].
func (v *verdicts) open(policy verify.Policy, hash [32]byte, signed []byte, now time.Time) error {
	key := judged{hash, sha256.Sum256(signed)}
	v.mu.Lock()
	defer v.mu.Unlock() // over the verification too, which others would do as well
	if known, ok := v.of[key]; ok && now.Sub(known.at).Abs() < verdictFor {
		return known.err
	}
	if v.of == nil || len(v.of) >= maxVerdicts {
		v.of = map[judged]verdict{}
	}
	_, err := policy.Open(signed, now)
	v.of[key] = verdict{now, err}
	return err
}

// policyHash tells policies apart by what they want, whoever made them.
func policyHash(p verify.Policy) [32]byte {
	var b strings.Builder
	keys := func(whose string, keys []note.Verifier) {
		fmt.Fprintf(&b, "\n%q", whose)
		for _, k := range keys {
			fmt.Fprintf(&b, " %q %d", k.Name(), k.KeyHash())
		}
	}
	fmt.Fprintf(&b, "%q %d %d", p.Origin, p.Need, p.MaxAge)
	keys("", p.Log)
	keys("", p.Own)
	for _, state := range slices.Sorted(maps.Keys(p.Others)) {
		keys(state, p.Others[state])
	}
	return sha256.Sum256([]byte(b.String()))
}
