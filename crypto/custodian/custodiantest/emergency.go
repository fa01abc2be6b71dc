package custodiantest

import (
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
)

func (w *World) danger(exhibits ...comity.ID) statement.GrantBody {
	b := w.terms(exhibits...)
	b.NotAfter = w.now() + int64(30*24*time.Hour/time.Second)
	b.Purpose, b.Release, b.Emergency = comity.PurposeDangerToLife, "", "a bomb is to go off"
	return b
}

// atOnce makes grants that are all signed before the first is in force.
func (w *World) atOnce(t *testing.T, c comity.ID, terms ...statement.GrantBody) (ids []comity.ID) {
	t.Helper()
	var all []string
	for _, b := range terms {
		ids = append(ids, b.ID)
		all = append(all, w.sign(t, w.grantOrder(t, "liaison@KZ", c, b)))
	}
	w.apply(t, all...)
	return ids
}

func (w *World) confirmOrder(t *testing.T, officer string, grant, caseID comity.ID, until int64) custodian.SignOrder {
	t.Helper()
	return w.signOrder(t, officer, statement.KindConfirmation, statement.ActGrantConfirm, grant, grant, caseID,
		statement.ConfirmBody{Case: caseID, Release: comity.NewID(comity.KindRelease), NotAfter: until})
}

// takesTwo: the custodian itself wants a second liaison for TLP:RED and for
// originals, whatever the exchange says.
func takesTwo(t *testing.T, w *World) {
	c := w.NewCase(t)
	e := w.begin(t, w.originalOrder(t, c, comity.NewID(comity.KindEvidence)))
	w.sign(t, w.receiptOrder(t, "investigator@KZ", e))
	red := w.terms()
	red.Caveats.Marking.TLP = comity.TLPRed
	for what, b := range map[string]statement.GrantBody{"an original": w.terms(e.ID), "TLP:RED": red} {
		alone := w.grantOrder(t, "liaison@KZ", c, b)
		_, err := w.Local.Sign(t.Context(), alone)
		refused(t, what+" by one liaison", err, denied(comity.ArticleLiaison))
		b.ID = comity.NewID(comity.KindGrant)
		first := w.pairedOrder(t, "liaison@KZ", c, b)
		made, err := w.Union.Directory.VerifyStatement(w.sign(t, w.approving(t, "deputy@KZ", first, w.sign(t, proposed(first)))))
		if err != nil || made.Second == nil {
			t.Errorf("%s by two liaisons: %v", what, err)
		}
	}
}

// originalOrder is an order for a new original under an id.
func (w *World) originalOrder(t *testing.T, caseID, id comity.ID) custodian.BeginOrder {
	t.Helper()
	o := w.beginOrder(t, "investigator@KZ", caseID)
	o.Evidence, o.Body.Original = id, true
	o.Asker = w.asker(t, "investigator@KZ", statement.Act{Act: statement.ActEvidenceBegin, Record: caseID,
		RecipientJKT: thumb(t, w.session(t, "investigator@KZ").key)}, o.Body)
	return o
}

// grantedBefore: no exhibit is granted before the register knows what it is; and
// an original that it was not granted as opens under no grant of one liaison.
func grantedBefore(t *testing.T, w *World) {
	c := w.NewCase(t)
	future, uploading, elsewhere := comity.NewID(comity.KindEvidence), w.begun(t, c), w.NewExhibit(t, w.NewCase(t))
	for what, id := range map[string]comity.ID{"that is to come": future, "whose upload goes on": uploading.ID, "of another case": elsewhere.ID} {
		for how, b := range map[string]statement.GrantBody{"alone": w.terms(id), "in danger to life": w.danger(id)} {
			_, err := w.Local.Sign(t.Context(), w.grantOrder(t, "liaison@KZ", c, b))
			refused(t, "an exhibit "+what+" granted "+how, err, invalid)
		}
		_, err := w.Local.Sign(t.Context(), proposed(w.pairedOrder(t, "liaison@KZ", c, w.terms(id))))
		refused(t, "an exhibit "+what+" proposed", err, invalid)
	}
	// Signed before custodians refused that.
	once := w.terms(future)
	danger := w.danger(future)
	w.apply(t, w.unjudged(t, "liaison@KZ", c, once), w.unjudged(t, "liaison@KZ", c, danger))
	e := w.begin(t, w.originalOrder(t, c, future))
	w.sign(t, w.receiptOrder(t, "investigator@KZ", e))
	w.closed(t, "an original by a grant of one liaison", "investigator@AM", e, once.ID, denied(comity.ArticleLiaison))
	w.openFor(t, "investigator@AM", e, danger.ID, comity.PurposeDangerToLife)
	two := w.pairedOrder(t, "liaison@KZ", c, w.terms(future))
	w.apply(t, w.sign(t, w.approving(t, "deputy@KZ", two, w.sign(t, proposed(two)))))
	w.open(t, "investigator@AM", e, two.ID)
}

