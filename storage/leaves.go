package storage

import (
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit/verify"
)

// Leaf is one leaf of the record of acts with the openings of the states concerned.
type Leaf struct {
	ID       comity.ID
	Hash     [32]byte
	At       time.Time
	Openings []Opening
	Index    int64 // its place in the log; -1 before the sequencer gave it one
}

// LogHead is how far the log goes: the number of its leaves, and the root of the tree
// over them (RFC 6962, section 2.1), whose entries are the 32 bytes of each leaf.
type LogHead struct {
	Size int64
	Root [32]byte
}

// Nobody is the state of openings that fill a leaf up: of them the commitment is kept alone.
const Nobody comity.State = "--"

// Opening is what one state may read of a leaf.
type Opening struct {
	State   comity.State
	Salt    [32]byte
	Content []byte // canonical JSON, see package audit
	Facets  Facets
	// ErasedBy is the leaf by which the state erased it, "" while it opens. Salt and
	// Content are gone then.
	ErasedBy comity.ID
}

// Commitment is what the other states see of the opening, see [verify.Commitment].
func (o Opening) Commitment() [32]byte { return verify.Commitment(string(o.State), o.Salt, o.Content) }

// LogEntry is a leaf as one state reads it: every state's commitment, and the
// one opening that concerns the reader.
type LogEntry struct {
	Leaf        Leaf     // Openings holds the reader's only
	Own         [32]byte // the commitment of that, which stays when it is erased
	Commitments [][32]byte
}
