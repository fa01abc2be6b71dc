package storagetest

import (
	"slices"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

func caseRows(t *testing.T, db storage.DB) {
	c := newCase(kzOwner, noon)
	c.Reserved = true
	c.VersionAbroad, c.UpdatedAt, c.UpdatedAbroad, c.ListedAbroad = 3, hours(1), hours(2), hours(3)
	write(t, db, func(tx storage.Tx) error { return tx.InsertCase(c, "w") })
	lock := func() (got storage.Case) {
		write(t, db, func(tx storage.Tx) (err error) { got, err = tx.LockCase(c.ID); return err })
		return got
	}
	equal(t, "case", lock(), c)
	if _, ok := see(t, db, kzOwner, noon, c.ID); ok {
		t.Error("a case is seen by its owner before being assigned")
	}

	next := c
	next.Owner, next.Category, next.Status = kzOther.Ref(), "intrusion", comity.CaseClosed
	next.Marking = comity.Marking{TLP: comity.TLPRed, PAP: comity.PAPClear, Handling: comity.H3}
	next.Nexus, next.Reserved, next.Sealed = nil, false, nil
	next.Version, next.VersionAbroad, next.UpdatedAt, next.UpdatedAbroad, next.ListedAbroad = 2, 4, hours(3), hours(4), hours(5)
	update := func(c storage.Case, expected int) error {
		return db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error { return tx.UpdateCase(c, expected) })
	}
	wantErr(t, "update of an older version", update(next, 0), storage.ErrConflict)
	wantErr(t, "update of a newer version", update(next, 2), storage.ErrConflict)
	skips := next
	skips.Version = 3
	wantErr(t, "update that skips a version", update(skips, 1), storage.ErrConflict)
	equal(t, "case after refused updates", lock(), c)
	if err := update(next, 1); err != nil {
		t.Fatal(err)
	}
	equal(t, "updated case", lock(), next)
	wantErr(t, "the same update again", update(next, 1), storage.ErrConflict)
	absent := newCase(kzOwner, noon)
	absent.Version = 2
	wantErr(t, "update of an absent case", update(absent, 1), storage.ErrNotFound)

	// Article 1: whose a case is never changes.
	stolen := next
	stolen.Version, stolen.State, stolen.Agency, stolen.CreatedAt = 3, "AM", "AM/cyber", hours(9)
	if err := update(stolen, 2); err != nil {
		t.Fatal(err)
	}
	next.Version = 3
	equal(t, "case after an attempt on its originator", lock(), next)
}

