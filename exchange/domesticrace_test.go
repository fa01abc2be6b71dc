package exchange_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/storage"
)

// raced is two servers over one database and one register, and the officers of
// Kazakhstan at each.
type raced struct {
	*exchangetest.World
	x                                 *exchange.Exchange            // the other server
	strike                            atomic.Pointer[chan struct{}] // closed when it asks for a key's destruction
	owner, liaison, authority, second *exchangetest.Officer
}

// at2 is the officer at the other server.
func (r *raced) at2(o *exchangetest.Officer) *exchangetest.Officer { return at(o, r.x) }

// together runs acts at once and gives their errors in order.
func together(acts ...func() error) []error {
	errs := make([]error, len(acts))
	var start, group sync.WaitGroup
	start.Add(1)
	for i, act := range acts {
		group.Go(func() {
			start.Wait()
			errs[i] = act()
		})
	}
	start.Done()
	group.Wait()
	return errs
}

// sound checks what the Articles forbid in every state of the world: a grant
// that runs of a case which is reserved, by itself or by its category, or
// withdrawn; and that register and database say the same.
func (r *raced) sound(t *testing.T, c comity.ID) {
	t.Helper()
	word, err := r.Custodians["KZ"].Entered(t.Context(), c)
	must(t, err)
	must(t, r.DB.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
		row, err := tx.LockCase(c)
		if err != nil {
			return err
		}
		runs, err := tx.GrantsRun(c, tx.Now())
		if err != nil {
			return err
		}
		category, err := tx.CategoryReserved(row.State, row.Category)
		if err != nil {
			return err
		}
		register, err := r.Custodians["KZ"].EnteredCategory(t.Context(), row.Category)
		if err != nil {
			return err
		}
		if runs && (row.Reserved || category || row.Status == comity.CaseWithdrawn) {
			t.Errorf("a grant runs of a case that is %s, reserved: %v, its category: %v", row.Status, row.Reserved, category)
		}
		if word.Ended != row.Reserved || register.Ended != category || word.Withdrawn != (row.Status == comity.CaseWithdrawn) {
			t.Errorf("the register says %+v and %+v of a case that is %s, reserved: %v, its category: %v", word, register, row.Status, row.Reserved, category)
		}
		return nil
	}))
}

// performed takes errors that say an act was refused by a judgement, or did not
// come through against another one; any other is a fault.
func performed(t *testing.T, errs ...error) (n int) {
	t.Helper()
	for _, err := range errs {
		if err == nil {
			n++
			continue
		}
		switch comity.CodeOf(err) {
		case comity.CodeConflict, comity.CodeDenied, comity.CodeInvalid:
		default:
			t.Errorf("an act in a race ended with %v", err)
		}
	}
	return n
}

// TestDomesticRaces runs what the authority does against what others do at the
// same moment, on two servers; thousands of times under COMITY_SOAK.
func TestDomesticRaces(t *testing.T) {
	rounds := 4
	if soak {
		rounds = 2000
	}
	for name, race := range map[string]func(*testing.T, *raced, comity.ID, comity.ID){
		"grant against reserve": func(t *testing.T, r *raced, c, release comity.ID) {
			grant := r.liaison.MakeGrant(t, c, r.liaison.GrantBody("AM", release))
			reserve := r.authority.Reserve(t, c, caseOf(t, r.authority, c, "").Version)
			performed(t, together(func() error { return r.liaison.Try(t, grant) }, func() error { return r.at2(r.authority).Try(t, reserve) })...)
		},
		"grant against category": func(t *testing.T, r *raced, c, release comity.ID) {
			grant := r.liaison.MakeGrant(t, c, r.liaison.GrantBody("AM", release))
			reserve := r.authority.ReserveCategory(t, "RANSOMWARE")
			errs := together(func() error { return r.liaison.Try(t, grant) }, func() error { return r.at2(r.authority).Try(t, reserve) })
			performed(t, errs...)
			r.sound(t, c)
			must(t, errs[1])
			r.lift(t, reserve.ID, "RANSOMWARE")
		},
		"label against category": func(t *testing.T, r *raced, c, release comity.ID) {
			r.liaison.Do(t, r.liaison.MakeGrant(t, c, r.liaison.GrantBody("AM", release)))
			reserve, to := r.authority.ReserveCategory(t, "FRAUD"), comity.Category("FRAUD")
			label := &exchange.UpdateCase{Key: exchangetest.Key(), ID: c, ExpectedVersion: caseOf(t, r.owner, c, "").Version, Category: &to}
			errs := together(func() error { return r.owner.Try(t, label) }, func() error { return r.at2(r.authority).Try(t, reserve) })
			performed(t, errs...)
			r.sound(t, c)
			must(t, errs[1])
			r.lift(t, reserve.ID, "FRAUD")
		},
		"lift against grant": func(t *testing.T, r *raced, c, release comity.ID) {
			old := r.liaison.MakeGrant(t, c, r.liaison.GrantBody("AM", release))
			r.liaison.Do(t, old)
			r.authority.Do(t, r.authority.Reserve(t, c, caseOf(t, r.authority, c, "").Version))
			propose := r.authority.Lift(t, c, "")
			r.authority.Do(t, propose)
			lift, grant := r.second.Lift(t, c, propose.Proposed), r.liaison.MakeGrant(t, c, r.liaison.GrantBody("AM", release))
			errs := together(func() error { return r.second.Try(t, lift) }, func() error { return r.at2(r.liaison).Try(t, grant) })
			performed(t, errs...)
			must(t, errs[0])
			foreign := r.Custodians["KZ"]
			if _, err := foreign.Standing(t.Context(), c, old.Body.ID, "AM"); comity.CodeOf(err) != comity.CodeDenied {
				t.Errorf("the grant from before stands: %v", err)
			}
			if _, err := foreign.Standing(t.Context(), c, grant.Body.ID, "AM"); (err == nil) != (errs[1] == nil) {
				t.Errorf("granted: %v, and it stands: %v", errs[1], err)
			}
		},
		"two approvals": func(t *testing.T, r *raced, c, _ comity.ID) {
			r.authority.Do(t, r.authority.Reserve(t, c, caseOf(t, r.authority, c, "").Version))
			propose := r.authority.Lift(t, c, "")
			r.authority.Do(t, propose)
			own := r.authority.Lift(t, c, propose.Proposed)
			one, two := r.second.Lift(t, c, propose.Proposed), r.second.Lift(t, c, propose.Proposed)
			errs := together(func() error { return r.authority.Try(t, own) }, func() error { return r.second.Try(t, one) },
				func() error { return r.at2(r.second).Try(t, two) })
			if comity.CodeOf(errs[0]) != comity.CodeDenied && comity.CodeOf(errs[0]) != comity.CodeConflict {
				t.Errorf("the proposer approves: %v", errs[0])
			}
			if n := performed(t, errs[1:]...); n != 1 {
				t.Errorf("approved %d times: %v", n, errs)
			}
		},
		"two withdrawals": func(t *testing.T, r *raced, c, _ comity.ID) {
			one, two := r.authority.Withdraw(t, c, comity.NewID(comity.KindWithdrawal), ""), r.second.Withdraw(t, c, comity.NewID(comity.KindWithdrawal), "")
			r.authority.Do(t, one)
			r.second.Do(t, two)
			a, b := r.second.Withdraw(t, c, one.Body.ID, one.Proposed), r.authority.Withdraw(t, c, two.Body.ID, two.Proposed)
			errs := together(func() error { return r.second.Try(t, a) }, func() error { return r.at2(r.authority).Try(t, b) })
			if n := performed(t, errs...); n != 1 {
				t.Errorf("withdrawn %d times: %v", n, errs)
			}
		},
	} {
		for engine, open := range engines {
			t.Run(name+"/"+engine, func(t *testing.T) {
				r := newRaced(t, open)
				for range rounds {
					c := r.owner.FileCase(t, "A case", "AM")
					release := r.owner.Release(t, c, "AM")
					if race(t, r, c, release); t.Failed() {
						return
					}
					r.sound(t, c)
				}
			})
		}
	}
}

