package exchange_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/sovereignty"
)

func (g *granted) second(t *testing.T) *exchangetest.Officer {
	t.Helper()
	return g.As(t, "second@KZ")
}

func level(t *testing.T, o *exchangetest.Officer, c comity.ID) sovereignty.Access {
	t.Helper()
	v := caseOf(t, o, c, comity.PurposeInvestigation)
	if v == nil {
		return sovereignty.AccessNone
	}
	return v.Access.Level
}

// TestLifting: two officers of the authority lift a reservation; what ended
// stays ended, and what is granted after it is open.
func TestLifting(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		g := newGranted(t)
		want(t, g.authority.Try(t, g.authority.Lift(t, g.c, "")), comity.CodeConflict, 0)
		if err := g.reserve(t); err != nil {
			t.Fatal(err)
		}
		want(t, g.liaison.Try(t, g.liaison.Lift(t, g.c, "")), comity.CodeDenied, comity.ArticleDomesticReservation)
		want(t, g.foreign.Try(t, g.foreign.Lift(t, g.c, "")), comity.CodeNotFound, 0)
		propose, left := g.authority.Lift(t, g.c, ""), g.authority.Lift(t, g.c, "")
		g.authority.Do(t, propose)
		g.authority.Do(t, left)
		if !caseOf(t, g.authority, g.c, "").Reserved || propose.Statement != "" || propose.Proposed == "" {
			t.Fatalf("a proposal lifted the reservation: %+v", propose)
		}
		again := g.authority.Lift(t, g.c, "")
		again.Key = propose.Key
		if g.authority.Do(t, again); again.Proposed != propose.Proposed {
			t.Errorf("a repeat proposed %s, before %s", again.Proposed, propose.Proposed)
		}
		want(t, g.authority.Try(t, g.authority.Lift(t, g.c, propose.Proposed)), comity.CodeDenied, comity.ArticleDomesticReservation)
		want(t, g.liaison.Try(t, g.liaison.Lift(t, g.c, propose.Proposed)), comity.CodeDenied, comity.ArticleDomesticReservation)
		second := g.second(t)
		other := second.Lift(t, g.c, propose.Proposed)
		other.Body.Reason = "another"
		other.Act = second.Sign(t, statement.Act{Act: statement.ActCaseReserveLift, Record: g.c}, other.Body)
		want(t, second.Try(t, other), comity.CodeInvalid, 0)

		lift := second.Lift(t, g.c, propose.Proposed)
		second.Do(t, lift)
		s, err := g.Directory.VerifyStatement(lift.Statement)
		if err != nil || s.Kind != statement.KindLifting || s.Second == nil || s.Officer.Ref != g.authority.Caller.Officer.Ref() {
			t.Errorf("the state signed %+v, %v", s, err)
		}
		if caseOf(t, g.authority, g.c, "").Reserved || level(t, g.foreign, g.c) != sovereignty.AccessEnded {
			t.Error("after the lifting the case is reserved, or the ended grant is open")
		}
		want(t, second.Try(t, second.Lift(t, g.c, propose.Proposed)), comity.CodeConflict, 0)
		anew := g.liaison.MakeGrant(t, g.c, g.liaison.GrantBody("AM", g.release, g.exhibit))
		g.liaison.Do(t, anew)
		if level(t, g.foreign, g.c) != sovereignty.AccessFull {
			t.Error("what is granted after the lifting is closed")
		}
		if got := g.foreign.Download(t, g.exhibit, g.header, comity.PurposeInvestigation, anew.Body.ID); string(got) != "exhibit" {
			t.Errorf("opened %q", got)
		}
		// What was proposed of the first reservation lifts no second one.
		if err := g.reserve(t); err != nil {
			t.Fatal(err)
		}
		want(t, second.Try(t, second.Lift(t, g.c, left.Proposed)), comity.CodeDenied, comity.ArticleDomesticReservation)
		if !caseOf(t, g.authority, g.c, "").Reserved {
			t.Error("a proposal of before lifted a later reservation")
		}
		// Abroad nothing is read of all this but the grants' beginning and end.
		for _, c := range about(logOf(t, g.World, "auditor@AM"), g.c) {
			if c.Outcome == audit.Done && (c.Act == string(sovereignty.CaseReserveLift) || c.Act == string(sovereignty.CaseReserve)) {
				t.Errorf("Armenia reads %+v", c)
			}
		}
	})
}

