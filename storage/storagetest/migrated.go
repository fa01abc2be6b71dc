package storagetest

import (
	"crypto/sha256"
	"database/sql"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/pressly/goose/v3"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/storage"
)

// Migrated brings an empty database to version 1, puts rows into each table that
// later migrations change, has open migrate it to the newest, and reads them
// through the port. raw is the owner's connection.
func Migrated(t *testing.T, raw *sql.DB, dialect goose.Dialect, open func() storage.DB) {
	t.Helper()
	p, err := goose.NewProvider(dialect, raw, os.DirFS("migrations"), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	w := oldWorld(t, raw)
	db := open()
	defer db.Close()
	t.Run("cases", func(t *testing.T) { w.cases(t, raw, db) })
	t.Run("log", func(t *testing.T) { w.log(t, raw, db) })
	t.Run("requests and keys", func(t *testing.T) { w.others(t, db) })
}

// old is what a database held at version 1.
type old struct {
	plain, red storage.Case
	grant      comity.Grant
	leaf       storage.Leaf
	placed     [][32]byte // leaves that had their places
	request    comity.ID
}

func oldWorld(t *testing.T, raw *sql.DB) old {
	t.Helper()
	insert := func(table, columns string, values ...any) {
		t.Helper()
		marks := make([]string, len(values))
		for i := range values {
			marks[i] = fmt.Sprintf("$%d", i+1)
		}
		text := `INSERT INTO ` + table + ` (` + strings.Join(strings.Fields(columns), ", ") + `) VALUES (` + strings.Join(marks, ", ") + `)`
		if _, err := raw.ExecContext(t.Context(), text, values...); err != nil {
			t.Fatalf("%s: %v", table, err)
		}
	}
	at, forever := noon.UnixMicro(), int64(1<<63-1)
	w := old{plain: newCase(kzOwner, noon), red: newCase(kzOwner, noon), leaf: AuditLeaf(t), request: comity.NewID(comity.KindRequest)}
	w.plain.UpdatedAt, w.plain.UpdatedAbroad, w.plain.ListedAbroad = hours(2), hours(1), hours(1)
	w.red.Marking.TLP = comity.TLPRed
	for _, c := range []storage.Case{w.plain, w.red} {
		insert("cases", `id state agency owner category status tlp pap handling nexus reserved version version_abroad
			created_at updated_at updated_abroad sealed`, string(c.ID), "KZ", "KZ/cyber", string(c.Owner), string(c.Category), string(c.Status),
			string(c.Marking.TLP), "RED", "H2", `[{"basis":"TERRITORY","state":"KZ"},{"basis":"EFFECTS","state":"BY"}]`, false, 1, 1,
			at, c.UpdatedAt.UnixMicro(), c.UpdatedAbroad.UnixMicro(), c.Sealed)
		insert("assignments", "case_id viewer assigned_by at", string(c.ID), string(c.Owner), string(c.Owner), at)
		insert("visibility", "viewer updated_at case_id grant_id valid_from valid_until orig_state orig_agency category status via_agency purpose",
			string(c.Owner), c.UpdatedAt.UnixMicro(), string(c.ID), "", 0, forever, "KZ", "KZ/cyber", string(c.Category), string(c.Status), "", "")
		g := newGrant(c, comity.Grantee{State: "AM"}, noon)
		g.Exhibits, g.Subjects, g.AgreementHash = nil, nil, "" // of which nothing was kept
		insert("grants", `id case_id state liaison function viewer grantee_state grantee_agency grantee_officer scope exhibits grade assistance
			tlp pap handling caveats purpose agreement release_id request_id not_before not_after status was_active ended_at version created_at
			statement narrowing`, string(g.ID), string(c.ID), "KZ", string(g.Liaison), g.Function, g.Grantee.Viewer(), "AM", "", "",
			string(g.Scope), "[]", string(g.Grade), g.Assistance, string(g.Caveats.Marking.TLP), string(g.Caveats.Marking.PAP),
			string(g.Caveats.Marking.Handling), g.Caveats.Text, string(g.Purpose), g.Agreement, string(g.Release), string(g.Request),
			at, g.NotAfter.UnixMicro(), "ACTIVE", true, 0, 1, at, g.Statement, "")
		insert("visibility", "viewer updated_at case_id grant_id valid_from valid_until orig_state orig_agency category status via_agency purpose",
			g.Grantee.Viewer(), c.UpdatedAbroad.UnixMicro(), string(c.ID), string(g.ID), at, g.NotAfter.UnixMicro(), "KZ", "KZ/cyber",
			string(c.Category), string(c.Status), "", string(g.Purpose))
		if c.ID == w.plain.ID {
			w.grant = g
		}
	}
	opening := func(l storage.Leaf, pos int, o storage.Opening) {
		t.Helper()
		commitment := o.Commitment()
		insert("openings", "leaf_id pos state at salt content commitment", string(l.ID), pos, string(o.State), l.At.UnixMicro(),
			o.Salt[:], append([]byte{}, o.Content...), commitment[:])
	}
	insert("leaves", "id hash at", string(w.leaf.ID), w.leaf.Hash[:], w.leaf.At.UnixMicro())
	for pos, o := range w.leaf.Openings {
		opening(w.leaf, pos, o)
	}
	// Openings that no facet can be read from, or few.
	for _, content := range []string{"", "no JSON", "{\xff", "{\"act\":\"\\u0000", `[]`, `5`, `null`, `{}`, `{"act":null,"actor":7,"records":{"id":"x"}}`,
		`{"records":["x",null,{"id":"y"}]}`} {
		l := storage.Leaf{ID: comity.NewID(comity.KindLeaf), At: noon}
		insert("leaves", "id hash at", string(l.ID), l.Hash[:], at)
		opening(l, 0, storage.Opening{State: "BY", Content: []byte(content)})
	}
	w.placed = oldPlaces(t, raw)
	insert("requests", `id state agency officer to_state routed_to kind urgency category purpose status ground tlp pap handling version
		created_at updated_at due_at postponed_to refusal sealed sealed_to`, string(w.request), "KZ", "KZ/cyber", string(kzOwner.Ref()), "AM", "",
		"CASE_ACCESS", "ROUTINE", "ransomware", "INVESTIGATION", "SENT", "", "GREEN", "RED", "H2", 1, at, at, hours(9).UnixMicro(), 0, "", []byte("k"), []byte{})
	insert("idempotency", "issuer subject mutation key input_hash ids at", "i", "s", "m", "k", make([]byte, 32), `["case1_x"]`, at)
	return w
}

// oldPlaces puts leaves that have their places into a chain, of more tiles than a
// migration reads at once.
func oldPlaces(t *testing.T, raw *sql.DB) (hashes [][32]byte) {
	t.Helper()
	exec := func(text string, args ...any) {
		t.Helper()
		if _, err := raw.ExecContext(t.Context(), text, args...); err != nil {
			t.Fatal(err)
		}
	}
	const n, together = 5000, 500
	for len(hashes) < n {
		text, args := `INSERT INTO leaves (id, hash, at, idx, chain) VALUES `, []any{}
		for i := range together {
			h := sha256.Sum256([]byte{byte(len(hashes)), byte(len(hashes) >> 8)})
			if i > 0 {
				text += `, `
			}
			text += fmt.Sprintf(`($%d, $%d, $%d, $%d, $%d)`, len(args)+1, len(args)+2, len(args)+3, len(args)+4, len(args)+5)
			args = append(args, string(comity.NewID(comity.KindLeaf)), h[:], noon.UnixMicro(), len(hashes), h[:])
			hashes = append(hashes, h)
		}
		exec(text, args...)
	}
	exec(`UPDATE log_head SET size = $1, chain = $2`, n, hashes[n-1][:])
	return hashes
}

func (w old) cases(t *testing.T, raw *sql.DB, db storage.DB) {
	view, _ := see(t, db, kzOwner, noon, w.plain.ID)
	equal(t, "the case at home", view, storage.CaseView{Case: w.plain, Own: true, Assigned: true})
	view, _ = see(t, db, amInv, noon, w.plain.ID)
	equal(t, "the case abroad", view, storage.CaseView{Case: w.plain, Grants: []comity.Grant{w.grant}})

	page := storage.Page{Limit: 9}
	both := []comity.ID{w.plain.ID, w.red.ID}
	equal(t, "listed at home", list(t, db, kzOwner, noon, storage.CaseFilter{Category: "ransomware"}, page), both)
	equal(t, "listed abroad", list(t, db, amInv, noon, storage.CaseFilter{}, page), both)
	filter := storage.CaseFilter{Category: "ransomware", Purpose: w.grant.Purpose, Bases: []string{storage.Basis("KZ", "text-1", "ransomware")}}
	equal(t, "filtered abroad, under an agreement that is not known", list(t, db, amInv, noon, filter, page), []comity.ID(nil))
	var wrong int
	err := raw.QueryRowContext(t.Context(), `SELECT count(*) FROM visibility v JOIN cases c ON c.id = v.case_id WHERE v.tlp <> c.tlp OR v.agreement_hash <> ''`).Scan(&wrong)
	if err != nil || wrong != 0 {
		t.Errorf("%d rows of visibility differ from their cases (%v)", wrong, err)
	}

	next := w.plain
	next.Version, next.ListedAbroad = 2, hours(5)
	ended := w.grant
	ended.Version, ended.Status, ended.EndedAt = 2, comity.GrantRevoked, hours(6)
	write(t, db, func(tx storage.Tx) error { return tx.UpdateCase(next, 1) })
	write(t, db, func(tx storage.Tx) error { return tx.UpdateGrant(ended, 1) })
	fresh := grant(t, db, next, comity.Grantee{State: "AM"}, noon)
	view, _ = see(t, db, amInv, noon, w.plain.ID)
	equal(t, "the case under a new grant", view, storage.CaseView{Case: next, Grants: []comity.Grant{fresh}})
	equal(t, "filtered abroad, under a new grant", list(t, db, amInv, noon, filter, page), []comity.ID{w.plain.ID})
}

// log holds what the migration found in a leaf against what the same leaf is
// written with now.
func (w old) log(t *testing.T, raw *sql.DB, db storage.DB) {
	equal(t, "the log's entries", WantTree(t, db, int64(len(w.placed))), w.placed)
	for _, state := range []comity.State{"AM", "KZ"} {
		byID := get(t, db, func(r storage.ReadTx) (map[comity.ID]storage.LogEntry, error) {
			return r.LogByID(state, []comity.ID{w.leaf.ID})
		})
		if _, err := audit.Open(byID[w.leaf.ID]); err != nil {
			t.Errorf("the old leaf no longer opens for %s: %v", state, err)
		}
	}
	again := w.leaf
	again.ID = comity.NewID(comity.KindLeaf)
	write(t, db, func(tx storage.Tx) error { return tx.AppendLeaf(again) })
	sequenceOnce(t, db, 100, 12)
	equal(t, "the log's entries with more", WantTree(t, db, int64(len(w.placed))+12)[:len(w.placed)], w.placed)
	facets := func(cond string, args ...any) (all []string) {
		rows, err := raw.QueryContext(t.Context(), `SELECT state || ' ' || facet || ' ' || at FROM log_facets WHERE `+cond, args...)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var s string
			if err := rows.Scan(&s); err != nil {
				t.Fatal(err)
			}
			all = append(all, s)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		slices.Sort(all)
		return all
	}
	found := facets("leaf_id = $1", string(w.leaf.ID))
	if len(found) != 9 {
		t.Errorf("the migration found %q", found)
	}
	equal(t, "facets of the old leaf", found, facets("leaf_id = $1", string(again.ID)))
	equal(t, "facets of what says little", facets("state = 'BY'"), []string{fmt.Sprintf("BY record:y %d", noon.UnixMicro())})
	for state, n := range map[comity.State]int{"AM": 2, "BY": 10} {
		entries := get(t, db, func(r storage.ReadTx) ([]storage.LogEntry, error) {
			return r.Log(state, storage.LogFilter{}, storage.Page{Limit: 99})
		})
		if len(entries) != n {
			t.Errorf("%s reads %d leaves, want %d", state, len(entries), n)
		}
	}
	entries := get(t, db, func(r storage.ReadTx) ([]storage.LogEntry, error) {
		return r.Log("AM", storage.LogFilter{Act: "read", Record: "case1_y"}, storage.Page{Limit: 9})
	})
	if len(entries) != 2 {
		t.Errorf("found by act and record are %d leaves", len(entries))
	}
}

func (w old) others(t *testing.T, db storage.DB) {
	due := get(t, db, func(r storage.ReadTx) ([]storage.Request, error) {
		return r.ListRequests(viewer(kzOwner, noon), storage.RequestFilter{}, storage.Page{Limit: 9})
	})
	if len(due) != 1 || due[0].ID != w.request || !due[0].DueAt.Equal(hours(9)) {
		t.Errorf("the requests are %+v", due)
	}
	k := get(t, db, func(r storage.ReadTx) (storage.Idempotency, error) { return r.IdempotencyOf("i", "s", "m", "k") })
	equal(t, "the ids of a key", k.IDs, []comity.ID{"case1_x"})
	seen := storage.SeenOfficer{Ref: kzOwner.Ref(), State: "KZ", Agency: kzOwner.Agency, Role: kzOwner.Role, Function: kzOwner.Function, SeenAt: noon}
	write(t, db, func(tx storage.Tx) error { return tx.SeeOfficer(seen) })
}

// AuditLeaf is a leaf as the gate writes it, of a read by an officer of AM that
// concerns KZ, where nobody is named who acted.
func AuditLeaf(t testing.TB) storage.Leaf {
	t.Helper()
	c := audit.Content{Act: "read", Outcome: audit.Read, At: noon, Actor: audit.Actor{State: "AM", Agency: "AM/cyber", Ref: "AM:in-1"},
		Records: []audit.Record{{ID: "case1_x"}, {ID: "case1_y"}}, Policies: "p"}
	abroad := audit.Content{Act: "grantEnded", Outcome: audit.Done, At: noon, Actor: audit.Actor{State: "AM"}, Policies: "p"}
	leaves, err := audit.Leaves(noon, map[comity.State]audit.Content{"AM": c, "KZ": abroad})
	if err != nil {
		t.Fatal(err)
	}
	return leaves[0]
}
