package postgres_test

import (
	"database/sql"
	"os"
	"testing"

	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/storagetest"
)

// TestFacetsOfOldLeaves: the migration finds in leaves that were there before it
// what a new leaf is written with.
func TestFacetsOfOldLeaves(t *testing.T) {
	db, d := openDatabase(t)
	defer db.Close()
	if err := db.Write(t.Context(), func(tx storage.Tx) error { return tx.AppendLeaf(storagetest.AuditLeaf(t)) }); err != nil {
		t.Fatal(err)
	}
	raw, err := sql.Open("pgx", d.OwnerDSN)
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