// TestLiftingLapses: the second officer comes too late.
func TestLiftingLapses(t *testing.T) {
	g := newGranted(t)
	if err := g.reserve(t); err != nil {
		t.Fatal(err)
	}
	propose := g.authority.Lift(t, g.c, "")
	g.authority.Do(t, propose)
	g.Clock.Advance(statement.ProposalAge)
	second := g.second(t)
	want(t, second.Try(t, second.Lift(t, g.c, propose.Proposed)), comity.CodeDenied, comity.ArticleDomesticReservation)
	if !caseOf(t, second, g.c, "").Reserved {
		t.Error("it was lifted")
	}
}

func reservations(t *testing.T, o *exchangetest.Officer) (all []exchange.ReservationView) {
	t.Helper()
	o.Read(t, func(r *exchange.Reader) (err error) { all, err = r.Reservations(); return err })
	return all
}

// TestReservedCategory: every case of it is closed abroad and ungrantable, and
// no label opens it.
func TestReservedCategory(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		g := newGranted(t)
		pending := g.liaison.MakeGrant(t, g.c, g.liaison.GrantBody("AM", g.release, g.exhibit))
		want(t, at(g.liaison, serverWith(t, g.World, failing("custodian KZ Apply"))).Try(t, pending), comity.CodeUnavailable, 0)
		for name, article := range map[string]comity.Article{"liaison@KZ": comity.ArticleDomesticReservation, "auditor@KZ": comity.ArticleDomesticReservation} {
			o := g.As(t, name)
			want(t, o.Try(t, o.ReserveCategory(t, tokentest.Category)), comity.CodeDenied, article)
		}
		want(t, g.authority.Try(t, g.authority.ReserveCategory(t, "NOT_LISTED")), comity.CodeInvalid, 0)
		reserve := g.authority.ReserveCategory(t, tokentest.Category)
		g.authority.Do(t, reserve)
		if len(reserve.Ended) != 2 {
			t.Errorf("%d grants ended", len(reserve.Ended))
		}
		want(t, g.authority.Try(t, g.authority.ReserveCategory(t, tokentest.Category)), comity.CodeConflict, 0)
		if l := level(t, g.foreign, g.c); l != sovereignty.AccessEnded {
			t.Errorf("abroad it opens %s", l)
		}
		open, _ := g.foreign.Opening(t, g.exhibit, g.header, comity.PurposeInvestigation, g.grant.Body.ID)
		want(t, g.foreign.Try(t, open), comity.CodeDenied, comity.ArticleTerm)
		want(t, g.liaison.Try(t, g.liaison.MakeGrant(t, g.c, g.liaison.GrantBody("AM", g.release, g.exhibit))), comity.CodeDenied, comity.ArticleDomesticReservation)
		// A new case of it, and another label.
		c := g.owner.FileCase(t, "A later case", "AM")
		want(t, g.owner.Try(t, &exchange.DecideRelease{Key: exchangetest.Key(), Case: c, Decider: comity.DeciderOwner, Grantee: "AM", Scope: comity.ScopeFull,
			Purpose: comity.PurposeInvestigation, NotAfter: g.Clock.Now().Add(time.Hour)}), comity.CodeDenied, comity.ArticleDomesticReservation)
		label := func(c comity.ID, to comity.Category) error {
			return g.owner.Try(t, &exchange.UpdateCase{Key: exchangetest.Key(), ID: c, ExpectedVersion: caseOf(t, g.owner, c, "").Version, Category: &to})
		}
		want(t, label(c, "FRAUD"), comity.CodeDenied, comity.ArticleDomesticReservation)
		want(t, label(g.c, "FRAUD"), comity.CodeDenied, comity.ArticleDomesticReservation)
		if got := reservations(t, g.owner); len(got) != 1 || got[0].Reason != reserve.Body.Reason || got[0].Category != tokentest.Category {
			t.Errorf("at home are listed %+v", got)
		}
		if got := reservations(t, g.foreign); len(got) != 0 {
			t.Errorf("abroad are listed %+v", got)
		}

		propose := g.authority.LiftCategory(t, reserve.ID, tokentest.Category, "")
		g.authority.Do(t, propose)
		want(t, g.authority.Try(t, g.authority.LiftCategory(t, reserve.ID, tokentest.Category, propose.Proposed)), comity.CodeDenied, comity.ArticleDomesticReservation)
		foreign := g.As(t, "authority@AM")
		want(t, foreign.Try(t, foreign.LiftCategory(t, reserve.ID, tokentest.Category, propose.Proposed)), comity.CodeNotFound, 0)
		second := g.second(t)
		second.Do(t, second.LiftCategory(t, reserve.ID, tokentest.Category, propose.Proposed))
		want(t, second.Try(t, second.LiftCategory(t, reserve.ID, tokentest.Category, propose.Proposed)), comity.CodeConflict, 0)
		g.Clock.Advance(2 * time.Minute)
		if l := level(t, g.foreign, g.c); l != sovereignty.AccessEnded {
			t.Errorf("after the lifting it opens %s", l)
		}
		liaison := g.As(t, "liaison@KZ")
		liaison.Do(t, liaison.MakeGrant(t, g.c, liaison.GrantBody("AM", g.release, g.exhibit)))
		if l := level(t, g.foreign, g.c); l != sovereignty.AccessFull {
			t.Errorf("granted after the lifting it opens %s", l)
		}
		if got := reservations(t, g.owner); len(got) != 1 || got[0].LiftedAt.IsZero() {
			t.Errorf("at home are listed %+v", got)
		}
	})
}

