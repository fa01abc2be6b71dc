package client

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/crypto/statement"
)

// ProvenEntry is what a [LogProof] proves.
type ProvenEntry struct {
	Union      string       `json:"union"`
	State      comity.State `json:"state"`          // whose opening it is
	Manifest   int64        `json:"manifestNumber"` // of the state by whose manifest the checkpoint counts: this one, or Word
	Leaf       string       `json:"leaf"`           // hex
	Index      int64        `json:"index"`
	Head       LogHead      `json:"head"`
	Witnessed  []Witnessed  `json:"witnessed"`
	Act        string       `json:"act"`
	Outcome    string       `json:"outcome"`
	At         time.Time    `json:"at"`
	Actor      LogActor     `json:"actor"`
	Records    []LogRecord  `json:"records"`
	Content    string       `json:"content"`          // all that the leaf commits to towards the state
	VerifiedAt time.Time    `json:"asOf"`             // the instant as of which manifests were taken: when the state's own witness cosigned
	Word       comity.State `json:"wordOf,omitempty"` // whose word alone was taken, and no other state's asked for
}

// Witnessed is that a state's witness has seen a checkpoint.
type Witnessed struct {
	State comity.State `json:"state"`
	Key   string       `json:"key"`
	At    time.Time    `json:"at"`
}

// LogActor is who acted, as shown abroad.
type LogActor struct {
	State    comity.State      `json:"state"`
	Agency   comity.AgencyID   `json:"agency,omitempty"`
	Function string            `json:"function,omitempty"`
	Ref      comity.OfficerRef `json:"ref,omitempty"`
}

// ReadLogProof reads a proof's file, strictly, so that it says the same to whoever
// reads it: no member twice, unknown or in other letters, and nothing after the end.
// Nothing of it is verified.
func ReadLogProof(b []byte) (*LogProof, error) {
	var p LogProof
	if err := json.Unmarshal(b, &p, json.RejectUnknownMembers(true)); err != nil {
		return nil, comity.Invalid("file", "it is no proof of a leaf: "+err.Error())
	}
	if p.Format != logProofFormat {
		return nil, comity.Invalid("file", fmt.Sprintf("it is no proof of a leaf: its format is %.80q, wanted %q", p.Format, logProofFormat))
	}
	return &p, nil
}

// States lists whose manifests the proof brings, as it says.
func (p *LogProof) States() []string {
	var of []string
	for s := range p.Manifests {
		of = append(of, string(s))
	}
	slices.Sort(of)
	return of
}

// Verify verifies the proof by the states' pinned root keys, and by nothing else:
// the manifests by those, the checkpoint by the keys and witnesses that the
// manifests name, the leaf by the checkpoint and the opening by the leaf.
//
// No single state's word is taken, and least of all that of the state whose opening
// it is, which could make a log and cosign it by itself: beside what that state's
// manifest wants, more than half of the states whose roots are pinned name the key
// that signed the checkpoint, and the witnesses of more than half, two at least,
// cosigned it. With a word, that state's is taken alone: the checkpoint counts by
// its manifest, whoever else cosigned it.
//
// Manifests are taken as of the instant at which that state's witness cosigned the
// checkpoint, so that a proof does not expire; cosignatures later than now count for
// nothing. What does not hold is a [*VerificationError], with a [*OneWordError]
// within it when it would hold by the state's own word.
func (p *LogProof) Verify(roots statement.Roots, word comity.State, now time.Time) (*ProvenEntry, error) {
	e, err := p.verify(roots, word, now)
	if err != nil {
		return nil, unverified("the proof of a leaf", err)
	}
	return e, nil
}

