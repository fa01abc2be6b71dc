package storagetest

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

// model is the tree over entries as tlog computes it, hash by hash.
type model struct {
	entries [][32]byte
	hashes  []tlog.Hash
}

func (m *model) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for i, at := range indexes {
		if at >= int64(len(m.hashes)) {
			return nil, errors.New("beyond the tree")
		}
		found[i] = m.hashes[at]
	}
	return found, nil
}

func (m *model) add(t *testing.T, entries ...[32]byte) {
	t.Helper()
	for _, e := range entries {
		more, err := tlog.StoredHashes(int64(len(m.entries)), e[:], m)
		if err != nil {
			t.Fatal(err)
		}
		m.entries, m.hashes = append(m.entries, e), append(m.hashes, more...)
	}
}

// WantTree holds what the log says of itself against what tlog computes of its
// entries, of which there are size, and gives these.
func WantTree(t *testing.T, db storage.DB, size int64) [][32]byte {
	t.Helper()
	m := &model{}
	m.wantTree(t, db, size)
	return m.entries
}

// wantTree goes on from what the model knows: that has not changed.
func (m *model) wantTree(t *testing.T, db storage.DB, size int64) {
	t.Helper()
	read(t, db, func(r storage.ReadTx) error {
		head, err := r.LogHead()
		if err != nil {
			return err
		}
		entries, err := r.LogEntries(0, int(size)+9)
		if err != nil {
			return err
		}
		if head.Size != size || int64(len(entries)) != size {
			t.Fatalf("the log says that it has %d leaves and shows %d, want %d", head.Size, len(entries), size)
		}
		for i, e := range m.entries {
			if entries[i] != e {
				t.Fatalf("the leaf at %d is another", i)
			}
		}
		m.add(t, entries[len(m.entries):]...)
		root, err := tlog.TreeHash(size, m)
		if err != nil {
			return err
		}
		if tlog.Hash(head.Root) != root {
			t.Fatalf("the root of %d leaves is %x, want %v", size, head.Root, root)
		}
		for from := range min(size, 4) {
			some, err := r.LogEntries(from, 2)
			if err != nil {
				return err
			}
			equal(t, "some entries", some, m.entries[from:min(from+2, size)])
		}
		all := tlog.NewTiles(8, 0, size)
		for _, whole := range all { // and as a smaller tree had them
			for _, w := range []int{1, 2, whole.W - 1} {
				if w > 0 && w < whole.W && len(all) < 99 {
					some := whole
					some.W = w
					all = append(all, some)
				}
			}
		}
		found, err := r.LogTiles(all)
		if err != nil {
			return err
		}
		for i, tile := range all {
			want, err := tlog.ReadTileData(tile, m)
			if err != nil {
				return err
			}
			if !bytes.Equal(found[i], want) {
				t.Fatalf("of %d leaves the tile %s is another", size, tile.Path())
			}
		}
		return nil
	})
}

// grow places random leaves until the log has so many.
func grow(t *testing.T, db storage.DB, from, to int64) {
	t.Helper()
	for from < to {
		n := min(to-from, 20000)
		got, err := db.Sequence(t.Context(), 0, func(int) int { return int(n) })
		if err != nil || int64(got) != n {
			t.Fatalf("placed %d, %v; want %d", got, err, n)
		}
		from += n
	}
}

// logTree: root and tiles are those of the entries, whatever the size and however
// the log came to it.
func logTree(t *testing.T, db storage.DB) {
	m := &model{}
	size := int64(0)
	for _, to := range []int64{0, 1, 2, 3, 4, 5, 7, 8, 9, 100, 255, 256, 257, 258, 511, 512, 513, 1024, 1500, 4096, 65535, 65536, 65537, 65536 + 300} {
		grow(t, db, size, to)
		size = to
		m.wantTree(t, db, size)
	}
	// At once, over the end of a tile on two levels.
	l := newLeaf(noon, "KZ")
	appendLeaf(t, db, l)
	if n, err := db.Sequence(t.Context(), 10, func(int) int { return 65536 }); err != nil || n != 65537 {
		t.Fatalf("placed %d, %v", n, err)
	}
	m.wantTree(t, db, size+65537)
	read(t, db, func(r storage.ReadTx) error {
		at, err := r.LogIndex(l.ID)
		if err == nil && (at < size || m.entries[at] != l.Hash) {
			t.Errorf("the leaf is said to be at %d", at)
		}
		return err
	})
}

