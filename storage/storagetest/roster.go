package storagetest

import (
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

// newShift is of a state's liaison, from one hour to another.
func newShift(s comity.State, from, until int) storage.Shift {
	return storage.Shift{Shift: comity.Shift{ID: comity.NewID(comity.KindShift), State: s, Officer: comity.OfficerRef(s + ":li"), Function: "Liaison officer",
		From: hours(from), Until: hours(until), SetBy: comity.OfficerRef(s + ":au"), CreatedAt: hours(from - 1)}, Sealed: []byte("line")}
}

// roster: shifts by their end, the one that covers an instant, and no other
// state's among them.
func roster(t *testing.T, db storage.DB) {
	over, now, next, gone, theirs := newShift("KZ", -8, 0), newShift("KZ", 0, 8), newShift("KZ", 8, 16), newShift("KZ", 0, 8), newShift("AM", 0, 24)
	write(t, db, func(tx storage.Tx) error {
		for _, s := range []storage.Shift{next, over, gone, now, theirs} {
			if err := tx.InsertShift(s, "key of "+string(s.ID)); err != nil {
				return err
			}
		}
		wantErr(t, "the same shift again", tx.InsertShift(now, "w"), storage.ErrExists)
		return tx.WithdrawShift(gone.ID, "KZ:au", hours(0))
	})
	gone.WithdrawnBy, gone.WithdrawnAt = "KZ:au", hours(0)
	again := func(id comity.ID) error {
		return db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error { return tx.WithdrawShift(id, "KZ:other", hours(1)) })
	}
	wantErr(t, "withdrawn again", again(gone.ID), storage.ErrNotFound)
	wantErr(t, "an absent one withdrawn", again("shift1_x"), storage.ErrNotFound)
	list := func(s comity.State, at time.Time, all bool, p storage.Page) []storage.Shift {
		return get(t, db, func(r storage.ReadTx) ([]storage.Shift, error) { return r.Shifts(s, at, all, p) })
	}
	page := storage.Page{Limit: 9}
	equal(t, "what stands", list("KZ", noon, false, page), []storage.Shift{now, next})
	equal(t, "at an end", list("KZ", hours(8), false, page), []storage.Shift{next})
	equal(t, "of another state", list("AM", noon, false, page), []storage.Shift{theirs})
	equal(t, "of none", list("BY", noon, true, page), []storage.Shift{})
	all := list("KZ", noon, true, page)
	if len(all) != 4 || all[0].ID != over.ID || all[3].ID != next.ID {
		t.Errorf("all shifts are %v", all)
	}
	var paged []storage.Shift
	for p := (storage.Page{Limit: 1}); ; {
		one := list("KZ", noon, true, p)
		if len(one) == 0 {
			break
		}
		paged = append(paged, one...)
		p.After = storage.Key{At: one[0].Until, ID: one[0].ID}
	}
	equal(t, "page by page", paged, all)
	for most, want := range map[int]int{9: 4, 3: 3} {
		if n := get(t, db, func(r storage.ReadTx) (int, error) { return r.CountShifts("KZ", noon, true, most) }); n != want {
			t.Errorf("counted %d up to %d", n, most)
		}
	}
	if n := get(t, db, func(r storage.ReadTx) (int, error) { return r.CountShifts("KZ", noon, false, 9) }); n != 2 {
		t.Errorf("%d stand", n)
	}
	read(t, db, func(r storage.ReadTx) error {
		for at, want := range map[time.Time]comity.ID{hours(-8): over.ID, noon: now.ID, hours(8).Add(-time.Microsecond): now.ID, hours(8): next.ID} {
			s, err := r.ShiftAt("KZ", at)
			if err != nil || s.ID != want || !s.Covers(at) {
				t.Errorf("at %v: %v %v, want %s", at, s.ID, err, want)
			}
		}
		for _, at := range []time.Time{hours(-9), hours(16)} {
			_, err := r.ShiftAt("KZ", at)
			wantErr(t, "where no shift covers", err, storage.ErrNotFound)
		}
		_, err := r.ShiftAt("BY", noon)
		wantErr(t, "of a state without a roster", err, storage.ErrNotFound)
		found, err := r.ShiftByID("KZ", gone.ID)
		equal(t, "a withdrawn one", found, gone)
		if err != nil {
			return err
		}
		_, err = r.ShiftByID("AM", gone.ID)
		wantErr(t, "another state's", err, storage.ErrNotFound)
		for stretch, want := range map[[2]int]bool{{-10, -8}: false, {-10, -7}: true, {7, 9}: true, {15, 99}: true, {16, 20}: false, {-99, 99}: true, {2, 3}: true} {
			is, err := r.Shifted("KZ", hours(stretch[0]), hours(stretch[1]))
			if err != nil || is != want {
				t.Errorf("overlap of %v: %v %v", stretch, is, err)
			}
		}
		is, err := r.Shifted("BY", hours(-99), hours(99))
		equal(t, "overlap in another state", is, false)
		return err
	})
	write(t, db, func(tx storage.Tx) error { return tx.WithdrawShift(next.ID, "KZ:au", hours(1)) })
	free := get(t, db, func(r storage.ReadTx) (bool, error) { return r.Shifted("KZ", hours(8), hours(16)) })
	equal(t, "where the one that was there is withdrawn", free, false)
}
