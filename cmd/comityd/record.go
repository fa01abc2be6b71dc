package main

import (
	"context"
	"fmt"

	"github.com/alecthomas/kong"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/cmd/comityd/service"
	"github.com/comity-platform/comity/cmd/comityd/setup"
	vaultsetup "github.com/comity-platform/comity/deploy/vault"
)

type setupRecordCmd struct {
	vaultLogin
	Mount string `required:"" placeholder:"NAME" help:"What the exchange's mount is called by: NAME/record and auth/NAME. None of a state's."`
	Union string `required:"" placeholder:"NAME" help:"Name of the union of states, as in its manifests, after which its log is called."`
}

// Help is shown below the flags.
func (setupRecordCmd) Help() string {
	return `Run by the exchange's operator, with a token that may make mounts, policies and logins of the exchange's own Vault, which is
none of a state's. The key signs every checkpoint of the log and never leaves Vault; comityd gets a login that may sign with
it and nothing else. It may be repeated, and never touches a key that exists. At the end it logs in as comityd will, and
prints what belongs into its configuration and, as public key, into every state's manifest.

Example:
  VAULT_TOKEN=… comityd setup record --address https://vault.example:8200 --mount comity-exchange --union NAME \
    --secret-id-file record-secret-id`
}

// Run sets up.
func (c *setupRecordCmd) Run(ctx context.Context, s streams) error {
	cfg, err := c.setUp(ctx, s, c.Mount, vaultsetup.Options{}, setup.Record)
	if err != nil {
		return err
	}
	key, err := service.RecordConfig{Vault: &cfg}.Open(ctx, c.Union)
	if err != nil {
		return fmt.Errorf("log in as comityd will: %w", err)
	}
	if err := key.Close(ctx); err != nil {
		return err
	}
	fmt.Fprintln(s.out, "the login works")
	if err := show(s, "comityd's configuration, at /record/vault", cfg); err != nil {
		return err
	}
	return show(s, "every state's manifest, in /log/keys", key.Public)
}

type logKeyCmd struct {
	service.Config
}

// Help is shown below the flags.
func (logKeyCmd) Help() string {
	return `Prints the public key that signs the log of the configured exchange, as every state's manifest names it in /log/keys. Of a
key in Vault it is the newest version, which a server signs with once it is started anew: name it in the manifests before.

Example:
  comityd log-key --config comityd.json`
}

// Run prints the key.
func (c *logKeyCmd) Run(ctx context.Context, parsed *kong.Context, s streams) error {
	c.Complete(parsed)
	if c.Record == (service.RecordConfig{}) || c.Union == "" {
		return comity.Invalid("record", "the configuration does not say where the key of the log is, and what the union is called; see comityd check-config")
	}
	key, err := c.Record.Open(ctx, c.Union)
	if err != nil {
		return err
	}
	fmt.Fprintln(s.out, key.Public)
	return key.Close(ctx)
}
