package audit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/deploy/stack/stacktest"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/storage"
)

// folder is the files of a log by their paths.
type folder map[string][]byte

func (f folder) clone() folder {
	c := maps.Clone(f)
	for path, b := range c {
		c[path] = slices.Clone(b)
	}
	return c
}

func (f folder) Read(_ context.Context, path string) ([]byte, error) {
	if b, ok := f[path]; ok {
		return b, nil
	}
	return nil, &fs.PathError{Op: "read", Path: path, Err: fs.ErrNotExist}
}

// served is the folder as servers serve it from the database.
func served(t *testing.T, db storage.DB) folder {
	t.Helper()
	tiles := &audit.Tiles{DB: db, Witnesses: func() []audit.Cosigner { return nil }}
	f := folder{}
	get := func(path string) {
		file, err := tiles.Read(t.Context(), path)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		f[path] = file.Body
	}
	get(verify.CheckpointPath)
	for _, tile := range tlog.NewTiles(8, 0, sizeOf(t, f)) {
		get(verify.TilePath(tile))
		if tile.L == 0 {
			tile.L = -1
			get(verify.TilePath(tile))
		}
	}
	return f
}

func sizeOf(t *testing.T, f folder) int64 {
	t.Helper()
	text, _, _ := strings.Cut(string(f[verify.CheckpointPath]), "\n\n")
	c, err := verify.ParseCheckpoint(text + "\n")
	if err != nil {
		t.Fatal(err)
	}
	return c.Size
}

// made is the folder of a log of such leaves, signed with the log's key: what
// whoever has the database and the key can show.
func made(t *testing.T, k key, leaves [][32]byte) folder {
	t.Helper()
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
			t.Fatal(err)
		}
		stored = append(stored, h...)
	}
	f, size := folder{}, int64(len(leaves))
	for _, tile := range tlog.NewTiles(8, 0, size) {
		data, err := tlog.ReadTileData(tile, reader)
		if err != nil {
			t.Fatal(err)
		}
		f[verify.TilePath(tile)] = data
		if tile.L == 0 {
			var b []byte
			for _, l := range leaves[tile.N*256 : tile.N*256+int64(tile.W)] {
				b = append(append(b, 0, 32), l[:]...)
			}
			tile.L = -1
			f[verify.TilePath(tile)] = b
		}
	}
	root, err := tlog.TreeHash(size, reader)
	if err != nil {
		t.Fatal(err)
	}
	if f[verify.CheckpointPath], err = note.Sign(&note.Note{Text: verify.Checkpoint{Origin: origin, Size: size, Root: root}.String()}, k.Signer); err != nil {
		t.Fatal(err)
	}
	return f
}

