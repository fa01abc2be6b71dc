package token_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token"
	"github.com/comity-platform/comity/crypto/token/tokentest"
)

// transport counts what is fetched and can be cut, and can hang.
type transport struct {
	fetched atomic.Int64
	cut     atomic.Bool
	hold    atomic.Pointer[chan struct{}] // what it waits for, whatever the request's own deadline
}

// hang holds every fetch until the returned function lets them go, or the test ends.
func (c *transport) hang(t *testing.T) (release func()) {
	t.Helper()
	held := make(chan struct{})
	c.hold.Store(&held)
	release = sync.OnceFunc(func() { c.hold.Store(nil); close(held) })
	t.Cleanup(release)
	return release
}

func (c *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	c.fetched.Add(1)
	if held := c.hold.Load(); held != nil {
		<-*held
	}
	if c.cut.Load() {
		return nil, errors.New("the line is cut")
	}
	return http.DefaultTransport.RoundTrip(r)
}

// counted is a verifier that waits for its fetches as long as they take.
func counted(t *testing.T, u *tokentest.Union) (*token.Verifier, *transport) {
	t.Helper()
	c := &transport{}
	v := token.NewVerifier(u.Directory, token.Options{HTTP: &http.Client{Transport: c}, Now: u.Clock.Now, Development: true})
	t.Cleanup(v.HoldPatience())
	return v, c
}

// One fetch is the discovery document and the key set.
const oneFetch = 2

func TestKeysAreFetchedOnce(t *testing.T) {
	u := tokentest.NewUnion(t)
	_, tok, _ := u.Login(t, "liaison@KZ")
	v, c := counted(t, u)
	release := c.hang(t)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if _, err := v.Verify(t.Context(), tok); err != nil {
				t.Error(err)
			}
		})
	}
	if !soon(func() bool { return v.Waiting() == 16 }) {
		t.Errorf("%d of 16 wait for the first fetch", v.Waiting())
	}
	release()
	wg.Wait()
	if n := c.fetched.Load(); n != oneFetch {
		t.Errorf("%d documents were fetched for 16 at once", n)
	}
	// Then they are fetched again, once, and nobody waits for it.
	u.Clock.Advance(6 * time.Minute)
	for range 16 {
		if _, err := v.Verify(t.Context(), tok); err != nil {
			t.Errorf("after five minutes: %v", err)
		}
	}
	if !soon(func() bool { return c.fetched.Load() == 2*oneFetch }) {
		t.Errorf("after five minutes %d documents were fetched", c.fetched.Load())
	}
}

// soon waits for what happens in the background.
func soon(done func() bool) bool {
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if done() {
			return true
		}
	}
	return false
}

