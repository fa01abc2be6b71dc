package exchange_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/storage"
)

// TestAttackDispatches: officers of a third state attack each act upon what two
// others handed each other: with its ids, with the words that are answered, with
// acts that its parties signed. They are told what is told of ids that never
// were, nothing changes, and neither party's record of acts grows.
func TestAttackDispatches(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		g := newGranted(t)
		theirs := g.As(t, "liaison@AM")
		caseOf(t, g.foreign, g.c, investigation)
		note := g.foreign.Annotate(t, g.c, g.c, g.grant.Body.ID, "known here")
		g.foreign.Do(t, note)
		offer := g.liaison.Offer(t, comity.NewID(comity.KindReferral), g.c, "AM", 1, "yours")
		g.liaison.Do(t, offer)
		notice := g.liaison.Notice(t, g.c, g.c, 0, comity.NoticeErase)
		g.liaison.Do(t, notice)
		told := theirs.Compelled(t, g.c, g.grant.Body.ID, g.Clock.Now().Add(time.Hour), "")
		theirs.Do(t, told)
		said := map[comity.ID]string{note.Body.ID: note.Statement, offer.ID: offer.Statement, notice.Body.ID: notice.Statement, told.Body.ID: told.Statement}

		// What the parties see: nothing of it may change.
		type seen struct {
			Views map[comity.ID]string
			Told  map[string]int
		}
		look := func() seen {
			s := seen{map[comity.ID]string{}, map[string]int{}}
			for id := range said {
				for _, o := range []*exchangetest.Officer{g.owner, g.liaison, theirs} {
					if v := o.Dispatch(t, id); v != nil {
						s.Views[id] += fmt.Sprintf("%s: %s %d %+v %+v %+v; ", o.Caller.Officer.Ref(), v.Status, v.Version, *v.Text, v.Deliveries, v.Readers)
					}
				}
			}
			for _, auditor := range []string{"auditor@KZ", "auditor@AM"} {
				for _, e := range logOf(t, g.World, auditor) {
					if e.Content.Actor.State == "BY" {
						s.Told[auditor]++
					}
				}
			}
			return s
		}
		before := look()

		answers := map[comity.Kind]comity.DispatchStatus{comity.KindAnnotation: comity.DispatchAccepted, comity.KindReferral: comity.DispatchAccepted,
			comity.KindNotice: comity.DispatchDone, comity.KindCompelled: comity.DispatchObjected}
		for _, name := range []string{"investigator@BY", "liaison@BY", "authority@BY", "auditor@BY"} {
			o := g.As(t, name)
			// Each act upon a record of the parties, and upon one that never was.
			acts := map[string]func(hidden bool) exchange.Act{
				"annotate a case": func(hidden bool) exchange.Act {
					if hidden {
						return o.Annotate(t, g.c, g.c, g.grant.Body.ID, "x")
					}
					absent := comity.NewID(comity.KindCase)
					return o.Annotate(t, absent, absent, comity.NewID(comity.KindGrant), "x")
				},
				"tell of a wrong version": func(hidden bool) exchange.Act {
					of := g.c
					if !hidden {
						of = comity.NewID(comity.KindCase)
					}
					return o.Notice(t, of, of, 0, comity.NoticeCorrect)
				},
				"notify a disclosure": func(hidden bool) exchange.Act {
					if hidden {
						return o.Compelled(t, g.c, g.grant.Body.ID, g.Clock.Now().Add(time.Hour), "")
					}
					return o.Compelled(t, comity.NewID(comity.KindCase), comity.NewID(comity.KindGrant), g.Clock.Now().Add(time.Hour), "")
				},
				"offer a matter of a case": func(hidden bool) exchange.Act {
					of := g.c
					if !hidden {
						of = comity.NewID(comity.KindCase)
					}
					return o.Offer(t, comity.NewID(comity.KindReferral), of, "AM", 1, "x")
				},
				"change an offer": func(hidden bool) exchange.Act {
					id := offer.ID
					if !hidden {
						id = comity.NewID(comity.KindReferral)
					}
					return o.Offer(t, id, "", "AM", 2, "other words")
				},
			}
			for id, words := range said {
				of := func(hidden bool) comity.ID {
					if hidden {
						return id
					}
					return comity.NewID(id.Kind())
				}
				acts["answer the "+string(id.Kind())] = func(hidden bool) exchange.Act {
					return o.Answers(t, of(hidden), words, answers[id.Kind()], "x")
				}
				acts["answer nothing of the "+string(id.Kind())] = func(hidden bool) exchange.Act { // malformed besides
					return o.Answers(t, of(hidden), "", "PERHAPS", strings.Repeat("x", 1<<16))
				}
				if id.Kind() == comity.KindAnnotation || id.Kind() == comity.KindReferral {
					acts["take back the "+string(id.Kind())] = func(hidden bool) exchange.Act {
						return &exchange.WithdrawDispatch{Key: exchangetest.Key(), ID: of(hidden)}
					}
				}
			}
			for what, act := range acts {
				got, absent := o.Try(t, act(true)), o.Try(t, act(false))
				if got == nil || absent == nil || comity.CodeOf(got) != comity.CodeNotFound && comity.CodeOf(got) != comity.CodeDenied || !same(got, absent) {
					t.Errorf("%s: to %s that is hidden answers %v, that is absent %v", name, what, got, absent)
				}
			}

			// Acts that the parties signed, and a key of theirs, in another's hands.
			for what, act := range map[string]exchange.Act{
				"an annotation":  &exchange.Annotate{Key: exchangetest.Key(), Case: g.c, Body: note.Body, Act: note.Act},
				"an offer":       &exchange.OfferReferral{Key: exchangetest.Key(), ID: offer.ID, Case: g.c, Body: offer.Body, Act: offer.Act},
				"a notice":       &exchange.SendNotice{Key: notice.Key, Case: g.c, Body: notice.Body, Act: notice.Act},
				"a notification": &exchange.NotifyDisclosure{Key: told.Key, Case: g.c, Body: told.Body, Act: told.Act},
				"an answer": func() exchange.Act {
					a := theirs.Answers(t, offer.ID, offer.Statement, comity.DispatchAccepted, "")
					a.Key = exchangetest.Key()
					return a
				}(),
			} {
				if err := o.Try(t, act); err == nil {
					t.Errorf("%s does %s that another signed", name, what)
				}
			}

			for id := range said {
				if v := o.Dispatch(t, id); v != nil {
					t.Errorf("%s finds %s", name, id)
				}
			}
			for kind := range comity.Forms {
				for _, f := range []storage.DispatchFilter{{}, {Case: g.c}, {Record: g.c}, {State: "KZ"}, {State: "AM"}, {Made: true}, {Received: true}, {Open: true}, {Overdue: true}} {
					f.Kind = kind
					if n := len(handed(t, o, f)); n != 0 {
						t.Errorf("%s is listed %d of %s by %+v", name, n, kind, f)
					}
				}
			}
			if n := len(annotationsOf(t, o, g.c)); n != 0 {
				t.Errorf("%s is shown %d annotations with the case", name, n)
			}
		}
		if d := cmp.Diff(before, look()); d != "" {
			t.Errorf("for the parties it is another (-before +after):\n%s", d)
		}

		// It was all there to be done.
		theirs.Do(t, theirs.Answers(t, offer.ID, offer.Statement, comity.DispatchAccepted, ""))
		g.owner.Do(t, g.owner.Answers(t, note.Body.ID, note.Statement, comity.DispatchAccepted, ""))
		theirs.Do(t, theirs.Answers(t, notice.Body.ID, notice.Statement, comity.DispatchDone, ""))
		g.liaison.Do(t, g.liaison.Answers(t, told.Body.ID, told.Statement, comity.DispatchObjected, "no"))
	})
}

