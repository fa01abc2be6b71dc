package client

import (
	"context"
	"errors"
	"fmt"
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
// signed it and the witnesses cosigned it, and the manifests of all states, which
// say whose word that is. Whether a state had newer manifests then, only others know.
type LogProof struct {
	Format    string                  `json:"format"` // "comity/log-proof/v1"
	Union     string                  `json:"union"`
	State     comity.State            `json:"state"` // whose opening it is
	Leaf      comity.ID               `json:"leaf"`  // as the exchange names it; nothing proves the name
	Proof     verify.Proof            `json:"proof"`
	Manifests map[comity.State]string `json:"manifests"` // JWS
}

// ProveLog makes the proof of a leaf of which the officer's state has an opening,
// from the log's tiles. It is such as convinces whoever takes no single state's
// word (see [LogProof.Verify]): a checkpoint that enough witnesses cosigned is waited
// for. It verifies before it is given. Of a state whose root alone is pinned there
// is nobody else's word.
func (c *Client) ProveLog(ctx context.Context, leaf comity.ID) (*LogProof, error) {
	who, err := c.Viewer(ctx)
	if err != nil {
		return nil, err
	}
	o, err := c.findOpening(ctx, leaf, who.State)
	if err != nil {
		return nil, err
	}
	var word comity.State
	if len(c.trust.roots) == 1 {
		word = who.State
	}
	checkpoint, signed, err := c.coveringCheckpoint(ctx, who.State, o.Index, word == "")
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
	if _, err := p.Verify(c.trust.roots, word, c.now()); err != nil {
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
			return &comity.Error{Code: comity.CodeConflict, Message: "the opening of this leaf was erased; nothing proves any more what it said",
				Cure: "comity log erasures says who had it erased; a proof that was made before stays one"}
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
// and cosigned as the state wants it, and, for others, as anybody does.
func (c *Client) coveringCheckpoint(ctx context.Context, s comity.State, index int64, others bool) (got verify.Checkpoint, signed []byte, err error) {
	open := c.openCheckpoint(ctx, s)
	for until := time.Now().Add(checkpointTime); ; {
		if signed, err = c.LogFiles().Read(ctx, verify.CheckpointPath); err != nil {
			return got, nil, err
		}
		got, err = open(signed)
		if err == nil && others {
			var dir *statement.Directory
			if dir, err = c.Directory(ctx); err == nil {
				err = vouched(dir, s, signed, c.now(), c.now())
			}
		}
		if err == nil && got.Size > index {
			return got, signed, nil
		}
		if err == nil {
			err = comity.Unavailable("the log", fmt.Errorf("its newest checkpoint is over %d leaves, and the leaf is at index %d", got.Size, index))
		} else if _, ok := errors.AsType[*verify.Unsigned](err); !ok {
			return got, nil, logFault(err)
		}
		if !time.Now().Before(until) {
			if _, ok := errors.AsType[*OneWordError](err); ok {
				return got, nil, comity.Unavailable("a checkpoint that others believe", err)
			}
			return got, nil, logFault(err)
		}
		if werr := c.wait(ctx, 1, 0); werr != nil {
			return got, nil, werr
		}
	}
}
