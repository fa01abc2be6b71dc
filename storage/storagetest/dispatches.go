package storagetest

import (
	"slices"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

// handed gives a dispatch of Armenia's to Kazakhstan about a case of the latter
// or, of referrals and notices, the other way round.
func handed(t *testing.T, db storage.DB, kind comity.DispatchKind, c storage.Case, at time.Time, change ...func(*storage.Dispatch)) storage.Dispatch {
	t.Helper()
	by, to := amInv, comity.State("KZ")
	switch kind {
	case comity.DispatchReferral:
		by, to = kzLiaison, "AM"
	case comity.DispatchNotice:
		by, to = kzLiaison, ""
	}
	d := storage.Dispatch{Dispatch: comity.Dispatch{ID: comity.NewID(kind.Kind()), Kind: kind, State: by.State, To: to, Agency: by.Agency, Officer: by.Ref(),
		Function: "Officer", Case: c.ID, Record: c.ID, Form: comity.Forms[kind][0], Category: "ransomware", Marking: comity.DefaultMarking,
		Status: comity.DispatchOpen, Version: 1, CreatedAt: at, DueAt: at.Add(10 * time.Hour)}, Sealed: []byte("sealed \x00")}
	if kind == comity.DispatchReferral {
		d.Record = ""
	}
	for _, f := range change {
		f(&d)
	}
	write(t, db, func(tx storage.Tx) error { return tx.InsertDispatch(d, "wrapped "+string(d.ID)) })
	return d
}

// listedDispatches are the ids of a list, and as many are counted.
func listedDispatches(t *testing.T, db storage.DB, o comity.Officer, at time.Time, f storage.DispatchFilter, p storage.Page) (ids []comity.ID) {
	t.Helper()
	read(t, db, func(r storage.ReadTx) error {
		all, err := r.ListDispatches(viewer(o, at), f, p)
		if err != nil {
			return err
		}
		ids = nil
		for _, d := range all {
			ids = append(ids, d.ID)
		}
		n, err := r.CountDispatches(viewer(o, at), f, 100)
		if p == whole && n != len(ids) {
			t.Errorf("%d are counted of %d", n, len(ids))
		}
		return err
	})
	return ids
}

var whole = storage.Page{Limit: 100}

// dispatchVisibility: who of either side finds which kind, by id and in lists
// alike, and nobody else does.
func dispatchVisibility(t *testing.T, db storage.DB) {
	c := fileCase(t, db, kzOwner, noon)
	another := fileCase(t, db, kzOwner, noon)
	write(t, db, func(tx storage.Tx) error { return tx.Disclose([]comity.DisclosureRecord{shown(amOther, another, 1)}) })
	for kind, want := range map[comity.DispatchKind][]comity.Officer{
		comity.DispatchAnnotation: {kzOwner, amInv, amLiaison},
		comity.DispatchReferral:   {kzLiaison, kzAuthority, amLiaison},
		comity.DispatchNotice:     {kzOwner, amInv, amLiaison},
		comity.DispatchCompelled:  {kzOwner, kzLiaison, kzAuthority, amInv, amLiaison},

		comity.DispatchUndertaking: {kzLiaison, kzAuthority, amInv, amLiaison},
	} {
		d := handed(t, db, kind, c, hours(1))
		if kind == comity.DispatchNotice {
			equal(t, "before anybody read", listedDispatches(t, db, amLiaison, noon, storage.DispatchFilter{Kind: kind}, whole), []comity.ID(nil))
			write(t, db, func(tx storage.Tx) error { return tx.Disclose([]comity.DisclosureRecord{shown(amInv, c, 1)}) })
		}
		for _, o := range []comity.Officer{kzOwner, kzOther, kzLiaison, kzAuthority, kzAuditor, amInv, amOther, amLiaison, byInv, byLiaison} {
			finds := slices.ContainsFunc(want, func(w comity.Officer) bool { return w == o })
			found := get(t, db, func(r storage.ReadTx) (map[comity.ID]storage.DispatchView, error) {
				return r.Dispatches(viewer(o, noon), []comity.ID{d.ID, comity.NewID(kind.Kind())})
			})
			listed := listedDispatches(t, db, o, noon, storage.DispatchFilter{Kind: kind}, whole)
			if (len(found) == 1) != finds || slices.Contains(listed, d.ID) != finds || len(listed) > 1 {
				t.Errorf("%s finds the %s: by id %v, in the list %v, want %v", o.Ref(), kind, len(found) == 1, listed, finds)
			}
			if v, ok := found[d.ID]; ok {
				equal(t, "the "+string(kind), v.Dispatch, d)
			}
		}
		keys := get(t, db, func(r storage.ReadTx) (map[comity.ID]map[comity.State]string, error) {
			return r.RecordKeys([]comity.ID{d.ID})
		})
		equal(t, "its key", keys[d.ID], map[comity.State]string{d.State: "wrapped " + string(d.ID)})
	}
}

func shown(o comity.Officer, c storage.Case, version int) comity.DisclosureRecord {
	return comity.DisclosureRecord{State: o.State, Agency: o.Agency, Officer: o.Ref(), Origin: c.State, Case: c.ID, Record: c.ID, Version: version,
		Grant: "grant1_a", At: noon}
}

// annotationsShown: what was accepted is shown with a case that is granted at
// full scope, unless its marking keeps it with the originator, or it is of an
// exhibit, of a person whom full scope leaves out, or of a reserved case.
func annotationsShown(t *testing.T, db storage.DB) {
	c := fileCase(t, db, kzOwner, noon)
	accepted := func(d *storage.Dispatch) { d.Status = comity.DispatchAccepted }
	note := handed(t, db, comity.DispatchAnnotation, c, hours(1), accepted)
	handed(t, db, comity.DispatchAnnotation, c, hours(2))
	for _, kept := range []comity.Marking{{TLP: comity.TLPRed, Handling: comity.H0}, {TLP: comity.TLPAmberStrict, Handling: comity.H0},
		{TLP: comity.TLPAmber, Handling: comity.H2}, {TLP: comity.TLPAmber, Handling: comity.H3}} {
		handed(t, db, comity.DispatchAnnotation, c, hours(3), accepted, func(d *storage.Dispatch) { d.Marking = kept })
	}
	suspect, victim, marked := newSubject(c, 1, comity.SubjectSuspect), newSubject(c, 2, comity.SubjectVictim), newSubject(c, 3, comity.SubjectSuspect)
	marked.Marking = red
	write(t, db, func(tx storage.Tx) error { return tx.InsertSubjects([]storage.Subject{suspect, victim, marked}) })
	var of []comity.ID
	for _, s := range []storage.Subject{suspect, victim, marked} {
		of = append(of, handed(t, db, comity.DispatchAnnotation, c, hours(2), accepted, func(d *storage.Dispatch) { d.Record = s.ID }).ID)
	}
	handed(t, db, comity.DispatchAnnotation, c, hours(4), accepted, func(d *storage.Dispatch) { d.Record = comity.NewID(comity.KindEvidence) })
	with := func(o comity.Officer) []comity.ID {
		return listedDispatches(t, db, o, hours(5), storage.DispatchFilter{Kind: comity.DispatchAnnotation, Case: c.ID, Shown: true}, whole)
	}
	equal(t, "without a grant", with(byInv), []comity.ID(nil))
	grant(t, db, fileCase(t, db, kzOwner, noon), comity.Grantee{State: "BY"}, noon, func(g *comity.Grant) { g.Scope = comity.ScopeFull })
	equal(t, "with a grant of another case", with(byInv), []comity.ID(nil))
	grant(t, db, c, comity.Grantee{State: "BY"}, noon)
	equal(t, "with a grant of exhibits", with(byInv), []comity.ID(nil))
	grant(t, db, c, comity.Grantee{State: "BY"}, noon, func(g *comity.Grant) { g.Scope = comity.ScopeFull })
	equal(t, "at full scope", with(byInv), []comity.ID{of[0], note.ID})
	equal(t, "in the own list", listedDispatches(t, db, byInv, hours(5), storage.DispatchFilter{Kind: comity.DispatchAnnotation}, whole), []comity.ID(nil))
	equal(t, "an auditor", with(officer("BY", "cyber", "ad-1", comity.RoleAuditor)), []comity.ID(nil))
	c.Reserved, c.Version = true, 2
	write(t, db, func(tx storage.Tx) error { return tx.UpdateCase(c, 1) })
	equal(t, "of a reserved case", with(byInv), []comity.ID(nil))
}

// dispatchLists narrow as they say, and go on where a page ended.
func dispatchLists(t *testing.T, db storage.DB) {
	c, other := fileCase(t, db, kzOwner, noon), fileCase(t, db, kzOwner, noon)
	first, second := handed(t, db, comity.DispatchCompelled, c, hours(1)), handed(t, db, comity.DispatchCompelled, other, hours(2))
	closed := handed(t, db, comity.DispatchCompelled, c, hours(3), func(d *storage.Dispatch) { d.Status = comity.DispatchObjected })
	fromBY := handed(t, db, comity.DispatchCompelled, c, hours(3), func(d *storage.Dispatch) { d.State, d.Agency, d.Officer = "BY", byInv.Agency, byInv.Ref() })
	handed(t, db, comity.DispatchAnnotation, c, hours(4)) // of another kind
	list := func(o comity.Officer, at int, f storage.DispatchFilter, p storage.Page) []comity.ID {
		f.Kind = comity.DispatchCompelled
		return listedDispatches(t, db, o, hours(at), f, p)
	}
	newest := []comity.ID{closed.ID, fromBY.ID}
	if closed.ID < fromBY.ID {
		slices.Reverse(newest)
	}
	equal(t, "newest first", list(kzOwner, 4, storage.DispatchFilter{}, whole), append(newest, second.ID, first.ID))
	equal(t, "the first page", list(kzOwner, 4, storage.DispatchFilter{}, storage.Page{Limit: 3}), append(newest, second.ID))
	equal(t, "the next page", list(kzOwner, 4, storage.DispatchFilter{}, storage.Page{Limit: 3, After: storage.Key{At: second.CreatedAt, ID: second.ID}}), []comity.ID{first.ID})
	equal(t, "of a case", list(kzOwner, 4, storage.DispatchFilter{Case: other.ID}, whole), []comity.ID{second.ID})
	equal(t, "of a record", list(kzOwner, 4, storage.DispatchFilter{Record: other.ID}, whole), []comity.ID{second.ID})
	equal(t, "with a state", list(kzOwner, 4, storage.DispatchFilter{State: "BY"}, whole), []comity.ID{fromBY.ID})
	equal(t, "made at home", list(kzOwner, 4, storage.DispatchFilter{Made: true}, whole), []comity.ID(nil))
	equal(t, "made by the grantee", list(amInv, 4, storage.DispatchFilter{Made: true}, whole), []comity.ID{closed.ID, second.ID, first.ID})
	equal(t, "received by the grantee", list(amInv, 4, storage.DispatchFilter{Received: true}, whole), []comity.ID(nil))
	equal(t, "that wait", list(amInv, 4, storage.DispatchFilter{Open: true}, whole), []comity.ID{second.ID, first.ID})
	equal(t, "when the first one's time is over", list(amInv, 11, storage.DispatchFilter{Open: true}, whole), []comity.ID{second.ID})

	offer := handed(t, db, comity.DispatchReferral, c, hours(1))
	of := storage.DispatchFilter{Kind: comity.DispatchReferral, Case: c.ID}
	equal(t, "a referral by its case at home", listedDispatches(t, db, kzLiaison, noon, of, whole), []comity.ID{offer.ID})
	equal(t, "and abroad, where the case is not told", listedDispatches(t, db, amLiaison, noon, of, whole), []comity.ID(nil))
}

// dispatchWrites: what waits is changed and answered once, and never out of turn.
func dispatchWrites(t *testing.T, db storage.DB) {
	c := fileCase(t, db, kzOwner, noon)
	offer, note := handed(t, db, comity.DispatchReferral, c, noon), handed(t, db, comity.DispatchAnnotation, c, noon)
	try := func(f func(storage.Tx) error) error { return db.Write(storage.AsSystem(t.Context()), f) }
	wantErr(t, "the same again", try(func(tx storage.Tx) error { return tx.InsertDispatch(offer, "w") }), storage.ErrExists)

	changed := offer
	changed.Version, changed.Category, changed.Marking.TLP, changed.DueAt, changed.Sealed = 2, "fraud", comity.TLPGreen, hours(20), []byte("other words")
	wantErr(t, "a change", try(func(tx storage.Tx) error { return tx.ChangeReferral(changed) }), nil)
	wantErr(t, "the same change", try(func(tx storage.Tx) error { return tx.ChangeReferral(changed) }), storage.ErrConflict)
	forward := changed
	forward.Version = 4
	wantErr(t, "a change that leaves one out", try(func(tx storage.Tx) error { return tx.ChangeReferral(forward) }), storage.ErrConflict)
	of := note
	of.Version = 2
	wantErr(t, "a change of an annotation", try(func(tx storage.Tx) error { return tx.ChangeReferral(of) }), storage.ErrConflict)

	for _, d := range []storage.Dispatch{changed, note} {
		answer := func(s comity.DispatchStatus) error {
			a := d
			a.Status, a.AnsweredBy, a.AnsweredAt, a.Answer, a.Answered = s, kzOwner.Ref(), hours(1), "case1_a", []byte("why")
			return try(func(tx storage.Tx) error { return tx.AnswerDispatch(a) })
		}
		wantErr(t, "an answer", answer(comity.DispatchAccepted), nil)
		wantErr(t, "a second", answer(comity.DispatchDeclined), storage.ErrConflict)
		d.Status, d.AnsweredBy, d.AnsweredAt, d.Answer, d.Answered = comity.DispatchAccepted, kzOwner.Ref(), hours(1), "case1_a", []byte("why")
		write(t, db, func(tx storage.Tx) error {
			got, err := tx.LockDispatch(d.ID)
			equal(t, "answered", got, d)
			return err
		})
	}
	changed.Version = 3
	wantErr(t, "a change of what was answered", try(func(tx storage.Tx) error { return tx.ChangeReferral(changed) }), storage.ErrConflict)
	wantErr(t, "an absent one", try(func(tx storage.Tx) error { _, err := tx.LockDispatch("notice1_x"); return err }), storage.ErrNotFound)
}

// noticesDelivered: a notice reaches each state that was shown an affected
// version, be it before or after, once; it is answered once by each.
func noticesDelivered(t *testing.T, db storage.DB) {
	c := fileCase(t, db, kzOwner, noon)
	disclose := func(all ...comity.DisclosureRecord) {
		t.Helper()
		write(t, db, func(tx storage.Tx) error { return tx.Disclose(all) })
	}
	disclose()
	disclose(shown(amInv, c, 1), shown(amInv, c, 1))
	disclose(shown(amInv, c, 1), shown(amInv, c, 2))
	disclose(shown(byInv, c, 3))
	n := handed(t, db, comity.DispatchNotice, c, hours(1), func(d *storage.Dispatch) { d.Through = 2 })
	deliver := func(id comity.ID) (to []comity.State) {
		write(t, db, func(tx storage.Tx) (err error) { to, err = tx.Deliver(id, hours(1), hours(11)); return err })
		return to
	}
	equal(t, "those that read a version up to 2", deliver(n.ID), []comity.State{"AM"})
	equal(t, "handed over again", deliver(n.ID), []comity.State(nil))
	readers := get(t, db, func(r storage.ReadTx) (map[comity.ID][]comity.DisclosureRecord, error) {
		return r.Disclosed("AM", []comity.ID{n.ID})
	})
	equal(t, "its readers, each version once", readers[n.ID], []comity.DisclosureRecord{shown(amInv, c, 1), shown(amInv, c, 2)})
	none := get(t, db, func(r storage.ReadTx) (map[comity.ID][]comity.DisclosureRecord, error) {
		return r.Disclosed("BY", []comity.ID{n.ID})
	})
	equal(t, "those of a later version", none[n.ID], []comity.DisclosureRecord(nil))

	late := shown(byLiaison, c, 2)
	late.At = hours(5)
	disclose(late)
	disclose(shown(byInv, fileCase(t, db, kzOwner, noon), 1)) // of another case
	readers = get(t, db, func(r storage.ReadTx) (map[comity.ID][]comity.DisclosureRecord, error) {
		return r.Disclosed("BY", []comity.ID{n.ID})
	})
	equal(t, "the readers of the other state", readers[n.ID], []comity.DisclosureRecord{late})
	reached := func(o comity.Officer) []storage.Delivery {
		return get(t, db, func(r storage.ReadTx) (map[comity.ID][]storage.Delivery, error) {
			return r.Deliveries(viewer(o, hours(6)), []comity.ID{n.ID})
		})[n.ID]
	}
	am := storage.Delivery{Delivery: comity.Delivery{Notice: n.ID, State: "KZ", To: "AM", Status: comity.DispatchOpen, DeliveredAt: hours(1), DueAt: hours(11)}}
	by := am
	by.To, by.DeliveredAt, by.DueAt = "BY", hours(5), hours(15) // as long as the others have
	equal(t, "where it was sent", reached(kzOwner), []storage.Delivery{am, by})
	equal(t, "where it was received", reached(amInv), []storage.Delivery(nil))
	for o, want := range map[comity.Officer]*storage.Delivery{kzOwner: nil, amInv: &am, byLiaison: &by} {
		views := get(t, db, func(r storage.ReadTx) (map[comity.ID]storage.DispatchView, error) {
			return r.Dispatches(viewer(o, hours(6)), []comity.ID{n.ID})
		})
		equal(t, "as "+string(o.Ref())+" finds it delivered", views[n.ID].Delivery, want)
	}

	am.Status, am.AnsweredBy, am.AnsweredAt, am.Answered = comity.DispatchDone, amLiaison.Ref(), hours(7), []byte("done")
	write(t, db, func(tx storage.Tx) error { return tx.AnswerDelivery(am) })
	equal(t, "answered", reached(kzOwner), []storage.Delivery{am, by})
	again := am
	again.Status = comity.DispatchNotDone
	wantErr(t, "answered again", db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error { return tx.AnswerDelivery(again) }), storage.ErrConflict)
	again.To = "RU"
	wantErr(t, "answered by whom it did not reach", db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error { return tx.AnswerDelivery(again) }), storage.ErrConflict)

	list := func(o comity.Officer, at int, f storage.DispatchFilter) int {
		f.Kind = comity.DispatchNotice
		return len(listedDispatches(t, db, o, hours(at), f, whole))
	}
	for what, got := range map[string][2]int{
		"that wait for Armenia":              {list(amLiaison, 8, storage.DispatchFilter{Open: true}), 0},
		"that wait for Belarus":              {list(byLiaison, 8, storage.DispatchFilter{Open: true}), 1},
		"that wait for any, at home":         {list(kzOwner, 8, storage.DispatchFilter{Open: true}), 1},
		"overdue in time":                    {list(kzOwner, 15, storage.DispatchFilter{Overdue: true}), 0},
		"overdue at home":                    {list(kzOwner, 16, storage.DispatchFilter{Overdue: true}), 1},
		"overdue in Belarus":                 {list(byLiaison, 16, storage.DispatchFilter{Overdue: true}), 1},
		"overdue in Armenia":                 {list(amLiaison, 16, storage.DispatchFilter{Overdue: true}), 0},
		"with Belarus":                       {list(kzOwner, 8, storage.DispatchFilter{State: "BY"}), 1},
		"with Belarus, in Armenia":           {list(amLiaison, 8, storage.DispatchFilter{State: "BY"}), 0},
		"with a state that it did not reach": {list(kzOwner, 8, storage.DispatchFilter{State: "RU"}), 0},
		"for who read no affected version":   {list(byInv, 8, storage.DispatchFilter{}), 0},
		"for who read one":                   {list(amInv, 8, storage.DispatchFilter{}), 1},
	} {
		if got[0] != got[1] {
			t.Errorf("notices %s: %d, want %d", what, got[0], got[1])
		}
	}
}
