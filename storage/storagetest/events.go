package storagetest

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

func newEvent(n int, kind comity.EventKind, record comity.ID) storage.Event {
	return storage.Event{ID: fmt.Sprintf("%s %d", record, n), At: noon.Add(time.Duration(n) * time.Second), State: "KZ", Kind: kind, Record: record}
}

// place gives waiting events their places.
func place(t *testing.T, db storage.DB) (n int) {
	t.Helper()
	write(t, db, func(tx storage.Tx) error {
		alone, err := tx.LockEvents()
		if err != nil || !alone {
			t.Fatalf("the events are locked: %v, %v", alone, err)
		}
		n, err = tx.PlaceEvents(100)
		return err
	})
	return n
}

func eventsAfter(t *testing.T, db storage.DB, seq int64) []storage.ToldEvent {
	t.Helper()
	return get(t, db, func(r storage.ReadTx) ([]storage.ToldEvent, error) { return r.EventsAfter(seq, 100) })
}

// eventRows: events wait, have places once, come in order, and are forgotten.
func eventRows(t *testing.T, db storage.DB) {
	c := comity.NewID(comity.KindCase)
	first, second, third := newEvent(1, comity.EventCaseChanged, c), newEvent(2, comity.EventCaseChanged, c), newEvent(3, comity.EventCaseChanged, c)
	first.Case, first.Listed = c, true
	write(t, db, func(tx storage.Tx) error { return tx.AppendEvents([]storage.Event{third, first}) })
	if all := eventsAfter(t, db, 0); len(all) > 0 {
		t.Errorf("events have places before they were given any: %v", all)
	}
	wait := func() bool { return get(t, db, storage.ReadTx.EventsWait) }
	if !wait() {
		t.Error("no event waits")
	}
	if n := place(t, db); n != 2 || wait() {
		t.Errorf("%d events had places given", n)
	}
	// Told again, and told late by its own time: it comes after what has its place.
	write(t, db, func(tx storage.Tx) error { return tx.AppendEvents([]storage.Event{first, second}) })
	if n := place(t, db); n != 1 {
		t.Errorf("%d events had places given, wanted that which is new", n)
	}
	if n := place(t, db); n != 0 {
		t.Errorf("%d events had places given anew", n)
	}
	var kept []storage.Event
	for i, e := range eventsAfter(t, db, 0) {
		if e.Seq != int64(i+1) {
			t.Errorf("event %d has the place %d", i, e.Seq)
		}
		e.Seq = 0
		kept = append(kept, e.Event)
	}
	equal(t, "events in order", kept, []storage.Event{first, third, second})
	if all := eventsAfter(t, db, 2); len(all) != 1 || all[0].ID != second.ID {
		t.Errorf("after the second: %v", all)
	}
	head := func() storage.EventHead { return get(t, db, storage.ReadTx.EventHead) }
	equal(t, "the head", head(), storage.EventHead{Seq: 3})
	write(t, db, func(tx storage.Tx) error {
		if err := tx.SweptEvents(hours(1)); err != nil {
			return err
		}
		n, err := tx.ForgetEvents(second.At, 2)
		if n != 1 {
			t.Errorf("%d events were forgotten, wanted the first alone", n)
		}
		return err
	})
	equal(t, "the head after forgetting", head(), storage.EventHead{Seq: 3, Forgotten: 1, Swept: hours(1)})
	if all := eventsAfter(t, db, 0); len(all) != 2 {
		t.Errorf("%d events are left", len(all))
	}
}

