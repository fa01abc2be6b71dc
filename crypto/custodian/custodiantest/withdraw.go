package custodiantest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
)

func (w *World) holdOrder(t *testing.T, officer string, caseID comity.ID, b statement.HoldBody) custodian.SignOrder {
	t.Helper()
	b.ID, b.Reason = comity.NewID(comity.KindHold), "proceedings"
	return w.signOrder(t, officer, statement.KindHold, statement.ActHoldPlace, caseID, b.ID, caseID, b)
}

func (w *World) releaseHoldOrder(t *testing.T, officer string, id, caseID comity.ID) custodian.SignOrder {
	t.Helper()
	return w.signOrder(t, officer, statement.KindHoldRelease, statement.ActHoldRelease, id, id, caseID, statement.HoldReleaseBody{Case: caseID, Reason: "over"})
}

func (w *World) withdrawOrder(t *testing.T, officer string, caseID comity.ID) custodian.SignOrder {
	t.Helper()
	b := statement.WithdrawBody{ID: comity.NewID(comity.KindWithdrawal), Reason: "filed in error"}
	return w.signOrder(t, officer, statement.KindWithdrawal, statement.ActCaseWithdraw, caseID, b.ID, caseID, b)
}

func (w *World) cancelOrder(t *testing.T, officer string, id, caseID comity.ID) custodian.SignOrder {
	t.Helper()
	return w.signOrder(t, officer, statement.KindCancellation, statement.ActCaseWithdrawCancel, id, id, caseID,
		statement.WithdrawCancelBody{Case: caseID, Reason: "not in error"})
}

// withdrawal: after 72 hours by the custodian's clock the key is gone, for good.
func withdrawal(t *testing.T, w *World) {
	e := w.NewExhibit(t, w.NewCase(t))
	wrapped, _, err := w.Local.NewRecordKey(t.Context(), e.Case)
	if err != nil {
		t.Fatal(err)
	}
	grant, _ := w.Granted(t, e.Case, w.terms(e.ID))
	kept := w.sign(t, w.grantOrder(t, "liaison@KZ", e.Case, w.terms(e.ID)))
	o := w.withdrawOrder(t, "authority@KZ", e.Case)
	_, err = w.Local.Sign(t.Context(), o)
	refused(t, "withdrawn by one officer", err, denied(comity.ArticleTerm))
	_, err = w.Local.Sign(t.Context(), proposed(w.withdrawOrder(t, "liaison@KZ", e.Case)))
	refused(t, "proposed by a liaison", err, denied(comity.ArticleTerm))
	proposal := w.sign(t, proposed(o))
	refused(t, "a proposal carried out", w.Local.Withdraw(t.Context(), proposal), invalid)
	jws := w.sign(t, w.approving(t, "second@KZ", o, proposal))
	refused(t, "put into the register", w.Local.Apply(t.Context(), jws), invalid)
	refused(t, "a grant carried out", w.Local.Withdraw(t.Context(), kept), invalid)
	w.advance(statement.WithdrawalAge - time.Second)
	refused(t, "a second too early", w.Local.Withdraw(t.Context(), jws), denied(comity.ArticleTerm))
	w.open(t, "investigator@AM", e, grant)
	w.advance(time.Second)
	for range 2 { // also when it was interrupted, or done by two at once
		if err := w.Local.Withdraw(t.Context(), jws); err != nil {
			t.Fatal(err)
		}
	}
	w.closed(t, "a grant of what is withdrawn", "investigator@AM", e, grant, denied(comity.ArticleTerm))
	w.closed(t, "its own state", "investigator@KZ", e, "", absent)
	_, err = w.Local.RecordKey(t.Context(), e.Case, wrapped)
	refused(t, "its words", err, absent)
	_, _, err = w.Local.NewRecordKey(t.Context(), e.Case)
	refused(t, "its key made again", err, conflict)
	if _, _, err := w.Keys.DataKey(t.Context(), custodian.KeyName(e.Case), context32("x")); !errors.Is(err, custodian.ErrAbsent) {
		t.Errorf("a key that was refused exists: %v", err)
	}
	for what, order := range map[string]custodian.SignOrder{"a grant": w.grantOrder(t, "liaison@KZ", e.Case, w.terms()),
		"a hold": w.holdOrder(t, "authority@KZ", e.Case, statement.HoldBody{}), "a reservation": w.reserveOrder(t, "authority@KZ", e.Case),
		"a second withdrawal": proposed(w.withdrawOrder(t, "authority@KZ", e.Case)), "a cancellation": w.cancelOrder(t, "authority@KZ", o.ID, e.Case)} {
		_, err := w.Local.Sign(t.Context(), order)
		refused(t, what+" of what is withdrawn", err, conflict)
	}
}

