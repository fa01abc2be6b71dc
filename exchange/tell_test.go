package exchange_test

import (
	"errors"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/storage"
)

// TestTellLeavesNoTrace: what an officer may not know of is neither shown nor written
// down anywhere, and what is told is, once.
func TestTellLeavesNoTrace(t *testing.T) {
	for name, open := range map[string]func(testing.TB, func() time.Time) storage.DB{"SQLite": exchangetest.SQLite, "PostgreSQL": exchangetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			w := exchangetest.NewWith(t, exchangetest.Options{DB: open})
			owner := w.As(t, "investigator@KZ")
			c := owner.FileCase(t, "Ransomware", "AM")
			if placed, err := w.Exchange.PlaceEvents(t.Context()); err != nil || !placed {
				t.Fatalf("events placed: %v, %v", placed, err)
			}
			all, err := w.Exchange.EventsAfter(t.Context(), 0)
			if err != nil || len(all) != 1 || all[0].Case != c {
				t.Fatalf("%v, %v", all, err)
			}
			w.Sequence(t)
			tell := func(name string, e exchange.Event) (told bool) {
				t.Helper()
				shown := false
				told, err := w.Exchange.Tell(t.Context(), w.As(t, name).Caller, e, comity.PurposeInvestigation, func(_ *exchange.Reader, got *exchange.Told) error {
					shown = true
					if got.Case == nil || got.Case.ID != c {
						t.Errorf("%s was shown %+v", name, got)
					}
					return nil
				})
				if err != nil || shown != told {
					t.Errorf("%s: told %v, shown %v, %v", name, told, shown, err)
				}
				return told
			}
			absent := all[0]
			absent.Record, absent.Event.Case = comity.NewID(comity.KindCase), comity.NewID(comity.KindCase)
			for _, other := range []string{"colleague@KZ", "authority@KZ", "auditor@KZ", "investigator@AM", "liaison@AM"} {
				abroad := all[0]
				abroad.State = "" // as to whom the case is granted to
				for _, e := range []exchange.Event{all[0], abroad, absent} {
					if tell(other, e) {
						t.Errorf("%s was told", other)
					}
				}
			}
			if n := w.Sequence(t); n != 0 {
				t.Errorf("%d leaves were left by what was not told", n)
			}
			if !tell("investigator@KZ", all[0]) {
				t.Error("the owner was not told")
			}
			if n := w.Sequence(t); n != 1 {
				t.Errorf("%d leaves were left by what was told", n)
			}
			failed := errors.New("failed")
			if told, err := w.Exchange.Tell(t.Context(), owner.Caller, all[0], "", func(*exchange.Reader, *exchange.Told) error { return failed }); told || !errors.Is(err, failed) {
				t.Errorf("told %v, %v", told, err)
			}
		})
	}
}

