package exchange_test

import (
	"context"
	"sync"
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
)

// TestExportRaced: what was read for an export is not given out when the grant
// ended, the case was reserved or changed, or the officer was taken off it before
// the act was written; the leaf then names no export.
func TestExportRaced(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		for name, c := range map[string]struct {
			between func(*testing.T, *exportCase)
			foreign bool
			code    comity.Code
			article comity.Article
		}{
			"revoked": {func(t *testing.T, e *exportCase) { e.liaison.Do(t, e.liaison.Revoke(t, e.id, e.grant)) }, true, comity.CodeDenied, comity.ArticleTerm},
			"reserved": {func(t *testing.T, e *exportCase) { e.authority.Do(t, e.authority.Reserve(t, e.id, 1)) }, true,
				comity.CodeDenied, comity.ArticleTerm},
			"marked otherwise": {func(t *testing.T, e *exportCase) {
				strict := comity.Marking{TLP: comity.TLPAmber, PAP: comity.PAPRed, Handling: comity.H0}
				e.owner.Do(t, &exchange.UpdateCase{Key: exchangetest.Key(), ID: e.id, ExpectedVersion: 1, Marking: &strict})
			}, false, comity.CodeDenied, comity.ArticlePurpose},
			"changed": {func(t *testing.T, e *exportCase) {
				title := "another"
				e.owner.Do(t, &exchange.UpdateCase{Key: exchangetest.Key(), ID: e.id, ExpectedVersion: 1, Title: &title})
			}, false, comity.CodeConflict, 0},
		} {
			t.Run(name, func(t *testing.T) {
				e := newExportCase(t)
				who, purpose := e.owner, comity.Purpose("")
				if c.foreign {
					who, purpose = e.foreign, comity.PurposeInvestigation
				}
				var once sync.Once
				x := serverWith(t, e.World, func(ctx context.Context, call string, perform func(context.Context) error) error {
					if call == "database Write" {
						once.Do(func() { c.between(t, e) })
					}
					return perform(ctx)
				})
				export := &exchange.ExportCase{Key: exchangetest.Key(), Case: e.id, Purpose: purpose, Use: comity.UseOperational}
				want(t, x.Do(t.Context(), who.Caller, export), c.code, c.article)
				e.As(t, "auditor@KZ").Read(t, func(r *exchange.Reader) error {
					page, err := r.Log(exchange.LogFilter{Act: "caseExport"}, 10, "")
					for _, l := range page.Items {
						if l.Content.Digest != "" || l.Content.Outcome == "DONE" {
							t.Errorf("the record of acts names an export that was not given out: %+v", l.Content)
						}
					}
					return err
				})
				must(t, e.Exchange.Do(t.Context(), e.owner.Caller, &exchange.ExportCase{Key: exchangetest.Key(), Case: e.id, Use: comity.UseAnalysis}))
			})
		}
	})
}

// exportCase is a case that is granted to Armenia as a lead.
type exportCase struct {
	*exchangetest.World
	owner, liaison, authority, foreign *exchangetest.Officer
	id, grant                          comity.ID
}

func newExportCase(t *testing.T) *exportCase {
	t.Helper()
	w := newWorld(t)
	w.Mandate(t, "KZ")
	e := &exportCase{World: w, owner: w.As(t, "investigator@KZ"), liaison: w.As(t, "liaison@KZ"), authority: w.As(t, "authority@KZ"), foreign: w.As(t, "investigator@AM")}
	e.id = e.owner.FileCase(t, "A case", "AM")
	make := e.liaison.MakeGrant(t, e.id, e.liaison.GrantBody("AM", e.owner.Release(t, e.id, "AM")))
	e.liaison.Do(t, make)
	e.grant = make.Body.ID
	e.owner.Do(t, &exchange.AssignCase{Key: exchangetest.Key(), ID: e.id, Office: comity.RoleAuthority})
	return e
}
