package exchange

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// ReserveCategory reserves a category of the own state in advance (Article 4):
// no case of it is shared, and the running grants of those there are end. They
// do not revive.
type ReserveCategory struct {
	Key  string                 `json:"-"`
	ID   comity.ID              `json:"id"` // of the reservation, which the officer's client chooses
	Body statement.CategoryBody `json:"body"`
	Act  string                 `json:"-"`

	Ended     []comity.ID `json:"-"` // the grants that ended
	Statement string      `json:"-"` // the state's signed reservation

	canonical json.RawMessage
	row       storage.Reservation
	wrapped   string
	before    storage.Reservation // that there is under the id, if any
}

func (r *ReserveCategory) about() (sovereignty.Action, string, any) {
	return sovereignty.CategoryReserve, r.Key, r
}

// checkReason takes the reason of what a state keeps to itself.
func checkReason(reason string) error {
	if strings.TrimSpace(reason) == "" {
		return comity.Invalid("reason", "say why; it is kept within the state")
	}
	if len(reason) > maxObjection {
		return tooLong("reason", maxObjection)
	}
	return checkText("reason", reason)
}

// checkCategory takes a category of the union's list.
func checkCategory(c comity.Category) error {
	if _, listed := sovereignty.Category(c); !listed {
		return comity.Invalid("category", fmt.Sprintf("%.40q is not a category of the union", c)).CuredBy("see the query `categories`")
	}
	return nil
}

func (r *ReserveCategory) judge(tx storage.ReadTx, a *attempt) error {
	a.records = nil
	_, canonical, err := a.verify(r.Act, statement.ActCategoryReserve, r.ID, r.Body)
	if err != nil {
		return err
	}
	r.canonical = canonical
	q := a.ownState()
	q.Circumstances.Signed = true
	a.on(string(r.ID))
	if err := a.decide(q); err != nil {
		return err
	}
	own := a.who.Officer.State
	r.row.Reservation = comity.Reservation{ID: r.ID, State: own, Category: r.Body.Category, Officer: a.who.Officer.Ref(), CreatedAt: a.now}
	if err := first(checkCategory(r.Body.Category), checkReason(r.Body.Reason)); err != nil {
		return err
	}
	// A grant that is being made waits for this lock, and then finds the reservation.
	if w, ok := tx.(storage.Tx); ok {
		if err := w.LockState(own); err != nil {
			return err
		}
	}
	if r.before, _, err = a.reservation(tx, r.ID); err != nil {
		return err
	}
	if !r.before.LiftedAt.IsZero() { // signed anew it would be in the register, and in no row
		return errLifted
	}
	reserved, err := tx.CategoryReserved(own, r.Body.Category)
	if err == nil && reserved {
		err = comity.Conflict("the category is reserved already").CuredBy("there is nothing to do")
	}
	return err
}

func (r *ReserveCategory) prepare(ctx context.Context, a *attempt) error {
	keys, err := a.x.custodian(r.row.State)
	if err != nil {
		return err
	}
	var key wordKey
	if r.wrapped, key, err = newWordKey(ctx, keys, r.ID); err != nil {
		return err
	}
	if r.row.Sealed, err = seal(key, bindReservation(r.row.Reservation), comity.DomesticText{Reason: r.Body.Reason}); err != nil {
		return err
	}
	row := r.row
	r.Statement, err = a.signEnd(ctx, row.State, custodian.SignOrder{Asker: a.asker(r.Act), Kind: statement.KindCategoryReservation,
		ID: r.ID, Record: r.ID, Body: r.canonical}, intent{Reservation: &row, Wrapped: r.wrapped})
	return err
}

func (r *ReserveCategory) commit(tx storage.Tx, a *attempt) error {
	ended, err := a.reserveCategory(tx, r.row, r.wrapped)
	if err != nil {
		return err
	}
	r.Ended = nil
	for _, g := range ended {
		r.Ended = append(r.Ended, g.ID)
		a.on(string(g.ID))
	}
	a.made = []comity.ID{r.ID}
	if err := a.settled(tx, r.ID); err != nil {
		return err
	}
	return tx.AddEffect(apply(r.ID, r.row.State, r.Statement, a.now))
}

// reserveCategory writes a reservation down, and ends what it ends.
func (a *attempt) reserveCategory(tx storage.Tx, row storage.Reservation, wrapped string) ([]comity.Grant, error) {
	err := tx.InsertReservation(row, wrapped)
	if errors.Is(err, storage.ErrExists) {
		err = errReservation
	}
	if err != nil {
		return nil, err
	}
	ended, err := tx.EndGrantsOf(row.State, row.Category, a.now)
	for _, g := range ended {
		a.tellEnded(g)
	}
	return ended, err
}

var errReservation = comity.Conflict("no reservation can be made under this id, or of this category").CuredBy("read the reservations again, and choose another id")

func (r *ReserveCategory) finish(ctx context.Context, a *attempt) error {
	return a.enter(ctx, r.ID, r.row.State, r.Statement)
}

var errLifted = comity.Conflict("the reservation was lifted since").CuredBy("reserve the category anew, under another id")

// repeat has the reservation signed once more, unless it was lifted since.
func (r *ReserveCategory) repeat(ctx context.Context, a *attempt, _ []comity.ID) error {
	if !r.before.LiftedAt.IsZero() {
		return errLifted
	}
	return signAgain(ctx, a, r)
}

// reservation finds a reservation of the own state, locked with it.
func (a *attempt) reservation(tx storage.ReadTx, id comity.ID) (storage.Reservation, bool, error) {
	if w, ok := tx.(storage.Tx); ok {
		if err := w.LockState(a.who.Officer.State); err != nil {
			return storage.Reservation{}, false, err
		}
	}
	all, err := tx.Reservations(a.who.Officer.State)
	for _, r := range all {
		if r.ID == id {
			return r, true, err
		}
	}
	return storage.Reservation{}, false, err
}

// categoryReserved reports whether the own state has reserved a category, as
// nobody changes it before the transaction ends.
func (a *attempt) categoryReserved(tx storage.ReadTx, c comity.Category) (bool, error) {
	own := a.who.Officer.State
	if w, ok := tx.(storage.Tx); ok {
		if err := w.LockState(own); err != nil {
			return false, err
		}
	}
	return tx.CategoryReserved(own, c)
}

func bindReservation(r comity.Reservation) []byte {
	return bind("reservation", r.ID, r.State, r.Category, r.Officer)
}