func newRaced(t *testing.T, open func(testing.TB, func() time.Time) (storage.DB, storage.DB)) *raced {
	t.Helper()
	r := &raced{}
	r.World, r.x = newPair(t, open, func(ctx context.Context, call string, perform func(context.Context) error) error {
		if reached := r.strike.Load(); reached != nil && strings.HasSuffix(call, " Withdraw") && r.strike.CompareAndSwap(reached, nil) {
			close(*reached)
		}
		return perform(ctx)
	})
	r.Mandate(t, "KZ")
	r.login(t)
	return r
}

func (r *raced) login(t *testing.T) {
	t.Helper()
	r.owner, r.liaison, r.authority, r.second = r.As(t, "investigator@KZ"), r.As(t, "liaison@KZ"), r.As(t, "authority@KZ"), r.As(t, "second@KZ")
}

func (r *raced) lift(t *testing.T, reservation comity.ID, c comity.Category) {
	t.Helper()
	propose := r.authority.LiftCategory(t, reservation, c, "")
	r.authority.Do(t, propose)
	r.second.Do(t, r.second.LiftCategory(t, reservation, c, propose.Proposed))
}

// TestWithdrawAgainstHold: a withdrawal comes due at the moment that a hold is
// placed: either the hold lies and the case opens, or the case is gone and the
// hold was refused.
func TestWithdrawAgainstHold(t *testing.T) {
	rounds := 3
	if soak {
		rounds = 1000
	}
	for engine, open := range engines {
		t.Run(engine, func(t *testing.T) {
			r := newRaced(t, open)
			for range rounds {
				c := r.owner.FileCase(t, "A case", "AM")
				release := r.owner.Release(t, c, "AM")
				r.liaison.Do(t, r.liaison.MakeGrant(t, c, r.liaison.GrantBody("AM", release)))
				w := exchangetest.Withdrawn(t, r.authority, r.second, c)
				r.Clock.Advance(statement.WithdrawalAge + time.Second)
				r.login(t)
				hold := r.authority.Hold(t, c, "", time.Time{})
				reached := make(chan struct{})
				r.strike.Store(&reached)
				ctx, stop := context.WithCancel(t.Context())
				done := make(chan struct{})
				go func() { defer close(done); r.x.Effects(ctx) }()
				<-reached // the custodian is asked to destroy the key just now
				placed := r.authority.Try(t, hold)
				awaited(t, "the withdrawal is done, or was held up", func() bool {
					return placed == nil || withdrawals(t, r.owner)[0].Status == comity.WithdrawalDone
				})
				stop()
				<-done
				r.sound(t, c)
				v := caseOf(t, r.owner, c, "")
				if gone := v.Status == comity.CaseWithdrawn; gone == (placed == nil) || gone == (v.Text != nil) {
					t.Fatalf("placed: %v, and the case is %s with the words %v", placed, v.Status, v.Text)
				}
				if placed == nil {
					r.authority.Do(t, r.authority.Cancel(t, w.Body.ID, c))
				}
			}
		})
	}
}
