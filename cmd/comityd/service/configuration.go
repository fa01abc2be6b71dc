package service

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"os"
	"runtime/debug"

	"github.com/comity-platform/comity/exchange"
)

// tellConfiguration has the record of acts tell every state by what this server goes.
// What was told already is not told again.
func (s *Service) tellConfiguration(ctx context.Context) error {
	hash, err := s.cfg.hash()
	if err != nil {
		return err
	}
	return s.exchange.TellConfiguration(ctx, exchange.Configuration{Version: version(), Hash: hash})
}

// hash is over the settings that all servers of an exchange have in common. Secrets
// are never settings. Where a server listens and keeps its files is its own: of a file
// it tells that there is one, and of the pinned roots what stands in them.
func (c Config) hash() (string, error) {
	c.Listen, c.MetricsListen, c.TLSCert, c.TLSKey, c.ManifestsSeen, c.LogLevel, c.LogFormat = "", "", "", "", "", "", ""
	if c.Roots != "" {
		roots, err := os.ReadFile(c.Roots)
		if err != nil {
			return "", err
		}
		sum := sha256.Sum256(roots)
		c.Roots = hex.EncodeToString(sum[:])
	}
	for _, path := range []*string{&c.Manifests, &c.SQLite, &c.PostgresDSNFile, &c.CursorKeyFile, &c.Record.Key} {
		*path = given(*path)
	}
	c.Record.Vault = c.Record.Vault.common()
	c.States = maps.Clone(c.States)
	for s, of := range c.States {
		of.Witness, of.WitnessCACert = given(of.Witness), given(of.WitnessCACert)
		of.Custodian.Keyring, of.Custodian.Vault = given(of.Custodian.Keyring), of.Custodian.Vault.common()
		of.Store.Directory = given(of.Store.Directory)
		if of.Store.S3 != nil {
			s3 := *of.Store.S3
			s3.CredentialsFile, s3.CACert = given(s3.CredentialsFile), given(s3.CACert)
			of.Store.S3 = &s3
		}
		c.States[s] = of
	}
	raw, err := json.Marshal(c) // of structures and sorted maps: always the same for the same
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:]), err
}

// common is a Vault's part of the hash.
func (v *VaultConfig) common() *VaultConfig {
	if v == nil {
		return nil
	}
	c := *v
	for _, path := range []*string{&c.CACert, &c.SecretIDFile, &c.ClientCert, &c.ClientKey} {
		*path = given(*path)
	}
	return &c
}

// given stands for a path of this host.
func given(path string) string {
	if path == "" {
		return ""
	}
	return "given"
}

// version is that of this program's module, or the commit that it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	for _, kv := range info.Settings {
		if kv.Key == "vcs.revision" && (v == "(devel)" || v == "") {
			v = kv.Value
		}
	}
	return v
}
