package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
)

// Proposal is the first half of an act that takes two officers of one state:
// nothing is in force by it.
type Proposal struct {
	ID        comity.ID             `json:"id"`
	Act       string                `json:"act"`    // that both officers sign, as in "grantMake"
	Kind      statement.Kind        `json:"kind"`   // of statement that the second makes of it
	Role      comity.Role           `json:"role"`   // whose act it is
	Record    comity.ID             `json:"record"` // the case, the reservation of a category, or the erasure
	Target    comity.ID             `json:"target"` // the grant, the withdrawal, the case or reservation
	Officer   comity.OfficerRef     `json:"officer"`
	Function  string                `json:"function"`
	Status    comity.ProposalStatus `json:"status"`
	DecidedBy comity.OfficerRef     `json:"decidedBy,omitempty"`
	DecidedAt time.Time             `json:"decidedAt,omitzero"`
	CreatedAt time.Time             `json:"createdAt"`
	LapsesAt  time.Time             `json:"lapsesAt"`
	Body      string                `json:"body,omitempty"`      // the terms that both officers sign, canonical JSON; "" while the state's keys cannot be reached
	Statement string                `json:"statement,omitempty"` // the state's signed proposal (JWS), with the first officer's act
	Reason    string                `json:"reason,omitempty"`    // why it was declined
	// Terms is the hash of Body (hex SHA-256) that the acts of both officers carry.
	// [Client.ProposalApprove] wants it, so that what was read is what is signed.
	Terms string `json:"terms,omitempty"`
	Check Check  `json:"check"`
}

// ProposalFilter narrows a list of proposals; a zero field does not.
type ProposalFilter struct {
	Record comity.ID             `json:"record,omitempty"`
	Status comity.ProposalStatus `json:"status,omitempty"`
}

// Proposals lists what waits, or waited, for officers of the own state in the
// officer's role, newest first.
func (c *Client) Proposals(ctx context.Context, f ProposalFilter, first int, after string) (Page[Proposal], error) {
	var data struct {
		Viewer struct {
			Proposals Page[Proposal] `json:"proposals"`
		} `json:"viewer"`
	}
	err := c.query(ctx, "Proposals", variables(map[string]any{"filter": f, "first": first, "after": after}), &data)
	for i := range data.Viewer.Proposals.Nodes {
		c.checkProposal(ctx, &data.Viewer.Proposals.Nodes[i])
	}
	return data.Viewer.Proposals, err
}

// Proposal reads a proposal. Its Check says whether the state's statement holds,
// with the first officer's act in it, and says what the answer says.
func (c *Client) Proposal(ctx context.Context, proposal comity.ID) (*Proposal, error) {
	if err := id("proposal", proposal, comity.KindProposal); err != nil {
		return nil, err
	}
	var data struct {
		Viewer struct {
			Proposal *Proposal `json:"proposal"`
		} `json:"viewer"`
	}
	if err := c.query(ctx, "Proposal", map[string]any{"id": proposal}, &data); err != nil {
		return nil, err
	}
	p := data.Viewer.Proposal
	if p == nil || p.ID != proposal {
		return nil, comity.NotFound()
	}
	c.checkProposal(ctx, p)
	return p, nil
}

// checkProposal verifies the statement behind a proposal, and that the proposal
// is shown as that has it.
func (c *Client) checkProposal(ctx context.Context, p *Proposal) {
	p.Check, p.Terms = Check{}, ""
	if p.Statement == "" {
		return
	}
	if p.Check.err = c.proposalHolds(ctx, p); p.Check.err == nil {
		p.Check.err = errNone
	}
}

func (c *Client) proposalHolds(ctx context.Context, p *Proposal) error {
	own, err := c.state(ctx)
	if err != nil {
		return err
	}
	s, err := c.statementOf(ctx, p.Statement, []statement.Kind{statement.KindProposal}, own, p.Target, p.Record)
	if err != nil {
		return err
	}
	act, _, err := statement.ReadActAnytime(s.Act)
	switch {
	case err != nil:
		return err
	case s.Of != p.Kind || act.Act != p.Act:
		return fmt.Errorf("it proposes a %s", s.Of)
	case s.Officer.Ref != p.Officer || s.Officer.Function != p.Function || s.Officer.Role != p.Role:
		return fmt.Errorf("%s proposed it", s.Officer.Ref)
	case !bytes.Equal(s.Body, []byte(p.Body)):
		return errors.New("the proposal is shown with other terms than the state signed")
	}
	p.Terms = act.BodyHash
	return nil
}

// Approved is what came of approving a proposal.
type Approved struct {
	Domestic
	Grant *Grant `json:"grant,omitempty"` // that was made
}

