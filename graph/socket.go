package graph

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/graph/execute"
	"github.com/comity-platform/comity/graph/subscribe"
)

// socketProtocol is graphql-ws's, under the name that WebSocket has for it.
const socketProtocol = "graphql-transport-ws"

const (
	// maxGreeting bounds the sockets at once whose client has not said who it is, and
	// maxGreetingOfOne those from one network address.
	maxGreeting      = 256
	maxGreetingOfOne = 32
	// maxGreetingBytes bounds the first message: a token and a proof.
	maxGreetingBytes = 64 << 10
	greetWithin      = 10 * time.Second
	// idleSocket is how long a socket may be open without a stream.
	idleSocket = time.Minute
	pingEvery  = 20 * time.Second
)

// Close codes of graphql-transport-ws.
const (
	closeInvalid      websocket.StatusCode = 4400
	closeUnauthorized websocket.StatusCode = 4401
	closeForbidden    websocket.StatusCode = 4403
	closeNoGreeting   websocket.StatusCode = 4408
	closeTwice        websocket.StatusCode = 4409
	closeGreetings    websocket.StatusCode = 4429
)

// upgrades reports whether a request asks for a WebSocket.
func upgrades(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}

// message is one of graphql-transport-ws.
type message struct {
	ID      string         `json:"id,omitempty"`
	Type    string         `json:"type"`
	Payload jsontext.Value `json:"payload,omitempty"`
}

// socket is one connection, on which an officer has several streams.
type socket struct {
	h    *handler
	conn *websocket.Conn
	// alive is the socket's own life: what is written in a stream's would end the
	// socket with the stream.
	alive context.Context
	who   exchange.Caller

	mu      sync.Mutex
	streams map[string]context.CancelFunc // by the client's id of the operation; nil while it is made ready
	writing int                           // streams whose last message may not be written yet
	since   time.Time                     // when the last one ended
}

// serveSocket answers subscriptions over a WebSocket. Who asks is said by the headers
// of the request, or by the first message of those who cannot set any.
func (h *handler) serveSocket(w http.ResponseWriter, r *http.Request, id string) {
	refuse := func(f *fault) { h.refuse(w, id, typeResponse, true, f) }
	if f := h.refuseSite(r); f != nil { // browsers themselves hold no page to its own site here
		refuse(f)
		return
	}
	if !strings.Contains(r.Header.Get("Sec-WebSocket-Protocol"), socketProtocol) {
		refuse(invalid("a WebSocket speaks " + socketProtocol))
		return
	}
	s := &socket{h: h, who: exchange.Caller{RequestID: id}, streams: map[string]context.CancelFunc{}, since: time.Now()}
	if !anonymous(r) {
		ctx, cancel := context.WithTimeout(r.Context(), h.limits.Deadline)
		defer cancel()
		who, f := h.identify(ctx, r, id)
		if f != nil {
			refuse(f)
			return
		}
		s.who = who
	}
	release, f := h.seat(r, s.who)
	if f != nil {
		refuse(f)
		return
	}
	defer func() { release() }()
	control := http.NewResponseController(w)
	_, _ = control.SetReadDeadline(time.Time{}), control.SetWriteDeadline(time.Time{})
	var err error
	s.conn, err = websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{socketProtocol}, InsecureSkipVerify: true}) // see refuseSite
	if err != nil {
		return // it was answered
	}
	defer func() { _ = s.conn.CloseNow() }() // what is closed in good order stays so
	s.conn.SetReadLimit(maxGreetingBytes)
	PlaceOf(r.Context()).Leave()
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context())) // which ends where the connection is taken over
	defer cancel()
	s.alive = ctx
	stranger := s.who.Token == ""
	if !s.greet(ctx, r) {
		return
	}
	if stranger { // from here on it is an officer's
		release()
		if release, f = h.seat(r, s.who); f != nil {
			release = func() {}
			_ = s.conn.Close(websocket.StatusTryAgainLater, "")
			return
		}
	}
	s.conn.SetReadLimit(int64(6*h.limits.Bytes + h.limits.Variables + envelopeBytes))
	go s.watch(ctx, cancel)
	s.listen(ctx)
}

