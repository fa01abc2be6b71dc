package graph

import (
	"maps"
	"slices"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/sovereignty"
)

// open reports whether a case shows its clear fields.
func open(c *exchange.CaseView) bool {
	return c.Access.Level != sovereignty.AccessNone && c.Access.Level != sovereignty.AccessEnded
}

// words gives a sealed field of a case, null while it is closed.
func words(of func(*comity.CaseText) string) func(*request, *exchange.CaseView) any {
	return func(_ *request, c *exchange.CaseView) any {
		if c.Text == nil {
			return nil
		}
		return of(c.Text)
	}
}

func (b *binding) cases() {
	get(b, "Case", fields[*exchange.CaseView]{
		"id":       func(_ *request, c *exchange.CaseView) any { return c.ID },
		"state":    func(_ *request, c *exchange.CaseView) any { return c.State },
		"agency":   func(_ *request, c *exchange.CaseView) any { return c.Agency },
		"owner":    func(_ *request, c *exchange.CaseView) any { return c.Owner },
		"category": func(_ *request, c *exchange.CaseView) any { return c.Category },
		"status":   func(_ *request, c *exchange.CaseView) any { return c.Status },
		"marking": func(_ *request, c *exchange.CaseView) any {
			if !open(c) {
				return nil
			}
			return c.Marking
		},
		"nexus": func(_ *request, c *exchange.CaseView) any {
			if !open(c) {
				return nil
			}
			return append([]comity.Nexus{}, c.Nexus...)
		},
		"reserved": func(_ *request, c *exchange.CaseView) any {
			if !open(c) {
				return nil
			}
			return c.Reserved
		},
		"version":   func(_ *request, c *exchange.CaseView) any { return c.Version },
		"createdAt": func(_ *request, c *exchange.CaseView) any { return c.CreatedAt },
		"updatedAt": func(_ *request, c *exchange.CaseView) any { return c.UpdatedAt },
		"title":     words(func(t *comity.CaseText) string { return t.Title }),
		"summary":   words(func(t *comity.CaseText) string { return t.Summary }),
		"narrative": words(func(t *comity.CaseText) string { return t.Narrative }),
		"reference": words(func(t *comity.CaseText) string { return t.Reference }),

		"classification": words(func(t *comity.CaseText) string { return string(t.Classification) }),
		"access":         func(_ *request, c *exchange.CaseView) any { return c },
	})
	get(b, "Marking", fields[comity.Marking]{
		"tlp":      func(_ *request, m comity.Marking) any { return m.TLP },
		"pap":      func(_ *request, m comity.Marking) any { return m.PAP },
		"handling": func(_ *request, m comity.Marking) any { return m.Handling },
	})
	get(b, "Nexus", fields[comity.Nexus]{
		"basis": func(_ *request, n comity.Nexus) any { return n.Basis },
		"state": func(_ *request, n comity.Nexus) any { return n.State },
	})
	get(b, "Access", fields[*exchange.CaseView]{
		"level":       func(_ *request, c *exchange.CaseView) any { return c.Access.Level },
		"grant":       func(_ *request, c *exchange.CaseView) any { return c.Access.Grant },
		"redactions":  func(_ *request, c *exchange.CaseView) any { return c.Access.Redactions },
		"obligations": func(_ *request, c *exchange.CaseView) any { return c.Obligations() },
	})
	get(b, "Obligation", fields[comity.Obligation]{
		"code":    func(_ *request, o comity.Obligation) any { return o.Code },
		"article": func(_ *request, o comity.Obligation) any { return int(o.Article) },
		"text":    func(_ *request, o comity.Obligation) any { return o.Text },
		"until":   func(_ *request, o comity.Obligation) any { return o.Until },
	})
	get(b, "Redaction", fields[exchange.Redaction]{
		"field":       func(_ *request, r exchange.Redaction) any { return r.Field },
		"article":     func(_ *request, r exchange.Redaction) any { return int(r.Article) },
		"articleName": func(_ *request, r exchange.Redaction) any { return r.Article.Name() },
		"reason":      func(_ *request, r exchange.Redaction) any { return r.Reason },
		"cure":        func(_ *request, r exchange.Redaction) any { return r.Cure },
	})
	batch(b, "Case.assignees", func(q *request, all []*exchange.CaseView, _ args) ([][]string, error) {
		found, err := q.reader.Assignees(all)
		return atHome(all, found), err
	})
	batch(b, "Case.releases", func(q *request, all []*exchange.CaseView, _ args) ([][]comity.Release, error) {
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
		return append([]R{}, found[c.ID]...)
	})
}

// inner binds a list of inner records of cases. It is null for a case that does
// not open them.
func inner[T any](b *binding, name string, read func(*exchange.Reader, []*exchange.CaseView, int, string) (map[comity.ID]exchange.Page[T], error)) {
	exhibits := name == "Case.evidence"
	batch(b, name, func(q *request, all []*exchange.CaseView, a args) ([]*connection, error) {
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
			return connect(found[c.ID], a.text("after"), func(t *T) any { return t })
		}), nil
	})
}

