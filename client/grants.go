package client

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
)

// GrantFilter narrows a list of grants; a zero field does not.
type GrantFilter struct {
	Case     comity.ID          `json:"case,omitempty"`
	Made     bool               `json:"made,omitempty"`
	Received bool               `json:"received,omitempty"`
	State    comity.State       `json:"state,omitempty"` // the other side
	Status   comity.GrantStatus `json:"status,omitempty"`
	Live     bool               `json:"live,omitempty"`
}

// Grants lists the grants that the officer's side made or received.
func (c *Client) Grants(ctx context.Context, f GrantFilter, first int, after string) (Page[Grant], error) {
	if f.Case != "" {
		if err := id("case", f.Case, comity.KindCase); err != nil {
			return Page[Grant]{}, err
		}
	}
	var data struct {
		Viewer struct {
			Grants Page[Grant] `json:"grants"`
		} `json:"viewer"`
	}
	err := c.query(ctx, "Grants", variables(map[string]any{"filter": f, "first": first, "after": after}), &data)
	for i := range data.Viewer.Grants.Nodes {
		c.checkGrant(ctx, &data.Viewer.Grants.Nodes[i])
	}
	return data.Viewer.Grants, err
}

// Grant reads a grant. Its Check says whether the state's statement holds and
// says what the answer says.
func (c *Client) Grant(ctx context.Context, grantID comity.ID) (*Grant, error) {
	if err := id("id", grantID, comity.KindGrant); err != nil {
		return nil, err
	}
	var data struct {
		Node *Grant `json:"node"`
	}
	if err := c.query(ctx, "Grant", map[string]any{"id": grantID}, &data); err != nil {
		return nil, err
	}
	if data.Node == nil || data.Node.ID != grantID {
		return nil, comity.NotFound()
	}
	c.checkGrant(ctx, data.Node)
	c.checkObjections(ctx, data.Node)
	return data.Node, nil
}

// NewGrant is the terms of a grant. NotBefore and NotAfter count in whole seconds.
type NewGrant struct {
	Case       comity.ID
	Category   comity.Category // of the case, as it is shown: what the agreement must cover
	Grantee    comity.Grantee
	Scope      comity.Scope
	Exhibits   []comity.ID
	Subjects   []comity.ID // victims, witnesses and minors who are named; any other stays closed
	Grade      comity.Grade
	Assistance string // the mutual-assistance decision, for GradeEvidence
	Caveats    comity.Caveats
	Purpose    comity.Purpose
	Agreement  string
	Release    comity.ID // "" in an emergency
	Emergency  string    // what the danger to life is, "" in no emergency
	Request    comity.ID // that it answers, "" when unasked
	NotBefore  time.Time
	NotAfter   time.Time
}

// body is the terms of the grant as they are signed.
func (n NewGrant) body(grantID comity.ID) statement.GrantBody {
	return statement.GrantBody{ID: grantID, Category: n.Category, Grantee: n.Grantee, Scope: n.Scope, Exhibits: n.Exhibits, Subjects: n.Subjects, Grade: n.Grade, Assistance: n.Assistance,
		Caveats: n.Caveats, Purpose: n.Purpose, Agreement: n.Agreement, Release: n.Release, Emergency: n.Emergency, Request: n.Request,
		NotBefore: n.NotBefore.Unix(), NotAfter: n.NotAfter.Unix()}
}

// grantInput is the API's GrantMakeInput without its idempotency key; what is
// empty of it is left out, as GrantProposeInput and GrantTryInput want it.
type grantInput struct {
	ID             comity.ID         `json:"id,omitempty"`
	Case           comity.ID         `json:"case"`
	Category       comity.Category   `json:"category"`
	GranteeState   comity.State      `json:"granteeState"`
	GranteeAgency  comity.AgencyID   `json:"granteeAgency,omitempty"`
	GranteeOfficer comity.OfficerRef `json:"granteeOfficer,omitempty"`
	Scope          comity.Scope      `json:"scope"`
	Exhibits       []comity.ID       `json:"exhibits,omitempty"`
	Subjects       []comity.ID       `json:"subjects,omitempty"`
	Grade          comity.Grade      `json:"grade"`
	Assistance     string            `json:"assistance,omitempty"`
	Caveats        comity.Caveats    `json:"caveats"`
	Purpose        comity.Purpose    `json:"purpose"`
	Agreement      string            `json:"agreement"`
	Release        comity.ID         `json:"release,omitempty"`
	Emergency      string            `json:"emergency,omitempty"`
	Request        comity.ID         `json:"request,omitempty"`
	NotBefore      time.Time         `json:"notBefore"`
	NotAfter       time.Time         `json:"notAfter"`
	Act            string            `json:"act,omitempty"`
	Proposal       comity.ID         `json:"proposal,omitempty"`
}

