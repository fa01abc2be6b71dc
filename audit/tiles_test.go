package audit_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/storage"
)

// TestTiles: the whole log is read by its paths, hashes to the checkpoint's root, and
// nothing is beyond it.
func TestTiles(t *testing.T) {
	onEngines(t, func(t *testing.T, db storage.DB) {
		k := newKey(t)
		w := newWitness(t, k, "w")
		p := publisher(db, k, time.Hour, w)
		tiles := &audit.Tiles{DB: db, Witnesses: p.Witnesses}
		if _, err := tiles.Read(t.Context(), "checkpoint"); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("before there is a checkpoint: %v", err)
		}
		put(t, db, 700)
		if err := p.Publish(t.Context()); err != nil {
			t.Fatal(err)
		}
		put(t, db, 40)
		if _, err := db.Sequence(t.Context(), 100, nil); err != nil { // no checkpoint is over these
			t.Fatal(err)
		}
		f, err := tiles.Read(t.Context(), "checkpoint")
		if err != nil || !f.Text || f.Final {
			t.Fatalf("%+v, %v", f, err)
		}
		c, err := policy(k, 0, w).Open(f.Body, time.Now())
		if err != nil || c.Size < 700 {
			t.Fatal(c, err)
		}
		var hashed []tlog.Hash
		read := tlog.HashReaderFunc(func(i []int64) ([]tlog.Hash, error) {
			found := make([]tlog.Hash, len(i))
			for n, i := range i {
				found[n] = hashed[i]
			}
			return found, nil
		})
		file := func(tile tlog.Tile) []byte {
			t.Helper()
			f, err := tiles.Read(t.Context(), verify.TilePath(tile))
			if err != nil || f.Text || f.Final != (tile.W == 256) {
				t.Fatalf("%s: %+v, %v", verify.TilePath(tile), f, err)
			}
			return f.Body
		}
		for n := int64(0); n*256 < c.Size; n++ {
			wide := int(min(256, c.Size-n*256))
			bundle, hashes := file(tlog.Tile{H: 8, L: -1, N: n, W: wide}), file(tlog.Tile{H: 8, N: n, W: wide})
			for i := range wide {
				e := bundle[i*34 : (i+1)*34]
				more, err := tlog.StoredHashes(n*256+int64(i), e[2:], read)
				if err != nil || binary.BigEndian.Uint16(e) != 32 || !bytes.Equal(more[0][:], hashes[i*32:(i+1)*32]) {
					t.Fatalf("entry %d is not the leaf of its hash", n*256+int64(i))
				}
				hashed = append(hashed, more...)
			}
			if len(bundle) != wide*34 || len(hashes) != wide*32 {
				t.Errorf("tile %d has more than it says", n)
			}
		}
		root, err := tlog.TreeHash(c.Size, read)
		if err != nil || root != tlog.Hash(c.Root) {
			t.Errorf("the entries hash to another root than the checkpoint's (%v)", err)
		}
		if level1 := file(tlog.Tile{H: 8, L: 1, W: int(c.Size / 256)}); len(level1) != int(c.Size/256)*32 {
			t.Error("the tile above is another")
		}
		rest := int(c.Size % 256)
		for _, path := range []string{
			verify.TilePath(tlog.Tile{H: 8, N: c.Size / 256, W: 256}), verify.TilePath(tlog.Tile{H: 8, L: -1, N: c.Size / 256, W: 256}),
			verify.TilePath(tlog.Tile{H: 8, N: c.Size / 256, W: rest + 1}), verify.TilePath(tlog.Tile{H: 8, L: -1, N: c.Size / 256, W: rest + 1}),
			verify.TilePath(tlog.Tile{H: 8, L: 1, W: int(c.Size/256) + 1}), verify.TilePath(tlog.Tile{H: 8, L: 2, W: 1}), "tile/7/000.p/1",
			"tile/0/x999/x999/x999/x999/x999/x999/999", "", "tile", "checkpoint/", "/checkpoint", "tile/data/000.p/1", "tile/8/0/000.p/1", "tile/0/../0/000.p/1",
			"tile/entries/0", "tile/-1/000.p/1", "tile/0/000.p/256", "tile/0/000.p/0",
		} {
			if f, err := tiles.Read(t.Context(), path); !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("%q: %d bytes, %v", path, len(f.Body), err)
			}
		}
	})
}

