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

// NewRelease is a release decision to record.
type NewRelease struct {
	Case      comity.ID      `json:"case"`
	Decider   comity.Decider `json:"decider"`
	Reference string         `json:"reference,omitempty"` // of the prosecutor's or court's decision
	Grantee   comity.State   `json:"grantee"`
	Scope     comity.Scope   `json:"scope"` // the widest that is released
	Exhibits  []comity.ID    `json:"exhibits,omitempty"`
	Purpose   comity.Purpose `json:"purpose"`
	NotAfter  time.Time      `json:"notAfter"`
}

// ReleaseDecide records a release decision, without which no liaison grants (Article 8).
func (c *Client) ReleaseDecide(ctx context.Context, in NewRelease) (*Release, error) {
	if err := id("case", in.Case, comity.KindCase); err != nil {
		return nil, err
	}
	in.NotAfter = in.NotAfter.UTC()
	p, err := mutate[struct {
		payload
		Release *Release `json:"release"`
	}](ctx, c, "ReleaseDecide", always(in))
	if err == nil && p.Release == nil {
		err = errEmpty
	}
	return p.Release, err
}

// NewGrant is the terms of a grant. NotBefore and NotAfter count in whole seconds.
type NewGrant struct {
	Case       comity.ID
	Category   comity.Category // of the case, as it is shown: what the agreement must cover
	Grantee    comity.Grantee
	Scope      comity.Scope
	Exhibits   []comity.ID
	Grade      comity.Grade
	Assistance string // the mutual-assistance decision, for GradeEvidence
	Caveats    comity.Caveats
	Purpose    comity.Purpose
	Agreement  string
	Release    comity.ID
	Request    comity.ID // that it answers, "" when unasked
	NotBefore  time.Time
	NotAfter   time.Time
}

