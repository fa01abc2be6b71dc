package sovereignty

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cedar-policy/cedar-go"

	"github.com/comity-platform/comity"
)

// Side is whose officer is meant, of the states that a question is about.
type Side string

// The sides.
const (
	SideOwn        Side = "OWN"        // the asker's state
	SideOriginator Side = "ORIGINATOR" // whose record it is
	SideAsked      Side = "ASKED"      // to whom a request is put
	SideAsking     Side = "ASKING"     // that puts it
	SideBoth       Side = "BOTH"       // originator and grantee, asking and asked
)

// Office is who of a state is meant.
type Office string

// The offices.
const (
	OfficeAsker        Office = "ASKER" // the officer who asks
	OfficeInvestigator Office = "INVESTIGATOR"
	OfficeLiaison      Office = "LIAISON"
	OfficeAuthority    Office = "AUTHORITY"
	OfficeAuditor      Office = "AUDITOR"
	OfficeOwner        Office = "OWNER"    // of the case
	OfficeAssigned     Office = "ASSIGNED" // an officer assigned to the case
	OfficeManifest     Office = "MANIFEST" // the state itself, by the manifest that its root signs
	OfficeOperator     Office = "OPERATOR" // who runs the exchange
)

// Who can cure a denial.
type Who struct {
	Side   Side
	Office Office
}

// whos are the words of the annotation @who.
var whos = map[string]Who{
	"asker":              {SideOwn, OfficeAsker},
	"investigator":       {SideOwn, OfficeInvestigator},
	"liaison":            {SideOwn, OfficeLiaison},
	"authority":          {SideOwn, OfficeAuthority},
	"auditor":            {SideOwn, OfficeAuditor},
	"owner":              {SideOwn, OfficeOwner},
	"assigned":           {SideOwn, OfficeAssigned},
	"manifest":           {SideOwn, OfficeManifest},
	"originator liaison": {SideOriginator, OfficeLiaison},
	"originator owner":   {SideOriginator, OfficeOwner},
	"record auditor":     {SideOriginator, OfficeAuditor},
	"record authority":   {SideOriginator, OfficeAuthority},
	"asked liaison":      {SideAsked, OfficeLiaison},
	"asking liaison":     {SideAsking, OfficeLiaison},
	"both manifests":     {SideBoth, OfficeManifest},
	"operator":           {SideOwn, OfficeOperator},
}

// String names who is meant, for a person.
func (w Who) String() string { return w.Of(sideNames[w.Side]) }

var sideNames = map[Side]string{SideOwn: "the asker's state", SideOriginator: "the originator", SideAsked: "the asked state",
	SideAsking: "the asking state", SideBoth: "both states"}

// Of names who is meant of a state, or of two.
func (w Who) Of(state string) string {
	switch w.Office {
	case OfficeAsker:
		return "the officer who asks"
	case OfficeInvestigator:
		return "an investigator of " + state
	case OfficeLiaison:
		return "a liaison of " + state
	case OfficeAuthority:
		return "the authority of " + state
	case OfficeAuditor:
		return "an auditor of " + state
	case OfficeOwner:
		return "the owner of the case, of " + state
	case OfficeAssigned:
		return "an officer of " + state + " who is assigned to the case"
	case OfficeManifest:
		return state + ", by manifest"
	}
	return "the operator of the exchange"
}

// readWho reads the annotation @who: words of [whos], after commas.
func readWho(text string) (all []Who, err error) {
	for _, word := range strings.Split(text, ",") {
		w, ok := whos[strings.TrimSpace(word)]
		if !ok || slices.Contains(all, w) {
			return nil, fmt.Errorf("@who(%q): %q is not known, or named twice", text, strings.TrimSpace(word))
		}
		all = append(all, w)
	}
	return all, nil
}

// Who lists who can do what cures a decision, by the annotation @who of its
// policy. It is empty for a permit, and for a denial that may not be explained
// or that nothing cures.
func (p *Policies) Who(d Decision) []Who {
	if d.Permit || !d.Explainable || d.Cure == "" {
		return nil
	}
	if d.Policy == policyNone {
		return []Who{{SideOwn, OfficeInvestigator}, {SideOwn, OfficeLiaison}, {SideOwn, OfficeAuthority}}
	}
	for _, r := range p.rules {
		if r.id == d.Policy {
			return slices.Clone(r.who)
		}
	}
	return nil
}

// Text is an Article as its policy file states it, for a person.
func (p *Policies) Text(a comity.Article) string { return p.texts[a] }

// Explain gives the decision on q and, after it, whatever else denies the same:
// all that must be cured before it is permitted. A record of another state, or
// one that the asker may not know of, is explained by the one decision alone.
func (p *Policies) Explain(q Question) []Decision {
	d := p.Decide(q)
	if d.Permit || !d.Explainable || q.Officer.State != q.Record.State || d.Policy == policyNone || d.Policy == policyFault {
		return []Decision{d}
	}
	facts, request := facts(q)
	_, diagnostic := cedar.Authorize(p.byScope[scope{q.Action, q.Officer.Role}], &facts, request)
	var all []Decision
	for _, reason := range diagnostic.Reasons {
		r := p.rules[reason.PolicyID]
		if r.absent {
			continue
		}
		all = append(all, Decision{Article: r.article, Policy: r.id, Reason: r.reason, Cure: r.cure, Explainable: true})
	}
	return all
}
