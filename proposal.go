package comity

import (
	"encoding/json"
	"time"
)

// ProposalStatus is what became of a proposal.
type ProposalStatus string

// The statuses of a proposal. One that nobody decided has lapsed by the clock.
const (
	ProposalProposed ProposalStatus = "PROPOSED" // waits for the second officer
	ProposalApproved ProposalStatus = "APPROVED" // what it proposed was done
	ProposalDeclined ProposalStatus = "DECLINED" // by another officer, or taken back by who made it
	ProposalLapsed   ProposalStatus = "LAPSED"
)

// Proposal is the first half of an act that takes two officers of one state:
// nothing is in force by it.
type Proposal struct {
	ID        ID
	State     State
	Act       string // that both officers sign, as in "grantMake"
	Kind      string // of statement that the second makes of it, as in "grant"
	Role      Role   // whose act it is
	Record    ID     // the case, or the reservation of a category, that it is about
	Target    ID     // of what it would make or change: the grant, the withdrawal, the case
	Officer   OfficerRef
	Function  string
	Status    ProposalStatus // as decided; see [Proposal.StatusAt]
	DecidedBy OfficerRef     // who approved or declined it
	DecidedAt time.Time
	CreatedAt time.Time
	LapsesAt  time.Time
}

// StatusAt is the status at the instant t.
func (p Proposal) StatusAt(t time.Time) ProposalStatus {
	if p.Status == ProposalProposed && !t.Before(p.LapsesAt) {
		return ProposalLapsed
	}
	return p.Status
}

// ProposalText is the sealed part of a proposal.
type ProposalText struct {
	Body      json.RawMessage `json:"body"`      // what both officers sign, canonical JSON
	Statement string          `json:"statement"` // the state's signed proposal (JWS), with the first officer's act
}

// DeclineText is why a proposal was declined, sealed.
type DeclineText struct {
	Reason string `json:"reason"`
}
