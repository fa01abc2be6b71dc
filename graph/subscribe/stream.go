package subscribe

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/exchange"
)

// ErrOver is what a subscription says when it is no longer good.
var ErrOver = errors.New("subscribe: it is over")

// ErrEnding is for who subscribes at a server that is ending, or has not begun.
var ErrEnding = errors.New("subscribe: this server takes no streams now")

// LaterError is for an event that is told after a time: it is kept until then, as are
// those that come after it.
type LaterError struct{ After time.Duration }

func (e *LaterError) Error() string { return "subscribe: to be told after " + e.After.String() }

// Subscription is what a stream is for.
type Subscription struct {
	Officer comity.Officer
	Kinds   []comity.EventKind // none: every one
	Case    comity.ID          // "" for every one
	Expires time.Time
	// Tell makes the frame of an event, nil where it is not told. [ErrOver] ends the
	// stream; after any other error it is tried again, after a [LaterError] as often
	// as it takes.
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

	hub     *Hub
	keys    []string
	number  int
	woken   chan struct{}
	release func() // gives its place back

	// All below is under the hub's lock.
	place    int64 // of the last event that was looked at: what is to be told of those up to it is pending, or was
	behind   bool  // the next ones are read from the database
	pending  []exchange.Event
	frames   []Frame
	check    bool
	queued   bool // it waits for a worker, or is with one
	stalled  bool // it has as many frames as it may
	resting  bool // it is to be told on later
	parked   bool // others of its officer's read on, and it waits for them
	over     bool
	closed   bool
	failures int

	unchecked bool // whether it still is good is to be tried again later
}

// Open opens a stream that tells what comes after a place, or after now where it is
// negative, and says which place that is.
func (h *Hub) Open(sub Subscription, after int64) (*Stream, int64, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended || !h.running {
		return nil, 0, ErrEnding
	}
	release, err := h.places.Take(sub.Officer)
	if err != nil {
		return nil, 0, err
	}
	s := &Stream{Subscription: sub, hub: h, keys: exchange.EventViewers(sub.Officer), number: len(h.streams), woken: make(chan struct{}, 1), release: release, place: after}
	if after < 0 {
		s.place = h.place
	}
	s.behind = s.place < h.place
	h.streams[s] = struct{}{}
	for _, k := range s.keys {
		index(h.byViewer, k)[s] = struct{}{}
	}
	if sub.Case != "" {
		index(h.byCase, sub.Case)[s] = struct{}{}
	}
	h.put(s)
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
	s.release()
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
	if s.over || s.behind || e.Seq <= s.place || !s.concerns(e) { // it comes under each of the officer's keys
		return
	}
	if s.behind = !s.keep(e); !s.behind {
		s.hub.put(s)
	}
}

// keep has an event told, unless as many wait as may.
func (s *Stream) keep(e exchange.Event) bool {
	if len(s.pending) >= s.hub.Limits.Pending {
		return false
	}
	s.pending, s.place = append(s.pending, e), e.Seq
	return true
}