func TestKeyRotation(t *testing.T) {
	u := tokentest.NewUnion(t)
	v, c := counted(t, u)
	_, old, _ := u.Login(t, "liaison@KZ")
	if _, err := v.Verify(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	if err := u.Issuers["KZ"].Rotate(); err != nil {
		t.Fatal(err)
	}
	_, fresh, _ := u.Login(t, "liaison@KZ")
	for _, tok := range []string{fresh, old} {
		if _, err := v.Verify(t.Context(), tok); err != nil {
			t.Errorf("after a rotation: %v", err)
		}
	}
	if n := c.fetched.Load(); n != 2*oneFetch {
		t.Errorf("%d documents fetched", n)
	}
	// Somebody who makes up kids makes the server fetch no more than once in a while.
	key, _ := statement.NewKey()
	for range 50 {
		forged := tokentest.Forge(t, map[string]any{"alg": "ES256", "typ": "at+jwt", "kid": "made-up"}, tokentest.Payload(t, old), key)
		if _, err := v.Verify(t.Context(), forged); comity.CodeOf(err) != comity.CodeUnauthenticated {
			t.Fatal(err)
		}
	}
	if n := c.fetched.Load(); n > 3*oneFetch {
		t.Errorf("made-up kids caused %d fetches", n)
	}
	if err := u.Issuers["KZ"].Rotate(); err != nil {
		t.Fatal(err)
	}
	u.Clock.Advance(6 * time.Minute)
	var err error
	if !soon(func() bool { _, err = v.Verify(t.Context(), old); return err != nil }) || !strings.Contains(err.Error(), "log in again") {
		t.Errorf("two rotations later: %v", err)
	}
}

func TestIssuerAway(t *testing.T) {
	u := tokentest.NewUnion(t)
	v, c := counted(t, u)
	_, tok, _ := u.Login(t, "liaison@KZ")
	c.cut.Store(true)
	for range 5 {
		if _, err := v.Verify(t.Context(), tok); comity.CodeOf(err) != comity.CodeUnavailable || !strings.Contains(err.Error(), "KZ") {
			t.Errorf("away from the start: %v", err)
		}
	}
	if n := c.fetched.Load(); n != 1 {
		t.Errorf("%d tries within ten seconds", n)
	}
	c.cut.Store(false)
	u.Clock.Advance(11 * time.Second)
	if _, err := v.Verify(t.Context(), tok); err != nil {
		t.Fatalf("back again: %v", err)
	}
	c.cut.Store(true)
	u.Clock.Advance(50 * time.Minute)
	if _, err := v.Verify(t.Context(), tok); err != nil {
		t.Errorf("with keys of fifty minutes: %v", err)
	}
	// One try at once, and none more within the pause.
	soon(func() bool { return c.fetched.Load() == 1+oneFetch+1 })
	for range 20 {
		_, _ = v.Verify(t.Context(), tok)
		time.Sleep(time.Millisecond)
	}
	if n := c.fetched.Load(); n != 1+oneFetch+1 {
		t.Errorf("%d documents were asked for", n)
	}
	u.Clock.Advance(10 * time.Minute)
	if _, err := v.Verify(t.Context(), tok); comity.CodeOf(err) != comity.CodeUnavailable {
		t.Errorf("with keys of an hour: %v", err)
	}
}

// A caller that goes away neither gets an answer nor spoils the others' fetch.
func TestCancelledCaller(t *testing.T) {
	u := tokentest.NewUnion(t)
	v, c := counted(t, u)
	release := c.hang(t)
	_, tok, _ := u.Login(t, "liaison@KZ")
	ctx, cancel := context.WithCancel(t.Context())
	first, other := make(chan error, 1), make(chan error, 1)
	go func() { _, err := v.Verify(ctx, tok); first <- err }()
	if !soon(func() bool { return v.Waiting() == 1 }) {
		t.Fatal("the first caller does not wait")
	}
	go func() { _, err := v.Verify(t.Context(), tok); other <- err }()
	if !soon(func() bool { return v.Waiting() == 2 }) {
		t.Fatal("the other caller does not wait")
	}
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("the cancelled caller: %v", err)
	}
	release()
	if err := <-other; err != nil {
		t.Errorf("the other caller: %v", err)
	}
	if n := c.fetched.Load(); n != oneFetch {
		t.Errorf("%d documents fetched", n)
	}
}

// What an issuer's endpoints may answer and is refused: nobody gets in, and the
// error says that the issuer is at fault.
func TestIssuerMisbehaves(t *testing.T) {
	k, _ := statement.NewKey()
	jwk := strings.Replace(string(tokentest.JWK(t, k)), "{", `{"kid":"k",`, 1)
	set := `{"keys":[` + jwk + `]}`
	for name, answers := range map[string]func(self string) (discovery, keys string){
		"another issuer": func(self string) (string, string) {
			return `{"issuer":"https://evil.test","jwks_uri":"` + self + `/keys"}`, set
		},
		"issuer and slash": func(self string) (string, string) {
			return `{"issuer":"` + self + `/","jwks_uri":"` + self + `/keys"}`, set
		},
		"keys over http": func(self string) (string, string) {
			return `{"issuer":"` + self + `","jwks_uri":"http://idp.test/keys"}`, ""
		},
		"keys in a file": func(self string) (string, string) {
			return `{"issuer":"` + self + `","jwks_uri":"file:///etc/passwd"}`, ""
		},
		"no keys address": func(self string) (string, string) { return `{"issuer":"` + self + `"}`, "" },
		"not JSON":        func(string) (string, string) { return `<html>`, "" },
		"too long": func(self string) (string, string) {
			return `{"issuer":"` + self + `"}` + strings.Repeat(" ", 256<<10), ""
		},
		"keys not JSON": func(self string) (string, string) { return good(self), "keys" },
		"no keys":       func(self string) (string, string) { return good(self), `{"keys":[]}` },
		"keys too long": func(self string) (string, string) { return good(self), set + strings.Repeat(" ", 256<<10) },
		"too many keys": func(self string) (string, string) {
			return good(self), `{"keys":[{}` + strings.Repeat(",{}", 64) + `]}`
		},
		"only a secret key": func(self string) (string, string) { return good(self), `{"keys":[{"kty":"oct","k":"AAAA","kid":"k"}]}` },
		"a weak RSA key": func(self string) (string, string) {
			return good(self), `{"keys":[{"kty":"RSA","kid":"k","e":"AQAB","n":"` + strings.Repeat("_", 171) + `"}]}`
		},
		"the same kid twice": func(self string) (string, string) {
			return good(self), `{"keys":[` + jwk + `,` + jwk + `]}`
		},
	} {
		t.Run(name, func(t *testing.T) {
			mux := http.NewServeMux()
			server := httptest.NewServer(mux)
			defer server.Close()
			discovery, keys := answers(server.URL)
			mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(discovery)) })
			mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(keys)) })
			refusedFrom(t, server.URL, true)
		})
	}
	t.Run("redirects", func(t *testing.T) {
		other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { t.Error("a redirect was followed") }))
		defer other.Close()
		server := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusFound))
		defer server.Close()
		refusedFrom(t, server.URL, true)
	})
	t.Run("plain HTTP outside development", func(t *testing.T) {
		server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("fetched over plain HTTP") }))
		defer server.Close()
		refusedFrom(t, server.URL, false)
	})
}

