package statement_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
)

var anyHash = strings.Repeat("0a", 32)

func sampleAct() statement.Act {
	return statement.Act{Union: "u", Act: statement.ActEvidenceOpen, Record: comity.NewID(comity.KindEvidence),
		HeaderHash: anyHash, Purpose: comity.PurposeInvestigation, Grant: comity.NewID(comity.KindGrant), BodyHash: anyHash}
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	k, err := statement.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestActRoundTrip(t *testing.T) {
	key := newKey(t)
	want := sampleAct()
	compact, err := statement.SignAct(key, want)
	if err != nil {
		t.Fatal(err)
	}
	got, jkt, err := statement.ReadAct(compact, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if thumb, _ := statement.Thumbprint(key); jkt != thumb {
		t.Errorf("jkt %s, wanted %s", jkt, thumb)
	}
	if got.Nonce == "" || got.IssuedAt == 0 {
		t.Errorf("nonce %q and iat %d were not set", got.Nonce, got.IssuedAt)
	}
	want.Nonce, want.IssuedAt = got.Nonce, got.IssuedAt
	if got != want {
		t.Errorf("got %+v, wanted %+v", got, want)
	}
	again, err := statement.SignAct(key, sampleAct())
	if err != nil {
		t.Fatal(err)
	}
	if b, _, _ := statement.ReadActAnytime(again); b.Nonce == got.Nonce {
		t.Error("two acts have the same nonce")
	}
}

func TestActFreshness(t *testing.T) {
	key, at := newKey(t), time.Unix(1_700_000_000, 0)
	a := sampleAct()
	a.IssuedAt = at.Unix()
	compact, err := statement.SignAct(key, a)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		now  time.Time
		want string
	}{
		{at, ""},
		{at.Add(statement.Freshness), ""},
		{at.Add(-statement.Freshness), ""},
		{at.Add(statement.Freshness + time.Second), "this computer's clock is slow"},
		{at.Add(-statement.Freshness - time.Second), "this computer's clock is off"},
		{at.AddDate(10, 0, 0), "more than a year"},
		{at.AddDate(-10, 0, 0), "more than a year"},
	} {
		_, _, err := statement.ReadAct(compact, c.now)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("at %s: %v, wanted %q", c.now.Sub(at), err, c.want)
		}
		if err != nil && comity.CodeOf(err) != comity.CodeUnauthenticated {
			t.Errorf("code %s", comity.CodeOf(err))
		}
	}
	if _, _, err := statement.ReadActAnytime(compact); err != nil {
		t.Errorf("anytime: %v", err)
	}
}

