package statement

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"
	"github.com/gowebpki/jcs"

	"github.com/comity-platform/comity/crypto/internal/jws"
)

// Sizes above which a signed thing is not even parsed, in bytes.
const (
	maxManifest = 256 << 10
	maxOther    = 64 << 10
)

// algorithms are those of everything that a state or the exchange's own
// vocabulary signs.
var algorithms = []jose.SignatureAlgorithm{jose.ES256, jose.EdDSA}

// Canonical gives the canonical JSON of v (RFC 8785, JSON Canonicalization
// Scheme). Numbers are IEEE doubles there: integers beyond 2^53 lose digits.
func Canonical(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("statement: canonical JSON: %w", err)
	}
	if b, err = jcs.Transform(b); err != nil {
		return nil, fmt.Errorf("statement: canonical JSON: %w", err)
	}
	return b, nil
}

// BodyHash gives the hex SHA-256 of an act's body and the canonical bytes that
// it is of.
func BodyHash(body any) (string, []byte, error) {
	b, err := Canonical(body)
	if err != nil {
		return "", nil, err
	}
	return hash(b), b, nil
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// ActHash names a signed act, as [SealedKey.Act] does: the hex SHA-256 of its JWS.
func ActHash(act string) string { return hash([]byte(act)) }

// NewKey makes a P-256 key: an officer's session key, or a state's key in memory.
func NewKey() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

// Thumbprint is the RFC 7638 SHA-256 thumbprint, base64url, of a key (public or
// private, plain or a JWK).
func Thumbprint(pub any) (string, error) {
	k := PublicJWK(pub)
	sum, err := k.Thumbprint(crypto.SHA256)
	if err != nil {
		return "", fmt.Errorf("statement: thumbprint: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(sum), nil
}

// PublicJWK gives the public JWK of a key (public or private, plain or a JWK),
// without kid and alg unless it is a JWK that has them. A key of an unknown
// kind gives a JWK that is not Valid.
func PublicJWK(pub any) jose.JSONWebKey {
	switch k := pub.(type) {
	case jose.JSONWebKey:
		return k.Public()
	case *jose.JSONWebKey:
		return k.Public()
	case crypto.Signer:
		return jose.JSONWebKey{Key: k.Public()}
	}
	return jose.JSONWebKey{Key: pub}
}

// ParsePublicKey reads a public JWK from outside: P-256 or Ed25519, no private
// parts, no certificates. It is the form of statement keys and roots.
func ParsePublicKey(b []byte) (jose.JSONWebKey, error) {
	key, err := jws.PublicKey(b)
	if err != nil {
		return jose.JSONWebKey{}, err
	}
	alg, err := algorithmOf(key.Key)
	if err != nil {
		return jose.JSONWebKey{}, err
	}
	if key.Algorithm != "" && key.Algorithm != string(alg) {
		return jose.JSONWebKey{}, fmt.Errorf("its alg is %s, yet the key is one for %s", key.Algorithm, alg)
	}
	return key, nil
}

// algorithmOf gives the one algorithm of ours that a public key is for.
func algorithmOf(pub any) (jose.SignatureAlgorithm, error) {
	switch k := pub.(type) {
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() {
			return jose.ES256, nil
		}
	case ed25519.PublicKey:
		return jose.EdDSA, nil
	}
	return "", errors.New("the key is neither P-256 nor Ed25519")
}

// Signer signs for a state: its statement key or its root, in memory, in a file
// or behind Vault's transit.
type Signer interface {
	KeyID() string
	Algorithm() jose.SignatureAlgorithm // ES256 or EdDSA
	Public() jose.JSONWebKey
	// Sign gives the raw JWS signature of the signing input (RFC 7515, section
	// 5.1): r||s for ES256, 64 bytes for EdDSA.
	Sign(ctx context.Context, input []byte) ([]byte, error)
}

// NewSoftSigner is a [Signer] over a P-256 or Ed25519 key in memory. An empty
// kid stands for the key's thumbprint.
func NewSoftSigner(key crypto.Signer, kid string) (Signer, error) {
	alg, err := algorithmOf(key.Public())
	if err != nil {
		return nil, fmt.Errorf("statement: %w", err)
	}
	if kid == "" {
		if kid, err = Thumbprint(key.Public()); err != nil {
			return nil, err
		}
	}
	return &softSigner{key: key, public: jose.JSONWebKey{Key: key.Public(), KeyID: kid, Algorithm: string(alg), Use: "sig"}}, nil
}

type softSigner struct {
	key    crypto.Signer
	public jose.JSONWebKey
}

func (s *softSigner) KeyID() string { return s.public.KeyID }
func (s *softSigner) Algorithm() jose.SignatureAlgorithm {
	return jose.SignatureAlgorithm(s.public.Algorithm)
}
func (s *softSigner) Public() jose.JSONWebKey { return s.public }

func (s *softSigner) Sign(_ context.Context, input []byte) ([]byte, error) {
	if s.Algorithm() == jose.EdDSA {
		return s.key.Sign(rand.Reader, input, crypto.Hash(0))
	}
	return jws.SignES256(s.key, input)
}

// Sign makes a compact JWS with the given typ over the canonical JSON of
// payload. Canonical bytes keep a statement's embedded body byte for byte.
func Sign(ctx context.Context, s Signer, typ string, payload any) (string, error) {
	b, err := Canonical(payload)
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: s.Algorithm(), Key: opaque{ctx, s}},
		(&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
	if err != nil {
		return "", fmt.Errorf("statement: sign %s: %w", typ, err)
	}
	signed, err := signer.Sign(b)
	if err != nil {
		return "", fmt.Errorf("statement: sign %s: %w", typ, err)
	}
	return signed.CompactSerialize()
}

// opaque gives a [Signer] to go-jose, whose own interface knows no context.
type opaque struct {
	ctx context.Context
	s   Signer
}

func (o opaque) Public() *jose.JSONWebKey {
	k := o.s.Public()
	k.KeyID = o.s.KeyID()
	return &k
}

func (o opaque) Algs() []jose.SignatureAlgorithm { return []jose.SignatureAlgorithm{o.s.Algorithm()} }

func (o opaque) SignPayload(payload []byte, _ jose.SignatureAlgorithm) ([]byte, error) {
	return o.s.Sign(o.ctx, payload)
}
