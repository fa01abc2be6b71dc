package custodiantest

import (
	"slices"
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
)

// standing: the register tells what it leaves open of a grant, and to nobody
// but the grantee's state.
func standing(t *testing.T, w *World) {
	caseID := w.NewCase(t)
	a, b := w.NewExhibit(t, caseID), w.NewExhibit(t, caseID)
	terms := w.terms(a.ID, b.ID)
	o := w.grantOrder(t, "liaison@KZ", caseID, terms)
	grant := w.sign(t, o)
	ask := func(record comity.ID, to comity.State) (custodian.Limits, error) {
		return w.Local.Standing(t.Context(), record, o.ID, to)
	}
	open := func(what string, scope comity.Scope, notAfter int64, exhibits ...comity.ID) {
		t.Helper()
		got, err := ask(caseID, "AM")
		if err != nil || got.Scope != scope || got.NotAfter != notAfter || !slices.Equal(got.Exhibits, exhibits) {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
	}
	_, err := ask(caseID, "AM")
	refused(t, "before the register has it", err, absent)
	w.apply(t, grant)
	open("as it was granted", terms.Scope, terms.NotAfter, a.ID, b.ID)
	_, err = ask(caseID, "BY")
	refused(t, "to another state", err, absent)
	_, err = ask(w.NewCase(t), "AM")
	refused(t, "on another case", err, absent)
	w.apply(t, w.sign(t, w.narrowOrder(t, "liaison@KZ", o.ID, caseID, statement.NarrowBody{Scope: comity.ScopeSummary,
		Exhibits: []comity.ID{b.ID}, Caveats: terms.Caveats, NotAfter: terms.NotAfter - 1})))
	open("narrowed", comity.ScopeSummary, terms.NotAfter-1, b.ID)
	w.apply(t, w.sign(t, w.revokeOrder(t, "liaison@KZ", o.ID, caseID)))
	_, err = ask(caseID, "AM")
	refused(t, "revoked", err, denied(comity.ArticleTerm))
	// Whether it has begun is for the exchange's clock.
	later := w.terms(a.ID)
	later.NotBefore = w.now() + 3600
	o = w.grantOrder(t, "liaison@KZ", caseID, later)
	w.apply(t, w.sign(t, o))
	open("before it begins", later.Scope, later.NotAfter, a.ID)
}

// named: of the persons whom a grant names the register keeps those that every
// narrowing left, in whichever order it comes, and lets none be named anew.
func named(t *testing.T, w *World) {
	caseID := w.NewCase(t)
	var all []comity.ID
	for range 3 {
		all = append(all, comity.NewID(comity.KindSubject))
	}
	terms := w.terms()
	terms.Subjects = all
	for _, first := range []bool{true, false} {
		terms.ID = comity.NewID(comity.KindGrant)
		o := w.grantOrder(t, "liaison@KZ", caseID, terms)
		grant := w.sign(t, o)
		remain := func(what string, want ...comity.ID) {
			t.Helper()
			got, err := w.Local.Standing(t.Context(), caseID, o.ID, "AM")
			if err != nil || !slices.Equal(got.Subjects, want) {
				t.Errorf("%s, the grant first %v: %v, %v", what, first, got.Subjects, err)
			}
		}
		narrower := func(subjects ...comity.ID) custodian.SignOrder {
			return w.narrowOrder(t, "liaison@KZ", o.ID, caseID, statement.NarrowBody{Scope: terms.Scope, Subjects: subjects, Caveats: terms.Caveats, NotAfter: terms.NotAfter})
		}
		if first {
			w.apply(t, grant)
			remain("as it was granted", all...)
		}
		w.sign(t, narrower(all[0], all[1]))
		if !first {
			w.apply(t, grant)
		}
		remain("narrowed", all[0], all[1])
		for what, more := range map[string][]comity.ID{"a person more": all, "a person for another": {all[0], all[2]}} {
			_, err := w.Local.Sign(t.Context(), narrower(more...))
			refused(t, what, err, denied(comity.ArticleTerm))
		}
		_, err := w.Local.Sign(t.Context(), narrower(all[0], all[0]))
		refused(t, "a person twice", err, invalid)
		// A narrowing that another custodian of the state signed beside it.
		w.apply(t, signed(t, w.aside(t), narrower(all[1], all[2])))
		remain("narrowed twice", all[1])
		w.sign(t, narrower())
		remain("narrowed to nobody")
		w.apply(t, grant)
		remain("the grant applied once more")
	}
}

// entered: the register tells its own exchange what it knows of a record.
func entered(t *testing.T, w *World) {
	caseID := w.NewCase(t)
	e := w.NewExhibit(t, caseID)
	terms := w.terms(e.ID)
	o := w.grantOrder(t, "liaison@KZ", caseID, terms)
	word := func(what string, record comity.ID, ended bool, scope comity.Scope) {
		t.Helper()
		got, err := w.Local.Entered(t.Context(), record)
		if err != nil || got.Ended != ended || (got.Limits != nil) != (scope != "") || got.Limits != nil && got.Limits.Scope != scope {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
	}
	word("a grant that is not there", o.ID, false, "")
	word("a case of which nothing is said", caseID, false, "")
	w.apply(t, w.sign(t, o))
	word("a grant", o.ID, false, terms.Scope)
	strict := comity.Caveats{Marking: comity.Marking{TLP: comity.TLPAmberStrict, PAP: terms.Caveats.Marking.PAP, Handling: comity.H2}}
	w.sign(t, w.narrowOrder(t, "liaison@KZ", o.ID, caseID, statement.NarrowBody{Scope: comity.ScopeSummary,
		Exhibits: []comity.ID{e.ID}, Caveats: strict, NotAfter: terms.NotAfter - 1}))
	word("a narrowed grant", o.ID, false, comity.ScopeSummary)
	if got, err := w.Local.Standing(t.Context(), caseID, o.ID, "AM"); err != nil || got.Marking != strict.Marking {
		t.Errorf("stricter caveats: %+v, %v", got, err)
	}
	w.sign(t, w.revokeOrder(t, "liaison@KZ", o.ID, caseID))
	word("a revoked grant", o.ID, true, comity.ScopeSummary)
	w.sign(t, w.reserveOrder(t, "authority@KZ", caseID))
	word("a reserved case", caseID, true, "")
}
