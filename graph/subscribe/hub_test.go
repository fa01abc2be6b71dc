package subscribe

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/exchange"
)

// source is events in memory. Pages are short, so that streams read on often.
type source struct {
	mu     sync.Mutex
	all    []exchange.Event
	asked  int
	failed error
	acted  chan struct{}
	found  func() // called once events were looked for
	reads  func(place int64) (done func())
}

func (s *source) PlaceEvents(context.Context) (bool, error) { return false, nil }

func (s *source) EventsAfter(_ context.Context, place int64) ([]exchange.Event, error) {
	s.mu.Lock()
	reads := s.reads
	s.mu.Unlock()
	if reads != nil {
		defer reads(place)()
	}
	s.mu.Lock()
	s.asked++
	found, err := append([]exchange.Event(nil), s.all[place:min(len(s.all), int(place)+5)]...), s.failed
	s.mu.Unlock()
	if s.found != nil {
		s.found()
	}
	return found, err
}

func (s *source) LastEvent(context.Context) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return int64(len(s.all)), nil
}

func (s *source) ListenEvents(ctx context.Context, _ func()) error {
	<-ctx.Done()
	return ctx.Err()
}

func (s *source) Acted() <-chan struct{} { return s.acted }

// happens adds an event that can concern some.
func (s *source) happens(kind comity.EventKind, of comity.ID, viewers ...string) {
	s.mu.Lock()
	e := exchange.Event{Viewers: viewers}
	e.Seq, e.Kind, e.Case = int64(len(s.all)+1), kind, of
	s.all = append(s.all, e)
	s.mu.Unlock()
	select {
	case s.acted <- struct{}{}:
	default:
	}
}

