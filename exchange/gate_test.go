package exchange_test

import (
	"sync"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// granted is a world in which Kazakhstan has granted a case and one exhibit to Armenia.
type granted struct {
	*exchangetest.World
	owner, liaison, authority, foreign *exchangetest.Officer
	c, exhibit, release                comity.ID
	grant                              *exchange.MakeGrant
	header                             []byte
}

func newGranted(t *testing.T) *granted {
	t.Helper()
	w := newWorld(t)
	w.Mandate(t, "KZ")
	g := &granted{World: w, owner: w.As(t, "investigator@KZ"), liaison: w.As(t, "liaison@KZ"), authority: w.As(t, "authority@KZ"), foreign: w.As(t, "investigator@AM")}
	g.c = g.owner.FileCase(t, "A case", "AM")
	begun, key := g.owner.Begin(t, g.c, "exhibit", 7)
	g.exhibit, g.header = g.owner.Finish(t, begun, key, []byte("exhibit")), begun.Header
	g.release = g.owner.Release(t, g.c, "AM", g.exhibit)
	g.grant = g.liaison.MakeGrant(t, g.c, g.liaison.GrantBody("AM", g.release, g.exhibit))
	g.liaison.Do(t, g.grant)
	return g
}

func (g *granted) reserve(t *testing.T) error {
	t.Helper()
	r := &exchange.ReserveCase{Key: exchangetest.Key(), Case: g.c, ExpectedVersion: caseOf(t, g.authority, g.c, "").Version,
		Body: statement.ReserveBody{Reason: "domestic"}}
	r.Act = g.authority.Sign(t, statement.Act{Act: statement.ActCaseReserve, Record: g.c}, r.Body)
	return g.authority.Try(t, r)
}

func TestIdempotency(t *testing.T) {
	w := newWorld(t)
	owner := w.As(t, "investigator@KZ")
	file := func(key, title string) *exchange.FileCase {
		return &exchange.FileCase{Key: key, Category: "RANSOMWARE", Marking: comity.DefaultMarking,
			Nexus: []comity.Nexus{{Basis: comity.NexusEffects, State: "KZ"}}, Text: comity.CaseText{Title: title}}
	}
	key := exchangetest.Key()
	first, again, other := file(key, "one"), file(key, "one"), file(key, "two")
	owner.Do(t, first)
	owner.Do(t, again)
	if first.ID != again.ID {
		t.Errorf("a repeat filed another case: %s, then %s", first.ID, again.ID)
	}
	want(t, owner.Try(t, other), comity.CodeConflict, 0)
	// Another officer's key of the same text is another key.
	theirs := file(key, "one")
	w.As(t, "colleague@KZ").Do(t, theirs)
	if theirs.ID == first.ID {
		t.Error("one officer's key answered another officer")
	}
	want(t, owner.Try(t, file("not-a-uuid", "x")), comity.CodeInvalid, 0)

	// Many at once: one performs it, the others are answered alike or told to ask again.
	key = exchangetest.Key()
	ids := make(chan comity.ID, 8)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			f := file(key, "many")
			if err := owner.Try(t, f); err == nil {
				ids <- f.ID
			} else if comity.CodeOf(err) != comity.CodeConflict {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	close(ids)
	seen := map[comity.ID]bool{}
	for id := range ids {
		seen[id] = true
	}
	if len(seen) != 1 {
		t.Errorf("one key filed the cases %v", seen)
	}
}

// TestRepeatPassesTheGate: what an officer may no longer do is not answered
// from an earlier answer.
func TestRepeatPassesTheGate(t *testing.T) {
	g := newGranted(t)
	body := g.liaison.GrantBody("AM", g.release)
	again := g.liaison.MakeGrant(t, g.c, body)
	g.liaison.Do(t, again)
	if err := g.reserve(t); err != nil {
		t.Fatal(err)
	}
	repeat := g.liaison.MakeGrant(t, g.c, body)
	repeat.Key = again.Key
	want(t, g.liaison.Try(t, repeat), comity.CodeDenied, comity.ArticleDomesticReservation)
}

func TestSignedActs(t *testing.T) {
	g := newGranted(t)
	body := g.liaison.GrantBody("AM", g.release)
	used := g.liaison.MakeGrant(t, g.c, body)
	g.liaison.Do(t, used)

	replayed := *used
	replayed.Key = exchangetest.Key()
	if err := g.liaison.Try(t, &replayed); comity.CodeOf(err) != comity.CodeConflict {
		t.Errorf("a second grant of one act: %v", err)
	}
	open, _ := g.foreign.Opening(t, g.exhibit, g.header, comity.PurposeInvestigation, g.grant.Body.ID)
	g.foreign.Do(t, open)
	opened := *open
	opened.Key = exchangetest.Key()
	if err := g.foreign.Try(t, &opened); comity.CodeOf(err) != comity.CodeUnauthenticated {
		t.Errorf("a replayed act: %v", err)
	}
	body = g.liaison.GrantBody("AM", g.release)
	wider := g.liaison.MakeGrant(t, g.c, body)
	wider.Body.NotAfter += 3600
	want(t, g.liaison.Try(t, wider), comity.CodeInvalid, 0)

	elsewhere := g.liaison.MakeGrant(t, g.owner.FileCase(t, "Another", "AM"), body)
	elsewhere.Case = g.c
	want(t, g.liaison.Try(t, elsewhere), comity.CodeInvalid, 0)

	stolen := g.As(t, "liaison@KZ").MakeGrant(t, g.c, body) // another session's key
	if err := g.liaison.Try(t, stolen); comity.CodeOf(err) != comity.CodeUnauthenticated {
		t.Errorf("an act signed by another session's key: %v", err)
	}
	old := g.liaison.MakeGrant(t, g.c, body)
	g.Clock.Advance(5 * time.Minute)
	if err := g.liaison.Try(t, old); comity.CodeOf(err) != comity.CodeUnauthenticated {
		t.Errorf("an act signed five minutes ago: %v", err)
	}
	unsigned := g.liaison.MakeGrant(t, g.c, body)
	unsigned.Act = ""
	if err := g.liaison.Try(t, unsigned); err == nil {
		t.Error("a grant without a signed act was made")
	}
}

// TestSwappedRecipient: a server turned against its users puts a key of its
// own in place of the officer's.
func TestSwappedRecipient(t *testing.T) {
	g := newGranted(t)
	act, _ := g.foreign.Opening(t, g.exhibit, g.header, comity.PurposeInvestigation, g.grant.Body.ID)
	_, servers := g.foreign.Opening(t, g.exhibit, g.header, comity.PurposeInvestigation, g.grant.Body.ID)
	act.Recipient = statement.PublicJWK(&servers.Key.PublicKey)
	if err := g.foreign.Try(t, act); err == nil || act.SealedKey != "" {
		t.Fatalf("the custodian sealed to a key that the officer's act does not name: %v", err)
	}
}

func TestWrongRoleAndState(t *testing.T) {
	g := newGranted(t)
	mandate := func(o *exchangetest.Officer) error {
		return o.Try(t, &exchange.GiveMandate{Key: exchangetest.Key(), Liaison: "KZ:deputy-1", NotBefore: g.Clock.Now(), NotAfter: g.Clock.Now().Add(time.Hour)})
	}
	for name, try := range map[string]struct {
		officer string
		act     func(o *exchangetest.Officer) error
		code    comity.Code
		article comity.Article
	}{
		"an investigator gives a mandate": {"investigator@KZ", mandate, comity.CodeDenied, comity.ArticleLiaison},
		"a liaison without a mandate grants": {"deputy@KZ", func(o *exchangetest.Officer) error {
			return o.Try(t, o.MakeGrant(t, g.c, o.GrantBody("AM", g.release)))
		}, comity.CodeDenied, comity.ArticleLiaison},
		"the authority grants": {"authority@KZ", func(o *exchangetest.Officer) error {
			return o.Try(t, o.MakeGrant(t, g.c, o.GrantBody("AM", g.release)))
		}, comity.CodeDenied, comity.ArticleLiaison},
		"the grantee grants onward": {"liaison@AM", func(o *exchangetest.Officer) error {
			return o.Try(t, o.MakeGrant(t, g.c, o.GrantBody("BY", g.release)))
		}, comity.CodeDenied, comity.ArticleOriginatorControl},
		"the grantee revokes":                  {"liaison@AM", func(o *exchangetest.Officer) error { return o.Try(t, o.Revoke(t, g.c, g.grant.Body.ID)) }, comity.CodeDenied, comity.ArticleNonInterference},
		"a stranger revokes":                   {"liaison@BY", func(o *exchangetest.Officer) error { return o.Try(t, o.Revoke(t, g.c, g.grant.Body.ID)) }, comity.CodeNotFound, 0},
		"the grantee adds an entry":            {"investigator@AM", func(o *exchangetest.Officer) error { return o.Try(t, entry(g.c)) }, comity.CodeDenied, comity.ArticleNonInterference},
		"a colleague who is not assigned adds": {"colleague@KZ", func(o *exchangetest.Officer) error { return o.Try(t, entry(g.c)) }, comity.CodeNotFound, 0},
		"a stranger adds an entry":             {"investigator@BY", func(o *exchangetest.Officer) error { return o.Try(t, entry(g.c)) }, comity.CodeNotFound, 0},
		"an agency files beyond its competence": {"ct@KZ", func(o *exchangetest.Officer) error {
			return o.Try(t, &exchange.FileCase{Key: exchangetest.Key(), Category: "RANSOMWARE", Marking: comity.DefaultMarking, Nexus: []comity.Nexus{{Basis: comity.NexusEffects, State: "KZ"}}, Text: comity.CaseText{Title: "x"}})
		}, comity.CodeDenied, comity.ArticleTerritory},
		"a grant outlasts its release": {"liaison@KZ", func(o *exchangetest.Officer) error {
			b := o.GrantBody("AM", g.release)
			b.NotAfter += 60 * 24 * 3600
			return o.Try(t, o.MakeGrant(t, g.c, b))
		}, comity.CodeDenied, comity.ArticleLiaison},
		"a grant to an unreleased state": {"liaison@KZ", func(o *exchangetest.Officer) error {
			return o.Try(t, o.MakeGrant(t, g.c, o.GrantBody("BY", g.release)))
		}, comity.CodeDenied, comity.ArticleLiaison},
		"a grant without an agreement": {"liaison@KZ", func(o *exchangetest.Officer) error {
			b := o.GrantBody("AM", g.release)
			b.Agreement = "none"
			return o.Try(t, o.MakeGrant(t, g.c, b))
		}, comity.CodeDenied, comity.ArticleLegalBasis},
		"evidence without a decision": {"liaison@KZ", func(o *exchangetest.Officer) error {
			b := o.GrantBody("AM", g.release)
			b.Grade = comity.GradeEvidence
			return o.Try(t, o.MakeGrant(t, g.c, b))
		}, comity.CodeDenied, comity.ArticlePurpose},
		"a grant that has ended": {"liaison@KZ", func(o *exchangetest.Officer) error {
			b := o.GrantBody("AM", g.release)
			b.NotBefore -= 7200
			b.NotAfter = o.Clock.Now().Add(-time.Hour).Unix()
			return o.Try(t, o.MakeGrant(t, g.c, b))
		}, comity.CodeDenied, comity.ArticleTerm},
	} {
		t.Run(name, func(t *testing.T) {
			err := try.act(g.As(t, try.officer))
			if try.article == comity.ArticleTerritory { // whichever article carries the agencies' competence
				if comity.CodeOf(err) != comity.CodeDenied {
					t.Fatalf("got %v, wanted a denial", err)
				}
				return
			}
			want(t, err, try.code, try.article)
		})
	}
}

func entry(c comity.ID) *exchange.AddRecords {
	return &exchange.AddRecords{Key: exchangetest.Key(), Case: c, Entries: []exchange.NewEntry{{Text: comity.EntryText{Text: "x"}}}}
}

func TestTermAndNarrowing(t *testing.T) {
	g := newGranted(t)
	narrow := &exchange.NarrowGrant{Key: exchangetest.Key(), Grant: g.grant.Body.ID, ExpectedVersion: 2, Body: statement.NarrowBody{Case: g.c, Scope: comity.ScopeSummary,
		Caveats: g.grant.Body.Caveats, NotAfter: g.Clock.Now().Add(time.Hour).Unix()}}
	narrow.Act = g.liaison.Sign(t, statement.Act{Act: statement.ActGrantNarrow, Record: g.grant.Body.ID}, narrow.Body)
	g.liaison.Do(t, narrow)
	v := caseOf(t, g.foreign, g.c, comity.PurposeInvestigation)
	if v.Access.Level != sovereignty.AccessSummary || v.Text.Summary == "" || v.Text.Narrative != "" {
		t.Errorf("after narrowing to the summary Armenia reads %+v %+v", v.Access, v.Text)
	}
	open, _ := g.foreign.Opening(t, g.exhibit, g.header, comity.PurposeInvestigation, g.grant.Body.ID)
	if err := g.foreign.Try(t, open); err == nil {
		t.Error("an exhibit that was narrowed away opens")
	}
	widen := &exchange.NarrowGrant{Key: exchangetest.Key(), Grant: g.grant.Body.ID, ExpectedVersion: 3, Body: statement.NarrowBody{Case: g.c, Scope: comity.ScopeFull,
		Exhibits: []comity.ID{g.exhibit}, Caveats: g.grant.Body.Caveats, NotAfter: g.Clock.Now().Add(time.Hour).Unix()}}
	widen.Act = g.liaison.Sign(t, statement.Act{Act: statement.ActGrantNarrow, Record: g.grant.Body.ID}, widen.Body)
	if err := g.liaison.Try(t, widen); comity.CodeOf(err) != comity.CodeDenied {
		t.Errorf("a narrowing widened: %v", err)
	}
	g.Clock.Advance(59 * time.Minute)
	if v := caseOf(t, g.As(t, "investigator@AM"), g.c, comity.PurposeInvestigation); v.Text == nil {
		t.Error("the grant ended before its term")
	}
	g.Clock.Advance(2 * time.Minute)
	v = caseOf(t, g.As(t, "investigator@AM"), g.c, comity.PurposeInvestigation)
	if v == nil || v.Access.Level != sovereignty.AccessEnded || v.Text != nil || v.Case.Category != "" || len(v.Exhibits) > 0 {
		t.Errorf("after its term the former grantee reads %+v", v)
	}
	if v := caseOf(t, g.As(t, "ct@BY"), g.c, comity.PurposeInvestigation); v != nil {
		t.Errorf("who was never covered reads %+v", v)
	}
}

// TestTamperedRow: a label flipped in the database past the gate is noticed.
func TestTamperedRow(t *testing.T) {
	g := newGranted(t)
	must(t, g.DB.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
		c, err := tx.LockCase(g.c)
		if err != nil {
			return err
		}
		c.Marking.TLP = comity.TLPClear
		c.Version++
		return tx.UpdateCase(c, c.Version-1)
	}))
	err := g.Exchange.Read(t.Context(), g.owner.Caller, func(r *exchange.Reader) error {
		_, err := r.Cases([]comity.ID{g.c}, "")
		return err
	})
	if err == nil {
		t.Fatal("a case whose label was flipped in the database still reads")
	}
}

