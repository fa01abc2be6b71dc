package comity

import (
	"slices"
	"time"
)

// ObligationCode names what binds the use of a record (Article 9).
type ObligationCode string

// The obligations. Markings and handling codes bind at home as well; a grade, a
// purpose, the originator's words and its control bind who reads abroad.
const (
	ObligePurpose      ObligationCode = "PURPOSE"
	ObligeOnward       ObligationCode = "ORIGINATOR_CONTROL"
	ObligeIntelligence ObligationCode = "GRADE_INTELLIGENCE"
	ObligeLead         ObligationCode = "GRADE_LEAD"
	ObligeEvidence     ObligationCode = "GRADE_EVIDENCE"
	ObligeH0           ObligationCode = "HANDLING_H0"
	ObligeH1           ObligationCode = "HANDLING_H1"
	ObligeH2           ObligationCode = "HANDLING_H2"
	ObligeH3           ObligationCode = "HANDLING_H3"
	ObligePAPClear     ObligationCode = "PAP_CLEAR"
	ObligePAPGreen     ObligationCode = "PAP_GREEN"
	ObligePAPAmber     ObligationCode = "PAP_AMBER"
	ObligePAPRed       ObligationCode = "PAP_RED"
	ObligeTLPClear     ObligationCode = "TLP_CLEAR"
	ObligeTLPGreen     ObligationCode = "TLP_GREEN"
	ObligeTLPAmber     ObligationCode = "TLP_AMBER"
	ObligeTLPStrict    ObligationCode = "TLP_AMBER_STRICT"
	ObligeTLPRed       ObligationCode = "TLP_RED"
	ObligeCaveat       ObligationCode = "CAVEAT"
)

// Obligation is one thing that binds whoever reads a record, returned with it.
type Obligation struct {
	Code    ObligationCode `json:"code"`
	Article Article        `json:"article"`
	Text    string         `json:"text"` // for a person
	// Until is when the access ends that it comes with; zero at home. The duty
	// itself does not end with the access.
	Until time.Time `json:"until,omitzero"`
}

var obligations = map[ObligationCode]string{
	ObligeOnward:       "Do not pass it on to another state or beyond the grantee named: that takes a new grant by the originator. Tell the originator beforehand, or at once after, where law compels you to.",
	ObligeIntelligence: "Intelligence: it may inform your work. Do not cite it, found a measure on it or use it in proceedings.",
	ObligeLead:         "A lead: it may found enquiries of your own. Do not use it in proceedings.",
	ObligeEvidence:     "Evidence: it may be used in proceedings, under the mutual-assistance decision that the grant names.",
	ObligeH0:           "H0: use it for the purpose it was given for.",
	ObligeH1:           "H1: not as evidence in judicial proceedings without the originator's permission.",
	ObligeH2:           "H2: not to be disseminated without the originator's permission.",
	ObligeH3:           "H3: other restrictions hold, as the originator's words say.",
	ObligePAPClear:     "PAP:CLEAR: no bound on the actions taken with it.",
	ObligePAPGreen:     "PAP:GREEN: active actions are allowed, such as blocking or contacting a provider.",
	ObligePAPAmber:     "PAP:AMBER: passive checks only, also with third parties' services; nothing that the subject could notice.",
	ObligePAPRed:       "PAP:RED: no action that can be noticed outside; only within your own closed systems.",
	ObligeTLPClear:     "TLP:CLEAR: no bound on disclosure but this grant's and the law's.",
	ObligeTLPGreen:     "TLP:GREEN: within your community, not to the public.",
	ObligeTLPAmber:     "TLP:AMBER: to those in your organisation, and those it serves, who need to know.",
	ObligeTLPStrict:    "TLP:AMBER+STRICT: to those in your own organisation only who need to know.",
	ObligeTLPRed:       "TLP:RED: for the eyes of the officer who reads it, and nobody else.",
}

// Obligations are what binds the use of a record under a grant (nil at home) and
// all the markings that lie on it: its own, and those of the case around it. Of
// labels that are ordered the strictest binds; every handling code does.
func Obligations(g *Grant, markings ...Marking) (all []Obligation) {
	var until time.Time
	add := func(code ObligationCode, text string) {
		all = append(all, Obligation{Code: code, Article: ArticlePurpose, Text: text, Until: until})
	}
	if g != nil {
		until = g.NotAfter
		markings = append(slices.Clone(markings), g.Caveats.Marking)
		add(ObligePurpose, "Use it for the purpose it was granted for, "+string(g.Purpose)+", and for no other.")
		grade := ObligationCode("GRADE_" + string(g.Grade))
		text := obligations[grade]
		if g.Grade == GradeEvidence && g.Assistance != "" {
			text = "Evidence: it may be used in proceedings, under the mutual-assistance decision " + g.Assistance + "."
		}
		add(grade, text)
	}
	strictest, codes := Binding(markings...)
	for _, h := range codes {
		add(ObligationCode("HANDLING_"+string(h)), obligations[ObligationCode("HANDLING_"+string(h))])
	}
	pap, tlp := ObligationCode("PAP_"+string(strictest.PAP)), ObligationCode("TLP_"+string(strictest.TLP))
	add(pap, obligations[pap])
	add(tlp, obligations[tlp])
	if g != nil {
		if g.Caveats.Text != "" {
			add(ObligeCaveat, g.Caveats.Text)
		}
		all = append(all, Obligation{Code: ObligeOnward, Article: ArticleOriginatorControl, Text: obligations[ObligeOnward], Until: until})
	}
	return all
}

// Binding gives the strictest labels of markings, and all handling codes that
// lie on them, H0 only where there is no other.
func Binding(markings ...Marking) (strictest Marking, codes []Handling) {
	for _, m := range markings {
		if m.TLP.Rank() > strictest.TLP.Rank() {
			strictest.TLP = m.TLP
		}
		if m.PAP.Rank() > strictest.PAP.Rank() {
			strictest.PAP = m.PAP
		}
		if m.Handling != H0 && m.Handling != "" && !slices.Contains(codes, m.Handling) {
			codes = append(codes, m.Handling)
		}
	}
	if len(codes) == 0 {
		codes = []Handling{H0}
	}
	slices.Sort(codes)
	strictest.Handling = codes[0]
	return strictest, codes
}
