package client_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/graphql-go/graphql/language/ast"
	"github.com/graphql-go/graphql/language/parser"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/client/operations"
	"github.com/comity-platform/comity/crypto/token/tokentest"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/graph"
)

// world is a whole exchange, served over HTTP.
type world struct {
	*exchangetest.World
	url string
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return serve(t, exchangetest.New(t))
}

// serve serves a world's exchange over HTTP.
func serve(t testing.TB, w *exchangetest.World) *world {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	url := "http://" + server.Listener.Addr().String()
	h, err := graph.New(graph.Options{Exchange: w.Exchange, Verifier: w.Verifier, ExternalURL: url + "/graphql", Trusted: operations.All(), Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	mux := http.NewServeMux()
	mux.Handle("/", h)
	mux.Handle("/log/", w.LogFiles(url+"/log/"))
	server.Config.Handler = mux
	server.Start()
	t.Cleanup(server.Close)
	return &world{w, url}
}

// config is that of a client, with whatever stands between it and the server.
func (w *world) config(between http.RoundTripper) client.Config {
	return client.Config{Server: w.url, Union: tokentest.Name, Roots: w.Roots, Now: w.Clock.Now, HTTP: &http.Client{Transport: between}}
}

// as logs an officer in, as in "liaison@KZ".
func (w *world) as(t testing.TB, name string) *client.Client { return w.through(t, name, nil) }

// through logs an officer in with something between client and server.
func (w *world) through(t testing.TB, name string, between http.RoundTripper) *client.Client {
	t.Helper()
	c, err := client.Login(t.Context(), w.config(between), name)
	must(t, err)
	return c.Hurry()
}

// file files a case that touches Armenia.
func (w *world) file(t testing.TB, c *client.Client) *client.Case {
	t.Helper()
	filed, err := c.CaseFile(t.Context(), client.NewCase{Category: tokentest.Category, Title: "Ransom at the bank", Summary: "summary", Narrative: "narrative",
		Reference: "KZ-1", Nexus: []comity.Nexus{{Basis: comity.NexusTerritory, State: "KZ"}, {Basis: comity.NexusEffects, State: "AM"}}})
	must(t, err)
	return filed
}

// grant releases and grants a case to Armenia for a week.
func (w *world) grant(t testing.TB, owner, liaison *client.Client, c comity.ID, exhibits ...comity.ID) *client.Grant {
	t.Helper()
	g, err := liaison.GrantMake(t.Context(), w.terms(t, owner, c, exhibits...))
	must(t, err)
	return g
}

// terms releases a case to Armenia, and gives the terms of a grant of it for a week.
func (w *world) terms(t testing.TB, owner *client.Client, c comity.ID, exhibits ...comity.ID) client.NewGrant {
	t.Helper()
	now := w.Clock.Now()
	release, err := owner.ReleaseDecide(t.Context(), client.NewRelease{Case: c, Decider: comity.DeciderOwner, Grantee: "AM", Scope: comity.ScopeFull,
		Exhibits: exhibits, Purpose: comity.PurposeInvestigation, NotAfter: now.Add(30 * 24 * time.Hour)})
	must(t, err)
	return client.NewGrant{Case: c, Category: tokentest.Category, Grantee: comity.Grantee{State: "AM"}, Scope: comity.ScopeFull, Exhibits: exhibits,
		Grade: comity.GradeLead, Caveats: comity.Caveats{Marking: comity.DefaultMarking}, Purpose: comity.PurposeInvestigation,
		Agreement: tokentest.Agreement, Release: release.ID, NotBefore: now.Add(-time.Second), NotAfter: now.Add(7 * 24 * time.Hour)}
}

// temp writes a file of n bytes that no compression would shorten.
func temp(t testing.TB, name string, n int) (path string, content []byte) {
	t.Helper()
	content = contentOf(n)
	path = filepath.Join(t.TempDir(), name)
	must(t, os.WriteFile(path, content, 0o600))
	return path, content
}

// contentOf is what temp writes.
func contentOf(n int) []byte {
	content := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(n), byte(n >> 8), byte(n >> 16)}).Read(content) // never fails
	return content
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// want checks an error's code, and its Article where one is named.
func want(t testing.TB, err error, code comity.Code, article comity.Article) {
	t.Helper()
	_ = told(t, err, code, article)
}

// told is want, and gives the error.
func told(t testing.TB, err error, code comity.Code, article comity.Article) *comity.Error {
	t.Helper()
	e, ok := errors.AsType[*comity.Error](err)
	if !ok || e.Code != code || e.Article != article {
		t.Fatalf("got %v (%T), wanted %s by %v", err, err, code, article)
	}
	return e
}

// wantUnverified checks that what was received was refused for not holding.
func wantUnverified(t testing.TB, err error, says string) {
	t.Helper()
	if v, ok := errors.AsType[*client.VerificationError](err); !ok || !strings.Contains(v.Error(), says) {
		t.Fatalf("got %v (%T), wanted a verification error that says %q", err, err, says)
	}
}

// middle stands between a client and the world, and changes what passes.
type middle struct {
	mu sync.Mutex
	// before may answer in the server's place.
	before func(*http.Request, []byte) (*http.Response, error)
	// operation changes the data of the answer to an operation of the API.
	operation map[string]func(data map[string]any)
	// after may replace any answer.
	after func(*http.Request, *http.Response) (*http.Response, error)
	asked []string // operations in order
	keys  []string // idempotency keys in order
}

func (m *middle) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		body = b
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	var sent struct {
		Operation string `json:"operationName"`
		Variables struct {
			Input struct {
				Key string `json:"idempotencyKey"`
			} `json:"input"`
		} `json:"variables"`
	}
	if strings.HasSuffix(r.URL.Path, "/graphql") {
		if err := json.Unmarshal(body, &sent); err != nil {
			return nil, err
		}
	}
	m.mu.Lock()
	if sent.Operation != "" {
		m.asked = append(m.asked, sent.Operation)
		m.keys = append(m.keys, sent.Variables.Input.Key)
	}
	before, change, after := m.before, m.operation[sent.Operation], m.after
	m.mu.Unlock()
	if before != nil {
		if answer, err := before(r, body); answer != nil || err != nil {
			return answer, err
		}
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if change != nil {
		defer answer.Body.Close()
		var got struct {
			Data   map[string]any `json:"data,omitempty"`
			Errors []any          `json:"errors,omitempty"`
		}
		d := json.NewDecoder(answer.Body)
		d.UseNumber()
		if err := d.Decode(&got); err != nil {
			return nil, err
		}
		change(got.Data)
		b, err := json.Marshal(got)
		if err != nil {
			return nil, err
		}
		answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
	}
	if after != nil {
		return after(r, answer)
	}
	return answer, nil
}

// on changes the answers to one operation from now on; nil stops that.
func (m *middle) on(operation string, change func(map[string]any)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.operation == nil {
		m.operation = map[string]func(map[string]any){}
	}
	m.operation[operation] = change
}

func (m *middle) set(f func(*middle)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f(m)
}

// status is an answer of a store or proxy in the way.
func status(code int) *http.Response {
	return &http.Response{StatusCode: code, Status: http.StatusText(code), Header: http.Header{}, Body: io.NopCloser(strings.NewReader(""))}
}

// within walks to a member of JSON.
func within(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			v = v.(map[string]any)[p]
		case int:
			v = v.([]any)[p]
		}
	}
	return v
}

// put sets a member of JSON.
func put(v any, to any, path ...any) {
	within(v, path[:len(path)-1]...).(map[string]any)[path[len(path)-1].(string)] = to
}

// parse reads a document as the server does.
func parse(text string) (*ast.Document, error) { return parser.Parse(parser.ParseParams{Source: text}) }
