package sqldb_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/sqldb"
)

// TestFirstStatementFails: on PostgreSQL BEGIN, and a leaf, go out with the first
// statement that is waited for. Where that cannot even be prepared, nothing of them
// was run: what follows must not run outside a transaction, nor a commit succeed
// without the leaf.
func TestFirstStatementFails(t *testing.T) {
	onPostgres(t, func(t *testing.T, _ string, db opened) {
		leaf := storage.Leaf{ID: comity.NewID(comity.KindLeaf), At: time.Now(), Openings: []storage.Opening{{State: "KZ"}}}
		bad := func(tx storage.Tx) {
			t.Helper()
			if err := sqldb.Exec(tx, "SELECT nothing FROM nowhere"); err == nil {
				t.Error("the statement ran")
			}
		}
		at := time.Now()
		for name, f := range map[string]func(storage.Tx) error{
			"first": func(tx storage.Tx) error { bad(tx); return nil },
			"first, and another follows": func(tx storage.Tx) error {
				bad(tx)
				if err := sqldb.Exec(tx, "SELECT 1"); err == nil {
					t.Error("a statement ran after it")
				}
				if _, err := tx.IdempotencyOf("", "", "", ""); err == nil {
					t.Error("a query ran after it")
				}
				if err := tx.AppendLeaf(leaf); err == nil {
					t.Error("a leaf was taken after it")
				}
				return nil
			},
			"after a leaf": func(tx storage.Tx) error {
				if err := tx.AppendLeaf(leaf); err != nil {
					return err
				}
				bad(tx)
				return nil
			},
			"after a leaf of what has begun": func(tx storage.Tx) error {
				if err := sqldb.Exec(tx, "SELECT 1"); err != nil {
					return err
				}
				if err := tx.AppendLeaf(leaf); err != nil {
					return err
				}
				bad(tx)
				return nil
			},
		} {
			if err := db.WriteAt(storage.AsSystem(t.Context()), at, f); err == nil {
				t.Errorf("a statement that fails %s: committed", name)
			}
		}
		// The connections serve on.
		for range 40 {
			leaf.ID = comity.NewID(comity.KindLeaf)
			if err := db.WriteAt(storage.AsSystem(t.Context()), at, func(tx storage.Tx) error { return tx.AppendLeaf(leaf) }); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestReadRunsOnce: what is read collects half an answer, so that it is not run
// again where the engine would have a transaction tried anew, and where the snapshot
// that it stands on has failed.
func TestReadRunsOnce(t *testing.T) {
	onPostgres(t, func(t *testing.T, _ string, db opened) {
		const serialization = `DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$`
		runs := 0
		err := db.Read(storage.AsSystem(t.Context()), func(r storage.ReadTx) error {
			runs++
			return sqldb.Exec(r, serialization)
		})
		if runs != 1 || comity.CodeOf(err) != comity.CodeUnavailable {
			t.Errorf("a read that is to be tried again ran %d times: %v", runs, err)
		}
		runs = 0
		err = db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
			if runs++; runs == 1 {
				return sqldb.Exec(tx, serialization)
			}
			return nil
		})
		if runs != 2 || err != nil {
			t.Errorf("a write that is to be tried again ran %d times: %v", runs, err)
		}
		own := &pgconn.PgError{Code: "22012"} // no fault of the engine is told as it is
		if err := db.Read(storage.AsSystem(t.Context()), func(storage.ReadTx) error { return own }); err != own {
			t.Errorf("%v", err)
		}
	})
}
