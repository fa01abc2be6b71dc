package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/google/uuid"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/token"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/graph/execute"
)

// RequestIDHeader carries the id that finds a request in the log.
const RequestIDHeader = "X-Request-Id"

// requestID is the server's own, which finds a request in its log and in the
// record of acts of every state concerned. A client's is never taken: it would
// stand in the records of other states.
func requestID(w http.ResponseWriter) string {
	if id := w.Header().Get(RequestIDHeader); id != "" { // of the server around this handler
		return id
	}
	return uuid.NewString()
}

// serve answers one request at the endpoint.
func (h *handler) serve(w http.ResponseWriter, r *http.Request) {
	id := requestID(w)
	secure(w.Header())
	w.Header().Set(RequestIDHeader, id)
	ctx, cancel := context.WithTimeout(r.Context(), h.limits.Deadline)
	defer cancel()
	media := accepts(r.Header.Get("Accept"))
	if media == "" {
		f := &fault{code: comity.CodeInvalid, status: http.StatusNotAcceptable, message: "answers are " + typeResponse + " or " + typeJSON + "; streams are asked for at " + h.streamURL}
		h.refuse(w, id, typeJSON, true, f)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost {
		w.Header().Set("Allow", "GET, HEAD, POST")
		f := &fault{code: comity.CodeInvalid, status: http.StatusMethodNotAllowed, message: "requests are made by POST, and queries by GET too"}
		h.refuse(w, id, media, true, f)
		return
	}
	if f := h.refuseSite(r); f != nil {
		h.refuse(w, id, media, true, f)
		return
	}
	// Who asks is settled before anything of the request is read; the directory
	// alone is told to everybody.
	who, err := h.verifier.VerifyRequest(ctx, r, h.externalURL)
	if err != nil {
		if f := h.strangerTooFast(r); f != nil {
			h.refuse(w, id, media, true, f)
			return
		}
		if anonymous(r) {
			if q, f := h.receive(w, r); f == nil && h.asksPublic(&q) {
				h.answer(w, id, media, h.guarded(func() *outcome { return h.run(ctx, exchange.Caller{RequestID: id}, q) }))
				return
			}
		}
		f := h.faultOf(err)
		switch f.code {
		case comity.CodeUnauthenticated:
			f.challenge = token.Challenge(err)
		case comity.CodeLimit:
			f.status = http.StatusTooManyRequests
		}
		h.refuse(w, id, media, true, f)
		return
	}
	caller := exchange.Caller{Identity: who, RequestID: id}
	if f := h.admit(r, who.Officer); f != nil {
		h.refuse(w, id, media, true, f)
		return
	}
	q, f := h.receive(w, r)
	if f != nil {
		h.refuse(w, id, media, true, f)
		return
	}
	h.answer(w, id, media, h.guarded(func() *outcome {
		o := h.run(ctx, caller, q)
		h.x.Seen(ctx, caller)
		return o
	}))
}

// guarded makes a fault of a panic.
func (h *handler) guarded(run func() *outcome) (o *outcome) {
	err := execute.Guard(func() error { o = run(); return nil })
	if err != nil {
		o = refused(h.faultOf(err))
	}
	return o
}

// secure sets what keeps an answer from being kept, framed or misread.
func secure(header http.Header) {
	header.Set("Cache-Control", "no-store")
	header.Add("Vary", "Accept, Authorization")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
}

// refuse answers a request that was not run. malformed tells a request that is
// none of GraphQL over HTTP from a query that cannot be run: only the newer
// media type has a status for the latter.
func (h *handler) refuse(w http.ResponseWriter, id, media string, malformed bool, faults ...*fault) {
	first := faults[0]
	status := first.statusOf()
	if !malformed && media == typeJSON && !first.severe() {
		status = http.StatusOK
	}
	if status == http.StatusTooManyRequests || first.after > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(retryAfter(first.after)))
	}
	if first.challenge != "" {
		w.Header().Set("WWW-Authenticate", first.challenge)
	}
	h.write(w, id, media, status, nil, faults)
}

// answer writes what an operation came to, and gives its memory back. Data that
// is not there at all means that the operation did not run; null data that it
// failed.
func (h *handler) answer(w http.ResponseWriter, id, media string, o *outcome) {
	defer o.release()
	if o.data == nil {
		h.refuse(w, id, media, false, o.faults...)
		return
	}
	h.write(w, id, media, http.StatusOK, o.data, o.faults)
}

// tell makes answers of faults and logs those that are the exchange's own.
func (h *handler) tell(id string, faults []*fault) []answer {
	var out []answer
	for _, f := range faults {
		out = append(out, f.answer(id))
		if !f.severe() {
			continue
		}
		attrs := []any{"request", id, "code", f.code}
		level := slog.LevelError
		if f.code != comity.CodeInternal { // a part that is away, or a client that left
			level = slog.LevelWarn
		}
		if p, ok := errors.AsType[*execute.Panic](f.cause); ok {
			attrs = append(attrs, "panic", p.Value, "stack", string(p.Stack))
		} else if f.cause != nil {
			attrs = append(attrs, "error", f.cause)
		}
		h.log.Log(context.Background(), level, "a request failed", attrs...)
	}
	return out
}

// write sends an answer: the errors before the data, which is sent from where it
// lies.
func (h *handler) write(w http.ResponseWriter, id, media string, status int, data []byte, faults []*fault) {
	head, data := h.body(id, data, faults)
	w.Header().Set("Content-Type", media+"; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(head)+len(data)))
	w.WriteHeader(status)
	_, _ = w.Write(head) // the client went away: nobody is left to tell
	_, _ = w.Write(data)
}

// body is an answer in two pieces: the errors before the data, which stays where it lies.
func (h *handler) body(id string, data []byte, faults []*fault) (head, rest []byte) {
	head = []byte{'{'}
	if told := h.tell(id, faults); len(told) > 0 {
		raw, err := encode(told)
		if err != nil {
			h.log.Error("an answer cannot be encoded", "request", id, "error", err)
			data, raw = nil, []byte(`[{"message":"the answer cannot be encoded"}]`)
		}
		head = append(append(head, `"errors":`...), raw...)
	}
	if data != nil {
		if len(head) > 1 {
			head = append(head, ',')
		}
		head = append(head, `"data":`...)
	}
	return head, append(data, '}') // there is room as a rule
}

// encode writes JSON as it is: it is no HTML.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}
