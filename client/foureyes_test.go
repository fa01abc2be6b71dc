package client_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
)

// read reads a proposal that holds.
func read(t testing.TB, c *client.Client, proposal comity.ID) *client.Proposal {
	t.Helper()
	p, err := c.Proposal(t.Context(), proposal)
	must(t, err)
	if !p.Check.Verified() || len(p.Terms) != 64 {
		t.Fatalf("the proposal is %+v", p)
	}
	return p
}

// approve approves a proposal as it was read.
func approve(t testing.TB, c *client.Client, proposal comity.ID) *client.Approved {
	t.Helper()
	a, err := c.ProposalApprove(t.Context(), proposal, read(t, c, proposal).Terms)
	must(t, err)
	return a
}

// eyes is a world in which a liaison has a mandate with a deputy, and a TLP:RED
// case is released to Armenia.
type eyes struct {
	*world
	owner, liaison, deputy, authority, foreign *client.Client
	terms                                      client.NewGrant
}

func newEyes(t *testing.T, ceiling client.Ceiling) *eyes {
	t.Helper()
	w := newWorld(t)
	ctx := t.Context()
	e := &eyes{world: w, owner: w.as(t, "investigator@KZ"), liaison: w.as(t, "liaison@KZ"), deputy: w.as(t, "deputy@KZ"),
		authority: w.as(t, "authority@KZ"), foreign: w.as(t, "investigator@AM")}
	deputy, err := e.deputy.Viewer(ctx)
	must(t, err)
	_, err = e.liaison.Viewer(ctx)
	must(t, err)
	given, err := e.authority.MandateGive(ctx, client.NewMandate{Liaison: "KZ:liaison-1", Deputies: []comity.OfficerRef{deputy.Ref}, Ceiling: ceiling,
		NotBefore: w.Clock.Now().Add(-time.Minute), NotAfter: w.Clock.Now().Add(90 * 24 * time.Hour)})
	must(t, err)
	if len(given.Deputies) != 1 || given.Deputies[0] != deputy.Ref || given.Ceiling.Term != ceiling.Term || given.Ceiling.TLP != ceiling.TLP ||
		!slices.Equal(given.Ceiling.Categories, ceiling.Categories) {
		t.Fatalf("given is %+v", given)
	}
	red := comity.DefaultMarking
	red.TLP = comity.TLPRed
	filed, err := e.owner.CaseFile(ctx, client.NewCase{Category: tokentest.Category, Title: "A red case", Marking: &red,
		Nexus: []comity.Nexus{{Basis: comity.NexusTerritory, State: "KZ"}, {Basis: comity.NexusEffects, State: "AM"}}})
	must(t, err)
	_, err = e.owner.CaseAssign(ctx, client.Assignment{ID: filed.ID, Office: comity.RoleLiaison})
	must(t, err)
	e.terms = w.terms(t, e.owner, filed.ID)
	e.terms.Caveats.Marking = red
	return e
}

// TestGrantByTwo: what is TLP:RED is proposed by one liaison and approved by
// another, over the terms that the second has read.
func TestGrantByTwo(t *testing.T) {
	e := newEyes(t, client.Ceiling{})
	ctx := t.Context()
	_, err := e.liaison.GrantMake(ctx, e.terms)
	want(t, err, comity.CodeDenied, comity.ArticleLiaison)
	_, err = e.owner.GrantPropose(ctx, e.terms)
	want(t, err, comity.CodeDenied, comity.ArticleLiaison)

	proposed, err := e.liaison.GrantPropose(ctx, e.terms)
	must(t, err)
	if !proposed.Check.Verified() || proposed.Status != comity.ProposalProposed || proposed.Kind != statement.KindGrant {
		t.Fatalf("proposed is %+v", proposed)
	}
	_, err = e.foreign.Case(ctx, e.terms.Case, comity.PurposeInvestigation)
	want(t, err, comity.CodeNotFound, 0)
	listed, err := e.deputy.Proposals(ctx, client.ProposalFilter{Record: e.terms.Case, Status: comity.ProposalProposed}, 10, "")
	must(t, err)
	if len(listed.Nodes) != 1 || listed.Nodes[0].Terms != proposed.Terms || !listed.Nodes[0].Check.Verified() {
		t.Fatalf("listed is %+v", listed.Nodes)
	}
	_, err = e.owner.Proposal(ctx, proposed.ID)
	want(t, err, comity.CodeDenied, comity.ArticleLiaison)
	_, err = e.liaison.ProposalApprove(ctx, proposed.ID, proposed.Terms)
	want(t, err, comity.CodeDenied, comity.ArticleLiaison)
	other, err := e.liaison.GrantPropose(ctx, e.terms)
	must(t, err)
	_, err = e.deputy.ProposalApprove(ctx, proposed.ID, other.Terms) // read was another
	wantUnverified(t, err, "not those that were read")

	made := approve(t, e.deputy, proposed.ID).Grant
	if !made.Check.Verified() || made.Liaison != "KZ:liaison-1" || made.Second == "" || made.Second == made.Liaison || made.Status != comity.GrantActive {
		t.Fatalf("made is %+v", made)
	}
	_, err = e.deputy.ProposalApprove(ctx, proposed.ID, proposed.Terms)
	want(t, err, comity.CodeConflict, 0)
	found, err := e.foreign.Case(ctx, e.terms.Case, comity.PurposeInvestigation)
	must(t, err)
	if g := found.Access.Grant; found.Title == "" || !g.Check.Verified() || g.Second != made.Second {
		t.Fatalf("Armenia reads %+v under %+v", found, g)
	}

	declined, err := e.deputy.ProposalDecline(ctx, other.ID, "one is enough")
	must(t, err)
	if declined.Status != comity.ProposalDeclined || declined.Reason != "one is enough" || declined.DecidedBy != made.Second {
		t.Fatalf("declined is %+v", declined)
	}
	_, err = e.deputy.ProposalApprove(ctx, other.ID, other.Terms)
	want(t, err, comity.CodeConflict, 0)
	_, err = e.owner.ProposalDecline(ctx, other.ID, "no")
	want(t, err, comity.CodeDenied, comity.ArticleLiaison)
}

