package exchange

import (
	"fmt"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
)

// TestKeysBounded: the cache holds no more than its bound, gives up those past
// their age first, and keeps the newest.
func TestKeysBounded(t *testing.T) {
	now := time.Now()
	k := newRecordKeys(nil)
	k.now = func() time.Time { return now }
	ref := func(i int) keyRef { return keyRef{comity.ID(fmt.Sprint(i)), "KZ", "w"} }
	for i := range 100 {
		k.keep(ref(i), custodian.RecordKey{}, now.Add(-keyAge+time.Second))
	}
	for i := 100; i < maxKeys; i++ {
		k.keep(ref(i), custodian.RecordKey{}, now)
	}
	now = now.Add(2 * time.Second)
	k.keep(ref(maxKeys), custodian.RecordKey{}, now)
	if n := len(k.cache); n != maxKeys-100+1 {
		t.Errorf("with 100 keys past their age %d are kept", n)
	}
	for i := range 200 {
		k.keep(ref(maxKeys+1+i), custodian.RecordKey{}, now)
		if _, ok := k.cache[ref(maxKeys+1+i)]; !ok || len(k.cache) > maxKeys {
			t.Fatalf("the newest key is kept: %v, among %d", ok, len(k.cache))
		}
	}
}
