// Package postgrestest gives tests migrated databases in the real PostgreSQL of the
// test run.
package postgrestest

import (
	"context"
	"sync"
	"testing"

	"github.com/comity-platform/comity/deploy/stack"
	"github.com/comity-platform/comity/deploy/stack/stacktest"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/postgres"
)

// template is migrated once for this process, which takes longer than most tests;
// each test has a copy.
var template = sync.OnceValues(func() (*stack.Database, error) {
	ctx := context.Background()
	p, err := stacktest.Postgres()
	if err != nil {
		return nil, err
	}
	d, err := p.NewDatabase(ctx)
	if err != nil {
		return nil, err
	}
	return d, postgres.Migrate(ctx, d.OwnerDSN, d.App)
})

// Database is a fresh, migrated database, dropped when the test ends. Its roles are
// those of the other databases that this process has from here: for tests that change
// roles there is [stacktest.NewDatabase].
func Database(t testing.TB) *stack.Database {
	t.Helper()
	from, err := template()
	must(t, err)
	return stacktest.CopyDatabase(t, from)
}

// Open is a fresh, migrated database, served until the test ends.
func Open(t testing.TB, o postgres.Options) (storage.DB, *stack.Database) {
	t.Helper()
	d := Database(t)
	db, err := postgres.Open(context.Background(), d.AppDSN, o)
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	return db, d
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
