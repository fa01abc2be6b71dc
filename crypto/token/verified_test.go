package token_test

import (
	"crypto/ecdsa"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token"
	"github.com/comity-platform/comity/crypto/token/tokentest"
)

// TestRememberedTokens: that a token was verified a moment ago opens nothing that its
// issuer's keys, the manifest or the clock close.
func TestRememberedTokens(t *testing.T) {
	u := tokentest.NewUnion(t)
	keys := make([]*ecdsa.PrivateKey, 2)
	sets := make([]jose.JSONWebKeySet, len(keys))
	for i := range keys {
		var err error
		if keys[i], err = statement.NewKey(); err != nil {
			t.Fatal(err)
		}
		public := statement.PublicJWK(keys[i])
		public.KeyID = "one name"
		sets[i].Keys = []jose.JSONWebKey{public}
	}
	var current atomic.Int32
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	defer server.Close()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": server.URL, "jwks_uri": server.URL + "/keys"})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(sets[current.Load()]) })
	name := func(url string, algorithms ...string) {
		u.Publish(t, "KZ", func(m *statement.Manifest) { m.Issuers[0].URL, m.Issuers[0].Algorithms = url, algorithms })
	}
	v := token.NewVerifier(u.Directory, token.Options{Now: u.Clock.Now, Development: true})
	_, devised, _ := u.Login(t, "liaison@KZ")
	claims := claimsOf(t, devised)
	claims["iss"] = server.URL
	payload, _ := json.Marshal(claims)
	header := map[string]any{"alg": "ES256", "typ": "at+jwt", "kid": "one name"}
	tok := tokentest.Forge(t, header, payload, keys[0])
	other := tokentest.Forge(t, header, payload, keys[1])
	open := func(why, refusal string) {
		t.Helper()
		who, err := v.Verify(t.Context(), tok)
		switch {
		case refusal == "" && (err != nil || who.Officer.Pseudonym != "liaison-1" || who.Token != tok || who.JKT == ""):
			t.Errorf("%s: %+v, %v", why, who, err)
		case refusal != "" && (err == nil || !strings.Contains(err.Error(), refusal)):
			t.Errorf("%s: %v, wanted %q", why, err, refusal)
		}
	}
	name(server.URL, "ES256")
	open("at first", "")
	open("remembered", "")
	name(server.URL, "ES384")
	open("with the algorithm taken away", "lets its issuer use")
	name("https://elsewhere.test", "ES256")
	open("with the issuer taken away", "not accepted")
	name(server.URL, "ES256")
	open("named again", "")

	current.Store(1) // another key under the same name
	u.Clock.Advance(6 * time.Minute)
	if !soon(func() bool { _, err := v.Verify(t.Context(), other); return err == nil }) {
		t.Fatal("the issuer's new key is not taken")
	}
	open("signed by a key that its name no longer means", "not valid")
	current.Store(0)
	u.Clock.Advance(6 * time.Minute)
	if !soon(func() bool { _, err := v.Verify(t.Context(), tok); return err == nil }) {
		t.Fatal("the issuer's old key is not taken again")
	}
	open("remembered again", "")
	u.Clock.Advance(time.Hour)
	open("past its end", "expired")
}

// TestRememberedTokensBounded: no more tokens are remembered than the bound.
func TestRememberedTokensBounded(t *testing.T) {
	u := tokentest.NewUnion(t)
	_, tok, _ := u.Login(t, "liaison@KZ")
	claims := claimsOf(t, tok)
	for i := range token.MaxVerified + 10 {
		claims["jti"] = strings.Repeat("x", 1+i%200) + time.Duration(i).String()
		if _, err := u.Verifier.Verify(t.Context(), issue(t, u.Issuers["KZ"], claims)); err != nil {
			t.Fatal(err)
		}
	}
	if n := u.Verifier.Remembered(); n != token.MaxVerified {
		t.Errorf("%d tokens are remembered", n)
	}
}
