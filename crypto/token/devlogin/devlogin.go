// Package devlogin logs officers in at a development issuer. It is the client's
// side alone and carries no issuer.
package devlogin

import (
	"context"
	"crypto"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/token"
)

// GrantType is the grant_type of a development issuer's token endpoint.
const GrantType = "urn:comity:params:development"

// Login gets a token for an officer of a development issuer, bound to key, a
// P-256 session key. now is the client's clock. The issuer's own words come
// back as UNAUTHENTICATED, as when it does not know the officer.
func Login(ctx context.Context, client *http.Client, issuer, officer string, key crypto.Signer, now time.Time) (string, error) {
	var config struct {
		Issuer string `json:"issuer"`
		Token  string `json:"token_endpoint"`
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(issuer, "/")+"/.well-known/openid-configuration", nil)
	if err != nil {
		return "", fmt.Errorf("log in at %s: %w", issuer, err)
	}
	if err := call(client, r, &config); err != nil {
		return "", err
	}
	if config.Issuer != issuer {
		return "", fmt.Errorf("log in: %s says that it is the issuer %.200q", issuer, config.Issuer)
	}
	proof, err := token.Proof(key, http.MethodPost, config.Token, "", now)
	if err != nil {
		return "", err
	}
	form := url.Values{"grant_type": {GrantType}, "officer": {officer}}
	if r, err = http.NewRequestWithContext(ctx, http.MethodPost, config.Token, strings.NewReader(form.Encode())); err != nil {
		return "", fmt.Errorf("log in at %s: %w", issuer, err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("DPoP", proof)
	var got struct {
		Token string `json:"access_token"`
		Type  string `json:"token_type"`
	}
	if err := call(client, r, &got); err != nil {
		return "", err
	}
	if got.Token == "" || !strings.EqualFold(got.Type, "DPoP") {
		return "", fmt.Errorf("log in at %s: the answer holds no DPoP token", issuer)
	}
	return got.Token, nil
}

// call sends a request and reads a small JSON answer.
func call(client *http.Client, r *http.Request, to any) error {
	answer, err := client.Do(r)
	if err != nil {
		return comity.Unavailable("the identity provider at "+r.URL.Host, err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(io.LimitReader(answer.Body, 256<<10))
	if err != nil {
		return comity.Unavailable("the identity provider at "+r.URL.Host, err)
	}
	if answer.StatusCode != http.StatusOK {
		var fault struct {
			Description string `json:"error_description"`
		}
		if json.Unmarshal(b, &fault) != nil || fault.Description == "" {
			fault.Description = "it answers " + answer.Status
		}
		return comity.Unauthenticated("the identity provider refuses: "+fault.Description, nil)
	}
	if err := json.Unmarshal(b, to); err != nil {
		return fmt.Errorf("log in: the answer of %s: %w", r.URL, err)
	}
	return nil
}
