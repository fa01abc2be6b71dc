package subscribe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/exchange"
)

// ErrOver is what a subscription says when it is no longer good.
var ErrOver = errors.New("subscribe: it is over")

// ErrEnding is for who subscribes at a server that is ending, or has not begun.
var ErrEnding = errors.New("subscribe: this server takes no streams now")

// FullError is for who subscribes where there is no place.
type FullError struct {
	Limit string // "streams", "agencyStreams" or "officerStreams"
	Most  int
}

func (e *FullError) Error() string {
	return fmt.Sprintf("subscribe: the limit %s of %d is reached", e.Limit, e.Most)
}

// Subscription is what a stream is for.
type Subscription struct {
	Officer comity.Officer
	Kinds   []comity.EventKind // none: every one
	Case    comity.ID          // "" for every one
	Expires time.Time
	// Tell makes the frame of an event, nil where it is not told. [ErrOver] ends the
	// stream; after any other error it is tried again.
	Tell func(context.Context, exchange.Event) (*Frame, error)
	// Good reports, without a trace, whether the subscription still is: [ErrOver].
	Good func(context.Context) error
}

// Frame is an event as it is written.
type Frame struct {
	ID   string
	Data []byte
}

// Stream is a subscription that is open. Whoever writes it waits for Woken, takes
// what there is, and closes it in the end.
type Stream struct {
	Subscription

	hub    *Hub
	keys   []string
	number int
	woken  chan struct{}

	// All below is under the hub's lock.
	place    int64 // of the last event that was told, or was not to be
	behind   bool  // the next ones are read from the database
	pending  []exchange.Event
	frames   []Frame
	check    bool
	queued   bool // it waits for a worker, or is with one
	stalled  bool // it has as many frames as it may
	over     bool
	closed   bool
	failures int
}

// Open opens a stream that tells what comes after a place, or after now where it is
// negative, and says which place that is.
func (h *Hub) Open(sub Subscription, after int64) (*Stream, int64, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	agency, ref := sub.Officer.Agency, sub.Officer.Ref()
	switch {
	case h.ended || !h.running:
		return nil, 0, ErrEnding
	case h.officers[ref] >= h.Limits.Officer:
		return nil, 0, &FullError{"officerStreams", h.Limits.Officer}
	case h.agencies[agency] >= h.Limits.Agency:
		return nil, 0, &FullError{"agencyStreams", h.Limits.Agency}
	case len(h.streams) >= h.Limits.Server:
		return nil, 0, &FullError{"streams", h.Limits.Server}
	}
	s := &Stream{Subscription: sub, hub: h, keys: exchange.EventViewers(sub.Officer), number: len(h.streams), woken: make(chan struct{}, 1), place: after}
	if after < 0 {
		s.place = h.place
	}
	s.behind = s.place < h.place
	h.streams[s] = struct{}{}
	h.officers[ref]++
	h.agencies[agency]++
	for _, k := range s.keys {
		index(h.byViewer, k)[s] = struct{}{}
	}
	if sub.Case != "" {
		index(h.byCase, sub.Case)[s] = struct{}{}
	}
	if s.behind {
		h.put(s)
	}
	return s, s.place, nil
}

func index[K comparable](m map[K]map[*Stream]struct{}, k K) map[*Stream]struct{} {
	if m[k] == nil {
		m[k] = map[*Stream]struct{}{}
	}
	return m[k]
}

// Close gives the stream's place back.
func (s *Stream) Close() {
	h := s.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.closed {
		return
	}
	s.closed, s.pending, s.frames = true, nil, nil
	delete(h.streams, s)
	for _, k := range s.keys {
		if delete(h.byViewer[k], s); len(h.byViewer[k]) == 0 {
			delete(h.byViewer, k)
		}
	}
	if delete(h.byCase[s.Case], s); len(h.byCase[s.Case]) == 0 {
		delete(h.byCase, s.Case)
	}
	less(h.officers, s.Officer.Ref())
	less(h.agencies, s.Officer.Agency)
}

func less[K comparable](m map[K]int, k K) {
	if m[k]--; m[k] <= 0 {
		delete(m, k)
	}
}

// Woken is told when there are frames to take, or the stream is over.
func (s *Stream) Woken() <-chan struct{} { return s.woken }

// Take takes the frames that are to be written, and reports whether the stream is
// over after them.
func (s *Stream) Take() (frames []Frame, over bool) {
	h := s.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	frames, s.frames = s.frames, nil
	if s.stalled {
		s.stalled = false
		h.put(s)
	}
	return frames, s.over
}

func (s *Stream) wake() {
	select {
	case s.woken <- struct{}{}:
	default:
	}
}

// end has the stream end. The lock is held, as for all below.
func (s *Stream) end() {
	if !s.over {
		s.over, s.pending, s.behind = true, nil, false
		s.wake()
	}
}

// concerns reports whether an event can be one of the subscription's.
func (s *Stream) concerns(e exchange.Event) bool {
	return (len(s.Kinds) == 0 || slices.Contains(s.Kinds, e.Kind)) && (s.Case == "" || s.Case == e.Case)
}

// offer keeps an event that can concern the stream until a worker tells it.
func (s *Stream) offer(e exchange.Event) {
	if s.over || s.behind || e.Seq <= s.place || !s.concerns(e) {
		return
	}
	n := len(s.pending)
	switch {
	case n > 0 && s.pending[n-1].Seq >= e.Seq: // under another of the officer's keys
		return
	case n >= s.hub.Limits.Pending:
		s.pending, s.behind = nil, true
	default:
		s.pending = append(s.pending, e)
	}
	s.hub.put(s)
}
