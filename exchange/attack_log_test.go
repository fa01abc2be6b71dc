package exchange_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// The record of acts tells a former grantee what the grant itself does not:
// whether it was revoked or the case reserved.
func TestAttackLogTellsReservation(t *testing.T) {
	acts := func(end func(*granted)) (found []string) {
		g := newGranted(t)
		end(g)
		for _, c := range append(about(logOf(t, g.World, "auditor@AM"), g.grant.Body.ID), about(logOf(t, g.World, "auditor@AM"), g.c)...) {
			if c.Outcome == audit.Done && c.Act != string(sovereignty.GrantMake) {
				found = append(found, c.Act)
			}
		}
		return found
	}
	revoked := acts(func(g *granted) { g.liaison.Do(t, g.liaison.Revoke(t, g.c, g.grant.Body.ID)) })
	reserved := acts(func(g *granted) { must(t, g.reserve(t)) })
	if !slices.Equal(revoked, reserved) {
		t.Errorf("Armenia's record says %v of a revoked grant and %v of one that a reservation ended", revoked, reserved)
	}
}

// A grant that never opened anything is in the grantee's record of acts.
func TestAttackLogTellsPendingGrant(t *testing.T) {
	g := newGranted(t)
	x := secondServer(t, g.World, turned{apply: func(context.Context, string) error { return comity.Unavailable("the custodian of KZ", nil) }})
	act := g.liaison.MakeGrant(t, g.c, g.liaison.GrantBody("AM", g.release, g.exhibit))
	if err := x.Do(t.Context(), g.liaison.Caller, act); comity.CodeOf(err) != comity.CodeUnavailable {
		t.Fatal(err)
	}
	if found := about(logOf(t, g.World, "auditor@AM"), act.Body.ID); len(found) > 0 {
		t.Errorf("Armenia's record of acts names a grant that has opened nothing yet: %+v", found[0])
	}
}

// Denials among the originator's own officers are no business of the grantee's.
func TestAttackLogTellsDomesticDenial(t *testing.T) {
	g := newGranted(t)
	want(t, g.owner.Try(t, g.owner.Revoke(t, g.c, g.grant.Body.ID)), comity.CodeDenied, comity.ArticleLiaison)
	for _, c := range about(logOf(t, g.World, "auditor@AM"), g.grant.Body.ID) {
		if c.Outcome == audit.Refused && c.Actor.State == "KZ" {
			t.Errorf("Armenia reads that Kazakhstan's own %s was denied %s: %s", c.Actor.Ref, c.Act, c.Reason)
		}
	}
}

// An attempt to pass a case on is in the originator's record.
func TestAttackOnwardGrantUnseen(t *testing.T) {
	g := newGranted(t)
	am := g.As(t, "liaison@AM")
	want(t, am.Try(t, am.MakeGrant(t, g.c, am.GrantBody("BY", g.release))), comity.CodeDenied, comity.ArticleOriginatorControl)
	for _, c := range about(logOf(t, g.World, "auditor@KZ"), g.c) {
		if c.Actor.State == "AM" && c.Act == string(sovereignty.GrantMake) {
			return
		}
	}
	t.Error("Kazakhstan's record does not show that Armenia's liaison tried to grant its case onward")
}

// One ended case in the same request makes the originator's record call a
// disclosure a denial.
func TestAttackDisclosureLoggedAsDenial(t *testing.T) {
	g := newGranted(t)
	other := g.owner.FileCase(t, "Another", "AM")
	grant := g.liaison.MakeGrant(t, other, g.liaison.GrantBody("AM", g.owner.Release(t, other, "AM")))
	g.liaison.Do(t, grant)
	g.liaison.Do(t, g.liaison.Revoke(t, other, grant.Body.ID))
	var open bool
	g.foreign.Read(t, func(r *exchange.Reader) error {
		found, err := r.Cases([]comity.ID{g.c, other}, comity.PurposeInvestigation)
		if err != nil {
			return err
		}
		open = found[g.c].Text != nil
		return err
	})
	newest := logOf(t, g.World, "auditor@KZ")[0].Content
	if open && newest.Outcome == audit.Refused {
		t.Errorf("words were disclosed, and the originator's record says %s: %+v", newest.Outcome, newest.Records)
	}
}

