package sovereignty

import (
	"sync"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"

	"github.com/comity-platform/comity"
)

// asked gives Cedar the two entities of one question.
type asked struct {
	principal, resource types.Entity
}

// Get implements [types.EntityGetter].
func (a *asked) Get(uid types.EntityUID) (types.Entity, bool) {
	switch uid {
	case a.principal.UID:
		return a.principal, true
	case a.resource.UID:
		return a.resource, true
	}
	return types.Entity{}, false
}

var principals = map[comity.Role]types.EntityUID{
	comity.RoleInvestigator: types.NewEntityUID("Investigator", "asker"),
	comity.RoleLiaison:      types.NewEntityUID("Liaison", "asker"),
	comity.RoleAuthority:    types.NewEntityUID("Authority", "asker"),
	comity.RoleAuditor:      types.NewEntityUID("Auditor", "asker"),
}

var (
	aCase    = types.NewEntityUID("Case", "record")
	aRequest = types.NewEntityUID("Request", "record")
	aGrant   = types.NewEntityUID("Grant", "record")
	anOffice = types.NewEntityUID("Office", "record")

	aDispatch = types.NewEntityUID("Dispatch", "record")
)

// facts turns a question into Cedar's terms: exactly the facts that
// articles.cedarschema gives to its action, for a policy that reaches for a
// missing one could not be evaluated.
func facts(q Question) (asked, cedar.Request) {
	r := q.Record
	a := asked{principal: types.Entity{UID: principals[q.Officer.Role],
		Attributes: officers.of(officerFacts{q.Officer.State, q.Officer.Agency})}}
	switch q.Action {
	case RequestSend, RequestRead, RequestReceive, RequestAcknowledge, RequestAskSupplement, RequestSupplement,
		RequestForward, RequestExecute, RequestPostpone, RequestRefuse, RequestClose, MessageSend:
		a.resource = types.Entity{UID: aRequest,
			Attributes: requests.of(requestFacts{r.State, r.Agency, r.To, r.RoutedTo, r.Owner})}
	case GrantNarrow, GrantRevoke, GrantRead, GrantConfirm, GrantObject, DisclosureNotify:
		a.resource = types.Entity{UID: aGrant, Attributes: grants.of(grantFacts{r.State, r.Assigned, r.Assigned || r.Reached})}
	case MandateGive, MandateEnd, MandateRead, OfficerRead, LogRead,
		CategoryReserve, CategoryReserveLift, ReservationRead, HoldRead,
		ProposalRead, ProposalDecline,
		ManifestPublish, ManifestRead,
		DutySet, DutyWithdraw, DutyRead, DutyContact,
		StandingMake, StandingEnd, StandingRead,
		LogErase:
		a.resource = types.Entity{UID: anOffice, Attributes: offices.of(r.State)}
	case DispatchRead, AnnotationWithdraw, ReferralOffer, ReferralChange, ReferralAnswer, ReferralWithdraw, NoticeAnswer, DisclosureObject,
		UndertakingGive, UndertakingAnswer, UndertakingWithdraw:
		a.resource = types.Entity{UID: aDispatch, Attributes: dispatches.of(dispatchFacts{r.Dispatch, r.State, r.To, r.Owner,
			r.Assigned || r.Reached, r.Reader, r.Shown, r.Reserved, r.Marking.TLP, r.Marking.Handling})}
	default:
		category, listed := categoryByCode[r.Category]
		a.resource = types.Entity{UID: aCase, Attributes: cases.of(caseFacts{
			state: r.State, agency: r.Agency, claimed: r.Claimed, nexus: r.Nexus, listed: listed, prone: category.NeutralityProne,
			red: r.Marking.TLP == comity.TLPRed, original: r.Original, reserved: r.Reserved, closed: r.Closed, withdrawn: r.Withdrawn,
			owner: r.Owner, assigned: r.Assigned, reached: r.Reached})}
	}
	return a, cedar.Request{Principal: a.principal.UID, Action: types.NewEntityUID("Action", types.String(q.Action)),
		Resource: a.resource.UID, Context: contexts.of(contextFacts{q.Action, q.Circumstances})}
}

// The facts as comparable values, and the records of Cedar that they become.
type (
	officerFacts struct {
		state  comity.State
		agency comity.AgencyID
	}
	caseFacts struct {
		state                           comity.State
		agency                          comity.AgencyID
		claimed, nexus, listed, prone   bool
		red, original, reserved, closed bool
		owner, assigned, reached        bool
		withdrawn                       bool
	}
	requestFacts struct {
		state    comity.State
		agency   comity.AgencyID
		to       comity.State
		routedTo comity.AgencyID
		owner    bool
	}
	grantFacts struct {
		state             comity.State
		assigned, reached bool
	}
	dispatchFacts struct {
		kind                                     comity.DispatchKind
		state, to                                comity.State
		owner, assigned, reader, shown, reserved bool
		tlp                                      comity.TLP
		handling                                 comity.Handling
	}
	contextFacts struct {
		action Action
		Circumstances
	}
)

