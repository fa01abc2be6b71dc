package exchange_test

import (
	"sync"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// handed are the ids of a list of dispatches, newest first.
func handed(t *testing.T, o *exchangetest.Officer, f storage.DispatchFilter) (ids []comity.ID) {
	t.Helper()
	o.Read(t, func(r *exchange.Reader) error {
		page, err := r.ListDispatches(f, 50, "")
		if err != nil {
			return err
		}
		ids = nil
		for _, v := range page.Items {
			ids = append(ids, v.ID)
		}
		if n, err := page.Count(); err != nil || n != len(ids) {
			t.Errorf("%d are counted of %d: %v", n, len(ids), err)
		}
		return err
	})
	return ids
}

// annotationsOf are those that come with a case.
func annotationsOf(t *testing.T, o *exchangetest.Officer, c comity.ID) (all []*exchange.DispatchView) {
	t.Helper()
	o.Read(t, func(r *exchange.Reader) error {
		cases, err := r.Cases([]comity.ID{c}, investigation)
		if err != nil || cases[c] == nil {
			return err
		}
		pages, err := r.Annotations([]*exchange.CaseView{cases[c]}, 10, "")
		all = pages[c].Items
		return err
	})
	return all
}

// TestAnnotations: what a grantee adds is seen by its author and the originator,
// and by the other grantees once the originator accepted it; it changes nothing
// of the case, and outlives the grant for its author alone.
func TestAnnotations(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		g := newGranted(t)
		third, liaison := g.As(t, "investigator@BY"), g.As(t, "liaison@AM")
		entry := &exchange.AddRecords{Key: exchangetest.Key(), Case: g.c, Entries: []exchange.NewEntry{{Text: comity.EntryText{Text: "seen"}},
			{Marking: comity.Marking{TLP: comity.TLPRed, PAP: comity.PAPRed, Handling: comity.H3}, Text: comity.EntryText{Text: "kept at home"}}}}
		g.owner.Do(t, entry)
		before := caseOf(t, g.owner, g.c, "").Version

		note := g.foreign.Annotate(t, g.c, entry.IDs[0], g.grant.Body.ID, "the number is known here")
		g.foreign.Do(t, note)
		g.foreign.Do(t, note) // a lost answer
		if s, err := g.Directory.VerifyStatement(note.Statement); err != nil || s.Kind != statement.KindAnnotation || s.State != "AM" || s.Record != g.c {
			t.Fatalf("the state's statement is %+v, %v", s, err)
		}
		if after := caseOf(t, g.owner, g.c, "").Version; after != before {
			t.Errorf("an annotation took the case from version %d to %d", before, after)
		}
		for who, want := range map[*exchangetest.Officer]string{g.foreign: "the number is known here", liaison: "the number is known here", g.owner: "the number is known here",
			g.liaison: "the number is known here", third: "", g.As(t, "colleague@KZ"): "", g.As(t, "colleague@AM"): ""} {
			v := who.Dispatch(t, note.Body.ID)
			if got := v != nil; got != (want != "") || got && (v.Text == nil || v.Text.Text != want || v.Status != comity.DispatchOpen) {
				t.Errorf("%s finds %+v", who.Caller.Officer.Ref(), v)
			}
		}

		// Who may not.
		for _, c := range []struct {
			who    *exchangetest.Officer
			record comity.ID
			grant  comity.ID
			code   comity.Code
			by     comity.Article
		}{
			{g.owner, g.c, g.grant.Body.ID, comity.CodeDenied, comity.ArticleNonInterference},
			{g.As(t, "authority@AM"), g.c, g.grant.Body.ID, comity.CodeDenied, comity.ArticleNonInterference},
			{g.foreign, g.c, comity.NewID(comity.KindGrant), comity.CodeDenied, comity.ArticleNonInterference},
			{g.foreign, entry.IDs[1], g.grant.Body.ID, comity.CodeNotFound, 0},
			{g.foreign, comity.NewID(comity.KindEntry), g.grant.Body.ID, comity.CodeNotFound, 0},
			{third, g.c, g.grant.Body.ID, comity.CodeNotFound, 0},
			{g.As(t, "auditor@AM"), g.c, g.grant.Body.ID, comity.CodeNotFound, 0},
		} {
			want(t, c.who.Try(t, c.who.Annotate(t, g.c, c.record, c.grant, "x")), c.code, c.by)
		}
		g.foreign.Do(t, g.foreign.Annotate(t, g.c, g.exhibit, g.grant.Body.ID, "of the exhibit"))
		unsigned := g.foreign.Annotate(t, g.c, g.c, g.grant.Body.ID, "x")
		unsigned.Body.Text = "y"
		want(t, g.foreign.Try(t, unsigned), comity.CodeInvalid, 0)

		// The answer: by who may change the case, upon what was shown.
		said := g.owner.Dispatch(t, note.Body.ID).Text.Statement
		answer := func(o *exchangetest.Officer, said string, a comity.DispatchStatus) error {
			return o.Try(t, o.Answers(t, note.Body.ID, said, a, "it is so"))
		}
		want(t, answer(g.foreign, said, comity.DispatchAccepted), comity.CodeDenied, comity.ArticleNonInterference)
		want(t, answer(third, said, comity.DispatchAccepted), comity.CodeNotFound, 0)
		want(t, answer(g.liaison, said, comity.DispatchAccepted), comity.CodeDenied, comity.ArticleNonInterference) // not assigned
		want(t, answer(g.As(t, "colleague@KZ"), said, comity.DispatchAccepted), comity.CodeNotFound, 0)
		want(t, answer(g.owner, said+"x", comity.DispatchAccepted), comity.CodeConflict, 0)
		want(t, answer(g.owner, said, comity.DispatchDone), comity.CodeInvalid, 0)
		want(t, g.owner.Try(t, &exchange.WithdrawDispatch{Key: exchangetest.Key(), ID: note.Body.ID}), comity.CodeDenied, comity.ArticleNonInterference)
		accept := g.owner.Answers(t, note.Body.ID, said, comity.DispatchAccepted, "")
		g.owner.Do(t, accept)
		g.owner.Do(t, accept)
		want(t, answer(g.owner, said, comity.DispatchDeclined), comity.CodeConflict, 0)
		want(t, g.foreign.Try(t, &exchange.WithdrawDispatch{Key: exchangetest.Key(), ID: note.Body.ID}), comity.CodeConflict, 0)
		if v := g.foreign.Dispatch(t, note.Body.ID); v.Status != comity.DispatchAccepted || v.Answered == nil || v.Answered.Statement == "" {
			t.Errorf("the author sees %+v", v)
		}

		// A third state sees it with the case, and by itself never.
		release := g.owner.Release(t, g.c, "BY")
		toThird := g.liaison.MakeGrant(t, g.c, g.liaison.GrantBody("BY", release))
		g.liaison.Do(t, toThird)
		if all := annotationsOf(t, third, g.c); len(all) != 1 || all[0].ID != note.Body.ID || all[0].State != "AM" || all[0].Text == nil {
			t.Errorf("with the case a third state is shown %+v", all)
		}
		if all := annotationsOf(t, g.owner, g.c); len(all) != 2 {
			t.Errorf("the originator is shown %d annotations", len(all))
		}
		if third.Dispatch(t, note.Body.ID) != nil || len(handed(t, third, storage.DispatchFilter{Kind: comity.DispatchAnnotation})) != 0 {
			t.Error("a third state finds it without the case")
		}

		// Declined, and withdrawn.
		declined, withdrawn := g.foreign.Annotate(t, g.c, g.c, g.grant.Body.ID, "one"), liaison.Annotate(t, g.c, g.c, g.grant.Body.ID, "two")
		g.foreign.Do(t, declined)
		liaison.Do(t, withdrawn)
		no := g.owner.Answers(t, declined.Body.ID, g.owner.Dispatch(t, declined.Body.ID).Text.Statement, comity.DispatchDeclined, "")
		want(t, g.owner.Try(t, no), comity.CodeInvalid, 0) // without a reason
		g.owner.Do(t, g.owner.Answers(t, declined.Body.ID, g.owner.Dispatch(t, declined.Body.ID).Text.Statement, comity.DispatchDeclined, "known already"))
		if v := g.foreign.Dispatch(t, declined.Body.ID); v.Answered == nil || v.Answered.Reason != "known already" {
			t.Errorf("the author is told %+v", v.Answered)
		}
		want(t, g.foreign.Try(t, &exchange.WithdrawDispatch{Key: exchangetest.Key(), ID: withdrawn.Body.ID}), comity.CodeNotFound, 0)
		liaison.Do(t, &exchange.WithdrawDispatch{Key: exchangetest.Key(), ID: withdrawn.Body.ID})
		if v := g.owner.Dispatch(t, withdrawn.Body.ID); v.Status != comity.DispatchWithdrawn || v.Text != nil {
			t.Errorf("of what was withdrawn the originator sees %+v", v)
		}
		if all := annotationsOf(t, third, g.c); len(all) != 1 {
			t.Errorf("a third state is shown %d annotations", len(all))
		}

		// After the grant.
		g.liaison.Do(t, g.liaison.Revoke(t, g.c, g.grant.Body.ID))
		want(t, g.foreign.Try(t, g.foreign.Annotate(t, g.c, g.c, g.grant.Body.ID, "late")), comity.CodeNotFound, 0)
		if v := g.foreign.Dispatch(t, note.Body.ID); v == nil || v.Text == nil || v.Text.Text != "the number is known here" {
			t.Errorf("after its grant ended the author finds %+v", v)
		}
		if v := caseOf(t, g.foreign, g.c, investigation); v.Text != nil {
			t.Error("and the case besides")
		}
		must(t, g.reserve(t))
		if len(annotationsOf(t, third, g.c)) != 0 || len(handed(t, g.foreign, storage.DispatchFilter{Kind: comity.DispatchAnnotation, Made: true})) != 3 {
			t.Error("a reserved case's annotations are shown to others than their author and the originator")
		}
	})
}

