// Package verify checks the record of acts and chains of custody without the
// server and without anything of ours, so that an auditor can take it alone.
//
// The record of acts is a chain of leaves. A leaf is the hash of salted
// commitments, one per state concerned and some that belong to nobody; a state
// is shown its own opening of it. What this proves: what a state is shown is
// what the leaf commits to, the leaf stands in the chain, and the chain goes on
// from where this reader last saw it. What it cannot prove is said at [Run].
package verify

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
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

// Link is the chain value of the leaf at index after the previous one's (32
// zero bytes before the first).
func Link(previous [32]byte, index int64, leaf [32]byte) [32]byte {
	h := sha256.New()
	h.Write([]byte("comity/chain/v1\x00"))
	h.Write(previous[:])
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(index)))
	h.Write(leaf[:])
	return [32]byte(h.Sum(nil))
}

// Opening is what a state is shown of a leaf.
type Opening struct {
	Index       int64 // of the leaf in the chain, -1 until it has a place
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
	sorted := slices.Clone(o.Commitments)
	slices.SortFunc(sorted, func(a, b [32]byte) int { return bytes.Compare(a[:], b[:]) })
	if Leaf(sorted) != o.Leaf {
		return errors.New("the commitments are not those of the leaf")
	}
	if !slices.Contains(sorted, Commitment(o.State, o.Salt, o.Content)) {
		return errors.New("what is shown is not what the leaf commits to")
	}
	return nil
}

// Head is how far a chain goes: the number of its leaves, and the chain value
// of the last one. Two readers who have the same head have the same leaves in
// the same order.
type Head struct {
	Size  int64
	Chain [32]byte
}

// Fault is what does not hold in a record of acts.
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
