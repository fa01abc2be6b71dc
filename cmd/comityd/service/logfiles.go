package service

import (
	"errors"
	"log/slog"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/crypto/token"
	"github.com/comity-platform/comity/exchange/pace"
	"github.com/comity-platform/comity/graph"
	"github.com/comity-platform/comity/storage"
)

// logPath is where the log is, below the external URL.
const logPath = "/log/"

// logFiles serves the log in the layout of C2SP tlog-tiles to the officers of all
// states, each file the same bytes to everybody: by their tokens, with a proof of
// possession for the very file, as fast as the API.
type logFiles struct {
	tiles    *audit.Tiles
	verifier *token.Verifier
	pace     *pace.Pace
	url      string // of the server, as clients write it
	log      *slog.Logger
}

// ServeHTTP answers one request for a file.
func (l *logFiles) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Vary", "Authorization")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		refuse(w, http.StatusMethodNotAllowed, comity.CodeInvalid, "files of the log are read by GET")
		return
	}
	who, err := l.verifier.VerifyRequest(r.Context(), r, l.url+r.URL.EscapedPath())
	if err != nil {
		l.stranger(w, r, err)
		return
	}
	if !graph.PlaceOf(r.Context()).Of(who.Officer) {
		refuse(w, http.StatusServiceUnavailable, comity.CodeUnavailable, "this server is busy; try again, and with fewer requests at once of one officer, agency or state")
		return
	}
	if wait := l.pace.Officer(r.Context(), who.Officer); wait != nil {
		later(w, wait)
		return
	}
	f, err := l.tiles.Read(r.Context(), strings.TrimPrefix(r.URL.EscapedPath(), logPath))
	switch {
	case errors.Is(err, storage.ErrNotFound):
		refuse(w, http.StatusNotFound, comity.CodeNotFound, "the log has no such file")
		return
	case comity.CodeOf(err) == comity.CodeUnavailable:
		refuse(w, http.StatusServiceUnavailable, comity.CodeUnavailable, "the database cannot be reached just now; try again")
		return
	case err != nil:
		l.log.Error("a file of the log", "path", r.URL.Path, "error", err)
		refuse(w, http.StatusInternalServerError, comity.CodeInternal, "the file cannot be read")
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	if f.Text {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	}
	if f.Final { // by the asker's own cache alone: others ask with proofs of their own
		w.Header().Set("Cache-Control", "private, max-age=31536000, immutable")
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(f.Body)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(f.Body) // the client went away: nobody is left to tell
	}
}

// stranger refuses who has no valid token or proof.
func (l *logFiles) stranger(w http.ResponseWriter, r *http.Request, err error) {
	at, _ := netip.ParseAddrPort(r.RemoteAddr) // one that is none shares with all such
	if wait := l.pace.Stranger(at.Addr()); wait != nil {
		later(w, wait)
		return
	}
	code, status, message := comity.CodeOf(err), http.StatusInternalServerError, "it cannot be told who asks"
	if e, ok := errors.AsType[*comity.Error](err); ok {
		message = e.Message
	}
	switch code {
	case comity.CodeUnauthenticated:
		status = http.StatusUnauthorized
		w.Header().Set("WWW-Authenticate", token.Challenge(err))
	case comity.CodeUnavailable:
		status = http.StatusServiceUnavailable
	case comity.CodeLimit:
		status = http.StatusTooManyRequests
		w.Header().Set("Retry-After", "1")
	}
	refuse(w, status, code, message)
}

// later says when a request is to be made again.
func later(w http.ResponseWriter, wait *pace.Wait) {
	w.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(wait.After.Seconds())))))
	refuse(w, http.StatusTooManyRequests, comity.CodeLimit, "at most so many requests a second: "+wait.Limit+", "+strconv.FormatFloat(wait.Max, 'f', -1, 64))
}
