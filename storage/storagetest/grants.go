package storagetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

func lockedGrant(t *testing.T, db storage.DB, id comity.ID) (g comity.Grant) {
	t.Helper()
	write(t, db, func(tx storage.Tx) (err error) { g, err = tx.LockGrant(id); return err })
	return g
}

func grantRows(t *testing.T, db storage.DB) {
	c := fileCase(t, db, kzOwner, noon)
	g := grant(t, db, c, comity.Grantee{State: "AM", Agency: "AM/cyber", Officer: amInv.Ref()}, noon)
	equal(t, "grant", lockedGrant(t, db, g.ID), g)
	next := g
	next.Scope, next.Exhibits, next.Subjects, next.Narrowing = comity.ScopeSummary, nil, []comity.ID{"subject1_b"}, "eyJ.narrower"
	next.Caveats = comity.Caveats{Marking: comity.DefaultMarking, Text: "ask first"}
	next.NotBefore, next.NotAfter, next.Version = hours(1), hours(2), 2
	update := func(g comity.Grant, expected int) error {
		return db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error { return tx.UpdateGrant(g, expected) })
	}
	wantErr(t, "update of another version", update(next, 2), storage.ErrConflict)
	wantErr(t, "update that does not count on", update(g, 1), storage.ErrConflict)
	for name, f := range map[string]func(*comity.Grant){"grantee": func(g *comity.Grant) { g.Grantee.State = "BY" },
		"case": func(g *comity.Grant) { g.Case = fileCase(t, db, kzOwner, noon).ID }} {
		other := next
		f(&other)
		if update(other, 1) == nil {
			t.Errorf("the %s of a grant changed", name)
		}
	}
	equal(t, "grant after refused updates", lockedGrant(t, db, g.ID), g)
	if err := update(next, 1); err != nil {
		t.Fatal(err)
	}
	equal(t, "narrowed grant", lockedGrant(t, db, g.ID), next)
	// The list follows the narrowed term.
	for at, want := range map[time.Time]int{noon: 0, hours(1): 1, hours(2): 0} {
		if n := len(list(t, db, amInv, at, storage.CaseFilter{}, storage.Page{Limit: 9})); n != want {
			t.Errorf("at %v the list has %d, want %d", at, n, want)
		}
	}
	next.Version, next.Status, next.EndedAt = 3, comity.GrantRevoked, hours(1)
	if err := update(next, 2); err != nil {
		t.Fatal(err)
	}
	if n := len(list(t, db, amInv, hours(1), storage.CaseFilter{}, storage.Page{Limit: 9})); n != 0 {
		t.Error("a revoked grant is listed")
	}
	pending := grant(t, db, c, comity.Grantee{State: "AM"}, noon, func(g *comity.Grant) { g.Status = comity.GrantPending })
	if n := len(list(t, db, amInv, hours(1), storage.CaseFilter{}, storage.Page{Limit: 9})); n != 0 {
		t.Error("a pending grant is listed")
	}
	pending.Version, pending.Status = 2, comity.GrantActive
	if err := update(pending, 1); err != nil {
		t.Fatal(err)
	}
	if n := len(list(t, db, amInv, hours(1), storage.CaseFilter{}, storage.Page{Limit: 9})); n != 1 {
		t.Error("a grant made active is not listed")
	}
	absent := newGrant(c, comity.Grantee{State: "AM"}, noon)
	wantErr(t, "update of an absent grant", update(absent, 0), storage.ErrNotFound)
	write(t, db, func(tx storage.Tx) error {
		wantErr(t, "the same grant again", tx.InsertGrant(g), storage.ErrExists)
		absent.Case = comity.NewID(comity.KindCase)
		wantErr(t, "a grant on an absent case", tx.InsertGrant(absent), storage.ErrNotFound)
		return nil
	})
}

