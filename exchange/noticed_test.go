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

// TestUndertakingDeclinedMeanwhile: an officer of the authority declines what another
// accepts at the same time. Who comes too late is told so, and what is shown as
// accepted is a legal basis.
func TestUndertakingDeclinedMeanwhile(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		g := grantIn(t, newWorld(t))
		giver, second := g.As(t, "authority@AM"), g.As(t, "second@KZ")
		u := giver.Undertake(t, "KZ")
		giver.Do(t, u)
		said := g.authority.Dispatch(t, u.ID).Text.Statement
		accepted := false
		x := serverWith(t, g.World, func(ctx context.Context, call string, perform func(context.Context) error) error {
			if call == "custodian KZ Sign" && !accepted {
				accepted = true
				g.authority.Do(t, g.authority.Accepts(t, u.ID, said, g.c))
			}
			return perform(ctx)
		})
		want(t, at(second, x).Try(t, second.Answers(t, u.ID, said, comity.DispatchDeclined, "no")), comity.CodeConflict, 0)
		if v := g.authority.Dispatch(t, u.ID); v.Status != comity.DispatchAccepted {
			t.Fatalf("it is %s", v.Status)
		}
		b := g.liaison.GrantBody("AM", g.release)
		b.Agreement = string(u.ID)
		g.liaison.Do(t, g.liaison.MakeGrant(t, g.c, b))
	})
}

// TestNoticeFollowsTheDark: who reads a case while the originator's custodian is
// away is shown its clear fields, and is told when these prove wrong.
func TestNoticeFollowsTheDark(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		g := grantIn(t, newWorld(t))
		s := newSwitchable()
		x := serverWith(t, g.World, s.around)
		s.away["KZ"].Store(true)
		at(g.foreign, x).Read(t, func(r *exchange.Reader) error {
			found, err := r.Cases([]comity.ID{g.c}, investigation)
			if v := found[g.c]; err == nil && (v == nil || v.Text != nil || v.Category == "") {
				t.Errorf("in the dark it is shown as %+v", v)
			}
			return err
		})
		n := g.liaison.Notice(t, g.c, g.c, 0, comity.NoticeCorrect)
		g.liaison.Do(t, n)
		if !slices.Equal(n.Reached, []comity.State{"AM"}) {
			t.Errorf("the notice reached %v", n.Reached)
		}
	})
}

