package exchange

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
)

// A read needs record keys of custodians, and of their registers what grants
// leave open. It never asks while it holds a snapshot of the database: a
// custodian that hangs would take the connections from everybody. A run of a
// read that lacks an answer ends, all that it lacks is asked for at once, and
// it runs anew on a later snapshot.

// errAsk ends a run of a read: custodians are to be asked first.
var errAsk = errors.New("exchange: custodians are to be asked first")

// maxRuns bounds the runs of one read. A record's inner records take its key,
// so that a third run is rare; what the last one lacks counts as away.
const maxRuns = 6

// callsInFlight bounds the calls to one custodian that one read makes at once.
const callsInFlight = 8

// custodianWait is how long a read waits for all that it asks of one custodian
// at once: a state whose custodian hangs is dark, and closes nobody else's records.
// Only tests set it, who must not take a slow machine for a dark state.
var custodianWait = 3 * time.Second

// answers are what custodians answered in the course of one read.
type answers struct {
	last   bool // no more questions are taken
	mu     sync.Mutex
	keys   map[keyRef]answer[wordKey]
	limits map[comity.ID]answer[custodian.Limits] // by grant
	wanted map[any]question
	told   map[string]bool // to the server's log
}

type answer[T any] struct {
	value T
	err   error
}

// question is one that a custodian is to be asked.
type question struct {
	state comity.State
	// put asks it and keeps the answer; refused stands for the answer when set.
	put func(ctx context.Context, refused error) error
}

func newAnswers() *answers {
	return &answers{keys: map[keyRef]answer[wordKey]{}, limits: map[comity.ID]answer[custodian.Limits]{},
		wanted: map[any]question{}, told: map[string]bool{}}
}

// find gives what a state's custodian answered about key, or what is remembered
// of it; else it becomes a question, and false is answered.
func find[K comparable, T any](a *answers, known map[K]answer[T], key K, s comity.State, remembered func(K) (T, bool),
	ask func(context.Context, K) (T, error),
) (answer[T], bool) {
	if got, ok := known[key]; ok {
		return got, true
	}
	if v, ok := remembered(key); ok { // for the rest of this read, whatever its age becomes
		known[key] = answer[T]{value: v}
		return known[key], true
	}
	if a.last {
		return answer[T]{err: custodianAway(s, errAsk)}, true
	}
	a.wanted[key] = question{s, func(ctx context.Context, refused error) error {
		var v T
		err := refused
		if err == nil {
			v, err = ask(ctx, key)
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		known[key] = answer[T]{v, err}
		return err
	}}
	return answer[T]{}, false
}

func custodianAway(s comity.State, cause error) error {
	return comity.Unavailable("the custodian of "+string(s), cause)
}

// ask puts the open questions, those to different custodians beside each other.
func (x *Exchange) ask(ctx context.Context, a *answers) {
	byState := map[comity.State][]question{}
	for _, q := range a.wanted {
		byState[q.state] = append(byState[q.state], q)
	}
	clear(a.wanted)
	var states sync.WaitGroup
	for state, questions := range byState {
		states.Go(func() {
			refused := x.silent.check(state)
			within, cancel := context.WithTimeout(ctx, custodianWait)
			defer cancel()
			var answered atomic.Bool
			var g errgroup.Group
			g.SetLimit(callsInFlight)
			for _, q := range questions {
				g.Go(func() error {
					if err := q.put(within, refused); comity.CodeOf(err) != comity.CodeUnavailable {
						answered.Store(true)
					}
					return nil
				})
			}
			_ = g.Wait() // the goroutines return no errors
			if ctx.Err() == nil && within.Err() != nil && !answered.Load() {
				x.silent.keep(state)
			}
		})
	}
	states.Wait()
}

// silence is how long a custodian that let a read wait in vain is not asked by
// other reads: its state is dark at once meanwhile.
const silence = 5 * time.Second

// silences remembers the custodians that did not answer.
type silences struct {
	mu    sync.Mutex
	until map[comity.State]time.Time
}

func (s *silences) check(state comity.State) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Now().Before(s.until[state]) {
		return custodianAway(state, fmt.Errorf("it did not answer within %v a moment ago", custodianWait))
	}
	return nil
}

func (s *silences) keep(state comity.State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.until == nil {
		s.until = map[comity.State]time.Time{}
	}
	s.until[state] = time.Now().Add(silence)
}

// keys gives the record keys of refs, and the faults of those that do not open.
// It ends the run by errAsk while any question of the read is open.
func (r *Reader) keys(refs []keyRef) (map[keyRef]wordKey, map[keyRef]error, error) {
	keys, faults := make(map[keyRef]wordKey, len(refs)), map[keyRef]error{}
	kept, get := r.x.keys.kept, r.x.keys.get
	for _, ref := range refs {
		got, ok := find(r.answers, r.answers.keys, ref, ref.state, kept, get)
		switch {
		case !ok:
		case got.err != nil:
			faults[ref] = got.err
		default:
			keys[ref] = got.value
		}
	}
	if len(r.answers.wanted) > 0 {
		return nil, nil, errAsk
	}
	return keys, faults, nil
}