// greet waits for the first message, and answers it once it is known who asks.
func (s *socket) greet(ctx context.Context, r *http.Request) bool {
	within, cancel := context.WithTimeout(ctx, greetWithin)
	defer cancel()
	late := time.AfterFunc(greetWithin-time.Second, func() { _ = s.conn.Close(closeNoGreeting, "Connection initialisation timeout") })
	m, err := s.read(within)
	if !late.Stop() || err != nil {
		return false
	}
	switch m.Type {
	case "connection_init":
	case "subscribe":
		_ = s.conn.Close(closeUnauthorized, "Unauthorized")
		return false
	default:
		_ = s.conn.Close(closeInvalid, "the first message is connection_init")
		return false
	}
	if s.who.Token == "" {
		var said struct {
			Authorization string `json:"authorization"`
			DPoP          string `json:"dpop"`
		}
		if len(m.Payload) > 0 && json.Unmarshal(m.Payload, &said) != nil {
			_ = s.conn.Close(closeInvalid, "the payload of connection_init is an object with authorization and dpop")
			return false
		}
		r = (&http.Request{Method: r.Method, Header: http.Header{}, RemoteAddr: r.RemoteAddr}).WithContext(within)
		if said.Authorization != "" {
			r.Header.Set("Authorization", said.Authorization)
		}
		if said.DPoP != "" {
			r.Header.Set("DPoP", said.DPoP)
		}
		who, f := s.h.identify(within, r, s.who.RequestID)
		if f != nil {
			_ = s.conn.Close(closeForbidden, "Forbidden")
			return false
		}
		s.who = who
	}
	s.h.x.Seen(within, s.who)
	return s.send(message{Type: "connection_ack"}) == nil
}

// watch ends the socket when the server does, the client answers no more, or no
// stream is on it for long.
func (s *socket) watch(ctx context.Context, cancel context.CancelFunc) {
	defer cancel()
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.h.hub.Over():
			s.finish(ctx)
			_ = s.conn.Close(websocket.StatusGoingAway, "")
			return
		case <-tick.C:
		}
		if s.idle() {
			_ = s.conn.Close(websocket.StatusNormalClosure, "")
			return
		}
		within, done := context.WithTimeout(ctx, writeTimeout)
		err := s.conn.Ping(within)
		if done(); err != nil {
			_ = s.conn.CloseNow()
			return
		}
	}
}

// finish leaves the streams, which the hub has ended, the time to say so.
func (s *socket) finish(ctx context.Context) {
	within, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	for tick := time.NewTicker(10 * time.Millisecond); ; {
		s.mu.Lock()
		left := s.writing
		s.mu.Unlock()
		if left == 0 {
			tick.Stop()
			return
		}
		select {
		case <-within.Done():
			tick.Stop()
			return
		case <-tick.C:
		}
	}
}

func (s *socket) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.streams) == 0 && time.Since(s.since) >= idleSocket
}

// listen takes the client's messages until it goes, or says what is none.
func (s *socket) listen(ctx context.Context) {
	for {
		m, err := s.read(ctx)
		if err != nil {
			return
		}
		switch m.Type {
		case "ping":
			err = s.send(message{Type: "pong", Payload: m.Payload})
		case "pong":
		case "connection_init":
			_ = s.conn.Close(closeGreetings, "Too many initialisation requests")
			return
		case "complete":
			s.mu.Lock()
			if end := s.streams[m.ID]; end != nil {
				end()
			}
			s.mu.Unlock()
		case "subscribe":
			if !s.subscribe(ctx, m) {
				return
			}
		default:
			_ = s.conn.Close(closeInvalid, "no such message")
			return
		}
		if err != nil {
			return
		}
	}
}

