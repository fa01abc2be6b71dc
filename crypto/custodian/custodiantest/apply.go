package custodiantest

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
)

func applyRefused(t *testing.T, w *World) {
	e := w.NewExhibit(t, w.NewCase(t))
	terms := w.terms(e.ID)
	id := terms.ID
	receipt := w.sign(t, w.receiptOrder(t, "investigator@KZ", e))
	good := w.sign(t, w.grantOrder(t, "liaison@KZ", e.Case, w.terms(e.ID)))
	for what, jws := range map[string]string{
		"a forged grant":  w.forged(t, id, e.Case, terms),
		"a foreign grant": w.foreign(t, "AM", statement.KindGrant, id, e.Case, terms),
		"a receipt":       receipt,
		"an act":          w.asker(t, "liaison@KZ", statement.Act{Act: statement.ActGrantMake, Record: e.Case}, w.terms(e.ID)).Act,
		"a token":         w.session(t, "liaison@KZ").token,
		"a manifest":      w.Union.Directory.JWS("KZ"),
		"a cut statement": good[:len(good)-4],
		"nothing":         "",
	} {
		refused(t, what, w.Local.Apply(t.Context(), jws), invalid)
	}
	w.closed(t, "the forged grant", "investigator@AM", e, id, absent)
}

// anyOrder applies a grant and what narrows or ends it in every order, each
// statement twice, to a register that knows of none: the outcome is the same.
func anyOrder(t *testing.T, w *World) {
	caseID := w.NewCase(t)
	a, b, c := w.NewExhibit(t, caseID), w.NewExhibit(t, caseID), w.NewExhibit(t, caseID)
	for _, ends := range []bool{false, true} {
		for _, order := range permutations(3) {
			terms := w.terms(a.ID, b.ID, c.ID)
			o := w.grantOrder(t, "liaison@KZ", caseID, terms)
			grant := w.sign(t, o)
			narrow := func(exhibits ...comity.ID) string {
				return signed(t, w.aside(t), w.narrowOrder(t, "liaison@KZ", o.ID, caseID, statement.NarrowBody{Scope: terms.Scope,
					Exhibits: exhibits, Caveats: terms.Caveats, NotAfter: terms.NotAfter - 1}))
			}
			all := []string{grant, narrow(a.ID, b.ID), narrow(b.ID, c.ID)}
			if ends {
				all[2] = signed(t, w.aside(t), w.revokeOrder(t, "liaison@KZ", o.ID, caseID))
			}
			for _, i := range order {
				w.apply(t, all[i], all[i])
			}
			for _, i := range order {
				w.apply(t, all[i])
			}
			if ends {
				for _, e := range []Exhibit{a, b, c} {
					w.closed(t, "revoked", "investigator@AM", e, o.ID, denied(comity.ArticleTerm))
				}
				continue
			}
			w.open(t, "investigator@AM", b, o.ID)
			for _, e := range []Exhibit{a, c} {
				w.closed(t, "narrowed away", "investigator@AM", e, o.ID, denied(comity.ArticleLiaison))
			}
		}
	}
	// A revocation alone says nothing of the grantee: nobody is told of it.
	o := w.grantOrder(t, "liaison@KZ", caseID, w.terms(a.ID))
	w.sign(t, w.revokeOrder(t, "liaison@KZ", o.ID, caseID))
	w.closed(t, "revoked and never granted", "investigator@AM", a, o.ID, absent)
}

func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{nil}
	}
	var all [][]int
	for _, p := range permutations(n - 1) {
		for at := range n {
			q := append(append(append([]int{}, p[:at]...), n-1), p[at:]...)
			all = append(all, q)
		}
	}
	return all
}

func reservationFinal(t *testing.T, w *World) {
	e := w.NewExhibit(t, w.NewCase(t))
	running, _ := w.Granted(t, e.Case, w.terms(e.ID))
	o := w.grantOrder(t, "liaison@KZ", e.Case, w.terms(e.ID))
	pending := w.sign(t, o)
	w.open(t, "investigator@AM", e, running)

	w.apply(t, signed(t, w.aside(t), w.reserveOrder(t, "authority@KZ", e.Case)))
	w.closed(t, "a running grant", "investigator@AM", e, running, denied(comity.ArticleTerm))
	w.apply(t, pending)
	w.closed(t, "a grant applied after", "investigator@AM", e, o.ID, denied(comity.ArticleTerm))
	// Lifting the reservation must not bring it to life: it has ended for itself.
	entry, _, err := w.Keys.RegisterGet(t.Context(), "grant/"+string(o.ID))
	if err != nil || !strings.Contains(string(entry), `"ended":{`) {
		t.Errorf("the grant applied after stands in the register as %s, %v", entry, err)
	}
	_, err = w.Local.Sign(t.Context(), w.grantOrder(t, "liaison@KZ", e.Case, w.terms(e.ID)))
	refused(t, "a new grant", err, denied(comity.ArticleDomesticReservation))
	w.apply(t, w.sign(t, w.reserveOrder(t, "authority@KZ", e.Case))) // again
	w.open(t, "investigator@KZ", e, "")

	other := w.NewExhibit(t, w.NewCase(t))
	grant, _ := w.Granted(t, other.Case, w.terms(other.ID))
	w.open(t, "investigator@AM", other, grant)
}