// TestIntoReservedCategory: no case enters a reserved category while grants of it run.
func TestIntoReservedCategory(t *testing.T) {
	g := newGranted(t)
	g.authority.Do(t, g.authority.ReserveCategory(t, "FRAUD"))
	to := comity.Category("FRAUD")
	update := func() *exchange.UpdateCase {
		return &exchange.UpdateCase{Key: exchangetest.Key(), ID: g.c, ExpectedVersion: caseOf(t, g.owner, g.c, "").Version, Category: &to}
	}
	want(t, g.owner.Try(t, update()), comity.CodeDenied, comity.ArticleDomesticReservation)
	if l := level(t, g.foreign, g.c); l != sovereignty.AccessFull {
		t.Errorf("a change that was denied closed it: %s", l)
	}
	g.liaison.Do(t, g.liaison.Revoke(t, g.c, g.grant.Body.ID))
	g.owner.Do(t, update())
	body := g.liaison.GrantBody("AM", g.release)
	body.Category = "FRAUD"
	want(t, g.liaison.Try(t, g.liaison.MakeGrant(t, g.c, body)), comity.CodeDenied, comity.ArticleDomesticReservation)
}

func holds(t *testing.T, o *exchangetest.Officer, f exchange.HoldFilter) []exchange.HoldView {
	t.Helper()
	var page exchange.Page[exchange.HoldView]
	o.Read(t, func(r *exchange.Reader) (err error) { page, err = r.ListHolds(f, 50, ""); return err })
	return page.Items
}

