package graph

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/token"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/graph/subscribe"
)

// typeEvents is the media type of server-sent events.
const typeEvents = "text/event-stream"

const (
	// heartbeat is how long nothing is written at most, so that no proxy takes a stream
	// for dead. It runs by itself, whatever happens that is not told.
	heartbeat = 15 * time.Second
	// writeTimeout is how long a client may take nothing before its stream ends.
	writeTimeout = 10 * time.Second
	// comeAgain is told to whom no stream is given.
	comeAgain = 5 * time.Second
)

// serveStream serves what asks for a stream. Streams have an address of their own, so
// that the proof of no other request opens one.
func (h *handler) serveStream(w http.ResponseWriter, r *http.Request) {
	id := requestID(w)
	secure(w.Header())
	w.Header().Set(RequestIDHeader, id)
	switch {
	case upgrades(r):
		h.serveSocket(w, r, id)
	case asksEvents(r):
		h.serveEvents(w, r, id)
	default:
		h.refuse(w, id, typeResponse, true, &fault{code: comity.CodeInvalid, status: http.StatusNotAcceptable,
			message: "streams are " + typeEvents + ", or WebSockets; all else is asked at " + h.externalURL})
	}
}

// asksEvents reports whether a request accepts server-sent events, and names them.
func asksEvents(r *http.Request) bool {
	for _, part := range strings.Split(r.Header.Get("Accept"), ",") {
		if media, _, err := mime.ParseMediaType(part); err == nil && media == typeEvents {
			return true
		}
	}
	return false
}

// identify tells who asks for a stream, by a proof that no server has seen. There is
// none of the public directory.
func (h *handler) identify(ctx context.Context, r *http.Request, id string) (exchange.Caller, *fault) {
	who, err := h.verifier.VerifyRequest(ctx, r, h.streamURL)
	if err != nil {
		if f := h.strangerTooFast(r); f != nil {
			return exchange.Caller{}, f
		}
	} else {
		caller := exchange.Caller{Identity: who, RequestID: id}
		if f := h.admit(r, who.Officer); f != nil {
			return exchange.Caller{}, f
		}
		if err = h.x.UseProof(ctx, caller); err == nil {
			return caller, nil
		}
	}
	f := h.faultOf(err)
	switch f.code {
	case comity.CodeUnauthenticated:
		f.challenge = token.Challenge(err)
	case comity.CodeLimit:
		f.status = http.StatusTooManyRequests
	}
	return exchange.Caller{}, f
}

// serveEvents answers a subscription as server-sent events, in the way of graphql-sse's
// distinct connections: one stream for one operation.
func (h *handler) serveEvents(w http.ResponseWriter, r *http.Request, id string) {
	stream, first, faults := h.openEvents(w, r, id)
	if len(faults) > 0 {
		h.refuse(w, id, typeResponse, true, faults...)
		return
	}
	defer stream.Close()
	PlaceOf(r.Context()).Leave()
	header := w.Header()
	header.Set("Content-Type", typeEvents+"; charset=utf-8")
	header.Set("X-Accel-Buffering", "no") // proxies pass on what there is
	e := &eventWriter{w: w, control: http.NewResponseController(w)}
	_ = e.control.SetReadDeadline(time.Time{}) // the client says nothing more, and may take as long as it likes
	w.WriteHeader(http.StatusOK)
	e.write(":\n\n")
	if first != nil {
		e.next(*first)
	}
	e.run(r.Context(), stream)
}

// openEvents takes a request to a stream that is open.
func (h *handler) openEvents(w http.ResponseWriter, r *http.Request, id string) (*subscribe.Stream, *subscribe.Frame, []*fault) {
	ctx, cancel := context.WithTimeout(r.Context(), h.limits.Deadline)
	defer cancel()
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		w.Header().Set("Allow", "GET, POST")
		return nil, nil, []*fault{{code: comity.CodeInvalid, status: http.StatusMethodNotAllowed, message: "streams are asked for by POST or GET"}}
	}
	if f := h.refuseSite(r); f != nil {
		return nil, nil, []*fault{f}
	}
	who, f := h.identify(ctx, r, id)
	if f != nil {
		return nil, nil, []*fault{f}
	}
	q, f := h.receive(w, r)
	if f != nil {
		return nil, nil, []*fault{f}
	}
	s, faults := h.subscribe(ctx, who, q, r.Header.Get("Last-Event-ID"))
	if len(faults) > 0 {
		return nil, nil, faults
	}
	h.x.Seen(ctx, who)
	return s.open(ctx)
}

// eventWriter writes a stream to its client.
type eventWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	failed  error
}

// run writes until the stream is over, or the client is gone or takes nothing.
func (e *eventWriter) run(ctx context.Context, stream *subscribe.Stream) {
	beat := time.NewTimer(heartbeat)
	defer beat.Stop()
	for over := false; !over; {
		var frames []subscribe.Frame
		select {
		case <-ctx.Done():
			return
		case <-beat.C:
			e.write(":\n\n")
		case <-stream.Woken():
			frames, over = stream.Take()
		}
		for _, f := range frames {
			e.next(f)
		}
		if over {
			e.write("event: complete\ndata: \n\n")
		}
		if e.failed != nil {
			return
		}
		beat.Reset(heartbeat)
	}
}

func (e *eventWriter) next(f subscribe.Frame) {
	e.write("event: next\nid: " + f.ID + "\ndata: " + string(f.Data) + "\n\n")
}

// write writes and sends, for as long as a client may take nothing.
func (e *eventWriter) write(text string) {
	if e.failed != nil {
		return
	}
	err := e.control.SetWriteDeadline(time.Now().Add(writeTimeout))
	if err == nil {
		_, err = e.w.Write([]byte(text))
	}
	e.failed = errors.Join(err, e.control.Flush())
}
