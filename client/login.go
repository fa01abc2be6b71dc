package client

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/devissuer"
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
	if err != nil {
		if fault := c.trust.fault(comity.State(state)); fault != nil {
			err = fmt.Errorf("the manifest of %s: %w", state, fault)
		}
		return nil, err
	}
	var failed []error
	for _, issuer := range m.Issuers {
		c.token, err = devissuer.Login(ctx, c.http, issuer.URL, officer, c.key, c.now())
		if err == nil {
			return c, nil
		}
		failed = append(failed, err)
	}
	return nil, errors.Join(failed...)
}

// Viewer gives the officer that the token names, asked once.
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
	c.mu.Lock()
	c.officer = &data.Viewer.Officer
	c.mu.Unlock()
	return data.Viewer.Officer, nil
}