var (
	officers = interned[officerFacts]{build: func(o officerFacts) types.Record {
		return types.NewRecord(types.RecordMap{"state": types.String(o.state), "agency": types.String(o.agency)})
	}}
	cases = interned[caseFacts]{build: func(c caseFacts) types.Record {
		return types.NewRecord(types.RecordMap{
			"state":    types.String(c.state),
			"agency":   types.String(c.agency),
			"claimed":  types.Boolean(c.claimed),
			"nexus":    types.Boolean(c.nexus),
			"listed":   types.Boolean(c.listed),
			"prone":    types.Boolean(c.prone),
			"red":      types.Boolean(c.red),
			"original": types.Boolean(c.original),
			"reserved": types.Boolean(c.reserved),
			"closed":   types.Boolean(c.closed),
			"owner":    types.Boolean(c.owner),
			"assigned": types.Boolean(c.assigned),
			"reached":  types.Boolean(c.reached),

			"withdrawn": types.Boolean(c.withdrawn),
		})
	}}
	requests = interned[requestFacts]{build: func(r requestFacts) types.Record {
		return types.NewRecord(types.RecordMap{
			"state":    types.String(r.state),
			"agency":   types.String(r.agency),
			"to":       types.String(r.to),
			"routedTo": types.String(r.routedTo),
			"owner":    types.Boolean(r.owner),
		})
	}}
	grants = interned[grantFacts]{build: func(g grantFacts) types.Record {
		return types.NewRecord(types.RecordMap{"state": types.String(g.state), "assigned": types.Boolean(g.assigned), "reached": types.Boolean(g.reached)})
	}}
	offices = interned[comity.State]{build: func(s comity.State) types.Record {
		return types.NewRecord(types.RecordMap{"state": types.String(s)})
	}}
	dispatches = interned[dispatchFacts]{build: func(d dispatchFacts) types.Record {
		return types.NewRecord(types.RecordMap{
			"kind":     types.String(d.kind),
			"state":    types.String(d.state),
			"to":       types.String(d.to),
			"owner":    types.Boolean(d.owner),
			"assigned": types.Boolean(d.assigned),
			"reader":   types.Boolean(d.reader),
			"shown":    types.Boolean(d.shown),
			"reserved": types.Boolean(d.reserved),
			"tlp":      types.String(d.tlp),
			"handling": types.String(d.handling),
		})
	}}
	contexts = interned[contextFacts]{build: circumstances}
)

// maxInterned bounds each table of records, which are then begun anew.
const maxInterned = 2048

// interned keeps the records that were built, which are immutable: building one
// costs more than deciding by it, and the same few facts come again and again.
type interned[K comparable] struct {
	build func(K) types.Record
	mu    sync.RWMutex
	built map[K]types.Record
}

func (t *interned[K]) of(key K) types.Record {
	t.mu.RLock()
	r, ok := t.built[key]
	t.mu.RUnlock()
	if ok {
		return r
	}
	r = t.build(key)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.built == nil || len(t.built) >= maxInterned {
		t.built = make(map[K]types.Record)
	}
	t.built[key] = r
	return r
}

