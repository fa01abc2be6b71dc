package exchangetest

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/storage"
)

// Publish places what waits, and publishes a checkpoint that all witnesses cosign.
func (p *Prover) Publish(t testing.TB) {
	t.Helper()
	must(t, p.publish(t.Context()))
}

// LogFiles serves a world's log to officers below a URL that ends with a slash, as
// a server of the exchange does.
func (w *World) LogFiles(url string) http.Handler {
	tiles := &audit.Tiles{DB: w.DB, Witnesses: w.Prover.publisher.Witnesses}
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		path := r.URL.Path[strings.Index(r.URL.Path, "/log/")+len("/log/"):]
		if _, err := w.Verifier.VerifyRequest(r.Context(), r, url+path); err != nil {
			http.Error(rw, err.Error(), http.StatusUnauthorized)
			return
		}
		f, err := tiles.Read(r.Context(), path)
		switch {
		case errors.Is(err, storage.ErrNotFound):
			http.NotFound(rw, r)
		case err != nil:
			http.Error(rw, err.Error(), http.StatusInternalServerError)
		default:
			_, _ = rw.Write(f.Body)
		}
	})
}
