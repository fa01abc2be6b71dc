package graph

import (
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/token/tokentest"
)

// TestOnward asks over HTTP for onward sharing, as who reads under the grant and
// as who does not.
func TestOnward(t *testing.T) {
	for engine, open := range engines {
		t.Run(engine, func(t *testing.T) {
			a := serveOn(t, open)
			r := hidden(t, a) // granted to Armenia
			input := func(third string) map[string]any {
				return map[string]any{"to": "KZ", "kind": "ACCESS", "urgency": "ROUTINE", "category": string(tokentest.Category), "purpose": "INVESTIGATION",
					"title": "a", "facts": "b", "onwardTo": third, "grant": string(r[comity.KindGrant])}
			}
			foreign, third := a.as(t, "investigator@AM"), a.as(t, "liaison@BY")
			third.refused(t, "requestSend", input("AM"), comity.CodeNotFound)
			foreign.refused(t, "requestSend", input("KZ"), comity.CodeInvalid)
			sent := dig(t, foreign.done(t, "requestSend", "request { id onwardTo grant }", input("BY")), "request")
			if dig(t, sent, "onwardTo") != "BY" || dig(t, sent, "grant") != string(r[comity.KindGrant]) {
				t.Errorf("sent is %v", sent)
			}
			const show = `query($id: ID!) { node(id: $id) { ... on Request { onwardTo grant } } }`
			of := map[string]any{"id": dig(t, sent, "id")}
			if got := dig(t, a.as(t, "liaison@KZ").get(t, show, of), "node", "onwardTo"); got != "BY" {
				t.Errorf("the originator is shown %v", got)
			}
			if got := dig(t, third.get(t, show, of), "node"); got != nil {
				t.Errorf("the third state is shown %v", got)
			}
		})
	}
}
