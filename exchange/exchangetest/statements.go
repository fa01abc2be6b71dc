package exchangetest

import (
	"fmt"
	"sync"
	"testing"

	"github.com/comity-platform/comity/storage/sqldb"
)

// Statements tells what f had the database do: each statement in its order,
// with the rows that it gave or changed.
func (w *World) Statements(t testing.TB, f func()) (all []string) {
	t.Helper()
	db, ok := w.DB.(*sqldb.DB)
	if !ok {
		t.Fatalf("what a %T does cannot be told", w.DB)
	}
	var mu sync.Mutex
	db.Observe(func(text string, rows int) {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, fmt.Sprintf("%d rows: %s", rows, text))
	})
	defer db.Observe(nil)
	f()
	mu.Lock()
	defer mu.Unlock()
	return all
}
