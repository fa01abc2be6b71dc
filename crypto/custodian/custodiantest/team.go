package custodiantest

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
)

var members = []comity.Grantee{{State: "AM"}, {State: "BY"}}

func (w *World) contribution(exhibits ...comity.ID) statement.ContributionBody {
	return statement.ContributionBody{ID: comity.NewID(comity.KindRelease), Team: tokentest.Team, Category: tokentest.Category,
		Marking: comity.DefaultMarking, Scope: comity.ScopeFull, Exhibits: exhibits, Purpose: comity.PurposeInvestigation,
		NotAfter: w.now() + 14*24*3600}
}

func (w *World) contributeOrder(t *testing.T, officer string, caseID comity.ID, b statement.ContributionBody) custodian.SignOrder {
	t.Helper()
	return w.signOrder(t, officer, statement.KindContribution, statement.ActCaseContribute, caseID, b.ID, caseID, b)
}

func (w *World) contributionEndOrder(t *testing.T, officer string, id, caseID comity.ID) custodian.SignOrder {
	t.Helper()
	return w.signOrder(t, officer, statement.KindContributionEnd, statement.ActContributionWithdraw, id, id, caseID, statement.ContributionEndBody{Case: caseID})
}

func (w *World) standingGrant() statement.StandingBody {
	return statement.StandingBody{Team: tokentest.Team, Grantees: members, Scope: comity.ScopeFull, Grade: comity.GradeLead,
		Caveats: comity.Caveats{Marking: comity.DefaultMarking}, Purpose: comity.PurposeInvestigation, NotAfter: w.now() + 7*24*3600}
}

func (w *World) standingOrder(t *testing.T, officer string, b statement.StandingBody) custodian.SignOrder {
	t.Helper()
	id := comity.NewID(comity.KindStanding)
	return w.signOrder(t, officer, statement.KindStanding, statement.ActStandingMake, id, id, id, b)
}

func (w *World) standingEndOrder(t *testing.T, officer string, id comity.ID) custodian.SignOrder {
	t.Helper()
	return w.signOrder(t, officer, statement.KindStandingEnd, statement.ActStandingEnd, id, id, id, statement.StandingEndBody{Reason: "done"})
}

// under has a grant under a standing grant made and applied, and gives its id.
func (w *World) under(t *testing.T, u statement.Under, to comity.Grantee) comity.ID {
	t.Helper()
	jws, err := w.Local.GrantUnder(t.Context(), u, to)
	if err != nil {
		t.Fatalf("a grant under a standing grant: %v", err)
	}
	w.apply(t, jws)
	s, err := w.Union.Directory.VerifyStatement(jws)
	if err != nil {
		t.Fatal(err)
	}
	return s.ID
}

// team: by one standing grant each member reads what is contributed to the joint
// team, until the contribution or the standing grant ends, or the case is reserved.
func team(t *testing.T, w *World) {
	w.Union.JoinTeam(t, "KZ", "AM", "BY")
	e := w.NewExhibit(t, w.NewCase(t))
	end := denied(comity.ArticleTerm)
	for what, over := range map[string]func(statement.Under, custodian.SignOrder, custodian.SignOrder){
		"the contribution withdrawn": func(_ statement.Under, c, _ custodian.SignOrder) {
			w.sign(t, w.contributionEndOrder(t, "investigator@KZ", c.ID, e.Case))
		},
		"the standing grant ended": func(_ statement.Under, _, s custodian.SignOrder) {
			w.sign(t, w.standingEndOrder(t, "deputy@KZ", s.ID))
		},
	} {
		contributed, standing := w.contributeOrder(t, "investigator@KZ", e.Case, w.contribution(e.ID)), w.standingOrder(t, "liaison@KZ", w.standingGrant())
		u := statement.Under{Standing: w.sign(t, standing), Contribution: w.sign(t, contributed)}
		for _, id := range []comity.ID{contributed.ID, standing.ID} {
			if got, err := w.Local.Entered(t.Context(), id); err != nil || !got.Made || got.Ended {
				t.Errorf("the register says of %s: %+v, %v", id, got, err)
			}
		}
		jws, err := w.Local.GrantUnder(t.Context(), u, members[0])
		if err != nil {
			t.Fatal(err)
		}
		s, err := w.Union.Directory.VerifyStatement(jws)
		if err != nil {
			t.Fatal(err)
		}
		w.closed(t, "before it is applied", "investigator@AM", e, s.ID, absent)
		armenia, belarus := w.under(t, u, members[0]), w.under(t, u, members[1])
		if armenia != s.ID || armenia == belarus {
			t.Error("the same made another grant, or two are one")
		}
		w.open(t, "investigator@AM", e, armenia)
		w.closed(t, "another member's grant", "investigator@AM", e, belarus, absent)
		w.open(t, "investigator@BY", e, belarus)
		one := w.NewExhibit(t, w.NewCase(t))
		w.closed(t, "what was not contributed", "investigator@AM", one, armenia, absent)

		over(u, contributed, standing)
		w.closed(t, what, "investigator@AM", e, armenia, end)
		w.closed(t, what, "investigator@BY", e, belarus, end)
		if _, err := w.Local.Standing(t.Context(), e.Case, armenia, "AM"); comity.CodeOf(err) != comity.CodeDenied {
			t.Errorf("%s: the register says of the grant: %v", what, err)
		}
		if got, err := w.Local.Entered(t.Context(), armenia); err != nil || !got.Ended {
			t.Errorf("%s: the register says of the grant: %+v, %v", what, got, err)
		}
		_, err = w.Local.GrantUnder(t.Context(), u, members[0])
		refused(t, what+", and another grant", err, end)
		w.apply(t, jws, u.Standing, u.Contribution) // the outbox comes late
		w.closed(t, what+", and all applied anew", "investigator@AM", e, armenia, end)
	}
}

