package exchange_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// eyes is a case marked TLP:RED that Kazakhstan releases to Armenia, with two
// liaisons who hold mandates.
type eyes struct {
	*exchangetest.World
	owner, liaison, deputy, authority, foreign *exchangetest.Officer
	c, release, mandate                        comity.ID
}

func redCase(t *testing.T, w *exchangetest.World, ceiling comity.Ceiling) *eyes {
	t.Helper()
	e := &eyes{World: w, owner: w.As(t, "investigator@KZ"), liaison: w.As(t, "liaison@KZ"), deputy: w.As(t, "deputy@KZ"),
		authority: w.As(t, "authority@KZ"), foreign: w.As(t, "investigator@AM")}
	m := &exchange.GiveMandate{Key: exchangetest.Key(), Liaison: e.liaison.Caller.Officer.Ref(), Deputies: []comity.OfficerRef{e.deputy.Caller.Officer.Ref()},
		Ceiling: ceiling, NotBefore: w.Clock.Now().Add(-time.Minute), NotAfter: w.Clock.Now().Add(90 * 24 * time.Hour)}
	e.authority.Do(t, m)
	e.mandate = m.ID
	act := &exchange.FileCase{Key: exchangetest.Key(), Category: tokentest.Category, Marking: red,
		Nexus: []comity.Nexus{{Basis: comity.NexusEffects, State: "KZ"}, {Basis: comity.NexusEffects, State: "AM"}}, Text: comity.CaseText{Title: "A red case"}}
	e.owner.Do(t, act)
	e.c, e.release = act.ID, e.owner.Release(t, act.ID, "AM")
	return e
}

func (e *eyes) body() statement.GrantBody {
	b := e.liaison.GrantBody("AM", e.release)
	b.Caveats.Marking = red
	return b
}

func (e *eyes) propose(t *testing.T, o *exchangetest.Officer, b statement.GrantBody) comity.ID {
	t.Helper()
	act := o.ProposeGrant(t, e.c, b)
	o.Do(t, act)
	return act.Proposed
}

func proposals(t *testing.T, o *exchangetest.Officer, f storage.ProposalFilter) (all []*exchange.ProposalView) {
	t.Helper()
	o.Read(t, func(r *exchange.Reader) error {
		page, err := r.ListProposals(f, 10, "")
		all = page.Items
		return err
	})
	return all
}

// TestFourEyes: what is TLP:RED is opened by two liaisons, and by no one alone.
func TestFourEyes(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		e := redCase(t, newWorld(t), comity.Ceiling{})
		b := e.body()
		want(t, e.liaison.Try(t, e.liaison.MakeGrant(t, e.c, b)), comity.CodeDenied, comity.ArticleLiaison)
		p := e.propose(t, e.liaison, b)
		if v := caseOf(t, e.foreign, e.c, investigation); v != nil {
			t.Fatal("a proposal opens the case")
		}
		if all := proposals(t, e.deputy, storage.ProposalFilter{Status: comity.ProposalProposed}); len(all) != 1 || all[0].ID != p || all[0].Target != b.ID || all[0].Text == nil || all[0].Record != e.c {
			t.Fatalf("the second liaison sees %+v", all)
		}
		// By who may not, or not so.
		want(t, e.liaison.Try(t, e.liaison.ApproveGrant(t, e.c, b, p)), comity.CodeDenied, comity.ArticleLiaison)
		want(t, e.authority.Try(t, e.authority.ApproveGrant(t, e.c, b, p)), comity.CodeDenied, comity.ArticleLiaison)
		want(t, e.foreign.Try(t, e.foreign.ApproveGrant(t, e.c, b, p)), comity.CodeNotFound, 0)
		wider := b
		wider.NotAfter++
		want(t, e.deputy.Try(t, e.deputy.ApproveGrant(t, e.c, wider, p)), comity.CodeInvalid, 0)
		other := e.body()
		want(t, e.deputy.Try(t, e.deputy.ApproveGrant(t, e.c, other, p)), comity.CodeInvalid, 0)
		want(t, e.deputy.Try(t, e.deputy.ApproveGrant(t, e.c, b, comity.NewID(comity.KindProposal))), comity.CodeDenied, comity.ArticleLiaison)

		act := e.deputy.ApproveGrant(t, e.c, b, p)
		e.deputy.Do(t, act)
		e.deputy.Do(t, act) // a lost answer
		v := caseOf(t, e.foreign, e.c, investigation)
		if v == nil || v.Text == nil || v.Access.Grant == nil || v.Access.Grant.Second != e.deputy.Caller.Officer.Ref() || v.Access.Grant.Liaison != e.liaison.Caller.Officer.Ref() {
			t.Fatalf("the grant of two liaisons shows %+v", v)
		}
		version := v.Version
		title := "A red case, worked on"
		e.owner.Do(t, &exchange.UpdateCase{Key: exchangetest.Key(), ID: e.c, ExpectedVersion: 1, Title: &title})
		if v = caseOf(t, e.foreign, e.c, investigation); v.Version != version+1 || v.Text.Title != title {
			t.Errorf("a change of the case counts %d after %d abroad", v.Version, version)
		}
		if all := proposals(t, e.liaison, storage.ProposalFilter{}); all[0].Status != comity.ProposalApproved || all[0].DecidedBy != e.deputy.Caller.Officer.Ref() {
			t.Errorf("the proposal stands as %+v", all[0])
		}
		want(t, e.deputy.Try(t, e.deputy.ApproveGrant(t, e.c, b, p)), comity.CodeConflict, 0)
		var log []exchange.LogView
		e.authority.Read(t, func(r *exchange.Reader) error {
			page, err := r.Log(exchange.LogFilter{Record: string(e.mandate), Outcome: string(audit.Done)}, 10, "")
			log = page.Items
			return err
		})
		if len(log) != 2 { // given, and granted under
			t.Errorf("the mandate is in %d leaves, wanted 2", len(log))
		}
	})
}