func assignments(t *testing.T, db storage.DB) {
	c := fileCase(t, db, kzOwner, noon)
	for _, o := range []comity.Officer{kzOther, kzLiaison, kzAuthority, kzAuditor, amInv, amLiaison} {
		if _, ok := see(t, db, o, noon, c.ID); ok {
			t.Errorf("%s sees a case that was not assigned to it", o.Ref())
		}
		if ids := list(t, db, o, noon, storage.CaseFilter{}, storage.Page{Limit: 9}); len(ids) != 0 {
			t.Errorf("%s lists %v", o.Ref(), ids)
		}
	}
	view, _ := see(t, db, kzOwner, noon, c.ID)
	equal(t, "the owner's view", view, storage.CaseView{Case: c, Wrapped: wrappedKey(c), Own: true, Assigned: true})

	assign := func(key string) func(storage.Tx) error {
		return func(tx storage.Tx) error { return tx.Assign(c.ID, key, kzOwner.Ref()) }
	}
	office := storage.OfficeViewer("KZ", comity.RoleLiaison)
	write(t, db, assign(office))
	write(t, db, assign(office))
	write(t, db, assign(string(kzOther.Ref())))
	if view, _ := see(t, db, kzLiaison, noon, c.ID); !view.Own || !view.Reached || view.Assigned {
		t.Errorf("the liaison whose office it reached sees %+v", view)
	}
	if n := len(storage.ViewerKeys(kzAuditor)); n != 1 {
		t.Errorf("an auditor has %d viewer keys", n)
	}
	if _, ok := see(t, db, kzAuthority, noon, c.ID); ok {
		t.Error("the authority sees what reached the liaisons")
	}
	if _, ok := see(t, db, amLiaison, noon, c.ID); ok {
		t.Error("another state's liaison sees what reached the office")
	}
	who := get(t, db, func(r storage.ReadTx) (map[comity.ID][]string, error) {
		return r.Assignees([]comity.ID{c.ID})
	})
	slices.Sort(who[c.ID])
	equal(t, "assignees", who, map[comity.ID][]string{c.ID: {string(kzOwner.Ref()), string(kzOther.Ref()), "LIAISON"}})

	for _, key := range []string{string(amInv.Ref()), storage.OfficeViewer("AM", comity.RoleLiaison), "AM", "AM/cyber", ""} {
		if err := db.Write(storage.AsSystem(t.Context()), assign(key)); err == nil {
			t.Errorf("a case of KZ was assigned to %q", key)
		}
	}
	if _, ok := see(t, db, amInv, noon, c.ID); ok {
		t.Error("assigning made the case visible abroad")
	}
	unassign := func(key string) {
		write(t, db, func(tx storage.Tx) error { return tx.Unassign(c.ID, key) })
	}
	unassign(office)
	unassign(office)
	unassign(string(kzOwner.Ref()))
	for o, want := range map[comity.Officer]int{kzLiaison: 0, kzOwner: 0, kzOther: 1} {
		if _, ok := see(t, db, o, noon, c.ID); ok != (want == 1) {
			t.Errorf("after unassigning, %s sees it: %v", o.Ref(), ok)
		}
		if n := len(list(t, db, o, noon, storage.CaseFilter{}, storage.Page{Limit: 9})); n != want {
			t.Errorf("after unassigning, %s lists %d", o.Ref(), n)
		}
	}
	wantErr(t, "assign an absent case", db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
		return tx.Assign(comity.NewID(comity.KindCase), string(kzOwner.Ref()), kzOwner.Ref())
	}), storage.ErrNotFound)
}

