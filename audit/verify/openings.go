package verify

import (
	"bytes"
	"context"
	"errors"
	"slices"
)

// Shown is what a state is shown of a leaf: its opening, or that it was erased.
type Shown struct {
	Opening         // without Salt and Content when it was erased
	ID       string // the leaf's name
	Own      [32]byte
	ErasedBy string // the name of the leaf that says so, "" while it opens
}

// Check checks that what is shown, open or erased, is of the leaf.
func (s Shown) Check() error {
	if s.ErasedBy == "" {
		return s.Opening.Check()
	}
	if s.Index < 0 {
		return errors.New("the opening was erased before its leaf had a place")
	}
	if leafOf(s.Commitments) != s.Leaf || !slices.Contains(s.Commitments, s.Own) {
		return errors.New("what was erased is not what the leaf commits to")
	}
	return nil
}

// maxPending bounds the openings that came while the leaves were read.
const maxPending = 1 << 16

// listing is what one reading of a state's openings has found.
type listing struct {
	*running
	own     bitmap
	pending []Shown // placed beyond the leaves read so far
	opened  int64
	gone    int64
	waiting int64
	erased  map[string][]int64 // by the leaf that says so, the indexes of what is shown as erased; nil once they are all that it says
	says    map[string]erasing // what leaves say to have erased
}

// erasing is what the leaf at an index says of an erasure, by the erasure's id.
type erasing struct {
	Erased
	index   int64
	erasure string
}

// openings checks every opening shown, and that none is gone. While openings are
// being erased they are read again, since the leaf that says so comes first in
// the list and may have been missed.
func (r *running) openings(ctx context.Context) (listing, error) {
	for tries := 3; ; tries-- {
		all := listing{running: r, erased: map[string][]int64{}, says: map[string]erasing{}}
		if err := all.read(ctx); err != nil {
			return listing{}, err
		}
		err := all.erasures()
		if err == nil {
			if err = all.decided(ctx); err == nil {
				err = all.kept()
			}
		} else if tries > 1 {
			continue
		}
		return all, err
	}
}

func (l *listing) read(ctx context.Context) error {
	err := l.Openings(ctx, func(s Shown) error {
		if err := l.take(s); err != nil {
			return err
		}
		l.Progress("openings", l.opened+l.gone+l.waiting+int64(len(l.pending)), 0)
		return nil
	})
	if err != nil || len(l.pending) == 0 {
		return err
	}
	pending := l.pending // placed while this was reading
	l.pending = nil
	var last int64
	for _, s := range pending {
		last = max(last, s.Index)
	}
	if err := l.settle(ctx, last); err != nil {
		return err
	}
	for _, s := range pending {
		if err := l.take(s); err != nil {
			return err
		}
	}
	return nil
}

func (l *listing) take(s Shown) error {
	if s.State != l.Seen.state {
		return faultf(s.Index, "the opening is not of %s", l.Seen.state)
	}
	if err := s.Check(); err != nil {
		return faultf(s.Index, "%v", err)
	}
	if s.Index >= l.size {
		if len(l.pending) == maxPending {
			return faultf(l.size, "the log ends here, and openings of more than %d later leaves are shown", maxPending)
		}
		l.pending = append(l.pending, s)
		return nil
	}
	if err := l.erasing(s); err != nil {
		return err
	}
	if s.Index < 0 {
		l.waiting++
		return nil
	}
	entry, err := l.Seen.read(s.Index, 1)
	if err != nil {
		return err
	}
	if [32]byte(entry[1:]) != s.Leaf {
		return faultf(s.Index, "the opening is of another leaf than the one that stands here")
	}
	if !l.own.add(s.Index) {
		return faultf(s.Index, "two openings of this leaf are shown")
	}
	if s.ErasedBy != "" {
		indexes := append(l.erased[s.ErasedBy], s.Index)
		// The leaf comes first in the list, so that what it erased need not be kept to the end.
		if said, ok := l.says[s.ErasedBy]; ok && said.are(indexes) {
			indexes = nil
		}
		l.erased[s.ErasedBy] = indexes
		l.gone++
	} else {
		l.opened++
	}
	return nil
}

// erasing notes what the leaf of an erasure says.
func (l *listing) erasing(s Shown) error {
	if !bytes.Contains(s.Content, []byte(`"erased"`)) {
		return nil
	}
	var said struct {
		Act     string  `json:"act"`
		Outcome string  `json:"outcome"`
		Erased  *Erased `json:"erased"`
		Records []struct {
			ID string `json:"id"`
		} `json:"records"`
	}
	if err := ReadContent(s.Content, &said); err != nil {
		return faultf(s.Index, "what the leaf commits to cannot be read: %v", err)
	}
	if said.Erased != nil && said.Act == "logErased" && said.Outcome == "DONE" {
		if len(said.Records) != 1 {
			return faultf(s.Index, "the leaf says that openings were erased, and not by which erasure")
		}
		l.says[s.ID] = erasing{*said.Erased, s.Index, said.Records[0].ID}
	}
	return nil
}

// erasures checks that exactly those openings are erased that leaves say to have
// erased.
func (l *listing) erasures() error {
	for id, indexes := range l.erased {
		if indexes == nil {
			continue
		}
		said, ok := l.says[id]
		if !ok {
			return faultf(slices.Min(indexes), "the opening is shown as erased, and no leaf is shown that says so")
		}
		if !said.are(indexes) {
			return faultf(min(said.From, slices.Min(indexes)), "others are shown as erased than the leaf %.80s says, from here on", id)
		}
	}
	for id, said := range l.says {
		if _, ok := l.erased[id]; !ok && said.Count > 0 {
			return faultf(said.From, "the leaf %.80s says that the opening was erased, and it is not shown so", id)
		}
	}
	return nil
}

// decided checks that each erasure was decided by those who may: who writes leaves
// could else have openings pass for erased.
func (l *listing) decided(ctx context.Context) error {
	for id, said := range l.says {
		err := l.Erasure(ctx, said.erasure, said.Erased)
		if f, ok := errors.AsType[*Fault](err); ok {
			return faultf(max(said.index, 0), "the leaf %.80s says that openings were erased from index %d on, and the state did not decide so: %s", id, said.From, f.Reason)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// kept checks that everything which was shown before is shown still.
func (l *listing) kept() error {
	return l.Seen.walk(l.seen.Size, func(from int64, entries []byte) error {
		for i := range int64(len(entries) / seenSize) {
			if entries[i*seenSize] != 0 && !l.own.has(from+i) {
				return faultf(from+i, "an opening of this leaf was shown before, and is kept back now")
			}
		}
		return nil
	})
}