// same reports whether two errors say the same.
func same(a, b error) bool {
	x, ok := errors.AsType[*comity.Error](a)
	y, also := errors.AsType[*comity.Error](b)
	return ok && also && x.Code == y.Code && x.Article == y.Article && x.Message == y.Message && x.Cure == y.Cure && strings.Join(x.Path, ".") == strings.Join(y.Path, ".")
}

// TestAttackDispatchRows: whoever keeps the database exchanges the words of one
// dispatch for those of another, or turns its clear fields: it opens to nobody,
// and is not answered as if it said that.
func TestAttackDispatchRows(t *testing.T) {
	g, raw := operated(t)
	theirs := g.As(t, "liaison@AM")
	offer := func(text string) *exchange.OfferReferral {
		o := g.liaison.Offer(t, comity.NewID(comity.KindReferral), "", "AM", 1, text)
		g.liaison.Do(t, o)
		return o
	}
	for what, change := range map[string]string{
		"another's words":  `UPDATE dispatches SET sealed = (SELECT sealed FROM dispatches WHERE id = ?2) WHERE id = ?1`,
		"another state":    `UPDATE dispatches SET state = 'BY' WHERE id = ?1 AND ?2 <> ''`,
		"another label":    `UPDATE dispatches SET tlp = 'CLEAR' WHERE id = ?1 AND ?2 <> ''`,
		"a longer time":    `UPDATE dispatches SET due_at = due_at + 86400000000 WHERE id = ?1 AND ?2 <> ''`,
		"another category": `UPDATE dispatches SET category = 'FRAUD' WHERE id = ?1 AND ?2 <> ''`,
		"another officer":  `UPDATE dispatches SET officer = 'KZ:authority-1' WHERE id = ?1 AND ?2 <> ''`,
	} {
		one, other := offer("the gang is yours"), offer("the money is yours")
		exec(t, raw, change, one.ID, other.ID)
		var v *exchange.DispatchView
		err := g.Exchange.Read(t.Context(), theirs.Caller, func(r *exchange.Reader) error {
			found, err := r.Dispatches([]comity.ID{one.ID})
			v = found[one.ID]
			return err
		})
		if err == nil && v != nil && v.Text != nil {
			t.Errorf("with %s it is shown as %+v", what, v.Text)
		}
		if err := theirs.Try(t, theirs.Answers(t, one.ID, one.Statement, comity.DispatchAccepted, "")); err == nil {
			t.Errorf("with %s it is taken", what)
		}
	}
	// A status that nobody answered with, and an answer that was given to another.
	one, other := offer("the gang is yours"), offer("the money is yours")
	theirs.Do(t, theirs.Answers(t, other.ID, other.Statement, comity.DispatchAccepted, ""))
	exec(t, raw, `UPDATE dispatches SET status = 'ACCEPTED', answered_by = 'AM:liaison-1', answered = (SELECT answered FROM dispatches WHERE id = ?2) WHERE id = ?1`, one.ID, other.ID)
	_ = g.Exchange.Read(t.Context(), g.liaison.Caller, func(r *exchange.Reader) error {
		found, err := r.Dispatches([]comity.ID{one.ID})
		if v := found[one.ID]; err == nil && v != nil && v.Answered != nil {
			t.Errorf("another's answer is shown: %+v", v.Answered)
		}
		return err
	})
}

