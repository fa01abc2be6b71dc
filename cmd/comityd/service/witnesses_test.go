package service_test

import (
	"encoding/pem"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit/notekey"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/audit/witness"
	"github.com/comity-platform/comity/cmd/comityd/service"
	"github.com/comity-platform/comity/cmd/comityd/setup"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/deploy/union"
)

// openWitness opens a state's witness beside the server.
func openWitness(t *testing.T, dir string, logKeys []string) *witness.Witness {
	t.Helper()
	key, err := witness.Make(t.Context(), dir, verify.Origin(union.Name), verify.WitnessName(union.Name, "KZ")+"/another")
	must(t, err)
	w, err := witness.Open(witness.Config{Dir: dir, Origin: verify.Origin(union.Name), Key: key, Logger: slog.New(slog.DiscardHandler),
		Log: func() (keys []note.Verifier) {
			for _, vkey := range logKeys {
				key, err := notekey.Log(vkey)
				must(t, err)
				keys = append(keys, key)
			}
			return keys
		}})
	must(t, err)
	return w
}

// serveWitness serves a state's witness by https, and gives its certificate.
func serveWitness(t *testing.T, dir string, logKeys []string) (url string, w *witness.Witness, cert []byte) {
	t.Helper()
	w = openWitness(t, dir, logKeys)
	server := httptest.NewTLSServer(w.Handler(nil))
	t.Cleanup(server.Close)
	return server.URL, w, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
}

// TestWitnesses: those that the manifests in force name are asked, and a new
// manifest's from when it is in force.
func TestWitnesses(t *testing.T) {
	cfg, l, dir := embedded(t)
	cfg.ManifestReload = service.Duration(50 * time.Millisecond)
	_, log, _ := running(t, cfg, l)
	folder, err := union.Open(filepath.Join(dir, "union"))
	must(t, err)
	manifests := func() map[comity.State]statement.Manifest {
		all := map[comity.State]statement.Manifest{}
		for _, s := range union.States() {
			raw, err := os.ReadFile(filepath.Join(cfg.Manifests, string(s)+".jws"))
			must(t, err)
			m, err := statement.VerifyManifest(string(raw), folder.Public()[s], time.Now())
			must(t, err)
			all[s] = m
		}
		return all
	}
	before := manifests()
	stands := func(dir string) int64 {
		c, err := openWitness(t, dir, before["KZ"].Log.Keys).Last()
		must(t, err)
		return c.Size
	}
	officer := login(t, cfg, "authority@KZ")
	act := func() { // a leaf
		_, err := officer.Manifests(t.Context())
		must(t, err)
	}
	act()
	for _, s := range union.States() {
		eventually(t, "the witness of "+string(s)+" follows the log", func() bool { return stands(setup.Witness(dir, s)) > 0 })
	}
	report, err := officer.VerifyLog(t.Context(), nil, nil)
	must(t, err)
	if report.Head.Size == 0 {
		t.Error("the record is empty")
	}

	// KZ's next witness runs by itself, under another key.
	next := filepath.Join(t.TempDir(), "witness")
	w := openWitness(t, next, before["KZ"].Log.Keys)
	server := httptest.NewServer(w.Handler(nil))
	t.Cleanup(server.Close)
	places := map[comity.State]union.Place{}
	for s, m := range before {
		places[s] = union.Place{Issuer: m.Issuers[0].URL, Store: m.Store, StatementKeys: m.StatementKeys, Log: m.Log}
	}
	kz := places["KZ"]
	kz.Log.Witnesses, kz.Log.WitnessURL = []string{publicOf(t, next)}, server.URL
	places["KZ"] = kz
	must(t, folder.Publish(t.Context(), places, before["KZ"].Policies, time.Now()))
	if after := manifests()["KZ"]; after.Number != 2 || slices.Equal(after.Log.Witnesses, before["KZ"].Log.Witnesses) {
		t.Fatalf("manifest number %d names %v", after.Number, after.Log.Witnesses)
	}
	eventually(t, "KZ's new witness follows the log", func() bool { return stands(next) > 0 })
	left := stands(setup.Witness(dir, "KZ"))
	eventually(t, "the record goes on", func() bool { act(); return stands(next) > left+8 })
	if now := stands(setup.Witness(dir, "KZ")); now != left {
		t.Errorf("the witness that the manifest no longer names went on from %d to %d", left, now)
	}
	if _, err := officer.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := officer.VerifyLog(t.Context(), nil, nil); err != nil {
		t.Errorf("under the new witness's key: %v", err)
	}

	// Without its memory a witness is left out, said once, and the others go on.
	am := filepath.Join(setup.Witness(dir, "AM"), "checkpoint")
	must(t, os.Remove(am))
	at := stands(setup.Witness(dir, "BY"))
	eventually(t, "the others go on", func() bool { act(); return stands(setup.Witness(dir, "BY")) > at+8 })
	if _, err := os.Stat(am); err == nil {
		t.Error("a witness that forgot cosigned from nothing")
	}
	eventually(t, "it is said", func() bool { return strings.Contains(log.String(), "the witness does not know what it cosigned last") })
}

// publicOf is the public key of the witness in a folder.
func publicOf(t *testing.T, dir string) string {
	t.Helper()
	skey, err := notekey.Read(witness.KeyFile(dir))
	must(t, err)
	key, err := notekey.NewCosigner(skey, time.Now)
	must(t, err)
	return key.Public()
}