func casesGranted(t *testing.T, db storage.DB) {
	toState, toAgency, toOfficer := fileCase(t, db, kzOwner, hours(1)), fileCase(t, db, kzOwner, hours(2)), fileCase(t, db, kzOwner, hours(3))
	state := grant(t, db, toState, comity.Grantee{State: "AM"}, noon)
	agency := grant(t, db, toAgency, comity.Grantee{State: "AM", Agency: "AM/cyber"}, noon)
	person := grant(t, db, toOfficer, comity.Grantee{State: "AM", Officer: amInv.Ref()}, noon)
	narrow := grant(t, db, toOfficer, comity.Grantee{State: "AM", Agency: "AM/cyber", Officer: amInv.Ref()}, hours(-1))

	equal(t, "list of the officer", list(t, db, amInv, noon, storage.CaseFilter{}, storage.Page{Limit: 9}), []comity.ID{toOfficer.ID, toAgency.ID, toState.ID})
	equal(t, "list of another agency's", list(t, db, amOther, noon, storage.CaseFilter{}, storage.Page{Limit: 9}), []comity.ID{toState.ID})
	for _, o := range []comity.Officer{byInv, byLiaison, kzOther, officer("BY", "cyber", "AM", comity.RoleInvestigator)} {
		if ids := list(t, db, o, noon, storage.CaseFilter{}, storage.Page{Limit: 9}); len(ids) > 0 {
			t.Errorf("%s lists %v", o.Ref(), ids)
		}
	}
	view, _ := see(t, db, amInv, noon, toOfficer.ID)
	equal(t, "view by two grants, oldest first", view, storage.CaseView{Case: toOfficer, Wrapped: wrappedKey(toOfficer), Grants: []comity.Grant{narrow, person}})
	view, _ = see(t, db, amInv, noon, toAgency.ID)
	equal(t, "view by the agency's grant", view, storage.CaseView{Case: toAgency, Wrapped: wrappedKey(toAgency), Grants: []comity.Grant{agency}})
	view, _ = see(t, db, amOther, noon, toState.ID)
	equal(t, "view by the state's grant", view, storage.CaseView{Case: toState, Wrapped: wrappedKey(toState), Grants: []comity.Grant{state}})

	// An officer who changed agencies keeps what was granted in person only.
	moved := amInv
	moved.Agency = "AM/police"
	view, _ = see(t, db, moved, noon, toOfficer.ID)
	equal(t, "view after moving", view.Grants, []comity.Grant{person})
	if _, ok := see(t, db, moved, noon, toAgency.ID); ok {
		t.Error("who left the agency still sees what was granted to it")
	}

	// The term is judged at the viewer's instant, its end excluded.
	for at, want := range map[time.Time]bool{noon.Add(-time.Microsecond): false, noon: true,
		state.NotAfter.Add(-time.Microsecond): true, state.NotAfter: false} {
		view, _ := see(t, db, amOther, at, toState.ID)
		if got := len(view.Grants) == 1; got != want {
			t.Errorf("at %v the grant is live: %v", at, got)
		}
		if got := len(list(t, db, amOther, at, storage.CaseFilter{}, storage.Page{Limit: 9})) == 1; got != want {
			t.Errorf("at %v the case is listed: %v", at, got)
		}
	}

	// Abroad, a case moves up only by what every grantee sees.
	toState.Version, toState.UpdatedAt, toState.UpdatedAbroad = 2, hours(9), hours(9)
	write(t, db, func(tx storage.Tx) error { return tx.UpdateCase(toState, 1) })
	equal(t, "list after an update of the inside", list(t, db, amInv, noon, storage.CaseFilter{}, storage.Page{Limit: 9}), []comity.ID{toOfficer.ID, toAgency.ID, toState.ID})
	equal(t, "the owner's list", list(t, db, kzOwner, noon, storage.CaseFilter{}, storage.Page{Limit: 9}), []comity.ID{toState.ID, toOfficer.ID, toAgency.ID})
	toState.Version, toState.ListedAbroad = 3, hours(9)
	write(t, db, func(tx storage.Tx) error { return tx.UpdateCase(toState, 2) })
	equal(t, "list after an update that every grantee sees", list(t, db, amInv, noon, storage.CaseFilter{}, storage.Page{Limit: 9}), []comity.ID{toState.ID, toOfficer.ID, toAgency.ID})

	// Article 4: reserved, it is gone abroad and stays at home.
	toState.Version, toState.Reserved = 4, true
	write(t, db, func(tx storage.Tx) error { return tx.UpdateCase(toState, 3) })
	if _, ok := see(t, db, amInv, noon, toState.ID); ok {
		t.Error("a reserved case is seen abroad")
	}
	equal(t, "list after reserving", list(t, db, amInv, noon, storage.CaseFilter{}, storage.Page{Limit: 9}), []comity.ID{toOfficer.ID, toAgency.ID})
	if _, ok := see(t, db, kzOwner, noon, toState.ID); !ok {
		t.Error("a reserved case is gone at home")
	}
	late := grant(t, db, toState, comity.Grantee{State: "AM", Officer: amOther.Ref()}, noon)
	if _, ok := see(t, db, amOther, noon, late.Case); ok {
		t.Error("a grant opened a reserved case")
	}
}

