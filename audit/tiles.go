package audit

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/storage"
)

// Tiles reads the log in the layout of C2SP tlog-tiles, up to the last
// checkpoint: what is beyond it is not shown.
type Tiles struct {
	DB storage.DB
	// Witnesses gives those that are asked for cosignatures, as of now.
	Witnesses func() []Cosigner

	size atomic.Int64 // of the largest checkpoint that was shown
}

// gathered is how long the witnesses of a checkpoint are waited for before it is
// shown without their cosignatures.
const gathered = 2 * time.Second

// usual is how many checkpoints there are at most in that time, with several servers
// on the usual beat.
const usual = 20

// File is one file of the layout.
type File struct {
	Body []byte
	// Final: it is a full tile, which never changes.
	Final bool
	// Text: it is a checkpoint, and no bytes.
	Text bool
}

// Read gives the file at a path: "checkpoint", "tile/L/N[.p/W]" or
// "tile/entries/N[.p/W]". [storage.ErrNotFound] where there is none, and where
// the path is of no such form.
func (t *Tiles) Read(ctx context.Context, path string) (File, error) {
	var tile tlog.Tile
	if path != verify.CheckpointPath {
		var ok bool
		if tile, ok = verify.ParseTile(path); !ok {
			return File{}, storage.ErrNotFound
		}
	}
	var f File
	err := t.DB.Read(storage.AsSystem(ctx), func(tx storage.ReadTx) error {
		last, err := tx.LogCheckpoint()
		switch {
		case err != nil:
			return err
		case path == verify.CheckpointPath:
			f.Text = true
			f.Body, err = t.shown(tx, last)
			return err
		case !verify.Within(tile, last.Size):
			return storage.ErrNotFound
		case tile.L < 0:
			f.Body, err = entryBundle(tx, tile)
		default:
			var data [][]byte
			if data, err = tx.LogTiles([]tlog.Tile{tile}); err == nil {
				f.Body = data[0]
			}
		}
		f.Final = tile.W == 1<<tileHeight
		return err
	})
	return f, err
}

// shown is the last checkpoint that all witnesses cosigned, or that they had their
// time for: what they have still to cosign is of no use to who relies on them. Where
// there is none yet it is the first, which is the next to be so. What was shown
// here is shown on, though a witness be named meanwhile that has not cosigned it;
// another server may be behind for as long as a witness has time.
func (t *Tiles) shown(tx storage.ReadTx, last storage.LogCheckpoint) ([]byte, error) {
	witnesses, size := t.Witnesses(), t.size.Load()
	ready := func(c storage.LogCheckpoint) bool {
		return c.Size <= size || tx.Now().Sub(c.At) >= gathered ||
			!slices.ContainsFunc(witnesses, func(w Cosigner) bool { return !cosigned(c.Signed, w.Keys(), time.Time{}) })
	}
	chosen := last
	if !ready(last) {
		for _, limit := range []int{usual, storage.CheckpointsKept} {
			kept, err := tx.LogCheckpoints(size, limit)
			if err != nil {
				return nil, err
			}
			chosen = kept[len(kept)-1] // last is kept
			if i := slices.IndexFunc(kept, ready); i >= 0 {
				chosen = kept[i]
				break
			}
		}
	}
	for size < chosen.Size && !t.size.CompareAndSwap(size, chosen.Size) {
		size = t.size.Load()
	}
	return chosen.Signed, nil
}

// entryBundle is each leaf's 32 bytes after their length in two (C2SP tlog-tiles).
func entryBundle(tx storage.ReadTx, tile tlog.Tile) ([]byte, error) {
	leaves, err := tx.LogEntries(tile.N<<tileHeight, tile.W)
	if err != nil {
		return nil, err
	}
	if len(leaves) != tile.W {
		return nil, errors.New("audit: the log has fewer entries than its checkpoint says")
	}
	b := make([]byte, 0, len(leaves)*(2+32))
	for _, l := range leaves {
		b = binary.BigEndian.AppendUint16(b, uint16(len(l)))
		b = append(b, l[:]...)
	}
	return b, nil
}
