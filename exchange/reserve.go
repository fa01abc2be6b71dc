package exchange

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// ReserveCase withdraws a case from sharing as a domestic matter (Article 4):
// it is invisible outside the state and ungrantable, and its running grants
// end. They do not revive.
type ReserveCase struct {
	Key             string                `json:"-"`
	Case            comity.ID             `json:"case"`
	ExpectedVersion int                   `json:"expectedVersion"`
	Body            statement.ReserveBody `json:"body"`
	Act             string                `json:"-"`

	Ended     []comity.ID `json:"-"` // the grants that ended
	Statement string      `json:"-"` // the state's signed reservation

	changeCase
	canonical json.RawMessage
}

func (r *ReserveCase) about() (sovereignty.Action, string, any) {
	return sovereignty.CaseReserve, r.Key, r
}

func (r *ReserveCase) judge(tx storage.ReadTx, a *attempt) error {
	_, canonical, err := a.verify(r.Act, statement.ActCaseReserve, r.Case, r.Body)
	if err != nil {
		return err
	}
	r.canonical = canonical
	r.view, err = a.actOnCase(tx, r.Case, sovereignty.Circumstances{Signed: true})
	if err != nil {
		return err
	}
	if r.view.Reserved {
		return comity.Conflict("the case is reserved already")
	}
	// Once it is signed it is in the register, whatever came between.
	if r.view.Version != r.ExpectedVersion && r.Statement == "" {
		return comity.Conflict("the case changed meanwhile; read it again")
	}
	if strings.TrimSpace(r.Body.Reason) == "" || len(r.Body.Reason) > maxObjection {
		return comity.Invalid("reason", "a reservation has a reason, kept within the state")
	}
	return checkText("reason", r.Body.Reason)
}

func (r *ReserveCase) prepare(ctx context.Context, a *attempt) (err error) {
	if err := r.open(ctx, a); err != nil {
		return err
	}
	r.Statement, err = a.signEnd(ctx, r.view.State, custodian.SignOrder{Asker: a.asker(r.Act), Kind: statement.KindReservation,
		ID: r.Case, Record: r.Case, Body: r.canonical}, intent{})
	return err
}

func (r *ReserveCase) commit(tx storage.Tx, a *attempt) error {
	ended, err := tx.EndGrants(r.Case, a.now)
	if err != nil {
		return err
	}
	r.Ended = nil
	for _, g := range ended {
		r.Ended = append(r.Ended, g.ID)
		a.on(string(g.ID))
		a.tellEnded(g)
	}
	// Not a change that is seen abroad: the case simply is no longer there.
	err = r.write(tx, a, false, func(c *comity.Case, _ *comity.CaseText) { c.Reserved = true })
	if err != nil {
		return err
	}
	if err := a.settled(tx, r.Case); err != nil {
		return err
	}
	return tx.AddEffect(apply(r.Case, r.view.State, r.Statement, a.now))
}

func (r *ReserveCase) finish(ctx context.Context, a *attempt) error {
	return a.enter(ctx, r.Case, r.view.State, r.Statement)
}

// repeat has the reservation signed once more, unless it was lifted since.
func (r *ReserveCase) repeat(ctx context.Context, a *attempt, _ []comity.ID) error {
	if !r.view.Reserved {
		return errLifted.CuredBy("reserve the case anew, under another key")
	}
	return signAgain(ctx, a, r)
}
