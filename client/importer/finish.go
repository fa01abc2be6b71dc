package importer

import "strings"

// finish decides over the broken objects, takes the names of confidential
// sources and of protected subjects out of every text, and sums the markings up.
func (b *builder) finish() (*Draft, error) {
	d := &b.draft
	if b.excess != nil {
		return nil, b.excess
	}
	if len(b.broken) > 0 && !b.Partial {
		return nil, &BrokenError{Format: d.Format, SourceID: d.SourceID, Problems: b.broken}
	}
	d.Broken = b.broken
	b.withhold()
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
			Marking: Marking{TLP: d.Marking.TLP, PAP: d.Marking.PAP, Classification: d.Marking.Classification}})
	}
	b.redact()
	return d, nil
}
