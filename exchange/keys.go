package exchange

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
)

// keyAge is how long an unwrapped record key is kept at most: a state that
// seals its Vault makes its records dark everywhere within this time.
const keyAge = 30 * time.Second

// maxKeys bounds the cache.
const maxKeys = 4096

// callsInFlight bounds the calls to one custodian that one read makes at once.
const callsInFlight = 8

// custodianWait is how long a read waits for all that it asks of one custodian
// at once: a state whose custodian hangs is dark, and closes nobody else's records.
const custodianWait = 3 * time.Second

// askEach calls f for every item, the custodians of the states beside each other.
func askEach[T any](ctx context.Context, items []T, state func(T) comity.State, f func(context.Context, T)) {
	byState := map[comity.State][]T{}
	for _, item := range items {
		byState[state(item)] = append(byState[state(item)], item)
	}
	var states sync.WaitGroup
	for _, of := range byState {
		states.Go(func() {
			within, cancel := context.WithTimeout(ctx, custodianWait)
			defer cancel()
			var g errgroup.Group
			g.SetLimit(callsInFlight)
			for _, item := range of {
				g.Go(func() error { f(within, item); return nil })
			}
			_ = g.Wait() // the goroutines return no errors
		})
	}
	states.Wait()
}

// recordKeys opens record keys through the custodians of the states that they
// belong to, and keeps them for at most keyAge.
type recordKeys struct {
	custodian func(comity.State) (custodian.Custodian, error)
	now       func() time.Time

	mu    sync.Mutex
	cache map[keyRef]keptKey
}

// keyRef is one state's key of one record, in one wrapping: a re-wrapped or
// swapped key is never answered from the cache.
type keyRef struct {
	record  comity.ID
	state   comity.State
	wrapped string
}

type keptKey struct {
	key   custodian.RecordKey
	until time.Time
}

func newRecordKeys(c func(comity.State) (custodian.Custodian, error)) *recordKeys {
	return &recordKeys{custodian: c, now: time.Now, cache: map[keyRef]keptKey{}}
}

// get opens one key.
func (k *recordKeys) get(ctx context.Context, ref keyRef) (custodian.RecordKey, error) {
	now := k.now()
	k.mu.Lock()
	kept, ok := k.cache[ref]
	k.mu.Unlock()
	if ok && now.Before(kept.until) {
		return kept.key, nil
	}
	c, err := k.custodian(ref.state)
	if err != nil {
		return custodian.RecordKey{}, err
	}
	key, err := c.RecordKey(ctx, ref.record, ref.wrapped)
	if err != nil {
		return custodian.RecordKey{}, err
	}
	k.keep(ref, key, now)
	return key, nil
}

// keep remembers a key that was opened at now. The age counts from before the
// custodian was asked, never from its answer.
func (k *recordKeys) keep(ref keyRef, key custodian.RecordKey, now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.cache) >= maxKeys {
		for r, kept := range k.cache {
			if !now.Before(kept.until) {
				delete(k.cache, r)
			}
		}
		for r := range k.cache { // still full: any other goes
			if len(k.cache) < maxKeys {
				break
			}
			delete(k.cache, r)
		}
	}
	k.cache[ref] = keptKey{key: key, until: now.Add(keyAge)}
}

// many opens many keys at once; a key that cannot be opened has its error instead.
func (k *recordKeys) many(ctx context.Context, refs []keyRef) (map[keyRef]custodian.RecordKey, map[keyRef]error) {
	keys, faults := map[keyRef]custodian.RecordKey{}, map[keyRef]error{}
	once := map[keyRef]bool{}
	for _, ref := range refs {
		once[ref] = true
	}
	var mu sync.Mutex
	askEach(ctx, slices.Collect(maps.Keys(once)), func(r keyRef) comity.State { return r.state }, func(ctx context.Context, ref keyRef) {
		key, err := k.get(ctx, ref)
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			faults[ref] = err
		} else {
			keys[ref] = key
		}
	})
	return keys, faults
}

// prune forgets keys past their age, so that none outlives it in memory.
func (k *recordKeys) prune() {
	now := k.now()
	k.mu.Lock()
	defer k.mu.Unlock()
	for r, kept := range k.cache {
		if !now.Before(kept.until) {
			delete(k.cache, r)
		}
	}
}