// TestHold: the authority places and releases a hold; nobody abroad sees it.
func TestHold(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		g := newGranted(t)
		hold := g.authority.Hold(t, g.c, "", time.Time{})
		want(t, g.liaison.Try(t, g.liaison.Hold(t, g.c, "", time.Time{})), comity.CodeDenied, comity.ArticleTerm)
		want(t, g.foreign.Try(t, g.foreign.Hold(t, g.c, "", time.Time{})), comity.CodeDenied, comity.ArticleNonInterference)
		want(t, g.authority.Try(t, g.authority.Hold(t, g.c, "", g.Clock.Now().Add(-time.Second))), comity.CodeDenied, comity.ArticleTerm)
		g.authority.Do(t, hold)
		for _, o := range []*exchangetest.Officer{g.owner, g.liaison, g.authority} {
			if got := holds(t, o, exchange.HoldFilter{Lying: true}); len(got) != 1 || got[0].Reason != hold.Body.Reason || !got[0].Lies {
				t.Errorf("%s lists %+v", o.Caller.Officer.Ref(), got)
			}
		}
		if got := holds(t, g.foreign, exchange.HoldFilter{}); len(got) != 0 {
			t.Errorf("abroad are listed %+v", got)
		}
		want(t, g.authority.Try(t, g.authority.Withdraw(t, g.c, comity.NewID(comity.KindWithdrawal), "")), comity.CodeDenied, comity.ArticleTerm)
		want(t, g.liaison.Try(t, g.liaison.ReleaseHold(t, hold.Body.ID, g.c)), comity.CodeDenied, comity.ArticleTerm)
		foreign := g.As(t, "authority@AM")
		want(t, foreign.Try(t, foreign.ReleaseHold(t, hold.Body.ID, g.c)), comity.CodeNotFound, 0)
		release := g.authority.ReleaseHold(t, hold.Body.ID, g.c)
		g.authority.Do(t, release)
		again := g.authority.ReleaseHold(t, hold.Body.ID, g.c)
		want(t, g.authority.Try(t, again), comity.CodeConflict, 0)
		again = g.authority.ReleaseHold(t, hold.Body.ID, g.c)
		again.Key = release.Key
		g.authority.Do(t, again)
		if got := holds(t, g.owner, exchange.HoldFilter{Case: g.c}); len(got) != 1 || got[0].Lies || got[0].ReleasedBy != g.authority.Caller.Officer.Ref() {
			t.Errorf("after the release are listed %+v", got)
		}
		g.authority.Do(t, g.authority.Withdraw(t, g.c, comity.NewID(comity.KindWithdrawal), ""))
	})
}

// TestPreservation: a liaison holds cases for another state's request, which
// learns that it was executed and nothing more.
func TestPreservation(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		g := newGranted(t)
		asking := g.As(t, "liaison@AM")
		send := &exchange.SendRequest{Key: exchangetest.Key(), To: "KZ", Kind: comity.RequestPreservation, Urgency: comity.UrgencyPrompt,
			Category: tokentest.Category, Purpose: comity.PurposeInvestigation, Marking: comity.DefaultMarking,
			Text: comity.RequestText{Title: "Keep the server's image", Facts: "It was seen on 2026-11-01."}}
		asking.Do(t, send)
		version := 1
		move := func(o *exchangetest.Officer, m sovereignty.Action, outcome comity.RequestStatus) error {
			err := o.Try(t, &exchange.MoveRequest{Key: exchangetest.Key(), ID: send.ID, ExpectedVersion: version, Move: m, Outcome: outcome})
			if err == nil {
				version++
			}
			return err
		}
		until := g.Clock.Now().Add(statement.PreservationAge)
		want(t, g.liaison.Try(t, g.liaison.Hold(t, g.c, send.ID, until)), comity.CodeConflict, 0) // not received yet
		must(t, move(g.liaison, sovereignty.RequestReceive, ""))
		must(t, move(g.liaison, sovereignty.RequestAcknowledge, ""))
		want(t, move(g.liaison, sovereignty.RequestExecute, comity.RequestExecuted), comity.CodeConflict, 0)
		want(t, g.liaison.Try(t, g.liaison.Hold(t, g.c, send.ID, until.Add(time.Hour))), comity.CodeDenied, comity.ArticleTerm)
		want(t, g.liaison.Try(t, g.liaison.Hold(t, g.c, send.ID, time.Time{})), comity.CodeDenied, comity.ArticleTerm)
		want(t, g.liaison.Try(t, g.liaison.Hold(t, g.c, comity.NewID(comity.KindRequest), until)), comity.CodeInvalid, 0)
		want(t, g.authority.Try(t, g.authority.Hold(t, g.c, send.ID, until)), comity.CodeDenied, comity.ArticleTerm)
		slip := g.liaison.Hold(t, g.c, send.ID, until)
		g.liaison.Do(t, slip)
		g.authority.Do(t, g.authority.ReleaseHold(t, slip.Body.ID, g.c)) // nothing is preserved by what was released
		want(t, move(g.liaison, sovereignty.RequestExecute, comity.RequestExecuted), comity.CodeConflict, 0)
		g.liaison.Do(t, g.liaison.Hold(t, g.c, send.ID, until))
		want(t, move(g.liaison, sovereignty.RequestExecute, comity.RequestExecutedInPart), comity.CodeInvalid, 0)
		want(t, move(g.liaison, sovereignty.RequestExecute, comity.RequestNothingHeld), comity.CodeConflict, 0)
		must(t, move(g.liaison, sovereignty.RequestExecute, comity.RequestExecuted))
		for _, e := range logOf(t, g.World, "auditor@AM") {
			if e.Content.Act == string(sovereignty.HoldPlace) {
				t.Errorf("Armenia reads %+v", e.Content)
			}
		}
		if got := holds(t, asking, exchange.HoldFilter{}); len(got) != 0 {
			t.Errorf("the asking state lists %+v", got)
		}
		want(t, g.authority.Try(t, g.authority.Withdraw(t, g.c, comity.NewID(comity.KindWithdrawal), "")), comity.CodeDenied, comity.ArticleTerm)

		g.Clock.Advance(59 * 24 * time.Hour)
		liaison := g.As(t, "liaison@KZ")
		renewal := liaison.Hold(t, g.c, send.ID, g.Clock.Now().Add(30*24*time.Hour))
		liaison.Do(t, renewal)
		g.Clock.Advance(2 * 24 * time.Hour)
		if got := holds(t, g.owner, exchange.HoldFilter{Request: send.ID, Lying: true}); len(got) != 1 || got[0].ID != renewal.Body.ID {
			t.Errorf("after 61 days lie %+v", got)
		}
		g.Clock.Advance(30 * 24 * time.Hour)
		authority := g.As(t, "authority@KZ")
		authority.Do(t, authority.Withdraw(t, g.c, comity.NewID(comity.KindWithdrawal), ""))
	})
}