// TestReferrals: an offer discloses its own words alone, is taken as it was shown
// or not at all, and moves nothing.
func TestReferrals(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		g := newGranted(t)
		to, third := g.As(t, "liaison@AM"), g.As(t, "liaison@BY")
		id := comity.NewID(comity.KindReferral)
		want(t, g.liaison.Try(t, g.liaison.Offer(t, id, comity.NewID(comity.KindCase), "AM", 1, "a")), comity.CodeNotFound, 0)
		want(t, g.owner.Try(t, g.owner.Offer(t, id, g.c, "AM", 1, "a")), comity.CodeDenied, comity.ArticleLiaison)
		want(t, g.liaison.Try(t, g.liaison.Offer(t, id, "", "KZ", 1, "a")), comity.CodeDenied, comity.ArticleTerritory)
		offer := g.liaison.Offer(t, id, g.c, "AM", 1, "the suspect is yours")
		g.liaison.Do(t, offer)
		g.liaison.Do(t, offer)
		if v := to.Dispatch(t, id); v == nil || v.Text.Text != "the suspect is yours" || v.Case != "" {
			t.Fatalf("the other state finds %+v", v)
		}
		if v := g.liaison.Dispatch(t, id); v.Case != g.c {
			t.Errorf("at home the case is %q", v.Case)
		}
		if third.Dispatch(t, id) != nil || g.foreign.Dispatch(t, id) != nil {
			t.Error("others find it")
		}
		if len(handed(t, to, storage.DispatchFilter{Kind: comity.DispatchReferral, Open: true, Received: true, State: "KZ"})) != 1 ||
			len(handed(t, g.liaison, storage.DispatchFilter{Kind: comity.DispatchReferral, Case: g.c, Made: true})) != 1 ||
			len(handed(t, to, storage.DispatchFilter{Kind: comity.DispatchReferral, Case: g.c})) != 0 {
			t.Error("the lists have others")
		}
		first := to.Dispatch(t, id).Text.Statement
		want(t, g.liaison.Try(t, g.liaison.Answers(t, id, first, comity.DispatchAccepted, "")), comity.CodeDenied, comity.ArticleTerritory)
		want(t, third.Try(t, third.Answers(t, id, first, comity.DispatchAccepted, "")), comity.CodeNotFound, 0)
		want(t, to.Try(t, to.Offer(t, id, "", "AM", 2, "x")), comity.CodeDenied, comity.ArticleTerritory)

		// An offer that no agreement covers is not made by changing another (Article 7).
		uncovered := g.liaison.Offer(t, id, "", "AM", 2, "a fraud")
		uncovered.Body.Category = "FRAUD"
		uncovered.Act = g.liaison.Sign(t, statement.Act{Act: statement.ActReferralOffer, Record: id}, uncovered.Body)
		want(t, g.liaison.Try(t, uncovered), comity.CodeDenied, comity.ArticleLegalBasis)
		for category, permit := range map[comity.Category]bool{"": true, "FRAUD": false} {
			if e := why(t, g.liaison, exchange.Why{Action: sovereignty.ReferralChange, Record: id, Category: category}); e.Permit != permit {
				t.Errorf("the change to %q is explained as %+v", category, e)
			}
		}

		change := g.liaison.Offer(t, id, "", "AM", 2, "and the money too")
		g.liaison.Do(t, change)
		want(t, g.liaison.Try(t, g.liaison.Offer(t, id, "", "AM", 2, "b")), comity.CodeConflict, 0)
		want(t, to.Try(t, to.Answers(t, id, first, comity.DispatchAccepted, "")), comity.CodeConflict, 0) // consent was to the other
		own := g.foreign.FileCase(t, "Taken up", "KZ")
		taking := func(c comity.ID) *exchange.AnswerDispatch {
			a := to.Answers(t, id, to.Dispatch(t, id).Text.Statement, comity.DispatchAccepted, "")
			a.Case = c
			return a
		}
		g.foreign.Do(t, &exchange.AssignCase{Key: exchangetest.Key(), ID: own, Office: comity.RoleLiaison, Remove: true})
		want(t, to.Try(t, taking(own)), comity.CodeNotFound, 0) // not laid before the liaisons
		want(t, to.Try(t, taking(g.c)), comity.CodeNotFound, 0) // another state's
		g.foreign.Do(t, &exchange.AssignCase{Key: exchangetest.Key(), ID: own, Office: comity.RoleLiaison})
		to.Do(t, taking(own))
		want(t, to.Try(t, taking(own)), comity.CodeConflict, 0)
		if mine, theirs := to.Dispatch(t, id), g.liaison.Dispatch(t, id); mine.Answer != own || theirs.Answer != "" || theirs.Status != comity.DispatchAccepted {
			t.Errorf("taken up in %q, told abroad %q", mine.Answer, theirs.Answer)
		}
		if v := caseOf(t, to, g.c, investigation); v != nil && v.Own {
			t.Error("the case has moved")
		}

		// Lapsed, withdrawn, reserved.
		lapsing := g.liaison.Offer(t, comity.NewID(comity.KindReferral), "", "AM", 1, "soon")
		g.liaison.Do(t, lapsing)
		g.Clock.Advance(25 * time.Hour)
		g.liaison, to = g.As(t, "liaison@KZ"), g.As(t, "liaison@AM")
		if v := to.Dispatch(t, lapsing.ID); v.Status != comity.DispatchLapsed {
			t.Errorf("after its time it is %s", v.Status)
		}
		want(t, to.Try(t, to.Answers(t, lapsing.ID, to.Dispatch(t, lapsing.ID).Text.Statement, comity.DispatchAccepted, "")), comity.CodeConflict, 0)
		g.owner, g.authority = g.As(t, "investigator@KZ"), g.As(t, "authority@KZ")
		must(t, g.reserve(t))
		want(t, g.liaison.Try(t, g.liaison.Offer(t, comity.NewID(comity.KindReferral), g.c, "AM", 1, "a")), comity.CodeDenied, comity.ArticleDomesticReservation)
	})
}

