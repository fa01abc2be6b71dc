package service_test

import (
	"encoding/base64"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit/notekey"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/cmd/comityd/service"
	"github.com/comity-platform/comity/deploy/stack/stacktest"
	"github.com/comity-platform/comity/exchange"
)

// has reports whether a fault stands at a place and says something.
func has(faults []service.Fault, where, message string) bool {
	return slices.ContainsFunc(faults, func(f service.Fault) bool {
		return strings.Contains(f.Where, where) && strings.Contains(f.Message, message)
	})
}

func file(t *testing.T, content string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(path, []byte(content), 0o600))
	must(t, os.Chmod(path, mode))
	return path
}

// state changes one state's parts in a copy.
func state(cfg *service.Config, s comity.State, change func(*service.StateConfig)) {
	states := service.States{}
	for k, v := range cfg.States {
		states[k] = v
	}
	v := states[s]
	change(&v)
	states[s] = v
	cfg.States = states
}

// logKey makes a key of a union's log.
func logKey(t *testing.T, union string) string {
	t.Helper()
	key, err := notekey.New(verify.Origin(union))
	must(t, err)
	return key
}

func TestCheckNamesFaults(t *testing.T) {
	base, _, _ := embedded(t)
	if faults := service.Check(t.Context(), base); len(faults) > 0 {
		t.Fatalf("the sample configuration has faults: %v", faults)
	}
	key := base64.StdEncoding.EncodeToString(make([]byte, 32))
	for name, test := range map[string]struct {
		change         func(*service.Config)
		where, message string
	}{
		"profile":         {func(c *service.Config) { c.Profile = "prod" }, "profile", "neither"},
		"address":         {func(c *service.Config) { c.Listen = "8443" }, "listen", "not an address"},
		"metrics address": {func(c *service.Config) { c.MetricsListen = "x" }, "metricsListen", "not an address"},
		"url":             {func(c *service.Config) { c.ExternalURL = "exchange.example" }, "externalUrl", "not a URL"},
		"cert alone":      {func(c *service.Config) { c.TLSCert = "cert.pem" }, "tlsKey", "both"},
		"key alone":       {func(c *service.Config) { c.TLSKey = "key.pem" }, "tlsCert", "both"},
		"bad cert":        {func(c *service.Config) { c.TLSCert, c.TLSKey = file(t, "x", 0o600), file(t, "y", 0o600) }, "tlsCert", "cannot be used"},
		"no database":     {func(c *service.Config) { c.SQLite = "" }, "postgresDsnFile", "no database"},
		"two databases":   {func(c *service.Config) { c.PostgresDSNFile = "x" }, "sqlite", "two"},
		"sqlite nowhere":  {func(c *service.Config) { c.SQLite = "/nowhere/comity.db" }, "sqlite", "/nowhere"},
		"no dsn file":     {func(c *service.Config) { c.SQLite, c.PostgresDSNFile = "", "/nowhere/dsn" }, "postgresDsnFile", "/nowhere/dsn"},
		"bad dsn": {func(c *service.Config) {
			c.SQLite, c.PostgresDSNFile = "", file(t, "postgres://u:hunter2@h:x/d", 0o600)
		}, "postgresDsnFile", "no PostgreSQL address"},
		"bad cursor key": {func(c *service.Config) { c.CursorKeyFile = file(t, key[:20], 0o600) }, "cursorKeyFile", "32 bytes"},
		"level":          {func(c *service.Config) { c.LogLevel = "loud" }, "logLevel", "loud"},
		"format":         {func(c *service.Config) { c.LogFormat = "xml" }, "logFormat", "xml"},
		"limit":          {func(c *service.Config) { c.MaxRequests = -1 }, "maxRequests", "less than one"},
		"agency's rate":  {func(c *service.Config) { c.AgencyRate = -1 }, "agencyRate", "less than one"},
		"proxies":        {func(c *service.Config) { c.Proxies = []string{"10.0.0.1"} }, "proxies", "not a network"},
		"period":         {func(c *service.Config) { c.Drain = -1 }, "drain", "not a period"},
		"long requests":  {func(c *service.Config) { c.RequestTimeout = service.Duration(exchange.SettleAfter) }, "requestTimeout", "not below 1m30s"},
		"open issuers":   {func(c *service.Config) { c.Listen = "0.0.0.0:1" }, "developmentIssuers", "other machines"},
		"no union":       {func(c *service.Config) { c.Union = "" }, "union", "missing"},
		"other union":    {func(c *service.Config) { c.Union = "another" }, "KZ.jws", "not \"another\""},
		"no roots":       {func(c *service.Config) { c.Roots = "" }, "roots", "missing"},
		"bad roots":      {func(c *service.Config) { c.Roots = file(t, `{"KZ": {}}`, 0o600) }, "file", "KZ"},
		"no manifests":   {func(c *service.Config) { c.Manifests = "/nowhere" }, "manifests", "/nowhere"},
		"no states":      {func(c *service.Config) { c.States = nil }, "states", "none"},
		"unknown state": {func(c *service.Config) {
			state(c, "XX", func(s *service.StateConfig) { *s = c.States["KZ"] })
		}, "states/XX", "no root is pinned"},
		"no key of the log":   {func(c *service.Config) { c.Record = service.RecordConfig{} }, "record", "no key"},
		"two keys of the log": {func(c *service.Config) { c.Record.Vault = &service.VaultConfig{} }, "record", "two"},
		"no such key file":    {func(c *service.Config) { c.Record.Key = "/nowhere/key" }, "record/key", "/nowhere/key"},
		"a key that is none":  {func(c *service.Config) { c.Record.Key = file(t, "hunter2", 0o600) }, "record/key", "not the text of a private"},
		"a key others read":   {func(c *service.Config) { c.Record.Key = file(t, logKey(t, c.Union), 0o644) }, "record/key", "read by others"},
		"another log's key":   {func(c *service.Config) { c.Record.Key = file(t, logKey(t, "another"), 0o600) }, "record/key", "this union's log is"},
		"a key not accepted":  {func(c *service.Config) { c.Record.Key = file(t, logKey(t, c.Union), 0o600) }, "KZ.jws:/log/keys", "does not name the key"},
		"a log's remote vault": {func(c *service.Config) {
			c.Record = service.RecordConfig{Vault: &service.VaultConfig{Address: "http://vault.example:8200", Mount: "x", RoleID: "r", SecretIDFile: file(t, "s", 0o600)}}
		}, "record/vault", "plain http"},
		"no custodian": {func(c *service.Config) {
			state(c, "KZ", func(s *service.StateConfig) { s.Custodian = service.CustodianConfig{} })
		}, "states/KZ/custodian", "none"},
		"two custodians": {func(c *service.Config) {
			state(c, "KZ", func(s *service.StateConfig) { s.Custodian.Vault = &service.VaultConfig{} })
		}, "states/KZ/custodian", "two"},
		"half a quota": {func(c *service.Config) {
			state(c, "KZ", func(s *service.StateConfig) { s.Custodian.KeysAtOnce = 3 })
		}, "states/KZ/custodian", "quota"},
		"remote vault over http": {func(c *service.Config) {
			state(c, "KZ", func(s *service.StateConfig) {
				s.Custodian = service.CustodianConfig{Vault: &service.VaultConfig{Address: "http://vault.example:8200", Mount: "kz", RoleID: "r", SecretIDFile: file(t, "s", 0o600)}}
			})
		}, "states/KZ/custodian/vault", "plain http"},
		"vault without login": {func(c *service.Config) {
			state(c, "KZ", func(s *service.StateConfig) {
				s.Custodian = service.CustodianConfig{Vault: &service.VaultConfig{Address: "https://vault.example", Mount: "kz"}}
			})
		}, "states/KZ/custodian/vault", "either an AppRole"},
		"no store": {func(c *service.Config) {
			state(c, "AM", func(s *service.StateConfig) { s.Store = service.StoreConfig{} })
		}, "states/AM/store", "none"},
		"two stores": {func(c *service.Config) {
			state(c, "AM", func(s *service.StateConfig) { s.Store.S3 = &service.S3Config{} })
		}, "states/AM/store", "two"},
		"store elsewhere": {func(c *service.Config) {
			state(c, "AM", func(s *service.StateConfig) {
				s.Store = service.StoreConfig{S3: &service.S3Config{Endpoint: "https://s3.example", Region: "r", Bucket: "b",
					CredentialsFile: file(t, `{"accessKey":"a","secretKey":"s"}`, 0o600)}}
			})
		}, "states/AM/store", "the manifest of AM"},
		"no witness": {func(c *service.Config) {
			state(c, "AM", func(s *service.StateConfig) { s.Witness = "" })
		}, "states/AM", "its witness runs in this process"},
		"another state's witness": {func(c *service.Config) {
			state(c, "AM", func(s *service.StateConfig) { s.Witness = c.States["KZ"].Witness })
		}, "states/AM/witness", "the manifest does not name the key of the witness"},
		"a witness's folder shared": {func(c *service.Config) {
			state(c, "KZ", func(s *service.StateConfig) { s.Witness = c.States["AM"].Witness })
		}, "states/KZ/witness", "shares a witness's folder"},
		"bad authority of a witness": {func(c *service.Config) {
			state(c, "AM", func(s *service.StateConfig) { s.WitnessCACert = file(t, "hunter2", 0o600) })
		}, "states/AM/witnessCaCert", "no certificate"},
		"bad credentials": {func(c *service.Config) {
			state(c, "AM", func(s *service.StateConfig) {
				s.Store = service.StoreConfig{S3: &service.S3Config{Endpoint: "https://s3.example", Region: "r", Bucket: "b", CredentialsFile: file(t, `hunter2`, 0o600)}}
			})
		}, "states/AM/store/s3", "not of the form"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := base
			test.change(&cfg)
			faults := service.Check(t.Context(), cfg)
			if !has(faults, test.where, test.message) {
				t.Errorf("no fault at %q saying %q; there are: %v", test.where, test.message, faults)
			}
			for _, f := range faults {
				if strings.Contains(f.Error(), "hunter2") {
					t.Errorf("the fault repeats a secret: %v", f)
				}
			}
			if _, err := service.New(t.Context(), cfg, service.Options{Log: io.Discard}); err == nil {
				t.Error("the server starts all the same")
			}
		})
	}
}

