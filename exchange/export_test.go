package exchange

import "time"

// SetKeyClock replaces the clock by which record keys and standings age.
func (x *Exchange) SetKeyClock(now func() time.Time) { x.keys.now = now }

// KeysKept is how many record keys are in memory.
func (x *Exchange) KeysKept() int {
	x.keys.mu.Lock()
	defer x.keys.mu.Unlock()
	return len(x.keys.cache)
}
