package storagetest

import (
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

// reservations: a category is reserved once at a time, and its running grants end.
func reservations(t *testing.T, db storage.DB) {
	r := storage.Reservation{Reservation: comity.Reservation{ID: comity.NewID(comity.KindReservation), State: "KZ", Category: "ransomware",
		Officer: kzAuthority.Ref(), CreatedAt: noon}, Sealed: []byte("sealed \x00")}
	in, other, abroad := fileCase(t, db, kzOwner, noon), fileCase(t, db, kzOwner, noon), fileCase(t, db, amInv, noon)
	other.Category, other.Version = "fraud", 2
	write(t, db, func(tx storage.Tx) error { return tx.UpdateCase(other, 1) })
	running, pending := grant(t, db, in, comity.Grantee{State: "AM"}, noon), grant(t, db, in, comity.Grantee{State: "BY"}, noon, func(g *comity.Grant) {
		g.Status = comity.GrantPending
	})
	kept, theirs := grant(t, db, other, comity.Grantee{State: "AM"}, noon), grant(t, db, abroad, comity.Grantee{State: "BY"}, noon)
	write(t, db, func(tx storage.Tx) error {
		wantErr(t, "insert", tx.InsertReservation(r, "wrapped"), nil)
		wantErr(t, "the same again", tx.InsertReservation(r, "wrapped"), storage.ErrExists)
		twice := r
		twice.ID = comity.NewID(comity.KindReservation)
		wantErr(t, "the category again", tx.InsertReservation(twice, "wrapped"), storage.ErrExists)
		ended, err := tx.EndGrantsOf("KZ", "ransomware", hours(1))
		got := map[comity.ID]bool{}
		for _, g := range ended {
			got[g.ID] = true
		}
		equal(t, "grants that ended", got, map[comity.ID]bool{running.ID: true, pending.ID: true})
		return err
	})
	for id, want := range map[comity.ID]comity.GrantStatus{running.ID: comity.GrantEnded, pending.ID: comity.GrantEnded,
		kept.ID: comity.GrantActive, theirs.ID: comity.GrantActive} {
		if g := lockedGrant(t, db, id); g.Status != want {
			t.Errorf("a grant is %s, want %s", g.Status, want)
		}
	}
	if n := len(list(t, db, amInv, hours(1), storage.CaseFilter{Granted: true}, storage.Page{Limit: 9})); n != 1 {
		t.Errorf("abroad %d cases are listed, want the one of another category", n)
	}
	read(t, db, func(tx storage.ReadTx) error {
		all, err := tx.Reservations("KZ")
		equal(t, "reservations", all, []storage.Reservation{r})
		keys, err2 := tx.RecordKeys([]comity.ID{r.ID})
		equal(t, "its key", keys[r.ID], map[comity.State]string{"KZ": "wrapped"})
		none, err3 := tx.Reservations("AM")
		equal(t, "another state's", none, []storage.Reservation{})
		return first(err, err2, err3)
	})
	reserved := func(s comity.State, c comity.Category) bool {
		return get(t, db, func(tx storage.ReadTx) (bool, error) { return tx.CategoryReserved(s, c) })
	}
	if !reserved("KZ", "ransomware") || reserved("KZ", "fraud") || reserved("AM", "ransomware") {
		t.Error("other categories are reserved than that one")
	}
	write(t, db, func(tx storage.Tx) error {
		wantErr(t, "lift", tx.LiftReservation(r.ID, hours(2)), nil)
		wantErr(t, "lift again", tx.LiftReservation(r.ID, hours(3)), storage.ErrNotFound)
		wantErr(t, "lift another", tx.LiftReservation(comity.NewID(comity.KindReservation), hours(3)), storage.ErrNotFound)
		return nil
	})
	r.LiftedAt = hours(2)
	equal(t, "lifted", get(t, db, func(tx storage.ReadTx) ([]storage.Reservation, error) { return tx.Reservations("KZ") }), []storage.Reservation{r})
	if reserved("KZ", "ransomware") {
		t.Error("a lifted reservation is in force")
	}
	anew := r
	anew.ID, anew.LiftedAt, anew.CreatedAt = comity.NewID(comity.KindReservation), time.Time{}, hours(4)
	write(t, db, func(tx storage.Tx) error { return tx.InsertReservation(anew, "w") })
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// holds: found at home by who finds the case, and by nobody else.
func holds(t *testing.T, db storage.DB) {
	c, hidden := fileCase(t, db, kzOwner, noon), fileCase(t, db, kzOther, noon)
	request := comity.NewID(comity.KindRequest)
	h := storage.Hold{Hold: comity.Hold{ID: comity.NewID(comity.KindHold), Case: c.ID, State: "KZ", Officer: kzAuthority.Ref(), CreatedAt: noon},
		Sealed: []byte("why")}
	p := h
	p.ID, p.Request, p.NotAfter, p.CreatedAt = comity.NewID(comity.KindHold), request, hours(5), hours(1)
	x := h
	x.ID, x.Case, x.CreatedAt = comity.NewID(comity.KindHold), hidden.ID, hours(2)
	write(t, db, func(tx storage.Tx) error {
		wantErr(t, "the same again", first(tx.InsertHold(h), tx.InsertHold(p), tx.InsertHold(x), tx.InsertHold(h)), storage.ErrExists)
		return nil
	})
	listed := func(o comity.Officer, at int, f storage.HoldFilter, page storage.Page) []storage.Hold {
		return get(t, db, func(tx storage.ReadTx) ([]storage.Hold, error) { return tx.ListHolds(viewer(o, hours(at)), f, page) })
	}
	all := storage.Page{Limit: 9}
	equal(t, "the owner's", listed(kzOwner, 2, storage.HoldFilter{}, all), []storage.Hold{p, h})
	equal(t, "the first page", listed(kzOwner, 2, storage.HoldFilter{}, storage.Page{Limit: 1}), []storage.Hold{p})
	equal(t, "the next page", listed(kzOwner, 2, storage.HoldFilter{}, storage.Page{Limit: 1, After: storage.Key{At: p.CreatedAt, ID: p.ID}}), []storage.Hold{h})
	equal(t, "for the request", listed(kzOwner, 2, storage.HoldFilter{Request: request}, all), []storage.Hold{p})
	equal(t, "lying", listed(kzOwner, 5, storage.HoldFilter{Lying: true}, all), []storage.Hold{h})
	equal(t, "of another case", listed(kzOwner, 2, storage.HoldFilter{Case: hidden.ID}, all), []storage.Hold{})
	for _, o := range []comity.Officer{kzLiaison, kzAuthority, amInv, amLiaison} {
		equal(t, "who does not find the case", listed(o, 2, storage.HoldFilter{}, all), []storage.Hold{})
	}
	read(t, db, func(tx storage.ReadTx) error {
		ids := []comity.ID{h.ID, x.ID, comity.NewID(comity.KindHold)}
		found, err := tx.Holds(viewer(kzOwner, noon), ids)
		equal(t, "by id", found, map[comity.ID]storage.Hold{h.ID: h})
		none, err2 := tx.Holds(viewer(amInv, noon), ids)
		equal(t, "abroad", none, map[comity.ID]storage.Hold{})
		return first(err, err2)
	})
	held := func(at int) bool {
		return get(t, db, func(tx storage.ReadTx) (bool, error) { return tx.Held(c.ID, hours(at)) })
	}
	preserved := func(id comity.ID, at int) bool {
		return get(t, db, func(tx storage.ReadTx) (bool, error) { return tx.Preserved(id, hours(at)) })
	}
	if !preserved(request, 4) || preserved(comity.NewID(comity.KindRequest), 4) {
		t.Error("what is preserved for a request is not told")
	}
	if preserved(request, 5) {
		t.Error("a hold that has ended preserves for a request")
	}
	write(t, db, func(tx storage.Tx) error {
		locked, err := tx.LockHold(h.ID)
		equal(t, "locked", locked, h)
		wantErr(t, "lock", err, nil)
		_, err = tx.LockHold(comity.NewID(comity.KindHold))
		wantErr(t, "lock none", err, storage.ErrNotFound)
		wantErr(t, "release", tx.ReleaseHold(h.ID, kzAuthority.Ref(), hours(3)), nil)
		wantErr(t, "release again", tx.ReleaseHold(h.ID, kzAuthority.Ref(), hours(4)), storage.ErrNotFound)
		return nil
	})
	h.ReleasedBy, h.ReleasedAt = kzAuthority.Ref(), hours(3)
	if !preserved(request, 4) {
		t.Error("the release of another hold ends what is preserved")
	}
	equal(t, "released", listed(kzOwner, 2, storage.HoldFilter{}, all), []storage.Hold{p, h})
	if !held(4) || held(5) {
		t.Error("a hold ends otherwise than at its end")
	}
	write(t, db, func(tx storage.Tx) error { return tx.ReleaseHold(p.ID, kzLiaison.Ref(), hours(3)) })
	if preserved(request, 4) {
		t.Error("a hold that was released preserves for a request")
	}
}

func withdrawals(t *testing.T, db storage.DB) {
	c := fileCase(t, db, kzOwner, noon)
	w := storage.Withdrawal{Withdrawal: comity.Withdrawal{ID: comity.NewID(comity.KindWithdrawal), Case: c.ID, State: "KZ", ProposedBy: kzAuthority.Ref(),
		ApprovedBy: "KZ:au-2", DueAt: hours(72), Status: comity.WithdrawalPending, CreatedAt: noon}, Sealed: []byte("why")}
	again := w
	again.ID = comity.NewID(comity.KindWithdrawal)
	write(t, db, func(tx storage.Tx) error {
		wantErr(t, "insert", tx.InsertWithdrawal(w), nil)
		wantErr(t, "a second of the case", tx.InsertWithdrawal(again), storage.ErrExists)
		return nil
	})
	withdrawing := func() bool {
		return get(t, db, func(tx storage.ReadTx) (bool, error) { return tx.Withdrawing(c.ID) })
	}
	if !withdrawing() {
		t.Error("a pending withdrawal is not told")
	}
	end := func(id comity.ID, s comity.WithdrawalStatus, want error) {
		t.Helper()
		write(t, db, func(tx storage.Tx) error {
			wantErr(t, "end", tx.EndWithdrawal(id, s, "KZ:au-2", hours(1)), want)
			return nil
		})
	}
	end(w.ID, comity.WithdrawalCancelled, nil)
	end(w.ID, comity.WithdrawalDone, storage.ErrNotFound)
	if withdrawing() {
		t.Error("a cancelled withdrawal is pending")
	}
	again.CreatedAt = hours(1)
	write(t, db, func(tx storage.Tx) error { return tx.InsertWithdrawal(again) })
	end(again.ID, comity.WithdrawalDone, nil)
	w.Status, w.EndedBy, w.EndedAt = comity.WithdrawalCancelled, "KZ:au-2", hours(1)
	again.Status, again.EndedBy, again.EndedAt, again.Sealed = comity.WithdrawalDone, "KZ:au-2", hours(1), nil
	read(t, db, func(tx storage.ReadTx) error {
		all, err := tx.ListWithdrawals(viewer(kzOwner, noon), "", storage.Page{Limit: 9})
		equal(t, "listed", all, []storage.Withdrawal{again, w})
		one, err2 := tx.ListWithdrawals(viewer(kzOwner, noon), comity.NewID(comity.KindCase), storage.Page{Limit: 9})
		equal(t, "of another case", one, []storage.Withdrawal{})
		found, err3 := tx.Withdrawals(viewer(kzOwner, noon), []comity.ID{w.ID})
		equal(t, "by id", found, map[comity.ID]storage.Withdrawal{w.ID: w})
		none, err4 := tx.Withdrawals(viewer(amInv, noon), []comity.ID{w.ID})
		equal(t, "abroad", none, map[comity.ID]storage.Withdrawal{})
		return first(err, err2, err3, err4)
	})
	write(t, db, func(tx storage.Tx) error {
		locked, err := tx.LockWithdrawal(w.ID)
		equal(t, "locked", locked, w)
		return err
	})
}
