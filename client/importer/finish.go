package importer

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// finish decides over the broken objects, sums the markings up and takes the
// names of confidential sources out of every text.
func (b *builder) finish() (*Draft, error) {
	d := &b.draft
	if b.excess != nil {
		return nil, b.excess
	}
	if len(b.broken) > 0 && !b.Partial {
		return nil, &BrokenError{Format: d.Format, SourceID: d.SourceID, Problems: b.broken}
	}
	d.Broken = b.broken
	for _, o := range d.Observables {
		d.Marking = d.Marking.with(o.Marking)
	}
	for _, s := range d.Subjects {
		d.Marking = d.Marking.with(s.Marking)
	}
	for _, e := range d.Entries {
		d.Marking = d.Marking.with(e.Marking)
	}
	// The words of a restriction go into the case's log: records carry labels only.
	if d.Marking.Statement != "" {
		b.entry(Entry{Kind: "marking", Text: "Handling, as the source states it: " +
			strings.ReplaceAll(d.Marking.Statement, "\n", "; "), SourceID: d.SourceID,
			Marking: Marking{TLP: d.Marking.TLP, PAP: d.Marking.PAP}})
	}
	b.redact()
	return d, nil
}

// conceal notes the name of a confidential source.
func (b *builder) conceal(name string) {
	const most = 100
	if name = clean(name); utf8.RuneCountInString(name) < 3 {
		return // it would cut up words that have nothing to do with it
	}
	if len(b.secrets) == most || len(name) > maxValue {
		b.excess = limit("the document names more than %d confidential sources, or one by more than %d bytes", most, maxValue)
		return
	}
	b.secrets = append(b.secrets, regexp.QuoteMeta(name))
}

// redact replaces the names of confidential sources in all texts, since an
// analyst's prose may name one whose record was left out.
func (b *builder) redact() {
	if len(b.secrets) == 0 {
		return
	}
	names := regexp.MustCompile(`(?i)` + strings.Join(b.secrets, "|"))
	cut := func(s *string) { *s = names.ReplaceAllString(*s, "[confidential source]") }
	d := &b.draft
	cut(&d.Title)
	cut(&d.Summary)
	cut(&d.Producer)
	for i := range d.Observables {
		cut(&d.Observables[i].Description)
	}
	for i := range d.Subjects {
		cut(&d.Subjects[i].Note)
	}
	for i := range d.Entries {
		cut(&d.Entries[i].Text)
	}
}
