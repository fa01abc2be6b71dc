package exchange

import (
	"context"
	"sync"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
)

// keyAge is how long an unwrapped record key is kept at most: a state that
// seals its Vault makes its records dark everywhere within this time.
const keyAge = 30 * time.Second

// maxKeys bounds the cache.
const maxKeys = 4096

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

// kept gives a key that is within its age.
func (k *recordKeys) kept(ref keyRef) (custodian.RecordKey, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	kept, ok := k.cache[ref]
	if !ok || !k.now().Before(kept.until) {
		return custodian.RecordKey{}, false
	}
	return kept.key, true
}

// get opens one key.
func (k *recordKeys) get(ctx context.Context, ref keyRef) (custodian.RecordKey, error) {
	if key, ok := k.kept(ref); ok {
		return key, nil
	}
	now := k.now()
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

// drop forgets the keys of a record.
func (k *recordKeys) drop(record comity.ID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for r := range k.cache {
		if r.record == record {
			delete(k.cache, r)
		}
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
