package exchange

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// What officers are told of as it happens follows from the record of acts, in this
// one place: each state is told of what stands in its own opening of a leaf, and of
// nothing else, so that no act can forget it, or tell more than the leaf does.

// tells are the events that an act's leaf makes: for the state that acted, and for
// each other that the leaf tells. One is made for each record of its kind that the
// leaf names. What was only proposed by the act is told within the state alone.
type tells struct{ own, others, proposed []comity.EventKind }

func sides(k comity.EventKind) tells {
	return tells{own: []comity.EventKind{k}, others: []comity.EventKind{k}}
}

func home(k ...comity.EventKind) tells { return tells{own: k} }

// ends is for acts that name the grants which end by them.
func ends(k ...comity.EventKind) tells { return home(append(k, comity.EventGrantEnded)...) }

// eyes is for acts that one officer of a state proposes and a second one approves.
func eyes(k ...comity.EventKind) tells {
	return tells{own: append(k, comity.EventProposalDecided), proposed: []comity.EventKind{comity.EventProposalArrived}}
}

// arrives is for what is handed to another state.
func arrives(own, others comity.EventKind) tells {
	return tells{own: []comity.EventKind{own}, others: []comity.EventKind{others}}
}

var (
	changesCase     = home(comity.EventCaseChanged)
	movesRequest    = sides(comity.EventRequestChanged)
	changesGrant    = sides(comity.EventGrantChanged)
	dispatched      = arrives(comity.EventDispatchChanged, comity.EventDispatchArrived)
	changesDispatch = sides(comity.EventDispatchChanged)
)

// telling lists what acts tell, by the name that the record of acts has for them.
var telling = map[string]tells{
	string(sovereignty.CaseFile): changesCase, string(sovereignty.CaseUpdate): changesCase, string(sovereignty.CaseAssign): changesCase,
	string(sovereignty.CaseClose): changesCase, string(sovereignty.CaseReopen): changesCase, string(sovereignty.CaseAssess): changesCase,
	string(sovereignty.EntryAdd): changesCase, string(sovereignty.SubjectAdd): changesCase, string(sovereignty.ObservableAdd): changesCase,
	string(sovereignty.HoldPlace): changesCase, string(sovereignty.HoldRelease): changesCase,
	string(sovereignty.CaseWithdrawCancel): changesCase,
	string(sovereignty.ReleaseDecide):      changesCase, string(sovereignty.ReleaseWithdraw): changesCase, string(sovereignty.CaseContribute): changesCase,

	string(sovereignty.CaseReserve): ends(comity.EventCaseChanged), caseWithdrawn: ends(comity.EventCaseChanged),
	string(sovereignty.ContributionWithdraw): ends(comity.EventCaseChanged),
	string(sovereignty.CategoryReserve):      ends(), string(sovereignty.StandingEnd): ends(), string(sovereignty.GrantRevoke): ends(),

	string(sovereignty.CaseReserveLift): eyes(comity.EventCaseChanged), string(sovereignty.CategoryReserveLift): eyes(),
	string(sovereignty.CaseWithdraw): eyes(comity.EventCaseChanged), string(sovereignty.ProposalDecline): home(comity.EventProposalDecided),
	string(sovereignty.LogErase):     eyes(),
	string(sovereignty.GrantPropose): {proposed: []comity.EventKind{comity.EventProposalArrived}},
	// That it approves; of the grant is told once it is in force.
	string(sovereignty.GrantMake): home(comity.EventProposalDecided),

	grantBegun: sides(comity.EventGrantMade), grantEnded: sides(comity.EventGrantEnded),
	string(sovereignty.GrantNarrow): changesGrant, string(sovereignty.GrantConfirm): changesGrant,
	string(sovereignty.GrantObject): changesGrant,

	string(sovereignty.EvidenceComplete): home(comity.EventEvidenceCompleted),

	string(sovereignty.RequestSend):    arrives(comity.EventRequestChanged, comity.EventRequestArrived),
	string(sovereignty.RequestReceive): movesRequest, string(sovereignty.RequestAcknowledge): movesRequest,
	string(sovereignty.RequestAskSupplement): movesRequest, string(sovereignty.RequestSupplement): movesRequest,
	string(sovereignty.RequestForward): movesRequest, string(sovereignty.RequestExecute): movesRequest,
	string(sovereignty.RequestPostpone): movesRequest, string(sovereignty.RequestRefuse): movesRequest, string(sovereignty.RequestClose): movesRequest,
	string(sovereignty.MessageSend): {others: []comity.EventKind{comity.EventMessageArrived}},

	string(sovereignty.AnnotationAdd): dispatched, string(sovereignty.ReferralOffer): dispatched, string(sovereignty.NoticeSend): dispatched,
	string(sovereignty.DisclosureNotify): dispatched, string(sovereignty.UndertakingGive): dispatched,
	string(sovereignty.AnnotationAnswer): changesDispatch, string(sovereignty.AnnotationWithdraw): changesDispatch,
	string(sovereignty.ReferralChange): changesDispatch, string(sovereignty.ReferralAnswer): changesDispatch, string(sovereignty.ReferralWithdraw): changesDispatch,
	string(sovereignty.NoticeAnswer): changesDispatch, string(sovereignty.DisclosureObject): changesDispatch,
	string(sovereignty.UndertakingAnswer): changesDispatch, string(sovereignty.UndertakingWithdraw): changesDispatch,
}

