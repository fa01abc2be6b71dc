package sovereignty

import (
	"slices"

	"github.com/comity-platform/comity"
)

// requestSteps says in which statuses an act upon a request may be done. The
// status after it is that of requestAfter, or for RequestExecute the outcome.
var requestSteps = map[Action][]comity.RequestStatus{
	RequestReceive:     {comity.RequestSent},
	RequestAcknowledge: {comity.RequestReceived, comity.RequestPostponed}, // the latter: taken up again
	RequestAskSupplement: {comity.RequestAcknowledged, comity.RequestForwarded,
		comity.RequestPostponed},
	RequestSupplement: {comity.RequestSupplementAsked},
	RequestForward: {comity.RequestAcknowledged, comity.RequestForwarded, // anew, to another agency
		comity.RequestPostponed},
	RequestPostpone: {comity.RequestAcknowledged, comity.RequestForwarded,
		comity.RequestPostponed}, // further
	RequestExecute: {comity.RequestAcknowledged, comity.RequestForwarded, comity.RequestPostponed},
	RequestRefuse: {comity.RequestReceived, comity.RequestAcknowledged, comity.RequestSupplementAsked,
		comity.RequestForwarded, comity.RequestPostponed},
	RequestClose: {comity.RequestSent, comity.RequestReceived, comity.RequestAcknowledged, // before an answer: given up
		comity.RequestSupplementAsked, comity.RequestForwarded, comity.RequestPostponed,
		comity.RequestExecuted, comity.RequestExecutedInPart, comity.RequestNothingHeld, comity.RequestRefused},
}

var requestAfter = map[Action]comity.RequestStatus{
	RequestReceive:       comity.RequestReceived,
	RequestAcknowledge:   comity.RequestAcknowledged,
	RequestAskSupplement: comity.RequestSupplementAsked,
	RequestSupplement:    comity.RequestAcknowledged,
	RequestForward:       comity.RequestForwarded,
	RequestPostpone:      comity.RequestPostponed,
	RequestRefuse:        comity.RequestRefused,
	RequestClose:         comity.RequestClosed,
}

// NextStatus gives the status of a request after an act upon it, and whether
// the act may be done in status from at all. RequestExecute takes its outcome,
// one of EXECUTED, EXECUTED_IN_PART and NOTHING_HELD; every other act takes "".
func NextStatus(from comity.RequestStatus, a Action, outcome comity.RequestStatus) (comity.RequestStatus, bool) {
	to := requestAfter[a]
	switch {
	case a != RequestExecute && outcome != "":
		return "", false
	case a == RequestExecute:
		if outcome != comity.RequestExecuted && outcome != comity.RequestExecutedInPart && outcome != comity.RequestNothingHeld {
			return "", false
		}
		to = outcome
	}
	for _, s := range requestSteps[a] {
		if s == from {
			return to, true
		}
	}
	return "", false
}

// Moves lists the acts that may be done upon a request in a status, in the
// order in which a request is usually moved.
func Moves(from comity.RequestStatus) (moves []Action) {
	for _, a := range []Action{RequestReceive, RequestAcknowledge, RequestExecute, RequestForward, RequestAskSupplement, RequestPostpone,
		RequestRefuse, RequestSupplement, RequestClose} {
		if slices.Contains(requestSteps[a], from) {
			moves = append(moves, a)
		}
	}
	return moves
}