func grantVisibility(t *testing.T, db storage.DB) {
	c := fileCase(t, db, kzOwner, noon)
	toState := grant(t, db, c, comity.Grantee{State: "AM"}, hours(1))
	toAgency := grant(t, db, c, comity.Grantee{State: "AM", Agency: "AM/cyber"}, hours(2))
	toOfficer := grant(t, db, c, comity.Grantee{State: "AM", Officer: amInv.Ref()}, hours(3))
	pending := grant(t, db, c, comity.Grantee{State: "AM"}, hours(4), func(g *comity.Grant) { g.Status = comity.GrantPending })
	gone := grant(t, db, c, comity.Grantee{State: "BY"}, hours(5))
	gone.Version, gone.Status, gone.EndedAt = 2, comity.GrantRevoked, hours(6)
	write(t, db, func(tx storage.Tx) error { return tx.UpdateGrant(gone, 1) })
	all := []comity.Grant{gone, pending, toOfficer, toAgency, toState}
	var ids []comity.ID
	for _, g := range all {
		ids = append(ids, g.ID)
	}
	for _, k := range []struct {
		o    comity.Officer
		want []comity.Grant
	}{
		{kzLiaison, all}, {kzAuthority, all}, {kzAuditor, all}, {kzOwner, all}, {kzOther, nil},
		{amInv, []comity.Grant{toOfficer, toAgency, toState}}, {amOther, []comity.Grant{toState}}, {amLiaison, []comity.Grant{toState}},
		{byInv, []comity.Grant{gone}}, // also after its end
		{officer("RU", "cyber", "x", comity.RoleLiaison), nil},
	} {
		read(t, db, func(r storage.ReadTx) error {
			v := viewer(k.o, hours(7))
			page, err := r.ListGrants(v, storage.GrantFilter{}, storage.Page{Limit: 9})
			if err != nil {
				return err
			}
			equal(t, string(k.o.Ref())+" lists", page, k.want)
			m, err := r.Grants(v, ids)
			if err != nil {
				return err
			}
			want := map[comity.ID]comity.Grant{}
			for _, g := range k.want {
				want[g.ID] = g
			}
			equal(t, string(k.o.Ref())+" reads", m, want)
			n, err := r.CountGrants(v, storage.GrantFilter{}, 9)
			if n != len(k.want) {
				t.Errorf("%s counts %d, want %d", k.o.Ref(), n, len(k.want))
			}
			return err
		})
	}
}

func grantLists(t *testing.T, db storage.DB) {
	own, other, foreign := fileCase(t, db, kzOwner, noon), fileCase(t, db, kzOwner, noon), fileCase(t, db, amInv, noon)
	var made, received, ofOwn []storage.Key
	for i := range 13 {
		g := grant(t, db, []storage.Case{own, other}[i%2], comity.Grantee{State: "AM"}, hours(i/4))
		k := storage.Key{At: g.CreatedAt, ID: g.ID}
		made = append(made, k)
		if g.Case == own.ID {
			ofOwn = append(ofOwn, k)
		}
		g = grant(t, db, foreign, comity.Grantee{State: "KZ"}, hours(i/4))
		received = append(received, storage.Key{At: g.CreatedAt, ID: g.ID})
	}
	for _, o := range []comity.Officer{kzLiaison, kzOwner} {
		for _, c := range []struct {
			name string
			f    storage.GrantFilter
			want []storage.Key
		}{
			{"all", storage.GrantFilter{}, slices.Concat(made, received)}, {"made", storage.GrantFilter{Made: true}, made},
			{"received", storage.GrantFilter{Received: true}, received}, {"of a case", storage.GrantFilter{Case: own.ID}, ofOwn},
			{"received of an own case", storage.GrantFilter{Case: own.ID, Received: true}, nil},
			{"both", storage.GrantFilter{Made: true, Received: true}, nil},
			{"with AM", storage.GrantFilter{State: "AM"}, slices.Concat(made, received)},
			{"made to AM", storage.GrantFilter{State: "AM", Made: true}, made}, {"with BY", storage.GrantFilter{State: "BY"}, nil},
		} {
			slices.SortFunc(c.want, newestFirst)
			for _, limit := range []int{1, 5, 50} {
				equal(t, c.name, pages(t, limit, func(p storage.Page) (keys []storage.Key) {
					for _, g := range get(t, db, func(r storage.ReadTx) ([]comity.Grant, error) { return r.ListGrants(viewer(o, noon), c.f, p) }) {
						keys = append(keys, storage.Key{At: g.CreatedAt, ID: g.ID})
					}
					return keys
				}), c.want)
			}
			n := get(t, db, func(r storage.ReadTx) (int, error) { return r.CountGrants(viewer(o, noon), c.f, 4) })
			if n != min(4, len(c.want)) {
				t.Errorf("%s: counted %d up to 4, want %d", c.name, n, min(4, len(c.want)))
			}
		}
	}
}