// A key that was not released stands in the record as released.
func TestAttackReleaseThatWasNone(t *testing.T) {
	for _, failure := range []error{comity.Unavailable("the custodian of KZ", nil), &comity.Error{Code: comity.CodeLimit, Message: "quota"},
		comity.Unauthenticated("another key", nil), comity.Invalid("header", "no"), comity.NotFound()} {
		t.Run(string(comity.CodeOf(failure)), func(t *testing.T) {
			g := newGranted(t)
			x := secondServer(t, g.World, turned{release: func() error { return failure }})
			act, _ := g.foreign.Opening(t, g.exhibit, g.header, comity.PurposeInvestigation, g.grant.Body.ID)
			if err := x.Do(t.Context(), g.foreign.Caller, act); err == nil {
				t.Fatal("the release did not fail")
			}
			if newest := about(logOf(t, g.World, "auditor@KZ"), g.exhibit)[0]; newest.Outcome == audit.Released {
				t.Error("the originator's record says RELEASED of a key that was not")
			}
		})
	}
}

// An inner record read by its id leaves no trace of the grant it was read under.
func TestAttackEntryWithoutGrant(t *testing.T) {
	g := newGranted(t)
	entry := addEntry(t, g.owner, g.c, comity.DefaultMarking)
	g.foreign.Read(t, func(r *exchange.Reader) error {
		found, err := r.Nodes([]comity.ID{entry}, comity.PurposeInvestigation)
		if err != nil {
			return err
		}
		if found[entry].Entry == nil {
			t.Fatal("the entry is not shown")
		}
		return err
	})
	c := about(logOf(t, g.World, "auditor@KZ"), entry)
	if len(c) != 1 || c[0].Records[0].Grant != g.grant.Body.ID {
		t.Errorf("the originator's record of a read abroad names no grant: %+v", c)
	}
}

// The chain of custody is bound to nothing: its events are in no leaf.
func TestAttackCustodyNotInLog(t *testing.T) {
	g := newGranted(t)
	var events []comity.CustodyEvent
	g.owner.Read(t, func(r *exchange.Reader) error {
		found, err := r.Custody([]exchange.EvidenceView{{Evidence: comity.Evidence{ID: g.exhibit}}})
		events = found[g.exhibit]
		return err
	})
	var all strings.Builder
	for _, e := range logOf(t, g.World, "auditor@KZ") {
		all.Write(e.Leaf.Openings[0].Content)
	}
	for _, e := range events {
		if !strings.Contains(all.String(), string(e.ID)) {
			t.Errorf("custody event %s is in no leaf: its chain can be computed anew by whoever keeps the database", e.Kind)
		}
	}
}

// A denied look into the record of acts is itself in the record.
func TestAttackDeniedLogRead(t *testing.T) {
	w := exchangetest.New(t)
	o := w.As(t, "investigator@KZ")
	before := len(about(logOf(t, w, "auditor@KZ"), "log"))
	look := func(r *exchange.Reader) error { _, err := r.Log(exchange.LogFilter{}, 10, ""); return err }
	want(t, w.Exchange.Read(t.Context(), o.Caller, look), comity.CodeDenied, comity.ArticleAccountability)
	left := about(logOf(t, w, "auditor@KZ"), "log")
	if len(left) != before+1 || left[0].Outcome != audit.Refused || left[0].Article != comity.ArticleAccountability ||
		left[0].Actor.Ref != o.Caller.Officer.Ref() {
		t.Errorf("a denial left %+v", left)
	}
}

