package objecttest

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity/storage/object"
)

// Answer is what a store answered to a signed request.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Send sends a signed request with a body, exactly as a client must, through the given HTTP client.
func Send(t testing.TB, client *http.Client, signed object.Signed, body []byte) Answer {
	t.Helper()
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(t.Context(), signed.Method, signed.URL, reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range signed.Header {
		if name != "Content-Length" { // net/http sends the body's
			req.Header.Set(name, value)
		}
	}
	return do(t, client, req)
}

func do(t testing.TB, client *http.Client, req *http.Request) Answer {
	t.Helper()
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return Answer{res.StatusCode, res.Header, data}
}

// PartOf describes a part with these bytes.
func PartOf(number int, data []byte) object.Part {
	return object.Part{Number: number, Size: int64(len(data)), SHA256: sha256.Sum256(data)}
}

// PutPart signs and puts one part and expects success.
func PutPart(t testing.TB, store object.Store, key, uploadID string, number int, data []byte) object.Part {
	t.Helper()
	part := PartOf(number, data)
	signed, err := store.SignPart(t.Context(), key, uploadID, part, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if a := Send(t, http.DefaultClient, signed, data); a.Status != http.StatusOK {
		t.Fatalf("put part %d: %d %s", number, a.Status, a.Body)
	}
	return part
}

// Upload puts an object with these parts under key, locked for an hour.
func Upload(t testing.TB, store object.Store, key string, data ...[]byte) object.Stat {
	t.Helper()
	id := begin(t, store, key)
	var parts []object.Part
	for i, d := range data {
		parts = append(parts, PutPart(t, store, key, id, i+1, d))
	}
	stat, err := store.Complete(t.Context(), key, id, parts)
	if err != nil {
		t.Fatal(err)
	}
	return stat
}

// Get signs and gets one version of an object and expects success.
func Get(t testing.TB, store object.Store, key, version string) []byte {
	t.Helper()
	signed, err := store.SignGet(t.Context(), key, version, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	a := Send(t, http.DefaultClient, signed, nil)
	if a.Status != http.StatusOK {
		t.Fatalf("get: %d %s", a.Status, a.Body)
	}
	return a.Body
}

func begin(t testing.TB, store object.Store, key string) string {
	t.Helper()
	id, err := store.Begin(t.Context(), key, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func sign(t testing.TB, store object.Store, key, uploadID string, part object.Part) object.Signed {
	t.Helper()
	signed, err := store.SignPart(context.Background(), key, uploadID, part, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// newKey is a key that no other test has: a store under test may be a bucket that others use too.
func newKey(t testing.TB) string {
	return "suite/" + strings.ToLower(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '-'
	}, t.Name())) + "/" + hex.EncodeToString(random(8))
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// alter changes a signed URL's key (when the path function is given) or parameters.
func alter(t testing.TB, signed object.Signed, change func(u *url.URL, query url.Values)) object.Signed {
	t.Helper()
	u, err := url.Parse(signed.URL)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	change(u, query)
	u.RawQuery = query.Encode()
	signed.URL = u.String()
	return signed
}

// param finds a parameter by the end of its name: stores name their signatures and expiries differently.
func param(t testing.TB, query url.Values, suffix string) string {
	t.Helper()
	for name := range query {
		if strings.HasSuffix(name, suffix) {
			return name
		}
	}
	t.Fatalf("no parameter %s in %v", suffix, query)
	return ""
}
