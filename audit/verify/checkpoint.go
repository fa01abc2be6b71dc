package verify

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint is the state of a log: a Merkle tree (RFC 6962 section 2.1) whose
// entries are the 32 bytes of the leaves in order. Two readers who have the
// same checkpoint have the same leaves in the same order.
type Checkpoint struct {
	Origin string // the log's name
	Size   int64  // how many leaves
	Root   [32]byte
}

// maxSize bounds a tree: beyond it the arithmetic of tlog overflows.
const maxSize = math.MaxInt64 / 2

// ParseCheckpoint reads the text of a C2SP tlog-checkpoint. Extension lines are
// refused: no log of this kind writes any, and what they say is checked by
// nobody.
func ParseCheckpoint(text string) (Checkpoint, error) {
	var c Checkpoint
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[0] == "" || lines[3] != "" {
		return c, errors.New("it is no checkpoint: wanted the lines of origin, size and root")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || size > maxSize {
		return c, errors.New("the checkpoint's size is no number of leaves")
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != len(c.Root) {
		return c, errors.New("the checkpoint's root is no hash")
	}
	c = Checkpoint{Origin: lines[0], Size: size, Root: [32]byte(root)}
	if c.String() != text {
		return Checkpoint{}, errors.New("the checkpoint is written in another way than C2SP tlog-checkpoint says")
	}
	return c, nil
}

// String is the text that is signed, as C2SP tlog-checkpoint says.
func (c Checkpoint) String() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, base64.StdEncoding.EncodeToString(c.Root[:]))
}

// CheckConsistency checks by a proof (RFC 6962 section 2.1.2) that the new tree
// begins with all leaves of the old one, unchanged and in their order. Nothing
// is needed to go on from the empty tree.
func CheckConsistency(old, new Checkpoint, proof [][32]byte) error {
	switch {
	case old.Origin != new.Origin:
		return fmt.Errorf("the checkpoints are of two logs, %q and %q", old.Origin, new.Origin)
	case old.Size < 0 || new.Size > maxSize:
		return errors.New("a checkpoint's size is no number of leaves")
	case new.Size < old.Size:
		return fmt.Errorf("rolled back: it has %d leaves, and had %d", new.Size, old.Size)
	case new.Size == old.Size && new.Root != old.Root:
		return fmt.Errorf("forked: there are two trees of %d leaves", new.Size)
	case old.Size == 0:
		if len(proof) > 0 {
			return errors.New("nothing proves that a tree goes on from the empty one, and a proof is given")
		}
		return nil
	}
	if err := tlog.CheckTree(hashes(proof), new.Size, new.Root, old.Size, old.Root); err != nil {
		return fmt.Errorf("forked, or the proof is wrong: the tree of %d leaves does not begin with that of %d", new.Size, old.Size)
	}
	return nil
}

// hashes gives hashes the type that package tlog wants.
func hashes(of [][32]byte) []tlog.Hash {
	to := make([]tlog.Hash, len(of))
	for i, h := range of {
		to[i] = h
	}
	return to
}