// teamReserved: what was contributed before a reservation does not come back with
// its lifting; what is contributed after it is open again.
func teamReserved(t *testing.T, w *World) {
	w.Union.JoinTeam(t, "KZ", "AM", "BY")
	e := w.NewExhibit(t, w.NewCase(t))
	said := w.contribution(e.ID)
	u := statement.Under{Standing: w.sign(t, w.standingOrder(t, "liaison@KZ", w.standingGrant())),
		Contribution: w.sign(t, w.contributeOrder(t, "investigator@KZ", e.Case, said))}
	again := w.contributeOrder(t, "investigator@KZ", e.Case, said)
	w.sign(t, again) // by a repeat
	again = w.contributeOrder(t, "investigator@KZ", e.Case, said)
	id := w.under(t, u, members[0])
	w.open(t, "investigator@AM", e, id)

	w.sign(t, w.reserveOrder(t, "authority@KZ", e.Case))
	no := denied(comity.ArticleDomesticReservation)
	w.closed(t, "reserved", "investigator@AM", e, id, denied(comity.ArticleTerm))
	_, err := w.Local.GrantUnder(t.Context(), u, members[1])
	refused(t, "a grant of what is reserved", err, no)
	_, err = w.Local.Sign(t.Context(), w.contributeOrder(t, "investigator@KZ", e.Case, w.contribution(e.ID)))
	refused(t, "a contribution of what is reserved", err, no)

	o := w.liftOrder(t, "authority@KZ", e.Case)
	w.sign(t, w.approving(t, "second@KZ", o, w.sign(t, proposed(o))))
	_, err = w.Local.Sign(t.Context(), again)
	refused(t, "the contribution from before the reservation, signed anew", err, conflict)
	for _, to := range members {
		_, err = w.Local.GrantUnder(t.Context(), u, to)
		refused(t, "what was contributed before the reservation, to "+string(to.State), err, no)
	}
	w.closed(t, "lifted", "investigator@AM", e, id, denied(comity.ArticleTerm))
	u.Contribution = w.sign(t, w.contributeOrder(t, "investigator@KZ", e.Case, w.contribution(e.ID)))
	w.open(t, "investigator@AM", e, w.under(t, u, members[0]))

	// An agreement with another text is another team.
	standing := w.sign(t, w.standingOrder(t, "liaison@KZ", w.standingGrant()))
	for _, s := range []comity.State{"KZ", "AM", "BY"} {
		w.Union.Publish(t, s, func(m *statement.Manifest) {
			for i := range m.Agreements {
				if m.Agreements[i].Team {
					m.Agreements[i].Title = "Another"
				}
			}
		})
	}
	u.Standing = standing
	_, err = w.Local.GrantUnder(t.Context(), u, members[1])
	refused(t, "under a changed text", err, denied(comity.ArticleLegalBasis))
}

