package client

import (
	"context"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
)

// Reservation is a category that the officer's own state has reserved.
type Reservation struct {
	ID        comity.ID         `json:"id"`
	Category  comity.Category   `json:"category"`
	Officer   comity.OfficerRef `json:"officer"`
	Reason    string            `json:"reason"`
	CreatedAt time.Time         `json:"createdAt"`
	LiftedAt  time.Time         `json:"liftedAt,omitzero"` // zero while it is in force
}

// Hold is a hold on a case of the officer's own state.
type Hold struct {
	ID         comity.ID         `json:"id"`
	Case       comity.ID         `json:"case"`
	Officer    comity.OfficerRef `json:"officer"`
	Reason     string            `json:"reason"`
	Request    comity.ID         `json:"request,omitempty"` // that the case is preserved for
	NotAfter   time.Time         `json:"notAfter,omitzero"` // zero: until it is released
	Lies       bool              `json:"lies"`
	CreatedAt  time.Time         `json:"createdAt"`
	ReleasedBy comity.OfficerRef `json:"releasedBy,omitempty"`
	ReleasedAt time.Time         `json:"releasedAt,omitzero"`
}

// Withdrawal is the withdrawal of a case of the officer's own state.
type Withdrawal struct {
	ID         comity.ID               `json:"id"`
	Case       comity.ID               `json:"case"`
	ProposedBy comity.OfficerRef       `json:"proposedBy"`
	ApprovedBy comity.OfficerRef       `json:"approvedBy"`
	Reason     string                  `json:"reason"`
	DueAt      time.Time               `json:"dueAt"`
	Status     comity.WithdrawalStatus `json:"status"`
	Held       bool                    `json:"held"`
	CreatedAt  time.Time               `json:"createdAt"`
	EndedBy    comity.OfficerRef       `json:"endedBy,omitempty"`
	EndedAt    time.Time               `json:"endedAt,omitzero"`
}

// HoldFilter narrows a list of holds; zero fields do not narrow.
type HoldFilter struct {
	Case    comity.ID `json:"case,omitempty"`
	Request comity.ID `json:"request,omitempty"`
	Lying   bool      `json:"lying,omitempty"`
}

// Domestic is what came of an act on what a state keeps to itself.
type Domestic struct {
	Record comity.ID `json:"record"` // the case, reservation, hold, withdrawal or erasure
	// Proposal waits for a second officer of the authority; nothing is in force by it.
	Proposal comity.ID   `json:"proposal,omitempty"`
	DueAt    time.Time   `json:"dueAt,omitzero"`        // of a withdrawal, when the key is destroyed
	Ended    []comity.ID `json:"endedGrants,omitempty"` // by a reservation
}

type domesticPayload struct {
	payload
	Proposed    comity.ID   `json:"proposed"`
	Reservation comity.ID   `json:"reservation"`
	Hold        comity.ID   `json:"hold"`
	Withdrawal  comity.ID   `json:"withdrawal"`
	Erasure     comity.ID   `json:"erasure"`
	Case        *Case       `json:"case"`
	DueAt       time.Time   `json:"dueAt"`
	Ended       []comity.ID `json:"endedGrants"`
	Statement   string      `json:"statement"`
}

// domestic performs an act: signed, over a body, about a record of a case (or
// the record itself). What the state signed is verified on receipt, but for a
// proposal: who approves it verifies that ([Client.ProposalApprove]).
func (c *Client) domestic(ctx context.Context, operation string, a statement.Act, kind statement.Kind, about, record comity.ID, body any, input map[string]any) (*Domestic, error) {
	if _, err := c.Directory(ctx); err != nil {
		return nil, err
	}
	p, err := mutate[domesticPayload](ctx, c, operation, func() (any, error) {
		act, err := c.act(a, body)
		input["act"] = act
		return input, err
	})
	if err != nil {
		return nil, err
	}
	d := &Domestic{Record: about, Proposal: p.Proposed, DueAt: p.DueAt, Ended: p.Ended}
	if p.Proposed != "" {
		return d, nil
	}
	return d, c.checkOwn(ctx, p.Statement, kind, about, record, body)
}

// with adds a field that is not empty.
func with(input map[string]any, field string, id comity.ID) map[string]any {
	if id != "" {
		input[field] = id
	}
	return input
}

// CaseReserveLift proposes to lift the reservation of a case, which takes two
// officers of the authority; another one approves it ([Client.ProposalApprove]).
func (c *Client) CaseReserveLift(ctx context.Context, caseID comity.ID, reason string) (*Domestic, error) {
	return c.liftCase(ctx, caseID, reason, "")
}

// liftCase proposes it, or approves a proposal.
func (c *Client) liftCase(ctx context.Context, caseID comity.ID, reason string, proposal comity.ID) (*Domestic, error) {
	if err := id("case", caseID, comity.KindCase); err != nil {
		return nil, err
	}
	return c.domestic(ctx, "CaseReserveLift", statement.Act{Act: statement.ActCaseReserveLift, Record: caseID}, statement.KindLifting, caseID, caseID,
		statement.LiftBody{Reason: reason}, with(map[string]any{"case": caseID, "reason": reason}, "proposal", proposal))
}

// CategoryReserve reserves a category of the own state in advance (Article 4).
func (c *Client) CategoryReserve(ctx context.Context, category comity.Category, reason string) (*Domestic, error) {
	made := comity.NewID(comity.KindReservation)
	return c.domestic(ctx, "CategoryReserve", statement.Act{Act: statement.ActCategoryReserve, Record: made}, statement.KindCategoryReservation, made, made,
		statement.CategoryBody{Category: category, Reason: reason}, map[string]any{"id": made, "category": category, "reason": reason})
}

