package exchange_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/envelope"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/object"
	"github.com/comity-platform/comity/storage/sqlite"
)

// Attacks on the gate: each test is what an attacker tried.

// grantIn makes a granted world out of w.
func grantIn(t *testing.T, w *exchangetest.World) *granted {
	t.Helper()
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

// operated is a world whose operator writes to the database past the gate.
func operated(t *testing.T) (*granted, *sql.DB) {
	t.Helper()
	var raw *sql.DB
	w := exchangetest.NewWith(t, exchangetest.Options{DB: func(t testing.TB, now func() time.Time) storage.DB {
		path := filepath.Join(t.TempDir(), "comity.db")
		db, err := sqlite.Open(context.Background(), path, sqlite.Options{Now: now})
		if err != nil {
			t.Fatal(err)
		}
		if raw, err = sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { raw.Close(); db.Close() })
		return db
	}})
	return grantIn(t, w), raw
}

func exec(t *testing.T, db *sql.DB, text string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), text, args...); err != nil {
		t.Fatal(err)
	}
}

// turned is a custodian that a test makes fail or act in between.
type turned struct {
	custodian.Custodian
	apply   func(context.Context, string) error
	keys    func() error
	release func() error
}

func (c turned) Apply(ctx context.Context, jws string) error {
	if c.apply != nil {
		return c.apply(ctx, jws)
	}
	return c.Custodian.Apply(ctx, jws)
}

func (c turned) RecordKey(ctx context.Context, id comity.ID, wrapped string) (custodian.RecordKey, error) {
	if c.keys != nil {
		if err := c.keys(); err != nil {
			return custodian.RecordKey{}, err
		}
	}
	return c.Custodian.RecordKey(ctx, id, wrapped)
}

func (c turned) Release(ctx context.Context, o custodian.ReleaseOrder) (string, error) {
	if c.release != nil {
		if err := c.release(); err != nil {
			return "", err
		}
	}
	return c.Custodian.Release(ctx, o)
}

// secondServer is another server over the same database, stores and keys, with
// Kazakhstan's custodian changed.
func secondServer(t *testing.T, w *exchangetest.World, kz turned) *exchange.Exchange {
	t.Helper()
	states := map[comity.State]exchange.State{}
	for s, c := range w.Custodians {
		states[s] = exchange.State{Custodian: c, Store: w.Stores[s]}
	}
	kz.Custodian = w.Custodians["KZ"]
	states["KZ"] = exchange.State{Custodian: kz, Store: w.Stores["KZ"]}
	x, err := exchange.New(exchange.Options{DB: w.DB, Directory: w.Directory, Policies: w.Exchange.Policies(), States: states, Log: w.Log})
	must(t, err)
	return x
}

func logOf(t *testing.T, w *exchangetest.World, name string) (entries []exchange.LogView) {
	t.Helper()
	w.As(t, name).Read(t, func(r *exchange.Reader) error {
		page, err := r.Log(100, "")
		entries = page.Items
		return err
	})
	return entries
}

// about filters a log by a record named in it.
func about(entries []exchange.LogView, id comity.ID) (found []audit.Content) {
	for _, e := range entries {
		if slices.ContainsFunc(e.Content.Records, func(r audit.Record) bool { return r.ID == string(id) }) {
			found = append(found, e.Content)
		}
	}
	return found
}

func addEntry(t *testing.T, o *exchangetest.Officer, c comity.ID, m comity.Marking) comity.ID {
	t.Helper()
	add := &exchange.AddRecords{Key: exchangetest.Key(), Case: c, Entries: []exchange.NewEntry{{Marking: m, Text: comity.EntryText{Text: "words"}}}}
	o.Do(t, add)
	return add.IDs[0]
}

// A grant's row is believed as it stands in the database, while its statement
// says otherwise: whoever writes to the database revives and widens grants.
func TestAttackGrantRowForged(t *testing.T) {
	t.Run("revived", func(t *testing.T) {
		g, raw := operated(t)
		g.liaison.Do(t, g.liaison.Revoke(t, g.grant.ID))
		exec(t, raw, `UPDATE grants SET status = 'ACTIVE', ended_at = 0 WHERE id = ?`, g.grant.ID)
		var v *exchange.CaseView
		_ = g.Exchange.Read(t.Context(), g.foreign.Caller, func(r *exchange.Reader) error {
			found, err := r.Cases([]comity.ID{g.c}, comity.PurposeInvestigation)
			v = found[g.c]
			return err
		})
		if v != nil && v.Text != nil {
			t.Error("a revoked grant, set active in the database, opens the case's words: the register is not asked")
		}
	})
	t.Run("widened", func(t *testing.T) {
		g, raw := operated(t)
		exec(t, raw, `UPDATE grants SET purpose = 'PROSECUTION' WHERE id = ?`, g.grant.ID)
		var v *exchange.CaseView
		_ = g.Exchange.Read(t.Context(), g.foreign.Caller, func(r *exchange.Reader) error {
			found, err := r.Cases([]comity.ID{g.c}, comity.PurposeProsecution)
			v = found[g.c]
			return err
		})
		if v != nil && v.Text != nil {
			t.Error("terms that differ from the signed statement open the case's words")
		}
	})
	t.Run("for another state", func(t *testing.T) {
		g, raw := operated(t)
		exec(t, raw, `UPDATE grants SET grantee_state = 'BY', viewer = 'BY' WHERE id = ?`, g.grant.ID)
		var v *exchange.CaseView
		_ = g.Exchange.Read(t.Context(), g.As(t, "investigator@BY").Caller, func(r *exchange.Reader) error {
			found, err := r.Cases([]comity.ID{g.c}, comity.PurposeInvestigation)
			v = found[g.c]
			return err
		})
		if v != nil && v.Text != nil {
			t.Error("a grant whose grantee was changed in the database opens the case's words to another state")
		}
	})
}

