package audit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/storagetest"
)

// onEngines runs a test on both engines.
func onEngines(t *testing.T, test func(*testing.T, storage.DB)) {
	t.Run("SQLite", func(t *testing.T) { test(t, exchangetest.SQLite(t, time.Now)) })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, exchangetest.Postgres(t, time.Now)) })
}

// write appends leaves in one transaction.
func write(ctx context.Context, db storage.DB, leaves ...storage.Leaf) error {
	return db.Write(storage.AsSystem(ctx), func(tx storage.Tx) error {
		for _, l := range leaves {
			if err := tx.AppendLeaf(l); err != nil {
				return err
			}
		}
		return nil
	})
}

// log reads everything that concerns a state.
func log(t *testing.T, db storage.DB, s comity.State) (entries []storage.LogEntry) {
	t.Helper()
	err := db.Read(storage.AsSystem(t.Context()), func(tx storage.ReadTx) (err error) {
		entries, err = tx.Log(s, storage.LogFilter{}, storage.Page{Limit: 1 << 20})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// checkLog verifies a state's part of a log: every leaf opens for it and has a place
// of its own, where the entry is that leaf. What is padded belongs to nobody.
func checkLog(entries []storage.LogEntry, log [][32]byte) error {
	taken := map[int64]bool{}
	for _, e := range entries {
		if _, err := audit.Open(e); err != nil {
			return err
		}
		at := e.Leaf.Index
		if taken[at] || at < 0 || at >= int64(len(log)) || log[at] != e.Leaf.Hash {
			return fmt.Errorf("the place %d is taken twice, is none or another leaf's", at)
		}
		taken[at] = true
	}
	return nil
}

// tree checks the whole tree and gives its leaves.
func tree(t *testing.T, db storage.DB) [][32]byte {
	t.Helper()
	return storagetest.WantTree(t, db, read(t, db, storage.ReadTx.LogHead).Size)
}

// read reads one answer.
func read[T any](t *testing.T, db storage.DB, f func(storage.ReadTx) (T, error)) (v T) {
	t.Helper()
	if err := db.Read(storage.AsSystem(t.Context()), func(tx storage.ReadTx) (err error) { v, err = f(tx); return err }); err != nil {
		t.Fatal(err)
	}
	return v
}

// start runs a publisher until the returned function ends it, which fails the
// test unless it ends without waiting for its next look.
func start(t *testing.T, p *audit.Publisher) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); p.Run(ctx) }()
	return func() {
		t.Helper()
		cancel()
		select {
		case <-done:
		case <-time.After(time.Minute):
			t.Fatal("the publisher does not end with its context")
		}
	}
}

