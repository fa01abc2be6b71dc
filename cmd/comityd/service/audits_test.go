package service_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/comity-platform/comity/cmd/comityd/service"
	"github.com/comity-platform/comity/crypto/token"
	"github.com/comity-platform/comity/deploy/node"
	"github.com/comity-platform/comity/deploy/stack/stacktest"
	"github.com/comity-platform/comity/storage/postgres"
)

// audits is how many graphql-http has in the version that package node pins.
const audits = 61

// onPostgres gives a configuration a database of PostgreSQL of its own.
func onPostgres(t *testing.T, cfg service.Config) service.Config {
	t.Helper()
	d, err := stacktest.TestPostgres(t).NewDatabase(t.Context())
	must(t, err)
	must(t, postgres.Migrate(t.Context(), d.OwnerDSN, d.App))
	cfg.SQLite, cfg.PostgresDSNFile = "", file(t, d.AppDSN, 0o600)
	return cfg
}

// TestAudits runs the audits of npm's graphql-http, all of them: what
// GraphQL over HTTP says must, should and may be.
func TestAudits(t *testing.T) {
	for engine, on := range map[string]func(*testing.T, service.Config) service.Config{
		"SQLite": func(_ *testing.T, cfg service.Config) service.Config { return cfg }, "PostgreSQL": onPostgres} {
		t.Run(engine, func(t *testing.T) {
			cfg, l, _ := embedded(t)
			cfg = on(t, cfg)
			running(t, cfg, l)
			key, tok := login(t, cfg, "investigator@KZ").Session()
			endpoint := cfg.ExternalURL + "/graphql"
			credentials := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				proof, err := token.Proof(key, r.URL.Query().Get("method"), endpoint, tok, time.Now())
				if err == nil {
					err = json.NewEncoder(w).Encode(map[string]string{"authorization": "DPoP " + tok, "dpop": proof})
				}
				if err != nil {
					http.Error(w, err.Error(), http.StatusInternalServerError)
				}
			}))
			defer credentials.Close()
			cmd, done, err := node.Command(t.Context(), "testdata/audits", "audits.mjs", endpoint, credentials.URL)
			must(t, err)
			defer done()
			cmd.Stderr = t.Output()
			out, err := cmd.Output()
			must(t, err)
			var results []struct{ ID, Name, Status, Reason string }
			must(t, json.Unmarshal(out, &results))
			passed := 0
			for _, r := range results {
				if r.Status != "ok" {
					t.Errorf("%s %s: %s: %s", r.ID, r.Name, r.Status, r.Reason)
					continue
				}
				passed++
			}
			if len(results) != audits {
				t.Errorf("there are %d audits, not %d", len(results), audits)
			}
			t.Logf("%d of %d audits pass", passed, len(results))
		})
	}
}