func casesEnded(t *testing.T, db storage.DB) {
	c := fileCase(t, db, kzOwner, noon)
	to := comity.Grantee{State: "AM"}
	end := func(g comity.Grant, s comity.GrantStatus, at time.Time) comity.Grant {
		t.Helper()
		was := g.Version
		g.Version, g.Status, g.EndedAt = was+1, s, at
		write(t, db, func(tx storage.Tx) error { return tx.UpdateGrant(g, was) })
		return g
	}
	nothing := func(what string, at time.Time) {
		t.Helper()
		if view, ok := see(t, db, amInv, at, c.ID); ok {
			t.Errorf("%s: seen as %+v", what, view)
		}
	}
	pending := grant(t, db, c, to, noon, func(g *comity.Grant) { g.Status = comity.GrantPending })
	nothing("a pending grant", hours(1))
	end(pending, comity.GrantEnded, hours(1))
	nothing("a grant that never was active", hours(2))
	future := grant(t, db, c, to, hours(10))
	nothing("a grant whose term has not begun", hours(2))
	end(future, comity.GrantRevoked, hours(3))
	nothing("a grant revoked before its term", hours(4))
	grant(t, db, c, comity.Grantee{State: "AM", Officer: amOther.Ref()}, noon)
	nothing("another officer's grant", hours(2))

	formerly := func(g comity.Grant) storage.CaseView {
		return storage.CaseView{Case: storage.Case{Case: comity.Case{ID: c.ID, State: c.State}}, Ended: &g}
	}
	first := grant(t, db, c, to, noon)
	second := grant(t, db, c, to, noon)
	end(first, comity.GrantRevoked, hours(2))
	view, _ := see(t, db, amInv, hours(3), c.ID)
	equal(t, "one of two grants live", view, storage.CaseView{Case: c, Wrapped: wrappedKey(c), Grants: []comity.Grant{second}})
	second = end(second, comity.GrantRevoked, hours(4))
	view, _ = see(t, db, amInv, hours(5), c.ID)
	equal(t, "the latest that ended, and nothing of the case", view, formerly(second))
	if ids := list(t, db, amInv, hours(5), storage.CaseFilter{}, storage.Page{Limit: 9}); len(ids) != 0 {
		t.Errorf("an ended grant is listed: %v", ids)
	}
	if n := get(t, db, func(r storage.ReadTx) (int, error) {
		return r.CountCases(viewer(amInv, hours(5)), storage.CaseFilter{}, 9)
	}); n != 0 {
		t.Errorf("an ended grant counts: %d", n)
	}
	if _, ok := see(t, db, byInv, hours(5), c.ID); ok {
		t.Error("a state that never had a grant sees that one ended")
	}

	expiring := grant(t, db, c, to, hours(1), func(g *comity.Grant) { g.NotAfter = hours(6) })
	view, _ = see(t, db, amInv, hours(6), c.ID)
	equal(t, "an expired grant", view, formerly(expiring))

	c.Version, c.Reserved = 2, true
	write(t, db, func(tx storage.Tx) error {
		if err := tx.UpdateCase(c, 1); err != nil {
			return err
		}
		_, err := tx.EndGrants(c.ID, hours(5))
		return err
	})
	view, _ = see(t, db, amInv, hours(7), c.ID)
	expiring.Version, expiring.Status, expiring.EndedAt = 2, comity.GrantEnded, hours(5)
	equal(t, "a former grantee of a reserved case", view, formerly(expiring))
	// Article 4: what a reservation ended does not revive.
	c.Version, c.Reserved = 3, false
	write(t, db, func(tx storage.Tx) error { return tx.UpdateCase(c, 2) })
	if view, _ := see(t, db, amInv, hours(5), c.ID); len(view.Grants) > 0 {
		t.Error("lifting a reservation revived a grant")
	}
}

