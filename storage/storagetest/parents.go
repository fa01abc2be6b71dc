package storagetest

import (
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

// parents: the case of a record is told to who may find that case now, by each part
// of the rule, and to nobody else.
func parents(t *testing.T, db storage.DB) {
	toArmenia := comity.Grantee{State: "AM"}
	for what, x := range map[string]struct {
		to      comity.Grantee
		change  func(*comity.Grant)
		reserve bool
		finds   bool
	}{
		"granted":                    {to: toArmenia, finds: true},
		"granted to the agency":      {to: comity.Grantee{State: "AM", Agency: amInv.Agency}, finds: true},
		"granted to the officer":     {to: comity.Grantee{State: "AM", Agency: amInv.Agency, Officer: amInv.Ref()}, finds: true},
		"granted to another state":   {to: comity.Grantee{State: "BY"}},
		"granted to another agency":  {to: comity.Grantee{State: "AM", Agency: amOther.Agency}},
		"granted to another officer": {to: comity.Grantee{State: "AM", Agency: amInv.Agency, Officer: amOther.Ref()}},
		"revoked":                    {to: toArmenia, change: func(g *comity.Grant) { g.Status, g.EndedAt, g.Version = comity.GrantRevoked, hours(1), 2 }},
		"not begun":                  {to: toArmenia, change: func(g *comity.Grant) { g.NotBefore = hours(3) }},
		"over":                       {to: toArmenia, change: func(g *comity.Grant) { g.NotAfter = hours(2) }},
		"not in force yet":           {to: toArmenia, change: func(g *comity.Grant) { g.Status = comity.GrantPending }},
		"reserved":                   {to: toArmenia, reserve: true},
	} {
		c := fileCase(t, db, kzOwner, noon)
		e := newEntry(c, 1)
		write(t, db, func(tx storage.Tx) error { return tx.InsertEntries([]storage.Entry{e}) })
		g := grant(t, db, c, x.to, noon, func(g *comity.Grant) {
			if x.change != nil && what != "revoked" {
				x.change(g)
			}
		})
		if what == "revoked" {
			x.change(&g)
			write(t, db, func(tx storage.Tx) error { return tx.UpdateGrant(g, 1) })
		}
		if c.Reserved, c.Version = x.reserve, 2; x.reserve {
			write(t, db, func(tx storage.Tx) error { return tx.UpdateCase(c, 1) })
		}
		for o, want := range map[comity.Officer]bool{kzOwner: true, kzOther: false, amInv: x.finds} {
			of := get(t, db, func(r storage.ReadTx) (map[comity.ID]comity.ID, error) {
				return r.Parents(viewer(o, hours(2)), []comity.ID{e.ID})
			})
			if (of[e.ID] == c.ID) != want {
				t.Errorf("%s: %s finds %v", what, o.Ref(), of)
			}
		}
	}
}

// tally: what a case has, and what of it is counted abroad.
func tally(t *testing.T, db storage.DB) {
	c, other := fileCase(t, db, kzOwner, noon), fileCase(t, db, kzOwner, noon)
	redEntry, redObservable, redSubject := newEntry(c, 1), newObservable(c, 1), newSubject(c, 1, comity.SubjectSuspect)
	redEntry.Marking, redObservable.Marking, redSubject.Marking = red, red, red
	write(t, db, func(tx storage.Tx) error {
		return first(tx.InsertEntries([]storage.Entry{newEntry(c, 1), redEntry, newEntry(other, 1)}),
			tx.InsertObservables([]storage.Observable{newObservable(c, 1), redObservable, newObservable(other, 1)}),
			tx.InsertSubjects([]storage.Subject{newSubject(c, 1, comity.SubjectSuspect), newSubject(c, 1, comity.SubjectVictim), redSubject,
				newSubject(other, 1, comity.SubjectSuspect)}))
	})
	got := get(t, db, func(r storage.ReadTx) (storage.Tally, error) { return r.Tally(c.ID) })
	want := storage.Tally{}
	want.Entries.All, want.Entries.Abroad = 2, 1
	want.Observables.All, want.Observables.Abroad = 2, 1
	want.Subjects.All, want.Subjects.Abroad = 3, 1
	equal(t, "the tally", got, want)
}
