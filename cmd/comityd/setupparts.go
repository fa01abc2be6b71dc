package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/hashicorp/vault/api"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/cmd/comityd/service"
	"github.com/comity-platform/comity/cmd/comityd/setup"
	"github.com/comity-platform/comity/crypto/custodian/vault"
	vaultsetup "github.com/comity-platform/comity/deploy/vault"
)

type setupCmd struct {
	Vault  setupVaultCmd  `cmd:"" help:"Make a state's mounts, statement key, policy and the custodian's login in its HashiCorp Vault."`
	Record setupRecordCmd `cmd:"" help:"Make the key that signs the log, and comityd's login to sign with it, in the exchange's own HashiCorp Vault."`
	MinIO  setupMinIOCmd  `cmd:"" name:"minio" help:"Make a state's bucket and the exchange's user in its MinIO."`
}

// vaultLogin is how a Vault is reached, by its administrator and then by comityd.
type vaultLogin struct {
	Address      string `required:"" placeholder:"URL" help:"Of the Vault."`
	TokenFile    string `type:"existingfile" placeholder:"FILE" help:"File with an administrator's token; VAULT_TOKEN of the environment otherwise."`
	SecretIDFile string `name:"secret-id-file" type:"path" placeholder:"FILE" help:"Where the secret id goes that comityd logs in with, for your eyes only. One that is there and good is kept."`
	ClientCert   string `type:"existingfile" placeholder:"FILE" help:"Instead of a secret id: the client certificate (PEM) that comityd logs in with."`
	ClientKey    string `type:"existingfile" placeholder:"FILE" help:"Its key."`
	CACert       string `name:"ca-cert" type:"existingfile" placeholder:"FILE" help:"Certificates (PEM) that Vault's must chain to; the system's otherwise."`
	Namespace    string `placeholder:"NAME" help:"Of Vault Enterprise."`
}

type setupVaultCmd struct {
	vaultLogin
	Mount     string `required:"" placeholder:"NAME" help:"What the state's mounts are called by: NAME/cases, NAME/statements, NAME/register and auth/NAME."`
	Algorithm string `enum:"ES256,EdDSA" default:"ES256" help:"Of the statement key: ES256 (the default) or EdDSA."`
}

// Help is shown below the flags.
func (setupVaultCmd) Help() string {
	return `Run by the state's own staff, with a token that may make mounts, policies and logins; comityd gets a login of least
privilege and never that token. It may be repeated: it makes what is missing, never touches keys or the register, and says
what it did. At the end it logs in as comityd will, and prints what belongs into its configuration and the state's manifest.

Examples:
  VAULT_TOKEN=… comityd setup vault --address https://vault.example:8200 --mount comity-kz --secret-id-file kz-secret-id
  comityd setup vault --address https://vault.example:8200 --mount comity-kz --token-file admin-token \
    --client-cert comityd.pem --client-key comityd-key.pem`
}

// Validate wants one way to log in.
func (c *vaultLogin) Validate() error {
	if (c.SecretIDFile == "") == (c.ClientCert == "") || (c.ClientCert == "") != (c.ClientKey == "") {
		return errors.New("give either --secret-id-file, or --client-cert with --client-key")
	}
	return nil
}

// Run sets up.
func (c *setupVaultCmd) Run(ctx context.Context, s streams) error {
	o := vaultsetup.Options{Algorithm: jose.SignatureAlgorithm(c.Algorithm)}
	cfg, err := c.setUp(ctx, s, c.Mount, o, setup.Vault)
	if err != nil {
		return err
	}
	key, err := setup.StatementKey(ctx, service.CustodianConfig{Vault: &cfg})
	if err != nil {
		return fmt.Errorf("log in as comityd will: %w", err)
	}
	fmt.Fprintln(s.out, "the login works")
	if err := show(s, "comityd's configuration, at /states/CODE/custodian/vault", cfg); err != nil {
		return err
	}
	return show(s, "the state's manifest, in /statementKeys", key)
}

