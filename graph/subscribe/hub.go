// Package subscribe hands what happens to the streams of a server. One goroutine
// asks the database for all of them; a few workers tell each stream what can concern
// it, which is decided anew, for its officer, when it is told. A stream that nobody
// reads fast enough is left behind, and goes on from the database when it is read again.
package subscribe

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/exchange"
)

// Source is where events come from.
type Source interface {
	// PlaceEvents gives waiting events their places, and reports whether there were any.
	PlaceEvents(context.Context) (bool, error)
	// EventsAfter lists events after a place, a page of them.
	EventsAfter(ctx context.Context, place int64) ([]exchange.Event, error)
	LastEvent(context.Context) (int64, error)
	// ListenEvents calls woken when another server placed events, as far as it can be told.
	ListenEvents(ctx context.Context, woken func()) error
	// Acted is told after acts through this server.
	Acted() <-chan struct{}
}

// Limits bound streams. What passes the first four is refused.
type Limits struct {
	Server  int // streams of this server
	State   int // of one state on it
	Agency  int // of one agency on it
	Officer int // of one officer on it
	Frames  int // told to a stream and not written yet
	Pending int // that can concern a stream and are not told yet
}

// DefaultLimits are those of a production server.
var DefaultLimits = Limits{Server: 12_000, State: 4_000, Agency: 2_000, Officer: 20, Frames: 16, Pending: 64}

// How a hub works.
const (
	workers   = 8
	ofOne     = 6                      // of them, for the streams of one state at most
	askEvery  = 500 * time.Millisecond // without a word of anybody
	waitAgain = time.Second            // after a failure
	readOnOf  = 2                      // workers that read on for one officer's streams at most
	// mostFailures in a row end a stream, which can be gone on with elsewhere.
	mostFailures = 20
	// checkWithin is how long it takes at most until it is noticed that a stream's token
	// or grant is no longer good, where nothing happens that says so.
	checkWithin = time.Minute
)

// Options are what a hub stands on.
type Options struct {
	Source Source
	Limits Limits
	Now    func() time.Time // by which tokens expire
	Log    *slog.Logger
}

// Hub is the streams of a server.
type Hub struct {
	Options

	mu       sync.Mutex
	place    int64 // of the last event that was handed out
	running  bool
	ended    bool
	streams  map[*Stream]struct{}
	byViewer map[string]map[*Stream]struct{}
	byCase   map[comity.ID]map[*Stream]struct{}
	places   *Places
	lines    map[comity.State]*line
	readers  map[comity.OfficerRef]*readers
	work     *sync.Cond
	over     chan struct{} // closed once no stream is taken any more
}

// New makes a hub, which hands out nothing before it runs.
func New(o Options) *Hub {
	h := &Hub{Options: o, streams: map[*Stream]struct{}{}, byViewer: map[string]map[*Stream]struct{}{}, byCase: map[comity.ID]map[*Stream]struct{}{},
		places: NewPlaces(o.Limits), lines: map[comity.State]*line{}, readers: map[comity.OfficerRef]*readers{}, over: make(chan struct{})}
	h.work = sync.NewCond(&h.mu)
	return h
}

// Run hands out events until ctx ends, and then ends every stream.
func (h *Hub) Run(ctx context.Context) {
	var all sync.WaitGroup
	for range workers {
		all.Go(func() { h.tellAll(ctx) })
	}
	woken := make(chan struct{}, 1)
	all.Go(func() { h.listen(ctx, woken) })
	all.Go(func() { h.watch(ctx) })
	h.ask(ctx, woken)
	h.End()
	all.Wait()
}

// End takes no stream any more and ends those that there are; what was told to them
// is still written.
func (h *Hub) End() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended {
		return
	}
	h.ended = true
	close(h.over)
	for s := range h.streams {
		s.end()
	}
	h.work.Broadcast()
}

// Len is how many streams are open.
func (h *Hub) Len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.streams)
}

// Running reports whether the hub takes streams.
func (h *Hub) Running() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.running && !h.ended
}

// Over is closed once the hub takes no stream any more.
func (h *Hub) Over() <-chan struct{} { return h.over }

// ask is the one who asks the database.
func (h *Hub) ask(ctx context.Context, woken <-chan struct{}) {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	failing := false
	for ctx.Err() == nil {
		err := h.round(ctx)
		if failing != (err != nil) && ctx.Err() == nil {
			if failing = err != nil; failing {
				h.Log.Warn("events wait", "error", err)
			} else {
				h.Log.Info("events come again")
			}
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		case <-woken:
		case <-h.Source.Acted():
		}
	}
}

// round hands out everything that has happened.
func (h *Hub) round(ctx context.Context) error {
	if err := h.begin(ctx); err != nil {
		return err
	}
	for more := true; more; {
		var err error
		if more, err = h.Source.PlaceEvents(ctx); err != nil {
			return err
		}
		for {
			found, err := h.Source.EventsAfter(ctx, h.at())
			if err != nil {
				return err
			}
			if len(found) == 0 {
				break
			}
			h.hand(found)
		}
	}
	return nil
}

// begin finds out where the events are, once.
func (h *Hub) begin(ctx context.Context) error {
	h.mu.Lock()
	running := h.running
	h.mu.Unlock()
	if running {
		return nil
	}
	place, err := h.Source.LastEvent(ctx)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.place, h.running = place, true
	return nil
}

func (h *Hub) at() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.place
}

// hand hands events to the streams that they can concern, and has the streams of
// their cases looked at.
func (h *Hub) hand(found []exchange.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range found {
		h.place = e.Seq
		for _, v := range e.Viewers {
			for s := range h.byViewer[v] {
				s.offer(e)
			}
		}
		for s := range h.byCase[e.Case] {
			s.check = true
			h.put(s)
		}
	}
}

// put gives a stream for which there is something to do to a worker. The lock is held.
func (h *Hub) put(s *Stream) {
	if !s.queued && s.waits() {
		s.queued = true
		l := h.lines[s.Officer.State]
		if l == nil {
			l = &line{}
			h.lines[s.Officer.State] = l
		}
		l.ready = append(l.ready, s)
		h.work.Signal()
	}
}

// listen has the database wake the one who asks.
func (h *Hub) listen(ctx context.Context, woken chan<- struct{}) {
	for ctx.Err() == nil {
		err := h.Source.ListenEvents(ctx, func() {
			select {
			case woken <- struct{}{}:
			default:
			}
		})
		if err != nil && ctx.Err() == nil {
			h.Log.Debug("the database does not tell of events, which are asked for all the same", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(waitAgain):
		}
	}
}

// watch ends the streams whose time is over, and has each looked at now and then.
func (h *Hub) watch(ctx context.Context) {
	const parts = int(checkWithin / time.Second)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for part := 0; ; part = (part + 1) % parts {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := h.Now()
		h.mu.Lock()
		for s := range h.streams {
			if !now.Before(s.Expires) {
				s.end()
			} else if s.number%parts == part {
				s.check = true
				h.put(s)
			}
		}
		h.mu.Unlock()
	}
}
