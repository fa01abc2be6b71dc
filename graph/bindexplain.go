package graph

import (
	"bytes"
	"encoding/json"
	"errors"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/graph/execute"
	"github.com/comity-platform/comity/sovereignty"
)

func (b *binding) explanations() {
	batch(b, "Viewer.explain", execute.Object, func(q *request, _ []*viewer, a args) ([]*exchange.Explanation, error) {
		record := comity.ID("")
		if s := a.text("record"); s != "" {
			var err error
			if record, err = parseID("record", s); err != nil {
				return nil, err
			}
		}
		found, err := q.reader.Explain(exchange.Why{Action: sovereignty.Action(a.text("action")), Record: record, Purpose: a.purpose(),
			Category: comity.Category(a.text("category")), State: comity.State(a.text("state")), Kind: comity.RequestKind(a.text("kind"))})
		return one(&found, err)
	})
	get(b, "Explanation", fields[*exchange.Explanation]{
		"action":      text(func(_ *request, e *exchange.Explanation) sovereignty.Action { return e.Action }),
		"record":      text(func(_ *request, e *exchange.Explanation) comity.ID { return e.Record }),
		"permit":      boolean(func(_ *request, e *exchange.Explanation) bool { return e.Permit }),
		"article":     number(func(_ *request, e *exchange.Explanation) int { return int(e.Reasons[0].Article) }),
		"articleName": text(func(_ *request, e *exchange.Explanation) string { return e.Reasons[0].Article.Name() }),
		"text":        text(func(_ *request, e *exchange.Explanation) string { return e.Reasons[0].Text }),
		"reason":      text(func(_ *request, e *exchange.Explanation) string { return e.Reasons[0].Reason }),
		"cure":        text(func(_ *request, e *exchange.Explanation) string { return e.Reasons[0].Cure }),
		"who":         texts(func(_ *request, e *exchange.Explanation) []string { return orEmpty(e.Reasons[0].Who) }),
		"further":     items(func(_ *request, e *exchange.Explanation) []exchange.Reason { return e.Reasons[1:] }),
		"basis":       object(func(_ *request, e *exchange.Explanation) *exchange.Basis { return e.Basis }),
	})
	get(b, "Reason", fields[*exchange.Reason]{
		"article":     number(func(_ *request, r *exchange.Reason) int { return int(r.Article) }),
		"articleName": text(func(_ *request, r *exchange.Reason) string { return r.Article.Name() }),
		"text":        text(func(_ *request, r *exchange.Reason) string { return r.Text }),
		"reason":      text(func(_ *request, r *exchange.Reason) string { return r.Reason }),
		"cure":        text(func(_ *request, r *exchange.Reason) string { return r.Cure }),
		"who":         texts(func(_ *request, r *exchange.Reason) []string { return orEmpty(r.Who) }),
	})
	get(b, "Basis", fields[*exchange.Basis]{
		"agreement": text(func(_ *request, s *exchange.Basis) string { return s.Agreement }),
		"title":     text(func(_ *request, s *exchange.Basis) string { return s.Title }),
		"hash":      text(func(_ *request, s *exchange.Basis) string { return s.Hash }),
		"grant":     text(func(_ *request, s *exchange.Basis) comity.ID { return s.Grant }),
	})
	b.grantTrials()
}

