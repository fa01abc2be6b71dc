package client_test

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/sqlite"
	"github.com/comity-platform/comity/storage/sqlite/sqlitetest"
)

// keeper is whoever keeps the database of a world.
type keeper struct {
	*world
	path string
}

func newKept(t *testing.T) *keeper {
	t.Helper()
	k := &keeper{path: sqlitetest.File(t)}
	k.world = newWorldWith(t, exchangetest.Options{DB: func(t testing.TB, now func() time.Time) storage.DB {
		db, err := sqlite.Open(context.Background(), k.path, sqlite.Options{Now: now})
		must(t, err)
		t.Cleanup(func() { must(t, db.Close()) })
		return db
	}})
	return k
}

// tamper changes rows, and fails unless there were any.
func (k *keeper) tamper(t *testing.T, query string, args ...any) {
	t.Helper()
	db, err := sql.Open("sqlite", k.path+"?_pragma=busy_timeout(10000)")
	must(t, err)
	defer db.Close()
	r, err := db.Exec(query, args...)
	must(t, err)
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		t.Fatalf("%s changed nothing (%v)", query, err)
	}
}

// remembering logs an officer in who remembers the record of acts.
func (k *keeper) remembering(t *testing.T, name string) *client.Client {
	t.Helper()
	config := k.config(nil)
	config.LogFile = filepath.Join(t.TempDir(), "log")
	c, err := client.Login(t.Context(), config, name)
	must(t, err)
	return c.Hurry()
}

// wantFault wants the record of acts not to hold, from an index on.
func wantFault(t *testing.T, err error, index int64, says string) {
	t.Helper()
	wantUnverified(t, err, says)
	if f, ok := errors.AsType[*verify.Fault](err); !ok || f.Index != index {
		t.Errorf("got %v, wanted a fault at index %d", err, index)
	}
}

// disclosed has an exhibit of Kazakhstan opened in Armenia twice.
func (k *keeper) disclosed(t *testing.T) (exhibit comity.ID) {
	t.Helper()
	must(t, mandate(t, k.world))
	owner, liaison, foreign := k.as(t, "investigator@KZ"), k.as(t, "liaison@KZ"), k.as(t, "investigator@AM")
	c := k.file(t, owner).ID
	path, _ := temp(t, "disk.img", 5000)
	x, err := owner.PutEvidence(t.Context(), client.PutOptions{Case: c, Path: path})
	must(t, err)
	g := k.grant(t, owner, liaison, c, x.Evidence)
	for range 2 {
		_, err = foreign.GetEvidence(t.Context(), client.GetOptions{Evidence: x.Evidence, Purpose: comity.PurposeInvestigation, Grant: g.ID,
			Dest: filepath.Join(t.TempDir(), "got")})
		must(t, err)
	}
	k.Sequence(t)
	return x.Evidence
}

// TestVerifyLog: the record verifies for each state while it grows, both states
// see one chain, and what is tampered with is found with its index.
func TestVerifyLog(t *testing.T) {
	k := newKept(t)
	kz, am := k.remembering(t, "auditor@KZ"), k.remembering(t, "auditor@AM")
	if r, err := kz.VerifyLog(t.Context(), nil, nil); err != nil || r.Head.Size != 0 || r.Before != nil {
		t.Fatalf("of the empty record: %+v, %v", r, err)
	}
	k.disclosed(t)
	var told []string
	first, err := kz.VerifyLog(t.Context(), nil, func(what string, _, _ int64) { told = append(told, what) })
	must(t, err)
	if first.Head.Size < 8 || first.Own < 8 || first.State != "KZ" || told[0] != "leaves" || told[len(told)-1] != "openings" {
		t.Errorf("%+v, told of %v", first, told)
	}
	theirs, err := am.VerifyLog(t.Context(), []client.LogHead{first.Head}, nil)
	must(t, err)
	if theirs.Head != first.Head || theirs.Own == 0 || theirs.Own >= first.Own {
		t.Errorf("Armenia verifies %+v, Kazakhstan %+v", theirs, first)
	}
	k.file(t, k.as(t, "investigator@KZ"))
	if again, err := kz.VerifyLog(t.Context(), nil, nil); err != nil || again.Waiting == 0 || again.Before == nil || *again.Before != first.Head {
		t.Errorf("with a leaf that waits: %+v, %v", again, err)
	}
	k.Sequence(t)
	grown, err := kz.VerifyLog(t.Context(), nil, nil)
	must(t, err)
	if grown.Head.Size <= first.Head.Size || grown.Before == nil || *grown.Before != first.Head {
		t.Errorf("grown: %+v", grown)
	}
	_, err = am.VerifyLog(t.Context(), []client.LogHead{{Size: first.Head.Size - 1, Root: first.Head.Root}}, nil)
	wantFault(t, err, first.Head.Size-2, "somebody else was shown another log")
	_, err = am.VerifyLog(t.Context(), []client.LogHead{{Size: 3, Root: "ab"}}, nil)
	want(t, err, comity.CodeInvalid, 0)
	_, err = k.as(t, "investigator@KZ").VerifyLog(t.Context(), nil, nil)
	want(t, err, comity.CodeDenied, comity.ArticleAccountability)

	k.tamper(t, `UPDATE leaves SET hash = zeroblob(32) WHERE idx = 4`)
	_, err = am.VerifyLog(t.Context(), nil, nil)
	wantFault(t, err, 4, "forked")
	_, err = k.as(t, "auditor@AM").VerifyLog(t.Context(), nil, nil) // who sees it for the first time
	wantFault(t, err, 4, "not the one that")
}

