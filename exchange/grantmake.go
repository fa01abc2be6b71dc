package exchange

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// maxTerm bounds how far in the future a grant may end (Article 11).
const maxTerm = 5 * 366 * 24 * time.Hour

// DecideRelease records the decision of a case's owner, a prosecutor or a
// court that a case may be released, without which no liaison grants. The case
// thereby reaches the state's liaisons and its authority.
type DecideRelease struct {
	Key       string         `json:"-"`
	Case      comity.ID      `json:"case"`
	Decider   comity.Decider `json:"decider"`
	Reference string         `json:"reference"`
	Grantee   comity.State   `json:"grantee"`
	Scope     comity.Scope   `json:"scope"`
	Exhibits  []comity.ID    `json:"exhibits"`
	Purpose   comity.Purpose `json:"purpose"`
	NotAfter  time.Time      `json:"notAfter"`

	ID comity.ID `json:"-"`
}

func (d *DecideRelease) about() (sovereignty.Action, string, any) {
	return sovereignty.ReleaseDecide, d.Key, d
}

func (d *DecideRelease) judge(tx storage.ReadTx, a *attempt) error {
	view, err := a.actOnCase(tx, d.Case, sovereignty.Circumstances{})
	if err != nil {
		return err
	}
	switch {
	case d.Decider != comity.DeciderOwner && d.Decider != comity.DeciderProsecutor && d.Decider != comity.DeciderCourt:
		return comity.Invalid("decider", "the deciders are OWNER, PROSECUTOR and COURT")
	case d.Decider != comity.DeciderOwner && d.Reference == "":
		return comity.Invalid("reference", "a prosecutor's or court's decision has a reference")
	case len(d.Reference) > maxLine:
		return tooLong("reference", maxLine)
	case !d.Grantee.Valid() || d.Grantee == view.State:
		return comity.Invalid("grantee", "a release names another state")
	case !d.Purpose.Valid():
		return comity.Invalid("purpose", "this is not a purpose")
	}
	if err := checkTerm("notAfter", a.now, a.now, d.NotAfter); err != nil {
		return err
	}
	return a.checkScope(tx, view.ID, d.Scope, d.Exhibits)
}

// checkScope takes a scope and exhibits of the case that are complete.
func (a *attempt) checkScope(tx storage.ReadTx, c comity.ID, s comity.Scope, exhibits []comity.ID) error {
	if s != comity.ScopeSummary && s != comity.ScopeFull && s != comity.ScopeExhibits {
		return comity.Invalid("scope", "the scopes are SUMMARY, FULL and EXHIBITS")
	}
	if s == comity.ScopeExhibits && len(exhibits) == 0 {
		return comity.Invalid("exhibits", "this scope names at least one exhibit")
	}
	if len(exhibits) > maxPerAct {
		return comity.Invalid("exhibits", fmt.Sprintf("at most %d exhibits are named", maxPerAct))
	}
	found, err := tx.EvidenceByID(exhibits)
	if err != nil {
		return err
	}
	for _, id := range exhibits {
		if e, ok := found[id]; !ok || e.Case != c || e.Status != comity.EvidenceSealed {
			return comity.Invalid("exhibits", "this is not a complete exhibit of the case")
		}
	}
	return nil
}

func checkTerm(field string, now, from, until time.Time) error {
	switch {
	case !until.After(now) || !until.After(from):
		return comity.Denied(comity.ArticleTerm, "every grant and release ends in the future, after it begins", "name a later end")
	case until.After(now.Add(maxTerm)):
		return comity.Denied(comity.ArticleTerm, "no grant or release runs longer than five years", "name an earlier end and renew it then")
	}
	return nil
}

func (d *DecideRelease) prepare(context.Context, *attempt) error {
	d.ID = comity.NewID(comity.KindRelease)
	return nil
}

