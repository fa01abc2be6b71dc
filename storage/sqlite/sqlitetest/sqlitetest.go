// Package sqlitetest gives tests migrated databases of SQLite.
package sqlitetest

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/comity-platform/comity/deploy/stack/stacktest"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/sqlite"
)

// template is the file of a database that was migrated once for this process; each
// test has a copy.
var template = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "comity-test-sqlite-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "comity.db")
	db, err := sqlite.Open(context.Background(), path, sqlite.Options{})
	if err != nil {
		return nil, err
	}
	if err := db.Close(); err != nil { // the last to close it leaves all in the one file
		return nil, err
	}
	return os.ReadFile(path)
})

// File is where a fresh, migrated database lies until the test ends.
func File(t testing.TB) string {
	t.Helper()
	content, err := template()
	must(t, err)
	path := filepath.Join(stacktest.TempDir(t), "comity.db")
	must(t, os.WriteFile(path, content, 0o600))
	return path
}

// Open is a fresh, migrated database, served until the test ends.
func Open(t testing.TB, o sqlite.Options) storage.DB {
	t.Helper()
	db, err := sqlite.Open(context.Background(), File(t), o)
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	return db
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
