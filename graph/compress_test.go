package graph

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// TestCompression: long answers are compressed as is asked, short ones and
// streams are not, and a compressed request is refused.
func TestCompression(t *testing.T) {
	a := serveAPI(t, func(o *Options) { o.Development = true })
	c := a.as(t, "liaison@KZ")
	plain := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	long := `{ __schema { types { name description } } }`
	ask := func(query, accept string) (*http.Response, []byte) {
		r := c.request(t, http.MethodPost, a.url+"/graphql", body(query))
		if accept != "" {
			r.Header.Set("Accept-Encoding", accept)
		}
		res, err := plain.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		raw, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(strings.Join(res.Header.Values("Vary"), ","), "Accept-Encoding") || res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%q: %v", accept, res.Header)
		}
		return res, raw
	}
	_, want := ask(long, "")
	for accept, coding := range map[string]string{"": "", "identity": "", "gzip": "gzip", "zstd": "zstd", "gzip, zstd": "zstd", "gzip, zstd;q=0.5": "gzip", "gzip;q=0": "",
		"br": "", "deflate, gzip;q=0.1": "gzip", "gzip;q=0, zstd;q=0": "", "GZIP": "gzip", ";;,": ""} {
		res, raw := ask(long, accept)
		if res.StatusCode != http.StatusOK || res.Header.Get("Content-Encoding") != coding {
			t.Errorf("%q: %d, %q", accept, res.StatusCode, res.Header.Get("Content-Encoding"))
			continue
		}
		var unfolded io.Reader = bytes.NewReader(raw)
		var err error
		switch coding {
		case "gzip":
			unfolded, err = gzip.NewReader(unfolded)
		case "zstd":
			unfolded, err = zstd.NewReader(unfolded)
		}
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(unfolded)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%q: %v, %d bytes instead of %d", accept, err, len(got), len(want))
		}
		if coding != "" && len(raw) > len(want)/2 {
			t.Errorf("%q: %d bytes of %d", accept, len(raw), len(want))
		}
	}
	if res, _ := ask(whoami, "gzip, zstd"); res.Header.Get("Content-Encoding") != "" {
		t.Error("a short answer is compressed")
	}

	// A request is not: a few bytes could unfold to any number.
	var folded bytes.Buffer
	w := gzip.NewWriter(&folded)
	_, _ = io.WriteString(w, `{"query":"`+strings.Repeat(" ", 1<<20)+`{__typename}"}`)
	_ = w.Close()
	for _, coding := range []string{"gzip", "zstd", "br", "identity, gzip", "nonsense"} {
		r := c.request(t, http.MethodPost, a.url+"/graphql", bytes.NewReader(folded.Bytes()))
		r.Header.Set("Content-Encoding", coding)
		if got := do(t, r); got.status != http.StatusUnsupportedMediaType || got.header.Get("Accept-Encoding") != "identity" {
			t.Errorf("%s: %d %s", coding, got.status, got.raw)
		}
	}
	r := c.request(t, http.MethodPost, a.url+"/graphql", body(whoami))
	r.Header.Set("Content-Encoding", "identity")
	if got := do(t, r); got.status != http.StatusOK {
		t.Errorf("identity: %d %s", got.status, got.raw)
	}
}

// FuzzAcceptEncoding: whatever is asked, the answer is in a form that was
// named, and unfolds to what it is without.
func FuzzAcceptEncoding(f *testing.F) {
	for _, s := range []string{"", "gzip", "zstd", "gzip;q=0.5, zstd;q=0.7", "*", "gzip;q=x", "gzip;q=nan", ",,;;", "GZip ; Q=1", "\xff"} {
		f.Add(s)
	}
	wrap, err := compression()
	if err != nil {
		f.Fatal(err)
	}
	want := []byte(strings.Repeat("a string of which there is more ", 100))
	h := wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", typeJSON)
		_, _ = w.Write(want)
	}))
	f.Fuzz(func(t *testing.T, accept string) {
		w := &kept{header: http.Header{}}
		h.ServeHTTP(w, &http.Request{Method: http.MethodPost, Header: http.Header{"Accept-Encoding": {accept}}})
		coding := w.header.Get("Content-Encoding")
		if coding != "" && !strings.Contains(strings.ToLower(accept), coding) {
			t.Fatalf("%q gets %s", accept, coding)
		}
		var unfolded io.Reader = &w.Buffer
		var err error
		switch coding {
		case "gzip":
			unfolded, err = gzip.NewReader(unfolded)
		case "zstd":
			unfolded, err = zstd.NewReader(unfolded)
		}
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(unfolded); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%q gets %d bytes, %v", accept, len(got), err)
		}
	})
}

// kept is an answer that is kept.
type kept struct {
	bytes.Buffer
	header http.Header
}

func (k *kept) Header() http.Header { return k.header }
func (k *kept) WriteHeader(int)     {}
