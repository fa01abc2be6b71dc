package verify

import (
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// TileHeight is that of C2SP tlog-tiles: a full tile has 256 hashes.
const TileHeight = 8

const (
	tileWidth = 1 << TileHeight
	entries   = -1 // the level of the bundles of leaves
)

// entriesPath is where those are, in the place of a tile's level.
const entriesPath = "entries"

// TilePath is a tile's path by C2SP tlog-tiles, which leaves the height out and
// calls the bundles of entries (level -1) so.
func TilePath(t tlog.Tile) string {
	path := strings.TrimPrefix(t.Path(), fmt.Sprintf("tile/%d/", t.H))
	if t.L == entries {
		path = entriesPath + strings.TrimPrefix(path, "data")
	}
	return "tile/" + path
}

// ParseTile reads a path that [TilePath] writes; false where it is none.
func ParseTile(path string) (tlog.Tile, bool) {
	rest, ok := strings.CutPrefix(path, "tile/")
	if bundle, is := strings.CutPrefix(rest, entriesPath+"/"); is {
		rest = "data/" + bundle
	} else if strings.HasPrefix(rest, "data/") { // package tlog's own word
		ok = false
	}
	// Longer ones are of no tree, and would be added up beyond 64 bits.
	if !ok || len(path) > 64 {
		return tlog.Tile{}, false
	}
	t, err := tlog.ParseTilePath(fmt.Sprintf("tile/%d/%s", TileHeight, rest))
	if err != nil || t.N < 0 || t.L > 63/TileHeight {
		return tlog.Tile{}, false
	}
	return t, true
}

// Within reports whether a tree of a size has all of a tile.
func Within(t tlog.Tile, size int64) bool {
	has := size >> (max(t.L, 0) * TileHeight) // at this level
	return t.N <= has>>TileHeight && t.N<<TileHeight+int64(t.W) <= has
}
