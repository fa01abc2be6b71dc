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

// WithdrawCase has the key of a case destroyed 72 hours from now (Article 11).
// It takes two officers of the authority, as [LiftReservation] does; until its
// time any one of them cancels it, and it waits while a hold lies on the case.
type WithdrawCase struct {
	twoOfficers
	Key  string                 `json:"-"`
	Case comity.ID              `json:"case"`
	Body statement.WithdrawBody `json:"body"` // with the withdrawal's id, which the first officer's client chooses
	Act  string                 `json:"-"`

	Statement string    `json:"-"` // the state's signed withdrawal; "" of a proposal
	DueAt     time.Time `json:"-"`

	view      storage.CaseView
	row       storage.Withdrawal
	canonical json.RawMessage
}

func (w *WithdrawCase) about() (sovereignty.Action, string, any) {
	return sovereignty.CaseWithdraw, w.Key, []any{w.Proposal, w.Case, w.Body}
}

func (w *WithdrawCase) name() proposalName {
	return proposalName{statement.ActCaseWithdraw, statement.KindWithdrawal, w.Case, w.Body.ID, w.canonical}
}

func (w *WithdrawCase) judge(tx storage.ReadTx, a *attempt) error {
	_, canonical, err := a.verify(w.Act, statement.ActCaseWithdraw, w.Case, w.Body)
	if err != nil {
		return err
	}
	w.canonical = canonical
	w.view, err = a.actOnCaseAs(tx, w.Case, func(v storage.CaseView) (sovereignty.Circumstances, error) {
		c, err := w.pair(tx, a)
		if err == nil && v.ID != "" {
			c.Held, err = tx.Held(v.ID, a.now)
		}
		return c, err
	})
	if err != nil {
		return err
	}
	if _, err := comity.ParseID(string(w.Body.ID), comity.KindWithdrawal); err != nil {
		return err
	}
	pending, err := tx.Withdrawing(w.Case)
	if err != nil {
		return err
	}
	if pending {
		return comity.Conflict("the case is being withdrawn already").CuredBy("wait until its time, or cancel that withdrawal first")
	}
	a.on(string(w.Body.ID))
	return first(checkReason(w.Body.Reason), w.check(a, comity.ArticleTerm, w.name()))
}

// prepare has the withdrawal signed. Nothing is destroyed by that: the statement
// waits, sealed, until its time.
func (w *WithdrawCase) prepare(ctx context.Context, a *attempt) error {
	if w.Proposal == "" {
		return w.propose(ctx, a, w.name(), w.Act)
	}
	keys, err := a.x.custodian(w.view.State)
	if err != nil {
		return err
	}
	o, err := w.order(ctx, a, w.name(), w.Act)
	if err != nil {
		return err
	}
	if w.Statement, err = keys.Sign(ctx, o); err != nil {
		return err
	}
	s, err := a.x.dir.VerifyStatement(w.Statement)
	if err != nil {
		return err
	}
	w.DueAt = time.Unix(s.IssuedAt, 0).Add(statement.WithdrawalAge).UTC()
	w.row = storage.Withdrawal{Withdrawal: comity.Withdrawal{ID: w.Body.ID, Case: w.Case, State: w.view.State, ProposedBy: w.found.Officer,
		ApprovedBy: a.who.Officer.Ref(), DueAt: w.DueAt, Status: comity.WithdrawalPending}}
	w.row.Sealed, err = seal(w.key, bindWithdrawal(w.row.Withdrawal), withdrawalText{w.Statement, comity.DomesticText{Reason: w.Body.Reason}})
	return err
}

func (w *WithdrawCase) commit(tx storage.Tx, a *attempt) error {
	if w.Proposal == "" {
		return w.keepProposed(tx, a, w.name())
	}
	w.row.CreatedAt = a.now
	a.made = []comity.ID{w.Body.ID}
	err := tx.InsertWithdrawal(w.row)
	if errors.Is(err, storage.ErrExists) {
		return comity.Conflict("no withdrawal can be made under this id").CuredBy("have it proposed anew under another id")
	}
	if err != nil {
		return err
	}
	if err := w.keepApproved(tx, a); err != nil {
		return err
	}
	return tx.AddEffect(storage.Effect{ID: w.row.ID, Kind: effectWithdraw, State: w.row.State, NotBefore: w.DueAt})
}

func (w *WithdrawCase) finish(context.Context, *attempt) error { return nil }

// repeat answers a proposal with its id, and a withdrawal with its statement and
// time, as they were written down: nothing is signed anew, since it is carried out
// by that statement.
func (w *WithdrawCase) repeat(ctx context.Context, a *attempt, ids []comity.ID) error {
	if proposed(ids) {
		w.Proposed = ids[0]
		return nil
	}
	var row storage.Withdrawal
	err := a.x.db.Read(ctx, func(tx storage.ReadTx) error {
		found, err := tx.Withdrawals(storage.Viewer{Officer: a.who.Officer, At: tx.Now()}, ids)
		row = found[w.Body.ID]
		return err
	})
	w.DueAt = row.DueAt
	if err != nil || len(row.Sealed) == 0 {
		return err
	}
	if err := w.open(ctx, a, w.name()); err != nil {
		return err
	}
	var text withdrawalText
	if err := unseal(w.key, bindWithdrawal(row.Withdrawal), row.Sealed, &text); err != nil {
		return err
	}
	w.Statement = text.Statement
	return nil
}