// TestProposalEnds: a proposal is declined, taken back, or lapses; and it is
// worth nothing when its liaison's mandate ended or the case was reserved.
func TestProposalEnds(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		e := redCase(t, newWorld(t), comity.Ceiling{})
		b := e.body()
		p := e.propose(t, e.liaison, b)
		decline := func(o *exchangetest.Officer) error {
			return o.Try(t, &exchange.DeclineProposal{Key: exchangetest.Key(), Proposal: p, Reason: "not now"})
		}
		want(t, decline(e.authority), comity.CodeNotFound, 0)
		want(t, decline(e.owner), comity.CodeNotFound, 0)
		want(t, decline(e.As(t, "auditor@KZ")), comity.CodeNotFound, 0)
		want(t, decline(e.As(t, "liaison@AM")), comity.CodeNotFound, 0)
		must(t, decline(e.deputy))
		want(t, decline(e.deputy), comity.CodeConflict, 0)
		want(t, e.deputy.Try(t, e.deputy.ApproveGrant(t, e.c, b, p)), comity.CodeConflict, 0)
		if v := caseOf(t, e.foreign, e.c, investigation); v != nil {
			t.Error("a declined proposal opened the case")
		}

		b = e.body()
		p = e.propose(t, e.liaison, b)
		e.Clock.Advance(statement.ProposalAge + time.Second)
		deputy := e.As(t, "deputy@KZ")
		want(t, deputy.Try(t, deputy.ApproveGrant(t, e.c, b, p)), comity.CodeDenied, comity.ArticleLiaison)
		if all := proposals(t, deputy, storage.ProposalFilter{Status: comity.ProposalLapsed}); len(all) != 1 || all[0].ID != p {
			t.Errorf("lapsed are %+v", all)
		}

		// The deputy proposes, and the mandate of both ends.
		b = e.body()
		p = e.propose(t, deputy, b)
		authority, liaison := e.As(t, "authority@KZ"), e.As(t, "liaison@KZ")
		authority.Do(t, &exchange.EndMandate{Key: exchangetest.Key(), Mandate: e.mandate})
		want(t, liaison.Try(t, liaison.ApproveGrant(t, e.c, b, p)), comity.CodeDenied, comity.ArticleLiaison)
		e.Mandate(t, "KZ") // for the liaison alone
		err := liaison.Try(t, liaison.ApproveGrant(t, e.c, b, p))
		want(t, err, comity.CodeDenied, comity.ArticleLiaison)
		if e := err.(*comity.Error); e.Cure != "Propose the grant anew, and have another liaison approve it." {
			t.Errorf("the cure is %q", e.Cure)
		}
	})
}

