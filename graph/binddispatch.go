package graph

import (
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/graph/execute"
)

// dispatchFilter reads the filter of a list of dispatches of a kind.
func dispatchFilter(kind comity.DispatchKind, a args) (f exchange.DispatchFilter, err error) {
	f = exchange.DispatchFilter{Kind: kind, Made: a.flag("made"), Received: a.flag("received"), State: comity.State(a.text("state")),
		Open: a.flag("open"), Overdue: a.flag("overdue")}
	if f.Case, err = a.id("case", comity.KindCase); err != nil {
		return f, err
	}
	f.Record, err = a.id("record", noticedKinds...)
	return f, err
}

// said gives a sealed field of a dispatch, null while it is closed.
func said[V any](read func(*comity.DispatchText) V) func(*request, *exchange.DispatchView) V {
	return func(_ *request, d *exchange.DispatchView) (none V) {
		if d.Text == nil {
			return none
		}
		return read(d.Text)
	}
}

// answered gives a sealed field of an answer, null while there is none.
func answered(t *comity.AnswerText, of func(*comity.AnswerText) string) string {
	if t == nil {
		return ""
	}
	return of(t)
}

func (b *binding) dispatches() {
	for name, kind := range map[string]comity.DispatchKind{"annotations": comity.DispatchAnnotation, "referrals": comity.DispatchReferral,
		"notices": comity.DispatchNotice, "compelledDisclosures": comity.DispatchCompelled,
		"undertakings": comity.DispatchUndertaking} {
		batch(b, "Viewer."+name, execute.Object, func(q *request, _ []*viewer, a args) ([]*connection, error) {
			f, err := dispatchFilter(kind, a.object("filter"))
			if err != nil {
				return nil, err
			}
			page, err := q.reader.ListDispatches(f, a.number("first"), a.text("after"))
			return one(connectTo(page, a.text("after")), err)
		})
	}
	batch(b, "Viewer.dispatch", execute.Object, func(q *request, _ []*viewer, a args) ([]*exchange.DispatchView, error) {
		id, err := parseID("id", a.text("id"), comity.KindAnnotation, comity.KindReferral, comity.KindNotice, comity.KindCompelled, comity.KindUndertaking)
		if err != nil {
			return nil, err
		}
		found, err := q.reader.Dispatches([]comity.ID{id})
		return []*exchange.DispatchView{found[id]}, err
	})
	batch(b, "Case.annotations", execute.Object, func(q *request, all []*exchange.CaseView, a args) ([]*connection, error) {
		found, err := q.reader.Annotations(all, a.number("first"), a.text("after"))
		return each(all, func(c *exchange.CaseView) *connection {
			page, ok := found[c.ID]
			if !ok {
				return nil
			}
			return connectTo(page, a.text("after"))
		}), err
	})
	batch(b, "*Payload.dispatch", execute.Object, func(q *request, all []*payload, _ args) ([]*exchange.DispatchView, error) {
		found, err := q.reader.Dispatches(idsOf(all))
		return each(all, func(p *payload) *exchange.DispatchView { return found[p.id] }), err
	})
	get(b, "*Payload", fields[*payload]{"reached": texts(func(_ *request, p *payload) []comity.State {
		to, _ := p.result.([]comity.State)
		return orEmpty(to)
	})})
	get(b, "Dispatch", fields[*exchange.DispatchView]{
		"id":             text(func(_ *request, d *exchange.DispatchView) comity.ID { return d.ID }),
		"kind":           text(func(_ *request, d *exchange.DispatchView) comity.DispatchKind { return d.Kind }),
		"state":          text(func(_ *request, d *exchange.DispatchView) comity.State { return d.State }),
		"to":             text(func(_ *request, d *exchange.DispatchView) comity.State { return d.To }),
		"agency":         text(func(_ *request, d *exchange.DispatchView) comity.AgencyID { return d.Agency }),
		"officer":        text(func(_ *request, d *exchange.DispatchView) comity.OfficerRef { return d.Officer }),
		"function":       text(func(_ *request, d *exchange.DispatchView) string { return d.Function }),
		"case":           text(func(_ *request, d *exchange.DispatchView) comity.ID { return d.Case }),
		"record":         text(func(_ *request, d *exchange.DispatchView) comity.ID { return d.Record }),
		"grant":          text(func(_ *request, d *exchange.DispatchView) comity.ID { return d.Grant }),
		"form":           text(func(_ *request, d *exchange.DispatchView) comity.DispatchForm { return d.Form }),
		"category":       text(func(_ *request, d *exchange.DispatchView) comity.Category { return d.Category }),
		"marking":        object(func(_ *request, d *exchange.DispatchView) *comity.Marking { return &d.Marking }),
		"obligations":    items(func(_ *request, d *exchange.DispatchView) []comity.Obligation { return d.Obligations() }),
		"status":         text(func(_ *request, d *exchange.DispatchView) comity.DispatchStatus { return d.Status }),
		"version":        number(func(_ *request, d *exchange.DispatchView) int { return d.Version }),
		"through":        number(func(_ *request, d *exchange.DispatchView) int { return d.Through }),
		"createdAt":      instant(func(_ *request, d *exchange.DispatchView) time.Time { return d.CreatedAt }),
		"dueAt":          instant(func(_ *request, d *exchange.DispatchView) time.Time { return d.DueAt }),
		"overdue":        boolean(func(_ *request, d *exchange.DispatchView) bool { return d.Overdue }),
		"title":          text(said(func(t *comity.DispatchText) string { return t.Title })),
		"text":           text(said(func(t *comity.DispatchText) string { return t.Text })),
		"classification": text(said(func(t *comity.DispatchText) comity.Classification { return t.Classification })),
		"source":         text(said(func(t *comity.DispatchText) comity.SourceGrade { return t.Source })),
		"information":    text(said(func(t *comity.DispatchText) string { return gradeName(t.Information) })),
		"recipient":      text(said(func(t *comity.DispatchText) string { return t.Recipient })),
		"at":             instant(said(func(t *comity.DispatchText) time.Time { return t.At })),
		"reason":         text(said(func(t *comity.DispatchText) string { return t.Reason })),
		"statement":      text(said(func(t *comity.DispatchText) string { return t.Statement })),
		"answeredAt":     instant(func(_ *request, d *exchange.DispatchView) time.Time { return d.AnsweredAt }),
		"answerReason": text(func(_ *request, d *exchange.DispatchView) string {
			return answered(d.Answered, func(t *comity.AnswerText) string { return t.Reason })
		}),
		"answerStatement": text(func(_ *request, d *exchange.DispatchView) string {
			return answered(d.Answered, func(t *comity.AnswerText) string { return t.Statement })
		}),
		"answerCase": text(func(_ *request, d *exchange.DispatchView) comity.ID { return d.Answer }),
		"deliveries": items(func(_ *request, d *exchange.DispatchView) []exchange.DeliveryView {
			return orEmpty(d.Deliveries)
		}),
		"readers": items(func(_ *request, d *exchange.DispatchView) []comity.DisclosureRecord {
			return orEmpty(d.Readers)
		}),
	})
	get(b, "Delivery", fields[*exchange.DeliveryView]{
		"to":          text(func(_ *request, d *exchange.DeliveryView) comity.State { return d.To }),
		"status":      text(func(_ *request, d *exchange.DeliveryView) comity.DispatchStatus { return d.Status }),
		"deliveredAt": instant(func(_ *request, d *exchange.DeliveryView) time.Time { return d.DeliveredAt }),
		"dueAt":       instant(func(_ *request, d *exchange.DeliveryView) time.Time { return d.DueAt }),
		"overdue":     boolean(func(_ *request, d *exchange.DeliveryView) bool { return d.Overdue }),
		"answeredAt":  instant(func(_ *request, d *exchange.DeliveryView) time.Time { return d.AnsweredAt }),
		"reason": text(func(_ *request, d *exchange.DeliveryView) string {
			return answered(d.Answered, func(t *comity.AnswerText) string { return t.Reason })
		}),
		"statement": text(func(_ *request, d *exchange.DeliveryView) string {
			return answered(d.Answered, func(t *comity.AnswerText) string { return t.Statement })
		}),
	})
	get(b, "NoticeReader", fields[*comity.DisclosureRecord]{
		"officer": text(func(_ *request, d *comity.DisclosureRecord) comity.OfficerRef { return d.Officer }),
		"agency":  text(func(_ *request, d *comity.DisclosureRecord) comity.AgencyID { return d.Agency }),
		"version": number(func(_ *request, d *comity.DisclosureRecord) int { return d.Version }),
		"at":      instant(func(_ *request, d *comity.DisclosureRecord) time.Time { return d.At }),
	})
}