func (d *DecideRelease) commit(tx storage.Tx, a *attempt) error {
	own := a.who.Officer.State
	err := tx.InsertRelease(comity.Release{ID: d.ID, Case: d.Case, State: own, Officer: a.who.Officer.Ref(), Decider: d.Decider,
		Reference: d.Reference, Grantee: d.Grantee, Scope: d.Scope, Exhibits: d.Exhibits, Purpose: d.Purpose,
		NotAfter: d.NotAfter, CreatedAt: a.now})
	if err != nil {
		return err
	}
	for _, office := range []comity.Role{comity.RoleLiaison, comity.RoleAuthority} {
		if err := tx.Assign(d.Case, storage.OfficeViewer(own, office), a.who.Officer.Ref()); err != nil {
			return err
		}
	}
	a.on(string(d.ID))
	a.made = []comity.ID{d.ID}
	return nil
}

func (d *DecideRelease) finish(context.Context, *attempt) error { return nil }

func (d *DecideRelease) repeat(_ context.Context, _ *attempt, ids []comity.ID) error {
	d.ID = ids[0]
	return nil
}

// MakeGrant opens a case of the own state to another state, one of its
// agencies or one of its officers, for one purpose and a term.
type MakeGrant struct {
	Key  string              `json:"-"`
	Case comity.ID           `json:"case"`
	Body statement.GrantBody `json:"body"`
	Act  string              `json:"-"`

	ID        comity.ID `json:"-"`
	Statement string    `json:"-"`

	view      storage.CaseView
	canonical json.RawMessage
}

func (g *MakeGrant) about() (sovereignty.Action, string, any) {
	return sovereignty.GrantMake, g.Key, g
}

func (g *MakeGrant) judge(tx storage.ReadTx, a *attempt) error {
	a.records = nil
	if err := g.check(); err != nil {
		return err
	}
	_, canonical, err := a.verify(g.Act, statement.ActGrantMake, g.Case, g.Body)
	if err != nil {
		return err
	}
	view, record, visible, err := a.findCase(tx, g.Case)
	if err != nil {
		return err
	}
	g.view, g.canonical = view, canonical
	a.on(string(g.Case))
	a.purpose = g.Body.Purpose
	q := sovereignty.Question{Record: record, Circumstances: sovereignty.Circumstances{Visible: visible, Signed: true}}
	if visible && view.State == a.who.Officer.State {
		if err := a.grantCircumstances(tx, view, g.Body, &q); err != nil {
			return err
		}
	}
	if err := a.decide(q); err != nil {
		return err
	}
	if err := a.checkScope(tx, view.ID, g.Body.Scope, g.Body.Exhibits); err != nil {
		return err
	}
	a.concerned = append(a.concerned, view.State, g.Body.Grantee.State)
	return nil
}

func (g *MakeGrant) check() error {
	b := g.Body
	if err := b.Grantee.Check(); err != nil {
		return err
	}
	if err := b.Caveats.Marking.Check(); err != nil {
		return err
	}
	switch {
	case b.Grade != comity.GradeIntelligence && b.Grade != comity.GradeLead && b.Grade != comity.GradeEvidence:
		return comity.Invalid("grade", "the grades are INTELLIGENCE, LEAD and EVIDENCE")
	case !b.Purpose.Valid():
		return comity.Invalid("purpose", "this is not a purpose")
	case len(b.Caveats.Text) > maxObjection:
		return tooLong("caveats", maxObjection)
	}
	return nil
}

