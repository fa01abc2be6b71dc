package comity

import "time"

// DispatchKind is what one state hands another about a record.
type DispatchKind string

// The kinds of dispatches.
const (
	DispatchAnnotation DispatchKind = "ANNOTATION" // what a grantee adds to another state's case (Article 2)
	DispatchReferral   DispatchKind = "REFERRAL"   // the offer of a matter to a state better placed (Article 3)
	DispatchNotice     DispatchKind = "NOTICE"     // to all who read an affected version (Article 10)
	DispatchCompelled  DispatchKind = "COMPELLED"  // a grantee must disclose what it was granted (Article 10)
	// DispatchUndertaking promises reciprocity for one case, where no agreement
	// binds both states (Article 7).
	DispatchUndertaking DispatchKind = "UNDERTAKING"
)

// Kind is that of the ids of such dispatches.
func (k DispatchKind) Kind() Kind {
	switch k {
	case DispatchAnnotation:
		return KindAnnotation
	case DispatchReferral:
		return KindReferral
	case DispatchNotice:
		return KindNotice
	case DispatchCompelled:
		return KindCompelled
	case DispatchUndertaking:
		return KindUndertaking
	}
	return ""
}

// DispatchForm is what a dispatch of a kind says, from a closed list.
type DispatchForm string

// The forms: of annotations, of notices, and the grounds of compelled
// disclosures. A referral and an undertaking have none.
const (
	AnnotationLink       DispatchForm = "LINK" // to a matter of the author state
	AnnotationFact       DispatchForm = "FACT"
	AnnotationAssessment DispatchForm = "ASSESSMENT"

	NoticeCorrect  DispatchForm = "CORRECT"  // it was wrong
	NoticeRestrict DispatchForm = "RESTRICT" // it is used no further until told otherwise
	NoticeErase    DispatchForm = "ERASE"

	CompelledCourt   DispatchForm = "COURT"
	CompelledDefence DispatchForm = "DEFENCE"
	CompelledDanger  DispatchForm = "DANGER_TO_LIFE"
)

// Forms lists the forms of each kind.
var Forms = map[DispatchKind][]DispatchForm{
	DispatchAnnotation: {AnnotationLink, AnnotationFact, AnnotationAssessment},
	DispatchReferral:   {""},
	DispatchNotice:     {NoticeCorrect, NoticeRestrict, NoticeErase},
	DispatchCompelled:  {CompelledCourt, CompelledDefence, CompelledDanger},

	DispatchUndertaking: {""},
}

// DispatchStatus is where a dispatch stands.
type DispatchStatus string

// The statuses of a dispatch. Answers are given once.
const (
	DispatchOpen      DispatchStatus = "OPEN"      // not answered; all that a notice itself ever is
	DispatchAccepted  DispatchStatus = "ACCEPTED"  // an annotation, a referral, an undertaking
	DispatchDeclined  DispatchStatus = "DECLINED"  // likewise
	DispatchWithdrawn DispatchStatus = "WITHDRAWN" // likewise, before it was answered
	DispatchLapsed    DispatchStatus = "LAPSED"    // a referral or an undertaking that was not answered in time
	DispatchDone      DispatchStatus = "DONE"      // a notice, by one of its readers
	DispatchNotDone   DispatchStatus = "NOT_DONE"  // a notice, by one of its readers
	DispatchObjected  DispatchStatus = "OBJECTED"  // to a compelled disclosure
)

// Answers lists how a dispatch of a kind is answered by the other state.
var Answers = map[DispatchKind][]DispatchStatus{
	DispatchAnnotation: {DispatchAccepted, DispatchDeclined},
	DispatchReferral:   {DispatchAccepted, DispatchDeclined},
	DispatchNotice:     {DispatchDone, DispatchNotDone},
	DispatchCompelled:  {DispatchObjected},

	DispatchUndertaking: {DispatchAccepted, DispatchDeclined},
}

// Dispatch is the clear part of what one state hands another about a record:
// the own record of the state that made it.
type Dispatch struct {
	ID       ID
	Kind     DispatchKind
	State    State // whose it is
	To       State // whom it is for; of a notice "", since each reader has its own [Delivery]
	Agency   AgencyID
	Officer  OfficerRef
	Function string
	// Case it is about; of a referral the own case that it arose from, seen by
	// the offering state alone and "" where there is none.
	Case ID
	// Record is the case, or a record inside it; of an undertaking the request that
	// it is given for, "" for none; "" of a referral.
	Record ID
	Grant  ID // under which an annotation was written, or that a compelled disclosure is of
	Form   DispatchForm
	// Category of a referral or an undertaking.
	Category Category
	Marking  Marking
	Status   DispatchStatus
	Version  int // of a referral, counted up by each change
	// Through is the last affected version of a notice's record, 0 for every one.
	Through    int
	CreatedAt  time.Time
	DueAt      time.Time // until when it is answered, and an undertaking binds; zero: no clock
	AnsweredBy OfficerRef
	AnsweredAt time.Time
	// Answer is the case of its own that the state which accepted a referral or an
	// undertaking names, seen by that state alone.
	Answer ID
}

// StatusAt is the status at the instant t: an offer that nobody took has lapsed.
func (d Dispatch) StatusAt(t time.Time) DispatchStatus {
	if (d.Kind == DispatchReferral || d.Kind == DispatchUndertaking) && d.Status == DispatchOpen && !t.Before(d.DueAt) {
		return DispatchLapsed
	}
	return d.Status
}

// Delivery is a notice as it reached one state that had read an affected version.
type Delivery struct {
	Notice      ID
	State       State // whose notice it is
	To          State // that read
	Status      DispatchStatus
	DeliveredAt time.Time
	DueAt       time.Time
	AnsweredBy  OfficerRef
	AnsweredAt  time.Time
}

// Overdue reports whether the state has not answered in time at the instant t.
func (d Delivery) Overdue(t time.Time) bool { return d.Status == DispatchOpen && t.After(d.DueAt) }

// DispatchText is the sealed part of a dispatch: the words of its state.
type DispatchText struct {
	Title       string           `json:"title,omitempty"` // of a referral
	Text        string           `json:"text"`
	Source      SourceGrade      `json:"source,omitempty"`
	Information InformationGrade `json:"information,omitempty"`
	// Recipient and At say to whom a compelled disclosure is made, and when; Reason
	// why it could not be notified beforehand.
	Recipient string    `json:"recipient,omitempty"`
	At        time.Time `json:"at,omitzero"`
	Reason    string    `json:"reason,omitempty"`
	// Classification is declared of the words.
	Classification Classification `json:"classification,omitempty"`
	// Statement is the state's signed statement, over the officer's signed act.
	Statement string `json:"statement"`
}

// AnswerText is the sealed part of an answer: the words of the answering state.
type AnswerText struct {
	Reason    string `json:"reason,omitempty"`
	Statement string `json:"statement"`
}

// DisclosureRecord says that an officer was shown a version of another state's
// record: who is to be told when that version proves wrong.
type DisclosureRecord struct {
	State   State // the reader's
	Agency  AgencyID
	Officer OfficerRef
	Origin  State // the originator
	Case    ID
	Record  ID
	Version int // of a case as it is counted abroad; 0 where it is not counted
	Grant   ID
	At      time.Time // of the first such read
}
