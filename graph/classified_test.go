package graph

import (
	"testing"

	"github.com/comity-platform/comity"
)

// TestClassifiedOverHTTP: above the union's ceiling an act is refused by Article 9,
// with what cures it; below it the declaration is shown with the words.
func TestClassifiedOverHTTP(t *testing.T) {
	for engine, db := range engines {
		t.Run(engine, func(t *testing.T) {
			a := serveOn(t, db)
			owner, asker := a.as(t, "investigator@KZ"), a.as(t, "investigator@AM")
			filed := map[string]any{"category": "RANSOMWARE", "title": "A case", "nexus": []any{map[string]any{"basis": "TERRITORY", "state": "KZ"}}, "classification": "SECRET"}
			if e := owner.refused(t, "caseFile", filed, comity.CodeDenied); e["article"] != 9.0 || e["cure"] == nil {
				t.Errorf("a case that is SECRET: %v", e)
			}
			if all := dig(t, owner.get(t, `{ viewer { cases(first: 9) { totalCount } } }`, nil), "viewer", "cases", "totalCount"); all != 0.0 {
				t.Errorf("%v cases after the refusal", all)
			}
			filed["classification"] = "RESTRICTED"
			c := dig(t, owner.done(t, "caseFile", "case { id classification }", filed), "case")
			if dig(t, c, "classification") != "RESTRICTED" {
				t.Errorf("a case that is RESTRICTED is shown as %v", c)
			}
			of := dig(t, c, "id")
			items := func(level string) map[string]any {
				return map[string]any{"case": of, "items": []any{map[string]any{"text": "a"}, map[string]any{"text": "b", "classification": level}}}
			}
			owner.refused(t, "entryAdd", items("CONFIDENTIAL"), comity.CodeDenied)
			owner.done(t, "entryAdd", "entries { id }", items("RESTRICTED"))
			shown := map[any]int{}
			for _, n := range dig(t, owner.get(t, `query($id: ID!) { node(id: $id) { ... on Case { entries(first: 9) { nodes { classification } } } } }`, map[string]any{"id": of}), "node", "entries", "nodes").([]any) {
				shown[n.(map[string]any)["classification"]]++
			}
			if len(shown) != 2 || shown[nil] != 1 || shown["RESTRICTED"] != 1 {
				t.Errorf("the entries are shown as %v", shown)
			}
			ask := map[string]any{"to": "KZ", "kind": "INFORMATION", "urgency": "PROMPT", "category": "RANSOMWARE", "purpose": "INVESTIGATION", "title": "a", "facts": "b", "classification": "TOP_SECRET"}
			asker.refused(t, "requestSend", ask, comity.CodeDenied)
			delete(ask, "classification")
			request := dig(t, asker.done(t, "requestSend", "request { id classification }", ask), "request")
			if dig(t, request, "classification") != nil {
				t.Errorf("a request that declares nothing is shown as %v", request)
			}
			message := map[string]any{"request": dig(t, request, "id"), "text": "more", "classification": "SECRET"}
			asker.refused(t, "messageSend", message, comity.CodeDenied)
			message["classification"] = "RESTRICTED"
			if sent := asker.done(t, "messageSend", "message { classification }", message); dig(t, sent, "message", "classification") != "RESTRICTED" {
				t.Errorf("the message is shown as %v", sent)
			}
			liaison := a.as(t, "liaison@KZ")
			move := map[string]any{"id": dig(t, request, "id"), "expectedVersion": 1, "note": "we look into it", "classification": "CONFIDENTIAL"}
			liaison.refused(t, "requestReceive", move, comity.CodeDenied)
			move["classification"] = "RESTRICTED"
			liaison.done(t, "requestReceive", "request { status }", move)
			moved := asker.get(t, `query($id: ID!) { node(id: $id) { ... on Request { messages(first: 9) { nodes { text classification } } } } }`, map[string]any{"id": dig(t, request, "id")})
			if all := dig(t, moved, "node", "messages", "nodes").([]any); len(all) != 2 || dig(t, all[1], "classification") != "RESTRICTED" {
				t.Errorf("the note is shown as %v", all)
			}
		})
	}
}
