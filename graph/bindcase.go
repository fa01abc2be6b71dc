package graph

import (
	"maps"
	"slices"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/graph/execute"
	"github.com/comity-platform/comity/sovereignty"
)

// words gives a sealed field of a case, null while it is closed.
func words[V ~string](read func(*comity.CaseText) V) field[*exchange.CaseView] {
	return text(func(_ *request, c *exchange.CaseView) V {
		if c.Text == nil {
			return ""
		}
		return read(c.Text)
	})
}

func (b *binding) cases() {
	get(b, "Case", fields[*exchange.CaseView]{
		"id":       text(func(_ *request, c *exchange.CaseView) comity.ID { return c.ID }),
		"state":    text(func(_ *request, c *exchange.CaseView) comity.State { return c.State }),
		"agency":   text(func(_ *request, c *exchange.CaseView) comity.AgencyID { return c.Agency }),
		"owner":    text(func(_ *request, c *exchange.CaseView) comity.OfficerRef { return c.Owner }),
		"category": text(func(_ *request, c *exchange.CaseView) comity.Category { return c.Category }),
		"status":   text(func(_ *request, c *exchange.CaseView) comity.CaseStatus { return c.Status }),
		"marking": object(func(_ *request, c *exchange.CaseView) *comity.Marking {
			if !c.Opened() {
				return nil
			}
			return &c.Marking
		}),
		"nexus": items(func(_ *request, c *exchange.CaseView) []comity.Nexus {
			if !c.Opened() {
				return nil
			}
			return orEmpty(c.Nexus)
		}),
		"reserved": optionalBoolean(func(_ *request, c *exchange.CaseView) *bool {
			if !c.Opened() {
				return nil
			}
			return &c.Reserved
		}),
		"version":   number(func(_ *request, c *exchange.CaseView) int { return c.Version }),
		"createdAt": instant(func(_ *request, c *exchange.CaseView) time.Time { return c.CreatedAt }),
		"updatedAt": instant(func(_ *request, c *exchange.CaseView) time.Time { return c.UpdatedAt }),
		"title":     words(func(t *comity.CaseText) string { return t.Title }),
		"summary":   words(func(t *comity.CaseText) string { return t.Summary }),
		"narrative": words(func(t *comity.CaseText) string { return t.Narrative }),
		"reference": words(func(t *comity.CaseText) string { return t.Reference }),

		"classification": words(func(t *comity.CaseText) comity.Classification { return t.Classification }),
		"access":         object(func(_ *request, c *exchange.CaseView) *exchange.CaseView { return c }),
	})
	get(b, "Marking", fields[*comity.Marking]{
		"tlp":      text(func(_ *request, m *comity.Marking) comity.TLP { return m.TLP }),
		"pap":      text(func(_ *request, m *comity.Marking) comity.PAP { return m.PAP }),
		"handling": text(func(_ *request, m *comity.Marking) comity.Handling { return m.Handling }),
	})
	get(b, "Nexus", fields[*comity.Nexus]{
		"basis": text(func(_ *request, n *comity.Nexus) comity.NexusBasis { return n.Basis }),
		"state": text(func(_ *request, n *comity.Nexus) comity.State { return n.State }),
	})
	get(b, "Access", fields[*exchange.CaseView]{
		"level":       text(func(_ *request, c *exchange.CaseView) sovereignty.Access { return c.Access.Level }),
		"grant":       object(func(_ *request, c *exchange.CaseView) *comity.Grant { return c.Access.Grant }),
		"redactions":  items(func(_ *request, c *exchange.CaseView) []exchange.Redaction { return c.Access.Redactions }),
		"obligations": items(func(_ *request, c *exchange.CaseView) []comity.Obligation { return c.Obligations() }),
	})
	get(b, "Obligation", fields[*comity.Obligation]{
		"code":    text(func(_ *request, o *comity.Obligation) comity.ObligationCode { return o.Code }),
		"article": number(func(_ *request, o *comity.Obligation) int { return int(o.Article) }),
		"text":    text(func(_ *request, o *comity.Obligation) string { return o.Text }),
		"until":   instant(func(_ *request, o *comity.Obligation) time.Time { return o.Until }),
	})
	get(b, "Redaction", fields[*exchange.Redaction]{
		"field":       text(func(_ *request, r *exchange.Redaction) string { return r.Field }),
		"article":     number(func(_ *request, r *exchange.Redaction) int { return int(r.Article) }),
		"articleName": text(func(_ *request, r *exchange.Redaction) string { return r.Article.Name() }),
		"reason":      text(func(_ *request, r *exchange.Redaction) string { return r.Reason }),
		"cure":        text(func(_ *request, r *exchange.Redaction) string { return r.Cure }),
	})
	batch(b, "Case.assignees", execute.Texts, func(q *request, all []*exchange.CaseView, _ args) ([][]string, error) {
		found, err := q.reader.Assignees(all)
		return atHome(all, found), err
	})
	batch(b, "Case.releases", execute.Items, func(q *request, all []*exchange.CaseView, _ args) ([][]comity.Release, error) {
		found, err := q.reader.Releases(all)
		return atHome(all, found), err
	})
	inner(b, "Case.entries", (*exchange.Reader).Entries)
	inner(b, "Case.subjects", (*exchange.Reader).Subjects)
	inner(b, "Case.observables", (*exchange.Reader).Observables)
	inner(b, "Case.evidence", (*exchange.Reader).Evidence)
}

