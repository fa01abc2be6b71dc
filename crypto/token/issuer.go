package token

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/internal/jws"
	"github.com/comity-platform/comity/internal/loopback"
)

// How an issuer's keys are kept.
const (
	keysFresh    = 5 * time.Minute  // fetched anew after, while they serve on
	keysUsable   = time.Hour        // from when they serve no more unless fetched anew
	keysPause    = 10 * time.Second // least time between fetches for an unknown kid, or after a failure
	keysWait     = 3 * time.Second  // for how long a fetch is waited for, from its beginning
	fetchTimeout = 10 * time.Second
	maxWaiting   = 32        // who wait for one fetch; the places of an exchange are for all states
	maxDocument  = 256 << 10 // bytes of a discovery document or key set
	maxKeys      = 64        // keys of one issuer
)

// issuers fetches and keeps the keys of issuers.
type issuers struct {
	client      *http.Client
	now         func() time.Time
	development bool
	// patience bounds how long a fetch that begins now is waited for.
	patience func(context.Context) (context.Context, context.CancelFunc)

	mu   sync.Mutex
	kept map[string]kept // by issuer URL; only ones that manifests name come here
}

type kept struct {
	keys    map[string]jose.JSONWebKey
	fetched time.Time // of keys; zero when there are none yet
	tried   time.Time // of the last fetch that failed, or that an unknown kid caused
	failure error     // of the last fetch
	flight  *flight   // the fetch under way, nil when there is none
}

func (k kept) usable(now time.Time) bool {
	return !k.fetched.IsZero() && now.Sub(k.fetched) < keysUsable
}

// flight is a fetch under way.
type flight struct {
	patience context.Context // done with the fetch, or keysWait after its beginning
	waiting  int             // how many have waited for it
}

func newIssuers(o Options) *issuers {
	client := http.Client{}
	if o.HTTP != nil {
		client = *o.HTTP
	}
	// A redirect could lead from https to http, or from one issuer to another.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return errors.New("redirects are not followed") }
	patience := func(ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeout(ctx, keysWait)
	}
	return &issuers{client: &client, now: o.Now, development: o.Development, patience: patience, kept: map[string]kept{}}
}

// key gives one key of an issuer. Anybody can write a token that names an issuer
// and a kid, and the signature is looked at last: so a key at hand is given at
// once, and fetched anew behind the asker's back. Only who brings a kid that is
// not at hand waits, a little. When the issuer is away, keys known for less than
// keysUsable serve on; without any the error is UNAVAILABLE.
func (is *issuers) key(ctx context.Context, state comity.State, issuer, kid string) (jose.JSONWebKey, error) {
	k, patience := is.look(ctx, issuer, kid)
	if patience != nil {
		select {
		case <-patience.Done():
		case <-ctx.Done():
			return jose.JSONWebKey{}, ctx.Err()
		}
		k = is.known(issuer)
	}
	usable := k.usable(is.now())
	key, ok := k.keys[kid]
	switch {
	case usable && ok:
		return key, nil
	case usable && k.flight == nil && k.failure == nil:
		return jose.JSONWebKey{}, refuse(invalidToken, "the token's key (kid %.80q) is not one that %s publishes: log in again", kid, issuer)
	}
	return jose.JSONWebKey{}, comity.Unavailable(fmt.Sprintf("the identity provider of %s (%s)", state, issuer),
		cmp.Or(k.failure, errors.New("its keys are being fetched, and it has not answered yet")))
}

func (is *issuers) known(issuer string) kept {
	is.mu.Lock()
	defer is.mu.Unlock()
	return is.kept[issuer]
}