func good(self string) string { return `{"issuer":"` + self + `","jwks_uri":"` + self + `/keys"}` }

// refusedFrom checks that a token of that issuer is refused for the issuer's fault.
func refusedFrom(t *testing.T, issuer string, development bool) {
	t.Helper()
	u := tokentest.NewUnion(t)
	u.Publish(t, "KZ", func(m *statement.Manifest) { m.Issuers[0].URL = issuer })
	key, _ := statement.NewKey()
	client := &http.Client{Transport: onlyTo{t, strings.TrimPrefix(issuer, "http://")}}
	payload, _ := json.Marshal(map[string]string{"iss": issuer})
	forged := tokentest.Forge(t, map[string]any{"alg": "ES256", "typ": "JWT", "kid": "k"}, payload, key)
	v := token.NewVerifier(u.Directory, token.Options{HTTP: client, Now: u.Clock.Now, Development: development})
	if _, err := v.Verify(t.Context(), forged); comity.CodeOf(err) != comity.CodeUnavailable {
		t.Errorf("%v", err)
	}
}

// onlyTo fails the test when anybody but the issuer is asked.
type onlyTo struct {
	t    *testing.T
	host string
}

func (o onlyTo) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != o.host {
		o.t.Errorf("%s was asked for", r.URL)
	}
	return http.DefaultTransport.RoundTrip(r)
}

// Discovery is at the issuer's path, with or without a slash at its end, and
// over TLS as in production.
func TestIssuerOverTLS(t *testing.T) {
	u := tokentest.NewUnion(t)
	key, plain := newIssuerKey(t, u)
	proxy := http.NewServeMux()
	server := httptest.NewTLSServer(proxy)
	defer server.Close()
	issuer := server.URL + "/realms/kz/"
	answer, err := http.Get(plain + "/keys")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var keys json.RawMessage
	if err := json.NewDecoder(answer.Body).Decode(&keys); err != nil {
		t.Fatal(err)
	}
	proxy.HandleFunc("/realms/kz/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": issuer, "jwks_uri": server.URL + "/keys"})
	})
	proxy.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(keys) })
	_, tok, _ := u.Login(t, "liaison@KZ")
	u.Publish(t, "KZ", func(m *statement.Manifest) { m.Issuers[0].URL = issuer })
	claims := claimsOf(t, tok)
	claims["iss"] = issuer
	payload, _ := json.Marshal(claims)
	v := token.NewVerifier(u.Directory, token.Options{HTTP: server.Client(), Now: u.Clock.Now})
	signed := tokentest.Forge(t, map[string]any{"alg": "ES256", "typ": "JWT", "kid": "k1"}, payload, key)
	if who, err := v.Verify(t.Context(), signed); err != nil || who.Officer.Issuer != issuer {
		t.Errorf("%+v, %v", who.Officer, err)
	}
}
