// Package jws reads compact JWS (RFC 7515) and public JWK (RFC 7517) from
// outside, more narrowly than go-jose does: one serialization, listed
// algorithms, listed types, no critical extensions, JSON without duplicate
// members. Signatures themselves are checked by go-jose, but for those of session keys
// that are met again and again.
package jws

import (
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Rule is what a JWS must be before its signature is looked at.
type Rule struct {
	Limit      int                       // most bytes of the compact form
	Types      []string                  // accepted typ, without the "application/" that RFC 7515 lets one omit
	Algorithms []jose.SignatureAlgorithm // accepted alg
	// Headers lists every header name that may stand; nil lets any stand that
	// is not critical, which issuers' own tokens need. Only a jwk that is
	// listed here is ever read.
	Headers []string
}

// Message is a JWS that follows its rule and whose signature is not yet checked.
type Message struct {
	KeyID     string
	Algorithm jose.SignatureAlgorithm
	JWK       *jose.JSONWebKey // the embedded key, nil unless the rule lists "jwk" and it stands
	parsed    *jose.JSONWebSignature
}

// Parse reads a compact JWS by a rule.
func Parse(compact string, r Rule) (*Message, error) {
	if len(compact) > r.Limit {
		return nil, fmt.Errorf("it is longer than %d bytes", r.Limit)
	}
	segments := strings.Split(compact, ".")
	if len(segments) != 3 {
		return nil, errors.New("it is not a JWS in compact form")
	}
	var header []byte
	for i, s := range segments {
		b, ok := canonical(s)
		if !ok {
			return nil, errors.New("it is not canonical base64url")
		}
		if i == 0 {
			header = b
		}
	}
	var names map[string]jsontext.Value
	if err := json.Unmarshal(header, &names); err != nil {
		return nil, fmt.Errorf("its header is not a plain JSON object: %w", err)
	}
	for name := range names {
		switch {
		case name == "crit" || name == "b64":
			return nil, fmt.Errorf("its header asks for the extension %q, and none is supported", name)
		case r.Headers != nil && !slices.Contains(r.Headers, name):
			return nil, fmt.Errorf("its header has %q, which does not belong there", name)
		}
	}
	m := &Message{}
	for name, to := range map[string]*string{"kid": &m.KeyID, "alg": (*string)(&m.Algorithm)} {
		if v, ok := names[name]; ok {
			if err := json.Unmarshal(v, to); err != nil {
				return nil, fmt.Errorf("its header's %s is not a string", name)
			}
		}
	}
	var typ string
	if err := json.Unmarshal(names["typ"], &typ); err != nil || !typed(typ, r.Types) {
		return nil, fmt.Errorf("its typ is %s, wanted %q", shown(names["typ"]), strings.Join(r.Types, " or "))
	}
	if !slices.Contains(r.Algorithms, m.Algorithm) {
		return nil, fmt.Errorf("its algorithm %q is not one of %v", m.Algorithm, r.Algorithms)
	}
	if v, ok := names["jwk"]; ok && slices.Contains(r.Headers, "jwk") {
		key, err := PublicKey(v)
		if err != nil {
			return nil, fmt.Errorf("its embedded key: %w", err)
		}
		m.JWK = &key
	}
	var err error
	if m.parsed, err = jose.ParseSignedCompact(compact, r.Algorithms); err != nil {
		return nil, err
	}
	return m, nil
}

// canonical decodes base64url. Re-encoding refuses a second spelling of the same bytes
// (line breaks, unused bits), so that a JWS has one text and one hash.
func canonical(s string) ([]byte, bool) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	return b, err == nil && base64.RawURLEncoding.EncodeToString(b) == s
}

// typed compares media types as RFC 7515, section 4.1.9, does.
func typed(typ string, want []string) bool {
	typ = strings.ToLower(typ)
	return slices.Contains(want, strings.TrimPrefix(typ, "application/"))
}

func shown(v jsontext.Value) string {
	if len(v) == 0 {
		return "missing"
	}
	return fmt.Sprintf("%.60s", v)
}

// Verify gives the payload when the signature is the key's.
func (m *Message) Verify(key jose.JSONWebKey) ([]byte, error) {
	if key.Algorithm != "" && key.Algorithm != string(m.Algorithm) {
		return nil, fmt.Errorf("the key %q is for %s, not for %s", key.KeyID, key.Algorithm, m.Algorithm)
	}
	if !key.IsPublic() {
		return nil, errors.New("the key is not a public one")
	}
	b, err := m.parsed.Verify(key.Key)
	if err != nil {
		return nil, errors.New("its signature is not that of the key")
	}
	return b, nil
}

// Peek reads single members of the payload before the signature is checked,
// only to find by which key it must be checked.
func (m *Message) Peek(to any) error {
	return json.Unmarshal(m.parsed.UnsafePayloadWithoutVerification(), to)
}

// Decode reads JSON of our own making: no unknown or duplicate members, no
// bytes after the end, names in exact case, valid UTF-8.
func Decode(b []byte, to any) error {
	return json.Unmarshal(b, to, json.RejectUnknownMembers(true))
}

// DecodeOpen is [Decode] for JSON of others, which may have members that we do
// not know.
func DecodeOpen(b []byte, to any) error { return json.Unmarshal(b, to) }

// PublicKey reads a public JWK of our own people and refuses one with private
// parts, a certificate, or anything else that does not belong there.
func PublicKey(b []byte) (jose.JSONWebKey, error) {
	var members map[string]jsontext.Value
	if err := json.Unmarshal(b, &members); err != nil {
		return jose.JSONWebKey{}, fmt.Errorf("not a JWK: %w", err)
	}
	for name := range members {
		switch name {
		case "kty", "crv", "x", "y", "kid", "alg", "use", "key_ops", "ext":
		case "d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv":
			return jose.JSONWebKey{}, errors.New("it is a private or secret key, which must never be shown: replace it")
		default:
			return jose.JSONWebKey{}, fmt.Errorf("a JWK with %q is not taken", name)
		}
	}
	key, err := IssuerKey(b)
	if err != nil {
		return jose.JSONWebKey{}, err
	}
	if key.Use != "" && key.Use != "sig" {
		return jose.JSONWebKey{}, fmt.Errorf("its use is %q, wanted \"sig\"", key.Use)
	}
	return key, nil
}

// minRSA is the least size of an issuer's RSA key, in bits (RFC 7518, section 3.3).
const minRSA = 2048

// IssuerKey reads a public JWK as issuers publish them: certificates beside the
// key are neither trusted nor kept.
func IssuerKey(b []byte) (jose.JSONWebKey, error) {
	var key jose.JSONWebKey
	if err := key.UnmarshalJSON(b); err != nil {
		return jose.JSONWebKey{}, fmt.Errorf("not a JWK: %w", err)
	}
	if !key.Valid() || !key.IsPublic() {
		return jose.JSONWebKey{}, errors.New("not a public key")
	}
	if k, ok := key.Key.(*rsa.PublicKey); ok && k.N.BitLen() < minRSA {
		return jose.JSONWebKey{}, fmt.Errorf("an RSA key of less than %d bits", minRSA)
	}
	return jose.JSONWebKey{Key: key.Key, KeyID: key.KeyID, Algorithm: key.Algorithm, Use: key.Use}, nil
}
