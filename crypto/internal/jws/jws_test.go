package jws

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"encoding/json"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// A P-256 and an Ed25519 key of RFC 7515, appendix A.3, and RFC 8037, appendix A.
const (
	p256    = `{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"`
	ed25519 = `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"`
)

// FuzzIssuerKey holds the reader of issuers' keys to its word: what it takes is
// a public key that signs, and nothing that stood beside it.
func FuzzIssuerKey(f *testing.F) {
	modulus := strings.Repeat("_", 342) // 2052 bits
	for _, s := range []string{p256 + `,"kid":"k","use":"sig","alg":"ES256"}`, ed25519 + `}`, p256 + `,"x5c":["MIIB"],"x5u":"https://idp.example/c"}`,
		p256 + `,"d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}`, `{"kty":"RSA","e":"AQAB","n":"` + modulus + `"}`,
		`{"kty":"RSA","e":"AQAB","n":"` + modulus[:171] + `"}`, `{"kty":"RSA","e":"","n":"` + modulus + `"}`, `{"kty":"oct","k":"AAAA"}`,
		`{"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"}`, `{"kty":"OKP","crv":"X25519","x":"AAAA"}`, p256 + `,"kid":1}`, `[]`, `null`, ``} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		key, err := IssuerKey(b)
		if err != nil {
			if key.Key != nil {
				t.Fatalf("a refused key is given: %v", err)
			}
			return
		}
		if !key.IsPublic() || !key.Valid() || len(key.Certificates) > 0 || key.CertificatesURL != nil {
			t.Fatalf("taken: %+v", key)
		}
		if k, ok := key.Key.(*rsa.PublicKey); ok && k.N.BitLen() < minRSA {
			t.Fatalf("an RSA key of %d bits is taken", k.N.BitLen())
		}
		again, err := IssuerKey(rewritten(t, key))
		if err != nil || again.KeyID != key.KeyID || again.Use != key.Use || again.Algorithm != key.Algorithm || !bytes.Equal(print(t, again), print(t, key)) {
			t.Fatalf("read anew it is %+v, %v", again, err)
		}
	})
}

func rewritten(t *testing.T, key jose.JSONWebKey) []byte {
	t.Helper()
	b, err := key.MarshalJSON()
	if err != nil {
		t.Fatalf("it cannot be written: %v", err)
	}
	return b
}

func print(t *testing.T, key jose.JSONWebKey) []byte {
	t.Helper()
	b, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		t.Fatalf("it has no thumbprint: %v", err)
	}
	return b
}

// FuzzDecode: both readers of JSON take no more than the standard library does,
// no name twice, and the strict one no more than the open one.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{"issuer":"https://idp.example","jwks_uri":"https://idp.example/keys","extra":[1]}`, `{"issuer":"a","issuer":"b"}`, `{"Issuer":"a"}`,
		`{"issuer":"a"} {}`, `{"issuer":"\ud800"}`, "{\"issuer\":\"\xff\"}", `{"issuer":null}`, `{"keys":[{},{"kid":1}]}`, `[]`, `null`, ``} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		type document struct {
			Issuer string `json:"issuer"`
			JWKS   string `json:"jwks_uri"`
		}
		var open, strict document
		err := DecodeOpen(b, &open)
		if Decode(b, &strict) == nil && (err != nil || open != strict) {
			t.Fatalf("the strict reader takes %+v, the open one %+v, %v", strict, open, err)
		}
		if err != nil {
			return
		}
		if !json.Valid(b) {
			t.Fatal("what is no JSON is taken")
		}
		var names map[string]json.RawMessage
		if err := json.Unmarshal(b, &names); err != nil {
			t.Fatalf("what is no object is taken: %v", err)
		}
		var issuer string
		if raw, ok := names["issuer"]; ok && (json.Unmarshal(raw, &issuer) != nil || issuer != open.Issuer) || !ok && open.Issuer != "" {
			t.Fatalf("the issuer is read as %q", open.Issuer)
		}
	})
}
