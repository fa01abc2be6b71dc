package verify_test

import (
	"context"
	"encoding/binary"
	"io/fs"
	"maps"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity-platform/comity/audit/verify"
)

// record is a log in memory, as a server would show it to KZ.
type record struct {
	leaves [][32]byte
	shown  []verify.Shown // newest first
	grow   func()         // called once, before the openings are read
	files  files          // as they were published, nil: not yet
	signer note.Signer
}

// files is a folder of a log.
type files map[string][]byte

func (f files) Read(_ context.Context, path string) ([]byte, error) {
	if b, ok := f[path]; ok {
		return b, nil
	}
	return nil, &fs.PathError{Op: "read", Path: path, Err: fs.ErrNotExist}
}

// Read gives the log's files, as its leaves are now.
func (r *record) Read(ctx context.Context, path string) ([]byte, error) {
	return r.files.Read(ctx, path)
}

func (r *record) Openings(_ context.Context, f func(verify.Shown) error) error {
	if r.grow != nil {
		grow := r.grow
		r.grow = nil
		grow()
	}
	for _, o := range r.shown {
		if err := f(o); err != nil {
			return err
		}
	}
	return nil
}

// add appends leaves; every third concerns KZ.
func (r *record) add(n int) {
	for range n {
		i := len(r.leaves)
		var content [8]byte
		binary.BigEndian.PutUint64(content[:], uint64(i))
		if i%3 == 0 {
			r.concern(string(content[:]))
			continue
		}
		r.leaves = append(r.leaves, verify.Leaf([][32]byte{[32]byte(append(content[:], make([]byte, 24)...))}))
	}
	r.publish()
}

// concern appends a leaf with an opening for KZ.
func (r *record) concern(content string) *verify.Shown {
	i := len(r.leaves)
	o := verify.Shown{ID: "leaf" + string(rune('a'+i)), Opening: verify.Opening{Index: int64(i), State: "KZ", Salt: [32]byte{1}, Content: []byte(content)}}
	o.Own = verify.Commitment("KZ", o.Salt, o.Content)
	o.Commitments = [][32]byte{o.Own, {31: 1}, {31: 2}, {31: 3}}
	sorted := slices.Clone(o.Commitments)
	slices.SortFunc(sorted, func(a, b [32]byte) int { return slices.Compare(a[:], b[:]) })
	o.Leaf = verify.Leaf(sorted)
	r.leaves = append(r.leaves, o.Leaf)
	r.shown = slices.Insert(r.shown, 0, o)
	return &r.shown[0]
}

// publish computes the whole log anew, as whoever keeps the database and the
// log's key can.
func (r *record) publish() { r.publishTo(len(r.leaves)) }

func (r *record) publishTo(size int) {
	r.files = publish(r.leaves[:size], r.signer)
}

// publish is the folder of a log of leaves, with what the checkpoint is signed by.
func publish(leaves [][32]byte, signer note.Signer) files {
	tr, out := &tree{}, files{}
	for i, l := range leaves {
		h, err := tlog.StoredHashes(int64(i), l[:], tr)
		if err != nil {
			panic(err)
		}
		tr.stored = append(tr.stored, h...)
	}
	size := int64(len(leaves))
	for _, at := range tlog.NewTiles(8, 0, size) {
		data, err := tlog.ReadTileData(at, tr)
		if err != nil {
			panic(err)
		}
		out[verify.TilePath(at)] = data
		if at.L == 0 {
			var b []byte
			for _, l := range leaves[at.N*256 : at.N*256+int64(at.W)] {
				b = append(append(b, 0, 32), l[:]...)
			}
			at.L = -1
			out[verify.TilePath(at)] = b
		}
	}
	root, err := tlog.TreeHash(size, tr)
	if err != nil {
		panic(err)
	}
	if out["checkpoint"], err = note.Sign(&note.Note{Text: verify.Checkpoint{Origin: origin, Size: size, Root: root}.String()}, signer); err != nil {
		panic(err)
	}
	return out
}

func (r *record) clone() *record {
	c := *r
	c.leaves, c.shown, c.files = slices.Clone(r.leaves), slices.Clone(r.shown), maps.Clone(r.files)
	for path, b := range c.files {
		c.files[path] = slices.Clone(b)
	}
	return &c
}

func newRecord(t *testing.T, n int) *record {
	signer, _ := logKey(t, 1)
	r := &record{signer: signer}
	r.add(n)
	return r
}

