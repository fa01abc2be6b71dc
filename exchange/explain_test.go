package exchange_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/sovereignty"
)

func why(t *testing.T, o *exchangetest.Officer, w exchange.Why) (e exchange.Explanation) {
	t.Helper()
	o.Read(t, func(r *exchange.Reader) (err error) { e, err = r.Explain(w); return err })
	return e
}

// TestExplain: a decision is told with its Article, its basis, its cure and who
// can cure it, and of what is hidden exactly what is told of nothing.
func TestExplain(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		w := newWorld(t)
		e := redCase(t, w, comity.Ceiling{})
		plain := e.owner.FileCase(t, "Ransom", "AM")

		got := why(t, e.owner, exchange.Why{Action: sovereignty.CaseUpdate, Record: plain})
		if !got.Permit || got.Reasons[0].Article != comity.ArticleNonInterference || !strings.Contains(got.Reasons[0].Text, "originator") {
			t.Errorf("the owner's change: %+v", got)
		}
		got = why(t, e.liaison, exchange.Why{Action: sovereignty.GrantMake, Record: e.c, State: "AM", Purpose: comity.PurposeInvestigation})
		if got.Permit || len(got.Reasons) != 1 || got.Reasons[0].Article != comity.ArticleLiaison || !slices.Contains(got.Reasons[0].Who, "a liaison of KZ") || got.Basis == nil || got.Basis.Hash == "" {
			t.Errorf("a red case by one liaison: %+v", got)
		}
		if got = why(t, e.liaison, exchange.Why{Action: sovereignty.GrantPropose, Record: e.c, State: "AM", Purpose: comity.PurposeInvestigation}); !got.Permit {
			t.Errorf("to propose it: %+v", got)
		}
		got = why(t, w.As(t, "authority@KZ"), exchange.Why{Action: sovereignty.GrantMake, Record: e.c, State: "BY"})
		var articles []comity.Article
		for _, r := range got.Reasons {
			articles = append(articles, r.Article)
		}
		if got.Permit || len(articles) < 3 || articles[0] != comity.ArticleLegalBasis && articles[0] != comity.ArticleLiaison {
			t.Errorf("everything that denies it: %+v", got)
		}
		if got = why(t, e.owner, exchange.Why{Action: sovereignty.LogRead}); got.Permit || got.Reasons[0].Cure == "" || got.Reasons[0].Who == nil {
			t.Errorf("the record of acts, to an investigator: %+v", got)
		}

		// Abroad, under a grant: the one decision and its basis.
		g := e.owner.Release(t, plain, "AM")
		made := e.liaison.MakeGrant(t, plain, e.liaison.GrantBody("AM", g))
		e.liaison.Do(t, made)
		got = why(t, e.foreign, exchange.Why{Action: sovereignty.CaseRead, Record: plain, Purpose: comity.PurposeInvestigation})
		if !got.Permit || got.Basis == nil || got.Basis.Grant != made.Body.ID {
			t.Errorf("the grantee's read: %+v", got)
		}
		got = why(t, e.foreign, exchange.Why{Action: sovereignty.CaseRead, Record: plain})
		if got.Permit || len(got.Reasons) != 1 || got.Reasons[0].Article != comity.ArticlePurpose {
			t.Errorf("the grantee's read for no purpose: %+v", got)
		}

		// Hidden and absent, for every act.
		stranger := w.As(t, "liaison@BY")
		for _, action := range sovereignty.Actions {
			explained := func(id comity.ID) (exchange.Explanation, string) {
				var x exchange.Explanation
				err := w.Exchange.Read(t.Context(), stranger.Caller, func(r *exchange.Reader) (err error) {
					x, err = r.Explain(exchange.Why{Action: action, Record: id, State: "KZ"})
					return err
				})
				x.Record = ""
				if err != nil {
					return x, err.Error()
				}
				return x, ""
			}
			x, errX := explained(plain)
			y, errY := explained(comity.NewID(comity.KindCase))
			if d := cmp.Diff(y, x); d != "" || errX != errY {
				t.Errorf("why %s, of what is hidden (-absent +hidden): %s\n%s %s", action, d, errY, errX)
			}
			if x.Permit {
				t.Errorf("%s upon a hidden case is permitted", action)
			}
		}
	})
}

