package verify

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// Prove computes the proof that a leaf's index is included under a checkpoint
// (RFC 6962 section 2.1.1) from the log's tiles, which are held against the
// checkpoint's root.
func Prove(ctx context.Context, src Source, c Checkpoint, index int64) ([][32]byte, error) {
	if index < 0 || index >= c.Size {
		return nil, fmt.Errorf("verify: the checkpoint is over %d leaves, and the leaf is at index %d", c.Size, index)
	}
	p, err := tlog.ProveRecord(c.Size, index, reader(ctx, src, c))
	return plain(p), err
}

// ProveConsistency computes the proof that a log has grown from an older
// checkpoint to a newer one (RFC 6962 section 2.1.2, see [CheckConsistency]) from
// its tiles, which are held against the newer one's root.
func ProveConsistency(ctx context.Context, src Source, old, new Checkpoint) ([][32]byte, error) {
	if old.Size == 0 || old.Size >= new.Size {
		return nil, nil
	}
	p, err := tlog.ProveTree(new.Size, old.Size, reader(ctx, src, new))
	return plain(p), err
}

func reader(ctx context.Context, src Source, c Checkpoint) tlog.HashReader {
	return tlog.TileHashReader(tlog.Tree{N: c.Size, Hash: c.Root}, &tileReader{ctx, src})
}

func plain(p []tlog.Hash) [][32]byte {
	out := make([][32]byte, len(p))
	for i, h := range p {
		out[i] = h
	}
	return out
}

// tileReader is a source as package tlog reads it, which wants no context.
type tileReader struct {
	ctx context.Context
	src Source
}

func (*tileReader) Height() int { return TileHeight }

func (r *tileReader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, t := range tiles {
		var err error
		if data[i], err = readTile(r.ctx, r.src, t); err != nil {
			return nil, fmt.Errorf("verify: read %s: %w", TilePath(t), err)
		}
	}
	return data, nil
}

func (*tileReader) SaveTiles([]tlog.Tile, [][]byte) {}
