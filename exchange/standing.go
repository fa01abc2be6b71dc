package exchange

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// MakeStanding makes a standing grant: what officers of the own state contribute to
// a joint team, before or after, is granted to other members by it.
type MakeStanding struct {
	Key  string                 `json:"-"`
	ID   comity.ID              `json:"id"`
	Body statement.StandingBody `json:"body"`
	Act  string                 `json:"-"`

	Statement string `json:"-"` // the state's signed standing grant

	canonical json.RawMessage
}

func (m *MakeStanding) about() (sovereignty.Action, string, any) {
	return sovereignty.StandingMake, m.Key, m
}

func (m *MakeStanding) judge(tx storage.ReadTx, a *attempt) error {
	_, canonical, err := a.verify(m.Act, statement.ActStandingMake, m.ID, m.Body)
	if err != nil {
		return err
	}
	m.canonical = canonical
	a.on(string(m.ID))
	a.purpose = m.Body.Purpose
	q := a.ownState()
	q.Circumstances.Signed = true
	under, err := a.mandates(tx, a.who.Officer.Ref())
	if err != nil {
		return err
	}
	q.Circumstances.Mandate = len(under) > 0
	team, in := a.team(m.Body.Team, "")
	q.Circumstances.Agreement = in
	if err := a.decide(q); err != nil {
		return err
	}
	switch _, err := tx.StandingByID(a.who.Officer.State, m.ID); {
	case err == nil:
		return comity.Conflict("there is a standing grant under this id already; read it before making another")
	case !isAbsent(err):
		return err
	}
	return m.check(a, team)
}

func (m *MakeStanding) check(a *attempt, team statement.Agreement) error {
	b := m.Body
	if _, err := comity.ParseID(string(m.ID), comity.KindStanding); err != nil {
		return err
	}
	until := time.Unix(b.NotAfter, 0).UTC()
	if err := first(b.Caveats.Marking.Check(), checkTerm("notAfter", a.now, a.now, until)); err != nil {
		return err
	}
	switch {
	case len(b.Grantees) == 0 || len(b.Grantees) > statement.MaxGrantees:
		return comity.Invalid("grantees", fmt.Sprintf("a standing grant names 1 to %d grantees", statement.MaxGrantees))
	case b.Scope.Rank() < 0:
		return comity.Invalid("scope", "the scopes are SUMMARY, FULL and EXHIBITS")
	case b.Grade.Rank() < 0:
		return comity.Invalid("grade", "the grades are INTELLIGENCE, LEAD and EVIDENCE")
	case !b.Purpose.Valid():
		return comity.Invalid("purpose", "this is not a purpose")
	case len(b.Caveats.Text) > maxObjection:
		return tooLong("caveats", maxObjection)
	case until.After(a.now.Add(statement.MaxStanding)):
		return comity.Denied(comity.ArticleTerm, "a standing grant grants for 90 days at most", "set an earlier end, and make another then")
	case until.After(team.Until):
		return comity.Denied(comity.ArticleTerm, "the standing grant outlasts the joint team", "end it by "+team.Until.UTC().Format(time.RFC3339))
	}
	for _, g := range b.Grantees {
		if err := a.x.grantee(g); err != nil {
			return err
		}
	}
	return first(checkText("caveats", b.Caveats.Text), checkLine("assistance", b.Assistance))
}

func (m *MakeStanding) prepare(ctx context.Context, a *attempt) error {
	keys, err := a.x.custodian(a.who.Officer.State)
	if err != nil {
		return err
	}
	m.Statement, err = keys.Sign(ctx, custodian.SignOrder{Asker: a.asker(m.Act), Kind: statement.KindStanding, ID: m.ID, Record: m.ID, Body: m.canonical})
	return err
}