// The column by which protected subjects are kept from abroad is not bound to
// their words.
func TestAttackProtectedColumn(t *testing.T) {
	g, raw := operated(t)
	add := &exchange.AddRecords{Key: exchangetest.Key(), Case: g.c, Subjects: []exchange.NewSubject{{Kind: comity.SubjectPerson, Role: comity.SubjectVictim,
		Text: comity.SubjectText{Names: []comity.SubjectName{{Name: "A victim"}}}}}}
	g.owner.Do(t, add)
	exec(t, raw, `UPDATE subjects SET protected = 0 WHERE id = ?`, add.IDs[0])
	_ = g.Exchange.Read(t.Context(), g.foreign.Caller, func(r *exchange.Reader) error {
		found, err := r.Cases([]comity.ID{g.c}, comity.PurposeInvestigation)
		if err != nil {
			return err
		}
		pages, err := r.Subjects([]*exchange.CaseView{found[g.c]}, 10, "")
		if n := len(pages[g.c].Items); err == nil && n != 0 {
			t.Errorf("a victim is shown abroad after one column was flipped: %+v", pages[g.c].Items[0])
		}
		return err
	})
}

// A label flipped for the moment of granting, and flipped back, is not noticed.
func TestAttackLabelFlippedWhileGranting(t *testing.T) {
	g, raw := operated(t)
	v := caseOf(t, g.owner, g.c, "")
	red := comity.Marking{TLP: comity.TLPRed, PAP: comity.PAPAmber, Handling: comity.H0}
	g.owner.Do(t, &exchange.UpdateCase{Key: exchangetest.Key(), ID: g.c, ExpectedVersion: v.Version, Marking: &red})
	want(t, g.liaison.Try(t, g.liaison.MakeGrant(t, g.c, g.liaison.GrantBody("AM", g.release, g.exhibit))), comity.CodeDenied, comity.ArticleLiaison)
	exec(t, raw, `UPDATE cases SET tlp = 'AMBER' WHERE id = ?`, g.c)
	err := g.liaison.Try(t, g.liaison.MakeGrant(t, g.c, g.liaison.GrantBody("AM", g.release, g.exhibit)))
	exec(t, raw, `UPDATE cases SET tlp = 'RED' WHERE id = ?`, g.c)
	if err == nil {
		t.Error("a TLP:RED case was granted without a second liaison, over a label that does not open with its words")
	}
}

// A case that its originator marks TLP:RED after it was granted.
func TestAttackRedAfterGrant(t *testing.T) {
	g := newGranted(t)
	v := caseOf(t, g.owner, g.c, "")
	red := comity.Marking{TLP: comity.TLPRed, PAP: comity.PAPAmber, Handling: comity.H0}
	g.owner.Do(t, &exchange.UpdateCase{Key: exchangetest.Key(), ID: g.c, ExpectedVersion: v.Version, Marking: &red})
	if v := caseOf(t, g.foreign, g.c, comity.PurposeInvestigation); v != nil && v.Text != nil {
		t.Error("a case that became TLP:RED is read abroad under a grant of one liaison")
	}
}

// The same agreement's name with another text.
func TestAttackAgreementRewritten(t *testing.T) {
	g := newGranted(t)
	for _, s := range []comity.State{"KZ", "AM"} {
		g.Publish(t, s, func(m *statement.Manifest) { m.Agreements[0].Title = "Another text" })
	}
	if v := caseOf(t, g.foreign, g.c, comity.PurposeInvestigation); v != nil && v.Text != nil {
		t.Error("a grant under an agreement whose text was replaced still opens the case's words (the custodian refuses its exhibits)")
	}
}

// Exhibits named by a grant whose agreement was denounced, listed under
// another grant's agreement.
func TestAttackUnionOfExhibits(t *testing.T) {
	w := exchangetest.New(t)
	second := func(m *statement.Manifest) {
		a := m.Agreements[0]
		a.ID, a.Title = "second-2020", "A second agreement"
		m.Agreements = append(slices.Clone(m.Agreements), a)
	}
	w.Publish(t, "KZ", second)
	w.Publish(t, "AM", second)
	w.Mandate(t, "KZ")
	owner, liaison, foreign := w.As(t, "investigator@KZ"), w.As(t, "liaison@KZ"), w.As(t, "investigator@AM")
	c := owner.FileCase(t, "A case", "AM")
	e := owner.Upload(t, c, "named under the second agreement", []byte("x"))
	release := owner.Release(t, c, "AM", e)
	wide := liaison.GrantBody("AM", release)
	liaison.Do(t, liaison.MakeGrant(t, c, wide))
	body := liaison.GrantBody("AM", release, e)
	body.Scope, body.Agreement = comity.ScopeExhibits, "second-2020"
	liaison.Do(t, liaison.MakeGrant(t, c, body))
	w.Publish(t, "AM", func(m *statement.Manifest) { m.Agreements = m.Agreements[:1] })
	foreign.Read(t, func(r *exchange.Reader) error {
		found, err := r.Cases([]comity.ID{c}, comity.PurposeInvestigation)
		if err != nil {
			return err
		}
		pages, err := r.Evidence([]*exchange.CaseView{found[c]}, 10, "")
		for _, v := range pages[c].Items {
			t.Errorf("exhibit %q is shown under an agreement that no longer binds both states", v.Text.Name)
		}
		return err
	})
	// The other way round: the widest grant's agreement ends, the other's holds.
	w.Publish(t, "AM", func(m *statement.Manifest) { second(m); m.Agreements = m.Agreements[1:] })
	if v := caseOf(t, foreign, c, comity.PurposeInvestigation); v == nil || v.Access.Level != sovereignty.AccessExhibits {
		t.Errorf("a grant in force is not found behind a wider one that is not: %+v", v.Access)
	}
}

