package graph

import (
	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/exchange"
)

type proposalDeclineInput struct{ IdempotencyKey, Proposal, Reason string }

// proposals binds what takes two officers. The acts of which they are proposals
// stand with their kind.
func (b *binding) proposals() {
	get(b, "Proposal", fields[*exchange.ProposalView]{
		"id":        func(_ *request, p *exchange.ProposalView) any { return p.ID },
		"act":       func(_ *request, p *exchange.ProposalView) any { return p.Act },
		"kind":      func(_ *request, p *exchange.ProposalView) any { return p.Kind },
		"role":      func(_ *request, p *exchange.ProposalView) any { return p.Role },
		"record":    func(_ *request, p *exchange.ProposalView) any { return p.Record },
		"target":    func(_ *request, p *exchange.ProposalView) any { return p.Target },
		"officer":   func(_ *request, p *exchange.ProposalView) any { return p.Officer },
		"function":  func(_ *request, p *exchange.ProposalView) any { return p.Function },
		"status":    func(_ *request, p *exchange.ProposalView) any { return p.Status },
		"decidedBy": func(_ *request, p *exchange.ProposalView) any { return p.DecidedBy },
		"decidedAt": func(_ *request, p *exchange.ProposalView) any { return p.DecidedAt },
		"createdAt": func(_ *request, p *exchange.ProposalView) any { return p.CreatedAt },
		"lapsesAt":  func(_ *request, p *exchange.ProposalView) any { return p.LapsesAt },
		"body": func(_ *request, p *exchange.ProposalView) any {
			if p.Text == nil {
				return nil
			}
			return string(p.Text.Body)
		},
		"statement": func(_ *request, p *exchange.ProposalView) any {
			if p.Text == nil {
				return nil
			}
			return p.Text.Statement
		},
		"reason": func(_ *request, p *exchange.ProposalView) any { return p.Reason },
	})
	batch(b, "Viewer.proposals", func(q *request, _ []viewer, a args) ([]*connection, error) {
		f := a.object("filter")
		of, err := f.id("record", comity.KindCase, comity.KindReservation)
		if err != nil {
			return nil, err
		}
		page, err := q.reader.ListProposals(exchange.ProposalFilter{Record: of, Status: comity.ProposalStatus(f.text("status"))},
			a.number("first"), a.text("after"))
		return one(connect(page, a.text("after"), func(p **exchange.ProposalView) any { return *p }), err)
	})
	batch(b, "Viewer.proposal", func(q *request, _ []viewer, a args) ([]any, error) {
		id, err := parseID("id", a.text("id"), comity.KindProposal)
		if err != nil {
			return nil, err
		}
		found, err := q.reader.Proposals([]comity.ID{id})
		return []any{orNull(found[id])}, err
	})
	batch(b, "*Payload.proposal", func(q *request, all []*payload, _ args) ([]any, error) {
		found, err := q.reader.Proposals(idsOf(all))
		return each(all, func(p *payload) any { return orNull(found[p.id]) }), err
	})
	act(b, "proposalDecline", nil, func(in proposalDeclineInput) (*exchange.DeclineProposal, error) {
		id, err := parseID("proposal", in.Proposal, comity.KindProposal)
		return &exchange.DeclineProposal{Key: in.IdempotencyKey, Proposal: id, Reason: in.Reason}, err
	}, func(a *exchange.DeclineProposal, p *payload) { p.id = a.Proposal })
}
