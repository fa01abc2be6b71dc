package storage

import (
	"time"

	"github.com/comity-platform/comity"
)

// Proposal is a stored proposal. Both texts are sealed under the record key of
// its record.
type Proposal struct {
	comity.Proposal
	Sealed   []byte // comity.ProposalText
	Declined []byte // comity.DeclineText; empty while it is not declined
}

// ProposalFilter narrows a list of proposals; zero fields do not narrow.
type ProposalFilter struct {
	Record comity.ID
	// Status is the one shown at the viewer's instant, see [comity.Proposal.StatusAt].
	Status comity.ProposalStatus
}

// ProposalReader finds proposals of the viewer's own state in the viewer's role.
type ProposalReader interface {
	Proposals(v Viewer, ids []comity.ID) (map[comity.ID]Proposal, error)
	ListProposals(v Viewer, f ProposalFilter, p Page) ([]Proposal, error)
	CountProposals(v Viewer, f ProposalFilter, max int) (int, error) // capped at max
}

// ProposalWriter writes proposals.
type ProposalWriter interface {
	InsertProposal(Proposal) error
	// LockProposal locks a proposal whoever may see it. An act that locks its
	// record too locks that first.
	LockProposal(id comity.ID) (Proposal, error)
	// DecideProposal writes how it was decided; ErrConflict when it was before.
	DecideProposal(id comity.ID, s comity.ProposalStatus, by comity.OfficerRef, at time.Time, declined []byte) error
}