// TestDomesticActsAreRecorded: what the register has and whose act did not come
// to its own end comes into the database and the record of acts.
func TestDomesticActsAreRecorded(t *testing.T) {
	type built struct {
		officer *exchangetest.Officer
		act     exchange.Act
		of      comity.ID
		follows func() bool
	}
	for action, build := range map[sovereignty.Action]func(*testing.T, *granted) built{
		sovereignty.CategoryReserve: func(t *testing.T, g *granted) built {
			act := g.authority.ReserveCategory(t, tokentest.Category)
			return built{g.authority, act, act.ID, func() bool {
				all := reservations(t, g.owner)
				return len(all) == 1 && all[0].Reason == act.Body.Reason && level(t, g.foreign, g.c) == sovereignty.AccessEnded
			}}
		},
		sovereignty.CategoryReserveLift: func(t *testing.T, g *granted) built {
			reserve := g.authority.ReserveCategory(t, tokentest.Category)
			g.authority.Do(t, reserve)
			propose := g.authority.LiftCategory(t, reserve.ID, tokentest.Category, "")
			g.authority.Do(t, propose)
			second := g.second(t)
			return built{second, second.LiftCategory(t, reserve.ID, tokentest.Category, propose.Proposed), reserve.ID, func() bool {
				all := reservations(t, g.owner)
				return len(all) == 1 && !all[0].LiftedAt.IsZero()
			}}
		},
		sovereignty.CaseReserveLift: func(t *testing.T, g *granted) built {
			g.authority.Do(t, g.authority.Reserve(t, g.c, caseOf(t, g.authority, g.c, "").Version))
			propose := g.authority.Lift(t, g.c, "")
			g.authority.Do(t, propose)
			second := g.second(t)
			return built{second, second.Lift(t, g.c, propose.Proposed), g.c, func() bool {
				v := caseOf(t, g.owner, g.c, "")
				return !v.Reserved && v.Text != nil && level(t, g.foreign, g.c) == sovereignty.AccessEnded
			}}
		},
		sovereignty.HoldPlace: func(t *testing.T, g *granted) built {
			act := g.authority.Hold(t, g.c, "", time.Time{})
			return built{g.authority, act, act.Body.ID, func() bool {
				all := holds(t, g.owner, exchange.HoldFilter{Lying: true})
				return len(all) == 1 && all[0].Reason == act.Body.Reason
			}}
		},
		sovereignty.HoldRelease: func(t *testing.T, g *granted) built {
			hold := g.authority.Hold(t, g.c, "", time.Time{})
			g.authority.Do(t, hold)
			return built{g.authority, g.authority.ReleaseHold(t, hold.Body.ID, g.c), hold.Body.ID, func() bool {
				return len(holds(t, g.owner, exchange.HoldFilter{Lying: true})) == 0
			}}
		},
		sovereignty.CaseWithdrawCancel: func(t *testing.T, g *granted) built {
			w := exchangetest.Withdrawn(t, g.authority, g.second(t), g.c)
			return built{g.authority, g.authority.Cancel(t, w.Body.ID, g.c), w.Body.ID, func() bool {
				all := withdrawals(t, g.owner)
				return len(all) == 1 && all[0].Status == comity.WithdrawalCancelled
			}}
		},
	} {
		t.Run(string(action), func(t *testing.T) {
			g := newGranted(t)
			b := build(t, g)
			var signed atomic.Bool
			x := serverWith(t, g.World, func(ctx context.Context, call string, perform func(context.Context) error) error {
				if call == "database Write" && signed.Load() {
					return comity.Unavailable("the database", nil)
				}
				if call == "custodian KZ Sign" {
					defer signed.Store(true)
				}
				return perform(ctx)
			})
			before := done(t, g, "auditor@KZ", string(action), b.of)
			want(t, at(b.officer, x).Try(t, b.act), comity.CodeUnavailable, 0)
			if b.follows() {
				t.Fatal("an act that was cut off is in the database")
			}
			g.Clock.Advance(2 * time.Minute)
			effects(t, g.Exchange, func() bool { return done(t, g, "auditor@KZ", string(action), b.of) == before+1 })
			if !b.follows() {
				t.Error("the database did not follow")
			}
			g.Clock.Advance(statement.WithdrawalAge + 2*time.Minute) // whatever was to come later has come
			effects(t, g.Exchange, func() bool { return waiting(t, g.World, b.of) == 0 })
			if n := done(t, g, "auditor@KZ", string(action), b.of); n != before+1 {
				t.Errorf("%d entries say that it is done", n-before)
			}
		})
	}
}

