// Package audit is the record of acts: what was done, seen, refused and
// released, in one order.
//
// A leaf is 32 opaque bytes: the hash of salted commitments, one per state
// concerned and filled up to four, so that neither an outsider nor a state that
// is concerned learns who else is, or how many. Each state reads in the clear
// the opening that concerns it, and checks it against the leaf and the log
// (package verify, `comity log verify`).
//
// The log is the RFC 6962 tree over the leaves in their order. That an opening was
// kept back from the beginning shows nowhere in it.
package audit

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/storage"
)

// Outcome is how an act or read ended.
type Outcome string

// The outcomes.
const (
	Done     Outcome = "DONE"     // the act was performed
	Read     Outcome = "READ"     // records were read
	Refused  Outcome = "DENIED"   // an Article denied it
	NotFound Outcome = "NOTFOUND" // absent or hidden: the asker's opening does not tell which
	Released Outcome = "RELEASED" // a key was asked for, to be released
	Failed   Outcome = "FAILED"   // what an earlier leaf announced did not come about, or something disagrees
	Repeated Outcome = "REPEATED" // an act was asked for again under its idempotency key
	// Proposed: an act of two officers was done by the first; nothing is in force by it.
	Proposed Outcome = "PROPOSED"
	// Unverified stands in no leaf: what is shown in the place of an opening that
	// is not of its leaf.
	Unverified Outcome = "UNVERIFIED"
	// Erased stands in no leaf either: what is shown in the place of an opening that
	// its state erased.
	Erased Outcome = "ERASED"
)

// Outcomes lists them all.
var Outcomes = []Outcome{Done, Read, Refused, NotFound, Released, Failed, Repeated, Proposed}

// Content is what one state reads of a leaf. It names records and rules, never
// the records' words.
type Content struct {
	Act       string         `json:"act"`
	Outcome   Outcome        `json:"outcome"`
	At        time.Time      `json:"at"`
	Actor     Actor          `json:"actor"`
	Records   []Record       `json:"records,omitempty"`
	Purpose   comity.Purpose `json:"purpose,omitempty"`
	Use       comity.Use     `json:"use,omitempty"`     // that an export was declared to be for
	Digest    string         `json:"digest,omitempty"`  // SHA-256 of what was exported, hex
	Article   comity.Article `json:"article,omitempty"` // that carried or denied it
	Reason    string         `json:"reason,omitempty"`
	Policies  string         `json:"policies"`            // hash of the policy set that decided
	Erased    *verify.Erased `json:"erased,omitempty"`    // what an erasure erased
	RequestID string         `json:"requestId,omitempty"` // of the transport, to find it in the server's log
	// Signed is the SHA-256 (hex) of the officer's signed act, a compact JWS: with
	// it a state proves which act this was. Of several acts done at once each stands
	// in its exhibit's chain of custody instead.
	Signed string `json:"signed,omitempty"`
}

// Actor is the officer as shown abroad; only the state where even that would
// tell too much.
type Actor struct {
	State    comity.State      `json:"state"`
	Agency   comity.AgencyID   `json:"agency,omitempty"`
	Function string            `json:"function,omitempty"`
	Ref      comity.OfficerRef `json:"ref,omitempty"`
}

// Record is one record acted on or read, and the grant that allowed it abroad.
type Record struct {
	ID      string         `json:"id"`              // as the asker named it
	Level   string         `json:"level,omitempty"` // of access: how much was seen
	Grant   comity.ID      `json:"grant,omitempty"`
	Purpose comity.Purpose `json:"purpose,omitempty"` // declared for this record
	// Denied is the Article that withheld this record, 0 when none did.
	Denied comity.Article `json:"denied,omitempty"`
	// Chain is the chain value of a custody event (hex): whoever alters the event
	// must alter this leaf too.
	Chain string `json:"chain,omitempty"`
}

// width is the number of commitments of every leaf.
const width = 4

// padding is the state of an opening that belongs to nobody.
const padding = storage.Nobody

