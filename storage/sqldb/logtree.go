package sqldb

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity-platform/comity/audit/verify"
)

// A full tile has 256 hashes.
const (
	tileHeight = verify.TileHeight
	tileWidth  = 1 << tileHeight
)

// fullTile is a tile of 256 hashes, which never changes again.
type fullTile struct {
	level, idx int64
	hashes     []byte
}

// tree is the right edge of the log's tree (RFC 6962, section 2.1): of each level of
// tiles the hashes that fill no tile yet. They are all that it takes to go on.
type tree struct {
	size int64
	edge [][]tlog.Hash // from the leaves' level up
	full []fullTile    // filled since the edge was read
}

// readTree reads an edge as [tree.bytes] wrote it.
func readTree(size int64, edge []byte) (*tree, error) {
	t := &tree{size: size}
	for n := size; n > 0; n >>= tileHeight {
		width := int(n & (tileWidth - 1))
		if len(edge) < width*tlog.HashSize {
			return nil, fmt.Errorf("the log's edge is too short for %d leaves", size)
		}
		hashes := make([]tlog.Hash, width, tileWidth)
		for i := range hashes {
			copy(hashes[i][:], edge[i*tlog.HashSize:])
		}
		t.edge, edge = append(t.edge, hashes), edge[width*tlog.HashSize:]
	}
	if len(edge) > 0 {
		return nil, fmt.Errorf("the log's edge is too long for %d leaves", size)
	}
	return t, nil
}

// bytes are the edge's hashes, level by level from the leaves' up. How many a level
// has is told by the size.
func (t *tree) bytes() []byte {
	b := []byte{}
	for _, hashes := range t.edge {
		b = append(b, packed(hashes)...)
	}
	return b
}

func packed(hashes []tlog.Hash) []byte {
	b := make([]byte, 0, len(hashes)*tlog.HashSize)
	for _, h := range hashes {
		b = append(b, h[:]...)
	}
	return b
}

// add is one more leaf, which is the log's entry as it stands.
func (t *tree) add(leaf [32]byte) {
	h := tlog.RecordHash(leaf[:])
	t.size++
	for level := 0; ; level++ {
		if level == len(t.edge) {
			t.edge = append(t.edge, make([]tlog.Hash, 0, tileWidth))
		}
		t.edge[level] = append(t.edge[level], h)
		if len(t.edge[level]) < tileWidth {
			return
		}
		t.full = append(t.full, fullTile{int64(level), t.size>>(tileHeight*(level+1)) - 1, packed(t.edge[level])})
		h = root(t.edge[level])
		t.edge[level] = t.edge[level][:0]
	}
}

// root is that of a whole subtree. It computes in the hashes' own place.
func root(hashes []tlog.Hash) tlog.Hash {
	for n := len(hashes); n > 1; n /= 2 {
		for i := range n / 2 {
			hashes[i] = tlog.NodeHash(hashes[2*i], hashes[2*i+1])
		}
	}
	return hashes[0]
}

// root is the tree's: that of its whole subtrees, from the smallest, which is the
// last, to the greatest.
func (t *tree) root() tlog.Hash {
	var all tlog.Hash
	any := false
	for _, hashes := range t.edge {
		hashes = append([]tlog.Hash(nil), hashes...)
		for whole := 1; len(hashes) > 0; whole *= 2 {
			if len(hashes)&whole == 0 {
				continue
			}
			left := root(hashes[len(hashes)-whole:])
			hashes = hashes[:len(hashes)-whole]
			if any {
				all = tlog.NodeHash(left, all)
			} else {
				all, any = left, true
			}
		}
	}
	if !any {
		return emptyRoot
	}
	return all
}

// emptyRoot is the root of a tree without leaves.
var emptyRoot, _ = tlog.TreeHash(0, nil)

// tile gives the hashes of a tile that is not among the full ones: nil where the tree
// does not reach so far.
func (t *tree) tile(of tlog.Tile) []byte {
	if int(of.L) >= len(t.edge) || t.size>>(tileHeight*(of.L+1)) != of.N || of.W > len(t.edge[of.L]) {
		return nil
	}
	return packed(t.edge[of.L][:of.W])
}
