package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/client/operations"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/graph"
)

// serving serves a world at an address, until it is told to end.
func serving(t *testing.T, w *exchangetest.World, address string, trusted map[string]string) (at string, end func()) {
	t.Helper()
	var l net.Listener
	var err error
	for n := 0; l == nil; n++ { // the one before may still be going
		if l, err = net.Listen("tcp", address); err != nil && n > 100 {
			t.Fatal(err)
		}
		if err != nil {
			time.Sleep(50 * time.Millisecond)
		}
	}
	at = l.Addr().String()
	h, err := graph.New(graph.Options{Exchange: w.Exchange, Verifier: w.Verifier, ExternalURL: "http://" + at + "/graphql", Trusted: trusted, Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan struct{})
	go func() { defer close(done); h.Run(ctx) }()
	server := &http.Server{Handler: h}
	go func() { _ = server.Serve(l) }()
	var ended atomic.Bool
	end = func() {
		if ended.CompareAndSwap(false, true) {
			cancel()
			<-done
			_ = server.Close()
		}
	}
	t.Cleanup(end)
	return at, end
}

// TestWatch: a client is told what happens, across the end of its server, once and in
// order, and ends when it may not be told any more.
func TestWatch(t *testing.T) {
	w := exchangetest.New(t)
	address, end := serving(t, w, "127.0.0.1:0", nil) // an older one, which knows no document
	at := &world{w, "http://" + address}
	c, owner := at.as(t, "investigator@KZ"), w.As(t, "investigator@KZ")
	told := make(chan client.Event, 100)
	over := make(chan error, 1)
	waited := make(chan error, 1)
	go func() {
		over <- c.Watch(t.Context(), client.Watching{Kinds: []comity.EventKind{comity.EventCaseChanged}, Waiting: func(cause error, _ time.Duration) {
			select {
			case waited <- cause:
			default: // it was told often enough
			}
		}},
			func(e client.Event) error { told <- e; return nil })
	}()
	next := func() client.Event {
		t.Helper()
		select {
		case e := <-told:
			return e
		case err := <-over:
			t.Fatal(err)
		case <-time.After(time.Minute):
			t.Fatal("nothing was told")
		}
		return client.Event{}
	}
	if e := next(); e.Kind != comity.EventBegan || e.Record() != nil {
		t.Errorf("began with %+v", e)
	}
	first := owner.FileCase(t, "first")
	if e := next(); e.Record() == nil || e.Record().ID != first || e.Record().Title != "first" {
		t.Errorf("told %+v", e)
	}
	end()
	var missed []comity.ID
	for i := range 3 {
		missed = append(missed, owner.FileCase(t, fmt.Sprint("missed ", i)))
	}
	select {
	case err := <-waited:
		if comity.CodeOf(err) != comity.CodeUnavailable {
			t.Errorf("waited for %v", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("a server that is away was not noticed")
	}
	serving(t, w, address, operations.All())
	for _, id := range missed {
		if e := next(); e.Record().ID != id {
			t.Errorf("told %+v, wanted %s", e, id)
		}
	}
	w.Clock.Advance(13 * time.Hour)
	select {
	case err := <-over:
		if comity.CodeOf(err) != comity.CodeUnauthenticated {
			t.Errorf("with a token that expired: %v", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("watched on with a token that expired")
	}
}

// TestWatchEnds: what the server refuses, and what the caller does, ends it.
func TestWatchEnds(t *testing.T) {
	w := exchangetest.New(t)
	address, _ := serving(t, w, "127.0.0.1:0", operations.All())
	at := &world{w, "http://" + address}
	c := at.as(t, "investigator@KZ")
	none := func(client.Event) error { return nil }
	for what, x := range map[string]struct {
		w    client.Watching
		code comity.Code
	}{
		"a case that is not there":  {client.Watching{Case: comity.NewID(comity.KindCase)}, comity.CodeNotFound},
		"an id of another kind":     {client.Watching{Case: comity.NewID(comity.KindGrant)}, comity.CodeInvalid},
		"no event of this officer":  {client.Watching{After: "x"}, comity.CodeInvalid},
		"a kind that there is none": {client.Watching{Kinds: []comity.EventKind{"NOTHING"}}, comity.CodeInvalid},
	} {
		if err := c.Watch(t.Context(), x.w, none); comity.CodeOf(err) != x.code {
			t.Errorf("%s: %v", what, err)
		}
	}
	enough := errors.New("enough")
	if err := c.Watch(t.Context(), client.Watching{}, func(client.Event) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("the caller's own error came back as %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := c.Watch(ctx, client.Watching{}, func(client.Event) error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

// TestWatchGoesOn: an event whose fields failed is told with its error, those after it
// are told too, and it is not asked for again.
func TestWatchGoesOn(t *testing.T) {
	w := exchangetest.New(t)
	after := make(chan string, 10)
	served := 0
	var rest http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/graphql/stream" {
			rest.ServeHTTP(out, r)
			return
		}
		var asked struct {
			Variables struct{ After string }
		}
		_ = json.NewDecoder(r.Body).Decode(&asked)
		after <- asked.Variables.After
		if served++; served > 1 {
			out.WriteHeader(http.StatusForbidden)
			return
		}
		out.Header().Set("Content-Type", "text/event-stream")
		failed := `"errors":[{"message":"the name cannot be read","path":["events","evidence","name"],"extensions":{"code":"UNAVAILABLE"}}]`
		for i, data := range []string{
			`{"data":{"events":{"id":"one","kind":"CASE_CHANGED","at":"2026-11-26T07:00:00Z"}}}`,
			`{` + failed + `,"data":null}`,
			`{` + failed + `,"data":{"events":{"id":"three","kind":"EVIDENCE_COMPLETED","at":"2026-11-26T07:00:00Z","evidence":null}}}`,
			`{"data":{"events":null}}`,
			`no JSON`,
			`{"data":{"events":{"id":"six","kind":"CASE_CHANGED","at":"2026-11-26T07:00:00Z"}}}`,
		} {
			fmt.Fprintf(out, "event: next\nid: %s\ndata: %s\n\n", []string{"one", "two", "three", "four", "five", "six"}[i], data)
		}
		fmt.Fprint(out, "event: complete\ndata: \n\n")
	}))
	t.Cleanup(server.Close)
	var err error
	rest, err = graph.New(graph.Options{Exchange: w.Exchange, Verifier: w.Verifier, ExternalURL: server.URL + "/graphql", Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	var got []string
	var failed error
	err = (&world{w, server.URL}).as(t, "investigator@KZ").Watch(t.Context(), client.Watching{}, func(e client.Event) error {
		got = append(got, fmt.Sprint(e.ID, " ", e.Kind, " ", e.Err != nil))
		if e.ID == "three" {
			failed = e.Err
		}
		return nil
	})
	if err == nil {
		t.Error("what the server refuses ends nothing")
	}
	if want := "[one CASE_CHANGED false two  true three EVIDENCE_COMPLETED true four  true five  true six CASE_CHANGED false]"; fmt.Sprint(got) != want {
		t.Errorf("told %v\nwanted %s", got, want)
	}
	if comity.CodeOf(failed) != comity.CodeUnavailable {
		t.Errorf("the third event came with %v", failed)
	}
	if first, second := <-after, <-after; first != "" || second != "six" {
		t.Errorf("asked for what comes after %q, and then after %q", first, second)
	}
}
