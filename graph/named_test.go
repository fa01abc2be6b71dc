package graph

import (
	"slices"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
)

// people are the subjects whom an officer is shown of a case, by their roles.
func (c *client) people(t testing.TB, of comity.ID) (roles []string) {
	t.Helper()
	found, _ := c.get(t, `query($id: ID!) { node(id: $id, purpose: INVESTIGATION) { ... on Case { subjects(first: 9) { nodes { role } } } } }`,
		map[string]any{"id": of})["node"].(map[string]any)
	if found == nil || found["subjects"] == nil {
		return nil
	}
	for _, n := range dig(t, found, "subjects", "nodes").([]any) {
		roles = append(roles, n.(map[string]any)["role"].(string))
	}
	slices.Sort(roles)
	return roles
}

// TestNamedOverHTTP: a victim is opened by name, by release decision and grant,
// shown abroad, and closed on the next read after the grant names nobody.
func TestNamedOverHTTP(t *testing.T) {
	for engine, db := range engines {
		t.Run(engine, func(t *testing.T) {
			a := serveOn(t, db)
			owner, liaison, foreign := a.as(t, "investigator@KZ"), a.as(t, "liaison@KZ"), a.as(t, "investigator@AM")
			a.Mandate(t, "KZ")
			c := owner.fileCase(t, "With people")
			person := func(role string) comity.ID {
				p := owner.done(t, "subjectAdd", "subjects { id }", map[string]any{"case": c, "items": []any{map[string]any{"kind": "PERSON", "role": role, "identifier": role}}})
				return comity.ID(dig(t, p, "subjects", 0, "id").(string))
			}
			person("SUSPECT")
			victim, witness := person("VICTIM"), person("WITNESS")
			until := a.Clock.Now().Add(30 * 24 * time.Hour)
			decide := func(named ...comity.ID) map[string]any {
				return map[string]any{"case": c, "decider": "OWNER", "grantee": "AM", "scope": "FULL", "subjects": named, "purpose": "INVESTIGATION", "notAfter": stamp(until)}
			}
			owner.refused(t, "releaseDecide", decide(victim, comity.NewID(comity.KindSubject)), comity.CodeInvalid)
			released := owner.done(t, "releaseDecide", "release { id subjects }", decide(victim))
			if got := dig(t, released, "release", "subjects").([]any); len(got) != 1 || got[0] != string(victim) {
				t.Errorf("the release decision names %v", got)
			}
			body := liaison.GrantBody("AM", comity.ID(dig(t, released, "release", "id").(string)))
			body.Subjects = []comity.ID{victim, witness}
			if e := liaison.refused(t, "grantMake", liaison.grantInput(t, c, body), comity.CodeDenied); e["article"] != 8.0 {
				t.Errorf("a witness whom nobody released is named: %v", e)
			}
			body.Subjects = []comity.ID{victim}
			input := liaison.grantInput(t, c, body)
			trial := map[string]any{}
			for k, v := range input {
				if k != "act" && k != "id" {
					trial[k] = v
				}
			}
			tried := dig(t, liaison.get(t, `query($input: GrantTryInput!) { viewer { grantTry(input: $input) { alone subjects { open closed } named { id kind role minor } faults { message } } } }`,
				map[string]any{"input": trial}), "viewer", "grantTry")
			if dig(t, tried, "alone") != true || dig(t, tried, "subjects", "open") != 2.0 || dig(t, tried, "named", 0, "id") != string(victim) || dig(t, tried, "named", 0, "role") != "VICTIM" {
				t.Errorf("a grant that would name a victim: %v", tried)
			}
			if got := foreign.people(t, c); got != nil {
				t.Errorf("before the grant Armenia sees %v", got)
			}
			made := liaison.done(t, "grantMake", "grant { id version subjects }", input)
			if got := dig(t, made, "grant", "subjects").([]any); len(got) != 1 || got[0] != string(victim) {
				t.Errorf("the grant names %v", got)
			}
			if got := foreign.people(t, c); !slices.Equal(got, []string{"SUSPECT", "VICTIM"}) {
				t.Errorf("Armenia sees %v", got)
			}
			byID := func(id comity.ID) any {
				return foreign.get(t, `query($id: ID!) { node(id: $id, purpose: INVESTIGATION) { ... on Subject { role identifier } } }`, map[string]any{"id": id})["node"]
			}
			if got := byID(victim); got == nil || dig(t, got, "identifier") != "VICTIM" {
				t.Errorf("the victim is found by the id as %v", got)
			}
			if got := byID(witness); got != nil {
				t.Errorf("the witness is found by the id as %v", got)
			}
			narrow := statement.NarrowBody{Case: c, Scope: comity.ScopeFull, Caveats: body.Caveats, NotAfter: body.NotAfter}
			narrowed := liaison.done(t, "grantNarrow", "grant { subjects }", map[string]any{"grant": body.ID, "case": c, "expectedVersion": 2, "scope": "FULL",
				"caveats": map[string]any{"marking": marking}, "notAfter": stamp(time.Unix(body.NotAfter, 0)),
				"act": liaison.Sign(t, statement.Act{Act: statement.ActGrantNarrow, Record: body.ID}, narrow)})
			if got := dig(t, narrowed, "grant", "subjects").([]any); len(got) != 0 {
				t.Errorf("narrowed, the grant names %v", got)
			}
			if got := foreign.people(t, c); !slices.Equal(got, []string{"SUSPECT"}) || byID(victim) != nil {
				t.Errorf("narrowed, Armenia sees %v, and by the id %v", got, byID(victim))
			}
		})
	}
}
