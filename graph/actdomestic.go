package graph

import (
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
)

type caseReserveLiftInput struct {
	IdempotencyKey              string
	Case, Reason, Proposal, Act string
}

type categoryReserveInput struct {
	IdempotencyKey  string
	ID, Reason, Act string
	Category        comity.Category
}

type categoryReserveLiftInput struct {
	IdempotencyKey                     string
	Reservation, Reason, Proposal, Act string
	Category                           comity.Category
}

type holdPlaceInput struct {
	IdempotencyKey                 string
	ID, Case, Reason, Request, Act string
	NotAfter                       *time.Time
}

type holdReleaseInput struct {
	IdempotencyKey          string
	Hold, Case, Reason, Act string
}

type caseWithdrawInput struct {
	IdempotencyKey                  string
	ID, Case, Reason, Proposal, Act string
}

type caseWithdrawCancelInput struct {
	IdempotencyKey                string
	Withdrawal, Case, Reason, Act string
}

// domesticResult is what is told of acts on what a state keeps to itself.
type domesticResult struct {
	proposed, record comity.ID
	dueAt            time.Time
}

// optionalID reads an id that may be left out.
func optionalID(field, s string, kind comity.Kind) (comity.ID, error) {
	if s == "" {
		return "", nil
	}
	return parseID(field, s, kind)
}

// twoIDs reads the id of a record of a kind and that of its case.
func twoIDs(field, s string, kind comity.Kind, of string) (id, caseID comity.ID, err error) {
	if id, err = parseID(field, s, kind); err != nil {
		return "", "", err
	}
	caseID, err = parseID("case", of, comity.KindCase)
	return id, caseID, err
}

func (b *binding) domesticActs() {
	act(b, "caseReserveLift", nil, func(in caseReserveLiftInput) (*exchange.LiftReservation, error) {
		a := &exchange.LiftReservation{Key: in.IdempotencyKey, Body: statement.LiftBody{Reason: in.Reason}, Act: in.Act}
		var err error
		if a.Case, err = parseID("case", in.Case, comity.KindCase); err != nil {
			return nil, err
		}
		a.Proposal, err = optionalID("proposal", in.Proposal, comity.KindProposal)
		return a, err
	}, func(a *exchange.LiftReservation, p *payload) {
		p.id, p.statement, p.result = a.Case, a.Statement, domesticResult{proposed: a.Proposed}
	})

	act(b, "categoryReserve", nil, func(in categoryReserveInput) (*exchange.ReserveCategory, error) {
		id, err := parseID("id", in.ID, comity.KindReservation)
		return &exchange.ReserveCategory{Key: in.IdempotencyKey, ID: id, Body: statement.CategoryBody{Category: in.Category, Reason: in.Reason}, Act: in.Act}, err
	}, func(a *exchange.ReserveCategory, p *payload) {
		p.ids, p.statement, p.result = a.Ended, a.Statement, domesticResult{record: a.ID}
	})

	act(b, "categoryReserveLift", nil, func(in categoryReserveLiftInput) (*exchange.LiftCategory, error) {
		a := &exchange.LiftCategory{Key: in.IdempotencyKey, Body: statement.CategoryBody{Category: in.Category, Reason: in.Reason}, Act: in.Act}
		var err error
		if a.Reservation, err = parseID("reservation", in.Reservation, comity.KindReservation); err != nil {
			return nil, err
		}
		a.Proposal, err = optionalID("proposal", in.Proposal, comity.KindProposal)
		return a, err
	}, func(a *exchange.LiftCategory, p *payload) {
		p.statement, p.result = a.Statement, domesticResult{proposed: a.Proposed, record: a.Reservation}
	})

	act(b, "holdPlace", nil, func(in holdPlaceInput) (*exchange.PlaceHold, error) {
		id, of, err := twoIDs("id", in.ID, comity.KindHold, in.Case)
		if err != nil {
			return nil, err
		}
		body := statement.HoldBody{ID: id, Reason: in.Reason}
		if body.Request, err = optionalID("request", in.Request, comity.KindRequest); err != nil {
			return nil, err
		}
		if in.NotAfter != nil {
			body.NotAfter, err = seconds("notAfter", *in.NotAfter)
		}
		return &exchange.PlaceHold{Key: in.IdempotencyKey, Case: of, Body: body, Act: in.Act}, err
	}, func(a *exchange.PlaceHold, p *payload) {
		p.statement, p.result = a.Statement, domesticResult{record: a.Body.ID}
	})

	act(b, "holdRelease", nil, func(in holdReleaseInput) (*exchange.ReleaseHold, error) {
		id, of, err := twoIDs("hold", in.Hold, comity.KindHold, in.Case)
		return &exchange.ReleaseHold{Key: in.IdempotencyKey, Hold: id, Body: statement.HoldReleaseBody{Case: of, Reason: in.Reason}, Act: in.Act}, err
	}, func(a *exchange.ReleaseHold, p *payload) {
		p.statement, p.result = a.Statement, domesticResult{record: a.Hold}
	})

	act(b, "caseWithdraw", nil, func(in caseWithdrawInput) (*exchange.WithdrawCase, error) {
		id, of, err := twoIDs("id", in.ID, comity.KindWithdrawal, in.Case)
		if err != nil {
			return nil, err
		}
		a := &exchange.WithdrawCase{Key: in.IdempotencyKey, Case: of, Body: statement.WithdrawBody{ID: id, Reason: in.Reason}, Act: in.Act}
		a.Proposal, err = optionalID("proposal", in.Proposal, comity.KindProposal)
		return a, err
	}, func(a *exchange.WithdrawCase, p *payload) {
		p.statement, p.result = a.Statement, domesticResult{proposed: a.Proposed, record: a.Body.ID, dueAt: a.DueAt}
	})

	act(b, "caseWithdrawCancel", nil, func(in caseWithdrawCancelInput) (*exchange.CancelWithdrawal, error) {
		id, of, err := twoIDs("withdrawal", in.Withdrawal, comity.KindWithdrawal, in.Case)
		return &exchange.CancelWithdrawal{Key: in.IdempotencyKey, Withdrawal: id, Body: statement.WithdrawCancelBody{Case: of, Reason: in.Reason}, Act: in.Act}, err
	}, func(a *exchange.CancelWithdrawal, p *payload) {
		p.statement, p.result = a.Statement, domesticResult{record: a.Withdrawal}
	})
}
