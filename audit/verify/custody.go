package verify

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
)

// CustodyEvent is an event of an exhibit's chain of custody, as the exchange
// shows it.
type CustodyEvent struct {
	ID, Evidence, Kind, Actor, Function, State, Purpose, Grant string
	Hash                                                       [32]byte // of the plaintext, zero when it says none
	Act                                                        string   // JWS, "" without one
	At                                                         int64    // Unix microseconds
	Chain                                                      [32]byte
}

// sealed is the kind of the originator's event that a grantee's chain begins after.
const sealed = "SEALED"

// CustodyLink is the chain value of an event after the previous one's (32 zero
// bytes before the first).
func CustodyLink(previous [32]byte, e CustodyEvent) [32]byte {
	raw, err := json.Marshal([]any{"comity/record-text/v1", "custody", previous, e.ID, e.Evidence, e.Kind, e.Actor, e.Function, e.State,
		e.Purpose, e.Grant, e.Hash, e.Act, e.At})
	if err != nil { // strings and numbers only
		panic(err)
	}
	return sha256.Sum256(raw)
}

// Custody checks an exhibit's events, oldest first as they are shown, and gives
// an error or nil for each. Every state's events are a chain of their own; a
// grantee's begins after the originator's sealing, so that a gap in what one
// state sees betrays nobody. An error names a link that was altered, or before
// which events are missing. Events cut off at the end of a chain leave no trace
// in it.
func Custody(originator string, events []CustodyEvent) []error {
	faults := make([]error, len(events))
	last := map[string][32]byte{}
	var start [32]byte
	ids, acts := map[string]bool{}, map[string]bool{}
	for i, e := range events {
		previous, begun := last[e.State]
		if !begun && e.State != originator {
			previous = start
		}
		switch {
		case ids[e.ID]:
			faults[i] = errors.New("the same event is shown twice")
		case e.Act != "" && acts[e.Act]:
			faults[i] = errors.New("its signed act is that of an earlier event")
		case CustodyLink(previous, e) != e.Chain:
			faults[i] = errors.New("it does not follow the event of " + e.State + " before it: one was altered, or is missing between them")
		}
		ids[e.ID], acts[e.Act] = true, true
		last[e.State] = e.Chain // so that the links after a broken one are judged by themselves
		if e.State == originator && e.Kind == sealed {
			start = e.Chain
		}
	}
	return faults
}