// TestCeilings: a mandate lets nobody grant beyond its ceilings, deputies included.
func TestCeilings(t *testing.T) {
	e := redCase(t, newWorld(t), comity.Ceiling{TLP: comity.TLPRed, Scope: comity.ScopeSummary, Grade: comity.GradeLead, Categories: []comity.Category{tokentest.Category}, Term: 8 * 24 * time.Hour})
	within := e.body()
	within.Scope = comity.ScopeSummary
	e.propose(t, e.deputy, within)
	for what, change := range map[string]func(*statement.GrantBody){
		"scope": func(b *statement.GrantBody) { b.Scope = comity.ScopeFull },
		"grade": func(b *statement.GrantBody) { b.Grade, b.Assistance = comity.GradeEvidence, "decision 7" },
		"term":  func(b *statement.GrantBody) { b.NotAfter += int64(2 * 24 * time.Hour / time.Second) },
	} {
		b := e.body()
		b.Scope = comity.ScopeSummary
		change(&b)
		act := e.liaison.ProposeGrant(t, e.c, b)
		if err := e.liaison.Try(t, act); comity.CodeOf(err) != comity.CodeDenied || err.(*comity.Error).Article != comity.ArticleLiaison {
			t.Errorf("beyond the ceiling of %s: %v", what, err)
		}
	}
	for what, c := range map[string]comity.Ceiling{"label": {TLP: "PINK"}, "scope": {Scope: "ALL"}, "grade": {Grade: "BEST"}, "term": {Term: -1}, "category": {Categories: []comity.Category{"GOSSIP"}}} {
		err := e.authority.Try(t, &exchange.GiveMandate{Key: exchangetest.Key(), Liaison: e.liaison.Caller.Officer.Ref(), Ceiling: c,
			NotBefore: e.Clock.Now(), NotAfter: e.Clock.Now().Add(time.Hour)})
		if comity.CodeOf(err) != comity.CodeInvalid {
			t.Errorf("a ceiling with a faulty %s: %v", what, err)
		}
	}
	for what, d := range map[string][]comity.OfficerRef{"the liaison": {e.liaison.Caller.Officer.Ref()}, "a foreigner": {"AM:liaison-1"}, "an investigator": {e.owner.Caller.Officer.Ref()},
		"one twice": {e.deputy.Caller.Officer.Ref(), e.deputy.Caller.Officer.Ref()}} {
		err := e.authority.Try(t, &exchange.GiveMandate{Key: exchangetest.Key(), Liaison: e.liaison.Caller.Officer.Ref(), Deputies: d,
			NotBefore: e.Clock.Now(), NotAfter: e.Clock.Now().Add(time.Hour)})
		if comity.CodeOf(err) != comity.CodeInvalid {
			t.Errorf("%s as deputy: %v", what, err)
		}
	}
}

