package sqlite_test

import (
	"bytes"
	"database/sql"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/sqlite"
	"github.com/comity-platform/comity/storage/sqlite/sqlitetest"
)

// TestErasedIsGone: once the write-ahead log is taken over, no file of the database has
// a byte of what was erased, nor what it was found by.
func TestErasedIsGone(t *testing.T) {
	path := sqlitetest.File(t)
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	const mark = "what-stood-in-the-opening-7f3a"
	facets := storage.Facets{Act: "read", Records: []string{mark}}
	leaf := storage.Leaf{ID: comity.NewID(comity.KindLeaf), At: now, Openings: []storage.Opening{{State: "KZ", Salt: [32]byte{1},
		Content: []byte(strings.Repeat(mark, 400)), Facets: facets}}} // more than a page
	write := func(f func(tx storage.Tx) error) {
		t.Helper()
		if err := db.Write(storage.AsSystem(t.Context()), f); err != nil {
			t.Fatal(err)
		}
	}
	write(func(tx storage.Tx) error { return tx.AppendLeaf(leaf) })
	if _, err := db.Sequence(t.Context(), 9, nil); err != nil {
		t.Fatal(err)
	}
	has := func() bool {
		raw, err := sql.Open("sqlite", "file:"+path)
		if err != nil {
			t.Fatal(err)
		}
		defer raw.Close()
		if _, err := raw.ExecContext(t.Context(), "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{path, path + "-wal"} {
			b, err := os.ReadFile(name)
			if err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			if bytes.Contains(b, []byte(mark)) {
				return true
			}
		}
		return false
	}
	if !has() {
		t.Fatal("what stands in the opening is not found: this test would see nothing")
	}
	write(func(tx storage.Tx) error {
		found, err := tx.OpeningsBefore("KZ", now.Add(time.Hour), storage.Key{}, 9)
		if err != nil {
			return err
		}
		found[0].Leaf.Openings[0].Facets = facets
		return tx.EraseOpenings("KZ", found, leaf.ID)
	})
	if has() {
		t.Error("a file of the database still has what was erased")
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}