// grantStanding: to its grantee a grant that opens nothing any more has ended,
// whatever ended it, and a filter tells no more than what is shown.
func grantStanding(t *testing.T, db storage.DB) {
	c := fileCase(t, db, kzOwner, noon)
	with := func(s comity.GrantStatus, from, until int) comity.ID {
		return grant(t, db, c, comity.Grantee{State: "AM"}, noon, func(g *comity.Grant) {
			g.Status, g.NotBefore, g.NotAfter = s, hours(from), hours(until)
		}).ID
	}
	live, future, past := with(comity.GrantActive, -1, 9), with(comity.GrantActive, 5, 9), with(comity.GrantActive, -9, -1)
	revoked := with(comity.GrantActive, -1, 9)
	pending := with(comity.GrantPending, -1, 9)
	write(t, db, func(tx storage.Tx) error {
		g, err := tx.LockGrant(revoked)
		if err != nil {
			return err
		}
		g.Version, g.Status, g.EndedAt = 2, comity.GrantRevoked, noon
		return tx.UpdateGrant(g, 1)
	})
	for _, k := range []struct {
		o    comity.Officer
		f    storage.GrantFilter
		want []comity.ID
	}{
		{kzLiaison, storage.GrantFilter{Live: true}, []comity.ID{live}}, {amInv, storage.GrantFilter{Live: true}, []comity.ID{live}},
		{kzLiaison, storage.GrantFilter{Status: comity.GrantActive}, []comity.ID{live, future, past}},
		{amInv, storage.GrantFilter{Status: comity.GrantActive}, []comity.ID{live, future}},
		{kzLiaison, storage.GrantFilter{Status: comity.GrantRevoked}, []comity.ID{revoked}},
		{amInv, storage.GrantFilter{Status: comity.GrantRevoked}, nil}, {amInv, storage.GrantFilter{Status: comity.GrantPending}, nil},
		{kzLiaison, storage.GrantFilter{Status: comity.GrantPending}, []comity.ID{pending}},
		{kzLiaison, storage.GrantFilter{Status: comity.GrantEnded}, nil},
		{amInv, storage.GrantFilter{Status: comity.GrantEnded}, []comity.ID{past, revoked}},
		{amInv, storage.GrantFilter{Status: comity.GrantEnded, Live: true}, nil},
	} {
		var got []comity.ID
		for _, g := range get(t, db, func(r storage.ReadTx) ([]comity.Grant, error) {
			return r.ListGrants(viewer(k.o, noon), k.f, storage.Page{Limit: 9})
		}) {
			got = append(got, g.ID)
		}
		slices.Sort(got)
		slices.Sort(k.want)
		equal(t, fmt.Sprintf("%s lists %+v", k.o.Ref(), k.f), got, k.want)
		if n := get(t, db, func(r storage.ReadTx) (int, error) { return r.CountGrants(viewer(k.o, noon), k.f, 9) }); n != len(k.want) {
			t.Errorf("%s counts %d of %+v, want %d", k.o.Ref(), n, k.f, len(k.want))
		}
	}
}

func endGrants(t *testing.T, db storage.DB) {
	c, other := fileCase(t, db, kzOwner, noon), fileCase(t, db, kzOwner, noon)
	active := grant(t, db, c, comity.Grantee{State: "AM"}, hours(1))
	pending := grant(t, db, c, comity.Grantee{State: "BY"}, hours(2), func(g *comity.Grant) { g.Status = comity.GrantPending })
	revoked := grant(t, db, c, comity.Grantee{State: "RU"}, hours(3), func(g *comity.Grant) { g.Status, g.EndedAt = comity.GrantRevoked, hours(4) })
	kept := grant(t, db, other, comity.Grantee{State: "AM"}, hours(1))
	end := func(id comity.ID) (ended []comity.Grant) {
		write(t, db, func(tx storage.Tx) (err error) { ended, err = tx.EndGrants(id, hours(5)); return err })
		return ended
	}
	equal(t, "ended, as they were", end(c.ID), []comity.Grant{active, pending})
	active.Status, active.EndedAt, active.Version = comity.GrantEnded, hours(5), 2
	pending.Status, pending.EndedAt, pending.Version = comity.GrantEnded, hours(5), 2
	equal(t, "the active one", lockedGrant(t, db, active.ID), active)
	equal(t, "the pending one", lockedGrant(t, db, pending.ID), pending)
	equal(t, "a revoked one", lockedGrant(t, db, revoked.ID), revoked)
	equal(t, "another case's", lockedGrant(t, db, kept.ID), kept)
	equal(t, "list", list(t, db, amInv, hours(6), storage.CaseFilter{}, storage.Page{Limit: 9}), []comity.ID{other.ID})
	if again := end(c.ID); len(again) != 0 {
		t.Errorf("ended twice: %v", again)
	}
}