// What lies hidden in a case moves the version that is seen abroad.
func TestAttackHiddenActivityCounts(t *testing.T) {
	g := newGranted(t)
	before := caseOf(t, g.foreign, g.c, comity.PurposeInvestigation)
	addEntry(t, g.owner, g.c, comity.Marking{TLP: comity.TLPRed, PAP: comity.PAPRed, Handling: comity.H0})
	after := caseOf(t, g.foreign, g.c, comity.PurposeInvestigation)
	if before.Version != after.Version || !before.UpdatedAt.Equal(after.UpdatedAt) {
		t.Errorf("a TLP:RED entry, hidden abroad, moved the case from version %d to %d", before.Version, after.Version)
	}
}

// Exhibits that no grant names answer like absent ones, but to their opening
// by who has a live grant on the case: that is explained.
func TestAttackUnnamedExhibit(t *testing.T) {
	g := newGranted(t)
	hidden, absent := g.owner.Upload(t, g.c, "not named", []byte("x")), comity.NewID(comity.KindEvidence)
	parts := func(e comity.ID) error {
		return g.foreign.Try(t, &exchange.SignParts{Key: exchangetest.Key(), Evidence: e})
	}
	for name, try := range map[string]func(comity.ID) error{"evidenceParts": parts} {
		if a, b := comity.CodeOf(try(hidden)), comity.CodeOf(try(absent)); a != b {
			t.Errorf("%s of an exhibit that is not named answers %s, of an absent one %s", name, a, b)
		}
	}
}

// An entry that the scope withholds is told from an absent one while the
// originator's custodian is away, and no leaf is left.
func TestAttackNodeWhileDark(t *testing.T) {
	w := exchangetest.New(t)
	g := grantIn(t, w)
	entry := addEntry(t, g.owner, g.c, comity.DefaultMarking)
	narrow := &exchange.NarrowGrant{Key: exchangetest.Key(), Grant: g.grant.ID, ExpectedVersion: 2, Body: statement.NarrowBody{Scope: comity.ScopeExhibits,
		Exhibits: []comity.ID{g.exhibit}, Caveats: g.grant.Body.Caveats, NotAfter: g.grant.Body.NotAfter}}
	narrow.Act = g.liaison.Sign(t, statement.Act{Act: statement.ActGrantNarrow, Record: g.grant.ID}, narrow.Body)
	g.liaison.Do(t, narrow)
	x := secondServer(t, w, turned{keys: func() error { return comity.Unavailable("the custodian of KZ", nil) }})
	ask := func(id comity.ID) error {
		return x.Read(t.Context(), g.foreign.Caller, func(r *exchange.Reader) error {
			_, err := r.Nodes([]comity.ID{id}, comity.PurposeInvestigation)
			return err
		})
	}
	if a, b := ask(entry), ask(comity.NewID(comity.KindEntry)); (a == nil) != (b == nil) {
		t.Errorf("a withheld entry answers %v, an absent one %v", a, b)
	}
}

// The clear fields of a case that may not be read are asked for by filters.
func TestAttackFilterOracle(t *testing.T) {
	g := newGranted(t)
	list := func(f storage.CaseFilter) (n int) {
		g.foreign.Read(t, func(r *exchange.Reader) error {
			page, err := r.ListCases(f, comity.PurposeProsecution, 10, "")
			n = len(page.Items)
			return err
		})
		return n
	}
	if a, b := list(storage.CaseFilter{Category: tokentest.Category}), list(storage.CaseFilter{Category: "DDOS"}); a != b {
		t.Errorf("for a purpose not granted the category is withheld, and told by the filter: %d against %d", a, b)
	}
}

// What the exchange needs for itself is not for foreign officers.
func TestAttackForeignFields(t *testing.T) {
	g := newGranted(t)
	act, _ := g.foreign.Opening(t, g.exhibit, g.header, comity.PurposeInvestigation, g.grant.ID)
	g.foreign.Do(t, act)
	shown := []comity.Evidence{act.Opened}
	g.foreign.Read(t, func(r *exchange.Reader) error {
		found, err := r.Nodes([]comity.ID{g.exhibit}, comity.PurposeInvestigation)
		shown = append(shown, found[g.exhibit].Evidence.Evidence)
		return err
	})
	for _, e := range shown {
		if e.WrappedKey != "" || e.UploadID != "" || e.ObjectKey != "" {
			t.Errorf("abroad an exhibit carries wrapped key %q, upload %q, object %q", e.WrappedKey, e.UploadID, e.ObjectKey)
		}
	}
}

// The record of acts tells a former grantee what the grant itself does not:
// whether it was revoked or the case reserved.
func TestAttackLogTellsReservation(t *testing.T) {
	acts := func(end func(*granted)) (found []string) {
		g := newGranted(t)
		end(g)
		for _, c := range append(about(logOf(t, g.World, "auditor@AM"), g.grant.ID), about(logOf(t, g.World, "auditor@AM"), g.c)...) {
			if c.Outcome == audit.Done && c.Act != string(sovereignty.GrantMake) {
				found = append(found, c.Act)
			}
		}
		return found
	}
	revoked := acts(func(g *granted) { g.liaison.Do(t, g.liaison.Revoke(t, g.grant.ID)) })
	reserved := acts(func(g *granted) { must(t, g.reserve(t)) })
	if !slices.Equal(revoked, reserved) {
		t.Errorf("Armenia's record says %v of a revoked grant and %v of one that a reservation ended", revoked, reserved)
	}
}

