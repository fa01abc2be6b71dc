package audit_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/storage"
)

func prover(db storage.DB, p verify.Policy, stored func() <-chan struct{}) *audit.Prover {
	return audit.NewProver(audit.ProverOptions{DB: db, Stored: stored, Policy: func(comity.State) (verify.Policy, error) { return p, nil }})
}

// within bounds how long a proof is waited for.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// TestProve: a leaf is proved to the state that it opens for, in trees of many sizes,
// with what the state's own policy takes.
func TestProve(t *testing.T) {
	onEngines(t, func(t *testing.T, db storage.DB) {
		k := newKey(t)
		a, b, c := newWitness(t, k, "a"), newWitness(t, k, "b"), newWitness(t, k, "c")
		p := publisher(db, k, time.Hour, a, b, c)
		prove := prover(db, policy(k, 1, a, b, c), p.Stored)
		var leaves []storage.Leaf
		for _, n := range []int{1, 7, 300, 1} {
			leaves = append(leaves, put(t, db, n)...)
			if err := p.Publish(t.Context()); err != nil {
				t.Fatal(err)
			}
			for i := 0; i < len(leaves); i += 1 + len(leaves)/5 {
				l := leaves[i]
				proof, err := prove.Prove(t.Context(), l.ID, "KZ")
				if err != nil {
					t.Fatal(err)
				}
				strict := policy(k, 1, a, b, c)
				strict.MaxAge = time.Minute
				seen, err := proof.Check(strict, time.Now())
				if err != nil || seen.Size != last(t, db).Size || proof.Opening.Leaf != l.Hash || proof.Opening.State != "KZ" {
					t.Errorf("%+v, %v", seen, err)
				}
				proof.Opening.Index++
				if _, err := proof.Check(strict, time.Now()); err == nil {
					t.Error("it proves another place too")
				}
			}
		}
		// To a state that it does not open for, nothing is proved, and nothing of what is not there.
		if _, err := prove.Prove(t.Context(), leaves[0].ID, "AM"); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("for another state: %v", err)
		}
		if _, err := prove.Prove(t.Context(), comity.NewID(comity.KindLeaf), "KZ"); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("of no leaf: %v", err)
		}
	})
}

