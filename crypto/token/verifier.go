package token

import (
	"context"
	"crypto/sha256"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/internal/jws"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/internal/bounded"
)

// Limits of a token.
const (
	Skew        = 30 * time.Second // between the issuer's clock and ours
	MaxLifetime = 12 * time.Hour   // of a token, from iat to exp
	maxToken    = 16 << 10         // bytes
	maxFunction = 100              // characters
)

// types of a token: RFC 9068's access token, or a plain JWT. One without typ
// could be anything that the issuer signs.
var types = []string{"at+jwt", "jwt"}

// Identity is an officer whose token was verified.
type Identity struct {
	Officer comity.Officer
	JKT     string // thumbprint of the session key that the token is bound to
	ID      string // of the token (jti)
	Expires time.Time
	Token   string // as received, for the custodian, which verifies it anew; never logged
	Proof   string // id of the proof that the request came with (jti), "" where none was asked for
}

// Options are what a [Verifier] is made of besides the directory.
type Options struct {
	HTTP *http.Client     // for issuers; nil: a plain client
	Now  func() time.Time // nil: time.Now
	// Development lets an issuer on this machine itself be reached over plain
	// HTTP. Everything else is checked alike.
	Development bool
}

// Verifier verifies tokens. It is safe for concurrent use.
type Verifier struct {
	directory *statement.Directory
	issuers   *issuers
	replays   *replays
	verified  *verifieds
	sessions  sessions
	now       func() time.Time
	started   number // in whole seconds, as proofs are dated
}

// NewVerifier makes a verifier of the tokens of a union's officers.
func NewVerifier(d *statement.Directory, o Options) *Verifier {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Verifier{directory: d, issuers: newIssuers(o), replays: newReplays(), verified: &verifieds{Most: maxVerified},
		sessions: sessions{&bounded.Map[string, session]{Most: maxSessions}}, now: o.Now, started: number(o.Now().Unix())}
}

// Now is the clock that tokens are judged by.
func (v *Verifier) Now() time.Time { return v.now() }

// claims are those of a token that matter here; an issuer may add others.
type claims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  audience `json:"aud"`
	Expires   number   `json:"exp"`
	IssuedAt  number   `json:"iat"`
	NotBefore number   `json:"nbf"`
	ID        string   `json:"jti"`
	Confirm   struct {
		JKT string `json:"jkt"`
	} `json:"cnf"`
	Agency    comity.AgencyID `json:"comity_agency"`
	Role      comity.Role     `json:"comity_role"`
	Function  string          `json:"comity_function"`
	Pseudonym string          `json:"comity_pseudonym"`
}

// audience is one string or a list of them (RFC 7519, section 4.1.3).
type audience []string

func (a *audience) UnmarshalJSON(b []byte) error {
	if jsontext.Value(b).Kind() == '"' {
		*a = make(audience, 1)
		return json.Unmarshal(b, &(*a)[0])
	}
	return json.Unmarshal(b, (*[]string)(a))
}

// Verify tells whose token this is; that the asker holds its key is not shown
// by it (see [Verifier.VerifyRequest], or the signed act at a custodian). Errors
// are UNAUTHENTICATED, or UNAVAILABLE when the issuer's keys cannot be got.
func (v *Verifier) Verify(ctx context.Context, token string) (Identity, error) {
	hash := sha256.Sum256([]byte(token))
	d, known := v.verified.Get(hash)
	var message *jws.Message
	read := func() (err error) {
		message, err = jws.Parse(token, jws.Rule{Limit: maxToken, Types: types, Algorithms: statement.IssuerAlgorithms})
		return err
	}
	if !known {
		if err := read(); err != nil {
			return Identity{}, refuseFor(invalidToken, "the token is not valid", err)
		}
		var claim struct {
			Issuer string `json:"iss"`
		}
		if err := message.Peek(&claim); err != nil {
			return Identity{}, refuseFor(invalidToken, "the token is not valid", err)
		}
		d = verified{algorithm: message.Algorithm, keyID: message.KeyID, claims: claims{Issuer: claim.Issuer}}
	}
	state, issuer, err := v.directory.IssuerOf(d.claims.Issuer)
	if err != nil {
		return Identity{}, refuseFor(invalidToken, "the token's issuer is not accepted", err)
	}
	if !slices.Contains(issuer.Algorithms, string(d.algorithm)) {
		return Identity{}, refuse(invalidToken, "the token is signed with %s, and the manifest of %s lets its issuer use %v only",
			d.algorithm, state, issuer.Algorithms)
	}
	if d.keyID == "" {
		return Identity{}, refuse(invalidToken, "the token does not name its key (kid)")
	}
	key, err := v.issuers.key(ctx, state, issuer.URL, d.keyID)
	if err != nil {
		return Identity{}, err
	}
	checked := known && d.holds(key)
	if !checked {
		if known {
			err = read()
		}
		var payload []byte
		if err == nil {
			payload, err = message.Verify(key)
		}
		if err != nil {
			return Identity{}, refuseFor(invalidToken, "the token is not valid", err)
		}
		d.key, d.claims = key, claims{}
		if err := jws.DecodeOpen(payload, &d.claims); err != nil {
			return Identity{}, refuseFor(invalidToken, "the token's claims", err)
		}
	}
	if err := d.claims.check(v.directory.Union(), v.now()); err != nil {
		return Identity{}, err
	}
	officer, err := d.claims.officer(state, issuer)
	if err != nil {
		return Identity{}, err
	}
	if !checked {
		v.verified.Put(hash, d)
	}
	return Identity{Officer: officer, JKT: d.claims.Confirm.JKT, ID: d.claims.ID, Expires: d.claims.Expires.time(), Token: token}, nil
}

