package storagetest

import (
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

func newErasure(s comity.State, before, at time.Time) storage.Erasure {
	return storage.Erasure{Erasure: comity.Erasure{ID: comity.NewID(comity.KindErasure), State: s, Before: before, Status: comity.ErasureRunning,
		ProposedBy: comity.OfficerRef(s + ":au-1"), ApprovedBy: comity.OfficerRef(s + ":au-2"), CreatedAt: at}, Sealed: []byte("why")}
}

// erasures: each moves on until it is done, and no state finds another's.
func erasures(t *testing.T, db storage.DB) {
	old, e, theirs := newErasure("KZ", hours(-9), hours(0)), newErasure("KZ", hours(-8), hours(1)), newErasure("AM", hours(-8), hours(1))
	write(t, db, func(tx storage.Tx) error {
		for _, e := range []storage.Erasure{e, old, theirs} {
			if err := tx.InsertErasure(e); err != nil {
				return err
			}
		}
		wantErr(t, "the same again", tx.InsertErasure(e), storage.ErrExists)
		_, err := tx.LockErasure("erasure1_x")
		wantErr(t, "an absent one", err, storage.ErrNotFound)
		got, err := tx.LockErasure(e.ID)
		equal(t, "locked", got, e)
		return err
	})
	e.Past, e.Erased, e.Kept = storage.Key{At: hours(-10), ID: "leaf1_m"}, 7, 2
	write(t, db, func(tx storage.Tx) error { return tx.MoveErasure(e) })
	read(t, db, func(r storage.ReadTx) error {
		all, err := r.Erasures("KZ", 9)
		equal(t, "of a state", all, []storage.Erasure{e, old})
		one, err2 := r.Erasures("KZ", 1)
		equal(t, "the newest", one, []storage.Erasure{e})
		byID, err3 := r.ErasuresByID("KZ", []comity.ID{old.ID, theirs.ID, "erasure1_x"})
		equal(t, "by id", byID, map[comity.ID]storage.Erasure{old.ID: old})
		return first(err, err2, err3)
	})
	e.Status, e.DoneAt = comity.ErasureDone, hours(2)
	write(t, db, func(tx storage.Tx) error {
		if err := tx.MoveErasure(e); err != nil {
			return err
		}
		wantErr(t, "one that is done", tx.MoveErasure(e), storage.ErrConflict)
		return nil
	})
}

// faceted is a leaf with what its openings are found by.
func faceted(at time.Time, states ...comity.State) storage.Leaf {
	l := newLeaf(at, states...)
	for i := range l.Openings {
		l.Openings[i].Facets = storage.Facets{Act: "read", Outcome: "READ", State: "KZ", Officer: "KZ:li", Records: []string{"case1_" + string(l.ID)}}
	}
	return l
}

// eraseOpenings: content and salt are gone with all that found them, of that state
// alone, once, and only of leaves with a place. The commitments stay.
func eraseOpenings(t *testing.T, db storage.DB) {
	first, second, late := faceted(hours(-5), "KZ", "AM"), faceted(hours(-4), "KZ", padding), faceted(hours(1), "KZ")
	appendLeaf(t, db, second)
	appendLeaf(t, db, first)
	appendLeaf(t, db, late)
	sequenceOnce(t, db, 9, 3)
	waits := faceted(hours(-3), "KZ")
	appendLeaf(t, db, waits)
	e := newErasure("KZ", hours(0), hours(2))
	write(t, db, func(tx storage.Tx) error { return tx.InsertErasure(e) })

	var found []storage.LogEntry
	write(t, db, func(tx storage.Tx) (err error) {
		found, err = tx.OpeningsBefore("KZ", e.Before, storage.Key{}, 9)
		return err
	})
	if len(found) != 3 || found[0].Leaf.ID != first.ID || found[1].Leaf.ID != second.ID || found[2].Leaf.ID != waits.ID {
		t.Fatalf("before that instant there are %v", found)
	}
	write(t, db, func(tx storage.Tx) error {
		page, err := tx.OpeningsBefore("KZ", e.Before, storage.Key{At: first.At, ID: first.ID}, 1)
		equal(t, "the next", page, found[1:2])
		return err
	})
	for i := range found {
		found[i].Leaf.Openings[0].Facets = storage.Facets{Act: "read", Outcome: "READ", State: "KZ", Officer: "KZ:li", Records: []string{"case1_" + string(found[i].Leaf.ID)}}
	}
	erase := func(s comity.State, entries []storage.LogEntry) error {
		return db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error { return tx.EraseOpenings(s, entries, late.ID) })
	}
	wantErr(t, "what has no place yet", erase("KZ", found), storage.ErrConflict)
	wantErr(t, "what is not the state's", erase("BY", found[:2]), storage.ErrConflict)
	list := func(s comity.State, f storage.LogFilter) []storage.LogEntry {
		return get(t, db, func(r storage.ReadTx) ([]storage.LogEntry, error) { return r.Log(s, f, storage.Page{Limit: 9}) })
	}
	filters := []storage.LogFilter{{Act: "read"}, {Outcome: "READ"}, {State: "KZ"}, {Officer: "KZ:li"}, {Record: "case1_" + string(first.ID)}}
	for _, f := range filters {
		if all := list("KZ", f); len(all) == 0 || all[len(all)-1].Leaf.ID != first.ID {
			t.Fatalf("before it is erased %+v finds %v", f, all)
		}
	}
	theirs := list("AM", storage.LogFilter{})
	wantErr(t, "both", erase("KZ", found[:2]), nil)
	wantErr(t, "again", erase("KZ", found[:1]), storage.ErrConflict)
	write(t, db, func(tx storage.Tx) error {
		left, err := tx.OpeningsBefore("KZ", e.Before, storage.Key{}, 9)
		if len(left) != 1 || left[0].Leaf.ID != waits.ID {
			t.Errorf("left to erase are %v", left)
		}
		return err
	})

	all := list("KZ", storage.LogFilter{})
	if len(all) != 4 {
		t.Fatalf("%d entries are listed", len(all))
	}
	for _, is := range all[2:] {
		o, was := is.Leaf.Openings[0], found[0]
		if is.Leaf.ID == second.ID {
			was = found[1]
		}
		if o.ErasedBy != late.ID || len(o.Content) != 0 || o.Salt != [32]byte{} {
			t.Errorf("the erased opening is %+v", o)
		}
		if is.Own != was.Own || is.Leaf.Hash != was.Leaf.Hash || is.Leaf.Index != was.Leaf.Index {
			t.Errorf("of the leaf %+v is left %+v", was, is)
		}
		equal(t, "commitments", is.Commitments, was.Commitments)
	}
	for _, f := range filters {
		for _, is := range list("KZ", f) {
			if is.Leaf.Openings[0].ErasedBy != "" {
				t.Errorf("%+v finds what was erased", f)
			}
		}
	}
	// Every other state reads what it read before, of the same leaves.
	equal(t, "another state's", list("AM", storage.LogFilter{}), theirs)
	equal(t, "another state's, by its act", list("AM", storage.LogFilter{Act: "read"}), theirs)
}

