package token_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token"
	"github.com/comity-platform/comity/crypto/token/tokentest"
)

// The proof of RFC 9449, section 4.1, figure 2.
func TestProofOfTheRFC(t *testing.T) {
	const proof = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
	jkt, id, err := token.ReadProof(proof, http.MethodPost, "https://server.example.com/token", "", time.Unix(1562262616, 0))
	if err != nil || jkt != "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" || id != "-BwC3ESc6acc2lTc" {
		t.Errorf("%s, %s, %v", jkt, id, err)
	}
}

func TestRequestsRefused(t *testing.T) {
	u := tokentest.NewUnion(t)
	_, tok, key := u.Login(t, "liaison@KZ")
	_, otherTok, otherKey := u.Login(t, "investigator@KZ")
	used := u.Request(t, key, tok, http.MethodPost, endpoint)
	if _, err := u.Verifier.VerifyRequest(t.Context(), used, endpoint); err != nil {
		t.Fatal(err)
	}
	post := func(key *ecdsa.PrivateKey, tok, url string) *http.Request {
		return u.Request(t, key, tok, http.MethodPost, url)
	}
	change := func(f func(http.Header)) *http.Request {
		r := post(key, tok, endpoint)
		f(r.Header)
		return r
	}
	for name, c := range map[string]struct {
		r    *http.Request
		want string
	}{
		"no token":                   {change(func(h http.Header) { h.Del("Authorization") }), "log in"},
		"two tokens":                 {change(func(h http.Header) { h.Add("Authorization", "DPoP "+otherTok) }), "more than one"},
		"a bearer token":             {change(func(h http.Header) { h.Set("Authorization", "Bearer "+tok) }), "bearer"},
		"another scheme":             {change(func(h http.Header) { h.Set("Authorization", "Basic "+tok) }), "DPoP"},
		"an empty token":             {change(func(h http.Header) { h.Set("Authorization", "DPoP ") }), "DPoP"},
		"no scheme":                  {change(func(h http.Header) { h.Set("Authorization", tok) }), "DPoP"},
		"stolen without the key":     {change(func(h http.Header) { h.Del("DPoP") }), "no proof"},
		"stolen, with the thief's":   {post(otherKey, tok, endpoint), "another key"},
		"two proofs":                 {change(func(h http.Header) { h.Add("DPoP", h.Get("DPoP")) }), "more than one"},
		"a proof used before":        {used, "used before"},
		"proof of another token":     {change(func(h http.Header) { h.Set("DPoP", post(key, otherTok, endpoint).Header.Get("DPoP")) }), "ath"},
		"proof of no token":          {change(func(h http.Header) { h.Set("DPoP", proof(t, key, "POST", endpoint, "", u.Clock.Now())) }), "ath"},
		"proof of another method":    {change(func(h http.Header) { h.Set("DPoP", proof(t, key, "GET", endpoint, tok, u.Clock.Now())) }), "GET"},
		"proof of a method in lower": {change(func(h http.Header) { h.Set("DPoP", proof(t, key, "post", endpoint, tok, u.Clock.Now())) }), "method"},
		"proof of another path":      {post(key, tok, "https://exchange.test/other"), "went to"},
		"proof of a path's prefix":   {post(key, tok, "https://exchange.test/"), "went to"},
		"proof of another host":      {post(key, tok, "https://evil.test/graphql"), "went to"},
		"proof of another port":      {post(key, tok, "https://exchange.test:8443/graphql"), "went to"},
		"proof of another scheme":    {post(key, tok, "http://exchange.test/graphql"), "went to"},
		"an old proof": {change(func(h http.Header) {
			h.Set("DPoP", proof(t, key, "POST", endpoint, tok, u.Clock.Now().Add(-3*time.Minute)))
		}), "clock"},
		"a proof of the future": {change(func(h http.Header) {
			h.Set("DPoP", proof(t, key, "POST", endpoint, tok, u.Clock.Now().Add(3*time.Minute)))
		}), "clock is off"},
		"a token in the proof's place": {change(func(h http.Header) { h.Set("DPoP", tok) }), "proof"},
	} {
		_, err := u.Verifier.VerifyRequest(t.Context(), c.r, endpoint)
		if comity.CodeOf(err) != comity.CodeUnauthenticated || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, wanted %q", name, err, c.want)
		}
		if !strings.HasPrefix(token.Challenge(err), "DPoP ") {
			t.Errorf("%s: challenge %s", name, token.Challenge(err))
		}
	}
}

