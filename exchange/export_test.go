package exchange

import (
	"testing"
	"time"
)

func init() { custodianWait = time.Minute }

// SetCustodianWait is for how long a read waits for a custodian that hangs,
// until the test is over.
func SetCustodianWait(t *testing.T, d time.Duration) {
	t.Helper()
	before := custodianWait
	custodianWait = d
	t.Cleanup(func() { custodianWait = before })
}

// SetKeyClock replaces the clock by which record keys and standings age.
func (x *Exchange) SetKeyClock(now func() time.Time) { x.keys.now = now }

// KeysKept is how many record keys are in memory.
func (x *Exchange) KeysKept() int {
	x.keys.mu.Lock()
	defer x.keys.mu.Unlock()
	return len(x.keys.cache)
}

// KeysEnd is when the last of the record keys in memory ends.
func (x *Exchange) KeysEnd() (end time.Time) {
	x.keys.mu.Lock()
	defer x.keys.mu.Unlock()
	for _, kept := range x.keys.cache {
		if kept.until.After(end) {
			end = kept.until
		}
	}
	return end
}
