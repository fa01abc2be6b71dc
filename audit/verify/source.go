package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// Source is where a log is read from: the files of C2SP tlog-tiles.
type Source interface {
	// Read gives the file at a path as the specification names it, such as
	// "checkpoint", "tile/0/x001/234" or "tile/entries/000.p/5". An error that is
	// [fs.ErrNotExist] says that there is none.
	Read(ctx context.Context, path string) ([]byte, error)
}

// Folder is a log as a plain folder.
type Folder struct{ FS fs.FS }

func (f Folder) Read(_ context.Context, path string) ([]byte, error) {
	file, err := f.FS.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return ReadFile(file, path)
}

// Remote is a log that is served over HTTP.
type Remote struct {
	URL    string // of the folder that holds the checkpoint
	Client *http.Client
}

// MaxFile bounds what is taken of a file; tiles and bundles of leaves have less than 9 KiB.
const MaxFile = 1 << 20

// ReadFile reads the file of a log at a path to its end. A longer one than [MaxFile] is an error.
func ReadFile(r io.Reader, path string) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxFile+1))
	if err == nil && len(b) > MaxFile {
		return nil, fmt.Errorf("verify: read %s: longer than %d bytes", path, MaxFile)
	}
	return b, err
}

func (r Remote) Read(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(r.URL, "/")+"/"+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := r.Client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound, http.StatusGone:
		return nil, &fs.PathError{Op: "get", Path: path, Err: fs.ErrNotExist}
	default:
		return nil, fmt.Errorf("verify: get %s: the server answers %s", path, resp.Status)
	}
	return ReadFile(resp.Body, path)
}

// CheckpointPath is that of the newest signed checkpoint.
const CheckpointPath = "checkpoint"

// tile is the n-th tile of a level in a log of some size; of width 0 when there is none.
func tile(level int, n, size int64) tlog.Tile {
	hashes := size >> (TileHeight * max(level, 0))
	return tlog.Tile{H: TileHeight, L: level, N: n, W: int(min(max(hashes-n<<TileHeight, 0), tileWidth))}
}

// readTile reads a tile. A partial one may have given way to a wider one, as
// C2SP tlog-tiles allows.
func readTile(ctx context.Context, s Source, t tlog.Tile) ([]byte, error) {
	b, err := s.Read(ctx, TilePath(t))
	if errors.Is(err, fs.ErrNotExist) && t.W < tileWidth {
		full := t
		full.W = tileWidth
		wide, err2 := s.Read(ctx, TilePath(full))
		if err2 == nil {
			b, err = wide, nil
			if t.L != entries {
				b = b[:min(len(b), t.W*tlog.HashSize)]
			} else {
				b = b[:min(len(b), t.W*entrySize)]
			}
		} else if !errors.Is(err2, fs.ErrNotExist) {
			err = err2
		}
	}
	if err != nil {
		return nil, err
	}
	return b, nil
}

// shown is a tile of hashes as it is shown.
type shown []byte

func (s shown) at(i int) tlog.Hash { return tlog.Hash(s[i*tlog.HashSize:]) }

// readHashes reads a tile of hashes. What is wrong with it shows first at the
// leaf where it begins.
func readHashes(ctx context.Context, s Source, t tlog.Tile) (shown, error) {
	from := t.N << TileHeight << (TileHeight * t.L)
	b, err := readTile(ctx, s, t)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, faultf(from, "%s is missing", TilePath(t))
	}
	if err != nil {
		return nil, err
	}
	if len(b) != t.W*tlog.HashSize {
		return nil, faultf(from, "%s has %d bytes, wanted %d hashes", TilePath(t), len(b), t.W)
	}
	return b, nil
}

// entrySize is that of an entry in a bundle: two bytes that say its length, and the leaf.
const entrySize = 2 + 32

// readLeaves appends a bundle of leaves: those before the first that is wrong,
// with the error that says which that is.
func readLeaves(ctx context.Context, s Source, t tlog.Tile, leaves [][32]byte) ([][32]byte, error) {
	from := t.N << TileHeight
	b, err := readTile(ctx, s, t)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, faultf(from, "%s is missing", TilePath(t))
	}
	if err != nil {
		return nil, err
	}
	for len(leaves) < t.W {
		at := from + int64(len(leaves))
		if len(b) < entrySize {
			return leaves, faultf(at, "%s ends before this leaf", TilePath(t))
		}
		if n := int(b[0])<<8 | int(b[1]); n != 32 {
			return leaves, faultf(at, "%s has an entry of %d bytes here, and leaves have 32", TilePath(t), n)
		}
		leaves, b = append(leaves, [32]byte(b[2:entrySize])), b[entrySize:]
	}
	if len(b) > 0 {
		return leaves, faultf(from+int64(t.W), "%s goes on for %d bytes after its last leaf", TilePath(t), len(b))
	}
	return leaves, nil
}