// atHome gives what only the own state sees of its cases; nil abroad.
func atHome[R any](all []*exchange.CaseView, found map[comity.ID][]R) [][]R {
	return each(all, func(c *exchange.CaseView) []R {
		if !c.Own {
			return nil
		}
		return orEmpty(found[c.ID])
	})
}

// inner binds a list of inner records of cases. It is null for a case that does
// not open them.
func inner[T any](b *binding, name string, read func(*exchange.Reader, []*exchange.CaseView, int, string) (map[comity.ID]exchange.Page[T], error)) {
	exhibits := name == "Case.evidence"
	batch(b, name, execute.Object, func(q *request, all []*exchange.CaseView, a args) ([]*connection, error) {
		found, err := read(q.reader, all, a.number("first"), a.text("after"))
		if err != nil {
			return nil, err
		}
		return each(all, func(c *exchange.CaseView) *connection {
			full := c.Access.Level == sovereignty.AccessOwn || c.Access.Level == sovereignty.AccessFull
			closed := slices.ContainsFunc(c.Access.Redactions, func(r exchange.Redaction) bool { return r.Field == "text" })
			if closed || !full && !(exhibits && len(c.Exhibits) > 0) {
				return nil
			}
			return connect(found[c.ID], a.text("after"))
		}), nil
	})
}

