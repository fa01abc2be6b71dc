package sqlite_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/sqlite"
	"github.com/comity-platform/comity/storage/storagetest"
)

// TestFacetsOfOldLeaves: the migration finds in leaves that were there before it
// what a new leaf is written with.
func TestFacetsOfOldLeaves(t *testing.T) {
	path := filepath.Join(t.TempDir(), "comity.db")
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Write(t.Context(), func(tx storage.Tx) error { return tx.AppendLeaf(storagetest.AuditLeaf(t)) }); err != nil {
		t.Fatal(err)
	}
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	migration, err := os.ReadFile("migrations/0002_filters.sql")
	if err != nil {
		t.Fatal(err)
	}
	storagetest.FacetsFilledIn(t, raw, string(migration))
}