// TestTellOfProposals: that a proposal waits is told to the others of its role, and what
// became of it to all of the role; to others it is as if it were not.
func TestTellOfProposals(t *testing.T) {
	for name, open := range map[string]func(testing.TB, func() time.Time) storage.DB{"SQLite": exchangetest.SQLite, "PostgreSQL": exchangetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			e := redCase(t, exchangetest.NewWith(t, exchangetest.Options{DB: open}), comity.Ceiling{})
			if _, err := e.Exchange.PlaceEvents(t.Context()); err != nil {
				t.Fatal(err)
			}
			before, err := e.Exchange.LastEvent(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			p := e.propose(t, e.liaison, e.body())
			if _, err := e.Exchange.PlaceEvents(t.Context()); err != nil {
				t.Fatal(err)
			}
			all, err := e.Exchange.EventsAfter(t.Context(), before)
			if err != nil || len(all) != 1 || all[0].Kind != comity.EventProposalArrived || all[0].Record != p || all[0].Event.Case != e.c || all[0].State != "KZ" {
				t.Fatalf("%+v, %v", all, err)
			}
			if v := all[0].Viewers; len(v) != 1 || v[0] != "KZ#LIAISON" {
				t.Errorf("it can concern %v", v)
			}
			e.Sequence(t)
			tell := func(name string, ev exchange.Event) bool {
				t.Helper()
				told, err := e.Exchange.Tell(t.Context(), e.As(t, name).Caller, ev, comity.PurposeInvestigation, func(_ *exchange.Reader, got *exchange.Told) error {
					if got.Proposal == nil || got.Proposal.ID != p || got.Proposal.Text == nil {
						t.Errorf("%s was shown %+v", name, got)
					}
					return nil
				})
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
				return told
			}
			decided, forged := all[0], all[0]
			decided.Kind = comity.EventProposalDecided
			forged.State = "" // as to whom a case is granted
			for _, other := range []string{"investigator@KZ", "authority@KZ", "auditor@KZ", "investigator@AM", "liaison@AM"} {
				for _, ev := range []exchange.Event{all[0], decided, forged} {
					if tell(other, ev) {
						t.Errorf("%s was told of %s", other, ev.Kind)
					}
				}
			}
			if tell("liaison@KZ", all[0]) {
				t.Error("who proposed was told that it waits")
			}
			if n := e.Sequence(t); n != 0 {
				t.Errorf("%d leaves were left by what was not told", n)
			}
			if !tell("deputy@KZ", all[0]) || !tell("liaison@KZ", decided) || !tell("deputy@KZ", decided) {
				t.Error("whom it concerns was not told")
			}
			if n := e.Sequence(t); n != 3 {
				t.Errorf("%d leaves were left by what was told", n)
			}
		})
	}
}

// TestTellFromTheGrantOn: who is granted a case is told of what changes in it from then
// on, and not how often and when it changed before, whatever is gone on from.
func TestTellFromTheGrantOn(t *testing.T) {
	w := exchangetest.New(t)
	owner, liaison, reader := w.As(t, "investigator@KZ"), w.As(t, "liaison@KZ"), w.As(t, "investigator@AM")
	c := owner.FileCase(t, "Ransomware", "AM")
	owner.Do(t, &exchange.AssignCase{Key: exchangetest.Key(), ID: c, Office: comity.RoleLiaison})
	change := func(title string) {
		t.Helper()
		version := 0
		owner.Read(t, func(r *exchange.Reader) error {
			found, err := r.Cases([]comity.ID{c}, "")
			if found[c] != nil {
				version = found[c].Version
			}
			return err
		})
		owner.Do(t, &exchange.UpdateCase{Key: exchangetest.Key(), ID: c, ExpectedVersion: version, Title: &title})
		w.Clock.Advance(time.Minute)
	}
	place := int64(0)
	look := func() (n int) {
		t.Helper()
		for {
			if _, err := w.Exchange.PlaceEvents(t.Context()); err != nil {
				t.Fatal(err)
			}
			all, err := w.Exchange.EventsAfter(t.Context(), place)
			if err != nil {
				t.Fatal(err)
			}
			if len(all) == 0 {
				return n
			}
			for _, e := range all {
				if place = e.Seq; e.Kind != comity.EventCaseChanged {
					continue
				}
				ok, err := w.Exchange.Tell(t.Context(), reader.Caller, e, comity.PurposeInvestigation, func(*exchange.Reader, *exchange.Told) error { return nil })
				if err != nil {
					t.Fatal(err)
				}
				if ok {
					n++
				}
			}
		}
	}
	change("before")
	change("and again")
	w.Mandate(t, "KZ")
	liaison.Do(t, liaison.MakeGrant(t, c, liaison.GrantBody("AM", owner.Release(t, c, "AM"))))
	if told := look(); told != 0 {
		t.Errorf("told of %d changes from before the grant", told)
	}
	w.Clock.Advance(time.Minute)
	change("after")
	if told := look(); told != 1 {
		t.Errorf("told %d times of a change under the grant", told)
	}
}