// grow appends leaves as acts make them, and publishes them.
func grow(t *testing.T, db storage.DB, p *audit.Publisher, acts int) {
	t.Helper()
	for begun := 0; begun < acts; begun += 2000 {
		var leaves []storage.Leaf
		for i := begun; i < min(begun+2000, acts); i++ {
			c := audit.Content{Act: "read", Outcome: audit.Read, At: time.Unix(int64(i), 0).UTC(), Actor: audit.Actor{State: "AM", Ref: "AM:in-1"},
				Records: []audit.Record{{ID: string(comity.NewID(comity.KindCase))}}, Purpose: comity.PurposeInvestigation}
			made, err := audit.Leaves(c.At, map[comity.State]audit.Content{"AM": c, "KZ": c})
			if err != nil {
				t.Fatal(err)
			}
			leaves = append(leaves, made...)
		}
		if err := write(t.Context(), db, leaves...); err != nil {
			t.Fatal(err)
		}
		if placed, err := db.Sequence(t.Context(), len(leaves), nil); err != nil || placed != len(leaves) {
			t.Fatalf("placed %d of %d: %v", placed, len(leaves), err)
		}
	}
	if err := p.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// fsck is what tessera's fsck says of a folder.
func fsck(t *testing.T, f folder, k key) string {
	t.Helper()
	dir := stacktest.TempDir(t)
	for path, b := range f {
		name := filepath.Join(dir, filepath.FromSlash(path))
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, b, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return stacktest.Fsck(t, dir, k.vkey, sizeOf(t, f))
}

// TestOutsideVerifier: tessera's fsck, which is nothing of ours, takes a log as it
// is served; and on copies that were tampered with our verifier names the first
// index at which it shows.
func TestOutsideVerifier(t *testing.T) {
	const size, later = 70000, 1000 // tiles on three levels
	k := newKey(t)
	db := exchangetest.SQLite(t, time.Now)
	p := &audit.Publisher{DB: db, Signer: k.Signer, Witnesses: func() []audit.Cosigner { return nil }, Every: time.Second}
	grow(t, db, p, size-later)
	before := served(t, db)
	grow(t, db, p, later)
	log := served(t, db)
	if got := sizeOf(t, log); got < size {
		t.Fatalf("the log has %d leaves", got)
	}
	var leaves [][32]byte
	for n := range int64(len(log)) {
		for _, w := range []int{256, int(sizeOf(t, log) % 256)} {
			b := log[verify.TilePath(tlog.Tile{H: 8, L: -1, N: n, W: w})]
			for ; len(b) > 0; b = b[34:] {
				leaves = append(leaves, [32]byte(b[2:34]))
			}
		}
	}
	remembered := filepath.Join(t.TempDir(), "seen")
	check := func(f folder, seen string) error {
		c := verify.Check{Source: f, Open: func(signed []byte) (verify.Checkpoint, error) {
			return verify.OpenSigned(signed, origin, []note.Verifier{k.public})
		}}
		if seen != "" {
			s, err := verify.Remember(seen, "")
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			c.Seen = s
		}
		_, err := c.Run(t.Context())
		return err
	}
	for _, f := range []folder{before, log} {
		if err := check(f, remembered); err != nil {
			t.Fatal(err)
		}
		if got := fsck(t, f, k); got != "success" {
			t.Fatalf("fsck on a log of %d leaves: %s", sizeOf(t, f), got)
		}
	}
	last := fmt.Sprintf("273.p/%d", sizeOf(t, log)-273*256)
	for _, c := range []struct {
		name  string
		index int64 // that ours names
		says  string
		seen  string // what ours remembers, "" nothing
		fsck  string // how the outsider's answer begins; "" any but success
		make  func() folder
	}{
		{"a leaf", 4711, "not the one that tile/0/018 has the hash of", "", "", func() folder {
			return tampered(log, "tile/entries/018", (4711-18*256)*34+20)
		}},
		{"the last leaf", sizeOf(t, log) - 1, "not the one that", "", "", func() folder {
			return tampered(log, "tile/entries/"+last, len(log["tile/entries/"+last])-1)
		}},
		{"a leaf's hash", 4711, "not the one that tile/0/018 has the hash of", "", "", func() folder {
			return tampered(log, "tile/0/018", (4711-18*256)*32+9)
		}},
		{"a hash of the second level", 18 * 256, "tile/1/000 has another hash over the 256 leaves from here", "", "", func() folder {
			return tampered(log, "tile/1/000", 18*32+9)
		}},
		{"a hash of the third level", 0, "tile/2/000.p/1 has another hash over the 65536 leaves from here", "", "", func() folder {
			return tampered(log, "tile/2/000.p/1", 9)
		}},
		{"a tile gone", 18 * 256, "tile/0/018 is missing", "", "", func() folder { return without(log, "tile/0/018") }},
		{"a bundle gone", 18 * 256, "tile/entries/018 is missing", "", "", func() folder { return without(log, "tile/entries/018") }},
		{"a tile cut short", 18 * 256, "wanted 256 hashes", "", "", func() folder {
			f := log.clone()
			f["tile/0/018"] = f["tile/0/018"][:100]
			return f
		}},
		{"two leaves exchanged, hashed anew on the first level", 18 * 256, "tile/1/000 has another hash", "", "", func() folder {
			swapped := slices.Clone(leaves)
			swapped[4711], swapped[4712] = swapped[4712], swapped[4711]
			f, wrong := log.clone(), made(t, k, swapped)
			f["tile/entries/018"], f["tile/0/018"] = wrong["tile/entries/018"], wrong["tile/0/018"]
			return f
		}},
		{"a checkpoint of another root", 0, "signed by no key of the log", "", "", func() folder {
			f := log.clone()
			root := bytes.LastIndexByte(bytes.Split(f["checkpoint"], []byte("\n\n"))[0], '\n') + 1
			letter := byte('A')
			if f["checkpoint"][root] == letter {
				letter = 'B'
			}
			f["checkpoint"][root] = letter
			return f
		}},
		{"a checkpoint of another root, signed", sizeOf(t, log) - 1, "another tree than the signed checkpoint's", remembered, "", func() folder {
			f := log.clone()
			f["checkpoint"] = made(t, k, leaves[:len(leaves)-1])["checkpoint"]
			text := strings.Replace(string(f["checkpoint"]), fmt.Sprint(len(leaves)-1), fmt.Sprint(len(leaves)), 1)
			text, _, _ = strings.Cut(text, "\n\n")
			signed, err := note.Sign(&note.Note{Text: text + "\n"}, k.Signer)
			if err != nil {
				t.Fatal(err)
			}
			f["checkpoint"] = signed
			return f
		}},
		{"another key's checkpoint", 0, "signed by no key of the log", "", "", func() folder {
			f := log.clone()
			f["checkpoint"] = made(t, newKey(t), leaves)["checkpoint"]
			return f
		}},
		// These two are sound logs, only not the one that was seen before.
		{"a rollback", sizeOf(t, before), "rolled back", remembered, "success", func() folder { return before }},
		{"a fork", 40000, "forked: another leaf was seen here before", remembered, "success", func() folder {
			forked := slices.Clone(leaves)
			forked[40000][5] ^= 1
			return made(t, k, forked)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := c.make()
			err := check(f, c.seen)
			fault, ok := errors.AsType[*verify.Fault](err)
			if !ok || fault.Index != c.index || !strings.Contains(fault.Reason, c.says) {
				t.Errorf("ours says %v, wanted a fault at index %d that says %q", err, c.index, c.says)
			}
			got := fsck(t, f, k)
			t.Logf("ours: %v; fsck: %s", err, got)
			if (got == "success") != (c.fsck == "success") {
				t.Errorf("fsck says %s", got)
			}
		})
	}
}

func tampered(f folder, path string, at int) folder {
	f = f.clone()
	f[path][at] ^= 1
	return f
}

func without(f folder, path string) folder {
	f = f.clone()
	delete(f, path)
	return f
}
