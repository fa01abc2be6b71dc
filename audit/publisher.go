package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/storage"
)

const (
	// batch bounds the leaves sequenced in one transaction, and the random ones that
	// fill a class up beside them.
	batch = 1000
	// stepFor bounds each thing that a beat asks of the database: one that hangs is a
	// fault like one that is away.
	stepFor = 10 * time.Second
	// patience is for how many beats something may wait before another server than
	// the one that published last places it.
	patience = 3
	// stillFor is how old the last checkpoint becomes before any server goes on with
	// the cover: in a quiet log there is one every ten seconds.
	stillFor = 30 * time.Second
)

// Signer signs checkpoints with the exchange's Ed25519 key, from a file or in a
// Vault. Its name is the log's origin.
type Signer = note.Signer

// ErrWentBack is that the tree in the database does not go on from the last
// checkpoint that was signed: leaves are gone, or others stand in their place.
// Nothing is signed any more until somebody looks.
var ErrWentBack = errors.New("audit: the log went back")

// Publisher gives waiting leaves their places in the tree, beat by beat, signs
// a checkpoint of each tree that grew, and gathers the witnesses' cosignatures.
// Every server may run one: the one that published last goes on, and another steps in
// for it. The database lets one work at a time.
type Publisher struct {
	DB     storage.DB
	Signer Signer
	// Witnesses gives those that are asked, as of now.
	Witnesses func() []Cosigner
	Every     time.Duration // the beat
	Log       *slog.Logger

	mu        sync.Mutex
	last      verify.Checkpoint // that this process signed or relied on
	begun     bool              // it has looked for its turn
	mine      int64             // size of the last checkpoint that this process published
	fault     error             // of the last beat
	witnesses map[string]*witness
	meeting   meeting
	sight     sight
	looked    time.Time     // when this process looked last whether witnesses are neglected
	stored    chan struct{} // closed when a checkpoint or cosignature was stored
}

// Fault is what was wrong with the last beat: the database or the signing key was
// away, or [ErrWentBack].
func (p *Publisher) Fault() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fault
}

// Status is how the log stands, for whoever runs the server.
type Status struct {
	Size int64     // of the last checkpoint; 0 before any
	At   time.Time // of the last checkpoint, by the database's clock
	// Witnesses by their names, and whether each cosigned the last checkpoint that
	// it had two seconds for, or a later one.
	Witnesses map[string]bool
}

// Status reads how the log stands, whichever server published it.
func (p *Publisher) Status(ctx context.Context) (Status, error) {
	kept, now, err := p.kept(ctx)
	if err != nil || len(kept) == 0 {
		return Status{}, err
	}
	s := Status{Size: kept[0].Size, At: kept[0].At, Witnesses: map[string]bool{}}
	for _, w := range p.Witnesses() {
		for _, c := range kept {
			has := cosigned(c.Signed, w.Keys(), time.Time{})
			if s.Witnesses[w.Name()] = has; has || now.Sub(c.At) >= gathered {
				break
			}
		}
	}
	return s, nil
}

// kept reads the checkpoints that are kept, the last one first, and the database's clock.
func (p *Publisher) kept(ctx context.Context) (kept []storage.LogCheckpoint, now time.Time, err error) {
	err = p.read(storage.AsSystem(ctx), func(tx storage.ReadTx) (err error) {
		now = tx.Now()
		kept, err = tx.LogCheckpoints(0, storage.CheckpointsKept)
		return err
	})
	return kept, now, err
}

// Stored gives a channel that is closed when this process stores the next
// checkpoint, or cosignature of one.
func (p *Publisher) Stored() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stored == nil {
		p.stored = make(chan struct{})
	}
	return p.stored
}

// tell wakes those who wait for what is stored.
func (p *Publisher) tell() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stored != nil {
		close(p.stored)
		p.stored = nil
	}
}

