package storagetest

import (
	"slices"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

// newRequest is put by o to a state.
func newRequest(o comity.Officer, to comity.State, at int) storage.Request {
	return storage.Request{Request: comity.Request{ID: comity.NewID(comity.KindRequest), State: o.State, Agency: o.Agency, Officer: o.Ref(),
		To: to, Kind: comity.RequestAccess, Urgency: comity.UrgencyPrompt, Category: "ransomware", Purpose: comity.PurposeInvestigation,
		Status: comity.RequestSent, Marking: red, Version: 1, CreatedAt: hours(at), UpdatedAt: hours(at), DueAt: hours(at + 72)},
		Sealed: []byte("request")}
}

func insertRequest(t *testing.T, db storage.DB, r storage.Request) {
	t.Helper()
	write(t, db, func(tx storage.Tx) error { return tx.InsertRequest(r, "key of "+string(r.ID)) })
}

func requestRows(t *testing.T, db storage.DB) {
	q := newRequest(amInv, "KZ", 0)
	q.OnwardTo, q.Grant = "BY", "grant1_x"
	insertRequest(t, db, q)
	lock := func() (got storage.Request) {
		write(t, db, func(tx storage.Tx) (err error) { got, err = tx.LockRequest(q.ID); return err })
		return got
	}
	equal(t, "request", lock(), q)
	keys := get(t, db, func(r storage.ReadTx) (map[comity.ID]map[comity.State]string, error) {
		return r.RecordKeys([]comity.ID{q.ID})
	})
	equal(t, "its key", keys, map[comity.ID]map[comity.State]string{q.ID: {"AM": "key of " + string(q.ID)}})
	next := q
	next.RoutedTo, next.Urgency, next.Status, next.Ground, next.Marking = "KZ/cyber", comity.UrgencyUrgent, comity.RequestRefused, comity.GroundBurden, comity.DefaultMarking
	next.Version, next.UpdatedAt, next.DueAt, next.PostponedTo, next.Refusal = 2, hours(1), hours(8), hours(9), "refusal1_x"
	next.Sealed, next.SealedTo = []byte("sealed anew"), []byte("to")
	update := func(r storage.Request, expected int) error {
		return db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error { return tx.UpdateRequest(r, expected) })
	}
	wantErr(t, "update of another version", update(next, 2), storage.ErrConflict)
	skips := next
	skips.Version = 3
	wantErr(t, "update that skips a version", update(skips, 1), storage.ErrConflict)
	equal(t, "request after refused updates", lock(), q)
	if err := update(next, 1); err != nil {
		t.Fatal(err)
	}
	equal(t, "updated request", lock(), next)
	wantErr(t, "update of an absent request", update(newRequest(amInv, "KZ", 0), 0), storage.ErrNotFound)
	write(t, db, func(tx storage.Tx) error {
		wantErr(t, "the same request again", tx.InsertRequest(q, "w"), storage.ErrExists)
		return nil
	})
}