func mandates(t *testing.T, db storage.DB) {
	m := comity.Mandate{ID: comity.NewID(comity.KindMandate), State: "KZ", Liaison: kzLiaison.Ref(), GivenBy: kzAuthority.Ref(),
		NotBefore: hours(1), NotAfter: hours(3), CreatedAt: noon, Deputies: []comity.OfficerRef{kzOther.Ref()},
		Ceiling: comity.Ceiling{TLP: comity.TLPAmber, Scope: comity.ScopeSummary, Grade: comity.GradeLead, Categories: []comity.Category{"RANSOMWARE"}, Term: time.Hour}}
	other := m
	other.Deputies, other.Ceiling = nil, comity.Ceiling{}
	other.ID, other.Liaison, other.CreatedAt = comity.NewID(comity.KindMandate), kzOther.Ref(), hours(1)
	write(t, db, func(tx storage.Tx) error {
		if err := tx.InsertMandate(m); err != nil {
			return err
		}
		return tx.InsertMandate(other)
	})
	of := func(o comity.Officer, at time.Time) []comity.Mandate {
		return get(t, db, func(r storage.ReadTx) ([]comity.Mandate, error) { return r.MandatesOf(o.Ref(), at) })
	}
	for at, want := range map[time.Time][]comity.Mandate{noon: nil, hours(1): {m}, hours(3).Add(-time.Microsecond): {m}, hours(3): nil} {
		equal(t, fmt.Sprintf("mandates at %v", at), of(kzLiaison, at), want)
	}
	equal(t, "the own mandate, then that as deputy", of(kzOther, hours(1)), []comity.Mandate{other, m})
	equal(t, "of whom no mandate names", of(kzOwner, hours(1)), []comity.Mandate{})
	end := func(id comity.ID) error {
		return db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error { return tx.EndMandate(id, hours(2)) })
	}
	if err := end(m.ID); err != nil {
		t.Fatal(err)
	}
	wantErr(t, "ending it again", end(m.ID), storage.ErrNotFound)
	wantErr(t, "ending an absent one", end("mandate1_x"), storage.ErrNotFound)
	equal(t, "under an ended mandate", of(kzLiaison, hours(1)), []comity.Mandate{})
	equal(t, "a deputy under an ended mandate", of(kzOther, hours(1)), []comity.Mandate{other})
	m.EndedAt = hours(2)
	equal(t, "mandates, newest first", get(t, db, func(r storage.ReadTx) ([]comity.Mandate, error) { return r.Mandates("KZ") }), []comity.Mandate{other, m})
	equal(t, "mandates of another state", get(t, db, func(r storage.ReadTx) ([]comity.Mandate, error) { return r.Mandates("AM") }), []comity.Mandate{})
}

func releases(t *testing.T, db storage.DB) {
	c := fileCase(t, db, kzOwner, noon)
	var all []comity.Release
	for i := range 2 {
		all = append(all, comity.Release{ID: comity.NewID(comity.KindRelease), Case: c.ID, State: "KZ", Officer: kzOwner.Ref(), Decider: comity.DeciderCourt,
			Reference: "court 7", Grantee: "AM", Scope: comity.ScopeExhibits, Exhibits: []comity.ID{"evidence1_x"}, Subjects: []comity.ID{"subject1_x"}, Purpose: comity.PurposeProsecution,
			NotAfter: hours(9), CreatedAt: hours(i)})
	}
	write(t, db, func(tx storage.Tx) error {
		if err := tx.InsertRelease(all[1]); err != nil {
			return err
		}
		return tx.InsertRelease(all[0])
	})
	got := get(t, db, func(r storage.ReadTx) (map[comity.ID][]comity.Release, error) {
		return r.Releases([]comity.ID{c.ID, "case1_x"})
	})
	equal(t, "releases", got, map[comity.ID][]comity.Release{c.ID: all})

	withdraw := func(id comity.ID) error {
		return db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error { return tx.WithdrawRelease(id, kzOther.Ref(), hours(4)) })
	}
	if err := withdraw(all[0].ID); err != nil {
		t.Fatal(err)
	}
	wantErr(t, "withdrawn twice", withdraw(all[0].ID), storage.ErrNotFound)
	all[0].WithdrawnBy, all[0].WithdrawnAt = kzOther.Ref(), hours(4)
	got = get(t, db, func(r storage.ReadTx) (map[comity.ID][]comity.Release, error) { return r.Releases([]comity.ID{c.ID}) })
	equal(t, "releases, one withdrawn", got, map[comity.ID][]comity.Release{c.ID: all})
}

