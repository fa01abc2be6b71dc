package audit_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/storage"
)

// watched is a database that counts what a publisher does with it.
type watched struct {
	storage.DB
	reads, sequences atomic.Int64
}

func (d *watched) Read(ctx context.Context, f func(storage.ReadTx) error) error {
	defer d.reads.Add(1)
	return d.DB.Read(ctx, f)
}

func (d *watched) Sequence(ctx context.Context, limit int, pad func(int) int) (int, error) {
	d.sequences.Add(1)
	return d.DB.Sequence(ctx, limit, pad)
}

// TestPublisherLeads: of several servers the one that published last goes on alone,
// cover included; another steps in when something waits for long, or when the log
// stands still.
func TestPublisherLeads(t *testing.T) {
	test := func(t *testing.T, open func(now func() time.Time) storage.DB) {
		var later atomic.Int64
		db := open(func() time.Time { return time.Now().Add(time.Duration(later.Load())) })
		k := newKey(t)
		first := publisher(db, k, time.Hour)
		second, third := &watched{DB: db}, &watched{DB: db}
		// leaves waits until a running server leaves the log to another for 200 beats.
		leaves := func(name string, on *watched, another func()) {
			eventually(t, name+" leaves the log to another", func() bool {
				another()
				looked, placed := on.reads.Load(), on.sequences.Load()
				eventually(t, name+" looks", func() bool { return on.reads.Load() > looked+200 })
				return on.sequences.Load() <= placed+1 // what was begun
			})
		}
		stop := start(t, publisher(second, k, time.Millisecond))
		leads := func() {
			put(t, db, 1)
			if err := first.Publish(t.Context()); err != nil { // and does nothing by itself
				t.Fatal(err)
			}
			early := leafOf(t, "KZ")
			early.At = time.Now().Add(time.Hour) // it has not waited yet
			if err := write(t.Context(), db, early); err != nil {
				t.Fatal(err)
			}
		}
		leaves("the second", second, leads)
		before := last(t, db).Size
		l := put(t, db, 1)[0]
		eventually(t, "the second steps in for what waits", func() bool { return last(t, db).Size > before })
		if at, err := index(t, db, l); err != nil || at < before {
			t.Errorf("what waited is at %d: %v", at, err)
		}
		before = second.sequences.Load()
		eventually(t, "the second goes on", func() bool { return second.sequences.Load() > before+100 })
		stopThird := start(t, publisher(third, k, time.Millisecond))
		defer stopThird()
		leaves("the third", third, leads) // it or the second went on
		stop()
		later.Store(int64(time.Minute))
		before = last(t, db).Size
		eventually(t, "the third goes on with the cover", func() bool { return last(t, db).Size > before })
	}
	t.Run("SQLite", func(t *testing.T) {
		test(t, func(now func() time.Time) storage.DB { return exchangetest.SQLite(t, now) })
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		test(t, func(now func() time.Time) storage.DB { return exchangetest.Postgres(t, now) })
	})
}

// way is how one server reaches a witness.
type way struct {
	*witness
	shut  bool
	asked atomic.Int64
}

func (w *way) Cosign(ctx context.Context, old int64, proof [][32]byte, signed []byte) ([]byte, error) {
	if w.asked.Add(1); w.shut {
		return nil, errors.New("no route")
	}
	return w.witness.Cosign(ctx, old, proof, signed)
}

// unable is a server's key that does not sign.
type unable struct{ key }

func (unable) Sign([]byte) ([]byte, error) { return nil, errors.New("sealed") }

// TestPublishNeglectedWitness: a witness that the server which publishes does not
// reach is asked by another, again and again, and the witnesses that it reaches are not.
func TestPublishNeglectedWitness(t *testing.T) {
	k := newKey(t)
	onEngines(t, func(t *testing.T, db storage.DB) {
		own, far := newWitness(t, k, "own"), newWitness(t, k, "far")
		leads, helps := publisher(db, k, 100*time.Millisecond), publisher(db, k, 100*time.Millisecond)
		helps.Signer = unable{k} // so that it never leads
		ownHelped, farHelped := &way{witness: own}, &way{witness: far}
		leads.Witnesses = func() []audit.Cosigner { return []audit.Cosigner{own, &way{witness: far, shut: true}} }
		helps.Witnesses = func() []audit.Cosigner { return []audit.Cosigner{ownHelped, farHelped} }
		ctx, cancel := context.WithCancel(t.Context())
		var writing sync.WaitGroup
		defer writing.Wait()
		defer cancel()
		writing.Go(func() {
			for ctx.Err() == nil {
				l := leafOf(t, "KZ")
				l.At = time.Now()
				if err := write(ctx, db, l); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
				time.Sleep(20 * time.Millisecond)
			}
		})
		put(t, db, 1)
		if err := leads.Publish(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, p := range []*audit.Publisher{leads, helps} {
			stop := start(t, p)
			defer stop()
		}
		want := policy(k, 1, own, far, newWitness(t, k, "x"))
		met := map[int64]storage.LogCheckpoint{}
		eventually(t, "the far witness cosigned two checkpoints, sooner than it is neglected again", func() bool {
			for _, c := range read(t, db, func(tx storage.ReadTx) ([]storage.LogCheckpoint, error) { return tx.LogCheckpoints(1, 300) }) {
				if _, err := want.Open(c.Signed, time.Now()); err == nil {
					met[c.Size] = c
				}
			}
			for _, a := range met {
				for _, b := range met {
					if apart := b.At.Sub(a.At); apart > 0 && apart < 2500*time.Millisecond {
						return true
					}
				}
			}
			return false
		})
		if a, b := ownHelped.asked.Load(), farHelped.asked.Load(); a >= b {
			t.Errorf("it asks the witness that is reached %d times, and the neglected one %d times", a, b)
		}
	})
}
