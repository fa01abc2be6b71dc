package exchange

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// maxAhead is how far ahead a shift begins at most.
const maxAhead = 366 * 24 * time.Hour

// SetShift puts a liaison of the own state on duty for a stretch of time, by a
// signed act of its authority (Article 8). Shifts of one state never overlap.
type SetShift struct {
	Key  string             `json:"-"`
	Body statement.DutyBody `json:"body"`
	Act  string             `json:"-"`

	Statement string `json:"-"` // the state's signed shift

	canonical json.RawMessage
	row       comity.Shift
	wrapped   string
	key       wordKey
}

func (s *SetShift) about() (sovereignty.Action, string, any) { return sovereignty.DutySet, s.Key, s }

func (s *SetShift) judge(tx storage.ReadTx, a *attempt) error {
	_, canonical, err := a.verify(s.Act, statement.ActDutySet, s.Body.ID, s.Body)
	if err != nil {
		return err
	}
	s.canonical = canonical
	a.on(string(s.Body.ID))
	q := a.ownState()
	q.Circumstances.Signed = true
	if err := a.decide(q); err != nil {
		return err
	}
	own := a.who.Officer.State
	if w, ok := tx.(storage.Tx); ok { // so that of two shifts at once the second finds the first
		if err := w.LockState(own); err != nil {
			return err
		}
	}
	switch _, err := tx.ShiftByID(own, s.Body.ID); {
	case err == nil:
		return errShift
	case !errors.Is(err, storage.ErrNotFound):
		return err
	}
	if err := s.check(tx, a); err != nil {
		return err
	}
	overlaps, err := tx.Shifted(own, s.row.From, s.row.Until)
	if err == nil && overlaps {
		err = comity.Conflict("another shift of the state lies in that time").CuredBy("choose another time, or withdraw the other shift first; see the roster")
	}
	return err
}

var errShift = comity.Conflict("no shift can be set under this id").CuredBy("choose another id")

// check takes what lies ahead, of a liaison who was seen here.
func (s *SetShift) check(tx storage.ReadTx, a *attempt) error {
	b, own := s.Body, a.who.Officer.State
	if _, err := comity.ParseID(string(b.ID), comity.KindShift); err != nil {
		return err
	}
	if !b.Officer.Valid() || b.Officer.State() != own {
		return comity.Invalid("officer", "on duty is a liaison of the own state")
	}
	if err := ownOfficer(tx, "officer", b.Officer, comity.RoleLiaison); err != nil {
		return err
	}
	from, until := time.Unix(b.From, 0).UTC(), time.Unix(b.Until, 0).UTC()
	switch {
	case from.Before(a.now.Add(-statement.Freshness)): // the seconds between an officer's clock and the server's
		return comity.Invalid("from", "a shift does not begin in the past: who was on duty is not changed afterwards")
	case from.After(a.now.Add(maxAhead)):
		return comity.Invalid("from", "a shift begins within a year")
	case !until.After(from) || !until.After(a.now):
		return comity.Invalid("until", "a shift ends after it begins")
	case until.Sub(from) > comity.MaxShift:
		return comity.Invalid("until", "a shift lasts 31 days at most")
	}
	if err := comity.CheckContact(b.Contact); err != nil {
		return err
	}
	m, err := a.x.dir.State(own)
	if err != nil {
		return err
	}
	if b.Contact == "" && m.Contact == "" {
		return comity.Invalid("contact", "the manifest of the state names no standing contact: say where the officer on duty is reached")
	}
	seen, err := tx.OfficersSeen([]comity.OfficerRef{b.Officer})
	s.row = comity.Shift{ID: b.ID, State: own, Officer: b.Officer, Function: seen[b.Officer].Function, From: from, Until: until,
		SetBy: a.who.Officer.Ref(), CreatedAt: a.now}
	return err
}

func (s *SetShift) prepare(ctx context.Context, a *attempt) error {
	keys, err := a.x.custodian(s.row.State)
	if err != nil {
		return err
	}
	if s.wrapped, s.key, err = newWordKey(ctx, keys, s.row.ID); err != nil {
		return err
	}
	s.Statement, err = keys.Sign(ctx, custodian.SignOrder{Asker: a.asker(s.Act), Kind: statement.KindShift, ID: s.row.ID, Record: s.row.ID, Body: s.canonical})
	return err
}

func (s *SetShift) commit(tx storage.Tx, a *attempt) error {
	sealed, err := seal(s.key, bindShift(s.row), comity.ShiftText{Contact: s.Body.Contact, Statement: s.Statement})
	if err != nil {
		return err
	}
	a.on(string(s.row.Officer))
	a.made = []comity.ID{s.row.ID}
	err = tx.InsertShift(storage.Shift{Shift: s.row, Sealed: sealed}, s.wrapped)
	if errors.Is(err, storage.ErrExists) {
		return errShift
	}
	return err
}

func (s *SetShift) finish(context.Context, *attempt) error              { return nil }
func (s *SetShift) repeat(context.Context, *attempt, []comity.ID) error { return nil }

// bindShift binds a shift's words to what was said of it, not to what became of it.
func bindShift(s comity.Shift) []byte {
	return bind("shift", s.ID, s.State, s.Officer, s.Function, s.From.UTC().UnixMicro(), s.Until.UTC().UnixMicro(), s.SetBy)
}

// WithdrawShift takes a shift that is not over off the own state's roster, by
// its authority: at once, also one that runs. The standing contact answers then.
type WithdrawShift struct {
	Key   string    `json:"-"`
	Shift comity.ID `json:"shift"`
}

func (w *WithdrawShift) about() (sovereignty.Action, string, any) {
	return sovereignty.DutyWithdraw, w.Key, w
}

func (w *WithdrawShift) judge(tx storage.ReadTx, a *attempt) error {
	a.on(string(w.Shift))
	if err := a.decide(a.ownState()); err != nil {
		return err
	}
	own := a.who.Officer.State
	if locked, ok := tx.(storage.Tx); ok {
		if err := locked.LockState(own); err != nil {
			return err
		}
	}
	s, err := tx.ShiftByID(own, w.Shift)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return comity.NotFound()
	case err != nil:
		return err
	case !s.WithdrawnAt.IsZero():
		return comity.Conflict("the shift was withdrawn already")
	case !s.Until.After(a.now):
		return comity.Conflict("the shift is over")
	}
	return nil
}

func (w *WithdrawShift) prepare(context.Context, *attempt) error { return nil }

func (w *WithdrawShift) commit(tx storage.Tx, a *attempt) error {
	a.made = []comity.ID{w.Shift}
	return tx.WithdrawShift(w.Shift, a.who.Officer.Ref(), a.now)
}

func (w *WithdrawShift) finish(context.Context, *attempt) error              { return nil }
func (w *WithdrawShift) repeat(context.Context, *attempt, []comity.ID) error { return nil }
