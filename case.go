package comity

import "time"

// Category is the kind of crime of a case, from the union's configured list.
type Category string

// Formed reports whether c has the form of a code: capitals, digits and
// underscores, at most 64. It need not be on the union's list.
func (c Category) Formed() bool {
	for _, r := range c {
		if (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' {
			return false
		}
	}
	return c != "" && len(c) <= 64
}

// CaseStatus tells whether a case is worked on.
type CaseStatus string

// The statuses of a case.
const (
	CaseOpen   CaseStatus = "OPEN"
	CaseClosed CaseStatus = "CLOSED"
	// CaseWithdrawn: its key is destroyed, and its words and exhibits open to
	// nobody any more (Article 11). What is left says that there was a case.
	CaseWithdrawn CaseStatus = "WITHDRAWN"
)

// NexusBasis is on what ground a state claims jurisdiction over a case, or how
// the case touches another state (Articles 3 and 6).
type NexusBasis string

// The bases.
const (
	NexusTerritory NexusBasis = "TERRITORY"
	NexusNationals NexusBasis = "NATIONALS"
	NexusEffects   NexusBasis = "EFFECTS"
)

// Valid reports whether b is a basis.
func (b NexusBasis) Valid() bool {
	return b == NexusTerritory || b == NexusNationals || b == NexusEffects
}

// Nexus is one link of a case to a state. Naming another state's territory is
// no act upon it (Article 3).
type Nexus struct {
	Basis NexusBasis `json:"basis"`
	State State      `json:"state"`
}

// Case is the clear part of a case, of one originator state for ever (Article 1).
// Its words are in [CaseText], sealed at rest.
type Case struct {
	ID       ID
	State    State    // the originator
	Agency   AgencyID // that filed it
	Owner    OfficerRef
	Category Category
	Status   CaseStatus
	Marking  Marking
	Nexus    []Nexus
	Reserved bool     // a domestic matter withdrawn from sharing (Article 4)
	Assessed Assessed // its predominant character (Article 5)
	Version  int      // counts every change; begins at 1
	// VersionAbroad and UpdatedAbroad count only changes that full scope shows,
	// so that activity on hidden parts betrays nothing abroad (Article 12).
	VersionAbroad int
	CreatedAt     time.Time
	UpdatedAt     time.Time
	UpdatedAbroad time.Time
	// ListedAbroad is the last change of the clear fields, which grantees of
	// every scope see: lists abroad go by it, and tell nothing of the rest.
	ListedAbroad time.Time
}

// CaseText is the sealed part of a case.
type CaseText struct {
	Title     string `json:"title"`
	Summary   string `json:"summary,omitempty"`
	Narrative string `json:"narrative,omitempty"`
	Reference string `json:"reference,omitempty"` // the originator's own file number; never shown abroad

	Classification Classification `json:"classification,omitempty"` // declared of the words
}

// Entry is a dated line of a case's log.
type Entry struct {
	ID        ID
	Case      ID
	State     State
	Author    OfficerRef
	Marking   Marking
	CreatedAt time.Time
}

// EntryText is the sealed part of an entry.
type EntryText struct {
	Happened string `json:"happened,omitempty"` // partial ISO 8601 date or time: 2026, 2026-11, 2026-11-22, RFC 3339
	Text     string `json:"text"`

	Classification Classification `json:"classification,omitempty"` // declared of the words
}

// SourceGrade grades a source in the manner of the 4x4 system: A reliable
// without doubt, B mostly reliable, C mostly unreliable, X not assessable.
type SourceGrade string

// InformationGrade grades a piece of information: 1 known true to the officer,
// 2 known to the source personally, 3 hearsay corroborated, 4 not corroborated.
type InformationGrade string

// The grades that the exchange takes.
var (
	SourceGrades      = []SourceGrade{"A", "B", "C", "X"}
	InformationGrades = []InformationGrade{"1", "2", "3", "4"}
)

// SubjectKind is what a subject is.
type SubjectKind string

// The kinds of subjects.
const (
	SubjectPerson       SubjectKind = "PERSON"
	SubjectOrganisation SubjectKind = "ORGANISATION"
	SubjectAccount      SubjectKind = "ACCOUNT"
)

// SubjectRole is a subject's part in the case. A confidential source is never
// a subject: there is no role for one.
type SubjectRole string

// The roles of subjects.
const (
	SubjectSuspect   SubjectRole = "SUSPECT"
	SubjectConvicted SubjectRole = "CONVICTED"
	SubjectVictim    SubjectRole = "VICTIM"
	SubjectWitness   SubjectRole = "WITNESS"
	SubjectContact   SubjectRole = "CONTACT"
)

// Subject is the clear part of a person, organisation or account of a case.
type Subject struct {
	ID        ID
	Case      ID
	State     State
	Kind      SubjectKind
	Role      SubjectRole
	Minor     bool
	Marking   Marking
	CreatedAt time.Time
}

// Protected reports whether full scope leaves the subject out unless the grant
// names it (victims, witnesses and minors).
func (s Subject) Protected() bool {
	return s.Minor || s.Role == SubjectVictim || s.Role == SubjectWitness
}

// SubjectText is the sealed part of a subject.
type SubjectText struct {
	Names       []SubjectName    `json:"names"`
	Birth       string           `json:"birth,omitempty"` // partial ISO 8601 date
	Nationality State            `json:"nationality,omitempty"`
	Identifier  string           `json:"identifier,omitempty"` // a register's number, an account's name
	Assessment  bool             `json:"assessment"`           // an assessment, not a fact
	Source      SourceGrade      `json:"source,omitempty"`
	Information InformationGrade `json:"information,omitempty"`
	Note        string           `json:"note,omitempty"`

	Classification Classification `json:"classification,omitempty"` // declared of the words
}

// SubjectName is a name in one script (ISO 15924), with its transliteration.
type SubjectName struct {
	Name    string `json:"name"`
	Script  string `json:"script,omitempty"`
	Latin   string `json:"latin,omitempty"` // transliteration into Latin script
	IsAlias bool   `json:"isAlias,omitempty"`
}

// Observable is the clear part of a STIX 2.1 cyber-observable of a case.
type Observable struct {
	ID        ID
	Case      ID
	State     State
	Marking   Marking
	CreatedAt time.Time
}

// ObservableText is the sealed part of an observable.
type ObservableText struct {
	Type        string            `json:"type"` // STIX 2.1 object type, as in "ipv4-addr"
	Value       string            `json:"value"`
	Hashes      map[string]string `json:"hashes,omitempty"` // by STIX hash algorithm name
	SourceIDs   []string          `json:"sourceIds,omitempty"`
	Indicator   bool              `json:"indicator,omitempty"`
	Pattern     string            `json:"pattern,omitempty"`
	ValidFrom   string            `json:"validFrom,omitempty"`
	Description string            `json:"description,omitempty"`
	Source      SourceGrade       `json:"source,omitempty"`
	Information InformationGrade  `json:"information,omitempty"`

	Classification Classification `json:"classification,omitempty"` // declared of the words
}
