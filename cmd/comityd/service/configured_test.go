package service_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/cmd/comityd/service"
	"github.com/comity-platform/comity/deploy/union"
)

// TestConfigurationIsTold: by what a server goes stands in every state's record of acts
// once for each change: of its settings, when it is started, and of a manifest while it
// runs.
func TestConfigurationIsTold(t *testing.T) {
	cfg, l, dir := embedded(t)
	cfg.ManifestReload = service.Duration(50 * time.Millisecond)
	toldTo := func(s comity.State) (all []client.LogEntry) {
		t.Helper()
		must(t, login(t, cfg, "auditor@"+string(s)).EachLogEntry(t.Context(), client.LogFilter{Act: "configuration"}, func(e *client.LogEntry) error {
			if !e.Check.Verified() || e.Outcome != "DONE" || e.Policies == "" || e.Ref != "" {
				t.Errorf("%s is told %+v", s, e)
			}
			all = append(all, *e)
			return nil
		}))
		return all
	}
	told := func() []client.LogEntry {
		t.Helper()
		all := toldTo("KZ")
		for _, s := range union.States() {
			if n := len(toldTo(s)); n != len(all) {
				t.Fatalf("%s is told %d times, and Kazakhstan %d times", s, n, len(all))
			}
		}
		return all
	}
	says := func(e client.LogEntry, prefix string) string {
		for _, r := range e.Records {
			if strings.HasPrefix(r.ID, prefix) {
				return r.ID
			}
		}
		t.Fatalf("it does not say %s: %+v", prefix, e.Records)
		return ""
	}
	start := func() (*service.Service, *output, func() error) {
		t.Helper()
		if l == nil {
			var err error
			l, err = net.Listen("tcp", cfg.Listen)
			must(t, err)
		}
		s, log, stop := running(t, cfg, l)
		l = nil
		return s, log, stop
	}
	_, _, stop := start()
	first := told()
	if len(first) != 1 {
		t.Fatalf("the first start is told %d times", len(first))
	}
	must(t, stop())

	_, _, stop = start()
	if n := len(told()); n != 1 {
		t.Fatalf("started again with the same, a server is told of %d times", n)
	}
	must(t, stop())

	cfg.AgencyRate = 600
	_, log, _ := start()
	second := told()
	if len(second) != 2 || says(second[0], "settings/") == says(first[0], "settings/") || says(second[0], "AM/manifest/") != "AM/manifest/1" {
		t.Fatalf("another setting is told %d times: %+v", len(second), second)
	}

	publishKey(t, cfg, dir, "AM")
	eventually(t, "the new manifest is told of", func() bool { return len(toldTo("KZ")) > 2 })
	third := told()
	if len(third) != 3 || says(third[0], "AM/manifest/") != "AM/manifest/2" || says(third[0], "KZ/manifest/") != "KZ/manifest/1" || says(third[0], "settings/") != says(second[0], "settings/") {
		t.Fatalf("a new manifest is told %d times: %+v", len(third), third)
	}
	// More looks at the folder, of which nothing changed, and one more manifest.
	publishKey(t, cfg, dir, "AM")
	eventually(t, "the next manifest is in force", func() bool {
		return strings.Contains(log.String(), "number=3") || strings.Contains(log.String(), `"number":3`)
	})
	eventually(t, "it is told of", func() bool { return len(toldTo("KZ")) > 3 })
	if last := told(); len(last) != 4 || says(last[0], "AM/manifest/") != "AM/manifest/3" {
		t.Fatalf("two new manifests are told %d times", len(last)-2)
	}
}
