package client

import (
	"context"
	"fmt"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit/verify"
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

// decidedErasures holds what leaves say of erasures against the statements of the
// officer's state, which its custodian signed over the acts of two officers of its
// authority.
type decidedErasures struct {
	c     *Client
	own   comity.State
	found map[string]Erasure // those that the exchange lists
}

func (d *decidedErasures) check(ctx context.Context, erasure string, said verify.Erased) error {
	e, ok := d.found[erasure]
	if !ok { // one may have been decided since they were read
		all, err := d.c.LogErasures(ctx)
		if err != nil {
			return err
		}
		d.found = map[string]Erasure{}
		for _, e := range all {
			d.found[string(e.ID)] = e
		}
		if e, ok = d.found[erasure]; !ok {
			return &verify.Fault{Reason: fmt.Sprintf("the erasure %.80s is not shown", erasure)}
		}
	}
	if e.Statement == "" {
		return comity.Unavailable("the state's keys", fmt.Errorf("the statement of the erasure %s cannot be read", e.ID))
	}
	return d.c.verify(ctx, func(dir *statement.Directory) error {
		s, err := dir.VerifyStatement(e.Statement)
		if comity.CodeOf(err) == comity.CodeUnavailable {
			return err
		}
		var b statement.EraseBody
		if err == nil {
			err = s.Decode(&b)
		}
		switch fault := func(format string, of ...any) error { return &verify.Fault{Reason: fmt.Sprintf(format, of...)} }; {
		case err != nil:
			return fault("%v", err)
		case s.Kind != statement.KindErasure || string(s.ID) != erasure || s.State != d.own || s.Second == nil:
			return fault("the statement shown is of another than the erasure %.80s of %s", erasure, d.own)
		case said.Before.Unix() != b.Before || said.Before.Nanosecond() != 0:
			return fault("the state had erased what is from before %s", time.Unix(b.Before, 0).UTC().Format(time.RFC3339))
		case b.Before > s.IssuedAt-int64(comity.ErasureAge/time.Second):
			return fault("the state had erased what was younger than 30 days")
		}
		return nil
	})
}