// oneGrant: a turned server has another custodian of the state, which has not
// seen it, sign a liaison's act again, to keep a grant past its revocation. The
// id is the act's own: there is one grant to be had of it, and its end is final.
func oneGrant(t *testing.T, w *World) {
	e := w.NewExhibit(t, w.NewCase(t))
	o := w.grantOrder(t, "liaison@KZ", e.Case, w.terms(e.ID))
	w.sign(t, o)
	again := o
	again.ID = comity.NewID(comity.KindGrant)
	_, err := w.Another(custodian.Quota{}).Sign(t.Context(), again)
	refused(t, "a second grant of one act", err, invalid)
	twin := signed(t, w.Another(custodian.Quota{}), o) // never shown to the liaison
	w.apply(t, twin)
	w.open(t, "investigator@AM", e, o.ID)
	w.sign(t, w.revokeOrder(t, "liaison@KZ", o.ID, e.Case))
	w.closed(t, "the twin of a revoked grant", "investigator@AM", e, o.ID, denied(comity.ArticleTerm))

	// The same id with another statement.
	changed := w.grantOrder(t, "liaison@KZ", e.Case, w.terms())
	w.apply(t, w.sign(t, changed))
	terms := w.terms(e.ID)
	terms.ID = changed.ID
	wider := w.grantOrder(t, "liaison@KZ", e.Case, terms)
	refused(t, "another grant under the id", w.Local.Apply(t.Context(), w.sign(t, wider)), refusal{code: comity.CodeConflict})
	w.closed(t, "another grant under the id", "investigator@AM", e, changed.ID, denied(comity.ArticleLiaison))
}

// withheld: a signed grant that was kept back for more than a day, until nobody
// expects it any more, comes too late. One that is in force is not touched.
func withheld(t *testing.T, w *World) {
	e := w.NewExhibit(t, w.NewCase(t))
	late, soon := w.grantOrder(t, "liaison@KZ", e.Case, w.terms(e.ID)), w.grantOrder(t, "liaison@KZ", e.Case, w.terms(e.ID))
	kept, applied := w.sign(t, late), w.sign(t, soon)
	w.advance(custodian.GrantAge - time.Minute)
	w.apply(t, applied)
	w.advance(2 * time.Minute)
	refused(t, "a grant of yesterday", w.Local.Apply(t.Context(), kept), denied(comity.ArticleTerm))
	w.closed(t, "a grant of yesterday", "investigator@AM", e, late.ID, absent)
	w.apply(t, applied)
	w.open(t, "investigator@AM", e, soon.ID)
}

// applyRace applies many grants of one case, and their revocations, at once
// through two servers; none may be lost.
func applyRace(t *testing.T, w *World) {
	const grants = 6
	e := w.NewExhibit(t, w.NewCase(t))
	second := w.Another(custodian.Quota{})
	var ids []comity.ID
	var statements [][]string
	for range grants {
		o := w.grantOrder(t, "liaison@KZ", e.Case, w.terms(e.ID))
		jws := w.sign(t, o)
		ids = append(ids, o.ID)
		statements = append(statements, []string{jws, signed(t, w.aside(t), w.revokeOrder(t, "liaison@KZ", o.ID, e.Case))})
	}
	apply := func(which int) {
		var group sync.WaitGroup
		for i := range grants {
			for _, l := range []*custodian.Local{w.Local, second} {
				group.Go(func() {
					if err := l.Apply(t.Context(), statements[i][which]); err != nil {
						t.Error(err)
					}
				})
			}
		}
		group.Wait()
	}
	apply(0)
	for _, id := range ids {
		w.open(t, "investigator@AM", e, id)
	}
	apply(1)
	for _, id := range ids {
		w.closed(t, "revoked", "investigator@AM", e, id, denied(comity.ArticleTerm))
	}
}

// damagedRegister: an entry that cannot be read is not taken for an absent one.
func damagedRegister(t *testing.T, w *World) {
	for _, prefix := range []string{"case/", "grant/", "evidence/"} {
		for _, text := range []string{"", "nonsense", `{"unknown":1}`, `{"case":"x"}{}`} {
			e := w.NewExhibit(t, w.NewCase(t))
			grant, _ := w.Granted(t, e.Case, w.terms(e.ID))
			key := prefix + string(map[string]comity.ID{"case/": e.Case, "grant/": grant, "evidence/": e.ID}[prefix])
			_, version, err := w.Keys.RegisterGet(t.Context(), key)
			if err != nil && !errors.Is(err, custodian.ErrAbsent) {
				t.Fatal(err)
			}
			if err := w.Keys.RegisterPut(t.Context(), key, []byte(text), version); err != nil {
				t.Fatal(err)
			}
			w.closed(t, "the damaged entry "+key, "investigator@AM", e, grant, refusal{code: comity.CodeUnavailable})
		}
	}
}
