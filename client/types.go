package client

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/comity-platform/comity"
)

// The types of this file are what the API answers. Their JSON is that of the
// API, so that a program reads the same names from both. A field that an
// Article withholds is zero; a record's Access says which and why.

// Page is one page of a list.
type Page[T any] struct {
	Nodes []T      `json:"nodes"`
	Info  PageInfo `json:"pageInfo"`
	Total *int     `json:"totalCount,omitempty"` // capped at 1000; nil where a list is not counted
}

// PageInfo tells where a page ends. The cursor belongs to its viewer, list and filter.
type PageInfo struct {
	HasNext bool   `json:"hasNextPage"`
	End     string `json:"endCursor,omitempty"`
}

// MaxPage is the most that a list gives at once.
const MaxPage = 100

// All gathers all pages of a list, given the method that fetches one.
func All[T any](page func(first int, after string) (Page[T], error)) ([]T, error) {
	var all []T
	for after := ""; ; {
		p, err := page(MaxPage, after)
		if err != nil {
			return nil, err
		}
		all = append(all, p.Nodes...)
		if !p.Info.HasNext {
			return all, nil
		}
		if p.Info.End == "" || p.Info.End == after {
			return nil, fmt.Errorf("client: the list says that it goes on, but not where")
		}
		after = p.Info.End
	}
}

// Officer is who the token says that the viewer is.
type Officer struct {
	Ref      comity.OfficerRef `json:"ref"`
	State    comity.State      `json:"state"`
	Agency   comity.AgencyID   `json:"agency"`
	Role     comity.Role       `json:"role"`
	Function string            `json:"function"`
}

// Category is a kind of crime that the union deals with.
type Category struct {
	Code            comity.Category   `json:"code"`
	Title           string            `json:"title"`
	Competence      comity.Competence `json:"competence"`
	NeutralityProne bool              `json:"neutralityProne"` // needs a recorded assessment before the first grant (Article 5)
}

// Access says how much of a case is open and why the rest is not.
type Access struct {
	Level      string      `json:"level"` // OWN, FULL, SUMMARY, EXHIBITS, ENDED or NONE
	Grant      *Grant      `json:"grant,omitempty"`
	Redactions []Redaction `json:"redactions,omitempty"`
	// Obligations are what binds the use of what is open (Article 9).
	Obligations []comity.Obligation `json:"obligations,omitempty"`
}

// Redaction is a field that is withheld from a viewer who may see the record.
type Redaction struct {
	Field       string         `json:"field"` // "*" for all
	Article     comity.Article `json:"article"`
	ArticleName string         `json:"articleName"`
	Reason      string         `json:"reason"`
	Cure        string         `json:"cure,omitempty"`
}

// Case is a case as the viewer may see it.
type Case struct {
	ID             comity.ID             `json:"id"`
	State          comity.State          `json:"state"`
	Agency         comity.AgencyID       `json:"agency,omitempty"`
	Owner          comity.OfficerRef     `json:"owner,omitempty"`
	Category       comity.Category       `json:"category,omitempty"`
	Status         comity.CaseStatus     `json:"status,omitempty"`
	Marking        *comity.Marking       `json:"marking,omitempty"`
	Nexus          []comity.Nexus        `json:"nexus,omitempty"`
	Reserved       bool                  `json:"reserved,omitempty"`
	Version        int                   `json:"version,omitempty"`
	CreatedAt      time.Time             `json:"createdAt,omitzero"`
	UpdatedAt      time.Time             `json:"updatedAt,omitzero"`
	Title          string                `json:"title,omitempty"`
	Summary        string                `json:"summary,omitempty"`
	Narrative      string                `json:"narrative,omitempty"`
	Reference      string                `json:"reference,omitempty"`
	Classification comity.Classification `json:"classification,omitempty"` // declared of the words
	Access         Access                `json:"access"`
	Assignees      []string              `json:"assignees,omitempty"` // officers by reference, offices by role
	Releases       []Release             `json:"releases,omitempty"`  // of own cases, from [Client.Case] only
	// Assessments of its predominant character, of own cases, from [Client.Case] only.
	Assessments []Assessment `json:"assessments,omitempty"`
}

