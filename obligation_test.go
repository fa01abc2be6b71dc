package comity

import (
	"slices"
	"testing"
	"time"
)

func codesOf(all []Obligation) (codes []ObligationCode) {
	for _, o := range all {
		codes = append(codes, o.Code)
	}
	return codes
}

func TestObligationsAreTheStrictestOfAll(t *testing.T) {
	until := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	g := &Grant{Grade: GradeEvidence, Assistance: "MLA 7/2026", Purpose: PurposeProsecution, NotAfter: until,
		Caveats: Caveats{Marking: Marking{TLPAmber, PAPRed, H2}, Text: "not to the press"}}
	all := Obligations(g, Marking{TLPGreen, PAPGreen, H1}, Marking{TLPAmberStrict, PAPAmber, H0})
	want := []ObligationCode{ObligePurpose, ObligeEvidence, ObligeH1, ObligeH2, ObligePAPRed, ObligeTLPStrict, ObligeCaveat, ObligeOnward}
	if got := codesOf(all); !slices.Equal(got, want) {
		t.Errorf("bound by %v, not %v", got, want)
	}
	for _, o := range all {
		if o.Text == "" || !o.Until.Equal(until) || !o.Article.Valid() {
			t.Errorf("%+v says too little", o)
		}
	}
	home := Obligations(nil, Marking{TLPClear, PAPClear, H0}, DefaultMarking)
	if got := codesOf(home); !slices.Equal(got, []ObligationCode{ObligeH0, ObligePAPAmber, ObligeTLPAmber}) || !home[0].Until.IsZero() {
		t.Errorf("at home bound by %+v", home)
	}
}

func TestEveryLabelHasWords(t *testing.T) {
	for _, tlp := range []TLP{TLPClear, TLPGreen, TLPAmber, TLPAmberStrict, TLPRed} {
		for _, pap := range []PAP{PAPClear, PAPGreen, PAPAmber, PAPRed} {
			for _, h := range []Handling{H0, H1, H2, H3} {
				for _, grade := range []Grade{GradeIntelligence, GradeLead, GradeEvidence} {
					for _, o := range Obligations(&Grant{Grade: grade, Purpose: PurposeInvestigation}, Marking{tlp, pap, h}) {
						if o.Text == "" {
							t.Fatalf("%s says nothing", o.Code)
						}
					}
				}
			}
		}
	}
}