func (b *binding) records() {
	get(b, "Entry", fields[*exchange.EntryView]{
		"obligations": func(_ *request, e *exchange.EntryView) any { return e.Obligations() },
		"id":          func(_ *request, e *exchange.EntryView) any { return e.ID },
		"case":        func(_ *request, e *exchange.EntryView) any { return e.Case },
		"author":      func(_ *request, e *exchange.EntryView) any { return e.Author },
		"marking":     func(_ *request, e *exchange.EntryView) any { return e.Marking },
		"createdAt":   func(_ *request, e *exchange.EntryView) any { return e.CreatedAt },
		"happened":    func(_ *request, e *exchange.EntryView) any { return e.Text.Happened },
		"text":        func(_ *request, e *exchange.EntryView) any { return e.Text.Text },

		"classification": func(_ *request, e *exchange.EntryView) any { return e.Text.Classification },
	})
	get(b, "Subject", fields[*exchange.SubjectView]{
		"obligations": func(_ *request, s *exchange.SubjectView) any { return s.Obligations() },
		"id":          func(_ *request, s *exchange.SubjectView) any { return s.ID },
		"case":        func(_ *request, s *exchange.SubjectView) any { return s.Case },
		"kind":        func(_ *request, s *exchange.SubjectView) any { return s.Kind },
		"role":        func(_ *request, s *exchange.SubjectView) any { return s.Role },
		"minor":       func(_ *request, s *exchange.SubjectView) any { return s.Minor },
		"marking":     func(_ *request, s *exchange.SubjectView) any { return s.Marking },
		"createdAt":   func(_ *request, s *exchange.SubjectView) any { return s.CreatedAt },
		"names":       func(_ *request, s *exchange.SubjectView) any { return s.Text.Names },
		"birth":       func(_ *request, s *exchange.SubjectView) any { return s.Text.Birth },
		"nationality": func(_ *request, s *exchange.SubjectView) any { return s.Text.Nationality },
		"identifier":  func(_ *request, s *exchange.SubjectView) any { return s.Text.Identifier },
		"assessment":  func(_ *request, s *exchange.SubjectView) any { return s.Text.Assessment },
		"source":      func(_ *request, s *exchange.SubjectView) any { return s.Text.Source },
		"information": func(_ *request, s *exchange.SubjectView) any { return gradeName(s.Text.Information) },
		"note":        func(_ *request, s *exchange.SubjectView) any { return s.Text.Note },

		"classification": func(_ *request, s *exchange.SubjectView) any { return s.Text.Classification },
	})
	get(b, "SubjectName", fields[comity.SubjectName]{
		"name":   func(_ *request, n comity.SubjectName) any { return n.Name },
		"script": func(_ *request, n comity.SubjectName) any { return n.Script },
		"latin":  func(_ *request, n comity.SubjectName) any { return n.Latin },
		"alias":  func(_ *request, n comity.SubjectName) any { return n.IsAlias },
	})
	get(b, "Observable", fields[*exchange.ObservableView]{
		"obligations":    func(_ *request, o *exchange.ObservableView) any { return o.Obligations() },
		"id":             func(_ *request, o *exchange.ObservableView) any { return o.ID },
		"case":           func(_ *request, o *exchange.ObservableView) any { return o.Case },
		"marking":        func(_ *request, o *exchange.ObservableView) any { return o.Marking },
		"createdAt":      func(_ *request, o *exchange.ObservableView) any { return o.CreatedAt },
		"type":           func(_ *request, o *exchange.ObservableView) any { return o.Text.Type },
		"value":          func(_ *request, o *exchange.ObservableView) any { return o.Text.Value },
		"sourceIds":      func(_ *request, o *exchange.ObservableView) any { return o.Text.SourceIDs },
		"indicator":      func(_ *request, o *exchange.ObservableView) any { return o.Text.Indicator },
		"pattern":        func(_ *request, o *exchange.ObservableView) any { return o.Text.Pattern },
		"validFrom":      func(_ *request, o *exchange.ObservableView) any { return o.Text.ValidFrom },
		"description":    func(_ *request, o *exchange.ObservableView) any { return o.Text.Description },
		"source":         func(_ *request, o *exchange.ObservableView) any { return o.Text.Source },
		"information":    func(_ *request, o *exchange.ObservableView) any { return gradeName(o.Text.Information) },
		"classification": func(_ *request, o *exchange.ObservableView) any { return o.Text.Classification },
		"hashes": func(_ *request, o *exchange.ObservableView) any {
			var all []hashValue
			for _, algorithm := range slices.Sorted(maps.Keys(o.Text.Hashes)) {
				all = append(all, hashValue{algorithm, o.Text.Hashes[algorithm]})
			}
			return all
		},
	})
	get(b, "Hash", fields[hashValue]{
		"algorithm": func(_ *request, h hashValue) any { return h.Algorithm },
		"value":     func(_ *request, h hashValue) any { return h.Value },
	})
	b.evidence()
}

type hashValue struct{ Algorithm, Value string }

// gradeNames are the names of the information grades 1 to 4: names of an enum
// do not begin with a digit.
var gradeNames = []string{"ONE", "TWO", "THREE", "FOUR"}

func gradeName(g comity.InformationGrade) any {
	if i := slices.Index(comity.InformationGrades, g); i >= 0 {
		return gradeNames[i]
	}
	return nil
}

func gradeOf(name string) comity.InformationGrade {
	if i := slices.Index(gradeNames, name); i >= 0 {
		return comity.InformationGrades[i]
	}
	return ""
}
