package witness_test

import (
	"bytes"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/audit/notekey"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/audit/witness"
)

// size is where the witness stands.
func (w *world) size(t testing.TB) int64 {
	t.Helper()
	c, err := w.witness.Last()
	must(t, err)
	return c.Size
}

// TestCosign: a witness follows a log that goes on, over HTTP and beside it, and
// remembers what it cosigned.
func TestCosign(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]audit.Cosigner{"over HTTP": w.serve(t), "in this process": w.witness} {
		for _, step := range []int64{w.size(t) + 1, w.size(t) + 3, w.size(t) + 300} {
			old := w.size(t)
			w.grow(step)
			signed := w.signed(step)
			lines, err := c.Cosign(t.Context(), old, w.proof(old, step), signed)
			if err != nil {
				t.Fatalf("%s, from %d to %d: %v", name, old, step, err)
			}
			w.holds(t, signed, lines)
			if w.size(t) != step {
				t.Fatalf("%s: it remembers %d, and cosigned %d", name, w.size(t), step)
			}
			again, err := c.Cosign(t.Context(), step, nil, signed) // a fresh one of the same
			must(t, err)
			w.holds(t, signed, again)
		}
	}
	other, err := w.open()
	must(t, err)
	if c, err := other.Last(); err != nil || c != w.checkpoint(w.tree.size) {
		t.Errorf("after a restart it stands at %v (%v)", c, err)
	}
}

// TestRefused: what a witness answers to everything that it must not cosign, and
// that it remembers none of it.
func TestRefused(t *testing.T) {
	w := newWorld(t)
	client := w.serve(t)
	w.grow(10)
	_, err := client.Cosign(t.Context(), 0, nil, w.signed(10))
	must(t, err)
	forked := w.fork(7).grow(20)
	w.grow(20)
	stranger, _ := newTree(t)
	stranger.grow(20)
	elsewhere := verify.Checkpoint{Origin: "comity/log/another", Size: 20}
	foreign, err := note.Sign(&note.Note{Text: elsewhere.String()}, w.signer)
	must(t, err)
	broken := bytes.Replace(w.signed(20), []byte("\n20\n"), []byte("\n19\n"), 1)
	extended, err := note.Sign(&note.Note{Text: w.checkpoint(20).String() + "more\n"}, w.signer)
	must(t, err)
	for name, c := range map[string]struct {
		old    int64
		proof  [][32]byte
		signed []byte
		status int // 409: a conflict
	}{
		"a fork":                     {10, forked.proof(10, 20), forked.signed(20), 422},
		"a fork with the true proof": {10, w.proof(10, 20), forked.signed(20), 422},
		"no proof":                   {10, nil, w.signed(20), 422},
		"half a proof":               {10, w.proof(10, 20)[1:], w.signed(20), 422},
		"another size's proof":       {10, w.proof(9, 20), w.signed(20), 422},
		"a fork of the same size":    {10, nil, forked.signed(10), 409},
		"rolled back":                {10, nil, w.signed(9), 400},
		"from before":                {9, w.proof(9, 20), w.signed(20), 409},
		"from the beginning":         {0, nil, w.signed(20), 409},
		"rolled back from before":    {5, w.proof(5, 9), w.signed(9), 409},
		"from beyond":                {11, w.proof(11, 20), w.signed(20), 409},
		"a stranger's log":           {10, stranger.proof(10, 20), stranger.signed(20), 403},
		"a signature that breaks":    {10, w.proof(10, 20), broken, 403},
		"another log":                {10, w.proof(10, 20), foreign, 404},
		"lines of its own":           {10, w.proof(10, 20), extended, 400},
	} {
		_, err := w.witness.Cosign(t.Context(), c.old, c.proof, c.signed)
		refused, _ := errors.AsType[*witness.Refusal](err)
		conflict, _ := errors.AsType[*audit.Conflict](err)
		switch {
		case c.status == 409 && (conflict == nil || conflict.Size != 10), c.status != 409 && (refused == nil || refused.Status != c.status):
			t.Errorf("%s: %v, wanted %d", name, err, c.status)
		}
		if lines, err := client.Cosign(t.Context(), c.old, c.proof, c.signed); err == nil {
			t.Errorf("%s: over HTTP it is cosigned: %s", name, lines)
		} else if conflict, _ := errors.AsType[*audit.Conflict](err); c.status == 409 && c.old != 10 && (conflict == nil || conflict.Size != 10) {
			t.Errorf("%s: over HTTP %v", name, err)
		}
		if w.size(t) != 10 {
			t.Fatalf("%s: it is remembered", name)
		}
	}
	// A line that looks like the log's and does not hold spoils nothing beside one that does.
	head, own, _ := strings.Cut(string(w.signed(20)), "\n\n")
	_, of9, _ := strings.Cut(string(w.signed(9)), "\n\n")
	signed := []byte(head + "\n\n" + of9 + own)
	lines, err := client.Cosign(t.Context(), 10, w.proof(10, 20), signed)
	must(t, err)
	w.holds(t, signed, lines)
}

