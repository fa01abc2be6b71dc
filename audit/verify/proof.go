package verify

import (
	"encoding/hex"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"golang.org/x/mod/sumdb/tlog"
)

// Proof proves that a state's opening is one of a leaf, and that the leaf stands
// in the log under a checkpoint.
type Proof struct {
	Opening    Opening
	Path       [][32]byte // inclusion proof, RFC 6962 section 2.1.1
	Checkpoint []byte     // the signed note with its cosignatures
}

// Check checks the opening against the leaf, the leaf against the tree, and the
// checkpoint against a policy, whose [*Unsigned] it passes on.
func (p Proof) Check(policy Policy, now time.Time) (Checkpoint, error) {
	if err := p.Opening.Check(); err != nil {
		return Checkpoint{}, err
	}
	c, err := policy.Open(p.Checkpoint, now)
	if err != nil {
		return Checkpoint{}, err
	}
	return c, CheckInclusion(c, p.Opening.Index, p.Opening.Leaf, p.Path)
}

// CheckInclusion checks by a proof (RFC 6962 section 2.1.1) that a leaf stands at
// an index of the checkpoint's tree.
func CheckInclusion(c Checkpoint, index int64, leaf [32]byte, path [][32]byte) error {
	if index < 0 || index >= c.Size || c.Size > maxSize {
		return fmt.Errorf("the checkpoint is over %d leaves, and the leaf is at index %d", c.Size, index)
	}
	if err := tlog.CheckRecord(hashes(path), c.Size, c.Root, index, tlog.RecordHash(leaf[:])); err != nil {
		return fmt.Errorf("the leaf is not at index %d of the checkpoint's tree", index)
	}
	return nil
}

// openingJSON and proofJSON are written so that people can read them: hashes as
// hex, what is text as text.
type openingJSON struct {
	Index       int64     `json:"index"`
	Leaf        hexHash   `json:"leaf"`
	State       string    `json:"state"`
	Salt        hexHash   `json:"salt"`
	Content     string    `json:"content"`
	Commitments []hexHash `json:"commitments"`
}

type proofJSON struct {
	Opening    Opening   `json:"opening"`
	Path       []hexHash `json:"path"`
	Checkpoint string    `json:"checkpoint"`
}

// hexHash is a hash that is written as 64 hex digits.
type hexHash [32]byte

func (h hexHash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

func (h *hexHash) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	if err != nil || len(b) != len(h) {
		return errors.New("a hash is written as 64 hex digits")
	}
	*h = hexHash(b)
	return nil
}

func asHex(of [][32]byte) []hexHash {
	to := make([]hexHash, len(of))
	for i, h := range of {
		to[i] = h
	}
	return to
}

func fromHex(of []hexHash) [][32]byte {
	to := make([][32]byte, len(of))
	for i, h := range of {
		to[i] = h
	}
	return to
}

// MarshalJSON writes the opening; its content must be text.
func (o Opening) MarshalJSON() ([]byte, error) {
	if !utf8.Valid(o.Content) {
		return nil, errors.New("the opening's content is no text")
	}
	return json.Marshal(openingJSON{o.Index, o.Leaf, o.State, o.Salt, string(o.Content), asHex(o.Commitments)})
}

// UnmarshalJSON reads what MarshalJSON writes, and nothing that another reader could
// take for something else: no member twice, unknown or in other letters. Nothing of
// it is checked yet.
func (o *Opening) UnmarshalJSON(b []byte) error {
	var j openingJSON
	if err := json.Unmarshal(b, &j, json.RejectUnknownMembers(true)); err != nil {
		return err
	}
	*o = Opening{j.Index, j.Leaf, j.State, j.Salt, []byte(j.Content), fromHex(j.Commitments)}
	return nil
}

// MarshalJSON writes the proof.
func (p Proof) MarshalJSON() ([]byte, error) {
	if !utf8.Valid(p.Checkpoint) {
		return nil, errors.New("the checkpoint is no text")
	}
	return json.Marshal(proofJSON{p.Opening, asHex(p.Path), string(p.Checkpoint)})
}

// UnmarshalJSON reads what MarshalJSON writes, as strictly as an opening is read.
// Nothing of it is checked yet.
func (p *Proof) UnmarshalJSON(b []byte) error {
	var j proofJSON
	if err := json.Unmarshal(b, &j, json.RejectUnknownMembers(true)); err != nil {
		return err
	}
	*p = Proof{j.Opening, fromHex(j.Path), []byte(j.Checkpoint)}
	return nil
}
