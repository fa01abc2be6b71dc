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
}