// check judges the claims that are about the token.
func (c claims) check(union string, now time.Time) error {
	switch {
	case !slices.Contains(c.Audience, union):
		return refuse(invalidToken, "the token is for %.200q, not for the union %q", []string(c.Audience), union)
	case c.Expires == 0 || c.IssuedAt == 0:
		return refuse(invalidToken, "the token says not when it was issued (iat) and expires (exp)")
	case !now.Before(c.Expires.time().Add(Skew)):
		return refuse(invalidToken, "the token expired at %s: log in again", c.Expires.time().UTC().Format(time.RFC3339))
	case c.IssuedAt.time().After(now.Add(Skew)) || c.NotBefore.time().After(now.Add(Skew)):
		return refuse(invalidToken, "the token is not valid yet: the issuer's clock or this server's (%s) is off", now.UTC().Format(time.RFC3339))
	case c.Expires.time().Sub(c.IssuedAt.time()) > MaxLifetime:
		return refuse(invalidToken, "the token is valid for longer than %s", MaxLifetime)
	case c.ID == "" || len(c.ID) > 255:
		return refuse(invalidToken, "the token has no id (jti)")
	case !statement.IsThumbprint(c.Confirm.JKT):
		return refuse(invalidToken, "the token is not bound to a key (cnf.jkt): the issuer must issue DPoP-bound tokens")
	}
	return nil
}

// officer maps the claims to who asks, within what the manifest lets the issuer say.
func (c claims) officer(state comity.State, issuer statement.Issuer) (comity.Officer, error) {
	o := comity.Officer{Issuer: issuer.URL, Subject: c.Subject, State: state, Agency: c.Agency, Role: c.Role,
		Function: c.Function, Pseudonym: c.Pseudonym}
	i := slices.IndexFunc(issuer.Agencies, func(s statement.IssuerScope) bool { return s.Agency == c.Agency })
	switch {
	case c.Subject == "" || len(c.Subject) > 255:
		return comity.Officer{}, refuse(invalidToken, "the token names no subject (sub)")
	case i < 0:
		return comity.Officer{}, refuse(invalidToken, "the token's agency %.80q (comity_agency) is not one that the manifest of %s lets %s speak for",
			c.Agency, state, issuer.URL)
	case !slices.Contains(issuer.Agencies[i].Roles, c.Role):
		return comity.Officer{}, refuse(invalidToken, "the token's role %.40q (comity_role) is not one that the manifest of %s lets %s give in %s",
			c.Role, state, issuer.URL, c.Agency)
	case !o.Ref().Valid():
		return comity.Officer{}, refuse(invalidToken, "the token's pseudonym %.80q (comity_pseudonym) is not of letters, digits, dot, underscore and hyphen",
			c.Pseudonym)
	case !plainText(c.Function, maxFunction):
		return comity.Officer{}, refuse(invalidToken, "the token's function (comity_function) is not a line of 1 to %d characters", maxFunction)
	}
	return o, nil
}

// plainText reports whether s is one line that is safe to show abroad.
func plainText(s string, limit int) bool {
	n := utf8.RuneCountInString(s)
	return n > 0 && n <= limit && strings.TrimSpace(s) == s &&
		strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// VerifyRequest tells who sent a request: the token of the Authorization header
// and the proof of the DPoP header, made by the token's key for this very
// request, once. externalURL is the request's URL as its client wrote it
// (behind a proxy the server's own view differs); query and fragment do not
// count. A proof made before the verifier was is refused, since a process that
// ended may have taken it; a client whose clock is slow must catch up first.
// Errors are as those of [Verifier.Verify], or LIMIT.
func (v *Verifier) VerifyRequest(ctx context.Context, r *http.Request, externalURL string) (Identity, error) {
	authorization, proofs := r.Header.Values("Authorization"), r.Header.Values("DPoP")
	switch {
	case len(authorization) == 0:
		return Identity{}, comity.Unauthenticated("the request carries no token: log in first", nil)
	case len(authorization) > 1:
		return Identity{}, refuse(invalidRequest, "the request carries more than one Authorization header")
	}
	scheme, token, _ := strings.Cut(authorization[0], " ")
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		return Identity{}, refuse(invalidRequest, "bearer tokens are not taken: send \"Authorization: DPoP …\" with a DPoP proof (RFC 9449)")
	case !strings.EqualFold(scheme, "DPoP") || token == "":
		return Identity{}, refuse(invalidRequest, "the Authorization header is not of the scheme DPoP (RFC 9449)")
	case len(proofs) == 0:
		return Identity{}, refuse(invalidProof, "the request carries a token, yet no proof that its sender holds the token's key (DPoP header, RFC 9449)")
	case len(proofs) > 1:
		return Identity{}, refuse(invalidProof, "the request carries more than one DPoP header")
	}
	who, err := v.Verify(ctx, token)
	if err != nil {
		return Identity{}, err
	}
	now := v.now()
	proof, err := v.sessions.readProof(proofs[0], r.Method, externalURL, token, now)
	if err != nil {
		return Identity{}, err
	}
	if proof.jkt != who.JKT {
		return Identity{}, refuse(invalidToken, "the token is bound to another key than the one that signed the proof: a token without its key is of no use")
	}
	if proof.issued < v.started {
		e := comity.Unauthenticated("this server has just started, and the DPoP proof is dated before that: make a new proof", &fault{code: invalidProof})
		e.Cure = "try again in a moment; if it stays so, this computer's clock is slow: the server's says " + now.UTC().Format(time.RFC3339)
		return Identity{}, e
	}
	if err := v.replays.use(proof.jkt, proof.id, now); err != nil {
		return Identity{}, err
	}
	who.Proof = proof.id
	return who, nil
}