// TestAttackForgedDelivery: whoever writes to the database delivers a notice to a
// state that never read anything: with a row of the delivery, of a reading, and of a
// grant whose statement is another's. It opens to nobody there, in lists and by id
// alike, and is not answered; those whom it reached see it as before.
func TestAttackForgedDelivery(t *testing.T) {
	g, raw := operated(t)
	if caseOf(t, g.foreign, g.c, investigation) == nil {
		t.Fatal("the grantee reads nothing")
	}
	notice := g.liaison.Notice(t, g.c, g.c, 0, comity.NoticeCorrect)
	g.liaison.Do(t, notice)
	stranger, reader := g.As(t, "liaison@BY"), g.As(t, "liaison@AM")
	check := func(what string) {
		t.Helper()
		if v := stranger.Dispatch(t, notice.Body.ID); v != nil {
			t.Errorf("by %s the notice opens to a state that was granted nothing: %+v of %s", what, v.Text, v.Case)
		}
		stranger.Read(t, func(r *exchange.Reader) error {
			page, err := r.ListDispatches(storage.DispatchFilter{Kind: comity.DispatchNotice}, 10, "")
			if len(page.Items) != 0 {
				t.Errorf("by %s notices are listed: %+v", what, page.Items)
			}
			return err
		})
		got := stranger.Try(t, stranger.Answers(t, notice.Body.ID, notice.Statement, comity.DispatchDone, ""))
		absent := stranger.Try(t, stranger.Answers(t, comity.NewID(comity.KindNotice), notice.Statement, comity.DispatchDone, ""))
		if !same(got, absent) {
			t.Errorf("by %s an answer is told %v, and to none %v", what, got, absent)
		}
		if v := reader.Dispatch(t, notice.Body.ID); v == nil || v.Text == nil || v.Text.Text == "" {
			t.Errorf("by %s those whom it reached see %+v", what, v)
		}
	}
	check("nothing")
	exec(t, raw, `INSERT INTO deliveries (notice, state, to_state, status, delivered_at, due_at, answered_by, answered_at, answered)
		SELECT notice, state, 'BY', status, delivered_at, due_at, '', 0, x'' FROM deliveries WHERE notice = ?`, notice.Body.ID)
	check("a delivery")
	exec(t, raw, `INSERT INTO disclosures (record_id, officer, version, state, agency, origin, case_id, grant_id, at)
		SELECT record_id, ?, version, 'BY', 'BY/cyber', origin, case_id, grant_id, at FROM disclosures`, stranger.Caller.Officer.Ref())
	check("a reading")
	exec(t, raw, `UPDATE grants SET grantee_state = 'BY', viewer = 'BY' WHERE id = ?`, g.grant.Body.ID)
	if v := stranger.Dispatch(t, notice.Body.ID); v != nil {
		t.Errorf("by a grant that was signed for another state the notice opens: %+v", v)
	}
}

// TestNoticeWhileTheManifestIsNot: while the manifest of who sent a notice is not
// valid its words stay closed, and it is not answered.
func TestNoticeWhileTheManifestIsNot(t *testing.T) {
	g := newGranted(t)
	caseOf(t, g.foreign, g.c, investigation)
	notice := g.liaison.Notice(t, g.c, g.c, 0, comity.NoticeCorrect)
	g.liaison.Do(t, notice)
	theirs := g.As(t, "liaison@AM")
	g.Publish(t, "KZ", func(m *statement.Manifest) { m.Expires = g.Clock.Now().Add(time.Minute) })
	g.Clock.Advance(2 * time.Minute)
	if v := theirs.Dispatch(t, notice.Body.ID); v == nil || v.Text != nil {
		t.Errorf("the notice is shown as %+v", v)
	}
	want(t, theirs.Try(t, theirs.Answers(t, notice.Body.ID, notice.Statement, comity.DispatchDone, "")), comity.CodeUnavailable, 0)
}