func TestCursors(t *testing.T) {
	w := newWorld(t)
	owner := w.As(t, "investigator@KZ")
	for range 3 {
		owner.FileCase(t, "case")
	}
	list := func(o *exchangetest.Officer, f storage.CaseFilter, after string) (page exchange.Page[*exchange.CaseView], err error) {
		err = w.Exchange.Read(t.Context(), o.Caller, func(r *exchange.Reader) (err error) {
			page, err = r.ListCases(f, "", 2, after)
			return err
		})
		return page, err
	}
	first, err := list(owner, storage.CaseFilter{}, "")
	must(t, err)
	if len(first.Items) != 2 || !first.HasNext {
		t.Fatalf("the first page holds %d", len(first.Items))
	}
	second, err := list(owner, storage.CaseFilter{}, first.Cursors.At(1))
	must(t, err)
	if len(second.Items) != 1 || second.HasNext || second.Items[0].ID == first.Items[0].ID || second.Items[0].ID == first.Items[1].ID {
		t.Fatalf("the second page holds %d", len(second.Items))
	}
	for name, try := range map[string]func() error{
		"another viewer": func() error {
			_, err := list(w.As(t, "colleague@KZ"), storage.CaseFilter{}, first.Cursors.At(1))
			return err
		},
		"another filter": func() error { _, err := list(owner, storage.CaseFilter{Own: true}, first.Cursors.At(1)); return err },
		"garbage":        func() error { _, err := list(owner, storage.CaseFilter{}, "AAAA"); return err },
	} {
		if err := try(); comity.CodeOf(err) != comity.CodeInvalid {
			t.Errorf("a cursor of %s: %v", name, err)
		}
	}
}

