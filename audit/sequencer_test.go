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

// checkChain verifies a whole log: every leaf opens for its state, has a place,
// and is linked to the one before.
func checkChain(entries []storage.LogEntry) error {
	byIndex := map[int64]storage.LogEntry{}
	for _, e := range entries {
		if _, err := audit.Open(e); err != nil {
			return err
		}
		if _, taken := byIndex[e.Leaf.Index]; taken || e.Leaf.Index < 0 {
			return fmt.Errorf("the place %d is taken twice or is none", e.Leaf.Index)
		}
		byIndex[e.Leaf.Index] = e
	}
	var chain [32]byte
	for i := range int64(len(entries)) {
		e, ok := byIndex[i]
		if !ok {
			return fmt.Errorf("the place %d is empty", i)
		}
		if chain = audit.Link(chain, i, e.Leaf.Hash); chain != e.Leaf.Chain {
			return fmt.Errorf("the chain is broken at %d", i)
		}
	}
	return nil
}

// start runs a sequencer until the returned function ends it, which fails the
// test unless it ends without waiting for its next look.
func start(t *testing.T, s audit.Sequencer) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); s.Run(ctx) }()
	return func() {
		t.Helper()
		cancel()
		select {
		case <-done:
		case <-time.After(time.Minute):
			t.Fatal("the sequencer does not end with its context")
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

// TestSequencerConcurrent: two sequencers beside writers, of whom some are slow
// to commit: none is lost, and places are contiguous.
func TestSequencerConcurrent(t *testing.T) {
	onEngines(t, func(t *testing.T, db storage.DB) {
		s := audit.Sequencer{DB: db, Every: time.Millisecond, Log: slog.New(slog.DiscardHandler)}
		stops := []func(){start(t, s), start(t, s)}
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
		if err := checkChain(entries); err != nil {
			t.Error(err)
		}
		// What one state reads of another's leaves is linked alike.
		if err := checkChain(log(t, db, "AM")); err != nil {
			t.Error(err)
		}
		// The check itself finds what was changed.
		entries[3].Leaf.Chain[0] ^= 1
		if checkChain(entries) == nil || checkChain(entries[1:]) == nil {
			t.Error("a changed and a shortened log verify")
		}
	})
}

// TestSequencerBacklog: more than one batch is placed without waiting.
func TestSequencerBacklog(t *testing.T) {
	onEngines(t, func(t *testing.T, db storage.DB) {
		const n = 2100 // batches of 1,000
		leaves := make([]storage.Leaf, n)
		for i := range leaves {
			leaves[i] = leafOf(t, "KZ")
		}
		if err := write(t.Context(), db, leaves...); err != nil {
			t.Fatal(err)
		}
		stop := start(t, audit.Sequencer{DB: db, Every: time.Hour, Log: slog.New(slog.DiscardHandler)})
		if err := checkChain(placed(t, db, "KZ", n)); err != nil {
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

func (d *away) Sequence(ctx context.Context, limit int, link storage.LinkFunc) (int, error) {
	if d.left.Add(-1) >= 0 {
		return 0, comity.Unavailable("the database", errors.New("no route"))
	}
	return d.DB.Sequence(ctx, limit, link)
}

// TestSequencerWaitsOut: leaves stand in the database until it answers again.
func TestSequencerWaitsOut(t *testing.T) {
	onEngines(t, func(t *testing.T, db storage.DB) {
		if err := write(t.Context(), db, leafOf(t, "KZ")); err != nil {
			t.Fatal(err)
		}
		broken := &away{DB: db}
		broken.left.Store(5)
		var said bytes.Buffer
		stop := start(t, audit.Sequencer{DB: broken, Every: time.Millisecond, Log: slog.New(slog.NewTextHandler(&said, nil))})
		entries := placed(t, db, "KZ", 1)
		stop()
		if err := checkChain(entries); err != nil {
			t.Error(err)
		}
		if n := strings.Count(said.String(), "sequencing waits"); n != 5 {
			t.Errorf("of 5 failures %d are in the server's log:\n%s", n, &said)
		}
	})
}

// TestSequencerEnds: ending is no fault, also while the database is away.
func TestSequencerEnds(t *testing.T) {
	db := exchangetest.SQLite(t, time.Now)
	broken := &away{DB: db}
	broken.left.Store(1 << 30)
	var said bytes.Buffer
	stop := start(t, audit.Sequencer{DB: broken, Every: time.Hour, Log: slog.New(slog.NewTextHandler(&said, nil))})
	time.Sleep(20 * time.Millisecond)
	stop()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	said.Reset()
	audit.Sequencer{DB: db, Every: time.Hour, Log: slog.New(slog.NewTextHandler(&said, nil))}.Run(ctx)
	if said.Len() != 0 {
		t.Errorf("an ended sequencer complains: %s", &said)
	}
}