// unjudged is a grant that the state signed without judging it.
func (w *World) unjudged(t *testing.T, officer string, c comity.ID, b statement.GrantBody) string {
	t.Helper()
	judged := w.terms()
	judged.ID = comity.NewID(comity.KindGrant)
	s, err := w.Union.Directory.VerifyStatement(w.sign(t, w.grantOrder(t, officer, c, judged)))
	if err != nil {
		t.Fatal(err)
	}
	o := w.grantOrder(t, officer, c, b)
	s.ID, s.Act, s.Body = b.ID, o.Act, o.Body
	signer, err := w.Keys.Signer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	jws, err := statement.Sign(t.Context(), signer, statement.TypStatement, s)
	if err != nil {
		t.Fatal(err)
	}
	return jws
}

// emergency: what one liaison grants in danger to life lapses after 72 hours by
// the custodian's clock, unless another confirms it; then it runs to the end
// confirmed.
func emergency(t *testing.T, w *World) {
	e := w.NewExhibit(t, w.NewCase(t))
	made := w.atOnce(t, e.Case, w.danger(e.ID), w.danger(e.ID), w.danger(e.ID))
	lapsing, confirmed, narrowed := made[0], made[1], made[2]
	w.sign(t, w.narrowOrder(t, "liaison@KZ", narrowed, e.Case, statement.NarrowBody{Scope: comity.ScopeSummary, Exhibits: []comity.ID{e.ID},
		Caveats: comity.Caveats{Marking: comity.DefaultMarking}, NotAfter: w.now() + 60}))
	until := w.now() + int64(10*24*time.Hour/time.Second)
	for _, id := range []comity.ID{confirmed, narrowed} {
		jws := w.sign(t, w.confirmOrder(t, "deputy@KZ", id, e.Case, until))
		w.apply(t, jws, jws)
	}
	for _, id := range []comity.ID{lapsing, confirmed} {
		w.openFor(t, "investigator@AM", e, id, comity.PurposeDangerToLife)
	}
	open, err := w.Local.Standing(t.Context(), e.Case, lapsing, "AM")
	if want := w.now() + int64(comity.EmergencyAge/time.Second); err != nil || open.NotAfter > want || open.NotAfter < want-60 {
		t.Errorf("an unconfirmed grant stands until %d, wanted %d: %v", open.NotAfter, want, err)
	}
	if open, err = w.Local.Standing(t.Context(), e.Case, narrowed, "AM"); err != nil || open.NotAfter > w.now()+60 || open.Scope != comity.ScopeSummary {
		t.Errorf("a confirmation widened what was narrowed: %+v, %v", open, err)
	}
	w.advance(comity.EmergencyAge + time.Second)
	w.closedFor(t, "a grant that nobody confirmed", "investigator@AM", e, lapsing, comity.PurposeDangerToLife, denied(comity.ArticleTerm))
	w.openFor(t, "investigator@AM", e, confirmed, comity.PurposeDangerToLife)
	w.advance(10 * 24 * time.Hour)
	w.closedFor(t, "a confirmed grant after its end", "investigator@AM", e, confirmed, comity.PurposeDangerToLife, denied(comity.ArticleTerm))
}

