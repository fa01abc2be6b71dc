package exchange

import (
	"context"
	"math/rand/v2"
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

// A key that was used is asked for anew in the background, at an instant drawn
// between these ages, lest reads wait for many keys that end together.
const (
	renewFrom = keyAge / 2
	renewTo   = keyAge * 3 / 4
)

// renewEvery is how often it is looked at which keys are due.
const renewEvery = 500 * time.Millisecond

// recordKeys opens record keys through the custodians of the states that they
// belong to, and keeps them for at most keyAge after the custodian was asked.
type recordKeys struct {
	custodian func(comity.State) (custodian.Custodian, error)
	now       func() time.Time

	mu      sync.Mutex
	cache   map[keyRef]*keptKey
	flights map[keyRef]*keyFlight
}

// keyRef is one state's key of one record, in one wrapping: a re-wrapped or
// swapped key is never answered from the cache.
type keyRef struct {
	record  comity.ID
	state   comity.State
	wrapped string
}

type keptKey struct {
	key   wordKey
	until time.Time
	renew time.Time // when it is asked for anew, if it was used
	used  bool
}

func keptAt(key wordKey, now time.Time) *keptKey {
	return &keptKey{key: key, until: now.Add(keyAge), renew: now.Add(renewFrom + rand.N(renewTo-renewFrom))}
}

func newRecordKeys(c func(comity.State) (custodian.Custodian, error)) *recordKeys {
	return &recordKeys{custodian: c, now: time.Now, cache: map[keyRef]*keptKey{}, flights: map[keyRef]*keyFlight{}}
}

// kept gives a key that is within its age.
func (k *recordKeys) kept(ref keyRef) (wordKey, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	kept, ok := k.cache[ref]
	if !ok || !k.now().Before(kept.until) {
		return wordKey{}, false
	}
	kept.used = true
	return kept.key, true
}

// ask has the custodian open one key.
func (k *recordKeys) ask(ctx context.Context, ref keyRef) (wordKey, error) {
	c, err := k.custodian(ref.state)
	if err != nil {
		return wordKey{}, err
	}
	key, err := c.RecordKey(ctx, ref.record, ref.wrapped)
	if err != nil {
		return wordKey{}, err
	}
	return wordKeyOf(key)
}

// keep remembers a key that was opened at now. The age counts from before the
// custodian was asked, never from its answer. The lock is held.
func (k *recordKeys) keep(ref keyRef, key wordKey, now time.Time) {
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
	k.cache[ref] = keptAt(key, now)
}

// drop forgets the keys of a record.
func (k *recordKeys) drop(record comity.ID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for r := range k.cache {
		if r.record == record {
			delete(k.cache, r)
		}
	}
	for r, f := range k.flights {
		f.dropped = f.dropped || r.record == record
	}
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

// due are the keys to ask for anew, by state: within their age, and used since the
// custodian was last asked.
func (k *recordKeys) due() map[comity.State][]keyRef {
	now := k.now()
	all := map[comity.State][]keyRef{}
	k.mu.Lock()
	defer k.mu.Unlock()
	for ref, kept := range k.cache {
		if kept.used && !now.Before(kept.renew) && now.Before(kept.until) {
			all[ref.state] = append(all[ref.state], ref)
		}
	}
	return all
}

// renew asks the custodian for a key anew. One that was dropped meanwhile stays so;
// one for which the custodian does not answer ends at its age.
func (k *recordKeys) renew(ctx context.Context, ref keyRef) {
	now := k.now()
	key, err := k.ask(ctx, ref)
	if err != nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.cache[ref]; ok {
		k.cache[ref] = keptAt(key, now)
	}
}

// renewKeys asks for the keys that are due until ctx ends, of each state as many at
// once as one read does. A state whose custodian hangs holds up no other state's.
func (x *Exchange) renewKeys(ctx context.Context) {
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	busy := map[comity.State]chan struct{}{}
	defer func() {
		for _, done := range busy {
			<-done
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for state, refs := range x.keys.due() {
			if done, ok := busy[state]; ok {
				select {
				case <-done:
				default:
					continue
				}
			}
			if x.silent.check(state) != nil {
				continue
			}
			done := make(chan struct{})
			busy[state] = done
			go func() {
				defer close(done)
				within, cancel := context.WithTimeout(ctx, custodianWait)
				defer cancel()
				var g errgroup.Group
				g.SetLimit(callsInFlight)
				for _, ref := range refs {
					g.Go(func() error { x.keys.renew(within, ref); return nil })
				}
				_ = g.Wait() // the goroutines return no errors
			}()
		}
	}
}
