package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/storage"
)

const (
	// proveFor bounds how long a proof is waited for.
	proveFor = 5 * time.Second
	// proofAge is how old cosignatures may be in a proof: less than custodians
	// demand, whose clocks differ.
	proofAge = 30 * time.Second
	// look is how often another server's checkpoints are looked for.
	look = 25 * time.Millisecond
)

// ProverOptions is what a Prover stands on.
type ProverOptions struct {
	DB storage.DB
	// Policy is a state's, as of now.
	Policy func(comity.State) (verify.Policy, error)
	// Stored gives what is closed when something is stored here, see
	// [Publisher.Stored]; nil where other servers alone publish.
	Stored func() <-chan struct{}
	Now    func() time.Time // the clock that cosignatures' age is judged by; time.Now when nil
}

// Prover proves that a leaf is in the log, as soon as enough witnesses have seen it there.
type Prover struct {
	o      ProverOptions
	judged verdicts

	mu      sync.Mutex
	floors  map[int64]int // sizes from which somebody waits, and how many
	watched bool
	recent  []storage.LogCheckpoint // from the lowest floor on, the last one first
	changed chan struct{}           // closed when recent changes
	err     error                   // of the last look
}

// NewProver makes one.
func NewProver(o ProverOptions) *Prover {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Stored == nil {
		o.Stored = func() <-chan struct{} { return nil }
	}
	return &Prover{o: o, floors: map[int64]int{}, changed: make(chan struct{})}
}

// Prove opens a leaf for a state and proves its place under the last checkpoint
// that satisfies the state's policy with fresh cosignatures. It waits until there
// is one; when none comes within five seconds or before ctx ends it is
// UNAVAILABLE, naming the states whose witnesses have not cosigned.
func (p *Prover) Prove(ctx context.Context, leaf comity.ID, s comity.State) (verify.Proof, error) {
	policy, err := p.o.Policy(s)
	if err != nil {
		return verify.Proof{}, err
	}
	policy.MaxAge = proofAge
	hash := policyHash(policy)
	wait, cancel := context.WithTimeout(storage.AsSystem(ctx), proveFor)
	defer cancel()
	index, last, err := p.place(wait, leaf)
	if err != nil {
		return verify.Proof{}, err
	}
	// A leaf that waits for its place comes into a tree larger than the last one.
	floor := max(index, last) + 1
	if index >= 0 {
		floor = index + 1
	}
	p.enter(floor)
	defer p.leave(floor)
	for {
		found, changed, looked := p.since(floor)
		if index < 0 && len(found) > 0 {
			if index, _, err = p.place(wait, leaf); err != nil && wait.Err() == nil {
				return verify.Proof{}, err
			}
		}
		found = slices.DeleteFunc(found, func(c storage.LogCheckpoint) bool { return index < 0 || c.Size <= index })
		chosen, why := p.choose(policy, hash, found)
		if chosen.Size > 0 {
			return p.prove(wait, leaf, s, chosen)
		}
		select {
		case <-changed:
		case <-wait.Done():
			if err := ctx.Err(); errors.Is(err, context.Canceled) {
				return verify.Proof{}, err
			}
			return verify.Proof{}, missing(policy, s, errors.Join(why, looked))
		}
	}
}

// place reads where the leaf is, -1 while it waits, and the size of the last checkpoint.
func (p *Prover) place(ctx context.Context, leaf comity.ID) (index, last int64, err error) {
	index = -1
	err = p.o.DB.Read(ctx, func(tx storage.ReadTx) error {
		c, err := tx.LogCheckpoint()
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		last = c.Size
		index, err = tx.LogIndex(leaf)
		return err
	})
	return index, last, err
}

// since gives the checkpoints of at least a size as of the last look, what is closed
// when there are others, and what was wrong with the look.
func (p *Prover) since(floor int64) (found []storage.LogCheckpoint, changed <-chan struct{}, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.recent {
		if c.Size >= floor {
			found = append(found, c)
		}
	}
	return found, p.changed, p.err
}

