package storagetest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

// world is what the database should hold, judged by the plain rules without
// any of its tables.
type world struct {
	t         *testing.T
	db        storage.DB
	rnd       *rand.Rand
	cases     map[comity.ID]storage.Case
	assigned  map[comity.ID]map[string]bool
	grants    map[comity.ID]comity.Grant
	wasActive map[comity.ID]bool
	officers  []comity.Officer
}

// randomWorlds compares the lists, counts and reads of cases and grants with
// the plain rules, after many random acts, for every officer and many instants.
// COMITY_SOAK makes it long.
func randomWorlds(t *testing.T, db storage.DB) {
	seed := uint64(time.Now().UnixNano())
	rounds := 6
	if os.Getenv("COMITY_SOAK") != "" {
		rounds = 50
	}
	t.Logf("seed %d", seed)
	w := &world{t: t, db: db, rnd: rand.New(rand.NewPCG(seed, 1)), cases: map[comity.ID]storage.Case{},
		assigned: map[comity.ID]map[string]bool{}, grants: map[comity.ID]comity.Grant{}, wasActive: map[comity.ID]bool{}}
	for _, s := range []comity.State{"KZ", "AM", "BY"} {
		for _, agency := range []string{"cyber", "police"} {
			// The same pseudonym in both agencies: an officer who moves.
			w.officers = append(w.officers, officer(s, agency, "in-1", comity.RoleInvestigator), officer(s, agency, "li-1", comity.RoleLiaison))
		}
		w.officers = append(w.officers, officer(s, "police", "au-1", comity.RoleAuthority), officer(s, "police", "ad-1", comity.RoleAuditor))
	}
	for range rounds {
		for range 30 {
			w.act()
		}
		for _, o := range w.officers {
			w.compare(viewer(o, w.instant()))
		}
		if t.Failed() {
			return
		}
	}
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

func (w *world) instant() time.Time {
	return hours(w.rnd.IntN(48)).Add(time.Duration(w.rnd.IntN(3)-1) * time.Microsecond)
}

func (w *world) anyCase() (storage.Case, bool) {
	ids := make([]comity.ID, 0, len(w.cases))
	for id := range w.cases {
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return storage.Case{}, false
	}
	slices.Sort(ids)
	return w.cases[pick(w.rnd, ids)], true
}

func (w *world) act() {
	c, ok := w.anyCase()
	kind := w.rnd.IntN(10)
	if !ok || kind == 0 {
		o := pick(w.rnd, w.officers)
		c = newCase(o, w.instant())
		c.Category, c.Reserved = pick(w.rnd, []comity.Category{"ransomware", "fraud"}), w.rnd.IntN(5) == 0
		write(w.t, w.db, func(tx storage.Tx) error { return tx.InsertCase(c, wrappedKey(c)) })
		w.cases[c.ID], w.assigned[c.ID] = c, map[string]bool{}
		return
	}
	switch kind {
	case 1, 2:
		o := pick(w.rnd, w.officers)
		o.State, o.Agency = c.State, comity.AgencyID(string(c.State)+"/cyber")
		key := pick(w.rnd, storage.ViewerKeys(o))
		write(w.t, w.db, func(tx storage.Tx) error { return tx.Assign(c.ID, key, o.Ref()) })
		w.assigned[c.ID][key] = true
	case 3:
		for key := range w.assigned[c.ID] {
			write(w.t, w.db, func(tx storage.Tx) error { return tx.Unassign(c.ID, key) })
			delete(w.assigned[c.ID], key)
			break
		}
	case 4:
		c.Version++
		c.UpdatedAt = w.instant()
		if w.rnd.IntN(2) == 0 {
			c.UpdatedAbroad, c.ListedAbroad = w.instant(), w.instant()
		}
		c.Category, c.Status = pick(w.rnd, []comity.Category{"ransomware", "fraud"}), pick(w.rnd, []comity.CaseStatus{comity.CaseOpen, comity.CaseClosed})
		c.Reserved = w.rnd.IntN(4) == 0
		c.Marking.TLP = pick(w.rnd, []comity.TLP{comity.TLPAmber, comity.TLPAmber, comity.TLPRed})
		write(w.t, w.db, func(tx storage.Tx) error { return tx.UpdateCase(c, c.Version-1) })
		w.cases[c.ID] = c
	case 5, 6, 7:
		o := pick(w.rnd, w.officers)
		if o.State == c.State {
			return
		}
		to := comity.Grantee{State: o.State}
		if w.rnd.IntN(2) == 0 {
			to.Agency = o.Agency
		}
		if w.rnd.IntN(3) == 0 {
			to.Officer = o.Ref()
		}
		g := newGrant(c, to, w.instant())
		g.NotAfter = g.NotBefore.Add(time.Duration(w.rnd.IntN(24)) * time.Hour)
		g.Status = pick(w.rnd, []comity.GrantStatus{comity.GrantActive, comity.GrantActive, comity.GrantPending})
		g.Purpose, g.AgreementHash = pick(w.rnd, comity.Purposes[:2]), pick(w.rnd, []string{"text-1", "text-2"})
		write(w.t, w.db, func(tx storage.Tx) error { return tx.InsertGrant(g) })
		w.put(g)
	case 8:
		for _, g := range w.grants {
			if g.Case != c.ID {
				continue
			}
			g.Version++
			g.Status = pick(w.rnd, []comity.GrantStatus{comity.GrantActive, comity.GrantRevoked, comity.GrantEnded})
			g.EndedAt = time.Time{}
			if g.Status != comity.GrantActive {
				g.EndedAt = w.instant()
			}
			g.NotAfter = g.NotBefore.Add(time.Duration(w.rnd.IntN(24)) * time.Hour)
			write(w.t, w.db, func(tx storage.Tx) error { return tx.UpdateGrant(g, g.Version-1) })
			w.put(g)
			break
		}
	case 9:
		var were []comity.Grant
		at := w.instant()
		write(w.t, w.db, func(tx storage.Tx) (err error) { were, err = tx.EndGrants(c.ID, at); return err })
		for _, g := range were {
			equal(w.t, "a grant as it was", g, w.grants[g.ID])
			g.Version, g.Status, g.EndedAt = g.Version+1, comity.GrantEnded, at
			w.put(g)
		}
	}
}

func (w *world) put(g comity.Grant) {
	w.grants[g.ID] = g
	w.wasActive[g.ID] = w.wasActive[g.ID] || g.Status == comity.GrantActive
}

// view is the rule.
func (w *world) view(v storage.Viewer, c storage.Case) (storage.CaseView, bool) {
	if c.State == v.Officer.State {
		view := storage.CaseView{Case: c, Wrapped: wrappedKey(c)}
		for _, key := range storage.ViewerKeys(v.Officer) {
			view.Own = view.Own || w.assigned[c.ID][key]
		}
		view.Assigned = w.assigned[c.ID][string(v.Officer.Ref())]
		view.Reached = w.assigned[c.ID][storage.OfficeViewer(c.State, v.Officer.Role)]
		return view, view.Own
	}
	view := storage.CaseView{Case: c, Wrapped: wrappedKey(c)}
	var last *comity.Grant
	var lastEnd time.Time
	for _, g := range w.grants {
		if g.Case != c.ID || !g.Grantee.Covers(v.Officer) || !w.wasActive[g.ID] || v.Officer.Role == comity.RoleAuditor {
			continue
		}
		if g.Live(v.At) {
			view.Grants = append(view.Grants, g)
			continue
		}
		end := g.NotAfter
		if g.Status == comity.GrantActive && v.At.Before(end) {
			continue // not begun
		}
		if g.Status != comity.GrantActive && g.EndedAt.Before(end) {
			end = g.EndedAt
		}
		if end.After(g.NotBefore) && (last == nil || end.After(lastEnd) || end.Equal(lastEnd) && g.ID > last.ID) {
			last, lastEnd = &g, end
		}
	}
	if len(view.Grants) > 0 && !c.Reserved {
		slices.SortFunc(view.Grants, func(a, b comity.Grant) int { return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID)) })
		return view, true
	}
	if last == nil {
		return storage.CaseView{}, false
	}
	return storage.CaseView{Case: storage.Case{Case: comity.Case{ID: c.ID, State: c.State}}, Ended: last}, true
}

