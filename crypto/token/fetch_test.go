package token

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity/internal/loopback"
)

// says is an issuer that answers with these two documents.
type says struct {
	t               *testing.T
	discovery, keys []byte
}

func (s says) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" && !loopback.Host(r.URL.Hostname()) {
		s.t.Errorf("%s is asked for", r.URL)
	}
	body := s.keys
	if strings.HasSuffix(r.URL.Path, "/.well-known/openid-configuration") {
		body = s.discovery
	}
	return &http.Response{Status: "200 OK", StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(body))}, nil
}

// FuzzFetch: whatever an issuer answers, the keys that come of it are few,
// public, each under its own kid and for signatures, or there is an error.
func FuzzFetch(f *testing.F) {
	const issuer = "https://idp.example/realms/kz"
	const key = `{"kty":"EC","crv":"P-256","kid":"k","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`
	good := `{"issuer":"` + issuer + `","jwks_uri":"https://idp.example/keys"}`
	for _, d := range []string{good, `{"issuer":"` + issuer + `","jwks_uri":"http://idp.example/keys"}`, `{"issuer":"` + issuer + `","jwks_uri":"http://127.0.0.1:1/"}`,
		`{"issuer":"` + issuer + `","jwks_uri":"https://idp.example\u0000/"}`, `{"issuer":"` + issuer + `","jwks_uri":":"}`, `{"issuer":"` + issuer + `/"}`, `{}`, `<html>`} {
		f.Add([]byte(d), []byte(`{"keys":[`+key+`]}`))
	}
	for _, k := range []string{`{"keys":[]}`, `{"keys":[` + key + `,` + key + `]}`, `{"keys":[null,1,{"kty":"oct","k":"AAAA","kid":"s"},` + key + `]}`, `{"keys":{}}`,
		`{"keys":[` + strings.Replace(key, `"kid"`, `"use":"enc","kid"`, 1) + `]}`, `{"keys":[` + strings.Repeat("{},", maxKeys) + key + `]}`, `[]`, ``} {
		f.Add([]byte(good), []byte(k))
	}
	f.Fuzz(func(t *testing.T, discovery, keys []byte) {
		is := newIssuers(Options{HTTP: &http.Client{Transport: says{t, discovery, keys}}, Now: time.Now, Development: true})
		found, err := is.fetch(t.Context(), issuer)
		if (err == nil) != (len(found) > 0) || len(found) > maxKeys {
			t.Fatalf("%d keys, %v", len(found), err)
		}
		for kid, k := range found {
			if kid == "" || k.KeyID != kid || k.Use == "enc" || !k.IsPublic() || !k.Valid() {
				t.Fatalf("under %q: %+v", kid, k)
			}
		}
	})
}
