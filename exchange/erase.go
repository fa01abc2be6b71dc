package exchange

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// EraseLog erases the own state's openings of the record of acts from before an
// instant (Article 14). It takes two officers of the authority, as
// [LiftReservation] does. The openings go in batches once it is approved; their
// leaves stay, and verify as before.
type EraseLog struct {
	twoOfficers
	Key  string              `json:"-"`
	Body statement.EraseBody `json:"body"` // with the erasure's id, which the first officer's client chooses
	Act  string              `json:"-"`

	Statement string `json:"-"` // the state's signed erasure; "" of a proposal

	row       storage.Erasure
	wrapped   string // record key of the erasure, made by who proposes it
	canonical json.RawMessage
}

// erasureText is the sealed part of an erasure.
type erasureText struct {
	Statement string `json:"statement"`
	comity.DomesticText
}

// bindErasure binds an erasure's words to what was decided, not to how far it came.
func bindErasure(e comity.Erasure) []byte {
	return bind("erasure", e.ID, e.State, e.Before.UTC().Unix(), e.ProposedBy, e.ApprovedBy)
}

func (e *EraseLog) about() (sovereignty.Action, string, any) {
	return sovereignty.LogErase, e.Key, []any{e.Proposal, e.Body}
}

func (e *EraseLog) name() proposalName {
	return proposalName{statement.ActLogErase, statement.KindErasure, e.Body.ID, e.Body.ID, e.canonical}
}

func (e *EraseLog) judge(tx storage.ReadTx, a *attempt) error {
	a.records = nil
	_, canonical, err := a.verify(e.Act, statement.ActLogErase, e.Body.ID, e.Body)
	if err != nil {
		return err
	}
	e.canonical = canonical
	a.on(string(e.Body.ID))
	before := time.Unix(e.Body.Before, 0).UTC()
	q := a.ownState()
	if q.Circumstances, err = e.pair(tx, a); err != nil {
		return err
	}
	q.Circumstances.Aged = !before.After(a.now.Add(-comity.ErasureAge))
	if err := a.decide(q); err != nil {
		return err
	}
	if _, err := comity.ParseID(string(e.Body.ID), comity.KindErasure); err != nil {
		return err
	}
	if e.Body.Before <= 0 {
		return comity.Invalid("before", "name the instant up to which openings are erased")
	}
	made, err := tx.ErasuresByID(a.who.Officer.State, []comity.ID{e.Body.ID})
	if err != nil {
		return err
	}
	if _, ok := made[e.Body.ID]; ok {
		return errErasure
	}
	return first(checkReason(e.Body.Reason), e.check(a, comity.ArticleAccountability, e.name()))
}

var errErasure = comity.Conflict("no erasure can be made under this id").CuredBy("have it proposed anew under another id")

// prepare has the erasure signed, by the key that its proposal made.
func (e *EraseLog) prepare(ctx context.Context, a *attempt) error {
	keys, err := a.x.custodian(a.who.Officer.State)
	if err != nil {
		return err
	}
	if e.Proposal == "" {
		if e.wrapped, e.key, err = newWordKey(ctx, keys, e.Body.ID); err != nil {
			return err
		}
		return e.propose(ctx, a, e.name(), e.Act)
	}
	o, err := e.order(ctx, a, e.name(), e.Act)
	if err != nil {
		return err
	}
	if e.Statement, err = keys.Sign(ctx, o); err != nil {
		return err
	}
	e.row = storage.Erasure{Erasure: comity.Erasure{ID: e.Body.ID, State: a.who.Officer.State, Before: time.Unix(e.Body.Before, 0).UTC(),
		Status: comity.ErasureRunning, ProposedBy: e.found.Officer, ApprovedBy: a.who.Officer.Ref()}}
	e.row.Sealed, err = seal(e.key, bindErasure(e.row.Erasure), erasureText{e.Statement, comity.DomesticText{Reason: e.Body.Reason}})
	return err
}

func (e *EraseLog) commit(tx storage.Tx, a *attempt) error {
	if e.Proposal == "" {
		err := tx.InsertRecordKey(e.Body.ID, a.who.Officer.State, e.wrapped)
		if errors.Is(err, storage.ErrExists) {
			return errErasure
		}
		return first(err, e.keepProposed(tx, a, e.name()))
	}
	e.row.CreatedAt = a.now
	a.made = []comity.ID{e.Body.ID}
	err := tx.InsertErasure(e.row)
	if errors.Is(err, storage.ErrExists) {
		return errErasure
	}
	if err := first(err, e.keepApproved(tx, a)); err != nil {
		return err
	}
	return tx.AddEffect(storage.Effect{ID: e.row.ID, Kind: effectErase, State: e.row.State, NotBefore: a.now})
}

func (e *EraseLog) finish(context.Context, *attempt) error { return nil }

// repeat answers a proposal with its id, and an erasure with its statement as it was
// written down.
func (e *EraseLog) repeat(ctx context.Context, a *attempt, ids []comity.ID) error {
	if proposed(ids) {
		e.Proposed = ids[0]
		return nil
	}
	var row storage.Erasure
	err := a.x.db.Read(ctx, func(tx storage.ReadTx) error {
		found, err := tx.ErasuresByID(a.who.Officer.State, ids)
		row = found[e.Body.ID]
		return err
	})
	if err != nil || row.ID == "" {
		return err
	}
	if err := e.open(ctx, a, e.name()); err != nil {
		return err
	}
	var text erasureText
	if err := unseal(e.key, bindErasure(row.Erasure), row.Sealed, &text); err != nil {
		return err
	}
	e.Statement = text.Statement
	return nil
}