// A grant that never opened anything is in the grantee's record of acts.
func TestAttackLogTellsPendingGrant(t *testing.T) {
	g := newGranted(t)
	x := secondServer(t, g.World, turned{apply: func(context.Context, string) error { return comity.Unavailable("the custodian of KZ", nil) }})
	act := g.liaison.MakeGrant(t, g.c, g.liaison.GrantBody("AM", g.release, g.exhibit))
	if err := x.Do(t.Context(), g.liaison.Caller, act); comity.CodeOf(err) != comity.CodeUnavailable {
		t.Fatal(err)
	}
	if found := about(logOf(t, g.World, "auditor@AM"), act.ID); len(found) > 0 {
		t.Errorf("Armenia's record of acts names a grant that has opened nothing yet: %+v", found[0])
	}
}

// Denials among the originator's own officers are no business of the grantee's.
func TestAttackLogTellsDomesticDenial(t *testing.T) {
	g := newGranted(t)
	want(t, g.owner.Try(t, g.owner.Revoke(t, g.grant.ID)), comity.CodeDenied, comity.ArticleLiaison)
	for _, c := range about(logOf(t, g.World, "auditor@AM"), g.grant.ID) {
		if c.Outcome == audit.Refused && c.Actor.State == "KZ" {
			t.Errorf("Armenia reads that Kazakhstan's own %s was denied %s: %s", c.Actor.Ref, c.Act, c.Reason)
		}
	}
}

// An attempt to pass a case on is in the originator's record.
func TestAttackOnwardGrantUnseen(t *testing.T) {
	g := newGranted(t)
	am := g.As(t, "liaison@AM")
	want(t, am.Try(t, am.MakeGrant(t, g.c, am.GrantBody("BY", g.release))), comity.CodeDenied, comity.ArticleOriginatorControl)
	for _, c := range about(logOf(t, g.World, "auditor@KZ"), g.c) {
		if c.Actor.State == "AM" && c.Act == string(sovereignty.GrantMake) {
			return
		}
	}
	t.Error("Kazakhstan's record does not show that Armenia's liaison tried to grant its case onward")
}

// One ended case in the same request makes the originator's record call a
// disclosure a denial.
func TestAttackDisclosureLoggedAsDenial(t *testing.T) {
	g := newGranted(t)
	other := g.owner.FileCase(t, "Another", "AM")
	grant := g.liaison.MakeGrant(t, other, g.liaison.GrantBody("AM", g.owner.Release(t, other, "AM")))
	g.liaison.Do(t, grant)
	g.liaison.Do(t, g.liaison.Revoke(t, grant.ID))
	var open bool
	g.foreign.Read(t, func(r *exchange.Reader) error {
		found, err := r.Cases([]comity.ID{g.c, other}, comity.PurposeInvestigation)
		open = found[g.c].Text != nil
		return err
	})
	newest := logOf(t, g.World, "auditor@KZ")[0].Content
	if open && newest.Outcome == audit.Refused {
		t.Errorf("words were disclosed, and the originator's record says %s: %+v", newest.Outcome, newest.Records)
	}
}

// A key that was not released stands in the record as released.
func TestAttackReleaseThatWasNone(t *testing.T) {
	for _, failure := range []error{comity.Unavailable("the custodian of KZ", nil), &comity.Error{Code: comity.CodeLimit, Message: "quota"},
		comity.Unauthenticated("another key", nil), comity.Invalid("header", "no"), comity.NotFound()} {
		t.Run(string(comity.CodeOf(failure)), func(t *testing.T) {
			g := newGranted(t)
			x := secondServer(t, g.World, turned{release: func() error { return failure }})
			act, _ := g.foreign.Opening(t, g.exhibit, g.header, comity.PurposeInvestigation, g.grant.ID)
			if err := x.Do(t.Context(), g.foreign.Caller, act); err == nil {
				t.Fatal("the release did not fail")
			}
			if newest := about(logOf(t, g.World, "auditor@KZ"), g.exhibit)[0]; newest.Outcome == audit.Released {
				t.Error("the originator's record says RELEASED of a key that was not")
			}
		})
	}
}

// An inner record read by its id leaves no trace of the grant it was read under.
func TestAttackEntryWithoutGrant(t *testing.T) {
	g := newGranted(t)
	entry := addEntry(t, g.owner, g.c, comity.DefaultMarking)
	g.foreign.Read(t, func(r *exchange.Reader) error {
		found, err := r.Nodes([]comity.ID{entry}, comity.PurposeInvestigation)
		if found[entry].Entry == nil {
			t.Fatal("the entry is not shown")
		}
		return err
	})
	c := about(logOf(t, g.World, "auditor@KZ"), entry)
	if len(c) != 1 || c[0].Records[0].Grant != g.grant.ID {
		t.Errorf("the originator's record of a read abroad names no grant: %+v", c)
	}
}

// The chain of custody is bound to nothing: its events are in no leaf.
func TestAttackCustodyNotInLog(t *testing.T) {
	g := newGranted(t)
	var events []comity.CustodyEvent
	g.owner.Read(t, func(r *exchange.Reader) error {
		found, err := r.Custody([]exchange.EvidenceView{{Evidence: comity.Evidence{ID: g.exhibit}}})
		events = found[g.exhibit]
		return err
	})
	var all strings.Builder
	for _, e := range logOf(t, g.World, "auditor@KZ") {
		all.Write(e.Leaf.Openings[0].Content)
	}
	for _, e := range events {
		if !strings.Contains(all.String(), string(e.ID)) {
			t.Errorf("custody event %s is in no leaf: its chain can be computed anew by whoever keeps the database", e.Kind)
		}
	}
}

