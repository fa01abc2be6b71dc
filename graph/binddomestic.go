package graph

import (
	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/exchange"
)

// domestic binds what a state keeps to itself: reservations, holds, withdrawals.
func (b *binding) domestic() {
	told := func(of func(domesticResult) any) func(*request, *payload) any {
		return func(_ *request, p *payload) any {
			r, _ := p.result.(domesticResult)
			return of(r)
		}
	}
	record := told(func(r domesticResult) any { return r.record })
	get(b, "*Payload", fields[*payload]{
		"proposed":    told(func(r domesticResult) any { return r.proposed }),
		"dueAt":       told(func(r domesticResult) any { return r.dueAt }),
		"reservation": record, "hold": record, "withdrawal": record,
	})
	batch(b, "Viewer.reservations", func(q *request, parents []viewer, _ args) ([][]exchange.ReservationView, error) {
		all, err := q.reader.Reservations()
		return one(all, err)
	})
	batch(b, "Viewer.holds", func(q *request, parents []viewer, a args) ([]*connection, error) {
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
		return one(connect(page, a.text("after"), func(h *exchange.HoldView) any { return h }), err)
	})
	batch(b, "Viewer.withdrawals", func(q *request, parents []viewer, a args) ([]*connection, error) {
		of, err := a.id("case", comity.KindCase)
		if err != nil {
			return nil, err
		}
		page, err := q.reader.ListWithdrawals(of, a.number("first"), a.text("after"))
		return one(connect(page, a.text("after"), func(w *exchange.WithdrawalView) any { return w }), err)
	})
	get(b, "Reservation", fields[exchange.ReservationView]{
		"id":        func(_ *request, r exchange.ReservationView) any { return r.ID },
		"category":  func(_ *request, r exchange.ReservationView) any { return r.Category },
		"officer":   func(_ *request, r exchange.ReservationView) any { return r.Officer },
		"reason":    func(_ *request, r exchange.ReservationView) any { return r.Reason },
		"createdAt": func(_ *request, r exchange.ReservationView) any { return r.CreatedAt },
		"liftedAt":  func(_ *request, r exchange.ReservationView) any { return r.LiftedAt },
	})
	get(b, "Hold", fields[*exchange.HoldView]{
		"id":         func(_ *request, h *exchange.HoldView) any { return h.ID },
		"case":       func(_ *request, h *exchange.HoldView) any { return h.Case },
		"officer":    func(_ *request, h *exchange.HoldView) any { return h.Officer },
		"reason":     func(_ *request, h *exchange.HoldView) any { return h.Reason },
		"request":    func(_ *request, h *exchange.HoldView) any { return h.Request },
		"notAfter":   func(_ *request, h *exchange.HoldView) any { return h.NotAfter },
		"lies":       func(_ *request, h *exchange.HoldView) any { return h.Lies },
		"createdAt":  func(_ *request, h *exchange.HoldView) any { return h.CreatedAt },
		"releasedBy": func(_ *request, h *exchange.HoldView) any { return h.ReleasedBy },
		"releasedAt": func(_ *request, h *exchange.HoldView) any { return h.ReleasedAt },
	})
	get(b, "Withdrawal", fields[*exchange.WithdrawalView]{
		"id":         func(_ *request, w *exchange.WithdrawalView) any { return w.ID },
		"case":       func(_ *request, w *exchange.WithdrawalView) any { return w.Case },
		"proposedBy": func(_ *request, w *exchange.WithdrawalView) any { return w.ProposedBy },
		"approvedBy": func(_ *request, w *exchange.WithdrawalView) any { return w.ApprovedBy },
		"reason":     func(_ *request, w *exchange.WithdrawalView) any { return w.Reason },
		"dueAt":      func(_ *request, w *exchange.WithdrawalView) any { return w.DueAt },
		"status":     func(_ *request, w *exchange.WithdrawalView) any { return w.Status },
		"held":       func(_ *request, w *exchange.WithdrawalView) any { return w.Held },
		"createdAt":  func(_ *request, w *exchange.WithdrawalView) any { return w.CreatedAt },
		"endedBy":    func(_ *request, w *exchange.WithdrawalView) any { return w.EndedBy },
		"endedAt":    func(_ *request, w *exchange.WithdrawalView) any { return w.EndedAt },
	})
}
