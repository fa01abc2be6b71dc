package exchange_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
)

// TestNoticeFollowsExport: a state that takes a case out by an export alone has
// read it, and is told what proves wrong later; of what the export left out it is not.
func TestNoticeFollowsExport(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		g := grantIn(t, newWorld(t))
		entry := addEntry(t, g.owner, g.c, comity.DefaultMarking)
		strict := addEntry(t, g.owner, g.c, comity.Marking{TLP: comity.TLPAmber, PAP: comity.PAPRed, Handling: comity.H0})
		x := &exchange.ExportCase{Key: exchangetest.Key(), Case: g.c, Purpose: investigation, Use: comity.UseOperational}
		for range 2 { // a lost answer: exported anew
			g.foreign.Do(t, x)
			if len(x.Export.Entries) != 1 || x.Export.Entries[0].ID != entry || len(x.Export.Withheld) != 1 || x.Export.Withheld[0].ID != strict {
				t.Fatalf("exported %+v, withheld %+v", x.Export.Entries, x.Export.Withheld)
			}
		}
		for record, reached := range map[comity.ID][]comity.State{g.c: {"AM"}, entry: {"AM"}, strict: nil} {
			n := g.liaison.Notice(t, g.c, record, 0, comity.NoticeErase)
			g.liaison.Do(t, n)
			if !slices.Equal(n.Reached, reached) {
				t.Errorf("the notice of %s reached %v, wanted %v", record, n.Reached, reached)
			}
			if v := g.foreign.Dispatch(t, n.Body.ID); (v != nil) != (reached != nil) {
				t.Errorf("who exported %s finds the notice %+v", record, v)
			}
		}
		// Who exports it at home is no reader, and one that was refused is none.
		g.owner.Do(t, &exchange.ExportCase{Key: exchangetest.Key(), Case: g.c, Use: comity.UseAnalysis})
		c := g.owner.FileCase(t, "Another", "AM")
		g.liaison.Do(t, g.liaison.MakeGrant(t, c, g.liaison.GrantBody("AM", g.owner.Release(t, c, "AM"))))
		want(t, g.foreign.Try(t, &exchange.ExportCase{Key: exchangetest.Key(), Case: c, Purpose: investigation, Use: comity.UseCourt}), comity.CodeDenied, comity.ArticlePurpose)
		n := g.liaison.Notice(t, c, c, 0, comity.NoticeErase)
		g.liaison.Do(t, n)
		if len(n.Reached) != 0 {
			t.Errorf("of what nobody was given a notice reached %v", n.Reached)
		}
		for _, e := range about(logOf(t, g.World, "auditor@KZ"), strict) {
			if e.Act == "caseExport" {
				t.Errorf("the record of acts names what was left out of an export: %+v", e)
			}
		}
	})
}

// TestUndertakingReservedAtHome: that the asked state reserved the case, for which
// it would accept an undertaking, is told to nobody abroad, neither by the denial
// nor by what is asked about it.
func TestUndertakingReservedAtHome(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		g := grantIn(t, newWorld(t))
		giver := g.As(t, "authority@AM")
		u := giver.Undertake(t, "KZ")
		giver.Do(t, u)
		before := len(about(logOf(t, g.World, "auditor@AM"), u.ID))
		must(t, g.reserve(t))
		said := g.authority.Dispatch(t, u.ID).Text.Statement
		accept := g.authority.Accepts(t, u.ID, said, g.c)
		want(t, g.authority.Try(t, accept), comity.CodeDenied, comity.ArticleDomesticReservation)
		why(t, g.authority, exchange.Why{Action: "undertakingAnswer", Record: u.ID})
		why(t, g.liaison, exchange.Why{Action: "undertakingAnswer", Record: u.ID})
		want(t, g.liaison.Try(t, g.liaison.Accepts(t, u.ID, said, g.c)), comity.CodeDenied, comity.ArticleDomesticReservation)
		if told := about(logOf(t, g.World, "auditor@AM"), u.ID); len(told) != before {
			t.Errorf("the giver reads of %d acts, and read of %d before: %+v", len(told), before, told[before:])
		}
		if !slices.ContainsFunc(about(logOf(t, g.World, "auditor@KZ"), u.ID), func(c audit.Content) bool {
			return c.Outcome == audit.Refused && c.Article == comity.ArticleDomesticReservation
		}) {
			t.Error("the own state does not read of its denial")
		}
	})
}

// TestAnswerCaseNeedsToKnow: the case that an undertaking was accepted for, or a
// referral taken up in, is told in its own state to who finds the case alone.
func TestAnswerCaseNeedsToKnow(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		g := grantIn(t, newWorld(t))
		giver, offering := g.As(t, "authority@AM"), g.As(t, "liaison@AM")
		u := giver.Undertake(t, "KZ")
		giver.Do(t, u)
		g.authority.Do(t, g.authority.Accepts(t, u.ID, u.Statement, g.c))
		theirs, id := g.foreign.FileCase(t, "Offered", "KZ"), comity.NewID(comity.KindReferral)
		g.foreign.Do(t, &exchange.AssignCase{Key: exchangetest.Key(), ID: theirs, Office: comity.RoleLiaison})
		offering.Do(t, offering.Offer(t, id, theirs, "KZ", 1, "the suspect is yours"))
		takes := g.liaison.Answers(t, id, g.liaison.Dispatch(t, id).Text.Statement, comity.DispatchAccepted, "")
		takes.Case = g.c
		g.liaison.Do(t, takes)
		told := func(who *exchangetest.Officer, from, in comity.ID, named bool) {
			t.Helper()
			offer, promise := who.Dispatch(t, id), who.Dispatch(t, u.ID)
			if offer.Case != from || offer.Answer != in || promise.Answer != in || (promise.Answered.Statement != "") != named || offer.Answered.Statement == "" {
				t.Errorf("%s is told that it arose from %q, and was taken up in %q and %q: %+v", who.Caller.Officer.Ref(), offer.Case, offer.Answer, promise.Answer, promise.Answered)
			}
		}
		told(g.liaison, "", g.c, true)
		told(offering, theirs, "", false)
		g.owner.Do(t, &exchange.AssignCase{Key: exchangetest.Key(), ID: g.c, Office: comity.RoleLiaison, Remove: true})
		g.foreign.Do(t, &exchange.AssignCase{Key: exchangetest.Key(), ID: theirs, Office: comity.RoleLiaison, Remove: true})
		told(g.liaison, "", "", false)
		told(g.authority, "", g.c, true)
		told(offering, "", "", false)
	})
}

