package comity

import (
	"regexp"
	"strings"
)

// State is a member state by its ISO 3166-1 alpha-2 code, as in "KZ".
type State string

// Valid reports whether s has the form of a code. Membership is the manifests' word.
func (s State) Valid() bool {
	return len(s) == 2 && s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'A' && s[1] <= 'Z'
}

// AgencyID names an agency within its state, as in "KZ/cyber".
type AgencyID string

var agencyForm = regexp.MustCompile(`^[A-Z]{2}/[a-z][a-z0-9-]{0,62}$`)

// Valid reports whether a has the form of an agency's id.
func (a AgencyID) Valid() bool { return agencyForm.MatchString(string(a)) }

// State returns the state that the agency belongs to.
func (a AgencyID) State() State {
	s, _, _ := strings.Cut(string(a), "/")
	return State(s)
}

// Competence is what an agency may deal with.
type Competence string

// The competences.
const (
	Cybercrime       Competence = "CYBERCRIME"
	CounterTerrorism Competence = "COUNTER_TERRORISM"
)

// Role is what an officer is to the exchange. No role skips an article.
type Role string

// The roles.
const (
	RoleInvestigator Role = "INVESTIGATOR"
	RoleLiaison      Role = "LIAISON"
	RoleAuthority    Role = "AUTHORITY"
	RoleAuditor      Role = "AUDITOR"
)

// Valid reports whether r is a role.
func (r Role) Valid() bool {
	return r == RoleInvestigator || r == RoleLiaison || r == RoleAuthority || r == RoleAuditor
}

// OfficerRef names an officer by state and pseudonym, as in "KZ:li-7q2f". Only
// the officer's own state can resolve it to a person.
type OfficerRef string

var officerForm = regexp.MustCompile(`^[A-Z]{2}:[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

// Valid reports whether o has the form of a reference to an officer.
func (o OfficerRef) Valid() bool { return officerForm.MatchString(string(o)) }

// State returns the officer's state.
func (o OfficerRef) State() State {
	s, _, _ := strings.Cut(string(o), ":")
	return State(s)
}

// Pseudonym returns the part that names the officer within the state.
func (o OfficerRef) Pseudonym() string {
	_, p, _ := strings.Cut(string(o), ":")
	return p
}

// Officer is who asks, as a verified token of the officer's own state says:
// nothing of it is ever taken from the input of an act.
type Officer struct {
	Issuer    string // the OpenID Connect issuer, one of the state's manifest
	Subject   string // the issuer's name of the officer; never shown abroad
	State     State
	Agency    AgencyID
	Role      Role
	Function  string // shown abroad, as in "Liaison officer"
	Pseudonym string // shown abroad
}

// Ref returns the name under which the officer appears in records and abroad.
func (o Officer) Ref() OfficerRef { return OfficerRef(string(o.State) + ":" + o.Pseudonym) }

// Viewers returns the three keys under which something can be visible to the
// officer: the state, the agency and the officer in person.
func (o Officer) Viewers() [3]string {
	return [3]string{string(o.State), string(o.Agency), string(o.Ref())}
}