func requestVisibility(t *testing.T, db storage.DB) {
	q, routed := newRequest(amInv, "KZ", 0), newRequest(amInv, "KZ", 1)
	routed.RoutedTo = "KZ/cyber"
	insertRequest(t, db, q)
	insertRequest(t, db, routed)
	nobody := officer("KZ", "cyber", "x", comity.RoleInvestigator)
	nobody.Agency = "" // as RoutedTo is before routing
	for _, c := range []struct {
		o    comity.Officer
		want []comity.ID
	}{
		{amInv, []comity.ID{routed.ID, q.ID}}, {amLiaison, []comity.ID{routed.ID, q.ID}},
		{officer("AM", "police", "x", comity.RoleAuthority), []comity.ID{routed.ID, q.ID}},
		{officer("AM", "police", "x", comity.RoleAuditor), nil},
		{amOther, nil}, {kzLiaison, []comity.ID{routed.ID, q.ID}}, {kzAuthority, []comity.ID{routed.ID, q.ID}}, {kzAuditor, nil},
		{kzOwner, []comity.ID{routed.ID}}, {officer("KZ", "police", "x", comity.RoleInvestigator), nil}, {nobody, nil},
		{byInv, nil}, {byLiaison, nil},
	} {
		read(t, db, func(r storage.ReadTx) error {
			v := viewer(c.o, noon)
			m, err := r.Requests(v, []comity.ID{q.ID, routed.ID, "request1_absent"})
			if err != nil {
				return err
			}
			all, err := r.ListRequests(v, storage.RequestFilter{}, storage.Page{Limit: 9})
			if err != nil {
				return err
			}
			var listed []comity.ID
			for _, l := range all {
				listed = append(listed, l.ID)
				equal(t, "listed and read", l, m[l.ID])
			}
			equal(t, string(c.o.Ref())+" lists", listed, c.want)
			if len(m) != len(c.want) {
				t.Errorf("%s reads %d, want %d", c.o.Ref(), len(m), len(c.want))
			}
			n, err := r.CountRequests(v, storage.RequestFilter{}, 9)
			if n != len(c.want) {
				t.Errorf("%s counts %d, want %d", c.o.Ref(), n, len(c.want))
			}
			return err
		})
	}
}

func requestLists(t *testing.T, db storage.DB) {
	var all, in, out, closed, urgent, access, measures, open, overdue, escalated []storage.Key
	due := map[comity.ID]time.Time{}
	for i := range 17 {
		q := newRequest(amInv, "KZ", i/3)
		if i%3 == 0 {
			q = newRequest(kzOwner, "BY", i/3)
		}
		if i%4 == 0 {
			q.Status = comity.RequestClosed
		}
		if i%5 == 1 {
			q.Urgency, q.DueAt = comity.UrgencyUrgent, hours(-i)
		}
		if i%5 == 2 {
			q.Kind, q.Status, q.PostponedTo = comity.RequestMeasure, comity.RequestPostponed, hours(9-i)
		}
		due[q.ID] = q.DueAt
		insertRequest(t, db, q)
		k := storage.Key{At: q.UpdatedAt, ID: q.ID}
		all = append(all, k)
		if q.To == "KZ" {
			in = append(in, k)
		} else {
			out = append(out, k)
		}
		if q.Status == comity.RequestClosed {
			closed = append(closed, k)
		} else {
			open = append(open, k)
		}
		if q.Urgency == comity.UrgencyUrgent {
			urgent = append(urgent, k)
		}
		if q.Kind == comity.RequestMeasure {
			measures = append(measures, k)
		} else {
			access = append(access, k)
		}
		if q.Overdue(noon) {
			overdue = append(overdue, k)
		}
		if q.To == "KZ" && q.Escalation(noon) != nil {
			escalated = append(escalated, k)
		}
	}
	if len(overdue) < 3 || len(measures) < 3 || len(escalated) < 1 {
		t.Fatal("the suite's requests are too alike")
	}
	for _, c := range []struct {
		name string
		f    storage.RequestFilter
		want []storage.Key
	}{
		{"all", storage.RequestFilter{}, all}, {"incoming", storage.RequestFilter{Incoming: true}, in},
		{"outgoing", storage.RequestFilter{Outgoing: true}, out}, {"closed", storage.RequestFilter{Status: comity.RequestClosed}, closed},
		{"both", storage.RequestFilter{Incoming: true, Outgoing: true}, nil},
		{"urgent", storage.RequestFilter{Urgency: comity.UrgencyUrgent}, urgent}, {"for access", storage.RequestFilter{Kind: comity.RequestAccess}, access},
		{"for measures", storage.RequestFilter{Kind: comity.RequestMeasure}, measures}, {"open", storage.RequestFilter{Open: true}, open},
		{"overdue", storage.RequestFilter{Overdue: true}, overdue}, {"escalated", storage.RequestFilter{Escalated: true}, escalated}, {"with AM", storage.RequestFilter{State: "AM"}, in},
		{"with BY", storage.RequestFilter{State: "BY"}, out}, {"with the own state", storage.RequestFilter{State: "KZ"}, nil},
	} {
		slices.SortFunc(c.want, newestFirst)
		for _, limit := range []int{1, 4, 50} {
			equal(t, c.name, pages(t, limit, func(p storage.Page) (keys []storage.Key) {
				for _, q := range get(t, db, func(r storage.ReadTx) ([]storage.Request, error) {
					return r.ListRequests(viewer(kzLiaison, noon), c.f, p)
				}) {
					keys = append(keys, storage.Key{At: q.UpdatedAt, ID: q.ID})
				}
				return keys
			}), c.want)
		}
		for _, most := range []int{0, 3, 1000} {
			n := get(t, db, func(r storage.ReadTx) (int, error) { return r.CountRequests(viewer(kzLiaison, noon), c.f, most) })
			if n != min(most, len(c.want)) {
				t.Errorf("%s: counted %d up to %d, want %d", c.name, n, most, min(most, len(c.want)))
			}
		}
		byDue := make([]storage.Key, 0, len(c.want))
		for _, k := range c.want {
			byDue = append(byDue, storage.Key{At: due[k.ID], ID: k.ID})
		}
		slices.SortFunc(byDue, func(a, b storage.Key) int { return newestFirst(b, a) })
		f := c.f
		f.ByDue = true
		for _, limit := range []int{1, 4, 50} {
			got := pages(t, limit, func(p storage.Page) (keys []storage.Key) {
				for _, q := range get(t, db, func(r storage.ReadTx) ([]storage.Request, error) {
					return r.ListRequests(viewer(kzLiaison, noon), f, p)
				}) {
					keys = append(keys, storage.Key{At: q.DueAt, ID: q.ID})
				}
				return keys
			})
			equal(t, c.name+" by what is due", append([]storage.Key{}, got...), byDue)
		}
	}
}