// TestRefusedAtHome: that an officer of the grantee's state may not object, or
// notify a disclosure, is told to its own state alone.
func TestRefusedAtHome(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		g := newGranted(t)
		before := len(logOf(t, g.World, "auditor@KZ"))
		body := statement.ObjectBody{ID: comity.NewID(comity.KindObjection), Case: g.c, Ground: comity.CharacterPolitical}
		want(t, g.foreign.Try(t, &exchange.ObjectGrant{Key: exchangetest.Key(), Grant: g.grant.Body.ID, Body: body,
			Act: g.foreign.Sign(t, statement.Act{Act: statement.ActGrantObject, Record: g.grant.Body.ID}, body)}), comity.CodeDenied, comity.ArticleNeutrality)
		want(t, g.foreign.Try(t, g.foreign.Compelled(t, g.c, g.grant.Body.ID, g.Clock.Now().Add(time.Hour), "")), comity.CodeDenied, comity.ArticleOriginatorControl)
		late := g.As(t, "liaison@AM")
		want(t, late.Try(t, late.Compelled(t, g.c, g.grant.Body.ID, g.Clock.Now().Add(-time.Hour), "")), comity.CodeDenied, comity.ArticleOriginatorControl)
		if n := len(logOf(t, g.World, "auditor@KZ")) - before; n != 0 {
			t.Errorf("the originator reads of %d refusals", n)
		}
		refused := 0
		for _, e := range logOf(t, g.World, "auditor@AM") {
			if e.Content.Outcome == audit.Refused {
				refused++
			}
		}
		if refused != 3 {
			t.Errorf("the own state reads of %d refusals", refused)
		}
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

// TestExportAnnotations: an export holds what other states added and the originator
// accepted, as far as its reader may see it and the use is allowed, with what its
// author signed and what binds it; the author is told of its own, and no more.
func TestExportAnnotations(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		g := newGranted(t)
		third := g.As(t, "investigator@BY")
		add := func(m comity.Marking, accept bool) comity.ID {
			a := g.foreign.Annotate(t, g.c, g.c, g.grant.Body.ID, "known here")
			a.Body.Marking = m
			a.Act = g.foreign.Sign(t, statement.Act{Act: statement.ActAnnotationAdd, Record: g.c}, a.Body)
			g.foreign.Do(t, a)
			if accept {
				g.owner.Do(t, g.owner.Answers(t, a.Body.ID, a.Statement, comity.DispatchAccepted, "a remark"))
			}
			return a.Body.ID
		}
		plain := add(comity.DefaultMarking, true)
		quiet := add(comity.Marking{TLP: comity.TLPAmber, PAP: comity.PAPRed, Handling: comity.H0}, true)
		strict := add(comity.Marking{TLP: comity.TLPAmberStrict, PAP: comity.PAPAmber, Handling: comity.H0}, true)
		open := add(comity.DefaultMarking, false)
		g.liaison.Do(t, g.liaison.MakeGrant(t, g.c, g.liaison.GrantBody("BY", g.owner.Release(t, g.c, "BY"))))
		export := func(o *exchangetest.Officer, p comity.Purpose) (ids, withheld []comity.ID, x *exchange.ExportCase) {
			x = &exchange.ExportCase{Key: exchangetest.Key(), Case: g.c, Purpose: p, Use: comity.UseOperational}
			o.Do(t, x)
			for _, a := range x.Export.Annotations {
				ids = append(ids, a.ID)
			}
			for _, w := range x.Export.Withheld {
				withheld = append(withheld, w.ID)
			}
			slices.Sort(ids)
			return ids, withheld, x
		}
		ids, withheld, x := export(third, investigation)
		if !slices.Equal(ids, []comity.ID{plain}) || !slices.Equal(withheld, []comity.ID{quiet}) {
			t.Fatalf("Belarus takes out %v, and is held back %v", ids, withheld)
		}
		a := x.Export.Annotations[0]
		s, err := g.Directory.VerifyStatement(a.Text.Statement)
		if err != nil || s.State != "AM" || s.ID != plain || a.Text.Text != "known here" || a.State != "AM" || a.Record != g.c {
			t.Errorf("it holds %+v, signed as %+v: %v", a, s, err)
		}
		if !slices.ContainsFunc(a.Obligations, func(o comity.Obligation) bool { return o.Code == comity.ObligePurpose }) {
			t.Errorf("it is bound by %v", a.Obligations)
		}
		if home, _, _ := export(g.owner, ""); !slices.Equal(home, slices.Sorted(slices.Values([]comity.ID{plain, strict}))) {
			t.Errorf("the originator takes out %v", home)
		}
		if author, _, _ := export(g.foreign, investigation); !slices.Equal(author, slices.Sorted(slices.Values([]comity.ID{plain, strict}))) {
			t.Errorf("its author takes out %v", author)
		}

		// Who is told, and of what.
		told := func(who string, id comity.ID) (n int) {
			for _, c := range about(logOf(t, g.World, who), id) {
				if c.Act == "caseExport" && c.Actor.State == "BY" {
					n++
				}
			}
			return n
		}
		for id, want := range map[comity.ID][2]int{plain: {1, 1}, quiet: {0, 0}, strict: {0, 0}, open: {0, 0}, g.c: {0, 1}} {
			if got := [2]int{told("auditor@AM", id), told("auditor@KZ", id)}; got != want {
				t.Errorf("of the export of %s the author and the originator read %v, wanted %v", id, got, want)
			}
		}
		for _, c := range about(logOf(t, g.World, "auditor@KZ"), open) {
			if c.Act == "caseExport" {
				t.Errorf("an export names what was not accepted: %+v", c)
			}
		}
		n := g.liaison.Notice(t, g.c, plain, 0, comity.NoticeErase)
		g.liaison.Do(t, n)
		if !slices.Equal(n.Reached, []comity.State{"BY"}) {
			t.Errorf("the notice of the annotation reached %v", n.Reached)
		}
	})
}