// Entry is a dated line of a case's log.
type Entry struct {
	ID             comity.ID             `json:"id"`
	Case           comity.ID             `json:"case"`
	Author         comity.OfficerRef     `json:"author,omitempty"`
	Marking        comity.Marking        `json:"marking"`
	CreatedAt      time.Time             `json:"createdAt"`
	Happened       string                `json:"happened,omitempty"` // partial ISO 8601
	Text           string                `json:"text"`
	Classification comity.Classification `json:"classification,omitempty"` // declared of the words

	Obligations []comity.Obligation `json:"obligations,omitempty"`
}

// SubjectName is a name in one script, with its transliteration.
type SubjectName struct {
	Name   string `json:"name"`
	Script string `json:"script,omitempty"`
	Latin  string `json:"latin,omitempty"`
	Alias  bool   `json:"alias,omitempty"`
}

// Subject is a person, organisation or account of a case.
type Subject struct {
	ID             comity.ID             `json:"id"`
	Case           comity.ID             `json:"case"`
	Kind           comity.SubjectKind    `json:"kind"`
	Role           comity.SubjectRole    `json:"role"`
	Minor          bool                  `json:"minor"`
	Marking        comity.Marking        `json:"marking"`
	CreatedAt      time.Time             `json:"createdAt"`
	Names          []SubjectName         `json:"names"`
	Birth          string                `json:"birth,omitempty"`
	Nationality    comity.State          `json:"nationality,omitempty"`
	Identifier     string                `json:"identifier,omitempty"`
	Assessment     bool                  `json:"assessment"`
	Source         comity.SourceGrade    `json:"source,omitempty"`
	Information    InformationGrade      `json:"information,omitempty"`
	Note           string                `json:"note,omitempty"`
	Classification comity.Classification `json:"classification,omitempty"` // declared of the words

	Obligations []comity.Obligation `json:"obligations,omitempty"`
}

