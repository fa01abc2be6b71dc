package comity

import "time"

// Reservation withdraws every case of a category of its state from sharing, in
// advance (Article 4). The reservation of one case is a mark on the case.
type Reservation struct {
	ID        ID
	State     State
	Category  Category
	Officer   OfficerRef // who reserved it
	CreatedAt time.Time
	LiftedAt  time.Time // zero while it is in force
}

// DomesticText is the state's own reason for a reservation, a hold or a
// withdrawal, sealed at rest and shown at home alone.
type DomesticText struct {
	Reason string `json:"reason"`
}

// Hold keeps a case from being withdrawn while it lies (Article 11). It belongs
// to the case's state, and is seen there alone.
type Hold struct {
	ID      ID
	Case    ID
	State   State
	Officer OfficerRef // who placed it
	// Request is that of another state to preserve the case, "" where the
	// authority placed it of its own motion.
	Request    ID
	NotAfter   time.Time // when it ends by itself; zero: never
	CreatedAt  time.Time
	ReleasedBy OfficerRef
	ReleasedAt time.Time
}

// Lies reports whether the hold binds at the instant t.
func (h Hold) Lies(t time.Time) bool {
	return h.ReleasedAt.IsZero() && (h.NotAfter.IsZero() || t.Before(h.NotAfter))
}

// WithdrawalStatus is where a withdrawal stands.
type WithdrawalStatus string

// The statuses of a withdrawal.
const (
	WithdrawalPending   WithdrawalStatus = "PENDING"   // waits for its time, or for a hold to end
	WithdrawalCancelled WithdrawalStatus = "CANCELLED" // by an officer of the authority
	WithdrawalDone      WithdrawalStatus = "DONE"      // the case's key is destroyed
)

// Withdrawal is the decision of two officers of a state's authority to destroy a
// case's key (Article 11). Until DueAt any of its officers can cancel it.
type Withdrawal struct {
	ID         ID
	Case       ID
	State      State
	ProposedBy OfficerRef
	ApprovedBy OfficerRef
	DueAt      time.Time
	Status     WithdrawalStatus
	EndedBy    OfficerRef // who cancelled it
	EndedAt    time.Time  // cancelled or done
	CreatedAt  time.Time
}