// placed waits until a state's n leaves all have their places.
func placed(t *testing.T, db storage.DB, s comity.State, n int) []storage.LogEntry {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for {
		entries, waiting := log(t, db, s), 0
		for _, e := range entries {
			if e.Leaf.Index < 0 {
				waiting++
			}
		}
		if len(entries) == n && waiting == 0 {
			return entries
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d leaves are there, %d without a place", len(entries), n, waiting)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// TestPublisherConcurrent: two servers beside writers, of whom some are slow
// to commit: none is lost, and places are contiguous.
func TestPublisherConcurrent(t *testing.T) {
	onEngines(t, func(t *testing.T, db storage.DB) {
		key := newKey(t)
		stops := []func(){start(t, publisher(db, key, time.Millisecond)), start(t, publisher(db, key, time.Millisecond))}
		const writers, each = 6, 25
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					leaves, err := audit.Leaves(time.Now(), map[comity.State]audit.Content{"KZ": said("act"), "AM": said("act")})
					if err == nil {
						err = db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
							if err := tx.AppendLeaf(leaves[0]); err != nil {
								return err
							}
							if w == 0 && i%5 == 0 { // later leaves are placed meanwhile
								time.Sleep(20 * time.Millisecond)
							}
							return nil
						})
					}
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		entries := placed(t, db, "KZ", writers*each)
		for _, stop := range stops {
			stop()
		}
		all := tree(t, db)
		if err := checkLog(entries, all); err != nil {
			t.Error(err)
		}
		// What one state reads of another's leaves has the same places.
		if err := checkLog(log(t, db, "AM"), all); err != nil {
			t.Error(err)
		}
		// The check itself finds what was changed.
		entries[3].Leaf.Index, entries[4].Leaf.Index = entries[4].Leaf.Index, entries[3].Leaf.Index
		if checkLog(entries, all) == nil {
			t.Error("leaves in each other's places verify")
		}
	})
}

// sizes counts what each transaction places, and dies after some.
type sizes struct {
	storage.DB
	left   int
	placed []int
}

func (d *sizes) Sequence(ctx context.Context, limit int, pad func(int) int) (int, error) {
	if d.left--; d.left < 0 {
		return 0, errors.New("killed")
	}
	n, err := d.DB.Sequence(ctx, limit, pad)
	d.placed = append(d.placed, n)
	return n, err
}

// TestPublisherFull: no transaction places more than a batch and as many random
// leaves, and what a server that died left is filled up to the class of it all.
func TestPublisherFull(t *testing.T) {
	onEngines(t, func(t *testing.T, db storage.DB) {
		k := newKey(t)
		put(t, db, 1)
		if err := publisher(db, k, time.Hour).Publish(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, left := range []int{1, 2, 3, 1 << 30} { // of batches
			before := last(t, db)
			put(t, db, 2100) // of a class of 4,096
			dying := &sizes{DB: db, left: left}
			err := publisher(dying, k, time.Hour).Publish(t.Context())
			if dies := left < 1<<30; (err != nil) != dies || dies && last(t, db).Size != before.Size {
				t.Fatalf("after %d transactions: %v, a checkpoint of %d leaves", left, err, last(t, db).Size)
			}
			another := &sizes{DB: db, left: 1 << 30}
			if err := publisher(another, k, time.Hour).Publish(t.Context()); err != nil {
				t.Fatal(err)
			}
			grown := last(t, db).Size - before.Size
			if grown != 4096 && grown != 4096+4 { // a cover of the other's
				t.Errorf("killed after %d transactions, the log grew by %d leaves", left, grown)
			}
			for _, n := range append(dying.placed, another.placed...) {
				if n > 2000 {
					t.Errorf("one transaction placed %d leaves", n)
				}
			}
		}
		tree(t, db)
	})
}

// hanging is a database that does not answer.
type hanging struct{ storage.DB }

func (hanging) Read(ctx context.Context, _ func(storage.ReadTx) error) error {
	<-ctx.Done()
	return ctx.Err()
}

// TestPublisherHangs: a database that hangs shows as a fault.
func TestPublisherHangs(t *testing.T) {
	p := publisher(hanging{}, newKey(t), time.Millisecond)
	stop := start(t, p)
	defer stop()
	eventually(t, "it is a fault", func() bool { return errors.Is(p.Fault(), context.DeadlineExceeded) })
}

// TestPublisherBacklog: more than one batch is placed without waiting.
func TestPublisherBacklog(t *testing.T) {
	onEngines(t, func(t *testing.T, db storage.DB) {
		const n = 2100 // batches of 1,000
		leaves := make([]storage.Leaf, n)
		for i := range leaves {
			leaves[i] = leafOf(t, "KZ")
		}
		if err := write(t.Context(), db, leaves...); err != nil {
			t.Fatal(err)
		}
		stop := start(t, publisher(db, newKey(t), time.Hour))
		if err := checkLog(placed(t, db, "KZ", n), tree(t, db)); err != nil {
			t.Error(err)
		}
		stop() // though the next look is an hour away
	})
}

// away is a database that cannot be reached at first.
type away struct {
	storage.DB
	left atomic.Int32
}

func (d *away) Sequence(ctx context.Context, limit int, pad func(int) int) (int, error) {
	if d.left.Add(-1) >= 0 {
		return 0, comity.Unavailable("the database", errors.New("no route"))
	}
	return d.DB.Sequence(ctx, limit, pad)
}

// TestPublisherWaitsOut: leaves stand in the database until it answers again.
func TestPublisherWaitsOut(t *testing.T) {
	onEngines(t, func(t *testing.T, db storage.DB) {
		if err := write(t.Context(), db, leafOf(t, "KZ")); err != nil {
			t.Fatal(err)
		}
		broken := &away{DB: db}
		broken.left.Store(5)
		var said bytes.Buffer
		p := publisher(broken, newKey(t), time.Millisecond)
		p.Log = slog.New(slog.NewTextHandler(&said, nil))
		stop := start(t, p)
		entries := placed(t, db, "KZ", 1)
		stop()
		if err := checkLog(entries, tree(t, db)); err != nil {
			t.Error(err)
		}
		if strings.Count(said.String(), "the log waits") != 1 {
			t.Errorf("5 failures are in the server's log as:\n%s", &said)
		}
	})
}

// TestPublisherEnds: ending is no fault, also while the database is away.
func TestPublisherEnds(t *testing.T) {
	db := exchangetest.SQLite(t, time.Now)
	broken := &away{DB: db}
	broken.left.Store(1 << 30)
	var said bytes.Buffer
	p := publisher(broken, newKey(t), time.Hour)
	p.Log = slog.New(slog.NewTextHandler(&said, nil))
	stop := start(t, p)
	eventually(t, "it runs", func() bool { return p.Fault() != nil })
	stop()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	said.Reset()
	p.Run(ctx)
	if said.Len() != 0 {
		t.Errorf("an ended publisher complains: %s", &said)
	}
}

// onEach runs a test on both engines, with as many databases as it opens.
func onEach(t *testing.T, test func(*testing.T, func(*testing.T) storage.DB)) {
	t.Run("SQLite", func(t *testing.T) {
		test(t, func(t *testing.T) storage.DB { return exchangetest.SQLite(t, time.Now) })
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		test(t, func(t *testing.T) storage.DB { return exchangetest.Postgres(t, time.Now) })
	})
}