// A receipt that got lost on its way is nowhere to be had.
func TestAttackReceiptLost(t *testing.T) {
	w := exchangetest.New(t)
	owner := w.As(t, "investigator@KZ")
	c := owner.FileCase(t, "A case")
	begun, key := owner.Begin(t, c, "exhibit", 7)
	complete := owner.Put(t, begun, key, []byte("exhibit"))
	owner.Do(t, complete)
	again := *complete
	again.Receipts = nil
	owner.Do(t, &again)
	if len(again.Receipts) != 1 || again.Receipts[0] == "" || again.Receipts[0] != complete.Receipts[0] {
		t.Errorf("a repeat answers the receipts %q", again.Receipts)
	}
	owner.Read(t, func(r *exchange.Reader) error {
		found, err := r.Nodes([]comity.ID{begun.ID}, "")
		if found[begun.ID].Evidence.Receipt == "" {
			t.Error("the exhibit carries no receipt")
		}
		return err
	})
}

// A repeat is answered without the gate when the input fails before it.
func TestAttackRepeatAroundTheGate(t *testing.T) {
	w := exchangetest.New(t)
	owner, colleague := w.As(t, "investigator@KZ"), w.As(t, "colleague@KZ")
	c := owner.FileCase(t, "A case")
	owner.Do(t, &exchange.AssignCase{Key: exchangetest.Key(), ID: c, Officer: colleague.Caller.Officer.Ref()})
	recipient, err := statement.NewKey()
	must(t, err)
	jkt, err := statement.Thumbprint(&recipient.PublicKey)
	must(t, err)
	body := statement.BeginBody{MediaType: "text/plain", Size: 1, Name: "x"}
	begin := func(key string, on comity.ID) *exchange.BeginEvidence {
		return &exchange.BeginEvidence{Key: key, Case: c, Items: []exchange.BeginExhibit{{Body: body, Recipient: statement.PublicJWK(&recipient.PublicKey),
			Act: colleague.Sign(t, statement.Act{Act: statement.ActEvidenceBegin, Record: on, RecipientJKT: jkt}, body)}}}
	}
	first := begin(exchangetest.Key(), c)
	colleague.Do(t, first)
	owner.Do(t, &exchange.AssignCase{Key: exchangetest.Key(), ID: c, Officer: colleague.Caller.Officer.Ref(), Remove: true})
	w.Sequence(t)
	again := begin(first.Key, comity.NewID(comity.KindCase)) // an act about another record: INVALID before the case is looked up
	if err := colleague.Try(t, again); err == nil {
		t.Errorf("an officer whom the case no longer reaches is answered %d exhibits, with %d leaves", len(again.Begun), w.Sequence(t))
	}
}

// A repeat makes effects (URLs signed anew) that no leaf tells of.
func TestAttackRepeatUnlogged(t *testing.T) {
	w := exchangetest.New(t)
	owner := w.As(t, "investigator@KZ")
	c := owner.FileCase(t, "A case")
	begun, _ := owner.Begin(t, c, "exhibit", 7)
	h, err := envelope.ParseHeader(begun.Header)
	must(t, err)
	sign := &exchange.SignParts{Key: exchangetest.Key(), Evidence: begun.ID, Parts: []object.Part{{Number: 1, Size: h.CipherSize(0), SHA256: [32]byte{1}}}}
	owner.Do(t, sign)
	w.Sequence(t)
	sign.Signed = nil
	owner.Do(t, sign)
	if n := w.Sequence(t); n == 0 && len(sign.Signed) == 1 {
		t.Error("a repeat signed an upload URL and left no leaf")
	}
}

// lossy is a database whose answer to a commit is lost on its way.
type lossy struct {
	storage.DB
	lose atomic.Bool
}

func (d *lossy) Write(ctx context.Context, f func(storage.Tx) error) error {
	err := d.DB.Write(ctx, f)
	if err == nil && d.lose.Swap(false) {
		return comity.Unavailable("the database", errors.New("the connection was lost while committing"))
	}
	return err
}

// A commit whose answer was lost has happened: what it names must not be abandoned.
func TestAttackAbandonAfterCommit(t *testing.T) {
	var db *lossy
	w := exchangetest.NewWith(t, exchangetest.Options{DB: func(t testing.TB, now func() time.Time) storage.DB {
		db = &lossy{DB: exchangetest.SQLite(t, now)}
		return db
	}})
	owner := w.As(t, "investigator@KZ")
	c := owner.FileCase(t, "A case")
	recipient, err := statement.NewKey()
	must(t, err)
	jkt, err := statement.Thumbprint(&recipient.PublicKey)
	must(t, err)
	body := statement.BeginBody{MediaType: "text/plain", Size: 1, Name: "x"}
	begin := func(key string) *exchange.BeginEvidence {
		return &exchange.BeginEvidence{Key: key, Case: c, Items: []exchange.BeginExhibit{{Body: body, Recipient: statement.PublicJWK(&recipient.PublicKey),
			Act: owner.Sign(t, statement.Act{Act: statement.ActEvidenceBegin, Record: c, RecipientJKT: jkt}, body)}}}
	}
	first := begin(uuid.NewString())
	db.lose.Store(true)
	if err := owner.Try(t, first); comity.CodeOf(err) != comity.CodeUnavailable {
		t.Fatal(err)
	}
	again := begin(first.Key)
	owner.Do(t, again)
	h, err := envelope.ParseHeader(again.Begun[0].Header)
	must(t, err)
	sign := &exchange.SignParts{Key: exchangetest.Key(), Evidence: again.Begun[0].ID, Parts: []object.Part{{Number: 1, Size: h.CipherSize(0), SHA256: [32]byte{1}}}}
	if err := owner.Try(t, sign); err != nil {
		t.Errorf("the exhibit was begun and can never be uploaded: %v", err)
	}
}

