package custodiantest

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
)

// proposed turns an order into one of a proposal.
func proposed(o custodian.SignOrder) custodian.SignOrder {
	o.Kind, o.Of = statement.KindProposal, o.Kind
	return o
}

// approving is an order by a second officer over what a proposal has.
func (w *World) approving(t *testing.T, officer string, o custodian.SignOrder, proposal string) custodian.SignOrder {
	t.Helper()
	p, err := w.Union.Directory.VerifyStatement(proposal)
	if err != nil {
		t.Fatal(err)
	}
	a, _, err := statement.ReadActAnytime(p.Act)
	if err != nil {
		t.Fatal(err)
	}
	o.Kind, o.Of, o.Body, o.Proposal = p.Of, "", p.Body, proposal
	o.Asker = w.asker(t, officer, statement.Act{Act: a.Act, Record: a.Record, Seconded: a.Seconded}, p.Body)
	return o
}

// twoOfficers: a proposal puts nothing in force; what a second officer approves
// names both, and is what the first signed.
func twoOfficers(t *testing.T, w *World) {
	e := w.NewExhibit(t, w.NewCase(t))
	o := w.pairedOrder(t, "liaison@KZ", e.Case, w.terms(e.ID))
	proposal := w.sign(t, proposed(o))
	p, err := w.Union.Directory.VerifyStatement(proposal)
	if err != nil || p.Kind != statement.KindProposal || p.Of != statement.KindGrant || p.ID != o.ID || p.Record != e.Case || p.Second != nil {
		t.Fatalf("the proposal says %+v: %v", p, err)
	}
	refused(t, "a proposal put into the register", w.Local.Apply(t.Context(), proposal), invalid)
	w.closed(t, "a grant that is only proposed", "investigator@AM", e, o.ID, absent)

	w.advance(statement.ProposalAge - time.Minute)
	s, err := w.Union.Directory.VerifyStatement(w.sign(t, w.approving(t, "deputy@KZ", o, proposal)))
	if err != nil {
		t.Fatal(err)
	}
	if s.Kind != statement.KindGrant || s.Of != "" || s.Officer != p.Officer || s.Act != p.Act || s.Second == nil || s.Second.Officer.Ref == s.Officer.Ref {
		t.Fatalf("the grant of two officers says %+v", s)
	}
}

// proposalRefused: who may not approve what.
func proposalRefused(t *testing.T, w *World) {
	e := w.NewExhibit(t, w.NewCase(t))
	o := w.pairedOrder(t, "liaison@KZ", e.Case, w.terms(e.ID))
	proposal := w.sign(t, proposed(o))
	other := w.pairedOrder(t, "liaison@KZ", e.Case, w.terms())
	otherProposal := w.sign(t, proposed(other))
	w.sessions["again"] = func() session {
		id, token, key := w.Union.Login(t, "liaison@KZ")
		return session{id.Officer, token, key}
	}()
	again := w.approving(t, "deputy@KZ", o, proposal)
	again.Asker = statement.Asker{Token: w.sessions["again"].token,
		Act: w.Union.Act(t, w.sessions["again"].key, statement.Act{Act: statement.ActGrantMake, Record: e.Case, Seconded: true}, o.Body)}

	swapped := w.approving(t, "deputy@KZ", other, otherProposal)
	swapped.Proposal = proposal
	relabelled := w.approving(t, "deputy@KZ", o, proposal)
	relabelled.ID = comity.NewID(comity.KindGrant)
	elsewhere := w.approving(t, "deputy@KZ", o, proposal)
	elsewhere.Record = comity.NewID(comity.KindCase)
	made := w.grantOrder(t, "liaison@KZ", e.Case, w.terms(e.ID))
	notProposed := w.approving(t, "deputy@KZ", o, proposal)
	notProposed.Proposal = w.sign(t, made)
	nested := w.approving(t, "deputy@KZ", o, proposal)
	nested.Kind, nested.Of = statement.KindProposal, statement.KindGrant
	asMade := o // the proposal's own act, put forward as the whole grant
	asMade.Kind, asMade.Of = statement.KindGrant, ""
	asMade.Asker = w.asker(t, "liaison@KZ", statement.Act{Act: statement.ActGrantMake, Record: e.Case, Seconded: true}, o.Body)
	approvalAsMade := w.approving(t, "deputy@KZ", o, proposal)
	approvalAsMade.Proposal = ""
	madeAsProposed := proposed(w.grantOrder(t, "liaison@KZ", e.Case, w.terms(e.ID)))
	aloneAsApproval := w.approving(t, "deputy@KZ", o, proposal)
	aloneAsApproval.Asker = w.asker(t, "deputy@KZ", statement.Act{Act: statement.ActGrantMake, Record: e.Case}, o.Body)
	revocation := w.revokeOrder(t, "liaison@KZ", o.ID, e.Case)
	ofNothing := proposed(w.pairedOrder(t, "liaison@KZ", e.Case, w.terms(e.ID)))
	ofNothing.Of = ""
	ofProposal := proposed(w.pairedOrder(t, "liaison@KZ", e.Case, w.terms(e.ID)))
	ofProposal.Of = statement.KindProposal
	foreign := w.approving(t, "deputy@KZ", o, proposal)
	foreign.Proposal = w.foreign(t, "AM", statement.KindGrant, o.ID, e.Case, json.RawMessage(o.Body))

	for what, c := range map[string]struct {
		order custodian.SignOrder
		want  refusal
	}{
		"an approval by the same officer":                  {w.approving(t, "liaison@KZ", o, proposal), denied(comity.ArticleLiaison)},
		"an approval by the same officer in a new session": {again, denied(comity.ArticleLiaison)},
		"an approval by an investigator":                   {w.approving(t, "investigator@KZ", o, proposal), denied(comity.ArticleLiaison)},
		"an approval by the authority":                     {w.approving(t, "authority@KZ", o, proposal), denied(comity.ArticleLiaison)},
		"an approval by another state's liaison":           {w.approving(t, "liaison@AM", o, proposal), denied(comity.ArticleNonInterference)},
		"an approval over other terms":                     {swapped, invalid},
		"an approval under another id":                     {relabelled, invalid},
		"an approval of another case":                      {elsewhere, unauthenticated},
		"an approval of what is no proposal":               {notProposed, invalid},
		"an approval of another state's statement":         {foreign, invalid},
		"a proposal that approves":                         {nested, invalid},
		"a proposal put forward as the grant":              {asMade, unauthenticated},
		"an approval put forward as the grant":             {approvalAsMade, unauthenticated},
		"a grant put forward as a proposal":                {madeAsProposed, unauthenticated},
		"a grant put forward as an approval":               {aloneAsApproval, unauthenticated},
		"a proposal of what one officer does":              {proposed(revocation), invalid},
		"a proposal of nothing":                            {ofNothing, invalid},
		"a proposal of a proposal":                         {ofProposal, invalid},
	} {
		_, err := w.Local.Sign(t.Context(), c.order)
		refused(t, what, err, c.want)
	}
	bad := w.terms(e.ID)
	bad.Release = ""
	_, err := w.Local.Sign(t.Context(), proposed(w.pairedOrder(t, "liaison@KZ", e.Case, bad)))
	refused(t, "a proposal of terms that the Articles forbid", err, denied(comity.ArticleLiaison))

	w.advance(statement.ProposalAge + time.Second)
	_, err = w.Local.Sign(t.Context(), w.approving(t, "deputy@KZ", o, proposal))
	refused(t, "an approval after the proposal lapsed", err, denied(comity.ArticleLiaison))
}
