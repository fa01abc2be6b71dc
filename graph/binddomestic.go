package graph

import (
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/graph/execute"
)

// domestic binds what a state keeps to itself: reservations, holds, withdrawals.
func (b *binding) domestic() {
	told := func(p *payload) domesticResult {
		r, _ := p.result.(domesticResult)
		return r
	}
	record := text(func(_ *request, p *payload) comity.ID { return told(p).record })
	get(b, "*Payload", fields[*payload]{
		"proposed":    text(func(_ *request, p *payload) comity.ID { return told(p).proposed }),
		"dueAt":       instant(func(_ *request, p *payload) time.Time { return told(p).dueAt }),
		"reservation": record, "hold": record, "withdrawal": record, "erasure": record,
	})
	batch(b, "Viewer.reservations", execute.Items, func(q *request, parents []*viewer, _ args) ([][]exchange.ReservationView, error) {
		all, err := q.reader.Reservations()
		return one(all, err)
	})
	batch(b, "Viewer.holds", execute.Object, func(q *request, parents []*viewer, a args) ([]*connection, error) {
		f := a.object("filter")
		of, err := f.id("case", comity.KindCase)
		if err != nil {
			return nil, err
		}
		request, err := f.id("request", comity.KindRequest)
		if err != nil {
			return nil, err
		}
		page, err := q.reader.ListHolds(exchange.HoldFilter{Case: of, Request: request, Lying: f.flag("lying")}, a.number("first"), a.text("after"))
		return one(connect(page, a.text("after")), err)
	})
	batch(b, "Viewer.withdrawals", execute.Object, func(q *request, parents []*viewer, a args) ([]*connection, error) {
		of, err := a.id("case", comity.KindCase)
		if err != nil {
			return nil, err
		}
		page, err := q.reader.ListWithdrawals(of, a.number("first"), a.text("after"))
		return one(connect(page, a.text("after")), err)
	})
	get(b, "Reservation", fields[*exchange.ReservationView]{
		"id":        text(func(_ *request, r *exchange.ReservationView) comity.ID { return r.ID }),
		"category":  text(func(_ *request, r *exchange.ReservationView) comity.Category { return r.Category }),
		"officer":   text(func(_ *request, r *exchange.ReservationView) comity.OfficerRef { return r.Officer }),
		"reason":    text(func(_ *request, r *exchange.ReservationView) string { return r.Reason }),
		"createdAt": instant(func(_ *request, r *exchange.ReservationView) time.Time { return r.CreatedAt }),
		"liftedAt":  instant(func(_ *request, r *exchange.ReservationView) time.Time { return r.LiftedAt }),
	})
	get(b, "Hold", fields[*exchange.HoldView]{
		"id":         text(func(_ *request, h *exchange.HoldView) comity.ID { return h.ID }),
		"case":       text(func(_ *request, h *exchange.HoldView) comity.ID { return h.Case }),
		"officer":    text(func(_ *request, h *exchange.HoldView) comity.OfficerRef { return h.Officer }),
		"reason":     text(func(_ *request, h *exchange.HoldView) string { return h.Reason }),
		"request":    text(func(_ *request, h *exchange.HoldView) comity.ID { return h.Request }),
		"notAfter":   instant(func(_ *request, h *exchange.HoldView) time.Time { return h.NotAfter }),
		"lies":       boolean(func(_ *request, h *exchange.HoldView) bool { return h.Lies }),
		"createdAt":  instant(func(_ *request, h *exchange.HoldView) time.Time { return h.CreatedAt }),
		"releasedBy": text(func(_ *request, h *exchange.HoldView) comity.OfficerRef { return h.ReleasedBy }),
		"releasedAt": instant(func(_ *request, h *exchange.HoldView) time.Time { return h.ReleasedAt }),
	})
	get(b, "Withdrawal", fields[*exchange.WithdrawalView]{
		"id":         text(func(_ *request, w *exchange.WithdrawalView) comity.ID { return w.ID }),
		"case":       text(func(_ *request, w *exchange.WithdrawalView) comity.ID { return w.Case }),
		"proposedBy": text(func(_ *request, w *exchange.WithdrawalView) comity.OfficerRef { return w.ProposedBy }),
		"approvedBy": text(func(_ *request, w *exchange.WithdrawalView) comity.OfficerRef { return w.ApprovedBy }),
		"reason":     text(func(_ *request, w *exchange.WithdrawalView) string { return w.Reason }),
		"dueAt":      instant(func(_ *request, w *exchange.WithdrawalView) time.Time { return w.DueAt }),
		"status":     text(func(_ *request, w *exchange.WithdrawalView) comity.WithdrawalStatus { return w.Status }),
		"held":       boolean(func(_ *request, w *exchange.WithdrawalView) bool { return w.Held }),
		"createdAt":  instant(func(_ *request, w *exchange.WithdrawalView) time.Time { return w.CreatedAt }),
		"endedBy":    text(func(_ *request, w *exchange.WithdrawalView) comity.OfficerRef { return w.EndedBy }),
		"endedAt":    instant(func(_ *request, w *exchange.WithdrawalView) time.Time { return w.EndedAt }),
	})
}