// look gives what is kept of an issuer, and begins a fetch where one is due. The
// context is not nil when that fetch is worth waiting for: until it is done.
func (is *issuers) look(ctx context.Context, issuer, kid string) (kept, context.Context) {
	is.mu.Lock()
	defer is.mu.Unlock()
	k, now := is.kept[issuer], is.now()
	_, ok := k.keys[kid]
	usable := k.usable(now)
	due := !usable || !ok || now.Sub(k.fetched) >= keysFresh
	if due && k.flight == nil && now.Sub(k.tried) >= keysPause {
		if usable && !ok {
			// A key not seen before: the issuer may have changed its keys, or
			// somebody makes up kids, who shall not make us fetch all the time.
			k.tried = now
		}
		k.flight = is.begin(ctx, issuer)
		is.kept[issuer] = k
	}
	if usable && ok || k.flight == nil || k.flight.waiting >= maxWaiting {
		return k, nil
	}
	k.flight.waiting++
	return k, k.flight.patience
}

// begin fetches an issuer's keys for all who ask meanwhile; that the first of
// them goes away does not take the others' fetch down.
func (is *issuers) begin(ctx context.Context, issuer string) *flight {
	ctx = context.WithoutCancel(ctx)
	patience, over := is.patience(ctx)
	go func() {
		defer over() // last, when what was fetched can be seen
		ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
		defer cancel()
		keys, err := is.fetch(ctx, issuer)
		is.mu.Lock()
		defer is.mu.Unlock()
		k := is.kept[issuer]
		k.flight, k.failure = nil, err
		if err != nil {
			k.tried = is.now()
		} else {
			k.keys, k.fetched = keys, is.now()
		}
		is.kept[issuer] = k
	}()
	return &flight{patience: patience}
}

// fetch reads the discovery document (OpenID Connect Discovery 1.0, section 4)
// and the key set that it names (RFC 7517, section 5).
func (is *issuers) fetch(ctx context.Context, issuer string) (map[string]jose.JSONWebKey, error) {
	var config struct {
		Issuer string `json:"issuer"`
		JWKS   string `json:"jwks_uri"`
	}
	if err := is.get(ctx, strings.TrimSuffix(issuer, "/")+"/.well-known/openid-configuration", &config); err != nil {
		return nil, err
	}
	if config.Issuer != issuer {
		return nil, fmt.Errorf("%s says that it is the issuer %.200q", issuer, config.Issuer)
	}
	var set struct {
		Keys []jsontext.Value `json:"keys"`
	}
	if err := is.get(ctx, config.JWKS, &set); err != nil {
		return nil, err
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("%s publishes more than %d keys", issuer, maxKeys)
	}
	keys := map[string]jose.JSONWebKey{}
	for _, raw := range set.Keys {
		// Issuers publish keys for other uses and of other kinds, and certificates
		// with them: what is no plain signature key is passed over (RFC 7517, section 5).
		key, err := jws.IssuerKey(raw)
		if err != nil || key.KeyID == "" || key.Use == "enc" {
			continue
		}
		if _, twice := keys[key.KeyID]; twice {
			return nil, fmt.Errorf("%s publishes two keys with the kid %.80q", issuer, key.KeyID)
		}
		keys[key.KeyID] = key
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%s publishes no key that signs tokens", issuer)
	}
	return keys, nil
}

// get fetches a JSON document of bounded size, over https unless in development
// from this machine itself.
func (is *issuers) get(ctx context.Context, raw string, to any) error {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return fmt.Errorf("%.200q is not a URL", raw)
	}
	if u.Scheme != "https" && !(u.Scheme == "http" && is.development && loopback.Host(u.Hostname())) {
		return fmt.Errorf("%.200s is not https", u.Redacted())
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, raw, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Accept", "application/json")
	answer, err := is.client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", raw, answer.Status)
	}
	b, err := io.ReadAll(io.LimitReader(answer.Body, maxDocument+1))
	if err != nil {
		return fmt.Errorf("%s: %w", raw, err)
	}
	if len(b) > maxDocument {
		return fmt.Errorf("%s answers more than %d bytes", raw, maxDocument)
	}
	if err := jws.DecodeOpen(b, to); err != nil {
		return fmt.Errorf("%s: %w", raw, err)
	}
	return nil
}
