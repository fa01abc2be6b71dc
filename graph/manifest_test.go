package graph

import (
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange/exchangetest"
)

// TestManifestPublish: over HTTP the authority of a state publishes what its root
// signed, and nobody else does; the states' list shows it at once.
func TestManifestPublish(t *testing.T) {
	for engine, open := range engines {
		t.Run(engine, func(t *testing.T) {
			a := serveOn(t, open)
			authority := a.as(t, "authority@KZ")
			jws := a.Next(t, "KZ", func(m *statement.Manifest) {
				m.Name = "Renamed"
				m.Agreements[0].Denounced = a.Clock.Now().UTC().Truncate(time.Second)
			})
			for _, name := range []string{"liaison@KZ", "investigator@KZ", "authority@AM"} {
				if e := a.as(t, name).refused(t, "manifestPublish", map[string]any{"manifest": jws}, comity.CodeDenied); e["article"] != 2.0 || e["cure"] == "" {
					t.Errorf("%s is refused by %v", name, e)
				}
			}
			forged := a.Next(t, "AM", func(m *statement.Manifest) { m.Name = "Forged" })
			if e := authority.refused(t, "manifestPublish", map[string]any{"manifest": forged}, comity.CodeDenied); e["article"] != 2.0 {
				t.Errorf("another state's manifest is refused by %v", e)
			}
			for _, bad := range []string{"", "x", "{}"} {
				if r := authority.call(t, actOf("manifestPublish"), map[string]any{"input": map[string]any{"idempotencyKey": exchangetest.Key(), "manifest": bad}}); len(r.Errors) == 0 && len(dig(t, r.Data, "manifestPublish", "errors").([]any)) != 1 {
					t.Errorf("%q is answered %s", bad, r.raw)
				}
			}
			input := map[string]any{"manifest": jws, "idempotencyKey": exchangetest.Key()}
			const selection = "manifest { number publishedAt publishedBy signed }"
			first := authority.done(t, "manifestPublish", selection, input)
			if dig(t, first, "manifest", "signed") != jws || dig(t, first, "manifest", "publishedBy") != "KZ:authority-1" || dig(t, first, "manifest", "publishedAt") == "" {
				t.Errorf("answered is %v", first)
			}
			again := authority.done(t, "manifestPublish", selection, input)
			if dig(t, again, "manifest", "number") != dig(t, first, "manifest", "number") {
				t.Errorf("repeated, it is answered %v", again)
			}
			authority.refused(t, "manifestPublish", map[string]any{"manifest": jws}, comity.CodeConflict)

			for _, s := range a.as(t, "investigator@BY").get(t, `{ states { code name manifest agreements { id denounced } } }`, nil)["states"].([]any) {
				if s := s.(map[string]any); s["code"] == "KZ" && (s["name"] != "Renamed" || s["manifest"] != jws || dig(t, s, "agreements", 0, "denounced") == nil) {
					t.Errorf("the list of states shows %v", s)
				}
			}
			const of = `{ viewer { manifests { number signed } } }`
			if all := dig(t, a.as(t, "auditor@KZ").get(t, of, nil), "viewer", "manifests").([]any); len(all) != 1 || dig(t, all, 0, "signed") != jws {
				t.Errorf("the auditor reads %v", all)
			}
			if r := a.as(t, "investigator@KZ").call(t, of, nil); len(r.Errors) != 1 || r.Errors[0].Extensions.Article != 14 {
				t.Errorf("an investigator reads %s", r.raw)
			}
			for _, name := range []string{"auditor@KZ", "auditor@AM", "auditor@BY"} {
				log := a.as(t, name).get(t, `{ viewer { log(first: 5, filter: {act: "manifestPublish", outcome: "DONE"}) { nodes { outcome ref records { id } } } } }`, nil)
				if all := dig(t, log, "viewer", "log", "nodes").([]any); len(all) != 1 || dig(t, all, 0, "ref") != "KZ:authority-1" {
					t.Errorf("%s reads %v", name, all)
				}
			}
			why := dig(t, authority.get(t, `{ viewer { explain(action: "manifestPublish") { permit article } } }`, nil), "viewer", "explain")
			if dig(t, why, "permit") != true || dig(t, why, "article") != 2.0 {
				t.Errorf("explained is %v", why)
			}
			why = dig(t, a.as(t, "liaison@KZ").get(t, `{ viewer { explain(action: "manifestPublish") { permit article who } } }`, nil), "viewer", "explain")
			if dig(t, why, "permit") != false || dig(t, why, "who", 0) != "the authority of KZ" {
				t.Errorf("explained to a liaison is %v", why)
			}
		})
	}
}
