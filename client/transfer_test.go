package client_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
)

// hasty sends the first PUTs to a server that answers before it has read them.
type hasty struct {
	server *url.URL
	left   atomic.Int32
}

func (h *hasty) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPut && h.left.Add(-1) >= 0 {
		r = r.Clone(r.Context())
		r.URL.Host = h.server.Host
	}
	return http.DefaultTransport.RoundTrip(r)
}

// TestPutAnsweredEarly: a store that refuses a part before it has read it leaves
// the rest being sent, which must not count any more.
func TestPutAnsweredEarly(t *testing.T) {
	for _, code := range []int{http.StatusForbidden, http.StatusServiceUnavailable, http.StatusInsufficientStorage} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
			_ = http.NewResponseController(w).Flush()
		}))
		defer server.Close()
		at, err := url.Parse(server.URL)
		must(t, err)
		w := newWorld(t)
		between := &hasty{server: at}
		c := w.through(t, "investigator@KZ", between)
		of := w.file(t, c).ID
		const size = 8 << 20
		path, _ := temp(t, "f.img", size)
		between.left.Store(3)
		var last client.Progress
		over := false
		_, err = c.PutEvidence(t.Context(), client.PutOptions{Case: of, Path: path, Progress: func(p client.Progress) {
			last = p
			over = over || p.Done > p.Total || p.Done < 0
		}})
		must(t, err)
		if last.Done != size || last.Ready != 1 || over {
			t.Errorf("%d: at the end the progress is %+v, over the whole: %v", code, last, over)
		}
	}
}

// harmless checks that an error of outside bytes is one that an officer can be shown.
func harmless(t *testing.T, err error) {
	t.Helper()
	e, ok := errors.AsType[*comity.Error](err)
	if !ok || e.Code == "" {
		t.Fatalf("got %v (%T)", err, err)
	}
	if s := e.Message; !utf8.ValidString(s) || strings.ContainsFunc(s, func(c rune) bool { return c < ' ' && unicode.IsControl(c) }) {
		t.Fatalf("it says %q", s)
	}
}

// FuzzStoreSaid: no refusal of a store harms its reader.
func FuzzStoreSaid(f *testing.F) {
	for _, s := range []string{"", "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>", "<Error><Code>\x1b[2J</Code></Error>",
		`<!DOCTYPE a [<!ENTITY b "c">]><Error><Message>&b;</Message></Error>`, "<html>504", "<Error><Message>" + strings.Repeat("é", 300) + "</Message></Error>"} {
		f.Add(403, []byte(s))
		f.Add(507, []byte(s))
	}
	f.Fuzz(func(t *testing.T, status int, b []byte) { harmless(t, client.StoreSaid(status, b)) })
}

// FuzzReadAnswer: no answer of a server harms its reader, and none with an
// error's status is taken for a success.
func FuzzReadAnswer(f *testing.F) {
	for _, s := range []string{"", "null", `{"data":null}`, `{"data":{"viewer":{"nodes":[{"id":"case1_x","version":1}]}}}`, `{"data":{"viewer":7}}`, `{"errors":[{}]}`,
		`{"errors":[{"message":"no","extensions":{"code":"DENIED","article":9,"path":["a"],"argument":["b"],"requestId":"r"}}]}`,
		`{"errors":[{"message":"no","extensions":{"article":"9"}}]}`, "<html>", `{"data":{"viewer":{"pageInfo":{"hasNextPage":true}}},"data":1}`} {
		for _, status := range []int{200, 400, 401, 403, 429, 502} {
			f.Add(status, []byte(s))
		}
	}
	f.Fuzz(func(t *testing.T, status int, b []byte) {
		err := client.ReadAnswer(status, b)
		if err == nil && status != http.StatusOK {
			t.Fatalf("%d was taken for a success", status)
		}
		if err != nil && fmt.Sprint(err) == "" {
			t.Fatal("the error says nothing")
		}
	})
}
