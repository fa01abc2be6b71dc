package exchange

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// What is in force by its signing is in the register before it is in the
// database. What stands in the outbox from before the custodian is asked
// has the database and the record of acts follow, should the act not come to
// its own end, since the server dies or the database goes away.

// effectSettle compares what the register and the database say of a record.
const effectSettle = "settle"

// SettleAfter leaves the act itself the time to come to its end: no request may
// take as long.
const SettleAfter = 90 * time.Second

// intent is whose act it is that the register may know and the database not,
// with the row that is to be written, its words sealed.
type intent struct {
	Act       sovereignty.Action `json:"act"`
	Actor     audit.Actor        `json:"actor"`
	RequestID string             `json:"request,omitempty"`

	Reservation *storage.Reservation `json:"reservation,omitempty"`
	Wrapped     string               `json:"wrapped,omitempty"` // record key of the reservation
	Hold        *storage.Hold        `json:"hold,omitempty"`
	Case        comity.ID            `json:"case,omitempty"`     // of what is released or cancelled
	Proposal    comity.ID            `json:"proposal,omitempty"` // that is approved
}

// signEnd has a state sign what is in force by its signing. What was remembered
// of its register is old from then on.
func (a *attempt) signEnd(ctx context.Context, s comity.State, o custodian.SignOrder, in intent) (string, error) {
	keys, err := a.x.custodian(s)
	if err != nil {
		return "", err
	}
	in.Act, in.Actor, in.RequestID = a.action, actorOf(a.who.Officer), a.who.RequestID
	payload, err := json.Marshal(in)
	if err != nil {
		return "", fmt.Errorf("exchange: encode an intent: %w", err)
	}
	err = a.x.db.Write(ctx, func(tx storage.Tx) error {
		return tx.AddEffect(storage.Effect{ID: o.ID, Kind: effectSettle, State: s, Payload: payload, NotBefore: tx.Now().Add(SettleAfter)})
	})
	if err != nil {
		return "", err
	}
	a.intent = payload
	defer a.x.registers.forget()
	return keys.Sign(ctx, o)
}

// settled takes the act's own intent on a record back: it has come to its own end.
// What others began on the same record is still theirs to end.
func (a *attempt) settled(tx storage.Tx, record comity.ID) error {
	waiting, err := tx.EffectsOf(record)
	if err != nil {
		return err
	}
	for _, e := range waiting {
		if e.Kind != effectSettle || !bytes.Equal(e.Payload, a.intent) {
			continue
		}
		if err := tx.DoneEffect(e.Seq); err != nil && !errors.Is(err, storage.ErrNotFound) {
			return err
		}
	}
	return nil
}

// signAgain repeats an act of which nothing is kept but that it was done: its
// statement went out with an answer that was lost, and is signed once more over the
// act of this repeat.
func signAgain(ctx context.Context, a *attempt, act Act) error {
	if err := act.prepare(ctx, a); err != nil {
		return err
	}
	return act.finish(ctx, a)
}

// settle has the database follow the register.
func (x *Exchange) settle(ctx context.Context, e storage.Effect) error {
	var in intent
	if err := json.Unmarshal(e.Payload, &in); err != nil {
		return forgedEffect(e, "it is no intent: "+err.Error())
	}
	if err := in.check(e); err != nil {
		return err
	}
	keys, err := x.custodian(e.State)
	if err != nil {
		return err
	}
	if follow, ok := domestic[in.Act]; ok {
		return x.settleDomestic(ctx, e, in, keys, follow)
	}
	var c changeCase
	if in.Act == sovereignty.CaseReserve || in.Act == sovereignty.CaseReserveLift { // as it is before the register is asked
		err := x.db.Write(ctx, func(tx storage.Tx) (err error) { c.view.Case, err = ownCase(tx, e.ID, e); return err })
		if err != nil {
			return err
		}
	}
	word, err := keys.Entered(ctx, e.ID)
	if err != nil {
		return err
	}
	if in.Act == sovereignty.CaseReserve && word.Ended || in.Act == sovereignty.CaseReserveLift && word.Lifted {
		c.view.ID, c.view.State = e.ID, e.State
		if err := c.open(ctx, &attempt{x: x}); err != nil {
			return err
		}
	}
	return x.db.Write(ctx, func(tx storage.Tx) (err error) {
		switch {
		case in.Act == sovereignty.CaseReserve && word.Ended:
			err = x.reserved(tx, c, in)
		case in.Act == sovereignty.CaseReserveLift && word.Lifted:
			err = x.lifted(tx, c, in)
		case in.Act == sovereignty.GrantRevoke && word.Ended:
			err = x.revoked(tx, e, in)
		case in.Act == sovereignty.GrantNarrow && word.Limits != nil:
			err = x.narrowed(tx, e, in, *word.Limits)
		}
		if err != nil {
			return err
		}
		if err := tx.DoneEffect(e.Seq); !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		return nil // another server was as fast
	})
}

func (x *Exchange) revoked(tx storage.Tx, e storage.Effect, in intent) error {
	g, err := ownGrant(tx, e)
	if err != nil || g.Status != comity.GrantActive && g.Status != comity.GrantPending {
		return err
	}
	a := x.after(tx, in)
	a.tellEnded(g)
	g.Status, g.EndedAt = comity.GrantRevoked, a.now
	g.Version++
	if err := tx.UpdateGrant(g, g.Version-1); err != nil {
		return err
	}
	return a.write(tx, in, g.ID)
}

// narrowed writes down a narrowing whose statement is lost. The row stays as it
// is signed; whatever it says, no more is shown than the register leaves open.
func (x *Exchange) narrowed(tx storage.Tx, e storage.Effect, in intent, open custodian.Limits) error {
	g, err := ownGrant(tx, e)
	if err != nil || g.Status != comity.GrantActive && g.Status != comity.GrantPending {
		return err
	}
	if !lessened(g, meet(g, open)) {
		return nil
	}
	return x.after(tx, in).write(tx, in, g.ID)
}

func (x *Exchange) reserved(tx storage.Tx, c changeCase, in intent) error {
	found, err := tx.LockCase(c.view.ID)
	if err != nil || found.Reserved {
		return err
	}
	if found.Version != c.view.Version { // it may have been lifted since the register was asked
		return storage.ErrConflict
	}
	c.view.Case = found
	a := x.after(tx, in)
	ended, err := tx.EndGrants(found.ID, a.now)
	if err != nil {
		return err
	}
	records := []comity.ID{found.ID}
	for _, g := range ended {
		records = append(records, g.ID)
		a.tellEnded(g)
	}
	if err := c.write(tx, a, false, func(c *comity.Case, _ *comity.CaseText) { c.Reserved = true }); err != nil {
		return err
	}
	return a.write(tx, in, records...)
}

// after is an attempt that only writes down what an earlier one began.
func (x *Exchange) after(tx storage.Tx, in intent) *attempt {
	return &attempt{x: x, action: in.Act, now: tx.Now().UTC()}
}

func (a *attempt) write(tx storage.Tx, in intent, records ...comity.ID) error {
	content := audit.Content{Act: string(in.Act), Outcome: audit.Done, At: a.now, Actor: in.Actor, Policies: a.x.policies.Hash(), RequestID: in.RequestID}
	for _, id := range records {
		content.Records = append(content.Records, audit.Record{ID: string(id)})
	}
	if err := appendLeaves(tx, a.now, map[comity.State]audit.Content{in.Actor.State: content}); err != nil {
		return err
	}
	return a.appendApart(tx)
}
