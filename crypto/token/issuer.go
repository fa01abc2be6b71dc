package token

import (
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
	"golang.org/x/sync/singleflight"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/internal/jws"
	"github.com/comity-platform/comity/crypto/statement"
)

// How an issuer's keys are kept.
const (
	keysFresh    = 5 * time.Minute  // fetched anew after
	keysUsable   = time.Hour        // still used for so long while the issuer is away
	keysPause    = 10 * time.Second // least time between fetches for an unknown kid, or after a failure
	fetchTimeout = 10 * time.Second
	maxDocument  = 256 << 10 // bytes of a discovery document or key set
	maxKeys      = 64        // keys of one issuer
)

// issuers fetches and keeps the keys of issuers.
type issuers struct {
	client      *http.Client
	now         func() time.Time
	development bool
	flight      singleflight.Group
	mu          sync.Mutex
	kept        map[string]kept // by issuer URL; only ones that manifests name come here
}

type kept struct {
	keys    map[string]jose.JSONWebKey
	fetched time.Time // of keys; zero when there are none yet
	tried   time.Time // of the last fetch that failed, or that an unknown kid caused
	failure error     // of the last fetch
}

func newIssuers(o Options) *issuers {
	client := http.Client{}
	if o.HTTP != nil {
		client = *o.HTTP
	}
	// A redirect could lead from https to http, or from one issuer to another.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return errors.New("redirects are not followed") }
	return &issuers{client: &client, now: o.Now, development: o.Development, kept: map[string]kept{}}
}

// key gives one key of an issuer. When the issuer is away, keys known for less
// than keysUsable serve on; without any the error is UNAVAILABLE.
func (is *issuers) key(ctx context.Context, state comity.State, issuer, kid string) (jose.JSONWebKey, error) {
	k := is.known(issuer)
	now := is.now()
	age := now.Sub(k.fetched)
	if k.fetched.IsZero() || age >= keysFresh {
		if now.Sub(k.tried) >= keysPause || k.failure == nil {
			k = is.refresh(ctx, issuer)
		}
	} else if _, ok := k.keys[kid]; !ok && now.Sub(k.tried) >= keysPause {
		// A key not seen before: the issuer may have changed its keys.
		is.note(issuer, func(k *kept) { k.tried = now })
		k = is.refresh(ctx, issuer)
	}
	if k.fetched.IsZero() || now.Sub(k.fetched) >= keysUsable {
		if err := ctx.Err(); err != nil {
			return jose.JSONWebKey{}, err
		}
		return jose.JSONWebKey{}, comity.Unavailable(fmt.Sprintf("the identity provider of %s (%s)", state, issuer), k.failure)
	}
	key, ok := k.keys[kid]
	if !ok {
		return jose.JSONWebKey{}, refuse(invalidToken, "the token's key (kid %.80q) is not one that %s publishes: log in again", kid, issuer)
	}
	return key, nil
}

func (is *issuers) known(issuer string) kept {
	is.mu.Lock()
	defer is.mu.Unlock()
	return is.kept[issuer]
}

func (is *issuers) note(issuer string, change func(*kept)) kept {
	is.mu.Lock()
	defer is.mu.Unlock()
	k := is.kept[issuer]
	change(&k)
	is.kept[issuer] = k
	return k
}

// refresh fetches an issuer's keys, once for all who wait. One waiter's
// cancelled request does not take the others' fetch down.
func (is *issuers) refresh(ctx context.Context, issuer string) kept {
	done := is.flight.DoChan(issuer, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
		defer cancel()
		keys, err := is.fetch(ctx, issuer)
		now := is.now()
		return is.note(issuer, func(k *kept) {
			k.failure = err
			if err != nil {
				k.tried = now
				return
			}
			k.keys, k.fetched = keys, now
		}), nil
	})
	select {
	case r := <-done:
		if k, ok := r.Val.(kept); ok {
			return k
		}
	case <-ctx.Done():
	}
	return is.known(issuer)
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
	if u.Scheme != "https" && !(u.Scheme == "http" && is.development && statement.Loopback(u)) {
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
