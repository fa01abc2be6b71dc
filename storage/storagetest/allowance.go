package storagetest

import (
	"sync"
	"testing"
	"time"

	"github.com/comity-platform/comity/storage"
)

func take(t *testing.T, db storage.DB, a storage.AllowanceTake) (g storage.AllowanceGiven) {
	t.Helper()
	write(t, db, func(tx storage.Tx) (err error) { g, err = tx.TakeAllowance(a); return err })
	return g
}

// allowances fill up by their rate to their bound, keep what is to be kept, and
// are each agency's own.
func allowances(t *testing.T, db storage.DB) {
	slow := storage.AllowanceTake{Account: "KZ/cyber", Server: "one", Rate: 0.001, Burst: 10, Want: 4, Keep: 3}
	ask := func(change func(*storage.AllowanceTake)) storage.AllowanceGiven {
		a := slow
		change(&a)
		return take(t, db, a)
	}
	within := func(what string, g storage.AllowanceGiven, given, left float64, servers int) {
		t.Helper()
		if g.Given < given || g.Given > given+.1 || g.Left < left || g.Left > left+.1 || g.Servers != servers {
			t.Errorf("%s: %+v, wanted %v with %v left", what, g, given, left)
		}
	}
	within("of a full one", ask(func(*storage.AllowanceTake) {}), 4, 6, 1)
	within("by another server, down to what is kept", ask(func(a *storage.AllowanceTake) { a.Server = "two" }), 3, 3, 2)
	within("no more", ask(func(*storage.AllowanceTake) {}), 0, 3, 2)
	within("what was kept", ask(func(a *storage.AllowanceTake) { a.Keep, a.Want = 0, 2 }), 2, 1, 2)
	within("less than is wanted", ask(func(a *storage.AllowanceTake) { a.Keep = 0 }), 1, 0, 2)
	within("nothing is left", ask(func(a *storage.AllowanceTake) { a.Keep = 0 }), 0, 0, 2)
	within("of another agency", ask(func(a *storage.AllowanceTake) { a.Account = "KZ/police" }), 4, 6, 1)
	within("of one with the same letters", ask(func(a *storage.AllowanceTake) { a.Account = "kz/cyber" }), 4, 6, 1)
	within("with a lower bound", ask(func(a *storage.AllowanceTake) { a.Account, a.Burst, a.Keep = "KZ/police", 5, 0 }), 4, 1, 1)

	fast := storage.AllowanceTake{Account: "AM/cyber", Server: "one", Rate: 100, Burst: 20, Want: 20}
	within("of a full one", take(t, db, fast), 20, 0, 1)
	time.Sleep(100 * time.Millisecond)
	if g := take(t, db, fast); g.Given < 10 || g.Given > 20 {
		t.Errorf("after a tenth of a second at a hundred a second: %+v", g)
	}
	time.Sleep(300 * time.Millisecond)
	within("it fills up no further", take(t, db, fast), 20, 0, 1)
}

// allowancesConcurrent: many servers together get what there is.
func allowancesConcurrent(t *testing.T, db storage.DB) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	sum := 0.0
	for _, server := range []string{"a", "b", "c", "d"} {
		wg.Go(func() {
			for range 5 {
				err := db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
					g, err := tx.TakeAllowance(storage.AllowanceTake{Account: "KZ/cyber", Server: server, Rate: 1e-6, Burst: 50, Want: 4})
					if err == nil {
						mu.Lock()
						sum += g.Given
						mu.Unlock()
					}
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if sum < 49 || sum > 50.1 {
		t.Errorf("%v was given of 50", sum)
	}
}