// ProposalApprove does, as the second officer, what another officer of the state
// proposed: it signs the same act over the same terms. terms is [Proposal.Terms]
// as it was read: the proposal is fetched and verified anew, and where it has
// other terms by now nothing is signed. Where it makes a grant, an error after the
// act was sent is an [*UnsureError].
func (c *Client) ProposalApprove(ctx context.Context, proposal comity.ID, terms string) (*Approved, error) {
	p, err := c.Proposal(ctx, proposal)
	if err != nil {
		return nil, err
	}
	what := "the proposal " + string(proposal)
	switch {
	case p.Statement == "":
		return nil, comity.Unavailable("the proposal's terms", errors.New("the state's keys cannot be reached, or its case was withdrawn"))
	case !p.Check.Verified():
		return nil, unverified(what, p.Check.Err())
	case p.Terms != terms:
		return nil, unverifiedf(what, "its terms are not those that were read: %s", p.Terms)
	}
	switch p.Kind {
	case statement.KindGrant:
		var b statement.GrantBody
		if err := p.read(&b); err != nil {
			return nil, unverified(what, err)
		}
		g, err := c.makeGrant(ctx, p.Record, b, proposal)
		if err != nil {
			return nil, err
		}
		return &Approved{Domestic{Record: g.ID}, g}, nil
	case statement.KindLifting:
		var b statement.LiftBody
		if err := p.read(&b); err != nil {
			return nil, unverified(what, err)
		}
		return approved(c.liftCase(ctx, p.Record, b.Reason, proposal))
	case statement.KindCategoryLifting:
		var b statement.CategoryBody
		if err := p.read(&b); err != nil {
			return nil, unverified(what, err)
		}
		return approved(c.liftCategory(ctx, p.Record, b.Category, b.Reason, proposal))
	case statement.KindWithdrawal:
		var b statement.WithdrawBody
		if err := p.read(&b); err != nil {
			return nil, unverified(what, err)
		}
		return approved(c.withdraw(ctx, p.Record, b.ID, b.Reason, proposal))
	case statement.KindErasure:
		var b statement.EraseBody
		if err := p.read(&b); err != nil {
			return nil, unverified(what, err)
		}
		return approved(c.erase(ctx, b, proposal))
	}
	return nil, comity.Invalid("proposal", fmt.Sprintf("this client does not know the terms of a %.40s; a newer one does", p.Kind))
}

// read reads the terms into the body of the proposal's kind. What this client
// would sign of them has to be the same to the last byte: it knows all of them.
func (p *Proposal) read(body any) error {
	d := json.NewDecoder(bytes.NewReader([]byte(p.Body)))
	d.DisallowUnknownFields()
	if err := d.Decode(body); err != nil {
		return err
	}
	hash, _, err := statement.BodyHash(body)
	if err == nil && hash != p.Terms {
		err = errors.New("it has terms that this client does not know")
	}
	return err
}

func approved(d *Domestic, err error) (*Approved, error) {
	if err != nil {
		return nil, err
	}
	return &Approved{Domestic: *d}, nil
}

type proposalPayload struct {
	payload
	Proposal *Proposal `json:"proposal"`
}

// ProposalDecline declines what another officer proposed, or takes back what the
// officer did; the reason stays within the state.
func (c *Client) ProposalDecline(ctx context.Context, proposal comity.ID, reason string) (*Proposal, error) {
	if err := id("proposal", proposal, comity.KindProposal); err != nil {
		return nil, err
	}
	p, err := mutate[proposalPayload](ctx, c, "ProposalDecline", always(struct {
		Proposal comity.ID `json:"proposal"`
		Reason   string    `json:"reason"`
	}{proposal, reason}))
	switch {
	case err != nil:
		return nil, err
	case p.Proposal == nil || p.Proposal.ID != proposal:
		return nil, errEmpty
	}
	c.checkProposal(ctx, p.Proposal)
	return p.Proposal, nil
}

// GrantPropose proposes a grant, which opens nothing, for another liaison of the
// state to approve ([Client.ProposalApprove]). What is marked TLP:RED, and
// originals, are granted so alone (Article 8). What the exhibits named are called
// is verified before, the state's signed proposal on receipt.
func (c *Client) GrantPropose(ctx context.Context, in NewGrant) (*Proposal, error) {
	body := in.body(comity.NewID(comity.KindGrant))
	if err := c.beforeGrant(ctx, in.Case, body); err != nil {
		return nil, err
	}
	answer, err := mutate[proposalPayload](ctx, c, "GrantPropose", func() (any, error) {
		input := inputOf(in.Case, body)
		var err error
		input.Act, err = c.grantAct(in.Case, body, true)
		return input, err
	})
	if err == nil && answer.Proposal == nil {
		err = errEmpty
	}
	if err != nil {
		return nil, err
	}
	p := answer.Proposal
	if p.Statement == "" { // the state's keys cannot be reached just now
		return p, nil
	}
	if err := c.checkOwn(ctx, p.Statement, statement.KindProposal, body.ID, in.Case, body); err != nil {
		return nil, err
	}
	if c.checkProposal(ctx, p); !p.Check.Verified() {
		return nil, unverified("the proposal "+string(p.ID), p.Check.Err())
	}
	return p, nil
}
