package comity

import "time"

// RequestKind is what a request asks for.
type RequestKind string

// The kinds of requests.
const (
	RequestInformation  RequestKind = "INFORMATION"
	RequestAccess       RequestKind = "ACCESS"
	RequestMeasure      RequestKind = "MEASURE" // carried out only by the asked state's consent (Article 3)
	RequestPreservation RequestKind = "PRESERVATION"
)

// Urgency picks the clock of a request from the agreement.
type Urgency string

// The urgencies, with the default clocks of Directive (EU) 2023/977, article 5.
const (
	UrgencyUrgent  Urgency = "URGENT"  // 8 hours
	UrgencyPrompt  Urgency = "PROMPT"  // 3 days
	UrgencyRoutine Urgency = "ROUTINE" // 7 days
)

// RequestStatus is where a request stands.
type RequestStatus string

// The statuses of a request.
const (
	RequestSent            RequestStatus = "SENT"
	RequestReceived        RequestStatus = "RECEIVED"
	RequestAcknowledged    RequestStatus = "ACKNOWLEDGED"
	RequestSupplementAsked RequestStatus = "SUPPLEMENT_ASKED"
	RequestForwarded       RequestStatus = "FORWARDED"
	RequestExecuted        RequestStatus = "EXECUTED"
	RequestExecutedInPart  RequestStatus = "EXECUTED_IN_PART"
	RequestNothingHeld     RequestStatus = "NOTHING_HELD"
	RequestPostponed       RequestStatus = "POSTPONED"
	RequestRefused         RequestStatus = "REFUSED"
	RequestClosed          RequestStatus = "CLOSED" // by the asking state, with feedback on use
)

// Ground is a ground of refusal, from a closed list.
type Ground string

// The grounds of refusal.
const (
	GroundSovereignty     Ground = "SOVEREIGNTY_OR_SECURITY"
	GroundOrdrePublic     Ground = "ORDRE_PUBLIC"
	GroundPolitical       Ground = "POLITICAL_OFFENCE"
	GroundNeBisInIdem     Ground = "NE_BIS_IN_IDEM"
	GroundRights          Ground = "FUNDAMENTAL_RIGHTS"
	GroundDualCriminality Ground = "DUAL_CRIMINALITY_MISSING"
	GroundDomesticLaw     Ground = "DOMESTIC_LAW"
	GroundBurden          Ground = "DISPROPORTIONATE_BURDEN"
	GroundNotStated       Ground = "NOT_STATED"
)

// Grounds lists them all.
var Grounds = []Ground{GroundSovereignty, GroundOrdrePublic, GroundPolitical, GroundNeBisInIdem, GroundRights,
	GroundDualCriminality, GroundDomesticLaw, GroundBurden, GroundNotStated}

// Request is the clear part of a request, put to a state's contact point. It
// belongs to the asking state.
type Request struct {
	ID          ID
	State       State // that asks
	Agency      AgencyID
	Officer     OfficerRef
	To          State
	RoutedTo    AgencyID // where the asked state's contact point sent it; seen only there
	Kind        RequestKind
	Urgency     Urgency
	Category    Category
	Purpose     Purpose
	Status      RequestStatus
	Ground      Ground // of a refusal
	Marking     Marking
	Version     int
	CreatedAt   time.Time
	UpdatedAt   time.Time
	DueAt       time.Time // by the agreement's clock
	PostponedTo time.Time
	Refusal     ID

	// OnwardTo is the third state that the asking one wants to see what it reads
	// under Grant, a grant of the asked state's; both "" of any other request
	// (Article 10).
	OnwardTo State
	Grant    ID
}

// Overdue reports whether the asked state is late at the instant t. While the
// asking side owes a supplement, or the request waits for a stated time, it is not.
func (r Request) Overdue(t time.Time) bool {
	switch r.Status {
	case RequestSent, RequestReceived, RequestAcknowledged, RequestForwarded:
		return t.After(r.DueAt)
	case RequestPostponed:
		return t.After(r.PostponedTo)
	}
	return false
}

// RequestText is the sealed part of a request.
type RequestText struct {
	Title    string `json:"title"`
	Facts    string `json:"facts"`            // what happened, who and what is sought
	Record   string `json:"record,omitempty"` // a record it names, never looked up: unknown and hidden are accepted alike
	Feedback string `json:"feedback,omitempty"`
	// Observables are described in the request itself, so that it discloses
	// what the asking state chose to disclose and no more.
	Observables []ObservableText `json:"observables,omitempty"`
	// FromReference is the asking side's own file number.
	FromReference string `json:"fromReference,omitempty"`

	Classification Classification `json:"classification,omitempty"` // declared of the words
}

// Message is the clear part of a piece of correspondence on a request. It
// belongs to its author's state.
type Message struct {
	ID        ID
	Request   ID
	State     State
	Author    OfficerRef
	Function  string
	CreatedAt time.Time
}

// MessageText is the sealed part of a message.
type MessageText struct {
	Text string `json:"text"`

	Classification Classification `json:"classification,omitempty"` // declared of the words
}