// TestOpeningAltered: one opening that is not of its leaf darkens no other, and
// is named.
func TestOpeningAltered(t *testing.T) {
	k := newKept(t)
	k.disclosed(t)
	kz := k.as(t, "auditor@KZ")
	k.tamper(t, `UPDATE openings SET content = CAST(REPLACE(CAST(content AS TEXT), 'investigator-1', 'investigator-2') AS BLOB)
		WHERE state = 'KZ' AND leaf_id = (SELECT id FROM leaves WHERE idx = 3)`)
	page, err := kz.Log(t.Context(), client.LogFilter{}, 100, "")
	must(t, err)
	for _, e := range page.Nodes {
		altered := e.Index != nil && *e.Index == 3
		if altered != (e.Check.Err() != nil) || altered != (e.Act == "") {
			t.Errorf("the entry at %v says %q and is %s", e.Index, e.Act, e.Check)
		}
	}
	_, err = kz.VerifyLog(t.Context(), nil, nil)
	wantFault(t, err, 3, "what is shown is not what the leaf commits to")
}

// TestVerifyLogRewritten: the operator takes the newest leaves away, chain and
// all, and writes others in their place.
func TestVerifyLogRewritten(t *testing.T) {
	k := newKept(t)
	kz := k.remembering(t, "auditor@KZ")
	k.disclosed(t)
	seen, err := kz.VerifyLog(t.Context(), nil, nil)
	must(t, err)
	from := seen.Head.Size - 3
	k.tamper(t, `DELETE FROM openings WHERE leaf_id IN (SELECT id FROM leaves WHERE idx >= ?)`, from)
	k.tamper(t, `DELETE FROM leaves WHERE idx >= ?`, from)
	k.tamper(t, `UPDATE log_head SET size = ?1, chain = (SELECT chain FROM leaves WHERE idx = ?1 - 1)`, from)
	_, err = kz.VerifyLog(t.Context(), nil, nil)
	wantFault(t, err, from, "rolled back")
	for range 5 {
		k.file(t, k.as(t, "investigator@KZ"))
	}
	k.Sequence(t)
	_, err = kz.VerifyLog(t.Context(), nil, nil)
	wantFault(t, err, from, "forked")
	_, err = k.as(t, "auditor@KZ").VerifyLog(t.Context(), []client.LogHead{seen.Head}, nil)
	wantFault(t, err, seen.Head.Size-1, "somebody else was shown another log")
}

// TestDisclosureHidden: the operator deletes a disclosure from the chain of
// custody, and then its openings by relabelling them as nobody's.
func TestDisclosureHidden(t *testing.T) {
	k := newKept(t)
	exhibit := k.disclosed(t)
	liaison, auditor := k.as(t, "liaison@KZ"), k.remembering(t, "auditor@KZ")
	_, err := auditor.VerifyLog(t.Context(), nil, nil)
	must(t, err)
	custody := func() (bool, error) {
		e, err := liaison.Evidence(t.Context(), exhibit, "")
		must(t, err)
		if err := e.CustodyFault(); err != nil {
			return false, err
		}
		return liaison.CustodyInLog(t.Context(), e)
	}
	if looked, err := custody(); !looked || err != nil {
		t.Fatalf("compared with the record: %v, %v", looked, err)
	}
	k.tamper(t, `DELETE FROM custody WHERE seq = (SELECT MAX(seq) FROM custody)`)
	if _, err := custody(); err == nil || !strings.Contains(err.Error(), "which is not shown") {
		t.Errorf("a disclosure cut off from the chain of custody: %v", err)
	}
	k.tamper(t, `UPDATE openings SET state = '--' WHERE state = 'KZ' AND leaf_id = (SELECT leaf_id FROM openings WHERE state = 'KZ'
		AND CAST(content AS TEXT) LIKE '%RELEASED%' ORDER BY at DESC, leaf_id DESC LIMIT 1)`)
	if _, err := custody(); err != nil {
		t.Errorf("custody alone cannot tell now, as its help says: %v", err)
	}
	_, err = auditor.VerifyLog(t.Context(), nil, nil)
	wantUnverified(t, err, "an opening of this leaf was shown before, and is kept back now")
	if _, err := k.as(t, "auditor@KZ").VerifyLog(t.Context(), nil, nil); err != nil {
		t.Errorf("who looks for the first time cannot tell, as the help says: %v", err)
	}
}