// TestConsentAgainstChange runs the taking of an offer against its change and its
// withdrawal: what was taken is what was shown, and one of the two is refused.
func TestConsentAgainstChange(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		g := newGranted(t)
		to := g.As(t, "liaison@AM")
		for i := range 24 {
			id := comity.NewID(comity.KindReferral)
			g.liaison.Do(t, g.liaison.Offer(t, id, "", "AM", 1, "first"))
			said := to.Dispatch(t, id).Text.Statement
			accept := to.Answers(t, id, said, comity.DispatchAccepted, "")
			var other exchange.Act = g.liaison.Offer(t, id, "", "AM", 2, "second")
			if i%2 == 1 {
				other = &exchange.WithdrawDispatch{Key: exchangetest.Key(), ID: id}
			}
			var accepted, changed error
			var both sync.WaitGroup
			both.Go(func() { accepted = to.Try(t, accept) })
			both.Go(func() { changed = g.liaison.Try(t, other) })
			both.Wait()
			v := g.liaison.Dispatch(t, id)
			switch {
			case (accepted == nil) == (changed == nil):
				t.Fatalf("both or none: taken %v, changed %v", accepted, changed)
			case accepted == nil && (v.Status != comity.DispatchAccepted || v.Text.Statement != said):
				t.Fatalf("taken is %s %q", v.Status, v.Text.Text)
			case changed == nil && v.Status == comity.DispatchAccepted:
				t.Fatal("what was changed is taken")
			}
		}
	})
}

