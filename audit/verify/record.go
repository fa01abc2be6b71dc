package verify

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// Check is one verification of a log: of every leaf and tile, and of the
// openings that a state is shown.
type Check struct {
	Source Source
	// Open reads a signed checkpoint and checks its signatures by [Policy.Open] or [OpenSigned].
	Open func(signed []byte) (Checkpoint, error)
	// Seen remembers the leaves. It may be nil where there are no openings.
	Seen *Seen
	// Openings gives each opening that Seen's state is shown to f, which may end
	// the reading with an error. Nil: only the log itself is verified.
	Openings func(ctx context.Context, f func(Shown) error) error
	// Erasure holds what a leaf says of an erasure against the word of those who
	// decided it. It is asked for each leaf that says to have erased openings; a
	// [*Fault] that it answers is given that leaf's index.
	Erasure func(ctx context.Context, erasure string, said Erased) error
	// Settle is how long a checkpoint may take to get its cosignatures, to come over
	// leaves whose openings are shown with their places, and to be as large again as
	// one that was seen before: of several servers one may be behind another.
	Settle time.Duration
	// Through are checkpoints that others have seen: the log must pass through each.
	Through []Checkpoint
	// Progress is told how many leaves of how many were read, then how many
	// openings (of 0, since nobody says how many there are). It may be nil.
	Progress func(what string, done, of int64)
}

// Report is what was verified.
type Report struct {
	Checkpoint Checkpoint
	Signed     []byte     // the same as it is signed and cosigned
	Before     Checkpoint // what was remembered before
	Own        int64      // leaves that the state opens
	Erased     int64      // leaves whose opening the state has erased, as a leaf of its own says
	Waiting    int64      // openings whose leaf has no place yet: these hold by themselves alone
}

// Run reads the whole log and checks that its checkpoint is signed, that every
// tile is what its leaves hash to and the tree is that of the checkpoint, that
// leaves seen before are as and where they were, that every opening shown opens
// the leaf at its index, each leaf once, or was erased as another leaf says, and
// that every opening which was shown before is shown still. What does not hold is a [*Fault] with the first index
// at which it shows; then nothing new is remembered. What is wrong with the
// checkpoint itself is told at the first leaf that was not seen before. Memory
// is a bit for each leaf of the log, and eight bytes for each opening of an erasure
// that is being read.
//
// Not proven: that no opening was kept back since before this reader's first
// look, that leaves without a place will get one, nor that what an opening says
// is true. That other readers are shown the same log is as sure as those whose
// cosignatures Open wants.
func (c Check) Run(ctx context.Context) (Report, error) {
	r := &running{Check: c, tree: tree{src: c.Source}}
	if c.Progress == nil {
		r.Progress = func(string, int64, int64) {}
	}
	if c.Seen != nil {
		r.seen = c.Seen.head
	}
	if err := r.leaves(ctx); err != nil {
		return Report{}, err
	}
	var all listing
	if c.Openings != nil {
		var err error
		if all, err = r.openings(ctx); err != nil {
			return Report{}, err
		}
	}
	for _, h := range c.Through {
		if h.Size > r.size {
			return Report{}, faultf(r.size, "the log has %d leaves, and somebody else was shown %d", r.size, h.Size)
		}
	}
	if c.Seen != nil {
		if err := c.Seen.keep(r.now, r.signed, all.own); err != nil {
			return Report{}, err
		}
	}
	return Report{Checkpoint: r.now, Signed: r.signed, Before: r.seen, Own: all.opened, Erased: all.gone, Waiting: all.waiting}, nil
}

type running struct {
	Check
	tree
	seen   Checkpoint // as it was before
	now    Checkpoint
	signed []byte
}

