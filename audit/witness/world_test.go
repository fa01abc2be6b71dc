package witness_test

import (
	"bytes"
	"encoding/binary"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity-platform/comity/audit/notekey"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/audit/witness"
)

const origin = "comity/log/union.test"

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// tree is a log that its operator can lead as he likes.
type tree struct {
	t      testing.TB
	seed   byte
	size   int64
	hashes []tlog.Hash
	signer note.Signer
}

// ReadHashes makes it a tlog.HashReader.
func (l *tree) ReadHashes(at []int64) ([]tlog.Hash, error) {
	of := make([]tlog.Hash, len(at))
	for i, n := range at {
		of[i] = l.hashes[n]
	}
	return of, nil
}

func newTree(t testing.TB) (*tree, []note.Verifier) {
	t.Helper()
	skey, err := notekey.New(origin)
	must(t, err)
	signer, err := note.NewSigner(skey)
	must(t, err)
	public, err := notekey.LogPublic(skey)
	must(t, err)
	verifier, err := notekey.Log(public)
	must(t, err)
	return &tree{t: t, signer: signer}, []note.Verifier{verifier}
}

// grow adds leaves; those of a tree with another seed are others.
func (l *tree) grow(to int64) *tree {
	l.t.Helper()
	for ; l.size < to; l.size++ {
		leaf := binary.BigEndian.AppendUint64(append(make([]byte, 23), l.seed), uint64(l.size))
		more, err := tlog.StoredHashes(l.size, leaf, l)
		must(l.t, err)
		l.hashes = append(l.hashes, more...)
	}
	return l
}

// fork is another tree with the same first leaves, under the same key.
func (l *tree) fork(at int64) *tree {
	l.t.Helper()
	other := &tree{t: l.t, signer: l.signer, seed: l.seed}
	other.grow(at)
	other.seed++
	return other
}

func (l *tree) checkpoint(size int64) verify.Checkpoint {
	l.t.Helper()
	root, err := tlog.TreeHash(size, l)
	must(l.t, err)
	return verify.Checkpoint{Origin: origin, Size: size, Root: root}
}

// signed is the checkpoint of a size, signed by the log and by others.
func (l *tree) signed(size int64, others ...note.Signer) []byte {
	l.t.Helper()
	signed, err := note.Sign(&note.Note{Text: l.checkpoint(size).String()}, append([]note.Signer{l.signer}, others...)...)
	must(l.t, err)
	return signed
}

// proof shows that the tree of a size goes on from an older one.
func (l *tree) proof(from, to int64) [][32]byte {
	l.t.Helper()
	if from == 0 || from == to {
		return nil
	}
	proof, err := tlog.ProveTree(to, from, l)
	must(l.t, err)
	of := make([][32]byte, len(proof))
	for i, h := range proof {
		of[i] = h
	}
	return of
}

// output is a log that may be read while it is written.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}
func (o *output) String() string { o.mu.Lock(); defer o.mu.Unlock(); return o.buf.String() }

// world is a log and a witness of it.
type world struct {
	*tree
	keys    []note.Verifier // the log's
	dir     string
	key     *notekey.Cosigner
	witness *witness.Witness
	log     *output
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{dir: t.TempDir(), log: &output{}}
	w.tree, w.keys = newTree(t)
	var err error
	w.key, err = witness.Make(t.Context(), w.dir, origin, "comity/witness/union.test/KZ")
	must(t, err)
	w.witness, err = w.open()
	must(t, err)
	return w
}

func (w *world) open() (*witness.Witness, error) {
	return witness.Open(witness.Config{Dir: w.dir, Origin: origin, Log: func() []note.Verifier { return w.keys }, Key: w.key,
		Logger: slog.New(slog.NewTextHandler(w.log, nil))})
}

// serve serves the witness, and gives a client of it.
func (w *world) serve(t testing.TB) *witness.Client {
	t.Helper()
	return clientOf(t, w.witness.Handler(nil), w.witness.Keys()...)
}

func clientOf(t testing.TB, h http.Handler, keys ...note.Verifier) *witness.Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	c := witness.NewClient("KZ", server.URL, keys, nil)
	t.Cleanup(c.Close)
	return c
}

// holds wants a cosignature that is made now.
func (w *world) holds(t testing.TB, signed, lines []byte) {
	t.Helper()
	policy := verify.Policy{Origin: origin, Log: w.keys, Own: w.witness.Keys(), MaxAge: time.Minute}
	if _, err := policy.Open(append(bytes.Clone(signed), lines...), time.Now()); err != nil {
		t.Errorf("what the witness answered does not hold: %v", err)
	}
}
