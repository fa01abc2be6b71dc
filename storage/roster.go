package storage

import (
	"time"

	"github.com/comity-platform/comity"
)

// Shift is a stored shift of a duty roster with its sealed text.
type Shift struct {
	comity.Shift
	Sealed []byte // comity.ShiftText under the shift's own record key
}

// RosterReader reads duty rosters. All shifts of a state are its own officers'
// to read; of another state's no more than the one that covers the instant.
type RosterReader interface {
	// Shifts of a state by when they end: those that stand and are not over at
	// the instant, or with all every one that there was.
	Shifts(s comity.State, at time.Time, all bool, p Page) ([]Shift, error)
	CountShifts(s comity.State, at time.Time, all bool, max int) (int, error)
	// ShiftByID finds a shift of a state, whatever became of it; ErrNotFound.
	ShiftByID(s comity.State, id comity.ID) (Shift, error)
	// ShiftAt is the one that covers an instant; ErrNotFound.
	ShiftAt(s comity.State, at time.Time) (Shift, error)
	// Shifted reports whether a standing shift of a state overlaps a stretch of time.
	Shifted(s comity.State, from, until time.Time) (bool, error)
}

// RosterWriter writes them.
type RosterWriter interface {
	InsertShift(s Shift, wrappedKey string) error // ErrExists
	// WithdrawShift ends a standing shift; ErrNotFound when it does not stand.
	WithdrawShift(id comity.ID, by comity.OfficerRef, at time.Time) error
}
