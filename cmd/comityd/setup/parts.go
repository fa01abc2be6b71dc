package setup

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/hashicorp/vault/api"

	"github.com/comity-platform/comity/cmd/comityd/service"
	miniosetup "github.com/comity-platform/comity/deploy/minio"
	vaultsetup "github.com/comity-platform/comity/deploy/vault"
)

// Vault sets one state up in its Vault, with an administrator's client: mounts,
// statement key, policy and the custodian's login. It completes cfg by the role
// id, and writes the secret id to its file, for the owner's eyes only, unless
// the one there is good. A client certificate in cfg takes the place of both.
func Vault(ctx context.Context, admin *api.Client, cfg *service.VaultConfig, o vaultsetup.Options) error {
	return login(ctx, admin, cfg, o, vaultsetup.Setup)
}

// Record does the same for the exchange's own Vault: the key of the log, and a login
// that may sign with it.
func Record(ctx context.Context, admin *api.Client, cfg *service.VaultConfig, o vaultsetup.Options) error {
	return login(ctx, admin, cfg, o, vaultsetup.SetupRecord)
}

func login(ctx context.Context, admin *api.Client, cfg *service.VaultConfig, o vaultsetup.Options,
	setUp func(context.Context, *api.Client, vaultsetup.Options) (vaultsetup.Credential, error)) error {
	o.Mount = cfg.Mount
	if cfg.ClientCert != "" {
		pem, err := os.ReadFile(cfg.ClientCert)
		if err != nil {
			return fmt.Errorf("setup: %w", err)
		}
		o.Certificate = string(pem)
		_, err = setUp(ctx, admin, o)
		return err
	}
	before, err := os.ReadFile(cfg.SecretIDFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("setup: %w", err)
	}
	o.SecretID = strings.TrimSpace(string(before))
	credential, err := setUp(ctx, admin, o)
	if err != nil {
		return err
	}
	cfg.RoleID = credential.RoleID
	if credential.SecretID == o.SecretID {
		return nil
	}
	if err := credential.WriteSecret(cfg.SecretIDFile); err != nil {
		return fmt.Errorf("setup: the secret id: %w", err)
	}
	return nil
}

// MinIO sets one state's bucket up, with the server's root credentials, and its
// user with the credentials in cfg.CredentialsFile. Without that file fresh ones
// are made, for the owner's eyes only, and fresh is true.
func MinIO(ctx context.Context, cfg service.S3Config, root service.Credentials) (fresh bool, err error) {
	err = once(cfg.CredentialsFile, func() ([]byte, error) {
		fresh = true
		return json.Marshal(service.Credentials{AccessKey: "comity-" + random(6), SecretKey: random(20)})
	})
	if err != nil {
		return false, err
	}
	own, err := service.ReadCredentials(cfg.CredentialsFile)
	if err != nil {
		return false, err
	}
	tls, err := cfg.TLS()
	if err != nil {
		return false, err
	}
	return fresh, miniosetup.Apply(ctx, miniosetup.Config{Endpoint: cfg.Endpoint, RootUser: root.AccessKey, RootSecret: root.SecretKey,
		Region: cfg.Region, Bucket: cfg.Bucket, AccessKey: own.AccessKey, SecretKey: own.SecretKey, TLS: tls})
}

func random(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails since Go 1.24
	return hex.EncodeToString(b)
}
