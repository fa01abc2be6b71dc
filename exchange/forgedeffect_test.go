package exchange_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"sync/atomic"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// outbox gives the effects of a record that wait.
func outbox(t *testing.T, w *exchangetest.World, record comity.ID) (all []storage.Effect) {
	t.Helper()
	must(t, w.DB.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) (err error) {
		all, err = tx.EffectsOf(record)
		return err
	}))
	return all
}

// forge writes a row into the outbox as the operator would.
func forge(t *testing.T, w *exchangetest.World, e storage.Effect) {
	t.Helper()
	e.NotBefore = w.Clock.Now().Add(-time.Second)
	must(t, w.DB.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error { return tx.AddEffect(e) }))
}

// attempted runs the outbox until each of the records' effects was carried out or
// failed: who is taken a second time came to the end of the first.
func attempted(t *testing.T, w *exchangetest.World, records ...comity.ID) {
	t.Helper()
	fewest := func() int64 {
		n := int64(2)
		for _, id := range records {
			for _, e := range outbox(t, w, id) {
				n = min(n, int64(e.Attempts))
			}
		}
		return n
	}
	due := false
	effects(t, w.Exchange, func() bool {
		n := fewest()
		if n == 1 && !due {
			w.Clock.Advance(3 * time.Second)
			due = true
		}
		return n == 2
	})
}

func intentOf(t *testing.T, act sovereignty.Action, by comity.State, more map[string]any) []byte {
	t.Helper()
	m := map[string]any{"act": act, "actor": map[string]any{"state": by, "ref": string(by) + ":liaison-1"}}
	for k, v := range more {
		m[k] = v
	}
	raw, err := json.Marshal(m)
	must(t, err)
	return raw
}

// signedBy has an officer's state sign past the gate.
func signedBy(t *testing.T, w *exchangetest.World, o *exchangetest.Officer, kind statement.Kind, act string, on, id, record comity.ID, body any) string {
	t.Helper()
	canonical, err := statement.Canonical(body)
	must(t, err)
	jws, err := w.Custodians[o.Identity().Officer.State].Sign(t.Context(), custodian.SignOrder{Kind: kind, ID: id, Record: record, Body: canonical,
		Asker: statement.Asker{Token: o.Identity().Token, Act: o.Sign(t, statement.Act{Act: act, Record: on}, body)}})
	must(t, err)
	return jws
}

