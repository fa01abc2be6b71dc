package graph

import (
	"net/http"
	"sync"
	"testing"
)

// TestConcurrent sends everything at once: under the race detector it finds what
// the library fills in on first use.
func TestConcurrent(t *testing.T) {
	a := serveAPI(t, func(o *Options) { o.Development = true })
	c := a.as(t, "investigator@KZ")
	id := c.fileCase(t, "a")
	var wg sync.WaitGroup
	for range 6 {
		for _, query := range []string{introspection, `{ viewer { cases(first: 5) { totalCount nodes { ` + caseFields + ` } } } }`,
			`{ node(id: "` + string(id) + `") { __typename ... on Case { title marking { tlp } } } }`, `{ states { code } categories { competence } nothing }`} {
			wg.Go(func() {
				if r := c.call(t, query, nil); r.status != http.StatusOK && r.status != http.StatusBadRequest {
					t.Errorf("%d %.300s", r.status, r.raw)
				}
			})
		}
	}
	wg.Wait()
}