// TestCustodyAltered: links and acts that do not hold are named.
func TestCustodyAltered(t *testing.T) {
	k := newKept(t)
	exhibit := k.disclosed(t)
	fault := func(name string) error {
		p := comity.Purpose("")
		if strings.HasSuffix(name, "AM") {
			p = comity.PurposeInvestigation
		}
		e, err := k.as(t, name).Evidence(t.Context(), exhibit, p)
		must(t, err)
		if len(e.Custody) < 3 {
			t.Fatalf("%s sees %d events", name, len(e.Custody))
		}
		return e.CustodyFault()
	}
	for _, name := range []string{"investigator@KZ", "investigator@AM"} {
		if err := fault(name); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ does, undoes, says string }{
		{`UPDATE custody SET actor = 'KZ:other' WHERE kind = 'SEALED'`, `UPDATE custody SET actor = (SELECT actor FROM custody WHERE kind = 'BEGUN') WHERE kind = 'SEALED'`,
			"one was altered, or is missing between them"},
		{`UPDATE custody SET purpose = 'PROSECUTION' WHERE kind = 'DISCLOSED'`, `UPDATE custody SET purpose = 'INVESTIGATION' WHERE kind = 'DISCLOSED'`,
			"one was altered, or is missing between them"},
		{`UPDATE custody SET evidence_id = evidence_id, kind = 'BEGUN' WHERE kind = 'SEALED'`,
			`UPDATE custody SET kind = 'SEALED' WHERE seq = 2`, "sealing (SEALED) is missing"},
	} {
		k.tamper(t, c.does)
		wantUnverified(t, fault("investigator@KZ"), c.says)
		wantUnverified(t, fault("investigator@AM"), c.says)
		k.tamper(t, c.undoes)
	}
	// An event made up whole, its chain value and all, lacks the officer's act.
	e, err := k.as(t, "investigator@KZ").Evidence(t.Context(), exhibit, "")
	must(t, err)
	last := e.Custody[len(e.Custody)-1]
	previous, err := hex.DecodeString(last.Chain)
	must(t, err)
	made := verify.CustodyEvent{ID: string(comity.NewID(comity.KindCustody)), Evidence: string(exhibit), Kind: "DISCLOSED", Actor: string(last.Actor),
		Function: last.Function, State: string(last.State), Purpose: "INVESTIGATION", At: 1}
	chain := verify.CustodyLink([32]byte(previous), made)
	k.tamper(t, `INSERT INTO custody (id, evidence_id, kind, actor, function, state, purpose, grant_id, hash, act, chain, at)
		VALUES (?, ?, 'DISCLOSED', ?, ?, ?, 'INVESTIGATION', '', zeroblob(32), '', ?, 1)`, made.ID, made.Evidence, made.Actor, made.Function, made.State, chain[:])
	wantUnverified(t, fault("investigator@KZ"), "the signed act is not valid")
}

// TestLogShownOtherwise: what does not hold is not shown as true.
func TestLogShownOtherwise(t *testing.T) {
	w, m := newWorld(t), &middle{}
	w.file(t, w.as(t, "investigator@KZ"))
	c := w.through(t, "auditor@KZ", m)
	for name, change := range map[string]func(e map[string]any){
		"another act":        func(e map[string]any) { e["act"] = "nothing" },
		"another time":       func(e map[string]any) { e["at"] = "2020-01-01T00:00:00Z" },
		"other records":      func(e map[string]any) { e["records"] = []any{} },
		"another content":    func(e map[string]any) { e["content"] = `{"act":"nothing"}` },
		"another leaf":       func(e map[string]any) { e["leaf"] = strings.Repeat("0", 64) },
		"a leaf of no hash":  func(e map[string]any) { e["leaf"] = "x" },
		"a negative index":   func(e map[string]any) { e["index"] = -2 },
		"less commitments":   func(e map[string]any) { e["commitments"] = e["commitments"].([]any)[1:] },
		"another's function": func(e map[string]any) { e["function"] = "Clerk" },
	} {
		m.on("Log", func(data map[string]any) { change(within(data, "viewer", "log", "nodes", 0).(map[string]any)) })
		page, err := c.Log(t.Context(), client.LogFilter{}, 10, "")
		must(t, err)
		if e := page.Nodes[0]; e.Check.Err() == nil || e.Act != "" || e.Ref != "" {
			t.Errorf("%s: %s by %q is %s", name, e.Act, e.Ref, e.Check)
		}
		if _, err := c.VerifyLog(t.Context(), nil, nil); err == nil {
			t.Errorf("%s: the record verifies", name)
		}
	}
}

// TestLogDenied: the Article that withheld a record is in the entry of the read.
func TestLogDenied(t *testing.T) {
	k := newKept(t)
	exhibit := k.disclosed(t)
	e, err := k.as(t, "investigator@KZ").Evidence(t.Context(), exhibit, "")
	must(t, err)
	_, err = k.as(t, "investigator@AM").Case(t.Context(), e.Case, comity.PurposeProsecution)
	must(t, err)
	page, err := k.as(t, "auditor@KZ").Log(t.Context(), client.LogFilter{}, 1, "")
	must(t, err)
	if got := page.Nodes[0]; !got.Check.Verified() || len(got.Records) == 0 || got.Records[0].Denied != comity.ArticlePurpose {
		t.Errorf("%+v", got)
	}
}