// TestForgedIntents: rows of the outbox that no act wrote change nothing and stop
// nothing: what is incomplete, about another record, or by a state whose record it
// is not, also where that state's register says what the row says.
func TestForgedIntents(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		g := newGranted(t)
		by, authority := g.As(t, "liaison@BY"), g.As(t, "authority@BY")
		_, _, err := g.Custodians["BY"].NewRecordKey(t.Context(), g.c)
		must(t, err)
		// BY's register has it that KZ's grant ended and that KZ's case is reserved.
		signedBy(t, g.World, by, statement.KindRevocation, statement.ActGrantRevoke, g.grant.Body.ID, g.grant.Body.ID, g.c, statement.RevokeBody{Case: g.c, Reason: "x"})
		signedBy(t, g.World, authority, statement.KindReservation, statement.ActCaseReserve, g.c, g.c, g.c, statement.ReserveBody{Reason: "x"})
		hold, reservation := comity.NewID(comity.KindHold), comity.NewID(comity.KindReservation)
		held := statement.HoldBody{ID: hold, Reason: "x"}
		signedBy(t, g.World, authority, statement.KindHold, statement.ActHoldPlace, g.c, hold, g.c, held)
		signedBy(t, g.World, authority, statement.KindCategoryReservation, statement.ActCategoryReserve, reservation, reservation, reservation,
			statement.CategoryBody{Category: "RANSOMWARE", Reason: "x"})

		settle := func(id comity.ID, s comity.State, payload []byte) {
			forge(t, g.World, storage.Effect{ID: id, Kind: "settle", State: s, Payload: payload})
		}
		var records []comity.ID
		for _, act := range []sovereignty.Action{sovereignty.CategoryReserve, sovereignty.CategoryReserveLift, sovereignty.HoldPlace, sovereignty.HoldRelease,
			sovereignty.CaseWithdrawCancel, sovereignty.CaseRead} {
			id := comity.NewID(comity.KindHold)
			records = append(records, id)
			settle(id, "KZ", intentOf(t, act, "KZ", nil))
		}
		settle(g.grant.Body.ID, "BY", intentOf(t, sovereignty.GrantRevoke, "BY", nil))
		settle(g.c, "BY", intentOf(t, sovereignty.CaseReserve, "BY", nil))
		settle(g.c, "KZ", intentOf(t, sovereignty.CaseReserve, "BY", nil))
		settle(hold, "BY", intentOf(t, sovereignty.HoldPlace, "BY", map[string]any{"hold": storage.Hold{Hold: comity.Hold{ID: hold, Case: g.c, State: "BY", CreatedAt: g.Clock.Now()}}}))
		settle(reservation, "BY", intentOf(t, sovereignty.CategoryReserve, "BY", map[string]any{"wrapped": "w", "reservation": storage.Reservation{
			Reservation: comity.Reservation{ID: reservation, State: "KZ", Category: "RANSOMWARE", CreatedAt: g.Clock.Now()}}}))
		records = append(records, g.grant.Body.ID, g.c, hold, reservation)
		attempted(t, g.World, records...)
		for _, id := range records {
			if len(outbox(t, g.World, id)) == 0 {
				t.Errorf("the forged intent on %s was carried out", id)
			}
		}
		if v := caseOf(t, g.foreign, g.c, comity.PurposeInvestigation); v.Access.Level != sovereignty.AccessFull {
			t.Errorf("KZ's grant opens %s", v.Access.Level)
		}
		if v := caseOf(t, g.authority, g.c, ""); v.Reserved {
			t.Error("KZ's case is reserved")
		}
		must(t, g.DB.Read(storage.AsSystem(t.Context()), func(tx storage.ReadTx) error {
			reserved, err := tx.CategoryReserved("KZ", "RANSOMWARE")
			must(t, err)
			lies, err := tx.Held(g.c, tx.Now())
			if reserved || lies {
				t.Errorf("KZ's category is reserved %v, its case held %v", reserved, lies)
			}
			return err
		}))
		// And those of others follow as they should.
		g.liaison.Do(t, g.liaison.Revoke(t, g.c, g.grant.Body.ID))
		if v := caseOf(t, g.foreign, g.c, comity.PurposeInvestigation); v.Access.Level != sovereignty.AccessEnded {
			t.Errorf("revoked, KZ's grant opens %s", v.Access.Level)
		}
	})
}

// TestHoldOfAnotherCase: by the register a hold of that id was released on another
// case; on its own it lies on.
func TestHoldOfAnotherCase(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		g := newGranted(t)
		place := g.authority.Hold(t, g.c, "", time.Time{})
		g.authority.Do(t, place)
		other := g.owner.FileCase(t, "Another case", "AM")
		id := place.Body.ID
		signedBy(t, g.World, g.authority, statement.KindHold, statement.ActHoldPlace, other, id, other, statement.HoldBody{ID: id, Reason: "x"})
		body := statement.HoldReleaseBody{Case: other, Reason: "x"}
		jws := signedBy(t, g.World, g.authority, statement.KindHoldRelease, statement.ActHoldRelease, id, id, other, body)
		must(t, g.Custodians["KZ"].Apply(t.Context(), jws))
		forge(t, g.World, storage.Effect{ID: id, Kind: "settle", State: "KZ", Payload: intentOf(t, sovereignty.HoldRelease, "KZ", map[string]any{"case": other})})
		attempted(t, g.World, id)
		must(t, g.DB.Read(storage.AsSystem(t.Context()), func(tx storage.ReadTx) error {
			lies, err := tx.Held(g.c, tx.Now())
			if !lies {
				t.Error("the hold is released")
			}
			return err
		}))
	})
}

