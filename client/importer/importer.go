// Package importer reads what agencies already exchange, a STIX 2.1 bundle or a
// MISP core-format event, and gives a neutral draft of a case: observables,
// subjects and entries, each with the id and the marking its producer gave it.
//
// It promises that nothing is lost in silence. An object that a case has no
// place for is listed in [Draft.Skipped]; a broken one stops the import with a
// [*BrokenError] that names it, or with [Options.Partial] is listed in
// [Draft.Broken] while the rest is imported. A restriction that cannot be
// understood makes its object broken rather than unmarked. A confidential source
// is never drafted, nor a sentence about it; sentences call victims, witnesses
// and minors so, and not by name.
//
// The input is hostile until shown otherwise: its size, depth and number of
// objects are limited, and ambiguous JSON (duplicate names, invalid UTF-8) is
// refused.
package importer

import (
	"embed"
	"fmt"
	"io"
	"strings"

	"github.com/comity-platform/comity"
)

// The formats of a [Draft].
const (
	FormatSTIX = "stix-2.1"
	FormatMISP = "misp"
)

// Limits of [Options] when they are 0.
const (
	DefaultMaxBytes   = 32 << 20
	DefaultMaxObjects = 50_000
)

// Options limits a reading. The zero value takes the default limits and refuses
// a document with a broken object.
type Options struct {
	Partial    bool  // import the rest of a document with broken objects
	MaxBytes   int64 // size of the document in bytes
	MaxObjects int   // STIX objects, or MISP attributes in all
}

// Draft is what a document says, in the words of a case.
type Draft struct {
	Format   string // FormatSTIX or FormatMISP
	SourceID string // the bundle's or the event's id
	Title    string
	Summary  string
	Producer string // who made the document, as it says; never a subject for that alone
	Occurred string // ISO 8601 date of what happened, "" when not known
	// Marking is the strictest label stated anywhere in what was imported, so that
	// the case is never handled more freely than a part of it.
	Marking     Marking
	Observables []Observable
	Subjects    []Subject
	Entries     []Entry
	Skipped     []Problem // objects that a case has no place for; not errors
	Broken      []Problem // only with Options.Partial
}

// Marking is the handling that a document states; what it does not state is empty.
type Marking struct {
	TLP       comity.TLP // TLP 1.0 WHITE is read as CLEAR
	PAP       comity.PAP // PAP WHITE is read as CLEAR
	Statement string     // restrictions in words (statements, classification tags), one a line
	// Classification is the highest that tags declare of it as a state secret.
	Classification comity.Classification
}

// Complete fills what m leaves unstated from def. A statement in words becomes
// the handling code H3, whose restrictions are "as the text says".
func (m Marking) Complete(def comity.Marking) comity.Marking {
	if m.TLP != "" {
		def.TLP = m.TLP
	}
	if m.PAP != "" {
		def.PAP = m.PAP
	}
	if m.Statement != "" {
		def.Handling = comity.H3
	}
	return def
}

// Observable is a cyber-observable. Duplicates of a document are merged into one
// that has all their ids, and the strictest of their markings.
type Observable struct {
	// Type is a STIX 2.1 cyber-observable type, an extension's
	// ("cryptocurrency-wallet", "bank-account", "payment-card", "phone-number",
	// "user-agent": the names that STIX tools use), or for detection rules the
	// pattern type with "-pattern", as in "stix-pattern" and "yara-pattern".
	Type   string
	Value  string            // canonical: hosts and hashes in lower case; of a file the name, else its strongest hash
	Hashes map[string]string // by STIX hash algorithm name, lower-case hex
	// SourceIDs are the document's ids of it, never empty. One id may stand at
	// several observables, when an indicator's pattern names several.
	SourceIDs   []string
	Marking     Marking
	ValidFrom   string // RFC 3339, "" when not stated
	Description string
	Indicator   bool // meant for detection (a STIX indicator, MISP's to_ids)

	// Pattern is the indicator's, "" for a plain observable, and for one of the many
	// things of a long pattern, each of which is fully said by its type and value.
	Pattern string
}

