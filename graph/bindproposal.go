package graph

import (
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/graph/execute"
)

type proposalDeclineInput struct{ IdempotencyKey, Proposal, Reason string }

// proposals binds what takes two officers. The acts of which they are proposals
// stand with their kind.
func (b *binding) proposals() {
	get(b, "Proposal", fields[*exchange.ProposalView]{
		"id":        text(func(_ *request, p *exchange.ProposalView) comity.ID { return p.ID }),
		"act":       text(func(_ *request, p *exchange.ProposalView) string { return p.Act }),
		"kind":      text(func(_ *request, p *exchange.ProposalView) string { return p.Kind }),
		"role":      text(func(_ *request, p *exchange.ProposalView) comity.Role { return p.Role }),
		"record":    text(func(_ *request, p *exchange.ProposalView) comity.ID { return p.Record }),
		"target":    text(func(_ *request, p *exchange.ProposalView) comity.ID { return p.Target }),
		"officer":   text(func(_ *request, p *exchange.ProposalView) comity.OfficerRef { return p.Officer }),
		"function":  text(func(_ *request, p *exchange.ProposalView) string { return p.Function }),
		"status":    text(func(_ *request, p *exchange.ProposalView) comity.ProposalStatus { return p.Status }),
		"decidedBy": text(func(_ *request, p *exchange.ProposalView) comity.OfficerRef { return p.DecidedBy }),
		"decidedAt": instant(func(_ *request, p *exchange.ProposalView) time.Time { return p.DecidedAt }),
		"createdAt": instant(func(_ *request, p *exchange.ProposalView) time.Time { return p.CreatedAt }),
		"lapsesAt":  instant(func(_ *request, p *exchange.ProposalView) time.Time { return p.LapsesAt }),
		"body": text(func(_ *request, p *exchange.ProposalView) string {
			if p.Text == nil {
				return ""
			}
			return string(p.Text.Body)
		}),
		"statement": text(func(_ *request, p *exchange.ProposalView) string {
			if p.Text == nil {
				return ""
			}
			return p.Text.Statement
		}),
		"reason": text(func(_ *request, p *exchange.ProposalView) string { return p.Reason }),
	})
	batch(b, "Viewer.proposals", execute.Object, func(q *request, _ []*viewer, a args) ([]*connection, error) {
		f := a.object("filter")
		of, err := f.id("record", comity.KindCase, comity.KindReservation, comity.KindErasure)
		if err != nil {
			return nil, err
		}
		page, err := q.reader.ListProposals(exchange.ProposalFilter{Record: of, Status: comity.ProposalStatus(f.text("status"))},
			a.number("first"), a.text("after"))
		return one(connectTo(page, a.text("after")), err)
	})
	batch(b, "Viewer.proposal", execute.Object, func(q *request, _ []*viewer, a args) ([]*exchange.ProposalView, error) {
		id, err := parseID("id", a.text("id"), comity.KindProposal)
		if err != nil {
			return nil, err
		}
		found, err := q.reader.Proposals([]comity.ID{id})
		return []*exchange.ProposalView{found[id]}, err
	})
	batch(b, "*Payload.proposal", execute.Object, func(q *request, all []*payload, _ args) ([]*exchange.ProposalView, error) {
		found, err := q.reader.Proposals(idsOf(all))
		return each(all, func(p *payload) *exchange.ProposalView { return found[p.id] }), err
	})
	act(b, "proposalDecline", nil, func(in proposalDeclineInput) (*exchange.DeclineProposal, error) {
		id, err := parseID("proposal", in.Proposal, comity.KindProposal)
		return &exchange.DeclineProposal{Key: in.IdempotencyKey, Proposal: id, Reason: in.Reason}, err
	}, func(a *exchange.DeclineProposal, p *payload) { p.id = a.Proposal })
}
