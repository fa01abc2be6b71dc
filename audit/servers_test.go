package audit_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

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
		put(t, db, 1)
		if err := publisher(db, k, time.Hour).Publish(t.Context()); err != nil { // and is heard of no more
			t.Fatal(err)
		}
		second, third := &watched{DB: db}, &watched{DB: db}
		// idle runs a server, which leaves the log to another.
		idle := func(name string, on *watched) (stop func()) {
			stop = start(t, publisher(on, k, time.Millisecond))
			eventually(t, name+" looks", func() bool { return on.reads.Load() > 200 })
			if n := on.sequences.Load(); n > 0 {
				t.Errorf("%s places something %d times, though another leads", name, n)
			}
			return stop
		}
		early := leafOf(t, "KZ")
		early.At = early.At.Add(time.Hour) // it has not waited yet
		if err := write(t.Context(), db, early); err != nil {
			t.Fatal(err)
		}
		stop := idle("the second", second)
		before := last(t, db).Size
		l := put(t, db, 1)[0]
		eventually(t, "the second steps in for what waits", func() bool { return last(t, db).Size > before })
		if at, err := index(t, db, l); err != nil || at < before {
			t.Errorf("what waited is at %d: %v", at, err)
		}
		before = second.sequences.Load()
		eventually(t, "the second goes on", func() bool { return second.sequences.Load() > before+100 })
		stopThird := idle("the third", third)
		defer stopThird()
		stop()
		later.Store(int64(time.Minute))
		before = last(t, db).Size
		eventually(t, "the third goes on with the cover", func() bool { return last(t, db).Size > before })
		if third.sequences.Load() == 0 {
			t.Error("somebody else did")
		}
	}
	t.Run("SQLite", func(t *testing.T) {
		test(t, func(now func() time.Time) storage.DB { return exchangetest.SQLite(t, now) })
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		test(t, func(now func() time.Time) storage.DB { return exchangetest.Postgres(t, now) })
	})
}
