package subscribe

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/comity-platform/comity"
)

// tellAll is a worker: it takes one stream after the other, and does a little for each.
func (h *Hub) tellAll(ctx context.Context) {
	for {
		s := h.take()
		if s == nil {
			return
		}
		rest, wait := h.step(ctx, s)
		h.mu.Lock()
		s.queued = false
		h.lines[s.Officer.State].atWork--
		if wait > 0 {
			*rest = true
			time.AfterFunc(wait, func() {
				h.mu.Lock()
				defer h.mu.Unlock()
				*rest = false
				h.put(s)
			})
		}
		h.put(s)
		h.mu.Unlock()
	}
}

// waits reports whether there is something to do for a stream: one that is told later
// ends in time all the same. The lock is held.
func (s *Stream) waits() bool {
	ready := !s.stalled && !s.parked && !s.resting && (s.behind || len(s.pending) > 0)
	return !s.over && !s.closed && (s.check && !s.unchecked || ready)
}

// take waits for a stream to work for; nil once the hub has ended.
func (h *Hub) take() *Stream {
	h.mu.Lock()
	defer h.mu.Unlock()
	for !h.ended {
		if l := h.next(); l != nil {
			s := l.ready[0]
			l.ready[0] = nil
			l.ready = l.ready[1:]
			l.atWork++
			return s
		}
		h.work.Wait()
	}
	return nil
}

// line is the streams of one state's officers that wait for a worker. Telling them
// may take long, as by much that is asked for or by a custodian that does not
// answer: that is to hold up no other state's.
type line struct {
	ready  []*Stream
	atWork int // streams that are with one
}

// next is the line that is served next: of those that wait, the one with the fewest
// at work, nil where there is none. The lock is held.
func (h *Hub) next() (next *line) {
	for _, l := range h.lines {
		if len(l.ready) > 0 && l.atWork < ofOne && (next == nil || l.atWork < next.atWork) {
			next = l
		}
	}
	return next
}

// step looks whether a stream still is good, or tells it one event, or reads a page on
// where it was left behind. It says after which time that is to be tried again, 0 where
// it did not fail, and what holds until then.
func (h *Hub) step(ctx context.Context, s *Stream) (rest *bool, wait time.Duration) {
	h.mu.Lock()
	if s.check && !s.unchecked && !s.over && !s.closed {
		s.check = false
		h.mu.Unlock()
		return &s.unchecked, s.settle(s.Good(ctx), func() { s.check = true })
	}
	h.mu.Unlock()
	return &s.resting, h.tellOne(ctx, s)
}

// tellOne is a step of telling.
func (h *Hub) tellOne(ctx context.Context, s *Stream) time.Duration {
	h.mu.Lock()
	switch {
	case s.over || s.closed:
		h.mu.Unlock()
		return 0
	case len(s.frames) >= h.Limits.Frames:
		s.stalled = true
		h.mu.Unlock()
		return 0
	case len(s.pending) == 0 && s.behind:
		place := s.place
		may := h.mayRead(s)
		h.mu.Unlock()
		if !may {
			return 0
		}
		return h.readOn(ctx, s, place)
	case len(s.pending) == 0:
		h.mu.Unlock()
		return 0
	}
	e := s.pending[0]
	h.mu.Unlock()
	frame, err := s.Tell(ctx, e)
	return s.settle(err, nil, func() {
		if len(s.pending) > 0 { // it did not end meanwhile
			s.pending = s.pending[1:]
		}
		if frame != nil && !s.closed {
			s.frames = append(s.frames, *frame)
			s.wake()
		}
	})
}

// settle goes on after an attempt: done where it succeeded, failed where it is to be
// made again. A subscription that is over ends its stream, as one does for which
// nothing can be read for long.
func (s *Stream) settle(err error, failed func(), done ...func()) time.Duration {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	if err == nil {
		s.failures = 0
		for _, f := range done {
			f()
		}
		return 0
	}
	if later, ok := errors.AsType[*LaterError](err); ok {
		return max(later.After, time.Millisecond)
	}
	s.hub.Log.Debug("a stream fails", "officer", s.Officer.Ref(), "error", err, "times", s.failures+1)
	if s.failures++; errors.Is(err, ErrOver) || s.failures >= mostFailures {
		s.end()
		return 0
	}
	if failed != nil {
		failed()
	}
	return waitAgain
}

// readers are the streams of one officer that read on where they were left behind.
type readers struct {
	atWork  int
	waiting []*Stream
}

// mayRead has a stream read on, or wait until another of its officer's has read a
// page. The lock is held.
func (h *Hub) mayRead(s *Stream) bool {
	r := h.readers[s.Officer.Ref()]
	if r == nil {
		r = &readers{}
		h.readers[s.Officer.Ref()] = r
	}
	if r.atWork >= readOnOf {
		s.parked = true
		r.waiting = append(r.waiting, s)
		return false
	}
	r.atWork++
	return true
}

// hasRead has those try that wait for it, all of them: one may have ended or
// stalled meanwhile. The lock is held.
func (h *Hub) hasRead(o comity.OfficerRef) {
	r := h.readers[o]
	for _, s := range r.waiting {
		s.parked = false
		h.put(s)
	}
	r.waiting = nil
	if r.atWork--; r.atWork == 0 {
		delete(h.readers, o)
	}
}

// readOn reads a page of what happened since a stream was left behind, until it is as
// far as the hub, and keeps what can concern it. One page is one short read of the
// database, and nothing of it is told before others had their turn.
func (h *Hub) readOn(ctx context.Context, s *Stream, place int64) time.Duration {
	before := h.at() // what comes later is not offered to a stream that is behind, and may not be found either
	found, err := h.Source.EventsAfter(ctx, place)
	wait := s.settle(err, nil)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hasRead(s.Officer.Ref())
	if err != nil || s.over || s.closed {
		return wait
	}
	for _, e := range found {
		if s.concerns(e) && slices.ContainsFunc(e.Viewers, func(v string) bool { return slices.Contains(s.keys, v) }) && !s.keep(e) {
			return 0 // it reads on from here
		}
		s.place = e.Seq
	}
	if len(found) == 0 {
		s.place = max(s.place, before)
	}
	s.behind = s.place < h.place
	return 0
}
