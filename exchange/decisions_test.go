package exchange

import (
	"fmt"
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/sovereignty"
)

// TestDecisionsRemembered: a decision that is remembered is what the policies decide,
// on the very question; no more than the bound are.
func TestDecisionsRemembered(t *testing.T) {
	policies, err := sovereignty.Load()
	if err != nil {
		t.Fatal(err)
	}
	question := func(agency string, assigned bool) sovereignty.Question {
		return sovereignty.Question{Action: sovereignty.CaseRead, Record: sovereignty.Record{State: "KZ", Agency: "KZ/cyber", Kind: comity.KindCase,
			Assigned: assigned, Marking: comity.DefaultMarking}, Circumstances: sovereignty.Circumstances{Visible: true},
			Officer: comity.Officer{Issuer: "https://idp.example", Subject: "s", State: "KZ", Agency: comity.AgencyID(agency), Role: comity.RoleInvestigator, Function: "f", Pseudonym: "p"}}
	}
	d := newDecisions()
	permits := map[bool]bool{}
	for range 2 {
		for _, assigned := range []bool{true, false} {
			q := question("KZ/cyber", assigned)
			got := d.on(q, policies)
			permits[got.Permit] = true
			if got != policies.Decide(q) {
				t.Errorf("assigned %v: %+v", assigned, got)
			}
		}
	}
	if len(permits) != 2 || d.known.Len() != 2 {
		t.Errorf("%d questions are known, permits %v", d.known.Len(), permits)
	}
	for i := range maxDecisions + 10 {
		d.on(question(fmt.Sprint("KZ/", i), true), policies)
	}
	if d.known.Len() != maxDecisions {
		t.Errorf("%d decisions are remembered", d.known.Len())
	}
}
