package token

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/internal/jws"
	"github.com/comity-platform/comity/crypto/statement"
)

// TypProof is the typ of a proof of possession (RFC 9449, section 4.2).
const TypProof = "dpop+jwt"

const maxProof = 8 << 10

// proofClaims are the claims of a proof (RFC 9449, section 4.2).
type proofClaims struct {
	ID       string `json:"jti"`
	Method   string `json:"htm"`
	URL      string `json:"htu"`
	IssuedAt number `json:"iat"`
	Token    string `json:"ath,omitempty"`
}

// Proof makes the DPoP header of one request: method and URL (its query and
// fragment do not count), signed by the session key (P-256) at the instant now.
// An empty token is for the issuer's token endpoint, where there is none yet.
func Proof(key crypto.Signer, method, rawURL, token string, now time.Time) (string, error) {
	htu, err := normal(rawURL)
	if err != nil {
		return "", fmt.Errorf("token: proof: %w", err)
	}
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails since Go 1.24
	claims := proofClaims{ID: base64.RawURLEncoding.EncodeToString(id[:]), Method: method, URL: htu, IssuedAt: number(now.Unix())}
	if token != "" {
		claims.Token = tokenHash(token)
	}
	b, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("token: proof: %w", err)
	}
	signed, err := jws.SignEmbedded(key, TypProof, b)
	if err != nil {
		return "", fmt.Errorf("token: proof: %w", err)
	}
	return signed, nil
}

// ReadProof verifies a proof for one request: by the key that it carries, for
// this method, URL and token, made within [statement.Freshness] of now. It gives
// the key's thumbprint and the proof's id, by which a replay is told. An empty
// token wants a proof without one. Errors are UNAUTHENTICATED.
func ReadProof(proof, method, rawURL, token string, now time.Time) (jkt, id string, err error) {
	p, err := sessions{}.readProof(proof, method, rawURL, token, now)
	return p.jkt, p.id, err
}

// shown is what a proof that holds tells.
type shown struct {
	jkt, id string
	issued  number
}

func (s sessions) readProof(proof, method, rawURL, token string, now time.Time) (shown, error) {
	payload, jkt, err := s.verify(proof)
	if err != nil {
		return shown{}, refuseFor(invalidProof, "the DPoP proof is not valid", err)
	}
	var c proofClaims
	if err := jws.DecodeOpen(payload, &c); err != nil {
		return shown{}, refuseFor(invalidProof, "the DPoP proof is not valid", err)
	}
	want, err := normal(rawURL)
	if err != nil {
		return shown{}, fmt.Errorf("token: proof: %w", err)
	}
	got, err := normal(c.URL)
	switch {
	case err != nil:
		return shown{}, refuseFor(invalidProof, "the DPoP proof's htu", err)
	case len(c.ID) < 8 || len(c.ID) > 128:
		return shown{}, refuse(invalidProof, "the DPoP proof's jti is not of 8 to 128 characters")
	case c.Method != method:
		return shown{}, refuse(invalidProof, "the DPoP proof is for the method %.20q, the request is a %s", c.Method, method)
	case got != want:
		return shown{}, refuse(invalidProof, "the DPoP proof is for %.200s, the request went to %s", got, want)
	case token == "" && c.Token != "":
		return shown{}, refuse(invalidProof, "the DPoP proof names a token (ath) where there is none")
	case token != "" && c.Token != tokenHash(token):
		return shown{}, refuse(invalidProof, "the DPoP proof is not for this token (ath)")
	}
	if err := statement.CheckFresh("the DPoP proof", int64(c.IssuedAt), now); err != nil {
		return shown{}, comity.Unauthenticated(err.Error(), &fault{code: invalidProof})
	}
	return shown{jkt: jkt, id: c.ID, issued: c.IssuedAt}, nil
}

func tokenHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// normal is an http(s) URL without query and fragment, normalised by RFC 3986,
// sections 6.2.2 and 6.2.3, as RFC 9449 compares htu.
func normal(raw string) (string, error) {
	if len(raw) > 2048 {
		return "", errors.New("the URL is too long")
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil {
		return "", errors.New("it is not an absolute URL")
	}
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	switch scheme {
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "http":
		host = strings.TrimSuffix(host, ":80")
	default:
		return "", errors.New("it is not an http URL")
	}
	host = strings.TrimSuffix(host, ":")
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	return scheme + "://" + host + path, nil
}