// One effect that can never succeed holds up every later one of its record:
// here a revocation never reaches the register.
func TestAttackPoisonedEffect(t *testing.T) {
	g := newGranted(t)
	// As after a statement key left the manifest while a narrowing waited.
	must(t, g.DB.Write(t.Context(), func(tx storage.Tx) error {
		return tx.AddEffect(storage.Effect{ID: g.grant.ID, Kind: "apply", State: "KZ", Payload: []byte("no longer verifies"), NotBefore: tx.Now()})
	}))
	_ = g.liaison.Try(t, g.liaison.Revoke(t, g.grant.ID))
	open, _ := g.foreign.Opening(t, g.exhibit, g.header, comity.PurposeInvestigation, g.grant.ID)
	var e comity.Evidence
	g.owner.Read(t, func(r *exchange.Reader) error {
		found, err := r.Nodes([]comity.ID{g.exhibit}, "")
		e = found[g.exhibit].Evidence.Evidence
		return err
	})
	// A server turned against the state asks its custodian past the gate.
	_, err := g.Custodians["KZ"].Release(t.Context(), custodian.ReleaseOrder{Asker: statement.Asker{Token: g.foreign.Caller.Token, Act: open.Act}, Case: g.c,
		Evidence: g.exhibit, Header: e.Header, WrappedKey: e.WrappedKey, Root: e.Root, PlainSHA256: e.PlainSHA256, ObjectVersion: e.ObjectVersion, Recipient: open.Recipient})
	if err == nil {
		t.Error("a revocation waits for ever behind an effect that cannot succeed, and the register keeps the grant alive")
	}
}

// Two servers that carry out one effect at once do no harm.
func TestAttackEffectDoneTwice(t *testing.T) {
	g := newGranted(t)
	act := g.liaison.Revoke(t, g.grant.ID)
	var once atomic.Bool
	x := secondServer(t, g.World, turned{apply: func(ctx context.Context, jws string) error {
		err := g.Custodians["KZ"].Apply(ctx, jws)
		if err == nil && !once.Swap(true) { // another server, or this one's ticker, was as fast
			other := *act
			return g.Exchange.Do(ctx, g.liaison.Caller, &other)
		}
		return err
	}})
	if err := x.Do(t.Context(), g.liaison.Caller, act); err != nil {
		t.Errorf("the revocation is in the register, and its officer is told: %v", err)
	}
}

// Inputs that no rule takes.
func TestAttackInputs(t *testing.T) {
	w := exchangetest.New(t)
	owner := w.As(t, "investigator@KZ")
	c := owner.FileCase(t, "A case", "AM")
	version := func() int { return caseOf(t, owner, c, "").Version }
	long := strings.Repeat("x", 1<<20)
	for name, act := range map[string]func() exchange.Act{
		"a status that is none": func() exchange.Act {
			return &exchange.SetCaseStatus{Key: exchangetest.Key(), ID: c, ExpectedVersion: version(), Status: "BURIED"}
		},
		"a case that no longer claims jurisdiction": func() exchange.Act {
			return &exchange.UpdateCase{Key: exchangetest.Key(), ID: c, ExpectedVersion: version(), Nexus: []comity.Nexus{{Basis: comity.NexusTerritory, State: "AM"}}}
		},
		"entries under the name of subjects": func() exchange.Act {
			return &exchange.AddRecords{Key: exchangetest.Key(), Case: c, Entries: []exchange.NewEntry{{Text: comity.EntryText{Text: "x"}}},
				Subjects: []exchange.NewSubject{{Kind: comity.SubjectPerson, Role: comity.SubjectSuspect, Text: comity.SubjectText{Identifier: "x"}}}}
		},
		"an identifier of a mebibyte": func() exchange.Act {
			return &exchange.AddRecords{Key: exchangetest.Key(), Case: c, Subjects: []exchange.NewSubject{{Kind: comity.SubjectAccount, Role: comity.SubjectSuspect, Text: comity.SubjectText{Identifier: long}}}}
		},
		"a hash of a mebibyte": func() exchange.Act {
			return &exchange.AddRecords{Key: exchangetest.Key(), Case: c, Observables: []exchange.NewObservable{{Text: comity.ObservableText{Type: "file", Value: "x", Hashes: map[string]string{"MD5": long}}}}}
		},
		"100,000 source ids": func() exchange.Act {
			return &exchange.AddRecords{Key: exchangetest.Key(), Case: c, Observables: []exchange.NewObservable{{Text: comity.ObservableText{Type: "file", Value: "x", SourceIDs: make([]string, 100_000)}}}}
		},
		"a nationality that is none": func() exchange.Act {
			return &exchange.AddRecords{Key: exchangetest.Key(), Case: c, Subjects: []exchange.NewSubject{{Kind: comity.SubjectPerson, Role: comity.SubjectSuspect, Text: comity.SubjectText{Identifier: "x", Nationality: "Narnia"}}}}
		},
		"control characters in a title": func() exchange.Act {
			title := "Bank\x00\u202e\x1b[2J"
			return &exchange.UpdateCase{Key: exchangetest.Key(), ID: c, ExpectedVersion: version(), Title: &title}
		},
		"a NUL in a clear column": func() exchange.Act {
			return &exchange.DecideRelease{Key: exchangetest.Key(), Case: c, Decider: comity.DeciderCourt, Reference: "A\x001", Grantee: "AM", Scope: comity.ScopeFull,
				Purpose: comity.PurposeInvestigation, NotAfter: w.Clock.Now().Add(time.Hour)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := owner.Try(t, act()); err == nil {
				t.Error("it was taken")
			}
		})
	}
}