func newHub(t *testing.T, l Limits) (*Hub, *source) {
	t.Helper()
	s := &source{acted: make(chan struct{}, 1)}
	h := New(Options{Source: s, Limits: l, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); h.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	waitFor(t, "the hub runs", h.Running)
	return h, s
}

// follower reads a stream as a transport does.
type follower struct {
	*Stream
	got  []Frame
	over bool
}

func officer(n string) comity.Officer {
	return comity.Officer{State: "KZ", Agency: "KZ/cyber", Role: comity.RoleInvestigator, Pseudonym: n}
}

func follow(t *testing.T, h *Hub, name string, change func(*Subscription), after int64) *follower {
	t.Helper()
	sub := Subscription{Officer: officer(name), Expires: time.Now().Add(time.Hour), Good: func(context.Context) error { return nil },
		Tell: func(_ context.Context, e exchange.Event) (*Frame, error) { return &Frame{ID: fmt.Sprint(e.Seq)}, nil }}
	if change != nil {
		change(&sub)
	}
	s, _, err := h.Open(sub, after)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return &follower{Stream: s}
}

// until reads until so many frames came or the stream is over.
func (f *follower) until(t *testing.T, n int) {
	t.Helper()
	for timeout := time.After(20 * time.Second); len(f.got) < n && !f.over; {
		select {
		case <-f.Woken():
			frames, over := f.Take()
			f.got, f.over = append(f.got, frames...), over
		case <-timeout:
			t.Fatalf("%d of %d frames came", len(f.got), n)
		}
	}
}

func (f *follower) ids() (ids []string) {
	for _, g := range f.got {
		ids = append(ids, g.ID)
	}
	return ids
}

// TestOrder: quick and slow streams, and those that go on from before, are told every
// event that can concern them, once and in order.
func TestOrder(t *testing.T) {
	h, s := newHub(t, Limits{Server: 100, State: 100, Agency: 100, Officer: 100, Frames: 2, Pending: 3})
	const n = 200
	for range n / 2 {
		s.happens(comity.EventCaseChanged, "", "KZ:a", "KZ")
		s.happens(comity.EventCaseChanged, "", "KZ:b")
	}
	late := follow(t, h, "a", nil, 0)
	quick := follow(t, h, "a", nil, n)
	slow := follow(t, h, "a", nil, n)
	var all sync.WaitGroup
	all.Go(func() {
		for range n / 2 {
			s.happens(comity.EventCaseChanged, "", "KZ", "KZ:a")
			s.happens(comity.EventCaseChanged, "", "KZ:b")
		}
	})
	quick.until(t, n/2)
	all.Wait()
	slow.until(t, n/2)
	late.until(t, n)
	for i, f := range []*follower{late, quick, slow} {
		last := 0
		for _, id := range f.ids() {
			var seq int
			if _, err := fmt.Sscan(id, &seq); err != nil || seq <= last || seq%2 != 1 {
				t.Fatalf("stream %d was told %s after %d", i, id, last)
			}
			last = seq
		}
		if last != 2*n-1 {
			t.Errorf("stream %d ended at %d", i, last)
		}
	}
	if h.mu.Lock(); len(slow.pending) > h.Limits.Pending {
		t.Errorf("%d events wait for one stream", len(slow.pending))
	}
	h.mu.Unlock()
}

// TestConcerns: a stream is told of its kinds and its case alone, and of nothing that
// is not told.
func TestConcerns(t *testing.T) {
	h, s := newHub(t, DefaultLimits)
	kinds := follow(t, h, "a", func(sub *Subscription) { sub.Kinds = []comity.EventKind{comity.EventGrantEnded} }, -1)
	of := follow(t, h, "a", func(sub *Subscription) { sub.Case = "case1_x" }, -1)
	silent := follow(t, h, "a", func(sub *Subscription) {
		sub.Tell = func(_ context.Context, e exchange.Event) (*Frame, error) {
			if e.Seq < 3 {
				return nil, nil
			}
			return &Frame{ID: "last"}, nil
		}
	}, -1)
	s.happens(comity.EventCaseChanged, "case1_x", "KZ:a")
	s.happens(comity.EventGrantEnded, "case1_y", "KZ")
	s.happens(comity.EventGrantEnded, "case1_x", "KZ/cyber")
	kinds.until(t, 2)
	of.until(t, 2)
	silent.until(t, 1)
	if k, o, x := fmt.Sprint(kinds.ids()), fmt.Sprint(of.ids()), fmt.Sprint(silent.ids()); k != "[2 3]" || o != "[1 3]" || x != "[last]" {
		t.Errorf("told %s, %s and %s", k, o, x)
	}
}

// TestFailures: what could not be told is told later, in its place; what is over ends.
func TestFailures(t *testing.T) {
	h, s := newHub(t, DefaultLimits)
	failures := 2
	f := follow(t, h, "a", func(sub *Subscription) {
		sub.Tell = func(_ context.Context, e exchange.Event) (*Frame, error) {
			if failures > 0 {
				failures--
				return nil, errors.New("away")
			}
			return &Frame{ID: fmt.Sprint(e.Seq)}, nil
		}
	}, -1)
	over := follow(t, h, "a", func(sub *Subscription) {
		sub.Tell = func(context.Context, exchange.Event) (*Frame, error) { return nil, ErrOver }
	}, -1)
	closed := follow(t, h, "b", func(sub *Subscription) {
		sub.Case = "case1_x"
		sub.Good = func(context.Context) error { return ErrOver }
	}, -1)
	s.happens(comity.EventCaseChanged, "case1_x", "KZ")
	s.happens(comity.EventCaseChanged, "", "KZ")
	f.until(t, 2)
	if got := fmt.Sprint(f.ids()); got != "[1 2]" {
		t.Errorf("told %s", got)
	}
	over.until(t, 1)
	closed.until(t, 1)
	if !over.over || !closed.over || len(over.got)+len(closed.got) > 0 {
		t.Errorf("told %v and %v before the end", over.got, closed.got)
	}
}

// TestStatesApart: streams of one state that take long to tell hold up no other state's.
func TestStatesApart(t *testing.T) {
	h, s := newHub(t, DefaultLimits)
	held, release := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(release) })
	for i := range 2 * workers {
		follow(t, h, fmt.Sprint("slow", i), func(sub *Subscription) {
			sub.Tell = func(context.Context, exchange.Event) (*Frame, error) {
				select {
				case held <- struct{}{}:
				case <-release:
				}
				<-release
				return nil, nil
			}
		}, -1)
	}
	other := follow(t, h, "other", func(sub *Subscription) { sub.Officer.State, sub.Officer.Agency = "AM", "AM/cyber" }, -1)
	s.happens(comity.EventCaseChanged, "", "KZ")
	for range ofOne {
		<-held
	}
	s.happens(comity.EventCaseChanged, "", "AM")
	other.until(t, 1)
}