// confirmationRefused: who may not confirm what, and what is no emergency.
func confirmationRefused(t *testing.T, w *World) {
	e := w.NewExhibit(t, w.NewCase(t))
	made := w.atOnce(t, e.Case, w.danger(e.ID), w.danger(e.ID), w.terms(e.ID))
	grant, revoked, plain := made[0], made[1], made[2]
	w.sign(t, w.revokeOrder(t, "liaison@KZ", revoked, e.Case))
	end := w.now() + int64(20*24*time.Hour/time.Second)
	noRelease := w.signOrder(t, "deputy@KZ", statement.KindConfirmation, statement.ActGrantConfirm, grant, grant, e.Case,
		statement.ConfirmBody{Case: e.Case, NotAfter: end})
	elsewhere := comity.NewID(comity.KindCase)
	for what, c := range map[string]struct {
		order custodian.SignOrder
		want  refusal
	}{
		"by who made it":              {w.confirmOrder(t, "liaison@KZ", grant, e.Case, end), denied(comity.ArticleLiaison)},
		"by an investigator":          {w.confirmOrder(t, "investigator@KZ", grant, e.Case, end), denied(comity.ArticleLiaison)},
		"by the authority":            {w.confirmOrder(t, "authority@KZ", grant, e.Case, end), denied(comity.ArticleLiaison)},
		"by another state's liaison":  {w.confirmOrder(t, "liaison@AM", grant, e.Case, end), denied(comity.ArticleNonInterference)},
		"for longer than was granted": {w.confirmOrder(t, "deputy@KZ", grant, e.Case, end+int64(11*24*time.Hour/time.Second)), denied(comity.ArticleTerm)},
		"over no release decision":    {noRelease, denied(comity.ArticleLiaison)},
		"of a grant of two":           {w.confirmOrder(t, "deputy@KZ", plain, e.Case, end), invalid},
		"of a revoked grant":          {w.confirmOrder(t, "deputy@KZ", revoked, e.Case, end), denied(comity.ArticleTerm)},
		"of no grant":                 {w.confirmOrder(t, "deputy@KZ", comity.NewID(comity.KindGrant), e.Case, end), absent},
		"of another case's grant":     {w.confirmOrder(t, "deputy@KZ", grant, elsewhere, end), invalid},
	} {
		_, err := w.Local.Sign(t.Context(), c.order)
		refused(t, "a confirmation "+what, err, c.want)
	}
	for what, change := range map[string]func(*statement.GrantBody){
		"for an investigation":     func(b *statement.GrantBody) { b.Purpose = comity.PurposeInvestigation },
		"over a faulty release":    func(b *statement.GrantBody) { b.Release = comity.NewID(comity.KindCase) },
		"without saying so at all": func(b *statement.GrantBody) { b.Emergency = "" },
	} {
		b := w.danger(e.ID)
		change(&b)
		_, err := w.Local.Sign(t.Context(), w.grantOrder(t, "liaison@KZ", e.Case, b))
		refused(t, "an emergency "+what, err, denied(comity.ArticleLiaison))
	}
	kept := w.sign(t, w.confirmOrder(t, "deputy@KZ", grant, e.Case, end))
	w.advance(comity.EmergencyAge + time.Second)
	_, err := w.Local.Sign(t.Context(), w.confirmOrder(t, "deputy@KZ", grant, e.Case, end))
	refused(t, "a confirmation after the grant lapsed", err, denied(comity.ArticleLiaison))
	refused(t, "a confirmation that was kept back", w.Local.Apply(t.Context(), kept), denied(comity.ArticleLiaison))
	w.closedFor(t, "a grant whose confirmation was kept back", "investigator@AM", e, grant, comity.PurposeDangerToLife, denied(comity.ArticleTerm))
}

