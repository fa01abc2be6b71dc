package storage

import "time"

// LogCheckpoint is a signed checkpoint of the record of acts, with the
// cosignatures that have come.
type LogCheckpoint struct {
	Size   int64 // of the tree, in leaves
	Root   [32]byte
	Signed []byte // a signed note, which says size and root too
	At     time.Time
}

// CheckpointsKept is how many of the last checkpoints are kept: a minute's, at a
// beat of 200 ms.
const CheckpointsKept = 300

// CheckpointReader reads the last checkpoints.
type CheckpointReader interface {
	// LogCheckpoint gives the last one; ErrNotFound before there is any.
	LogCheckpoint() (LogCheckpoint, error)
	// LogCheckpoints lists up to limit of those kept of trees of at least size leaves,
	// the last one first.
	LogCheckpoints(size int64, limit int) ([]LogCheckpoint, error)
	// LogWaiting is since when the oldest leaf waits for a checkpoint, the last one being
	// of size leaves: it has no place yet, or one beyond; zero when none does.
	LogWaiting(size int64) (time.Time, error)
}

// CheckpointWriter keeps them, for the system alone.
type CheckpointWriter interface {
	// LockLogCheckpoint locks and gives the one of a size; ErrNotFound when it is
	// none, or forgotten.
	LockLogCheckpoint(size int64) (LogCheckpoint, error)
	// PutLogCheckpoint keeps the next checkpoint and forgets the oldest. It never
	// goes back: ErrConflict unless it is of a larger tree than the last one.
	PutLogCheckpoint(LogCheckpoint) error
	// CosignLogCheckpoint writes what is signed of a checkpoint that is kept, its
	// size, root and time being what they were; ErrNotFound.
	CosignLogCheckpoint(size int64, signed []byte) error
}