// withdrawalStopped: by a hold while it lies, by any officer's cancellation for good.
func withdrawalStopped(t *testing.T, w *World) {
	e := w.NewExhibit(t, w.NewCase(t))
	o := w.withdrawOrder(t, "authority@KZ", e.Case)
	jws := w.both(t, o)
	hold := w.holdOrder(t, "authority@KZ", e.Case, statement.HoldBody{})
	w.sign(t, hold)
	preserved := w.holdOrder(t, "liaison@KZ", e.Case, statement.HoldBody{Request: comity.NewID(comity.KindRequest), NotAfter: w.now() + 4*24*3600})
	w.sign(t, preserved)
	_, err := w.Local.Sign(t.Context(), proposed(w.withdrawOrder(t, "authority@KZ", e.Case)))
	refused(t, "proposed during a hold", err, denied(comity.ArticleTerm))
	w.advance(statement.WithdrawalAge)
	refused(t, "during two holds", w.Local.Withdraw(t.Context(), jws), denied(comity.ArticleTerm))
	_, err = w.Local.Sign(t.Context(), w.releaseHoldOrder(t, "liaison@KZ", hold.ID, e.Case))
	refused(t, "released by a liaison", err, denied(comity.ArticleTerm))
	w.sign(t, w.releaseHoldOrder(t, "second@KZ", hold.ID, e.Case))
	if got, err := w.Local.Entered(t.Context(), e.Case); err != nil || !slices.Equal(got.Held, []comity.ID{preserved.ID}) || !slices.Equal(got.Released, []comity.ID{hold.ID}) {
		t.Errorf("the register says %+v, %v", got, err)
	}
	refused(t, "while it is preserved", w.Local.Withdraw(t.Context(), jws), denied(comity.ArticleTerm))
	w.advance(24 * time.Hour)
	w.sign(t, w.cancelOrder(t, "second@KZ", o.ID, e.Case))
	refused(t, "cancelled", w.Local.Withdraw(t.Context(), jws), conflict)
	w.open(t, "investigator@KZ", e, "")

	anew := w.both(t, w.withdrawOrder(t, "authority@KZ", e.Case))
	w.advance(statement.WithdrawalAge)
	if err := w.Local.Withdraw(t.Context(), anew); err != nil {
		t.Errorf("withdrawn anew, and no hold: %v", err)
	}
}

func holdRefused(t *testing.T, w *World) {
	c, request := w.NewCase(t), comity.NewID(comity.KindRequest)
	misnamed := w.holdOrder(t, "authority@KZ", c, statement.HoldBody{})
	misnamed.ID = comity.NewID(comity.KindHold)
	for what, r := range map[string]struct {
		order custodian.SignOrder
		want  refusal
	}{
		"a liaison's without a request":   {w.holdOrder(t, "liaison@KZ", c, statement.HoldBody{}), denied(comity.ArticleTerm)},
		"the authority's for a request":   {w.holdOrder(t, "authority@KZ", c, statement.HoldBody{Request: request, NotAfter: w.now() + 60}), denied(comity.ArticleLiaison)},
		"a preservation without an end":   {w.holdOrder(t, "liaison@KZ", c, statement.HoldBody{Request: request}), denied(comity.ArticleTerm)},
		"a preservation beyond 60 days":   {w.holdOrder(t, "liaison@KZ", c, statement.HoldBody{Request: request, NotAfter: w.now() + 60*24*3600 + 300}), denied(comity.ArticleTerm)},
		"one that is over":                {w.holdOrder(t, "authority@KZ", c, statement.HoldBody{NotAfter: w.now()}), denied(comity.ArticleTerm)},
		"one for what is no request":      {w.holdOrder(t, "liaison@KZ", c, statement.HoldBody{Request: c, NotAfter: w.now() + 60}), invalid},
		"an investigator's":               {w.holdOrder(t, "investigator@KZ", c, statement.HoldBody{}), denied(comity.ArticleTerm)},
		"an investigator's for a request": {w.holdOrder(t, "investigator@KZ", c, statement.HoldBody{Request: request, NotAfter: w.now() + 60}), denied(comity.ArticleLiaison)},
		"another state's":                 {w.holdOrder(t, "authority@AM", c, statement.HoldBody{}), denied(comity.ArticleNonInterference)},
		"one under another id":            {misnamed, invalid},
	} {
		_, err := w.Local.Sign(t.Context(), r.order)
		refused(t, what, err, r.want)
	}
	if got, err := w.Local.Entered(t.Context(), c); err != nil || len(got.Held) != 0 {
		t.Errorf("a hold that was refused lies: %+v, %v", got, err)
	}
	w.sign(t, w.holdOrder(t, "liaison@KZ", c, statement.HoldBody{Request: request, NotAfter: w.now() + 60*24*3600}))
}

