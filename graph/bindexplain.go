package graph

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/sovereignty"
)

// count is how many records of a kind a grant would open.
type count exchange.Count

func (b *binding) explanations() {
	batch(b, "Viewer.explain", func(q *request, _ []viewer, a args) ([]exchange.Explanation, error) {
		record := comity.ID("")
		if s := a.text("record"); s != "" {
			var err error
			if record, err = parseID("record", s); err != nil {
				return nil, err
			}
		}
		return one(q.reader.Explain(exchange.Why{Action: sovereignty.Action(a.text("action")), Record: record, Purpose: a.purpose(),
			Category: comity.Category(a.text("category")), State: comity.State(a.text("state")), Kind: comity.RequestKind(a.text("kind"))}))
	})
	get(b, "Explanation", fields[exchange.Explanation]{
		"action":      func(_ *request, e exchange.Explanation) any { return e.Action },
		"record":      func(_ *request, e exchange.Explanation) any { return e.Record },
		"permit":      func(_ *request, e exchange.Explanation) any { return e.Permit },
		"article":     func(_ *request, e exchange.Explanation) any { return int(e.Reasons[0].Article) },
		"articleName": func(_ *request, e exchange.Explanation) any { return e.Reasons[0].Article.Name() },
		"text":        func(_ *request, e exchange.Explanation) any { return e.Reasons[0].Text },
		"reason":      func(_ *request, e exchange.Explanation) any { return e.Reasons[0].Reason },
		"cure":        func(_ *request, e exchange.Explanation) any { return e.Reasons[0].Cure },
		"who":         func(_ *request, e exchange.Explanation) any { return append([]string{}, e.Reasons[0].Who...) },
		"further":     func(_ *request, e exchange.Explanation) any { return e.Reasons[1:] },
		"basis":       func(_ *request, e exchange.Explanation) any { return orNull(e.Basis) },
	})
	get(b, "Reason", fields[exchange.Reason]{
		"article":     func(_ *request, r exchange.Reason) any { return int(r.Article) },
		"articleName": func(_ *request, r exchange.Reason) any { return r.Article.Name() },
		"text":        func(_ *request, r exchange.Reason) any { return r.Text },
		"reason":      func(_ *request, r exchange.Reason) any { return r.Reason },
		"cure":        func(_ *request, r exchange.Reason) any { return r.Cure },
		"who":         func(_ *request, r exchange.Reason) any { return append([]string{}, r.Who...) },
	})
	get(b, "Basis", fields[*exchange.Basis]{
		"agreement": func(_ *request, s *exchange.Basis) any { return s.Agreement },
		"title":     func(_ *request, s *exchange.Basis) any { return s.Title },
		"hash":      func(_ *request, s *exchange.Basis) any { return s.Hash },
		"grant":     func(_ *request, s *exchange.Basis) any { return s.Grant },
	})
	b.grantTrials()
}

func (b *binding) grantTrials() {
	batch(b, "Viewer.grantTry", func(q *request, _ []viewer, a args) ([]any, error) {
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
		return []any{orNull(found)}, err
	})
	get(b, "GrantTrial", fields[*exchange.GrantTrial]{
		"alone":       func(_ *request, t *exchange.GrantTrial) any { return t.Alone },
		"proposed":    func(_ *request, t *exchange.GrantTrial) any { return t.Proposed },
		"denials":     func(_ *request, t *exchange.GrantTrial) any { return append([]exchange.Reason{}, t.Denials...) },
		"faults":      func(_ *request, t *exchange.GrantTrial) any { return append([]error{}, t.Faults...) },
		"agencies":    func(_ *request, t *exchange.GrantTrial) any { return append([]comity.AgencyID{}, t.Agencies...) },
		"officer":     func(_ *request, t *exchange.GrantTrial) any { return t.Grantee.Officer },
		"from":        func(_ *request, t *exchange.GrantTrial) any { return t.From },
		"until":       func(_ *request, t *exchange.GrantTrial) any { return t.Until },
		"lapsesAt":    func(_ *request, t *exchange.GrantTrial) any { return t.Lapses },
		"basis":       func(_ *request, t *exchange.GrantTrial) any { return orNull(t.Basis) },
		"mandate":     func(_ *request, t *exchange.GrantTrial) any { return t.Mandate },
		"actingFor":   func(_ *request, t *exchange.GrantTrial) any { return t.ActingFor },
		"level":       func(_ *request, t *exchange.GrantTrial) any { return t.Level },
		"withheld":    func(_ *request, t *exchange.GrantTrial) any { return append([]exchange.Redaction{}, t.Withheld...) },
		"entries":     func(_ *request, t *exchange.GrantTrial) any { return count(t.Tally.Entries) },
		"subjects":    func(_ *request, t *exchange.GrantTrial) any { return count(t.Tally.Subjects) },
		"observables": func(_ *request, t *exchange.GrantTrial) any { return count(t.Tally.Observables) },
		"evidence":    func(_ *request, t *exchange.GrantTrial) any { return count(t.Tally.Evidence) },
		"exhibits":    func(_ *request, t *exchange.GrantTrial) any { return append([]comity.Evidence{}, t.Exhibits...) },
		"named":       func(_ *request, t *exchange.GrantTrial) any { return append([]comity.Subject{}, t.Subjects...) },
	})
	get(b, "GrantFault", fields[error]{
		"field": func(_ *request, err error) any {
			if e, ok := errors.AsType[*comity.Error](err); ok && len(e.Path) > 0 {
				return e.Path[0]
			}
			return nil
		},
		"message": func(_ *request, err error) any { return err.Error() },
		"cure": func(_ *request, err error) any {
			e, _ := errors.AsType[*comity.Error](err)
			if e == nil || e.Cure == "" {
				return nil
			}
			return e.Cure
		},
	})
	get(b, "TrialCount", fields[count]{
		"open":   func(_ *request, c count) any { return c.Abroad },
		"closed": func(_ *request, c count) any { return c.All - c.Abroad },
	})
	get(b, "TrialSubject", fields[comity.Subject]{
		"id":    func(_ *request, s comity.Subject) any { return s.ID },
		"kind":  func(_ *request, s comity.Subject) any { return s.Kind },
		"role":  func(_ *request, s comity.Subject) any { return s.Role },
		"minor": func(_ *request, s comity.Subject) any { return s.Minor },
	})
	get(b, "TrialExhibit", fields[comity.Evidence]{
		"id":        func(_ *request, e comity.Evidence) any { return e.ID },
		"mediaType": func(_ *request, e comity.Evidence) any { return e.MediaType },
		"original":  func(_ *request, e comity.Evidence) any { return e.Original },
		"size":      func(_ *request, e comity.Evidence) any { return e.Size },
	})
}
