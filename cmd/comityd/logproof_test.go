package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
)

// TestLogBeforeKey: an exhibit's key waits for the next beat and for the witnesses,
// each a process of its own, of which the state's own and three others must have
// cosigned; and little longer.
func TestLogBeforeKey(t *testing.T) {
	const keys = 15
	w := newWatched(t)
	w.cfg.MetricsListen = free(t)
	w.server(t, "server", w.cfg)
	owner := w.officer(t, "investigator@KZ", w.cfg.Listen)
	c, err := owner.CaseFile(t.Context(), client.NewCase{Title: "A case", Summary: "Of keys.", Category: "RANSOMWARE", Nexus: []comity.Nexus{{Basis: comity.NexusTerritory, State: "KZ"}}})
	must(t, err)
	path := filepath.Join(t.TempDir(), "exhibit.bin")
	must(t, os.WriteFile(path, []byte("evidence"), 0o600))
	e, err := owner.PutEvidence(t.Context(), client.PutOptions{Case: c.ID, Path: path})
	must(t, err)
	waits := func() (n, seconds float64) {
		res, err := http.Get("http://" + w.cfg.MetricsListen + "/metrics")
		must(t, err)
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		must(t, err)
		for name, to := range map[string]*float64{"count": &n, "sum": &seconds} {
			_, after, _ := strings.Cut(string(b), "\ncomity_log_proof_seconds_"+name+" ")
			_, err := fmt.Sscan(after, to)
			must(t, err)
		}
		return n, seconds
	}
	before, waited := waits()
	for range keys {
		_, err := owner.GetEvidence(t.Context(), client.GetOptions{Evidence: e.Evidence, Purpose: comity.PurposeInvestigation, Dest: t.TempDir()})
		must(t, err)
	}
	n, sum := waits()
	n, sum = n-before, sum-waited
	t.Logf("log_before_key_ms %.0f (mean of %v)", 1000*sum/n, n)
	if n < keys {
		t.Errorf("of %d keys %v waited for the log", keys, n)
	}
	if mean := sum / n; mean > 0.5 {
		t.Errorf("a key waits for the log %.3f s in the mean, at most 0.5 are wanted", mean)
	}
}
