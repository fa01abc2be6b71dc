package comity

import (
	"slices"
	"time"
)

// Scope is how much of a case a grant opens. Exhibits are opened by name only.
type Scope string

// The scopes.
const (
	ScopeSummary  Scope = "SUMMARY"  // title, summary and clear fields
	ScopeFull     Scope = "FULL"     // also narrative, entries, observables and subjects: protected ones that are named
	ScopeExhibits Scope = "EXHIBITS" // clear fields and the named exhibits only
)

// Rank orders scopes by how much they open, -1 when s is none.
func (s Scope) Rank() int { return slices.Index([]Scope{ScopeExhibits, ScopeSummary, ScopeFull}, s) }

// Grade is what the grantee may use the information as.
type Grade string

// The grades.
const (
	GradeIntelligence Grade = "INTELLIGENCE" // may inform, may not be cited
	GradeLead         Grade = "LEAD"         // may found enquiries
	GradeEvidence     Grade = "EVIDENCE"     // may be used in proceedings; names the mutual-assistance decision
)

// Rank orders grades by what they may be used as, -1 when g is none.
func (g Grade) Rank() int {
	return slices.Index([]Grade{GradeIntelligence, GradeLead, GradeEvidence}, g)
}

// GrantStatus is whether a grant was ended before its term.
type GrantStatus string

// The statuses of a grant. Term is judged apart, by the clock.
const (
	GrantPending GrantStatus = "PENDING" // logged, not yet in the custodian's register: opens nothing
	GrantActive  GrantStatus = "ACTIVE"
	GrantRevoked GrantStatus = "REVOKED"
	GrantEnded   GrantStatus = "ENDED" // by a reservation, or too late for the register; does not revive
)

// Grantee is to whom a grant is made: a state, one of its agencies, or one officer.
type Grantee struct {
	State   State      `json:"state"`
	Agency  AgencyID   `json:"agency,omitempty"`
	Officer OfficerRef `json:"officer,omitempty"`
}

// Viewer is the key under which the grantee's officers find it (see [Officer.Viewers]).
func (g Grantee) Viewer() string {
	switch {
	case g.Officer != "":
		return string(g.Officer)
	case g.Agency != "":
		return string(g.Agency)
	}
	return string(g.State)
}

// Covers reports whether the grant reaches officer o.
func (g Grantee) Covers(o Officer) bool {
	return o.State == g.State && (g.Agency == "" || o.Agency == g.Agency) && (g.Officer == "" || o.Ref() == g.Officer)
}

// Check says which part of the grantee is wrong.
func (g Grantee) Check() error {
	switch {
	case !g.State.Valid():
		return Invalid("state", "a grant names the state it is made to")
	case g.Agency != "" && (!g.Agency.Valid() || g.Agency.State() != g.State):
		return Invalid("agency", "the agency is not one of the grantee state")
	case g.Officer != "" && (!g.Officer.Valid() || g.Officer.State() != g.State):
		return Invalid("officer", "the officer is not one of the grantee state")
	}
	return nil
}

// Caveats bind the use of what a grant opens (Article 9).
type Caveats struct {
	Marking Marking `json:"marking"`
	Text    string  `json:"text,omitempty"`
}

// Grant opens one case of the originator to a grantee, for one purpose and a term.
type Grant struct {
	ID         ID
	Case       ID
	State      State // the originator
	Liaison    OfficerRef
	Function   string
	Grantee    Grantee
	Scope      Scope
	Exhibits   []ID
	Subjects   []ID // victims, witnesses and minors who are named; others stay closed (see [Subject.Protected])
	Grade      Grade
	Assistance string // the mutual-assistance decision, for GradeEvidence
	Caveats    Caveats
	Purpose    Purpose
	Agreement  string // id of the agreement that is the legal basis
	Release    ID     // the release decision it rests on
	Request    ID     // the request it answers, "" when unasked
	NotBefore  time.Time
	NotAfter   time.Time
	Status     GrantStatus
	EndedAt    time.Time
	Version    int
	CreatedAt  time.Time
	Statement  string // the state's signed statement of the grant as it was made (JWS)
	Narrowing  string // its latest statement of a narrowing, "" when never narrowed
	// AgreementHash is the hash of the agreement's text when the grant was made, with
	// its ratification where a denunciation ends grants, as the statement says; "" where the row is older than this field.
	AgreementHash string

	Second OfficerRef // the liaison who approved it, "" when one alone made it
	// ActingFor is the liaison whose mandate it was made under, by a deputy; ""
	// when it was the liaison's own.
	ActingFor OfficerRef
	// Emergency: made by one liaison in danger to life. Until a second confirms it,
	// NotAfter is at most [EmergencyAge] after it was made.
	Emergency bool
	// Standing is the standing grant to a joint team that it was made under, ""
	// where it stands by itself. It ends with that and with its Release.
	Standing     ID
	Confirmation string // the state's statement that a second liaison confirmed it (JWS), "" while none did
}

