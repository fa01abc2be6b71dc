package token_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token"
	"github.com/comity-platform/comity/crypto/token/devissuer"
	"github.com/comity-platform/comity/crypto/token/tokentest"
)

const endpoint = "https://exchange.test/graphql"

func TestVerifyRequest(t *testing.T) {
	u := tokentest.NewUnion(t)
	who, tok, key := u.Login(t, "liaison@KZ")
	want := comity.Officer{Issuer: u.Issuers["KZ"].URL(), Subject: "kz-liaison", State: "KZ", Agency: "KZ/cyber",
		Role: comity.RoleLiaison, Function: "Liaison officer", Pseudonym: "liaison-1"}
	if who.Officer != want || who.Token != tok || who.ID == "" || time.Until(who.Expires) < 59*time.Minute {
		t.Errorf("got %+v", who)
	}
	if jkt, _ := statement.Thumbprint(key); who.JKT != jkt {
		t.Error("the token is bound to another key")
	}
	for _, url := range []string{endpoint, endpoint + "?a=b#c", "HTTPS://Exchange.TEST:443/graphql"} {
		r := u.Request(t, key, tok, http.MethodPost, url)
		if got, err := u.Verifier.VerifyRequest(t.Context(), r, endpoint+"?other=query"); err != nil || got.Officer != want {
			t.Errorf("%s: %+v, %v", url, got, err)
		}
	}
	r := u.Request(t, key, tok, http.MethodPost, endpoint)
	r.Header.Set("Authorization", "dpop "+tok) // schemes are case-insensitive, RFC 9110, section 11.1
	if _, err := u.Verifier.VerifyRequest(t.Context(), r, endpoint); err != nil {
		t.Error(err)
	}
}

