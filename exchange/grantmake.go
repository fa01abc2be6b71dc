package exchange

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// MakeGrant opens a case of the own state to another state, one of its
// agencies or one of its officers, for one purpose and a term; or proposes to,
// for another liaison to approve.
type MakeGrant struct {
	Key  string              `json:"-"`
	Case comity.ID           `json:"case"`
	Body statement.GrantBody `json:"body"`
	Act  string              `json:"-"`
	// Propose makes a proposal of it, which opens nothing.
	Propose bool `json:"propose,omitempty"`
	// Proposal is what another liaison proposed and this one approves, by the
	// same body.
	Proposal comity.ID `json:"proposal,omitempty"`

	Statement string    `json:"-"`
	Proposed  comity.ID `json:"-"` // the proposal that was made

	changeCase
	canonical json.RawMessage
	two       twoOfficers         // the proposal that is made or approved
	mandate   comity.Mandate      // under which the officer acts
	judged    int                 // the version of the case whose clear fields were verified
	made      statement.Statement // what the state signed
	// standing is the standing grant that it is made under, zero for an act of its own.
	standing comity.StandingGrant
}

func (g *MakeGrant) about() (sovereignty.Action, string, any) {
	if g.Propose {
		return sovereignty.GrantPropose, g.Key, g
	}
	return sovereignty.GrantMake, g.Key, g
}

func (g *MakeGrant) judge(tx storage.ReadTx, a *attempt) error {
	a.records = nil
	if err := first(g.check(), a.x.grantee(g.Body.Grantee)); err != nil {
		return err
	}
	act, canonical, err := a.verify(g.Act, statement.ActGrantMake, g.Case, g.Body)
	if err != nil {
		return err
	}
	if paired := g.Propose || g.Proposal != ""; act.Seconded != paired {
		return comity.Invalid("act", "what is proposed or approved is signed as seconded, and nothing else is")
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
		g.two.Proposal = g.Proposal
		if err := g.two.find(tx, a); err != nil {
			return err
		}
		if err := g.circumstances(tx, a, &q); err != nil {
			return err
		}
		if g.mandate.ID != "" {
			a.on(string(g.mandate.ID))
		}
	}
	if err := a.decide(q); err != nil {
		return err
	}
	if err := g.two.check(a, comity.ArticleLiaison, g.name()); err != nil {
		return err
	}
	if g.Body.Category != view.Category {
		return comity.Invalid("category", "the case is of another category; read it again")
	}
	if err := a.unusedGrant(tx, g.Body.ID); err != nil {
		return err
	}
	if err := a.checkNamed(tx, view.ID, g.Body.Scope, g.Body.Exhibits, g.Body.Subjects); err != nil {
		return err
	}
	return a.checkRequest(tx, view.ID, g.Body)
}

// name says what a proposal of the grant is.
func (g *MakeGrant) name() proposalName {
	return proposalName{act: statement.ActGrantMake, kind: statement.KindGrant, record: g.Case, target: g.Body.ID, body: g.canonical}
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
	case len(b.Emergency) > maxObjection:
		return tooLong("emergency", maxObjection)
	case b.Emergency != "" && (g.Propose || g.Proposal != "" || b.Release != ""):
		return comity.Invalid("emergency", "in an emergency one liaison grants alone, over no release decision; otherwise leave it out")
	case g.Propose && g.Proposal != "":
		return comity.Invalid("proposal", "a grant is proposed, or approved, one at a time")
	}
	return first(checkText("caveats", b.Caveats.Text), checkText("emergency", b.Emergency), checkLine("assistance", b.Assistance), checkLine("agreement", b.Agreement))
}

func (g *MakeGrant) prepare(ctx context.Context, a *attempt) error {
	if err := g.genuine(ctx, a); err != nil {
		return err
	}
	keys, err := a.x.custodian(g.view.State)
	if err != nil {
		return err
	}
	if g.Propose {
		err := g.two.propose(ctx, a, g.name(), g.Act)
		g.Proposed = g.two.Proposed
		return err
	}
	o := custodian.SignOrder{Asker: a.asker(g.Act), Kind: statement.KindGrant, ID: g.Body.ID, Record: g.Case, Body: g.canonical}
	if g.Proposal != "" {
		if o, err = g.two.order(ctx, a, g.name(), g.Act); err != nil {
			return err
		}
	}
	if g.Statement, err = keys.Sign(ctx, o); err != nil {
		return err
	}
	g.made, err = a.x.statements.get(a.x.dir, g.Statement)
	return err
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
	if g.Propose {
		return g.two.keepProposed(tx, a, g.name())
	}
	row := comity.Grant{ID: b.ID, Case: g.Case, State: g.view.State, Liaison: g.made.Officer.Ref,
		Function: g.made.Officer.Function, Grantee: b.Grantee, Scope: b.Scope, Exhibits: b.Exhibits, Subjects: b.Subjects, Grade: b.Grade,
		Assistance: b.Assistance, Caveats: b.Caveats, Purpose: b.Purpose, Agreement: b.Agreement, Release: b.Release,
		Request: b.Request, NotBefore: time.Unix(b.NotBefore, 0).UTC(), NotAfter: endOf(g.made, b),
		Status: comity.GrantPending, Version: 1, CreatedAt: a.now, Statement: g.Statement, AgreementHash: kept(*g.made.Agreement, b.Category),
		Emergency: b.Emergency != "", Standing: g.standing.ID}
	if g.mandate.Liaison != a.who.Officer.Ref() {
		row.ActingFor = g.mandate.Liaison
	}
	if g.made.Second != nil {
		row.Second = g.made.Second.Officer.Ref
		if err := g.two.keepApproved(tx, a); err != nil {
			return err
		}
	}
	err := tx.InsertGrant(row)
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

// endOf is when a grant ends by what was signed: one that was made in danger to
// life lapses unless it is confirmed.
func endOf(made statement.Statement, b statement.GrantBody) time.Time {
	end := time.Unix(b.NotAfter, 0).UTC()
	if lapses := time.Unix(made.IssuedAt, 0).UTC().Add(comity.EmergencyAge); b.Emergency != "" && lapses.Before(end) {
		return lapses
	}
	return end
}

// effect takes the grant into the register.
func (g *MakeGrant) effect(a *attempt) storage.Effect {
	return apply(g.Body.ID, g.view.State, g.Statement, a.now)
}

func (g *MakeGrant) finish(ctx context.Context, a *attempt) error {
	if g.Propose {
		return nil
	}
	return a.x.runEffects(ctx, g.effect(a))
}

func (g *MakeGrant) repeat(ctx context.Context, a *attempt, ids []comity.ID) error {
	if g.Propose {
		g.Proposed = ids[0]
		return nil
	}
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