// setUp has the administrator make what comityd logs in to, and gives how it does.
func (c *vaultLogin) setUp(ctx context.Context, s streams, mount string, o vaultsetup.Options,
	run func(context.Context, *api.Client, *service.VaultConfig, vaultsetup.Options) error) (service.VaultConfig, error) {
	cfg := service.VaultConfig{Address: c.Address, Namespace: c.Namespace, CACert: c.CACert, Mount: mount,
		SecretIDFile: c.SecretIDFile, ClientCert: c.ClientCert, ClientKey: c.ClientKey}
	token, err := c.token()
	if err != nil {
		return cfg, err
	}
	admin, err := vault.Config{Address: c.Address, Namespace: c.Namespace, CACert: c.CACert}.Client()
	if err != nil {
		return cfg, err
	}
	if c.Namespace != "" { // before anything is made where it does not belong
		health, err := admin.WithNamespace("").Sys().HealthWithContext(ctx)
		if err != nil {
			return cfg, err
		}
		if !health.Enterprise {
			return cfg, vault.ErrNamespace
		}
	}
	admin.SetToken(token)
	o.Say = func(line string) { fmt.Fprintln(s.out, line) }
	if err := run(ctx, admin, &cfg, o); err != nil {
		return cfg, err
	}
	if c.SecretIDFile != "" {
		fmt.Fprintln(s.out, "secret id is in", c.SecretIDFile)
	}
	return cfg, nil
}

// token reads the administrator's token, which is never an argument: every user
// of the machine can read those.
func (c *vaultLogin) token() (string, error) {
	token := os.Getenv("VAULT_TOKEN")
	if c.TokenFile != "" {
		raw, err := os.ReadFile(c.TokenFile)
		if err != nil {
			return "", err
		}
		token = string(raw)
	}
	if token = strings.TrimSpace(token); token == "" {
		return "", comity.Invalid("token-file", "there is no administrator's token: give --token-file or set VAULT_TOKEN")
	}
	return token, nil
}

type setupMinIOCmd struct {
	Endpoint        string `required:"" placeholder:"URL" help:"Of the state's MinIO."`
	Bucket          string `required:"" placeholder:"NAME" help:"To make, with versioning and object lock."`
	CredentialsFile string `required:"" type:"path" placeholder:"FILE" help:"Where the credentials go that comityd works with, for your eyes only. Those that are there are kept and given to the user: to rotate the secretKey, write a new one there first."`
	RootFile        string `type:"existingfile" placeholder:"FILE" help:"File with MinIO's root credentials, {\"accessKey\": …, \"secretKey\": …}; MINIO_ROOT_USER and MINIO_ROOT_PASSWORD of the environment otherwise."`
	Region          string `default:"us-east-1" placeholder:"NAME" help:"Of the server (us-east-1)."`
	CACert          string `name:"ca-cert" type:"existingfile" placeholder:"FILE" help:"Certificates (PEM) that MinIO's must chain to; the system's otherwise."`
}

// Help is shown below the flags.
func (setupMinIOCmd) Help() string {
	return `Run by the state's own staff, with MinIO's root credentials; comityd gets a user of least privilege on the one bucket. It
may be repeated, and refuses a bucket that was made without versioning and object lock. At the end it opens the bucket as
comityd will, and prints what belongs into its configuration and the state's manifest.

Examples:
  MINIO_ROOT_USER=… MINIO_ROOT_PASSWORD=… comityd setup minio --endpoint https://s3.example --bucket comity-kz --credentials-file kz-s3.json
  comityd setup minio --endpoint https://s3.example --bucket comity-kz --credentials-file kz-s3.json --root-file root.json`
}

// Run sets up.
func (c *setupMinIOCmd) Run(ctx context.Context, s streams) error {
	root := service.Credentials{AccessKey: os.Getenv("MINIO_ROOT_USER"), SecretKey: os.Getenv("MINIO_ROOT_PASSWORD")}
	if c.RootFile != "" {
		var err error
		if root, err = service.ReadCredentials(c.RootFile); err != nil {
			return err
		}
	}
	if root.AccessKey == "" || root.SecretKey == "" {
		return comity.Invalid("root-file", "there are no root credentials: give --root-file, or set MINIO_ROOT_USER and MINIO_ROOT_PASSWORD")
	}
	cfg := service.S3Config{Endpoint: c.Endpoint, Region: c.Region, Bucket: c.Bucket, CredentialsFile: c.CredentialsFile, CACert: c.CACert}
	fresh, err := setup.MinIO(ctx, cfg, root)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "bucket %s has versioning and object lock\ncredentials are in %s, %s\n", c.Bucket, c.CredentialsFile,
		map[bool]string{true: "fresh", false: "those of before"}[fresh])
	if err := cfg.Check(ctx); err != nil {
		return fmt.Errorf("open the bucket as comityd will: %w", err)
	}
	fmt.Fprintln(s.out, "the user works")
	if err := show(s, "comityd's configuration, at /states/CODE/store/s3", cfg); err != nil {
		return err
	}
	return show(s, "the state's manifest, at /store, unless agencies reach it by another address",
		service.StoreConfig{S3: &cfg}.PublicURL("", ""))
}

func show(s streams, where string, v any) error {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err == nil {
		fmt.Fprintf(s.out, "\nFor %s:\n%s\n", where, raw)
	}
	return err
}
