package exchange

import (
	"context"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// DeclineProposal refuses the second officer's part in what one proposed, or,
// by who proposed it, takes it back.
type DeclineProposal struct {
	Key      string    `json:"-"`
	Proposal comity.ID `json:"proposal"`
	Reason   string    `json:"reason"`

	found storage.Proposal
	key   wordKey
}

func (d *DeclineProposal) about() (sovereignty.Action, string, any) {
	return sovereignty.ProposalDecline, d.Key, d
}

func (d *DeclineProposal) judge(tx storage.ReadTx, a *attempt) error {
	a.records = nil
	a.on(string(d.Proposal))
	found, err := tx.Proposals(a.viewer(), []comity.ID{d.Proposal})
	if err != nil {
		return err
	}
	row, visible := found[d.Proposal]
	if w, locked := tx.(storage.Tx); locked && visible {
		if row, err = w.LockProposal(d.Proposal); err != nil {
			return err
		}
	}
	d.found = row
	q := a.ownState()
	q.Circumstances.Visible = visible
	if err := a.decide(q); err != nil {
		return err
	}
	switch row.StatusAt(a.now) {
	case comity.ProposalProposed:
	case comity.ProposalLapsed:
		return comity.Conflict("the proposal has lapsed already").CuredBy("there is nothing to decline")
	default:
		return comity.Conflict("the proposal was decided already")
	}
	if len(d.Reason) > maxObjection {
		return tooLong("reason", maxObjection)
	}
	return first(needed("reason", d.Reason, "declining has a reason, kept within the state"), checkText("reason", d.Reason))
}

func (d *DeclineProposal) prepare(ctx context.Context, a *attempt) error {
	p := twoOfficers{}
	err := p.open(ctx, a, proposalName{record: d.found.Record})
	d.key = p.key
	return err
}

func (d *DeclineProposal) commit(tx storage.Tx, a *attempt) error {
	by := a.who.Officer.Ref()
	sealed, err := seal(d.key, bindDecline(d.Proposal, by), comity.DeclineText{Reason: d.Reason})
	if err != nil {
		return err
	}
	a.on(string(d.found.Record))
	a.made = []comity.ID{d.Proposal}
	return tx.DecideProposal(d.Proposal, comity.ProposalDeclined, by, a.now, sealed)
}

func (d *DeclineProposal) finish(context.Context, *attempt) error              { return nil }
func (d *DeclineProposal) repeat(context.Context, *attempt, []comity.ID) error { return nil }
