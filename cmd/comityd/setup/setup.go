// Package setup lays out a whole sample union on this machine and gives the
// configuration of a server for it: with the embedded adapters, in one
// directory, for the demo; or on a real Vault, MinIO and PostgreSQL, for
// "comityd up". In a real union each state sets up its own parts, by itself.
package setup

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/cmd/comityd/service"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/deploy/union"
	"github.com/comity-platform/comity/internal/durable"
	"github.com/comity-platform/comity/sovereignty"
)

// Embedded lays out the sample union in dir, for a server that listens on
// address and stands on nothing but files below dir. Laid out before, it keeps
// its roots, keys and records; manifests are signed anew where an address changed.
func Embedded(ctx context.Context, dir, address string) (service.Config, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return service.Config{}, fmt.Errorf("setup: %w", err)
	}
	cfg, folder, err := common(dir, address)
	if err != nil {
		return service.Config{}, err
	}
	cfg.SQLite = filepath.Join(dir, "comity.db")
	for _, s := range union.States() {
		home := filepath.Join(dir, "states", string(s))
		if err := os.MkdirAll(home, 0o700); err != nil {
			return service.Config{}, fmt.Errorf("setup: %w", err)
		}
		cfg.States[s] = service.StateConfig{
			Custodian: service.CustodianConfig{Keyring: filepath.Join(home, "keyring")},
			Store:     service.StoreConfig{Directory: filepath.Join(home, "store")},
			Witness:   Witness(dir, s),
		}
	}
	cfg.Record.Key = LogKey(dir)
	return cfg, publish(ctx, dir, folder, cfg, nil)
}

// common is what both ways of setting up share.
func common(dir, address string) (service.Config, *union.Folder, error) {
	folder, err := union.Open(filepath.Join(dir, "union"))
	if err != nil {
		return service.Config{}, nil, err
	}
	cursors := filepath.Join(dir, "cursor-key")
	if err := once(cursors, func() ([]byte, error) {
		var key [32]byte
		_, _ = rand.Read(key[:]) // never fails since Go 1.24
		return []byte(base64.StdEncoding.EncodeToString(key[:]) + "\n"), nil
	}); err != nil {
		return service.Config{}, nil, err
	}
	return service.Config{
		Profile: service.Development, DevelopmentIssuers: true,
		Listen: address, ExternalURL: "http://" + address,
		Union: union.Name, Roots: folder.Roots(), Manifests: folder.Manifests(), ManifestsSeen: filepath.Join(dir, "manifests-seen.json"),
		CursorKeyFile: cursors, States: service.States{},
	}, folder, nil
}

// publish signs the manifests: they carry the statement keys that the
// custodians really have, and the addresses that the server really uses.
// witnesses are the addresses of those that run by themselves; the others run in
// the server's process.
func publish(ctx context.Context, dir string, folder *union.Folder, cfg service.Config, witnesses map[comity.State]string) error {
	policies, err := sovereignty.Load()
	if err != nil {
		return err
	}
	logKey, err := logPublic(ctx, cfg)
	if err != nil {
		return err
	}
	places := map[comity.State]union.Place{}
	for s, state := range cfg.States {
		key, err := StatementKey(ctx, state.Custodian)
		if err != nil {
			return fmt.Errorf("setup: the statement key of %s: %w", s, err)
		}
		url := statement.Embedded
		if at, ok := witnesses[s]; ok {
			url = "http://" + at
		}
		trust, err := logTrust(ctx, dir, s, url, logKey)
		if err != nil {
			return err
		}
		places[s] = union.Place{Issuer: service.IssuerURL(cfg.ExternalURL, s), Store: state.Store.PublicURL(cfg.ExternalURL, s),
			StatementKeys: []json.RawMessage{key}, Log: trust}
	}
	return folder.Publish(ctx, places, policies.Hash(), time.Now())
}

// StatementKey is the public part of a state's statement key, as its manifest
// lists it.
func StatementKey(ctx context.Context, c service.CustodianConfig) (raw json.RawMessage, err error) {
	keys, done, err := c.Keys(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done(ctx)) }()
	signer, err := keys.Signer(ctx)
	if err != nil {
		return nil, err
	}
	return statement.RawJWK(signer)
}

// once makes a file for its owner's eyes only, unless it is there.
func once(path string, content func() ([]byte, error)) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	raw, err := content()
	if err != nil {
		return err
	}
	return writeFile(path, raw)
}

// writeFile replaces a file whole, for its owner's eyes only, and makes its folder.
func writeFile(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("setup: %w", err)
	}
	if err := durable.WriteFile(path, data, 0o600); err != nil {
		return fmt.Errorf("setup: %w", err)
	}
	return nil
}

// mount is what a state's mounts, bucket and user are called by.
func mount(s comity.State) string { return "comity-" + strings.ToLower(string(s)) }