// TestProposalForged: a server that shows a proposal otherwise than the first
// officer signed it brings nobody to approve it.
func TestProposalForged(t *testing.T) {
	e := newEyes(t, client.Ceiling{})
	ctx := t.Context()
	proposed, err := e.liaison.GrantPropose(ctx, e.terms)
	must(t, err)
	wider := e.terms
	wider.NotAfter = wider.NotAfter.Add(24 * time.Hour)
	other, err := e.liaison.GrantPropose(ctx, wider)
	must(t, err)
	made, err := e.liaison.GrantMake(ctx, func() client.NewGrant { // of another case, which one liaison makes
		filed := e.file(t, e.owner)
		return e.world.terms(t, e.owner, filed.ID)
	}())
	must(t, err)
	m := &middle{}
	deputy := e.through(t, "deputy@KZ", m)
	for _, c := range []struct {
		member string
		to     any
		says   string
	}{
		{"body", other.Body, "other terms"},
		{"body", strings.Replace(proposed.Body, `"AM"`, `"BY"`, 1), "other terms"},
		{"statement", other.Statement, "is about"},
		{"statement", made.Statement, "it is a grant"},
		{"statement", proposed.Statement[:len(proposed.Statement)-8] + "AAAAAAAA", "not a valid statement"},
		{"officer", "KZ:authority-1", "proposed it"},
		{"function", "Prosecutor General", "proposed it"},
		{"kind", "withdrawal", "it proposes a grant"},
		{"act", "caseWithdraw", "it proposes a grant"},
		{"record", string(made.Case), "is about"},
	} {
		m.on("Proposal", func(data map[string]any) { put(data, c.to, "viewer", "proposal", c.member) })
		p, err := deputy.Proposal(ctx, proposed.ID)
		must(t, err)
		if err := p.Check.Err(); err == nil || !strings.Contains(err.Error(), c.says) || p.Terms != "" {
			t.Errorf("with another %s the check is %v, and the terms %q", c.member, err, p.Terms)
		}
		m.set(func(m *middle) { m.asked = nil })
		_, err = deputy.ProposalApprove(ctx, proposed.ID, proposed.Terms)
		if wantUnverified(t, err, c.says); slices.Contains(m.asked, "GrantMake") {
			t.Errorf("with another %s it is signed", c.member)
		}
	}
	// Another whole proposal in its place holds, but was not read.
	m.on("Proposal", func(data map[string]any) {
		for member, v := range map[string]any{"body": other.Body, "statement": other.Statement, "target": string(other.Target)} {
			put(data, v, "viewer", "proposal", member)
		}
	})
	m.set(func(m *middle) { m.asked = nil })
	_, err = deputy.ProposalApprove(ctx, proposed.ID, proposed.Terms)
	if wantUnverified(t, err, "not those that were read"); slices.Contains(m.asked, "GrantMake") {
		t.Error("what was not read is signed")
	}
	m.on("Proposal", nil)

	// The answer to an approval that shows one liaison only is refused.
	m.on("GrantMake", func(data map[string]any) { put(data, nil, "grantMake", "grant", "second") })
	_, err = deputy.ProposalApprove(ctx, proposed.ID, proposed.Terms)
	if _, unsure := errors.AsType[*client.UnsureError](err); !unsure {
		t.Fatalf("got %v", err)
	}
	wantUnverified(t, err, "other terms")
}

