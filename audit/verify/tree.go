package verify

import (
	"context"
	"crypto/sha256"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/mod/sumdb/tlog"
)

// tree hashes a log anew from its leaves and holds every tile against that.
// Leaves are hashed by 256, some bundles at once on all cores; what is kept of
// them is the right edge of the tree.
type tree struct {
	src    Source
	size   int64   // as far as the leaves were read
	levels []level // of tiles, from level 1 on
	tail   []tlog.Hash
}

// level is the last tile of a level, as far as the tiles below it are complete.
type level struct {
	shown  shown       // as it is shown, nil until it is read
	hashes []tlog.Hash // as it was hashed
}

// bundle is up to 256 leaves.
type bundle struct {
	from   int64
	leaves [][32]byte
	hashes []tlog.Hash
	root   tlog.Hash // over all of them
	err    error     // at the leaf after the last one

	leaf [tileWidth][32]byte // what leaves and hashes are slices of
	hash [tileWidth]tlog.Hash
}

var bundles = sync.Pool{New: func() any { return new(bundle) }}

// grow reads on to a size, and gives every bundle to f in order, with the tree
// as it is before it. A bundle that was not full before is read and given again.
func (t *tree) grow(ctx context.Context, size int64, f func(b *bundle) error) error {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	for i := range t.levels {
		t.levels[i].shown = nil // it may have grown
	}
	order := make(chan chan *bundle, max(16, 2*runtime.GOMAXPROCS(0)))
	running.Go(func() {
		defer close(order)
		for n := t.size / tileWidth; n*tileWidth < size; n++ {
			done := make(chan *bundle, 1)
			select {
			case order <- done:
			case <-ctx.Done():
				return
			}
			running.Go(func() { done <- readBundle(ctx, t.src, n, size) })
		}
	})
	for done := range order {
		b := <-done
		if err := f(b); err != nil {
			return err
		}
		if b.err != nil {
			return b.err
		}
		t.size, t.tail = b.from+int64(len(b.leaves)), nil
		if len(b.leaves) < tileWidth {
			t.tail = slices.Clone(b.hashes)
		} else if err := t.push(ctx, b.from/tileWidth, b.root, size); err != nil {
			return err
		}
		bundles.Put(b)
	}
	return ctx.Err()
}

// readBundle reads the n-th bundle of leaves and holds it against its tile of hashes.
func readBundle(ctx context.Context, src Source, n, size int64) *bundle {
	b := bundles.Get().(*bundle)
	b.from, b.hashes = n*tileWidth, nil
	b.leaves, b.err = readLeaves(ctx, src, tile(entries, n, size), b.leaf[:0])
	if len(b.leaves) == 0 {
		return b
	}
	at := tile(0, n, size)
	shown, err := readHashes(ctx, src, at)
	if err != nil {
		b.leaves, b.err = nil, err
		return b
	}
	b.hashes = b.hash[:len(b.leaves)]
	for i, leaf := range b.leaves {
		if b.hashes[i] = leafHash(leaf); b.hashes[i] != shown.at(i) {
			b.leaves, b.err = b.leaves[:i], faultf(b.from+int64(i), "the leaf is not the one that %s has the hash of", TilePath(at))
			return b
		}
	}
	if b.err == nil && len(b.hashes) == tileWidth {
		b.root = subtree(b.hashes)
	}
	return b
}

// leafHash is that of [tlog.RecordHash], without what that allocates.
func leafHash(leaf [32]byte) tlog.Hash {
	var b [1 + 32]byte // the first is 0x00
	copy(b[1:], leaf[:])
	return sha256.Sum256(b[:])
}

// subtree is the hash over a power of two of hashes.
func subtree(hashes []tlog.Hash) tlog.Hash {
	var buf [tileWidth / 2]tlog.Hash
	if len(hashes) == 1 {
		return hashes[0]
	}
	n := len(hashes) / 2
	for i := range n {
		buf[i] = tlog.NodeHash(hashes[2*i], hashes[2*i+1])
	}
	for ; n > 1; n /= 2 {
		for i := range n / 2 {
			buf[i] = tlog.NodeHash(buf[2*i], buf[2*i+1])
		}
	}
	return buf[0]
}

// push takes in the hash over the n-th full bundle, and holds the tiles above it
// in a log of some size against what they were hashed to be.
func (t *tree) push(ctx context.Context, n int64, hash tlog.Hash, size int64) error {
	for l := 1; ; l, n = l+1, n/tileWidth {
		if len(t.levels) < l {
			t.levels = append(t.levels, level{})
		}
		at, now := tile(l, n/tileWidth, size), &t.levels[l-1]
		now.hashes = append(now.hashes, hash)
		first := len(now.hashes) - 1
		if now.shown == nil {
			var err error
			if now.shown, err = readHashes(ctx, t.src, at); err != nil {
				return err
			}
			first = 0
		}
		for i := first; i < len(now.hashes); i++ {
			if now.hashes[i] != now.shown.at(i) {
				return faultf((at.N<<TileHeight+int64(i))<<(TileHeight*l), "%s has another hash over the %d leaves from here than theirs", TilePath(at), int64(1)<<(TileHeight*l))
			}
		}
		if len(now.hashes) < tileWidth {
			return nil
		}
		hash = subtree(now.hashes)
		*now = level{hashes: now.hashes[:0]}
	}
}

// root is the hash over the full bundles taken in and the hashes of leaves after them.
func (t *tree) root(tail []tlog.Hash) [32]byte {
	var peaks []tlog.Hash // the greatest and first subtree first
	peak := func(hashes []tlog.Hash) {
		for k := tileWidth; k > 0; k /= 2 {
			if len(hashes) >= k {
				peaks, hashes = append(peaks, subtree(hashes[:k])), hashes[k:]
			}
		}
	}
	for l := len(t.levels) - 1; l >= 0; l-- {
		peak(t.levels[l].hashes)
	}
	peak(tail)
	if len(peaks) == 0 {
		return sha256.Sum256(nil)
	}
	root := peaks[len(peaks)-1]
	for i := len(peaks) - 2; i >= 0; i-- {
		root = tlog.NodeHash(peaks[i], root)
	}
	return root
}
