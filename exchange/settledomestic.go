package exchange

import (
	"context"
	"errors"
	"slices"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// following is how the database follows the register in one act.
type following struct {
	// word asks the register and says whether there is something to follow.
	word func(ctx context.Context, keys custodian.Custodian, e storage.Effect, in intent) (bool, error)
	// write has the database follow, and gives the records that the act is about;
	// none when it had followed before.
	write func(tx storage.Tx, a *attempt, e storage.Effect, in intent) ([]comity.ID, error)
}

// domestic are the acts on what a state keeps to itself.
var domestic = map[sovereignty.Action]following{
	sovereignty.CategoryReserve: {
		func(ctx context.Context, keys custodian.Custodian, _ storage.Effect, in intent) (bool, error) {
			word, err := keys.EnteredCategory(ctx, in.Reservation.Category)
			return word.Ended, err
		},
		func(tx storage.Tx, a *attempt, _ storage.Effect, in intent) ([]comity.ID, error) {
			if err := tx.LockState(in.Reservation.State); err != nil {
				return nil, err
			}
			ended, err := a.reserveCategory(tx, *in.Reservation, in.Wrapped)
			if errors.Is(err, errReservation) {
				return nil, nil
			}
			records := []comity.ID{in.Reservation.ID}
			for _, g := range ended {
				records = append(records, g.ID)
			}
			return records, err
		},
	},
	sovereignty.CategoryReserveLift: {
		func(ctx context.Context, keys custodian.Custodian, _ storage.Effect, in intent) (bool, error) {
			word, err := keys.EnteredCategory(ctx, in.Reservation.Category)
			return word.Lifted, err
		},
		func(tx storage.Tx, a *attempt, e storage.Effect, in intent) ([]comity.ID, error) {
			if err := first(tx.LockState(in.Reservation.State), ownReservation(tx, e, in)); err != nil {
				return nil, err
			}
			records, err := once(tx.LiftReservation(e.ID, a.now), e.ID)
			if err == nil {
				err = a.approved(tx, in, in.Reservation.State, e.ID)
			}
			return records, err
		},
	},
	sovereignty.HoldPlace: {
		func(ctx context.Context, keys custodian.Custodian, e storage.Effect, in intent) (bool, error) {
			word, err := keys.Entered(ctx, in.Hold.Case)
			return slices.Contains(word.Held, e.ID), err
		},
		func(tx storage.Tx, _ *attempt, e storage.Effect, in intent) ([]comity.ID, error) {
			if err := tx.LockState(in.Hold.State); err != nil {
				return nil, err
			}
			if _, err := ownCase(tx, in.Hold.Case, e); err != nil {
				return nil, err
			}
			return once(tx.InsertHold(*in.Hold), in.Hold.Case, e.ID)
		},
	},
	sovereignty.HoldRelease: {
		func(ctx context.Context, keys custodian.Custodian, e storage.Effect, in intent) (bool, error) {
			word, err := keys.Entered(ctx, in.Case)
			return slices.Contains(word.Released, e.ID), err
		},
		func(tx storage.Tx, a *attempt, e storage.Effect, in intent) ([]comity.ID, error) {
			if _, err := ownCase(tx, in.Case, e); err != nil {
				return nil, err
			}
			h, err := tx.LockHold(e.ID)
			if err != nil {
				return once(err)
			}
			if h.Case != in.Case || h.State != e.State {
				return nil, forgedEffect(e, "the hold is on another case")
			}
			return once(tx.ReleaseHold(e.ID, in.Actor.Ref, a.now), e.ID)
		},
	},
	sovereignty.ContributionWithdraw: followEnd(func(tx storage.Tx, a *attempt, e storage.Effect, by comity.OfficerRef) error {
		if _, err := tx.ContributionOf(e.State, e.ID); err != nil {
			return err
		}
		return tx.WithdrawRelease(e.ID, by, a.now)
	}),
	sovereignty.StandingEnd: followEnd(func(tx storage.Tx, a *attempt, e storage.Effect, by comity.OfficerRef) error {
		if _, err := tx.StandingByID(e.State, e.ID); err != nil {
			return err
		}
		return tx.EndStanding(e.ID, by, a.now)
	}),
	sovereignty.CaseWithdrawCancel: {
		func(ctx context.Context, keys custodian.Custodian, e storage.Effect, in intent) (bool, error) {
			word, err := keys.Entered(ctx, in.Case)
			return slices.Contains(word.Cancelled, e.ID), err
		},
		func(tx storage.Tx, a *attempt, e storage.Effect, in intent) ([]comity.ID, error) {
			if _, err := ownCase(tx, in.Case, e); err != nil {
				return nil, err
			}
			w, err := tx.LockWithdrawal(e.ID)
			if err != nil {
				return once(err)
			}
			if w.Case != in.Case || w.State != e.State {
				return nil, forgedEffect(e, "the withdrawal is another case's")
			}
			return once(tx.EndWithdrawal(e.ID, comity.WithdrawalCancelled, in.Actor.Ref, a.now), e.ID)
		},
	},
}

// followEnd has the database follow the end of a contribution or a standing grant.
func followEnd(end func(tx storage.Tx, a *attempt, e storage.Effect, by comity.OfficerRef) error) following {
	return following{
		func(ctx context.Context, keys custodian.Custodian, e storage.Effect, _ intent) (bool, error) {
			word, err := keys.Entered(ctx, e.ID)
			return word.Ended, err
		},
		func(tx storage.Tx, a *attempt, e storage.Effect, in intent) ([]comity.ID, error) {
			ended, err := a.endUnder(tx, e.ID, end(tx, a, e, in.Actor.Ref))
			if errors.Is(err, storage.ErrConflict) {
				return nil, nil // it had followed before
			}
			return append([]comity.ID{e.ID}, ended...), err
		},
	}
}

// once takes it for done when a row was as it is to be.
func once(err error, records ...comity.ID) ([]comity.ID, error) {
	if isAbsent(err) || errors.Is(err, storage.ErrExists) {
		return nil, nil
	}
	return records, err
}

func (x *Exchange) settleDomestic(ctx context.Context, e storage.Effect, in intent, keys custodian.Custodian, follow following) error {
	found, err := follow.word(ctx, keys, e, in)
	if err != nil {
		return err
	}
	return x.db.Write(ctx, func(tx storage.Tx) error {
		if found {
			a := x.after(tx, in)
			records, err := follow.write(tx, a, e, in)
			if err != nil {
				return err
			}
			if len(records) > 0 {
				if err := a.write(tx, in, records...); err != nil {
					return err
				}
			}
		}
		if err := tx.DoneEffect(e.Seq); !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		return nil // another server was as fast
	})
}