// TestEveryActIsExplained: the explanation agrees with what happens, for every act
// of the API, and every denial that can be cured says by whom.
func TestEveryActIsExplained(t *testing.T) {
	w := newWorld(t)
	e := redCase(t, w, comity.Ceiling{})
	hold := comity.NewID(comity.KindHold)
	ids := []comity.ID{"", e.c, e.mandate, hold, comity.NewID(comity.KindRequest), comity.NewID(comity.KindGrant), comity.NewID(comity.KindEvidence),
		comity.NewID(comity.KindProposal), comity.NewID(comity.KindReservation), comity.NewID(comity.KindWithdrawal),
		comity.NewID(comity.KindAnnotation), comity.NewID(comity.KindReferral), comity.NewID(comity.KindNotice), comity.NewID(comity.KindCompelled),
		comity.NewID(comity.KindShift), comity.NewID(comity.KindUndertaking), comity.NewID(comity.KindRelease), comity.NewID(comity.KindStanding)}
	for _, action := range sovereignty.Actions {
		answered := 0
		for _, id := range ids {
			err := w.Exchange.Read(t.Context(), e.authority.Caller, func(r *exchange.Reader) error {
				x, err := r.Explain(exchange.Why{Action: action, Record: id})
				if err != nil {
					return err
				}
				if d := x.Reasons[0]; d.Reason == "" || d.Text == "" || !x.Permit && d.Cure != "" && len(d.Who) == 0 {
					t.Errorf("%s upon %s: %+v", action, id, x)
				}
				return nil
			})
			if err == nil {
				answered++
			} else if comity.CodeOf(err) != comity.CodeInvalid {
				t.Errorf("%s upon %s: %v", action, id, err)
			}
		}
		if answered == 0 {
			t.Errorf("%s is explained upon no kind of record", action)
		}
	}
	for _, bad := range []exchange.Why{{Action: "nothing"}, {Action: sovereignty.CaseRead}, {Action: sovereignty.CaseFile, Record: e.c},
		{Action: sovereignty.GrantRevoke, Record: e.c}, {Action: sovereignty.CaseRead, Record: e.c, Purpose: "NONE"}, {Action: sovereignty.CaseFile, Category: "NONE"},
		{Action: sovereignty.RequestSend, State: "XX"}} {
		err := w.Exchange.Read(t.Context(), e.owner.Caller, func(r *exchange.Reader) error { _, err := r.Explain(bad); return err })
		if comity.CodeOf(err) != comity.CodeInvalid {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

func try(t *testing.T, o *exchangetest.Officer, c comity.ID, b statement.GrantBody) (g *exchange.GrantTrial) {
	t.Helper()
	o.Read(t, func(r *exchange.Reader) (err error) { g, err = r.TryGrant(c, b); return err })
	return g
}

// TestTryGrant: a liaison sees what a grant would open, to whom and until when,
// and all that denies it at once; nothing of it is told abroad or kept.
func TestTryGrant(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		w := newWorld(t)
		e := redCase(t, w, comity.Ceiling{})
		c := e.owner.FileCase(t, "Ransom", "AM")
		exhibit, other := e.owner.Upload(t, c, "a.txt", []byte("a")), e.owner.Upload(t, c, "b.txt", []byte("b"))
		e.owner.Do(t, &exchange.AddRecords{Key: exchangetest.Key(), Case: c, Entries: []exchange.NewEntry{{Text: comity.EntryText{Text: "a"}}, {Marking: red, Text: comity.EntryText{Text: "b"}}}})
		e.owner.Do(t, &exchange.AddRecords{Key: exchangetest.Key(), Case: c, Subjects: []exchange.NewSubject{{Kind: "PERSON", Role: "SUSPECT", Text: comity.SubjectText{Identifier: "x"}},
			{Kind: "PERSON", Role: "VICTIM", Text: comity.SubjectText{Identifier: "y"}}}})
		b := e.liaison.GrantBody("AM", e.owner.Release(t, c, "AM", exhibit, other), exhibit)

		g := try(t, e.liaison, c, b)
		if !g.Alone || len(g.Denials) > 0 || len(g.Faults) > 0 || g.Level != sovereignty.AccessFull || g.Basis == nil || g.Mandate != e.mandate || g.ActingFor != "" {
			t.Errorf("a grant that would do: %+v", g)
		}
		if g.Tally.Entries.All != 2 || g.Tally.Entries.Abroad != 1 || g.Tally.Subjects.All != 2 || g.Tally.Subjects.Abroad != 1 || g.Tally.Evidence.All != 2 || g.Tally.Evidence.Abroad != 1 ||
			len(g.Exhibits) != 1 || g.Exhibits[0].ID != exhibit {
			t.Errorf("what it would open: %+v, %+v", g.Tally, g.Exhibits)
		}
		if len(g.Agencies) < 2 || !g.Until.Equal(time.Unix(b.NotAfter, 0)) || !g.Lapses.IsZero() {
			t.Errorf("to whom and until when: %+v", g)
		}
		if d := try(t, e.deputy, c, b); !d.Alone || d.ActingFor != e.liaison.Caller.Officer.Ref() {
			t.Errorf("a deputy acts for the liaison: %+v", d)
		}
		narrow := b
		narrow.Scope, narrow.Exhibits, narrow.Grantee.Agency = comity.ScopeSummary, nil, "AM/cyber"
		if g := try(t, e.liaison, c, narrow); g.Tally.Entries.Abroad != 0 || len(g.Withheld) == 0 || !slices.Equal(g.Agencies, []comity.AgencyID{"AM/cyber"}) {
			t.Errorf("a summary for one agency: %+v", g)
		}

		// Everything that is wrong, at once.
		bad := b
		bad.Agreement, bad.Release, bad.Category, bad.Grade = "none", comity.NewID(comity.KindRelease), "FRAUD", comity.GradeEvidence
		bad.NotAfter = bad.NotBefore - 1
		g = try(t, e.liaison, c, bad)
		var articles []comity.Article
		for _, r := range g.Denials {
			articles = append(articles, r.Article)
			if r.Cure == "" || len(r.Who) == 0 || r.Text == "" {
				t.Errorf("a denial without cure or who: %+v", r)
			}
		}
		for _, a := range []comity.Article{comity.ArticleLegalBasis, comity.ArticleLiaison, comity.ArticleTerm, comity.ArticlePurpose} {
			if !slices.Contains(articles, a) {
				t.Errorf("%s is not among %v", a, articles)
			}
		}
		if g.Alone || g.Proposed || len(g.Faults) == 0 {
			t.Errorf("a grant with faults: %+v", g)
		}

		// What takes two, and danger to life.
		two := try(t, e.liaison, e.c, e.body())
		if two.Alone || !two.Proposed || len(two.Denials) > 0 {
			t.Errorf("a red case: %+v", two)
		}
		danger := b
		danger.Release, danger.Emergency, danger.Purpose = "", "a bomb", comity.PurposeDangerToLife
		if g := try(t, e.liaison, c, danger); !g.Alone || g.Proposed || g.Lapses.IsZero() || g.Lapses.Sub(w.Clock.Now()).Abs() > comity.EmergencyAge+time.Second {
			t.Errorf("danger to life lapses: %+v", g)
		}

		// Whom it is not for: hidden is absent, and who grants nothing sees no counts.
		if g := try(t, w.As(t, "liaison@BY"), c, b); g != nil {
			t.Errorf("another state's liaison tries: %+v", g)
		}
		if g := try(t, w.As(t, "colleague@KZ"), c, b); g != nil {
			t.Errorf("an unassigned colleague tries: %+v", g)
		}
		if g := try(t, e.owner, c, b); g == nil || g.Alone || len(g.Denials) == 0 || g.Tally.Entries.All != 0 {
			t.Errorf("an investigator tries: %+v", g)
		}

		// Nothing was made, and abroad nobody was told.
		w.Sequence(t)
		for _, l := range logOf(t, w, "auditor@AM") {
			for _, r := range l.Content.Records {
				if r.ID == string(c) {
					t.Errorf("AM was told: %+v", l.Content)
				}
			}
		}
		e.liaison.Read(t, func(r *exchange.Reader) error {
			page, err := r.ListGrants(exchange.GrantFilter{Case: c}, 10, "")
			if len(page.Items) > 0 {
				t.Errorf("a trial made %v", page.Items)
			}
			return err
		})
	})
}