// TestProveAtOnce: who waits has the proof as soon as enough witnesses cosigned,
// though another takes long, also where another server publishes.
func TestProveAtOnce(t *testing.T) {
	onEngines(t, func(t *testing.T, db storage.DB) {
		k := newKey(t)
		own, quick, slow := newWitness(t, k, "own"), newWitness(t, k, "quick"), newWitness(t, k, "slow")
		slow.delay = 4 * time.Second
		p := publisher(db, k, 50*time.Millisecond, own, quick, slow)
		here, elsewhere := prover(db, policy(k, 1, own, quick, slow), p.Stored), prover(db, policy(k, 1, own, quick, slow), nil)
		stop := start(t, p)
		defer stop()
		for name, prove := range map[string]*audit.Prover{"this server": here, "another server": elsewhere} {
			var took []time.Duration
			for range 10 {
				l, began := put(t, db, 1)[0], time.Now()
				proof, err := prove.Prove(within(t, 3*time.Second), l.ID, "KZ")
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if _, err := proof.Check(policy(k, 1, own, quick, slow), time.Now()); err != nil {
					t.Errorf("%s: %v", name, err)
				}
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			t.Logf("%s: median %s, longest %s", name, took[5], took[9])
			if took[5] > time.Second {
				t.Errorf("%s publishes: the median is %s", name, took[5])
			}
		}
	})
}

// TestProveMissing: when witnesses stay away it says whose, and no foreign one is
// indispensable.
func TestProveMissing(t *testing.T) {
	k := newKey(t)
	gone := func([]byte) ([]byte, error) { return nil, errors.New("away") }
	onEngines(t, func(t *testing.T, db storage.DB) {
		own, b, c := newWitness(t, k, "own"), newWitness(t, k, "BY"), newWitness(t, k, "AM")
		p := publisher(db, k, 20*time.Millisecond, own, b, c)
		prove := prover(db, policy(k, 2, own, b, c), p.Stored) // of which one less is wanted
		l := put(t, db, 1)[0]
		_, err := prove.Prove(within(t, 100*time.Millisecond), l.ID, "KZ")
		if comity.CodeOf(err) != comity.CodeUnavailable || !strings.Contains(err.Error(), "the log") {
			t.Errorf("nobody publishes: %v", err)
		}
		stop := start(t, p)
		defer stop()
		for _, test := range []struct {
			name string
			away []*witness
			want string
		}{{"own", []*witness{own}, "the witness of KZ"}, {"both others", []*witness{b, c}, "AM, BY"}, {"one other", []*witness{b}, ""}} {
			for _, w := range []*witness{own, b, c} {
				w.set(func() {
					if w.answer = nil; slices.Contains(test.away, w) {
						w.answer = gone
					}
				})
			}
			for range 2 { // what was cosigned meanwhile is over
				l = put(t, db, 1)[0]
				_, err = prove.Prove(within(t, 1500*time.Millisecond), l.ID, "KZ")
			}
			switch {
			case test.want == "" && err != nil:
				t.Errorf("%s away: %v", test.name, err)
			case test.want != "" && (comity.CodeOf(err) != comity.CodeUnavailable || !strings.Contains(err.Error(), test.want)):
				t.Errorf("%s away: %v, wanted that it names %s", test.name, err, test.want)
			}
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := prove.Prove(ended, l.ID, "KZ"); !errors.Is(err, context.Canceled) {
			t.Errorf("who went away is told %v", err)
		}
	})
}

// TestProveFresh: in a quiet log, old cosignatures are renewed, so that a proof has
// fresh ones.
func TestProveFresh(t *testing.T) {
	k := newKey(t)
	onEngines(t, func(t *testing.T, db storage.DB) {
		w := newWitness(t, k, "w")
		w.ahead = -40 * time.Second // what it cosigned first is as old as that
		l := put(t, db, 1)[0]
		if err := publisher(db, k, time.Hour, w).Publish(t.Context()); err != nil {
			t.Fatal(err)
		}
		prove := prover(db, policy(k, 0, w), nil)
		if _, err := prove.Prove(within(t, 200*time.Millisecond), l.ID, "KZ"); comity.CodeOf(err) != comity.CodeUnavailable {
			t.Errorf("under a cosignature that is 40 seconds old: %v", err)
		}
		w.set(func() { w.ahead = 0 })
		before := last(t, db)
		for range 5 { // a cover would be cosigned afresh in any case
			if err := publisher(db, k, time.Hour, w).Publish(t.Context()); err != nil {
				t.Fatal(err)
			}
			if last(t, db).Size == before.Size {
				break
			}
			before = last(t, db)
		}
		if _, err := prove.Prove(t.Context(), l.ID, "KZ"); err != nil || signatures(t, last(t, db)) != 2 {
			t.Errorf("it is not renewed, or beside the old one: %v", err)
		}
	})
}

// TestProveUnderOlder: where a witness that is wanted cosigns some checkpoints only, and
// never the last one, the proof is under one that it did.
func TestProveUnderOlder(t *testing.T) {
	k := newKey(t)
	onEngines(t, func(t *testing.T, db storage.DB) {
		own, slow := newWitness(t, k, "own"), newWitness(t, k, "slow")
		slow.delay = 300 * time.Millisecond
		p := publisher(db, k, 20*time.Millisecond, own, slow)
		stop := start(t, p)
		defer stop()
		ctx, cancel := context.WithCancel(t.Context())
		var writing sync.WaitGroup
		writing.Go(func() {
			for ctx.Err() == nil {
				if err := write(ctx, db, leafOf(t, "KZ")); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
				time.Sleep(5 * time.Millisecond)
			}
		})
		l := put(t, db, 1)[0]
		wanted := policy(k, 1, own, slow, newWitness(t, k, "x"))
		proof, err := prover(db, wanted, p.Stored).Prove(t.Context(), l.ID, "KZ")
		cancel()
		writing.Wait()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := proof.Check(wanted, time.Now()); err != nil {
			t.Error(err)
		}
	})
}