// A narrowing that takes away the words which bind the use.
func TestAttackNarrowingLiftsCaveat(t *testing.T) {
	w := exchangetest.New(t)
	w.Mandate(t, "KZ")
	owner, liaison := w.As(t, "investigator@KZ"), w.As(t, "liaison@KZ")
	c := owner.FileCase(t, "A case", "AM")
	body := liaison.GrantBody("AM", owner.Release(t, c, "AM"))
	body.Caveats = comity.Caveats{Marking: comity.Marking{TLP: comity.TLPAmber, PAP: comity.PAPAmber, Handling: comity.H3}, Text: "not before a military court"}
	grant := liaison.MakeGrant(t, c, body)
	liaison.Do(t, grant)
	narrow := &exchange.NarrowGrant{Key: exchangetest.Key(), Grant: grant.ID, ExpectedVersion: 2, Body: statement.NarrowBody{Scope: comity.ScopeFull,
		Caveats: comity.Caveats{Marking: body.Caveats.Marking}, NotAfter: body.NotAfter}}
	narrow.Act = liaison.Sign(t, statement.Act{Act: statement.ActGrantNarrow, Record: grant.ID}, narrow.Body)
	if err := liaison.Try(t, narrow); err == nil {
		t.Error("a narrowing lifted the restrictions that the handling code H3 refers to")
	}
}

// A grant that says it answers a request which is another state's.
func TestAttackGrantNamesForeignRequest(t *testing.T) {
	g := newGranted(t)
	send := &exchange.SendRequest{Key: exchangetest.Key(), To: "KZ", Kind: comity.RequestInformation, Urgency: comity.UrgencyPrompt, Category: tokentest.Category,
		Purpose: comity.PurposeInvestigation, Marking: comity.DefaultMarking, Text: comity.RequestText{Title: "Belarus asks", Facts: "facts"}}
	g.As(t, "investigator@BY").Do(t, send)
	body := g.liaison.GrantBody("AM", g.release, g.exhibit)
	body.Request = send.ID
	if err := g.liaison.Try(t, g.liaison.MakeGrant(t, g.c, body)); err == nil {
		t.Error("a grant to Armenia names Belarus's request, and so tells Armenia of it")
	}
}

// Where the asked state sends a request within itself is its own matter.
func TestAttackReforwardCounts(t *testing.T) {
	w := exchangetest.New(t)
	foreign, liaison := w.As(t, "investigator@AM"), w.As(t, "liaison@KZ")
	send := &exchange.SendRequest{Key: exchangetest.Key(), To: "KZ", Kind: comity.RequestInformation, Urgency: comity.UrgencyPrompt, Category: tokentest.Category,
		Purpose: comity.PurposeInvestigation, Marking: comity.DefaultMarking, Text: comity.RequestText{Title: "T", Facts: "facts"}}
	foreign.Do(t, send)
	see := func(o *exchangetest.Officer) (v *exchange.RequestView) {
		o.Read(t, func(r *exchange.Reader) error {
			found, err := r.Requests([]comity.ID{send.ID})
			v = found[send.ID]
			return err
		})
		return v
	}
	move := func(m exchange.MoveRequest) {
		m.Key, m.ID, m.ExpectedVersion = exchangetest.Key(), send.ID, see(liaison).Version
		liaison.Do(t, &m)
	}
	move(exchange.MoveRequest{Move: sovereignty.RequestReceive})
	move(exchange.MoveRequest{Move: sovereignty.RequestAcknowledge})
	move(exchange.MoveRequest{Move: sovereignty.RequestForward, RouteTo: "KZ/cyber"})
	before := see(foreign)
	move(exchange.MoveRequest{Move: sovereignty.RequestForward, RouteTo: "KZ/ct"})
	after := see(foreign)
	if before.Version != after.Version || !before.UpdatedAt.Equal(after.UpdatedAt) {
		t.Errorf("forwarding anew within Kazakhstan moved what Armenia sees from version %d to %d", before.Version, after.Version)
	}
}

// A denied look into the record of acts is itself in the record.
func TestAttackDeniedLogRead(t *testing.T) {
	w := exchangetest.New(t)
	o := w.As(t, "investigator@KZ")
	err := w.Exchange.Read(t.Context(), o.Caller, func(r *exchange.Reader) error { _, err := r.Log(10, ""); return err })
	if comity.CodeOf(err) != comity.CodeDenied {
		t.Fatal(err)
	}
	if w.Sequence(t) == 0 {
		t.Error("a denial of the record of acts left no leaf")
	}
}