// TestOpen: places are given as the limits say, and given back.
func TestOpen(t *testing.T) {
	h, _ := newHub(t, Limits{Server: 4, State: 3, Agency: 2, Officer: 1, Frames: 1, Pending: 1})
	first := follow(t, h, "a", nil, -1)
	open := func(o comity.Officer) string {
		s, _, err := h.Open(Subscription{Officer: o}, -1)
		if full, ok := errors.AsType[*FullError](err); ok {
			return full.Limit
		}
		if err != nil {
			return err.Error()
		}
		t.Cleanup(s.Close)
		return ""
	}
	other, third := comity.Officer{State: "KZ", Agency: "KZ/ct", Pseudonym: "x"}, comity.Officer{State: "KZ", Agency: "KZ/made-up", Pseudonym: "z"}
	abroad := func(n string) comity.Officer { return comity.Officer{State: "AM", Agency: "AM/cyber", Pseudonym: n} }
	for i, x := range []struct {
		o    comity.Officer
		want string
	}{{officer("a"), "officerStreams"}, {officer("b"), ""}, {officer("c"), "agencyStreams"}, {other, ""}, {third, "stateStreams"},
		{abroad("y"), ""}, {abroad("z"), "streams"}} {
		if got := open(x.o); got != x.want {
			t.Errorf("%d: %q, wanted %q", i, got, x.want)
		}
	}
	first.Close()
	first.Close() // again does nothing
	if got := open(officer("c")); got != "" {
		t.Errorf("after one was closed: %q", got)
	}
	h.End()
	if got := open(other); got != ErrEnding.Error() {
		t.Errorf("after the end: %q", got)
	}
	if len(h.byViewer) > 12 || h.Len() != 4 {
		t.Errorf("%d keys and %d streams are left", len(h.byViewer), h.Len())
	}
}

// TestOneAsks: however many streams there are, one asks for events.
func TestOneAsks(t *testing.T) {
	h, s := newHub(t, Limits{Server: 1000, State: 1000, Agency: 1000, Officer: 1000, Frames: 4, Pending: 4})
	for i := range 500 {
		follow(t, h, fmt.Sprint(i), nil, -1)
	}
	s.mu.Lock()
	before := s.asked
	s.mu.Unlock()
	time.Sleep(4 * askEvery)
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := s.asked - before; n < 2 || n > 8 {
		t.Errorf("%d times was asked for events in %s", n, 4*askEvery)
	}
}