func (p *LogProof) verify(roots statement.Roots, word comity.State, now time.Time) (*ProvenEntry, error) {
	whose := p.State
	if word != "" {
		whose = word
	}
	var at time.Time
	dir := statement.NewDirectory(p.Union, roots, func() time.Time { return at })
	for state, jws := range p.Manifests {
		claimed, err := statement.ClaimedState(jws)
		if err != nil {
			return nil, err
		}
		if claimed != state {
			return nil, fmt.Errorf("what it calls the manifest of %.20q is that of %.20q", state, claimed)
		}
		if _, pinned := roots[state]; !pinned && state != whose {
			continue // its witness is not believed
		}
		if err := dir.Recall(jws); err != nil {
			return nil, err
		}
	}
	own, ok := dir.Known(whose)
	if !ok {
		return nil, fmt.Errorf("it holds no manifest of %.20q, whose word is to be taken", whose)
	}
	at = own.IssuedAt
	policy, err := dir.LogPolicy(whose, at)
	if err != nil {
		return nil, err
	}
	at = time.Time{}
	for _, c := range policy.Cosignatures(p.Proof.Checkpoint, now) {
		if c.State == "" && c.At.After(at) {
			at = c.At
		}
	}
	if at.IsZero() {
		return nil, fmt.Errorf("the witness of %s has not cosigned the checkpoint", whose)
	}
	if policy, err = dir.LogPolicy(whose, at); err != nil {
		return nil, err
	}
	checkpoint, err := p.Proof.Check(policy, now)
	if err != nil {
		return nil, err
	}
	if word == "" {
		if err := vouched(dir, whose, p.Proof.Checkpoint, at, now); err != nil {
			return nil, err
		}
	}
	o := p.Proof.Opening
	if o.State != string(p.State) {
		return nil, fmt.Errorf("the opening is of %.20q, not of %s", o.State, p.State)
	}
	said, err := readContent(o.Content)
	if err != nil {
		return nil, err
	}
	e := &ProvenEntry{Union: p.Union, State: p.State, Manifest: own.Number, Leaf: fmt.Sprintf("%x", o.Leaf), Index: o.Index, Head: headOf(checkpoint),
		Act: said.Act, Outcome: said.Outcome, At: said.At, Actor: said.Actor, Records: said.Records, Content: string(o.Content), VerifiedAt: at.UTC(), Word: word}
	for _, c := range policy.Cosignatures(p.Proof.Checkpoint, now) {
		state := whose
		if c.State != "" {
			state = comity.State(c.State)
		}
		e.Witnessed = append(e.Witnessed, Witnessed{state, c.Key, c.At.UTC()})
	}
	return e, nil
}

// OneWordError says that a checkpoint counts for a state, and that too few others
// vouch for it: the state could have made it by itself.
type OneWordError struct {
	State comity.State
	Err   error
}

func (o *OneWordError) Error() string {
	return fmt.Sprintf("it stands on the word of %s alone, or of too few: %s", o.State, o.Err)
}

// Unwrap gives the cause.
func (o *OneWordError) Unwrap() error { return o.Err }

// vouched checks that a checkpoint, which counts for a state, stands on the word of
// more than half of the states whose roots are pinned, two at least: their manifests
// in force at an instant name the key that signed it, and their witnesses cosigned it
// by now. Otherwise it is a [*OneWordError]; cosignatures that may come yet are an
// [*verify.Unsigned] within it.
func vouched(dir *statement.Directory, s comity.State, signed []byte, at, now time.Time) error {
	policy, err := dir.LogPolicy(s, at)
	if err != nil {
		return err
	}
	all := len(policy.Others) + 1
	keys, err := dir.LogKeys(at)
	if err != nil {
		return err
	}
	if _, err := verify.OpenSigned(signed, policy.Origin, keys); err != nil {
		return &OneWordError{s, &verify.Invalid{Reason: fmt.Sprintf("the manifests of more than half of the %d states whose roots are pinned do not name the key that signed the checkpoint", all)}}
	}
	cosigned := map[string]bool{}
	for _, c := range policy.Cosignatures(signed, now) {
		cosigned[c.State] = true
	}
	wanted := max(all/2+1, 2)
	if len(cosigned) >= wanted {
		return nil
	}
	var missing []string
	for other := range policy.Others {
		if !cosigned[other] {
			missing = append(missing, other)
		}
	}
	slices.Sort(missing)
	reason := fmt.Sprintf("of the %d states whose roots are pinned, the witnesses of %d have cosigned the checkpoint, wanted %d: missing are %s",
		all, len(cosigned), wanted, strings.Join(missing, ", "))
	if all == 1 {
		reason = "no root of another state is pinned"
	}
	return &OneWordError{s, &verify.Unsigned{Missing: missing, Reason: reason}}
}
