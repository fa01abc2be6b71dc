// Package verify checks the log of acts and chains of custody without the server
// and without anything of ours, so that an auditor can take it alone.
//
// The log is a Merkle tree of leaves (RFC 6962) in the formats of the field:
// C2SP tlog-tiles, tlog-checkpoint and tlog-cosignature. A leaf is the hash of
// salted commitments, one per state concerned and some that belong to nobody; a
// state is shown its own opening of it. What this proves: what a state is shown
// is what the leaf commits to, the leaf stands in the log, the log is the one
// that the witnesses cosigned, and goes on from where this reader last saw it.
// What it cannot prove is said at [Check.Run].
package verify

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
)

// Commitment is what the other states see of an opening: SHA-256 over a tag, the
// state's two letters, the salt and the content, which are unambiguous together
// because all but the last are of fixed length.
func Commitment(state string, salt [32]byte, content []byte) [32]byte {
	h := sha256.New()
	h.Write([]byte("comity/opening/v1\x00"))
	h.Write([]byte(state))
	h.Write(salt[:])
	h.Write(content)
	return [32]byte(h.Sum(nil))
}

// Leaf is the hash over a leaf's commitments in ascending order.
func Leaf(commitments [][32]byte) [32]byte {
	h := sha256.New()
	h.Write([]byte("comity/leaf/v1\x00"))
	for _, c := range commitments {
		h.Write(c[:])
	}
	return [32]byte(h.Sum(nil))
}

// Opening is what a state is shown of a leaf.
type Opening struct {
	Index       int64 // of the leaf in the log, -1 until it has a place
	Leaf        [32]byte
	State       string // whose opening it is, its two letters
	Salt        [32]byte
	Content     []byte
	Commitments [][32]byte // of all openings of the leaf, in any order
}

// Check checks that the opening is one of the leaf.
func (o Opening) Check() error {
	if len(o.State) != 2 {
		return fmt.Errorf("%.10q is no state", o.State)
	}
	if leafOf(o.Commitments) != o.Leaf {
		return errors.New("the commitments are not those of the leaf")
	}
	if !slices.Contains(o.Commitments, Commitment(o.State, o.Salt, o.Content)) {
		return errors.New("what is shown is not what the leaf commits to")
	}
	return nil
}

// leafOf is the leaf over commitments in any order.
func leafOf(commitments [][32]byte) [32]byte {
	sorted := slices.Clone(commitments)
	slices.SortFunc(sorted, func(a, b [32]byte) int { return bytes.Compare(a[:], b[:]) })
	return Leaf(sorted)
}

// Fault is what does not hold in a log.
type Fault struct {
	Index  int64 // the first place at which it shows, -1 when it has none yet
	Reason string
}

func (f *Fault) Error() string {
	if f.Index < 0 {
		return "at a leaf without a place: " + f.Reason
	}
	return fmt.Sprintf("at index %d: %s", f.Index, f.Reason)
}

func faultf(index int64, format string, args ...any) error {
	return &Fault{Index: index, Reason: fmt.Sprintf(format, args...)}
}