// Leaves makes the leaf whose openings hold, for each state, its own content:
// one, and several where more states are concerned than one leaf takes.
func Leaves(at time.Time, contents map[comity.State]Content) ([]storage.Leaf, error) {
	if len(contents) == 0 {
		return nil, errors.New("audit: a leaf concerns at least the actor's state")
	}
	var leaves []storage.Leaf
	for states := range slices.Chunk(slices.Sorted(maps.Keys(contents)), width) {
		some := map[comity.State]Content{}
		for _, s := range states {
			some[s] = contents[s]
		}
		leaf, err := newLeaf(at, some)
		if err != nil {
			return nil, err
		}
		leaves = append(leaves, leaf)
	}
	return leaves, nil
}

func newLeaf(at time.Time, contents map[comity.State]Content) (storage.Leaf, error) {
	leaf := storage.Leaf{ID: comity.NewID(comity.KindLeaf), At: at, Index: -1}
	for state, c := range contents {
		raw, err := json.Marshal(c)
		if err != nil {
			return storage.Leaf{}, fmt.Errorf("audit: encode the opening: %w", err)
		}
		o := opening(state, raw)
		o.Facets = Facets(c)
		leaf.Openings = append(leaf.Openings, o)
	}
	for len(leaf.Openings) < width {
		leaf.Openings = append(leaf.Openings, opening(padding, nil))
	}
	// In the order of their commitments: the order tells nothing either.
	by := make(map[[32]byte]storage.Opening, width) // no two are alike, each being salted
	commitments := make([][32]byte, len(leaf.Openings))
	for i, o := range leaf.Openings {
		commitments[i] = o.Commitment()
		by[commitments[i]] = o
	}
	slices.SortFunc(commitments, func(a, b [32]byte) int { return bytes.Compare(a[:], b[:]) })
	for i, c := range commitments {
		leaf.Openings[i] = by[c]
	}
	leaf.Hash = Hash(commitments)
	return leaf, nil
}

// Facets are what an opening of this content is found by.
func Facets(c Content) storage.Facets {
	f := storage.Facets{Act: c.Act, Outcome: string(c.Outcome), State: c.Actor.State, Officer: c.Actor.Ref, Records: make([]string, 0, len(c.Records))}
	for _, r := range c.Records {
		f.Records = append(f.Records, r.ID)
	}
	return f
}

func opening(s comity.State, content []byte) storage.Opening {
	o := storage.Opening{State: s, Content: content}
	_, _ = rand.Read(o.Salt[:]) // never fails since Go 1.24
	return o
}

// Hash is the leaf over its openings' commitments in ascending order.
func Hash(commitments [][32]byte) [32]byte { return verify.Leaf(commitments) }

// ErasedBy gives the leaf by which a state erased its opening, "" where it opens. That
// the commitment to what is gone is one of the leaf's is checked.
func ErasedBy(e storage.LogEntry) (comity.ID, error) {
	if len(e.Leaf.Openings) != 1 || e.Leaf.Openings[0].ErasedBy == "" {
		return "", nil
	}
	if Hash(e.Commitments) != e.Leaf.Hash || !slices.Contains(e.Commitments, e.Own) {
		return "", fmt.Errorf("audit: what was erased of leaf %s was not of it", e.Leaf.ID)
	}
	return e.Leaf.Openings[0].ErasedBy, nil
}

// Open checks that a state's opening belongs to the leaf and returns its content.
func Open(e storage.LogEntry) (Content, error) {
	o, err := shown(e)
	if err != nil {
		return Content{}, err
	}
	var c Content
	if err := verify.ReadContent(o.Content, &c); err != nil {
		return Content{}, fmt.Errorf("audit: the opening of leaf %s: %w", e.Leaf.ID, err)
	}
	return c, nil
}

// shown is a state's opening as it is shown to others, checked against the leaf.
func shown(e storage.LogEntry) (verify.Opening, error) {
	if len(e.Leaf.Openings) != 1 {
		return verify.Opening{}, fmt.Errorf("audit: leaf %s has %d openings for its reader, wanted one", e.Leaf.ID, len(e.Leaf.Openings))
	}
	o := e.Leaf.Openings[0]
	shown := verify.Opening{Index: e.Leaf.Index, Leaf: e.Leaf.Hash, State: string(o.State), Salt: o.Salt, Content: o.Content, Commitments: e.Commitments}
	if err := shown.Check(); err != nil {
		return verify.Opening{}, fmt.Errorf("audit: the opening of leaf %s does not belong to it: %w", e.Leaf.ID, err)
	}
	return shown, nil
}
