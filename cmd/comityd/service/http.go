package service

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/crypto/token/devissuer"
	"github.com/comity-platform/comity/deploy/union"
	"github.com/comity-platform/comity/exchange/pace"
	"github.com/comity-platform/comity/graph"
)

// Limits of a connection.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	answerTimeout = 10 * time.Second // more than the request's, to say that it took too long
	maxHeader     = 32 << 10
)

// maxStranger is the longest request without a token: all that it can ask for
// is the directory.
const maxStranger = 64 << 10

// apiPath is where the API is, below the external URL.
const apiPath = "/graphql"

// requestIDForm is that of a client's own request id, which is logged beside the
// server's and goes no further, since the id stands in the records of other states.
var requestIDForm = regexp.MustCompile(`^[A-Za-z0-9._-]{8,64}$`)

func (s *Service) server(h http.Handler) *http.Server {
	most := time.Duration(s.cfg.RequestTimeout)
	// The server's own deadlines hold for what a handler leaves unread, too. A
	// store in a directory sets others, since the transfer of a part may take
	// long and must only not stand still.
	server := &http.Server{Handler: h, ReadHeaderTimeout: min(headerTimeout, most), ReadTimeout: most, WriteTimeout: most + answerTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)} // TLS handshakes of strangers, mostly
	if s.cfg.TLSCert != "" {
		server.TLSConfig = s.cert.Config()
	}
	return server
}

// routes mounts the API, the log, health, and in development issuers and stores.
func (s *Service) routes(api http.Handler, rates *pace.Pace) (http.Handler, error) {
	mux := http.NewServeMux()
	handle := func(pattern, name string, h http.Handler) { mux.Handle(pattern, s.observed(name, h)) }
	proxies, err := s.cfg.proxies()
	if err != nil {
		return nil, err
	}
	all := newPlaces(s.cfg.MaxRequests)
	limited := behind(proxies, s.limited(all, api))
	for _, path := range []string{apiPath, "/schema.graphql", "/explorer"} {
		handle(path, "graphql", limited)
	}
	handle(apiPath+"/stream", "stream", limited) // which lasts, and says nothing of the others' times
	files := &logFiles{&audit.Tiles{DB: s.parts.DB, Witnesses: s.record.Witnesses}, s.parts.Verifier, rates, s.cfg.ExternalURL, s.log}
	handle(logPath, "log", behind(proxies, s.limited(all, files)))
	mux.HandleFunc("GET /healthz", s.health.live) // probes, often: neither logged nor counted
	// Which part fails is the operator's to know: strangers are told only where
	// no listener of the operator's own tells it.
	mux.HandleFunc("GET /readyz", s.health.ready(s.scrape == nil))
	for prefix, store := range s.parts.served {
		handle(prefix, "store", store)
	}
	if !s.cfg.DevelopmentIssuers {
		return mux, nil
	}
	for _, state := range s.parts.Directory.States() {
		url := IssuerURL(s.cfg.ExternalURL, state)
		issuer, err := devissuer.New(devissuer.Config{State: state, URL: url, Union: s.cfg.Union, Officers: union.Officers(state)})
		if err != nil {
			return nil, err
		}
		prefix := "/issuer/" + string(state)
		handle(prefix+"/", "issuer", http.StripPrefix(prefix, issuer))
	}
	return mux, nil
}

// own is what the operator alone sees, at the address of the metrics.
func (s *Service) own() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.metrics.handler())
	mux.HandleFunc("GET /readyz", s.health.ready(true))
	return mux
}

// limited serves the API or the log to so many at once. Whoever has no token sends the
// whole request before it takes a place, so that strangers who never end one
// keep no officer out; a token is verified before the rest is read.
func (s *Service) limited(all *places, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stranger := r.Header.Get("Authorization") == ""
		if stranger {
			body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxStranger))
			if err != nil {
				refuse(w, http.StatusRequestEntityTooLarge, comity.CodeLimit, "a request without a token is whole, in time, and at most 64 KiB")
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		place := all.enter(stranger)
		if place == nil {
			w.Header().Set("Retry-After", "1")
			refuse(w, http.StatusServiceUnavailable, comity.CodeUnavailable, "the server is busy; try again")
			return
		}
		defer place.Leave()
		h.ServeHTTP(w, r.WithContext(graph.WithPlace(r.Context(), place))) // which has the request's deadline
	})
}

// refuse answers as the API does, for which a request has no place.
func refuse(w http.ResponseWriter, status int, code comity.Code, message string) {
	type extensions struct {
		Code      comity.Code `json:"code"`
		RequestID string      `json:"requestId"`
	}
	type fault struct {
		Message    string     `json:"message"`
		Extensions extensions `json:"extensions"`
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string][]fault{"errors": {{message, extensions{code, w.Header().Get(graph.RequestIDHeader)}}}}) // the client went away: nobody is left to tell
}

// observed gives a request its id, logs and counts it, and keeps a panic from
// ending the process or reaching the client. Of the URL only the path is
// logged: the query of a signed URL is as good as a key to the object.
func (s *Service) observed(name string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		id, theirs := uuid.NewString(), r.Header.Get(graph.RequestIDHeader)
		r.Header.Del(graph.RequestIDHeader)
		rec := &recorder{ResponseWriter: w}
		rec.Header().Set(graph.RequestIDHeader, id)
		if s.cfg.TLSCert != "" {
			rec.Header().Set("Strict-Transport-Security", "max-age=31536000")
		}
		atWork := s.metrics.inFlight
		if name == "stream" {
			atWork = s.metrics.streams
		}
		atWork.Inc()
		defer func() {
			fault := recover()
			if fault != nil && fault != http.ErrAbortHandler { //nolint:errorlint // documented to be this very value
				s.log.Error("panic", "request", id, "handler", name, "fault", fault, "stack", string(debug.Stack()))
				if !rec.wrote {
					http.Error(rec, "internal error; the request id is "+id, http.StatusInternalServerError)
				}
			}
			atWork.Dec()
			took := time.Since(began)
			s.metrics.requests.WithLabelValues(name, method(r.Method), strconv.Itoa(rec.status())).Inc()
			s.metrics.seconds.WithLabelValues(name).Observe(took.Seconds())
			attrs := []any{"request", id, "handler", name, "method", r.Method, "path", r.URL.Path, "status", rec.status(),
				"bytes", rec.bytes, "ms", took.Milliseconds()}
			if requestIDForm.MatchString(theirs) {
				attrs = append(attrs, "client_request", theirs)
			}
			s.log.Info("request", attrs...)
			if fault == http.ErrAbortHandler { //nolint:errorlint // as above
				panic(fault)
			}
		}()
		h.ServeHTTP(rec, r)
	})
}

// method keeps made-up methods out of the metrics' labels.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodOptions:
		return strings.ToLower(m)
	}
	return "other"
}

// recorder notes what was answered. Unwrap lets deadlines reach the connection.
type recorder struct {
	http.ResponseWriter
	code  int
	bytes int64
	wrote bool
}

func (r *recorder) status() int {
	if r.code == 0 {
		return http.StatusOK
	}
	return r.code
}

func (r *recorder) WriteHeader(code int) {
	if !r.wrote {
		r.code, r.wrote = code, true
	}
	r.ResponseWriter.WriteHeader(code)
}

func (r *recorder) Write(b []byte) (int, error) {
	r.wrote = true
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}

func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