func (b *binding) records() {
	get(b, "Entry", fields[*exchange.EntryView]{
		"obligations": items(func(_ *request, e *exchange.EntryView) []comity.Obligation { return e.Obligations() }),
		"id":          text(func(_ *request, e *exchange.EntryView) comity.ID { return e.ID }),
		"case":        text(func(_ *request, e *exchange.EntryView) comity.ID { return e.Case }),
		"author":      text(func(_ *request, e *exchange.EntryView) comity.OfficerRef { return e.Author }),
		"marking":     object(func(_ *request, e *exchange.EntryView) *comity.Marking { return &e.Marking }),
		"createdAt":   instant(func(_ *request, e *exchange.EntryView) time.Time { return e.CreatedAt }),
		"happened":    text(func(_ *request, e *exchange.EntryView) string { return e.Text.Happened }),
		"text":        text(func(_ *request, e *exchange.EntryView) string { return e.Text.Text }),

		"classification": text(func(_ *request, e *exchange.EntryView) comity.Classification { return e.Text.Classification }),
	})
	get(b, "Subject", fields[*exchange.SubjectView]{
		"obligations": items(func(_ *request, s *exchange.SubjectView) []comity.Obligation { return s.Obligations() }),
		"id":          text(func(_ *request, s *exchange.SubjectView) comity.ID { return s.ID }),
		"case":        text(func(_ *request, s *exchange.SubjectView) comity.ID { return s.Case }),
		"kind":        text(func(_ *request, s *exchange.SubjectView) comity.SubjectKind { return s.Kind }),
		"role":        text(func(_ *request, s *exchange.SubjectView) comity.SubjectRole { return s.Role }),
		"minor":       boolean(func(_ *request, s *exchange.SubjectView) bool { return s.Minor }),
		"marking":     object(func(_ *request, s *exchange.SubjectView) *comity.Marking { return &s.Marking }),
		"createdAt":   instant(func(_ *request, s *exchange.SubjectView) time.Time { return s.CreatedAt }),
		"names":       items(func(_ *request, s *exchange.SubjectView) []comity.SubjectName { return s.Text.Names }),
		"birth":       text(func(_ *request, s *exchange.SubjectView) string { return s.Text.Birth }),
		"nationality": text(func(_ *request, s *exchange.SubjectView) comity.State { return s.Text.Nationality }),
		"identifier":  text(func(_ *request, s *exchange.SubjectView) string { return s.Text.Identifier }),
		"assessment":  boolean(func(_ *request, s *exchange.SubjectView) bool { return s.Text.Assessment }),
		"source":      text(func(_ *request, s *exchange.SubjectView) comity.SourceGrade { return s.Text.Source }),
		"information": text(func(_ *request, s *exchange.SubjectView) string { return gradeName(s.Text.Information) }),
		"note":        text(func(_ *request, s *exchange.SubjectView) string { return s.Text.Note }),

		"classification": text(func(_ *request, s *exchange.SubjectView) comity.Classification { return s.Text.Classification }),
	})
	get(b, "SubjectName", fields[*comity.SubjectName]{
		"name":   text(func(_ *request, n *comity.SubjectName) string { return n.Name }),
		"script": text(func(_ *request, n *comity.SubjectName) string { return n.Script }),
		"latin":  text(func(_ *request, n *comity.SubjectName) string { return n.Latin }),
		"alias":  boolean(func(_ *request, n *comity.SubjectName) bool { return n.IsAlias }),
	})
	get(b, "Observable", fields[*exchange.ObservableView]{
		"obligations":    items(func(_ *request, o *exchange.ObservableView) []comity.Obligation { return o.Obligations() }),
		"id":             text(func(_ *request, o *exchange.ObservableView) comity.ID { return o.ID }),
		"case":           text(func(_ *request, o *exchange.ObservableView) comity.ID { return o.Case }),
		"marking":        object(func(_ *request, o *exchange.ObservableView) *comity.Marking { return &o.Marking }),
		"createdAt":      instant(func(_ *request, o *exchange.ObservableView) time.Time { return o.CreatedAt }),
		"type":           text(func(_ *request, o *exchange.ObservableView) string { return o.Text.Type }),
		"value":          text(func(_ *request, o *exchange.ObservableView) string { return o.Text.Value }),
		"sourceIds":      texts(func(_ *request, o *exchange.ObservableView) []string { return o.Text.SourceIDs }),
		"indicator":      boolean(func(_ *request, o *exchange.ObservableView) bool { return o.Text.Indicator }),
		"pattern":        text(func(_ *request, o *exchange.ObservableView) string { return o.Text.Pattern }),
		"validFrom":      text(func(_ *request, o *exchange.ObservableView) string { return o.Text.ValidFrom }),
		"description":    text(func(_ *request, o *exchange.ObservableView) string { return o.Text.Description }),
		"source":         text(func(_ *request, o *exchange.ObservableView) comity.SourceGrade { return o.Text.Source }),
		"information":    text(func(_ *request, o *exchange.ObservableView) string { return gradeName(o.Text.Information) }),
		"classification": text(func(_ *request, o *exchange.ObservableView) comity.Classification { return o.Text.Classification }),
		"hashes": items(func(_ *request, o *exchange.ObservableView) []hashValue {
			var all []hashValue
			for _, algorithm := range slices.Sorted(maps.Keys(o.Text.Hashes)) {
				all = append(all, hashValue{algorithm, o.Text.Hashes[algorithm]})
			}
			return all
		}),
	})
	get(b, "Hash", fields[*hashValue]{
		"algorithm": text(func(_ *request, h *hashValue) string { return h.Algorithm }),
		"value":     text(func(_ *request, h *hashValue) string { return h.Value }),
	})
	b.evidence()
}

type hashValue struct{ Algorithm, Value string }

// gradeNames are the names of the information grades 1 to 4: names of an enum
// do not begin with a digit.
var gradeNames = []string{"ONE", "TWO", "THREE", "FOUR"}

func gradeName(g comity.InformationGrade) string {
	if i := slices.Index(comity.InformationGrades, g); i >= 0 {
		return gradeNames[i]
	}
	return ""
}

func gradeOf(name string) comity.InformationGrade {
	if i := slices.Index(gradeNames, name); i >= 0 {
		return comity.InformationGrades[i]
	}
	return ""
}
