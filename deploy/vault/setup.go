// Package vaultsetup sets a state up in its own HashiCorp Vault: its mounts, its
// statement key, a policy of least privilege and a role for the custodian. It
// is run by the state's administrator with an administrator's token, which
// never reaches comityd; comityd gets the [Credential] alone.
package vaultsetup

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/hashicorp/vault/api"

	"github.com/comity-platform/comity/crypto/custodian/vault"
	"github.com/comity-platform/comity/internal/durable"
)

//go:embed custodian.hcl
var custodianPolicy string

// Policy is the custodian's policy for mounts of that name, as Vault takes it.
func Policy(mount string) string { return strings.ReplaceAll(custodianPolicy, "MOUNT", mount) }

// Options say what to set up.
type Options struct {
	// Mount is what the state's mounts are called by; see [vault.Config].
	Mount string
	// Algorithm of the statement key: jose.ES256, also when empty, or jose.EdDSA.
	Algorithm jose.SignatureAlgorithm
	// Certificate is a client certificate or its authority (PEM). With it the
	// custodian logs in by TLS instead of an AppRole.
	Certificate string
	// SecretID was issued before. It is kept while it is good, so that repeating
	// the setup leaves no trail of secrets.
	SecretID string
	// Say is told of each thing, whether it was made or was there; nil for nobody.
	Say func(string)
}

// Credential is what comityd logs in with: the role's id, which is no secret,
// and the secret id, which is. Both are empty when it logs in by certificate.
type Credential struct {
	RoleID   string
	SecretID string
}

// WriteSecret writes the secret id to a file that only its owner reads, for
// [vault.Config.SecretIDFile].
func (c Credential) WriteSecret(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return durable.WriteFile(path, []byte(c.SecretID), 0o600)
}

const (
	// cacheSize bounds transit's memory, at about 6 KB a cached key.
	cacheSize = 10_000
	// registerVersions is how many versions of an entry Vault keeps, for the
	// state's own auditors. Old ones decide nothing.
	registerVersions = 100
	tokenTTL         = "1h"
	tokenMaxTTL      = "24h"
)

// Setup makes what is missing, brings policy and role up to date, and issues a
// new credential unless that of before is good. It may be repeated: keys and
// register are never touched once they exist, and earlier secret ids stay good
// until they are destroyed. The
// client carries the administrator's token.
func Setup(ctx context.Context, client *api.Client, o Options) (Credential, error) {
	c, err := setup(ctx, client, o)
	if err != nil {
		return Credential{}, fmt.Errorf("set up Vault for %s: %w", o.Mount, err)
	}
	return c, nil
}

func setup(ctx context.Context, client *api.Client, o Options) (Credential, error) {
	if err := vault.CheckMount(o.Mount); err != nil {
		return Credential{}, err
	}
	keyType, ok := map[jose.SignatureAlgorithm]string{"": "ecdsa-p256", jose.ES256: "ecdsa-p256", jose.EdDSA: "ed25519"}[o.Algorithm]
	if !ok {
		return Credential{}, fmt.Errorf("a statement key is for ES256 or EdDSA, not %s", o.Algorithm)
	}
	if o.Say == nil {
		o.Say = func(string) {}
	}
	s := setter{client: client, o: o, whose: "custodian"}
	cases, statements, register := o.Mount+"/"+vault.CasesMount, o.Mount+"/"+vault.StatementsMount, o.Mount+"/"+vault.RegisterMount
	return s.run(ctx, Policy(o.Mount),
		func() error { return s.mount(ctx, cases, "transit", nil) },
		func() error { return s.mount(ctx, statements, "transit", nil) },
		func() error { return s.mount(ctx, register, "kv", map[string]string{"version": "2"}) },
		func() error { return s.write(ctx, cases+"/cache-config", map[string]any{"size": cacheSize}) },
		func() error { return s.signingKey(ctx, "statement key", statements, vault.StatementKey, keyType) },
		func() error { return s.configureRegister(ctx, register) })
}

// run takes the steps and gives a login under the policy.
func (s setter) run(ctx context.Context, policy string, steps ...func() error) (Credential, error) {
	steps = append(steps, func() error {
		s.say("policy "+s.policyName(), "is as this version has it")
		return s.client.Sys().PutPolicyWithContext(ctx, s.policyName(), policy)
	})
	for _, step := range steps {
		if err := step(); err != nil {
			return Credential{}, err
		}
	}
	if s.o.Certificate != "" {
		return Credential{}, s.certificate(ctx)
	}
	return s.appRole(ctx)
}

// setter makes one login's things.
type setter struct {
	client *api.Client
	o      Options
	whose  string // what is to log in
}

func (s setter) say(thing, outcome string) { s.o.Say(thing + " " + outcome) }

func (s setter) policyName() string { return s.o.Mount + "-" + s.whose }

func (s setter) write(ctx context.Context, path string, in map[string]any) error {
	_, err := s.client.Logical().WriteWithContext(ctx, path, in)
	return err
}