// TestForkIsKept: two trees of one size under the log's key are proof against it,
// for anybody.
func TestForkIsKept(t *testing.T) {
	w := newWorld(t)
	w.grow(10)
	_, err := w.witness.Cosign(t.Context(), 0, nil, w.signed(10))
	must(t, err)
	forked := w.fork(7).grow(10)
	if _, err := w.witness.Cosign(t.Context(), 3, nil, forked.signed(10)); err == nil { // whatever it says that it goes on from
		t.Fatal("two trees of one size are cosigned")
	}
	if !strings.Contains(w.log.String(), "THE LOG FORKED") {
		t.Errorf("nothing is said of it:\n%s", w.log)
	}
	kept, err := filepath.Glob(filepath.Join(w.dir, "forks", "10-*"))
	must(t, err)
	if len(kept) != 1 {
		t.Fatalf("kept are %v", kept)
	}
	roots := map[[32]byte]bool{}
	for _, name := range []string{"cosigned", "other"} {
		signed, err := os.ReadFile(filepath.Join(kept[0], name))
		must(t, err)
		n, err := note.Open(signed, note.VerifierList(w.keys...))
		must(t, err)
		c, err := verify.ParseCheckpoint(n.Text)
		must(t, err)
		if c.Size != 10 {
			t.Errorf("%s has size %d", name, c.Size)
		}
		roots[c.Root] = true
	}
	if len(roots) != 2 {
		t.Error("both are of one tree")
	}
}

// TestForksAreBounded: whoever holds the log's key fills no witness's disk. The
// first forks stay as they were kept, later ones are counted in the log.
func TestForksAreBounded(t *testing.T) {
	w := newWorld(t)
	w.grow(10)
	_, err := w.witness.Cosign(t.Context(), 0, nil, w.signed(10))
	must(t, err)
	files := func() map[string]string {
		all := map[string]string{}
		names, err := filepath.Glob(filepath.Join(w.dir, "forks", "*", "*"))
		must(t, err)
		for _, name := range names {
			b, err := os.ReadFile(name)
			must(t, err)
			all[name] = string(b)
		}
		return all
	}
	var first map[string]string
	for i := range 60 {
		other := w.fork(7)
		other.seed += byte(i)
		if _, err := w.witness.Cosign(t.Context(), 10, nil, other.grow(10).signed(10)); err == nil {
			t.Fatal("two trees of one size are cosigned")
		}
		if i == 49 {
			first = files()
		}
	}
	if len(first) != 100 || !maps.Equal(first, files()) {
		t.Errorf("after 50 forks %d files are kept, after 60 there are %d", len(first), len(files()))
	}
	log := w.log.String()
	if n := strings.Count(log, "THE LOG FORKED"); n != 60 {
		t.Errorf("of 60 forks %d are told", n)
	}
	if !strings.Contains(log, "notKept=10") || strings.Contains(log, "notKept=11") || strings.Count(log, "only counted") != 10 {
		t.Errorf("the forks that are not kept are not counted:\n%s", log)
	}
	if _, err := w.witness.Cosign(t.Context(), 10, nil, w.signed(10)); err != nil {
		t.Errorf("after the forks the witness does not cosign the log that it knows: %v", err)
	}
}