// TestDangerToLife: one liaison grants alone for 72 hours, over no release
// decision; another confirms it over one, or it lapses.
func TestDangerToLife(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		e := redCase(t, newWorld(t), comity.Ceiling{})
		emergency := func() statement.GrantBody {
			b := e.body()
			b.Release, b.Purpose, b.Emergency = "", comity.PurposeDangerToLife, "a bomb is to go off"
			return b
		}
		bad := emergency()
		bad.Purpose = investigation
		want(t, e.liaison.Try(t, e.liaison.MakeGrant(t, e.c, bad)), comity.CodeDenied, comity.ArticleLiaison)
		b, lapsing := emergency(), emergency()
		e.liaison.Do(t, e.liaison.MakeGrant(t, e.c, b))
		want(t, e.liaison.Try(t, e.liaison.MakeGrant(t, e.c, lapsing)), comity.CodeDenied, comity.ArticleLiaison)
		lapsing.NotAfter = e.Clock.Now().Add(comity.EmergencyAge - time.Minute).Unix()
		e.liaison.Do(t, e.liaison.MakeGrant(t, e.c, lapsing))
		v := caseOf(t, e.foreign, e.c, comity.PurposeDangerToLife)
		if v == nil || v.Text == nil {
			t.Fatalf("the emergency's grant shows %+v", v)
		}
		if left := v.Access.Grant.NotAfter.Sub(e.Clock.Now()); left > comity.EmergencyAge || !v.Access.Grant.Emergency {
			t.Errorf("it runs for %v: %+v", left, v.Access.Grant)
		}
		release := &exchange.DecideRelease{Key: exchangetest.Key(), Case: e.c, Decider: comity.DeciderOwner, Grantee: "AM", Scope: comity.ScopeFull,
			Purpose: comity.PurposeDangerToLife, NotAfter: e.Clock.Now().Add(30 * 24 * time.Hour)}
		confirm := func(o *exchangetest.Officer, version int) *exchange.ConfirmGrant {
			body := statement.ConfirmBody{Case: e.c, Release: release.ID, NotAfter: b.NotAfter - 3600}
			return &exchange.ConfirmGrant{Key: exchangetest.Key(), Grant: b.ID, ExpectedVersion: version, Body: body,
				Act: o.Sign(t, statement.Act{Act: statement.ActGrantConfirm, Record: b.ID}, body)}
		}
		release.ID = comity.NewID(comity.KindRelease)
		want(t, e.deputy.Try(t, confirm(e.deputy, 2)), comity.CodeDenied, comity.ArticleLiaison) // over none
		e.owner.Do(t, release)
		want(t, e.liaison.Try(t, confirm(e.liaison, 2)), comity.CodeDenied, comity.ArticleLiaison)
		want(t, e.authority.Try(t, confirm(e.authority, 2)), comity.CodeDenied, comity.ArticleLiaison)
		want(t, e.foreign.Try(t, confirm(e.foreign, 2)), comity.CodeDenied, comity.ArticleNonInterference)
		stranger := e.As(t, "liaison@BY")
		want(t, stranger.Try(t, confirm(stranger, 2)), comity.CodeNotFound, 0)
		want(t, e.deputy.Try(t, confirm(e.deputy, 1)), comity.CodeConflict, 0)
		act := confirm(e.deputy, 2)
		e.deputy.Do(t, act)
		e.deputy.Do(t, act)
		want(t, e.deputy.Try(t, confirm(e.deputy, 3)), comity.CodeConflict, 0)

		e.Clock.Advance(comity.EmergencyAge + time.Minute)
		foreign := e.As(t, "investigator@AM")
		if v = caseOf(t, foreign, e.c, comity.PurposeDangerToLife); v == nil || v.Text == nil || v.Access.Grant.ID != b.ID {
			t.Errorf("after 72 hours the confirmed grant shows %+v", v)
		}
		e.liaison = e.As(t, "liaison@KZ")
		e.liaison.Do(t, e.liaison.Revoke(t, e.c, b.ID))
		if v = caseOf(t, foreign, e.c, comity.PurposeDangerToLife); v.Text != nil {
			t.Error("the grant that nobody confirmed did not lapse")
		}
		if trial := try(t, e.liaison, e.c, emergency()); trial.Alone {
			t.Errorf("what lapsed unconfirmed is granted again by the same liaison: %+v", trial)
		}
		if trial := try(t, e.As(t, "deputy@KZ"), e.c, emergency()); !trial.Alone {
			t.Errorf("nor by another: %+v", trial)
		}
	})
}

// TestReleaseWithdrawn: no grant rests on a release decision that was withdrawn,
// and those that do run on.
func TestReleaseWithdrawn(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		g := grantIn(t, newWorld(t))
		withdraw := func(o *exchangetest.Officer, id comity.ID) error {
			return o.Try(t, &exchange.WithdrawRelease{Key: exchangetest.Key(), Case: g.c, Release: id})
		}
		want(t, withdraw(g.liaison, g.release), comity.CodeDenied, comity.ArticleLiaison)
		want(t, withdraw(g.foreign, g.release), comity.CodeDenied, comity.ArticleNonInterference)
		stranger := g.As(t, "investigator@BY")
		want(t, withdraw(stranger, g.release), comity.CodeNotFound, 0)
		want(t, withdraw(g.owner, comity.NewID(comity.KindRelease)), comity.CodeNotFound, 0)
		must(t, withdraw(g.owner, g.release))
		want(t, withdraw(g.owner, g.release), comity.CodeConflict, 0)
		want(t, g.liaison.Try(t, g.liaison.MakeGrant(t, g.c, g.liaison.GrantBody("AM", g.release))), comity.CodeDenied, comity.ArticleLiaison)
		if v := caseOf(t, g.foreign, g.c, investigation); v == nil || v.Text == nil {
			t.Error("what was granted before does not run on")
		}
	})
}