// teamRefused: what a contribution, a standing grant and a grant under it may not be.
func teamRefused(t *testing.T, w *World) {
	w.Union.JoinTeam(t, "KZ", "AM")
	e := w.NewExhibit(t, w.NewCase(t))
	eight, seven, eleven, nine := denied(comity.ArticleLiaison), denied(comity.ArticleLegalBasis), denied(comity.ArticleTerm), denied(comity.ArticlePurpose)
	far := w.now() + int64(121*24*time.Hour/time.Second)
	for what, x := range map[string]struct {
		change func(*statement.StandingBody)
		want   refusal
	}{
		"under an agreement that is no team": {func(b *statement.StandingBody) { b.Team = tokentest.Agreement }, seven},
		"under no agreement":                 {func(b *statement.StandingBody) { b.Team = "team-1999" }, seven},
		"to the own state":                   {func(b *statement.StandingBody) { b.Grantees = []comity.Grantee{{State: "KZ"}} }, seven},
		"to who is no member":                {func(b *statement.StandingBody) { b.Grantees = members }, seven},
		"to nobody":                          {func(b *statement.StandingBody) { b.Grantees = nil }, invalid},
		"twice to one":                       {func(b *statement.StandingBody) { b.Grantees = append(b.Grantees, b.Grantees[0]) }, invalid},
		"that outlasts the team":             {func(b *statement.StandingBody) { b.NotAfter = far }, eleven},
		"for more than 90 days":              {func(b *statement.StandingBody) { b.NotAfter = w.now() + int64(91*24*time.Hour/time.Second) }, eleven},
		"that has ended":                     {func(b *statement.StandingBody) { b.NotAfter = w.now() }, eleven},
		"of TLP:RED":                         {func(b *statement.StandingBody) { b.Caveats.Marking.TLP = comity.TLPRed }, eight},
		"of evidence without assistance":     {func(b *statement.StandingBody) { b.Grade = comity.GradeEvidence }, nine},
		"of no scope":                        {func(b *statement.StandingBody) { b.Scope = "ALL" }, invalid},
		"of no grade":                        {func(b *statement.StandingBody) { b.Grade = "RUMOUR" }, invalid},
		"for no purpose":                     {func(b *statement.StandingBody) { b.Purpose = "" }, invalid},
	} {
		b := w.standingGrant()
		b.Grantees = members[:1:1]
		x.change(&b)
		_, err := w.Local.Sign(t.Context(), w.standingOrder(t, "liaison@KZ", b))
		refused(t, "a standing grant "+what, err, x.want)
	}
	b := w.standingGrant()
	b.Grantees = members[:1:1]
	for officer, want := range map[string]refusal{"investigator@KZ": eight, "authority@KZ": eight, "liaison@AM": denied(comity.ArticleNonInterference)} {
		_, err := w.Local.Sign(t.Context(), w.standingOrder(t, officer, b))
		refused(t, "a standing grant by "+officer, err, want)
	}
	for what, x := range map[string]struct {
		change func(*statement.ContributionBody)
		want   refusal
	}{
		"to no team":             {func(b *statement.ContributionBody) { b.Team = tokentest.Agreement }, seven},
		"that outlasts the team": {func(b *statement.ContributionBody) { b.NotAfter = far }, eleven},
		"of no scope":            {func(b *statement.ContributionBody) { b.Scope = "" }, invalid},
		"of too much": {func(b *statement.ContributionBody) {
			for range statement.MaxContributed + 1 {
				b.Exhibits = append(b.Exhibits, comity.NewID(comity.KindEvidence))
			}
		}, invalid},
		"for no purpose": {func(b *statement.ContributionBody) { b.Purpose = "FUN" }, invalid},
		"naming persons within a summary": {func(b *statement.ContributionBody) {
			b.Scope, b.Subjects = comity.ScopeSummary, []comity.ID{comity.NewID(comity.KindSubject)}
		}, invalid},
	} {
		b := w.contribution()
		x.change(&b)
		_, err := w.Local.Sign(t.Context(), w.contributeOrder(t, "investigator@KZ", e.Case, b))
		refused(t, "a contribution "+what, err, x.want)
	}
	_, err := w.Local.Sign(t.Context(), w.contributeOrder(t, "investigator@AM", e.Case, w.contribution()))
	refused(t, "another state's contribution", err, denied(comity.ArticleNonInterference))
	_, err = w.Local.Sign(t.Context(), w.contributeOrder(t, "investigator@KZ", comity.NewID(comity.KindCase), w.contribution()))
	refused(t, "a contribution of another state's case", err, absent)

	for _, officer := range []string{"auditor@KZ", "authority@KZ"} {
		_, err = w.Local.Sign(t.Context(), w.contributeOrder(t, officer, e.Case, w.contribution()))
		refused(t, "a contribution by "+officer, err, eight)
	}

	// One officer is not both whom it takes.
	alone := statement.Under{Standing: w.sign(t, w.standingOrder(t, "liaison@KZ", b)), Contribution: w.sign(t, w.contributeOrder(t, "liaison@KZ", e.Case, w.contribution(e.ID)))}
	_, err = w.Local.GrantUnder(t.Context(), alone, members[0])
	refused(t, "a grant by who contributed", err, eight)
	alone.Standing = w.sign(t, w.standingOrder(t, "deputy@KZ", b))
	w.open(t, "investigator@AM", e, w.under(t, alone, members[0]))

	// A summary has no exhibits.
	short := b
	short.Scope = comity.ScopeSummary
	alone.Standing = w.sign(t, w.standingOrder(t, "deputy@KZ", short))
	w.closed(t, "an exhibit under a standing grant of summaries", "investigator@AM", e, w.under(t, alone, members[0]), eight)

	// What is applied after its end is never in force.
	ending := w.standingOrder(t, "deputy@KZ", b)
	alone.Standing = w.sign(t, ending)
	kept, err := w.Local.GrantUnder(t.Context(), alone, members[0])
	if err != nil {
		t.Fatal(err)
	}
	w.sign(t, w.standingEndOrder(t, "liaison@KZ", ending.ID))
	refused(t, "a grant that is applied after the standing grant ended", w.Local.Apply(t.Context(), kept), eleven)

	standing := w.sign(t, w.standingOrder(t, "liaison@KZ", b))
	contribute := func(change func(*statement.ContributionBody)) string {
		b := w.contribution(e.ID)
		change(&b)
		return w.sign(t, w.contributeOrder(t, "investigator@KZ", e.Case, b))
	}
	same := contribute(func(*statement.ContributionBody) {})
	red := contribute(func(b *statement.ContributionBody) { b.Marking.TLP = comity.TLPRed })
	other := comity.NewID(comity.KindGrant)
	for what, x := range map[string]struct {
		under statement.Under
		to    comity.Grantee
		want  refusal
	}{
		"for another purpose":             {statement.Under{Standing: standing, Contribution: contribute(func(b *statement.ContributionBody) { b.Purpose = comity.PurposeProsecution })}, members[0], invalid},
		"of TLP:RED":                      {statement.Under{Standing: standing, Contribution: red}, members[0], eight},
		"to whom it does not name":        {statement.Under{Standing: standing, Contribution: same}, members[1], invalid},
		"to an agency instead":            {statement.Under{Standing: standing, Contribution: same}, comity.Grantee{State: "AM", Agency: "AM/cyber"}, invalid},
		"of a contribution twice":         {statement.Under{Standing: same, Contribution: same}, members[0], invalid},
		"of a standing grant twice":       {statement.Under{Standing: standing, Contribution: standing}, members[0], invalid},
		"of what is no statement":         {statement.Under{Standing: standing, Contribution: "x"}, members[0], invalid},
		"of what no register knows":       {statement.Under{Standing: standing, Contribution: signed(t, w.aside(t), w.contributeOrder(t, "investigator@KZ", e.Case, w.contribution()))}, members[0], absent},
		"under another state's statement": {statement.Under{Standing: w.foreign(t, "AM", statement.KindGrant, other, e.Case, w.terms()), Contribution: same}, members[0], invalid},
	} {
		_, err := w.Local.GrantUnder(t.Context(), x.under, x.to)
		refused(t, "a grant "+what, err, x.want)
	}
	// What does not follow from both statements does not verify, though the state's
	// own key signed it.
	u := statement.Under{Standing: standing, Contribution: same}
	jws, err := w.Local.GrantUnder(t.Context(), u, members[0])
	if err != nil {
		t.Fatal(err)
	}
	s, err := w.Union.Directory.VerifyStatement(jws)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := w.Keys.Signer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(*statement.Statement, *statement.GrantBody){
		"longer":           func(_ *statement.Statement, g *statement.GrantBody) { g.NotAfter++ },
		"for a better use": func(_ *statement.Statement, g *statement.GrantBody) { g.Grade = comity.GradeEvidence },
		"of another case":  func(s *statement.Statement, _ *statement.GrantBody) { s.Record = comity.NewID(comity.KindCase) },
		"under another id": func(s *statement.Statement, g *statement.GrantBody) {
			s.ID = comity.NewID(comity.KindGrant)
			g.ID = s.ID
		},
		"to another":         func(_ *statement.Statement, g *statement.GrantBody) { g.Grantee.State = "BY" },
		"by another liaison": func(s *statement.Statement, _ *statement.GrantBody) { s.Officer.Ref = "KZ/0000000000000000" },
		"under no team":      func(s *statement.Statement, _ *statement.GrantBody) { s.Agreement = nil },
		"of another kind":    func(s *statement.Statement, _ *statement.GrantBody) { s.Kind = statement.KindRevocation },
		"as a proposal of one": func(s *statement.Statement, _ *statement.GrantBody) {
			s.Kind, s.Of = statement.KindProposal, statement.KindGrant
		},
		"after its end": func(s *statement.Statement, g *statement.GrantBody) { s.IssuedAt = g.NotAfter + 1 },
	} {
		made := s
		var g statement.GrantBody
		if err := made.Decode(&g); err != nil {
			t.Fatal(err)
		}
		change(&made, &g)
		body, err := statement.Canonical(g)
		if err != nil {
			t.Fatal(err)
		}
		made.Body = json.RawMessage(body)
		forged, err := statement.Sign(t.Context(), signer, statement.TypStatement, made)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Union.Directory.VerifyStatement(forged); err == nil {
			t.Errorf("a grant %s verifies", what)
		}
	}
}
