package graph

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/graph/subscribe"
)

// dial opens a WebSocket with some headers.
func (c *client) dial(t testing.TB, headers map[string]string, protocols ...string) (*websocket.Conn, *http.Response, error) {
	t.Helper()
	o := &websocket.DialOptions{HTTPHeader: http.Header{}, Subprotocols: protocols}
	for name, v := range headers {
		o.HTTPHeader.Set(name, v)
	}
	conn, res, err := websocket.Dial(t.Context(), strings.Replace(c.url, "http", "ws", 1)+"/graphql/stream", o)
	if err == nil {
		t.Cleanup(func() { _ = conn.CloseNow() })
	}
	return conn, res, err
}

// talk is a socket as a test speaks over it.
type talk struct {
	t    testing.TB
	conn *websocket.Conn
}

func (k talk) say(text string) {
	k.t.Helper()
	if err := k.conn.Write(k.t.Context(), websocket.MessageText, []byte(text)); err != nil {
		k.t.Fatal(err)
	}
}

func (k talk) hear() map[string]any {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(k.t.Context(), streamTime)
	defer cancel()
	_, raw, err := k.conn.Read(ctx)
	if err != nil {
		k.t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(raw, &m); err != nil {
		k.t.Fatal(err)
	}
	return m
}

// closed waits for the code by which the server ends the socket.
func (k talk) closed() websocket.StatusCode {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(k.t.Context(), streamTime)
	defer cancel()
	for {
		if _, _, err := k.conn.Read(ctx); err != nil {
			return websocket.CloseStatus(err)
		}
	}
}

// greeted is a socket on which the officer is known.
func (c *client) greeted(t testing.TB) talk {
	t.Helper()
	conn, _, err := c.dial(t, c.proof(t, http.MethodGet), socketProtocol)
	if err != nil {
		t.Fatal(err)
	}
	k := talk{t, conn}
	k.say(`{"type":"connection_init"}`)
	if m := k.hear(); m["type"] != "connection_ack" {
		t.Fatalf("greeted with %v", m)
	}
	return k
}

// TestSocketRefused: who may not have a WebSocket gets none.
func TestSocketRefused(t *testing.T) {
	a := serveAPI(t, nil)
	a.stream(t)
	c := a.as(t, "investigator@KZ")
	with := func(name, value string) map[string]string {
		h := c.proof(t, http.MethodGet)
		h[name] = value
		return h
	}
	for what, x := range map[string]struct {
		headers  map[string]string
		protocol string
		status   int
	}{
		"a page of another site":   {with("Origin", "https://elsewhere.example"), socketProtocol, http.StatusForbidden},
		"the older sub-protocol":   {with("X", "x"), "graphql-ws", http.StatusBadRequest},
		"a token without a proof":  {with("DPoP", ""), socketProtocol, http.StatusUnauthorized},
		"a proof for another verb": {c.proof(t, http.MethodPost), socketProtocol, http.StatusUnauthorized},
	} {
		_, res, err := c.dial(t, x.headers, x.protocol)
		if err == nil || res == nil || res.StatusCode != x.status {
			t.Errorf("%s: %v, %v", what, res, err)
		}
	}
}

// TestSocketProtocol: what is none of the protocol ends the socket, with its code.
func TestSocketProtocol(t *testing.T) {
	a := serveAPI(t, nil)
	a.stream(t)
	c := a.as(t, "investigator@KZ")
	watch := `{"id":"1","type":"subscribe","payload":{"query":"subscription { events { id kind } }"}}`
	for what, x := range map[string]struct {
		stranger bool
		say      []string
		code     websocket.StatusCode
	}{
		"a subscription before the greeting": {true, []string{watch}, closeUnauthorized},
		"another first message":              {true, []string{`{"type":"ping"}`}, closeInvalid},
		"a greeting that names nobody":       {true, []string{`{"type":"connection_init"}`}, closeForbidden},
		"a greeting with a forged token":     {true, []string{`{"type":"connection_init","payload":{"authorization":"DPoP a.b.c","dpop":"a.b.c"}}`}, closeForbidden},
		"a greeting twice":                   {false, []string{`{"type":"connection_init"}`}, closeGreetings},
		"no JSON":                            {false, []string{`x`}, closeInvalid},
		"no message":                         {false, []string{`{"type":"nothing"}`}, closeInvalid},
		"no id":                              {false, []string{`{"type":"subscribe","payload":{"query":"subscription { events { id } }"}}`}, closeInvalid},
		"an id twice":                        {false, []string{watch, watch}, closeTwice},
	} {
		k := talk{t: t}
		if x.stranger {
			conn, _, err := c.dial(t, nil, socketProtocol)
			if err != nil {
				t.Fatal(err)
			}
			k.conn = conn
		} else {
			k = c.greeted(t)
		}
		for _, s := range x.say {
			k.say(s)
		}
		if code := k.closed(); code != x.code {
			t.Errorf("%s: closed with %d, wanted %d", what, code, x.code)
		}
	}
	deadline := time.Now().Add(streamTime)
	for a.streams.Streams() > 0 {
		if time.Now().After(deadline) {
			t.Fatalf("%d streams are left of sockets that ended", a.streams.Streams())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestSocketStreams: several streams on one socket, each by its own name.
func TestSocketStreams(t *testing.T) {
	a := serveAPI(t, nil)
	end := a.stream(t)
	c := a.as(t, "investigator@KZ")
	k := c.greeted(t)
	k.say(`{"type":"ping","payload":{"a":1}}`)
	if m := k.hear(); m["type"] != "pong" || dig(t, m, "payload", "a") != 1.0 {
		t.Errorf("a ping is answered by %v", m)
	}
	k.say(`{"id":"bad","type":"subscribe","payload":{"query":"subscription { events { nothing } }"}}`)
	if m := k.hear(); m["type"] != "error" || m["id"] != "bad" || dig(t, m, "payload", 0, "extensions", "code") != "INVALID" {
		t.Errorf("an invalid document is answered by %v", m)
	}
	k.say(`{"id":"query","type":"subscribe","payload":{"query":"{ viewer { officer { ref } } }"}}`)
	if m := k.hear(); m["type"] != "error" || m["id"] != "query" {
		t.Errorf("a query is answered by %v", m)
	}
	for _, id := range []string{"a", "b"} {
		k.say(`{"id":"` + id + `","type":"subscribe","payload":{"query":"subscription { events(kinds: [CASE_CHANGED]) { id kind case { id } } }"}}`)
		if m := k.hear(); m["type"] != "next" || m["id"] != id || dig(t, m, "payload", "data", "events", "kind") != "BEGAN" {
			t.Errorf("began with %v", m)
		}
	}
	filed := c.FileCase(t, "one")
	told := map[any]bool{}
	for range 2 {
		m := k.hear()
		told[m["id"]] = dig(t, m, "payload", "data", "events", "case", "id") == string(filed)
	}
	if !told["a"] || !told["b"] {
		t.Errorf("told %v", told)
	}
	k.say(`{"id":"a","type":"complete"}`)
	for deadline := time.Now().Add(streamTime); a.streams.Streams() > 1; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a stream that its client completed goes on")
		}
	}
	c.FileCase(t, "two")
	if m := k.hear(); m["id"] != "b" || m["type"] != "next" {
		t.Errorf("told %v", m)
	}
	// The name is free again.
	k.say(`{"id":"a","type":"subscribe","payload":{"query":"subscription { events { id kind } }"}}`)
	if m := k.hear(); m["type"] != "next" || m["id"] != "a" {
		t.Errorf("began with %v", m)
	}
	// With the token every stream ends, and none is given any more.
	a.Clock.Advance(13 * time.Hour)
	ended := map[any]bool{}
	for range 2 {
		m := k.hear()
		ended[m["id"]] = m["type"] == "complete" && len(m) == 2
	}
	if !ended["a"] || !ended["b"] {
		t.Errorf("ended with %v", ended)
	}
	k.say(`{"id":"c","type":"subscribe","payload":{"query":"subscription { events { id kind } }"}}`)
	if code := k.closed(); code != closeForbidden {
		t.Errorf("asked with a token that expired: closed with %d", code)
	}
	next := a.as(t, "investigator@KZ").greeted(t)
	next.say(`{"id":"d","type":"subscribe","payload":{"query":"subscription { events { id kind } }"}}`)
	next.hear()
	end()
	if m := next.hear(); m["type"] != "complete" || m["id"] != "d" {
		t.Errorf("at the end of the server: %v", m)
	}
	if code := next.closed(); code != websocket.StatusGoingAway {
		t.Errorf("at the end of the server: closed with %d", code)
	}
}

// TestSocketPlaces: sockets without a stream take no more places than streams may,
// and a stranger takes few, for little.
func TestSocketPlaces(t *testing.T) {
	a := serveAPI(t, func(o *Options) {
		o.Streams = subscribe.DefaultLimits
		o.Streams.Officer, o.Streams.Agency, o.Streams.State, o.Streams.Server = 2, 3, 4, 5
	})
	a.stream(t)
	refused := func(what string, headers map[string]string, status int) {
		t.Helper()
		conn, res, err := a.as(t, "investigator@KZ").dial(t, headers, socketProtocol)
		if err == nil {
			_ = conn.CloseNow()
			t.Errorf("%s: it has a socket", what)
		} else if res == nil || res.StatusCode != status || res.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %v, %v", what, res, err)
		}
	}
	first := a.as(t, "investigator@KZ").greeted(t)
	a.as(t, "investigator@KZ").greeted(t)
	refused("the third of an officer", a.as(t, "investigator@KZ").proof(t, http.MethodGet), http.StatusTooManyRequests)
	a.as(t, "liaison@KZ").greeted(t)
	refused("the fourth of an agency", a.as(t, "authority@KZ").proof(t, http.MethodGet), http.StatusTooManyRequests)
	a.as(t, "ct@KZ").greeted(t)
	refused("the fifth of a state", a.as(t, "ct@KZ").proof(t, http.MethodGet), http.StatusTooManyRequests)
	a.as(t, "investigator@AM").greeted(t)
	refused("the sixth of a server", a.as(t, "investigator@BY").proof(t, http.MethodGet), http.StatusServiceUnavailable)

	var anonymous *websocket.Conn
	var err error
	for range maxGreetingOfOne {
		if anonymous, _, err = a.as(t, "investigator@BY").dial(t, nil, socketProtocol); err != nil {
			t.Fatal(err)
		}
	}
	refused("one more of a stranger", nil, http.StatusTooManyRequests)
	k := talk{t, anonymous}
	said, _ := json.Marshal(a.as(t, "investigator@BY").proof(t, http.MethodGet))
	k.say(`{"type":"connection_init","payload":` + strings.NewReplacer("Authorization", "authorization", "DPoP\":", "dpop\":").Replace(string(said)) + `}`)
	if code := k.closed(); code != websocket.StatusTryAgainLater {
		t.Errorf("greeted where there is no place: closed with %d", code)
	}
	if k.conn, _, err = a.as(t, "investigator@BY").dial(t, nil, socketProtocol); err != nil {
		t.Fatalf("the place of who was refused is not free: %v", err)
	}
	k.say(`{"type":"connection_init","payload":"` + strings.Repeat("x", maxGreetingBytes) + `"}`)
	if code := k.closed(); code != websocket.StatusMessageTooBig {
		t.Errorf("a long greeting: closed with %d", code)
	}
	_ = first.conn.Close(websocket.StatusNormalClosure, "")
	for deadline := time.Now().Add(streamTime); ; time.Sleep(20 * time.Millisecond) {
		if _, _, err := a.as(t, "investigator@BY").dial(t, a.as(t, "investigator@BY").proof(t, http.MethodGet), socketProtocol); err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the end of a socket makes no room")
		}
	}
}