// grantCircumstances loads what the articles on granting need.
func (a *attempt) grantCircumstances(tx storage.ReadTx, view storage.CaseView, b statement.GrantBody, q *sovereignty.Question) error {
	c := &q.Circumstances
	mandated, err := a.mandated(tx)
	if err != nil {
		return err
	}
	c.Mandate = mandated
	_, err = a.x.dir.Agreement(view.State, b.Grantee.State, b.Agreement, view.Category, "", a.now)
	c.Agreement = err == nil
	c.Grantee = b.Grantee.State
	c.Purpose, c.Grade, c.Assistance = b.Purpose, b.Grade, b.Assistance != ""
	from, until := time.Unix(b.NotBefore, 0), time.Unix(b.NotAfter, 0)
	c.Term = checkTerm("notAfter", a.now, from, until) == nil
	releases, err := tx.Releases([]comity.ID{view.ID})
	if err != nil {
		return err
	}
	originals, err := tx.EvidenceByID(b.Exhibits)
	if err != nil {
		return err
	}
	for _, e := range originals {
		q.Record.Original = q.Record.Original || e.Original
	}
	for _, r := range releases[view.ID] {
		if r.ID == b.Release && a.now.Before(r.NotAfter) {
			c.Release = sovereignty.ReleaseFacts{Present: true, SameState: r.Grantee == b.Grantee.State,
				SamePurpose: r.Purpose == b.Purpose, CoversScope: covers(r.Scope, b.Scope),
				CoversExhibits: subset(b.Exhibits, r.Exhibits), CoversTerm: !until.After(r.NotAfter)}
		}
	}
	return nil
}

// covers reports whether a release of scope wide allows a grant of scope s.
// Exhibits are judged apart, by name.
func covers(wide, s comity.Scope) bool {
	rank := map[comity.Scope]int{comity.ScopeExhibits: 1, comity.ScopeSummary: 2, comity.ScopeFull: 3}
	return rank[s] > 0 && rank[s] <= rank[wide]
}

func subset(some, all []comity.ID) bool {
	for _, id := range some {
		if !slices.Contains(all, id) {
			return false
		}
	}
	return true
}

func (g *MakeGrant) prepare(ctx context.Context, a *attempt) error {
	keys, err := a.x.custodian(g.view.State)
	if err != nil {
		return err
	}
	g.ID = comity.NewID(comity.KindGrant)
	g.Statement, err = keys.Sign(ctx, custodian.SignOrder{Asker: a.asker(g.Act), Kind: statement.KindGrant,
		ID: g.ID, Record: g.Case, Body: g.canonical, Category: g.view.Category})
	return err
}

func (g *MakeGrant) commit(tx storage.Tx, a *attempt) error {
	b := g.Body
	err := tx.InsertGrant(comity.Grant{ID: g.ID, Case: g.Case, State: g.view.State, Liaison: a.who.Officer.Ref(),
		Function: a.who.Officer.Function, Grantee: b.Grantee, Scope: b.Scope, Exhibits: b.Exhibits, Grade: b.Grade,
		Assistance: b.Assistance, Caveats: b.Caveats, Purpose: b.Purpose, Agreement: b.Agreement, Release: b.Release,
		Request: b.Request, NotBefore: time.Unix(b.NotBefore, 0).UTC(), NotAfter: time.Unix(b.NotAfter, 0).UTC(),
		Status: comity.GrantPending, Version: 1, CreatedAt: a.now, Statement: g.Statement})
	if err != nil {
		return err
	}
	a.on(string(g.ID))
	a.made = []comity.ID{g.ID}
	return tx.AddEffect(storage.Effect{ID: g.ID, Kind: effectApply, State: g.view.State, Payload: []byte(g.Statement), NotBefore: a.now})
}

func (g *MakeGrant) finish(ctx context.Context, a *attempt) error {
	return a.x.runEffects(ctx, g.ID)
}

func (g *MakeGrant) repeat(ctx context.Context, a *attempt, ids []comity.ID) error {
	g.ID = ids[0]
	err := a.x.db.Read(ctx, func(tx storage.ReadTx) error {
		found, err := tx.Grants(storage.Viewer{Officer: a.who.Officer, At: tx.Now()}, ids)
		g.Statement = found[g.ID].Statement
		return err
	})
	if err != nil {
		return err
	}
	return a.x.runEffects(ctx, g.ID)
}
