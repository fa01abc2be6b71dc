package sqldb

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

var tiles = newTable("log_tiles", "level idx hashes",
	func(t *fullTile) []any { return []any{&t.level, &t.idx, blob(&t.hashes)} })

// tilesAtOnce bounds the tiles asked for in one statement, and so the number of texts.
const tilesAtOnce = 16

func (r *reader) LogHead() (storage.LogHead, error) {
	var h storage.LogHead
	if err := r.scanOne(`SELECT size, root FROM log_head WHERE id = 1`, nil, &h.Size, digest(&h.Root)); err != nil {
		return storage.LogHead{}, fmt.Errorf("the log's head: %w", err)
	}
	return h, nil
}

// logTree reads how far the tree goes.
func (r *reader) logTree() (*tree, error) {
	var size int64
	var edge []byte
	if err := r.scanOne(`SELECT size, edge FROM log_head WHERE id = 1`, nil, &size, blob(&edge)); err != nil {
		return nil, fmt.Errorf("the log's head: %w", err)
	}
	return readTree(size, edge)
}

func (r *reader) LogTiles(wanted []tlog.Tile) ([][]byte, error) {
	t, err := r.logTree()
	if err != nil {
		return nil, err
	}
	found := make([][]byte, len(wanted))
	var full []int // places in wanted
	for i, w := range wanted {
		switch {
		case w.H != tileHeight || w.L < 0 || w.L >= len(t.edge) || w.N < 0 || w.W < 1 || w.W > tileWidth:
			return nil, fmt.Errorf("tile %+v of %d leaves: %w", w, t.size, storage.ErrNotFound)
		case w.N < t.size>>(tileHeight*(w.L+1)):
			full = append(full, i)
		default:
			if found[i] = t.tile(w); found[i] == nil {
				return nil, fmt.Errorf("tile %+v of %d leaves: %w", w, t.size, storage.ErrNotFound)
			}
		}
	}
	for len(full) > 0 {
		some := full[:min(len(full), tilesAtOnce)]
		full = full[len(some):]
		text, a := "", args{}
		for i, at := range some {
			if i > 0 {
				text += ` UNION ALL `
			}
			text += `SELECT level, idx, hashes FROM log_tiles WHERE level = ` + a.add(int64(wanted[at].L)) + ` AND idx = ` + a.add(wanted[at].N)
		}
		rows, err := tiles.query(r, text, a...)
		if err != nil {
			return nil, err
		}
		type place struct{ level, idx int64 }
		by := make(map[place][]byte, len(rows))
		for _, row := range rows {
			by[place{row.level, row.idx}] = row.hashes
		}
		for _, at := range some {
			w := wanted[at]
			hashes := by[place{int64(w.L), w.N}]
			if len(hashes) != tileWidth*tlog.HashSize {
				return nil, fmt.Errorf("tile %+v of %d leaves has %d bytes", w, t.size, len(hashes))
			}
			found[at] = hashes[:w.W*tlog.HashSize]
		}
	}
	return found, nil
}

// logEntry is a leaf as the log has it.
var logEntry = newTable("leaves", "hash", func(h *[32]byte) []any { return []any{digest(h)} })

func (r *reader) LogEntries(from int64, n int) ([][32]byte, error) {
	return logEntry.query(r, `SELECT l.hash FROM leaves l WHERE l.idx >= $1 ORDER BY l.idx LIMIT $2`, from, max(n, 0))
}

func (r *reader) LogIndex(leaf comity.ID) (int64, error) {
	var i int64
	err := r.scanOne(`SELECT idx FROM leaves WHERE id = $1`, []any{leaf}, indexField{&i})
	if err != nil {
		return -1, fmt.Errorf("leaf %s: %w", leaf, err)
	}
	return i, nil
}
