package comity

import "time"

// ErasureAge is how old an opening of the record of acts is at least when it is
// erased: who was told of an act has so long to look at it.
const ErasureAge = 30 * 24 * time.Hour

// ErasureStatus is where an erasure stands.
type ErasureStatus string

// The statuses of an erasure.
const (
	ErasureRunning ErasureStatus = "RUNNING" // in batches, each with a leaf of its own
	ErasureDone    ErasureStatus = "DONE"
)

// Erasure is the decision of two officers of a state's authority to erase the
// state's own openings of the record of acts from before an instant (Article 14).
// The leaves stay, and verify as before.
type Erasure struct {
	ID         ID
	State      State
	Before     time.Time
	Status     ErasureStatus
	ProposedBy OfficerRef
	ApprovedBy OfficerRef
	CreatedAt  time.Time
	DoneAt     time.Time
	Erased     int64 // openings so far
	// Kept are those from before that instant that stay: what erasures themselves
	// left, what concerns a case under a hold, what has no place in the log yet, and
	// what is not of its leaf.
	Kept int64
}
