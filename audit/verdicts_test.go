package audit_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/storage"
)

// tallied is a verifier that counts what it verifies.
type tallied struct {
	note.Verifier
	n *atomic.Int64
}

func (c tallied) Verify(msg, sig []byte) bool {
	c.n.Add(1)
	return c.Verifier.Verify(msg, sig)
}

// TestProveJudgesOnce: however many wait for a silent witness, a checkpoint is
// verified once for all of them; who wants another policy has a verdict of its own.
func TestProveJudgesOnce(t *testing.T) {
	onEngines(t, func(t *testing.T, db storage.DB) {
		k := newKey(t)
		own, other := newWitness(t, k, "own"), newWitness(t, k, "other")
		p := publisher(db, k, time.Hour, other)
		l := put(t, db, 1)[0]
		for range 8 {
			if err := p.Publish(t.Context()); err != nil {
				t.Fatal(err)
			}
			put(t, db, 1)
		}
		kept := read(t, db, func(tx storage.ReadTx) ([]storage.LogCheckpoint, error) { return tx.LogCheckpoints(1, 300) })
		if len(kept) != 8 {
			t.Fatalf("%d checkpoints", len(kept))
		}
		var verified atomic.Int64
		wanted := policy(k, 0, own)
		wanted.Log[0] = tallied{k.public, &verified}
		now := time.Now()
		_, _ = wanted.Open(kept[0].Signed, now)
		all := 8 * verified.Swap(0) // of these, each once
		prove := audit.NewProver(audit.ProverOptions{DB: db, Policy: func(comity.State) (verify.Policy, error) { return wanted, nil },
			Now: func() time.Time { return now }})
		inVain := func() {
			if _, err := prove.Prove(within(t, 2*time.Second), l.ID, "KZ"); err == nil || !strings.Contains(err.Error(), "the witness of KZ") {
				t.Errorf("without the own witness: %v", err)
			}
		}
		var waiting sync.WaitGroup
		for range 20 {
			waiting.Go(inVain)
		}
		waiting.Wait()
		if n := verified.Load(); n != all {
			t.Errorf("for 20 who wait, %d signatures were verified, wanted %d", n, all)
		}
		now = now.Add(2 * time.Second)
		if inVain(); verified.Load() != 2*all {
			t.Errorf("later %d were verified, wanted %d", verified.Load()-all, all)
		}
		wanted = policy(k, 0, other)
		if _, err := prove.Prove(t.Context(), l.ID, "KZ"); err != nil {
			t.Errorf("what another policy refuses: %v", err)
		}
	})
}

// TestProveAges: what is remembered of a checkpoint does not outlast its cosignatures'
// age, nor keep away one that is of the future no more.
func TestProveAges(t *testing.T) {
	k := newKey(t)
	onEngines(t, func(t *testing.T, db storage.DB) {
		w := newWitness(t, k, "w")
		w.ahead = 15 * time.Second
		l := put(t, db, 1)[0]
		if err := publisher(db, k, time.Hour, w).Publish(t.Context()); err != nil {
			t.Fatal(err)
		}
		began, after := time.Now(), time.Duration(0)
		prove := audit.NewProver(audit.ProverOptions{DB: db, Policy: func(comity.State) (verify.Policy, error) { return policy(k, 0, w), nil },
			Now: func() time.Time { return began.Add(after) }})
		for _, test := range []struct {
			after time.Duration
			holds bool
		}{{0, false}, {7 * time.Second, true}, {40 * time.Second, true}, {47 * time.Second, false}} {
			after = test.after
			_, err := prove.Prove(within(t, 2*time.Second), l.ID, "KZ")
			if holds := err == nil; holds != test.holds || err != nil && comity.CodeOf(err) != comity.CodeUnavailable {
				t.Errorf("after %s: %v", after, err)
			}
		}
	})
}