// TestNotices: a notice reaches every state that was shown an affected version,
// whenever it was, and no other; each answers by its clock.
func TestNotices(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		g := newGranted(t)
		liaison, third := g.As(t, "liaison@AM"), g.As(t, "liaison@BY")
		v := caseOf(t, g.foreign, g.c, investigation)
		want(t, g.owner.Try(t, g.owner.Notice(t, g.c, g.c, v.Version, comity.NoticeCorrect)), comity.CodeDenied, comity.ArticleLiaison)
		want(t, liaison.Try(t, liaison.Notice(t, g.c, g.c, v.Version, comity.NoticeCorrect)), comity.CodeDenied, comity.ArticleNonInterference)
		want(t, third.Try(t, third.Notice(t, g.c, g.c, v.Version, comity.NoticeCorrect)), comity.CodeNotFound, 0)
		want(t, g.liaison.Try(t, g.liaison.Notice(t, g.c, g.c, v.Version+1, comity.NoticeCorrect)), comity.CodeInvalid, 0)
		must(t, change(t, g.owner, g.c, func(u *exchange.UpdateCase) { s := "another summary"; u.Summary = &s }))
		g.liaison.Do(t, g.liaison.Revoke(t, g.c, g.grant.Body.ID))

		notice := g.liaison.Notice(t, g.c, g.c, v.Version, comity.NoticeErase)
		g.liaison.Do(t, notice)
		if len(notice.Reached) != 1 || notice.Reached[0] != "AM" {
			t.Fatalf("it reached %v", notice.Reached)
		}
		id := notice.Body.ID
		for _, o := range []*exchangetest.Officer{g.foreign, liaison} { // the reader, and the state's liaison
			v := o.Dispatch(t, id)
			if v == nil || v.Text == nil || v.Text.Text != "it was wrong" || len(v.Deliveries) != 1 || len(v.Readers) != 1 || v.Readers[0].Officer != g.foreign.Caller.Officer.Ref() {
				t.Errorf("%s finds %+v", o.Caller.Officer.Ref(), v)
			}
		}
		if third.Dispatch(t, id) != nil || g.As(t, "colleague@AM").Dispatch(t, id) != nil {
			t.Error("who read nothing finds it")
		}
		if v := caseOf(t, g.foreign, g.c, investigation); v.Text != nil {
			t.Error("a former grantee reads the case by it")
		}

		// Who reads another version is not told; who reads the affected record later is.
		g.liaison.Do(t, g.liaison.MakeGrant(t, g.c, g.liaison.GrantBody("BY", g.owner.Release(t, g.c, "BY"))))
		caseOf(t, third, g.c, investigation)
		if third.Dispatch(t, id) != nil {
			t.Error("who read a later version is told of the earlier")
		}
		every := g.liaison.Notice(t, g.c, g.c, 0, comity.NoticeRestrict)
		g.liaison.Do(t, every)
		if len(every.Reached) != 2 {
			t.Errorf("of every version %v are told", every.Reached)
		}
		entry := &exchange.AddRecords{Key: exchangetest.Key(), Case: g.c, Entries: []exchange.NewEntry{{Text: comity.EntryText{Text: "wrong"}}}}
		g.owner.Do(t, entry)
		later := g.liaison.Notice(t, g.c, entry.IDs[0], 0, comity.NoticeCorrect)
		g.liaison.Do(t, later)
		if len(later.Reached) != 0 || third.Dispatch(t, later.Body.ID) != nil {
			t.Error("who read nothing of an entry is told")
		}
		third.Read(t, func(r *exchange.Reader) error {
			cases, err := r.Cases([]comity.ID{g.c}, investigation)
			if err != nil {
				return err
			}
			_, err = r.Entries([]*exchange.CaseView{cases[g.c]}, 10, "")
			return err
		})
		if v := third.Dispatch(t, later.Body.ID); v == nil || v.Deliveries[0].Status != comity.DispatchOpen {
			t.Errorf("who read it later finds %+v", v)
		}

		// The answers.
		said := liaison.Dispatch(t, id).Text.Statement
		want(t, g.foreign.Try(t, g.foreign.Answers(t, id, said, comity.DispatchDone, "")), comity.CodeDenied, comity.ArticleLiaison)
		want(t, g.liaison.Try(t, g.liaison.Answers(t, id, said, comity.DispatchDone, "")), comity.CodeDenied, comity.ArticleOriginatorControl)
		want(t, third.Try(t, third.Answers(t, id, said, comity.DispatchDone, "")), comity.CodeNotFound, 0)
		want(t, liaison.Try(t, liaison.Answers(t, id, said, comity.DispatchNotDone, "")), comity.CodeInvalid, 0)
		liaison.Do(t, liaison.Answers(t, id, said, comity.DispatchNotDone, "a court holds it"))
		want(t, liaison.Try(t, liaison.Answers(t, id, said, comity.DispatchDone, "")), comity.CodeConflict, 0)
		if v := g.owner.Dispatch(t, id); v.Deliveries[0].Status != comity.DispatchNotDone || v.Deliveries[0].Answered.Reason != "a court holds it" {
			t.Errorf("the originator sees %+v", v.Deliveries)
		}
		if n := len(handed(t, liaison, storage.DispatchFilter{Kind: comity.DispatchNotice, Open: true})); n != 1 {
			t.Errorf("%d wait for the answer of AM", n)
		}
		g.Clock.Advance(25 * time.Hour)
		g.liaison, third = g.As(t, "liaison@KZ"), g.As(t, "liaison@BY")
		if n := len(handed(t, g.liaison, storage.DispatchFilter{Kind: comity.DispatchNotice, Overdue: true})); n != 2 {
			t.Errorf("%d are overdue", n)
		}
		third.Do(t, third.Answers(t, later.Body.ID, third.Dispatch(t, later.Body.ID).Text.Statement, comity.DispatchDone, "")) // late, and better than never
		if v := g.liaison.Dispatch(t, later.Body.ID); v.Overdue {
			t.Error("what was answered is overdue")
		}
	})
}