func proof(t testing.TB, key *ecdsa.PrivateKey, method, url, tok string, at time.Time) string {
	t.Helper()
	p, err := token.Proof(key, method, url, tok, at)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A replay is told for as long as the proof would be fresh, at either end.
func TestReplayUntilStale(t *testing.T) {
	u := tokentest.NewUnion(t)
	_, tok, key := u.Login(t, "liaison@KZ")
	r := u.Request(t, key, tok, http.MethodPost, endpoint)
	ahead := proof(t, key, http.MethodPost, endpoint, tok, u.Clock.Now().Add(statement.Freshness-5*time.Second))
	r.Header.Set("DPoP", ahead)
	for i, step := range []time.Duration{0, time.Second, time.Minute, 2 * time.Minute, 50 * time.Second} {
		u.Clock.Advance(step)
		_, err := u.Verifier.VerifyRequest(t.Context(), r, endpoint)
		if i == 0 && err != nil || i > 0 && (err == nil || !strings.Contains(err.Error(), "used before")) {
			t.Errorf("step %d: %v", i, err)
		}
	}
	u.Clock.Advance(10 * time.Second)
	if _, err := u.Verifier.VerifyRequest(t.Context(), r, endpoint); err == nil || !strings.Contains(err.Error(), "fresh") {
		t.Errorf("in the end: %v", err)
	}
}

func TestForgedProofsRefused(t *testing.T) {
	key, err := statement.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	other, _ := statement.NewKey()
	_, ed, _ := ed25519.GenerateKey(rand.Reader)
	p384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	now := time.Unix(1_700_000_000, 0)
	claims := func(change ...any) []byte {
		c := map[string]any{"jti": "0123456789", "htm": "POST", "htu": endpoint, "iat": now.Unix()}
		for i := 0; i < len(change); i += 2 {
			c[change[i].(string)] = change[i+1]
		}
		b, _ := json.Marshal(c)
		return b
	}
	header := func(change ...any) map[string]any {
		h := map[string]any{"alg": "ES256", "typ": "dpop+jwt", "jwk": tokentest.JWK(t, key)}
		for i := 0; i < len(change); i += 2 {
			h[change[i].(string)] = change[i+1]
		}
		return h
	}
	v := tokentest.NewUnion(t).Verifier // which remembers the header
	read := func(p string) error {
		t.Helper()
		jkt, id, err := token.ReadProof(p, "POST", endpoint, "", now)
		again, sameID, remembered := v.ReadProof(p, "POST", endpoint, "", now)
		if comity.CodeOf(err) != comity.CodeOf(remembered) || jkt != again || id != sameID {
			t.Errorf("whose header is not known: %q, %q, %v; and where it is: %q, %q, %v", jkt, id, err, again, sameID, remembered)
		}
		return err
	}
	for range 2 {
		if err := read(tokentest.Forge(t, header(), claims("nonce", "x", "iat", 1_700_000_000.25), key)); err != nil {
			t.Fatalf("with claims of its own: %v", err)
		}
	}
	if v.Sessions() != 1 {
		t.Fatalf("%d headers are remembered", v.Sessions())
	}
	var private map[string]any
	_ = json.Unmarshal(tokentest.JWK(t, key), &private)
	d, _ := key.Bytes()
	private["d"] = base64.RawURLEncoding.EncodeToString(d)
	for name, p := range map[string]string{
		"empty":            "",
		"alg none":         tokentest.Forge(t, header("alg", "none"), claims(), nil),
		"HS256":            tokentest.Forge(t, header("alg", "HS256"), claims(), []byte(tokentest.JWK(t, key))),
		"EdDSA":            tokentest.Forge(t, header("alg", "EdDSA", "jwk", tokentest.JWK(t, ed)), claims(), ed),
		"P-384":            tokentest.Forge(t, header("alg", "ES384", "jwk", tokentest.JWK(t, p384)), claims(), p384),
		"another's jwk":    tokentest.Forge(t, header("jwk", tokentest.JWK(t, other)), claims(), key),
		"private jwk":      tokentest.Forge(t, header("jwk", private), claims(), key),
		"no jwk":           tokentest.Forge(t, map[string]any{"alg": "ES256", "typ": "dpop+jwt"}, claims(), key),
		"kid":              tokentest.Forge(t, header("kid", "k"), claims(), key),
		"jku":              tokentest.Forge(t, header("jku", "https://evil.test"), claims(), key),
		"crit":             tokentest.Forge(t, header("crit", []string{"x"}, "x", 1), claims(), key),
		"typ JWT":          tokentest.Forge(t, header("typ", "JWT"), claims(), key),
		"typ of an act":    tokentest.Forge(t, header("typ", statement.TypAct), claims(), key),
		"no jti":           tokentest.Forge(t, header(), claims("jti", ""), key),
		"jti without end":  tokentest.Forge(t, header(), claims("jti", strings.Repeat("x", 129)), key),
		"jti a number":     tokentest.Forge(t, header(), claims("jti", 12345678), key),
		"htu relative":     tokentest.Forge(t, header(), claims("htu", "/graphql"), key),
		"htu with a user":  tokentest.Forge(t, header(), claims("htu", "https://user@exchange.test/graphql"), key),
		"htu of a file":    tokentest.Forge(t, header(), claims("htu", "file://exchange.test/graphql"), key),
		"htu without end":  tokentest.Forge(t, header(), claims("htu", endpoint+"?"+strings.Repeat("x", 2048)), key),
		"path in capitals": tokentest.Forge(t, header(), claims("htu", "https://exchange.test/GraphQL"), key),
		"ath of no token":  tokentest.Forge(t, header(), claims("ath", "x"), key),
		"no iat":           tokentest.Forge(t, header(), claims("iat", 0), key),
		"iat a string":     tokentest.Forge(t, header(), claims("iat", "now"), key),
		"two htu":          tokentest.Forge(t, header(), []byte(`{"htu":"https://evil.test/",`+string(claims()[1:])), key),
		"trailing data":    tokentest.Forge(t, header(), append(claims(), '{'), key),
		"another's":        tokentest.Forge(t, header(), claims(), other),
		"too long":         tokentest.Forge(t, header(), claims("x", strings.Repeat("x", 8<<10)), key),
	} {
		if err := read(p); comity.CodeOf(err) != comity.CodeUnauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
	good := tokentest.Forge(t, header(), claims(), key)
	head, rest, _ := strings.Cut(good, ".")
	body, signature, _ := strings.Cut(rest, ".")
	for _, p := range []string{head + "." + body + ".", head + "." + body + "." + signature[2:], head + "." + body + "=." + signature, head + "." + body + "\n." + signature,
		head + ".." + signature, head + "." + body + "." + signature + "." + signature, head + "." + body, good + "AA", head + "." + body + "." + strings.Repeat("A", 86)} {
		if err := read(p); comity.CodeOf(err) != comity.CodeUnauthenticated {
			t.Errorf("%s: %v", p, err)
		}
	}
	for range token.MaxSessions + 10 {
		other, _ := statement.NewKey()
		if err := read(tokentest.Forge(t, header("jwk", tokentest.JWK(t, other)), claims(), other)); err != nil {
			t.Fatal(err)
		}
	}
	if n := v.Sessions(); n != token.MaxSessions {
		t.Errorf("%d headers are remembered", n)
	}
}

func TestProofNeedsAUsableKeyAndURL(t *testing.T) {
	p384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if _, err := token.Proof(p384, "POST", endpoint, "t", time.Now()); err == nil {
		t.Error("a P-384 key proved something")
	}
	key, _ := statement.NewKey()
	if _, err := token.Proof(key, "POST", "/graphql", "t", time.Now()); err == nil {
		t.Error("a relative URL was proved")
	}
}

func FuzzReadProof(f *testing.F) {
	key, err := statement.NewKey()
	if err != nil {
		f.Fatal(err)
	}
	now := time.Unix(1_700_000_000, 0)
	good := proof(f, key, "POST", endpoint, "", now)
	f.Add(good, tokentest.Payload(f, good), endpoint)
	f.Add("a.b.c", []byte(`{"jti":"12345678","htm":"POST","htu":"https://[::1]:443?","iat":17e8}`), "https://[::1]/")
	f.Fuzz(func(t *testing.T, raw string, payload []byte, url string) {
		_, _, _ = token.ReadProof(raw, "POST", url, "", now)
		signed := tokentest.Forge(t, map[string]any{"alg": "ES256", "typ": "dpop+jwt", "jwk": tokentest.JWK(t, key)}, payload, key)
		jkt, id, err := token.ReadProof(signed, "POST", url, "", now)
		if err == nil && (id == "" || !statement.IsThumbprint(jkt)) {
			t.Errorf("taken: %q %q", jkt, id)
		}
		if err == nil {
			if _, _, err := token.ReadProof(signed, "GET", url, "", now); err == nil {
				t.Error("taken for another method too")
			}
		}
	})
}
