package exchange

import (
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/sovereignty"
)

// maxExport bounds the records of one kind in an export.
const maxExport = 2000

// allows decides whether a record of the case that carries these markings, beside
// the case's own, may go out for the use under a grant (nil at home).
func (e *ExportCase) allows(a *attempt, c *CaseView, g *comity.Grant, own ...comity.Marking) sovereignty.Decision {
	q := sovereignty.Question{Officer: a.who.Officer, Action: a.action, Record: caseRecord(e.row, a.who.Officer)}
	if c.Own {
		g = nil
	}
	q.Circumstances = e.circumstances(e.row, sovereignty.Circumstances{Visible: true, Agreement: true}, g, append(own, c.Marking)...)
	return a.x.policies.Decide(q)
}

// fill adds the inner records of a case to an export.
func (e *ExportCase) fill(r *Reader, a *attempt, c *CaseView, x *comity.Export) error {
	// out reports whether a record is exported, and names it where it is not.
	out := func(id comity.ID, g *comity.Grant, own ...comity.Marking) bool {
		d := e.allows(a, c, g, own...)
		if !d.Permit {
			x.Withheld = append(x.Withheld, comity.Withheld{ID: id, Article: d.Article, Reason: d.Reason, Cure: d.Cure})
		}
		return d.Permit
	}
	err := whole(c, r.Entries, func(v EntryView) {
		if out(v.ID, c.Access.Grant, v.Marking) {
			x.Entries = append(x.Entries, comity.ExportedEntry{ID: v.ID, Author: v.Author, Marking: v.Marking, CreatedAt: v.CreatedAt, Text: v.Text,
				Obligations: v.Obligations()})
		}
	})
	if err != nil {
		return err
	}
	err = whole(c, r.Subjects, func(v SubjectView) {
		if out(v.ID, v.grant(), v.Marking) {
			x.Subjects = append(x.Subjects, comity.ExportedSubject{ID: v.ID, Kind: v.Kind, Role: v.Role, Minor: v.Minor, Marking: v.Marking,
				CreatedAt: v.CreatedAt, Text: v.Text, Obligations: v.Obligations()})
		}
	})
	if err != nil {
		return err
	}
	err = whole(c, r.Observables, func(v ObservableView) {
		if out(v.ID, c.Access.Grant, v.Marking) {
			x.Observables = append(x.Observables, comity.ExportedObservable{ID: v.ID, Marking: v.Marking, CreatedAt: v.CreatedAt, Text: v.Text,
				Obligations: v.Obligations()})
		}
	})
	if err != nil {
		return err
	}
	if err := e.annotations(r, c, x, out); err != nil {
		return err
	}
	exhibits := func(cases []*CaseView, first int, after string) (map[comity.ID]Page[EvidenceView], error) {
		pages, err := r.Evidence(cases, first, after)
		if err != nil {
			return nil, err
		}
		return pages, r.Containers(pages[c.ID].Pointers())
	}
	err = whole(c, exhibits, func(v EvidenceView) {
		if !out(v.ID, grantNamed(c.grants, v.Grant)) {
			return
		}
		label := comity.ExportedExhibit{ID: v.ID, Grant: v.Grant, Status: v.Status, MediaType: v.MediaType, Original: v.Original, Size: v.Size,
			Receipt: v.Receipt, CreatedAt: v.CreatedAt, Text: v.Text, Obligations: v.Obligations()}
		if v.Status == comity.EvidenceSealed {
			label.PlainSHA256 = hex.EncodeToString(v.PlainSHA256[:])
		}
		x.Exhibits = append(x.Exhibits, label)
	})
	if err == nil && c.torn { // it would lack them, and not say so
		err = errTampered
	}
	return err
}

// annotations adds what other states added to the case and the originator accepted.
func (e *ExportCase) annotations(r *Reader, c *CaseView, x *comity.Export, out func(comity.ID, *comity.Grant, ...comity.Marking) bool) error {
	return whole(c, r.Annotations, func(v *DispatchView) {
		switch {
		case v.Status != comity.DispatchAccepted:
		case v.torn:
			x.Withheld = append(x.Withheld, comity.Withheld{ID: v.ID, Article: comity.ArticleOriginator,
				Reason: "the record of " + string(v.State) + " does not open with its clear fields", Cure: "ask its contact point to look into it"})
		case v.Text == nil: // its author's keys cannot be reached
			x.Withheld = append(x.Withheld, comity.Withheld{ID: v.ID, Article: comity.ArticleResidency,
				Reason: "the custodian of " + string(v.State) + " cannot be reached just now", Cure: "try again later"})
		case out(v.ID, c.Access.Grant, v.Marking):
			x.Annotations = append(x.Annotations, comity.ExportedAnnotation{ID: v.ID, State: v.State, Record: v.Record, Form: v.Form, Marking: v.Marking,
				CreatedAt: v.CreatedAt, Text: *v.Text, Obligations: c.bind(c.Access.Grant, v.Marking)})
		}
	})
}

// authors tells the states whose annotations a third takes out of a case that it
// did, each of its own: the originator is told of the whole.
func (e *ExportCase) authors(a *attempt) {
	of := map[comity.State]audit.Content{}
	for _, n := range e.Export.Annotations {
		if own := a.who.Officer.State; n.State == own || e.row.State == own {
			continue
		}
		c, ok := of[n.State]
		if !ok {
			c = a.content(a.action)
			c.Purpose, c.Use, c.Article = a.purpose, a.use, a.decision.Article
		}
		c.Records = append(c.Records, audit.Record{ID: string(n.ID), Purpose: e.Purpose})
		of[n.State] = c
	}
	for _, s := range slices.Sorted(maps.Keys(of)) {
		a.apart = append(a.apart, told{s, of[s]})
	}
}

// whole reads all pages of a case's records of one kind.
func whole[T any](c *CaseView, read func([]*CaseView, int, string) (map[comity.ID]Page[T], error), each func(T)) error {
	after := ""
	for n := 0; n < maxExport; {
		pages, err := read([]*CaseView{c}, maxPage, after)
		if err != nil {
			return err
		}
		page := pages[c.ID]
		for _, v := range page.Items {
			each(v)
		}
		if n += len(page.Items); !page.HasNext {
			return nil
		}
		after = page.Cursors.At(page.Cursors.Len() - 1)
	}
	return comity.Invalid("case", fmt.Sprintf("an export holds at most %d records of a kind; read the case page by page", maxExport))
}
