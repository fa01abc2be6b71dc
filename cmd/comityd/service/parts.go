package service

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/custodian/keyring"
	"github.com/comity-platform/comity/crypto/custodian/vault"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/object"
	"github.com/comity-platform/comity/storage/object/directory"
	"github.com/comity-platform/comity/storage/object/s3"
	"github.com/comity-platform/comity/storage/postgres"
	"github.com/comity-platform/comity/storage/sqlite"
)

// Parts is what an exchange stands on, opened by a configuration: what the
// server, and whoever has its place, can reach.
type Parts struct {
	Directory *statement.Directory
	Verifier  *token.Verifier
	DB        storage.DB
	States    map[comity.State]exchange.State
	Log       LogKey

	served map[string]http.Handler // directory stores, by the path to mount them at
	closes []func(context.Context) error
}

// Close gives everything back.
func (p *Parts) Close(ctx context.Context) error {
	var errs []error
	for i := len(p.closes) - 1; i >= 0; i-- {
		errs = append(errs, p.closes[i](ctx))
	}
	return errors.Join(errs...)
}

// Open reads the manifests and opens the database, the custodians and the
// stores. A custodian or store that is merely away is waited for later; a
// database is not, since its schema must be seen.
func Open(ctx context.Context, cfg Config) (_ *Parts, err error) {
	cfg = cfg.filled()
	p := &Parts{States: map[comity.State]exchange.State{}, served: map[string]http.Handler{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close(context.WithoutCancel(ctx)))
		}
	}()
	if p.Directory, err = cfg.openDirectory(); err != nil {
		return nil, err
	}
	p.Verifier = token.NewVerifier(p.Directory, token.Options{Development: cfg.Profile == Development})
	if p.DB, err = cfg.openDatabase(ctx); err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	p.closes = append(p.closes, func(context.Context) error { return p.DB.Close() })
	if p.Log, err = cfg.Record.Open(ctx, cfg.Union); err != nil {
		return nil, fmt.Errorf("the key of the log: %w", err)
	}
	p.closes = append(p.closes, p.Log.Close)
	for _, name := range sortedKeys(cfg.States) {
		keys, err := cfg.openKeys(ctx, p, name)
		if err != nil {
			return nil, fmt.Errorf("the custodian of %s: %w", name, err)
		}
		store, err := cfg.openStore(p, name)
		if err != nil {
			return nil, fmt.Errorf("the object store of %s: %w", name, err)
		}
		cu := cfg.States[name].Custodian
		p.States[name] = exchange.State{Store: store, Custodian: custodian.New(custodian.Options{State: name, Directory: p.Directory,
			Verifier: p.Verifier, Quota: custodian.Quota{PerSecond: cu.KeysPerSecond, Burst: cu.KeysAtOnce}}, keys)}
	}
	return p, nil
}

func (c Config) openDatabase(ctx context.Context) (storage.DB, error) {
	if c.SQLite != "" {
		return sqlite.Open(ctx, c.SQLite, sqlite.Options{})
	}
	dsn, err := ReadDSN(c.PostgresDSNFile)
	if err != nil {
		return nil, err
	}
	return postgres.Open(ctx, dsn, postgres.Options{})
}

// ReadDSN reads the address of a PostgreSQL database from its file.
func ReadDSN(path string) (string, error) {
	raw, err := readLimited(path, maxConfigFile)
	return strings.TrimSpace(string(raw)), err
}

func (c Config) openKeys(ctx context.Context, p *Parts, name comity.State) (custodian.Keys, error) {
	cu := c.States[name].Custodian
	if cu.Vault == nil {
		return keyring.Open(cu.Keyring)
	}
	keys, err := vault.Open(ctx, cu.Vault.config())
	if err != nil {
		return nil, err
	}
	p.closes = append(p.closes, keys.Close)
	return keys, nil
}

func (c Config) openStore(p *Parts, name comity.State) (object.Store, error) {
	st := c.States[name].Store
	if st.S3 == nil {
		store, err := directory.Open(st.Directory, StoreURL(c.ExternalURL, name))
		if err != nil {
			return nil, err
		}
		p.served[store.Prefix()] = store
		p.closes = append(p.closes, func(context.Context) error { return store.Close() })
		return store, nil
	}
	conf, err := st.S3.config()
	if err != nil {
		return nil, err
	}
	return s3.New(conf)
}

func (v VaultConfig) config() vault.Config {
	return vault.Config{Address: v.Address, Namespace: v.Namespace, CACert: v.CACert, Mount: v.Mount, RoleID: v.RoleID,
		SecretIDFile: v.SecretIDFile, ClientCert: v.ClientCert, ClientKey: v.ClientKey, Timeout: time.Duration(v.Timeout)}
}

func (s S3Config) config() (s3.Config, error) {
	cred, err := ReadCredentials(s.CredentialsFile)
	if err != nil {
		return s3.Config{}, err
	}
	conf := s3.Config{Endpoint: s.Endpoint, PublicEndpoint: s.PublicEndpoint, Region: s.Region, Bucket: s.Bucket,
		AccessKey: cred.AccessKey, SecretKey: cred.SecretKey}
	conf.TLS, err = s.TLS()
	return conf, err
}

// TLS trusts the authority of CACert; nil without one.
func (s S3Config) TLS() (*tls.Config, error) {
	if s.CACert == "" {
		return nil, nil
	}
	pem, err := readLimited(s.CACert, maxConfigFile)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", s.CACert)
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
}

// publicURL is the bucket's address as agencies see it, which the state's
// manifest names.
func (s S3Config) publicURL() string {
	endpoint := s.PublicEndpoint
	if endpoint == "" {
		endpoint = s.Endpoint
	}
	return strings.TrimSuffix(endpoint, "/") + "/" + s.Bucket
}

// Check opens the bucket as the server does and says what it lacks.
func (s S3Config) Check(ctx context.Context) error {
	conf, err := s.config()
	if err != nil {
		return err
	}
	store, err := s3.New(conf)
	if err != nil {
		return err
	}
	return store.Check(ctx)
}

// Keys opens a state's keys as the server does. It is for whoever sets a state
// up and needs its public statement key for the manifest.
func (c CustodianConfig) Keys(ctx context.Context) (custodian.Keys, func(context.Context) error, error) {
	p := &Parts{}
	keys, err := Config{States: States{"": {Custodian: c}}}.openKeys(ctx, p, "")
	return keys, p.Close, err
}

// PublicURL is where agencies reach a state's store.
func (s StoreConfig) PublicURL(externalURL string, state comity.State) string {
	if s.S3 != nil {
		return s.S3.publicURL()
	}
	return StoreURL(externalURL, state)
}

// cursorKey reads the key of cursors; in development it may be a fresh one.
func (c Config) cursorKey() (key [32]byte, err error) {
	if c.CursorKeyFile == "" {
		_, _ = rand.Read(key[:]) // never fails since Go 1.24
		return key, nil
	}
	raw, err := os.ReadFile(c.CursorKeyFile)
	if err != nil {
		return key, err
	}
	return parseCursorKey(raw)
}