// leaves are some that concern nobody here.
func leaves(n int) [][32]byte {
	out := make([][32]byte, n)
	for i := range out {
		binary.BigEndian.PutUint64(out[i][7:], uint64(i))
	}
	return out
}

// newFiles is the folder of a log of n leaves.
func newFiles(t testing.TB, n int) files {
	signer, _ := logKey(t, 1)
	return publish(leaves(n), signer)
}

// opener accepts what the test's log key has signed.
func opener(t testing.TB) func([]byte) (verify.Checkpoint, error) {
	_, v := logKey(t, 1)
	return func(signed []byte) (verify.Checkpoint, error) {
		return verify.OpenSigned(signed, origin, []note.Verifier{v})
	}
}

// checkpoint is the one that a folder shows.
func (f files) checkpoint(t *testing.T) verify.Checkpoint {
	t.Helper()
	c, err := opener(t)(f["checkpoint"])
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func run(t *testing.T, name string, r *record, through ...verify.Checkpoint) (verify.Report, error) {
	t.Helper()
	seen, err := verify.Remember(name, "KZ")
	if err != nil {
		return verify.Report{}, err
	}
	defer seen.Close()
	return verify.Check{Source: r, Open: opener(t), Seen: seen, Openings: r.Openings, Erasure: decided, Through: through}.Run(t.Context())
}

// TestPaths: the tiles' paths are those of C2SP tlog-tiles.
func TestPaths(t *testing.T) {
	for want, at := range map[string]tlog.Tile{
		"tile/0/000":                 {H: 8, L: 0, N: 0, W: 256},
		"tile/3/x001/x234/067.p/112": {H: 8, L: 3, N: 1234067, W: 112},
		"tile/entries/x001/234":      {H: 8, L: -1, N: 1234, W: 256},
		"tile/entries/005.p/1":       {H: 8, L: -1, N: 5, W: 1},
	} {
		if got := verify.TilePath(at); got != want {
			t.Errorf("%+v is at %s, wanted %s", at, got, want)
		}
	}
}

// TestProve: the proofs computed from tiles hold, and wrong tiles give none.
func TestProve(t *testing.T) {
	all, log := leaves(70000), newFiles(t, 70000)
	c := log.checkpoint(t)
	for _, index := range []int64{0, 255, 256, 4711, 65535, 65536, 69999} {
		path, err := verify.Prove(t.Context(), log, c, index)
		if err != nil {
			t.Fatal(err)
		}
		if err := verify.CheckInclusion(c, index, all[index], path); err != nil {
			t.Error(err)
		}
		if err := verify.CheckInclusion(c, index, all[index^1], path); err == nil {
			t.Error("the proof holds for another leaf")
		}
		if _, err := verify.Prove(t.Context(), log, verify.Checkpoint{Origin: origin, Size: c.Size, Root: [32]byte{1}}, index); err == nil {
			t.Error("tiles of another tree prove")
		}
	}
	for _, index := range []int64{-1, 70000} {
		if _, err := verify.Prove(t.Context(), log, c, index); err == nil {
			t.Errorf("there is a proof of %d", index)
		}
	}
	for _, size := range []int{0, 1, 255, 256, 300, 65536, 69999, 70000} {
		old := newFiles(t, size).checkpoint(t)
		proof, err := verify.ProveConsistency(t.Context(), log, old, c)
		if err == nil {
			err = verify.CheckConsistency(old, c, proof)
		}
		if err != nil {
			t.Errorf("from %d: %v", size, err)
		}
	}
}

// TestWideTiles: where a partial tile has given way to the full one, that is taken.
func TestWideTiles(t *testing.T) {
	all := newRecord(t, 800)
	part := publish(all.leaves[:600], all.signer)
	for _, path := range []string{"tile/0/002", "tile/entries/002"} {
		delete(part, path+".p/88")
		part[path] = all.files[path]
	}
	got, err := verify.Check{Source: part, Open: opener(t)}.Run(t.Context())
	if err != nil || got.Checkpoint.Size != 600 {
		t.Fatalf("%+v, %v", got, err)
	}
	path, err := verify.Prove(t.Context(), part, got.Checkpoint, 599)
	if err == nil {
		err = verify.CheckInclusion(got.Checkpoint, 599, all.leaves[599], path)
	}
	if err != nil {
		t.Error(err)
	}
	part["tile/entries/002"] = slices.Clone(part["tile/entries/002"])
	part["tile/entries/002"][80*34+9] ^= 1
	_, err = verify.Check{Source: part, Open: opener(t)}.Run(t.Context())
	wantFault(t, err, 592, "not the one")
}
