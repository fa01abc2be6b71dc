package sovereignty

import "github.com/comity-platform/comity"

// Question asks whether an officer may do something. Facts that an action does
// not speak about (see articles.cedarschema) are ignored.
type Question struct {
	Officer       comity.Officer // as the verified token says, never from the input
	Action        Action
	Record        Record
	Circumstances Circumstances
}

// Record is what is acted upon: the case (for an entry, a subject, an
// observable, an exhibit, a release decision and the making of a grant the case
// they belong to), the request (also for its messages), the grant, or, with
// only State set, the state whose mandates or log are meant.
//
// Of a record that is absent or hidden, nothing needs to be set.
type Record struct {
	State    comity.State    // that it belongs to; of a new record, the one it will belong to
	Agency   comity.AgencyID // that filed it
	Kind     comity.Kind     // not decided upon; for the reader of a log
	Category comity.Category // of the case or request
	// Marking is that of the case; for GrantMake the most restricted of all
	// that the grant would open.
	Marking comity.Marking
	Claimed bool // the case states on what ground its own state claims jurisdiction (Article 3)
	Nexus   bool // the case states a cross-border element (Article 6)
	// Reserved: withdrawn from sharing, the case itself or, for acts of the own
	// state, its category (Article 4).
	Reserved  bool
	Closed    bool
	Withdrawn bool // its key is destroyed (Article 11)
	// Original: the exhibit is an original; for GrantMake any exhibit named is.
	Original bool

	Owner    bool // the asker filed the case, or sent the request
	Assigned bool // the asker is assigned to the case in person
	// Reached: the case was laid before the office of the asker's role (its
	// state's liaisons or authority).
	Reached bool

	To       comity.State    // whom the request is put to
	RoutedTo comity.AgencyID // where the asked state routed it, "" while nowhere

	// Of a dispatch, whose To is the asker's state where a notice reached that.
	Dispatch comity.DispatchKind
	Reader   bool // the asker read an affected version
	Shown    bool // accepted, and the asker sees the case abroad at full scope
}

