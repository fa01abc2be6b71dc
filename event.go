package comity

// EventKind is what an officer can be told of as it happens. That something of a
// kind happened is told to whom what it happened to is shown, and to nobody else.
type EventKind string

// The kinds.
const (
	// EventBegan is no event of a record: a stream stands, and tells all that comes
	// after it.
	EventBegan EventKind = "BEGAN"

	EventRequestArrived   EventKind = "REQUEST_ARRIVED"   // at the state that it is put to
	EventRequestChanged   EventKind = "REQUEST_CHANGED"   // moved by either side
	EventRequestOverdue   EventKind = "REQUEST_OVERDUE"   // its clock ran out
	EventRequestEscalated EventKind = "REQUEST_ESCALATED" // it went up in the asked state
	EventMessageArrived   EventKind = "MESSAGE_ARRIVED"   // on a request, from the other side

	EventGrantMade    EventKind = "GRANT_MADE"    // it is in force
	EventGrantChanged EventKind = "GRANT_CHANGED" // narrowed or confirmed
	EventGrantEnded   EventKind = "GRANT_ENDED"   // for whatever reason, its term among them

	EventCaseChanged       EventKind = "CASE_CHANGED"
	EventEvidenceCompleted EventKind = "EVIDENCE_COMPLETED"
	EventHoldEnded         EventKind = "HOLD_ENDED" // its term

	EventDispatchArrived EventKind = "DISPATCH_ARRIVED" // a notice, annotation, referral, undertaking or notification
	EventDispatchChanged EventKind = "DISPATCH_CHANGED" // answered, changed or taken back by the other side
	EventDispatchOverdue EventKind = "DISPATCH_OVERDUE" // its clock ran out with no answer

	EventProposalArrived EventKind = "PROPOSAL_ARRIVED" // it waits for another officer than who proposed it
	EventProposalDecided EventKind = "PROPOSAL_DECIDED" // approved, declined or taken back
	EventProposalLapsed  EventKind = "PROPOSAL_LAPSED"  // its clock ran out with no decision
)

// EventKinds lists those of records.
var EventKinds = []EventKind{EventRequestArrived, EventRequestChanged, EventRequestOverdue, EventRequestEscalated, EventMessageArrived,
	EventGrantMade, EventGrantChanged, EventGrantEnded, EventCaseChanged, EventEvidenceCompleted, EventHoldEnded,
	EventDispatchArrived, EventDispatchChanged, EventDispatchOverdue,
	EventProposalArrived, EventProposalDecided, EventProposalLapsed}
