package postgres_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/postgres"
)

// withoutWall are the tables that need no policy, each with the reason.
var withoutWall = map[string]string{
	"goose_db_version": "how far the schema was migrated, read before anybody asks; the application role writes none of it",
}

// dark are the tables of which officers read nothing, each with the reason.
var dark = map[string]string{
	"nonces":      "used up by acts, and asked for by none",
	"effects":     "carried out by the system",
	"allowances":  "shared out among servers by the system",
	"events":      "told through the gate, which reads them as the system",
	"event_head":  "the place of events among those of all states",
	"state_locks": "rows to lock, which say nothing",
}

// TestEveryTableHasItsWall: what is not in walls.sql stands here, with a reason.
func TestEveryTableHasItsWall(t *testing.T) {
	db, d := openDatabase(t)
	defer db.Close()
	if err := postgres.Migrate(t.Context(), d.OwnerDSN, d.App); err != nil {
		t.Fatalf("migrated again: %v", err)
	}
	conn := app(t, d)
	rows, err := conn.Query(t.Context(), `SELECT c.relname::text, c.relrowsecurity AND c.relforcerowsecurity,
		(SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid)::int,
		NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'officer')
		FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')`)
	if err != nil {
		t.Fatal(err)
	}
	type table struct {
		Name     string
		Forced   bool
		Policies int
		Dark     bool
	}
	tables, err := pgx.CollectRows(rows, pgx.RowToStructByPos[table])
	if err != nil {
		t.Fatal(err)
	}
	if len(tables) < 20 {
		t.Errorf("only %d tables were looked at", len(tables))
	}
	for _, is := range tables {
		switch why := withoutWall[is.Name]; {
		case why != "" && is.Policies > 0:
			t.Errorf("%s has a wall though it is said to need none: %s", is.Name, why)
		case why == "" && (!is.Forced || is.Policies < 2 || is.Dark && dark[is.Name] == ""):
			t.Errorf("%s has no wall, or none that opens it to officers: add it to walls.sql as its header says, or here with the reason", is.Name)
		}
	}
}

// TestNobodyReads: as the application role, with nothing said of whom it is
// for, nothing is found in any table or view that has rows, and nothing written.
func TestNobodyReads(t *testing.T) {
	db, d := openDatabase(t)
	defer db.Close()
	kz := comity.Officer{Issuer: "https://id.KZ", Subject: "1", State: "KZ", Agency: "KZ/cyber", Role: comity.RoleInvestigator, Pseudonym: "in-1"}
	now := time.Now().UTC().Truncate(time.Microsecond)
	c := storage.Case{Case: comity.Case{ID: comity.NewID(comity.KindCase), State: "KZ", Agency: kz.Agency, Owner: kz.Ref(), Category: "RANSOMWARE",
		Status: comity.CaseOpen, Marking: comity.DefaultMarking, Version: 1, CreatedAt: now, UpdatedAt: now, UpdatedAbroad: now, ListedAbroad: now}, Sealed: []byte("x")}
	file := func(ctx context.Context, c storage.Case) error {
		return db.Write(ctx, func(tx storage.Tx) error {
			if err := tx.InsertCase(c, "wrapped"); err != nil {
				return err
			}
			if err := tx.Assign(c.ID, string(kz.Ref()), kz.Ref()); err != nil {
				return err
			}
			if err := tx.SeeOfficer(storage.SeenOfficer{Ref: kz.Ref(), State: "KZ"}); err != nil {
				return err
			}
			return tx.AppendLeaf(storage.Leaf{ID: comity.NewID(comity.KindLeaf), At: now, Openings: []storage.Opening{{State: "KZ"}, {State: "AM"}}})
		})
	}
	if err := file(storage.As(t.Context(), kz), c); err != nil {
		t.Fatal(err)
	}
	foreign := c
	foreign.ID, foreign.State = comity.NewID(comity.KindCase), "AM"
	var refused *pgconn.PgError
	if err := file(storage.As(t.Context(), kz), foreign); !errors.As(err, &refused) || refused.Code != "42501" {
		t.Errorf("a case of another state was filed: %v", err)
	}
	publish := func(s comity.State) error {
		return db.Write(storage.As(t.Context(), kz), func(tx storage.Tx) error {
			return tx.InsertManifest(storage.PublishedManifest{State: s, Number: 1, Officer: kz.Ref(), PublishedAt: now, Manifest: "jws"})
		})
	}
	if err := publish("KZ"); err != nil {
		t.Fatal(err)
	}
	if err := publish("AM"); !errors.As(err, &refused) || refused.Code != "42501" {
		t.Errorf("a manifest of another state was published: %v", err)
	}
	conn := app(t, d)
	rows, err := conn.Query(t.Context(), `SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')`)
	if err != nil {
		t.Fatal(err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		var n int
		if err := conn.QueryRow(t.Context(), `SELECT count(*) FROM `+pgx.Identifier{name}.Sanitize()).Scan(&n); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if n > 0 && withoutWall[name] == "" {
			t.Errorf("for nobody, %d rows of %s are found", n, name)
		}
	}
	find := func(ctx context.Context) int {
		var n int
		err := db.Read(ctx, func(tx storage.ReadTx) error {
			found, err := tx.Cases(storage.Viewer{Officer: kz, At: tx.Now()}, []comity.ID{c.ID})
			n = len(found)
			return err
		})
		if err != nil {
			t.Error(err)
		}
		return n
	}
	other := kz
	other.Pseudonym = "in-2"
	for _, c := range []struct {
		who  string
		ctx  context.Context
		want int
	}{{"an officer of no state", storage.As(t.Context(), comity.Officer{}), 0}, {"another investigator", storage.As(t.Context(), other), 0},
		{"the owner", storage.As(t.Context(), kz), 1}, {"the system", storage.AsSystem(t.Context()), 1}} {
		if n := find(c.ctx); n != c.want {
			t.Errorf("in the name of %s the owner's predicate finds %d cases, want %d", c.who, n, c.want)
		}
	}
}