// TestReadOnMeanwhile: what happens between a look into the database, which finds
// nothing more, and its end is told: it was not offered to a stream left behind.
func TestReadOnMeanwhile(t *testing.T) {
	src := &source{acted: make(chan struct{}, 1)}
	h := New(Options{Source: src, Limits: DefaultLimits, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	for range 3 {
		src.happens(comity.EventCaseChanged, "case1_a", "KZ:one")
	}
	h.running, h.place = true, 3
	f := follow(t, h, "one", nil, 3)
	viewer := f.keys[0]
	f.behind = true
	src.found = func() {
		src.found = nil
		src.happens(comity.EventCaseChanged, "case1_a", viewer)
		h.hand(src.all[3:])
	}
	for range 4 {
		h.step(t.Context(), f.Stream)
	}
	if frames, _ := f.Take(); len(frames) != 1 || frames[0].ID != "4" || f.behind {
		t.Errorf("told %v, behind %v", frames, f.behind)
	}
}

// TestReadOnInTurn: however many streams an officer goes on with, two workers at most
// read for them, a page at a time, and each gets to its end.
func TestReadOnInTurn(t *testing.T) {
	h, s := newHub(t, DefaultLimits)
	const n = 40
	for range n {
		s.happens(comity.EventCaseChanged, "", "KZ:a")
	}
	waitFor(t, "the hub has seen all", func() bool { return h.at() == n })
	var mu sync.Mutex
	reading, most := 0, 0
	s.mu.Lock()
	s.reads = func(place int64) func() {
		if place == n { // the hub itself, or who is as far as it
			return func() {}
		}
		mu.Lock()
		reading++
		most = max(most, reading)
		mu.Unlock()
		return func() {
			time.Sleep(5 * time.Millisecond)
			mu.Lock()
			reading--
			mu.Unlock()
		}
	}
	s.mu.Unlock()
	var all []*follower
	for range 10 {
		all = append(all, follow(t, h, "a", nil, 0))
	}
	for _, f := range all {
		f.until(t, n)
	}
	mu.Lock()
	defer mu.Unlock()
	if most > 2 {
		t.Errorf("%d workers read on for one officer", most)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.readers) > 0 {
		t.Errorf("%d officers' readers are left", len(h.readers))
	}
}

// TestLater: an event that is to be told later is told then, before those that came
// after it, and however often that is so.
func TestLater(t *testing.T) {
	h, s := newHub(t, Limits{Server: 9, State: 9, Agency: 9, Officer: 9, Frames: 2, Pending: 3})
	var mu sync.Mutex
	asked := 0
	f := follow(t, h, "a", func(sub *Subscription) {
		sub.Tell = func(_ context.Context, e exchange.Event) (*Frame, error) {
			mu.Lock()
			defer mu.Unlock()
			if asked++; asked <= 2*mostFailures {
				return nil, &LaterError{After: 2 * time.Millisecond}
			}
			return &Frame{ID: fmt.Sprint(e.Seq)}, nil
		}
	}, -1)
	const n = 10
	for range n {
		s.happens(comity.EventCaseChanged, "", "KZ:a")
	}
	f.until(t, n)
	if got := fmt.Sprint(f.ids()); got != "[1 2 3 4 5 6 7 8 9 10]" {
		t.Errorf("told %s", got)
	}
}

// TestRests: what happens meanwhile has no stream asked again before its time.
func TestRests(t *testing.T) {
	h, s := newHub(t, DefaultLimits)
	var mu sync.Mutex
	asked := 0
	follow(t, h, "a", func(sub *Subscription) {
		sub.Tell = func(context.Context, exchange.Event) (*Frame, error) {
			mu.Lock()
			defer mu.Unlock()
			asked++
			return nil, &LaterError{After: time.Hour}
		}
	}, -1)
	for range 20 {
		s.happens(comity.EventCaseChanged, "", "KZ:a")
	}
	other := follow(t, h, "b", nil, 0)
	s.happens(comity.EventCaseChanged, "", "KZ:b")
	other.until(t, 1)
	mu.Lock()
	defer mu.Unlock()
	if asked != 1 {
		t.Errorf("asked %d times within an hour", asked)
	}
}

// TestEndsWhileItRests: a stream that is told later ends when it is no longer good.
func TestEndsWhileItRests(t *testing.T) {
	h, s := newHub(t, DefaultLimits)
	asked, tries := make(chan struct{}), 0
	f := follow(t, h, "a", func(sub *Subscription) {
		sub.Case = "case1_x"
		sub.Tell = func(context.Context, exchange.Event) (*Frame, error) {
			close(asked) // once, or it panics
			return nil, &LaterError{After: time.Hour}
		}
		sub.Good = func(context.Context) error {
			select {
			case <-asked:
			default:
				return nil
			}
			if tries++; tries == 1 {
				return errors.New("the database is away")
			}
			return ErrOver
		}
	}, -1)
	s.happens(comity.EventCaseChanged, "case1_x", "KZ:a")
	<-asked
	s.happens(comity.EventCaseChanged, "case1_x", "KZ:a")
	if f.until(t, 1); !f.over || tries != 2 {
		t.Errorf("it is over: %v, after it was looked at %d times", f.over, tries)
	}
}

// waitFor waits until something is so.
func waitFor(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not so: %s", what)
		}
	}
}