// A second look at the same record, under another purpose or none, makes the
// originator's record call the disclosure a denial.
func TestAttackSecondLookDenied(t *testing.T) {
	for _, purposes := range [][]comity.Purpose{{comity.PurposeInvestigation, ""}, {"", comity.PurposeInvestigation}, {comity.PurposeInvestigation, comity.PurposeProsecution}} {
		g := newGranted(t)
		entry := addEntry(t, g.owner, g.c, comity.DefaultMarking)
		g.foreign.Read(t, func(r *exchange.Reader) error {
			for _, p := range purposes {
				found, err := r.Nodes([]comity.ID{g.c, entry}, p)
				if err != nil {
					return err
				}
				if open := found[g.c].Case.Text != nil; open != (p == comity.PurposeInvestigation) {
					t.Fatalf("for %q the case is open: %v", p, open)
				}
			}
			return nil
		})
		for _, log := range []string{"auditor@KZ", "auditor@AM"} {
			c := logOf(t, g.World, log)[0].Content
			var disclosed, denied int
			for _, r := range c.Records {
				if r.ID == string(g.c) && r.Level == "FULL" && r.Grant == g.grant.Body.ID && r.Purpose == comity.PurposeInvestigation && r.Denied == 0 {
					disclosed++
				}
				if r.ID == string(g.c) && r.Level == "NONE" && r.Denied == comity.ArticlePurpose {
					denied++
				}
			}
			if c.Outcome != audit.Read || c.Article != 0 || disclosed != 1 || denied != 1 {
				t.Errorf("looks for %q: %s reads %s by %v of %+v", purposes, log, c.Outcome, c.Article, c.Records)
			}
		}
	}
}

// A refused look into the record of acts, or at mandates, in the same request
// makes the reader's own record call a disclosure a denial.
func TestAttackRefusalTaintsRead(t *testing.T) {
	for _, what := range []string{"log", "mandates"} {
		g := newGranted(t)
		g.foreign.Read(t, func(r *exchange.Reader) error {
			_, err := r.Cases([]comity.ID{g.c}, comity.PurposeInvestigation)
			if err != nil {
				return err
			}
			if what == "log" {
				_, err = r.Log(storage.LogFilter{}, 10, "")
			} else {
				_, err = r.Mandates()
			}
			if comity.CodeOf(err) != comity.CodeDenied {
				t.Fatalf("an investigator reads the %s: %v", what, err)
			}
			return nil
		})
		c := logOf(t, g.World, "auditor@AM")[0].Content
		if c.Outcome != audit.Read || len(c.Records) != 2 || c.Records[0].Level != "FULL" || c.Records[1].ID != what || c.Records[1].Denied == 0 {
			t.Errorf("the reader's own record says %s of %+v", c.Outcome, c.Records)
		}
		if c := logOf(t, g.World, "auditor@KZ")[0].Content; c.Outcome != audit.Read || len(c.Records) != 1 {
			t.Errorf("the originator's record says %s of %+v", c.Outcome, c.Records)
		}
	}
}

// The record of a denied read does not say which Article denied it.
func TestAttackDenialWithoutArticle(t *testing.T) {
	g := newGranted(t)
	caseOf(t, g.foreign, g.c, comity.PurposeProsecution)
	for _, log := range []string{"auditor@KZ", "auditor@AM"} {
		if c := logOf(t, g.World, log)[0].Content; c.Outcome != audit.Refused || c.Article != comity.ArticlePurpose {
			t.Errorf("%s reads %s by %v", log, c.Outcome, c.Article)
		}
	}
}

// TestMandatesAreRead by the offices of the state, each time with a leaf.
func TestMandatesAreRead(t *testing.T) {
	w := exchangetest.New(t)
	w.Mandate(t, "KZ")
	for name, article := range map[string]comity.Article{"liaison@KZ": 0, "authority@KZ": 0, "auditor@KZ": 0, "investigator@KZ": comity.ArticleLiaison} {
		w.Sequence(t)
		var all []comity.Mandate
		err := w.Exchange.Read(t.Context(), w.As(t, name).Caller, func(r *exchange.Reader) (err error) {
			all, err = r.Mandates()
			return err
		})
		if article != 0 {
			want(t, err, comity.CodeDenied, article)
		} else if err != nil || len(all) != 1 {
			t.Errorf("%s reads %d mandates: %v", name, len(all), err)
		}
		if n := w.Sequence(t); n != 1 {
			t.Errorf("%s left %d leaves", name, n)
		}
	}
	for _, name := range []string{"liaison@AM"} {
		w.As(t, name).Read(t, func(r *exchange.Reader) error {
			all, err := r.Mandates()
			if len(all) != 0 {
				t.Errorf("%s reads another state's mandates: %+v", name, all)
			}
			return err
		})
	}
}