// claimsOf gives the claims of a token, to be changed.
func claimsOf(t testing.TB, tok string) map[string]any {
	t.Helper()
	var c map[string]any
	if err := json.Unmarshal(tokentest.Payload(t, tok), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func issue(t testing.TB, is *devissuer.Issuer, claims map[string]any) string {
	t.Helper()
	tok, err := is.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// What an issuer itself may sign and is refused all the same.
func TestClaimsRefused(t *testing.T) {
	u := tokentest.NewUnion(t)
	_, tok, _ := u.Login(t, "liaison@KZ")
	now := u.Clock.Now().Unix()
	for name, c := range map[string]struct {
		claim string
		value any
		want  string // "" accepted
	}{
		"unchanged":                        {"sub", "kz-liaison", ""},
		"a claim of the issuer's own":      {"groups", []string{"x"}, ""},
		"audience in a list":               {"aud", []string{"other", tokentest.Name}, ""},
		"dates with fractions":             {"iat", float64(now) + 0.5, ""},
		"expired within the skew":          {"exp", now - 25, ""},
		"issued within the skew":           {"iat", now + 25, ""},
		"another audience":                 {"aud", "other", "not for the union"},
		"audience in a list of others":     {"aud", []string{"other"}, "not for the union"},
		"no audience":                      {"aud", nil, "not for the union"},
		"audience a number":                {"aud", 7, "claims"},
		"expired":                          {"exp", now - 31, "expired"},
		"no expiry":                        {"exp", nil, "exp"},
		"expiry a string":                  {"exp", "tomorrow", "claims"},
		"expiry negative":                  {"exp", -5, "claims"},
		"expiry beyond all time":           {"exp", 1e300, "claims"},
		"valid for too long":               {"exp", now + 12*3600 + 60, "longer than"},
		"no issue date":                    {"iat", nil, "iat"},
		"issued in the future":             {"iat", now + 45, "not valid yet"},
		"not before the future":            {"nbf", now + 45, "not valid yet"},
		"no id":                            {"jti", nil, "jti"},
		"no subject":                       {"sub", "", "sub"},
		"subject without end":              {"sub", strings.Repeat("x", 256), "sub"},
		"not bound to a key":               {"cnf", nil, "cnf.jkt"},
		"bound to something else":          {"cnf", map[string]string{"x5t#S256": strings.Repeat("A", 43)}, "cnf.jkt"},
		"bound to no thumbprint":           {"cnf", map[string]string{"jkt": "abc"}, "cnf.jkt"},
		"another state's agency":           {"comity_agency", "AM/cyber", "comity_agency"},
		"an agency not listed":             {"comity_agency", "KZ/finance", "comity_agency"},
		"no agency":                        {"comity_agency", nil, "comity_agency"},
		"an unknown role":                  {"comity_role", "ADMIN", "comity_role"},
		"no role":                          {"comity_role", nil, "comity_role"},
		"no pseudonym":                     {"comity_pseudonym", "", "comity_pseudonym"},
		"pseudonym with a state":           {"comity_pseudonym", "AM:x", "comity_pseudonym"},
		"pseudonym with a line":            {"comity_pseudonym", "x\n", "comity_pseudonym"},
		"no function":                      {"comity_function", "", "comity_function"},
		"function with a line":             {"comity_function", "Liaison\nofficer", "comity_function"},
		"function with a direction change": {"comity_function", "Liaison \u202e", "comity_function"},
		"function without end":             {"comity_function", strings.Repeat("x", 101), "comity_function"},
		"function in its own script":       {"comity_function", "Байланыс офицері", ""},
		"another issuer":                   {"iss", "https://idp.example", "issuer"},
		"no issuer":                        {"iss", nil, "issuer"},
		"another state's issuer":           {"iss", u.Issuers["AM"].URL(), "key"},
		"a state of its own saying":        {"comity_state", "AM", ""},
	} {
		claims := claimsOf(t, tok)
		claims[c.claim] = c.value
		if c.value == nil {
			delete(claims, c.claim)
		}
		who, err := u.Verifier.Verify(t.Context(), issue(t, u.Issuers["KZ"], claims))
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want == "" && (who.Officer.State != "KZ" || who.Officer.Ref() != "KZ:liaison-1"):
			t.Errorf("%s: %+v", name, who.Officer)
		case c.want != "" && err == nil:
			t.Errorf("%s: taken", name)
		case c.want != "" && (comity.CodeOf(err) != comity.CodeUnauthenticated || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, wanted %q", name, err, c.want)
		}
	}
}

func TestRoleAboveMaximum(t *testing.T) {
	u := tokentest.NewUnion(t)
	u.Publish(t, "KZ", func(m *statement.Manifest) { m.Issuers[0].Agencies[1].Roles = []comity.Role{comity.RoleInvestigator} })
	_, tok, _ := u.Login(t, "ct@KZ")
	claims := claimsOf(t, tok)
	claims["comity_role"] = comity.RoleLiaison // its agency's issuer scope ends at investigators
	if _, err := u.Verifier.Verify(t.Context(), issue(t, u.Issuers["KZ"], claims)); err == nil || !strings.Contains(err.Error(), "comity_role") {
		t.Errorf("%v", err)
	}
	u.Publish(t, "KZ", func(m *statement.Manifest) { m.Issuers[0].Agencies = m.Issuers[0].Agencies[:1] })
	if _, err := u.Verifier.Verify(t.Context(), tok); err == nil {
		t.Error("a token outlived the manifest that named its agency")
	}
}

// What somebody without the issuer's key can make.
func TestForgedTokensRefused(t *testing.T) {
	u := tokentest.NewUnion(t)
	_, tok, key := u.Login(t, "liaison@KZ")
	payload := tokentest.Payload(t, tok)
	kid := tokentest.Header(t, tok)["kid"]
	public := issuerKey(t, u.Issuers["KZ"].URL())
	der, err := x509.MarshalPKIXPublicKey(public.Key)
	if err != nil {
		t.Fatal(err)
	}
	inPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	jwk, _ := public.MarshalJSON()
	rsaKey, _ := rsa.GenerateKey(rand.Reader, 2048)
	parts := strings.Split(tok, ".")
	header := func(change ...any) map[string]any {
		h := map[string]any{"alg": "ES256", "typ": "at+jwt", "kid": kid}
		for i := 0; i < len(change); i += 2 {
			h[change[i].(string)] = change[i+1]
		}
		return h
	}
	evil := http.NewServeMux()
	server := httptest.NewServer(evil)
	defer server.Close()
	evil.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { t.Errorf("%s was fetched", r.URL) })
	for name, forged := range map[string]string{
		"empty":                   "",
		"not a token":             "x.y.z",
		"JWE in five parts":       tok + ".x.y",
		"tampered":                parts[0] + "." + base64.RawURLEncoding.EncodeToString(bytes.Replace(payload, []byte("LIAISON"), []byte("AUTHORITY"), 1)) + "." + parts[2],
		"another's header":        base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"ES256","typ":"JWT","kid":"`+kid.(string)+`"}`)) + "." + parts[1] + "." + parts[2],
		"alg none":                tokentest.Forge(t, header("alg", "none"), payload, nil),
		"alg None":                tokentest.Forge(t, header("alg", "None"), payload, nil),
		"alg missing":             tokentest.Forge(t, map[string]any{"typ": "at+jwt", "kid": kid}, payload, key),
		"HS256 by public PEM":     tokentest.Forge(t, header("alg", "HS256"), payload, inPEM),
		"HS256 by public DER":     tokentest.Forge(t, header("alg", "HS256"), payload, der),
		"HS256 by public JWK":     tokentest.Forge(t, header("alg", "HS256"), payload, jwk),
		"alg not in the manifest": tokentest.Forge(t, header("alg", "RS256"), payload, rsaKey),
		"another key":             tokentest.Forge(t, header(), payload, key),
		"its own jwk":             tokentest.Forge(t, header("jwk", tokentest.JWK(t, key)), payload, key),
		"its own jku":             tokentest.Forge(t, header("jku", server.URL+"/jwks"), payload, key),
		"its own x5u":             tokentest.Forge(t, header("x5u", server.URL+"/cert"), payload, key),
		"unknown kid":             tokentest.Forge(t, header("kid", "other"), payload, key),
		"no kid":                  tokentest.Forge(t, header("kid", ""), payload, key),
		"crit":                    tokentest.Forge(t, header("crit", []string{"x"}, "x", 1), payload, key),
		"a proof as a token":      tokentest.Forge(t, header("typ", "dpop+jwt"), payload, key),
		"an act as a token":       tokentest.Forge(t, header("typ", statement.TypAct), payload, key),
		"no typ":                  tokentest.Forge(t, map[string]any{"alg": "ES256", "kid": kid}, payload, key),
		"too long":                tokentest.Forge(t, header(), bytes.Repeat([]byte(" "), 16<<10), key),
	} {
		if _, err := u.Verifier.Verify(t.Context(), forged); comity.CodeOf(err) != comity.CodeUnauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// issuerKey fetches an issuer's public key as an attacker would.
func issuerKey(t testing.TB, issuer string) jose.JSONWebKey {
	t.Helper()
	answer, err := http.Get(issuer + "/jwks")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var set jose.JSONWebKeySet
	if err := json.NewDecoder(answer.Body).Decode(&set); err != nil {
		t.Fatal(err)
	}
	return set.Keys[0]
}

// An issuer signs what it likes with its own key; typ and the rest are judged
// even so, and duplicate claims, which parsers read differently, are refused.
func TestIssuersOwnKeyIsNotEnough(t *testing.T) {
	u := tokentest.NewUnion(t)
	key, server := newIssuerKey(t, u)
	_, tok, _ := u.Login(t, "liaison@KZ")
	claims := claimsOf(t, tok)
	claims["iss"] = server
	payload, _ := json.Marshal(claims)
	sign := func(header map[string]any, payload []byte) string {
		h := map[string]any{"alg": "ES256", "typ": "JWT", "kid": "k1"}
		maps.Copy(h, header)
		return tokentest.Forge(t, h, payload, key)
	}
	if _, err := u.Verifier.Verify(t.Context(), sign(map[string]any{"foo": "bar"}, payload)); err != nil {
		t.Fatalf("a plain JWT: %v", err)
	}
	for name, forged := range map[string]string{
		"logout token":     sign(map[string]any{"typ": "logout+jwt"}, payload),
		"crit":             sign(map[string]any{"crit": []string{"foo"}, "foo": 1}, payload),
		"b64":              sign(map[string]any{"crit": []string{"b64"}, "b64": true}, payload),
		"key for another":  sign(map[string]any{"kid": "k2"}, payload),
		"encryption key":   sign(map[string]any{"kid": "k3"}, payload),
		"duplicate claims": sign(nil, bytes.Replace(payload, []byte("{"), []byte(`{"sub":"x",`), 1)),
		"trailing data":    sign(nil, append(bytes.Clone(payload), "{}"...)),
		"claims a list":    sign(nil, []byte(`[]`)),
	} {
		if _, err := u.Verifier.Verify(t.Context(), forged); comity.CodeOf(err) != comity.CodeUnauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// newIssuerKey adds to KZ an issuer whose key the test holds: k1; the same key
// published as one for EdDSA: k2; and as one for encryption: k3.
func newIssuerKey(t testing.TB, u *tokentest.Union) (*ecdsa.PrivateKey, string) {
	t.Helper()
	key, err := statement.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	jwk := func(kid, alg, use string) jose.JSONWebKey {
		return jose.JSONWebKey{Key: key.Public(), KeyID: kid, Algorithm: alg, Use: use}
	}
	keys, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{jwk("k1", "", ""), jwk("k2", "EdDSA", "sig"), jwk("k3", "", "enc")}})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": server.URL, "jwks_uri": server.URL + "/keys"})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(keys) })
	u.Publish(t, "KZ", func(m *statement.Manifest) {
		is := m.Issuers[0]
		is.URL = server.URL
		m.Issuers = append(m.Issuers, is)
	})
	return key, server.URL
}

// Each algorithm that a manifest may list verifies, and only when it is listed,
// though the issuer publishes the key.
func TestAlgorithmsOfTheManifest(t *testing.T) {
	u := tokentest.NewUnion(t)
	p256, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	p384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	_, ed, _ := ed25519.GenerateKey(rand.Reader)
	rsaKey, _ := rsa.GenerateKey(rand.Reader, 2048)
	keys := map[jose.SignatureAlgorithm]any{jose.ES256: p256, jose.ES384: p384, jose.EdDSA: ed, jose.RS256: rsaKey, jose.PS256: rsaKey}
	var set jose.JSONWebKeySet
	for alg, key := range keys {
		public := statement.PublicJWK(key)
		public.KeyID = string(alg)
		set.Keys = append(set.Keys, public)
	}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	defer server.Close()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": server.URL, "jwks_uri": server.URL + "/keys"})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(set) })
	_, tok, _ := u.Login(t, "liaison@KZ")
	claims := claimsOf(t, tok)
	claims["iss"] = server.URL
	payload, _ := json.Marshal(claims)
	sign := func(alg jose.SignatureAlgorithm) string {
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: keys[alg], KeyID: string(alg)}},
			(&jose.SignerOptions{}).WithType("JWT"))
		if err != nil {
			t.Fatal(err)
		}
		signed, err := signer.Sign(payload)
		if err != nil {
			t.Fatal(err)
		}
		compact, err := signed.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		return compact
	}
	for _, listed := range statement.IssuerAlgorithms {
		u.Publish(t, "KZ", func(m *statement.Manifest) {
			m.Issuers[0].URL, m.Issuers[0].Algorithms = server.URL, []string{string(listed)}
		})
		for _, used := range statement.IssuerAlgorithms {
			_, err := u.Verifier.Verify(t.Context(), sign(used))
			if used == listed && err != nil || used != listed && (err == nil || !strings.Contains(err.Error(), "lets its issuer use")) {
				t.Errorf("%s where %s is listed: %v", used, listed, err)
			}
		}
	}
}

// No error that an officer or a log may see carries the token.
func TestErrorsHoldNoToken(t *testing.T) {
	u := tokentest.NewUnion(t)
	_, tok, key := u.Login(t, "liaison@KZ")
	thief, _ := statement.NewKey()
	for _, r := range []*http.Request{
		u.Request(t, thief, tok, http.MethodPost, endpoint),
		u.Request(t, key, tok+"x", http.MethodPost, endpoint),
		u.Request(t, key, tok, http.MethodGet, endpoint),
	} {
		r.Method = http.MethodPost
		_, err := u.Verifier.VerifyRequest(t.Context(), r, endpoint)
		for e := err; e != nil; {
			if strings.Contains(e.Error(), tok[len(tok)-20:]) || strings.Contains(e.Error(), tok[:60]) {
				t.Errorf("the token stands in %v", e)
			}
			u, ok := e.(interface{ Unwrap() error })
			if !ok {
				break
			}
			e = u.Unwrap()
		}
		if c := token.Challenge(err); err == nil || !strings.HasPrefix(c, `DPoP error="`) || strings.Count(c, `"`) != 6 {
			t.Errorf("challenge %s for %v", c, err)
		}
	}
}

func FuzzVerify(f *testing.F) {
	u := tokentest.NewUnion(f)
	key, server := newIssuerKey(f, u)
	_, tok, _ := u.Login(f, "liaison@KZ")
	claims := claimsOf(f, tok)
	claims["iss"] = server
	payload, _ := json.Marshal(claims)
	f.Add(payload, tok)
	f.Add([]byte(`{"iss":"`+server+`","exp":1e308,"aud":[[]],"cnf":{}}`), "a.b.c")
	f.Fuzz(func(t *testing.T, payload []byte, raw string) {
		if who, err := u.Verifier.Verify(t.Context(), raw); err == nil && raw != tok {
			t.Errorf("taken: %+v", who.Officer)
		}
		signed := tokentest.Forge(t, map[string]any{"alg": "ES256", "typ": "at+jwt", "kid": "k1"}, payload, key)
		who, err := u.Verifier.Verify(t.Context(), signed)
		if err == nil && (who.Officer.State != "KZ" || who.Officer.Agency.State() != "KZ" || !who.Officer.Ref().Valid() || !statement.IsThumbprint(who.JKT)) {
			t.Errorf("taken: %+v", who)
		}
	})
}
