package sqlite_test

import (
	"database/sql"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/sqlite"
	"github.com/comity-platform/comity/storage/sqlite/sqlitetest"
	"github.com/comity-platform/comity/storage/storagetest"
)

func open(t *testing.T) storage.DB {
	t.Helper()
	return sqlitetest.Open(t, sqlite.Options{})
}

func TestStorage(t *testing.T) { storagetest.Run(t, open) }

var update = flag.Bool("update", false, "write testdata/schema_sqlite.sql anew")

// TestSchema compares the migrated database with the committed one.
func TestSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "comity.db")
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	rows, err := raw.QueryContext(t.Context(), `SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY tbl_name, type DESC, name`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var b strings.Builder
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		b.WriteString(text + ";\n")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/schema_sqlite.sql"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("the schema is another (go test -update writes it; -want +got):\n%s", diff)
	}
}

func key(s string) func(storage.Tx) error {
	return func(tx storage.Tx) error { return tx.InsertIdempotency(storage.Idempotency{Key: s}) }
}

// TestReopen keeps what was written, under a name that a URL would mangle, and
// for the owner's eyes only.
func TestReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a?b=c #%20.db")
	for i := range 3 {
		db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Write(storage.AsSystem(t.Context()), key(strings.Repeat("k", i))); err != nil {
			t.Fatal(err)
		}
		for _, suffix := range []string{"", "-wal", "-shm"} {
			info, err := os.Stat(path + suffix)
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode().Perm() != 0o600 {
				t.Errorf("the database%s has mode %v", suffix, info.Mode())
			}
		}
		for j := range i + 1 {
			err := db.Read(storage.AsSystem(t.Context()), func(r storage.ReadTx) error {
				_, err := r.IdempotencyOf("", "", "", strings.Repeat("k", j))
				return err
			})
			if err != nil {
				t.Errorf("row %d at opening %d: %v", j, i, err)
			}
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTwoProcesses has two handles on one file write at once, as a server and a
// tool beside it would.
func TestTwoProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "comity.db")
	var wg sync.WaitGroup
	for h := range 2 {
		db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		wg.Go(func() {
			for i := range 30 {
				if err := db.Write(storage.AsSystem(t.Context()), key(strings.Repeat("k", 100*h+i))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// TestReadersBesideWriter reads while a write is open, and does not wait for it.
func TestReadersBesideWriter(t *testing.T) {
	db := open(t)
	defer db.Close()
	err := db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
		if err := key("k")(tx); err != nil {
			return err
		}
		return db.Read(storage.AsSystem(t.Context()), func(r storage.ReadTx) error {
			if _, err := r.IdempotencyOf("", "", "", "k"); !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("a reader sees what is not committed: %v", err)
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestUnavailable(t *testing.T) {
	dir := t.TempDir()
	for name, path := range map[string]string{"no such folder": filepath.Join(dir, "none", "x.db"), "a folder": dir} {
		if _, err := sqlite.Open(t.Context(), path, sqlite.Options{}); comity.CodeOf(err) != comity.CodeUnavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
	other := filepath.Join(dir, "other")
	if err := os.WriteFile(other, []byte(strings.Repeat("not a database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.Open(t.Context(), other, sqlite.Options{}); err == nil {
		t.Error("opened what is no database")
	}
}

func TestClock(t *testing.T) {
	at := time.Date(2030, 1, 2, 3, 4, 5, 6789, time.FixedZone("", 3600))
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "comity.db"), sqlite.Options{Now: func() time.Time { return at }})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
		if want := time.Date(2030, 1, 2, 2, 4, 5, 6000, time.UTC); tx.Now() != want {
			t.Errorf("the clock says %v, want %v", tx.Now(), want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
