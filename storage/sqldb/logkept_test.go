package sqldb_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/sqldb"
)

// logOf is all that a log of these leaves shows.
func logOf(t *testing.T, db storage.DB) (head storage.LogHead, entries [][32]byte, tiles [][]byte) {
	t.Helper()
	err := db.Read(storage.AsSystem(t.Context()), func(r storage.ReadTx) (err error) {
		if head, err = r.LogHead(); err != nil {
			return err
		}
		if entries, err = r.LogEntries(0, 9999); err != nil {
			return err
		}
		tiles, err = r.LogTiles(tlog.NewTiles(8, 0, head.Size))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return head, entries, tiles
}

// padded places what waits and n random leaves.
func padded(t *testing.T, db storage.DB, n int) error {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; {
		done, err := db.Sequence(t.Context(), 1000, func(int) int { return n })
		if err != nil || done >= n {
			return err
		}
		// PostgreSQL may still be taking back the one before, which failed.
		if done > 0 || time.Now().After(end) {
			t.Fatalf("placed %d of %d", done, n)
		}
	}
}

// TestLogIsKept: whoever serves cannot change, move or take away what the log has, nor
// put into it what the sequencer did not.
func TestLogIsKept(t *testing.T) {
	onBoth(t, func(t *testing.T, engine string, db opened) {
		leaf := storage.Leaf{ID: comity.NewID(comity.KindLeaf), Hash: sha256.Sum256(nil), At: time.Now(), Openings: []storage.Opening{{State: "KZ"}}}
		err := db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error { return tx.AppendLeaf(leaf) })
		if err != nil {
			t.Fatal(err)
		}
		if err := padded(t, db, 299); err != nil {
			t.Fatal(err)
		}
		head, entries, tiles := logOf(t, db)
		for _, text := range []string{
			"UPDATE log_tiles SET hashes = hashes", "UPDATE log_tiles SET idx = 7", "DELETE FROM log_tiles", "DELETE FROM leaves",
			"UPDATE leaves SET idx = NULL WHERE idx = 299", "UPDATE leaves SET idx = 300 WHERE idx = 299", "UPDATE leaves SET hash = hash WHERE idx = 3",
			"UPDATE leaves SET id = 'leaf1_x' WHERE idx = 3", "INSERT INTO log_tiles (level, idx, hashes) SELECT level, idx, hashes FROM log_tiles",
		} {
			err := db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
				return sqldb.Exec(tx, text)
			})
			h, e, tt := logOf(t, db)
			if h != head || !same(e, entries, func(a, b [32]byte) bool { return a == b }) || !same(tt, tiles, func(a, b []byte) bool { return string(a) == string(b) }) {
				t.Fatalf("%s changed the log (%v)", text, err)
			}
			// In PostgreSQL a leaf that has its place is not there to be moved.
			if err == nil && engine == "sqlite" {
				t.Errorf("%s was done", text)
			}
		}
	})
}

func same[T any](a, b []T, equal func(a, b T) bool) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

// TestBatchFailsWhole: of a batch that fails at its last statement nothing is there, and
// the leaves that waited go on waiting.
func TestBatchFailsWhole(t *testing.T) {
	onBoth(t, func(t *testing.T, engine string, db opened) {
		if err := padded(t, db, 200); err != nil {
			t.Fatal(err)
		}
		leaf := storage.Leaf{ID: comity.NewID(comity.KindLeaf), Hash: sha256.Sum256(nil), At: time.Now(), Openings: []storage.Opening{{State: "KZ"}}}
		err := db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
			// Another tile in the place of the one that the next batch fills.
			zeros := map[string]string{"sqlite": "zeroblob(8192)", "postgres": "decode(repeat('00', 8192), 'hex')"}[engine]
			return errors.Join(tx.AppendLeaf(leaf), sqldb.Exec(tx, "INSERT INTO log_tiles (level, idx, hashes) VALUES (0, 0, "+zeros+")"))
		})
		if err != nil {
			t.Fatal(err)
		}
		head, entries, _ := logOf(t, db)
		if err := padded(t, db, 100); err == nil {
			t.Fatal("a tile was put over another")
		}
		after, left, _ := logOf(t, db)
		if after != head || len(left) != len(entries) {
			t.Errorf("a batch that failed left %d leaves, of %d", len(left), len(entries))
		}
		err = db.Read(storage.AsSystem(t.Context()), func(r storage.ReadTx) error {
			at, err := r.LogIndex(leaf.ID)
			if at != -1 {
				t.Errorf("the leaf is at %d", at)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
		// What fills no tile goes on.
		if err := padded(t, db, 20); err != nil {
			t.Error(err)
		}
	})
}

// TestSequenceCosts: however many leaves a batch has and the log had before, it takes
// few statements, and of the log only its head is read.
func TestSequenceCosts(t *testing.T) {
	onBoth(t, func(t *testing.T, engine string, db opened) {
		statements := func(waiting, padding int) (n, rows int) {
			t.Helper()
			err := db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
				for range waiting {
					leaf := storage.Leaf{ID: comity.NewID(comity.KindLeaf), At: time.Now(), Openings: []storage.Opening{{State: "KZ", Facets: storage.Facets{Act: "read"}}}}
					if err := tx.AppendLeaf(leaf); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			db.DB.(*sqldb.DB).Observe(func(_ string, r int) { n++; rows += r })
			defer db.DB.(*sqldb.DB).Observe(nil)
			if err := padded(t, db, padding); err != nil {
				t.Fatal(err)
			}
			return n, rows
		}
		first, _ := statements(3, 1)
		for _, c := range [][2]int{{3, 1}, {1000, 24}, {200, 56}, {3, 1}} {
			n, rows := statements(c[0], c[1])
			if n > first+1 { // a tile
				t.Errorf("%d leaves took %d statements, 3 took %d", c[0], n, first)
			}
			if most := 4*c[0] + 9; rows > most { // read, placed, found by
				t.Errorf("%d leaves took %d rows, more than %d", c[0], rows, most)
			}
		}
	})
}

// TestBrokenEdge: an edge that is not of so many leaves is no ground to go on from.
func TestBrokenEdge(t *testing.T) {
	onBoth(t, func(t *testing.T, engine string, db opened) {
		if err := padded(t, db, 300); err != nil {
			t.Fatal(err)
		}
		for _, size := range []int{299, 301, 44, 301 << 8, 0} {
			err := db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
				return sqldb.Exec(tx, fmt.Sprintf("UPDATE log_head SET size = %d", size))
			})
			if err != nil {
				t.Fatal(err)
			}
			err = db.Read(storage.AsSystem(t.Context()), func(r storage.ReadTx) error {
				_, err := r.LogTiles(nil)
				return err
			})
			if err == nil || padded(t, db, 4) == nil {
				t.Errorf("the edge of 300 leaves was taken for that of %d: %v", size, err)
			}
		}
	})
}