// TestNoticeAgainstReading runs notices against first readings: whoever was shown
// an affected version is told.
func TestNoticeAgainstReading(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		g := newGranted(t)
		for range 20 {
			entry := &exchange.AddRecords{Key: exchangetest.Key(), Case: g.c, Entries: []exchange.NewEntry{{Text: comity.EntryText{Text: "wrong"}}}}
			g.owner.Do(t, entry)
			notice := g.liaison.Notice(t, g.c, entry.IDs[0], 0, comity.NoticeCorrect)
			var both sync.WaitGroup
			both.Go(func() { must(t, g.liaison.Try(t, notice)) })
			both.Go(func() {
				g.foreign.Read(t, func(r *exchange.Reader) error {
					_, err := r.Nodes(entry.IDs, investigation)
					return err
				})
			})
			both.Wait()
			if v := g.foreign.Dispatch(t, notice.Body.ID); v == nil {
				t.Fatal("a reader of what was wrong was not told")
			}
		}
	})
}

// TestCompelledDisclosure: a grantee notifies what it is compelled to disclose,
// also when the grant has ended, and the originator objects within its time.
func TestCompelledDisclosure(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		g := newGranted(t)
		liaison, third := g.As(t, "liaison@AM"), g.As(t, "liaison@BY")
		id, soon, past := g.grant.Body.ID, g.Clock.Now().Add(time.Hour), g.Clock.Now().Add(-time.Hour)
		want(t, g.foreign.Try(t, g.foreign.Compelled(t, g.c, id, soon, "")), comity.CodeDenied, comity.ArticleOriginatorControl)
		want(t, g.liaison.Try(t, g.liaison.Compelled(t, g.c, id, soon, "")), comity.CodeDenied, comity.ArticleOriginatorControl)
		want(t, third.Try(t, third.Compelled(t, g.c, id, soon, "")), comity.CodeNotFound, 0)
		want(t, liaison.Try(t, liaison.Compelled(t, g.c, id, past, "")), comity.CodeDenied, comity.ArticleOriginatorControl)
		want(t, liaison.Try(t, liaison.Compelled(t, comity.NewID(comity.KindCase), id, soon, "")), comity.CodeInvalid, 0)
		before := liaison.Compelled(t, g.c, id, soon, "")
		liaison.Do(t, before)
		g.liaison.Do(t, g.liaison.Revoke(t, g.c, id))
		after := liaison.Compelled(t, g.c, id, past, "the court sat in the night")
		liaison.Do(t, after)
		for _, o := range []*exchangetest.Officer{g.owner, g.liaison, g.authority, liaison} {
			if v := o.Dispatch(t, after.Body.ID); v == nil || v.Text.Recipient != "the city court" || v.Text.Reason == "" {
				t.Errorf("%s finds %+v", o.Caller.Officer.Ref(), v)
			}
		}
		if g.foreign.Dispatch(t, after.Body.ID) != nil || third.Dispatch(t, after.Body.ID) != nil {
			t.Error("others find it")
		}
		object := func(o *exchangetest.Officer, id comity.ID) error {
			return o.Try(t, o.Answers(t, id, before.Statement, comity.DispatchObjected, "the agreement bars it"))
		}
		want(t, object(g.owner, before.Body.ID), comity.CodeDenied, comity.ArticleOriginatorControl)
		want(t, object(liaison, before.Body.ID), comity.CodeDenied, comity.ArticleOriginatorControl)
		want(t, object(third, before.Body.ID), comity.CodeNotFound, 0)
		want(t, object(g.liaison, after.Body.ID), comity.CodeConflict, 0) // another statement
		must(t, object(g.liaison, before.Body.ID))
		want(t, object(g.authority, before.Body.ID), comity.CodeConflict, 0)
		if v := liaison.Dispatch(t, before.Body.ID); v.Status != comity.DispatchObjected || v.Answered.Reason != "the agreement bars it" {
			t.Errorf("the grantee sees %+v", v)
		}
		g.Clock.Advance(73 * time.Hour)
		g.liaison = g.As(t, "liaison@KZ")
		late := g.liaison.Answers(t, after.Body.ID, after.Statement, comity.DispatchObjected, "too late")
		want(t, g.liaison.Try(t, late), comity.CodeConflict, 0)
	})
}
