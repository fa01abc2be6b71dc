package exchange_test

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/sqlite"
	"github.com/comity-platform/comity/storage/sqlite/sqlitetest"
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
		path := sqlitetest.File(t)
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
	key     *custodian.RecordKey // in place of every record key
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
	if c.key != nil {
		return *c.key, nil
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
	x, err := exchange.New(exchange.Options{DB: w.DB, Directory: w.Directory, Policies: w.Exchange.Policies(), States: states, Prover: w.Prover, Log: w.Log})
	must(t, err)
	return x
}

func logOf(t *testing.T, w *exchangetest.World, name string) (entries []exchange.LogView) {
	t.Helper()
	w.As(t, name).Read(t, func(r *exchange.Reader) error {
		page, err := r.Log(exchange.LogFilter{}, 100, "")
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
		g.liaison.Do(t, g.liaison.Revoke(t, g.c, g.grant.Body.ID))
		exec(t, raw, `UPDATE grants SET status = 'ACTIVE', ended_at = 0 WHERE id = ?`, g.grant.Body.ID)
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
		exec(t, raw, `UPDATE grants SET purpose = 'PROSECUTION' WHERE id = ?`, g.grant.Body.ID)
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
		exec(t, raw, `UPDATE grants SET grantee_state = 'BY', viewer = 'BY' WHERE id = ?`, g.grant.Body.ID)
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

// TestOpenWithoutGrant: abroad an opening that names no grant opens nothing. The
// officer's own grant that names the exhibit explains it; an exhibit that none
// names answers like an absent one, and neither tells of a grant that is read.
func TestOpenWithoutGrant(t *testing.T) {
	g := newGranted(t)
	hidden := g.owner.Upload(t, g.c, "not named", []byte("x"))
	began := len(logOf(t, g.World, "auditor@KZ"))
	try := func(o *exchangetest.Officer, e comity.ID, p comity.Purpose) error {
		act, _ := o.Opening(t, e, g.header, p, "")
		return o.Try(t, act)
	}
	article := func(what string, err error, code comity.Code, by comity.Article) {
		t.Helper()
		if e, ok := errors.AsType[*comity.Error](err); !ok || e.Code != code || e.Article != by {
			t.Errorf("%s: got %v, want %s by %v", what, err, code, by)
		}
	}
	stranger := g.As(t, "investigator@BY")
	article("for the purpose", try(g.foreign, g.exhibit, comity.PurposeInvestigation), comity.CodeInvalid, 0)
	article("not named", try(g.foreign, hidden, comity.PurposeInvestigation), comity.CodeNotFound, 0)
	article("absent", try(g.foreign, comity.NewID(comity.KindEvidence), comity.PurposeInvestigation), comity.CodeNotFound, 0)
	article("a stranger", try(stranger, g.exhibit, comity.PurposeInvestigation), comity.CodeNotFound, 0)
	if told := logOf(t, g.World, "auditor@KZ"); len(told) != began {
		t.Errorf("the originator is told %+v", told[0].Content)
	}
	article("another purpose", try(g.foreign, g.exhibit, comity.PurposeProsecution), comity.CodeDenied, comity.ArticlePurpose)
	g.liaison.Do(t, g.liaison.Revoke(t, g.c, g.grant.Body.ID))
	article("ended", try(g.foreign, g.exhibit, comity.PurposeInvestigation), comity.CodeDenied, comity.ArticleTerm)
	article("ended, not named", try(g.foreign, hidden, comity.PurposeInvestigation), comity.CodeNotFound, 0)
}

// An entry that the scope withholds is told from an absent one while the
// originator's custodian is away, and no leaf is left.
func TestAttackNodeWhileDark(t *testing.T) {
	w := exchangetest.New(t)
	g := grantIn(t, w)
	entry := addEntry(t, g.owner, g.c, comity.DefaultMarking)
	narrow := &exchange.NarrowGrant{Key: exchangetest.Key(), Grant: g.grant.Body.ID, ExpectedVersion: 2, Body: statement.NarrowBody{Case: g.c, Scope: comity.ScopeExhibits,
		Exhibits: []comity.ID{g.exhibit}, Caveats: g.grant.Body.Caveats, NotAfter: g.grant.Body.NotAfter}}
	narrow.Act = g.liaison.Sign(t, statement.Act{Act: statement.ActGrantNarrow, Record: g.grant.Body.ID}, narrow.Body)
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
	if a, b := list(storage.CaseFilter{Category: tokentest.Category}), list(storage.CaseFilter{Category: "DENIAL_OF_SERVICE"}); a != b {
		t.Errorf("for a purpose not granted the category is withheld, and told by the filter: %d against %d", a, b)
	}
}

// What the exchange needs for itself is not for foreign officers.
func TestAttackForeignFields(t *testing.T) {
	g := newGranted(t)
	act, _ := g.foreign.Opening(t, g.exhibit, g.header, comity.PurposeInvestigation, g.grant.Body.ID)
	g.foreign.Do(t, act)
	shown := []comity.Evidence{act.Opened}
	g.foreign.Read(t, func(r *exchange.Reader) error {
		found, err := r.Nodes([]comity.ID{g.exhibit}, comity.PurposeInvestigation)
		if err != nil {
			return err
		}
		shown = append(shown, found[g.exhibit].Evidence.Evidence)
		return err
	})
	for _, e := range shown {
		if e.WrappedKey != "" || e.UploadID != "" || e.ObjectKey != "" {
			t.Errorf("abroad an exhibit carries wrapped key %q, upload %q, object %q", e.WrappedKey, e.UploadID, e.ObjectKey)
		}
	}
}