// subscribe begins a stream, or says why not; false ends the socket.
func (s *socket) subscribe(ctx context.Context, m message) bool {
	if m.ID == "" || len(m.ID) > 128 {
		_ = s.conn.Close(closeInvalid, "an operation has an id of 128 characters at most")
		return false
	}
	ctx, end := context.WithCancel(ctx)
	s.mu.Lock()
	_, twice := s.streams[m.ID]
	full := len(s.streams) >= s.h.hub.Limits.Officer
	if !twice && !full {
		s.streams[m.ID] = end
		s.writing++
	}
	s.mu.Unlock()
	if twice {
		end()
		_ = s.conn.Close(closeTwice, "Subscriber for "+m.ID+" already exists")
		return false
	}
	if full {
		end()
		f := noPlace(&subscribe.FullError{Limit: "officerStreams", Most: s.h.hub.Limits.Officer}, "streams")
		return s.fail(m.ID, []*fault{f}) == nil
	}
	go func() {
		defer func() {
			end()
			s.mu.Lock()
			defer s.mu.Unlock()
			s.writing--
		}()
		s.stream(ctx, m)
	}()
	return true
}

// stream writes one stream to its end. The client's id is free again once it was told so.
func (s *socket) stream(ctx context.Context, m message) {
	free := sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.streams, m.ID)
		s.since = time.Now()
	})
	defer free()
	stream, first, faults := s.open(ctx, m)
	if len(faults) > 0 {
		if faults[0].code == comity.CodeUnauthenticated { // there is nothing more to be had on it
			_ = s.conn.Close(closeForbidden, "Forbidden")
			return
		}
		free()
		_ = s.fail(m.ID, faults)
		return
	}
	defer stream.Close()
	if first != nil && s.next(m.ID, *first) != nil {
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-stream.Woken():
		}
		frames, over := stream.Take()
		for _, f := range frames {
			if s.next(m.ID, f) != nil {
				return
			}
		}
		if over {
			free()
			_ = s.send(message{ID: m.ID, Type: "complete"})
			return
		}
	}
}

func (s *socket) open(ctx context.Context, m message) (stream *subscribe.Stream, first *subscribe.Frame, faults []*fault) {
	within, cancel := context.WithTimeout(ctx, s.h.limits.Deadline)
	defer cancel()
	err := execute.Guard(func() error { // around this goroutine is no server that would catch a panic
		stream, first, faults = s.begin(within, m)
		return nil
	})
	if err != nil {
		return nil, nil, []*fault{s.h.faultOf(err)}
	}
	return stream, first, faults
}

// begin takes a message to a stream that is open. The token, which was verified when
// the socket was opened, is verified anew: where that cannot be done just now there is
// no stream, as there is no answer to a request, and nothing is told on one.
func (s *socket) begin(within context.Context, m message) (*subscribe.Stream, *subscribe.Frame, []*fault) {
	if err := s.h.identified(within, s.who); err != nil {
		return nil, nil, []*fault{s.h.faultOf(err)}
	}
	if f := s.h.tooFast((&http.Request{}).WithContext(within), s.who.Officer); f != nil {
		return nil, nil, []*fault{f}
	}
	q, f := decodeWire(m.Payload, s.h.limits)
	if f != nil {
		return nil, nil, []*fault{f}
	}
	sub, faults := s.h.subscribe(within, s.who, q, "")
	if len(faults) > 0 {
		return nil, nil, faults
	}
	return sub.open(within)
}

func (s *socket) next(id string, f subscribe.Frame) error {
	return s.send(message{ID: id, Type: "next", Payload: jsontext.Value(f.Data)})
}

func (s *socket) fail(id string, faults []*fault) error {
	raw, err := encode(s.h.tell(s.who.RequestID, faults))
	if err != nil {
		return err
	}
	return s.send(message{ID: id, Type: "error", Payload: raw})
}

// read reads one message; what is none ends the socket.
func (s *socket) read(ctx context.Context) (m message, err error) {
	kind, raw, err := s.conn.Read(ctx)
	if err != nil {
		return m, err
	}
	if kind != websocket.MessageText || json.Unmarshal(raw, &m) != nil {
		_ = s.conn.Close(closeInvalid, "a message is a JSON object")
		return m, errors.New("graph: no message")
	}
	return m, nil
}

// send writes one message, for as long as a client may take nothing.
func (s *socket) send(m message) error {
	raw, err := json.Marshal(m)
	if err != nil {
		return err
	}
	within, cancel := context.WithTimeout(s.alive, writeTimeout)
	defer cancel()
	if err := s.conn.Write(within, websocket.MessageText, raw); err != nil {
		_ = s.conn.CloseNow()
		return err
	}
	return nil
}
