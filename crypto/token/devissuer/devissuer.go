// Package devissuer is a state's OpenID Connect issuer for development, tests
// and the demo: discovery, key set, and a token endpoint that gives a token
// bound to the caller's key (DPoP, RFC 9449) to whoever names a listed officer,
// without any password. It must never run in production; what verifies its
// tokens is the same code as there.
package devissuer

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token"
	"github.com/comity-platform/comity/crypto/token/devlogin"
)

// TokenLifetime is how long a token is valid.
const TokenLifetime = time.Hour

// keptKeys is how many keys the key set shows: the current one and the last,
// so that tokens issued before a rotation stay valid.
const keptKeys = 2

// Officer is one whom the issuer knows. Agency and role are claims: whether the
// issuer may make them is the manifest's word.
type Officer struct {
	Name      string // to log in by, as in "liaison@KZ"
	Subject   string
	Agency    comity.AgencyID
	Role      comity.Role
	Function  string
	Pseudonym string
}

// Config is what an issuer is made of.
type Config struct {
	State    comity.State
	URL      string // the issuer, as the state's manifest names it
	Union    string // the audience of its tokens
	Officers []Officer
	Now      func() time.Time // nil: time.Now
}

// Issuer is a development issuer, an [http.Handler] to be served at its URL.
// It is safe for concurrent use.
type Issuer struct {
	config Config
	mux    *http.ServeMux
	mu     sync.Mutex
	keys   []*ecdsa.PrivateKey // the current one first
}

// New makes an issuer with a fresh key.
func New(c Config) (*Issuer, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	for i, o := range c.Officers {
		if slices.ContainsFunc(c.Officers[:i], func(p Officer) bool { return p.Name == o.Name || p.Subject == o.Subject }) {
			return nil, fmt.Errorf("devissuer: the officer %q stands twice", o.Name)
		}
	}
	is := &Issuer{config: c, mux: http.NewServeMux()}
	if err := is.Rotate(); err != nil {
		return nil, err
	}
	is.mux.HandleFunc("GET /.well-known/openid-configuration", is.discovery)
	is.mux.HandleFunc("GET /jwks", is.jwks)
	is.mux.HandleFunc("POST /token", is.token)
	return is, nil
}

// URL is the issuer's URL.
func (is *Issuer) URL() string { return is.config.URL }

// Officers lists whom the issuer knows.
func (is *Issuer) Officers() []Officer { return slices.Clone(is.config.Officers) }

// Rotate makes a new signing key; the previous one stays in the key set until
// the next rotation.
func (is *Issuer) Rotate() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("devissuer: %w", err)
	}
	is.mu.Lock()
	defer is.mu.Unlock()
	is.keys = append([]*ecdsa.PrivateKey{key}, is.keys[:min(len(is.keys), keptKeys-1)]...)
	return nil
}

func (is *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) { is.mux.ServeHTTP(w, r) }

func (is *Issuer) endpoint(path string) string { return strings.TrimSuffix(is.config.URL, "/") + path }

func (is *Issuer) discovery(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{
		"issuer":                                is.config.URL,
		"jwks_uri":                              is.endpoint("/jwks"),
		"token_endpoint":                        is.endpoint("/token"),
		"grant_types_supported":                 []string{devlogin.GrantType},
		"response_types_supported":              []string{},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{string(jose.ES256)},
		"dpop_signing_alg_values_supported":     []string{string(jose.ES256)},
	})
}

func (is *Issuer) jwks(w http.ResponseWriter, _ *http.Request) {
	is.mu.Lock()
	keys := slices.Clone(is.keys)
	is.mu.Unlock()
	var set jose.JSONWebKeySet
	for _, key := range keys {
		public, err := publicJWK(key)
		if err != nil {
			refuse(w, http.StatusInternalServerError, "server_error", err.Error())
			return
		}
		set.Keys = append(set.Keys, public)
	}
	answer(w, http.StatusOK, set)
}

