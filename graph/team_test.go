package graph

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
)

// contribution is the key of a contribution to a joint team among [records]: its id
// is that of a release decision.
const contribution comity.Kind = "contribution"

// joined sets up the joint team of KZ, AM and BY, once.
func (a *api) joined(t *testing.T) {
	t.Helper()
	m, err := a.Directory.State("KZ")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(m.Agreements, func(x statement.Agreement) bool { return x.Team }) {
		a.JoinTeam(t, "KZ", "AM", "BY")
	}
}

// team adds a contribution and a standing grant, for two purposes, to the records of
// a state.
func (a *api) team(t *testing.T, s comity.State, r records) {
	t.Helper()
	a.joined(t)
	owner, liaison := a.World.As(t, "investigator@"+string(s)), a.World.As(t, "liaison@"+string(s))
	contribute := owner.Contribute(t, r[comity.KindCase])
	owner.Do(t, contribute)
	body := liaison.Standing(t, "AM", "KZ", "BY").Body
	body.Purpose = comity.PurposeProsecution
	body.Grantees = slices.DeleteFunc(body.Grantees, func(g comity.Grantee) bool { return g.State == s })
	standing := liaison.StandingAs(t, body)
	liaison.Do(t, standing)
	r[contribution], r[comity.KindStanding] = contribute.Body.ID, standing.ID
}

func (c *client) contributeInput(t *testing.T, of comity.ID, change func(*statement.ContributionBody)) map[string]any {
	t.Helper()
	b := c.Contribute(t, of).Body
	change(&b)
	return map[string]any{"id": b.ID, "case": of, "team": b.Team, "category": b.Category, "marking": marking, "scope": b.Scope, "exhibits": b.Exhibits, "subjects": b.Subjects,
		"purpose": b.Purpose, "notAfter": stamp(time.Unix(b.NotAfter, 0)), "act": c.Sign(t, statement.Act{Act: statement.ActCaseContribute, Record: of}, b)}
}

func (c *client) standingInput(t *testing.T, to ...comity.State) map[string]any {
	t.Helper()
	made := c.Standing(t, to...)
	b := made.Body
	var grantees []any
	for _, g := range b.Grantees {
		grantees = append(grantees, map[string]any{"state": g.State})
	}
	return map[string]any{"id": made.ID, "team": b.Team, "grantees": grantees, "scope": b.Scope, "grade": b.Grade, "caveats": map[string]any{"marking": marking},
		"purpose": b.Purpose, "notAfter": stamp(time.Unix(b.NotAfter, 0)), "act": c.Sign(t, statement.Act{Act: statement.ActStandingMake, Record: made.ID}, b)}
}

func (c *client) contributionWithdrawInput(t *testing.T, id, of comity.ID) map[string]any {
	t.Helper()
	b := statement.ContributionEndBody{Case: of, Reason: "a"}
	return map[string]any{"contribution": id, "case": of, "reason": "a", "act": c.Sign(t, statement.Act{Act: statement.ActContributionWithdraw, Record: id}, b)}
}

func (c *client) standingEndInput(t *testing.T, id comity.ID) map[string]any {
	t.Helper()
	b := statement.StandingEndBody{Reason: "a"}
	return map[string]any{"standing": id, "reason": "a", "act": c.Sign(t, statement.Act{Act: statement.ActStandingEnd, Record: id}, b)}
}

// namingTeam is of [client.naming] what is done for a joint team.
func (c *client) namingTeam(t *testing.T, r records) map[string]map[string]any {
	return map[string]map[string]any{
		"caseContribute": c.contributeInput(t, r[comity.KindCase], func(b *statement.ContributionBody) {
			b.Exhibits, b.Subjects = []comity.ID{r[comity.KindEvidence]}, []comity.ID{r[comity.KindSubject]}
		}),
		"contributionWithdraw": c.contributionWithdrawInput(t, r[contribution], r[comity.KindCase]),
		"standingEnd":          c.standingEndInput(t, r[comity.KindStanding]),
	}
}

// TestTeamStory: over HTTP each member reads what is contributed to the joint team by
// one standing grant, and nothing more once that has ended.
func TestTeamStory(t *testing.T) {
	for engine, open := range engines {
		t.Run(engine, func(t *testing.T) { teamStory(t, serveOn(t, open)) })
	}
}

