package exchange

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// effectWithdraw has a state's custodian destroy the key of a case when its
// withdrawal is due. Its record is the withdrawal.
const effectWithdraw = "withdraw"

// withdrawalText is the sealed part of a withdrawal: the statement, which has
// the officers' reason in it, waits sealed until its time.
type withdrawalText struct {
	Statement string `json:"statement"`
	comity.DomesticText
}

// bindWithdrawal leaves out when it is due, which the statement itself says.
func bindWithdrawal(w comity.Withdrawal) []byte {
	return bind("withdrawal", w.ID, w.Case, w.State, w.ProposedBy, w.ApprovedBy)
}

// withdraw carries out a withdrawal that is due. The register is first, then the
// key, then the database; interrupted anywhere it is resumed here.
func (x *Exchange) withdraw(ctx context.Context, e storage.Effect) error {
	var row storage.Withdrawal
	var wrapped string
	err := x.db.Write(ctx, func(tx storage.Tx) (err error) {
		if row, err = tx.LockWithdrawal(e.ID); err != nil {
			return err
		}
		if row.State != e.State {
			return forgedEffect(e, "the withdrawal is one of "+string(row.State))
		}
		if _, err := ownCase(tx, row.Case, e); err != nil {
			return err
		}
		keys, err := tx.RecordKeys([]comity.ID{row.Case})
		wrapped = keys[row.Case][row.State]
		return err
	})
	if err != nil {
		return err
	}
	keys, err := x.custodian(row.State)
	if err != nil {
		return err
	}
	if row.Status == comity.WithdrawalPending {
		if err := x.destroy(ctx, keys, row, wrapped); err != nil {
			return err
		}
	}
	word, err := keys.Entered(ctx, row.Case)
	if err != nil {
		return err
	}
	x.registers.forget()
	x.keys.drop(row.Case)
	return x.db.Write(ctx, func(tx storage.Tx) error {
		switch {
		case word.Withdrawn:
			err = x.withdrawn(tx, row)
		case slices.Contains(word.Cancelled, row.ID):
			_, err = once(tx.EndWithdrawal(row.ID, comity.WithdrawalCancelled, "", tx.Now()))
		case row.Status == comity.WithdrawalPending:
			err = fmt.Errorf("exchange: the register knows neither of the end of the withdrawal %s nor of its cancellation", row.ID)
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

// destroy asks the custodian. That the case is withdrawn or the withdrawal
// cancelled by now is no fault: the register then says which.
func (x *Exchange) destroy(ctx context.Context, keys custodian.Custodian, row storage.Withdrawal, wrapped string) error {
	key, err := keys.RecordKey(ctx, row.Case, wrapped) // never from memory: it may be gone
	if comity.CodeOf(err) == comity.CodeNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	opener, err := wordKeyOf(key)
	if err != nil {
		return err
	}
	var text withdrawalText
	if err := unseal(opener, bindWithdrawal(row.Withdrawal), row.Sealed, &text); err != nil {
		return err
	}
	if err := keys.Withdraw(ctx, text.Statement); err != nil && comity.CodeOf(err) != comity.CodeConflict {
		return err // not due by the custodian's clock, held, or away: later
	}
	return nil
}

// withdrawn leaves the tombstone of a case whose key is destroyed.
func (x *Exchange) withdrawn(tx storage.Tx, row storage.Withdrawal) error {
	c, err := tx.LockCase(row.Case)
	if err != nil {
		return err
	}
	now := tx.Now().UTC()
	a := &attempt{x: x, action: sovereignty.CaseWithdraw, now: now}
	if err := tx.EndWithdrawal(row.ID, comity.WithdrawalDone, "", now); err != nil && !isAbsent(err) {
		return err
	}
	if c.Status == comity.CaseWithdrawn {
		return nil
	}
	ended, err := tx.EndGrants(c.ID, now)
	if err != nil {
		return err
	}
	content := audit.Content{Act: caseWithdrawn, Outcome: audit.Done, At: now, Policies: x.policies.Hash(), Article: comity.ArticleTerm,
		Actor: audit.Actor{State: row.State, Ref: row.ApprovedBy}, Records: []audit.Record{{ID: string(c.ID)}, {ID: string(row.ID)}}}
	for _, g := range ended {
		a.tellEnded(g)
		content.Records = append(content.Records, audit.Record{ID: string(g.ID)})
	}
	c.Status, c.Sealed, c.UpdatedAt = comity.CaseWithdrawn, nil, now
	c.Version++
	if err := tx.UpdateCase(c, c.Version-1); err != nil {
		return err
	}
	if err := appendLeaves(tx, now, map[comity.State]audit.Content{row.State: content}); err != nil {
		return err
	}
	return a.appendApart(tx)
}

// caseWithdrawn is what the record of acts calls the destruction of a case's key.
const caseWithdrawn = "caseWithdrawn"
