package client_test

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/client/operations"
	"github.com/comity-platform/comity/exchange/pace"
	"github.com/comity-platform/comity/graph"
)

// over serves a world's exchange with other options.
func (w *world) over(t testing.TB, change func(*graph.Options)) *world {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	url := "http://" + server.Listener.Addr().String()
	o := graph.Options{Exchange: w.Exchange, Verifier: w.Verifier, ExternalURL: url + "/graphql", Log: slog.New(slog.DiscardHandler)}
	change(&o)
	h, err := graph.New(o)
	must(t, err)
	server.Config.Handler = h
	server.Start()
	t.Cleanup(server.Close)
	return &world{w.World, url}
}

// TestPaced: whoever is told to come again does so then, says so, and what is
// done is done once.
func TestPaced(t *testing.T) {
	w := newWorld(t)
	p, err := pace.New(pace.Options{DB: w.DB, Agency: 1, Address: 100, Log: w.Log, Now: w.Clock.Now})
	must(t, err)
	w = w.over(t, func(o *graph.Options) { o.Pace, o.Trusted = p, operations.All() })
	m := &middle{}
	config := w.config(m)
	var mu sync.Mutex
	var waits []time.Duration
	config.Waiting = func(why error, d time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		if comity.CodeOf(why) != comity.CodeLimit || !strings.Contains(why.Error(), "agencyRate") {
			t.Errorf("waiting because: %v", why)
		}
		waits = append(waits, d)
	}
	c, err := client.Login(t.Context(), config, "investigator@KZ")
	must(t, err)
	began := time.Now()
	for range 7 { // four at once, and one a second
		w.file(t, c)
	}
	if took := time.Since(began); took < time.Second || len(waits) == 0 || slices.Max(waits) > 30*time.Second {
		t.Errorf("it took %s, with waits of %v", took, waits)
	}
	cases, err := c.Cases(t.Context(), client.CaseFilter{}, "", 10, "")
	must(t, err)
	if len(cases.Nodes) != 7 {
		t.Errorf("%d cases were filed", len(cases.Nodes))
	}
}

// TestNeverServed: whoever is told again and again to wait gives up in the end,
// and a server's longest wait is not kept to.
func TestNeverServed(t *testing.T) {
	w := newWorld(t)
	m := &middle{}
	n := 0
	m.set(func(m *middle) {
		m.before = func(*http.Request, []byte) (*http.Response, error) {
			n++
			return &http.Response{StatusCode: http.StatusTooManyRequests, Status: "429", Header: http.Header{"Retry-After": {"86400"}}, Body: io.NopCloser(strings.NewReader("slow down"))}, nil
		}
	})
	config := w.config(m)
	told := errors.New("enough")
	var waits []time.Duration
	config.Waiting = func(_ error, d time.Duration) { waits = append(waits, d); panic(told) }
	c, err := client.Login(t.Context(), w.config(nil), "investigator@KZ")
	must(t, err)
	config.SessionKey, config.Token = c.Session()
	c, err = client.New(config)
	must(t, err)
	func() {
		defer func() {
			if recover() != told { //nolint:errorlint // this very value
				t.Error("it does not wait")
			}
		}()
		_, _ = c.Viewer(t.Context())
	}()
	if n != 1 || len(waits) != 1 || waits[0] != 30*time.Second {
		t.Errorf("after %d tries it waits for %v", n, waits)
	}
}

// TestDocuments: operations go by their ids; by text where the server does not
// know one, or is older than ids; and each act is done once.
func TestDocuments(t *testing.T) {
	type request struct{ operation, id, text string }
	watched := func(w *world, older bool) (*middle, func() []request) {
		var seen []request
		m := &middle{}
		m.set(func(m *middle) {
			m.before = func(r *http.Request, body []byte) (*http.Response, error) {
				var got struct{ OperationName, DocumentID, Query string }
				if !strings.HasSuffix(r.URL.Path, "/graphql") || json.Unmarshal(body, &got) != nil {
					return nil, nil
				}
				seen = append(seen, request{got.OperationName, got.DocumentID, got.Query})
				if !older || got.Query != "" {
					return nil, nil
				}
				status, code := http.StatusBadRequest, "INVALID"
				if r.Header.Get("Authorization") == "" {
					status, code = http.StatusUnauthorized, "UNAUTHENTICATED"
				}
				answer := `{"errors":[{"message":"the parameter query is a string, and needed","extensions":{"code":"` + code + `"}}]}`
				return &http.Response{StatusCode: status, Status: http.StatusText(status), Header: http.Header{}, Body: io.NopCloser(strings.NewReader(answer))}, nil
			}
		})
		return m, func() []request { s := seen; seen = nil; return s }
	}
	w := newWorld(t)
	known := operations.All()
	few := w.over(t, func(o *graph.Options) {
		o.Trusted = map[string]string{"Directory": known["Directory"], "Cases": known["Cases"], "Viewer": known["Viewer"]}
	})
	for name, x := range map[string]struct {
		w     *world
		older bool
		texts int // of CaseFile, which is asked for twice
	}{
		"a server that knows all":  {w, false, 0},
		"one that knows a few":     {few, false, 2},
		"one that is older":        {few, true, 2},
		"one that takes ids alone": {w.over(t, func(o *graph.Options) { o.Trusted, o.TrustedOnly = known, true }), false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			m, seen := watched(x.w, x.older)
			c := x.w.through(t, "investigator@KZ", m)
			before, err := c.Cases(t.Context(), client.CaseFilter{}, "", 100, "")
			must(t, err)
			x.w.file(t, c)
			x.w.file(t, c)
			after, err := c.Cases(t.Context(), client.CaseFilter{}, "", 100, "")
			must(t, err)
			if len(after.Nodes) != len(before.Nodes)+2 {
				t.Errorf("%d cases, then %d", len(before.Nodes), len(after.Nodes))
			}
			// A wrong request is no matter of the document.
			_, err = c.Cases(t.Context(), client.CaseFilter{}, "", 1000, "")
			if code := comity.CodeOf(err); code != comity.CodeInvalid && code != comity.CodeLimit {
				t.Errorf("a page of 1000: %v", err)
			}
			ids, of := 0, 0
			for _, r := range seen() {
				if (r.id == "") == (r.text == "") || r.id != "" && r.id != operations.ID(known[r.operation]) || r.text != "" && r.text != known[r.operation] {
					t.Errorf("%s is asked for by %q and %.20q", r.operation, r.id, r.text)
				}
				if r.id != "" {
					ids++
				}
				if r.operation == "CaseFile" && r.text != "" {
					of++
				}
			}
			if of != x.texts || x.older && ids > 1 || !x.older && ids < 3 {
				t.Errorf("%d requests by id, %d of CaseFile by text", ids, of)
			}
		})
	}
}
