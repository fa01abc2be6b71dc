package client

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/devlogin"
)

// Login logs an officer in at the development issuer of the officer's state,
// as in "liaison@KZ". The issuer's address comes from the state's manifest. A
// session key is made unless the configuration has one.
func Login(ctx context.Context, config Config, officer string) (*Client, error) {
	config.Token = ""
	if config.SessionKey == nil {
		key, err := statement.NewKey()
		if err != nil {
			return nil, err
		}
		config.SessionKey = key
	}
	c, err := New(config)
	if err != nil {
		return nil, err
	}
	_, state, ok := strings.Cut(officer, "@")
	if s := comity.State(state); !ok || !s.Valid() {
		return nil, comity.Invalid("as", "an officer is named with the state, as in liaison@KZ")
	}
	dir, err := c.Directory(ctx)
	if err != nil {
		return nil, err
	}
	m, err := dir.State(comity.State(state))
	if _, pinned := config.Roots[comity.State(state)]; !pinned {
		return nil, comity.Invalid("as", fmt.Sprintf("%s is no state of the pinned roots, so that nobody speaks for its officers", state))
	}
	if err != nil {
		if fault := c.trust.fault(comity.State(state)); fault != nil {
			err = fmt.Errorf("the manifest of %s: %w", state, fault)
		}
		return nil, err
	}
	var failed []error
	for _, issuer := range m.Issuers {
		c.token, err = devlogin.Login(ctx, c.http, issuer.URL, officer, c.key, c.now())
		if err == nil {
			return c, nil
		}
		failed = append(failed, err)
	}
	return nil, errors.Join(failed...)
}

// state is the officer's own state. It is never the server's to say: the
// token's issuer speaks for one state, by that state's manifest.
func (c *Client) state(ctx context.Context) (comity.State, error) {
	dir, err := c.Directory(ctx)
	if err != nil {
		return "", err
	}
	var claims struct {
		Issuer string `json:"iss"`
	}
	parts := strings.Split(c.token, ".")
	if len(parts) != 3 {
		return "", errNoSession
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err == nil {
		err = decode(b, &claims)
	}
	if err != nil {
		return "", comity.Unauthenticated("the token is no JWT", err)
	}
	s, _, err := dir.IssuerOf(claims.Issuer)
	if err != nil {
		return "", comity.Unauthenticated("the token is not one of an issuer that a state's manifest names", err)
	}
	return s, nil
}

// Viewer gives the officer that the token names, asked once. An answer that
// names another state than the token's is refused.
func (c *Client) Viewer(ctx context.Context) (Officer, error) {
	c.mu.Lock()
	known := c.officer
	c.mu.Unlock()
	if known != nil {
		return *known, nil
	}
	var data struct {
		Viewer struct {
			Officer Officer `json:"officer"`
		} `json:"viewer"`
	}
	if err := c.query(ctx, "Viewer", nil, &data); err != nil {
		return Officer{}, err
	}
	own, err := c.state(ctx)
	if err != nil {
		return Officer{}, err
	}
	if o := data.Viewer.Officer; o.State != own || o.Ref.State() != own || o.Agency.State() != own {
		return Officer{}, unverifiedf("the exchange's answer to who is logged in", "it says %s of %s, the token is one of %s", o.Ref, o.State, own)
	}
	c.mu.Lock()
	c.officer = &data.Viewer.Officer
	c.mu.Unlock()
	return data.Viewer.Officer, nil
}
