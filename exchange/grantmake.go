package exchange

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// MakeGrant opens a case of the own state to another state, one of its
// agencies or one of its officers, for one purpose and a term.
type MakeGrant struct {
	Key  string              `json:"-"`
	Case comity.ID           `json:"case"`
	Body statement.GrantBody `json:"body"`
	Act  string              `json:"-"`

	Statement string `json:"-"`

	changeCase
	canonical json.RawMessage
	judged    int    // the version of the case whose clear fields were verified
	basis     string // hash of the agreement that the statement names
}

func (g *MakeGrant) about() (sovereignty.Action, string, any) {
	return sovereignty.GrantMake, g.Key, g
}

func (g *MakeGrant) judge(tx storage.ReadTx, a *attempt) error {
	a.records = nil
	if err := first(g.check(), a.x.grantee(g.Body.Grantee)); err != nil {
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
	if visible {
		a.origin = view.State
	}
	q := sovereignty.Question{Record: record, Circumstances: sovereignty.Circumstances{Visible: visible, Signed: true}}
	if visible && view.State == a.who.Officer.State {
		if err := a.grantCircumstances(tx, view, g.Body, &q); err != nil {
			return err
		}
	}
	if err := a.decide(q); err != nil {
		return err
	}
	if g.Body.Category != view.Category {
		return comity.Invalid("category", "the case is of another category; read it again")
	}
	if err := a.unusedGrant(tx, g.Body.ID); err != nil {
		return err
	}
	if err := a.checkScope(tx, view.ID, g.Body.Scope, g.Body.Exhibits); err != nil {
		return err
	}
	return a.checkRequest(tx, g.Body)
}

// unusedGrant refuses the id of a grant that there is: the liaison's client
// chooses ids at random, and a second one under the same would be another act.
func (a *attempt) unusedGrant(tx storage.ReadTx, id comity.ID) error {
	found, err := tx.Grants(a.viewer(), []comity.ID{id})
	if err != nil {
		return err
	}
	g, used := found[id]
	switch {
	case used && g.State == a.who.Officer.State:
		return errUsed
	case used:
		return errTaken
	}
	return nil
}

var (
	errUsed = comity.Conflict("there is a grant under this id already; read it before making another")
	// errTaken is for an id that is another state's: it says of no grant that
	// there is one, and whoever is hidden from it has nothing to read.
	errTaken = comity.Conflict("no grant can be made under this id").CuredBy("choose another id")
)

// checkRequest takes the request that a grant says it answers only when the
// grantee's state put it to this one.
func (a *attempt) checkRequest(tx storage.ReadTx, b statement.GrantBody) error {
	if b.Request == "" {
		return nil
	}
	found, err := tx.Requests(a.viewer(), []comity.ID{b.Request})
	if err != nil {
		return err
	}
	r, ok := found[b.Request]
	if !ok || r.State != b.Grantee.State || r.To != a.who.Officer.State {
		return comity.Invalid("request", "this is not a request of the grantee's state to this one")
	}
	if w, locked := tx.(storage.Tx); locked {
		if r, err = w.LockRequest(b.Request); err != nil {
			return err
		}
	}
	switch r.Status {
	case comity.RequestRefused, comity.RequestNothingHeld, comity.RequestClosed:
		return comity.Conflict(fmt.Sprintf("the request is %s: no grant answers it any more", r.Status)).
			CuredBy("have the grantee's state put a new request, or grant without naming one")
	}
	return nil
}

func (g *MakeGrant) check() error {
	b := g.Body
	if _, err := comity.ParseID(string(b.ID), comity.KindGrant); err != nil {
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
	return first(checkText("caveats", b.Caveats.Text), checkLine("assistance", b.Assistance), checkLine("agreement", b.Agreement))
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
	c.Caveats = b.Caveats.Marking.AsStrict(view.Marking)
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
			c.Release = sovereignty.ReleaseFacts{Present: true, ByAnother: r.Officer != a.who.Officer.Ref(), SameState: r.Grantee == b.Grantee.State,
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

// genuine verifies that the clear fields which the articles were asked about
// are those that the case's and the exhibits' words were sealed with: a label
// flipped in the database for the moment of granting is noticed.
func (g *MakeGrant) genuine(ctx context.Context, a *attempt) error {
	if err := g.open(ctx, a); err != nil {
		return err
	}
	var text comity.CaseText
	if err := unseal(g.key, bindCase(g.view.Case.Case), g.view.Sealed, &text); err != nil {
		return err
	}
	g.judged = g.view.Version
	return a.x.db.Read(ctx, func(tx storage.ReadTx) error {
		found, err := tx.EvidenceByID(g.Body.Exhibits)
		if err != nil {
			return err
		}
		for _, e := range found {
			var text comity.EvidenceText
			if err := unseal(g.key, bindEvidence(e.Evidence), e.Sealed, &text); err != nil {
				return err
			}
		}
		return nil
	})
}

func (g *MakeGrant) prepare(ctx context.Context, a *attempt) error {
	if err := g.genuine(ctx, a); err != nil {
		return err
	}
	keys, err := a.x.custodian(g.view.State)
	if err != nil {
		return err
	}
	g.Statement, err = keys.Sign(ctx, custodian.SignOrder{Asker: a.asker(g.Act), Kind: statement.KindGrant,
		ID: g.Body.ID, Record: g.Case, Body: g.canonical})
	if err != nil {
		return err
	}
	made, err := a.x.statements.get(a.x.dir, g.Statement)
	if err != nil {
		return err
	}
	g.basis = made.Agreement.Hash
	return nil
}

func (g *MakeGrant) commit(tx storage.Tx, a *attempt) error {
	b := g.Body
	var text comity.CaseText
	if err := unseal(g.key, bindCase(g.view.Case.Case), g.view.Sealed, &text); err != nil {
		return err
	}
	if g.view.Version != g.judged {
		return storage.ErrConflict
	}
	err := tx.InsertGrant(comity.Grant{ID: b.ID, Case: g.Case, State: g.view.State, Liaison: a.who.Officer.Ref(),
		Function: a.who.Officer.Function, Grantee: b.Grantee, Scope: b.Scope, Exhibits: b.Exhibits, Grade: b.Grade,
		Assistance: b.Assistance, Caveats: b.Caveats, Purpose: b.Purpose, Agreement: b.Agreement, Release: b.Release,
		Request: b.Request, NotBefore: time.Unix(b.NotBefore, 0).UTC(), NotAfter: time.Unix(b.NotAfter, 0).UTC(),
		Status: comity.GrantPending, Version: 1, CreatedAt: a.now, Statement: g.Statement, AgreementHash: g.basis})
	if errors.Is(err, storage.ErrExists) { // one of the own state's was found by judge
		return errTaken
	}
	if err != nil {
		return err
	}
	a.on(string(b.ID))
	a.made = []comity.ID{b.ID}
	return tx.AddEffect(g.effect(a))
}

// effect takes the grant into the register.
func (g *MakeGrant) effect(a *attempt) storage.Effect {
	return apply(g.Body.ID, g.view.State, g.Statement, a.now)
}

func (g *MakeGrant) finish(ctx context.Context, a *attempt) error {
	return a.x.runEffects(ctx, g.effect(a))
}

func (g *MakeGrant) repeat(ctx context.Context, a *attempt, ids []comity.ID) error {
	err := a.x.db.Read(ctx, func(tx storage.ReadTx) error {
		found, err := tx.Grants(storage.Viewer{Officer: a.who.Officer, At: tx.Now()}, ids)
		g.Statement = found[g.Body.ID].Statement
		return err
	})
	if err != nil {
		return err
	}
	return a.x.runEffects(ctx, g.effect(a))
}