// checkpoint reads the newest one. One that lacks cosignatures may get them, or
// give way to one that has them, and one that is behind may come from a server that
// does not show yet what another does.
func (r *running) checkpoint(ctx context.Context) (c Checkpoint, signed []byte, err error) {
	from := max(r.size, r.seen.Size)
	wanted := from
	for _, h := range r.Through {
		wanted = max(wanted, h.Size)
	}
	for until := time.Now().Add(r.Settle); ; {
		late := !time.Now().Before(until)
		signed, err = r.Source.Read(ctx, CheckpointPath)
		gone := errors.Is(err, fs.ErrNotExist) && from > 0
		if gone && late {
			return c, nil, faultf(0, "rolled back: there is no checkpoint, and %d leaves were seen before", from)
		} else if err != nil && !gone {
			return c, nil, fmt.Errorf("verify: read the checkpoint: %w", err)
		}
		if !gone {
			c, err = r.Open(signed)
			_, unsigned := errors.AsType[*Unsigned](err)
			_, invalid := errors.AsType[*Invalid](err)
			switch {
			case invalid:
				return c, nil, faultf(from, "%v", err)
			case err != nil && (late || !unsigned):
				return c, nil, err
			case err == nil && c.Size < r.size && late:
				return c, nil, faultf(c.Size, "rolled back: the log has %d leaves, and had %d just now", c.Size, r.size)
			case err == nil && (c.Size >= wanted || late): // behind what was seen before: that shows where
				return c, signed, nil
			}
		}
		if err := wait(ctx); err != nil {
			return c, nil, err
		}
	}
}

// wait is for what comes by itself.
func wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(100 * time.Millisecond):
		return nil
	}
}

// leaves reads the tree on to the newest checkpoint.
func (r *running) leaves(ctx context.Context) error {
	c, signed, err := r.checkpoint(ctx)
	if err != nil {
		return err
	}
	known := max(r.size, r.seen.Size)
	err = r.grow(ctx, c.Size, func(b *bundle) error {
		if err := r.bundle(b, known); err != nil {
			return err
		}
		r.Progress("leaves", b.from+int64(len(b.leaves)), c.Size)
		return nil
	})
	if err == nil {
		err = r.passes(c.Size, r.tail)
	}
	switch {
	case err != nil:
		return err
	case c.Size < r.seen.Size:
		return faultf(c.Size, "rolled back: the log has %d leaves, and %d were seen before", c.Size, r.seen.Size)
	case r.root(r.tail) != c.Root:
		return faultf(min(known, max(c.Size-1, 0)), "the leaves hash to another tree than the signed checkpoint's")
	}
	r.now, r.signed = c, signed
	return nil
}

// bundle takes leaves in: those below known are compared with what is
// remembered, and the tree within them with what is known of it.
func (r *running) bundle(b *bundle, known int64) error {
	var n int64
	if r.Seen != nil {
		n = min(max(known-b.from, 0), int64(len(b.leaves)))
		before, err := r.Seen.read(b.from, int(n))
		if err != nil {
			return err
		}
		for i, leaf := range b.leaves[:n] {
			if leaf != [32]byte(before[i*seenSize+1:(i+1)*seenSize]) {
				return faultf(b.from+int64(i), "forked: another leaf was seen here before")
			}
		}
	}
	if b.err != nil {
		return b.err
	}
	for i := range b.hashes {
		if err := r.passes(b.from+int64(i), b.hashes[:i]); err != nil {
			return err
		}
	}
	if r.Seen == nil {
		return nil
	}
	fresh := make([]byte, 0, (len(b.leaves)-int(n))*seenSize)
	for _, leaf := range b.leaves[n:] {
		fresh = append(append(fresh, 0), leaf[:]...)
	}
	return r.Seen.write(b.from+n, fresh)
}

// passes checks that the tree of some size, which ends with a tail of leaves'
// hashes, is the one that is known of that size, if any is.
func (r *running) passes(size int64, tail []tlog.Hash) error {
	if size > 0 && size == r.seen.Size && r.root(tail) != r.seen.Root {
		return r.Seen.damaged(errors.New("its leaves and its checkpoint are not of one log"))
	}
	for _, h := range r.Through {
		if size == h.Size && r.root(tail) != h.Root {
			return faultf(max(size-1, 0), "forked: somebody else was shown another log at or before this leaf")
		}
	}
	return nil
}

// settle reads on until the checkpoint is over the leaf at an index.
func (r *running) settle(ctx context.Context, index int64) error {
	for until := time.Now().Add(r.Settle); ; {
		if err := r.leaves(ctx); err != nil || index < r.size {
			return err
		}
		if !time.Now().Before(until) {
			return faultf(index, "an opening is shown for this place, and the log ends before")
		}
		if err := wait(ctx); err != nil {
			return err
		}
	}
}
