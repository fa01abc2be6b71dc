package exchange

import (
	"slices"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/sovereignty"
)

// Why asks for the explanation of a decision: whether the reader could do an act,
// by which Article, and what would cure it. What the act's own input would say is
// taken as the Articles want it; of that [Reader.TryGrant] tells more.
type Why struct {
	Action sovereignty.Action
	// Record is acted upon, "" for an act upon no record. An id of any record that
	// the act can be about: an exhibit or its case.
	Record  comity.ID
	Purpose comity.Purpose // declared with a read
	// Category and State are those of what is filed, asked for or granted: the
	// asked state, or the grantee's; of a case that is changed, and of an offer, the
	// category that it is to have. Both may be left out.
	Category comity.Category
	State    comity.State
	Kind     comity.RequestKind // of a request that is put
}

// Explanation is a decision in words for a person.
type Explanation struct {
	Action sovereignty.Action
	Record comity.ID
	Permit bool
	// Reasons are the decision and, where the record is the own state's, whatever
	// else stands in the way. There is always one.
	Reasons []Reason
	Basis   *Basis // the agreement between the two states that carries it, nil where none is needed or there is none
}

// Reason is one policy's word.
type Reason struct {
	Article comity.Article
	Text    string // of the Article
	Reason  string
	Cure    string
	Who     []string // can do what cures it
}

// Basis is the legal basis of what one state opens to another (Article 7).
type Basis struct {
	Agreement string
	Title     string
	Hash      string
	Grant     comity.ID // under which the reader reads, "" where it is not about one
}

// acts gives, for the acts upon records, of what kinds; those upon none are left out.
var actsUpon = map[comity.Kind][]sovereignty.Action{
	comity.KindEvidence: {sovereignty.EvidenceParts, sovereignty.EvidenceComplete, sovereignty.EvidenceOpen},
	comity.KindRequest: {sovereignty.RequestRead, sovereignty.RequestReceive, sovereignty.RequestAcknowledge, sovereignty.RequestAskSupplement,
		sovereignty.RequestSupplement, sovereignty.RequestForward, sovereignty.RequestExecute, sovereignty.RequestPostpone, sovereignty.RequestRefuse,
		sovereignty.RequestClose, sovereignty.MessageSend},
	comity.KindGrant: {sovereignty.GrantNarrow, sovereignty.GrantRevoke, sovereignty.GrantConfirm, sovereignty.GrantObject,
		sovereignty.GrantRead, sovereignty.DisclosureNotify},
	comity.KindMandate:     {sovereignty.MandateEnd},
	comity.KindProposal:    {sovereignty.ProposalDecline},
	comity.KindReservation: {sovereignty.CategoryReserveLift},
	comity.KindHold:        {sovereignty.HoldRelease},
	comity.KindWithdrawal:  {sovereignty.CaseWithdrawCancel},
	comity.KindAnnotation:  {sovereignty.AnnotationAnswer, sovereignty.AnnotationWithdraw, sovereignty.DispatchRead}, // the last upon any dispatch
	comity.KindReferral:    {sovereignty.ReferralChange, sovereignty.ReferralAnswer, sovereignty.ReferralWithdraw},
	comity.KindNotice:      {sovereignty.NoticeAnswer},
	comity.KindCompelled:   {sovereignty.DisclosureObject},
	comity.KindShift:       {sovereignty.DutyWithdraw},

	comity.KindUndertaking: {sovereignty.UndertakingAnswer, sovereignty.UndertakingWithdraw},
	comity.KindRelease:     {sovereignty.ContributionWithdraw},
	comity.KindStanding:    {sovereignty.StandingEnd},
}

// uponNone are the acts upon no record that exists.
var uponNone = []sovereignty.Action{sovereignty.CaseFile, sovereignty.RequestSend, sovereignty.MandateGive, sovereignty.MandateRead,
	sovereignty.OfficerRead, sovereignty.LogRead, sovereignty.CategoryReserve, sovereignty.ReservationRead, sovereignty.HoldRead, sovereignty.ProposalRead,
	sovereignty.ReferralOffer,
	sovereignty.ManifestPublish, sovereignty.ManifestRead,
	sovereignty.DutySet, sovereignty.DutyRead, sovereignty.DutyContact,
	sovereignty.UndertakingGive,
	sovereignty.StandingMake, sovereignty.StandingRead,
	sovereignty.LogErase}