// logTileBounds: what is no tile of this tree is not found.
func logTileBounds(t *testing.T, db storage.DB) {
	tile := func(h, l int, n int64, w int) tlog.Tile { return tlog.Tile{H: h, L: l, N: n, W: w} }
	refused := func(tiles ...tlog.Tile) {
		t.Helper()
		for _, tile := range tiles {
			read(t, db, func(r storage.ReadTx) error {
				found, err := r.LogTiles([]tlog.Tile{tile})
				if !errors.Is(err, storage.ErrNotFound) {
					t.Errorf("%+v: %d tiles, %v", tile, len(found), err)
				}
				return nil
			})
		}
	}
	refused(tile(8, 0, 0, 1), tile(8, 1, 0, 1))
	grow(t, db, 0, 300)
	refused(tile(8, 0, 1, 45), tile(8, 0, 2, 1), tile(8, 0, 1, 256), tile(8, 0, 0, 0), tile(8, 0, 0, 257), tile(8, 0, -1, 1), tile(8, 0, 1<<62, 1),
		tile(8, -1, 0, 1), tile(8, 1, 0, 2), tile(8, 1, 1, 1), tile(8, 2, 0, 1), tile(8, 63, 0, 1), tile(7, 0, 0, 1), tile(0, 0, 0, 1))
	read(t, db, func(r storage.ReadTx) error {
		if found, err := r.LogTiles(nil); len(found) > 0 || err != nil {
			t.Errorf("none: %d, %v", len(found), err)
		}
		for _, from := range []int64{300, 1 << 62} {
			if found, err := r.LogEntries(from, 5); len(found) > 0 || err != nil {
				t.Errorf("entries from %d: %d, %v", from, len(found), err)
			}
		}
		found, err := r.LogTiles([]tlog.Tile{tile(8, 0, 1, 44), tile(8, 1, 0, 1), tile(8, 0, 0, 256)})
		if err == nil && (len(found[0]) != 44*32 || len(found[1]) != 32 || len(found[2]) != 256*32) {
			t.Error("a tile is longer than its hashes")
		}
		return err
	})
}

// logPadding: random leaves stand among the acts, and tell nobody anything.
func logPadding(t *testing.T, db storage.DB) {
	asked := []int{}
	pad := func(to int) func(int) int {
		return func(waiting int) int { asked = append(asked, waiting); return to - waiting }
	}
	if n, err := db.Sequence(t.Context(), 10, pad(0)); n != 0 || err != nil {
		t.Errorf("placed %d of nothing: %v", n, err)
	}
	if n, err := db.Sequence(t.Context(), 10, pad(4)); n != 4 || err != nil {
		t.Errorf("placed %d for cover: %v", n, err)
	}
	var acts []storage.Leaf
	for i := range 20 {
		l := newLeaf(hours(i), "KZ")
		appendLeaf(t, db, l)
		acts = append(acts, l)
	}
	if n, err := db.Sequence(t.Context(), 15, pad(64)); n != 64 || err != nil {
		t.Errorf("placed %d: %v", n, err)
	}
	if n, err := db.Sequence(t.Context(), 15, pad(1)); n != 5 || err != nil { // a pad that would take away adds none
		t.Errorf("placed %d: %v", n, err)
	}
	equal(t, "pad is asked for", asked, []int{0, 0, 15, 5})
	entries := WantTree(t, db, 73)
	placed, last, together := placedOf(t, db, "KZ"), int64(-1), true
	for i, l := range acts {
		at := get(t, db, func(r storage.ReadTx) (int64, error) { return r.LogIndex(l.ID) })
		if at <= last || entries[at] != l.Hash || placed[at].ID != l.ID {
			t.Errorf("the leaf of act %d is at %d, after %d", i, at, last)
		}
		together = together && (i == 0 || i >= 15 || at == last+1)
		last = at
	}
	if together {
		t.Error("the padding stands in one block: 1 of 10^14 orders") // of 15 and 49
	}
	if len(placed) != len(acts) {
		t.Errorf("KZ is shown %d leaves of %d", len(placed), len(acts))
	}
	seen := map[[32]byte]bool{}
	for _, e := range entries {
		seen[e] = true
	}
	if len(seen) != len(entries) {
		t.Error("a leaf stands twice")
	}
	read(t, db, func(r storage.ReadTx) error {
		_, err := r.LogIndex("leaf1_none")
		wantErr(t, "the place of no leaf", err, storage.ErrNotFound)
		return nil
	})
	waits := newLeaf(noon, "KZ")
	appendLeaf(t, db, waits)
	if at := get(t, db, func(r storage.ReadTx) (int64, error) { return r.LogIndex(waits.ID) }); at != -1 {
		t.Errorf("a leaf that waits is at %d", at)
	}
	// Since when something waits, beyond so many leaves of the tree.
	size := get(t, db, storage.ReadTx.LogHead).Size
	since := func(size int64) time.Time {
		return get(t, db, func(r storage.ReadTx) (time.Time, error) { return r.LogWaiting(size) })
	}
	if at := since(size); !at.Equal(noon) {
		t.Errorf("a leaf of noon waits since %s", at)
	}
	if n, err := db.Sequence(t.Context(), 10, nil); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if at, placed := since(size), since(size+1); !at.Equal(noon) || !placed.IsZero() {
		t.Errorf("what was placed waits since %s, and nothing since %s", at, placed)
	}
}