func (w *world) compare(v storage.Viewer) {
	w.t.Helper()
	who := fmt.Sprintf("%s of %s at %v", v.Officer.Ref(), v.Officer.Agency, v.At)
	f := storage.CaseFilter{}
	if w.rnd.IntN(2) == 0 {
		f = storage.CaseFilter{State: pick(w.rnd, []comity.State{"", "KZ", "AM"}), Category: pick(w.rnd, []comity.Category{"", "fraud"}),
			Status: pick(w.rnd, []comity.CaseStatus{"", comity.CaseOpen}), Agency: pick(w.rnd, []comity.AgencyID{"", "", "AM/cyber"}),
			Own: w.rnd.IntN(4) == 0, Granted: w.rnd.IntN(4) == 0, Purpose: pick(w.rnd, comity.Purposes[:2])}
		for _, s := range []comity.State{"KZ", "AM", "BY"} {
			for _, c := range []comity.Category{"ransomware", "fraud"} {
				if w.rnd.IntN(4) > 0 {
					f.Bases = append(f.Bases, storage.Basis(s, pick(w.rnd, []string{"text-1", "text-2"}), c))
				}
			}
		}
	}
	wantViews := map[comity.ID]storage.CaseView{}
	var ids []comity.ID
	var want []storage.Key
	place := func(c storage.CaseView) storage.Key {
		if c.State == v.Officer.State {
			return storage.Key{At: c.UpdatedAt, ID: c.ID}
		}
		return storage.Key{At: c.ListedAbroad, ID: c.ID}
	}
	for id, c := range w.cases {
		ids = append(ids, id)
		view, ok := w.view(v, c)
		if !ok {
			continue
		}
		wantViews[id] = view
		if view.Ended == nil && (f.State == "" || c.State == f.State) && (f.Agency == "" || c.Agency == f.Agency) &&
			(f.Category == "" || c.Category == f.Category) && (f.Status == "" || c.Status == f.Status) &&
			(!f.Own || view.Own) && (!f.Granted || !view.Own) && (view.Own || f.Agency == "" && f.Category == "" && f.Status == "" ||
			c.Marking.TLP != comity.TLPRed && slices.ContainsFunc(view.Grants, func(g comity.Grant) bool {
				return g.Purpose == f.Purpose && slices.Contains(f.Bases, storage.Basis(g.State, g.AgreementHash, c.Category))
			})) {
			want = append(want, place(view))
		}
	}
	slices.SortFunc(want, newestFirst)
	var wantGrants []storage.Key
	for _, g := range w.grants {
		made := g.State == v.Officer.State
		if made && v.Officer.Role == comity.RoleInvestigator {
			_, made = wantViews[g.Case]
		}
		if made || g.State != v.Officer.State && g.Grantee.Covers(v.Officer) && w.wasActive[g.ID] {
			wantGrants = append(wantGrants, storage.Key{At: g.CreatedAt, ID: g.ID})
		}
	}
	slices.SortFunc(wantGrants, newestFirst)

	read(w.t, w.db, func(r storage.ReadTx) error {
		got, err := r.Cases(v, ids)
		if err != nil {
			return err
		}
		equal(w.t, "cases for "+who, got, wantViews)
		limit := 1 + w.rnd.IntN(7)
		equal(w.t, fmt.Sprintf("list of %+v for %s", f, who), pages(w.t, limit, func(p storage.Page) (keys []storage.Key) {
			views, err := r.ListCases(v, f, p)
			if err != nil {
				w.t.Fatal(err)
			}
			for _, c := range views {
				equal(w.t, "listed case", c, wantViews[c.ID])
				keys = append(keys, place(c))
			}
			return keys
		}), want)
		most := w.rnd.IntN(len(w.cases) + 2)
		n, err := r.CountCases(v, f, most)
		if err != nil {
			return err
		}
		if n != min(most, len(want)) {
			w.t.Errorf("count of %+v for %s up to %d: %d, want %d", f, who, most, n, min(most, len(want)))
		}
		equal(w.t, "grants for "+who, pages(w.t, limit, func(p storage.Page) (keys []storage.Key) {
			page, err := r.ListGrants(v, storage.GrantFilter{}, p)
			if err != nil {
				w.t.Fatal(err)
			}
			for _, g := range page {
				keys = append(keys, storage.Key{At: g.CreatedAt, ID: g.ID})
			}
			return keys
		}), wantGrants)
		return nil
	})
}
