package verify

import (
	"context"
	"fmt"
)

// Stretch is a part of the chain, from an index on.
type Stretch struct {
	Size   int64      // how many leaves the whole chain has
	Leaves [][32]byte // in order, none left out
	Chains [][32]byte // the chain value of each
}

// Source is where a record of acts is read from.
type Source interface {
	// Chain gives the leaves from an index on, as many as fit: none only at
	// the end.
	Chain(ctx context.Context, from int64) (Stretch, error)
	// Openings gives each opening that the reader's state is shown to f, which
	// may end the reading with an error.
	Openings(ctx context.Context, f func(Opening) error) error
}

// Check is one verification of a record of acts.
type Check struct {
	Source Source
	Seen   *Seen
	// Through are heads that others have seen: the record must pass through each.
	Through []Head
	// Progress is told how many leaves of how many were read, then how many
	// openings (of 0, since nobody says how many there are). It may be nil.
	Progress func(what string, done, of int64)
}

// Report is what was verified.
type Report struct {
	Head    Head
	Before  Head  // what was remembered before
	Own     int64 // leaves that the state opens
	Waiting int64 // openings whose leaf has no place yet: these hold by themselves alone
}

// maxPending bounds the openings that came while the chain was read.
const maxPending = 1 << 16

// Run reads the whole record and checks that the leaves have contiguous
// indexes, that each chain value is over the one before and its leaf, that
// leaves seen before are as and where they were, that every opening shown opens
// the leaf at its index, each leaf once, and that every opening which was shown
// before is shown still. What does not hold is a [*Fault] with the first index
// at which it shows; then nothing new is remembered. Memory is a bit for each
// leaf.
//
// Not proven: that no opening was kept back since before this reader's first
// look, that leaves without a place will get one, that other readers are shown
// the same record (compare heads, see Through), nor that what an opening says
// is true.
func (c Check) Run(ctx context.Context) (Report, error) {
	r := &running{Check: c}
	if c.Progress == nil {
		r.Progress = func(string, int64, int64) {}
	}
	if err := r.chain(ctx); err != nil {
		return Report{}, err
	}
	if err := r.openings(ctx); err != nil {
		return Report{}, err
	}
	for _, h := range c.Through {
		if h.Size > r.head.Size {
			return Report{}, faultf(r.head.Size, "the exchange shows %d leaves, and somebody else was shown %d", r.head.Size, h.Size)
		}
	}
	before := c.Seen.head
	if err := c.Seen.keep(r.head, r.own); err != nil {
		return Report{}, err
	}
	return Report{Head: r.head, Before: before, Own: r.count, Waiting: r.waiting}, nil
}

type running struct {
	Check
	head    Head
	own     bitmap
	pending []Opening // placed beyond head
	count   int64
	waiting int64
}

// chain reads on to where the chain ended when this began: it may grow meanwhile.
func (r *running) chain(ctx context.Context) error {
	var size int64
	for first := true; ; first = false {
		s, err := r.Source.Chain(ctx, r.head.Size)
		if err != nil {
			return err
		}
		if first {
			size = s.Size
		}
		if len(s.Leaves) != len(s.Chains) || s.Size < r.head.Size+int64(len(s.Leaves)) {
			return faultf(r.head.Size, "the exchange says that the record has %d leaves, and shows others", s.Size)
		}
		if err := r.stretch(s); err != nil {
			return err
		}
		r.Progress("leaves", r.head.Size, max(size, r.head.Size))
		switch {
		case r.head.Size >= size && r.head.Size >= r.Seen.head.Size:
			return nil
		case len(s.Leaves) > 0:
		case r.head.Size < s.Size:
			return faultf(r.head.Size, "no leaf is there, though the record has %d", s.Size)
		case r.head.Size < r.Seen.head.Size:
			return faultf(r.head.Size, "rolled back: the exchange shows %d leaves, and %d were seen before", r.head.Size, r.Seen.head.Size)
		default:
			return faultf(r.head.Size, "the exchange shows %d leaves, and showed %d just now", s.Size, size)
		}
	}
}

// stretch takes leaves in, and compares those that were seen before.
func (r *running) stretch(s Stretch) error {
	seen := r.Seen.head
	known := min(max(seen.Size-r.head.Size, 0), int64(len(s.Leaves)))
	before, err := r.Seen.read(r.head.Size, int(known))
	if err != nil {
		return err
	}
	from, fresh := r.head.Size+known, make([]byte, 0, (int64(len(s.Leaves))-known)*entrySize)
	for i, leaf := range s.Leaves {
		index := r.head.Size
		if int64(i) < known {
			if leaf != [32]byte(before[i*entrySize+1:(i+1)*entrySize]) {
				return faultf(index, "forked: another leaf was seen here before")
			}
		} else {
			fresh = append(append(fresh, 0), leaf[:]...)
		}
		r.head = Head{index + 1, Link(r.head.Chain, index, leaf)}
		if r.head.Chain != s.Chains[i] {
			return faultf(index, "the chain value is not over the one before and this leaf")
		}
		if r.head.Size == seen.Size && r.head.Chain != seen.Chain {
			return r.Seen.damaged(fmt.Errorf("its leaves and its head are not of one chain"))
		}
		for _, h := range r.Through {
			if h.Size == r.head.Size && h.Chain != r.head.Chain {
				return faultf(index, "forked: somebody else was shown another chain at or before this leaf")
			}
		}
	}
	return r.Seen.write(from, fresh)
}

// openings checks every opening shown, and that none is gone.
func (r *running) openings(ctx context.Context) error {
	err := r.Source.Openings(ctx, func(o Opening) error {
		if err := r.opening(o); err != nil {
			return err
		}
		r.Progress("openings", r.count+r.waiting+int64(len(r.pending)), 0)
		return nil
	})
	if err != nil {
		return err
	}
	if len(r.pending) > 0 { // placed while this was reading
		pending := r.pending
		r.pending = nil
		var last int64
		for _, o := range pending {
			last = max(last, o.Index)
		}
		if err := r.chain(ctx); err != nil {
			return err
		}
		if last >= r.head.Size {
			return faultf(last, "an opening is shown for this place, and the record ends before")
		}
		for _, o := range pending {
			if err := r.opening(o); err != nil {
				return err
			}
		}
	}
	return r.Seen.walk(r.Seen.head.Size, func(from int64, entries []byte) error {
		for i := range int64(len(entries) / entrySize) {
			if entries[i*entrySize] != 0 && !r.own.has(from+i) {
				return faultf(from+i, "an opening of this leaf was shown before, and is kept back now")
			}
		}
		return nil
	})
}

func (r *running) opening(o Opening) error {
	if o.State != r.Seen.state {
		return faultf(o.Index, "the opening is not of %s", r.Seen.state)
	}
	if err := o.Check(); err != nil {
		return faultf(o.Index, "%v", err)
	}
	switch {
	case o.Index < 0:
		r.waiting++
		return nil
	case o.Index >= r.head.Size:
		if len(r.pending) == maxPending {
			return faultf(r.head.Size, "the record ends here, and openings of more than %d later leaves are shown", maxPending)
		}
		r.pending = append(r.pending, o)
		return nil
	}
	entry, err := r.Seen.read(o.Index, 1)
	if err != nil {
		return err
	}
	if [32]byte(entry[1:]) != o.Leaf {
		return faultf(o.Index, "the opening is of another leaf than the one that stands here")
	}
	if !r.own.add(o.Index) {
		return faultf(o.Index, "two openings of this leaf are shown")
	}
	r.count++
	return nil
}