// staleWithdrawal: what was proposed before a withdrawal was cancelled is approved
// after it by nobody.
func staleWithdrawal(t *testing.T, w *World) {
	c := w.NewCase(t)
	left, o := w.withdrawOrder(t, "authority@KZ", c), w.withdrawOrder(t, "authority@KZ", c)
	proposal := w.sign(t, proposed(left))
	w.both(t, o)
	w.sign(t, w.cancelOrder(t, "second@KZ", o.ID, c))
	_, err := w.Local.Sign(t.Context(), w.approving(t, "second@KZ", left, proposal))
	refused(t, "a withdrawal proposed before another was cancelled", err, denied(comity.ArticleTerm))
	w.both(t, w.withdrawOrder(t, "authority@KZ", c))
}

// holdAgainstWithdrawal places a hold at the moment of the withdrawal: either
// the hold lies and the key is there, or it was refused and the key is gone.
func holdAgainstWithdrawal(t *testing.T, w *World) {
	for range 5 {
		c := w.NewCase(t)
		wrapped, _, err := w.Local.NewRecordKey(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		jws := w.both(t, w.withdrawOrder(t, "authority@KZ", c))
		w.advance(statement.WithdrawalAge)
		hold := w.holdOrder(t, "authority@KZ", c, statement.HoldBody{})
		second := w.Another(custodian.Quota{})
		var group sync.WaitGroup
		var held, gone error
		group.Go(func() { _, held = w.Local.Sign(t.Context(), hold) })
		group.Go(func() { gone = second.Withdraw(t.Context(), jws) })
		group.Wait()
		_, err = w.Local.RecordKey(t.Context(), c, wrapped)
		if (held == nil) == (gone == nil) || (held == nil) != (err == nil) {
			t.Fatalf("held: %v, withdrawn: %v, and its words: %v", held, gone, err)
		}
	}
}

// lateWithdrawal: a withdrawal that was kept back is not carried out when
// everybody has forgotten it, nor one that the register never knew.
func lateWithdrawal(t *testing.T, w *World) {
	e := w.NewExhibit(t, w.NewCase(t))
	o := w.withdrawOrder(t, "authority@KZ", e.Case)
	jws := w.both(t, o)
	unknown := w.withdrawOrder(t, "authority@KZ", e.Case)
	aside := w.aside(t)
	elsewhere := signed(t, aside, w.approving(t, "second@KZ", unknown, signed(t, aside, proposed(unknown))))
	w.advance(statement.WithdrawalAge + statement.WithdrawalLife)
	for what, jws := range map[string]string{"too late": jws, "the register does not know": elsewhere} {
		refused(t, "a withdrawal that comes "+what, w.Local.Withdraw(t.Context(), jws), conflict)
	}
	if got, err := w.Local.Entered(t.Context(), e.Case); err != nil || got.Withdrawn || !slices.Contains(got.Cancelled, o.ID) {
		t.Errorf("the register says %+v, %v", got, err)
	}
	w.open(t, "investigator@KZ", e, "")
	for what, order := range map[string]custodian.SignOrder{
		"the cancellation of no withdrawal": w.cancelOrder(t, "second@KZ", comity.NewID(comity.KindWithdrawal), e.Case),
		"the release of no hold":            w.releaseHoldOrder(t, "second@KZ", comity.NewID(comity.KindHold), e.Case),
	} {
		_, err := w.Local.Sign(t.Context(), order)
		refused(t, what, err, conflict)
	}
}

// withdrawnTwice: what two officers withdraw and sign once more is withdrawn by
// either statement, each in its own time.
func withdrawnTwice(t *testing.T, w *World) {
	for _, last := range []bool{false, true} {
		c := w.NewCase(t)
		o := w.withdrawOrder(t, "authority@KZ", c)
		jws := w.both(t, o)
		w.advance(time.Minute)
		o.Asker = w.asker(t, "authority@KZ", statement.Act{Act: statement.ActCaseWithdraw, Record: c}, o.Body)
		proposal := w.sign(t, proposed(o)) // the answer was lost, and it was signed anew
		repeated := w.sign(t, w.approving(t, "second@KZ", o, proposal))
		w.advance(statement.WithdrawalAge - time.Minute)
		refused(t, "the second before its time", w.Local.Withdraw(t.Context(), repeated), denied(comity.ArticleTerm))
		if last {
			w.advance(time.Minute)
			jws = repeated
		}
		if err := w.Local.Withdraw(t.Context(), jws); err != nil {
			t.Errorf("signed twice, by the last %t: %v", last, err)
		}
	}
	c := w.NewCase(t)
	o := w.withdrawOrder(t, "authority@KZ", c)
	late := w.both(t, o)
	w.advance(statement.WithdrawalAge + statement.WithdrawalLife)
	o.Asker = w.asker(t, "authority@KZ", statement.Act{Act: statement.ActCaseWithdraw, Record: c}, o.Body)
	w.both(t, o)
	refused(t, "one that was late when it was signed anew", w.Local.Withdraw(t.Context(), late), conflict)
}

// manyHolds: what one officer places and releases is not counted against holds
// to come.
func manyHolds(t *testing.T, w *World) {
	c := w.NewCase(t)
	for range 101 {
		hold := w.holdOrder(t, "authority@KZ", c, statement.HoldBody{})
		w.sign(t, hold)
		w.sign(t, w.releaseHoldOrder(t, "authority@KZ", hold.ID, c))
	}
	hold := w.holdOrder(t, "second@KZ", c, statement.HoldBody{})
	w.sign(t, hold)
	if got, err := w.Local.Entered(t.Context(), c); err != nil || !slices.Equal(got.Held, []comity.ID{hold.ID}) || len(got.Released) > 100 {
		t.Errorf("the register says held %v, %d released, %v", got.Held, len(got.Released), err)
	}
}

// stubborn keeps every key.
type stubborn struct{ custodian.Keys }

func (stubborn) DestroyKey(context.Context, string) error { return errors.New("the store is sealed") }

// undestroyed: where the key outlived the withdrawal, nothing is opened with it,
// and who asks for it destroys it.
func undestroyed(t *testing.T, w *World) {
	for _, words := range []bool{true, false} {
		e := w.NewExhibit(t, w.NewCase(t))
		wrapped, _, err := w.Local.NewRecordKey(t.Context(), e.Case)
		if err != nil {
			t.Fatal(err)
		}
		jws := w.both(t, w.withdrawOrder(t, "authority@KZ", e.Case))
		w.advance(statement.WithdrawalAge)
		sealed := w.over(stubborn{w.Keys})
		if err := sealed.Withdraw(t.Context(), jws); comity.CodeOf(err) != comity.CodeUnavailable {
			t.Fatalf("withdrawn though the key stays: %v", err)
		}
		_, err = sealed.RecordKey(t.Context(), e.Case, wrapped)
		refused(t, "its words while the key cannot be destroyed", err, refusal{code: comity.CodeUnavailable})
		if words {
			_, err = w.Local.RecordKey(t.Context(), e.Case, wrapped)
		} else {
			_, err = w.Local.Release(t.Context(), w.Order(t, "investigator@KZ", e, "", comity.PurposeInvestigation))
		}
		refused(t, "what is withdrawn", err, absent)
		if _, err := w.Keys.Unwrap(t.Context(), custodian.KeyName(e.Case), [32]byte{}, wrapped); !errors.Is(err, custodian.ErrAbsent) {
			t.Errorf("the key is there still: %v", err)
		}
	}
}
