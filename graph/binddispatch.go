package graph

import (
	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/exchange"
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
func said(of func(*comity.DispatchText) any) func(*request, *exchange.DispatchView) any {
	return func(_ *request, d *exchange.DispatchView) any {
		if d.Text == nil {
			return nil
		}
		return of(d.Text)
	}
}

// answered gives a sealed field of an answer, null while there is none.
func answered(t *comity.AnswerText, of func(*comity.AnswerText) string) any {
	if t == nil {
		return nil
	}
	return of(t)
}

// counted gives a number that starts at 1, null where there is none.
func counted(n int) any {
	if n == 0 {
		return nil
	}
	return n
}

func (b *binding) dispatches() {
	for name, kind := range map[string]comity.DispatchKind{"annotations": comity.DispatchAnnotation, "referrals": comity.DispatchReferral,
		"notices": comity.DispatchNotice, "compelledDisclosures": comity.DispatchCompelled,
		"undertakings": comity.DispatchUndertaking} {
		batch(b, "Viewer."+name, func(q *request, _ []viewer, a args) ([]*connection, error) {
			f, err := dispatchFilter(kind, a.object("filter"))
			if err != nil {
				return nil, err
			}
			page, err := q.reader.ListDispatches(f, a.number("first"), a.text("after"))
			return one(connect(page, a.text("after"), func(d **exchange.DispatchView) any { return *d }), err)
		})
	}
	batch(b, "Viewer.dispatch", func(q *request, _ []viewer, a args) ([]any, error) {
		id, err := parseID("id", a.text("id"), comity.KindAnnotation, comity.KindReferral, comity.KindNotice, comity.KindCompelled, comity.KindUndertaking)
		if err != nil {
			return nil, err
		}
		found, err := q.reader.Dispatches([]comity.ID{id})
		return []any{orNull(found[id])}, err
	})
	batch(b, "Case.annotations", func(q *request, all []*exchange.CaseView, a args) ([]*connection, error) {
		found, err := q.reader.Annotations(all, a.number("first"), a.text("after"))
		return each(all, func(c *exchange.CaseView) *connection {
			page, ok := found[c.ID]
			if !ok {
				return nil
			}
			return connect(page, a.text("after"), func(d **exchange.DispatchView) any { return *d })
		}), err
	})
	batch(b, "*Payload.dispatch", func(q *request, all []*payload, _ args) ([]any, error) {
		found, err := q.reader.Dispatches(idsOf(all))
		return each(all, func(p *payload) any { return orNull(found[p.id]) }), err
	})
	get(b, "*Payload", fields[*payload]{"reached": func(_ *request, p *payload) any {
		to, _ := p.result.([]comity.State)
		return append([]comity.State{}, to...)
	}})
	get(b, "Dispatch", fields[*exchange.DispatchView]{
		"id":             func(_ *request, d *exchange.DispatchView) any { return d.ID },
		"kind":           func(_ *request, d *exchange.DispatchView) any { return d.Kind },
		"state":          func(_ *request, d *exchange.DispatchView) any { return d.State },
		"to":             func(_ *request, d *exchange.DispatchView) any { return d.To },
		"agency":         func(_ *request, d *exchange.DispatchView) any { return d.Agency },
		"officer":        func(_ *request, d *exchange.DispatchView) any { return d.Officer },
		"function":       func(_ *request, d *exchange.DispatchView) any { return d.Function },
		"case":           func(_ *request, d *exchange.DispatchView) any { return d.Case },
		"record":         func(_ *request, d *exchange.DispatchView) any { return d.Record },
		"grant":          func(_ *request, d *exchange.DispatchView) any { return d.Grant },
		"form":           func(_ *request, d *exchange.DispatchView) any { return d.Form },
		"category":       func(_ *request, d *exchange.DispatchView) any { return d.Category },
		"marking":        func(_ *request, d *exchange.DispatchView) any { return d.Marking },
		"obligations":    func(_ *request, d *exchange.DispatchView) any { return d.Obligations() },
		"status":         func(_ *request, d *exchange.DispatchView) any { return d.Status },
		"version":        func(_ *request, d *exchange.DispatchView) any { return counted(d.Version) },
		"through":        func(_ *request, d *exchange.DispatchView) any { return counted(d.Through) },
		"createdAt":      func(_ *request, d *exchange.DispatchView) any { return d.CreatedAt },
		"dueAt":          func(_ *request, d *exchange.DispatchView) any { return d.DueAt },
		"overdue":        func(_ *request, d *exchange.DispatchView) any { return d.Overdue },
		"title":          said(func(t *comity.DispatchText) any { return t.Title }),
		"text":           said(func(t *comity.DispatchText) any { return t.Text }),
		"classification": said(func(t *comity.DispatchText) any { return t.Classification }),
		"source":         said(func(t *comity.DispatchText) any { return t.Source }),
		"information":    said(func(t *comity.DispatchText) any { return gradeName(t.Information) }),
		"recipient":      said(func(t *comity.DispatchText) any { return t.Recipient }),
		"at":             said(func(t *comity.DispatchText) any { return t.At }),
		"reason":         said(func(t *comity.DispatchText) any { return t.Reason }),
		"statement":      said(func(t *comity.DispatchText) any { return t.Statement }),
		"answeredAt":     func(_ *request, d *exchange.DispatchView) any { return d.AnsweredAt },
		"answerReason": func(_ *request, d *exchange.DispatchView) any {
			return answered(d.Answered, func(t *comity.AnswerText) string { return t.Reason })
		},
		"answerStatement": func(_ *request, d *exchange.DispatchView) any {
			return answered(d.Answered, func(t *comity.AnswerText) string { return t.Statement })
		},
		"answerCase": func(_ *request, d *exchange.DispatchView) any { return d.Answer },
		"deliveries": func(_ *request, d *exchange.DispatchView) any {
			return append([]exchange.DeliveryView{}, d.Deliveries...)
		},
		"readers": func(_ *request, d *exchange.DispatchView) any {
			return append([]comity.DisclosureRecord{}, d.Readers...)
		},
	})
	get(b, "Delivery", fields[exchange.DeliveryView]{
		"to":          func(_ *request, d exchange.DeliveryView) any { return d.To },
		"status":      func(_ *request, d exchange.DeliveryView) any { return d.Status },
		"deliveredAt": func(_ *request, d exchange.DeliveryView) any { return d.DeliveredAt },
		"dueAt":       func(_ *request, d exchange.DeliveryView) any { return d.DueAt },
		"overdue":     func(_ *request, d exchange.DeliveryView) any { return d.Overdue },
		"answeredAt":  func(_ *request, d exchange.DeliveryView) any { return d.AnsweredAt },
		"reason": func(_ *request, d exchange.DeliveryView) any {
			return answered(d.Answered, func(t *comity.AnswerText) string { return t.Reason })
		},
		"statement": func(_ *request, d exchange.DeliveryView) any {
			return answered(d.Answered, func(t *comity.AnswerText) string { return t.Statement })
		},
	})
	get(b, "NoticeReader", fields[comity.DisclosureRecord]{
		"officer": func(_ *request, d comity.DisclosureRecord) any { return d.Officer },
		"agency":  func(_ *request, d comity.DisclosureRecord) any { return d.Agency },
		"version": func(_ *request, d comity.DisclosureRecord) any { return counted(d.Version) },
		"at":      func(_ *request, d comity.DisclosureRecord) any { return d.At },
	})
}
