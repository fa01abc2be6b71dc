package graph

import (
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/graph/execute"
)

// asked gives a sealed field of a request, null while it is closed.
func asked[V any](read func(*comity.RequestText) V) func(*request, *exchange.RequestView) V {
	return func(_ *request, r *exchange.RequestView) (none V) {
		if r.Text == nil {
			return none
		}
		return read(r.Text)
	}
}

func (b *binding) requests() {
	get(b, "Request", fields[*exchange.RequestView]{
		"id":            text(func(_ *request, r *exchange.RequestView) comity.ID { return r.ID }),
		"state":         text(func(_ *request, r *exchange.RequestView) comity.State { return r.State }),
		"agency":        text(func(_ *request, r *exchange.RequestView) comity.AgencyID { return r.Agency }),
		"officer":       text(func(_ *request, r *exchange.RequestView) comity.OfficerRef { return r.Officer }),
		"to":            text(func(_ *request, r *exchange.RequestView) comity.State { return r.To }),
		"routedTo":      text(func(_ *request, r *exchange.RequestView) comity.AgencyID { return r.RoutedTo }),
		"kind":          text(func(_ *request, r *exchange.RequestView) comity.RequestKind { return r.Kind }),
		"urgency":       text(func(_ *request, r *exchange.RequestView) comity.Urgency { return r.Urgency }),
		"category":      text(func(_ *request, r *exchange.RequestView) comity.Category { return r.Category }),
		"purpose":       text(func(_ *request, r *exchange.RequestView) comity.Purpose { return r.Purpose }),
		"status":        text(func(_ *request, r *exchange.RequestView) comity.RequestStatus { return r.Status }),
		"ground":        text(func(_ *request, r *exchange.RequestView) comity.Ground { return r.Ground }),
		"marking":       object(func(_ *request, r *exchange.RequestView) *comity.Marking { return &r.Marking }),
		"version":       number(func(_ *request, r *exchange.RequestView) int { return r.Version }),
		"createdAt":     instant(func(_ *request, r *exchange.RequestView) time.Time { return r.CreatedAt }),
		"updatedAt":     instant(func(_ *request, r *exchange.RequestView) time.Time { return r.UpdatedAt }),
		"dueAt":         instant(func(_ *request, r *exchange.RequestView) time.Time { return r.DueAt }),
		"overdue":       boolean(func(q *request, r *exchange.RequestView) bool { return r.Overdue(q.reader.Now()) }),
		"postponedTo":   instant(func(_ *request, r *exchange.RequestView) time.Time { return r.PostponedTo }),
		"title":         text(asked(func(t *comity.RequestText) string { return t.Title })),
		"facts":         text(asked(func(t *comity.RequestText) string { return t.Facts })),
		"record":        text(asked(func(t *comity.RequestText) string { return t.Record })),
		"feedback":      text(asked(func(t *comity.RequestText) string { return t.Feedback })),
		"observables":   items(asked(func(t *comity.RequestText) []comity.ObservableText { return orEmpty(t.Observables) })),
		"fromReference": text(asked(func(t *comity.RequestText) string { return t.FromReference })),

		"classification": text(asked(func(t *comity.RequestText) comity.Classification { return t.Classification })),

		"toReference": text(func(_ *request, r *exchange.RequestView) string { return r.ToReference }),
		"onwardTo":    text(func(_ *request, r *exchange.RequestView) comity.State { return r.OnwardTo }),
		"grant":       text(func(_ *request, r *exchange.RequestView) comity.ID { return r.Grant }),
	})
	get(b, "RequestObservable", fields[*comity.ObservableText]{
		"type":        text(func(_ *request, o *comity.ObservableText) string { return o.Type }),
		"value":       text(func(_ *request, o *comity.ObservableText) string { return o.Value }),
		"description": text(func(_ *request, o *comity.ObservableText) string { return o.Description }),
	})
	batch(b, "Request.refusal", execute.Object, func(q *request, all []*exchange.RequestView, _ args) ([]*comity.Refusal, error) {
		found, err := q.reader.Refusals(all)
		return each(all, func(r *exchange.RequestView) *comity.Refusal {
			if refusal, ok := found[r.Refusal]; ok {
				return &refusal
			}
			return nil
		}), err
	})
	get(b, "Refusal", fields[*comity.Refusal]{
		"id":        text(func(_ *request, r *comity.Refusal) comity.ID { return r.ID }),
		"ground":    text(func(_ *request, r *comity.Refusal) comity.Ground { return r.Ground }),
		"statement": text(func(_ *request, r *comity.Refusal) string { return r.Statement }),
		"createdAt": instant(func(_ *request, r *comity.Refusal) time.Time { return r.CreatedAt }),
	})
	batch(b, "Request.messages", execute.Object, func(q *request, all []*exchange.RequestView, a args) ([]*connection, error) {
		found, err := q.reader.Messages(all, a.number("first"), a.text("after"))
		return each(all, func(r *exchange.RequestView) *connection {
			return connect(found[r.ID], a.text("after"))
		}), err
	})
	get(b, "Message", fields[*exchange.MessageView]{
		"id":        text(func(_ *request, m *exchange.MessageView) comity.ID { return m.ID }),
		"request":   text(func(_ *request, m *exchange.MessageView) comity.ID { return m.Request }),
		"state":     text(func(_ *request, m *exchange.MessageView) comity.State { return m.State }),
		"author":    text(func(_ *request, m *exchange.MessageView) comity.OfficerRef { return m.Author }),
		"function":  text(func(_ *request, m *exchange.MessageView) string { return m.Function }),
		"createdAt": instant(func(_ *request, m *exchange.MessageView) time.Time { return m.CreatedAt }),
		"text": text(func(_ *request, m *exchange.MessageView) string {
			if m.Text == nil {
				return ""
			}
			return m.Text.Text
		}),
		"classification": text(func(_ *request, m *exchange.MessageView) comity.Classification {
			if m.Text == nil {
				return ""
			}
			return m.Text.Classification
		}),
	})
}