// TestEmergency: in danger to life one liaison grants alone, for 72 hours, until
// another one confirms it over a release decision; and the client holds what it
// is shown against both statements.
func TestEmergency(t *testing.T) {
	e := newEyes(t, client.Ceiling{})
	ctx := t.Context()
	now := e.Clock.Now()
	in := e.terms
	in.Release, in.Emergency, in.NotAfter = "", "a hospital is without power", now.Add(20*24*time.Hour)
	_, err := e.liaison.GrantMake(ctx, in)
	want(t, err, comity.CodeDenied, comity.ArticleLiaison) // for another purpose
	in.Purpose = comity.PurposeDangerToLife
	made, err := e.liaison.GrantMake(ctx, in)
	must(t, err)
	if age := made.NotAfter.Sub(now); !made.Emergency || !made.Check.Verified() || age < comity.EmergencyAge-time.Minute || age > comity.EmergencyAge+time.Minute {
		t.Fatalf("made is %+v, for %s", made, age)
	}
	m := &middle{}
	foreign := e.through(t, "investigator@AM", m)
	seen := func() *client.Grant {
		t.Helper()
		g, err := foreign.Grant(ctx, made.ID)
		must(t, err)
		return g
	}
	if g := seen(); !g.Check.Verified() || !g.Emergency {
		t.Fatalf("Armenia sees %+v", g)
	}
	release, err := e.owner.ReleaseDecide(ctx, client.NewRelease{Case: in.Case, Decider: comity.DeciderOwner, Grantee: "AM", Scope: comity.ScopeFull,
		Purpose: in.Purpose, NotAfter: now.Add(10 * 24 * time.Hour)})
	must(t, err)
	until := now.Add(9 * 24 * time.Hour).Truncate(time.Second)
	confirm := client.Confirmation{Grant: made.ID, Case: in.Case, ExpectedVersion: made.Version, Release: release.ID, NotAfter: until}
	_, err = e.liaison.GrantConfirm(ctx, confirm)
	want(t, err, comity.CodeDenied, comity.ArticleLiaison)
	longer := confirm
	longer.NotAfter = now.Add(11 * 24 * time.Hour)
	_, err = e.deputy.GrantConfirm(ctx, longer) // than was released
	want(t, err, comity.CodeDenied, comity.ArticleLiaison)
	confirmed, err := e.deputy.GrantConfirm(ctx, confirm)
	must(t, err)
	if !confirmed.Check.Verified() || !confirmed.NotAfter.Equal(until) || confirmed.Confirmation == "" {
		t.Fatalf("confirmed is %+v", confirmed)
	}
	_, err = e.deputy.GrantConfirm(ctx, confirm)
	want(t, err, comity.CodeConflict, 0)
	if g := seen(); !g.Check.Verified() || !g.NotAfter.Equal(until) {
		t.Fatalf("Armenia sees %+v", g)
	}
	for _, c := range []struct {
		member string
		to     any
		says   string
	}{
		{"confirmation", nil, "other terms"}, // the end is then 72 hours
		{"confirmation", made.Statement, "it is a grant"},
		{"notAfter", now.Add(15 * 24 * time.Hour).Format(time.RFC3339), "other terms"},
		{"emergency", false, "other terms"},
		{"second", "KZ:deputy-1", "other terms"},
		{"liaison", "KZ:deputy-1", "other terms"},
	} {
		m.on("Grant", func(data map[string]any) { put(data, c.to, "node", c.member) })
		if err := seen().Check.Err(); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("with another %s the check is %v", c.member, err)
		}
	}
}

// TestReleaseWithdrawn: no grant rests on a release decision that was withdrawn.
func TestReleaseWithdrawn(t *testing.T) {
	e := newEyes(t, client.Ceiling{})
	ctx := t.Context()
	_, err := e.deputy.ReleaseWithdraw(ctx, e.terms.Case, e.terms.Release)
	want(t, err, comity.CodeDenied, comity.ArticleLiaison)
	withdrawn, err := e.owner.ReleaseWithdraw(ctx, e.terms.Case, e.terms.Release)
	must(t, err)
	if withdrawn.WithdrawnBy == "" || withdrawn.Live(e.Clock.Now()) {
		t.Fatalf("withdrawn is %+v", withdrawn)
	}
	_, err = e.liaison.GrantPropose(ctx, e.terms)
	want(t, err, comity.CodeDenied, comity.ArticleLiaison)
	_, err = e.foreign.ReleaseWithdraw(ctx, e.terms.Case, e.terms.Release)
	want(t, err, comity.CodeNotFound, 0)
}