// inputOf says to the API what a body says to the state.
func inputOf(caseID comity.ID, b statement.GrantBody) grantInput {
	return grantInput{ID: b.ID, Case: caseID, Category: b.Category, GranteeState: b.Grantee.State, GranteeAgency: b.Grantee.Agency, GranteeOfficer: b.Grantee.Officer,
		Scope: b.Scope, Exhibits: b.Exhibits, Subjects: b.Subjects, Grade: b.Grade, Assistance: b.Assistance, Caveats: b.Caveats, Purpose: b.Purpose, Agreement: b.Agreement,
		Release: b.Release, Emergency: b.Emergency, Request: b.Request, NotBefore: time.Unix(b.NotBefore, 0).UTC(), NotAfter: time.Unix(b.NotAfter, 0).UTC()}
}

type grantPayload struct {
	payload
	Grant     *Grant `json:"grant"`
	Statement string `json:"statement"` // of a revocation
}

func grantOf(p grantPayload, err error) (*Grant, error) {
	if err == nil && p.Grant == nil {
		err = errEmpty
	}
	return p.Grant, err
}

// GrantMake opens a case to another state, one of its agencies or officers, by
// a signed act of the liaison. The grant's id is chosen here, and stands in the
// act: however often it is sent, it makes this grant or none. What the exhibits
// named are called is verified before, the state's statement on receipt. An
// error after the act was sent is an [*UnsureError].
func (c *Client) GrantMake(ctx context.Context, in NewGrant) (*Grant, error) {
	return c.makeGrant(ctx, in.Case, in.body(comity.NewID(comity.KindGrant)), "")
}

// makeGrant makes a grant, or approves a proposal of one.
func (c *Client) makeGrant(ctx context.Context, caseID comity.ID, body statement.GrantBody, proposal comity.ID) (*Grant, error) {
	if err := c.beforeGrant(ctx, caseID, body); err != nil {
		return nil, err
	}
	sent := false
	g, err := grantOf(mutate[grantPayload](ctx, c, "GrantMake", func() (any, error) {
		in := inputOf(caseID, body)
		in.Proposal = proposal
		var err error
		in.Act, err = c.grantAct(caseID, body, proposal != "")
		sent = err == nil
		return in, err
	}))
	if err == nil {
		err = c.checkOwn(ctx, g.Statement, statement.KindGrant, body.ID, caseID, body)
	}
	if err == nil {
		g, err = c.asSigned(ctx, g, body.ID)
	}
	if err != nil && sent {
		err = &UnsureError{Grant: body.ID, Case: caseID, Err: err}
	}
	if err != nil {
		return nil, err
	}
	return g, nil
}

// beforeGrant is what a liaison's client makes sure of before it signs terms.
func (c *Client) beforeGrant(ctx context.Context, caseID comity.ID, body statement.GrantBody) error {
	if err := id("case", caseID, comity.KindCase); err != nil {
		return err
	}
	if _, err := c.Directory(ctx); err != nil {
		return err
	}
	return c.checkNamed(ctx, caseID, body.Exhibits)
}

// grantAct signs terms, alone or as one of two.
func (c *Client) grantAct(caseID comity.ID, body statement.GrantBody, seconded bool) (string, error) {
	return c.act(statement.Act{Act: statement.ActGrantMake, Record: caseID, Purpose: body.Purpose, Seconded: seconded}, body)
}

// checkNamed verifies the labels of exhibits that are about to be named: the
// liaison knows them by what the server shows.
func (c *Client) checkNamed(ctx context.Context, caseID comity.ID, named []comity.ID) error {
	if len(named) == 0 {
		return nil
	}
	all, err := All(func(first int, after string) (Page[Evidence], error) {
		return c.Exhibits(ctx, caseID, "", first, after)
	})
	if err != nil {
		return err
	}
	for i, exhibit := range named {
		at := slices.IndexFunc(all, func(e Evidence) bool { return e.ID == exhibit })
		if at < 0 {
			continue // the gate says so, in the words that it has for all that is not there
		}
		if err := all[at].Check.Err(); err != nil {
			return unverified(fmt.Sprintf("the label of the exhibit %d, %s,", i+1, exhibit), err)
		}
	}
	return nil
}

