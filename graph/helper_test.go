package graph

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/token"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
)

// api is a served API over a whole exchange.
type api struct {
	*exchangetest.World
	url string
	log *logBuffer

	streams *API
	server  *httptest.Server
}

// logBuffer is a log that tests read.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func serveAPI(t testing.TB, change func(*Options)) *api {
	t.Helper()
	log := &logBuffer{}
	logger := slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w := exchangetest.NewWith(t, exchangetest.Options{Log: logger})
	return (&api{World: w, log: log}).serve(t, w.Exchange, change)
}

// serve is the API over an exchange of the same world.
func (a *api) serve(t testing.TB, x *exchange.Exchange, change func(*Options)) *api {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	url := "http://" + server.Listener.Addr().String()
	o := Options{Exchange: x, Verifier: a.Verifier, ExternalURL: url + "/graphql", Log: a.World.Log}
	if change != nil {
		change(&o)
	}
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = h
	server.Start()
	t.Cleanup(server.Close)
	return &api{World: a.World, url: url, log: a.log, streams: h, server: server}
}

// client is an officer's software.
type client struct {
	*exchangetest.Officer
	url string
	log *logBuffer
}

func (a *api) as(t testing.TB, name string) *client {
	t.Helper()
	return &client{a.World.As(t, name), a.url, a.log}
}

// request makes a request with a fresh proof.
func (c *client) request(t testing.TB, method, url string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := token.Proof(c.SessionKey, method, url, c.Caller.Token, c.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "DPoP "+c.Caller.Token)
	r.Header.Set("DPoP", proof)
	r.Header.Set("Accept", typeResponse)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", typeJSON)
	}
	return r
}

// result is an answer.
type result struct {
	status int
	header http.Header
	raw    string
	Data   map[string]any
	Errors []struct {
		Message    string
		Path       []any
		Extensions struct {
			Code      string
			RequestID string
			Limit     string
			Max       float64
			Argument  []string
			Article   int
		}
	}
}

func do(t testing.TB, r *http.Request) result {
	t.Helper()
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	out := result{status: res.StatusCode, header: res.Header, raw: string(raw)}
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatalf("the answer is no JSON: %s", raw)
	}
	return out
}

// call sends an operation.
func (c *client) call(t testing.TB, query string, variables map[string]any) result {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		t.Fatal(err)
	}
	return do(t, c.request(t, http.MethodPost, c.url+"/graphql", bytes.NewReader(body)))
}

// get sends an operation and fails the test unless it succeeds without errors.
func (c *client) get(t testing.TB, query string, variables map[string]any) map[string]any {
	t.Helper()
	r := c.call(t, query, variables)
	if r.status != http.StatusOK || len(r.Errors) > 0 {
		t.Fatalf("%d %s\n%s", r.status, r.raw, c.log)
	}
	return r.Data
}

// mutate performs one act, whose payload's selection is given, and returns the payload.
func (c *client) mutate(t testing.TB, name, selection string, input map[string]any) map[string]any {
	t.Helper()
	if input["idempotencyKey"] == nil {
		input["idempotencyKey"] = exchangetest.Key()
	}
	typ := strings.ToUpper(name[:1]) + name[1:] + "Input!"
	q := "mutation($input: " + typ + ") { " + name + "(input: $input) { " + selection +
		" errors { __typename ... on UserError { code message path } ... on DeniedError { article articleName reason cure } } } }"
	return c.get(t, q, map[string]any{"input": input})[name].(map[string]any)
}

// done performs an act and fails the test when it has errors.
func (c *client) done(t testing.TB, name, selection string, input map[string]any) map[string]any {
	t.Helper()
	p := c.mutate(t, name, selection, input)
	if errs := p["errors"].([]any); len(errs) > 0 {
		t.Fatalf("%s: %v", name, errs)
	}
	return p
}

// refused performs an act that must fail with one error of a code.
func (c *client) refused(t testing.TB, name string, input map[string]any, code comity.Code) map[string]any {
	t.Helper()
	p := c.mutate(t, name, "", input)
	errs := p["errors"].([]any)
	if len(errs) != 1 || errs[0].(map[string]any)["code"] != string(code) {
		t.Fatalf("%s: %v, wanted %s", name, p, code)
	}
	return errs[0].(map[string]any)
}

// dig goes into a decoded answer by names and numbers.
func dig(t testing.TB, v any, path ...any) any {
	t.Helper()
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, ok := v.(map[string]any)
			if !ok {
				t.Fatalf("%v: no object at %v", v, p)
			}
			v = m[p]
		case int:
			l, ok := v.([]any)
			if !ok || p >= len(l) {
				t.Fatalf("%v: no item %v", v, p)
			}
			v = l[p]
		}
	}
	return v
}

func stamp(t time.Time) string { return t.UTC().Truncate(time.Second).Format(time.RFC3339) }

var marking = map[string]any{"tlp": "AMBER", "pap": "AMBER", "handling": "H0"}