// check takes an act with a record of the kind that it is about. It looks at the
// form of the id alone, so that it tells nothing of the record.
func (w Why) check() error {
	if !slices.Contains(sovereignty.Actions, w.Action) {
		return comity.Invalid("action", "there is no such act; the acts are those of the API")
	}
	wanted := comity.KindCase
	if slices.Contains(uponNone, w.Action) {
		wanted = ""
	}
	for kind, actions := range actsUpon {
		if slices.Contains(actions, w.Action) {
			wanted = kind
		}
	}
	switch kind := w.Record.Kind(); {
	case wanted == "" && w.Record != "":
		return comity.Invalid("record", "this act is upon no record; leave it out")
	case wanted != "" && w.Record == "":
		return comity.Invalid("record", "this act is upon a record: name "+wanted.Indefinite())
	case wanted == comity.KindCase && (kind == comity.KindEntry || kind == comity.KindSubject || kind == comity.KindObservable || kind == comity.KindEvidence),
		kind == wanted, w.Action == sovereignty.DispatchRead && slices.Contains(dispatchKinds, kind):
	default:
		return comity.Invalid("record", "this act is upon "+wanted.Indefinite()+", and the id is that of "+kind.Indefinite())
	}
	if w.Purpose != "" && !w.Purpose.Valid() {
		return comity.Invalid("purpose", "this is not a purpose")
	}
	if w.Category != "" {
		if _, known := sovereignty.Category(w.Category); !known {
			return comity.Invalid("category", "the union has no such category; see the query `categories`")
		}
	}
	return nil
}

// Explain tells why the reader may do an act, or may not. Of a record that is
// hidden it tells what it tells of one that does not exist (Article 12).
func (r *Reader) Explain(w Why) (Explanation, error) {
	if err := w.check(); err != nil {
		return Explanation{}, err
	}
	if w.State != "" {
		if err := r.member("state", w.State); err != nil {
			return Explanation{}, err
		}
	}
	r.lists = true // it is in the leaf also when it is about no record
	e := Explanation{Action: w.Action, Record: w.Record}
	f := finder{Reader: r, a: &attempt{x: r.x, who: r.who, now: r.now, action: w.Action}, why: w}
	q, err := f.question()
	if err != nil {
		return e, err
	}
	q.Officer, q.Action = r.who.Officer, w.Action
	decisions := r.x.policies.Explain(q)
	if d := decisions[0]; !d.Permit && !d.Explainable {
		if w.Record != "" {
			r.note(audit.Record{ID: string(w.Record), Purpose: w.Purpose}, "")
		}
		e.Reasons = []Reason{{Article: comity.ArticleNoOracle, Text: r.x.policies.Text(comity.ArticleNoOracle), Reason: comity.NotFound().Message}}
		return e, nil
	}
	if w.Record != "" {
		whose := q.Record.State
		if kind := w.Record.Kind(); kind == comity.KindRequest || slices.Contains(dispatchKinds, kind) {
			whose = r.who.Officer.State // what lies between both sides either asks about to itself
		}
		r.note(audit.Record{ID: string(w.Record), Level: string(sovereignty.AccessNone), Purpose: w.Purpose}, whose)
	}
	e.Permit, e.Basis, e.Reasons = decisions[0].Permit, f.basis, r.x.reasons(decisions, q)
	return e, nil
}

// reasons words decisions for a person.
func (x *Exchange) reasons(decisions []sovereignty.Decision, q sovereignty.Question) (all []Reason) {
	for _, d := range decisions {
		reason := Reason{Article: d.Article, Text: x.policies.Text(d.Article), Reason: d.Reason, Cure: d.Cure}
		for _, w := range x.policies.Who(d) {
			reason.Who = append(reason.Who, w.Of(stateOf(w.Side, q)))
		}
		all = append(all, reason)
	}
	return all
}

// stateOf names the state that a side is, of those that the question is about.
func stateOf(s sovereignty.Side, q sovereignty.Question) string {
	own := q.Officer.State
	other := q.Circumstances.Grantee
	switch {
	case q.Record.To != "" && q.Record.To != own:
		other = q.Record.To
	case q.Record.State != "" && q.Record.State != own:
		other = q.Record.State
	}
	switch s {
	case sovereignty.SideOriginator, sovereignty.SideAsking:
		return string(q.Record.State)
	case sovereignty.SideAsked:
		return string(q.Record.To)
	case sovereignty.SideBoth:
		if other == "" {
			return string(own) + " and the other state"
		}
		return string(own) + " and " + string(other)
	}
	return string(own)
}