// Circumstances are the facts about the asking that are not the record's own.
type Circumstances struct {
	// Visible: the query found the record for this officer, a former grantee's
	// included. An exhibit that no grant names is not visible abroad. Needed by
	// everything but CaseFile, RequestSend, MandateGive, MandateRead, OfficerRead
	// and LogRead.
	Visible bool
	// Signed: the officer's own session key signed exactly this act. Needed by
	// the acts that package statement lists.
	Signed bool
	// Agreement: an agreement in force binds the two states (originator and
	// grantee, asking and asked) and covers the category and the measure.
	// Needed by GrantMake and RequestSend, and by CaseRead and EvidenceOpen abroad.
	// For DutyContact any agreement in force between them is one; for CaseContribute
	// and StandingMake one that sets up a joint team to which the own state belongs.
	Agreement bool
	// Offered: what the agreement lets a state use only while offering it, the
	// asking state offers (Article 15). Needed by RequestSend.
	Offered bool
	// Competent: the manifest gives the officer's agency the competence of the
	// category. Needed by CaseFile and RequestSend.
	Competent bool
	// Onward: it asks for a third state to see what another granted; the asker
	// reads that under Grant now where Grant.Present. Needed by RequestSend.
	Onward bool
	// Resident: the store and the custodian that will hold the exhibit are those
	// that the originator's manifest names. Needed by EvidenceBegin.
	Resident bool

	// Classification is the highest that is declared of the words that the act
	// brings; "" is unclassified. Needed by CaseFile, CaseUpdate, EntryAdd, SubjectAdd,
	// ObservableAdd, EvidenceBegin, RequestSend and MessageSend.
	Classification comity.Classification

	Purpose comity.Purpose // declared with the read
	Grant   GrantFacts     // of the one grant under which the asker reads abroad

	// The making of a grant.
	Grantee       comity.State
	Mandate       bool // the liaison's mandate is live
	Release       ReleaseFacts
	Term          bool // it ends, in the future, after it begins, within the bounds
	Grade         comity.Grade
	Assistance    bool // it names the mutual-assistance decision
	Caveats       bool // they bind at least as strictly as the case's own marking
	Ceiling       bool // it lies within what the mandate allows
	Emergency     bool // it is asked for as one, in danger to life
	Renewal       bool // as one it would outlast the 72 hours of the asker's own earlier one, which nobody confirmed
	SecondLiaison bool // another liaison proposed the same grant, and the asker approves it
	OwnProposal   bool // the asker proposed it
	FirstMandate  bool // who proposed it holds a live mandate; true where nobody did
	// Another: it was made by another liaison than the one who confirms it. Needed
	// by GrantConfirm, with Mandate, Ceiling and Release.
	Another bool
	// Recorded: the asker recorded the release decision, or made the contribution.
	// Needed by ReleaseWithdraw and ContributionWithdraw.
	Recorded bool

	// Assessed: an officer other than the filer assessed that the matter is
	// shareable (Article 5). Needed by GrantMake, and in the categories that are
	// prone by CaseUpdate, and by CaseRead and EvidenceOpen abroad.
	Assessed bool

	// Adverse: the latest assessment found that the matter is not shareable.
	// Needed like Assessed, but in every category.
	Adverse bool
	// OverturnsOwn: that assessment was the asker's own, and this one finds the
	// opposite. Needed by CaseAssess.
	OverturnsOwn bool

	// The change of a case: what it would be, and whether grants of it run.
	Becomes comity.Category
	// KeepsAssessed: it keeps its category, or takes one as which it was assessed.
	KeepsAssessed bool
	KeepsNexus    bool // it would state a cross-border element, as it does or anew
	Granted       bool

	// The change of a case whose category is reserved, or will be.
	LeavesReserved bool // it is in a reserved category, and would be in another
	EntersReserved bool // it would be in a reserved category that it is not in
	Relabelled     bool // it would be in another category than it is in

	// What two officers do together: Proposed is the first one's part, by which
	// nothing is in force; Second, that another officer proposed the same. Needed
	// by CaseReserveLift, CategoryReserveLift, CaseWithdraw and LogErase.
	Proposed, Second bool
	// Held: a hold lies on the case. Needed by CaseWithdraw.
	Held bool
	// Aged: the instant up to which openings are erased lies [comity.ErasureAge] back.
	// Needed by LogErase.
	Aged bool
	// Preservation: the hold is for another state's request to preserve, which
	// waits for it or was executed. Needed by HoldPlace, with Term.
	Preservation bool

	// Explained: a compelled disclosure is notified beforehand, or with the reason
	// why not. Needed by DisclosureNotify.
	Explained bool

	// What an export of a case is for, and what binds its use beside the grant's
	// Grade: of labels the strictest, and whether H1 and H2 lie on it. Needed by
	// CaseExport.
	Use    comity.Use
	PAP    comity.PAP
	TLP    comity.TLP
	H1, H2 bool

	// Narrows: what would remain of the grant lies within what it opens now.
	// Needed by GrantNarrow.
	Narrows bool
}

// GrantFacts are what is known of the grant that covers the asker.
type GrantFacts struct {
	Present bool // there is or was one
	Live    bool // it opens something at the instant of asking
	Ended   bool // it was live once and is no more: revoked, expired or ended
	Scope   comity.Scope
	Purpose comity.Purpose
	// NamesExhibit: the exhibit asked for is named. Needed by EvidenceOpen.
	NamesExhibit bool
	// SecondLiaison: a second liaison approved the grant. Without it a case that
	// is marked TLP:RED by now is closed abroad, also when it was not when granted.
	SecondLiaison bool
}

// ReleaseFacts compare a grant with the release decision that it rests on.
type ReleaseFacts struct {
	Present        bool // one is recorded for the case and not over
	ByAnother      bool // another officer recorded it than the liaison who grants
	SameState      bool // it names the grantee's state
	CoversScope    bool
	CoversExhibits bool
	CoversSubjects bool // victims, witnesses and minors who are named
	CoversTerm     bool
	SamePurpose    bool
}

// covers reports whether the decision carries the grant in everything.
func (r ReleaseFacts) covers() bool {
	return r == ReleaseFacts{true, true, true, true, true, true, true, true}
}