// Subject is a person, organisation or account that the document names.
type Subject struct {
	Kind       comity.SubjectKind
	Role       comity.SubjectRole
	Name       string
	Aliases    []string
	Birth      string // partial ISO 8601 date
	Minor      bool   // under 18 when it happened (else today), by the stated date of birth
	Assessment bool   // the producer's assessment, not a fact
	Note       string
	SourceIDs  []string // empty when only a tag names it
	Marking    Marking
}

// Entry is a line for the case's log.
type Entry struct {
	Kind     string // what the document calls it, as in "report", "sighting"
	Happened string // RFC 3339 or ISO 8601 date, "" when not stated
	Text     string
	SourceID string
	Marking  Marking
}

// Problem names one object that was not imported, and why.
type Problem struct {
	Position int    // index in the list that holds it, -1 for the document itself
	Pointer  string // JSON pointer (RFC 6901)
	ID       string // its id, "" when it has none that could be read
	Type     string
	Reason   string
}

// String is "indicator--… (indicator) at /objects/3: reason".
func (p Problem) String() string {
	id := p.ID
	if id == "" {
		id = "an object without a readable id"
	}
	if p.Type != "" {
		id += " (" + p.Type + ")"
	}
	return fmt.Sprintf("%s at %s: %s", id, p.Pointer, p.Reason)
}

// BrokenError says which objects of a document are broken. Nothing was imported.
type BrokenError struct {
	Format   string
	SourceID string
	Problems []Problem // all of them, in the document's order
}

// Error lists the first ten problems; all are in Problems.
func (e *BrokenError) Error() string {
	const shown = 10
	var b strings.Builder
	fmt.Fprintf(&b, "%d broken object(s) in the %s document %s", len(e.Problems), e.Format, e.SourceID)
	for i, p := range e.Problems {
		if i == shown {
			fmt.Fprintf(&b, "; and %d more", len(e.Problems)-shown)
			break
		}
		b.WriteString("; " + p.String())
	}
	return b.String()
}

// Unwrap gives the error's class and cure for programs.
func (e *BrokenError) Unwrap() error {
	return &comity.Error{
		Code:    comity.CodeInvalid,
		Message: "the document has broken objects",
		Cure:    "correct them at their source, or import the rest with --partial",
	}
}

// Read reads one document and detects its format. Errors: a [*BrokenError] for
// broken objects, and a [*comity.Error] of code INVALID or LIMIT for a document
// that is no such document, is ambiguous, or passes a limit.
func Read(r io.Reader, o Options) (*Draft, error) {
	if o.MaxBytes <= 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.MaxObjects <= 0 {
		o.MaxObjects = DefaultMaxObjects
	}
	raw, err := io.ReadAll(io.LimitReader(r, o.MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading the document: %w", err)
	}
	if int64(len(raw)) > o.MaxBytes {
		return nil, limit("the document is larger than %d bytes", o.MaxBytes)
	}
	doc, err := parseJSON(raw)
	if err != nil {
		return nil, err
	}
	b := newBuilder(o)
	if m, ok := doc.(map[string]any); ok && m["type"] == "bundle" {
		err = b.readSTIX(m)
	} else if event, ptr, err2 := findEvent(doc); err2 != nil {
		return nil, err2
	} else if event != nil {
		err = b.readMISP(event, ptr)
	} else {
		return nil, invalid("this is neither a STIX 2.1 bundle nor a MISP event")
	}
	if err != nil {
		return nil, err
	}
	return b.finish()
}

func invalid(format string, args ...any) *comity.Error {
	return comity.Invalid("", fmt.Sprintf(format, args...))
}

func limit(format string, args ...any) *comity.Error {
	return &comity.Error{Code: comity.CodeLimit, Message: fmt.Sprintf(format, args...)}
}

//go:embed testdata/ransomware-misp.json testdata/ransomware-stix.json
var samples embed.FS

// Sample gives a made-up ransomware case against a bank, for demonstrations:
// "ransomware-misp.json" or "ransomware-stix.json"; nil for any other name. Its
// addresses are of the ranges reserved for documentation, its wallet that of
// BIP 173's examples.
func Sample(name string) []byte {
	b, err := samples.ReadFile("testdata/" + name)
	if err != nil {
		return nil
	}
	return b
}
