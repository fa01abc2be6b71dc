package graph

import (
	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/exchange"
)

// asked gives a sealed field of a request, null while it is closed.
func asked(of func(*comity.RequestText) any) func(*request, *exchange.RequestView) any {
	return func(_ *request, r *exchange.RequestView) any {
		if r.Text == nil {
			return nil
		}
		return of(r.Text)
	}
}

func (b *binding) requests() {
	get(b, "Request", fields[*exchange.RequestView]{
		"id":            func(_ *request, r *exchange.RequestView) any { return r.ID },
		"state":         func(_ *request, r *exchange.RequestView) any { return r.State },
		"agency":        func(_ *request, r *exchange.RequestView) any { return r.Agency },
		"officer":       func(_ *request, r *exchange.RequestView) any { return r.Officer },
		"to":            func(_ *request, r *exchange.RequestView) any { return r.To },
		"routedTo":      func(_ *request, r *exchange.RequestView) any { return r.RoutedTo },
		"kind":          func(_ *request, r *exchange.RequestView) any { return r.Kind },
		"urgency":       func(_ *request, r *exchange.RequestView) any { return r.Urgency },
		"category":      func(_ *request, r *exchange.RequestView) any { return r.Category },
		"purpose":       func(_ *request, r *exchange.RequestView) any { return r.Purpose },
		"status":        func(_ *request, r *exchange.RequestView) any { return r.Status },
		"ground":        func(_ *request, r *exchange.RequestView) any { return r.Ground },
		"marking":       func(_ *request, r *exchange.RequestView) any { return r.Marking },
		"version":       func(_ *request, r *exchange.RequestView) any { return r.Version },
		"createdAt":     func(_ *request, r *exchange.RequestView) any { return r.CreatedAt },
		"updatedAt":     func(_ *request, r *exchange.RequestView) any { return r.UpdatedAt },
		"dueAt":         func(_ *request, r *exchange.RequestView) any { return r.DueAt },
		"overdue":       func(q *request, r *exchange.RequestView) any { return r.Overdue(q.reader.Now()) },
		"postponedTo":   func(_ *request, r *exchange.RequestView) any { return r.PostponedTo },
		"title":         asked(func(t *comity.RequestText) any { return t.Title }),
		"facts":         asked(func(t *comity.RequestText) any { return t.Facts }),
		"record":        asked(func(t *comity.RequestText) any { return t.Record }),
		"feedback":      asked(func(t *comity.RequestText) any { return t.Feedback }),
		"observables":   asked(func(t *comity.RequestText) any { return append([]comity.ObservableText{}, t.Observables...) }),
		"fromReference": asked(func(t *comity.RequestText) any { return t.FromReference }),

		"classification": asked(func(t *comity.RequestText) any { return t.Classification }),

		"toReference": func(_ *request, r *exchange.RequestView) any { return r.ToReference },
		"onwardTo":    func(_ *request, r *exchange.RequestView) any { return r.OnwardTo },
		"grant":       func(_ *request, r *exchange.RequestView) any { return r.Grant },
	})
	get(b, "RequestObservable", fields[comity.ObservableText]{
		"type":        func(_ *request, o comity.ObservableText) any { return o.Type },
		"value":       func(_ *request, o comity.ObservableText) any { return o.Value },
		"description": func(_ *request, o comity.ObservableText) any { return o.Description },
	})
	batch(b, "Request.refusal", func(q *request, all []*exchange.RequestView, _ args) ([]any, error) {
		found, err := q.reader.Refusals(all)
		return each(all, func(r *exchange.RequestView) any {
			if refusal, ok := found[r.Refusal]; ok {
				return refusal
			}
			return nil
		}), err
	})
	get(b, "Refusal", fields[comity.Refusal]{
		"id":        func(_ *request, r comity.Refusal) any { return r.ID },
		"ground":    func(_ *request, r comity.Refusal) any { return r.Ground },
		"statement": func(_ *request, r comity.Refusal) any { return r.Statement },
		"createdAt": func(_ *request, r comity.Refusal) any { return r.CreatedAt },
	})
	batch(b, "Request.messages", func(q *request, all []*exchange.RequestView, a args) ([]*connection, error) {
		found, err := q.reader.Messages(all, a.number("first"), a.text("after"))
		return each(all, func(r *exchange.RequestView) *connection {
			return connect(found[r.ID], a.text("after"), func(m *exchange.MessageView) any { return m })
		}), err
	})
	get(b, "Message", fields[*exchange.MessageView]{
		"id":        func(_ *request, m *exchange.MessageView) any { return m.ID },
		"request":   func(_ *request, m *exchange.MessageView) any { return m.Request },
		"state":     func(_ *request, m *exchange.MessageView) any { return m.State },
		"author":    func(_ *request, m *exchange.MessageView) any { return m.Author },
		"function":  func(_ *request, m *exchange.MessageView) any { return m.Function },
		"createdAt": func(_ *request, m *exchange.MessageView) any { return m.CreatedAt },
		"text": func(_ *request, m *exchange.MessageView) any {
			if m.Text == nil {
				return nil
			}
			return m.Text.Text
		},
		"classification": func(_ *request, m *exchange.MessageView) any {
			if m.Text == nil {
				return nil
			}
			return m.Text.Classification
		},
	})
}
