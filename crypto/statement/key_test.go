package statement_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"encoding/json"
	"testing"

	"github.com/comity-platform/comity/crypto/statement"
)

// FuzzParsePublicKey: what is taken as a recipient, a statement key or a root
// is a P-256 or Ed25519 key with nothing secret beside it, and stays the same
// when it is written and read again.
func FuzzParsePublicKey(f *testing.F) {
	key, err := statement.NewKey()
	if err != nil {
		f.Fatal(err)
	}
	own, err := json.Marshal(statement.PublicJWK(&key.PublicKey))
	if err != nil {
		f.Fatal(err)
	}
	const p256 = `{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"`
	for _, s := range []string{string(own), p256 + `}`, p256 + `,"kid":"k","use":"sig","alg":"ES256","key_ops":["verify"],"ext":true}`, p256 + `,"alg":"EdDSA"}`,
		p256 + `,"d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}`, p256 + `,"D":"AAAA"}`, p256 + `,"use":"enc"}`, p256 + `,"x5c":[]}`, p256 + `,"x":"AAAA"}`,
		`{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`, `{"kty":"OKP","crv":"Ed25519","x":"AAAA"}`,
		`{"kty":"EC","crv":"P-384","x":"AAAA","y":"AAAA"}`, `{"kty":"RSA","n":"AQAB","e":"AQAB"}`, `{"kty":"oct","k":"AAAA"}`, `null`, `[]`, ``} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		key, err := statement.ParsePublicKey(b)
		if err != nil {
			if key.Key != nil {
				t.Fatalf("a refused key is given: %v", err)
			}
			return
		}
		switch k := key.Key.(type) {
		case *ecdsa.PublicKey:
			if _, err := k.ECDH(); k.Curve != elliptic.P256() || err != nil {
				t.Fatalf("taken: a key of %s, %v", k.Curve.Params().Name, err)
			}
		case ed25519.PublicKey:
			if len(k) != ed25519.PublicKeySize {
				t.Fatalf("taken: %d bytes", len(k))
			}
		default:
			t.Fatalf("taken: a %T", k)
		}
		if key.Use != "" && key.Use != "sig" || len(key.Certificates) > 0 {
			t.Fatalf("taken: %+v", key)
		}
		one, err := statement.Thumbprint(key.Key)
		if err != nil {
			t.Fatal(err)
		}
		written, err := key.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		again, err := statement.ParsePublicKey(written)
		if err != nil {
			t.Fatalf("%s is not read again: %v", written, err)
		}
		if two, err := statement.Thumbprint(again.Key); err != nil || one != two {
			t.Fatalf("%s is another key when read again: %v", written, err)
		}
	})
}
