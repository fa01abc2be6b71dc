package graph

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/comity-platform/comity"
)

// exported is the content of an export, held against its hash.
func (c *client) exported(t testing.TB, id comity.ID, purpose, use string) (comity.Export, string) {
	t.Helper()
	in := map[string]any{"id": id, "use": use}
	if purpose != "" {
		in["purpose"] = purpose
	}
	p := c.done(t, "caseExport", "export { content sha256 }", in)
	content, sum := dig(t, p, "export", "content").(string), dig(t, p, "export", "sha256").(string)
	if is := sha256.Sum256([]byte(content)); hex.EncodeToString(is[:]) != sum {
		t.Fatalf("the content is not of its hash %s", sum)
	}
	var x comity.Export
	if err := json.Unmarshal([]byte(content), &x); err != nil {
		t.Fatal(err)
	}
	return x, sum
}

// forbidden wants an export denied by Article 9 for a reason.
func (c *client) forbidden(t testing.TB, id comity.ID, purpose, use, reason string) {
	t.Helper()
	in := map[string]any{"id": id, "use": use}
	if purpose != "" {
		in["purpose"] = purpose
	}
	e := c.refused(t, "caseExport", in, comity.CodeDenied)
	if e["article"] != 9.0 || !strings.Contains(e["reason"].(string), reason) || e["cure"] == "" {
		t.Errorf("%s is denied otherwise: %v", use, e)
	}
}

func marks(tlp, pap, handling string) map[string]any {
	return map[string]any{"tlp": tlp, "pap": pap, "handling": handling}
}

