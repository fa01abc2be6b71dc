package sqlite_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pressly/goose/v3"

	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/sqlite"
	"github.com/comity-platform/comity/storage/storagetest"
)

// TestMigrated: what a database of the first version holds is there in the newest.
func TestMigrated(t *testing.T) {
	path := filepath.Join(t.TempDir(), "comity.db")
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	storagetest.Migrated(t, raw, goose.DialectSQLite3, func() storage.DB {
		db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return db
	})
}

// TestMigrationRefusesALogWithGaps: no tree is made of leaves that do not stand in one row.
func TestMigrationRefusesALogWithGaps(t *testing.T) {
	for name, c := range map[string]struct {
		places []int
		size   int
		says   string
	}{"a gap": {[]int{0, 2}, 3, "has index 2"}, "a lost end": {[]int{0, 1}, 3, "says 3 leaves, and 2 stand"}, "a lost start": {[]int{1}, 2, "has index 1"}} {
		path := filepath.Join(t.TempDir(), "comity.db")
		raw, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		defer raw.Close()
		p, err := goose.NewProvider(goose.DialectSQLite3, raw, os.DirFS("migrations"), goose.WithDisableGlobalRegistry(true))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.UpTo(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		for _, at := range c.places {
			if _, err := raw.ExecContext(t.Context(), `INSERT INTO leaves (id, hash, at, idx, chain) VALUES ($1, zeroblob(32), 0, $1, x'')`, at); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := raw.ExecContext(t.Context(), `UPDATE log_head SET size = $1`, c.size); err != nil {
			t.Fatal(err)
		}
		db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
		if err == nil {
			db.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
