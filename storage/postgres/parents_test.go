package postgres_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/deploy/stack"
	"github.com/comity-platform/comity/storage"
)

// acting is a connection of the application role, on which statements are run as
// those of a state's officer. Nothing that is written stays.
type acting struct {
	*pgx.Conn
	t *testing.T
}

// run gives the rows that a statement found or changed. as is "officer", "act" or "system".
func (c acting) run(as, state, text string, args ...any) (int64, error) {
	c.t.Helper()
	ctx := c.t.Context()
	tx, err := c.Begin(ctx)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(ctx) }()
	for name, value := range map[string]string{"acting": as, "state": state, "agency": state + "/cyber", "officer": state + ":in-1", "role": "LIAISON", "token": "t",
		"viewers": "{" + state + "," + state + "/cyber," + state + ":in-1}", "now": "2000000000000000"} {
		if _, err := tx.Exec(ctx, `SELECT set_config($1, $2, true)`, "comity."+name, value); err != nil {
			c.t.Fatal(err)
		}
	}
	tag, err := tx.Exec(ctx, text, args...)
	return tag.RowsAffected(), err
}

// TestWallsOfParents: an act writes nothing into, beside or over another state's
// record, also where the schema would not refuse it: who is told so learns nothing
// of what is there.
func TestWallsOfParents(t *testing.T) {
	db, d := openDatabase(t)
	defer db.Close()
	now := time.Now().UTC().Truncate(time.Microsecond)
	am := comity.OfficerRef("AM:in-1")
	c := storage.Case{Case: comity.Case{ID: comity.NewID(comity.KindCase), State: "AM", Agency: "AM/cyber", Owner: am, Category: "RANSOMWARE", Status: comity.CaseOpen,
		Marking: comity.DefaultMarking, Version: 1, CreatedAt: now, UpdatedAt: now, UpdatedAbroad: now, ListedAbroad: now}, Sealed: []byte("x")}
	notice := storage.Dispatch{Dispatch: comity.Dispatch{ID: comity.NewID(comity.KindNotice), Kind: comity.DispatchNotice, State: "AM", Case: c.ID, Record: c.ID,
		Status: comity.DispatchOpen, CreatedAt: now}, Sealed: []byte("y")}
	g := comity.Grant{ID: comity.NewID(comity.KindGrant), Case: c.ID, State: "AM", Liaison: am, Grantee: comity.Grantee{State: "KZ"}, Scope: comity.ScopeFull,
		Purpose: comity.PurposeInvestigation, NotAfter: now.Add(time.Hour), Status: comity.GrantActive, Version: 1, CreatedAt: now}
	e := storage.Evidence{Evidence: comity.Evidence{ID: comity.NewID(comity.KindEvidence), Case: c.ID, State: "AM", CreatedAt: now}, Sealed: []byte("x")}
	r := storage.Request{Request: comity.Request{ID: comity.NewID(comity.KindRequest), State: "AM", To: "KZ", CreatedAt: now, UpdatedAt: now}, Sealed: []byte("x")}
	err := db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
		return errors.Join(tx.InsertCase(c, "wrapped"), tx.InsertGrant(g), tx.InsertEvidence(e), tx.InsertDispatch(notice, "wrapped"), tx.InsertRequest(r, "wrapped"),
			tx.InsertWithdrawal(storage.Withdrawal{Withdrawal: comity.Withdrawal{ID: comity.NewID(comity.KindWithdrawal), Case: c.ID, State: "AM",
				Status: comity.WithdrawalPending, CreatedAt: now}}),
			tx.AddEffect(storage.Effect{ID: c.ID, Kind: "apply", State: "AM", Payload: []byte("an end"), NotBefore: now}),
			tx.AppendLeaf(storage.Leaf{ID: comity.NewID(comity.KindLeaf), At: now, Openings: []storage.Opening{{State: "AM"}}}))
	})
	if err != nil {
		t.Fatal(err)
	}
	unguarded(t, d)
	conn := acting{app(t, d), t}
	for what, try := range map[string]struct {
		state, text string
		args        []any
		own         string // the state whose act it is, "" where nobody's
	}{
		"an entry":       {"BY", inserted("entries", `'n', $1, $2, 'a', 'AMBER', 'AMBER', 'H0', 0, ''`), []any{c.ID}, "AM"},
		"a subject":      {"BY", inserted("subjects", `'n', $1, $2, 'PERSON', 'SUSPECT', false, false, 'AMBER', 'AMBER', 'H0', 0, ''`), []any{c.ID}, "AM"},
		"an observable":  {"BY", inserted("observables", `'n', $1, $2, 'AMBER', 'AMBER', 'H0', 0, ''`), []any{c.ID}, "AM"},
		"a hold":         {"BY", inserted("holds", `'n', $1, $2, 'o', '', 0, 0, '', 0, ''`), []any{c.ID}, "AM"},
		"a withdrawal":   {"BY", inserted("withdrawals", `'n', $1, $2, '', '', 0, 'DONE', '', 0, 0, ''`), []any{c.ID}, "AM"},
		"an assessment":  {"BY", inserted("assessments", `'n', $1, $2, 'o', 'f', 'c', 'ORDINARY', 0, ''`), []any{c.ID}, "AM"},
		"a record's key": {"BY", `INSERT INTO record_keys (record, state, wrapped) SELECT $1, $2, 'w' WHERE true ON CONFLICT DO NOTHING`, []any{c.ID}, "AM"},
		"a proposal": {"BY", inserted("proposals", `'n', $2, 'caseWithdraw', 'withdrawal', 'LIAISON', $1, '', 'o', 'f', 'PROPOSED', '', 0, 0, 0, '', ''`),
			[]any{c.ID}, "AM"},
		"a place in lists": {"BY", `INSERT INTO visibility (viewer, updated_at, case_id, grant_id, valid_from, valid_until, orig_state, orig_agency, category, status, via_agency,
			purpose, agreement_hash, tlp, seconded) VALUES ('RU', 0, $1, 'n', 0, 0, $2, '', '', '', '', '', '', '', false)`, []any{c.ID}, "AM"},
		"custody of an exhibit": {"BY", `INSERT INTO custody (id, evidence_id, kind, actor, function, state, purpose, grant_id, hash, act, chain, at)
			VALUES ('n', $1, 'DISCLOSED', '', '', $2, '', $3, '', '', '', 0)`, []any{e.ID, g.ID}, "KZ"},
		"a message":   {"BY", inserted("messages", `'n', $1, $2, 'a', 'f', 0, ''`), []any{r.ID}, "AM"},
		"a refusal":   {"AM", inserted("refusals", `'n', $1, $2, '', '', 0`), []any{r.ID}, "KZ"},
		"a objection": {"BY", inserted("objections", `'n', $3, $1, $2, 'AM', 'o', 'f', 'POLITICAL', 0, ''`), []any{c.ID, g.ID}, "KZ"},
		"a disclosure": {"BY", `INSERT INTO disclosures (record_id, officer, version, state, agency, origin, case_id, grant_id, at)
			VALUES ($1, 'o', 1, $2, '', 'AM', $1, $3, 0)`, []any{c.ID, g.ID}, "KZ"},
		"an annotation": {"BY", dispatched("ANNOTATION", "AM"), []any{c.ID, g.ID}, "KZ"},
		"a notice":      {"KZ", dispatched("NOTICE", ""), []any{c.ID, g.ID}, "AM"},
		"a notice's delivery to oneself": {"BY", `INSERT INTO deliveries (notice, state, to_state, status, delivered_at, due_at, answered_by, answered_at, answered)
			VALUES ($1, 'AM', $2, 'OPEN', 0, 0, '', 0, '')`, []any{notice.ID}, ""},
		"a repeat's answer":               {"BY", `INSERT INTO idempotency (issuer, subject, mutation, key, input_hash, ids, at) VALUES ('another', $2, $1, 'k', '', '', 0)`, []any{c.ID}, ""},
		"the log's head":                  {"BY", `UPDATE log_head SET size = 99 WHERE $1 <> $2`, []any{c.ID}, ""},
		"a tile of the log":               {"BY", `INSERT INTO log_tiles (level, idx, hashes) SELECT 0, 7, decode(repeat('00', 8192), 'hex') WHERE $1 <> $2`, []any{c.ID}, ""},
		"a leaf that has its place":       {"BY", `INSERT INTO leaves (id, hash, at, idx) SELECT $1, '', 0, 77 WHERE $1 <> $2`, []any{c.ID}, ""},
		"a leaf's place":                  {"BY", `UPDATE leaves SET idx = 99 WHERE $1 <> $2`, []any{c.ID}, ""},
		"what another's leaf is found by": {"BY", found, []any{c.ID}, "AM"},
	} {
		args := append([]any{try.args[0], try.state}, try.args[1:]...)
		var refused *pgconn.PgError
		if n, err := conn.run("act", try.state, try.text, args...); !errors.As(err, &refused) || refused.Code != "42501" {
			t.Errorf("%s by %s: %d rows, %v", what, try.state, n, err)
		}
		if try.own == "" {
			args[1] = "RU"
			if n, err := conn.run("system", "RU", try.text, args...); err != nil || n == 0 {
				t.Errorf("%s by the system: %d rows, %v", what, n, err)
			}
			continue
		}
		args[1] = try.own
		if n, err := conn.run("act", try.own, try.text, args...); err != nil || n == 0 && what != "a record's key" {
			t.Errorf("%s by %s: %d rows, %v", what, try.own, n, err)
		}
	}
	if _, err := db.Sequence(t.Context(), 1, nil); err != nil {
		t.Fatal(err)
	}
	var refused *pgconn.PgError
	for what, leaf := range map[string]string{"no leaf": "'none'", "a leaf that has its place": "id"} {
		text := `INSERT INTO openings (leaf_id, pos, state, at, salt, content, commitment) SELECT ` + leaf + `, 9, $1, 0, '', '', '' FROM leaves WHERE idx IS NOT NULL`
		for _, as := range []string{"act", "system"} {
			if n, err := conn.run(as, "AM", text, "AM"); !errors.As(err, &refused) || refused.Code != "42501" {
				t.Errorf("an opening of %s by %s: %d rows, %v", what, as, n, err)
			}
		}
	}
	if n, err := conn.run("act", "AM", found, c.ID, "AM"); !errors.As(err, &refused) || refused.Code != "42501" {
		t.Errorf("what a leaf that has its place is found by: %d rows, %v", n, err)
	}
	if n, err := conn.run("act", "BY", `DELETE FROM effects`); err != nil || n != 0 {
		t.Errorf("BY deletes %d effects of another: %v", n, err)
	}
	if n, err := conn.run("act", "AM", `DELETE FROM effects`); err != nil || n != 1 {
		t.Errorf("AM deletes %d effects of its own: %v", n, err)
	}
}

// found puts facets beside every opening's leaf, for a state.
const found = `INSERT INTO facets_waiting (leaf_id, state, at, facets) SELECT leaf_id, $2, at, ARRAY['act:' || $1] FROM openings`

func inserted(table, values string) string {
	return `INSERT INTO ` + table + ` VALUES (` + values + `)`
}

func dispatched(kind, to string) string {
	return `INSERT INTO dispatches VALUES ('n', '` + kind + `', $2, '` + to + `', '', 'o', '', $1, $1, $3, '', '', '', '', '', 'OPEN', 1, 0, 0, 0, '', 0, '', '', '')`
}

// unguarded takes off the guards of the schema, which stand before the walls.
func unguarded(t *testing.T, d *stack.Database) {
	t.Helper()
	owner, err := pgx.Connect(t.Context(), d.OwnerDSN)
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close(t.Context())
	for _, table := range strings.Fields("entries subjects observables evidence releases grants holds withdrawals assessments objections") {
		if _, err := owner.Exec(t.Context(), `ALTER TABLE `+table+` DROP CONSTRAINT `+table+`_of_case`); err != nil {
			t.Fatal(err)
		}
	}
}