// TestProductionRefuses: everything that is unsafe, named at once.
func TestProductionRefuses(t *testing.T) {
	cfg, _, dir := embedded(t)
	cfg.Profile, cfg.CursorKeyFile = service.Production, ""
	cfg.ExternalURL, cfg.Listen = "http://exchange.example", "0.0.0.0:8443"
	must(t, os.Chmod(filepath.Join(dir, "states"), 0o755))
	must(t, os.Chmod(filepath.Join(dir, "states", "KZ", "keyring"), 0o755))
	state(&cfg, "AM", func(s *service.StateConfig) {
		s.Store = service.StoreConfig{S3: &service.S3Config{Endpoint: "http://s3.example", Region: "r", Bucket: "b",
			CredentialsFile: file(t, `{"accessKey":"a","secretKey":"s"}`, 0o644)}}
		s.Custodian = service.CustodianConfig{Vault: &service.VaultConfig{Address: "http://vault.example", Mount: "am", RoleID: "r", SecretIDFile: file(t, "s", 0o604)}}
	})
	faults := service.Check(t.Context(), cfg)
	for _, want := range []struct{ where, message string }{
		{"listen", "there is no TLS"}, {"externalUrl", "not https"}, {"sqlite", "PostgreSQL"}, {"cursorKeyFile", "missing"},
		{"developmentIssuers", "any officer's token"}, {"manifests", "development issuer"},
		{"states/KZ/custodian/keyring", "take a vault"}, {"states/KZ/custodian/keyring", "every user"}, {"states/KZ/store/directory", "object lock"},
		{"record/key", "take a vault"}, {"states/KZ/witness", "watches nobody"}, {"KZ.jws:/log/witnessUrl", "refused in production"},
		{"states/AM/custodian/vault", "plain http"}, {"states/AM/custodian/vault/secretIdFile", "every user"},
		{"states/AM/store/s3/endpoint", "plain http"}, {"states/AM/store/s3/credentialsFile", "every user"},
	} {
		if !has(faults, want.where, want.message) {
			t.Errorf("no fault at %q saying %q", want.where, want.message)
		}
	}
	for _, dsn := range []string{"postgres://u:p@db.example/d", "postgres://u:p@db.example/d?sslmode=require", "postgres://u:p@db.example/d?sslmode=prefer"} {
		cfg.SQLite, cfg.PostgresDSNFile = "", file(t, dsn, 0o600)
		if !has(service.Check(t.Context(), cfg), "postgresDsnFile", "verified TLS") {
			t.Errorf("%s is taken in production", dsn)
		}
	}
	cfg.PostgresDSNFile = file(t, "postgres://u:p@db.example/d?sslmode=verify-full", 0o600)
	if has(service.Check(t.Context(), cfg), "postgresDsnFile", "") {
		t.Error("verified TLS is refused")
	}
	if _, err := service.New(t.Context(), cfg, service.Options{Log: io.Discard}); err == nil {
		t.Error("the server starts all the same")
	}
}

// TestNamespaceOnCommunity: a Vault that ignores namespaces would mix the keys of states.
func TestNamespaceOnCommunity(t *testing.T) {
	cfg, _, _ := embedded(t)
	v := stacktest.TestVault(t)
	state(&cfg, "KZ", func(s *service.StateConfig) {
		s.Custodian = service.CustodianConfig{Vault: &service.VaultConfig{Address: v.Addr, Namespace: "kz", Mount: "kz", RoleID: "r", SecretIDFile: file(t, "s", 0o600)}}
	})
	if faults := service.Check(t.Context(), cfg); !has(faults, "states/KZ/custodian/vault/namespace", "Community") {
		t.Errorf("the faults are %v", faults)
	}
}
