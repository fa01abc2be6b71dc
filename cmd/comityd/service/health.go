package service

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/exchange"
)

const (
	probeTimeout = 5 * time.Second
	probeFresh   = time.Second // a look serves all who ask within this time
)

// health tells whether the process lives and whether it can serve.
type health struct {
	exchange *exchange.Exchange
	record   func() error   // what is wrong with the log
	states   []comity.State // whose parts this server reaches
	log      *slog.Logger
	draining atomic.Bool

	mu     sync.Mutex
	looked time.Time
	faults map[string]error
	said   map[string]string // what was logged about each part
}

func newHealth(x *exchange.Exchange, record func() error, states []comity.State, log *slog.Logger) *health {
	return &health{exchange: x, record: record, states: states, log: log, said: map[string]string{}}
}

// look asks every part, or repeats what it heard just now.
func (h *health) look() map[string]error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Since(h.looked) < probeFresh {
		return h.faults
	}
	// Not the asker's context: the answer is for the others too.
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	h.faults = h.exchange.Check(ctx)
	if err := h.record(); err != nil && h.faults["database"] == nil {
		h.faults["log"] = err
	}
	h.looked = time.Now()
	for part, err := range h.faults {
		if h.said[part] != err.Error() {
			h.said[part] = err.Error()
			h.log.Warn("a part does not answer", "part", part, "error", err, "cause", errors.Unwrap(err))
		}
	}
	for part := range h.said {
		if h.faults[part] == nil {
			delete(h.said, part)
			h.log.Info("a part answers again", "part", part)
		}
	}
	return h.faults
}

// live answers as long as the process serves HTTP at all.
func (h *health) live(w http.ResponseWriter, _ *http.Request) {
	h.answer(w, http.StatusOK, readiness{Status: "alive"})
}

// readiness is the answer of /readyz; which parts fail only where it is told in
// detail.
type readiness struct {
	Status  string            `json:"status"` // ready, degraded, failing, draining
	Failing map[string]string `json:"failing,omitempty"`
}

// ready answers 200 while the server can serve: "ready", or "degraded" when
// single states' parts or the log fail, which are named in detail. One state's sealed Vault
// must not take the exchange from the others, so only a failing database, or no
// state's parts answering, is 503. What failed exactly is in the log.
func (h *health) ready(detail bool) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if h.draining.Load() {
			h.answer(w, http.StatusServiceUnavailable, readiness{Status: "draining"})
			return
		}
		faults := h.look()
		r, code := readiness{Status: "ready"}, http.StatusOK
		switch {
		case faults["database"] != nil || len(faults) > 0 && !h.someState(faults):
			r.Status, code = "failing", http.StatusServiceUnavailable
		case len(faults) > 0:
			r.Status = "degraded"
		}
		if detail {
			r.Failing = failing(faults)
		}
		h.answer(w, code, r)
	}
}

// failing says of each part what may be said of it.
func failing(faults map[string]error) map[string]string {
	said := map[string]string{}
	for part, err := range faults {
		said[part] = "it does not answer"
		if e, ok := errors.AsType[*comity.Error](err); ok {
			said[part] = e.Message
		}
		if errors.Is(err, audit.ErrWentBack) {
			said[part] = "it went back, and nothing is signed until somebody looks"
		}
	}
	return said
}

// someState reports whether at least one state's parts all answer.
func (h *health) someState(faults map[string]error) bool {
	for _, s := range h.states {
		if faults["custodian "+string(s)] == nil && faults["store "+string(s)] == nil {
			return true
		}
	}
	return false
}

func (h *health) answer(w http.ResponseWriter, code int, v readiness) {
	b, err := json.Marshal(v)
	if err != nil {
		code, b = http.StatusInternalServerError, []byte(`{"status":"failing"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_, _ = w.Write(append(b, '\n')) // the asker went away: nobody is left to tell
}
