package sovereignty

import (
	"flag"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/comity-platform/comity"
)

var (
	seed   = flag.Uint64("seed", 0, "seed of the random questions; 0 picks one")
	rounds = flag.Int("rounds", howMany(), "how many random questions are put")
)

// howMany questions are put unless told: more in a soak.
func howMany() int {
	if os.Getenv("COMITY_SOAK") != "" {
		return 2_000_000
	}
	return 40_000
}

func random(t testing.TB) *rand.Rand {
	s := *seed
	if s == 0 {
		s = rand.Uint64()
	}
	t.Logf("-seed=%d", s)
	return rand.New(rand.NewPCG(s, 0))
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// randomQuestion makes a question about a record of KZ or AM. What most acts
// need is mostly given, so that permits are as common as denials.
func randomQuestion(r *rand.Rand, action Action) Question {
	often, odd := 0.5+r.Float64()/2, r.Float64()/2
	yes := func(p float64) bool { return r.Float64() < p }
	state := pick(r, comity.State("KZ"), "KZ", "AM", "BY")
	q := Question{Action: action, Officer: comity.Officer{State: state,
		Agency: pick(r, comity.AgencyID(state+"/cyber"), comity.AgencyID(state+"/terror")),
		Role:   pick(r, comity.RoleInvestigator, comity.RoleLiaison, comity.RoleLiaison, comity.RoleAuthority, comity.RoleAuditor)}}
	q.Record = Record{State: pick(r, comity.State("KZ"), "KZ", "AM"), To: pick(r, comity.State("KZ"), "AM", "AM"),
		Category: pick(r, comity.Category("RANSOMWARE"), "FRAUD", "TERRORIST_CONTENT", "PEACEFUL_ASSEMBLY"), Marking: comity.DefaultMarking,
		Claimed: yes(often), Nexus: yes(often), Reserved: yes(odd), Closed: yes(odd), Original: yes(odd),
		Owner: yes(0.5), Assigned: yes(0.5), Reached: yes(0.5), Withdrawn: yes(odd / 3)}
	q.Record.Agency = pick(r, comity.AgencyID(q.Record.State+"/cyber"), comity.AgencyID(q.Record.State+"/terror"))
	q.Record.RoutedTo = pick(r, "", comity.AgencyID(q.Record.To+"/cyber"), comity.AgencyID(q.Record.To+"/terror"))
	q.Record.Dispatch = pick(r, comity.DispatchAnnotation, comity.DispatchReferral, comity.DispatchNotice, comity.DispatchCompelled, comity.DispatchUndertaking)
	q.Record.Reader, q.Record.Shown = yes(0.5), yes(odd)
	if yes(odd) {
		q.Record.Marking.TLP = pick(r, comity.TLPRed, comity.TLPAmberStrict)
	}
	if yes(odd) {
		q.Record.Marking.Handling = pick(r, comity.H1, comity.H2, comity.H3)
	}
	q.Circumstances = Circumstances{Visible: yes(often), Signed: yes(often), Agreement: yes(often), Offered: yes(often), Onward: yes(odd), Competent: yes(often),
		Resident: yes(often), Purpose: pick(r, "", comity.PurposeDangerToLife, comity.PurposeInvestigation, comity.PurposeInvestigation, comity.PurposeProsecution),
		Grantee: pick(r, comity.State("KZ"), "AM", "BY"), Mandate: yes(often), Term: yes(often), Narrows: yes(often),
		Release: ReleaseFacts{Present: yes(often), ByAnother: yes(often), SameState: yes(often), CoversScope: yes(often), CoversExhibits: yes(often), CoversSubjects: yes(often),
			CoversTerm: yes(often), SamePurpose: yes(often)},
		Grade: pick(r, comity.GradeIntelligence, comity.GradeLead, comity.GradeEvidence, comity.GradeEvidence),
		Use:   pick(r, comity.UseAnalysis, comity.UseOperational, comity.UseCourt, comity.UseDissemination), H1: yes(odd), H2: yes(odd),
		PAP: pick(r, comity.PAPGreen, comity.PAPAmber, comity.PAPRed), TLP: pick(r, comity.TLPGreen, comity.TLPAmber, comity.TLPAmberStrict, comity.TLPRed),
		Classification: pick(r, "", comity.Unclassified, comity.Unclassified, comity.Restricted, comity.Restricted, comity.Confidential, comity.Secret, comity.TopSecret, "COSMIC"),
		Assistance:     yes(often), Assessed: yes(0.5), SecondLiaison: yes(0.5),
		Proposed: yes(0.3), Second: yes(0.3), Held: yes(odd), Aged: yes(0.7), Preservation: yes(0.4), LeavesReserved: yes(odd / 2), EntersReserved: yes(odd), Relabelled: yes(odd),
		Ceiling: yes(often), Emergency: yes(odd), Renewal: yes(odd), OwnProposal: yes(odd), FirstMandate: yes(often), Another: yes(often),
		Recorded: yes(0.5), KeepsAssessed: yes(0.5), Adverse: yes(odd), OverturnsOwn: yes(odd), Explained: yes(often),
		Caveats: yes(often), Granted: yes(0.5), KeepsNexus: yes(often),
		Becomes: pick(r, comity.Category("RANSOMWARE"), "FRAUD", "TERRORIST_CONTENT")}
	q.Circumstances.Grant = GrantFacts{Scope: pick(r, comity.ScopeFull, comity.ScopeSummary, comity.ScopeExhibits),
		Purpose: pick(r, comity.PurposeInvestigation, comity.PurposeInvestigation, comity.PurposeProsecution), NamesExhibit: yes(often),
		SecondLiaison: yes(0.5)}
	switch g := &q.Circumstances.Grant; r.IntN(6) {
	case 0:
		*g = GrantFacts{}
	case 1:
		g.Present, g.Ended = true, true
	case 2:
		g.Present = true
	default:
		g.Present, g.Live = true, true
	}
	return q
}

// TestPermitsAgreeWithTheProductText puts random questions to the policies and
// to the plain reading of the Articles in oracle.
func TestPermitsAgreeWithTheProductText(t *testing.T) {
	p, r := load(t), random(t)
	permits := map[Action]int{}
	try := func(a Action) {
		q := randomQuestion(r, a)
		d := p.Decide(q)
		if d.Permit != oracle(q) {
			t.Fatalf("policies: %v by %s\noracle: %v\n%+v", d.Permit, d.Policy, oracle(q), q)
		}
		if d.Permit {
			permits[q.Action]++
		}
	}
	for n := range *rounds * 2 {
		try(Actions[n%len(Actions)])
	}
	for _, a := range Actions {
		for n := 0; permits[a] == 0 && n < *rounds; n++ { // of what asks for much, a permit is rare
			try(a)
		}
		if permits[a] == 0 {
			t.Errorf("%s was never permitted: the questions are too poor to try it", a)
		}
	}
}

// oracle says whether the Articles allow what is asked. It is written from the
// product's text, and shares nothing with the policies.
func oracle(q Question) bool {
	o, r, c := q.Officer, q.Record, q.Circumstances
	home := o.State == r.State
	investigator, liaison, authority := o.Role == comity.RoleInvestigator, o.Role == comity.RoleLiaison, o.Role == comity.RoleAuthority
	works := investigator || liaison
	red := r.Marking.TLP == comity.TLPRed
	info, listed := Category(r.Category)
	prone := info.NeutralityProne
	live := c.Grant.Live && !r.Withdrawn && c.Agreement && !r.Reserved && c.Purpose != "" && c.Purpose == c.Grant.Purpose &&
		(c.Assessed || !prone) && !c.Adverse && r.Nexus && (c.Grant.SecondLiaison || !red) && o.Role != comity.RoleAuditor
	switch q.Action { // classified above the union's ceiling, it is refused at the door
	case CaseFile, CaseUpdate, EntryAdd, SubjectAdd, ObservableAdd, EvidenceBegin, RequestSend, MessageSend,
		RequestReceive, RequestAcknowledge, RequestAskSupplement, RequestSupplement, RequestForward, RequestExecute, RequestPostpone, RequestRefuse, RequestClose,
		AnnotationAdd, NoticeSend, DisclosureNotify, ReferralOffer, ReferralChange, UndertakingGive:
		if c.Classification != "" && c.Classification != comity.Unclassified && c.Classification != comity.Restricted {
			return false
		}
	}
	switch q.Action { // on no record that exists already
	case CaseFile:
		return works && home && o.Agency == r.Agency && c.Competent && r.Claimed
	case RequestSend:
		return works && home && o.Agency == r.Agency && c.Competent && c.Agreement && c.Offered && r.To != o.State && (!c.Onward || c.Grant.Present)
	case MandateGive, ManifestPublish:
		return authority && home
	case LogRead, MandateRead, ManifestRead:
		return home && !investigator
	case OfficerRead, HoldRead:
		return home && (works || authority)
	case ReservationRead:
		return home
	case CategoryReserve:
		return authority && home && c.Signed
	case LogErase:
		return authority && home && c.Signed && (c.Proposed || c.Second) && c.Aged
	case ProposalRead:
		return home && (liaison || authority)
	case DutySet:
		return authority && home && c.Signed
	case DutyRead:
		return home && !investigator
	case StandingMake:
		return liaison && home && c.Signed && c.Agreement && c.Mandate
	case StandingRead:
		return home && !investigator
	case DutyContact:
		return home && o.Role != comity.RoleAuditor || !home && (liaison || authority) && c.Agreement
	}
	if !c.Visible {
		return false
	}
	two := authority && home && c.Signed && (c.Proposed || c.Second)
	switch q.Action { // upon the state itself
	case CategoryReserveLift:
		return two
	case StandingEnd:
		return liaison && home && c.Signed
	case MandateEnd, DutyWithdraw:
		return authority && home
	case ProposalDecline:
		return home && (liaison || authority)
	case RequestSend, RequestRead, RequestReceive, RequestAcknowledge, RequestAskSupplement, RequestSupplement,
		RequestForward, RequestExecute, RequestPostpone, RequestRefuse, RequestClose, MessageSend, GrantNarrow, GrantRevoke, GrantConfirm, GrantObject, GrantRead, CaseRead,
		NoticeSend: // also that it is to be erased elsewhere
	case DispatchRead, AnnotationWithdraw, ReferralOffer, ReferralChange, ReferralWithdraw, ReferralAnswer, NoticeAnswer, DisclosureObject,
		DisclosureNotify, AnnotationAdd, UndertakingGive, UndertakingAnswer, UndertakingWithdraw:
		return oracleOfDispatches(q)
	default:
		if home && r.Withdrawn {
			return false
		}
	}
	switch q.Action {
	case CaseAssess:
		return home && (works || authority) && (r.Assigned || r.Reached) && !r.Owner && c.Signed && !c.OverturnsOwn
	case GrantObject:
		return liaison && !home && c.Grant.Present && c.Signed
	case AnnotationAnswer:
		return works && home && r.Assigned && c.Signed // a closed case too
	case NoticeSend:
		return liaison && home && c.Signed
	case CaseReserveLift:
		return two
	case CaseWithdraw:
		return two && r.Reached && !c.Held
	case CaseWithdrawCancel, HoldRelease:
		return authority && home && c.Signed
	case HoldPlace:
		return home && c.Signed && c.Term && (c.Preservation && liaison || !c.Preservation && authority)
	case CaseRead:
		if home {
			return (r.Assigned || r.Reached) && o.Role != comity.RoleAuditor
		}
		return live
	case CaseExport:
		if o.Role == comity.RoleAuditor {
			return false
		}
		switch c.Use {
		case comity.UseCourt:
			if !home && c.Grade != comity.GradeEvidence || c.H1 || c.TLP == comity.TLPRed {
				return false
			}
		case comity.UseDissemination:
			if c.H2 || c.TLP == comity.TLPAmberStrict || c.TLP == comity.TLPRed {
				return false
			}
		case comity.UseOperational:
			if !home && c.Grade == comity.GradeIntelligence || c.PAP == comity.PAPRed {
				return false
			}
		}
		if home {
			return r.Assigned || r.Reached
		}
		return live
	case EvidenceOpen:
		if home {
			return c.Signed && works && (r.Assigned || liaison && r.Reached)
		}
		return c.Signed && works && live && c.Grant.NamesExhibit
	case CaseUpdate:
		becomes, _ := Category(c.Becomes)
		shareable := (becomes.NeutralityProne || c.Assessed || !prone) && (!becomes.NeutralityProne || !c.Granted || c.KeepsAssessed)
		return works && home && r.Assigned && !r.Closed && shareable && (c.KeepsNexus || !c.Granted) &&
			!c.LeavesReserved && !((c.EntersReserved || c.Relabelled) && c.Granted)
	case EntryAdd, SubjectAdd, ObservableAdd:
		return works && home && r.Assigned && !r.Closed
	case EvidenceBegin:
		return works && home && r.Assigned && !r.Closed && c.Signed && c.Resident
	case EvidenceComplete:
		return works && home && r.Assigned && !r.Closed && c.Signed
	case EvidenceParts:
		return works && home && r.Assigned && !r.Closed
	case CaseClose, CaseReopen:
		return works && home && r.Assigned
	case CaseAssign:
		return home && (works && r.Assigned || authority && (r.Assigned || r.Reached))
	case CaseReserve:
		return authority && home && c.Signed
	case ReleaseDecide:
		return home && !r.Reserved && (works && r.Owner || investigator && r.Assigned)
	case CaseContribute:
		return home && !r.Reserved && (works && r.Owner || investigator && r.Assigned) && c.Signed && c.Agreement
	case ContributionWithdraw:
		return home && works && (r.Owner || c.Recorded) && c.Signed
	case GrantMake, GrantPropose:
		f := c.Release
		released := f.Present && f.ByAnother && f.SameState && f.CoversScope && f.CoversExhibits && f.CoversSubjects && f.CoversTerm && f.SamePurpose
		danger := c.Emergency && c.Purpose == comity.PurposeDangerToLife
		two := c.SecondLiaison || !red && !r.Original
		if q.Action == GrantMake {
			released = released || danger && !f.Present
			two = (two || danger) && !c.OwnProposal && c.FirstMandate && !(c.Emergency && c.Renewal)
		} else {
			two = true
		}
		return liaison && home && c.Signed && c.Mandate && c.Ceiling && c.Agreement && c.Term && c.Grantee != o.State &&
			released && (danger || !c.Emergency) && two && listed && (c.Assessed || !prone) && !c.Adverse && r.Nexus && !r.Reserved &&
			c.Caveats && (c.Assistance || c.Grade != comity.GradeEvidence)
	case GrantConfirm:
		f := c.Release
		return liaison && home && c.Signed && (r.Assigned || r.Reached) && c.Mandate && c.Ceiling && c.Another &&
			f.Present && f.ByAnother && f.SameState && f.CoversScope && f.CoversExhibits && f.CoversSubjects && f.CoversTerm && f.SamePurpose
	case ReleaseWithdraw:
		return home && works && (r.Owner || c.Recorded)
	case GrantNarrow:
		return liaison && home && c.Signed && c.Narrows
	case GrantRevoke:
		return liaison && home && c.Signed
	case GrantRead:
		return home && (!investigator || r.Assigned) || !home && c.Grant.Present
	case RequestSupplement, RequestClose:
		return home && (liaison || investigator && r.Owner)
	case RequestRead:
		return o.Role != comity.RoleAuditor && (home && (r.Owner || !investigator) ||
			o.State == r.To && (!investigator || o.Agency == r.RoutedTo))
	case MessageSend:
		return home && (liaison || investigator && r.Owner) || o.State == r.To && (liaison || investigator && o.Agency == r.RoutedTo)
	case RequestRefuse:
		return liaison && o.State == r.To && c.Signed
	}
	return liaison && o.State == r.To // the answers to a request
}

// goesOn reports whether the author of an annotation lets it go to third states.
func goesOn(m comity.Marking) bool {
	return m.TLP != comity.TLPRed && m.TLP != comity.TLPAmberStrict && m.Handling != comity.H2 && m.Handling != comity.H3
}

// oracleOfDispatches says so of what states hand each other about records.
func oracleOfDispatches(q Question) bool {
	o, r, c := q.Officer, q.Record, q.Circumstances
	made, theirs := o.State == r.State, o.State == r.To
	liaison, investigator := o.Role == comity.RoleLiaison, o.Role == comity.RoleInvestigator
	office := liaison || o.Role == comity.RoleAuthority
	sees := r.Assigned || r.Reached
	switch q.Action {
	case AnnotationAdd:
		return !made && (investigator || liaison) && c.Signed && c.Grant.Live
	case AnnotationWithdraw:
		return made && (liaison || investigator && r.Owner)
	case ReferralOffer:
		return made && !theirs && liaison && c.Signed && c.Agreement && !r.Reserved
	case ReferralChange:
		return made && liaison && c.Signed && c.Agreement && !r.Reserved
	case ReferralWithdraw:
		return made && liaison
	case ReferralAnswer, NoticeAnswer:
		return theirs && liaison && c.Signed
	case DisclosureNotify:
		return !made && office && c.Signed && c.Grant.Present && c.Explained
	case DisclosureObject:
		return theirs && office && c.Signed
	case UndertakingGive:
		return made && !theirs && o.Role == comity.RoleAuthority && c.Signed
	case UndertakingWithdraw:
		return made && o.Role == comity.RoleAuthority
	case UndertakingAnswer:
		return theirs && o.Role == comity.RoleAuthority && c.Signed && !r.Reserved
	}
	if o.Role == comity.RoleAuditor {
		return false
	}
	switch r.Dispatch {
	case comity.DispatchAnnotation:
		return made && (r.Owner || office) || theirs && sees || r.Shown && goesOn(r.Marking)
	case comity.DispatchReferral, comity.DispatchUndertaking:
		return made && (r.Owner || office) || theirs && office
	case comity.DispatchNotice:
		return made && sees || theirs && (r.Reader || office)
	}
	return made && (r.Owner || office) || theirs && (office || sees)
}
