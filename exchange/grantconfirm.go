package exchange

import (
	"context"
	"encoding/json"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// ConfirmGrant lets a grant that one liaison made in danger to life run on
// after its 72 hours, within its own terms and over a release decision.
type ConfirmGrant struct {
	Key             string                `json:"-"`
	Grant           comity.ID             `json:"grant"`
	ExpectedVersion int                   `json:"expectedVersion"`
	Body            statement.ConfirmBody `json:"body"`
	Act             string                `json:"-"`

	Statement string `json:"-"`

	grant     comity.Grant
	canonical json.RawMessage
}

func (c *ConfirmGrant) about() (sovereignty.Action, string, any) {
	return sovereignty.GrantConfirm, c.Key, c
}

func (c *ConfirmGrant) judge(tx storage.ReadTx, a *attempt) error {
	_, canonical, err := a.verify(c.Act, statement.ActGrantConfirm, c.Grant, c.Body)
	if err != nil {
		return err
	}
	g, q, err := a.findGrant(tx, c.Grant)
	if err != nil {
		return err
	}
	c.grant, c.canonical = g, canonical
	until := time.Unix(c.Body.NotAfter, 0)
	if g.State == a.who.Officer.State {
		if err := c.circumstances(tx, a, until, &q.Circumstances); err != nil {
			return err
		}
	}
	if err := a.decide(q); err != nil {
		return err
	}
	switch {
	case !g.Emergency:
		return comity.Conflict("the grant was not made in an emergency: there is nothing to confirm")
	case g.Confirmation != "":
		return comity.Conflict("the grant is confirmed already").CuredBy("there is nothing to do")
	}
	if err := first(ofCase(g, c.Body.Case), stillRuns(g, a.now)); err != nil {
		return err
	}
	if g.Version != c.ExpectedVersion {
		return comity.Conflict("the grant changed meanwhile; read it again")
	}
	if !until.After(a.now) {
		return comity.Denied(comity.ArticleTerm, "the end confirmed has passed", "name a later end")
	}
	return nil
}

func (c *ConfirmGrant) circumstances(tx storage.ReadTx, a *attempt, until time.Time, q *sovereignty.Circumstances) error {
	g := c.grant
	under, err := a.mandates(tx, a.who.Officer.Ref())
	if err != nil {
		return err
	}
	found, err := tx.Cases(a.viewer(), []comity.ID{g.Case})
	if err != nil {
		return err
	}
	_, q.Mandate, q.Ceiling = within(under, found[g.Case].Category, g.Caveats.Marking.TLP, g.Scope, g.Grade, until.Sub(later(g.NotBefore, a.now)))
	q.Another = g.Liaison != a.who.Officer.Ref()
	terms := statement.GrantBody{Grantee: g.Grantee, Purpose: g.Purpose, Scope: g.Scope, Exhibits: g.Exhibits, Subjects: g.Subjects}
	q.Release, err = a.released(tx, g.Case, c.Body.Release, terms, until, g.Liaison, "")
	return err
}

func (c *ConfirmGrant) prepare(ctx context.Context, a *attempt) error {
	keys, err := a.x.custodian(c.grant.State)
	if err != nil {
		return err
	}
	c.Statement, err = keys.Sign(ctx, custodian.SignOrder{Asker: a.asker(c.Act), Kind: statement.KindConfirmation,
		ID: c.Grant, Record: c.grant.Case, Body: c.canonical})
	return err
}

func (c *ConfirmGrant) commit(tx storage.Tx, a *attempt) error {
	g := c.grant
	g.Confirmation = c.Statement
	g.NotAfter = time.Unix(c.Body.NotAfter, 0).UTC()
	if n := g.Narrowing; n != "" { // what was narrowed stays so
		var b statement.NarrowBody
		s, err := a.x.statements.get(a.x.dir, n)
		if err == nil {
			err = s.Decode(&b)
		}
		if err != nil {
			return err
		}
		if end := time.Unix(b.NotAfter, 0).UTC(); end.Before(g.NotAfter) {
			g.NotAfter = end
		}
	}
	g.Version++
	if err := tx.UpdateGrant(g, g.Version-1); err != nil {
		return err
	}
	if g.Status == comity.GrantActive {
		a.concerned = append(a.concerned, g.Grantee.State)
	}
	a.made = []comity.ID{c.Grant}
	return tx.AddEffect(apply(c.Grant, g.State, c.Statement, a.now))
}

func (c *ConfirmGrant) finish(ctx context.Context, a *attempt) error {
	a.x.registers.forget()
	return a.enter(ctx, c.Grant, c.grant.State, c.Statement)
}

// repeat applies the confirmation that the grant has.
func (c *ConfirmGrant) repeat(ctx context.Context, a *attempt, _ []comity.ID) error {
	c.Statement = c.grant.Confirmation
	if c.Statement == "" {
		return nil
	}
	return c.finish(ctx, a)
}
