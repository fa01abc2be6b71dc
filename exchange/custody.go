package exchange

import (
	"encoding/hex"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/storage"
)

// custodyEvent begins the next link of an exhibit's chain of custody. Each
// state's events are chained on their own, a grantee's from the originator's
// last one at its first, so that gaps in what one state sees betray nobody.
func custodyEvent(tx storage.ReadTx, a *attempt, e comity.Evidence, kind comity.CustodyKind) (comity.CustodyEvent, error) {
	o := a.who.Officer
	event := comity.CustodyEvent{ID: comity.NewID(comity.KindCustody), Evidence: e.ID, Kind: kind, Actor: o.Ref(),
		Function: o.Function, State: o.State, At: a.now}
	seen, err := tx.Custody([]comity.ID{e.ID}, o.State)
	if err != nil {
		return event, err
	}
	for _, earlier := range seen[e.ID] {
		if earlier.State == o.State {
			event.Chain = earlier.Chain
		}
	}
	if event.Chain == ([32]byte{}) {
		for _, earlier := range seen[e.ID] {
			if earlier.State == e.State && earlier.Kind == comity.CustodySealed {
				event.Chain = earlier.Chain
			}
		}
	}
	return event, nil
}

// chained closes a link: its chain value, until now the previous link's,
// becomes the hash over that and over everything the event says.
func chained(e comity.CustodyEvent) comity.CustodyEvent {
	e.Chain = ChainCustody(e.Chain, e)
	return e
}

// link puts a custody event into the act's leaf: whoever keeps the database can
// compute the chain of custody anew, nothing in it being signed but the acts,
// but must then change leaves of the record of acts too, which a state that
// verified them before notices.
func (a *attempt) link(e comity.CustodyEvent) {
	a.records = append(a.records, audit.Record{ID: string(e.ID), Chain: hex.EncodeToString(e.Chain[:])})
}

// ChainCustody is the chain value of an event after the previous link's.
func ChainCustody(previous [32]byte, e comity.CustodyEvent) [32]byte {
	return verify.CustodyLink(previous, verify.CustodyEvent{ID: string(e.ID), Evidence: string(e.Evidence), Kind: string(e.Kind),
		Actor: string(e.Actor), Function: e.Function, State: string(e.State), Purpose: string(e.Purpose), Grant: string(e.Grant),
		Hash: e.Hash, Act: e.Act, At: e.At.UnixMicro()})
}
