package service

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// TestConfigurationHash: what all servers have in common moves it, and what is each
// one's own does not.
func TestConfigurationHash(t *testing.T) {
	hash := func(change func(*Config)) string {
		c := Config{Union: "u", Listen: "a:1", AgencyRate: 5, States: States{"KZ": {Witness: "w"}, "AM": {}}}
		change(&c)
		h, err := c.hash()
		if err != nil || len(h) != 64 || strings.Trim(h, "0123456789abcdef") != "" {
			t.Fatalf("%q, %v", h, err)
		}
		return h
	}
	is := hash(func(*Config) {})
	for what, change := range map[string]func(*Config){"listen": func(c *Config) { c.Listen = "b:2" }, "metrics": func(c *Config) { c.MetricsListen = "b:2" },
		"certificate": func(c *Config) { c.TLSCert, c.TLSKey = "x", "y" }, "log": func(c *Config) { c.LogLevel = "debug" }} {
		if hash(change) != is {
			t.Errorf("%s of one server moves the hash", what)
		}
	}
	for what, change := range map[string]func(*Config){"union": func(c *Config) { c.Union = "v" }, "rate": func(c *Config) { c.AgencyRate = 6 },
		"a state's custodian": func(c *Config) {
			c.States = States{"KZ": {Witness: "w", Custodian: CustodianConfig{KeysPerSecond: 99}}, "AM": {}}
		},
		"trusted only": func(c *Config) { c.TrustedOnly = true }} {
		if hash(change) == is {
			t.Errorf("another %s leaves the hash as it was", what)
		}
	}
}

// TestConfigurationHashOfHosts: two servers whose files lie elsewhere go by the same;
// one with other roots, or without a file that the other has, does not.
func TestConfigurationHashOfHosts(t *testing.T) {
	on := func(roots string) Config {
		dir := t.TempDir()
		at := func(name string) string { return filepath.Join(dir, name) }
		if err := os.WriteFile(at("roots"), []byte(roots), 0o600); err != nil {
			t.Fatal(err)
		}
		v := func() *VaultConfig {
			return &VaultConfig{Address: "https://vault", CACert: at("ca"), SecretIDFile: at("secret"), ClientCert: at("cert"), ClientKey: at("key")}
		}
		return Config{Union: "u", TLSCert: at("tls"), TLSKey: at("tls-key"), Roots: at("roots"), Manifests: at("m"), ManifestsSeen: at("seen"), SQLite: at("db"),
			PostgresDSNFile: at("dsn"), CursorKeyFile: at("cursor"), Record: RecordConfig{Key: at("log-key"), Vault: v()}, States: States{
				"AM": {Custodian: CustodianConfig{Keyring: at("keyring")}, Store: StoreConfig{Directory: at("store")}, Witness: at("witness")},
				"KZ": {Custodian: CustodianConfig{Vault: v()}, Store: StoreConfig{S3: &S3Config{Endpoint: "https://s3", CredentialsFile: at("s3"), CACert: at("s3-ca")}}, WitnessCACert: at("w-ca")}}}
	}
	of := func(c Config) string {
		h, err := c.hash()
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	one, other := on("r"), on("r")
	for f := range reflect.ValueOf(one).NumField() { // no path of the settings is left out here
		field := reflect.TypeOf(one).Field(f)
		if p := field.Tag.Get("placeholder"); (p == "FILE" || p == "DIR") && field.Name != "File" && reflect.ValueOf(one).Field(f).IsZero() {
			t.Errorf("%s is a path of which this test does not know", field.Name)
		}
	}
	is, witness := of(one), one.States["AM"].Witness
	if of(other) != is {
		t.Error("where the files lie moves the hash")
	}
	if one.States["AM"].Witness != witness || one.States["KZ"].Store.S3.CACert == "given" || one.Record.Vault.CACert == "given" {
		t.Error("the hash changes the configuration")
	}
	if of(on("other roots")) == is {
		t.Error("other roots leave the hash as it was")
	}
	kz := other.States["KZ"]
	kz.WitnessCACert = ""
	other.States["KZ"] = kz
	if of(other) == is {
		t.Error("a file less leaves the hash as it was")
	}
	one.Roots += "-gone"
	if _, err := one.hash(); err == nil {
		t.Error("roots that cannot be read have a hash")
	}
}
