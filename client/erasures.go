package client

import (
	"context"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
)

// Erasure is the decision of the officer's own state to erase its openings of the
// record of acts from before an instant.
type Erasure struct {
	ID         comity.ID            `json:"id"`
	Before     time.Time            `json:"before"`
	Status     comity.ErasureStatus `json:"status"`
	Erased     int64                `json:"erased"` // openings so far
	Kept       int64                `json:"kept"`   // from before that instant that stay
	ProposedBy comity.OfficerRef    `json:"proposedBy"`
	ApprovedBy comity.OfficerRef    `json:"approvedBy"`
	Reason     string               `json:"reason,omitempty"` // "" while the state's keys cannot be reached
	Statement  string               `json:"statement,omitempty"`
	CreatedAt  time.Time            `json:"createdAt"`
	DoneAt     time.Time            `json:"doneAt,omitzero"`
}

// LogErase proposes to erase the own state's openings of the record of acts from
// before an instant (whole seconds, [comity.ErasureAge] back at least), which takes
// two officers of the authority; another one approves it ([Client.ProposalApprove]).
func (c *Client) LogErase(ctx context.Context, before time.Time, reason string) (*Domestic, error) {
	return c.erase(ctx, statement.EraseBody{ID: comity.NewID(comity.KindErasure), Before: before.Unix(), Reason: reason}, "")
}

// erase proposes it, or approves a proposal.
func (c *Client) erase(ctx context.Context, body statement.EraseBody, proposal comity.ID) (*Domestic, error) {
	return c.domestic(ctx, "LogErase", statement.Act{Act: statement.ActLogErase, Record: body.ID}, statement.KindErasure, body.ID, body.ID, body,
		with(map[string]any{"id": body.ID, "before": time.Unix(body.Before, 0).UTC(), "reason": body.Reason}, "proposal", proposal))
}

// LogErasures lists the erasures of the own state's openings, newest first.
func (c *Client) LogErasures(ctx context.Context) ([]Erasure, error) {
	var data struct {
		Viewer struct {
			Erasures []Erasure `json:"logErasures"`
		} `json:"viewer"`
	}
	err := c.query(ctx, "LogErasures", nil, &data)
	return data.Viewer.Erasures, err
}
