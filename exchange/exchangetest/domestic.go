package exchangetest

import (
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
)

// Reserve is the signed act that reserves a case at a version.
func (o *Officer) Reserve(t testing.TB, c comity.ID, version int) *exchange.ReserveCase {
	t.Helper()
	body := statement.ReserveBody{Reason: "a domestic matter"}
	return &exchange.ReserveCase{Key: Key(), Case: c, ExpectedVersion: version, Body: body,
		Act: o.Sign(t, statement.Act{Act: statement.ActCaseReserve, Record: c}, body)}
}

// Lift is the signed act that lifts a case's reservation, or, of no proposal, proposes it.
func (o *Officer) Lift(t testing.TB, c, proposal comity.ID) *exchange.LiftReservation {
	t.Helper()
	body := statement.LiftBody{Reason: "the matter is over"}
	act := &exchange.LiftReservation{Key: Key(), Case: c, Body: body,
		Act: o.Sign(t, statement.Act{Act: statement.ActCaseReserveLift, Record: c}, body)}
	act.Proposal = proposal
	return act
}

// ReserveCategory is the signed act that reserves a category.
func (o *Officer) ReserveCategory(t testing.TB, c comity.Category) *exchange.ReserveCategory {
	t.Helper()
	id, body := comity.NewID(comity.KindReservation), statement.CategoryBody{Category: c, Reason: "matters of the state itself"}
	return &exchange.ReserveCategory{Key: Key(), ID: id, Body: body,
		Act: o.Sign(t, statement.Act{Act: statement.ActCategoryReserve, Record: id}, body)}
}

// LiftCategory is the signed act that lifts it.
func (o *Officer) LiftCategory(t testing.TB, reservation comity.ID, c comity.Category, proposal comity.ID) *exchange.LiftCategory {
	t.Helper()
	body := statement.CategoryBody{Category: c, Reason: "no longer"}
	act := &exchange.LiftCategory{Key: Key(), Reservation: reservation, Body: body,
		Act: o.Sign(t, statement.Act{Act: statement.ActCategoryReserveLift, Record: reservation}, body)}
	act.Proposal = proposal
	return act
}

// Hold is the signed act that places a hold, for a request and until an instant
// when they are not zero.
func (o *Officer) Hold(t testing.TB, c, request comity.ID, until time.Time) *exchange.PlaceHold {
	t.Helper()
	body := statement.HoldBody{ID: comity.NewID(comity.KindHold), Reason: "proceedings are pending", Request: request}
	if !until.IsZero() {
		body.NotAfter = until.Unix()
	}
	return &exchange.PlaceHold{Key: Key(), Case: c, Body: body, Act: o.Sign(t, statement.Act{Act: statement.ActHoldPlace, Record: c}, body)}
}

// ReleaseHold is the signed act that releases it.
func (o *Officer) ReleaseHold(t testing.TB, hold, c comity.ID) *exchange.ReleaseHold {
	t.Helper()
	body := statement.HoldReleaseBody{Case: c, Reason: "the proceedings have ended"}
	return &exchange.ReleaseHold{Key: Key(), Hold: hold, Body: body, Act: o.Sign(t, statement.Act{Act: statement.ActHoldRelease, Record: hold}, body)}
}

// Withdraw is the signed act that withdraws a case under a withdrawal's id, or,
// of no proposal, proposes it.
func (o *Officer) Withdraw(t testing.TB, c, withdrawal, proposal comity.ID) *exchange.WithdrawCase {
	t.Helper()
	body := statement.WithdrawBody{ID: withdrawal, Reason: "filed in error"}
	act := &exchange.WithdrawCase{Key: Key(), Case: c, Body: body, Act: o.Sign(t, statement.Act{Act: statement.ActCaseWithdraw, Record: c}, body)}
	act.Proposal = proposal
	return act
}

// Withdrawn has two officers of the authority withdraw a case.
func Withdrawn(t testing.TB, first, second *Officer, c comity.ID) *exchange.WithdrawCase {
	t.Helper()
	propose := first.Withdraw(t, c, comity.NewID(comity.KindWithdrawal), "")
	first.Do(t, propose)
	approve := second.Withdraw(t, c, propose.Body.ID, propose.Proposed)
	second.Do(t, approve)
	return approve
}

// Cancel is the signed act that cancels a withdrawal.
func (o *Officer) Cancel(t testing.TB, withdrawal, c comity.ID) *exchange.CancelWithdrawal {
	t.Helper()
	body := statement.WithdrawCancelBody{Case: c, Reason: "it was not in error"}
	return &exchange.CancelWithdrawal{Key: Key(), Withdrawal: withdrawal, Body: body,
		Act: o.Sign(t, statement.Act{Act: statement.ActCaseWithdrawCancel, Record: withdrawal}, body)}
}

// Erase is the signed act that erases the state's openings from before an instant
// under an erasure's id, or, of no proposal, proposes it.
func (o *Officer) Erase(t testing.TB, erasure comity.ID, before time.Time, proposal comity.ID) *exchange.EraseLog {
	t.Helper()
	body := statement.EraseBody{ID: erasure, Before: before.Unix(), Reason: "the term is over"}
	act := &exchange.EraseLog{Key: Key(), Body: body, Act: o.Sign(t, statement.Act{Act: statement.ActLogErase, Record: erasure}, body)}
	act.Proposal = proposal
	return act
}

// Erased has two officers of the authority decide it.
func Erased(t testing.TB, first, second *Officer, before time.Time) *exchange.EraseLog {
	t.Helper()
	propose := first.Erase(t, comity.NewID(comity.KindErasure), before, "")
	first.Do(t, propose)
	approve := second.Erase(t, propose.Body.ID, before, propose.Proposed)
	second.Do(t, approve)
	return approve
}