// Run publishes until ctx ends. An unreachable database, Vault or witness is
// waited out: the leaves stand in the database, so none is lost.
func (p *Publisher) Run(ctx context.Context) {
	var asked sync.WaitGroup
	defer asked.Wait()
	tick := time.NewTicker(p.Every)
	defer tick.Stop()
	said := ""
	for {
		last, err := p.beat(ctx, false)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			if err.Error() != said { // once, and not five times a second
				p.Log.Error("the log waits", "error", err)
			}
			said = err.Error()
		default:
			if said != "" {
				p.Log.Info("the log goes on")
				said = ""
			}
			p.askFree(ctx, &asked, last)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Publish does one beat now and asks every witness that is not being asked,
// which takes at most as long as one may take to answer. Witnesses that do not
// answer are no error.
func (p *Publisher) Publish(ctx context.Context) error {
	last, err := p.beat(ctx, true)
	if err == nil {
		p.askAll(ctx, last)
	}
	return err
}

// beat gives what waits its place and publishes a checkpoint if the tree grew,
// and gives the last checkpoint. Unless it is forced it leaves the beat to the server
// that published last, so that they keep one rhythm together.
func (p *Publisher) beat(ctx context.Context, forced bool) (storage.LogCheckpoint, error) {
	last, err := p.publish(ctx, forced)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = err
	return last, err
}

func (p *Publisher) publish(ctx context.Context, forced bool) (storage.LogCheckpoint, error) {
	ctx = storage.AsSystem(ctx)
	var last storage.LogCheckpoint
	var head storage.LogHead
	var waits time.Time // since when something does
	var now time.Time
	read := func(tx storage.ReadTx) (err error) {
		now = tx.Now()
		if last, err = tx.LogCheckpoint(); errors.Is(err, storage.ErrNotFound) {
			last, err = storage.LogCheckpoint{}, nil
		}
		if err == nil {
			head, err = tx.LogHead()
		}
		return err
	}
	err := p.read(ctx, func(tx storage.ReadTx) error {
		err := read(tx)
		if err == nil {
			waits, err = tx.LogWaiting(last.Size)
		}
		return err
	})
	if err != nil || !forced && !p.turn(last, waits, now) {
		return last, err
	}
	if err := p.sequence(ctx, grown(head, last)); err != nil {
		return last, err
	}
	err = p.read(ctx, func(tx storage.ReadTx) error {
		if err := read(tx); err != nil {
			return err
		}
		return p.goesOn(tx, head, last)
	})
	if n := grown(head, last); err != nil || head.Size == last.Size || n != Class(n) {
		return last, err // what is no class yet the next beat fills up
	}
	return p.sign(ctx, head, last)
}

// turn reports whether a beat is this server's: when it published last, so that the
// cover is of one server, however many there are; when that one seems dead; or when
// the log has gone back behind what this one published. A server that starts takes
// the last checkpoint for its own, since there may be no other.
func (p *Publisher) turn(last storage.LogCheckpoint, waits, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.begun {
		p.begun, p.mine = true, last.Size
	}
	return last.Size <= p.mine || !waits.IsZero() && now.Sub(waits) >= patience*p.Every || now.Sub(last.At) >= stillFor
}

// read reads within the time of a step.
func (p *Publisher) read(ctx context.Context, f func(storage.ReadTx) error) error {
	ctx, cancel := context.WithTimeout(ctx, stepFor)
	defer cancel()
	return p.DB.Read(ctx, f)
}

// grown is by how many leaves the tree is beyond its last checkpoint: what a server
// that died, or an error, left to be filled up. A log from before there were
// checkpoints is as it is.
func grown(head storage.LogHead, last storage.LogCheckpoint) int {
	if last.Size == 0 {
		return 0
	}
	return int(max(head.Size-last.Size, 0))
}

// sequence gives all that waits its place, and fills it up to a class, with what
// the tree has grown by already. No transaction is of more than a batch of acts and
// as many random leaves.
func (p *Publisher) sequence(ctx context.Context, placed int) error {
	for more := true; more; {
		more = false
		step, cancel := context.WithTimeout(ctx, stepFor)
		n, err := p.DB.Sequence(step, batch, func(waiting int) int { // again when the transaction is
			if more = waiting == batch; more {
				return 0 // what follows is filled up
			}
			padding := fill(placed + waiting)
			more = padding > batch
			return min(padding, batch)
		})
		cancel()
		if placed += n; err != nil {
			return err
		}
	}
	return nil
}

// goesOn checks that the tree in the database begins with that of the last stored
// checkpoint, and with that which this process relied on last, which nobody else
// can take back.
func (p *Publisher) goesOn(tx storage.ReadTx, head storage.LogHead, last storage.LogCheckpoint) error {
	p.mu.Lock()
	relied := p.last
	p.mu.Unlock()
	now := verify.Checkpoint{Origin: p.Signer.Name(), Size: head.Size, Root: head.Root}
	before := []verify.Checkpoint{{Origin: now.Origin, Size: last.Size, Root: last.Root}}
	if relied.Size > 0 && relied != before[0] {
		before = append(before, relied)
	}
	for _, old := range before {
		if old.Size == 0 { // an empty tree has no checkpoint
			continue
		}
		proof, err := consistency(tx, old.Size, now)
		if comity.CodeOf(err) == comity.CodeUnavailable {
			return err
		}
		if err == nil {
			err = verify.CheckConsistency(old, now, proof)
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrWentBack, err)
		}
	}
	return nil
}

// sign publishes the checkpoint of a tree that goes on from the last one. Another
// server's that is as far stands in its place.
func (p *Publisher) sign(ctx context.Context, head storage.LogHead, last storage.LogCheckpoint) (storage.LogCheckpoint, error) {
	c := verify.Checkpoint{Origin: p.Signer.Name(), Size: head.Size, Root: head.Root}
	signed, err := note.Sign(&note.Note{Text: c.String()}, p.Signer)
	if err != nil {
		return last, comity.Unavailable("the key of the log", err)
	}
	next := storage.LogCheckpoint{Size: c.Size, Root: c.Root, Signed: signed}
	ctx, cancel := context.WithTimeout(ctx, stepFor)
	defer cancel()
	err = p.DB.Write(ctx, func(tx storage.Tx) error {
		next.At = tx.Now()
		return tx.PutLogCheckpoint(next)
	})
	p.mu.Lock()
	p.last = c
	if err == nil {
		p.mine = c.Size
	}
	p.mu.Unlock()
	switch {
	case errors.Is(err, storage.ErrConflict):
		return last, nil // the next beat reads it
	case err == nil:
		p.tell()
	}
	return next, err
}
