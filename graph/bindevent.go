package graph

import (
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/exchange"
)

func (b *binding) events() {
	get(b, "Event", fields[*exchange.Told]{
		"id":       text(func(_ *request, t *exchange.Told) string { return t.ID }),
		"kind":     text(func(_ *request, t *exchange.Told) comity.EventKind { return t.Kind }),
		"at":       instant(func(_ *request, t *exchange.Told) time.Time { return t.At }),
		"case":     object(func(_ *request, t *exchange.Told) *exchange.CaseView { return t.Case }),
		"evidence": object(func(_ *request, t *exchange.Told) *exchange.EvidenceView { return t.Evidence }),
		"request":  object(func(_ *request, t *exchange.Told) *exchange.RequestView { return t.Request }),
		"message":  object(func(_ *request, t *exchange.Told) *exchange.MessageView { return t.Message }),
		"grant":    object(func(_ *request, t *exchange.Told) *comity.Grant { return t.Grant }),
		"dispatch": object(func(_ *request, t *exchange.Told) *exchange.DispatchView { return t.Dispatch }),
		"proposal": object(func(_ *request, t *exchange.Told) *exchange.ProposalView { return t.Proposal }),
	})
}
