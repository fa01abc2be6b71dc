package setup

import (
	"context"
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
	"github.com/comity-platform/comity/deploy/stack"
	"github.com/comity-platform/comity/deploy/union"
	vaultsetup "github.com/comity-platform/comity/deploy/vault"
	"github.com/comity-platform/comity/storage/postgres"
)

// region is MinIO's own.
const region = "us-east-1"

// recordMount is what the exchange's own mount and login in Vault are called by.
const recordMount = "comity-exchange"

// Real sets the sample union up on real components, for a server that listens
// on address: in Vault, for each state, mounts and a login of least privilege;
// in MinIO, for each state, a bucket and a user; in PostgreSQL a database with
// its owner and the application's role, migrated. Root credentials are used
// here and end here: the configuration names none of them. What was set up
// before in dir is kept. witnesses are the addresses of the states' witnesses
// that run by themselves; nil: all run in the server's process.
func Real(ctx context.Context, dir string, components *stack.Stack, address string, witnesses map[comity.State]string) (service.Config, error) {
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
	cfg.Record.Vault = &service.VaultConfig{Address: components.Vault.Addr, Mount: recordMount, SecretIDFile: filepath.Join(dir, "record-secret-id")}
	if err := Record(ctx, root, cfg.Record.Vault, vaultsetup.Options{}); err != nil {
		return service.Config{}, err
	}
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
		state := service.StateConfig{Custodian: service.CustodianConfig{Vault: custodian}, Store: service.StoreConfig{S3: store}}
		if witnesses[s] == "" {
			state.Witness = Witness(dir, s)
		}
		cfg.States[s] = state
	}
	return cfg, publish(ctx, dir, folder, cfg, witnesses)
}

func vaultState(ctx context.Context, home string, root *api.Client, address string, s comity.State) (*service.VaultConfig, error) {
	cfg := service.VaultConfig{Address: address, Mount: mount(s), SecretIDFile: filepath.Join(home, "vault-secret-id")}
	return &cfg, Vault(ctx, root, &cfg, vaultsetup.Options{})
}

func minioState(ctx context.Context, home string, m *stack.MinIO, s comity.State) (*service.S3Config, error) {
	cfg := service.S3Config{Endpoint: "http://" + m.Endpoint, Region: region, Bucket: mount(s), CredentialsFile: filepath.Join(home, "s3-credentials.json")}
	_, err := MinIO(ctx, cfg, service.Credentials{AccessKey: m.AccessKey, SecretKey: m.SecretKey})
	return &cfg, err
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
