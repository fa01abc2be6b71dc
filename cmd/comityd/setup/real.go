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
	"path/filepath"

	"github.com/hashicorp/vault/api"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/cmd/comityd/service"
	"github.com/comity-platform/comity/crypto/custodian/vault"
	miniosetup "github.com/comity-platform/comity/deploy/minio"
	"github.com/comity-platform/comity/deploy/stack"
	"github.com/comity-platform/comity/deploy/union"
	vaultsetup "github.com/comity-platform/comity/deploy/vault"
	"github.com/comity-platform/comity/storage/postgres"
)

// region is MinIO's own.
const region = "us-east-1"

// Real sets the sample union up on real components, for a server that listens
// on address: in Vault, for each state, mounts and a login of least privilege;
// in MinIO, for each state, a bucket and a user; in PostgreSQL a database with
// its owner and the application's role, migrated. Root credentials are used
// here and end here: the configuration names none of them. What was set up
// before in dir is kept.
func Real(ctx context.Context, dir string, components *stack.Stack, address string) (service.Config, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return service.Config{}, fmt.Errorf("setup: %w", err)
	}
	cfg, folder, err := common(dir, address)
	if err != nil {
		return service.Config{}, err
	}
	if cfg.PostgresDSNFile, err = database(ctx, dir, components.Postgres); err != nil {
		return service.Config{}, err
	}
	root, err := vault.Config{Address: components.Vault.Addr}.Client()
	if err != nil {
		return service.Config{}, err
	}
	root.SetToken(components.Vault.RootToken)
	for _, s := range union.States() {
		home := filepath.Join(dir, "states", string(s))
		custodian, err := vaultState(ctx, home, root, components.Vault.Addr, s)
		if err != nil {
			return service.Config{}, err
		}
		store, err := minioState(ctx, home, components.MinIO, s)
		if err != nil {
			return service.Config{}, err
		}
		cfg.States[s] = service.StateConfig{Custodian: service.CustodianConfig{Vault: custodian}, Store: service.StoreConfig{S3: store}}
	}
	return cfg, publish(ctx, folder, cfg)
}

func vaultState(ctx context.Context, home string, root *api.Client, address string, s comity.State) (*service.VaultConfig, error) {
	credential, err := vaultsetup.Setup(ctx, root, vaultsetup.Options{Mount: mount(s)})
	if err != nil {
		return nil, err
	}
	file := filepath.Join(home, "vault-secret-id")
	if err := credential.WriteSecret(file); err != nil {
		return nil, fmt.Errorf("setup: %w", err)
	}
	return &service.VaultConfig{Address: address, Mount: mount(s), RoleID: credential.RoleID, SecretIDFile: file}, nil
}

func minioState(ctx context.Context, home string, m *stack.MinIO, s comity.State) (*service.S3Config, error) {
	file := filepath.Join(home, "s3-credentials.json")
	type credentials struct {
		AccessKey string `json:"accessKey"`
		SecretKey string `json:"secretKey"`
	}
	err := once(file, func() ([]byte, error) {
		return json.Marshal(credentials{mount(s) + "-" + random(4), random(20)})
	})
	if err != nil {
		return nil, err
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("setup: %w", err)
	}
	var c credentials
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, fmt.Errorf("setup: %s is damaged", file)
	}
	endpoint := "http://" + m.Endpoint
	err = miniosetup.Apply(ctx, miniosetup.Config{Endpoint: endpoint, RootUser: m.AccessKey, RootSecret: m.SecretKey, Region: region,
		Bucket: mount(s), AccessKey: c.AccessKey, SecretKey: c.SecretKey})
	if err != nil {
		return nil, err
	}
	return &service.S3Config{Endpoint: endpoint, Region: region, Bucket: mount(s), CredentialsFile: file}, nil
}

// database makes the database once, migrates it, and gives the file of the
// application role's address, which is all that the server gets.
func database(ctx context.Context, dir string, p *stack.Postgres) (dsnFile string, err error) {
	file := filepath.Join(dir, "database.json")
	var d stack.Database
	raw, err := os.ReadFile(file)
	switch {
	case err == nil:
		if err := json.Unmarshal(raw, &d); err != nil {
			return "", fmt.Errorf("setup: %s is damaged", file)
		}
	case errors.Is(err, fs.ErrNotExist):
		made, err := p.NewDatabase(ctx)
		if err != nil {
			return "", err
		}
		d = *made
		if raw, err = json.Marshal(d); err != nil {
			return "", fmt.Errorf("setup: %w", err)
		}
		if err := writeFile(file, raw); err != nil {
			return "", err
		}
	default:
		return "", fmt.Errorf("setup: %w", err)
	}
	if err := postgres.Migrate(ctx, d.OwnerDSN, d.App); err != nil {
		return "", err
	}
	dsnFile = filepath.Join(dir, "database-dsn")
	return dsnFile, writeFile(dsnFile, []byte(d.AppDSN+"\n"))
}

func random(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails since Go 1.24
	return hex.EncodeToString(b)
}