// TestTilesCheckpoint: a checkpoint is shown once all witnesses cosigned it, or had
// their time to; until then the one before is, and never again one before that.
func TestTilesCheckpoint(t *testing.T) {
	onEngines(t, func(t *testing.T, db storage.DB) {
		k := newKey(t)
		a, b := newWitness(t, k, "a"), newWitness(t, k, "b")
		p := publisher(db, k, time.Hour, a, b)
		tiles := &audit.Tiles{DB: db, Witnesses: p.Witnesses}
		shown := func() verify.Checkpoint {
			t.Helper()
			f, err := tiles.Read(t.Context(), "checkpoint")
			if err != nil {
				t.Fatal(err)
			}
			c, err := verify.Policy{Origin: origin, Log: policy(k, 0, a).Log, Own: a.Keys()}.Open(f.Body, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		publish := func() int64 {
			t.Helper()
			put(t, db, 1)
			if err := p.Publish(t.Context()); err != nil {
				t.Fatal(err)
			}
			return last(t, db).Size
		}
		first := publish()
		if got := shown(); got.Size != first {
			t.Errorf("of %d leaves, wanted %d", got.Size, first)
		}
		b.set(func() { b.answer = func([]byte) ([]byte, error) { return nil, errors.New("away") } })
		second := publish()
		if got := shown(); got.Size != first {
			t.Errorf("before all cosigned it, that of %d leaves is shown, wanted %d", got.Size, first)
		}
		size := int64(0)
		eventually(t, "it is shown though one witness is away", func() bool {
			got := shown().Size
			if got < size {
				t.Errorf("after the checkpoint of %d leaves, that of %d is shown", size, got)
			}
			size = got
			return got == second
		})
	})
}

// TestTilesCheckpointGrows: what is shown never goes back, in a new log whose
// checkpoints nobody has cosigned yet, either, nor when a witness is named anew.
func TestTilesCheckpointGrows(t *testing.T) {
	onEngines(t, func(t *testing.T, db storage.DB) {
		k := newKey(t)
		a, b := newWitness(t, k, "a"), newWitness(t, k, "b")
		a.answer = func([]byte) ([]byte, error) { return nil, errors.New("away") }
		p := publisher(db, k, time.Hour, a)
		tiles := &audit.Tiles{DB: db, Witnesses: p.Witnesses}
		var size int64
		look := func() int64 {
			t.Helper()
			f, err := tiles.Read(t.Context(), "checkpoint")
			if err != nil {
				t.Fatal(err)
			}
			c, err := verify.OpenSigned(f.Body, origin, []note.Verifier{k.public})
			if err != nil {
				t.Fatal(err)
			}
			if c.Size < size {
				t.Fatalf("after the checkpoint of %d leaves, that of %d is shown", size, c.Size)
			}
			size = c.Size
			return size
		}
		for range 4 {
			put(t, db, 1)
			if err := p.Publish(t.Context()); err != nil {
				t.Fatal(err)
			}
			look()
		}
		eventually(t, "the last one is shown", func() bool { return look() == last(t, db).Size })
		a.set(func() { a.answer = nil })
		put(t, db, 1)
		if err := p.Publish(t.Context()); err != nil {
			t.Fatal(err)
		}
		if look() != last(t, db).Size {
			t.Fatal("what all cosigned is not shown")
		}
		tiles.Witnesses = func() []audit.Cosigner { return []audit.Cosigner{a, b} }
		look()
	})
}
