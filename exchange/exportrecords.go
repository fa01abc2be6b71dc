package exchange

import (
	"encoding/hex"
	"fmt"

	"github.com/comity-platform/comity"
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
	return whole(c, r.Evidence, func(v EvidenceView) {
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
		after = page.Cursors[len(page.Cursors)-1]
	}
	return comity.Invalid("case", fmt.Sprintf("an export holds at most %d records of a kind; read the case page by page", maxExport))
}
