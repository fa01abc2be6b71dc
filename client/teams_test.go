package client_test

import (
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/crypto/token/tokentest"
)

// TestTeams: cases are contributed, granted to a joint team and taken back through the
// client alone, and what the exchange shows otherwise than the state signed is noticed.
func TestTeams(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.JoinTeam(t, "KZ", "AM", "BY")
	w.Mandate(t, "KZ")
	var between middle
	owner, liaison, foreign := w.as(t, "investigator@KZ"), w.through(t, "liaison@KZ", &between), w.as(t, "investigator@AM")
	filed := w.As(t, "investigator@KZ").FileCase(t, "For the team", "AM")
	in := client.NewContribution{Case: filed, Team: tokentest.Team, Category: tokentest.Category, Marking: comity.DefaultMarking, Scope: comity.ScopeFull,
		Purpose: comity.PurposeInvestigation, NotAfter: w.Clock.Now().Add(10 * 24 * time.Hour)}
	given, err := owner.CaseContribute(ctx, in)
	must(t, err)
	if given.Team != tokentest.Team || given.Statement == "" || given.Grantee != "" {
		t.Errorf("contributed: %+v", given)
	}
	terms := client.NewStanding{Team: tokentest.Team, Grantees: []comity.Grantee{{State: "AM"}, {State: "BY", Agency: "BY/cyber"}}, Scope: comity.ScopeFull, Grade: comity.GradeLead,
		Caveats: comity.Caveats{Marking: comity.DefaultMarking}, Purpose: comity.PurposeInvestigation, NotAfter: w.Clock.Now().Add(5 * 24 * time.Hour)}
	_, err = owner.StandingMake(ctx, terms)
	want(t, err, comity.CodeDenied, comity.ArticleLiaison)
	made, err := liaison.StandingMake(ctx, terms)
	must(t, err)
	if !made.Check.Verified() || !made.Live || len(made.Grantees) != 2 {
		t.Fatalf("made: %+v", made)
	}
	granted, err := liaison.Grants(ctx, client.GrantFilter{Case: filed}, 10, "")
	must(t, err)
	if len(granted.Nodes) != 2 || granted.Nodes[0].Standing != made.ID || !granted.Nodes[0].Check.Verified() {
		t.Fatalf("granted: %+v", granted.Nodes)
	}
	received, err := foreign.Grants(ctx, client.GrantFilter{Received: true}, 10, "")
	must(t, err)
	if len(received.Nodes) != 1 || !received.Nodes[0].Check.Verified() || received.Nodes[0].Standing != "" {
		t.Fatalf("received: %+v", received.Nodes)
	}
	c, err := foreign.Case(ctx, filed, comity.PurposeInvestigation)
	must(t, err)
	if c.Title != "For the team" {
		t.Errorf("abroad the case is %+v", c)
	}

	for what, change := range map[string]func(map[string]any){
		"a wider scope":     func(s map[string]any) { s["scope"] = "SUMMARY" },
		"another grantee":   func(s map[string]any) { s["grantees"] = []any{map[string]any{"state": "AM"}} },
		"a longer term":     func(s map[string]any) { s["notAfter"] = "2090-01-01T00:00:00Z" },
		"another liaison":   func(s map[string]any) { s["liaison"] = "KZ:someone" },
		"another statement": func(s map[string]any) { s["statement"] = given.Statement },
	} {
		between.on("Standings", func(data map[string]any) {
			change(within(data, "viewer", "standings", "nodes").([]any)[0].(map[string]any))
		})
		page, err := liaison.Standings(ctx, true, 10, "")
		must(t, err)
		if page.Nodes[0].Check.Err() == nil {
			t.Errorf("%s is taken", what)
		}
	}
	between.on("Standings", nil)
	_, ended, err := owner.ContributionWithdraw(ctx, given.ID, filed, "no longer")
	must(t, err)
	if len(ended) != 2 {
		t.Errorf("with the contribution ended %v", ended)
	}
	_, err = owner.CaseContribute(ctx, in)
	must(t, err)
	gone, err := liaison.StandingEnd(ctx, made.ID, "done")
	must(t, err)
	if gone.Live || gone.EndedBy == "" || len(gone.Ended) != 2 || !gone.Check.Verified() {
		t.Errorf("ended: %+v", gone)
	}
	_, err = w.as(t, "liaison@BY").StandingEnd(ctx, made.ID, "")
	want(t, err, comity.CodeNotFound, 0)
	page, err := liaison.Standings(ctx, false, 10, "")
	must(t, err)
	if len(page.Nodes) != 0 {
		t.Errorf("live ones are %+v", page.Nodes)
	}
}
