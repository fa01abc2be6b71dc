package service_test

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/cmd/comityd/service"
	"github.com/comity-platform/comity/crypto/statement"
)

// bent sends what a client asks of the log in another way than it was signed, and
// keeps the last answer.
type bent struct {
	mu     sync.Mutex
	change func(*http.Request)
	last   *http.Response
	body   []byte
	later  int // answers that say when to come again
}

func (b *bent) RoundTrip(r *http.Request) (*http.Response, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	of := strings.HasPrefix(r.URL.Path, "/log/")
	if of && b.change != nil {
		r = r.Clone(r.Context())
		b.change(r)
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && of {
		b.last = res
		if res.StatusCode == http.StatusTooManyRequests && res.Header.Get("Retry-After") != "" {
			b.later++
		}
		b.body, err = io.ReadAll(res.Body)
		_ = res.Body.Close()
		res.Body = io.NopCloser(bytes.NewReader(b.body))
	}
	return res, err
}

// member logs in over a bent connection.
func member(t *testing.T, cfg service.Config, officer string) (*client.Client, *bent) {
	t.Helper()
	raw, err := os.ReadFile(cfg.Roots)
	must(t, err)
	roots, err := statement.ReadRoots(raw)
	must(t, err)
	b := &bent{}
	c, err := client.Login(t.Context(), client.Config{Server: cfg.ExternalURL, Union: cfg.Union, Roots: roots, HTTP: &http.Client{Transport: b}}, officer)
	must(t, err)
	return c, b
}

// logFile asks for a file of the log and gives the server's last answer.
func logFile(t *testing.T, c *client.Client, b *bent, path string, change func(*http.Request)) (*http.Response, []byte) {
	t.Helper()
	b.mu.Lock()
	b.change, b.last = change, nil
	b.mu.Unlock()
	_, _ = c.LogFiles().Read(t.Context(), path) // the answer says it all
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.last == nil {
		t.Fatalf("%s was not asked for", path)
	}
	return b.last, b.body
}

// TestLogFiles: the log is served to members, the same bytes to all, by tokens and
// proofs for the very file.
func TestLogFiles(t *testing.T) {
	cfg, l, _ := embedded(t)
	running(t, cfg, l)
	kz, ofKZ := member(t, cfg, "investigator@KZ")
	am, ofAM := member(t, cfg, "investigator@AM")
	var size int64
	var signed []byte
	eventually(t, "the log has a full tile", func() bool {
		for range 20 {
			_, err := kz.Cases(t.Context(), client.CaseFilter{}, "", 1, "")
			must(t, err)
		}
		res, body := logFile(t, kz, ofKZ, "checkpoint", nil)
		if res.StatusCode == http.StatusNotFound {
			return false // the first beat is yet to come
		}
		text, _, _ := strings.Cut(string(body), "\n\n")
		c, err := verify.ParseCheckpoint(text + "\n")
		must(t, err)
		size, signed = c.Size, body
		return size > 256
	})
	for path, want := range map[string]struct{ kind, cache string }{
		"checkpoint":           {"text/plain; charset=utf-8", "no-store"},
		"tile/0/000":           {"application/octet-stream", "private, max-age=31536000, immutable"},
		"tile/entries/000":     {"application/octet-stream", "private, max-age=31536000, immutable"},
		"tile/0/000.p/17":      {"application/octet-stream", "no-store"},
		"tile/entries/000.p/3": {"application/octet-stream", "no-store"},
		"tile/1/000.p/1":       {"application/octet-stream", "no-store"},
	} {
		res, body := logFile(t, kz, ofKZ, path, nil)
		if h := res.Header; res.StatusCode != 200 || h.Get("Content-Type") != want.kind || h.Get("Cache-Control") != want.cache || len(body) == 0 {
			t.Errorf("%s: %d %v, %d bytes", path, res.StatusCode, h, len(body))
		}
		if path == "checkpoint" {
			continue // which may be another by now
		}
		if other, same := logFile(t, am, ofAM, path, nil); other.StatusCode != 200 || !bytes.Equal(same, body) {
			t.Errorf("%s is another to another state: %d", path, other.StatusCode)
		}
		res, body = logFile(t, kz, ofKZ, path, func(r *http.Request) { r.Method = http.MethodHead })
		if res.StatusCode == 200 && len(body) > 0 {
			t.Errorf("%s: HEAD has a body", path)
		}
	}
	if !strings.HasPrefix(string(signed), verify.Origin(cfg.Union)+"\n") {
		t.Errorf("the checkpoint is of another log: %s", signed)
	}
	for _, path := range []string{"", "tile", "tile/0/x999/999", "tile/0/999", "tile/entries/999.p/3", "checkpoint/x", verify.TilePath(tlog.Tile{H: 8, L: 3, W: 1})} {
		if res, body := logFile(t, kz, ofKZ, path, nil); res.StatusCode != http.StatusNotFound || res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%q: %d %s", path, res.StatusCode, body)
		}
	}
	var before http.Header
	logFile(t, kz, ofKZ, "tile/0/000", func(r *http.Request) { before = r.Header.Clone() })
	for name, test := range map[string]struct {
		change func(*http.Request)
		want   int
	}{
		"another file":        {func(r *http.Request) { r.URL.Path = "/log/tile/entries/000" }, http.StatusUnauthorized},
		"another method":      {func(r *http.Request) { r.Method = http.MethodHead }, http.StatusUnauthorized},
		"used before":         {func(r *http.Request) { r.Header = before }, http.StatusUnauthorized},
		"no proof":            {func(r *http.Request) { r.Header.Del("DPoP") }, http.StatusUnauthorized},
		"no token":            {func(r *http.Request) { r.Header.Del("Authorization") }, http.StatusUnauthorized},
		"a bearer's":          {func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }, http.StatusUnauthorized},
		"a stranger":          {func(r *http.Request) { r.Header = http.Header{} }, http.StatusUnauthorized},
		"a write":             {func(r *http.Request) { r.Method = http.MethodPut }, http.StatusMethodNotAllowed},
		"a query beside":      {func(r *http.Request) { r.URL.RawQuery = "x=1" }, http.StatusOK},
		"another spelling":    {func(r *http.Request) { r.URL.RawPath = "/log/tile/0/%3000" }, http.StatusUnauthorized},
		"a signed other name": {func(r *http.Request) { r.Host = "elsewhere.example" }, http.StatusOK}, // behind a proxy
	} {
		if res, body := logFile(t, kz, ofKZ, "tile/0/000", test.change); res.StatusCode != test.want || test.want != 200 && len(body) > 1000 {
			t.Errorf("%s: %d %.200s", name, res.StatusCode, body)
		}
	}
}

// TestLogFilesPaced: members are served as fast as at the API, and strangers too.
func TestLogFilesPaced(t *testing.T) {
	cfg, l, _ := embedded(t)
	cfg.AgencyRate, cfg.AddressRate = 1, 1 // four at once
	running(t, cfg, l)
	kz, ofKZ := member(t, cfg, "investigator@KZ")
	for range 8 { // the client waits as it is told
		logFile(t, kz, ofKZ, "tile/0/999", nil)
	}
	if ofKZ.later == 0 {
		t.Error("eight requests at once are served to an agency that may make one a second")
	}
	later := 0
	for range 20 {
		res, err := http.Get(cfg.ExternalURL + "/log/checkpoint")
		must(t, err)
		_ = res.Body.Close()
		if res.StatusCode == http.StatusTooManyRequests && res.Header.Get("Retry-After") != "" {
			later++
		}
	}
	if later < 10 {
		t.Errorf("of twenty requests of strangers at once %d are refused", later)
	}
}