// TestApprovalRaces: of several who approve or decline one proposal at once,
// one does; and no grant is made twice.
func TestApprovalRaces(t *testing.T) {
	rounds := 4
	if testing.Short() {
		rounds = 1
	}
	if soak {
		rounds = 1000
	}
	e := redCase(t, newWorld(t), comity.Ceiling{})
	for range rounds {
		b := e.body()
		p := e.propose(t, e.liaison, b)
		acts := []struct {
			o   *exchangetest.Officer
			act exchange.Act
		}{{e.deputy, e.deputy.ApproveGrant(t, e.c, b, p)}, {e.deputy, e.deputy.ApproveGrant(t, e.c, b, p)}, {e.liaison, e.liaison.ApproveGrant(t, e.c, b, p)},
			{e.liaison, &exchange.DeclineProposal{Key: exchangetest.Key(), Proposal: p, Reason: "not now"}}}
		errs := make([]error, len(acts))
		var wg sync.WaitGroup
		for i, a := range acts {
			wg.Go(func() { errs[i] = a.o.Try(t, a.act) })
		}
		wg.Wait()
		done := 0
		for i, err := range errs {
			switch {
			case err == nil:
				done++
			case i != 2 && comity.CodeOf(err) != comity.CodeConflict:
				t.Errorf("act %d: %v", i, err)
			}
		}
		if done != 1 || errs[2] == nil {
			t.Fatalf("%d of the acts were done: %v", done, errs)
		}
		var grant *comity.Grant
		e.liaison.Read(t, func(r *exchange.Reader) error {
			found, err := r.Grants([]comity.ID{b.ID})
			grant = found[b.ID]
			return err
		})
		status := proposals(t, e.liaison, storage.ProposalFilter{})[0].Status
		if approved := errs[3] != nil; (grant != nil) != approved || (status == comity.ProposalApproved) != approved {
			t.Fatalf("the proposal is %s, the grant %+v; declined: %v", status, grant, errs[3] == nil)
		}
	}
}

// TestRedBehindAWiderGrant: when a case becomes TLP:RED, a wider grant of one
// liaison closes, and a narrower one of two opens on.
func TestRedBehindAWiderGrant(t *testing.T) {
	g := grantIn(t, newWorld(t)) // full scope, by one liaison
	deputy := g.As(t, "deputy@KZ")
	g.authority.Do(t, &exchange.GiveMandate{Key: exchangetest.Key(), Liaison: deputy.Caller.Officer.Ref(), NotBefore: g.Clock.Now().Add(-time.Minute), NotAfter: g.Clock.Now().Add(time.Hour)})
	b := g.liaison.GrantBody("AM", g.release)
	b.Scope, b.Caveats.Marking = comity.ScopeSummary, red
	first := g.liaison.ProposeGrant(t, g.c, b)
	g.liaison.Do(t, first)
	deputy.Do(t, deputy.ApproveGrant(t, g.c, b, first.Proposed))
	if v := caseOf(t, g.foreign, g.c, investigation); v == nil || v.Access.Grant.ID != g.grant.Body.ID {
		t.Fatalf("before, the wider grant does not open the case: %+v", v)
	}
	must(t, change(t, g.owner, g.c, func(u *exchange.UpdateCase) { u.Marking = &red }))
	if v := caseOf(t, g.foreign, g.c, investigation); v == nil || v.Text == nil || v.Access.Grant.ID != b.ID {
		t.Errorf("TLP:RED, the case shows %+v", v)
	}
	g.liaison.Do(t, g.liaison.Revoke(t, g.c, b.ID))
	if v := caseOf(t, g.foreign, g.c, investigation); v == nil || v.Text != nil || v.Access.Redactions[0].Article != comity.ArticleLiaison {
		t.Errorf("TLP:RED and granted by one liaison alone, the case shows %+v", v)
	}
}

