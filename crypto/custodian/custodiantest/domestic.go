package custodiantest

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/custodian/keyring"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
	"github.com/comity-platform/comity/deploy/stack/stacktest"
)

// both has an order done by two officers of the authority over one body, and
// gives the final statement.
func (w *World) both(t *testing.T, o custodian.SignOrder) string {
	t.Helper()
	return w.sign(t, w.approving(t, "second@KZ", o, w.sign(t, proposed(o))))
}

func (w *World) liftOrder(t *testing.T, officer string, caseID comity.ID) custodian.SignOrder {
	t.Helper()
	return w.signOrder(t, officer, statement.KindLifting, statement.ActCaseReserveLift, caseID, caseID, caseID, statement.LiftBody{Reason: "over"})
}

func (w *World) categoryOrder(t *testing.T, officer string, kind statement.Kind, c comity.Category) custodian.SignOrder {
	t.Helper()
	id, act := comity.NewID(comity.KindReservation), statement.ActCategoryReserve
	if kind == statement.KindCategoryLifting {
		act = statement.ActCategoryReserveLift
	}
	return w.signOrder(t, officer, kind, act, id, id, id, statement.CategoryBody{Category: c, Reason: "domestic"})
}

// lifting: a reservation is lifted by two officers of the authority; what ended
// by it stays ended, and what is granted after it is open.
func lifting(t *testing.T, w *World) {
	e := w.NewExhibit(t, w.NewCase(t))
	_, err := w.Local.Sign(t.Context(), proposed(w.liftOrder(t, "authority@KZ", e.Case)))
	refused(t, "lifting what is not reserved", err, conflict)

	running, _ := w.Granted(t, e.Case, w.terms(e.ID))
	kept := w.grantOrder(t, "liaison@KZ", e.Case, w.terms(e.ID))
	keptGrant := w.sign(t, kept)
	reservation := w.sign(t, w.reserveOrder(t, "authority@KZ", e.Case))
	w.closed(t, "a running grant", "investigator@AM", e, running, denied(comity.ArticleTerm))

	o := w.liftOrder(t, "authority@KZ", e.Case)
	_, err = w.Local.Sign(t.Context(), o)
	refused(t, "lifted by one officer", err, denied(comity.ArticleDomesticReservation))
	proposal := w.sign(t, proposed(w.liftOrder(t, "authority@KZ", e.Case)))
	for officer, want := range map[string]refusal{"authority@KZ": denied(comity.ArticleDomesticReservation),
		"liaison@KZ": denied(comity.ArticleDomesticReservation), "authority@AM": denied(comity.ArticleNonInterference)} {
		_, err = w.Local.Sign(t.Context(), w.approving(t, officer, o, proposal))
		refused(t, "approved by "+officer, err, want)
	}
	w.apply(t, reservation)
	lifted := w.sign(t, w.approving(t, "second@KZ", o, proposal))
	if got, err := w.Local.Entered(t.Context(), e.Case); err != nil || got.Ended || !got.Lifted {
		t.Errorf("after the lifting the register says %+v, %v", got, err)
	}
	w.closed(t, "a grant that ended by the reservation", "investigator@AM", e, running, denied(comity.ArticleTerm))
	w.apply(t, keptGrant)
	w.closed(t, "a grant signed before and applied after the lifting", "investigator@AM", e, kept.ID, denied(comity.ArticleTerm))
	again, _ := w.Granted(t, e.Case, w.terms(e.ID))
	w.open(t, "investigator@AM", e, again)
	w.apply(t, reservation, lifted) // the outbox comes late
	w.open(t, "investigator@AM", e, again)

	left := w.sign(t, proposed(w.liftOrder(t, "second@KZ", e.Case))) // nobody approves it in its turn

	w.sign(t, w.reserveOrder(t, "second@KZ", e.Case))
	w.closed(t, "reserved anew", "investigator@AM", e, again, denied(comity.ArticleTerm))
	w.apply(t, lifted)
	w.closed(t, "the old lifting of a new reservation", "investigator@AM", e, again, denied(comity.ArticleTerm))
	for p, second := range map[string]string{proposal: "second@KZ", left: "authority@KZ"} {
		_, err = w.Local.Sign(t.Context(), w.approving(t, second, o, p))
		refused(t, "a lifting proposed before the reservation and approved by "+second, err, denied(comity.ArticleDomesticReservation))
	}
	w.sign(t, w.approving(t, "second@KZ", o, w.sign(t, proposed(w.liftOrder(t, "authority@KZ", e.Case)))))
}

