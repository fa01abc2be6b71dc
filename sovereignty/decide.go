package sovereignty

import (
	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"

	"github.com/comity-platform/comity"
)

// precedence is the order in which the Articles speak when several forbid (or
// permit) the same: first what must not be known to exist, then whose record it
// is, then whether the matter may be shared, then how.
var precedence = []comity.Article{
	comity.ArticleNoOracle,
	comity.ArticleDomesticReservation,
	comity.ArticleOriginatorControl,
	comity.ArticleNonInterference,
	comity.ArticleOriginator,
	comity.ArticleTerritory,
	comity.ArticleNeutrality,
	comity.ArticleExternalNexus,
	comity.ArticleLegalBasis,
	comity.ArticleLiaison,
	comity.ArticleTerm,
	comity.ArticlePurpose,
	comity.ArticleResidency,
	comity.ArticleAccountability,
	comity.ArticleReciprocity,
	comity.ArticleNoBypass,
}

func rank(a comity.Article) int {
	for i, b := range precedence {
		if a == b {
			return i
		}
	}
	return len(precedence)
}

// Decision answers a [Question].
type Decision struct {
	Permit  bool
	Article comity.Article // which carried it, in a permit as in a denial
	Policy  string         // the @id of the policy; "no-permit" when none spoke
	Reason  string         // for a person, in one sentence
	Cure    string         // what would cure a denial, "" when nothing would
	// Explainable: the asker may know Article, reason and cure. When it is not
	// set, the answer is that of a record which does not exist (Article 12);
	// Article and reason are then for the record of acts only.
	Explainable bool
}

// Err is nil for a permit, [comity.Denied] for a denial that may be explained,
// and [comity.NotFound] for any other.
func (d Decision) Err() error {
	switch {
	case d.Permit:
		return nil
	case d.Explainable:
		return comity.Denied(d.Article, d.Reason, d.Cure)
	}
	return comity.NotFound()
}

// Policies that are not in the files: what is denied because nothing permits.
const (
	policyNone  = "no-permit" // no policy spoke
	policyFault = "fault"     // the question could not be put, or a policy could not be evaluated
)

// Decide answers q. It never fails: a question that names no action or no
// proper officer, and one that a policy cannot answer, is denied.
func (p *Policies) Decide(q Question) Decision {
	policies, ok := p.byScope[scope{q.Action, q.Officer.Role}]
	if !ok || !q.Officer.State.Valid() || q.Officer.Agency.State() != q.Officer.State {
		return fault("The officer or the act is not known.")
	}
	facts, request := facts(q)
	effect, diagnostic := cedar.Authorize(policies, &facts, request)
	switch {
	case len(diagnostic.Errors) > 0:
		// Cedar skips a policy that it cannot evaluate. A skipped prohibition
		// would be a hole, so the whole decision falls.
		return fault("Policy " + string(diagnostic.Errors[0].PolicyID) + " cannot be evaluated: " + diagnostic.Errors[0].Message)
	case len(diagnostic.Reasons) > 0:
		r := p.rules[diagnostic.Reasons[0].PolicyID]
		return Decision{Permit: effect == types.Allow, Article: r.article, Policy: r.id, Reason: r.reason, Cure: r.cure,
			Explainable: !r.absent}
	}
	d := Decision{Article: comity.ArticleNoBypass, Policy: policyNone, Reason: "No Article permits this act to the officer.",
		Explainable: !reads[q.Action]}
	if d.Explainable {
		d.Cure = "Have an officer do it whose role and place carry it."
	}
	return d
}

func fault(reason string) Decision {
	return Decision{Article: comity.ArticleNoBypass, Policy: policyFault, Reason: reason}
}