func publicJWK(key *ecdsa.PrivateKey) (jose.JSONWebKey, error) {
	kid, err := statement.Thumbprint(key)
	return jose.JSONWebKey{Key: key.Public(), KeyID: kid, Algorithm: string(jose.ES256), Use: "sig"}, err
}

// token is the token endpoint (RFC 6749, section 5; RFC 9449, section 5). A
// proof may be used twice here: all that a replay gives is a token of the same
// key, which is of no use without it.
func (is *Issuer) token(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	if err := r.ParseForm(); err != nil {
		refuse(w, http.StatusBadRequest, "invalid_request", "the form cannot be read: "+err.Error())
		return
	}
	if g := r.PostForm.Get("grant_type"); g != devlogin.GrantType {
		refuse(w, http.StatusBadRequest, "unsupported_grant_type", fmt.Sprintf("the grant_type is %q, wanted %q", g, devlogin.GrantType))
		return
	}
	proofs := r.Header.Values("DPoP")
	if len(proofs) != 1 {
		refuse(w, http.StatusBadRequest, "invalid_dpop_proof", "one DPoP header is wanted: the token is bound to the key that it shows")
		return
	}
	now := is.config.Now()
	jkt, _, err := token.ReadProof(proofs[0], http.MethodPost, is.endpoint("/token"), "", now)
	if err != nil {
		refuse(w, http.StatusBadRequest, "invalid_dpop_proof", err.Error())
		return
	}
	name := r.PostForm.Get("officer")
	i := slices.IndexFunc(is.config.Officers, func(o Officer) bool { return o.Name == name })
	if i < 0 {
		refuse(w, http.StatusBadRequest, "invalid_grant", fmt.Sprintf("%s knows no officer %q; it knows %s",
			is.config.State, name, strings.Join(is.names(), ", ")))
		return
	}
	signed, err := is.Issue(is.config.Officers[i], jkt, now)
	if err != nil {
		refuse(w, http.StatusInternalServerError, "server_error", err.Error())
		return
	}
	answer(w, http.StatusOK, map[string]any{
		"access_token": signed, "token_type": "DPoP", "expires_in": int(TokenLifetime.Seconds()),
	})
}

func (is *Issuer) names() []string {
	names := make([]string, len(is.config.Officers))
	for i, o := range is.config.Officers {
		names[i] = o.Name
	}
	return names
}

// Issue signs a token for any officer, listed or not, bound to a key's
// thumbprint: tests use it to claim what the manifest does not allow.
func (is *Issuer) Issue(o Officer, jkt string, now time.Time) (string, error) {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails since Go 1.24
	return is.Sign(map[string]any{
		"iss": is.config.URL, "sub": o.Subject, "aud": is.config.Union,
		"iat": now.Unix(), "exp": now.Add(TokenLifetime).Unix(),
		"jti":           base64.RawURLEncoding.EncodeToString(id[:]),
		"cnf":           map[string]string{"jkt": jkt},
		"comity_agency": o.Agency, "comity_role": o.Role,
		"comity_function": o.Function, "comity_pseudonym": o.Pseudonym,
	})
}

// Sign signs any claims as the issuer would.
func (is *Issuer) Sign(claims map[string]any) (string, error) {
	is.mu.Lock()
	key := is.keys[0]
	is.mu.Unlock()
	kid, err := statement.Thumbprint(key)
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: kid}},
		(&jose.SignerOptions{}).WithType("at+jwt"))
	if err != nil {
		return "", fmt.Errorf("devissuer: %w", err)
	}
	b, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("devissuer: %w", err)
	}
	signed, err := signer.Sign(b)
	if err != nil {
		return "", fmt.Errorf("devissuer: %w", err)
	}
	return signed.CompactSerialize()
}

func answer(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "the answer cannot be written", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(b) // the client went away: nobody is left to tell
}

func refuse(w http.ResponseWriter, status int, code, description string) {
	answer(w, status, map[string]string{"error": code, "error_description": description})
}
