package exchange

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// A row of the outbox proves nothing: who writes to the database past the gate
// makes one up. What it has done follows a state's own statement or register, so
// that the row is held against these, and against the record, before anything changes.

// errEffect is met when an effect is not what its record, statement or register says.
var errEffect = errors.New("exchange: an effect does not agree with what it is of")

func forgedEffect(e storage.Effect, why string) error {
	return fmt.Errorf("%w: %s of %s on %s: %s", errEffect, e.Kind, e.State, e.ID, why)
}

// parkedUntil is when an effect is due that is tried no more. It stays in the outbox,
// to be looked at, and stops nothing else.
var parkedUntil = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// mostAttempts is after how many attempts an effect is given up whose record is absent,
// or whose statement is none: a manifest that has just been published elsewhere, with
// the key that signed it, comes within seconds.
const mostAttempts = 12

// hopeless reports whether an effect that failed is to be tried no more. What waits
// for something that is away is tried for as long as it takes.
func hopeless(e storage.Effect, err error) bool {
	if errors.Is(err, errEffect) {
		return true
	}
	none := isAbsent(err) || comity.CodeOf(err) == comity.CodeInvalid || comity.CodeOf(err) == comity.CodeNotFound
	return none && e.Attempts >= mostAttempts
}

// park has an effect tried no more, and says so once.
func (x *Exchange) park(ctx context.Context, e storage.Effect, cause error) {
	err := x.db.Write(storage.AsSystem(context.WithoutCancel(ctx)), func(tx storage.Tx) error {
		return absentIsNone(tx.DelayEffect(e.Seq, parkedUntil))
	})
	x.log.Error("an effect is not what it says, and is tried no more", "record", e.ID, "kind", e.Kind, "state", e.State, "error", errors.Join(cause, err))
}

// check refuses an intent that no act of the effect's state writes.
func (in intent) check(e storage.Effect) error {
	if in.Actor.State != e.State {
		return forgedEffect(e, "it is by an officer of "+string(in.Actor.State))
	}
	r, h := in.Reservation, in.Hold
	of := true
	switch in.Act {
	case sovereignty.GrantRevoke, sovereignty.GrantNarrow, sovereignty.CaseReserve, sovereignty.CaseReserveLift,
		sovereignty.ContributionWithdraw, sovereignty.StandingEnd:
	case sovereignty.CategoryReserve, sovereignty.CategoryReserveLift:
		of = r != nil && r.ID == e.ID && r.State == e.State
	case sovereignty.HoldPlace:
		of = h != nil && h.ID == e.ID && h.State == e.State
	case sovereignty.HoldRelease, sovereignty.CaseWithdrawCancel:
		of = in.Case != ""
	default:
		return forgedEffect(e, "no act "+string(in.Act)+" is settled")
	}
	if !of {
		return forgedEffect(e, "it is about another record")
	}
	return nil
}

// ownCase locks a case of the effect's own state.
func ownCase(tx storage.Tx, id comity.ID, e storage.Effect) (storage.Case, error) {
	c, err := tx.LockCase(id)
	if err == nil && c.State != e.State {
		err = forgedEffect(e, "the case is one of "+string(c.State))
	}
	return c, err
}

// ownGrant locks the grant that an effect is about, one of the effect's own state
// of a case of that state.
func ownGrant(tx storage.Tx, e storage.Effect) (comity.Grant, error) {
	g, err := tx.LockGrant(e.ID)
	if err != nil {
		return g, err
	}
	if g.State != e.State {
		return g, forgedEffect(e, "the grant is one of "+string(g.State))
	}
	_, err = ownCase(tx, g.Case, e)
	return g, err
}

// ownReservation finds the reservation of a category that an intent to lift is about.
func ownReservation(tx storage.Tx, e storage.Effect, in intent) error {
	all, err := tx.Reservations(e.State)
	if err != nil {
		return err
	}
	for _, r := range all {
		if r.ID == e.ID && r.Category == in.Reservation.Category {
			return nil
		}
	}
	return forgedEffect(e, "the reservation is none of "+string(in.Reservation.Category))
}

// said reads the statement of an effect that is about to change its grant's row, and
// holds it against that. ok is false where it is none that does.
func (x *Exchange) said(tx storage.Tx, e storage.Effect) (s statement.Statement, g comity.Grant, ok bool, err error) {
	s, err = x.dir.VerifyStatement(string(e.Payload))
	if err != nil || s.Kind != statement.KindGrant && s.Kind != statement.KindConfirmation {
		return s, g, false, err // what narrows or ends a grant brings none into force
	}
	c, err := ownCase(tx, s.Record, e)
	if err != nil {
		return s, g, false, err
	}
	if g, err = ownGrant(tx, e); err != nil {
		return s, g, false, err
	}
	switch {
	case s.ID != g.ID || s.Record != g.Case || s.State != g.State:
		return s, g, false, forgedEffect(e, "its statement is another grant's")
	case s.Kind == statement.KindGrant && g.Statement != string(e.Payload), s.Kind == statement.KindConfirmation && g.Confirmation != string(e.Payload):
		return s, g, false, forgedEffect(e, "its statement is not the one that the grant has")
	}
	if _, err := x.terms(g, c.State); err != nil {
		return s, g, false, err
	}
	return s, g, !c.Reserved, nil
}