// TestForgedStatement: a grant that waits for the register is brought into force, or
// ended as too late, by its own statement alone, whatever the row of the outbox has.
func TestForgedStatement(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		b := newBench(t)
		c := b.owner.FileCase(t, "A case", "AM")
		release := b.owner.Release(t, c, "AM")
		first := b.liaison.MakeGrant(t, c, b.liaison.GrantBody("AM", release))
		b.liaison.Do(t, first)
		pending := b.liaison.MakeGrant(t, c, b.liaison.GrantBody("AM", release))
		want(t, at(b.liaison, serverWith(t, b.World, failing("custodian KZ Apply"))).Try(t, pending), comity.CodeUnavailable, 0)
		must(t, b.DB.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
			waiting, err := tx.EffectsOf(pending.Body.ID)
			for _, e := range waiting {
				must(t, tx.DoneEffect(e.Seq))
			}
			return err
		}))
		forge(t, b.World, storage.Effect{ID: pending.Body.ID, Kind: "apply", State: "KZ", Payload: []byte(first.Statement)})
		attempted(t, b.World, pending.Body.ID)
		for _, g := range b.grants(t, c) {
			if g.ID == pending.Body.ID && g.Status != comity.GrantPending {
				t.Errorf("by another grant's statement it is %s", g.Status)
			}
		}
		if n := len(about(logOf(t, b.World, "auditor@AM"), pending.Body.ID)); n != 0 {
			t.Errorf("Armenia reads of it %d times", n)
		}
	})
}

// TestWithdrawalOfAnotherState: two officers of BY's authority withdraw KZ's case; by
// BY's register it is withdrawn, and KZ's stays as it is, its key with it.
func TestWithdrawalOfAnotherState(t *testing.T) {
	onOwned(t, func(t *testing.T, w *exchangetest.World, owner *sql.DB) {
		c := w.As(t, "investigator@KZ").FileCase(t, "KZ's own matter", "AM")
		row := storage.Withdrawal{Withdrawal: comity.Withdrawal{ID: comity.NewID(comity.KindWithdrawal), Case: c, State: "BY", Status: comity.WithdrawalPending,
			DueAt: w.Clock.Now(), CreatedAt: w.Clock.Now()}}
		if err := w.DB.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error { return tx.InsertWithdrawal(row) }); err == nil {
			t.Error("the schema takes BY's withdrawal of KZ's case")
		}
		for _, off := range []string{`ALTER TABLE withdrawals DROP CONSTRAINT withdrawals_of_case`, `DROP TRIGGER withdrawals_of_case_inserted`} {
			_, _ = owner.ExecContext(t.Context(), off) // one of them is the engine's
		}
		_, _, err := w.Custodians["BY"].NewRecordKey(t.Context(), c)
		must(t, err)
		first, second := w.As(t, "authority@BY"), w.As(t, "second@BY")
		body := statement.WithdrawBody{ID: row.ID, Reason: "x"}
		canonical, err := statement.Canonical(body)
		must(t, err)
		order := func(o *exchangetest.Officer) custodian.SignOrder {
			return custodian.SignOrder{Kind: statement.KindWithdrawal, ID: row.ID, Record: c, Body: canonical,
				Asker: statement.Asker{Token: o.Identity().Token, Act: o.Sign(t, statement.Act{Act: statement.ActCaseWithdraw, Record: c}, body)}}
		}
		propose := order(first)
		propose.Kind, propose.Of = statement.KindProposal, statement.KindWithdrawal
		proposal, err := w.Custodians["BY"].Sign(t.Context(), propose)
		must(t, err)
		approve := order(second)
		approve.Proposal = proposal
		jws, err := w.Custodians["BY"].Sign(t.Context(), approve)
		must(t, err)
		w.Clock.Advance(statement.WithdrawalAge + time.Minute)
		must(t, w.Custodians["BY"].Withdraw(t.Context(), jws))
		must(t, w.DB.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error { return tx.InsertWithdrawal(row) }))
		forge(t, w, storage.Effect{ID: row.ID, Kind: "withdraw", State: "BY"})
		attempted(t, w, row.ID)
		if v := caseOf(t, w.As(t, "investigator@KZ"), c, ""); v == nil || v.Status != comity.CaseOpen || v.Text == nil {
			t.Errorf("KZ's case is %+v", v)
		}
	})
}