// CategoryReserveLift proposes to lift it, as [Client.CaseReserveLift] a case's.
func (c *Client) CategoryReserveLift(ctx context.Context, reservation comity.ID, category comity.Category, reason string) (*Domestic, error) {
	return c.liftCategory(ctx, reservation, category, reason, "")
}

// liftCategory proposes it, or approves a proposal.
func (c *Client) liftCategory(ctx context.Context, reservation comity.ID, category comity.Category, reason string, proposal comity.ID) (*Domestic, error) {
	if err := id("reservation", reservation, comity.KindReservation); err != nil {
		return nil, err
	}
	return c.domestic(ctx, "CategoryReserveLift", statement.Act{Act: statement.ActCategoryReserveLift, Record: reservation}, statement.KindCategoryLifting,
		reservation, reservation, statement.CategoryBody{Category: category, Reason: reason},
		with(map[string]any{"reservation": reservation, "category": category, "reason": reason}, "proposal", proposal))
}

// NewHold is a hold to place; a liaison names the request that asks for it, and
// its end.
type NewHold struct {
	Case     comity.ID
	Reason   string
	Request  comity.ID
	NotAfter time.Time // whole seconds; zero: until it is released
}

// HoldPlace places a hold on a case (Article 11).
func (c *Client) HoldPlace(ctx context.Context, in NewHold) (*Domestic, error) {
	if err := id("case", in.Case, comity.KindCase); err != nil {
		return nil, err
	}
	body := statement.HoldBody{ID: comity.NewID(comity.KindHold), Reason: in.Reason, Request: in.Request}
	input := with(map[string]any{"id": body.ID, "case": in.Case, "reason": in.Reason}, "request", in.Request)
	if !in.NotAfter.IsZero() {
		body.NotAfter = in.NotAfter.Unix()
		input["notAfter"] = time.Unix(body.NotAfter, 0).UTC()
	}
	return c.domestic(ctx, "HoldPlace", statement.Act{Act: statement.ActHoldPlace, Record: in.Case}, statement.KindHold, body.ID, in.Case, body, input)
}

// HoldRelease releases a hold, by the authority.
func (c *Client) HoldRelease(ctx context.Context, hold, caseID comity.ID, reason string) (*Domestic, error) {
	if err := id("hold", hold, comity.KindHold); err != nil {
		return nil, err
	}
	return c.domestic(ctx, "HoldRelease", statement.Act{Act: statement.ActHoldRelease, Record: hold}, statement.KindHoldRelease, hold, caseID,
		statement.HoldReleaseBody{Case: caseID, Reason: reason}, map[string]any{"hold": hold, "case": caseID, "reason": reason})
}

// CaseWithdraw proposes to have the key of a case destroyed 72 hours after the
// approval (Article 11), which takes two officers of the authority; another one
// approves it ([Client.ProposalApprove]).
func (c *Client) CaseWithdraw(ctx context.Context, caseID comity.ID, reason string) (*Domestic, error) {
	return c.withdraw(ctx, caseID, comity.NewID(comity.KindWithdrawal), reason, "")
}

// withdraw proposes it, or approves a proposal.
func (c *Client) withdraw(ctx context.Context, caseID, withdrawal comity.ID, reason string, proposal comity.ID) (*Domestic, error) {
	if err := id("case", caseID, comity.KindCase); err != nil {
		return nil, err
	}
	return c.domestic(ctx, "CaseWithdraw", statement.Act{Act: statement.ActCaseWithdraw, Record: caseID}, statement.KindWithdrawal, withdrawal, caseID,
		statement.WithdrawBody{ID: withdrawal, Reason: reason}, with(map[string]any{"id": withdrawal, "case": caseID, "reason": reason}, "proposal", proposal))
}

// CaseWithdrawCancel cancels a withdrawal before its time, by any officer of the
// authority.
func (c *Client) CaseWithdrawCancel(ctx context.Context, withdrawal, caseID comity.ID, reason string) (*Domestic, error) {
	if err := id("withdrawal", withdrawal, comity.KindWithdrawal); err != nil {
		return nil, err
	}
	return c.domestic(ctx, "CaseWithdrawCancel", statement.Act{Act: statement.ActCaseWithdrawCancel, Record: withdrawal}, statement.KindCancellation, withdrawal, caseID,
		statement.WithdrawCancelBody{Case: caseID, Reason: reason}, map[string]any{"withdrawal": withdrawal, "case": caseID, "reason": reason})
}

// Reservations lists the categories that the own state has reserved, newest first.
func (c *Client) Reservations(ctx context.Context) ([]Reservation, error) {
	var data struct {
		Viewer struct {
			Reservations []Reservation `json:"reservations"`
		} `json:"viewer"`
	}
	err := c.query(ctx, "Reservations", nil, &data)
	return data.Viewer.Reservations, err
}

// Holds lists holds on own cases that the officer finds, newest first.
func (c *Client) Holds(ctx context.Context, f HoldFilter, first int, after string) (Page[Hold], error) {
	var data struct {
		Viewer struct {
			Holds Page[Hold] `json:"holds"`
		} `json:"viewer"`
	}
	err := c.query(ctx, "Holds", variables(map[string]any{"filter": f, "first": first, "after": after}), &data)
	return data.Viewer.Holds, err
}

// Withdrawals lists withdrawals of own cases that the officer finds, newest
// first; of one case where caseID is set.
func (c *Client) Withdrawals(ctx context.Context, caseID comity.ID, first int, after string) (Page[Withdrawal], error) {
	var data struct {
		Viewer struct {
			Withdrawals Page[Withdrawal] `json:"withdrawals"`
		} `json:"viewer"`
	}
	err := c.query(ctx, "Withdrawals", variables(with(map[string]any{"first": first, "after": after}, "caseId", caseID)), &data)
	return data.Viewer.Withdrawals, err
}