// TestSocketPanic: what panics as a stream is opened is that stream's error, and not
// the end of the server.
func TestSocketPanic(t *testing.T) {
	s := &socket{h: &handler{limits: DefaultLimits}} // knows no documents at all
	_, _, faults := s.open(t.Context(), message{Payload: jsontext.Value(`{"documentId":"sha256:x"}`)})
	if len(faults) != 1 || faults[0].code != comity.CodeInternal {
		t.Errorf("%v", faults)
	}
}

// TestSocketUnverified: while the issuer is away for longer than its keys are good for,
// a socket that is open gets no more than a request does.
func TestSocketUnverified(t *testing.T) {
	a := serveAPI(t, nil)
	a.stream(t)
	c := a.as(t, "investigator@KZ")
	k := c.greeted(t)
	a.Servers["KZ"].Close()
	a.Clock.Advance(2 * time.Hour)
	if r := c.call(t, whoami, nil); r.status != http.StatusServiceUnavailable {
		t.Fatalf("a request: %d %s", r.status, r.raw)
	}
	k.say(`{"id":"1","type":"subscribe","payload":{"query":"subscription { events { id kind } }"}}`)
	m := k.hear()
	said, _ := json.Marshal(m)
	if m["type"] != "error" || !strings.Contains(string(said), "UNAVAILABLE") {
		t.Errorf("a stream was opened by a token that nobody verified: %s", said)
	}
}
