package service_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity/cmd/comityd/service"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/deploy/stack/stacktest"
	"github.com/comity-platform/comity/internal/durable"
	"github.com/comity-platform/comity/storage/postgres"
)

// TestPinnedStateWithoutParts: each state that is left out is named.
func TestPinnedStateWithoutParts(t *testing.T) {
	cfg, _, _ := embedded(t)
	cfg.States = service.States{"KZ": cfg.States["KZ"], "AM": cfg.States["AM"]}
	faults := service.Check(t.Context(), cfg)
	for _, s := range []string{"BY", "KG", "RU", "TJ", "UZ"} {
		if !has(faults, "states/"+s, "where its custodian and store are") {
			t.Errorf("%s is not named: %v", s, faults)
		}
	}
	if len(faults) != 5 {
		t.Errorf("%d faults: %v", len(faults), faults)
	}
}

// TestTwoStatesShareNothing: neither a Vault's mount nor a bucket, however its
// address is spelled.
func TestTwoStatesShareNothing(t *testing.T) {
	base, _, _ := embedded(t)
	vault := func(address, mount string) func(*service.StateConfig) {
		return func(s *service.StateConfig) {
			s.Custodian = service.CustodianConfig{Vault: &service.VaultConfig{Address: address, Mount: mount, RoleID: "r", SecretIDFile: file(t, "s", 0o600)}}
		}
	}
	bucket := func(endpoint, public, name string) func(*service.StateConfig) {
		return func(s *service.StateConfig) {
			s.Store = service.StoreConfig{S3: &service.S3Config{Endpoint: endpoint, PublicEndpoint: public, Region: "r", Bucket: name,
				CredentialsFile: file(t, `{"accessKey":"a","secretKey":"s"}`, 0o600)}}
		}
	}
	for name, test := range map[string]struct {
		am, kz func(*service.StateConfig)
		where  string // "" when they share nothing
	}{
		"mount":           {vault("https://vault.example", "x"), vault("https://VAULT.example:443/", "x"), "states/KZ/custodian/vault"},
		"other mount":     {vault("https://vault.example", "am"), vault("https://vault.example", "kz"), ""},
		"other vault":     {vault("https://am.example", "x"), vault("https://kz.example", "x"), ""},
		"bucket":          {bucket("https://s3.example", "", "x"), bucket("https://s3.example:443", "", "x"), "states/KZ/store/s3"},
		"public endpoint": {bucket("https://am.example", "https://s3.example", "x"), bucket("https://kz.example", "https://s3.example/", "x"), "states/KZ/store/s3/publicEndpoint"},
		"other bucket":    {bucket("https://s3.example", "", "am"), bucket("https://s3.example", "", "kz"), ""},
		"keyring": {func(*service.StateConfig) {}, func(s *service.StateConfig) { s.Custodian.Keyring = base.States["AM"].Custodian.Keyring + "/" },
			"states/KZ/custodian/keyring"},
		"directory": {func(*service.StateConfig) {}, func(s *service.StateConfig) { s.Store.Directory = base.States["AM"].Store.Directory }, "states/KZ/store/directory"},
	} {
		cfg := base
		state(&cfg, "AM", test.am)
		state(&cfg, "KZ", test.kz)
		faults := service.Check(t.Context(), cfg)
		if test.where == "" && has(faults, "", "shares") || test.where != "" && !has(faults, test.where, "with AM; each state has its own") {
			t.Errorf("%s: %v", name, faults)
		}
	}
}

