package service_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity/cmd/comityd/service"
	"github.com/comity-platform/comity/crypto/statement"
)

// measured is a metric of a server, 0 when it has none of that name.
func measured(t *testing.T, s *service.Service, name string) (n float64) {
	t.Helper()
	_, body := get(t, "http://"+s.MetricsAddr().String()+"/metrics")
	_, after, _ := strings.Cut(body, "\n"+name+" ")
	_, _ = fmt.Sscan(after, &n)
	return n
}

// TestPublishedManifests: a manifest that the state's authority publishes through
// one server is in force on the other, and after a restart with the older file,
// which is named once and not counted as refused.
func TestPublishedManifests(t *testing.T) {
	const number, refused = `comity_manifest_number{state="KZ"}`, "comity_manifests_refused_total"
	cfg, l, dir := embedded(t)
	cfg.ManifestReload = service.Duration(50 * time.Millisecond)
	beside, other := cfg, (net.Listener)(nil)
	beside.ManifestsSeen = filepath.Join(dir, "beside.json")
	other, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	first, log, stop := running(t, cfg, l)
	second, otherLog, _ := running(t, beside, other)

	file := filepath.Join(cfg.Manifests, "KZ.jws")
	old, err := os.ReadFile(file)
	must(t, err)
	authority := login(t, cfg, "authority@KZ")
	published, err := authority.ManifestPublish(t.Context(), renumbered(t, cfg, string(old)))
	must(t, err)
	if n := manifestNumber(t, cfg, "KZ"); n != 2 || published.Number != 2 {
		t.Errorf("published is number %d, and in force %d", published.Number, n)
	}
	for _, s := range []*service.Service{first, second} {
		eventually(t, "it is in force on both servers", func() bool { return measured(t, s, number) == 2 })
	}
	const older = "older than the one that its state published"
	for _, l := range []*output{log, otherLog} {
		eventually(t, "the older file is named", func() bool {
			return strings.Contains(l.String(), older) && strings.Contains(l.String(), "a new manifest is in force")
		})
	}
	time.Sleep(300 * time.Millisecond) // several looks
	if n := measured(t, first, refused); n != 0 || strings.Count(log.String(), older) != 1 {
		t.Errorf("the older file is counted %v times, and named %d times", n, strings.Count(log.String(), older))
	}

	// Restarted, remembering and not.
	for _, remembers := range []bool{true, false} {
		must(t, stop())
		if !remembers {
			must(t, os.Remove(cfg.ManifestsSeen))
		}
		l, err = net.Listen("tcp", l.Addr().String())
		must(t, err)
		_, log, stop = running(t, cfg, l)
		if n := manifestNumber(t, cfg, "KZ"); n != 2 {
			t.Errorf("restarted, remembering %v, it goes by number %d", remembers, n)
		}
		login(t, cfg, "authority@KZ")
		if strings.Contains(log.String(), "cannot log in") {
			t.Errorf("restarted, remembering %v, it says:\n%s", remembers, log.String())
		}
	}

	// An older file than one that came as a file is refused as before.
	must(t, os.WriteFile(file, []byte(renumbered(t, cfg, renumbered(t, cfg, string(old)))), 0o600))
	eventually(t, "number 3 is in force", func() bool { return manifestNumber(t, cfg, "KZ") == 3 })
	must(t, os.WriteFile(file, []byte(published.Signed), 0o600))
	eventually(t, "the rollback is refused", func() bool { return strings.Contains(log.String(), "goes back from number 3 to 2") })
}

// TestPublishedManifestKeepsNobodyOut: what a state publishes that does not suit
// the server, another policy set and another store, is logged as its own matter;
// the server starts anew, and the other states' officers work.
func TestPublishedManifestKeepsNobodyOut(t *testing.T) {
	cfg, l, _ := embedded(t)
	_, _, stop := running(t, cfg, l)
	old, err := os.ReadFile(filepath.Join(cfg.Manifests, "KZ.jws"))
	must(t, err)
	const store = "https://elsewhere.example/kz"
	_, err = login(t, cfg, "authority@KZ").ManifestPublish(t.Context(), renumbered(t, cfg, string(old), func(m *statement.Manifest) {
		m.Policies, m.Store = strings.Repeat("0", 64), store
	}))
	must(t, err)
	must(t, stop())
	l, err = net.Listen("tcp", l.Addr().String())
	must(t, err)
	_, _, stop = running(t, cfg, l) // takes it from the database, and remembers it now
	login(t, cfg, "investigator@AM")
	must(t, stop())
	l, err = net.Listen("tcp", l.Addr().String())
	must(t, err)
	_, log, _ := running(t, cfg, l)
	login(t, cfg, "investigator@AM")
	if n := manifestNumber(t, cfg, "KZ"); n != 2 || !strings.Contains(log.String(), "its number 2 is in force") {
		t.Errorf("number %d is in force; it says:\n%s", n, log.String())
	}
	for _, says := range []string{"policy set", store} {
		found := false
		for _, f := range service.Check(t.Context(), cfg) {
			if f.State != "KZ" {
				t.Errorf("it is a fault of the configuration: %v", f)
			}
			found = found || strings.Contains(f.Message, says)
		}
		if !found {
			t.Errorf("nothing is said of the %s", says)
		}
	}
	// By the operator's hand it is one of the configuration.
	published, err := login(t, cfg, "authority@KZ").Manifests(t.Context())
	must(t, err)
	must(t, os.WriteFile(filepath.Join(cfg.Manifests, "KZ.jws"), []byte(published[0].Signed), 0o600))
	for _, f := range service.Check(t.Context(), cfg) {
		if f.State != "" {
			t.Errorf("it is the state's matter: %v", f)
		}
	}
}

// TestExpiredManifestIsRemembered: after a restart the last manifest that was in
// force, which has expired, lets no older one speak for the state again.
func TestExpiredManifestIsRemembered(t *testing.T) {
	cfg, l, _ := embedded(t)
	cfg.ManifestReload = service.Duration(50 * time.Millisecond)
	file := filepath.Join(cfg.Manifests, "KZ.jws")
	old, err := os.ReadFile(file)
	must(t, err)
	expires := time.Now().Add(4 * time.Second)
	must(t, os.WriteFile(file, []byte(renumbered(t, cfg, string(old), func(m *statement.Manifest) { m.Expires = expires })), 0o600))
	_, _, stop := running(t, cfg, l)
	if n := manifestNumber(t, cfg, "KZ"); n != 2 {
		t.Fatalf("in force is number %d", n)
	}
	must(t, stop())
	must(t, os.WriteFile(file, old, 0o600))
	time.Sleep(time.Until(expires))
	l, err = net.Listen("tcp", l.Addr().String())
	must(t, err)
	s, log, _ := running(t, cfg, l)
	eventually(t, "the older file is refused at every look", func() bool { return measured(t, s, "comity_manifests_refused_total") >= 3 })
	if n := measured(t, s, `comity_manifest_number{state="KZ"}`); n != 0 || !strings.Contains(log.String(), "goes back from number 2 to 1") {
		t.Errorf("number %v of KZ is in force again", n)
	}
}
