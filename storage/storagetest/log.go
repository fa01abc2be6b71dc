package storagetest

import (
	"crypto/sha256"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

// padding stands for openings of nobody: several in one leaf.
const padding = storage.Nobody

func newLeaf(at time.Time, states ...comity.State) storage.Leaf {
	l := storage.Leaf{ID: comity.NewID(comity.KindLeaf), At: at, Index: -1}
	l.Hash = sha256.Sum256([]byte(l.ID))
	for i, s := range states {
		l.Openings = append(l.Openings, storage.Opening{State: s, Salt: [32]byte{byte(i), 31: 1}, Content: []byte(string(s) + string(l.ID))})
	}
	return l
}

func appendLeaf(t *testing.T, db storage.DB, l storage.Leaf) {
	t.Helper()
	write(t, db, func(tx storage.Tx) error { return tx.AppendLeaf(l) })
}

func logOfStates(t *testing.T, db storage.DB) {
	both, am := newLeaf(hours(1), padding, "KZ", padding, "AM"), newLeaf(hours(2), "AM", padding)
	both.Openings[1].Content = nil
	appendLeaf(t, db, both)
	appendLeaf(t, db, am)
	entry := func(l storage.Leaf, s comity.State) storage.LogEntry {
		e := storage.LogEntry{Leaf: l}
		e.Leaf.Openings = nil
		for _, o := range l.Openings {
			e.Commitments = append(e.Commitments, o.Commitment())
			if o.State == s {
				e.Leaf.Openings, e.Own = append(e.Leaf.Openings, o), o.Commitment()
			}
		}
		return e
	}
	for s, want := range map[comity.State][]storage.LogEntry{"AM": {entry(am, "AM"), entry(both, "AM")}, "KZ": {entry(both, "KZ")}, "BY": nil} {
		read(t, db, func(r storage.ReadTx) error {
			got, err := r.Log(s, storage.LogFilter{}, storage.Page{Limit: 9})
			if err != nil {
				return err
			}
			equal(t, "log of "+string(s), got, want)
			byID, err := r.LogByID(s, []comity.ID{both.ID, am.ID, "leaf1_x"})
			if err != nil {
				return err
			}
			wantByID := map[comity.ID]storage.LogEntry{}
			for _, e := range want {
				wantByID[e.Leaf.ID] = e
			}
			equal(t, "leaves of "+string(s)+" by id", byID, wantByID)
			return nil
		})
	}
	page := get(t, db, func(r storage.ReadTx) ([]storage.LogEntry, error) {
		return r.Log("AM", storage.LogFilter{}, storage.Page{Limit: 9, After: storage.Key{At: am.At, ID: am.ID}})
	})
	equal(t, "log after the newest", page, []storage.LogEntry{entry(both, "AM")})
	// An opening is bound by every part of it.
	o := both.Openings[1]
	for name, f := range map[string]func(*storage.Opening){"state": func(o *storage.Opening) { o.State = "AM" },
		"salt": func(o *storage.Opening) { o.Salt[31]++ }, "content": func(o *storage.Opening) { o.Content = []byte("x") }} {
		p := o
		f(&p)
		if p.Commitment() == o.Commitment() {
			t.Errorf("the commitment does not bind the %s", name)
		}
	}
}

// leafTwice: a leaf that exists fails its transaction, also where nobody asks what
// became of it, and is not taken for another row that exists.
func leafTwice(t *testing.T, db storage.DB) {
	l := newLeaf(noon, "AM")
	appendLeaf(t, db, l)
	key := storage.Idempotency{Issuer: "https://id.AM", Subject: "1", Mutation: "openCase", Key: "k", At: noon}
	for name, f := range map[string]func(storage.Tx) error{
		"committed":          func(tx storage.Tx) error { return tx.AppendLeaf(l) },
		"before another row": func(tx storage.Tx) error { return errors.Join(tx.AppendLeaf(l), tx.InsertIdempotency(key)) },
		"after another row":  func(tx storage.Tx) error { return errors.Join(tx.InsertIdempotency(key), tx.AppendLeaf(l)) },
		"and nobody is told": func(tx storage.Tx) error { _ = tx.AppendLeaf(l); return nil },
		"nor of another row": func(tx storage.Tx) error { _, _ = tx.AppendLeaf(l), tx.InsertIdempotency(key); return nil },
	} {
		if err := db.WriteAt(storage.AsSystem(t.Context()), noon, f); err == nil || errors.Is(err, storage.ErrExists) {
			t.Errorf("a leaf again, %s: %v", name, err)
		}
	}
	read(t, db, func(r storage.ReadTx) error {
		_, err := r.IdempotencyOf(key.Issuer, key.Subject, key.Mutation, key.Key)
		wantErr(t, "the row beside a leaf that exists", err, storage.ErrNotFound)
		return nil
	})
}

func sequenceOnce(t *testing.T, db storage.DB, limit, want int) {
	t.Helper()
	n, err := db.Sequence(t.Context(), limit, nil)
	if err != nil || n != want {
		t.Fatalf("sequenced %d, %v; want %d", n, err, want)
	}
}

// sequenced gives KZ's leaves by index, and fails unless the log has them all, each in
// its place, and no others.
func sequenced(t *testing.T, db storage.DB, want int) []storage.Leaf {
	t.Helper()
	entries := WantTree(t, db, int64(want))
	leaves := make([]storage.Leaf, want)
	for i, l := range placedOf(t, db, "KZ") {
		if i >= int64(want) || l.Hash != entries[i] {
			t.Fatalf("leaf %s is not at its place %d", l.ID, i)
		}
		leaves[i] = l
	}
	for i, l := range leaves {
		if l.ID == "" {
			t.Fatalf("at %d there is no leaf of KZ", i)
		}
	}
	return leaves
}

// placedOf gives a state's leaves that have a place, by it.
func placedOf(t *testing.T, db storage.DB, s comity.State) map[int64]storage.Leaf {
	t.Helper()
	placed := map[int64]storage.Leaf{}
	for _, e := range get(t, db, func(r storage.ReadTx) ([]storage.LogEntry, error) {
		return r.Log(s, storage.LogFilter{}, storage.Page{Limit: 100000})
	}) {
		if e.Leaf.Index < 0 {
			continue
		}
		if other, ok := placed[e.Leaf.Index]; ok {
			t.Fatalf("%s and %s have the place %d", e.Leaf.ID, other.ID, e.Leaf.Index)
		}
		placed[e.Leaf.Index] = e.Leaf
	}
	return placed
}

func sequence(t *testing.T, db storage.DB) {
	sequenceOnce(t, db, 10, 0)
	late, early, middle := newLeaf(hours(3), "KZ"), newLeaf(hours(1), "KZ"), newLeaf(hours(2), "KZ")
	for _, l := range []storage.Leaf{late, early, middle} {
		appendLeaf(t, db, l)
	}
	sequenceOnce(t, db, 2, 2)
	leaves := sequenced(t, db, 2)
	if leaves[0].ID != early.ID || leaves[1].ID != middle.ID {
		t.Error("not in the order of time")
	}
	// A leaf older by its clock comes after what was sequenced already, and is not lost.
	older := newLeaf(hours(-5), "KZ")
	appendLeaf(t, db, older)
	sequenceOnce(t, db, 10, 2)
	leaves = sequenced(t, db, 4)
	if leaves[2].ID != older.ID || leaves[3].ID != late.ID {
		t.Error("the waiting leaves are not in the order of time")
	}
	sequenceOnce(t, db, 10, 0)
}

// sequenceConcurrent has slow writers, whose leaves bear the time of their
// transaction's beginning, and several sequencers at once.
func sequenceConcurrent(t *testing.T, db storage.DB) {
	const writers, each = 4, 12
	var writing, sequencing sync.WaitGroup
	done := make(chan struct{})
	for w := range writers {
		writing.Go(func() {
			for range each {
				err := db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
					err := tx.AppendLeaf(newLeaf(tx.Now(), "KZ"))
					time.Sleep(time.Duration(w) * time.Millisecond)
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	total := make(chan int, 3)
	for range cap(total) {
		sequencing.Go(func() {
			sum := 0
			for last := false; ; {
				n, err := db.Sequence(t.Context(), 5, nil)
				if err != nil {
					t.Error(err)
				}
				sum += n
				if last && n == 0 {
					break
				}
				select {
				case <-done:
					last = true
				case <-time.After(time.Millisecond):
				}
			}
			total <- sum
		})
	}
	writing.Wait()
	close(done)
	sequencing.Wait()
	sum := 0
	for range cap(total) {
		sum += <-total
	}
	// One that gave way to another may have left a rest.
	for {
		n, err := db.Sequence(t.Context(), 100, nil)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
		sum += n
	}
	if sum != writers*each {
		t.Errorf("the sequencers report %d, want %d", sum, writers*each)
	}
	sequenced(t, db, writers*each)
}

// logFilters: the record of acts is found by what its leaves say of themselves,
// each state's by its own opening.
func logFilters(t *testing.T, db storage.DB) {
	var all []storage.Leaf
	for i := range 12 {
		l := newLeaf(hours(i/2), "KZ", "AM", padding)
		kz := &l.Openings[0].Facets
		kz.Act, kz.Outcome, kz.State, kz.Officer = []string{"read", "grantMake"}[i%2], []string{"READ", "DONE", "DENIED"}[i%3], "KZ", "KZ:a"
		if i%4 == 0 {
			kz.State, kz.Officer = "AM", "AM:b"
		}
		kz.Records = []string{"case1_x", "case1_x", "case1_y"}[:1+i%3]
		l.Openings[1].Facets = storage.Facets{Act: "read", Outcome: "READ", State: "AM", Officer: "AM:b"}
		appendLeaf(t, db, l)
		all = append(all, l)
	}
	about := func(f storage.Facets, record string) bool {
		for _, r := range f.Records {
			if r == record {
				return true
			}
		}
		return false
	}
	// Whether all wait for their place, some do, or none.
	for _, placed := range []int{0, 5, len(all)} {
		if placed > 0 {
			if _, err := db.Sequence(t.Context(), placed, nil); err != nil {
				t.Fatal(err)
			}
		}
		logFound(t, db, all, about)
	}
}

// logFound holds what is found of leaves against what they say of themselves.
func logFound(t *testing.T, db storage.DB, all []storage.Leaf, about func(storage.Facets, string) bool) {
	t.Helper()
	for name, c := range map[string]struct {
		f  storage.LogFilter
		of func(storage.Facets, time.Time) bool
	}{
		"act":     {storage.LogFilter{Act: "grantMake"}, func(f storage.Facets, _ time.Time) bool { return f.Act == "grantMake" }},
		"outcome": {storage.LogFilter{Outcome: "DENIED"}, func(f storage.Facets, _ time.Time) bool { return f.Outcome == "DENIED" }},
		"state":   {storage.LogFilter{State: "AM"}, func(f storage.Facets, _ time.Time) bool { return f.State == "AM" }},
		"officer": {storage.LogFilter{Officer: "KZ:a"}, func(f storage.Facets, _ time.Time) bool { return f.Officer == "KZ:a" }},
		"record":  {storage.LogFilter{Record: "case1_y"}, func(f storage.Facets, _ time.Time) bool { return about(f, "case1_y") }},
		"term": {storage.LogFilter{From: hours(1), Until: hours(4)}, func(_ storage.Facets, at time.Time) bool {
			return !at.Before(hours(1)) && at.Before(hours(4))
		}},
		"several": {storage.LogFilter{Act: "read", Outcome: "READ", State: "AM", Record: "case1_x", Until: hours(5)}, func(f storage.Facets, at time.Time) bool {
			return f.Act == "read" && f.Outcome == "READ" && f.State == "AM" && about(f, "case1_x") && at.Before(hours(5))
		}},
		"nothing": {storage.LogFilter{Act: "caseFile"}, func(storage.Facets, time.Time) bool { return false }},
	} {
		var want []storage.Key
		for _, l := range all {
			if c.of(l.Openings[0].Facets, l.At) {
				want = append(want, storage.Key{At: l.At, ID: l.ID})
			}
		}
		slices.SortFunc(want, newestFirst)
		for _, limit := range []int{1, 4, 50} {
			equal(t, name, pages(t, limit, func(p storage.Page) (keys []storage.Key) {
				for _, e := range get(t, db, func(r storage.ReadTx) ([]storage.LogEntry, error) { return r.Log("KZ", c.f, p) }) {
					keys = append(keys, storage.Key{At: e.Leaf.At, ID: e.Leaf.ID})
				}
				return keys
			}), want)
		}
	}
	for what, f := range map[string]storage.LogFilter{"alone": {Act: "grantMake"}, "beside its own": {Officer: "AM:b", Act: "grantMake"}} {
		if got := get(t, db, func(r storage.ReadTx) ([]storage.LogEntry, error) { return r.Log("AM", f, storage.Page{Limit: 99}) }); len(got) != 0 {
			t.Errorf("AM finds %d leaves by what only KZ reads of them, %s", len(got), what)
		}
	}
}