// TestDangerEach: that another liaison confirmed a slight grant in danger to life
// lets nobody renew the wide one beside it alone.
func TestDangerEach(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		e := redCase(t, newWorld(t), comity.Ceiling{})
		emergency := func(s comity.Scope) statement.GrantBody {
			b := e.body()
			b.Scope, b.Release, b.Purpose, b.Emergency = s, "", comity.PurposeDangerToLife, "a bomb is to go off"
			return b
		}
		wide, slight := emergency(comity.ScopeFull), emergency(comity.ScopeSummary)
		e.liaison.Do(t, e.liaison.MakeGrant(t, e.c, wide))
		e.Clock.Advance(time.Minute)
		slight.NotAfter = e.Clock.Now().Add(comity.EmergencyAge - 2*time.Minute).Unix()
		e.liaison.Do(t, e.liaison.MakeGrant(t, e.c, slight))
		e.Clock.Advance(71 * time.Hour)
		e.owner, e.liaison, e.deputy = e.As(t, "investigator@KZ"), e.As(t, "liaison@KZ"), e.As(t, "deputy@KZ")
		release := &exchange.DecideRelease{Key: exchangetest.Key(), Case: e.c, Decider: comity.DeciderOwner, Grantee: "AM", Scope: comity.ScopeFull,
			Purpose: comity.PurposeDangerToLife, NotAfter: e.Clock.Now().Add(30 * 24 * time.Hour)}
		e.owner.Do(t, release)
		confirm := func(grant comity.ID, until int64) *exchange.ConfirmGrant {
			body := statement.ConfirmBody{Case: e.c, Release: release.ID, NotAfter: until}
			return &exchange.ConfirmGrant{Key: exchangetest.Key(), Grant: grant, ExpectedVersion: 2, Body: body,
				Act: e.deputy.Sign(t, statement.Act{Act: statement.ActGrantConfirm, Record: grant}, body)}
		}
		e.deputy.Do(t, confirm(slight.ID, slight.NotAfter))
		if trial := try(t, e.liaison, e.c, emergency(comity.ScopeFull)); trial.Alone {
			t.Errorf("the wide one is renewed alone: %+v", trial)
		}
		want(t, e.liaison.Try(t, e.liaison.MakeGrant(t, e.c, emergency(comity.ScopeFull))), comity.CodeDenied, comity.ArticleLiaison)
		e.deputy.Do(t, confirm(wide.ID, e.Clock.Now().Add(2*time.Hour).Unix()))
		e.liaison.Do(t, e.liaison.MakeGrant(t, e.c, emergency(comity.ScopeFull)))
	})
}

// TestConfirmUnreached: a liaison before whom the case lies no more, who would judge
// by what cannot be seen, confirms nothing of it; laid before the office anew, does.
func TestConfirmUnreached(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		e := redCase(t, newWorld(t), comity.Ceiling{})
		b := e.body()
		b.Release, b.Purpose, b.Emergency = "", comity.PurposeDangerToLife, "a bomb is to go off"
		e.liaison.Do(t, e.liaison.MakeGrant(t, e.c, b))
		release := &exchange.DecideRelease{Key: exchangetest.Key(), Case: e.c, Decider: comity.DeciderOwner, Grantee: "AM", Scope: comity.ScopeFull,
			Purpose: comity.PurposeDangerToLife, NotAfter: e.Clock.Now().Add(30 * 24 * time.Hour)}
		e.owner.Do(t, release)
		reach := func(remove bool) {
			e.owner.Do(t, &exchange.AssignCase{Key: exchangetest.Key(), ID: e.c, Office: comity.RoleLiaison, Remove: remove})
		}
		confirm := func() error {
			body := statement.ConfirmBody{Case: e.c, Release: release.ID, NotAfter: b.NotAfter - 3600}
			return e.deputy.Try(t, &exchange.ConfirmGrant{Key: exchangetest.Key(), Grant: b.ID, ExpectedVersion: 2, Body: body,
				Act: e.deputy.Sign(t, statement.Act{Act: statement.ActGrantConfirm, Record: b.ID}, body)})
		}
		reach(true)
		want(t, confirm(), comity.CodeDenied, comity.ArticleLiaison)
		told := why(t, e.deputy, exchange.Why{Action: sovereignty.GrantConfirm, Record: b.ID})
		if told.Permit || !slices.ContainsFunc(told.Reasons, func(r exchange.Reason) bool { return strings.Contains(r.Cure, "Lay the case before") }) {
			t.Errorf("it is explained as %+v", told)
		}
		reach(false)
		must(t, confirm())
	})
}
