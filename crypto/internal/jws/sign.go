package jws

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// SignES256 gives the raw JWS signature r||s (RFC 7518, section 3.4) of input
// by a P-256 key that may live in hardware.
func SignES256(key crypto.Signer, input []byte) ([]byte, error) {
	digest := sha256.Sum256(input)
	der, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return nil, err
	}
	var sig struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(der, &sig); err != nil || len(rest) > 0 {
		return nil, errors.New("the key gave no ECDSA signature")
	}
	raw := make([]byte, 64)
	sig.R.FillBytes(raw[:32])
	sig.S.FillBytes(raw[32:])
	return raw, nil
}

// SignEmbedded makes a compact ES256 JWS whose header carries the public half
// of the P-256 key that signed it: an officer's act or a proof of possession.
func SignEmbedded(key crypto.Signer, typ string, payload []byte) (string, error) {
	if pub, ok := key.Public().(*ecdsa.PublicKey); !ok || pub.Curve != elliptic.P256() {
		return "", errors.New("a session key is a P-256 key")
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: session{key}},
		(&jose.SignerOptions{EmbedJWK: true}).WithType(jose.ContentType(typ)))
	if err != nil {
		return "", fmt.Errorf("sign %s: %w", typ, err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("sign %s: %w", typ, err)
	}
	return signed.CompactSerialize()
}

// VerifyEmbedded parses a JWS that carries its own P-256 key, and gives the
// payload that this very key signed, with the key.
func VerifyEmbedded(compact, typ string, limit int) ([]byte, jose.JSONWebKey, error) {
	m, err := Parse(compact, Rule{Limit: limit, Types: []string{typ},
		Algorithms: []jose.SignatureAlgorithm{jose.ES256}, Headers: []string{"alg", "typ", "jwk"}})
	if err != nil {
		return nil, jose.JSONWebKey{}, err
	}
	if m.JWK == nil {
		return nil, jose.JSONWebKey{}, errors.New("its header does not carry the key that signed it")
	}
	if pub, ok := m.JWK.Key.(*ecdsa.PublicKey); !ok || pub.Curve != elliptic.P256() {
		return nil, jose.JSONWebKey{}, errors.New("its embedded key is not a P-256 key")
	}
	payload, err := m.Verify(*m.JWK)
	return payload, *m.JWK, err
}

// session is a session key as go-jose wants it.
type session struct{ key crypto.Signer }

func (s session) Public() *jose.JSONWebKey        { return &jose.JSONWebKey{Key: s.key.Public()} }
func (s session) Algs() []jose.SignatureAlgorithm { return []jose.SignatureAlgorithm{jose.ES256} }

func (s session) SignPayload(payload []byte, _ jose.SignatureAlgorithm) ([]byte, error) {
	return SignES256(s.key, payload)
}

// VerifyAgain gives the payload of a JWS whose header is, byte for byte, that of
// another which [VerifyEmbedded] found to be signed by this P-256 key. It reports
// false for whatever VerifyEmbedded is to say what is wrong with.
func VerifyAgain(compact string, key *ecdsa.PublicKey, limit int) (payload []byte, ok bool) {
	segments := strings.Split(compact, ".")
	if len(compact) > limit || len(segments) != 3 {
		return nil, false
	}
	payload, first := canonical(segments[1])
	signature, second := canonical(segments[2])
	if !first || !second || len(signature) != 64 {
		return nil, false
	}
	digest := sha256.Sum256([]byte(compact[:len(segments[0])+1+len(segments[1])]))
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	return payload, ecdsa.Verify(key, digest[:], r, s)
}