// EmergencyAge is how long what one liaison alone granted in danger to life runs
// at most, unless a second confirms it (Article 8).
const EmergencyAge = 72 * time.Hour

// Live reports whether the grant opens anything at the instant t.
func (g Grant) Live(t time.Time) bool {
	return g.Status == GrantActive && !t.Before(g.NotBefore) && t.Before(g.NotAfter)
}

// Decider is who took a release decision.
type Decider string

// The deciders.
const (
	DeciderOwner      Decider = "OWNER"
	DeciderProsecutor Decider = "PROSECUTOR"
	DeciderCourt      Decider = "COURT"
)

// Release is the recorded decision of a case's owner (or of a prosecutor or
// court) that it may be released; without one no liaison grants (Article 8).
type Release struct {
	ID        ID
	Case      ID
	State     State
	Officer   OfficerRef // who recorded it
	Decider   Decider
	Reference string // of the prosecutor's or court's decision
	Grantee   State  // "" of a contribution
	Scope     Scope  // the widest that is released
	Exhibits  []ID
	Subjects  []ID // victims, witnesses and minors whom a grant may name
	Purpose   Purpose
	NotAfter  time.Time
	CreatedAt time.Time

	// Who took it back, and when: nothing more is granted on it then. What was
	// granted on it runs on, unless it was contributed.
	WithdrawnBy OfficerRef
	WithdrawnAt time.Time

	// Of a contribution to a joint team (see [StandingGrant]): the agreement that
	// sets it up, and the state's statement (JWS). Withdrawing it ends what was
	// granted on it.
	Team      string
	Statement string
}

// Live reports whether grants can rest on the release at the instant t.
func (r Release) Live(t time.Time) bool { return r.WithdrawnAt.IsZero() && t.Before(r.NotAfter) }

// Refusal is a state's signed refusal of a request.
type Refusal struct {
	ID        ID
	Request   ID
	State     State // that refuses
	Ground    Ground
	Statement string
	CreatedAt time.Time
}

// Mandate is a liaison's dated authority, given by the state's authority.
type Mandate struct {
	ID        ID
	State     State
	Liaison   OfficerRef
	GivenBy   OfficerRef
	NotBefore time.Time
	NotAfter  time.Time
	EndedAt   time.Time
	CreatedAt time.Time

	// Deputies are liaisons who act under the mandate when its liaison is away;
	// their authority begins and ends with it.
	Deputies []OfficerRef
	Ceiling  Ceiling
}

// Ceiling bounds what may be granted under a mandate; zero fields do not.
type Ceiling struct {
	TLP        TLP           `json:"tlp,omitempty"` // the strictest label of what is granted
	Scope      Scope         `json:"scope,omitempty"`
	Grade      Grade         `json:"grade,omitempty"`
	Categories []Category    `json:"categories,omitempty"`
	Term       time.Duration `json:"term,omitempty"` // longest of a grant, from its making or its beginning
}

// Live reports whether the mandate holds at the instant t.
func (m Mandate) Live(t time.Time) bool {
	return m.EndedAt.IsZero() && !t.Before(m.NotBefore) && t.Before(m.NotAfter)
}

// Check says which part of the ceiling is wrong.
func (c Ceiling) Check() error {
	switch {
	case c.TLP != "" && c.TLP.Rank() < 0:
		return Invalid("tlp", "this is not a TLP 2.0 label")
	case c.Scope != "" && c.Scope.Rank() < 0:
		return Invalid("scope", "the scopes are EXHIBITS, SUMMARY and FULL")
	case c.Grade != "" && c.Grade.Rank() < 0:
		return Invalid("grade", "the grades are INTELLIGENCE, LEAD and EVIDENCE")
	case c.Term < 0:
		return Invalid("term", "a term lies ahead; leave it out for no bound")
	}
	return nil
}

// Allows reports whether a grant of a case of the category stays within c.
func (c Ceiling) Allows(category Category, tlp TLP, s Scope, g Grade, term time.Duration) bool {
	return (c.TLP == "" || tlp.Rank() <= c.TLP.Rank()) && (c.Scope == "" || s.Rank() <= c.Scope.Rank()) &&
		(c.Grade == "" || g.Rank() <= c.Grade.Rank()) && (len(c.Categories) == 0 || slices.Contains(c.Categories, category)) &&
		(c.Term == 0 || term <= c.Term)
}