// TestExportIsForItsUse exports a case abroad and at home for each use, under
// each grade and the markings that forbid it (Article 9).
func TestExportIsForItsUse(t *testing.T) {
	for engine, db := range engines {
		t.Run(engine, func(t *testing.T) {
			a := serveOn(t, db)
			owner, liaison, foreign := a.as(t, "investigator@KZ"), a.as(t, "liaison@KZ"), a.as(t, "investigator@AM")
			a.Mandate(t, "KZ")
			// granted is a case that Armenia reads, with an entry for each marking.
			granted := func(grade comity.Grade, assistance string, caveats comity.Marking, entries ...map[string]any) (comity.ID, comity.ID) {
				c := owner.fileCase(t, "Exported")
				items := []any{map[string]any{"text": "plain"}}
				for _, m := range entries {
					items = append(items, map[string]any{"text": "marked", "marking": m})
				}
				owner.done(t, "entryAdd", "entries { id }", map[string]any{"case": c, "items": items})
				disk := owner.upload(t, c, "disk.img", []byte("the bytes"))
				body := liaison.GrantBody("AM", owner.Release(t, c, "AM", disk), disk)
				body.Grade, body.Assistance, body.Caveats = grade, assistance, comity.Caveats{Marking: caveats}
				input := liaison.grantInput(t, c, body)
				input["caveats"] = map[string]any{"marking": caveats}
				if assistance != "" {
					input["assistance"] = assistance
				}
				p := liaison.done(t, "grantMake", "grant { id }", input)
				return c, comity.ID(dig(t, p, "grant", "id").(string))
			}
			amber := comity.Marking{TLP: comity.TLPAmber, PAP: comity.PAPAmber, Handling: comity.H0}
			const inv = "INVESTIGATION"

			lead, grant := granted(comity.GradeLead, "", amber, marks("AMBER_STRICT", "RED", "H1"))
			x, sum := foreign.exported(t, lead, inv, "ANALYSIS")
			if x.Case.ID != lead || x.Case.State != "KZ" || x.Case.Text == nil || x.Case.Text.Title != "Exported" || x.Case.Text.Reference != "" ||
				x.Use != comity.UseAnalysis || x.Purpose != inv || x.Officer != foreign.Caller.Officer.Ref() || len(x.Entries) != 2 || len(x.Withheld) != 0 ||
				len(x.Grants) != 1 || x.Grants[0].ID != grant || x.Grants[0].Statement == "" || x.Grants[0].Grade != comity.GradeLead ||
				len(x.Exhibits) != 1 || x.Exhibits[0].Text.Name != "disk.img" || x.Exhibits[0].Grant != grant || x.Exhibits[0].PlainSHA256 == "" {
				t.Errorf("exported is %+v", x)
			}
			if o := x.Case.Obligations; len(o) == 0 || o[0].Code != comity.ObligePurpose || o[0].Until.IsZero() {
				t.Errorf("it goes without what binds it: %+v", o)
			}
			leaf := dig(t, a.as(t, "auditor@KZ").get(t, `{ viewer { log(first: 1, filter: {act: "caseExport"}) { nodes { act outcome use digest purpose ref records { id grant } } } } }`, nil), "viewer", "log", "nodes", 0)
			if dig(t, leaf, "use") != "ANALYSIS" || dig(t, leaf, "digest") != sum || dig(t, leaf, "outcome") != "DONE" ||
				dig(t, leaf, "ref") != string(foreign.Caller.Officer.Ref()) || dig(t, leaf, "purpose") != inv || dig(t, leaf, "records", 0, "grant") != string(grant) {
				t.Errorf("the originator is told %v", leaf)
			}
			x, _ = foreign.exported(t, lead, inv, "OPERATIONAL") // without the entry that is PAP:RED
			if len(x.Entries) != 1 || x.Entries[0].Text.Text != "plain" || len(x.Withheld) != 1 || !strings.Contains(x.Withheld[0].Reason, "PAP:RED") || x.Withheld[0].Article != 9 {
				t.Errorf("for operations go %+v, without %+v", x.Entries, x.Withheld)
			}
			x, _ = foreign.exported(t, lead, inv, "DISSEMINATION")
			if len(x.Entries) != 1 || len(x.Withheld) != 1 || !strings.Contains(x.Withheld[0].Reason, "TLP:AMBER+STRICT") {
				t.Errorf("for dissemination go %+v, without %+v", x.Entries, x.Withheld)
			}
			foreign.forbidden(t, lead, inv, "COURT", "granted as intelligence or as a lead")
			foreign.forbidden(t, lead, "PROSECUTION", "ANALYSIS", "The purpose declared is not the one")
			foreign.forbidden(t, lead, "", "ANALYSIS", "declares its purpose")

			told, _ := granted(comity.GradeIntelligence, "", amber)
			foreign.exported(t, told, inv, "ANALYSIS")
			foreign.forbidden(t, told, inv, "OPERATIONAL", "granted as intelligence founds no enquiry")

			proof, _ := granted(comity.GradeEvidence, "MLA-1", amber, marks("AMBER", "AMBER", "H1"))
			x, _ = foreign.exported(t, proof, inv, "COURT")
			if len(x.Entries) != 1 || len(x.Withheld) != 1 || !strings.Contains(x.Withheld[0].Reason, "H1") || x.Grants[0].Assistance != "MLA-1" {
				t.Errorf("for the court go %+v, without %+v", x.Entries, x.Withheld)
			}
			bound, last := granted(comity.GradeEvidence, "MLA-2", comity.Marking{TLP: comity.TLPAmberStrict, PAP: comity.PAPRed, Handling: comity.H1})
			foreign.forbidden(t, bound, inv, "COURT", "H1")
			foreign.forbidden(t, bound, inv, "DISSEMINATION", "TLP:AMBER+STRICT")
			foreign.forbidden(t, bound, inv, "OPERATIONAL", "PAP:RED")
			kept, _ := granted(comity.GradeLead, "", comity.Marking{TLP: comity.TLPAmber, PAP: comity.PAPAmber, Handling: comity.H2})
			foreign.forbidden(t, kept, inv, "DISSEMINATION", "H2")

			// At home no grade binds, and what is marked does.
			x, _ = owner.exported(t, lead, "", "COURT")
			if len(x.Entries) != 1 || len(x.Withheld) != 1 || len(x.Grants) != 0 || len(x.Exhibits) != 1 {
				t.Errorf("at home for the court go %+v, without %+v", x.Entries, x.Withheld)
			}
			strict := owner.fileCase(t, "Strict")
			owner.done(t, "caseUpdate", "case { id }", map[string]any{"id": strict, "expectedVersion": 1, "marking": marks("RED", "RED", "H2")})
			owner.exported(t, strict, "", "ANALYSIS")
			for use, reason := range map[string]string{"COURT": "TLP:RED", "DISSEMINATION": "lies on it", "OPERATIONAL": "PAP:RED"} {
				owner.forbidden(t, strict, "", use, reason)
			}

			// To others it is not there, and to whom it was granted it has ended.
			for name, id := range map[string]comity.ID{"investigator@BY": lead, "colleague@KZ": lead, "auditor@KZ": strict, "investigator@AM": strict} {
				a.as(t, name).refused(t, "caseExport", map[string]any{"id": id, "purpose": inv, "use": "ANALYSIS"}, comity.CodeNotFound)
			}
			revoke := liaison.Revoke(t, bound, last)
			liaison.done(t, "grantRevoke", "grant { id }", map[string]any{"grant": last, "case": bound, "reason": revoke.Body.Reason, "act": revoke.Act})
			e := foreign.refused(t, "caseExport", map[string]any{"id": bound, "purpose": inv, "use": "ANALYSIS"}, comity.CodeDenied)
			if e["article"] != 11.0 {
				t.Errorf("after its end it is denied by %v", e)
			}
		})
	}
}

// TestExportAnew: under the same key an export is made anew, and not at all for
// another use, nor once the grant is gone.
func TestExportAnew(t *testing.T) {
	a := serveAPI(t, nil)
	owner := a.as(t, "investigator@KZ")
	c := owner.fileCase(t, "Twice")
	in := func(use string) map[string]any {
		return map[string]any{"id": c, "use": use, "idempotencyKey": "6b1f0a52-9f0e-4b7e-8f0e-0d5a1f0c2b11"}
	}
	first := owner.done(t, "caseExport", "export { sha256 }", in("ANALYSIS"))
	owner.done(t, "entryAdd", "entries { id }", map[string]any{"case": c, "items": []any{map[string]any{"text": "new"}}})
	if again := owner.done(t, "caseExport", "export { sha256 content }", in("ANALYSIS")); dig(t, again, "export", "sha256") == dig(t, first, "export", "sha256") ||
		!strings.Contains(dig(t, again, "export", "content").(string), `"new"`) {
		t.Error("an export was given out again as it was")
	}
	owner.refused(t, "caseExport", in("COURT"), comity.CodeConflict)
}
