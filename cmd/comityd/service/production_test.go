package service_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit/witness"
	"github.com/comity-platform/comity/cmd/comityd/service"
	"github.com/comity-platform/comity/cmd/comityd/setup"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/deploy/stack"
	"github.com/comity-platform/comity/deploy/stack/stacktest"
	"github.com/comity-platform/comity/deploy/union"
)

// TestProduction: a whole production configuration has no fault, starts, and
// serves nothing that is for development only.
func TestProduction(t *testing.T) {
	dir := t.TempDir()
	address, err := stack.FreeAddress()
	must(t, err)
	cfg, err := setup.Real(t.Context(), dir, &stack.Stack{Vault: stacktest.TestVault(t), MinIO: stacktest.TestMinIO(t), Postgres: stacktest.TestPostgres(t)}, address, nil)
	must(t, err)
	folder, err := union.Open(filepath.Join(dir, "union"))
	must(t, err)
	places := map[comity.State]union.Place{}
	var policies string
	authority := filepath.Join(dir, "witnesses.pem")
	watching := map[comity.State]*witness.Witness{}
	for _, s := range union.States() {
		raw, err := os.ReadFile(filepath.Join(cfg.Manifests, string(s)+".jws"))
		must(t, err)
		m, err := statement.VerifyManifest(string(raw), folder.Public()[s], time.Now())
		must(t, err)
		at, w, pem := serveWitness(t, setup.Witness(dir, s), m.Log.Keys)
		m.Log.WitnessURL, watching[s] = at, w
		must(t, os.WriteFile(authority, pem, 0o600))
		state(&cfg, s, func(c *service.StateConfig) { c.Witness, c.WitnessCACert = "", authority })
		places[s] = union.Place{Issuer: "https://login.example/" + string(s), Store: m.Store, StatementKeys: m.StatementKeys, Log: m.Log}
		policies = m.Policies
	}
	must(t, folder.Publish(t.Context(), places, policies, time.Now()))
	cfg.Profile, cfg.DevelopmentIssuers, cfg.ExternalURL = service.Production, false, "https://"+address
	cfg.TLSCert, cfg.TLSKey = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	pool := certificate(t, cfg, 1)
	if faults := service.Check(t.Context(), cfg); len(faults) > 0 {
		t.Fatal(service.FaultsError(faults))
	}
	running(t, cfg, nil)

	h := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	answer := func(path string) (int, string) {
		res, err := h.Get(cfg.ExternalURL + path)
		must(t, err)
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		must(t, err)
		return res.StatusCode, string(b)
	}
	eventually(t, "it is ready", func() bool { code, body := answer("/readyz"); return code == 200 && strings.Contains(body, `"ready"`) })
	eventually(t, "every state's witness follows the log", func() bool {
		for _, w := range watching {
			if c, err := w.Last(); err != nil || c.Size == 0 {
				return false
			}
		}
		return true
	})
	for _, path := range []string{"/issuer/KZ/.well-known/openid-configuration", "/store/KZ/x", "/explorer", "/schema.graphql", "/metrics"} {
		if code, _ := answer(path); code != http.StatusNotFound {
			t.Errorf("%s is served in production: %d", path, code)
		}
	}
	if code, body := answer("/graphql?query=%7B__schema%7Btypes%7Bname%7D%7D%7D"); code == 200 && strings.Contains(body, "CaseFileInput") {
		t.Error("the schema is told in production")
	}
	if code, body := answer("/graphql?query=%7Bunion%7Bname%7D%7D"); code != 200 || !strings.Contains(body, union.Name) {
		t.Errorf("the directory is %d %s", code, body)
	}
}