// grantInput is the API's GrantMakeInput without its idempotency key.
type grantInput struct {
	ID             comity.ID         `json:"id"`
	Case           comity.ID         `json:"case"`
	Category       comity.Category   `json:"category"`
	GranteeState   comity.State      `json:"granteeState"`
	GranteeAgency  comity.AgencyID   `json:"granteeAgency,omitempty"`
	GranteeOfficer comity.OfficerRef `json:"granteeOfficer,omitempty"`
	Scope          comity.Scope      `json:"scope"`
	Exhibits       []comity.ID       `json:"exhibits,omitempty"`
	Grade          comity.Grade      `json:"grade"`
	Assistance     string            `json:"assistance,omitempty"`
	Caveats        comity.Caveats    `json:"caveats"`
	Purpose        comity.Purpose    `json:"purpose"`
	Agreement      string            `json:"agreement"`
	Release        comity.ID         `json:"release"`
	Request        comity.ID         `json:"request,omitempty"`
	NotBefore      time.Time         `json:"notBefore"`
	NotAfter       time.Time         `json:"notAfter"`
	Act            string            `json:"act"`
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
	if err := id("case", in.Case, comity.KindCase); err != nil {
		return nil, err
	}
	if _, err := c.Directory(ctx); err != nil {
		return nil, err
	}
	if err := c.checkNamed(ctx, in.Case, in.Exhibits); err != nil {
		return nil, err
	}
	body := statement.GrantBody{ID: comity.NewID(comity.KindGrant), Category: in.Category, Grantee: in.Grantee, Scope: in.Scope, Exhibits: in.Exhibits, Grade: in.Grade, Assistance: in.Assistance,
		Caveats: in.Caveats, Purpose: in.Purpose, Agreement: in.Agreement, Release: in.Release, Request: in.Request,
		NotBefore: in.NotBefore.Unix(), NotAfter: in.NotAfter.Unix()}
	sent := false
	g, err := grantOf(mutate[grantPayload](ctx, c, "GrantMake", func() (any, error) {
		act, err := c.act(statement.Act{Act: statement.ActGrantMake, Record: in.Case, Purpose: in.Purpose}, body)
		sent = err == nil
		return grantInput{ID: body.ID, Case: in.Case, Category: in.Category, GranteeState: in.Grantee.State, GranteeAgency: in.Grantee.Agency, GranteeOfficer: in.Grantee.Officer,
			Scope: in.Scope, Exhibits: in.Exhibits, Grade: in.Grade, Assistance: in.Assistance, Caveats: in.Caveats, Purpose: in.Purpose,
			Agreement: in.Agreement, Release: in.Release, Request: in.Request,
			NotBefore: time.Unix(body.NotBefore, 0).UTC(), NotAfter: time.Unix(body.NotAfter, 0).UTC(), Act: act}, err
	}))
	if err == nil {
		err = c.checkOwn(ctx, g.Statement, statement.KindGrant, body.ID, in.Case, body)
	}
	if err == nil {
		g, err = c.asSigned(ctx, g, body.ID)
	}
	if err != nil && sent {
		err = &UnsureError{Grant: body.ID, Case: in.Case, Err: err}
	}
	if err != nil {
		return nil, err
	}
	return g, nil
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
	body := statement.NarrowBody{Case: in.Case, Scope: in.Scope, Exhibits: in.Exhibits, Caveats: in.Caveats, NotAfter: in.NotAfter.Unix()}
	g, err := grantOf(mutate[grantPayload](ctx, c, "GrantNarrow", func() (any, error) {
		act, err := c.act(statement.Act{Act: statement.ActGrantNarrow, Record: in.Grant}, body)
		return struct {
			Grant           comity.ID      `json:"grant"`
			Case            comity.ID      `json:"case"`
			ExpectedVersion int            `json:"expectedVersion"`
			Scope           comity.Scope   `json:"scope"`
			Exhibits        []comity.ID    `json:"exhibits,omitempty"`
			Caveats         comity.Caveats `json:"caveats"`
			NotAfter        time.Time      `json:"notAfter"`
			Act             string         `json:"act"`
		}{in.Grant, in.Case, in.ExpectedVersion, in.Scope, in.Exhibits, in.Caveats, time.Unix(body.NotAfter, 0).UTC(), act}, err
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

// NewMandate is a liaison's dated authority to give.
type NewMandate struct {
	Liaison   comity.OfficerRef `json:"liaison"`
	NotBefore time.Time         `json:"notBefore"`
	NotAfter  time.Time         `json:"notAfter"`
}

type mandatePayload struct {
	payload
	Mandate *Mandate `json:"mandate"`
}

func mandateOf(p mandatePayload, err error) (*Mandate, error) {
	if err == nil && p.Mandate == nil {
		err = errEmpty
	}
	return p.Mandate, err
}

// MandateGive gives a liaison of the own state authority to grant (Article 8).
func (c *Client) MandateGive(ctx context.Context, in NewMandate) (*Mandate, error) {
	in.NotBefore, in.NotAfter = in.NotBefore.UTC(), in.NotAfter.UTC()
	return mandateOf(mutate[mandatePayload](ctx, c, "MandateGive", always(in)))
}

// MandateEnd ends a mandate at once.
func (c *Client) MandateEnd(ctx context.Context, mandate comity.ID) (*Mandate, error) {
	if err := id("mandate", mandate, comity.KindMandate); err != nil {
		return nil, err
	}
	return mandateOf(mutate[mandatePayload](ctx, c, "MandateEnd", always(struct {
		Mandate comity.ID `json:"mandate"`
	}{mandate})))
}

// Mandates lists the mandates of the officer's own state, newest first.
func (c *Client) Mandates(ctx context.Context) ([]Mandate, error) {
	var data struct {
		Viewer struct {
			Mandates []Mandate `json:"mandates"`
		} `json:"viewer"`
	}
	err := c.query(ctx, "Mandates", nil, &data)
	return data.Viewer.Mandates, err
}