// TestReservedBeforeLifting: a reservation of a category, or a case, that was lifted is not
// signed again by repeating it, under its old key or its old id: the register would
// have the category reserved, and the rows not.
func TestReservedBeforeLifting(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		w := newWorld(t)
		authority, second := w.As(t, "authority@KZ"), w.As(t, "second@KZ")
		owner := w.As(t, "investigator@KZ")
		c := owner.FileCase(t, "A case", "AM")
		owner.Release(t, c, "AM") // which lays it before the authority
		of := authority.Reserve(t, c, 1)
		authority.Do(t, of)
		proposed := authority.Lift(t, c, "")
		authority.Do(t, proposed)
		second.Do(t, second.Lift(t, c, proposed.Proposed))
		retry := authority.Reserve(t, c, 1)
		retry.Key, retry.Body = of.Key, of.Body
		retry.Act = authority.Sign(t, statement.Act{Act: statement.ActCaseReserve, Record: c}, retry.Body)
		want(t, authority.Try(t, retry), comity.CodeConflict, 0)
		word, err := w.Custodians["KZ"].Entered(t.Context(), c)
		if must(t, err); word.Ended {
			t.Error("a case whose reservation was lifted is reserved again by a repeat")
		}

		reserve := authority.ReserveCategory(t, tokentest.Category)
		authority.Do(t, reserve)
		propose := authority.LiftCategory(t, reserve.ID, tokentest.Category, "")
		authority.Do(t, propose)
		second.Do(t, second.LiftCategory(t, reserve.ID, tokentest.Category, propose.Proposed))
		for what, key := range map[string]string{"its old key": reserve.Key, "its old id": exchangetest.Key()} {
			again := authority.ReserveCategory(t, tokentest.Category)
			again.Key, again.ID, again.Body = key, reserve.ID, reserve.Body
			again.Act = authority.Sign(t, statement.Act{Act: statement.ActCategoryReserve, Record: reserve.ID}, again.Body)
			want(t, authority.Try(t, again), comity.CodeConflict, 0)
			word, err := w.Custodians["KZ"].EnteredCategory(t.Context(), tokentest.Category)
			if must(t, err); word.Ended {
				t.Errorf("by %s the register has it reserved again", what)
			}
		}
		authority.Do(t, authority.ReserveCategory(t, tokentest.Category))
	})
}

