package graph

import (
	"slices"
	"testing"

	"github.com/comity-platform/comity"
)

const bound = `access { level obligations { code article text until } }
  entries(first: 10) { nodes { id text obligations { code until } } }
  subjects(first: 10) { nodes { id obligations { code } } }
  observables(first: 10) { nodes { id obligations { code } } }
  evidence(first: 10) { nodes { id obligations { code } } }`

// bound reads a case with what binds its use.
func (c *client) bound(t testing.TB, id comity.ID, purpose string) map[string]any {
	t.Helper()
	v := map[string]any{"id": id}
	if purpose != "" {
		v["purpose"] = purpose
	}
	found, _ := c.get(t, `query($id: ID!, $purpose: Purpose) { node(id: $id, purpose: $purpose) { ... on Case { `+bound+` } } }`, v)["node"].(map[string]any)
	return found
}

func codes(t testing.TB, record any) (all []string) {
	t.Helper()
	for _, o := range dig(t, record, "obligations").([]any) {
		all = append(all, dig(t, o, "code").(string))
	}
	return all
}

func TestObligationsGoWithTheData(t *testing.T) {
	for engine, db := range engines {
		t.Run(engine, func(t *testing.T) {
			a := serveOn(t, db)
			owner, liaison, foreign := a.as(t, "investigator@KZ"), a.as(t, "liaison@KZ"), a.as(t, "investigator@AM")
			a.Mandate(t, "KZ")
			c := owner.fileCase(t, "Bound")
			owner.done(t, "entryAdd", "entries { id }", map[string]any{"case": c, "items": []any{
				map[string]any{"text": "plain"}, map[string]any{"text": "strict", "marking": map[string]any{"tlp": "AMBER_STRICT", "pap": "RED", "handling": "H1"}}}})
			disk := owner.upload(t, c, "disk.img", []byte("bytes"))
			body := liaison.GrantBody("AM", owner.Release(t, c, "AM", disk), disk)
			body.Caveats = comity.Caveats{Marking: comity.Marking{TLP: comity.TLPAmber, PAP: comity.PAPAmber, Handling: comity.H2}, Text: "call us first"}
			input := liaison.grantInput(t, c, body)
			input["caveats"] = map[string]any{"marking": body.Caveats.Marking, "text": body.Caveats.Text}
			liaison.done(t, "grantMake", "grant { id }", input)

			theirs := foreign.bound(t, c, "INVESTIGATION")
			if got := codes(t, dig(t, theirs, "access")); !slices.Equal(got, []string{"PURPOSE", "GRADE_LEAD", "HANDLING_H2", "PAP_AMBER", "TLP_AMBER", "CAVEAT", "ORIGINATOR_CONTROL"}) {
				t.Errorf("Armenia is bound by %v", got)
			}
			if o := dig(t, theirs, "access", "obligations", 5); dig(t, o, "text") != "call us first" || dig(t, o, "until") == nil || dig(t, o, "article") != 9.0 {
				t.Errorf("the caveat is %v", o)
			}
			strict := 0 // the two were made at one instant, and stand in the order of their ids
			if dig(t, theirs, "entries", "nodes", 0, "text") != "strict" {
				strict = 1
			}
			if got := codes(t, dig(t, theirs, "entries", "nodes", strict)); !slices.Equal(got, []string{"PURPOSE", "GRADE_LEAD", "HANDLING_H1", "HANDLING_H2", "PAP_RED", "TLP_AMBER_STRICT", "CAVEAT", "ORIGINATOR_CONTROL"}) {
				t.Errorf("Armenia is bound on the strict entry by %v", got)
			}
			if got := codes(t, dig(t, theirs, "evidence", "nodes", 0)); !slices.Contains(got, "HANDLING_H2") || !slices.Contains(got, "CAVEAT") {
				t.Errorf("Armenia is bound on the exhibit by %v", got)
			}
			entry := dig(t, theirs, "entries", "nodes", strict, "id")
			node := foreign.get(t, `query($id: ID!) { node(id: $id, purpose: INVESTIGATION) { ... on Entry { obligations { code } } } }`, map[string]any{"id": entry})
			if got := codes(t, node["node"]); !slices.Contains(got, "HANDLING_H1") {
				t.Errorf("found by its id, the strict entry binds by %v", got)
			}
			if other := foreign.bound(t, c, "PROSECUTION"); len(codes(t, dig(t, other, "access"))) != 0 {
				t.Errorf("for another purpose nothing is open, and yet it binds by %v", other)
			}
			mine := owner.bound(t, c, "")
			if got := codes(t, dig(t, mine, "access")); !slices.Equal(got, []string{"HANDLING_H0", "PAP_AMBER", "TLP_AMBER"}) {
				t.Errorf("at home the case binds by %v", got)
			}
			if o := dig(t, mine, "access", "obligations", 0); dig(t, o, "until") != nil {
				t.Errorf("at home it ends: %v", o)
			}
		})
	}
}