// logFails: a batch of which something fails leaves nothing, and the next is whole.
func logFails(t *testing.T, db storage.DB) {
	grow(t, db, 0, 250)
	l := newLeaf(noon, "KZ")
	appendLeaf(t, db, l)
	before := get(t, db, func(r storage.ReadTx) (storage.LogHead, error) { return r.LogHead() })
	ctx, cancel := context.WithCancel(t.Context())
	if n, err := db.Sequence(ctx, 10, func(int) int { cancel(); return 10 }); n != 0 || err == nil {
		t.Errorf("placed %d for one who has gone: %v", n, err)
	}
	read(t, db, func(r storage.ReadTx) error {
		after, err := r.LogHead()
		equal(t, "the head", after, before)
		at, errIndex := r.LogIndex(l.ID)
		if at != -1 {
			t.Errorf("the leaf is at %d", at)
		}
		return errors.Join(err, errIndex)
	})
	n, end := 0, time.Now().Add(time.Minute)
	for n == 0 && time.Now().Before(end) { // PostgreSQL may still be taking the other one back
		var err error
		if n, err = db.Sequence(t.Context(), 10, func(int) int { return 10 }); err != nil {
			t.Fatal(err)
		}
	}
	if n != 11 {
		t.Errorf("placed %d", n)
	}
	WantTree(t, db, 261)
}

// logForAll: an officer of any state reads the hashes of all, as they are, and nobody
// the openings of another.
func logForAll(t *testing.T, db storage.DB) {
	l := newLeaf(noon, "KZ", padding)
	appendLeaf(t, db, l)
	sequenceOnce(t, db, 10, 1)
	grow(t, db, 1, 300)
	want := WantTree(t, db, 300)
	by := comity.Officer{Issuer: "https://id.BY", Subject: "1", State: "BY", Agency: "BY/cyber", Role: comity.RoleAuditor, Pseudonym: "au-1"}
	err := db.Read(storage.As(t.Context(), by), func(r storage.ReadTx) error {
		head, err := r.LogHead()
		if err != nil {
			return err
		}
		entries, err := r.LogEntries(0, 999)
		if err != nil {
			return err
		}
		equal(t, "the entries for BY", entries, want)
		tiles, err := r.LogTiles([]tlog.Tile{{H: 8, L: 0, N: 0, W: 256}, {H: 8, L: 0, N: 1, W: 44}})
		if err != nil {
			return err
		}
		if head.Size != 300 || len(tiles) != 2 {
			t.Errorf("BY is shown %d leaves and %d tiles", head.Size, len(tiles))
		}
		byID, err := r.LogByID("BY", []comity.ID{l.ID})
		if len(byID) > 0 {
			t.Error("BY opens the leaf of KZ")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
