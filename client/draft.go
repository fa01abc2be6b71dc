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

// Bounds of a case's words in bytes, and of what its records list.
const (
	maxLine    = 500
	maxText    = 64 << 10
	maxNames   = 50
	maxSources = 100
)

// DraftCase is what a document cannot say of the case that is filed from it.
type DraftCase struct {
	Category  comity.Category
	Nexus     []comity.Nexus
	Title     string         // "" for the document's
	Summary   string         // "" for the document's
	Reference string         // the own file number
	Marking   comity.Marking // of what the document leaves unmarked; zero: comity.DefaultMarking

	// Classification is declared of all of it, beside what the document's own tags
	// declare; "" for none. The highest is declared of the case, so that what is above
	// the union's ceiling is refused before any of it is filed.
	Classification comity.Classification
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

// declared is how a record is declared to be classified, "" where nobody says.
func (in DraftCase) declared(m importer.Marking) comity.Classification {
	if in.Classification == "" && m.Classification == "" {
		return ""
	}
	return comity.Highest(in.Classification, m.Classification)
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
		Narrative: provenance(d), Reference: in.Reference, Classification: in.declared(d.Marking)}
	if n.Title == "" {
		n.Title = d.Title
	}
	if n.Title == "" {
		n.Title = d.SourceID
	}
	if n.Summary == "" {
		n.Summary = d.Summary
	}
	if cut := line(n.Title); len(n.Title) > maxLine { // the whole of it stays readable
		n.Title, n.Summary = cut, n.Title+"\n\n"+n.Summary
	} else {
		n.Title = cut
	}
	n.Summary = words(n.Summary)
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
	var observables []NewObservable
	for i, o := range d.Observables {
		if bad := unfit(o); bad != "" {
			filed.Skipped = append(filed.Skipped, importer.Problem{Position: i, Pointer: "", ID: first(o.SourceIDs), Type: o.Type, Reason: bad})
			continue
		}
		kept := observableOf(o, own(o.Marking))
		kept.Classification = in.declared(o.Marking)
		observables = append(observables, kept)
	}
	subjects := make([]NewSubject, len(d.Subjects))
	for i, s := range d.Subjects {
		subjects[i] = subjectOf(s, own(s.Marking))
		subjects[i].Classification = in.declared(s.Marking)
	}
	entries := make([]NewEntry, len(d.Entries))
	for i, e := range d.Entries {
		entries[i] = NewEntry{Marking: own(e.Marking), Happened: e.Happened, Text: words(sourced(e.Kind+": "+e.Text, e.SourceID)),
			Classification: in.declared(e.Marking)}
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

// unfit says why an observable cannot be kept as it is: its value is never altered.
func unfit(o importer.Observable) string {
	for _, v := range append([]string{o.Value, o.Pattern}, slices.Collect(maps.Values(o.Hashes))...) {
		if i := strings.IndexFunc(v, refused); i >= 0 {
			r, _ := utf8.DecodeRuneInString(v[i:])
			return fmt.Sprintf("its value holds the character U+%04X, which the exchange does not take", r)
		}
		if len(v) > maxText {
			return fmt.Sprintf("its value is longer than %d bytes", maxText)
		}
	}
	if err := (comity.ObservableText{Type: o.Type, Value: o.Value, Hashes: o.Hashes}).Check(); err != nil {
		return err.Error() + ", so that the exchange does not take it"
	}
	return ""
}

func first(s []string) string {
	if len(s) == 0 {
		return ""
	}
	return s[0]
}

func observableOf(o importer.Observable, m *comity.Marking) NewObservable {
	n := NewObservable{Marking: m, Type: o.Type, Value: o.Value, Indicator: o.Indicator, Pattern: o.Pattern, ValidFrom: o.ValidFrom, Description: o.Description}
	n.SourceIDs = fit(o.SourceIDs, maxSources, &n.Description)
	n.Description = words(n.Description)
	for _, algorithm := range slices.Sorted(maps.Keys(o.Hashes)) {
		n.Hashes = append(n.Hashes, Hash{algorithm, o.Hashes[algorithm]})
	}
	return n
}

func subjectOf(s importer.Subject, m *comity.Marking) NewSubject {
	n := NewSubject{Kind: s.Kind, Role: s.Role, Minor: s.Minor, Marking: m, Birth: s.Birth, Assessment: s.Assessment,
		Names: []SubjectName{{Name: line(s.Name)}}}
	note := sourced(s.Note, s.SourceIDs...)
	for _, alias := range fit(s.Aliases, maxNames-1, &note) {
		n.Names = append(n.Names, SubjectName{Name: line(alias), Alias: true})
	}
	n.Note = words(note)
	return n
}

// fit keeps what a record lists, and puts the rest into its text.
func fit(list []string, n int, text *string) (kept []string) {
	for i, s := range list {
		if i < n && len(s) <= maxLine && strings.IndexFunc(s, refused) < 0 {
			kept = append(kept, s)
		} else {
			*text = strings.TrimSpace(*text + "\nAlso: " + s)
		}
	}
	return kept
}

// refused tells the characters that the exchange takes in no text: controls
// and those that turn the direction of text.
func refused(r rune) bool {
	return r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

// words makes prose that the exchange takes: what it refuses is shown as U+FFFD.
func words(s string) string {
	return clipTo(strings.Map(func(r rune) rune {
		if refused(r) {
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD")), maxText)
}

// line is words of one line.
func line(s string) string { return clipTo(strings.Join(strings.Fields(words(s)), " "), maxLine) }

// provenance is a case's first paragraph: where it comes from.
func provenance(d *importer.Draft) string {
	s := fmt.Sprintf("Imported from the %s document %s.", d.Format, d.SourceID)
	if d.Producer != "" {
		s += fmt.Sprintf("\nIts producer, as it says: %s.", d.Producer)
	}
	if d.Occurred != "" {
		s += fmt.Sprintf("\nWhat happened is dated %s.", d.Occurred)
	}
	return words(s)
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
