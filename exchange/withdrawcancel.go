package exchange

import (
	"context"
	"encoding/json"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// CancelWithdrawal ends a withdrawal before its time: any one officer of the
// authority does so.
type CancelWithdrawal struct {
	Key        string                       `json:"-"`
	Withdrawal comity.ID                    `json:"withdrawal"`
	Body       statement.WithdrawCancelBody `json:"body"`
	Act        string                       `json:"-"`

	Statement string `json:"-"`

	found     storage.Withdrawal
	canonical json.RawMessage
}

func (c *CancelWithdrawal) about() (sovereignty.Action, string, any) {
	return sovereignty.CaseWithdrawCancel, c.Key, c
}

func (c *CancelWithdrawal) judge(tx storage.ReadTx, a *attempt) error {
	_, canonical, err := a.verify(c.Act, statement.ActCaseWithdrawCancel, c.Withdrawal, c.Body)
	if err != nil {
		return err
	}
	find := func() (bool, error) {
		found, err := tx.Withdrawals(a.viewer(), []comity.ID{c.Withdrawal})
		c.found = found[c.Withdrawal]
		return c.found.ID != "", err
	}
	ok, err := find()
	if err != nil {
		return err
	}
	c.canonical = canonical
	if err := a.actOnDomestic(tx, c.Withdrawal, c.found.Case, ok); err != nil {
		return err
	}
	if _, err := find(); err != nil { // as it is now that its case is locked
		return err
	}
	switch {
	case c.Body.Case != c.found.Case:
		return comity.Invalid("case", "the withdrawal is of another case; read it again")
	case c.found.Status != comity.WithdrawalPending:
		return comity.Conflict("the withdrawal has ended already").CuredBy("there is nothing to do")
	}
	return checkReason(c.Body.Reason)
}

func (c *CancelWithdrawal) prepare(ctx context.Context, a *attempt) (err error) {
	c.Statement, err = a.signEnd(ctx, c.found.State, custodian.SignOrder{Asker: a.asker(c.Act), Kind: statement.KindCancellation,
		ID: c.Withdrawal, Record: c.found.Case, Body: c.canonical}, intent{Case: c.found.Case})
	return err
}

func (c *CancelWithdrawal) commit(tx storage.Tx, a *attempt) error {
	a.made = []comity.ID{c.Withdrawal}
	a.on(string(c.found.Case))
	if err := tx.EndWithdrawal(c.Withdrawal, comity.WithdrawalCancelled, a.who.Officer.Ref(), a.now); err != nil {
		return err
	}
	if err := a.settled(tx, c.Withdrawal); err != nil {
		return err
	}
	return tx.AddEffect(apply(c.Withdrawal, c.found.State, c.Statement, a.now))
}

func (c *CancelWithdrawal) finish(ctx context.Context, a *attempt) error {
	return a.enter(ctx, c.Withdrawal, c.found.State, c.Statement)
}

// repeat has the cancellation signed once more.
func (c *CancelWithdrawal) repeat(ctx context.Context, a *attempt, _ []comity.ID) error {
	return signAgain(ctx, a, c)
}
