package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/crypto/statement"
)

// logProofFormat is that of a proof's file.
const logProofFormat = "comity/log-proof/v1"

// LogProof proves to whoever has the states' root keys, without the exchange,
// that the log has a leaf and what the leaf tells a state: the leaf's opening,
// the proof that it is included under a checkpoint, the checkpoint as the log
// signed it and the witnesses cosigned it, and the manifests that say whose word
// that is. Whether a state had newer manifests then, only others know.
type LogProof struct {
	Format    string                  `json:"format"` // "comity/log-proof/v1"
	Union     string                  `json:"union"`
	State     comity.State            `json:"state"` // whose opening it is
	Leaf      comity.ID               `json:"leaf"`  // as the exchange names it; nothing proves the name
	Proof     verify.Proof            `json:"proof"`
	Manifests map[comity.State]string `json:"manifests"` // JWS
}

// ProvenEntry is what a [LogProof] proves.
type ProvenEntry struct {
	Union      string       `json:"union"`
	State      comity.State `json:"state"` // whose opening it is
	Manifest   int64        `json:"manifestNumber"`
	Leaf       string       `json:"leaf"` // hex
	Index      int64        `json:"index"`
	Head       LogHead      `json:"head"`
	Witnessed  []Witnessed  `json:"witnessed"`
	Act        string       `json:"act"`
	Outcome    string       `json:"outcome"`
	At         time.Time    `json:"at"`
	Actor      LogActor     `json:"actor"`
	Records    []LogRecord  `json:"records"`
	Content    string       `json:"content"` // all that the leaf commits to towards the state
	VerifiedAt time.Time    `json:"asOf"`    // the instant as of which manifests were taken: when the state's own witness cosigned
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

// ProveLog makes the proof of a leaf of which the officer's state has an opening,
// from the log's tiles. It verifies before it is given.
func (c *Client) ProveLog(ctx context.Context, leaf comity.ID) (*LogProof, error) {
	who, err := c.Viewer(ctx)
	if err != nil {
		return nil, err
	}
	o, err := c.findOpening(ctx, leaf, who.State)
	if err != nil {
		return nil, err
	}
	checkpoint, signed, err := c.coveringCheckpoint(ctx, who.State, o.Index)
	if err != nil {
		return nil, err
	}
	path, err := verify.Prove(ctx, c.LogFiles(), checkpoint, o.Index)
	if err != nil {
		return nil, err
	}
	dir, err := c.Directory(ctx)
	if err != nil {
		return nil, err
	}
	p := &LogProof{Format: logProofFormat, Union: dir.Union(), State: who.State, Leaf: leaf,
		Proof: verify.Proof{Opening: o, Path: path, Checkpoint: signed}, Manifests: map[comity.State]string{}}
	for _, s := range dir.States() {
		p.Manifests[s] = dir.JWS(s)
	}
	if _, err := p.Verify(c.trust.roots); err != nil {
		return nil, err
	}
	return p, nil
}

// errFound ends a search.
var errFound = errors.New("client: found")

// findOpening finds the own state's opening of a leaf.
func (c *Client) findOpening(ctx context.Context, leaf comity.ID, own comity.State) (o verify.Opening, err error) {
	err = c.EachLogEntry(ctx, LogFilter{}, func(e *LogEntry) error {
		if e.ID != leaf {
			return nil
		}
		if err := e.Check.Err(); err != nil {
			return unverified("the entry "+string(leaf), err)
		}
		s, err := e.shown(own)
		if err != nil {
			return unverified("the entry "+string(leaf), err)
		}
		if s.ErasedBy != "" {
			return &comity.Error{Code: comity.CodeConflict, Message: "the opening of this leaf was erased; nothing proves any more what it said"}
		}
		o = s.Opening
		return errFound
	})
	switch {
	case errors.Is(err, errFound):
	case err == nil:
		return o, comity.NotFound()
	default:
		return o, err
	}
	if o.Index < 0 {
		return o, comity.Unavailable("the leaf's place in the log", errors.New("the sequencer has not placed it yet"))
	}
	return o, nil
}

// coveringCheckpoint gives the newest checkpoint, as soon as it is over an index
// and cosigned as the state wants it.
func (c *Client) coveringCheckpoint(ctx context.Context, s comity.State, index int64) (got verify.Checkpoint, signed []byte, err error) {
	open := c.openCheckpoint(ctx, s)
	for until := time.Now().Add(checkpointTime); ; {
		if signed, err = c.LogFiles().Read(ctx, verify.CheckpointPath); err != nil {
			return got, nil, err
		}
		got, err = open(signed)
		if err == nil && got.Size > index {
			return got, signed, nil
		}
		if err == nil {
			err = comity.Unavailable("the log", fmt.Errorf("its newest checkpoint is over %d leaves, and the leaf is at index %d", got.Size, index))
		} else if _, ok := errors.AsType[*verify.Unsigned](err); !ok {
			return got, nil, logFault(err)
		}
		if !time.Now().Before(until) {
			return got, nil, logFault(err)
		}
		if werr := c.wait(ctx, 1, 0); werr != nil {
			return got, nil, werr
		}
	}
}

// ReadLogProof reads a proof's file. Nothing of it is verified.
func ReadLogProof(b []byte) (*LogProof, error) {
	var p LogProof
	if err := json.Unmarshal(b, &p); err != nil {
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
// Manifests are taken as of the instant at which the state's own witness cosigned
// the checkpoint, so that a proof does not expire. What does not hold is a
// [*VerificationError].
func (p *LogProof) Verify(roots statement.Roots) (*ProvenEntry, error) {
	e, err := p.verify(roots)
	if err != nil {
		return nil, unverified("the proof of a leaf", err)
	}
	return e, nil
}

func (p *LogProof) verify(roots statement.Roots) (*ProvenEntry, error) {
	var at time.Time
	dir := statement.NewDirectory(p.Union, roots, func() time.Time { return at })
	for state, jws := range p.Manifests {
		if _, pinned := roots[state]; !pinned && state != p.State {
			continue // its witness is not believed, and may not be needed
		}
		if err := dir.Recall(jws); err != nil {
			return nil, err
		}
	}
	own, ok := dir.Known(p.State)
	if !ok {
		return nil, fmt.Errorf("it holds no manifest of %.20q, whose opening it is said to be of", p.State)
	}
	at = own.IssuedAt
	policy, err := dir.LogPolicy(p.State, at)
	if err != nil {
		return nil, err
	}
	at = time.Time{}
	for _, c := range policy.Cosignatures(p.Proof.Checkpoint) {
		if c.State == "" && c.At.After(at) {
			at = c.At
		}
	}
	if at.IsZero() {
		return nil, fmt.Errorf("the witness of %s has not cosigned the checkpoint", p.State)
	}
	if policy, err = dir.LogPolicy(p.State, at); err != nil {
		return nil, err
	}
	checkpoint, err := p.Proof.Check(policy, at)
	if err != nil {
		return nil, err
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
		Act: said.Act, Outcome: said.Outcome, At: said.At, Actor: said.Actor, Records: said.Records, Content: string(o.Content), VerifiedAt: at.UTC()}
	for _, c := range policy.Cosignatures(p.Proof.Checkpoint) {
		state := p.State
		if c.State != "" {
			state = comity.State(c.State)
		}
		e.Witnessed = append(e.Witnessed, Witnessed{state, c.Key, c.At.UTC()})
	}
	return e, nil
}