// TestCertificateOfAnotherTimeOrName: one that no client would take.
func TestCertificateOfAnotherTimeOrName(t *testing.T) {
	cfg, _, dir := embedded(t)
	cfg.TLSCert, cfg.TLSKey = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	cfg.ExternalURL = "https://exchange.example"
	make := func(from, to time.Duration, names ...string) {
		t.Helper()
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		must(t, err)
		template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: names, NotBefore: time.Now().Add(from), NotAfter: time.Now().Add(to)}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		must(t, err)
		private, err := x509.MarshalPKCS8PrivateKey(key)
		must(t, err)
		must(t, durable.WriteFile(cfg.TLSKey, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
		must(t, durable.WriteFile(cfg.TLSCert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	}
	for _, test := range []struct {
		from, to time.Duration
		name     string
		message  string
	}{
		{-2 * time.Hour, -time.Hour, "exchange.example", "expired on"},
		{time.Hour, 2 * time.Hour, "exchange.example", "is valid from"},
		{-time.Hour, time.Hour, "another.example", "not made for exchange.example"},
	} {
		make(test.from, test.to, test.name)
		if faults := service.Check(t.Context(), cfg); !has(faults, "tlsCert", test.message) {
			t.Errorf("wanted %q: %v", test.message, faults)
		}
	}
	make(-time.Hour, time.Hour, "exchange.example")
	if faults := service.Check(t.Context(), cfg); has(faults, "tlsCert", "") {
		t.Errorf("a good one: %v", faults)
	}
}

// TestPostgresRoleIsNamed: check-config names a role that may too much, and a
// server does not start as it.
func TestPostgresRoleIsNamed(t *testing.T) {
	p := stacktest.TestPostgres(t)
	d, err := p.NewDatabase(t.Context())
	must(t, err)
	must(t, postgres.Migrate(t.Context(), d.OwnerDSN, d.App))
	cfg, _, _ := embedded(t)
	cfg.SQLite = ""
	for dsn, message := range map[string]string{d.OwnerDSN: "owns the schema", p.DSN(d.Name): "superuser"} {
		cfg.PostgresDSNFile = file(t, dsn, 0o600)
		if faults := service.Check(t.Context(), cfg); !has(faults, "postgresDsnFile", message) {
			t.Errorf("wanted %q: %v", message, faults)
		}
		if _, err := service.New(t.Context(), cfg, service.Options{Log: io.Discard}); err == nil || !strings.Contains(err.Error(), message) {
			t.Errorf("it starts: %v", err)
		}
	}
	cfg.PostgresDSNFile = file(t, d.AppDSN, 0o600)
	if faults := service.Check(t.Context(), cfg); len(faults) > 0 {
		t.Errorf("the application role: %v", faults)
	}
	cfg.PostgresDSNFile = file(t, "postgres://u:p@127.0.0.1:1/d", 0o600)
	if faults := service.Check(t.Context(), cfg); len(faults) > 0 {
		t.Errorf("a server that is away is no fault of the configuration: %v", faults)
	}
}

// TestManifestFaultsNameThePlace: the file and the place in it, for each fault.
func TestManifestFaultsNameThePlace(t *testing.T) {
	cfg, _, dir := embedded(t)
	cfg.Profile = service.Production
	faults := service.Check(t.Context(), cfg)
	if !has(faults, filepath.Join(cfg.Manifests, "AM.jws:/issuers/0/url"), "development issuer") {
		t.Errorf("the development issuer: %v", faults)
	}
	cfg.Profile = service.Development

	// A manifest that the state's root signed although it has faults.
	path := filepath.Join(cfg.Manifests, "AM.jws")
	signNext(t, cfg, dir, func(m *statement.Manifest) { m.Store, m.Issuers[0].URL = "ftp://am.example", "http://login.example" })
	faults = service.Check(t.Context(), cfg)
	for _, where := range []string{path + ":/store", path + ":/issuers/0/url"} {
		if !has(faults, where, "https") {
			t.Errorf("no fault at %s: %v", where, faults)
		}
	}
	must(t, os.Remove(path))
	if faults := service.Check(t.Context(), cfg); !has(faults, path, "there is no manifest of AM") {
		t.Errorf("a manifest that is not there: %v", faults)
	}
	if b, err := json.Marshal(faults); err != nil || !strings.Contains(string(b), `"state":"AM"`) {
		t.Errorf("a manifest's faults are the state's own: %s, %v", b, err)
	}
}

// signNext puts the next manifest of Armenia into the folder, signed by its root whatever it says.
func signNext(t *testing.T, cfg service.Config, dir string, change func(*statement.Manifest)) {
	t.Helper()
	path := filepath.Join(cfg.Manifests, "AM.jws")
	raw, err := os.ReadFile(path)
	must(t, err)
	roots, err := os.ReadFile(cfg.Roots)
	must(t, err)
	pinned, err := statement.ReadRoots(roots)
	must(t, err)
	m, err := statement.VerifyManifest(string(raw), pinned["AM"], time.Now())
	must(t, err)
	m.Number++
	change(&m)
	pemKey, err := os.ReadFile(filepath.Join(dir, "union", "roots", "AM.pem"))
	must(t, err)
	block, _ := pem.Decode(pemKey)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	must(t, err)
	root, err := statement.NewSoftSigner(key.(*ecdsa.PrivateKey), "")
	must(t, err)
	signed, err := statement.Sign(t.Context(), root, statement.TypManifest, m)
	must(t, err)
	must(t, durable.WriteFile(path, []byte(signed), 0o600))
}

// TestTooFewWitnessesAreAWarning: a state whose own witness and those it wants of
// others are not more than half of the union's is told so, and kept out of nothing.
func TestTooFewWitnessesAreAWarning(t *testing.T) {
	cfg, l, dir := embedded(t)
	if faults := service.Check(t.Context(), cfg); len(faults) > 0 {
		t.Fatalf("four of seven witnesses are said to be too few: %v", faults)
	}
	signNext(t, cfg, dir, func(m *statement.Manifest) { m.Log.Others = 2 })
	faults := service.Check(t.Context(), cfg)
	if len(faults) != 1 || !faults[0].Warning || faults[0].State != "AM" ||
		!has(faults, filepath.Join(cfg.Manifests, "AM.jws:/log/others"), "own witness and 2 of others, 3 of 7 states") || !has(faults, "AM.jws", "set others to 3 or more") {
		t.Fatalf("three of seven witnesses: %v", faults)
	}
	if said := faults[0].Error(); !strings.Contains(said, ":/log/others: warning: ") {
		t.Errorf("nothing says that it is a warning: %s", said)
	}
	_, log, _ := running(t, cfg, l)
	if said := log.String(); !strings.Contains(said, "3 of 7 states") || strings.Contains(said, "cannot log in") {
		t.Errorf("a start with it says: %s", said)
	}
	if n := manifestNumber(t, cfg, "AM"); n != 2 {
		t.Errorf("the manifest in force is number %d", n)
	}
}