func (m *MakeStanding) commit(tx storage.Tx, a *attempt) error {
	b, o := m.Body, a.who.Officer
	err := tx.InsertStanding(comity.StandingGrant{ID: m.ID, State: o.State, Team: b.Team, Liaison: o.Ref(), Function: o.Function, Grantees: b.Grantees,
		Scope: b.Scope, Grade: b.Grade, Assistance: b.Assistance, Caveats: b.Caveats, Purpose: b.Purpose, NotAfter: time.Unix(b.NotAfter, 0).UTC(),
		CreatedAt: a.now, Statement: m.Statement})
	if errors.Is(err, storage.ErrExists) {
		return comity.Conflict("no standing grant can be made under this id").CuredBy("choose another id")
	}
	if err != nil {
		return err
	}
	a.made = []comity.ID{m.ID}
	return tx.AddEffect(stands(m.ID, o.State, a.now))
}

func (m *MakeStanding) finish(ctx context.Context, a *attempt) error {
	return a.x.standNow(ctx, stands(m.ID, a.who.Officer.State, a.now))
}

func (m *MakeStanding) repeat(ctx context.Context, a *attempt, ids []comity.ID) error {
	err := a.x.db.Read(ctx, func(tx storage.ReadTx) error {
		s, err := tx.StandingByID(a.who.Officer.State, ids[0])
		m.Statement = s.Statement
		return err
	})
	if err != nil {
		return err
	}
	return m.finish(ctx, a)
}

// EndStanding ends a standing grant and every grant under it.
type EndStanding struct {
	Key      string                    `json:"-"`
	Standing comity.ID                 `json:"standing"`
	Body     statement.StandingEndBody `json:"body"`
	Act      string                    `json:"-"`

	Ended     []comity.ID `json:"-"` // the grants that ended
	Statement string      `json:"-"` // the state's signed end of it

	canonical json.RawMessage
}

func (e *EndStanding) about() (sovereignty.Action, string, any) {
	return sovereignty.StandingEnd, e.Key, e
}

func (e *EndStanding) judge(tx storage.ReadTx, a *attempt) error {
	_, canonical, err := a.verify(e.Act, statement.ActStandingEnd, e.Standing, e.Body)
	if err != nil {
		return err
	}
	e.canonical = canonical
	a.on(string(e.Standing))
	q := a.ownState()
	q.Circumstances.Signed = true
	if err := a.decide(q); err != nil { // whoever may end none is not told which there are
		return err
	}
	row, err := tx.StandingByID(a.who.Officer.State, e.Standing)
	switch {
	case isAbsent(err):
		return comity.NotFound()
	case err != nil:
		return err
	case !row.EndedAt.IsZero():
		return comity.Conflict("the standing grant has ended already").CuredBy("there is nothing to do")
	case len(e.Body.Reason) > maxObjection:
		return tooLong("reason", maxObjection)
	}
	return checkText("reason", e.Body.Reason)
}

func (e *EndStanding) prepare(ctx context.Context, a *attempt) (err error) {
	e.Statement, err = a.signEnd(ctx, a.who.Officer.State, custodian.SignOrder{Asker: a.asker(e.Act), Kind: statement.KindStandingEnd,
		ID: e.Standing, Record: e.Standing, Body: e.canonical}, intent{})
	return err
}

func (e *EndStanding) commit(tx storage.Tx, a *attempt) (err error) {
	a.made = []comity.ID{e.Standing}
	if e.Ended, err = a.endUnder(tx, e.Standing, tx.EndStanding(e.Standing, a.who.Officer.Ref(), a.now)); err != nil {
		return err
	}
	for _, id := range e.Ended {
		a.on(string(id))
	}
	if err := a.settled(tx, e.Standing); err != nil {
		return err
	}
	return tx.AddEffect(apply(e.Standing, a.who.Officer.State, e.Statement, a.now))
}

func (e *EndStanding) finish(ctx context.Context, a *attempt) error {
	return a.enter(ctx, e.Standing, a.who.Officer.State, e.Statement)
}

// repeat has the end signed once more.
func (e *EndStanding) repeat(ctx context.Context, a *attempt, _ []comity.ID) error {
	return signAgain(ctx, a, e)
}