// covers has both states' agreement cover these categories.
func covers(t *testing.T, w *exchangetest.World, categories ...comity.Category) {
	t.Helper()
	for _, s := range []comity.State{"KZ", "AM"} {
		w.Publish(t, s, func(m *statement.Manifest) {
			m.Agreements = slices.Clone(m.Agreements)
			m.Agreements[0].Categories = categories
		})
	}
}

// TestGrantedCategoryStays: no case is relabelled while grants of it run, and so a
// grant that the reservation of a category ended is revived by no row.
func TestGrantedCategoryStays(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		g := newGranted(t)
		covers(t, g.World, tokentest.Category, "FRAUD")
		c := g.owner.FileCase(t, "Another", "AM")
		grant := g.liaison.MakeGrant(t, c, g.liaison.GrantBody("AM", g.owner.Release(t, c, "AM")))
		g.liaison.Do(t, grant)
		label := func() error {
			return change(t, g.owner, c, func(u *exchange.UpdateCase) { u.Category = new(comity.Category("FRAUD")) })
		}
		agrees(t, "a change into another category", g.owner, exchange.Why{Action: sovereignty.CaseUpdate, Record: c, Category: "FRAUD"},
			&exchange.UpdateCase{Key: exchangetest.Key(), ID: c, ExpectedVersion: caseOf(t, g.owner, c, "").Version, Category: new(comity.Category("FRAUD"))}, false)
		want(t, label(), comity.CodeDenied, comity.ArticleLegalBasis)
		must(t, change(t, g.owner, c, func(u *exchange.UpdateCase) { u.Title = new("Another title") }))
		if l := level(t, g.foreign, c); l != sovereignty.AccessFull {
			t.Errorf("a change that was denied closed it: %s", l)
		}
		g.liaison.Do(t, g.liaison.Revoke(t, c, grant.Body.ID))
		must(t, label())
	})
}

// TestRelabelledGrantStaysEnded: who writes rows hides a grant, so that its case is
// relabelled, and shows it again after the reservation of the new category.
func TestRelabelledGrantStaysEnded(t *testing.T) {
	g, raw := operated(t)
	covers(t, g.World, tokentest.Category, "FRAUD")
	g.grant = g.liaison.MakeGrant(t, g.c, g.liaison.GrantBody("AM", g.release, g.exhibit))
	g.liaison.Do(t, g.grant)
	exec(t, raw, `UPDATE grants SET status = 'ENDED' WHERE case_id = ?`, g.c)
	must(t, change(t, g.owner, g.c, func(u *exchange.UpdateCase) { u.Category = new(comity.Category("FRAUD")) }))
	exec(t, raw, `UPDATE grants SET status = 'ACTIVE' WHERE case_id = ?`, g.c)
	g.Clock.Advance(2 * time.Minute)
	foreign := g.As(t, "investigator@AM")
	if v := caseOf(t, foreign, g.c, comity.PurposeInvestigation); v != nil && v.Text != nil {
		t.Errorf("a grant over another category opens %s %q", v.Access.Level, v.Text.Title)
	}
	open, _ := foreign.Opening(t, g.exhibit, g.header, comity.PurposeInvestigation, g.grant.Body.ID)
	if err := foreign.Try(t, open); err == nil {
		t.Error("a grant over another category opens an exhibit")
	}
}
