package graph

import (
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/graph/execute"
)

type logEraseInput struct {
	IdempotencyKey            string
	ID, Reason, Proposal, Act string
	Before                    time.Time
}

// erasures binds what is erased of the record of acts.
func (b *binding) erasures() {
	batch(b, "Viewer.logErasures", execute.Items, func(q *request, _ []*viewer, _ args) ([][]exchange.ErasureView, error) {
		return one(q.reader.Erasures())
	})
	get(b, "LogErasure", fields[*exchange.ErasureView]{
		"id":         text(func(_ *request, e *exchange.ErasureView) comity.ID { return e.ID }),
		"before":     instant(func(_ *request, e *exchange.ErasureView) time.Time { return e.Before }),
		"status":     text(func(_ *request, e *exchange.ErasureView) comity.ErasureStatus { return e.Status }),
		"erased":     number(func(_ *request, e *exchange.ErasureView) int64 { return e.Erased }),
		"kept":       number(func(_ *request, e *exchange.ErasureView) int64 { return e.Kept }),
		"proposedBy": text(func(_ *request, e *exchange.ErasureView) comity.OfficerRef { return e.ProposedBy }),
		"approvedBy": text(func(_ *request, e *exchange.ErasureView) comity.OfficerRef { return e.ApprovedBy }),
		"reason":     text(func(_ *request, e *exchange.ErasureView) string { return e.Reason }),
		"statement":  text(func(_ *request, e *exchange.ErasureView) string { return e.Statement }),
		"createdAt":  instant(func(_ *request, e *exchange.ErasureView) time.Time { return e.CreatedAt }),
		"doneAt":     instant(func(_ *request, e *exchange.ErasureView) time.Time { return e.DoneAt }),
	})
	get(b, "LogErased", fields[*exchange.Erased]{
		"before": instant(func(_ *request, e *exchange.Erased) time.Time { return e.Before }),
		"from":   number(func(_ *request, e *exchange.Erased) int64 { return e.From }),
		"until":  number(func(_ *request, e *exchange.Erased) int64 { return e.Until }),
		"count":  number(func(_ *request, e *exchange.Erased) int64 { return e.Count }),
		"places": text(func(_ *request, e *exchange.Erased) string { return e.Places }),
	})
	act(b, "logErase", nil, func(in logEraseInput) (*exchange.EraseLog, error) {
		id, err := parseID("id", in.ID, comity.KindErasure)
		if err != nil {
			return nil, err
		}
		a := &exchange.EraseLog{Key: in.IdempotencyKey, Body: statement.EraseBody{ID: id, Reason: in.Reason}, Act: in.Act}
		if a.Body.Before, err = seconds("before", in.Before); err != nil {
			return nil, err
		}
		a.Proposal, err = optionalID("proposal", in.Proposal, comity.KindProposal)
		return a, err
	}, func(a *exchange.EraseLog, p *payload) {
		p.statement, p.result = a.Statement, domesticResult{proposed: a.Proposed, record: a.Body.ID}
	})
}
