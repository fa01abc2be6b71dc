package client_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/crypto/token/tokentest"
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
	for _, trigger := range []string{"leaves_unchanged", "leaves_kept", "log_tiles_unchanged", "log_tiles_kept"} { // whoever keeps the database can
		_, err = db.Exec("DROP TRIGGER IF EXISTS " + trigger)
		must(t, err)
	}
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
	k.Prover.Publish(t)
	return x.Evidence
}

// TestVerifyLog: the record verifies for each state while it grows, both states
// see one log, and what is tampered with is found with its index.
func TestVerifyLog(t *testing.T) {
	k := newKept(t)
	kz, am := k.remembering(t, "auditor@KZ"), k.remembering(t, "auditor@AM")
	_, err := kz.VerifyLog(t.Context(), nil, nil)
	want(t, err, comity.CodeUnavailable, 0)
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
	k.Prover.Publish(t)
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
	for _, c := range []*client.Client{am, k.as(t, "auditor@AM")} { // the second sees it for the first time
		_, err = c.VerifyLog(t.Context(), nil, nil)
		wantFault(t, err, 4, "not the one that tile/0/000.p/")
	}
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

// replay answers for files of the log by others, once it has any.
type replay struct {
	files map[string][]byte
	keep  map[string][]byte // what was answered, where it is not nil
}

func (r *replay) RoundTrip(q *http.Request) (*http.Response, error) {
	path, of := strings.CutPrefix(q.URL.Path, "/log/")
	if of && r.files != nil {
		rec := httptest.NewRecorder()
		if b, ok := r.files[path]; ok {
			_, _ = rec.Write(b)
		} else {
			rec.WriteHeader(http.StatusNotFound)
		}
		return rec.Result(), nil
	}
	a, err := http.DefaultTransport.RoundTrip(q)
	if err != nil || !of || r.keep == nil {
		return a, err
	}
	b, err := io.ReadAll(a.Body)
	r.keep[path] = b
	a.Body = io.NopCloser(bytes.NewReader(b))
	return a, err
}

// forge is a log of less than 256 leaves, signed with the log's key and cosigned by
// witnesses.
func (k *keeper) forge(t *testing.T, leaves [][32]byte, witnesses ...comity.State) map[string][]byte {
	t.Helper()
	var entries, hashes []byte
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, x := range indexes {
			out[i] = stored[x]
		}
		return out, nil
	})
	for i, l := range leaves {
		h, err := tlog.StoredHashes(int64(i), l[:], reader)
		must(t, err)
		stored = append(stored, h...)
		entries = append(append(entries, 0, 32), l[:]...)
		hashes = append(hashes, h[0][:]...)
	}
	root, err := tlog.TreeHash(int64(len(leaves)), reader)
	must(t, err)
	signers := []note.Signer{k.LogSigner}
	for _, s := range witnesses {
		signers = append(signers, k.Witnesses[s])
	}
	signed, err := note.Sign(&note.Note{Text: verify.Checkpoint{Origin: verify.Origin(tokentest.Name), Size: int64(len(leaves)), Root: root}.String()}, signers...)
	must(t, err)
	width := fmt.Sprintf("000.p/%d", len(leaves))
	return map[string][]byte{"checkpoint": signed, "tile/entries/" + width: entries, "tile/0/" + width: hashes}
}

// TestVerifyLogRewritten: who runs the exchange, with the log's key and all witnesses
// even, shows an older log, and then another one; who verified before finds it out,
// and without the own witness nobody is even shown a checkpoint to believe.
func TestVerifyLogRewritten(t *testing.T) {
	k := newKept(t)
	between := &replay{keep: map[string][]byte{}}
	config := k.config(between)
	config.LogFile = filepath.Join(t.TempDir(), "log")
	kz, err := client.Login(t.Context(), config, "auditor@KZ")
	must(t, err)
	k.disclosed(t)
	first, err := kz.VerifyLog(t.Context(), nil, nil)
	must(t, err)
	old := between.keep
	k.file(t, k.as(t, "investigator@KZ"))
	k.Prover.Publish(t)
	between.keep = map[string][]byte{}
	seen, err := kz.VerifyLog(t.Context(), nil, nil)
	must(t, err)
	newest := between.keep
	between.keep, between.files = nil, old
	_, err = kz.VerifyLog(t.Context(), nil, nil)
	wantFault(t, err, first.Head.Size, "rolled back")

	var leaves [][32]byte
	for b := newest[fmt.Sprintf("tile/entries/000.p/%d", seen.Head.Size)]; len(b) > 0; b = b[34:] {
		leaves = append(leaves, [32]byte(b[2:34]))
	}
	same := slices.Clone(leaves)
	leaves[5][0] ^= 1
	for int64(len(leaves)) < seen.Head.Size+3 {
		leaves = append(leaves, [32]byte{9})
	}
	between.files = k.forge(t, leaves, "KZ", "AM", "BY")
	_, err = kz.VerifyLog(t.Context(), nil, nil)
	wantFault(t, err, 5, "forked")
	config.LogFile = ""
	fresh, err := client.Login(t.Context(), config, "auditor@KZ")
	must(t, err)
	_, err = fresh.VerifyLog(t.Context(), []client.LogHead{seen.Head}, nil)
	wantFault(t, err, seen.Head.Size-1, "somebody else was shown another log")

	between.files = k.forge(t, same, "AM", "BY")
	brief, end := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer end()
	if _, err = fresh.VerifyLog(brief, nil, nil); err == nil {
		t.Error("a checkpoint that the own witness did not cosign is believed")
	}
	between.files = nil
	if again, err := kz.VerifyLog(t.Context(), nil, nil); err != nil || again.Head.Size < seen.Head.Size {
		t.Errorf("the true log no longer holds: %+v, %v", again, err)
	}
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