func caseLists(t *testing.T, db storage.DB) {
	file := func(n int, f func(*storage.Case)) comity.ID { return fileCase(t, db, kzOwner, hours(n), f).ID }
	plain := file(5, func(c *storage.Case) {})
	closed := file(4, func(c *storage.Case) { c.Status = comity.CaseClosed })
	fraud := file(3, func(c *storage.Case) { c.Category = "fraud" })
	police := file(2, func(c *storage.Case) { c.Agency = "KZ/police" })
	am := fileCase(t, db, amInv, hours(1))
	grant(t, db, am, comity.Grantee{State: "KZ"}, noon)
	grant(t, db, am, comity.Grantee{State: "KZ", Agency: "KZ/cyber"}, noon)
	const asked = comity.PurposeInvestigation
	bases := []string{storage.Basis("AM", "text-1", "ransomware"), storage.Basis("AM", "text-1", "fraud")}
	for _, c := range []struct {
		name string
		f    storage.CaseFilter
		want []comity.ID
	}{
		{"all", storage.CaseFilter{}, []comity.ID{plain, closed, fraud, police, am.ID}},
		{"own", storage.CaseFilter{Own: true}, []comity.ID{plain, closed, fraud, police}},
		{"granted", storage.CaseFilter{Granted: true}, []comity.ID{am.ID}},
		{"own and granted", storage.CaseFilter{Own: true, Granted: true}, nil},
		{"state", storage.CaseFilter{State: "AM"}, []comity.ID{am.ID}},
		{"own state", storage.CaseFilter{State: "KZ"}, []comity.ID{plain, closed, fraud, police}},
		{"agency", storage.CaseFilter{Agency: "KZ/police"}, []comity.ID{police}},
		{"category", storage.CaseFilter{Category: "fraud"}, []comity.ID{fraud}},
		{"status", storage.CaseFilter{Status: comity.CaseClosed}, []comity.ID{closed}},
		// Abroad, what is withheld but for the grant's purpose never filters.
		{"category abroad", storage.CaseFilter{Category: "ransomware", Granted: true}, nil},
		{"category abroad, another purpose", storage.CaseFilter{Category: "ransomware", Granted: true, Purpose: comity.PurposeProsecution, Bases: bases}, nil},
		{"category abroad, the purpose", storage.CaseFilter{Category: "ransomware", Purpose: asked, Bases: bases}, []comity.ID{plain, closed, police, am.ID}},
		{"status abroad, the purpose", storage.CaseFilter{Status: comity.CaseOpen, Granted: true, Purpose: asked, Bases: bases}, []comity.ID{am.ID}},
		{"agency abroad", storage.CaseFilter{Agency: "AM/cyber"}, nil},
		{"agency abroad, the purpose", storage.CaseFilter{Agency: "AM/cyber", Purpose: asked, Bases: bases}, []comity.ID{am.ID}},
		{"agency abroad, no agreement", storage.CaseFilter{Agency: "AM/cyber", Purpose: asked}, nil},
		{"agency abroad, agreement for another category", storage.CaseFilter{Agency: "AM/cyber", Purpose: asked, Bases: bases[1:]}, nil},
		{"agency abroad, another text of the agreement", storage.CaseFilter{Agency: "AM/cyber", Purpose: asked,
			Bases: []string{storage.Basis("AM", "text-2", "ransomware")}}, nil},
		{"agency abroad, another state's agreement", storage.CaseFilter{Agency: "AM/cyber", Purpose: asked,
			Bases: []string{storage.Basis("BY", "text-1", "ransomware")}}, nil},
		{"state abroad, another purpose", storage.CaseFilter{State: "AM", Purpose: comity.PurposeProsecution}, []comity.ID{am.ID}},
		{"several", storage.CaseFilter{State: "KZ", Category: "ransomware", Status: comity.CaseOpen, Agency: "KZ/cyber", Own: true}, []comity.ID{plain}},
		{"nothing", storage.CaseFilter{State: "BY"}, nil},
	} {
		equal(t, c.name, list(t, db, kzOwner, noon, c.f, storage.Page{Limit: 9}), c.want)
		for _, most := range []int{0, 1, 3, 1000} {
			n := get(t, db, func(r storage.ReadTx) (int, error) { return r.CountCases(viewer(kzOwner, noon), c.f, most) })
			if n != min(most, len(c.want)) {
				t.Errorf("%s: counted %d up to %d, want %d", c.name, n, most, min(most, len(c.want)))
			}
		}
	}
	// What a filter names moves with the case.
	got := get(t, db, func(r storage.ReadTx) (map[comity.ID]storage.CaseView, error) {
		return r.Cases(viewer(kzOwner, noon), []comity.ID{plain})
	})[plain].Case
	got.Version, got.Category, got.Status = 2, "fraud", comity.CaseClosed
	write(t, db, func(tx storage.Tx) error { return tx.UpdateCase(got, 1) })
	equal(t, "after the category moved", list(t, db, kzOwner, noon, storage.CaseFilter{Category: "fraud"}, storage.Page{Limit: 9}), []comity.ID{plain, fraud})
	am.Version, am.Category = 2, "fraud" // ListedAbroad stays
	write(t, db, func(tx storage.Tx) error { return tx.UpdateCase(am, 1) })
	equal(t, "granted, after the category moved", list(t, db, kzOwner, noon, storage.CaseFilter{Category: "fraud", Granted: true, Purpose: asked, Bases: bases}, storage.Page{Limit: 9}), []comity.ID{am.ID})
	am.Version, am.Marking.TLP = 3, comity.TLPRed
	write(t, db, func(tx storage.Tx) error { return tx.UpdateCase(am, 2) })
	equal(t, "granted, then marked TLP:RED", list(t, db, kzOwner, noon, storage.CaseFilter{Category: "fraud", Granted: true, Purpose: asked, Bases: bases}, storage.Page{Limit: 9}), []comity.ID(nil))
	equal(t, "granted, then marked TLP:RED, unfiltered", list(t, db, kzOwner, noon, storage.CaseFilter{Granted: true, Purpose: asked, Bases: bases}, storage.Page{Limit: 9}), []comity.ID{am.ID})
}