func messages(t *testing.T, db storage.DB) {
	q := newRequest(amInv, "KZ", 0)
	insertRequest(t, db, q)
	var all []storage.Message
	for i := range 3 {
		all = append(all, storage.Message{Message: comity.Message{ID: comity.NewID(comity.KindMessage), Request: q.ID, State: "AM",
			Author: amInv.Ref(), Function: "Officer", CreatedAt: hours(i)}, Sealed: []byte("message")})
	}
	refusal := comity.Refusal{ID: comity.NewID(comity.KindRefusal), Request: q.ID, State: "KZ", Ground: comity.GroundNotStated, Statement: "eyJ", CreatedAt: noon}
	write(t, db, func(tx storage.Tx) error {
		for _, m := range all {
			if err := tx.InsertMessage(m); err != nil {
				return err
			}
		}
		wantErr(t, "the same message again", tx.InsertMessage(all[0]), storage.ErrExists)
		return tx.InsertRefusal(refusal)
	})
	read(t, db, func(r storage.ReadTx) error {
		m, err := r.Messages([]comity.ID{q.ID}, storage.Page{Limit: 2})
		equal(t, "messages", m, map[comity.ID][]storage.Message{q.ID: all[:2]})
		if err != nil {
			return err
		}
		m, err = r.Messages([]comity.ID{q.ID}, storage.Page{Limit: 2, After: storage.Key{At: all[1].CreatedAt, ID: all[1].ID}})
		equal(t, "messages after the second", m, map[comity.ID][]storage.Message{q.ID: all[2:]})
		if err != nil {
			return err
		}
		byID, err := r.MessagesByID([]comity.ID{all[1].ID})
		equal(t, "messages by id", byID, map[comity.ID]storage.Message{all[1].ID: all[1]})
		if err != nil {
			return err
		}
		f, err := r.Refusals([]comity.ID{refusal.ID, q.ID})
		equal(t, "refusals", f, map[comity.ID]comity.Refusal{refusal.ID: refusal})
		return err
	})
}
