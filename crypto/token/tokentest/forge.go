package tokentest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256" // for crypto.SHA256
	_ "crypto/sha512" // for crypto.SHA384
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/comity-platform/comity/crypto/statement"
)

// Forge makes a compact JWS with any header, rightly signed by key, which is
// what an attacker with a key of their own can make. A []byte key signs with
// HMAC (HS256), nil leaves the signature empty (none).
func Forge(t testing.TB, header map[string]any, payload []byte, key any) string {
	t.Helper()
	h, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	return ForgeRaw(t, h, payload, key)
}

// ForgeRaw is [Forge] with the header's bytes as they are.
func ForgeRaw(t testing.TB, header, payload []byte, key any) string {
	t.Helper()
	input := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(payload)
	var sig []byte
	var err error
	switch k := key.(type) {
	case nil:
	case []byte:
		mac := hmac.New(crypto.SHA256.New, k)
		mac.Write([]byte(input))
		sig = mac.Sum(nil)
	case ed25519.PrivateKey:
		sig = ed25519.Sign(k, []byte(input))
	case *rsa.PrivateKey:
		sig, err = rsa.SignPKCS1v15(rand.Reader, k, crypto.SHA256, digest(crypto.SHA256, input))
	case *ecdsa.PrivateKey:
		hash, size := crypto.SHA256, (k.Params().BitSize+7)/8
		if size == 48 {
			hash = crypto.SHA384
		}
		r, s, signErr := ecdsa.Sign(rand.Reader, k, digest(hash, input))
		sig, err = make([]byte, 2*size), signErr
		if err == nil {
			r.FillBytes(sig[:size])
			s.FillBytes(sig[size:])
		}
	default:
		t.Fatalf("a key of the kind %T", key)
	}
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(sig)
}

func digest(h crypto.Hash, s string) []byte {
	d := h.New()
	d.Write([]byte(s))
	return d.Sum(nil)
}

// JWK is the public JWK of a key as a header carries it.
func JWK(t testing.TB, key any) json.RawMessage {
	t.Helper()
	return must(json.Marshal(statement.PublicJWK(key)))(t)
}

// Payload gives the payload of a compact JWS, unverified.
func Payload(t testing.TB, compact string) []byte { return segment(t, compact, 1) }

// Header gives the protected header of a compact JWS, unverified.
func Header(t testing.TB, compact string) map[string]any {
	t.Helper()
	var h map[string]any
	if err := json.Unmarshal(segment(t, compact, 0), &h); err != nil {
		t.Fatal(err)
	}
	return h
}

func segment(t testing.TB, compact string, i int) []byte {
	t.Helper()
	parts := strings.Split(compact, ".")
	if len(parts) != 3 {
		t.Fatal("not a compact JWS")
	}
	return must(base64.RawURLEncoding.DecodeString(parts[i]))(t)
}
