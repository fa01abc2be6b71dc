package client

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client/importer"
)

// Bounds of one call's additions: in number, and in bytes of JSON.
const (
	maxBatch      = 100
	maxBatchBytes = 1 << 20
)

// Bounds of a case's words, in bytes.
const (
	maxLine = 500
	maxText = 64 << 10
)

// DraftCase is what a document cannot say of the case that is filed from it.
type DraftCase struct {
	Category  comity.Category
	Nexus     []comity.Nexus
	Title     string         // "" for the document's
	Summary   string         // "" for the document's
	Reference string         // the own file number
	Marking   comity.Marking // of what the document leaves unmarked; zero: comity.DefaultMarking
}

// Filed is a case that was filed from a document, and what became of the document.
type Filed struct {
	Case        *Case              `json:"case"`
	Observables int                `json:"observables"`
	Subjects    int                `json:"subjects"`
	Entries     int                `json:"entries"`
	Skipped     []importer.Problem `json:"skipped"` // objects that a case has no place for
	Broken      []importer.Problem `json:"broken"`  // with importer.Options.Partial
}

// FileDraft files a case from a document that package importer has read, with
// its observables, subjects and entries. Their own ids and markings are kept;
// what the document leaves unmarked takes the case's marking. When the
// exchange fails midway, Filed says how far it came beside the error.
func (c *Client) FileDraft(ctx context.Context, d *importer.Draft, in DraftCase) (*Filed, error) {
	filed := &Filed{Skipped: d.Skipped, Broken: d.Broken}
	if in.Marking == (comity.Marking{}) {
		in.Marking = comity.DefaultMarking
	}
	marking := d.Marking.Complete(in.Marking)
	n := NewCase{Category: in.Category, Marking: &marking, Nexus: in.Nexus, Title: in.Title, Summary: in.Summary,
		Narrative: provenance(d), Reference: in.Reference}
	if n.Title == "" {
		n.Title = d.Title
	}
	if n.Title == "" {
		n.Title = d.SourceID
	}
	if n.Summary == "" {
		n.Summary = d.Summary
	}
	if cut := clipTo(n.Title, maxLine); cut != n.Title { // the whole of it stays readable
		n.Title, n.Summary = cut, n.Title+"\n\n"+n.Summary
	}
	n.Summary = clipTo(n.Summary, maxText)
	var err error
	if filed.Case, err = c.CaseFile(ctx, n); err != nil {
		return filed, err
	}
	own := func(m importer.Marking) *comity.Marking {
		if m == (importer.Marking{}) {
			return nil
		}
		k := m.Complete(marking)
		return &k
	}
	observables := make([]NewObservable, len(d.Observables))
	for i, o := range d.Observables {
		observables[i] = NewObservable{Marking: own(o.Marking), Type: o.Type, Value: o.Value, SourceIDs: o.SourceIDs, Indicator: o.Indicator,
			Pattern: o.Pattern, ValidFrom: o.ValidFrom, Description: clipTo(o.Description, maxText)}
		for _, algorithm := range slices.Sorted(maps.Keys(o.Hashes)) {
			observables[i].Hashes = append(observables[i].Hashes, Hash{algorithm, o.Hashes[algorithm]})
		}
	}
	subjects := make([]NewSubject, len(d.Subjects))
	for i, s := range d.Subjects {
		subjects[i] = NewSubject{Kind: s.Kind, Role: s.Role, Minor: s.Minor, Marking: own(s.Marking), Birth: s.Birth,
			Assessment: s.Assessment, Note: clipTo(sourced(s.Note, s.SourceIDs...), maxText), Names: []SubjectName{{Name: clipTo(s.Name, maxLine)}}}
		for _, alias := range s.Aliases {
			subjects[i].Names = append(subjects[i].Names, SubjectName{Name: clipTo(alias, maxLine), Alias: true})
		}
	}
	entries := make([]NewEntry, len(d.Entries))
	for i, e := range d.Entries {
		entries[i] = NewEntry{Marking: own(e.Marking), Happened: e.Happened, Text: clipTo(sourced(e.Kind+": "+e.Text, e.SourceID), maxText)}
	}
	if filed.Observables, err = batches(ctx, filed.Case.ID, observables, c.ObservableAdd); err != nil {
		return filed, fmt.Errorf("the case %s was filed, with %d of %d observables: %w", filed.Case.ID, filed.Observables, len(observables), err)
	}
	if filed.Subjects, err = batches(ctx, filed.Case.ID, subjects, c.SubjectAdd); err != nil {
		return filed, fmt.Errorf("the case %s was filed, with %d of %d subjects: %w", filed.Case.ID, filed.Subjects, len(subjects), err)
	}
	if filed.Entries, err = batches(ctx, filed.Case.ID, entries, c.EntryAdd); err != nil {
		return filed, fmt.Errorf("the case %s was filed, with %d of %d entries: %w", filed.Case.ID, filed.Entries, len(entries), err)
	}
	return filed, nil
}

// provenance is a case's first paragraph: where it comes from.
func provenance(d *importer.Draft) string {
	s := fmt.Sprintf("Imported from the %s document %s.", d.Format, d.SourceID)
	if d.Producer != "" {
		s += fmt.Sprintf("\nIts producer, as it says: %s.", d.Producer)
	}
	if d.Occurred != "" {
		s += fmt.Sprintf("\nWhat happened is dated %s.", d.Occurred)
	}
	return clipTo(s, maxText)
}

// sourced adds the document's own ids to a text.
func sourced(text string, ids ...string) string {
	ids = slices.DeleteFunc(slices.Clone(ids), func(s string) bool { return s == "" })
	if len(ids) == 0 {
		return text
	}
	return strings.TrimSpace(text + "\nSource: " + strings.Join(ids, ", "))
}

// clipTo cuts a text to n bytes of whole characters, and shows that it did.
func clipTo(s string, n int) string {
	if len(s) <= n {
		return s
	}
	const mark = "…"
	s = s[:n-len(mark)]
	for len(s) > 0 {
		if r, size := utf8.DecodeLastRuneInString(s); r != utf8.RuneError || size != 1 {
			break
		}
		s = s[:len(s)-1]
	}
	return s + mark
}

// batches adds items in calls that the exchange takes, and counts them.
func batches[T, R any](ctx context.Context, caseID comity.ID, items []T, add func(context.Context, comity.ID, ...T) ([]R, error)) (int, error) {
	added := 0
	for len(items) > 0 {
		n, bytes := 0, 0
		for n < len(items) && n < maxBatch {
			b, err := json.Marshal(items[n])
			if err != nil {
				return added, err
			}
			if bytes += len(b); bytes > maxBatchBytes && n > 0 {
				break
			}
			n++
		}
		if _, err := add(ctx, caseID, items[:n]...); err != nil {
			return added, err
		}
		added += n
		items = items[n:]
	}
	return added, nil
}