// Hash is a hash of what an observable names, by its STIX algorithm name.
type Hash struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"value"`
}

// Observable is a cyber-observable of a case.
type Observable struct {
	ID             comity.ID             `json:"id"`
	Case           comity.ID             `json:"case"`
	Marking        comity.Marking        `json:"marking"`
	CreatedAt      time.Time             `json:"createdAt"`
	Type           string                `json:"type"`
	Value          string                `json:"value"`
	Hashes         []Hash                `json:"hashes,omitempty"`
	SourceIDs      []string              `json:"sourceIds,omitempty"`
	Indicator      bool                  `json:"indicator"`
	Pattern        string                `json:"pattern,omitempty"`
	ValidFrom      string                `json:"validFrom,omitempty"`
	Description    string                `json:"description,omitempty"`
	Source         comity.SourceGrade    `json:"source,omitempty"`
	Information    InformationGrade      `json:"information,omitempty"`
	Classification comity.Classification `json:"classification,omitempty"` // declared of the words

	Obligations []comity.Obligation `json:"obligations,omitempty"`
}

// InformationGrade is [comity.InformationGrade], which the API spells ONE to
// FOUR since GraphQL has no names that begin with a digit.
type InformationGrade comity.InformationGrade

var gradeNames = []string{"ONE", "TWO", "THREE", "FOUR"}

// MarshalText gives the API's spelling.
func (g InformationGrade) MarshalText() ([]byte, error) {
	if i := slices.Index(comity.InformationGrades, comity.InformationGrade(g)); i >= 0 {
		return []byte(gradeNames[i]), nil
	}
	return nil, comity.Invalid("information", "information grades are 1, 2, 3 and 4")
}

// UnmarshalText reads the API's spelling, or the grade's own number.
func (g *InformationGrade) UnmarshalText(b []byte) error {
	i := slices.Index(gradeNames, string(b))
	if i < 0 {
		i = slices.Index(comity.InformationGrades, comity.InformationGrade(b))
	}
	if i < 0 {
		return fmt.Errorf("client: %.20q is no information grade", b)
	}
	*g = InformationGrade(comity.InformationGrades[i])
	return nil
}

// Evidence is an exhibit as the viewer may see it.
type Evidence struct {
	ID             comity.ID             `json:"id"`
	Case           comity.ID             `json:"case"`
	State          comity.State          `json:"state"`
	Status         comity.EvidenceStatus `json:"status"`
	MediaType      string                `json:"mediaType"`
	Original       bool                  `json:"original"`
	Size           int64                 `json:"size"` // plaintext bytes
	Name           string                `json:"name"`
	Note           string                `json:"note,omitempty"`
	ClaimMD5       string                `json:"claimMd5,omitempty"`
	ClaimSHA1      string                `json:"claimSha1,omitempty"`
	Classification comity.Classification `json:"classification,omitempty"` // declared of the words
	Header         []byte                `json:"header"`
	HeaderHash     string                `json:"headerHash"`
	Root           string                `json:"root,omitempty"`
	PlainSHA256    string                `json:"plainSha256,omitempty"`
	Receipt        string                `json:"receipt,omitempty"`
	Grant          comity.ID             `json:"grant,omitempty"` // under which a foreign viewer may open it
	CreatedAt      time.Time             `json:"createdAt,omitzero"`
	CompletedAt    time.Time             `json:"completedAt,omitzero"`
	Parts          []EvidencePart        `json:"parts,omitempty"`   // from [Client.Evidence] only
	Custody        []CustodyEvent        `json:"custody,omitempty"` // from [Client.Evidence] only
	Obligations    []comity.Obligation   `json:"obligations,omitempty"`
	// Check says whether the state's receipt holds and is one of an exhibit of
	// this name, type, size and hash; of an exhibit that is uploading there is none.
	Check Check `json:"check"`
}

// EvidencePart is one part as the receipt records it, numbered from 1.
type EvidencePart struct {
	Number int    `json:"number"`
	Size   int64  `json:"size"`   // ciphertext bytes
	SHA256 string `json:"sha256"` // hex, of the ciphertext
	Nonce  []byte `json:"nonce,omitempty"`
}

// CustodyEvent is one link of an exhibit's chain of custody.
type CustodyEvent struct {
	ID       comity.ID          `json:"id"`
	Kind     comity.CustodyKind `json:"kind"`
	Actor    comity.OfficerRef  `json:"actor"`
	Function string             `json:"function"`
	State    comity.State       `json:"state"`
	Purpose  comity.Purpose     `json:"purpose,omitempty"`
	Grant    comity.ID          `json:"grant,omitempty"`
	Hash     string             `json:"hash,omitempty"`
	Act      string             `json:"act,omitempty"`
	Chain    string             `json:"chain"`
	At       time.Time          `json:"at"`
	Check    Check              `json:"check"` // of link and signed act
}

// RequestObservable is an observable as a request describes it.
type RequestObservable struct {
	Type        string `json:"type"`
	Value       string `json:"value"`
	Description string `json:"description,omitempty"`
}

// Request is a request as one side sees it.
type Request struct {
	ID             comity.ID             `json:"id"`
	State          comity.State          `json:"state"`
	Agency         comity.AgencyID       `json:"agency"`
	Officer        comity.OfficerRef     `json:"officer"`
	To             comity.State          `json:"to"`
	RoutedTo       comity.AgencyID       `json:"routedTo,omitempty"`
	Kind           comity.RequestKind    `json:"kind"`
	Urgency        comity.Urgency        `json:"urgency"`
	Category       comity.Category       `json:"category"`
	Purpose        comity.Purpose        `json:"purpose"`
	Status         comity.RequestStatus  `json:"status"`
	Ground         comity.Ground         `json:"ground,omitempty"`
	Marking        comity.Marking        `json:"marking"`
	Version        int                   `json:"version"`
	CreatedAt      time.Time             `json:"createdAt"`
	UpdatedAt      time.Time             `json:"updatedAt"`
	DueAt          time.Time             `json:"dueAt,omitzero"`
	Overdue        bool                  `json:"overdue"`
	PostponedTo    time.Time             `json:"postponedTo,omitzero"`
	Title          string                `json:"title,omitempty"`
	Facts          string                `json:"facts,omitempty"`
	Record         string                `json:"record,omitempty"`
	Feedback       string                `json:"feedback,omitempty"`
	Observables    []RequestObservable   `json:"observables,omitempty"`
	FromReference  string                `json:"fromReference,omitempty"`
	Classification comity.Classification `json:"classification,omitempty"` // declared of the words
	ToReference    string                `json:"toReference,omitempty"`
	OnwardTo       comity.State          `json:"onwardTo,omitempty"` // the third state of onward sharing
	Grant          comity.ID             `json:"grant,omitempty"`    // with it, the one under which the asking side reads
	Refusal        *Refusal              `json:"refusal,omitempty"`

	Escalation *Escalation `json:"escalation,omitempty"` // shown in the asked state
	// Contact is shown to the asking side once the clock has run out, from
	// [Client.Request] only.
	Contact *DutyContact `json:"contact,omitempty"`
}

// Refusal is a state's signed refusal of a request.
type Refusal struct {
	ID        comity.ID     `json:"id"`
	Ground    comity.Ground `json:"ground"`
	Statement string        `json:"statement"`
	CreatedAt time.Time     `json:"createdAt"`
	Check     Check         `json:"check"`
}

// Message is a piece of correspondence on a request.
type Message struct {
	ID             comity.ID             `json:"id"`
	Request        comity.ID             `json:"request"`
	State          comity.State          `json:"state"`
	Author         comity.OfficerRef     `json:"author"`
	Function       string                `json:"function"`
	CreatedAt      time.Time             `json:"createdAt"`
	Text           string                `json:"text,omitempty"`
	Classification comity.Classification `json:"classification,omitempty"` // declared of the words
}

// Grant is a grant as one side sees it.
type Grant struct {
	ID             comity.ID          `json:"id"`
	Case           comity.ID          `json:"case"`
	State          comity.State       `json:"state"`
	Liaison        comity.OfficerRef  `json:"liaison,omitempty"`
	Function       string             `json:"function,omitempty"`
	GranteeState   comity.State       `json:"granteeState"`
	GranteeAgency  comity.AgencyID    `json:"granteeAgency,omitempty"`
	GranteeOfficer comity.OfficerRef  `json:"granteeOfficer,omitempty"`
	Scope          comity.Scope       `json:"scope,omitempty"`
	Exhibits       []comity.ID        `json:"exhibits,omitempty"`
	Subjects       []comity.ID        `json:"subjects,omitempty"` // victims, witnesses and minors who are named
	Grade          comity.Grade       `json:"grade,omitempty"`
	Assistance     string             `json:"assistance,omitempty"`
	Caveats        *comity.Caveats    `json:"caveats,omitempty"`
	Purpose        comity.Purpose     `json:"purpose,omitempty"`
	Agreement      string             `json:"agreement,omitempty"`
	Release        comity.ID          `json:"release,omitempty"`
	Request        comity.ID          `json:"request,omitempty"`
	NotBefore      time.Time          `json:"notBefore,omitzero"`
	NotAfter       time.Time          `json:"notAfter,omitzero"`
	Status         comity.GrantStatus `json:"status"`
	Live           bool               `json:"live"`
	EndedAt        time.Time          `json:"endedAt,omitzero"`
	Version        int                `json:"version,omitempty"`
	CreatedAt      time.Time          `json:"createdAt,omitzero"`
	Statement      string             `json:"statement,omitempty"` // of the grant as it was made (JWS)
	Narrowing      string             `json:"narrowing,omitempty"` // the latest narrowing (JWS), "" when never narrowed
	Second         comity.OfficerRef  `json:"second,omitempty"`    // who approved it, where two liaisons made it
	ActingFor      comity.OfficerRef  `json:"actingFor,omitempty"` // whose mandate a deputy made it under; shown at home
	// Emergency: made in danger to life by one liaison. It ends 72 hours after it
	// was made, unless another one has confirmed it.
	Emergency    bool   `json:"emergency,omitempty"`
	Confirmation string `json:"confirmation,omitempty"` // of that (JWS)
	// Standing is the standing grant that it was made under, shown at home.
	Standing comity.ID `json:"standing,omitempty"`
	// Objections of its recipient, from [Client.Grant] only.
	Objections []Objection `json:"objections,omitempty"`
	Check      Check       `json:"check"`
}

// Check is what came of verifying on receipt, most often a statement of a state.
// The zero value says that there was nothing to verify.
type Check struct{ err error }

// Verified reports whether there was a statement and it held.
func (c Check) Verified() bool { return c.err == errNone }

// Err says why the statement does not hold, nil when it does or there is none.
func (c Check) Err() error {
	if c.err == errNone {
		return nil
	}
	return c.err
}

// String is "verified", "" without a statement, or what is wrong.
func (c Check) String() string {
	switch {
	case c.err == nil:
		return ""
	case c.err == errNone:
		return "verified"
	}
	return c.err.Error()
}

// MarshalText gives [Check.String].
func (c Check) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText refuses nothing and believes nothing: what a server says of a
// check that is the client's own is no check.
func (c *Check) UnmarshalText([]byte) error { return nil }

// Release is a recorded release decision.
type Release struct {
	ID        comity.ID         `json:"id"`
	Case      comity.ID         `json:"case"`
	Officer   comity.OfficerRef `json:"officer"`
	Decider   comity.Decider    `json:"decider"`
	Reference string            `json:"reference,omitempty"`
	Grantee   comity.State      `json:"grantee,omitempty"` // "" of a contribution
	Scope     comity.Scope      `json:"scope"`
	Exhibits  []comity.ID       `json:"exhibits,omitempty"`
	Subjects  []comity.ID       `json:"subjects,omitempty"`
	Purpose   comity.Purpose    `json:"purpose"`
	NotAfter  time.Time         `json:"notAfter"`
	CreatedAt time.Time         `json:"createdAt"`

	WithdrawnBy comity.OfficerRef `json:"withdrawnBy,omitempty"`
	WithdrawnAt time.Time         `json:"withdrawnAt,omitzero"`

	// Of a contribution to a joint team: the agreement that sets the team up, and the
	// state's statement (JWS).
	Team      string `json:"team,omitempty"`
	Statement string `json:"statement,omitempty"`
}

// Live reports whether the decision carries a grant at the instant t.
func (r Release) Live(t time.Time) bool { return r.WithdrawnAt.IsZero() && t.Before(r.NotAfter) }

// Mandate is a liaison's dated authority.
type Mandate struct {
	ID        comity.ID         `json:"id"`
	Liaison   comity.OfficerRef `json:"liaison"`
	GivenBy   comity.OfficerRef `json:"givenBy"`
	NotBefore time.Time         `json:"notBefore"`
	NotAfter  time.Time         `json:"notAfter"`
	EndedAt   time.Time         `json:"endedAt,omitzero"`
	Live      bool              `json:"live"`

	Deputies []comity.OfficerRef `json:"deputies,omitempty"` // who act under it too
	Ceiling  Ceiling             `json:"ceiling"`
}

// Ceiling is how far grants under a mandate go; what is zero has no bound.
type Ceiling struct {
	TLP        comity.TLP        `json:"tlp,omitempty"` // the strictest label of what is granted
	Scope      comity.Scope      `json:"scope,omitempty"`
	Grade      comity.Grade      `json:"grade,omitempty"`
	Categories []comity.Category `json:"categories,omitempty"`
	Term       int64             `json:"term,omitempty"` // longest of a grant, in seconds
}

// decode reads JSON of the API. Unknown members are no error: a newer server
// may say more.
func decode(b []byte, to any) error { return json.Unmarshal(b, to) }
