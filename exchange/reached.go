package exchange

import (
	"errors"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

// bound finds a grant that the officer answers for: one that is found as any is, or of
// what the own state was granted, whoever in it that is to, liaisons and the authority
// find the id, the case and the marking. covered says that it binds the own state.
func (a *attempt) bound(tx storage.ReadTx, id comity.ID) (g comity.Grant, ok, covered bool, err error) {
	found, err := tx.Grants(a.viewer(), []comity.ID{id})
	if err != nil {
		return g, false, false, err
	}
	granted, err := tx.Granted(a.viewer(), []comity.ID{id})
	if err != nil {
		return g, false, false, err
	}
	a.records = nil
	a.on(string(id))
	if g, ok := found[id]; ok {
		return g, true, g.State != a.who.Officer.State, nil
	}
	was, ok := granted[id]
	return comity.Grant{ID: was.ID, Case: was.Case, State: was.State, Caveats: comity.Caveats{Marking: was.Marking}}, ok, ok, nil
}

// errDelivered is met when a notice is delivered to a state that nothing signed ever
// granted the case to: somebody wrote to the database past the gate.
var errDelivered = errors.New("exchange: a notice is delivered to a state that was not granted its case")

// reached holds the notices that rows say reached the viewer's state against what was
// signed: one reached it where officers of it read under a grant of the case that its
// originator signed. A delivery that nothing signed bears out is taken out of its row,
// as if the notice had not reached the state; why is given by the notice's id. It is
// UNAVAILABLE, and the delivery stays, while the originator's manifest is not valid.
func (x *Exchange) reached(tx storage.ReadTx, v storage.Viewer, rows []storage.DispatchView) (map[comity.ID]error, error) {
	var ids []comity.ID
	for _, d := range rows {
		if received(d, v) {
			ids = append(ids, d.ID)
		}
	}
	behind, err := tx.GrantedBehind(v, ids)
	if err != nil {
		return nil, err
	}
	faults := map[comity.ID]error{}
	for i, d := range rows {
		if !received(d, v) {
			continue
		}
		fault := errDelivered
		for _, g := range behind[d.ID] {
			if fault = x.granted(g); fault == nil {
				break
			}
		}
		if fault == nil {
			continue
		}
		faults[d.ID] = fault
		if comity.CodeOf(fault) != comity.CodeUnavailable {
			rows[i].Delivery, rows[i].Reader = nil, false
		}
	}
	return faults, nil
}

// received reports whether a dispatch concerns the viewer's state by its delivery alone.
func received(d storage.DispatchView, v storage.Viewer) bool {
	return d.Delivery != nil && d.State != v.Officer.State
}
