package exchange

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// LiftReservation ends the reservation of a case (Article 4). It takes two
// officers of the authority: the first proposes, the second approves by the same
// act. The grants that ended do not revive.
type LiftReservation struct {
	twoOfficers
	Key  string             `json:"-"`
	Case comity.ID          `json:"case"`
	Body statement.LiftBody `json:"body"`
	Act  string             `json:"-"`

	Statement string `json:"-"` // the state's signed lifting; "" of a proposal

	changeCase
	canonical json.RawMessage
	judged    int // the version of the case when it was signed
}

func (l *LiftReservation) about() (sovereignty.Action, string, any) {
	return sovereignty.CaseReserveLift, l.Key, []any{l.Proposal, l.Case, l.Body}
}

func (l *LiftReservation) name() proposalName {
	return proposalName{statement.ActCaseReserveLift, statement.KindLifting, l.Case, l.Case, l.canonical}
}

func (l *LiftReservation) judge(tx storage.ReadTx, a *attempt) error {
	_, canonical, err := a.verify(l.Act, statement.ActCaseReserveLift, l.Case, l.Body)
	if err != nil {
		return err
	}
	l.canonical = canonical
	l.view, err = a.actOnCaseAs(tx, l.Case, func(storage.CaseView) (sovereignty.Circumstances, error) { return l.pair(tx, a) })
	if err != nil {
		return err
	}
	if !l.view.Reserved {
		return comity.Conflict("the case is not reserved").CuredBy("there is nothing to do; a reserved category is lifted as such")
	}
	return first(checkReason(l.Body.Reason), l.check(a, comity.ArticleDomesticReservation, l.name()))
}

// pair gives the circumstances of every act that two officers sign.
func (p *twoOfficers) pair(tx storage.ReadTx, a *attempt) (sovereignty.Circumstances, error) {
	err := p.find(tx, a)
	return sovereignty.Circumstances{Signed: true, Proposed: p.Proposal == "", Second: p.byAnother(a)}, err
}

func (l *LiftReservation) prepare(ctx context.Context, a *attempt) error {
	if l.Proposal == "" {
		return l.propose(ctx, a, l.name(), l.Act)
	}
	if err := l.changeCase.open(ctx, a); err != nil {
		return err
	}
	l.judged = l.view.Version
	o, err := l.order(ctx, a, l.name(), l.Act)
	if err != nil {
		return err
	}
	l.Statement, err = a.signEnd(ctx, l.view.State, o, intent{Proposal: l.Proposal})
	return err
}

func (l *LiftReservation) commit(tx storage.Tx, a *attempt) error {
	if l.Proposal == "" {
		return l.keepProposed(tx, a, l.name())
	}
	// What came between can be another reservation, which this does not lift: the
	// register knows, and the database follows it.
	if l.view.Version != l.judged {
		return storage.ErrConflict
	}
	if err := l.write(tx, a, false, func(c *comity.Case, _ *comity.CaseText) { c.Reserved = false }); err != nil {
		return err
	}
	if err := first(l.keepApproved(tx, a), a.settled(tx, l.Case)); err != nil {
		return err
	}
	return tx.AddEffect(apply(l.Case, l.view.State, l.Statement, a.now))
}

func (l *LiftReservation) finish(ctx context.Context, a *attempt) error {
	if l.Statement == "" {
		return nil
	}
	return a.enter(ctx, l.Case, l.view.State, l.Statement)
}

// repeat answers a proposal with its id, and has a lifting signed once more.
func (l *LiftReservation) repeat(ctx context.Context, a *attempt, ids []comity.ID) (err error) {
	l.Statement, err = l.again(ctx, a, ids, l.name(), l.Act)
	return err
}

// again takes the proposal that an earlier run ended in, or has what was
// approved signed once more: the first statement went out with an answer that
// was lost.
func (p *twoOfficers) again(ctx context.Context, a *attempt, ids []comity.ID, n proposalName, act string) (string, error) {
	if proposed(ids) {
		p.Proposed = ids[0]
		return "", nil
	}
	keys, err := a.x.custodian(a.who.Officer.State)
	if err != nil {
		return "", err
	}
	o, err := p.order(ctx, a, n, act)
	if err != nil {
		return "", err
	}
	return keys.Sign(ctx, o)
}