// TestUndertakingWithdrawnMeanwhile: an undertaking that its giver withdraws while
// the acceptance is being signed is no legal basis, whatever the exchange is
// written to say.
func TestUndertakingWithdrawnMeanwhile(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		g := grantIn(t, newWorld(t))
		giver := g.As(t, "authority@AM")
		u := giver.Undertake(t, "KZ")
		giver.Do(t, u)
		said := g.authority.Dispatch(t, u.ID).Text.Statement
		withdrawn := false
		x := serverWith(t, g.World, func(ctx context.Context, call string, perform func(context.Context) error) error {
			err := perform(ctx)
			if call == "custodian KZ Sign" && !withdrawn {
				withdrawn = true
				giver.Do(t, &exchange.WithdrawDispatch{Key: exchangetest.Key(), ID: u.ID})
			}
			return err
		})
		accepting := at(g.authority, x)
		want(t, accepting.Try(t, accepting.Accepts(t, u.ID, said, g.c)), comity.CodeConflict, 0)
		b := g.liaison.GrantBody("AM", g.release)
		b.Agreement = string(u.ID)
		body, err := statement.Canonical(b)
		must(t, err)
		_, err = g.Custodians["KZ"].Sign(t.Context(), custodian.SignOrder{Kind: statement.KindGrant, ID: b.ID, Record: g.c, Body: body,
			Asker: statement.Asker{Token: g.liaison.Identity().Token, Act: g.liaison.Sign(t, statement.Act{Act: statement.ActGrantMake, Record: g.c}, b)}})
		want(t, err, comity.CodeDenied, comity.ArticleLegalBasis)
	})
}

// TestTakenIDs: that another state has a record under an id is not said by the
// refusal to make one there, which reads as that of an own record's id does.
func TestTakenIDs(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		g := grantIn(t, newWorld(t))
		am, kz, soon := g.As(t, "authority@AM"), g.As(t, "authority@KZ"), g.Clock.Now().Add(time.Hour).Truncate(time.Second)
		g.As(t, "liaison@AM") // who is put on duty
		shift := func(o *exchangetest.Officer, id comity.ID, from time.Time) exchange.Act {
			return o.ShiftOf(t, statement.DutyBody{ID: id, Officer: o.Shift(t, from, from.Add(time.Hour), "+000 1").Body.Officer, From: from.Unix(), Until: from.Add(time.Hour).Unix(), Contact: "+000 1"})
		}
		reserve := func(o *exchangetest.Officer, id comity.ID, c comity.Category) exchange.Act {
			body := statement.CategoryBody{Category: c, Reason: "domestic"}
			return &exchange.ReserveCategory{Key: exchangetest.Key(), ID: id, Body: body, Act: o.Sign(t, statement.Act{Act: statement.ActCategoryReserve, Record: id}, body)}
		}
		undertake := func(o *exchangetest.Officer, id comity.ID, to comity.State) exchange.Act {
			u := o.Undertake(t, to)
			u.ID, u.Act = id, o.Sign(t, statement.Act{Act: statement.ActUndertakingGive, Record: id}, u.Body)
			return u
		}
		for what, c := range map[string]struct{ taken, own, foreign exchange.Act }{
			"a shift": func() (s struct{ taken, own, foreign exchange.Act }) {
				id := comity.NewID(comity.KindShift)
				s.taken, s.own, s.foreign = shift(kz, id, soon), shift(kz, id, soon.Add(5*time.Hour)), shift(am, id, soon)
				return s
			}(),
			"a reservation": func() (s struct{ taken, own, foreign exchange.Act }) {
				id := comity.NewID(comity.KindReservation)
				s.taken, s.own, s.foreign = reserve(kz, id, "FRAUD"), reserve(kz, id, "MALWARE"), reserve(am, id, "FRAUD")
				return s
			}(),
			"an undertaking": func() (s struct{ taken, own, foreign exchange.Act }) {
				id := comity.NewID(comity.KindUndertaking)
				s.taken, s.own, s.foreign = undertake(kz, id, "AM"), undertake(kz, id, "BY"), undertake(am, id, "BY")
				return s
			}(),
		} {
			kz.Do(t, c.taken)
			own, foreign := kz.Try(t, c.own), am.Try(t, c.foreign)
			want(t, own, comity.CodeConflict, 0)
			want(t, foreign, comity.CodeConflict, 0)
			if own != nil && foreign != nil && (own.Error() != foreign.Error() || strings.Contains(foreign.Error(), "there is") || strings.Contains(foreign.Error(), "already")) {
				t.Errorf("%s under another state's id: %v; under an own one: %v", what, foreign, own)
			}
		}
	})
}
