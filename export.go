package comity

import "time"

// Use is what an export of a case is declared to be for (Article 9).
type Use string

// The uses.
const (
	UseAnalysis      Use = "ANALYSIS"      // to be looked into within the office that reads it
	UseOperational   Use = "OPERATIONAL"   // to found enquiries and measures
	UseCourt         Use = "COURT"         // in judicial proceedings
	UseDissemination Use = "DISSEMINATION" // to others of the own state, within what the labels allow
)

// Valid reports whether u is a use.
func (u Use) Valid() bool {
	return u == UseAnalysis || u == UseOperational || u == UseCourt || u == UseDissemination
}

// Export is what an officer took out of a case for a declared use, with all that
// binds it (Article 9). Its canonical JSON (RFC 8785) is what its SHA-256 is of,
// and what the leaf in the record of acts names.
type Export struct {
	At       time.Time  `json:"at"`
	Officer  OfficerRef `json:"officer"` // who exported it
	Function string     `json:"function"`
	Purpose  Purpose    `json:"purpose,omitempty"` // declared; may be left out at home
	Use      Use        `json:"use"`
	// Level is how much of the case was open to the officer.
	Level       string               `json:"level"`
	Case        ExportedCase         `json:"case"`
	Grants      []ExportedGrant      `json:"grants,omitempty"` // that open it abroad, the widest first
	Entries     []ExportedEntry      `json:"entries,omitempty"`
	Subjects    []ExportedSubject    `json:"subjects,omitempty"`
	Observables []ExportedObservable `json:"observables,omitempty"`
	Exhibits    []ExportedExhibit    `json:"exhibits,omitempty"`
	// Annotations are what other states added and the originator accepted, as far as
	// the officer may see it.
	Annotations []ExportedAnnotation `json:"annotations,omitempty"`
	// Withheld are records that the officer may read, and not for this use.
	Withheld []Withheld `json:"withheld,omitempty"`
}

// ExportedCase is the case of an export. Words that are not open are left out.
type ExportedCase struct {
	ID          ID           `json:"id"`
	State       State        `json:"state"` // the originator
	Agency      AgencyID     `json:"agency"`
	Category    Category     `json:"category"`
	Status      CaseStatus   `json:"status"`
	Marking     Marking      `json:"marking"`
	Nexus       []Nexus      `json:"nexus,omitempty"`
	Version     int          `json:"version,omitempty"`
	CreatedAt   time.Time    `json:"createdAt"`
	Text        *CaseText    `json:"text,omitempty"`
	Obligations []Obligation `json:"obligations"`
}

// ExportedGrant is a grant that opens the case, with what its state signed.
type ExportedGrant struct {
	ID           ID        `json:"id"`
	Scope        Scope     `json:"scope"`
	Grade        Grade     `json:"grade"`
	Assistance   string    `json:"assistance,omitempty"`
	Agreement    string    `json:"agreement"`
	NotAfter     time.Time `json:"notAfter"`
	Statement    string    `json:"statement"`              // JWS of the originator
	Narrowing    string    `json:"narrowing,omitempty"`    // JWS, "" when never narrowed
	Confirmation string    `json:"confirmation,omitempty"` // JWS, "" when none was needed or given
}

// ExportedEntry is a line of the case's log.
type ExportedEntry struct {
	ID          ID           `json:"id"`
	Author      OfficerRef   `json:"author"`
	Marking     Marking      `json:"marking"`
	CreatedAt   time.Time    `json:"createdAt"`
	Text        EntryText    `json:"text"`
	Obligations []Obligation `json:"obligations"`
}

// ExportedSubject is a subject of the case.
type ExportedSubject struct {
	ID          ID           `json:"id"`
	Kind        SubjectKind  `json:"kind"`
	Role        SubjectRole  `json:"role"`
	Minor       bool         `json:"minor,omitempty"`
	Marking     Marking      `json:"marking"`
	CreatedAt   time.Time    `json:"createdAt"`
	Text        SubjectText  `json:"text"`
	Obligations []Obligation `json:"obligations"`
}

// ExportedObservable is an observable of the case.
type ExportedObservable struct {
	ID          ID             `json:"id"`
	Marking     Marking        `json:"marking"`
	CreatedAt   time.Time      `json:"createdAt"`
	Text        ObservableText `json:"text"`
	Obligations []Obligation   `json:"obligations"`
}

// ExportedExhibit is the label of an exhibit, never its bytes.
type ExportedExhibit struct {
	ID          ID             `json:"id"`
	Grant       ID             `json:"grant,omitempty"` // that names it, abroad
	Status      EvidenceStatus `json:"status"`
	MediaType   string         `json:"mediaType"`
	Original    bool           `json:"original,omitempty"`
	Size        int64          `json:"size"`                  // of the plaintext, in bytes
	PlainSHA256 string         `json:"plainSha256,omitempty"` // hex; "" before completion
	Receipt     string         `json:"receipt,omitempty"`     // JWS of the originator
	CreatedAt   time.Time      `json:"createdAt"`
	Text        EvidenceText   `json:"text"`
	Obligations []Obligation   `json:"obligations"`
}

// ExportedAnnotation is what another state added to the case, or to a record in it.
type ExportedAnnotation struct {
	ID          ID           `json:"id"`
	State       State        `json:"state"` // whose it is
	Record      ID           `json:"record"`
	Form        DispatchForm `json:"form"`
	Marking     Marking      `json:"marking"`
	CreatedAt   time.Time    `json:"createdAt"`
	Text        DispatchText `json:"text"` // with the state's statement
	Obligations []Obligation `json:"obligations"`
}

// Withheld is a record that is left out of an export, and why.
type Withheld struct {
	ID      ID      `json:"id"`
	Article Article `json:"article"`
	Reason  string  `json:"reason"`
	Cure    string  `json:"cure,omitempty"`
}
