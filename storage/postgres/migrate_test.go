package postgres_test

import (
	"database/sql"
	"testing"

	"github.com/pressly/goose/v3"

	"github.com/comity-platform/comity/deploy/stack/stacktest"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/postgres"
	"github.com/comity-platform/comity/storage/storagetest"
)

// TestMigrated: what a database of the first version holds is there in the newest.
func TestMigrated(t *testing.T) {
	d := stacktest.NewDatabase(t)
	raw, err := sql.Open("pgx", d.OwnerDSN)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	storagetest.Migrated(t, raw, goose.DialectPostgres, func() storage.DB {
		if err := postgres.Migrate(t.Context(), d.OwnerDSN, d.App); err != nil {
			t.Fatal(err)
		}
		db, err := postgres.Open(t.Context(), d.AppDSN, postgres.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return db
	})
}
