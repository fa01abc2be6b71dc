package witness_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/audit/witness"
)

// TestTwoViews: an operator with the log's key may show each of seven states'
// witnesses one of two logs, in whatever division. Where the states ask for more
// than half of the witnesses, never are two of them content with two logs; with
// one less, they are.
func TestTwoViews(t *testing.T) {
	log, keys := newTree(t)
	log.grow(9)
	views := []*tree{log.grow(10), log.fork(9).grow(10)}
	const states = 7
	var verifiers [states][]note.Verifier
	var lines [states][2][]byte // by which log the witness went on with
	for s := range states {
		for on := range views {
			dir := t.TempDir()
			key, err := witness.Make(t.Context(), dir, origin, fmt.Sprintf("comity/witness/union.test/%d-%d", s, on))
			must(t, err)
			w, err := witness.Open(witness.Config{Dir: dir, Origin: origin, Log: func() []note.Verifier { return keys }, Key: key, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
			must(t, err)
			_, err = w.Cosign(t.Context(), 0, nil, log.signed(9))
			must(t, err)
			lines[s][on], err = w.Cosign(t.Context(), 9, views[on].proof(9, 10), views[on].signed(10))
			must(t, err)
			if line, err := w.Cosign(t.Context(), 9, views[1-on].proof(9, 10), views[1-on].signed(10)); err == nil {
				t.Fatalf("a witness cosigns both: %s", line)
			}
			verifiers[s] = append(verifiers[s], w.Keys()...)
		}
	}
	// content reports whether a state, which is shown a log, takes it.
	content := func(s, on, need, division int) bool {
		policy := verify.Policy{Origin: origin, Log: keys, Own: verifiers[s], Others: map[string][]note.Verifier{}, Need: need}
		signed := bytes.Clone(views[on].signed(10))
		for other := range states {
			if other != s {
				policy.Others[fmt.Sprint(other)] = verifiers[other]
			}
			if division>>other&1 == on {
				signed = append(signed, lines[other][on]...)
			}
		}
		_, err := policy.Open(signed, time.Now())
		return err == nil
	}
	both := map[int]int{}
	for _, need := range []int{2, 3} {
		for division := range 1 << states {
			if content(0, 0, need, division) && content(1, 1, need, division) {
				both[need]++
			}
		}
	}
	if both[3] != 0 {
		t.Errorf("own and three others are more than half of seven, and in %d divisions two states are content with two logs", both[3])
	}
	if both[2] == 0 {
		t.Error("own and two others are less than half of seven, and nobody is misled: this test sees nothing")
	}
}