func teamStory(t *testing.T, a *api) {
	a.Mandate(t, "KZ")
	a.joined(t)
	owner, liaison, foreign, third := a.as(t, "investigator@KZ"), a.as(t, "liaison@KZ"), a.as(t, "investigator@AM"), a.as(t, "liaison@BY")
	open := func(c *client, id comity.ID) bool {
		t.Helper()
		node := c.get(t, `query($id: ID!) { node(id: $id, purpose: INVESTIGATION) { ... on Case { title } } }`, map[string]any{"id": id})["node"]
		m, ok := node.(map[string]any)
		return ok && m["title"] != nil
	}
	of := owner.fileCase(t, "For the team")
	asked := owner.contributeInput(t, of, func(*statement.ContributionBody) {})
	given := dig(t, owner.done(t, "caseContribute", "release { id team grantee statement withdrawnAt }", asked), "release").(map[string]any)
	if given["id"] != string(asked["id"].(comity.ID)) || given["team"] != tokentest.Team || given["grantee"] != nil || given["statement"] == nil {
		t.Errorf("contributed: %v", given)
	}
	if e := owner.refused(t, "standingMake", owner.standingInput(t, "AM"), comity.CodeDenied); e["article"] != float64(8) {
		t.Errorf("an investigator makes a standing grant: %v", e)
	}
	if e := liaison.refused(t, "standingMake", liaison.standingInput(t, "KZ"), comity.CodeDenied); e["article"] != float64(7) {
		t.Errorf("to the own state: %v", e)
	}
	if e := liaison.refused(t, "standingMake", func() map[string]any {
		in := liaison.standingInput(t, "AM")
		maps.Copy(in, map[string]any{"scope": "SUMMARY"})
		return in
	}(), comity.CodeInvalid); path(e) != "input.act" {
		t.Errorf("what was not signed is refused at %v", e)
	}
	made := dig(t, liaison.done(t, "standingMake", "standing { id team liaison grantees { state agency officer } scope grade live statement endedAt }", liaison.standingInput(t, "AM", "BY")), "standing").(map[string]any)
	if made["live"] != true || made["liaison"] != "KZ:liaison-1" || len(made["grantees"].([]any)) != 2 {
		t.Errorf("made: %v", made)
	}
	id := comity.ID(made["id"].(string))
	if !open(foreign, of) || !open(third, of) {
		t.Fatal("closed to the team")
	}
	seen := func(c *client) map[string]any {
		t.Helper()
		return dig(t, c.get(t, `{ viewer { grants(first: 5) { nodes { standing agreement status state } } } }`, nil), "viewer", "grants", "nodes").([]any)[0].(map[string]any)
	}
	if g := seen(liaison); g["standing"] != string(id) || g["agreement"] != tokentest.Team {
		t.Errorf("at home the grant is %v", g)
	}
	if g := seen(foreign); g["standing"] != nil || g["status"] != "ACTIVE" {
		t.Errorf("abroad the grant is %v", g)
	}
	for c, want := range map[*client]int{liaison: 1, third: 0} {
		if n := len(dig(t, c.get(t, `{ viewer { standings(first: 5) { nodes { id } } } }`, nil), "viewer", "standings", "nodes").([]any)); n != want {
			t.Errorf("%s finds %d standing grants", c.Caller.Officer.Ref(), n)
		}
	}
	third.refused(t, "standingEnd", third.standingEndInput(t, id), comity.CodeNotFound)
	foreign.refused(t, "contributionWithdraw", foreign.contributionWithdrawInput(t, asked["id"].(comity.ID), of), comity.CodeNotFound)
	if p := owner.done(t, "contributionWithdraw", "release { withdrawnBy } endedGrants statement", owner.contributionWithdrawInput(t, asked["id"].(comity.ID), of)); len(p["endedGrants"].([]any)) != 2 || p["statement"] == nil {
		t.Errorf("withdrawn: %v", p)
	}
	if open(foreign, of) {
		t.Error("what was withdrawn is open")
	}
	other := owner.fileCase(t, "Another")
	owner.done(t, "caseContribute", "release { id }", owner.contributeInput(t, other, func(*statement.ContributionBody) {}))
	if !open(third, other) {
		t.Error("what is contributed later is closed")
	}
	if p := liaison.done(t, "standingEnd", "standing { live endedBy endedAt } endedGrants", liaison.standingEndInput(t, id)); dig(t, p, "standing", "live") != false || len(p["endedGrants"].([]any)) != 2 {
		t.Errorf("ended: %v", p)
	}
	if open(third, other) {
		t.Error("open beyond the end of the standing grant")
	}
	liaison.refused(t, "standingEnd", liaison.standingEndInput(t, id), comity.CodeConflict)
}