// LiftCategory ends the reservation of a category, as [LiftReservation] that of a case.
type LiftCategory struct {
	twoOfficers
	Key         string                 `json:"-"`
	Reservation comity.ID              `json:"reservation"`
	Body        statement.CategoryBody `json:"body"`
	Act         string                 `json:"-"`

	Statement string `json:"-"`

	row       storage.Reservation
	canonical json.RawMessage
}

func (l *LiftCategory) about() (sovereignty.Action, string, any) {
	return sovereignty.CategoryReserveLift, l.Key, []any{l.Proposal, l.Reservation, l.Body}
}

func (l *LiftCategory) name() proposalName {
	return proposalName{statement.ActCategoryReserveLift, statement.KindCategoryLifting, l.Reservation, l.Reservation, l.canonical}
}

func (l *LiftCategory) judge(tx storage.ReadTx, a *attempt) error {
	a.records = nil
	_, canonical, err := a.verify(l.Act, statement.ActCategoryReserveLift, l.Reservation, l.Body)
	if err != nil {
		return err
	}
	l.canonical = canonical
	row, found, err := a.reservation(tx, l.Reservation)
	if err != nil {
		return err
	}
	l.row = row
	a.on(string(l.Reservation))
	q := a.ownState()
	if q.Circumstances, err = l.pair(tx, a); err != nil {
		return err
	}
	q.Circumstances.Visible = found
	if err := a.decide(q); err != nil {
		return err
	}
	switch {
	case l.Body.Category != row.Category:
		return comity.Invalid("category", "the reservation is of another category; read it again")
	case !row.LiftedAt.IsZero():
		return comity.Conflict("the reservation is lifted already").CuredBy("there is nothing to do")
	}
	return first(checkReason(l.Body.Reason), l.check(a, comity.ArticleDomesticReservation, l.name()))
}

func (l *LiftCategory) prepare(ctx context.Context, a *attempt) error {
	if l.Proposal == "" {
		return l.propose(ctx, a, l.name(), l.Act)
	}
	o, err := l.order(ctx, a, l.name(), l.Act)
	if err != nil {
		return err
	}
	row := l.row
	l.Statement, err = a.signEnd(ctx, row.State, o, intent{Reservation: &row, Proposal: l.Proposal})
	return err
}

func (l *LiftCategory) commit(tx storage.Tx, a *attempt) error {
	if l.Proposal == "" {
		return l.keepProposed(tx, a, l.name())
	}
	a.made = []comity.ID{l.Reservation}
	if err := first(tx.LiftReservation(l.Reservation, a.now), l.keepApproved(tx, a), a.settled(tx, l.Reservation)); err != nil {
		return err
	}
	return tx.AddEffect(apply(l.Reservation, l.row.State, l.Statement, a.now))
}

func (l *LiftCategory) finish(ctx context.Context, a *attempt) error {
	if l.Statement == "" {
		return nil
	}
	return a.enter(ctx, l.Reservation, l.row.State, l.Statement)
}

func (l *LiftCategory) repeat(ctx context.Context, a *attempt, ids []comity.ID) (err error) {
	l.Statement, err = l.again(ctx, a, ids, l.name(), l.Act)
	return err
}

// lifted has the database follow a lifting of a case that the register knows
// of, unless the case changed since its word was asked for.
func (x *Exchange) lifted(tx storage.Tx, c changeCase, in intent) error {
	found, err := tx.LockCase(c.view.ID)
	if err != nil || !found.Reserved {
		return err
	}
	if found.Version != c.view.Version {
		return storage.ErrConflict
	}
	c.view.Case = found
	a := x.after(tx, in)
	if err := c.write(tx, a, false, func(c *comity.Case, _ *comity.CaseText) { c.Reserved = false }); err != nil {
		return err
	}
	if err := a.approved(tx, in, found.State, found.ID); err != nil {
		return err
	}
	return a.write(tx, in, found.ID)
}

// approved writes down what became of the proposal of an act that is followed. What
// the outbox names and is no waiting proposal of that record stays as it is.
func (a *attempt) approved(tx storage.Tx, in intent, s comity.State, record comity.ID) error {
	if in.Proposal == "" {
		return nil
	}
	p, err := tx.LockProposal(in.Proposal)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return nil
	case err != nil || p.Status != comity.ProposalProposed || p.State != s || p.Record != record:
		return err
	}
	return tx.DecideProposal(in.Proposal, comity.ProposalApproved, in.Actor.Ref, a.now, nil)
}