// TestCeiling: a mandate's ceiling binds who acts under it.
func TestCeiling(t *testing.T) {
	e := newEyes(t, client.Ceiling{TLP: comity.TLPAmber, Scope: comity.ScopeSummary, Grade: comity.GradeIntelligence,
		Categories: []comity.Category{tokentest.Category}, Term: 3600})
	ctx := t.Context()
	_, err := e.deputy.GrantPropose(ctx, e.terms)
	want(t, err, comity.CodeDenied, comity.ArticleLiaison)
	all, err := e.liaison.Mandates(ctx)
	must(t, err)
	if c := all[0].Ceiling; len(all) != 1 || c.Scope != comity.ScopeSummary || c.Grade != comity.GradeIntelligence || c.Term != 3600 {
		t.Fatalf("listed are %+v", all)
	}
}

// TestExplain: why an act is permitted or denied, and what a grant would do.
func TestExplain(t *testing.T) {
	e := newEyes(t, client.Ceiling{})
	ctx := t.Context()
	c := e.terms.Case
	got, err := e.owner.Explain(ctx, client.Why{Action: "caseUpdate", Record: c})
	must(t, err)
	if !got.Permit || got.Text == "" || got.ArticleName == "" {
		t.Errorf("the owner's change: %+v", got)
	}
	got, err = e.liaison.Explain(ctx, client.Why{Action: "grantMake", Record: c, State: "AM", Purpose: comity.PurposeInvestigation})
	must(t, err)
	if got.Permit || got.Article != comity.ArticleLiaison || got.Cure == "" || !slices.Contains(got.Who, "a liaison of KZ") || got.Basis == nil || got.Basis.Hash == "" {
		t.Errorf("a red case by one liaison: %+v", got)
	}
	hidden, err := e.foreign.Explain(ctx, client.Why{Action: "caseRead", Record: c, Purpose: comity.PurposeInvestigation})
	must(t, err)
	absent, err := e.foreign.Explain(ctx, client.Why{Action: "caseRead", Record: comity.NewID(comity.KindCase), Purpose: comity.PurposeInvestigation})
	must(t, err)
	if hidden.Permit || hidden.Article != comity.ArticleNoOracle || hidden.Reason.Reason != absent.Reason.Reason || hidden.Cure != absent.Cure || len(hidden.Further) != 0 {
		t.Errorf("hidden is %+v, absent %+v", hidden, absent)
	}
	_, err = e.owner.Explain(ctx, client.Why{Action: "nothing"})
	want(t, err, comity.CodeInvalid, 0)

	trial, err := e.liaison.GrantTry(ctx, e.terms)
	must(t, err)
	if trial.Alone || !trial.Proposed || len(trial.Denials) != 0 || len(trial.Faults) != 0 || trial.Level != "FULL" || !slices.Contains(trial.Agencies, "AM/cyber") || trial.Basis == nil {
		t.Errorf("a red case: %+v", trial)
	}
	bad := e.terms
	bad.Release, bad.Grade, bad.Exhibits = "", comity.GradeEvidence, []comity.ID{comity.NewID(comity.KindEvidence)}
	trial, err = e.liaison.GrantTry(ctx, bad)
	must(t, err)
	if trial.Alone || trial.Proposed || len(trial.Denials) < 2 || len(trial.Faults) == 0 {
		t.Errorf("everything that is wrong: %+v", trial)
	}
	for _, d := range trial.Denials {
		if d.Reason == "" || d.Cure != "" && len(d.Who) == 0 {
			t.Errorf("a denial is %+v", d)
		}
	}
	if all, err := e.liaison.Grants(ctx, client.GrantFilter{Case: c}, 10, ""); err != nil || len(all.Nodes) != 0 {
		t.Errorf("a trial made %+v (%v)", all.Nodes, err)
	}
	_, err = e.foreign.GrantTry(ctx, e.terms)
	want(t, err, comity.CodeNotFound, 0)
	missing := e.terms
	missing.Case = comity.NewID(comity.KindCase)
	_, err = e.liaison.GrantTry(ctx, missing)
	want(t, err, comity.CodeNotFound, 0)
}
