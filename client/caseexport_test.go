package client_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/storage"
)

// TestCaseExport: at home and abroad an export is held against its hash, a
// forbidden use is told, and what is not granted is not there.
func TestCaseExport(t *testing.T) {
	for engine, db := range map[string]func(testing.TB, func() time.Time) storage.DB{"SQLite": exchangetest.SQLite, "PostgreSQL": exchangetest.Postgres} {
		t.Run(engine, func(t *testing.T) {
			w := serve(t, exchangetest.NewWith(t, exchangetest.Options{DB: db}))
			ctx := t.Context()
			owner, liaison, foreign := w.as(t, "investigator@KZ"), w.as(t, "liaison@KZ"), w.as(t, "investigator@AM")
			w.Mandate(t, "KZ")
			c := w.file(t, owner).ID
			exported, err := owner.CaseExport(ctx, c, "", comity.UseCourt)
			must(t, err)
			x, err := exported.Read()
			must(t, err)
			if x.Case.ID != c || x.Case.Text.Title != "Ransom at the bank" || x.Use != comity.UseCourt || x.Officer != "KZ:investigator-1" {
				t.Errorf("exported is %+v", x)
			}
			exported.Content = bytes.Replace(exported.Content, []byte("Ransom"), []byte("ransom"), 1)
			if _, err := exported.Read(); err == nil || !strings.Contains(err.Error(), "not of its SHA-256") {
				t.Errorf("what was altered is read: %v", err)
			}
			_, err = foreign.CaseExport(ctx, c, comity.PurposeInvestigation, comity.UseAnalysis)
			want(t, err, comity.CodeNotFound, 0)

			grant := w.grant(t, owner, liaison, c)
			exported, err = foreign.CaseExport(ctx, c, comity.PurposeInvestigation, comity.UseAnalysis)
			must(t, err)
			if x, err = exported.Read(); err != nil || len(x.Grants) != 1 || x.Grants[0].ID != grant.ID || x.Case.Text.Reference != "" {
				t.Errorf("abroad is exported %+v, %v", x, err)
			}
			_, err = foreign.CaseExport(ctx, c, comity.PurposeInvestigation, comity.UseCourt)
			want(t, err, comity.CodeDenied, comity.ArticlePurpose)
			_, err = foreign.CaseExport(ctx, c, comity.PurposeProsecution, comity.UseAnalysis)
			want(t, err, comity.CodeDenied, comity.ArticlePurpose)
		})
	}
}
