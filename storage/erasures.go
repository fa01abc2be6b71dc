package storage

import (
	"time"

	"github.com/comity-platform/comity"
)

// Erasure is a stored erasure with its sealed text and how far it came.
type Erasure struct {
	comity.Erasure
	Sealed []byte // reason and statement under the erasure's own record key
	Past   Key    // the last opening that was looked at, zero at the beginning
}

// ErasureReader reads the erasures of a state's own openings.
type ErasureReader interface {
	// Erasures of a state, newest first, up to limit.
	Erasures(s comity.State, limit int) ([]Erasure, error)
	ErasuresByID(s comity.State, ids []comity.ID) (map[comity.ID]Erasure, error)
}

// ErasureWriter carries them out.
type ErasureWriter interface {
	InsertErasure(Erasure) error // ErrExists
	LockErasure(id comity.ID) (Erasure, error)
	// MoveErasure writes how far a running one came; ErrConflict when it is done.
	MoveErasure(Erasure) error
	// OpeningsBefore lists up to limit openings of a state whose leaves are from
	// before an instant, oldest first, after a key, but for those that are erased already.
	OpeningsBefore(s comity.State, before time.Time, after Key, limit int) ([]LogEntry, error)
	// HeldRecords are those of the records that are, or lie within, a case of the state
	// on which a hold lies.
	HeldRecords(s comity.State, ids []comity.ID, at time.Time) (map[comity.ID]bool, error)
	// EraseOpenings takes salt and content of a state's openings away for good, with
	// all that they were found by (Facets are of their content), and names the leaf
	// that says so. The entries are in the order of [ErasureWriter.OpeningsBefore].
	// ErrConflict when one of them was erased before or has no place in the log.
	EraseOpenings(s comity.State, entries []LogEntry, by comity.ID) error
}
