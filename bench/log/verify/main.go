// Command verify measures the verification of a whole log of a million leaves in a
// folder: every leaf, every hash of every tile, the root, and the leaves against
// those remembered. Bare hashing of the same Merkle tree in memory (RFC 6962,
// crypto/sha256 on all cores) is taken in the same rounds, alternating.
//
// The last lines are "RATIO name value goal ok|short"; a figure that falls short
// does not fail. Memory is the most that the heap held over what it held before,
// of a million leaves over a hundred thousand.
package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"syscall"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/bench/ratio"
	"github.com/comity-platform/comity/deploy/stack/stacktest"
)

const (
	size   = 1_000_000
	few    = 100_000
	rounds = 7
	origin = "comity/log/bench"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "verify:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	dir, err := stacktest.Dir()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	skey, vkey, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		return err
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		return err
	}
	key, err := note.NewVerifier(vkey)
	if err != nil {
		return err
	}
	leaves := make([][32]byte, size)
	for i := range leaves {
		_, _ = rand.Read(leaves[i][:])
	}
	great, small := filepath.Join(dir, "great"), filepath.Join(dir, "small")
	for name, leaves := range map[string][][32]byte{great: leaves, small: leaves[:few]} {
		if err := write(name, leaves, signer); err != nil {
			return err
		}
	}
	check := func(name string, want int64) error {
		seen, err := verify.Remember(name+".seen", "")
		if err != nil {
			return err
		}
		defer seen.Close()
		got, err := verify.Check{Source: verify.Folder{FS: os.DirFS(name)}, Seen: seen, Open: func(signed []byte) (verify.Checkpoint, error) {
			return verify.OpenSigned(signed, origin, []note.Verifier{key})
		}}.Run(ctx)
		if err == nil && got.Checkpoint.Size != want {
			err = fmt.Errorf("%d leaves were verified, wanted %d", got.Checkpoint.Size, want)
		}
		return err
	}
	var ratios, rates []float64
	for n := range rounds + 1 {
		began := time.Now()
		bare(leaves)
		hashing := time.Since(began)
		runtime.GC()
		began = time.Now()
		if err := check(great, size); err != nil {
			return err
		}
		took := time.Since(began)
		if n == 0 {
			continue // the first remembers
		}
		fmt.Printf("bare hashing %s, verification %s\n", hashing.Round(time.Millisecond), took.Round(time.Millisecond))
		ratios, rates = append(ratios, hashing.Seconds()/took.Seconds()), append(rates, size/took.Seconds())
	}
	leaves = nil
	littleHeap, err := heap(func() error { return check(small, few) })
	if err != nil {
		return err
	}
	muchHeap, err := heap(func() error { return check(great, size) })
	if err != nil {
		return err
	}
	fmt.Printf("verified %.0f leaves a second on %d cores; heap at most %.1f MiB for %d leaves, %.1f MiB for %d\n",
		ratio.Median(rates), runtime.GOMAXPROCS(0), littleHeap, few, muchHeap, size)
	ratio.Within(os.Stdout, "verify_memory", muchHeap/littleHeap, 1.5)
	ratio.AtLeast(os.Stdout, "verify_vs_hash", ratio.Median(ratios), 0.5)
	return nil
}

// bare is the root of the tree over the leaves, hashed in stretches on all cores.
func bare(leaves [][32]byte) [32]byte {
	const stretch = 1 << 14
	roots := make([][32]byte, (len(leaves)+stretch-1)/stretch)
	next := make(chan int)
	var running sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		running.Go(func() {
			for i := range next {
				some := leaves[i*stretch : min((i+1)*stretch, len(leaves))]
				hashes := make([][32]byte, len(some))
				var b [33]byte
				for j, l := range some {
					copy(b[1:], l[:])
					hashes[j] = sha256.Sum256(b[:])
				}
				roots[i] = root(hashes)
			}
		})
	}
	for i := range roots {
		next <- i
	}
	close(next)
	running.Wait()
	return root(roots)
}

// root is that over hashes; the last stands over where their number is odd, which
// is what RFC 6962 comes to.
func root(hashes [][32]byte) [32]byte {
	b := [65]byte{1}
	for len(hashes) > 1 {
		n := len(hashes) / 2
		for i := range n {
			copy(b[1:], hashes[2*i][:])
			copy(b[33:], hashes[2*i+1][:])
			hashes[i] = sha256.Sum256(b[:])
		}
		if len(hashes)%2 == 1 {
			hashes[n] = hashes[2*n]
			n++
		}
		hashes = hashes[:n]
	}
	return hashes[0]
}

// heap is how many MiB the heap held at most while f ran, over what it held before.
func heap(f func() error) (float64, error) {
	debug.FreeOSMemory()
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	now := func() float64 { metrics.Read(sample); return float64(sample[0].Value.Uint64()) / (1 << 20) }
	before, most := now(), 0.0
	done := make(chan error, 1)
	go func() { done <- f() }()
	for {
		select {
		case err := <-done:
			return most, err
		case <-time.After(time.Millisecond):
			most = max(most, now()-before)
		}
	}
}

// write writes the folder of a log of leaves.
func write(dir string, leaves [][32]byte, signer note.Signer) error {
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, x := range indexes {
			out[i] = stored[x]
		}
		return out, nil
	})
	for i, l := range leaves {
		h, err := tlog.StoredHashes(int64(i), l[:], reader)
		if err != nil {
			return err
		}
		stored = append(stored, h...)
	}
	put := func(path string, b []byte) error {
		name := filepath.Join(dir, filepath.FromSlash(path))
		return errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, b, 0o600))
	}
	for _, t := range tlog.NewTiles(8, 0, int64(len(leaves))) {
		data, err := tlog.ReadTileData(t, reader)
		if err == nil {
			err = put(verify.TilePath(t), data)
		}
		if err == nil && t.L == 0 {
			var b []byte
			for _, l := range leaves[t.N*256 : t.N*256+int64(t.W)] {
				b = append(append(b, 0, 32), l[:]...)
			}
			t.L = -1
			err = put(verify.TilePath(t), b)
		}
		if err != nil {
			return err
		}
	}
	root, err := tlog.TreeHash(int64(len(leaves)), reader)
	if err != nil {
		return err
	}
	if root != tlog.Hash(bare(leaves)) {
		return errors.New("the bare hashing gives another root: " + base64.StdEncoding.EncodeToString(root[:]))
	}
	signed, err := note.Sign(&note.Note{Text: verify.Checkpoint{Origin: origin, Size: int64(len(leaves)), Root: root}.String()}, signer)
	if err != nil {
		return err
	}
	return put(verify.CheckpointPath, signed)
}
