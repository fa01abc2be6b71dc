package service_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
)

// TestLogBeforeKey: an exhibit's key waits for the next beat and the witnesses, of
// which the state's own and two others must have cosigned, and little longer.
func TestLogBeforeKey(t *testing.T) {
	cfg, l, _ := embedded(t)
	s, _, _ := running(t, cfg, l)
	owner := login(t, cfg, "investigator@KZ")
	c, err := owner.CaseFile(t.Context(), client.NewCase{Title: "A case", Summary: "Of keys.", Category: "RANSOMWARE", Nexus: []comity.Nexus{{Basis: comity.NexusTerritory, State: "KZ"}}})
	must(t, err)
	path := filepath.Join(t.TempDir(), "exhibit.bin")
	must(t, os.WriteFile(path, []byte("evidence"), 0o600))
	e, err := owner.PutEvidence(t.Context(), client.PutOptions{Case: c.ID, Path: path})
	must(t, err)
	var took []time.Duration
	for range 15 {
		began := time.Now()
		_, err := owner.GetEvidence(t.Context(), client.GetOptions{Evidence: e.Evidence, Purpose: comity.PurposeInvestigation, Dest: t.TempDir()})
		must(t, err)
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	n, sum := measured(t, s, "comity_log_proof_seconds_count"), measured(t, s, "comity_log_proof_seconds_sum")
	t.Logf("log_before_key_ms %.0f (mean of %v; an exhibit is opened and fetched in %s at the median)", 1000*sum/n, n, took[len(took)/2].Round(time.Millisecond))
	if n < 15 {
		t.Errorf("of 15 keys %v waited for the log", n)
	}
	if median := took[len(took)/2]; median > 2*time.Second {
		t.Errorf("an exhibit is opened in %s at the median", median)
	}
}