// staleProposals: what was proposed before a reservation is approved after none
// of it, be it the lifting of a category or a grant.
func staleProposals(t *testing.T, w *World) {
	e := w.NewExhibit(t, w.NewCase(t))
	category := func(officer string, k statement.Kind) custodian.SignOrder {
		return w.categoryOrder(t, officer, k, tokentest.Category)
	}
	grant := w.pairedOrder(t, "liaison@KZ", e.Case, w.terms(e.ID))
	granted := w.sign(t, proposed(grant))
	w.sign(t, category("authority@KZ", statement.KindCategoryReservation))
	o, other := category("authority@KZ", statement.KindCategoryLifting), category("authority@KZ", statement.KindCategoryLifting)
	used, left := w.sign(t, proposed(o)), w.sign(t, proposed(other))
	w.sign(t, w.approving(t, "second@KZ", o, used))
	_, err := w.Local.Sign(t.Context(), w.approving(t, "deputy@KZ", grant, granted))
	refused(t, "a grant proposed before and approved after a reservation", err, denied(comity.ArticleLiaison))
	w.sign(t, category("authority@KZ", statement.KindCategoryReservation))
	for p, of := range map[string]custodian.SignOrder{used: o, left: other} {
		_, err = w.Local.Sign(t.Context(), w.approving(t, "second@KZ", of, p))
		refused(t, "a category's lifting proposed before it was reserved anew", err, denied(comity.ArticleDomesticReservation))
	}
}

// anyTurn applies two reservations, their liftings and a grant signed before,
// between and after, in every order: the outcome is the same.
func anyTurn(t *testing.T, w *World) {
	for _, category := range []bool{false, true} {
		e := w.NewExhibit(t, w.NewCase(t))
		reserve := func() string { return w.sign(t, w.reserveOrder(t, "authority@KZ", e.Case)) }
		lift := func() string { return w.both(t, w.liftOrder(t, "authority@KZ", e.Case)) }
		if category {
			reserve = func() string {
				return w.sign(t, w.categoryOrder(t, "authority@KZ", statement.KindCategoryReservation, tokentest.Category))
			}
			lift = func() string {
				return w.both(t, w.categoryOrder(t, "authority@KZ", statement.KindCategoryLifting, tokentest.Category))
			}
		}
		grant := func() (comity.ID, string) {
			o := w.grantOrder(t, "liaison@KZ", e.Case, w.terms(e.ID))
			return o.ID, w.sign(t, o)
		}
		before, beforeJWS := grant()
		first, firstLifted := reserve(), lift()
		between, betweenJWS := grant()
		second, secondLifted := reserve(), lift()
		after, afterJWS := grant()
		all := []string{beforeJWS, first, firstLifted, betweenJWS, second, secondLifted, afterJWS}
		orders := permutations(len(all))
		for n := 0; n < len(orders); n += 211 { // a spread of the 5,040, the first included
			register, err := keyring.Open(stacktest.TempDir(t))
			if err != nil {
				t.Fatal(err)
			}
			l := w.over(divided{w.Keys, fresh{register, w.Keys}})
			for range 2 {
				for _, i := range orders[n] {
					if err := l.Apply(t.Context(), all[i]); err != nil {
						t.Fatal(err)
					}
				}
			}
			for id, want := range map[comity.ID]bool{before: false, between: false, after: true} {
				_, err := l.Release(t.Context(), w.Order(t, "investigator@AM", e, id, comity.PurposeInvestigation))
				if want != (err == nil) || err != nil && comity.CodeOf(err) != comity.CodeDenied {
					t.Fatalf("category %v, order %v: the grant opens: %v, want %v", category, orders[n], err, want)
				}
			}
		}
	}
}

// fresh is a register of its own but for exhibits, which stand in another.
type fresh struct {
	custodian.Keys
	exhibits custodian.Keys
}

func (f fresh) RegisterGet(ctx context.Context, key string) ([]byte, int64, error) {
	if strings.HasPrefix(key, "evidence/") {
		return f.exhibits.RegisterGet(ctx, key)
	}
	return f.Keys.RegisterGet(ctx, key)
}