// emergencyOnce: who granted in danger to life does not prolong it by granting
// again, whatever became of that grant, until another liaison confirmed it.
func emergencyOnce(t *testing.T, w *World) {
	e := w.NewExhibit(t, w.NewCase(t))
	b := w.danger(e.ID)
	b.NotAfter = w.now() + 3600
	made, jws := w.Granted(t, e.Case, b)
	lapses := w.now() + int64(comity.EmergencyAge/time.Second)
	again := func(what, officer string, change func(*statement.GrantBody), want *refusal) {
		t.Helper()
		b := w.danger(e.ID)
		change(&b)
		_, err := w.Local.Sign(t.Context(), w.grantOrder(t, officer, e.Case, b))
		switch {
		case want != nil:
			refused(t, what, err, *want)
		case err != nil:
			t.Errorf("%s: %v", what, err)
		}
	}
	no := denied(comity.ArticleLiaison)
	same := func(*statement.GrantBody) {}
	again("a second emergency of the same liaison", "liaison@KZ", same, &no)
	again("one that ends within the first one's time", "liaison@KZ", func(b *statement.GrantBody) { b.NotAfter = lapses - 60 }, nil)
	again("one to another agency of the state", "liaison@KZ", func(b *statement.GrantBody) { b.Grantee.Agency = "" }, &no)
	again("one to another state", "liaison@KZ", func(b *statement.GrantBody) { b.Grantee = comity.Grantee{State: "BY"} }, nil)
	again("another liaison's", "deputy@KZ", same, nil)
	again("one over a release decision", "liaison@KZ", func(b *statement.GrantBody) { b.Emergency, b.Release = "", comity.NewID(comity.KindRelease) }, nil)
	w.sign(t, w.revokeOrder(t, "liaison@KZ", made, e.Case))
	again("one after the first was revoked", "liaison@KZ", same, &no)
	w.advance(comity.EmergencyAge + time.Hour)
	again("one after the first lapsed", "liaison@KZ", same, &no)

	other, _ := w.Granted(t, e.Case, func() statement.GrantBody { b := w.danger(e.ID); b.Grantee = comity.Grantee{State: "BY"}; return b }())
	confirmed := w.sign(t, w.confirmOrder(t, "deputy@KZ", other, e.Case, w.now()+3600))
	w.apply(t, confirmed)
	to := func(b *statement.GrantBody) { b.Grantee = comity.Grantee{State: "BY"} }
	again("one after the first was confirmed", "liaison@KZ", to, nil)
	w.advance(time.Minute)
	_, third := w.Granted(t, e.Case, func() statement.GrantBody { b := w.danger(e.ID); to(&b); return b }())
	w.apply(t, jws, confirmed, third) // the outbox comes late
	again("one after a later one that nobody confirmed", "liaison@KZ", to, &no)
}

// emergencyEach: what another liaison confirmed of a grant in danger to life says
// nothing of another one, which the same liaison renews alone no more than before.
func emergencyEach(t *testing.T, w *World) {
	e := w.NewExhibit(t, w.NewCase(t))
	wide, slight := w.danger(e.ID), w.danger()
	slight.Scope = comity.ScopeSummary
	made := w.atOnce(t, e.Case, wide, slight)
	no := denied(comity.ArticleLiaison)
	renewed := func(what string) {
		t.Helper()
		_, err := w.Local.Sign(t.Context(), w.grantOrder(t, "liaison@KZ", e.Case, w.danger(e.ID)))
		refused(t, what, err, no)
	}
	w.advance(71 * time.Hour)
	confirmed := w.sign(t, w.confirmOrder(t, "deputy@KZ", made[1], e.Case, w.now()+3600))
	w.apply(t, confirmed, confirmed)
	renewed("the wide one after the slight one was confirmed")
	w.advance(2 * time.Hour)
	w.closedFor(t, "the wide one after its time", "investigator@AM", e, made[0], comity.PurposeDangerToLife, denied(comity.ArticleTerm))
	renewed("the wide one after it lapsed")

	// Both confirmed, in either order.
	other := w.NewExhibit(t, w.NewCase(t))
	both := w.atOnce(t, other.Case, w.danger(other.ID), w.danger(other.ID))
	for _, id := range []comity.ID{both[1], both[0]} {
		_, err := w.Local.Sign(t.Context(), w.grantOrder(t, "liaison@KZ", other.Case, w.danger(other.ID)))
		refused(t, "another while one is not confirmed", err, no)
		w.apply(t, w.sign(t, w.confirmOrder(t, "deputy@KZ", id, other.Case, w.now()+3600)))
	}
	w.Granted(t, other.Case, w.danger(other.ID))
}

// manyDangers: one liaison's grants in danger to life are bounded, and leave room
// for another's.
func manyDangers(t *testing.T, w *World) {
	c := w.NewCase(t)
	within := func() statement.GrantBody {
		b := w.danger()
		b.NotAfter = w.now() + 3600
		return b
	}
	for range 20 {
		w.Granted(t, c, within())
	}
	late := w.unjudged(t, "liaison@KZ", c, within())
	refused(t, "one too many that was signed before", w.Local.Apply(t.Context(), late), denied(comity.ArticleLiaison))
	_, err := w.Local.Sign(t.Context(), w.grantOrder(t, "liaison@KZ", c, within()))
	refused(t, "one too many", err, denied(comity.ArticleLiaison))
	w.apply(t, w.sign(t, w.grantOrder(t, "deputy@KZ", c, within())))
}
