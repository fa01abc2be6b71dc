package token

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
)

// The memory of proofs is bounded in number and in time, and never forgets
// what is still fresh.
func TestReplaysBounded(t *testing.T) {
	r := newReplays()
	r.limit, r.perKey = 10, 4
	now := time.Unix(1_700_000_000, 0)
	for i := range 4 {
		if err := r.use("a", fmt.Sprint(i), now.Add(time.Duration(i)*time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	now = now.Add(3 * time.Minute)
	if err := r.use("a", "5", now); comity.CodeOf(err) != comity.CodeLimit {
		t.Errorf("over the bound of one key: %v", err)
	}
	for i := range 6 {
		if err := r.use(fmt.Sprint("key", i), "0", now); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.use("b", "0", now); comity.CodeOf(err) != comity.CodeLimit {
		t.Errorf("over the bound of all: %v", err)
	}
	if err := r.use("a", "0", now); comity.CodeOf(err) != comity.CodeUnauthenticated {
		t.Errorf("a replay in a full memory: %v", err)
	}
	now = now.Add(2*statement.Freshness + 2*replayStep + time.Second)
	if err := r.use("b", "0", now); err != nil {
		t.Errorf("after the old ones were forgotten: %v", err)
	}
	if r.total != 1 || len(r.steps) != 1 {
		t.Errorf("%d proofs in %d steps are kept, wanted 1 in 1", r.total, len(r.steps))
	}
}

func TestReplayConcurrently(t *testing.T) {
	r := newReplays()
	now := time.Unix(1_700_000_000, 0)
	var wg sync.WaitGroup
	var mu sync.Mutex
	taken := 0
	for range 32 {
		wg.Go(func() {
			if r.use("a", "one", now) == nil {
				mu.Lock()
				taken++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if taken != 1 {
		t.Errorf("one proof was taken %d times", taken)
	}
}
