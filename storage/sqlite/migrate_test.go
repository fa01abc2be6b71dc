package sqlite_test

import (
	"database/sql"
	"path/filepath"
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