// recordsOf are the kinds of records that a kind of event is about.
func recordsOf(k comity.EventKind) []comity.Kind {
	switch k {
	case comity.EventRequestArrived, comity.EventRequestChanged, comity.EventMessageArrived:
		return []comity.Kind{comity.KindRequest}
	case comity.EventGrantMade, comity.EventGrantChanged, comity.EventGrantEnded:
		return []comity.Kind{comity.KindGrant}
	case comity.EventEvidenceCompleted:
		return []comity.Kind{comity.KindEvidence}
	case comity.EventDispatchArrived, comity.EventDispatchChanged:
		return dispatchKinds
	case comity.EventProposalArrived, comity.EventProposalDecided:
		return []comity.Kind{comity.KindProposal}
	}
	return []comity.Kind{comity.KindCase}
}

// eventsOf are the events that a leaf tells its states of.
func eventsOf(leaf comity.ID, at time.Time, contents map[comity.State]audit.Content) (all []storage.Event) {
	for _, s := range slices.Sorted(maps.Keys(contents)) {
		c := contents[s]
		told, own := telling[c.Act], c.Actor.State == s
		var kinds []comity.EventKind
		switch {
		case c.Outcome == audit.Done && own:
			kinds = told.own
		case c.Outcome == audit.Done:
			kinds = told.others
		case c.Outcome == audit.Proposed && own:
			kinds = told.proposed
		}
		for _, k := range kinds {
			for _, record := range named(c, recordsOf(k)...) {
				e := storage.Event{ID: fmt.Sprintf("%s %s %d", leaf, s, len(all)), At: at, State: s, Kind: k, Record: record}
				if messages := named(c, comity.KindMessage); k == comity.EventMessageArrived && len(messages) > 0 {
					e.Message = messages[0]
				}
				if record.Kind() == comity.KindCase {
					e.Case = record
				}
				all = append(all, e)
			}
		}
	}
	return all
}

// named are the records of some kinds that a leaf names, each once.
func named(c audit.Content, kinds ...comity.Kind) (ids []comity.ID) {
	for _, r := range c.Records {
		id, err := comity.ParseID(r.ID, kinds...)
		if err == nil && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// tellGrantees tells those whom a case is granted to of what changed in it; told is
// only to whom it is shown. Listed is what every scope shows.
func (a *attempt) tellGrantees(k comity.EventKind, record, of comity.ID, listed bool) {
	a.events = append(a.events, storage.Event{At: a.now, Kind: k, Record: record, Case: of, Listed: listed})
}

// tellMessage tells the other side of a request of a note that came with its move.
func (a *attempt) tellMessage(request, message comity.ID) {
	a.events = append(a.events, storage.Event{At: a.now, State: a.across, Kind: comity.EventMessageArrived, Record: request, Message: message})
}