func (b *binding) grantTrials() {
	batch(b, "Viewer.grantTry", execute.Object, func(q *request, _ []*viewer, a args) ([]*exchange.GrantTrial, error) {
		var in grantMakeInput
		raw, err := json.Marshal(a.object("input"))
		if err != nil {
			return nil, err
		}
		d := json.NewDecoder(bytes.NewReader(raw))
		d.DisallowUnknownFields() // schema and code have drifted apart
		if err := d.Decode(&in); err != nil {
			return nil, err
		}
		id, body, err := grantTerms(in)
		if err != nil {
			return nil, err
		}
		found, err := q.reader.TryGrant(id, body)
		return []*exchange.GrantTrial{found}, err
	})
	get(b, "GrantTrial", fields[*exchange.GrantTrial]{
		"alone":       boolean(func(_ *request, t *exchange.GrantTrial) bool { return t.Alone }),
		"proposed":    boolean(func(_ *request, t *exchange.GrantTrial) bool { return t.Proposed }),
		"denials":     items(func(_ *request, t *exchange.GrantTrial) []exchange.Reason { return orEmpty(t.Denials) }),
		"faults":      items(func(_ *request, t *exchange.GrantTrial) []error { return t.Faults }),
		"agencies":    texts(func(_ *request, t *exchange.GrantTrial) []comity.AgencyID { return orEmpty(t.Agencies) }),
		"officer":     text(func(_ *request, t *exchange.GrantTrial) comity.OfficerRef { return t.Grantee.Officer }),
		"from":        instant(func(_ *request, t *exchange.GrantTrial) time.Time { return t.From }),
		"until":       instant(func(_ *request, t *exchange.GrantTrial) time.Time { return t.Until }),
		"lapsesAt":    instant(func(_ *request, t *exchange.GrantTrial) time.Time { return t.Lapses }),
		"basis":       object(func(_ *request, t *exchange.GrantTrial) *exchange.Basis { return t.Basis }),
		"mandate":     text(func(_ *request, t *exchange.GrantTrial) comity.ID { return t.Mandate }),
		"actingFor":   text(func(_ *request, t *exchange.GrantTrial) comity.OfficerRef { return t.ActingFor }),
		"level":       text(func(_ *request, t *exchange.GrantTrial) sovereignty.Access { return t.Level }),
		"withheld":    items(func(_ *request, t *exchange.GrantTrial) []exchange.Redaction { return orEmpty(t.Withheld) }),
		"entries":     object(func(_ *request, t *exchange.GrantTrial) *exchange.Count { return &t.Tally.Entries }),
		"subjects":    object(func(_ *request, t *exchange.GrantTrial) *exchange.Count { return &t.Tally.Subjects }),
		"observables": object(func(_ *request, t *exchange.GrantTrial) *exchange.Count { return &t.Tally.Observables }),
		"evidence":    object(func(_ *request, t *exchange.GrantTrial) *exchange.Count { return &t.Tally.Evidence }),
		"exhibits":    items(func(_ *request, t *exchange.GrantTrial) []comity.Evidence { return orEmpty(t.Exhibits) }),
		"named":       items(func(_ *request, t *exchange.GrantTrial) []comity.Subject { return orEmpty(t.Subjects) }),
	})
	get(b, "GrantFault", fields[*error]{
		"field": text(func(_ *request, err *error) string {
			if e, ok := errors.AsType[*comity.Error](*err); ok && len(e.Path) > 0 {
				return e.Path[0]
			}
			return ""
		}),
		"message": text(func(_ *request, err *error) string { return (*err).Error() }),
		"cure": text(func(_ *request, err *error) string {
			if e, ok := errors.AsType[*comity.Error](*err); ok {
				return e.Cure
			}
			return ""
		}),
	})
	get(b, "TrialCount", fields[*exchange.Count]{
		"open":   number(func(_ *request, c *exchange.Count) int { return c.Abroad }),
		"closed": number(func(_ *request, c *exchange.Count) int { return c.All - c.Abroad }),
	})
	get(b, "TrialSubject", fields[*comity.Subject]{
		"id":    text(func(_ *request, s *comity.Subject) comity.ID { return s.ID }),
		"kind":  text(func(_ *request, s *comity.Subject) comity.SubjectKind { return s.Kind }),
		"role":  text(func(_ *request, s *comity.Subject) comity.SubjectRole { return s.Role }),
		"minor": boolean(func(_ *request, s *comity.Subject) bool { return s.Minor }),
	})
	get(b, "TrialExhibit", fields[*comity.Evidence]{
		"id":        text(func(_ *request, e *comity.Evidence) comity.ID { return e.ID }),
		"mediaType": text(func(_ *request, e *comity.Evidence) string { return e.MediaType }),
		"original":  boolean(func(_ *request, e *comity.Evidence) bool { return e.Original }),
		"size":      number(func(_ *request, e *comity.Evidence) int64 { return e.Size }),
	})
}
