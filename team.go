package comity

import "time"

// StandingGrant is one signed statement by which a state opens to other members of
// a joint team what its officers contribute to the team: for each contribution
// within it there is a grant of its own to each grantee. A joint team is an
// agreement with an end.
type StandingGrant struct {
	ID         ID
	State      State  // whose contributions it opens
	Team       string // id of the agreement
	Liaison    OfficerRef
	Function   string
	Grantees   []Grantee
	Scope      Scope // the widest that it grants
	Grade      Grade
	Assistance string // the mutual-assistance decision, for GradeEvidence
	Caveats    Caveats
	Purpose    Purpose
	NotAfter   time.Time
	CreatedAt  time.Time
	EndedBy    OfficerRef
	EndedAt    time.Time
	Statement  string // the state's signed statement (JWS)
}

// Live reports whether it makes grants at the instant t.
func (s StandingGrant) Live(t time.Time) bool { return s.EndedAt.IsZero() && t.Before(s.NotAfter) }
