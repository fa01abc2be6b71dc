package graph

import (
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/graph/execute"
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
func onDuty[V any](read func(*exchange.ShiftView) V) func(*request, *exchange.DutyView) V {
	return func(_ *request, d *exchange.DutyView) (none V) {
		if d.Shift == nil {
			return none
		}
		return read(d.Shift)
	}
}

// duty binds the duty roster, who is on duty, and how requests go up (Article 8).
func (b *binding) duty() {
	get(b, "Shift", fields[*exchange.ShiftView]{
		"id":          text(func(_ *request, s *exchange.ShiftView) comity.ID { return s.ID }),
		"officer":     text(func(_ *request, s *exchange.ShiftView) comity.OfficerRef { return s.Officer }),
		"function":    text(func(_ *request, s *exchange.ShiftView) string { return s.Function }),
		"from":        instant(func(_ *request, s *exchange.ShiftView) time.Time { return s.From }),
		"until":       instant(func(_ *request, s *exchange.ShiftView) time.Time { return s.Until }),
		"contact":     text(func(_ *request, s *exchange.ShiftView) string { return s.Contact }),
		"running":     boolean(func(q *request, s *exchange.ShiftView) bool { return s.Covers(q.reader.Now()) }),
		"setBy":       text(func(_ *request, s *exchange.ShiftView) comity.OfficerRef { return s.SetBy }),
		"createdAt":   instant(func(_ *request, s *exchange.ShiftView) time.Time { return s.CreatedAt }),
		"withdrawnBy": text(func(_ *request, s *exchange.ShiftView) comity.OfficerRef { return s.WithdrawnBy }),
		"withdrawnAt": instant(func(_ *request, s *exchange.ShiftView) time.Time { return s.WithdrawnAt }),
		"statement":   text(func(_ *request, s *exchange.ShiftView) string { return s.Statement }),
	})
	get(b, "DutyContact", fields[*exchange.DutyView]{
		"state":        text(func(_ *request, d *exchange.DutyView) comity.State { return d.State }),
		"contactPoint": text(func(_ *request, d *exchange.DutyView) comity.AgencyID { return d.ContactPoint }),
		"contact":      text(func(_ *request, d *exchange.DutyView) string { return d.Contact }),
		"shift":        text(onDuty(func(s *exchange.ShiftView) comity.ID { return s.ID })),
		"officer":      text(onDuty(func(s *exchange.ShiftView) comity.OfficerRef { return s.Officer })),
		"function":     text(onDuty(func(s *exchange.ShiftView) string { return s.Function })),
		"until":        instant(onDuty(func(s *exchange.ShiftView) time.Time { return s.Until })),
		"statement":    text(onDuty(func(s *exchange.ShiftView) string { return s.Statement })),
	})
	get(b, "Escalation", fields[*exchange.EscalationView]{
		"level":    text(func(_ *request, e *exchange.EscalationView) comity.EscalationLevel { return e.Level }),
		"since":    instant(func(_ *request, e *exchange.EscalationView) time.Time { return e.Since }),
		"next":     instant(func(_ *request, e *exchange.EscalationView) time.Time { return e.Next }),
		"role":     text(func(_ *request, e *exchange.EscalationView) comity.Role { return e.Role }),
		"officer":  text(func(_ *request, e *exchange.EscalationView) comity.OfficerRef { return e.Officer }),
		"function": text(func(_ *request, e *exchange.EscalationView) string { return e.Function }),
		"deputies": texts(func(_ *request, e *exchange.EscalationView) []comity.OfficerRef { return orEmpty(e.Deputies) }),
	})
	batch(b, "Viewer.roster", execute.Object, func(q *request, _ []*viewer, a args) ([]*connection, error) {
		page, err := q.reader.Roster(a.flag("all"), a.number("first"), a.text("after"))
		return one(connect(page, a.text("after")), err)
	})
	batch(b, "Viewer.dutyContact", execute.Object, func(q *request, _ []*viewer, a args) ([]*exchange.DutyView, error) {
		v, err := q.reader.DutyContact(comity.State(a.text("state")))
		return one(&v, err)
	})
	batch(b, "Request.escalation", execute.Object, func(q *request, all []*exchange.RequestView, _ args) ([]*exchange.EscalationView, error) {
		found, err := q.reader.Escalations(all)
		return each(all, func(r *exchange.RequestView) *exchange.EscalationView { return found[r.ID] }), err
	})
	batch(b, "Request.contact", execute.Object, func(q *request, all []*exchange.RequestView, _ args) ([]*exchange.DutyView, error) {
		found, err := q.reader.ContactsOf(all)
		return each(all, func(r *exchange.RequestView) *exchange.DutyView { return found[r.ID] }), err
	})
	batch(b, "*Payload.shift", execute.Object, func(q *request, all []*payload, _ args) ([]*exchange.ShiftView, error) {
		return through(all, func(p *payload) (*exchange.ShiftView, error) {
			v, err := q.reader.Shift(p.id)
			return v, err
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
