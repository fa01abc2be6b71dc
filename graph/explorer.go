package graph

import (
	"net/http"
)

func serveSDL(w http.ResponseWriter, _ *http.Request) {
	secure(w.Header())
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(SDL)) // the client went away: nobody is left to tell
}

func (h *handler) serveExplorer(w http.ResponseWriter, _ *http.Request) { serveSDL(w, nil) }
