package client_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/crypto/token/tokentest"
)

// TestCaseExport: an export is held against its hash, and a forbidden use is told.
func TestCaseExport(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	owner, foreign := w.as(t, "investigator@KZ"), w.as(t, "investigator@AM")
	marking := comity.Marking{TLP: comity.TLPAmberStrict, PAP: comity.PAPAmber, Handling: comity.H0}
	filed, err := owner.CaseFile(ctx, client.NewCase{Category: tokentest.Category, Title: "A case", Marking: &marking,
		Nexus: []comity.Nexus{{Basis: comity.NexusTerritory, State: "KZ"}}})
	must(t, err)
	exported, err := owner.CaseExport(ctx, filed.ID, "", comity.UseCourt)
	must(t, err)
	x, err := exported.Read()
	must(t, err)
	if x.Case.ID != filed.ID || x.Case.Text.Title != "A case" || x.Use != comity.UseCourt || x.Officer != "KZ:investigator-1" {
		t.Errorf("exported is %+v", x)
	}
	exported.Content = bytes.Replace(exported.Content, []byte("A case"), []byte("B case"), 1)
	if _, err := exported.Read(); err == nil || !strings.Contains(err.Error(), "not of its SHA-256") {
		t.Errorf("what was altered is read: %v", err)
	}
	_, err = owner.CaseExport(ctx, filed.ID, "", comity.UseDissemination)
	want(t, err, comity.CodeDenied, comity.ArticlePurpose)
	_, err = foreign.CaseExport(ctx, filed.ID, comity.PurposeInvestigation, comity.UseAnalysis)
	want(t, err, comity.CodeNotFound, 0)
}