// grantNaming: the grant that names an exhibit is found by whom it covers, or
// covered, and by nobody else.
func grantNaming(t *testing.T, db storage.DB) {
	c := fileCase(t, db, kzOwner, noon)
	exhibit := comity.NewID(comity.KindEvidence)
	named := grant(t, db, c, comity.Grantee{State: "AM"}, noon, func(g *comity.Grant) { g.Exhibits = []comity.ID{comity.NewID(comity.KindEvidence), exhibit} })
	grant(t, db, c, comity.Grantee{State: "AM"}, noon)
	find := func(o comity.Officer, id comity.ID) (g comity.Grant, err error) {
		read(t, db, func(r storage.ReadTx) error {
			g, err = r.GrantNaming(storage.Viewer{Officer: o, At: noon}, id)
			return nil
		})
		return g, err
	}
	got, err := find(amInv, exhibit)
	if err != nil || got.ID != named.ID {
		t.Errorf("the grantee finds %s, %v", got.ID, err)
	}
	for what, o := range map[string]comity.Officer{"the originator": kzLiaison, "another state": byLiaison} {
		_, err := find(o, exhibit)
		wantErr(t, what, err, storage.ErrNotFound)
	}
	_, err = find(amInv, comity.NewID(comity.KindEvidence))
	wantErr(t, "an exhibit that none names", err, storage.ErrNotFound)
	_, err = find(amInv, "%")
	wantErr(t, "a pattern", err, storage.ErrNotFound)
}

// grantsRun: a grant runs from before it is in force until it ends or is ended.
func grantsRun(t *testing.T, db storage.DB) {
	c, other := fileCase(t, db, kzOwner, noon), fileCase(t, db, kzOwner, noon)
	run := func(at time.Time) bool {
		return get(t, db, func(r storage.ReadTx) (bool, error) { return r.GrantsRun(c.ID, at) })
	}
	grant(t, db, other, comity.Grantee{State: "AM"}, noon)
	equal(t, "a case without grants", run(noon), false)
	g := grant(t, db, c, comity.Grantee{State: "AM"}, noon, func(g *comity.Grant) { g.Status = comity.GrantPending })
	equal(t, "a pending grant", run(noon), true)
	for status, want := range map[comity.GrantStatus]bool{comity.GrantActive: true, comity.GrantRevoked: false, comity.GrantEnded: false} {
		write(t, db, func(tx storage.Tx) error {
			is, err := tx.LockGrant(g.ID)
			if err != nil {
				return err
			}
			is.Status = status
			is.Version++
			return tx.UpdateGrant(is, is.Version-1)
		})
		equal(t, string(status), run(noon), want)
		equal(t, "after its term", run(g.NotAfter), false)
	}
	seconded := func() bool {
		return get(t, db, func(r storage.ReadTx) (bool, error) { return r.SecondedRun(c.ID, noon) })
	}
	grant(t, db, c, comity.Grantee{State: "AM"}, noon)
	equal(t, "grants of one liaison", seconded(), false)
	danger(t, db)
	grant(t, db, c, comity.Grantee{State: "BY"}, noon, func(g *comity.Grant) { g.Second = "KZ:de" })
	equal(t, "a grant of two liaisons", seconded(), true)
}

// danger: when a liaison made the first grant in danger to life that nobody
// confirmed. That another was confirmed says nothing of it.
func danger(t *testing.T, db storage.DB) {
	c, other := fileCase(t, db, kzOwner, noon), fileCase(t, db, kzOwner, noon)
	since := func(state comity.State, liaison comity.OfficerRef) time.Time {
		return get(t, db, func(r storage.ReadTx) (time.Time, error) { return r.DangerSince(c.ID, state, liaison) })
	}
	made := func(of storage.Case, to comity.State, hours int, emergency bool, confirmation string) comity.Grant {
		return grant(t, db, of, comity.Grantee{State: to}, noon.Add(time.Duration(hours)*time.Hour), func(g *comity.Grant) {
			g.Emergency, g.Confirmation = emergency, confirmation
		})
	}
	by := made(c, "AM", 0, false, "").Liaison
	made(other, "AM", 0, true, "")
	made(c, "BY", 1, true, "")
	equal(t, "none to the state", since("AM", by), time.Time{})
	made(c, "AM", 1, true, "confirmed")
	equal(t, "one that was confirmed", since("AM", by), time.Time{})
	made(c, "AM", 2, true, "")
	made(c, "AM", 3, true, "")
	equal(t, "the first", since("AM", by), noon.Add(2*time.Hour))
	equal(t, "another liaison's", since("AM", by+"x"), time.Time{})
	made(c, "AM", 4, true, "confirmed")
	equal(t, "after a later one was confirmed", since("AM", by), noon.Add(2*time.Hour))
}