// reservedCategory: every case of the category is closed and ungrantable, those
// of others are not.
func reservedCategory(t *testing.T, w *World) {
	e := w.NewExhibit(t, w.NewCase(t))
	running, _ := w.Granted(t, e.Case, w.terms(e.ID))
	for officer, want := range map[string]refusal{"liaison@KZ": denied(comity.ArticleDomesticReservation),
		"investigator@KZ": denied(comity.ArticleDomesticReservation), "authority@AM": denied(comity.ArticleNonInterference)} {
		_, err := w.Local.Sign(t.Context(), w.categoryOrder(t, officer, statement.KindCategoryReservation, tokentest.Category))
		refused(t, "reserved by "+officer, err, want)
	}
	for _, c := range []comity.Category{"", "ransom ware", "../CASE", "ransomware"} {
		_, err := w.Local.Sign(t.Context(), w.categoryOrder(t, "authority@KZ", statement.KindCategoryReservation, c))
		refused(t, "the category "+string(c), err, invalid)
	}
	w.sign(t, w.categoryOrder(t, "authority@KZ", statement.KindCategoryReservation, "ANOTHER"))
	w.open(t, "investigator@AM", e, running)

	w.sign(t, w.categoryOrder(t, "authority@KZ", statement.KindCategoryReservation, tokentest.Category))
	if got, err := w.Local.EnteredCategory(t.Context(), tokentest.Category); err != nil || !got.Ended || got.Lifted {
		t.Errorf("the register says %+v, %v", got, err)
	}
	w.closed(t, "a running grant of the category", "investigator@AM", e, running, denied(comity.ArticleTerm))
	_, err := w.Local.Standing(t.Context(), e.Case, running, "AM")
	refused(t, "its words", err, denied(comity.ArticleTerm))
	_, err = w.Local.Sign(t.Context(), w.grantOrder(t, "liaison@KZ", w.NewCase(t), w.terms()))
	refused(t, "a grant of another case of it", err, denied(comity.ArticleDomesticReservation))
	w.open(t, "investigator@KZ", e, "")

	_, err = w.Local.Sign(t.Context(), w.categoryOrder(t, "authority@KZ", statement.KindCategoryLifting, tokentest.Category))
	refused(t, "lifted by one officer", err, denied(comity.ArticleDomesticReservation))
	w.both(t, w.categoryOrder(t, "authority@KZ", statement.KindCategoryLifting, tokentest.Category))
	w.closed(t, "after the lifting", "investigator@AM", e, running, denied(comity.ArticleTerm))
	again, _ := w.Granted(t, e.Case, w.terms(e.ID))
	w.open(t, "investigator@AM", e, again)
}

// reserveAgainstGrant runs reservations, liftings and grants of one case at
// once: whatever came out, a grant from before the last reservation is closed.
func reserveAgainstGrant(t *testing.T, w *World) {
	for range 5 {
		e := w.NewExhibit(t, w.NewCase(t))
		second := w.Another(custodian.Quota{})
		w.sign(t, w.reserveOrder(t, "authority@KZ", e.Case))
		o := w.liftOrder(t, "authority@KZ", e.Case)
		lift, reserve := w.approving(t, "second@KZ", o, w.sign(t, proposed(o))), w.reserveOrder(t, "authority@KZ", e.Case)
		grant := w.grantOrder(t, "liaison@KZ", e.Case, w.terms(e.ID))
		var group sync.WaitGroup
		var lifted, granted error
		var reservation, made string
		group.Go(func() { _, lifted = w.Local.Sign(t.Context(), lift) })
		group.Go(func() { reservation, _ = second.Sign(t.Context(), reserve) })
		group.Go(func() { made, granted = w.Local.Sign(t.Context(), grant) })
		group.Wait()
		if lifted != nil || reservation == "" {
			t.Fatalf("lifted: %v, reserved: %q", lifted, reservation)
		}
		s, err := w.Union.Directory.VerifyStatement(reservation)
		if err != nil {
			t.Fatal(err)
		}
		got, err := w.Local.Entered(t.Context(), e.Case)
		if err != nil || s.Turns.Case == 2 != got.Ended {
			t.Fatalf("the reservation of turn %d and the lifting of the first leave %+v, %v", s.Turns.Case, got, err)
		}
		if granted == nil {
			w.apply(t, made)
			_, err := w.Local.Release(t.Context(), w.Order(t, "investigator@AM", e, grant.ID, comity.PurposeInvestigation))
			if (err == nil) == got.Ended {
				t.Fatalf("reserved %v, and the grant opens: %v", got.Ended, err)
			}
		}
	}
}
