package storage

import (
	"time"

	"github.com/comity-platform/comity"
)

// Reservation, Hold and Withdrawal are stored records with their sealed text.
type (
	Reservation struct {
		comity.Reservation
		Sealed []byte // comity.DomesticText under the reservation's own record key
	}
	Hold struct {
		comity.Hold
		Sealed []byte // comity.DomesticText under the case's record key
	}
	Withdrawal struct {
		comity.Withdrawal
		Sealed []byte // reason and statement under the case's record key; empty once it is done
	}
)

// HoldFilter narrows a list of holds; zero fields do not narrow.
type HoldFilter struct {
	Case    comity.ID
	Request comity.ID
	Lying   bool // at the viewer's instant
}

// DomesticReader reads what a state keeps to itself: which categories it
// reserved, and the holds on its cases and their withdrawals, as those of its
// officers find them who find the case.
type DomesticReader interface {
	// Reservations of categories of a state, newest first, lifted ones included.
	Reservations(s comity.State) ([]Reservation, error)
	// CategoryReserved reports whether a state has reserved a category.
	CategoryReserved(s comity.State, c comity.Category) (bool, error)

	Holds(v Viewer, ids []comity.ID) (map[comity.ID]Hold, error)
	ListHolds(v Viewer, f HoldFilter, p Page) ([]Hold, error)
	// Held reports whether a hold lies on a case, whoever sees it.
	Held(c comity.ID, at time.Time) (bool, error)
	// Preserved reports whether a hold that was placed for a request lies, whoever sees it.
	Preserved(request comity.ID, at time.Time) (bool, error)

	Withdrawals(v Viewer, ids []comity.ID) (map[comity.ID]Withdrawal, error)
	// ListWithdrawals lists them newest first; of one case where c is set.
	ListWithdrawals(v Viewer, c comity.ID, p Page) ([]Withdrawal, error)
	// Withdrawing reports whether a withdrawal of a case is pending, whoever sees it.
	Withdrawing(c comity.ID) (bool, error)
}

// DomesticWriter writes them.
type DomesticWriter interface {
	InsertReservation(r Reservation, wrappedKey string) error
	LiftReservation(id comity.ID, at time.Time) error // ErrNotFound when it is not in force
	// EndGrantsOf is [Tx.EndGrants] for every case of a state in a category.
	EndGrantsOf(s comity.State, c comity.Category, at time.Time) ([]comity.Grant, error)

	InsertHold(Hold) error
	LockHold(id comity.ID) (Hold, error)
	ReleaseHold(id comity.ID, by comity.OfficerRef, at time.Time) error // ErrNotFound when it was released

	InsertWithdrawal(Withdrawal) error
	LockWithdrawal(id comity.ID) (Withdrawal, error)
	// EndWithdrawal ends a pending one, ErrNotFound when it is not, and forgets
	// the sealed text of one that is done.
	EndWithdrawal(id comity.ID, s comity.WithdrawalStatus, by comity.OfficerRef, at time.Time) error
}