// heldRecords: a hold binds its case and all that lies within, and while it lies.
func heldRecords(t *testing.T, db storage.DB) {
	c, free := fileCase(t, db, kzOwner, noon), fileCase(t, db, kzOwner, noon)
	g := newGrant(c, comity.Grantee{State: "AM"}, noon)
	entry := storage.Entry{Entry: comity.Entry{ID: comity.NewID(comity.KindEntry), Case: c.ID, State: "KZ", CreatedAt: noon}, Sealed: []byte("x")}
	other := entry
	other.ID, other.Case = comity.NewID(comity.KindEntry), free.ID
	h := storage.Hold{Hold: comity.Hold{ID: comity.NewID(comity.KindHold), Case: c.ID, State: "KZ", NotAfter: hours(9), CreatedAt: noon}, Sealed: []byte("x")}
	write(t, db, func(tx storage.Tx) error {
		for _, err := range []error{tx.InsertGrant(g), tx.InsertEntries([]storage.Entry{entry, other}), tx.InsertHold(h)} {
			if err != nil {
				return err
			}
		}
		ids := []comity.ID{c.ID, free.ID, entry.ID, other.ID, g.ID, h.ID, "case1_x", "KZ/manifest"}
		got, err := tx.HeldRecords("KZ", ids, hours(1))
		equal(t, "held", got, map[comity.ID]bool{c.ID: true, entry.ID: true, g.ID: true, h.ID: true})
		theirs, err2 := tx.HeldRecords("AM", ids, hours(1))
		equal(t, "of another state", theirs, map[comity.ID]bool{})
		over, err3 := tx.HeldRecords("KZ", ids, hours(9))
		equal(t, "once it ended", over, map[comity.ID]bool{})
		return first(err, err2, err3)
	})
}
