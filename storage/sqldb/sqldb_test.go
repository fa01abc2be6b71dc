package sqldb_test

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/postgres"
	"github.com/comity-platform/comity/storage/postgres/postgrestest"
	"github.com/comity-platform/comity/storage/sqldb"
	"github.com/comity-platform/comity/storage/sqlite"
	"github.com/comity-platform/comity/storage/sqlite/sqlitetest"
)

// opened is a fresh database; analyze lets the engine count its rows, and unguard
// takes off what holds a grant to the state of its case.
type opened struct {
	storage.DB
	analyze, unguard func() error
}

func onBoth(t *testing.T, test func(t *testing.T, engine string, db opened)) {
	t.Run("sqlite", func(t *testing.T) {
		db := sqlitetest.Open(t, sqlite.Options{})
		run := func(text string) func() error {
			return func() error {
				return db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error { return sqldb.Exec(tx, text) })
			}
		}
		test(t, "sqlite", opened{db, run("ANALYZE"), run("DROP TRIGGER grants_of_case_inserted")})
	})
	onPostgres(t, test)
}

// onPostgres runs it on PostgreSQL alone.
func onPostgres(t *testing.T, test func(t *testing.T, engine string, db opened)) {
	t.Helper()
	t.Run("postgres", func(t *testing.T) {
		db, d := postgrestest.Open(t, postgres.Options{})
		run := func(text string) func() error {
			return func() error {
				owner, err := pgx.Connect(t.Context(), d.OwnerDSN)
				if err != nil {
					return err
				}
				defer owner.Close(t.Context())
				_, err = owner.Exec(t.Context(), text)
				return err
			}
		}
		test(t, "postgres", opened{db, run("ANALYZE"), run("ALTER TABLE grants DROP CONSTRAINT grants_of_case")})
	})
}

var (
	liaison = comity.Officer{State: "KZ", Agency: "KZ/cyber", Pseudonym: "li-1", Role: comity.RoleLiaison}
	foreign = comity.Officer{State: "AM", Agency: "AM/cyber", Pseudonym: "in-1", Role: comity.RoleInvestigator}
	now     = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
)

// TestFirstPagePlan holds the measured plan of design's visibility scheme: each
// viewer key is one bounded scan of the index, in its order.
func TestFirstPagePlan(t *testing.T) {
	onBoth(t, func(t *testing.T, engine string, db opened) {
		err := db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
			for i := range 2000 {
				at := now.Add(time.Duration(i) * time.Minute)
				c := storage.Case{Case: comity.Case{ID: comity.NewID(comity.KindCase), State: "KZ", Agency: "KZ/cyber", Category: "fraud",
					Status: comity.CaseOpen, Version: 1, CreatedAt: at, UpdatedAt: at, UpdatedAbroad: at, ListedAbroad: at}}
				if err := tx.InsertCase(c, "w"); err != nil {
					return err
				}
				if err := tx.Assign(c.ID, storage.OfficeViewer("KZ", comity.RoleLiaison), liaison.Ref()); err != nil {
					return err
				}
				if i%2 == 0 {
					if err := tx.InsertGrant(comity.Grant{ID: comity.NewID(comity.KindGrant), Case: c.ID, State: "KZ", Grantee: comity.Grantee{State: "AM"},
						NotBefore: now, NotAfter: now.Add(time.Hour), Status: comity.GrantActive, Version: 1, CreatedAt: now}); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.analyze(); err != nil {
			t.Fatal(err)
		}
		prefix, columns, scan, bad := "EXPLAIN ", 1, `Index Only Scan Backward using visibility_viewer`, `Seq Scan`
		if engine == "sqlite" {
			prefix, columns, scan = "EXPLAIN QUERY PLAN ", 4, `SEARCH visibility USING COVERING INDEX visibility_viewer (viewer=? AND `
			bad = `SCAN (visibility|cases|grants|assignments)|TEMP B-TREE FOR DISTINCT`
		}
		for _, o := range []comity.Officer{liaison, foreign} {
			for name, f := range map[string]storage.CaseFilter{"all": {}, "filtered": {Category: "fraud", Status: comity.CaseOpen, Own: o.State == "KZ"}} {
				t.Run(string(o.State)+"/"+name, func(t *testing.T) {
					err := db.Read(storage.AsSystem(t.Context()), func(r storage.ReadTx) error {
						plan, err := sqldb.ExplainListCases(r, prefix, columns, storage.Viewer{Officer: o, At: now}, f, storage.Page{Limit: 51})
						if err != nil {
							return err
						}
						if n := strings.Count(plan, scan); n != 4 {
							t.Errorf("%d of 4 branches use the index:\n%s", n, plan)
						}
						if found := regexp.MustCompile(bad).FindString(plan); found != "" {
							t.Errorf("%s:\n%s", found, plan)
						}
						return nil
					})
					if err != nil {
						t.Fatal(err)
					}
				})
			}
		}
	})
}

func TestSnapshotRefusesToWrite(t *testing.T) {
	onBoth(t, func(t *testing.T, engine string, db opened) {
		for _, text := range []string{"DELETE FROM cases", "INSERT INTO state_locks (state) VALUES ('KZ')", "UPDATE log_head SET size = 9"} {
			err := db.Read(storage.AsSystem(t.Context()), func(r storage.ReadTx) error { return sqldb.Exec(r, text) })
			if err == nil {
				t.Errorf("%s on a snapshot was done", text)
				continue
			}
			if e, ok := errors.AsType[*comity.Error](err); ok {
				err = e.Unwrap() // the engine's words, which officers do not see
			}
			if !regexp.MustCompile("read-?only").MatchString(err.Error()) {
				t.Errorf("%s on a snapshot: %v", text, err)
			}
		}
	})
}

func TestMigrationsAreNumberedEqually(t *testing.T) {
	names := func(dir string) (names []string) {
		files, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			names = append(names, f.Name())
		}
		return names
	}
	if d := cmp.Diff(names("../sqlite/migrations"), names("../postgres/migrations")); d != "" {
		t.Error(d)
	}
}