// eventsConcurrent: while many write and several place, each event has one place, and
// whoever reads on from the last it saw misses none.
func eventsConcurrent(t *testing.T, db storage.DB) {
	const writers, each = 4, 25
	done := make(chan struct{})
	var wrote, placing sync.WaitGroup
	for w := range writers {
		wrote.Go(func() {
			for i := range each {
				e := newEvent(i, comity.EventCaseChanged, comity.ID(fmt.Sprintf("case1_%d", w)))
				if err := db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error { return tx.AppendEvents([]storage.Event{e}) }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 2 {
		placing.Go(func() {
			for last := false; ; {
				err := db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
					if alone, err := tx.LockEvents(); err != nil || !alone {
						return err
					}
					_, err := tx.PlaceEvents(7)
					return err
				})
				if err != nil {
					t.Error(err)
				}
				if last {
					return
				}
				select {
				case <-done:
					last = !get(t, db, storage.ReadTx.EventsWait)
				default:
				}
			}
		})
	}
	var seen []string
	read := func() {
		at := int64(len(seen))
		for _, e := range eventsAfter(t, db, at) {
			if at++; e.Seq != at {
				t.Errorf("the place %d comes after %d", e.Seq, at-1)
			}
			seen = append(seen, e.ID)
		}
	}
	go func() { wrote.Wait(); close(done) }()
	for waiting := true; waiting; read() {
		select {
		case <-done:
			waiting = false
		default:
		}
	}
	placing.Wait()
	read()
	read()
	slices.Sort(seen)
	if n := len(slices.Compact(seen)); n != writers*each {
		t.Errorf("%d events were seen, wanted %d, each once", n, writers*each)
	}
}

// eventViewers: whom an event can concern is found by its record.
func eventViewers(t *testing.T, db storage.DB) {
	c := newCase(kzOwner, noon)
	g := newGrant(c, comity.Grantee{State: "AM"}, noon)
	q := newRequest(kzOwner, "AM", 0)
	q.RoutedTo = amInv.Agency
	p := newProposal(c.ID, comity.RoleAuthority, hours(1))
	write(t, db, func(tx storage.Tx) error {
		if err := tx.InsertCase(c, "w"); err != nil {
			return err
		}
		if err := tx.Assign(c.ID, string(kzOwner.Ref()), kzOwner.Ref()); err != nil {
			return err
		}
		if err := tx.InsertGrant(g); err != nil {
			return err
		}
		if err := tx.InsertProposal(p); err != nil {
			return err
		}
		return tx.InsertRequest(q, "w")
	})
	for name, x := range map[string]struct {
		e       storage.Event
		viewers []string
		of      comity.ID
	}{
		"a case at home":            {storage.Event{State: "KZ", Record: c.ID, Case: c.ID}, []string{string(kzOwner.Ref())}, c.ID},
		"a case abroad":             {storage.Event{Record: c.ID, Case: c.ID}, []string{"AM"}, c.ID},
		"a grant made":              {storage.Event{State: "KZ", Record: g.ID}, []string{"KZ#LIAISON", "KZ#AUTHORITY", "KZ#AUDITOR", string(kzOwner.Ref())}, c.ID},
		"a grant received":          {storage.Event{State: "AM", Record: g.ID}, []string{"AM"}, c.ID},
		"a request that was put":    {storage.Event{State: "KZ", Record: q.ID}, []string{"KZ#LIAISON", "KZ#AUTHORITY", string(kzOwner.Ref())}, ""},
		"a request that was routed": {storage.Event{State: "AM", Record: q.ID}, []string{"AM#LIAISON", "AM#AUTHORITY", string(amInv.Agency)}, ""},
		"a proposal":                {storage.Event{State: "KZ", Record: p.ID}, []string{"KZ#AUTHORITY"}, c.ID},
		"a dispatch":                {storage.Event{State: "AM", Record: "notice1_x"}, []string{"AM"}, ""},
		"a case that is not there":  {storage.Event{State: "AM", Record: "case1_x", Case: "case1_x"}, nil, "case1_x"},
	} {
		x.e.ID, x.e.At, x.e.Kind = name, noon, comity.EventCaseChanged
		before := get(t, db, storage.ReadTx.EventHead).Seq
		write(t, db, func(tx storage.Tx) error { return tx.AppendEvents([]storage.Event{x.e}) })
		place(t, db)
		all := eventsAfter(t, db, before)
		if len(all) != 1 {
			t.Fatalf("%s: %v", name, all)
		}
		equal(t, name+": viewers", all[0].Viewers, x.viewers)
		equal(t, name+": case", all[0].Case, x.of)
	}
}

// eventClocks: a clock that ran out is told once to each side, and none that was
// stopped, or has not run out.
func eventClocks(t *testing.T, db storage.DB) {
	c := newCase(kzOwner, noon)
	g := newGrant(c, comity.Grantee{State: "AM"}, noon)
	g.NotAfter = hours(2)
	q := newRequest(kzOwner, "AM", 0)
	q.Urgency, q.DueAt = comity.UrgencyUrgent, hours(8)
	p := newProposal(c.ID, comity.RoleLiaison, hours(-67)) // lapses after five hours
	decided := newProposal(c.ID, comity.RoleLiaison, hours(-67))
	write(t, db, func(tx storage.Tx) error {
		if err := tx.InsertCase(c, "w"); err != nil {
			return err
		}
		if err := tx.Assign(c.ID, string(kzOwner.Ref()), kzOwner.Ref()); err != nil {
			return err
		}
		if err := tx.InsertGrant(g); err != nil {
			return err
		}
		for _, p := range []storage.Proposal{p, decided} {
			if err := tx.InsertProposal(p); err != nil {
				return err
			}
		}
		if err := tx.DecideProposal(decided.ID, comity.ProposalApproved, kzOther.Ref(), noon, nil); err != nil {
			return err
		}
		return tx.InsertRequest(q, "w")
	})
	due := func(from, until time.Time) (all []string) {
		t.Helper()
		for _, e := range get(t, db, func(r storage.ReadTx) ([]storage.Event, error) { return r.ClocksRunOut(from, until, 10) }) {
			all = append(all, fmt.Sprintf("%s %s %s", e.Kind, e.State, e.At.Format("15")))
		}
		slices.Sort(all)
		return all
	}
	equal(t, "before", due(hours(0), hours(2).Add(-time.Microsecond)), []string(nil))
	want := []string{"GRANT_ENDED AM 14", "GRANT_ENDED KZ 14", "REQUEST_ESCALATED AM 14"}
	equal(t, "after two hours", due(hours(0), hours(2)), want)
	equal(t, "not those before", due(hours(2), hours(3)), []string(nil))
	write(t, db, func(tx storage.Tx) error {
		all, err := tx.ClocksRunOut(hours(0), hours(2), 10)
		if err != nil {
			return err
		}
		return tx.AppendEvents(all)
	})
	equal(t, "once", due(hours(0), hours(2)), []string(nil))
	equal(t, "later", due(hours(2), hours(9)), []string{"PROPOSAL_LAPSED KZ 17", "REQUEST_ESCALATED AM 16", "REQUEST_OVERDUE AM 20", "REQUEST_OVERDUE KZ 20"})
	write(t, db, func(tx storage.Tx) error {
		q.Status, q.Version = comity.RequestExecuted, q.Version+1
		return tx.UpdateRequest(q, q.Version-1)
	})
	equal(t, "answered", due(hours(2), hours(9)), []string{"PROPOSAL_LAPSED KZ 17"})
	if lapsed := get(t, db, func(r storage.ReadTx) ([]storage.Event, error) { return r.ClocksRunOut(hours(2), hours(9), 10) }); lapsed[0].Record != p.ID || lapsed[0].Case != c.ID {
		t.Errorf("what lapsed is %+v", lapsed[0])
	}
}