// Narrowing is the terms of a grant that remain.
type Narrowing struct {
	Grant           comity.ID
	Case            comity.ID // of the grant
	ExpectedVersion int
	Scope           comity.Scope
	Exhibits        []comity.ID
	Subjects        []comity.ID // none where the scope is not FULL
	Caveats         comity.Caveats
	NotAfter        time.Time // whole seconds
}

// GrantNarrow lessens what a grant opens, or for how long.
func (c *Client) GrantNarrow(ctx context.Context, in Narrowing) (*Grant, error) {
	if err := id("grant", in.Grant, comity.KindGrant); err != nil {
		return nil, err
	}
	if err := id("case", in.Case, comity.KindCase); err != nil {
		return nil, err
	}
	if _, err := c.Directory(ctx); err != nil {
		return nil, err
	}
	body := statement.NarrowBody{Case: in.Case, Scope: in.Scope, Exhibits: in.Exhibits, Subjects: in.Subjects, Caveats: in.Caveats, NotAfter: in.NotAfter.Unix()}
	g, err := grantOf(mutate[grantPayload](ctx, c, "GrantNarrow", func() (any, error) {
		act, err := c.act(statement.Act{Act: statement.ActGrantNarrow, Record: in.Grant}, body)
		return struct {
			Grant           comity.ID      `json:"grant"`
			Case            comity.ID      `json:"case"`
			ExpectedVersion int            `json:"expectedVersion"`
			Scope           comity.Scope   `json:"scope"`
			Exhibits        []comity.ID    `json:"exhibits,omitempty"`
			Subjects        []comity.ID    `json:"subjects,omitempty"`
			Caveats         comity.Caveats `json:"caveats"`
			NotAfter        time.Time      `json:"notAfter"`
			Act             string         `json:"act"`
		}{in.Grant, in.Case, in.ExpectedVersion, in.Scope, in.Exhibits, in.Subjects, in.Caveats, time.Unix(body.NotAfter, 0).UTC(), act}, err
	}))
	if err != nil {
		return nil, err
	}
	if err := c.checkOwn(ctx, g.Narrowing, statement.KindNarrowing, in.Grant, in.Case, body); err != nil {
		return nil, err
	}
	return c.asSigned(ctx, g, in.Grant)
}

// asSigned refuses a grant that is shown with other terms than were signed.
func (c *Client) asSigned(ctx context.Context, g *Grant, grantID comity.ID) (*Grant, error) {
	if g.ID != grantID {
		return nil, unverifiedf("the grant "+string(grantID), "the answer shows %s", g.ID)
	}
	if c.checkGrant(ctx, g); !g.Check.Verified() {
		return nil, unverifiedf("the grant "+string(g.ID), "%v", g.Check.Err())
	}
	return g, nil
}

// GrantRevoke ends a grant of a case, also one that is known by its id alone
// (see [UnsureError]). Reads and key releases that begin after its answer are
// denied: the state signs a revocation only when it is in its register, and
// what was signed is verified on receipt.
func (c *Client) GrantRevoke(ctx context.Context, caseID, grantID comity.ID, reason string) (*Grant, error) {
	if err := id("case", caseID, comity.KindCase); err != nil {
		return nil, err
	}
	if err := id("grant", grantID, comity.KindGrant); err != nil {
		return nil, err
	}
	if _, err := c.Directory(ctx); err != nil {
		return nil, err
	}
	body := statement.RevokeBody{Case: caseID, Reason: reason}
	p, err := mutate[grantPayload](ctx, c, "GrantRevoke", func() (any, error) {
		act, err := c.act(statement.Act{Act: statement.ActGrantRevoke, Record: grantID}, body)
		return struct {
			Grant  comity.ID `json:"grant"`
			Case   comity.ID `json:"case"`
			Reason string    `json:"reason,omitempty"`
			Act    string    `json:"act"`
		}{grantID, caseID, reason, act}, err
	})
	g, err := grantOf(p, err)
	if err != nil {
		return nil, err
	}
	if g.ID != grantID || g.Live || g.Status != comity.GrantRevoked && g.Status != comity.GrantEnded {
		return nil, unverifiedf("the revocation of "+string(grantID), "the answer shows the grant %s as %s", g.ID, g.Status)
	}
	if err := c.checkOwn(ctx, p.Statement, statement.KindRevocation, grantID, caseID, body); err != nil {
		return nil, err
	}
	c.checkGrant(ctx, g)
	return g, nil
}