// choose gives the last checkpoint that satisfies the policy, or why the last
// one does not.
func (p *Prover) choose(policy verify.Policy, hash [32]byte, found []storage.LogCheckpoint) (chosen storage.LogCheckpoint, why error) {
	why = errors.New("no checkpoint came")
	now := p.o.Now()
	for i, c := range found {
		err := p.judged.open(policy, hash, c.Signed, now)
		if err == nil {
			return c, nil
		}
		if i == 0 {
			why = err
		}
	}
	return storage.LogCheckpoint{}, why
}

// missing says whose witnesses a state waited for in vain.
func missing(policy verify.Policy, s comity.State, why error) error {
	unsigned, ok := errors.AsType[*verify.Unsigned](why)
	switch {
	case !ok:
		return comity.Unavailable("the log", why)
	case slices.ContainsFunc(policy.Own, func(k note.Verifier) bool { return slices.Contains(unsigned.Missing, k.Name()) }):
		return comity.Unavailable("the witness of "+string(s), why)
	case len(unsigned.Missing) == 1:
		return comity.Unavailable("the witness of "+unsigned.Missing[0], why)
	}
	return comity.Unavailable(fmt.Sprintf("enough of the witnesses of %s", strings.Join(unsigned.Missing, ", ")), why)
}

// prove makes the proof under a checkpoint.
func (p *Prover) prove(ctx context.Context, leaf comity.ID, s comity.State, under storage.LogCheckpoint) (verify.Proof, error) {
	proof := verify.Proof{Checkpoint: under.Signed}
	err := p.o.DB.Read(ctx, func(tx storage.ReadTx) error {
		entries, err := tx.LogByID(s, []comity.ID{leaf})
		if err != nil {
			return err
		}
		e, ok := entries[leaf]
		if !ok {
			return storage.ErrNotFound
		}
		if proof.Opening, err = shown(e); err != nil {
			return err
		}
		proof.Path, err = inclusion(tx, e.Leaf.Index, verify.Checkpoint{Size: under.Size, Root: under.Root})
		return err
	})
	return proof, err
}

// enter has somebody wait for checkpoints of at least a size.
func (p *Prover) enter(floor int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.floors[floor]++
	if !p.watched {
		p.watched = true
		p.recent, p.err = nil, nil
		go p.watch()
	}
}

func (p *Prover) leave(floor int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.floors[floor]--; p.floors[floor] == 0 {
		delete(p.floors, floor)
	}
}

// watch looks for what is stored, here or by other servers, for all who wait,
// while somebody does.
func (p *Prover) watch() {
	for {
		stored := p.o.Stored() // before the look, which then misses nothing
		p.mu.Lock()
		if len(p.floors) == 0 {
			p.watched = false
			p.mu.Unlock()
			return
		}
		lowest := int64(0)
		for f := range p.floors {
			if lowest == 0 || f < lowest {
				lowest = f
			}
		}
		p.mu.Unlock()
		found, err := p.look(lowest)
		p.mu.Lock()
		p.err = err
		if err == nil && !same(found, p.recent) {
			p.recent = found
			close(p.changed)
			p.changed = make(chan struct{})
		}
		p.mu.Unlock()
		select {
		case <-stored:
		case <-time.After(look):
		}
	}
}

func (p *Prover) look(from int64) (found []storage.LogCheckpoint, err error) {
	ctx, cancel := context.WithTimeout(storage.AsSystem(context.Background()), proveFor)
	defer cancel()
	err = p.o.DB.Read(ctx, func(tx storage.ReadTx) error {
		found, err = tx.LogCheckpoints(from, storage.CheckpointsKept)
		return err
	})
	return found, err
}

func same(a, b []storage.LogCheckpoint) bool {
	return slices.EqualFunc(a, b, func(x, y storage.LogCheckpoint) bool { return x.Size == y.Size && string(x.Signed) == string(y.Signed) })
}
