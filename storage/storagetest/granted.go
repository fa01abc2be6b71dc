package storagetest

import (
	"slices"
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

// grantedToState: liaisons and the authority find by its id what anybody in their
// state was granted, also when it ended, and never what was not active; and by what
// their state read it under, a notice shows that it reached the state with reason.
func grantedToState(t *testing.T, db storage.DB) {
	c := fileCase(t, db, kzOwner, noon)
	toOfficer := grant(t, db, c, comity.Grantee{State: "AM", Agency: amInv.Agency, Officer: amInv.Ref()}, noon)
	ended := grant(t, db, c, comity.Grantee{State: "AM", Agency: "AM/other"}, noon)
	write(t, db, func(tx storage.Tx) error {
		g := ended
		g.Status, g.EndedAt, g.Version = comity.GrantRevoked, hours(1), 2
		return tx.UpdateGrant(g, 1)
	})
	pending := grant(t, db, c, comity.Grantee{State: "AM"}, noon, func(g *comity.Grant) { g.Status = comity.GrantPending })
	all := []comity.ID{toOfficer.ID, ended.ID, pending.ID, comity.NewID(comity.KindGrant)}
	is := func(g comity.Grant) storage.Granted {
		return storage.Granted{ID: g.ID, Case: c.ID, State: "KZ", To: "AM", Marking: g.Caveats.Marking, Statement: g.Statement}
	}
	for _, o := range []comity.Officer{amLiaison, amAuthority, amInv, amOther, amAuditor, kzOwner, kzLiaison, kzAuthority, byLiaison} {
		want := map[comity.ID]storage.Granted{}
		if o == amLiaison || o == amAuthority {
			want = map[comity.ID]storage.Granted{toOfficer.ID: is(toOfficer), ended.ID: is(ended)}
		}
		equal(t, "what "+string(o.Ref())+" knows was granted", getFor(t, db, o, func(r storage.ReadTx) (map[comity.ID]storage.Granted, error) {
			return r.Granted(viewer(o, hours(2)), all)
		}), want)
	}

	of := func(o comity.Officer, g comity.Grant, version int) comity.DisclosureRecord {
		d := shown(o, c, version)
		d.Grant = g.ID
		return d
	}
	write(t, db, func(tx storage.Tx) error { return tx.Disclose([]comity.DisclosureRecord{of(amInv, toOfficer, 1)}) })
	write(t, db, func(tx storage.Tx) error { return tx.Disclose([]comity.DisclosureRecord{of(amOther, ended, 2)}) })
	write(t, db, func(tx storage.Tx) error { return tx.Disclose([]comity.DisclosureRecord{of(byInv, toOfficer, 1)}) }) // a row that is none of its state's
	both := []comity.ID{toOfficer.ID, ended.ID}
	slices.Sort(both)
	every, early := handed(t, db, comity.DispatchNotice, c, hours(1)), handed(t, db, comity.DispatchNotice, c, hours(1), func(d *storage.Dispatch) { d.Through = 1 })
	for _, n := range []storage.Dispatch{every, early} {
		write(t, db, func(tx storage.Tx) error { _, err := tx.Deliver(n.ID, hours(1), hours(2)); return err })
	}
	for _, o := range []comity.Officer{amLiaison, amAuthority, amInv, amOther, amAuditor, kzOwner, kzLiaison, byInv, byLiaison} {
		want := map[comity.ID][]comity.ID{}
		switch o {
		case amLiaison, amAuthority:
			want = map[comity.ID][]comity.ID{every.ID: both, early.ID: {toOfficer.ID}}
		case amInv:
			want = map[comity.ID][]comity.ID{every.ID: {toOfficer.ID}, early.ID: {toOfficer.ID}}
		case amOther:
			want = map[comity.ID][]comity.ID{every.ID: {ended.ID}}
		}
		got := map[comity.ID][]comity.ID{}
		for notice, behind := range getFor(t, db, o, func(r storage.ReadTx) (map[comity.ID][]storage.Granted, error) {
			return r.GrantedBehind(viewer(o, hours(2)), []comity.ID{every.ID, early.ID})
		}) {
			for _, g := range behind {
				equal(t, "of a grant", g.Statement, toOfficer.Statement)
				got[notice] = append(got[notice], g.ID)
			}
		}
		equal(t, "by what a notice reached "+string(o.Ref()), got, want)
	}
}

// getFor reads one answer in an officer's name, behind the walls where there are any.
func getFor[T any](t *testing.T, db storage.DB, o comity.Officer, f func(storage.ReadTx) (T, error)) (v T) {
	t.Helper()
	if err := db.Read(storage.As(t.Context(), o), func(r storage.ReadTx) (err error) { v, err = f(r); return err }); err != nil {
		t.Fatal(err)
	}
	return v
}
