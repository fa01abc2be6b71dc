package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

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
		err = fmt.Errorf("it is %s", got.Kind.Indefinite())
	case got.State != s:
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
	own, err := c.state(ctx)
	if err != nil {
		return err
	}
	s, err := c.statementOf(ctx, jws, []statement.Kind{kind}, own, about, record)
	if err != nil {
		return unverified(what, err)
	}
	_, canonical, err := statement.BodyHash(body)
	if err != nil {
		return err
	}
	mine := s.Officer.JKT == c.jkt || s.Second != nil && s.Second.Officer.JKT == c.jkt
	if !mine || !bytes.Equal(s.Body, canonical) {
		return unverifiedf(what, "it does not rest on the act that was signed here")
	}
	return nil
}

// checkGrant verifies the statements behind a grant, and that the grant is
// shown as they have it.
func (c *Client) checkGrant(ctx context.Context, g *Grant) {
	g.Check = Check{}
	if g.Statement == "" {
		return // a former grantee sees that the grant ended, and nothing else
	}
	if g.Check.err = c.grantHolds(ctx, g); g.Check.err == nil {
		g.Check.err = errNone
	}
}

func (c *Client) grantHolds(ctx context.Context, g *Grant) error {
	s, err := c.statementOf(ctx, g.Statement, []statement.Kind{statement.KindGrant}, g.State, g.ID, g.Case)
	if err != nil {
		return err
	}
	var made statement.GrantBody
	if err := s.Decode(&made); err != nil {
		return err
	}
	// What a narrowing leaves; without one, what was granted.
	now := statement.NarrowBody{Scope: made.Scope, Exhibits: made.Exhibits, Subjects: made.Subjects, Caveats: made.Caveats, NotAfter: made.NotAfter}
	if g.Narrowing != "" {
		narrowed, err := c.statementOf(ctx, g.Narrowing, []statement.Kind{statement.KindNarrowing}, g.State, g.ID, g.Case)
		if err != nil {
			return err
		}
		now = statement.NarrowBody{}
		if err := narrowed.Decode(&now); err != nil {
			return err
		}
	}
	if made.Emergency != "" {
		end, err := c.confirmedUntil(ctx, g, s)
		if err != nil {
			return err
		}
		now.NotAfter = min(now.NotAfter, end)
	}
	var second comity.OfficerRef
	if s.Second != nil {
		second = s.Second.Officer.Ref
	}
	var shown comity.Caveats
	if g.Caveats != nil {
		shown = *g.Caveats
	}
	if made.Grantee != (comity.Grantee{State: g.GranteeState, Agency: g.GranteeAgency, Officer: g.GranteeOfficer}) ||
		made.Purpose != g.Purpose || made.Grade != g.Grade || made.Agreement != g.Agreement || made.Assistance != g.Assistance ||
		made.NotBefore != g.NotBefore.Unix() || now.Scope != g.Scope || !sameIDs(now.Exhibits, g.Exhibits) || !sameIDs(now.Subjects, g.Subjects) ||
		now.Caveats != shown ||
		now.NotAfter != g.NotAfter.Unix() || s.Officer.Ref != g.Liaison || second != g.Second || g.Emergency != (made.Emergency != "") {
		return errors.New("the grant is shown with other terms than the state signed")
	}
	return nil
}

// confirmedUntil is when a grant that was made in danger to life ends by what
// was signed: when it lapses, or at the end that another liaison confirmed.
func (c *Client) confirmedUntil(ctx context.Context, g *Grant, made statement.Statement) (int64, error) {
	if g.Confirmation == "" {
		return made.IssuedAt + int64(comity.EmergencyAge/time.Second), nil
	}
	s, err := c.statementOf(ctx, g.Confirmation, []statement.Kind{statement.KindConfirmation}, g.State, g.ID, g.Case)
	if err != nil {
		return 0, fmt.Errorf("the confirmation: %w", err)
	}
	var b statement.ConfirmBody
	if err := s.Decode(&b); err != nil {
		return 0, err
	}
	if s.Officer.Ref == made.Officer.Ref {
		return 0, errors.New("who made the grant in danger to life confirmed it too")
	}
	return b.NotAfter, nil
}

// checkLabel verifies an exhibit's receipt, and that the exhibit is shown under
// the name, type and claims that it was begun with, and as what was received.
func (c *Client) checkLabel(ctx context.Context, e *Evidence) {
	e.Check = Check{}
	if e.Receipt == "" && e.Status != comity.EvidenceSealed {
		return
	}
	if e.Check.err = c.labelHolds(ctx, e); e.Check.err == nil {
		e.Check.err = errNone
	}
}

func (c *Client) labelHolds(ctx context.Context, e *Evidence) error {
	h, err := readHeader(e.Header, e.ID, e.Case)
	if err != nil {
		return err
	}
	s, err := c.statementOf(ctx, e.Receipt, []statement.Kind{statement.KindReceipt}, e.State, e.ID, e.Case)
	if err != nil {
		return err
	}
	got, err := s.Receipt(h)
	if err != nil {
		return err
	}
	label, _, err := statement.BodyHash(statement.BeginBody{MediaType: e.MediaType, Original: e.Original, Size: e.Size, Name: e.Name,
		ClaimMD5: e.ClaimMD5, ClaimSHA1: e.ClaimSHA1})
	switch {
	case err != nil:
		return err
	case got.BeginHash != label:
		return errors.New("the exhibit is shown under another name, media type or claim than the state signed")
	case got.Root != e.Root || got.PlainSHA256 != e.PlainSHA256:
		return errors.New("the exhibit is shown with other bytes than the state signed")
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
