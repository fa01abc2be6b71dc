package custodiantest

import (
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
)

func (w *World) assessOrder(t *testing.T, officer string, caseID comity.ID, found comity.Character) custodian.SignOrder {
	t.Helper()
	b := statement.AssessBody{ID: comity.NewID(comity.KindAssessment), Category: tokentest.Category, Character: found, Conduct: "a", Motive: "b", Context: "c"}
	return w.signOrder(t, officer, statement.KindAssessment, statement.ActCaseAssess, caseID, b.ID, caseID, b)
}

// assessedCase: a case that its state found not to be shareable is closed abroad by
// the custodian itself, and granted no more, until another officer than found it
// finds it ordinary; the last assessment counts in whatever order they come.
func assessedCase(t *testing.T, w *World) {
	e := w.NewExhibit(t, w.NewCase(t))
	grant, _ := w.Granted(t, e.Case, w.terms(e.ID))
	w.open(t, "investigator@AM", e, grant)
	w.sign(t, w.assessOrder(t, "liaison@KZ", e.Case, comity.CharacterOrdinary))
	w.open(t, "investigator@AM", e, grant)

	adverse := w.assessOrder(t, "liaison@KZ", e.Case, comity.CharacterPolitical)
	w.sign(t, adverse)
	w.closed(t, "a case that was found political", "investigator@AM", e, grant, denied(comity.ArticleNeutrality))
	_, err := w.Local.Standing(t.Context(), e.Case, grant, "AM")
	refused(t, "the standing of its grant", err, denied(comity.ArticleNeutrality))
	_, err = w.Local.Sign(t.Context(), w.grantOrder(t, "liaison@KZ", e.Case, w.terms(e.ID)))
	refused(t, "another grant of it", err, denied(comity.ArticleNeutrality))
	_, err = w.Local.Sign(t.Context(), w.assessOrder(t, "liaison@KZ", e.Case, comity.CharacterOrdinary))
	refused(t, "its overturning by who found it", err, denied(comity.ArticleNeutrality))
	again := adverse // an answer that was lost: the same act is signed once more
	again.Asker = w.asker(t, "liaison@KZ", statement.Act{Act: statement.ActCaseAssess, Record: e.Case}, adverse.Body)
	w.sign(t, again)
	w.closed(t, "the same case", "investigator@AM", e, grant, denied(comity.ArticleNeutrality))
	other := w.signOrder(t, "liaison@KZ", statement.KindAssessment, statement.ActCaseAssess, e.Case, adverse.ID, e.Case,
		statement.AssessBody{ID: adverse.ID, Category: tokentest.Category, Character: comity.CharacterOrdinary, Conduct: "a", Motive: "b", Context: "c"})
	_, err = w.Local.Sign(t.Context(), other)
	refused(t, "another finding under the same id", err, conflict)

	ordinary := w.sign(t, w.assessOrder(t, "investigator@KZ", e.Case, comity.CharacterOrdinary))
	w.open(t, "investigator@AM", e, grant)
	late := w.sign(t, w.assessOrder(t, "deputy@KZ", e.Case, comity.CharacterMilitary))
	w.apply(t, ordinary, late, ordinary)
	w.closed(t, "a case that was found military at last", "investigator@AM", e, grant, denied(comity.ArticleNeutrality))
	for what, c := range map[string]struct {
		officer string
		found   comity.Character
		want    refusal
	}{
		"an auditor's": {"auditor@KZ", comity.CharacterOrdinary, denied(comity.ArticleNoBypass)},
		"a foreign":    {"liaison@AM", comity.CharacterOrdinary, denied(comity.ArticleNonInterference)},
		"a nameless":   {"investigator@KZ", "BORING", invalid},
	} {
		_, err := w.Local.Sign(t.Context(), w.assessOrder(t, c.officer, e.Case, c.found))
		refused(t, what+" assessment", err, c.want)
	}
}

// assessedAgain: an officer's act that was used is given to another process, or after
// a restart, once another officer found the case not shareable.
func assessedAgain(t *testing.T, w *World) {
	c := w.NewCase(t)
	ordinary, same := w.assessOrder(t, "liaison@KZ", c, comity.CharacterOrdinary), w.assessOrder(t, "investigator@KZ", c, comity.CharacterOrdinary)
	w.sign(t, ordinary)
	w.sign(t, same)
	w.sign(t, w.assessOrder(t, "deputy@KZ", c, comity.CharacterPolitical))
	for range 2 {
		for what, o := range map[string]custodian.SignOrder{"the first": ordinary, "the second": same} {
			_, err := w.over(w.Keys).Sign(t.Context(), o)
			refused(t, what+" assessment, given again", err, conflict)
		}
	}
	_, err := w.Local.Sign(t.Context(), w.grantOrder(t, "liaison@KZ", c, w.terms()))
	refused(t, "a grant of what is not shareable", err, denied(comity.ArticleNeutrality))
	w.sign(t, w.assessOrder(t, "liaison@KZ", c, comity.CharacterOrdinary)) // anew
	w.sign(t, w.grantOrder(t, "liaison@KZ", c, w.terms()))
}
