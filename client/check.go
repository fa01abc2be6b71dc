package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
)

// statementOf verifies a statement of a state and that it is the one meant.
func (c *Client) statementOf(ctx context.Context, jws string, kinds []statement.Kind, s comity.State, about, record comity.ID) (statement.Statement, error) {
	var got statement.Statement
	err := c.verify(ctx, func(d *statement.Directory) (err error) {
		got, err = d.VerifyStatement(jws)
		return err
	})
	switch {
	case err != nil:
	case !slices.Contains(kinds, got.Kind):
		err = fmt.Errorf("it is a %s", got.Kind)
	case s != "" && got.State != s:
		err = fmt.Errorf("%s signed it, not %s", got.State, s)
	case got.ID != about || got.Record != record:
		err = fmt.Errorf("it is about %s of %s", got.ID, got.Record)
	}
	return got, err
}

// checkOwn verifies the statement that the own state made over an act signed
// here: of this record, over this body, by this session key. After a lost
// answer it may rest on an earlier signature of the same act.
func (c *Client) checkOwn(ctx context.Context, jws string, kind statement.Kind, about, record comity.ID, body any) error {
	what := fmt.Sprintf("the signed %s %s", kind, about)
	s, err := c.statementOf(ctx, jws, []statement.Kind{kind}, "", about, record)
	if err != nil {
		return unverified(what, err)
	}
	_, canonical, err := statement.BodyHash(body)
	if err != nil {
		return err
	}
	if s.Officer.JKT != c.jkt || !bytes.Equal(s.Body, canonical) {
		return unverifiedf(what, "it does not rest on the act that was signed here")
	}
	return nil
}

// checkGrant verifies the statement behind a grant, and that the grant is shown
// as the statement has it.
func (c *Client) checkGrant(ctx context.Context, g *Grant) {
	g.Check = Check{}
	if g.Statement == "" {
		return // a former grantee sees that the grant ended, and nothing else
	}
	s, err := c.statementOf(ctx, g.Statement, []statement.Kind{statement.KindGrant, statement.KindNarrowing}, g.State, g.ID, g.Case)
	if err == nil {
		err = g.sameAs(s)
	}
	if err == nil {
		err = errNone
	}
	g.Check = Check{err}
}

func (g *Grant) sameAs(s statement.Statement) error {
	differs := errors.New("the grant is shown with other terms than the state signed")
	caveats := comity.Caveats{}
	if g.Caveats != nil {
		caveats = *g.Caveats
	}
	var scope comity.Scope
	var exhibits []comity.ID
	var signed comity.Caveats
	var until int64
	if s.Kind == statement.KindNarrowing {
		var b statement.NarrowBody
		if err := s.Decode(&b); err != nil {
			return err
		}
		scope, exhibits, signed, until = b.Scope, b.Exhibits, b.Caveats, b.NotAfter
	} else {
		var b statement.GrantBody
		if err := s.Decode(&b); err != nil {
			return err
		}
		scope, exhibits, signed, until = b.Scope, b.Exhibits, b.Caveats, b.NotAfter
		shown := comity.Grantee{State: g.GranteeState, Agency: g.GranteeAgency, Officer: g.GranteeOfficer}
		if b.Grantee != shown || b.Purpose != g.Purpose || b.Grade != g.Grade || b.Agreement != g.Agreement ||
			b.Assistance != g.Assistance || b.NotBefore != g.NotBefore.Unix() {
			return differs
		}
	}
	if scope != g.Scope || !sameIDs(exhibits, g.Exhibits) || signed != caveats || until != g.NotAfter.Unix() {
		return differs
	}
	return nil
}

// sameIDs compares without regard to order, which a database need not keep.
func sameIDs(a, b []comity.ID) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

// checkRefusal verifies the statement behind a request's refusal.
func (c *Client) checkRefusal(ctx context.Context, r *Request) {
	if r.Refusal == nil {
		return
	}
	s, err := c.statementOf(ctx, r.Refusal.Statement, []statement.Kind{statement.KindRefusal}, r.To, r.Refusal.ID, r.ID)
	var body statement.RefuseBody
	if err == nil {
		err = s.Decode(&body)
	}
	if err == nil && body.Ground != r.Refusal.Ground {
		err = errors.New("the refusal is shown with another ground than the state signed")
	}
	if err == nil {
		err = errNone
	}
	r.Refusal.Check = Check{err}
}
