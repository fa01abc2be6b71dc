package graph

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/storage"
)

// listOfFifty is the list by which the API is measured: fifty cases with their
// agencies and three exhibits each.
const listOfFifty = `{ viewer { cases(first: 50) { nodes { id state agency owner category status title reserved version
	evidence(first: 3) { nodes { id name mediaType size status } } } } } }`

// TestListStatements has the list cost as many statements for six cases as for
// two: whatever lies below the cases is read for all of them at once.
func TestListStatements(t *testing.T) {
	for name, db := range engines {
		t.Run(name, func(t *testing.T) {
			c, file := filing(t, db)
			counts := map[int]int{}
			var ran []string
			for _, cases := range []int{2, 6} {
				file(cases)
				ask := func() { c.get(t, listOfFifty, nil) }
				ask() // keys are asked of custodians once
				ran = c.Statements(t, ask)
				counts[cases] = len(ran)
			}
			if counts[2] != counts[6] || counts[2] > 8 {
				t.Errorf("statements by cases: %v\n%s", counts, strings.Join(ran, "\n"))
			}
		})
	}
}

// filing is the API over a fresh database, asked by an officer, and what files
// cases of theirs, with three exhibits each, until there are so many.
func filing(t testing.TB, db func(testing.TB, func() time.Time) storage.DB) (_ *client, file func(cases int)) {
	w := exchangetest.NewWith(t, exchangetest.Options{DB: db})
	c := (&api{World: w, log: &logBuffer{}}).serve(t, w.Exchange, nil).as(t, "investigator@KZ")
	filed := 0
	return c, func(cases int) {
		for ; filed < cases; filed++ {
			of := c.FileCase(t, fmt.Sprintf("Ransom note no. %d on hospital servers", filed))
			for n := range 3 {
				c.Upload(t, of, fmt.Sprintf("disk-%d-part-%d.txt", filed, n), []byte("what was found on the disk"))
			}
		}
	}
}

// BenchmarkList answers the list of fifty through the API, on both engines.
func BenchmarkList(b *testing.B) {
	for name, db := range engines {
		b.Run(name, func(b *testing.B) {
			c, file := filing(b, db)
			file(50)
			b.ReportAllocs()
			for b.Loop() {
				c.get(b, listOfFifty, nil)
			}
		})
	}
}
