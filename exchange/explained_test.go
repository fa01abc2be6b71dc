package exchange_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/sovereignty"
)

// agrees holds what is explained before an act against what the act is answered:
// permitted alike, and denied by an Article that is among the reasons.
func agrees(t *testing.T, what string, o *exchangetest.Officer, w exchange.Why, act exchange.Act, permit bool) exchange.Explanation {
	t.Helper()
	e, err := why(t, o, w), o.Try(t, act)
	if (err == nil) != permit || e.Permit != permit {
		t.Errorf("%s: done %v, explained %+v, and it should be permitted: %v", what, err, e, permit)
	}
	if denied, ok := errors.AsType[*comity.Error](err); ok && denied.Code == comity.CodeDenied &&
		!slices.ContainsFunc(e.Reasons, func(r exchange.Reason) bool { return r.Article == denied.Article }) {
		t.Errorf("%s: denied by %s, explained %+v", what, denied.Article, e)
	}
	return e
}

// TestExplainedAsDone: what Articles 4, 5, 7 and 15 say of an act is explained as it is done.
func TestExplainedAsDone(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		const prone comity.Category = "INTRUSION_GOVERNMENT"
		g := newGranted(t)
		covers := func(change func(*statement.Agreement)) {
			for _, s := range []comity.State{"KZ", "AM"} {
				g.Publish(t, s, func(m *statement.Manifest) {
					m.Agreements = slices.Clone(m.Agreements)
					change(&m.Agreements[0])
				})
			}
		}
		covers(func(a *statement.Agreement) { a.Categories = []comity.Category{tokentest.Category, prone} })

		// Article 15: a measure that the agreement lets a state use while offering it.
		send := func() exchange.Act {
			return &exchange.SendRequest{Key: exchangetest.Key(), To: "AM", Kind: comity.RequestInformation, Urgency: comity.UrgencyRoutine, Category: tokentest.Category,
				Purpose: investigation, Marking: comity.DefaultMarking, Text: comity.RequestText{Title: "a", Facts: "b"}}
		}
		asked := exchange.Why{Action: sovereignty.RequestSend, State: "AM", Category: tokentest.Category, Kind: comity.RequestInformation}
		if e := agrees(t, "a request", g.owner, asked, send(), true); e.Basis == nil {
			t.Errorf("it rests on nothing: %+v", e)
		}
		covers(func(a *statement.Agreement) {
			a.Reciprocal = []statement.Measure{statement.Measure(comity.RequestInformation)}
		})
		agrees(t, "a request for what the state does not offer", g.owner, asked, send(), false)
		g.Publish(t, "KZ", func(m *statement.Manifest) {
			m.Offers = []statement.Measure{statement.Measure(comity.RequestInformation)}
		})
		agrees(t, "a request for what the state offers", g.owner, asked, send(), true)

		// Article 5: a category prone to matters of politics, before and after it was assessed.
		c := g.owner.FileCase(t, "Another", "AM")
		agrees(t, "a change into the category", g.owner, exchange.Why{Action: sovereignty.CaseUpdate, Record: c, Category: prone},
			&exchange.UpdateCase{Key: exchangetest.Key(), ID: c, ExpectedVersion: 1, Category: new(prone)}, true)
		body := g.liaison.GrantBody("AM", g.owner.Release(t, c, "AM"))
		body.Category = prone
		granting := exchange.Why{Action: sovereignty.GrantMake, Record: c, State: "AM", Purpose: investigation}
		agrees(t, "a grant of what was not assessed", g.liaison, granting, g.liaison.MakeGrant(t, c, body), false)
		g.liaison.Do(t, assess(t, g.liaison, c, caseOf(t, g.liaison, c, "").Version, prone, comity.CharacterOrdinary))
		agrees(t, "a grant of what was assessed", g.liaison, granting, g.liaison.MakeGrant(t, c, body), true)
		agrees(t, "a change of what was assessed", g.owner, exchange.Why{Action: sovereignty.CaseUpdate, Record: c},
			&exchange.UpdateCase{Key: exchangetest.Key(), ID: c, ExpectedVersion: caseOf(t, g.owner, c, "").Version, Title: new("words")}, true)
		export := func() exchange.Act {
			return &exchange.ExportCase{Key: exchangetest.Key(), Case: c, Purpose: investigation, Use: comity.UseAnalysis}
		}
		exporting := exchange.Why{Action: sovereignty.CaseExport, Record: c, Purpose: investigation}
		agrees(t, "an export of what was assessed", g.foreign, exporting, export(), true)
		noting := exchange.Why{Action: sovereignty.AnnotationAdd, Record: c, Purpose: investigation}
		agrees(t, "an annotation of what was assessed", g.foreign, noting, g.foreign.Annotate(t, c, c, body.ID, "known"), true)
		if l := level(t, g.foreign, c); l != sovereignty.AccessFull {
			t.Fatalf("what was assessed opens %s", l)
		}
		if e := why(t, g.foreign, exchange.Why{Action: sovereignty.CaseRead, Record: c, Purpose: investigation}); !e.Permit {
			t.Errorf("its read is explained as %+v", e)
		}
		g.liaison.Do(t, assess(t, g.liaison, c, caseOf(t, g.liaison, c, "").Version, prone, comity.CharacterPolitical))
		another := g.liaison.GrantBody("AM", body.Release)
		another.Category = prone
		agrees(t, "a grant of what was found political", g.liaison, granting, g.liaison.MakeGrant(t, c, another), false)
		agrees(t, "an export of what was found political", g.foreign, exporting, export(), false)
		agrees(t, "an annotation of what was found political", g.foreign, noting, g.foreign.Annotate(t, c, c, body.ID, "known"), false)
		if e := why(t, g.foreign, exchange.Why{Action: sovereignty.CaseRead, Record: c, Purpose: investigation}); e.Permit {
			t.Errorf("the read of what was found political is explained as %+v", e)
		}

		// Article 7: an undertaking that was accepted for the case, and for no other.
		covers(func(a *statement.Agreement) { a.Categories = []comity.Category{prone} })
		giver := g.As(t, "authority@AM")
		c, other := g.owner.FileCase(t, "Under an undertaking", "AM"), g.owner.FileCase(t, "Under none", "AM")
		u := giver.Undertake(t, "KZ")
		giver.Do(t, u)
		of := func(c comity.ID) (exchange.Why, exchange.Act) {
			b := g.liaison.GrantBody("AM", g.owner.Release(t, c, "AM"))
			b.Agreement = string(u.ID)
			return exchange.Why{Action: sovereignty.GrantMake, Record: c, State: "AM", Purpose: investigation}, g.liaison.MakeGrant(t, c, b)
		}
		w, act := of(c)
		agrees(t, "a grant under what was not accepted", g.liaison, w, act, false)
		g.authority.Do(t, g.authority.Accepts(t, u.ID, u.Statement, c))
		w, act = of(other)
		agrees(t, "a grant of another case under the undertaking", g.liaison, w, act, false)
		w, act = of(c)
		if e := agrees(t, "a grant under an undertaking", g.liaison, w, act, true); e.Basis == nil || e.Basis.Agreement != string(u.ID) {
			t.Errorf("it rests on %+v", e.Basis)
		}

		// Article 4: what is reserved is not offered, whether by a case or a category.
		offer := g.liaison.Offer(t, comity.NewID(comity.KindReferral), "", "AM", 1, "a matter")
		offer.Body.Category = prone
		sign := func() exchange.Act {
			offer.Key, offer.Act = exchangetest.Key(), g.liaison.Sign(t, statement.Act{Act: statement.ActReferralOffer, Record: offer.ID}, offer.Body)
			return offer
		}
		g.authority.Do(t, g.authority.ReserveCategory(t, prone))
		agrees(t, "an offer of what is reserved", g.liaison, exchange.Why{Action: sovereignty.ReferralOffer, State: "AM", Category: prone}, sign(), false)
		agrees(t, "a change into what is reserved", g.owner, exchange.Why{Action: sovereignty.CaseUpdate, Record: c, Category: prone},
			&exchange.UpdateCase{Key: exchangetest.Key(), ID: c, ExpectedVersion: caseOf(t, g.owner, c, "").Version, Category: new(prone)}, false)
	})
}