func TestActRefused(t *testing.T) {
	key, other := newKey(t), newKey(t)
	a := sampleAct()
	a.Nonce, a.IssuedAt = "nonce-nonce-nonce-nonce", time.Now().Unix()
	payload, err := statement.Canonical(a)
	if err != nil {
		t.Fatal(err)
	}
	header := func(change ...any) map[string]any {
		h := map[string]any{"alg": "ES256", "typ": statement.TypAct, "jwk": tokentest.JWK(t, key)}
		for i := 0; i < len(change); i += 2 {
			h[change[i].(string)] = change[i+1]
			if change[i+1] == nil {
				delete(h, change[i].(string))
			}
		}
		return h
	}
	forge := func(h map[string]any) string { return tokentest.Forge(t, h, payload, key) }
	if _, _, err := statement.ReadAct(forge(header()), time.Now()); err != nil {
		t.Fatalf("the forge itself: %v", err)
	}
	good := forge(header())
	parts := strings.Split(good, ".")
	_, ed, _ := ed25519.GenerateKey(rand.Reader)
	p384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	der, _ := x509.MarshalPKIXPublicKey(key.Public())
	var private map[string]any
	d, _ := key.Bytes()
	if err := json.Unmarshal(tokentest.JWK(t, key), &private); err != nil {
		t.Fatal(err)
	}
	private["d"] = base64.RawURLEncoding.EncodeToString(d)
	certified := map[string]any{"x5u": "https://evil.example/cert"}
	for k, v := range private {
		if k != "d" {
			certified[k] = v
		}
	}
	with := func(old, new string) string {
		return tokentest.Forge(t, header(), bytes.Replace(payload, []byte(old), []byte(new), 1), key)
	}
	act := func(change func(*statement.Act)) string {
		b := a
		change(&b)
		p, err := statement.Canonical(b)
		if err != nil {
			t.Fatal(err)
		}
		return tokentest.Forge(t, header(), p, key)
	}
	for name, compact := range map[string]string{
		"empty":                    "",
		"two parts":                parts[0] + "." + parts[1],
		"four parts":               good + ".x",
		"JSON serialization":       `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
		"leading space":            " " + good,
		"line break":               good + "\n",
		"padded base64":            parts[0] + "." + parts[1] + "." + parts[2] + "==",
		"unused bits":              parts[0] + "." + parts[1] + "." + parts[2][:len(parts[2])-1] + next(parts[2][len(parts[2])-1]),
		"tampered payload":         parts[0] + "." + base64.RawURLEncoding.EncodeToString(bytes.Replace(payload, []byte("INVESTIGATION"), []byte("PREVENTION"), 1)) + "." + parts[2],
		"signature cut":            parts[0] + "." + parts[1] + "." + parts[2][:40],
		"no signature":             parts[0] + "." + parts[1] + ".",
		"alg none":                 tokentest.Forge(t, header("alg", "none"), payload, nil),
		"HS256 by the public key":  tokentest.Forge(t, header("alg", "HS256"), payload, der),
		"HS256 by its JWK":         tokentest.Forge(t, header("alg", "HS256"), payload, []byte(tokentest.JWK(t, key))),
		"Ed25519 key":              tokentest.Forge(t, header("alg", "EdDSA", "jwk", tokentest.JWK(t, ed)), payload, ed),
		"Ed25519 key as ES256":     tokentest.Forge(t, header("jwk", tokentest.JWK(t, ed)), payload, ed),
		"P-384 key":                tokentest.Forge(t, header("alg", "ES384", "jwk", tokentest.JWK(t, p384)), payload, p384),
		"P-384 key as ES256":       tokentest.Forge(t, header("jwk", tokentest.JWK(t, p384)), payload, p384),
		"another's jwk":            forge(header("jwk", tokentest.JWK(t, other))),
		"signed by another":        tokentest.Forge(t, header(), payload, other),
		"no jwk":                   forge(header("jwk", nil)),
		"kid in place of jwk":      forge(header("jwk", nil, "kid", "k")),
		"kid beside jwk":           forge(header("kid", "k")),
		"private jwk":              forge(header("jwk", private)),
		"jwk with certificate URL": forge(header("jwk", certified)),
		"symmetric jwk":            forge(header("jwk", map[string]any{"kty": "oct", "k": "AAAA"})),
		"jwk null":                 forge(map[string]any{"alg": "ES256", "typ": statement.TypAct, "jwk": json.RawMessage("null")}),
		"jku":                      forge(header("jku", "https://evil.example/jwks")),
		"x5u":                      forge(header("x5u", "https://evil.example/x")),
		"x5c":                      forge(header("x5c", []string{})),
		"crit":                     forge(header("crit", []string{"exp"}, "exp", 1)),
		"crit empty":               forge(header("crit", []string{})),
		"b64":                      forge(header("crit", []string{"b64"}, "b64", true)),
		"unknown header":           forge(header("foo", 1)),
		"no typ":                   forge(header("typ", nil)),
		"typ of a statement":       forge(header("typ", statement.TypStatement)),
		"typ of a proof":           forge(header("typ", "dpop+jwt")),
		"typ not a string":         forge(header("typ", 7)),
		"duplicate header":         tokentest.ForgeRaw(t, []byte(`{"alg":"ES256","alg":"ES256","typ":"comity-act+jws","jwk":`+string(tokentest.JWK(t, key))+`}`), payload, key),
		"header not an object":     tokentest.ForgeRaw(t, []byte(`["ES256"]`), payload, key),
		"unknown member":           with(`{"act"`, `{"more":1,"act"`),
		"duplicate member":         with(`{"act"`, `{"union":"v","act"`),
		"member in other case":     with(`"union"`, `"Union"`),
		"bytes after the end":      tokentest.Forge(t, header(), append(bytes.Clone(payload), "{}"...), key),
		"not JSON":                 tokentest.Forge(t, header(), []byte("act"), key),
		"null":                     tokentest.Forge(t, header(), []byte("null"), key),
		"too long":                 tokentest.Forge(t, header(), append(bytes.Clone(payload), bytes.Repeat([]byte(" "), 64<<10)...), key),
		"no union":                 act(func(a *statement.Act) { a.Union = "" }),
		"unknown act":              act(func(a *statement.Act) { a.Act = "grantEverything" }),
		"record of another kind":   act(func(a *statement.Act) { a.Record = comity.NewID(comity.KindCase) }),
		"record not an id":         act(func(a *statement.Act) { a.Record = "evidence" }),
		"grant of another kind":    act(func(a *statement.Act) { a.Grant = comity.NewID(comity.KindCase) }),
		"short nonce":              act(func(a *statement.Act) { a.Nonce = "short" }),
		"body_hash in upper case":  act(func(a *statement.Act) { a.BodyHash = strings.ToUpper(anyHash) }),
		"header_hash cut":          act(func(a *statement.Act) { a.HeaderHash = anyHash[2:] }),
		"unknown purpose":          act(func(a *statement.Act) { a.Purpose = "CURIOSITY" }),
		"recipient no thumbprint":  act(func(a *statement.Act) { a.RecipientJKT = "x" }),
		"no iat":                   act(func(a *statement.Act) { a.IssuedAt = 0 }),
		"iat before all time":      act(func(a *statement.Act) { a.IssuedAt = -1 << 53 }),
		"iat in a far future":      act(func(a *statement.Act) { a.IssuedAt = 1 << 53 }),
	} {
		_, _, err := statement.ReadAct(compact, time.Now())
		if err == nil {
			t.Errorf("%s: taken", name)
		} else if comity.CodeOf(err) != comity.CodeUnauthenticated {
			t.Errorf("%s: code %s: %v", name, comity.CodeOf(err), err)
		}
	}
}

// next is the base64url character after c: it differs in unused bits only when
// c is the last of a group that has some.
func next(c byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[(strings.IndexByte(alphabet, c)+1)%64])
}

func TestSignActRefusesWhatNobodyTakes(t *testing.T) {
	a := sampleAct()
	a.Record = comity.NewID(comity.KindCase)
	if _, err := statement.SignAct(newKey(t), a); comity.CodeOf(err) != comity.CodeInvalid {
		t.Errorf("an act about a record of the wrong kind: %v", err)
	}
	p384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if _, err := statement.SignAct(p384, sampleAct()); err == nil {
		t.Error("a P-384 key signed an act")
	}
}

// The thumbprint of RFC 7638, section 3.1.
func TestThumbprint(t *testing.T) {
	const rfc = `{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}`
	k := statement.PublicJWK(newKey(t))
	if err := k.UnmarshalJSON([]byte(rfc)); err != nil {
		t.Fatal(err)
	}
	if got, err := statement.Thumbprint(k); err != nil || got != "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := statement.Thumbprint("no key"); err == nil {
		t.Error("a string has a thumbprint")
	}
}

func FuzzReadAct(f *testing.F) {
	key := newKey(f)
	compact, err := statement.SignAct(key, sampleAct())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(compact, []byte(`{"alg":"ES256"}`))
	f.Add("..", tokentest.Payload(f, compact))
	f.Add("", []byte(`{"union":"u","iat":1e400}`))
	f.Fuzz(func(t *testing.T, compact string, payload []byte) {
		if a, jkt, err := statement.ReadActAnytime(compact); err == nil && (a.Union == "" || !statement.IsThumbprint(jkt)) {
			t.Errorf("taken without union or key: %+v", a)
		}
		// What the key signs reaches the payload's parser, whatever it is.
		signed := tokentest.Forge(t, map[string]any{"alg": "ES256", "typ": statement.TypAct, "jwk": tokentest.JWK(t, key)}, payload, key)
		if a, _, err := statement.ReadActAnytime(signed); err == nil {
			if _, err := statement.SignAct(key, a); err != nil {
				t.Errorf("an act that was read cannot be signed: %v", err)
			}
		}
	})
}
