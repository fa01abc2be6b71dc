package sovereignty

// Action is an act or a read that is decided. The names are those of the API.
type Action string

// The acts and reads.
const (
	CaseFile    Action = "caseFile"
	CaseRead    Action = "caseRead"
	CaseUpdate  Action = "caseUpdate"
	CaseAssign  Action = "caseAssign"
	CaseClose   Action = "caseClose"
	CaseReopen  Action = "caseReopen"
	CaseReserve Action = "caseReserve"

	EntryAdd      Action = "entryAdd"
	SubjectAdd    Action = "subjectAdd"
	ObservableAdd Action = "observableAdd"

	EvidenceBegin    Action = "evidenceBegin"
	EvidenceParts    Action = "evidenceParts" // signed URLs for further parts of an upload
	EvidenceComplete Action = "evidenceComplete"
	EvidenceOpen     Action = "evidenceOpen"

	RequestSend          Action = "requestSend"
	RequestRead          Action = "requestRead"
	RequestReceive       Action = "requestReceive"
	RequestAcknowledge   Action = "requestAcknowledge"
	RequestAskSupplement Action = "requestAskSupplement"
	RequestSupplement    Action = "requestSupplement"
	RequestForward       Action = "requestForward"
	RequestExecute       Action = "requestExecute"
	RequestPostpone      Action = "requestPostpone"
	RequestRefuse        Action = "requestRefuse"
	RequestClose         Action = "requestClose"
	MessageSend          Action = "messageSend"

	ReleaseDecide Action = "releaseDecide"
	GrantMake     Action = "grantMake"
	GrantNarrow   Action = "grantNarrow"
	GrantRevoke   Action = "grantRevoke"
	GrantRead     Action = "grantRead"

	CaseAssess  Action = "caseAssess"  // its predominant character
	GrantObject Action = "grantObject" // by its recipient

	GrantPropose    Action = "grantPropose" // by the first of two liaisons
	GrantConfirm    Action = "grantConfirm" // what one liaison granted in danger to life
	ReleaseWithdraw Action = "releaseWithdraw"

	MandateGive Action = "mandateGive"
	MandateEnd  Action = "mandateEnd"
	MandateRead Action = "mandateRead"
	OfficerRead Action = "officerRead" // the list of the own state's officers

	LogRead  Action = "logRead"
	LogErase Action = "logErase" // of the own state's openings

	ManifestPublish Action = "manifestPublish"
	ManifestRead    Action = "manifestRead" // the history of the own state's manifests

	CaseReserveLift     Action = "caseReserveLift"
	CategoryReserve     Action = "categoryReserve"
	CategoryReserveLift Action = "categoryReserveLift"
	ReservationRead     Action = "reservationRead" // the list of the own state's reserved categories
	HoldPlace           Action = "holdPlace"
	HoldRelease         Action = "holdRelease"
	HoldRead            Action = "holdRead" // the lists of holds and withdrawals of the own state's cases
	CaseWithdraw        Action = "caseWithdraw"
	CaseWithdrawCancel  Action = "caseWithdrawCancel"
	ProposalRead        Action = "proposalRead"    // what waits for a second officer
	ProposalDecline     Action = "proposalDecline" // or, by who made it, its taking back

	AnnotationAdd      Action = "annotationAdd"
	AnnotationAnswer   Action = "annotationAnswer" // its acceptance or its declining
	AnnotationWithdraw Action = "annotationWithdraw"
	ReferralOffer      Action = "referralOffer"
	ReferralChange     Action = "referralChange"
	ReferralAnswer     Action = "referralAnswer"
	ReferralWithdraw   Action = "referralWithdraw"
	NoticeSend         Action = "noticeSend"
	NoticeAnswer       Action = "noticeAnswer"
	DisclosureNotify   Action = "disclosureNotify" // of one that a grantee is compelled to
	DisclosureObject   Action = "disclosureObject"
	DispatchRead       Action = "dispatchRead" // of any of these

	UndertakingGive     Action = "undertakingGive" // likewise read
	UndertakingAnswer   Action = "undertakingAnswer"
	UndertakingWithdraw Action = "undertakingWithdraw"

	CaseExport Action = "caseExport" // of what may be read, for a declared use

	CaseContribute       Action = "caseContribute" // to a joint team
	ContributionWithdraw Action = "contributionWithdraw"
	StandingMake         Action = "standingMake" // a standing grant to a joint team
	StandingEnd          Action = "standingEnd"
	StandingRead         Action = "standingRead" // the own state's

	DutySet      Action = "dutySet"      // of a shift on the own state's duty roster
	DutyWithdraw Action = "dutyWithdraw" // of a shift
	DutyRead     Action = "dutyRead"     // the own state's duty roster
	DutyContact  Action = "dutyContact"  // who is on duty at a state now
)

// Actions lists them all.
var Actions = []Action{
	CaseFile, CaseRead, CaseUpdate, CaseAssign, CaseClose, CaseReopen, CaseReserve,
	EntryAdd, SubjectAdd, ObservableAdd,
	EvidenceBegin, EvidenceParts, EvidenceComplete, EvidenceOpen,
	RequestSend, RequestRead, RequestReceive, RequestAcknowledge, RequestAskSupplement, RequestSupplement,
	RequestForward, RequestExecute, RequestPostpone, RequestRefuse, RequestClose, MessageSend,
	ReleaseDecide, GrantMake, GrantNarrow, GrantRevoke, GrantRead,
	GrantPropose, GrantConfirm, ReleaseWithdraw,
	MandateGive, MandateEnd, MandateRead, OfficerRead, LogRead,
	CaseAssess, GrantObject,
	CaseReserveLift, CategoryReserve, CategoryReserveLift, ReservationRead, HoldPlace, HoldRelease, HoldRead,
	CaseWithdraw, CaseWithdrawCancel,
	ProposalRead, ProposalDecline,
	AnnotationAdd, AnnotationAnswer, AnnotationWithdraw, ReferralOffer, ReferralChange, ReferralAnswer, ReferralWithdraw,
	NoticeSend, NoticeAnswer, DisclosureNotify, DisclosureObject, DispatchRead,
	CaseExport,
	ManifestPublish, ManifestRead,
	DutySet, DutyWithdraw, DutyRead, DutyContact,
	UndertakingGive, UndertakingAnswer, UndertakingWithdraw,
	CaseContribute, ContributionWithdraw, StandingMake, StandingEnd, StandingRead,
	LogErase,
}

// reads are the actions that change nothing. What no policy permits of them
// answers as absent.
var reads = map[Action]bool{CaseRead: true, CaseExport: true, EvidenceOpen: true, RequestRead: true, GrantRead: true,
	DispatchRead: true}

// fresh are the actions upon no record that exists already, so that there is
// nothing to be hidden.
var fresh = map[Action]bool{CaseFile: true, RequestSend: true, MandateGive: true, MandateRead: true, OfficerRead: true, LogRead: true,
	CategoryReserve: true, ReservationRead: true, HoldRead: true,
	ProposalRead:    true,
	ManifestPublish: true, ManifestRead: true,
	DutySet: true, DutyRead: true, DutyContact: true,
	StandingMake: true, StandingRead: true,
	LogErase: true}