// TestGrantAgainstReserve: whichever comes first, no grant of a reserved case
// stays active, and none opens anything.
func TestGrantAgainstReserve(t *testing.T) {
	for range 5 {
		g := newGranted(t)
		var wg sync.WaitGroup
		for range 4 {
			act := g.liaison.MakeGrant(t, g.c, g.liaison.GrantBody("AM", g.release, g.exhibit))
			wg.Go(func() { _ = g.liaison.Try(t, act) })
		}
		var reserved error
		wg.Go(func() { reserved = g.reserve(t) })
		wg.Wait()
		must(t, reserved)
		g.liaison.Read(t, func(r *exchange.Reader) error {
			page, err := r.ListGrants(storage.GrantFilter{Case: g.c}, 100, "")
			for _, grant := range page.Items {
				if grant.Status == comity.GrantActive || grant.Status == comity.GrantPending {
					t.Errorf("grant %s of a reserved case is %s", grant.ID, grant.Status)
				}
			}
			return err
		})
		if v := caseOf(t, g.foreign, g.c, comity.PurposeInvestigation); v != nil && v.Access.Level != sovereignty.AccessEnded {
			t.Errorf("a reserved case reads abroad as %s", v.Access.Level)
		}
	}
}

// TestRecordOfActs: acts, reads, denials and releases each leave one leaf, in
// which each state finds its own.
func TestRecordOfActs(t *testing.T) {
	g := newGranted(t)
	before := g.Sequence(t)
	caseOf(t, g.foreign, g.c, comity.PurposeInvestigation)
	absent := comity.NewID(comity.KindCase)
	caseOf(t, g.As(t, "liaison@BY"), g.c, comity.PurposeInvestigation)
	caseOf(t, g.As(t, "liaison@BY"), absent, comity.PurposeInvestigation)
	want(t, g.As(t, "liaison@AM").Try(t, g.As(t, "liaison@AM").Revoke(t, g.c, g.grant.Body.ID)), comity.CodeUnauthenticated, 0)
	am := g.As(t, "liaison@AM")
	want(t, am.Try(t, am.Revoke(t, g.c, g.grant.Body.ID)), comity.CodeDenied, comity.ArticleNonInterference)
	if n := g.Sequence(t); n != 4 || before == 0 {
		t.Errorf("four leaves were due, %d came (%d before)", n, before)
	}
	log := func(name string) (entries []exchange.LogView) {
		g.As(t, name).Read(t, func(r *exchange.Reader) error {
			page, err := r.Log(exchange.LogFilter{}, 100, "")
			entries = page.Items
			return err
		})
		return entries
	}
	kz, by := log("auditor@KZ"), log("auditor@BY")
	if kz[0].Content.Outcome != audit.Refused || kz[0].Content.Actor.State != "AM" || kz[0].Content.Article != comity.ArticleNonInterference {
		t.Errorf("Kazakhstan's newest leaf says %+v", kz[0].Content)
	}
	if kz[1].Content.Act != "read" || kz[1].Content.Records[0].Grant != g.grant.Body.ID {
		t.Errorf("Kazakhstan's disclosure says %+v", kz[1].Content)
	}
	if len(by) != 2 {
		t.Fatalf("Belarus reads %d leaves, wanted its two probes", len(by))
	}
	hidden, missing := by[1].Content, by[0].Content
	hidden.At, missing.At = time.Time{}, time.Time{}
	hidden.RequestID, missing.RequestID = "", ""
	hidden.Records, missing.Records = nil, nil
	if hidden.Outcome != audit.NotFound || hidden.Outcome != missing.Outcome || hidden.Article != missing.Article || hidden.Reason != missing.Reason {
		t.Errorf("a prober's leaves differ: hidden %+v, absent %+v", hidden, missing)
	}
	if len(by[0].Commitments) != len(kz[1].Commitments) {
		t.Error("the number of commitments tells how many states are concerned")
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