// mount mounts an engine unless it is there, and refuses another kind's place.
func (s setter) mount(ctx context.Context, path, kind string, options map[string]string) error {
	mounts, err := s.client.Sys().ListMountsWithContext(ctx)
	if err != nil {
		return err
	}
	if m := mounts[path+"/"]; m == nil {
		s.say("mount "+path, "is made")
		return s.client.Sys().MountWithContext(ctx, path, &api.MountInput{Type: kind, Options: options,
			Description: "Comity, " + s.whose + " of " + s.o.Mount})
	} else if m.Type != kind || m.Options["version"] != options["version"] {
		return fmt.Errorf("at %s there is already another engine, of type %s", path, m.Type)
	}
	s.say("mount "+path, "was there")
	return nil
}

// signingKey makes the key, and refuses one that was made otherwise before: one of
// another type, or one that Vault would hand out.
func (s setter) signingKey(ctx context.Context, what, mount, name, keyType string) error {
	path := mount + "/keys/" + name
	got, err := s.client.Logical().ReadWithContext(ctx, path)
	if err != nil {
		return err
	}
	outcome := "was there"
	if got == nil {
		if err := s.write(ctx, path, map[string]any{"type": keyType}); err != nil {
			return err
		}
		if got, err = s.client.Logical().ReadWithContext(ctx, path); err != nil {
			return err
		}
		outcome = "is made"
	}
	if got == nil || got.Data["type"] != keyType || got.Data["exportable"] != false || got.Data["allow_plaintext_backup"] != false {
		return fmt.Errorf("the %s that exists is not an unexportable one of type %s", what, keyType)
	}
	s.say(what+" in "+mount, outcome)
	return nil
}

// configureRegister makes check-and-set obligatory. A KV mount that is just
// being made answers for a moment that it is being upgraded.
func (s setter) configureRegister(ctx context.Context, register string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		err := s.write(ctx, register+"/config", map[string]any{"cas_required": true, "max_versions": registerVersions})
		if e, ok := errors.AsType[*api.ResponseError](err); !ok || e.StatusCode != http.StatusBadRequest ||
			!strings.Contains(err.Error(), "Upgrading") {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// role is the part of a role that AppRole and certificate share.
func (s setter) role() map[string]any {
	return map[string]any{
		"token_policies":          []string{s.policyName()},
		"token_no_default_policy": true,
		"token_ttl":               tokenTTL,
		"token_max_ttl":           tokenMaxTTL,
		"token_type":              "service",
	}
}

func (s setter) enableAuth(ctx context.Context, kind string) error {
	auths, err := s.client.Sys().ListAuthWithContext(ctx)
	if err != nil {
		return err
	}
	if m := auths[s.o.Mount+"/"]; m == nil {
		s.say("login auth/"+s.o.Mount, "is made")
		return s.client.Sys().EnableAuthWithOptionsWithContext(ctx, s.o.Mount, &api.EnableAuthOptions{Type: kind,
			Description: "Comity, " + s.whose + " of " + s.o.Mount})
	} else if m.Type != kind {
		return fmt.Errorf("at auth/%s there is already another method, of type %s", s.o.Mount, m.Type)
	}
	s.say("login auth/"+s.o.Mount, "was there")
	return nil
}

func (s setter) appRole(ctx context.Context) (Credential, error) {
	if err := s.enableAuth(ctx, "approle"); err != nil {
		return Credential{}, err
	}
	path := "auth/" + s.o.Mount + "/role/" + vault.Role
	role := s.role()
	role["bind_secret_id"] = true
	if err := s.write(ctx, path, role); err != nil {
		return Credential{}, err
	}
	id, err := s.client.Logical().ReadWithContext(ctx, path+"/role-id")
	if err != nil {
		return Credential{}, err
	}
	var c Credential
	if id != nil {
		c.RoleID, _ = id.Data["role_id"].(string)
	}
	if c.SecretID, err = s.secretID(ctx, path+"/secret-id"); err != nil {
		return Credential{}, err
	}
	if c.RoleID == "" || c.SecretID == "" {
		return Credential{}, errors.New("vault gave no role id or secret id")
	}
	return c, nil
}

// secretID is that of before, if it is good, else a new one.
func (s setter) secretID(ctx context.Context, path string) (string, error) {
	if s.o.SecretID != "" {
		known, err := s.client.Logical().WriteWithContext(ctx, path+"/lookup", map[string]any{"secret_id": s.o.SecretID})
		if e, ok := errors.AsType[*api.ResponseError](err); err != nil && (!ok || e.StatusCode != http.StatusNotFound) {
			return "", err
		}
		if known != nil && known.Data != nil {
			s.say("secret id", "was there")
			return s.o.SecretID, nil
		}
	}
	issued, err := s.client.Logical().WriteWithContext(ctx, path, nil)
	if err != nil || issued == nil {
		return "", err
	}
	id, _ := issued.Data["secret_id"].(string)
	s.say("secret id", "is issued")
	return id, nil
}

func (s setter) certificate(ctx context.Context) error {
	if err := s.enableAuth(ctx, "cert"); err != nil {
		return err
	}
	role := s.role()
	role["certificate"] = s.o.Certificate
	return s.write(ctx, "auth/"+s.o.Mount+"/certs/"+vault.Role, role)
}
