package audit

import (
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/storage"
)

const tileHeight = verify.TileHeight

// tileReader reads a snapshot's hash tiles for package tlog.
type tileReader struct{ tx storage.ReadTx }

func (tileReader) Height() int { return tileHeight }

func (r tileReader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) { return r.tx.LogTiles(tiles) }

func (tileReader) SaveTiles([]tlog.Tile, [][]byte) {}

// hashes reads the tree of a checkpoint, of which every tile is checked against
// the root.
func hashes(tx storage.ReadTx, c verify.Checkpoint) tlog.HashReader {
	return tlog.TileHashReader(tlog.Tree{N: c.Size, Hash: c.Root}, tileReader{tx})
}

// consistency proves that the tree of a checkpoint begins with that of size old
// (RFC 6962, section 2.1.2); nothing is needed where old is 0 or its own size.
func consistency(tx storage.ReadTx, old int64, c verify.Checkpoint) ([][32]byte, error) {
	if old <= 0 || old >= c.Size { // a larger one is for who checks
		return nil, nil
	}
	proof, err := tlog.ProveTree(c.Size, old, hashes(tx, c))
	return plain(proof), err
}

// inclusion proves that the leaf at an index is in the tree of a checkpoint (RFC
// 6962, section 2.1.1).
func inclusion(tx storage.ReadTx, index int64, c verify.Checkpoint) ([][32]byte, error) {
	proof, err := tlog.ProveRecord(c.Size, index, hashes(tx, c))
	return plain(proof), err
}

func plain(of []tlog.Hash) [][32]byte {
	to := make([][32]byte, len(of))
	for i, h := range of {
		to[i] = h
	}
	return to
}
