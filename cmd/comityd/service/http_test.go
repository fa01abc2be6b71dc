package service

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/graph"
)

func testService(t *testing.T, cfg Config) (*Service, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	d := statement.NewDirectory("u", nil, time.Now)
	return &Service{cfg: cfg.filled(), log: slog.New(slog.NewJSONHandler(&log, nil)), metrics: newMetrics(d)}, &log
}

func do(h http.Handler, method, target string, header http.Header) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, target, nil)
	for k, v := range header {
		r.Header[k] = v
	}
	h.ServeHTTP(w, r)
	return w
}

// TestRequestID: the id is the server's own; the client's stands in the log beside it.
func TestRequestID(t *testing.T) {
	s, log := testService(t, Config{})
	var inside string
	h := s.observed("x", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if inside = w.Header().Get(graph.RequestIDHeader); r.Header.Get(graph.RequestIDHeader) != "" {
			t.Error("the client's id goes on")
		}
	}))
	for given, kept := range map[string]bool{"client-0001": true, "": false, "short": false, "with space": false, strings.Repeat("x", 65): false, "a\nb-------": false} {
		log.Reset()
		w := do(h, http.MethodGet, "/x", http.Header{graph.RequestIDHeader: {given}})
		id := w.Header().Get(graph.RequestIDHeader)
		if id != inside || len(id) != 36 || id == given {
			t.Errorf("given %q: inside %q, answered %q", given, inside, id)
		}
		if !strings.Contains(log.String(), `"request":"`+id+`"`) || strings.Contains(log.String(), `"client_request":"`+given+`"`) != kept {
			t.Errorf("the log does not name %q as it should beside %q: %s", given, id, log)
		}
	}
}

func TestPanicTellsNothing(t *testing.T) {
	s, log := testService(t, Config{})
	h := s.observed("x", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("inside knowledge") }))
	w := do(h, http.MethodGet, "/x", nil)
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "inside") || !strings.Contains(w.Body.String(), w.Header().Get(graph.RequestIDHeader)) {
		t.Errorf("a panic answers %d %s", w.Code, w.Body)
	}
	if !strings.Contains(log.String(), "inside knowledge") {
		t.Error("the log does not have the panic")
	}
}

func TestQueryIsNotLogged(t *testing.T) {
	s, log := testService(t, Config{})
	do(s.observed("x", http.NotFoundHandler()), http.MethodGet, "/store/KZ/o?X-Comity-Signature=abcdef", nil)
	if strings.Contains(log.String(), "abcdef") || !strings.Contains(log.String(), "/store/KZ/o") {
		t.Errorf("the log is %s", log)
	}
}

func TestBusy(t *testing.T) {
	s, _ := testService(t, Config{MaxRequests: 1})
	entered, leave := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(s.limited(newPlaces(s.cfg.MaxRequests), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-leave
		_, _ = io.WriteString(w, "served")
	})))
	defer server.Close()
	first := make(chan string, 1)
	go func() {
		res, err := http.Get(server.URL)
		if err != nil {
			first <- err.Error()
			return
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		first <- string(b)
	}()
	<-entered
	res, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" {
		t.Errorf("one too many is answered %s", res.Status)
	}
	close(leave)
	if got := <-first; got != "served" {
		t.Errorf("the first got %q", got)
	}
}

// TestDeadline: a request that takes too long is told to end, and one whose
// body never comes does not hold its place for ever.
func TestDeadline(t *testing.T) {
	s, _ := testService(t, Config{RequestTimeout: Duration(200 * time.Millisecond)})
	server := httptest.NewUnstartedServer(nil)
	server.Config = s.server(s.limited(newPlaces(s.cfg.MaxRequests), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		<-r.Context().Done()
		if err == nil {
			_, _ = io.WriteString(w, "a body")
		}
	})))
	server.Start()
	defer server.Close()
	reader, writer := io.Pipe() // gives nothing
	defer writer.Close()
	for name, header := range map[string]string{"a stranger": "", "an officer": "DPoP x"} {
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL, reader)
		if err != nil {
			t.Fatal(err)
		}
		if header != "" {
			req.Header.Set("Authorization", header)
		}
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			b, _ := io.ReadAll(res.Body)
			res.Body.Close()
			if strings.Contains(string(b), "a body") {
				t.Errorf("%s: a body that never came was read", name)
			}
		}
		if ctx.Err() != nil {
			t.Errorf("%s: after %s it still holds its place", name, time.Since(began))
		}
		cancel()
	}
}

func TestStrangersSayLittle(t *testing.T) {
	s, _ := testService(t, Config{})
	w := httptest.NewRecorder()
	s.limited(newPlaces(s.cfg.MaxRequests), http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it is served") })).
		ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(strings.Repeat("x", maxStranger+1))))
	if w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("a long request without a token is answered %d", w.Code)
	}
}

// TestHeads: a head that does not end, or has no end in sight, holds nothing.
func TestHeads(t *testing.T) {
	s, _ := testService(t, Config{RequestTimeout: Duration(300 * time.Millisecond)})
	server := httptest.NewUnstartedServer(nil)
	server.Config = s.server(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	server.Start()
	defer server.Close()
	send := func(head string) (status string, took time.Duration) {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		began := time.Now()
		_ = conn.SetDeadline(began.Add(30 * time.Second))
		_, _ = io.WriteString(conn, head)
		answer, err := io.ReadAll(conn)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("the connection is still open after %s", time.Since(began))
		}
		status, _, _ = strings.Cut(string(answer), "\r\n")
		return status, time.Since(began)
	}
	if status, _ := send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); !strings.Contains(status, "204") {
		t.Errorf("a right one: %q", status)
	}
	if status, _ := send("GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + strings.Repeat("x", 2*maxHeader) + "\r\n\r\n"); !strings.Contains(status, "431") {
		t.Errorf("one that is too long: %q", status)
	}
	if _, took := send("GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "); took < 200*time.Millisecond {
		t.Errorf("one that does not end is given up after %s", took)
	}
	if h := server.Config; h.ReadHeaderTimeout <= 0 || h.ReadTimeout <= 0 || h.WriteTimeout <= h.ReadTimeout || h.IdleTimeout <= 0 || h.MaxHeaderBytes <= 0 {
		t.Errorf("a bound is missing: %+v", h)
	}
}

// TestRefusalsAreAnswers: what has no place is told in the form of the API.
func TestRefusalsAreAnswers(t *testing.T) {
	w := httptest.NewRecorder()
	w.Header().Set(graph.RequestIDHeader, "an-id")
	refuse(w, http.StatusServiceUnavailable, comity.CodeUnavailable, "the server is busy")
	want := `{"errors":[{"message":"the server is busy","extensions":{"code":"UNAVAILABLE","requestId":"an-id"}}]}`
	if w.Code != http.StatusServiceUnavailable || strings.TrimSpace(w.Body.String()) != want || w.Header().Get("Content-Type") != "application/json; charset=utf-8" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
}

func TestMethodLabel(t *testing.T) {
	if method("GET") != "get" || method("BREW") != "other" {
		t.Error("made-up methods are labels")
	}
}