// pages reads a list to its end, and fails when a page goes on after a short one.
func pages(t *testing.T, limit int, next func(storage.Page) []storage.Key) []storage.Key {
	t.Helper()
	var all []storage.Key
	for p := (storage.Page{Limit: limit}); ; {
		page := next(p)
		if len(page) > limit {
			t.Fatalf("a page of %d for a limit of %d", len(page), limit)
		}
		all = append(all, page...)
		if len(page) < limit {
			return all
		}
		p.After = page[len(page)-1]
	}
}

func casePaging(t *testing.T, db storage.DB) {
	var want []storage.Key
	for i := range 23 {
		c := fileCase(t, db, kzOwner, hours(i/4)) // ties, which the id breaks
		want = append(want, storage.Key{At: c.UpdatedAt, ID: c.ID})
	}
	slices.SortFunc(want, newestFirst)
	page := func(p storage.Page) []storage.Key {
		var keys []storage.Key
		for _, c := range get(t, db, func(r storage.ReadTx) ([]storage.CaseView, error) {
			return r.ListCases(viewer(kzOwner, noon), storage.CaseFilter{}, p)
		}) {
			keys = append(keys, storage.Key{At: c.UpdatedAt, ID: c.ID})
		}
		return keys
	}
	for _, limit := range []int{1, 4, 5, 23, 50} {
		equal(t, "pages", pages(t, limit, page), want)
	}
	// A newer case between two pages moves nothing.
	first := page(storage.Page{Limit: 10})
	fileCase(t, db, kzOwner, hours(99))
	equal(t, "second page", page(storage.Page{Limit: 50, After: first[9]}), want[10:])
	// A place whose row is gone still is a place.
	gone := storage.Key{At: want[9].At, ID: want[9].ID + "x"}
	equal(t, "page after no row", page(storage.Page{Limit: 50, After: gone}), want[9:])
	if got := page(storage.Page{}); len(got) != 0 {
		t.Errorf("a page of none has %d", len(got))
	}
}

func newestFirst(a, b storage.Key) int {
	if c := b.At.Compare(a.At); c != 0 {
		return c
	}
	switch {
	case a.ID > b.ID:
		return -1
	case a.ID < b.ID:
		return 1
	}
	return 0
}