// TestOthersIntentStays: an act that comes to its end takes its own intent back, and
// none that another officer's act on the same record left.
func TestOthersIntentStays(t *testing.T) {
	g := newGranted(t)
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
	officer, narrow := ends[sovereignty.GrantNarrow](t, g)
	want(t, at(officer, x).Try(t, narrow), comity.CodeUnavailable, 0)
	left := outbox(t, g.World, g.grant.Body.ID)
	if len(left) != 1 {
		t.Fatalf("%d intents wait", len(left))
	}
	deputy := g.As(t, "deputy@KZ")
	deputy.Do(t, deputy.Revoke(t, g.c, g.grant.Body.ID))
	if now := outbox(t, g.World, g.grant.Body.ID); len(now) != 1 || now[0].Seq != left[0].Seq {
		t.Errorf("of the narrowing's intent %d wait after another's revocation", len(now))
	}
}

// TestLateConfirmation: a confirmation that the register did not take in time lets the
// grant run on nowhere: its row says that it ended when its 72 hours were over.
func TestLateConfirmation(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		e := redCase(t, newWorld(t), comity.Ceiling{})
		b := e.body()
		b.Release, b.Purpose, b.Emergency = "", comity.PurposeDangerToLife, "a bomb is to go off"
		e.liaison.Do(t, e.liaison.MakeGrant(t, e.c, b))
		made := e.Clock.Now()
		release := &exchange.DecideRelease{Key: exchangetest.Key(), Case: e.c, Decider: comity.DeciderOwner, Grantee: "AM", Scope: comity.ScopeFull,
			Purpose: comity.PurposeDangerToLife, NotAfter: made.Add(30 * 24 * time.Hour)}
		e.owner.Do(t, release)
		body := statement.ConfirmBody{Case: e.c, Release: release.ID, NotAfter: b.NotAfter - 3600}
		confirm := &exchange.ConfirmGrant{Key: exchangetest.Key(), Grant: b.ID, ExpectedVersion: 2, Body: body,
			Act: e.deputy.Sign(t, statement.Act{Act: statement.ActGrantConfirm, Record: b.ID}, body)}
		want(t, at(e.deputy, serverWith(t, e.World, failing("custodian KZ Apply"))).Try(t, confirm), comity.CodeUnavailable, 0)
		e.Clock.Advance(comity.EmergencyAge + time.Hour)
		effects(t, e.Exchange, func() bool { return waiting(t, e.World, b.ID) == 0 })
		liaison := e.As(t, "liaison@KZ")
		liaison.Read(t, func(r *exchange.Reader) error {
			found, err := r.Grants([]comity.ID{b.ID})
			if g := found[b.ID]; g == nil || g.Status != comity.GrantEnded || g.EndedAt.Sub(made).Abs() > comity.EmergencyAge+time.Minute || g.EndedAt.Sub(made) < comity.EmergencyAge-time.Minute {
				t.Errorf("the grant is %+v", g)
			}
			return err
		})
		if v := caseOf(t, e.As(t, "investigator@AM"), e.c, comity.PurposeDangerToLife); v == nil || v.Access.Level != sovereignty.AccessEnded {
			t.Errorf("Armenia is shown %+v", v)
		}
		if n := len(about(logOf(t, e.World, "auditor@AM"), b.ID)); n == 0 {
			t.Error("Armenia reads nothing of its end")
		}
	})
}
