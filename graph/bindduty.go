package graph

import (
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
)

type dutySetInput struct {
	IdempotencyKey, ID string
	Officer            comity.OfficerRef
	From, Until        time.Time
	Contact, Act       string
}

type dutyWithdrawInput struct{ IdempotencyKey, Shift string }

// onDuty gives a field of the shift that covers now, null where the standing
// contact answers.
func onDuty(of func(*exchange.ShiftView) any) func(*request, *exchange.DutyView) any {
	return func(_ *request, d *exchange.DutyView) any {
		if d.Shift == nil {
			return nil
		}
		return of(d.Shift)
	}
}

// duty binds the duty roster, who is on duty, and how requests go up (Article 8).
func (b *binding) duty() {
	get(b, "Shift", fields[*exchange.ShiftView]{
		"id":          func(_ *request, s *exchange.ShiftView) any { return s.ID },
		"officer":     func(_ *request, s *exchange.ShiftView) any { return s.Officer },
		"function":    func(_ *request, s *exchange.ShiftView) any { return s.Function },
		"from":        func(_ *request, s *exchange.ShiftView) any { return s.From },
		"until":       func(_ *request, s *exchange.ShiftView) any { return s.Until },
		"contact":     func(_ *request, s *exchange.ShiftView) any { return s.Contact },
		"running":     func(q *request, s *exchange.ShiftView) any { return s.Covers(q.reader.Now()) },
		"setBy":       func(_ *request, s *exchange.ShiftView) any { return s.SetBy },
		"createdAt":   func(_ *request, s *exchange.ShiftView) any { return s.CreatedAt },
		"withdrawnBy": func(_ *request, s *exchange.ShiftView) any { return s.WithdrawnBy },
		"withdrawnAt": func(_ *request, s *exchange.ShiftView) any { return s.WithdrawnAt },
		"statement":   func(_ *request, s *exchange.ShiftView) any { return s.Statement },
	})
	get(b, "DutyContact", fields[*exchange.DutyView]{
		"state":        func(_ *request, d *exchange.DutyView) any { return d.State },
		"contactPoint": func(_ *request, d *exchange.DutyView) any { return d.ContactPoint },
		"contact":      func(_ *request, d *exchange.DutyView) any { return d.Contact },
		"shift":        onDuty(func(s *exchange.ShiftView) any { return s.ID }),
		"officer":      onDuty(func(s *exchange.ShiftView) any { return s.Officer }),
		"function":     onDuty(func(s *exchange.ShiftView) any { return s.Function }),
		"until":        onDuty(func(s *exchange.ShiftView) any { return s.Until }),
		"statement":    onDuty(func(s *exchange.ShiftView) any { return s.Statement }),
	})
	get(b, "Escalation", fields[*exchange.EscalationView]{
		"level":    func(_ *request, e *exchange.EscalationView) any { return e.Level },
		"since":    func(_ *request, e *exchange.EscalationView) any { return e.Since },
		"next":     func(_ *request, e *exchange.EscalationView) any { return e.Next },
		"role":     func(_ *request, e *exchange.EscalationView) any { return e.Role },
		"officer":  func(_ *request, e *exchange.EscalationView) any { return e.Officer },
		"function": func(_ *request, e *exchange.EscalationView) any { return e.Function },
		"deputies": func(_ *request, e *exchange.EscalationView) any { return append([]comity.OfficerRef{}, e.Deputies...) },
	})
	batch(b, "Viewer.roster", func(q *request, _ []viewer, a args) ([]*connection, error) {
		page, err := q.reader.Roster(a.flag("all"), a.number("first"), a.text("after"))
		return one(connect(page, a.text("after"), func(s *exchange.ShiftView) any { return s }), err)
	})
	batch(b, "Viewer.dutyContact", func(q *request, _ []viewer, a args) ([]*exchange.DutyView, error) {
		v, err := q.reader.DutyContact(comity.State(a.text("state")))
		return one(&v, err)
	})
	batch(b, "Request.escalation", func(q *request, all []*exchange.RequestView, _ args) ([]any, error) {
		found, err := q.reader.Escalations(all)
		return each(all, func(r *exchange.RequestView) any { return orNull(found[r.ID]) }), err
	})
	batch(b, "Request.contact", func(q *request, all []*exchange.RequestView, _ args) ([]any, error) {
		found, err := q.reader.ContactsOf(all)
		return each(all, func(r *exchange.RequestView) any { return orNull(found[r.ID]) }), err
	})
	batch(b, "*Payload.shift", func(q *request, all []*payload, _ args) ([]any, error) {
		return through(all, func(p *payload) (any, error) {
			v, err := q.reader.Shift(p.id)
			return orNull(v), err
		})
	})
}

func (b *binding) dutyActs() {
	act(b, "dutySet", nil, func(in dutySetInput) (*exchange.SetShift, error) {
		id, err := parseID("id", in.ID, comity.KindShift)
		return &exchange.SetShift{Key: in.IdempotencyKey, Act: in.Act, Body: statement.DutyBody{ID: id, Officer: in.Officer,
			From: in.From.Unix(), Until: in.Until.Unix(), Contact: in.Contact}}, err
	}, func(a *exchange.SetShift, p *payload) { p.id = a.Body.ID })

	act(b, "dutyWithdraw", nil, func(in dutyWithdrawInput) (*exchange.WithdrawShift, error) {
		id, err := parseID("shift", in.Shift, comity.KindShift)
		return &exchange.WithdrawShift{Key: in.IdempotencyKey, Shift: id}, err
	}, func(a *exchange.WithdrawShift, p *payload) { p.id = a.Shift })
}