// A repeated refusal answers what the first one answered.
func TestAttackRefusalLost(t *testing.T) {
	w := exchangetest.New(t)
	liaison := w.As(t, "liaison@KZ")
	send := &exchange.SendRequest{Key: exchangetest.Key(), To: "KZ", Kind: comity.RequestInformation, Urgency: comity.UrgencyPrompt, Category: tokentest.Category,
		Purpose: comity.PurposeInvestigation, Marking: comity.DefaultMarking, Text: comity.RequestText{Title: "T", Facts: "facts"}}
	w.As(t, "investigator@AM").Do(t, send)
	liaison.Do(t, &exchange.MoveRequest{Key: exchangetest.Key(), ID: send.ID, ExpectedVersion: 1, Move: sovereignty.RequestReceive})
	refuse := func(key string) *exchange.MoveRequest {
		return &exchange.MoveRequest{Key: key, ID: send.ID, ExpectedVersion: 2, Move: sovereignty.RequestRefuse, Ground: comity.GroundPolitical,
			Act: liaison.Sign(t, statement.Act{Act: statement.ActRequestRefuse, Record: send.ID}, statement.RefuseBody{Ground: comity.GroundPolitical})}
	}
	first := refuse(exchangetest.Key())
	liaison.Do(t, first)
	again := refuse(first.Key)
	liaison.Do(t, again)
	if again.Refusal != first.Refusal || again.Statement != first.Statement {
		t.Errorf("a repeat answers the refusal %q", again.Refusal)
	}
}

// An auditor reads no cases and no requests (Article 16): lists and counts must
// not tell that there are any.
func TestAttackAuditorLists(t *testing.T) {
	type answer struct {
		err          error
		items, count int
	}
	cases := func(o *exchangetest.Officer) (a answer) {
		a.err = o.Exchange.Read(t.Context(), o.Caller, func(r *exchange.Reader) error {
			page, err := r.ListCases(storage.CaseFilter{}, comity.PurposeInvestigation, 10, "")
			if err == nil {
				a.items = len(page.Items)
				a.count, err = page.Count()
			}
			return err
		})
		return a
	}
	requests := func(o *exchangetest.Officer) (a answer) {
		a.err = o.Exchange.Read(t.Context(), o.Caller, func(r *exchange.Reader) error {
			page, err := r.ListRequests(storage.RequestFilter{}, 10, "")
			if err == nil {
				a.items = len(page.Items)
				a.count, err = page.Count()
			}
			return err
		})
		return a
	}
	w := exchangetest.New(t)
	g := grantIn(t, w)
	g.foreign.Do(t, &exchange.SendRequest{Key: exchangetest.Key(), To: "KZ", Kind: comity.RequestInformation, Urgency: comity.UrgencyPrompt, Category: tokentest.Category,
		Purpose: comity.PurposeInvestigation, Marking: comity.DefaultMarking, Text: comity.RequestText{Title: "T", Facts: "facts"}})
	for _, name := range []string{"auditor@AM", "auditor@KZ"} {
		if got := cases(w.As(t, name)); got != (answer{}) {
			t.Errorf("%s lists cases: %+v, wanted an empty list and a count of 0", name, got)
		}
		if got := requests(w.As(t, name)); got != (answer{}) {
			t.Errorf("%s lists requests: %+v, wanted an empty list and a count of 0", name, got)
		}
	}
}

// One officer files, releases and grants.
func TestAttackOneOfficerAlone(t *testing.T) {
	w := exchangetest.New(t)
	w.Mandate(t, "KZ")
	liaison := w.As(t, "liaison@KZ")
	c := liaison.FileCase(t, "A case", "AM")
	release := &exchange.DecideRelease{Key: exchangetest.Key(), Case: c, Decider: comity.DeciderOwner, Grantee: "AM", Scope: comity.ScopeFull,
		Purpose: comity.PurposeInvestigation, NotAfter: w.Clock.Now().Add(30 * 24 * time.Hour)}
	if liaison.Try(t, release) != nil {
		return
	}
	if err := liaison.Try(t, liaison.MakeGrant(t, c, liaison.GrantBody("AM", release.ID))); err == nil {
		t.Error("one liaison filed the case, decided its release and granted it")
	}
}

// The custody of an exhibit that its reader may not see.
func TestAttackCustodyOfHidden(t *testing.T) {
	g := newGranted(t)
	g.As(t, "investigator@BY").Read(t, func(r *exchange.Reader) error {
		found, err := r.Custody([]exchange.EvidenceView{{Evidence: comity.Evidence{ID: g.exhibit}}})
		if len(found[g.exhibit]) > 0 {
			t.Errorf("Belarus, never granted anything, reads %d custody events", len(found[g.exhibit]))
		}
		return err
	})
}

// A custodian that hangs must not hold up the effects of other states.
func TestAttackHangingCustodian(t *testing.T) {
	g := newGranted(t)
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	x := secondServer(t, g.World, turned{apply: func(ctx context.Context, _ string) error {
		select {
		case <-hang:
		case <-ctx.Done():
		}
		return comity.Unavailable("the custodian of KZ", nil)
	}})
	am := comity.NewID(comity.KindCase)
	must(t, g.DB.Write(t.Context(), func(tx storage.Tx) error {
		for _, e := range []storage.Effect{{ID: comity.NewID(comity.KindCase), State: "KZ"}, {ID: am, State: "AM"}} {
			e.Kind, e.Payload, e.NotBefore = "apply", []byte("x"), tx.Now()
			if err := tx.AddEffect(e); err != nil {
				return err
			}
		}
		return nil
	}))
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); x.Effects(ctx) }()
	time.Sleep(3500 * time.Millisecond)
	stop()
	<-done
	must(t, g.DB.Write(t.Context(), func(tx storage.Tx) error {
		found, err := tx.EffectsOf(am)
		if len(found) == 1 && found[0].Attempts < 2 {
			t.Errorf("while Kazakhstan's custodian hangs, Armenia's effect was tried %d times in 3.5 seconds", found[0].Attempts)
		}
		return err
	}))
}