func circumstances(c contextFacts) types.Record {
	m := types.RecordMap{}
	if !fresh[c.action] {
		m["visible"] = types.Boolean(c.Visible)
	}
	switch c.action {
	case CaseReserve, EvidenceBegin, EvidenceComplete, EvidenceOpen, RequestRefuse, GrantMake, GrantPropose, GrantNarrow, GrantRevoke, GrantConfirm,
		CaseAssess, GrantObject, CaseReserveLift, CategoryReserve, CategoryReserveLift, HoldPlace, HoldRelease, CaseWithdraw, CaseWithdrawCancel,
		AnnotationAdd, AnnotationAnswer, ReferralOffer, ReferralChange, ReferralAnswer, NoticeSend, NoticeAnswer, DisclosureNotify, DisclosureObject,
		DutySet, UndertakingGive, UndertakingAnswer, CaseContribute, ContributionWithdraw, StandingMake, StandingEnd,
		LogErase:
		m["signed"] = types.Boolean(c.Signed)
	}
	switch c.action {
	case CaseFile, CaseUpdate, EntryAdd, SubjectAdd, ObservableAdd, EvidenceBegin, RequestSend, MessageSend,
		RequestReceive, RequestAcknowledge, RequestAskSupplement, RequestSupplement, RequestForward, RequestExecute, RequestPostpone, RequestRefuse, RequestClose,
		AnnotationAdd, NoticeSend, DisclosureNotify, ReferralOffer, ReferralChange, UndertakingGive:
		m["classification"] = types.String(comity.Highest(c.Classification))
	}
	switch c.action {
	case CaseFile:
		m["competent"] = types.Boolean(c.Competent)
	case RequestSend:
		m["competent"] = types.Boolean(c.Competent)
		m["agreement"] = types.Boolean(c.Agreement)
		m["offered"] = types.Boolean(c.Offered)
		m["onward"] = types.Boolean(c.Onward)
		m["covered"] = types.Boolean(c.Grant.Present)
	case CaseUpdate:
		becomes, _ := Category(c.Becomes)
		m["willBeProne"] = types.Boolean(becomes.NeutralityProne)
		m["willHaveNexus"] = types.Boolean(c.KeepsNexus)
		m["granted"] = types.Boolean(c.Granted)
		m["keepsAssessed"] = types.Boolean(c.KeepsAssessed)
		m["assessed"] = types.Boolean(c.Assessed)
		m["leavesReserved"] = types.Boolean(c.LeavesReserved)
		m["entersReserved"] = types.Boolean(c.EntersReserved)
		m["relabelled"] = types.Boolean(c.Relabelled)
	case CaseReserveLift, CategoryReserveLift, CaseWithdraw, LogErase:
		m["proposed"] = types.Boolean(c.Proposed)
		m["second"] = types.Boolean(c.Second)
		switch c.action {
		case CaseWithdraw:
			m["held"] = types.Boolean(c.Held)
		case LogErase:
			m["aged"] = types.Boolean(c.Aged)
		}
	case HoldPlace:
		m["preservation"] = types.Boolean(c.Preservation)
		m["term"] = types.Boolean(c.Term)
	case EvidenceBegin:
		m["resident"] = types.Boolean(c.Resident)
	case GrantNarrow:
		m["narrows"] = types.Boolean(c.Narrows)
	case AnnotationAdd:
		m["live"] = types.Boolean(c.Grant.Live)
	case StandingMake:
		m["agreement"] = types.Boolean(c.Agreement)
		m["mandate"] = types.Boolean(c.Mandate)
	case ReferralOffer, ReferralChange, DutyContact, CaseContribute:
		m["agreement"] = types.Boolean(c.Agreement)
	case DisclosureNotify:
		m["covered"] = types.Boolean(c.Grant.Present)
		m["explained"] = types.Boolean(c.Explained)
	case CaseAssess:
		m["overturnsOwn"] = types.Boolean(c.OverturnsOwn)
	case GrantRead, GrantObject:
		m["covered"] = types.Boolean(c.Grant.Present)
	case CaseRead, CaseExport, EvidenceOpen:
		m["purpose"] = types.String(c.Purpose)
		m["agreement"] = types.Boolean(c.Agreement)
		m["assessed"] = types.Boolean(c.Assessed)
		m["adverse"] = types.Boolean(c.Adverse)
		m["grant"] = types.NewRecord(types.RecordMap{
			"present":       types.Boolean(c.Grant.Present),
			"live":          types.Boolean(c.Grant.Live),
			"ended":         types.Boolean(c.Grant.Ended),
			"purpose":       types.String(c.Grant.Purpose),
			"namesExhibit":  types.Boolean(c.Grant.NamesExhibit),
			"secondLiaison": types.Boolean(c.Grant.SecondLiaison),
		})
		if c.action == CaseExport {
			m["use"] = types.String(c.Use)
			m["grade"] = types.String(c.Grade)
			m["pap"] = types.String(c.PAP)
			m["tlp"] = types.String(c.TLP)
			m["h1"] = types.Boolean(c.H1)
			m["h2"] = types.Boolean(c.H2)
		}
	case GrantConfirm:
		m["another"] = types.Boolean(c.Another)
		m["mandate"] = types.Boolean(c.Mandate && c.Ceiling)
		m["release"] = types.Boolean(c.Release.covers())
	case ReleaseWithdraw, ContributionWithdraw:
		m["recorded"] = types.Boolean(c.Recorded)
	case GrantMake, GrantPropose:
		m["grantee"] = types.String(c.Grantee)
		m["agreement"] = types.Boolean(c.Agreement)
		m["mandate"] = types.Boolean(c.Mandate)
		m["term"] = types.Boolean(c.Term)
		m["evidenceGrade"] = types.Boolean(c.Grade == comity.GradeEvidence)
		m["assistance"] = types.Boolean(c.Assistance)
		m["caveats"] = types.Boolean(c.Caveats)
		m["assessed"] = types.Boolean(c.Assessed)
		m["adverse"] = types.Boolean(c.Adverse)
		m["ceiling"] = types.Boolean(c.Ceiling)
		m["emergency"] = types.Boolean(c.Emergency)
		m["renewal"] = types.Boolean(c.Renewal)
		m["danger"] = types.Boolean(c.Purpose == comity.PurposeDangerToLife)
		m["secondLiaison"] = types.Boolean(c.SecondLiaison)
		m["ownProposal"] = types.Boolean(c.OwnProposal)
		m["firstMandate"] = types.Boolean(c.FirstMandate)
		m["release"] = types.NewRecord(types.RecordMap{
			"present":   types.Boolean(c.Release.Present),
			"byAnother": types.Boolean(c.Release.ByAnother),
			"sameState": types.Boolean(c.Release.SameState),
			"scope":     types.Boolean(c.Release.CoversScope),
			"exhibits":  types.Boolean(c.Release.CoversExhibits),
			"subjects":  types.Boolean(c.Release.CoversSubjects),
			"term":      types.Boolean(c.Release.CoversTerm),
			"purpose":   types.Boolean(c.Release.SamePurpose),
		})
	}
	return types.NewRecord(m)
}
