package exchange_test

import (
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// Attacks by whoever writes to the database past the gate, which the states'
// signed statements and registers withstand.

// narrow narrows the grant of a granted world.
func (g *granted) narrow(t *testing.T, version int, scope comity.Scope, exhibits ...comity.ID) {
	t.Helper()
	body := statement.NarrowBody{Case: g.c, Scope: scope, Exhibits: exhibits, Caveats: g.grant.Body.Caveats, NotAfter: g.grant.Body.NotAfter}
	g.liaison.Do(t, &exchange.NarrowGrant{Key: exchangetest.Key(), Grant: g.grant.Body.ID, ExpectedVersion: version, Body: body,
		Act: g.liaison.Sign(t, statement.Act{Act: statement.ActGrantNarrow, Record: g.grant.Body.ID}, body)})
}

// TestAttackNarrowingUndone: a narrowing taken back in the database, so that
// the row is again what the first statement says, opens nothing again.
func TestAttackNarrowingUndone(t *testing.T) {
	g, raw := operated(t)
	exec(t, raw, `CREATE TABLE old AS SELECT * FROM grants`)
	g.narrow(t, 2, comity.ScopeSummary)
	exec(t, raw, `UPDATE grants SET narrowing = old.narrowing, scope = old.scope, exhibits = old.exhibits, not_after = old.not_after FROM old WHERE grants.id = old.id`)
	v := caseOf(t, g.foreign, g.c, comity.PurposeInvestigation)
	if v.Access.Level != sovereignty.AccessSummary || v.Text == nil || v.Text.Narrative != "" || len(v.Exhibits) != 0 {
		t.Errorf("a grant that its register narrowed is shown as %+v %+v, exhibits %v", v.Access, v.Text, v.Exhibits)
	}
	if v.Access.Grant.Scope != comity.ScopeSummary || len(v.Access.Grant.Exhibits) != 0 {
		t.Errorf("it is told as %+v", v.Access.Grant)
	}
}

// TestAttackCaveatsLoosened: so do caveats that were made stricter and no more.
func TestAttackCaveatsLoosened(t *testing.T) {
	g, raw := operated(t)
	exec(t, raw, `CREATE TABLE old AS SELECT * FROM grants`)
	strict := comity.Marking{TLP: comity.TLPAmberStrict, PAP: comity.PAPRed, Handling: comity.H2}
	was := g.grant.Body
	body := statement.NarrowBody{Case: g.c, Scope: was.Scope, Exhibits: was.Exhibits, Caveats: comity.Caveats{Marking: strict}, NotAfter: was.NotAfter}
	g.liaison.Do(t, &exchange.NarrowGrant{Key: exchangetest.Key(), Grant: was.ID, ExpectedVersion: 2, Body: body,
		Act: g.liaison.Sign(t, statement.Act{Act: statement.ActGrantNarrow, Record: was.ID}, body)})
	exec(t, raw, `UPDATE grants SET narrowing = old.narrowing, tlp = old.tlp, pap = old.pap, handling = old.handling FROM old WHERE grants.id = old.id`)
	v := caseOf(t, g.foreign, g.c, comity.PurposeInvestigation)
	if v.Access.Level != sovereignty.AccessFull || v.Access.Grant == nil || v.Access.Grant.Caveats.Marking != strict {
		t.Errorf("under caveats that the register knows as %+v the case is shown as %+v under %+v", strict, v.Access, v.Access.Grant)
	}
}

// TestAttackNarrowerGrantRevived: each grant is asked of the register, not
// only the widest.
func TestAttackNarrowerGrantRevived(t *testing.T) {
	g, raw := operated(t)
	exhibit := g.owner.Upload(t, g.c, "a second exhibit", []byte("x"))
	body := g.liaison.GrantBody("AM", g.owner.Release(t, g.c, "AM", exhibit), exhibit)
	body.Scope = comity.ScopeExhibits
	second := g.liaison.MakeGrant(t, g.c, body)
	g.liaison.Do(t, second)
	if v := caseOf(t, g.foreign, g.c, comity.PurposeInvestigation); len(v.Exhibits) != 2 {
		t.Fatalf("exhibits under two grants: %v", v.Exhibits)
	}
	g.liaison.Do(t, g.liaison.Revoke(t, g.c, second.Body.ID))
	exec(t, raw, `UPDATE grants SET status = 'ACTIVE', ended_at = 0 WHERE id = ?`, second.Body.ID)
	x := secondServer(t, g.World, turned{})
	v := caseOf(t, at(g.foreign, x), g.c, comity.PurposeInvestigation)
	if _, shown := v.Exhibits[exhibit]; shown || len(v.Exhibits) != 1 || v.Text == nil {
		t.Errorf("exhibits under a grant that the register ended: %v", v.Exhibits)
	}
}

// TestGrantOfUnknownHash: a row from before the agreement's hash was kept opens
// what its statement says, and is found by no filter on what may be withheld.
func TestGrantOfUnknownHash(t *testing.T) {
	g, raw := operated(t)
	exec(t, raw, `UPDATE grants SET agreement_hash = ''`)
	exec(t, raw, `UPDATE visibility SET agreement_hash = ''`)
	if v := caseOf(t, g.foreign, g.c, comity.PurposeInvestigation); v.Text == nil || len(v.Exhibits) != 1 {
		t.Errorf("the case is shown as %+v", v.Access)
	}
	g.foreign.Read(t, func(r *exchange.Reader) error {
		for n, f := range []storage.CaseFilter{{Category: tokentest.Category}, {}} {
			page, err := r.ListCases(f, comity.PurposeInvestigation, 10, "")
			if err != nil || len(page.Items) != n {
				t.Errorf("%+v finds %d cases (%v)", f, len(page.Items), err)
			}
		}
		return nil
	})
	g.Publish(t, "AM", func(m *statement.Manifest) { m.Agreements = nil })
	if v := caseOf(t, g.foreign, g.c, comity.PurposeInvestigation); v.Text != nil {
		t.Error("the case is shown under an agreement that no longer binds both states")
	}
}

// TestAttackTermsRewritten: every term that the row repeats of the signed
// statement is held against it.
func TestAttackTermsRewritten(t *testing.T) {
	for name, change := range map[string]string{
		"the caveats' label":     `tlp = 'CLEAR', pap = 'CLEAR'`,
		"the handling code":      `handling = 'H3'`,
		"the caveats' text":      `caveats = 'free use'`,
		"the grade":              `grade = 'EVIDENCE'`,
		"the assistance":         `assistance = 'a decision that never was'`,
		"the release":            `release_id = 'release1_aaaaaaaaaaaaaaaaaaaaaaaaaa'`,
		"the request":            `request_id = 'request1_aaaaaaaaaaaaaaaaaaaaaaaaaa'`,
		"the liaison":            `liaison = 'KZ:deputy-1'`,
		"the liaison's function": `function = 'Head of state'`,
		"the agreement's text":   `agreement_hash = 'another'`,
		"the purpose":            `purpose = 'PROSECUTION'`,
	} {
		t.Run(name, func(t *testing.T) {
			g, raw := operated(t)
			exec(t, raw, `UPDATE grants SET `+change+` WHERE id = ?`, g.grant.Body.ID)
			for _, p := range []comity.Purpose{comity.PurposeInvestigation, comity.PurposeProsecution} {
				if v := caseOf(t, g.foreign, g.c, p); v.Text != nil || v.Access.Level != sovereignty.AccessNone || v.Access.Grant != nil {
					t.Errorf("the case is shown under the changed row: %+v", v.Access)
				}
			}
		})
	}
	t.Run("the caveats of a narrowing", func(t *testing.T) {
		g, raw := operated(t)
		g.narrow(t, 2, comity.ScopeSummary)
		if v := caseOf(t, g.foreign, g.c, comity.PurposeInvestigation); v.Text == nil {
			t.Fatal("the narrowed grant opens nothing")
		}
		exec(t, raw, `UPDATE grants SET caveats = 'free use' WHERE id = ?`, g.grant.Body.ID)
		if v := caseOf(t, g.foreign, g.c, comity.PurposeInvestigation); v.Text != nil {
			t.Errorf("the case is shown under the changed row: %+v", v.Access)
		}
	})
}
