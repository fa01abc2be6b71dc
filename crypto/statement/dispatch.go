package statement

import "github.com/comity-platform/comity"

// The bodies of dispatches, see [comity.Dispatch]. The client of the officer who
// makes one chooses its id.
type (
	// AnnotationBody annotates another state's case or a record inside it; the
	// act's record is the case.
	AnnotationBody struct {
		ID          comity.ID               `json:"id"`
		Record      comity.ID               `json:"record"` // the case, or the record inside it
		Grant       comity.ID               `json:"grant"`
		Form        comity.DispatchForm     `json:"form"`
		Source      comity.SourceGrade      `json:"source,omitempty"`
		Information comity.InformationGrade `json:"information,omitempty"`
		Marking     comity.Marking          `json:"marking"`
		Text        string                  `json:"text"`
		// Classification is declared of the words.
		Classification comity.Classification `json:"classification,omitempty"`
	}
	// ReferralBody offers a matter to a state; the act's record is the referral.
	ReferralBody struct {
		To       comity.State    `json:"to"`
		Category comity.Category `json:"category"`
		Marking  comity.Marking  `json:"marking"`
		Title    string          `json:"title"`
		Text     string          `json:"text"`
		// Classification is declared of the words.
		Classification comity.Classification `json:"classification,omitempty"`
		Version        int                   `json:"version"`  // 1, and one more with each change
		NotAfter       int64                 `json:"notAfter"` // Unix seconds: until when it can be taken
	}
	// NoticeBody tells of affected versions of a record; the act's record is the case.
	NoticeBody struct {
		ID      comity.ID           `json:"id"`
		Record  comity.ID           `json:"record"`            // the case, or the record inside it
		Through int                 `json:"through,omitempty"` // the last affected version of a case, 0 for every one
		Form    comity.DispatchForm `json:"form"`
		Text    string              `json:"text"`
		// Classification is declared of the words.
		Classification comity.Classification `json:"classification,omitempty"`
		NotAfter       int64                 `json:"notAfter"` // Unix seconds: until when it is answered
	}
	// CompelledBody notifies a compelled disclosure; the act's record is the case.
	CompelledBody struct {
		ID        comity.ID           `json:"id"`
		Grant     comity.ID           `json:"grant"`
		Form      comity.DispatchForm `json:"form"` // the ground
		Recipient string              `json:"recipient"`
		At        int64               `json:"at"` // Unix seconds: when it is, or was, disclosed
		Text      string              `json:"text"`
		// Classification is declared of the words.
		Classification comity.Classification `json:"classification,omitempty"`
		Reason         string                `json:"reason,omitempty"` // why it was not notified beforehand
	}
	// UndertakingBody promises a state reciprocity for one of its cases, which it
	// names when it accepts; the act's record is the undertaking.
	UndertakingBody struct {
		To       comity.State    `json:"to"`
		Category comity.Category `json:"category"`
		Request  comity.ID       `json:"request,omitempty"` // of the own state to that one, "" for none
		Marking  comity.Marking  `json:"marking"`
		Title    string          `json:"title"`
		Text     string          `json:"text"`
		// Classification is declared of the words.
		Classification comity.Classification `json:"classification,omitempty"`
		NotAfter       int64                 `json:"notAfter"` // Unix seconds: until when it binds
	}
	// AnswerBody answers a dispatch; the act's record is the dispatch.
	AnswerBody struct {
		Said   string                `json:"said"` // hex SHA-256 of the statement that is answered, as it was shown
		Answer comity.DispatchStatus `json:"answer"`
		Case   comity.ID             `json:"case,omitempty"` // of an accepted undertaking: the own case that it is for
		Reason string                `json:"reason,omitempty"`
	}
)

// Said is what an answer names a statement by, see [AnswerBody].
func Said(compact string) string { return hash([]byte(compact)) }