// TestMemory: a witness that does not know what it cosigned last cosigns nothing,
// until it is told to begin anew.
func TestMemory(t *testing.T) {
	w := newWorld(t)
	w.grow(10)
	_, err := w.witness.Cosign(t.Context(), 0, nil, w.signed(10))
	must(t, err)
	path := filepath.Join(w.dir, "checkpoint")
	good, err := os.ReadFile(path)
	must(t, err)
	must(t, w.witnessMakes(t))
	skey, err := notekey.New(w.key.Name())
	must(t, err)
	another, err := notekey.NewCosigner(skey, time.Now)
	must(t, err)
	for name, damage := range map[string]func() error{
		"missing": func() error { return os.Remove(path) },
		"empty":   func() error { return os.WriteFile(path, nil, 0o600) },
		"half":    func() error { return os.WriteFile(path, good[:len(good)/2], 0o600) },
		"another size": func() error {
			return os.WriteFile(path, bytes.Replace(good, []byte("\n10\n"), []byte("\n1\n"), 1), 0o600)
		},
		"another key's": func() error { return os.WriteFile(path, w.signed(10, another), 0o600) },
		"another log's": func() error {
			signed, err := note.Sign(&note.Note{Text: verify.Checkpoint{Origin: "another", Size: 10}.String()}, w.key)
			return errors.Join(err, os.WriteFile(path, signed, 0o600))
		},
		"not its own word": func() error { return os.WriteFile(path, w.signed(1), 0o600) },
	} {
		must(t, damage())
		if _, err := w.open(); !errors.Is(err, witness.ErrMemory) || !strings.Contains(err.Error(), "comity witness init") {
			t.Errorf("%s: it starts: %v", name, err)
		}
		for _, old := range []int64{0, 10} {
			w.grow(12)
			if _, err := w.witness.Cosign(t.Context(), old, w.proof(old, 12), w.signed(12)); !errors.Is(err, witness.ErrMemory) {
				t.Errorf("%s: it goes on from %d: %v", name, old, err)
			}
		}
		// The key is there: nothing is begun in silence.
		must(t, w.witnessMakes(t))
		if _, err := w.open(); err == nil {
			t.Errorf("%s: a memory is made in silence", name)
		}
		must(t, os.WriteFile(path, good, 0o600))
	}
	if _, err := witness.Begin(t.Context(), w.dir, origin, w.key, w.keys, nil); err == nil {
		t.Fatal("a good memory is forgotten")
	}
	must(t, os.Remove(path))
	stranger, _ := newTree(t)
	stranger.grow(10)
	if _, err := witness.Begin(t.Context(), w.dir, origin, w.key, w.keys, stranger.signed(10)); err == nil {
		t.Fatal("it begins from what the log did not sign")
	}
	_, err = witness.Begin(t.Context(), w.dir, origin, w.key, w.keys, nil)
	must(t, err)
	c, err := witness.Begin(t.Context(), w.dir, origin, w.key, w.keys, w.signed(11)) // nothing was cosigned since
	must(t, err)
	if c.Size != 11 || w.size(t) != 11 {
		t.Errorf("it begins from %d", c.Size)
	}
	_, err = w.witness.Cosign(t.Context(), 11, w.proof(11, 12), w.signed(12))
	must(t, err)
}

func (w *world) witnessMakes(t testing.TB) error {
	t.Helper()
	again, err := witness.Make(t.Context(), w.dir, origin, "another")
	if err == nil && again.Public() != w.key.Public() {
		t.Error("another key is made where there is one")
	}
	return err
}

// onDisk is an answer that looks, as it is begun, at what the witness remembers.
type onDisk struct {
	*httptest.ResponseRecorder
	look func()
}

func (o onDisk) WriteHeader(status int) { o.look(); o.ResponseRecorder.WriteHeader(status) }

// TestRememberedFirst: before a cosignature is answered it is on disk, so that a
// witness which dies between the two has cosigned nothing that it does not know of;
// who did not hear the answer is told where it stands, and asks again.
func TestRememberedFirst(t *testing.T) {
	w := newWorld(t)
	w.grow(10)
	looked := false
	body := witness.Request{Signed: w.signed(10)}.Body()
	w.witness.Handler(nil).ServeHTTP(onDisk{httptest.NewRecorder(), func() {
		looked = true
		if n := w.size(t); n != 10 {
			t.Errorf("as it answers it remembers %d", n)
		}
	}}, httptest.NewRequest(http.MethodPost, "/add-checkpoint", bytes.NewReader(body)))
	if !looked {
		t.Fatal("nothing is answered")
	}
	_, err := w.witness.Cosign(t.Context(), 0, nil, w.signed(10))
	if conflict, _ := errors.AsType[*audit.Conflict](err); conflict == nil || conflict.Size != 10 {
		t.Errorf("asked again as if nothing had been: %v", err)
	}
	signed := w.signed(10)
	lines, err := w.witness.Cosign(t.Context(), 10, nil, signed)
	must(t, err)
	w.holds(t, signed, lines)
}

// TestOneAtATime: of two that ask at once to go on to two trees, one is cosigned,
// whichever of two processes they ask.
func TestOneAtATime(t *testing.T) {
	w := newWorld(t)
	second, err := w.open()
	must(t, err)
	forked := w.fork(0).grow(40)
	w.grow(40)
	for size := int64(1); size <= 20; size++ {
		old := w.size(t)
		var group sync.WaitGroup
		type answer struct {
			fork  bool
			lines []byte
		}
		answers := make(chan answer, 8)
		for i := range 8 {
			by, on := w.witness, w.tree
			if i%2 == 1 {
				by = second
			}
			if i/2%2 == 1 {
				on = forked
			}
			group.Go(func() {
				lines, err := by.Cosign(t.Context(), old, on.proof(old, size), on.signed(size))
				if err == nil {
					answers <- answer{on == forked, lines}
				}
			})
		}
		group.Wait()
		close(answers)
		var n, forks int
		for a := range answers {
			n++
			if a.fork {
				forks++
			}
		}
		if n == 0 || forks != 0 && forks != n {
			t.Fatalf("at size %d, of %d cosignatures %d were for another tree", size, n, forks)
		}
		if forks > 0 { // from now on the fork is the log
			*w.tree, *forked = *forked, *w.tree
		}
	}
}
