package verify_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity-platform/comity/audit/verify"
)

// wantFault wants a fault at an index that says something.
func wantFault(t *testing.T, err error, index int64, says string) {
	t.Helper()
	f, ok := errors.AsType[*verify.Fault](err)
	if !ok || f.Index != index || !strings.Contains(f.Reason, says) {
		t.Errorf("got %v, wanted a fault at index %d that says %q", err, index, says)
	}
}

// TestGrowing: a log that only grows verifies, from nothing on and again, also
// while it grows under the reader.
func TestGrowing(t *testing.T) {
	name, r := filepath.Join(t.TempDir(), "log"), newRecord(t, 0)
	var before verify.Checkpoint
	for _, n := range []int{0, 1, 0, 6, 13, 235, 1, 600, 255, 300} {
		r.add(n)
		if n == 13 || n == 235 {
			r.grow = func() { r.add(30) }
		}
		got, err := run(t, name, r)
		if err != nil {
			t.Fatal(err)
		}
		if got.Before != before || got.Checkpoint.Size != int64(len(r.leaves)) || got.Own != int64(len(r.shown)) {
			t.Fatalf("of %d leaves and %d openings: %+v, before %+v", len(r.leaves), len(r.shown), got, before)
		}
		if before = got.Checkpoint; before != r.files.checkpoint(t) {
			t.Fatal("it is not the log's checkpoint")
		}
	}
	// One without a place yet holds by itself, and is no leaf of the log.
	waiting := r.shown[3]
	waiting.Index = -1
	r.shown = slices.Insert(r.shown, 0, waiting)
	if got, err := run(t, name, r); err != nil || got.Waiting != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}

// late is a log whose checkpoint comes over some leaves only when it is read again.
type late struct {
	*record
	reads int
}

func (l *late) Read(ctx context.Context, path string) ([]byte, error) {
	if path == verify.CheckpointPath {
		if l.reads--; l.reads < 0 {
			l.publish()
		}
	}
	return l.record.Read(ctx, path)
}

// TestSettle: openings of leaves that no checkpoint is over yet are waited for.
func TestSettle(t *testing.T) {
	for _, reads := range []int{0, 1, 3} {
		l := &late{newRecord(t, 70), reads}
		l.publishTo(40)
		seen, err := verify.Remember(filepath.Join(t.TempDir(), "log"), "KZ")
		if err != nil {
			t.Fatal(err)
		}
		defer seen.Close()
		got, err := verify.Check{Source: l, Open: opener(t), Seen: seen, Openings: l.Openings, Erasure: decided, Settle: time.Minute}.Run(t.Context())
		if err != nil || got.Checkpoint.Size != 70 || got.Own != 24 {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

// behind is a log of several servers: for some reads of the checkpoint the one that
// answers has an older one, or none.
type behind struct {
	*record
	older files
	reads int
}

func (b *behind) Read(ctx context.Context, path string) ([]byte, error) {
	if path == verify.CheckpointPath {
		if b.reads--; b.reads >= 0 {
			return b.older.Read(ctx, path)
		}
	}
	data, err := b.record.Read(ctx, path)
	if errors.Is(err, fs.ErrNotExist) {
		return b.older.Read(ctx, path) // a tile that is full now
	}
	return data, err
}

// TestBehind: a checkpoint that is smaller than one seen before is no rollback while
// a later one may come from another server.
func TestBehind(t *testing.T) {
	for name, size := range map[string]int{"smaller": 40, "none": 0} {
		r := newRecord(t, 70)
		older := files{}
		if size > 0 {
			older = publish(r.leaves[:size], r.signer)
		}
		seen := filepath.Join(t.TempDir(), "log")
		if _, err := run(t, seen, r); err != nil {
			t.Fatal(err)
		}
		remembered, err := verify.Remember(seen, "KZ")
		if err != nil {
			t.Fatal(err)
		}
		defer remembered.Close()
		check := verify.Check{Source: &behind{r, older, 2}, Open: opener(t), Seen: remembered, Openings: r.Openings, Settle: 20 * time.Second}
		if got, err := check.Run(t.Context()); err != nil || got.Checkpoint.Size != 70 {
			t.Errorf("%s: %+v, %v", name, got.Checkpoint, err)
		}
		check.Settle, check.Source = 150*time.Millisecond, &behind{r, older, 1 << 30}
		_, err = check.Run(t.Context())
		wantFault(t, err, int64(size), "rolled back")
		// What another reader was shown may come yet, too.
		check.Seen, check.Openings, check.Settle, check.Source = nil, nil, 20*time.Second, &behind{r, older, 2}
		if check.Through = []verify.Checkpoint{r.files.checkpoint(t)}; size == 0 {
			continue
		}
		if got, err := check.Run(t.Context()); err != nil || got.Checkpoint.Size != 70 {
			t.Errorf("%s, as another reader was shown: %+v, %v", name, got.Checkpoint, err)
		}
	}
}

// decided knows one erasure.
func decided(_ context.Context, erasure string, said verify.Erased) error {
	switch {
	case said.Count > 1000:
		return errors.New("it cannot be reached")
	case erasure != "erasure1_x" || !said.Before.IsZero():
		return &verify.Fault{Reason: "unknown"}
	}
	return nil
}

// TestErased: an opening that was erased is no fault where a leaf says so of
// exactly those; else it is one at the first place at which they differ.
func TestErased(t *testing.T) {
	says := func(r *record, change func(e *verify.Erased), indexes ...int64) {
		places := verify.Places(indexes)
		e := verify.Erased{From: indexes[0], Until: indexes[len(indexes)-1], Count: int64(len(indexes)), Places: hex.EncodeToString(places[:])}
		if change != nil {
			change(&e)
		}
		raw, err := json.Marshal(map[string]any{"act": "logErased", "outcome": "DONE", "erased": e, "records": []map[string]string{{"id": "erasure1_x"}}})
		if err != nil {
			t.Fatal(err)
		}
		r.concern(string(raw))
		r.publish()
	}
	erase := func(r *record, indexes ...int64) {
		for i := range r.shown {
			if s := &r.shown[i]; slices.Contains(indexes, s.Index) {
				s.Salt, s.Content, s.ErasedBy = [32]byte{}, nil, r.shown[0].ID
			}
		}
	}
	for name, c := range map[string]struct {
		index  int64
		says   string // "" when it holds
		change func(r *record)
	}{
		"as the leaf says": {0, "", func(r *record) { says(r, nil, 6, 9, 30); erase(r, 30, 6, 9) }},
		"twice, by two leaves": {0, "", func(r *record) {
			says(r, nil, 6, 9)
			erase(r, 6, 9)
			r.add(20)
			says(r, nil, 12)
			erase(r, 12)
		}},
		"nothing, and it says so": {0, "", func(r *record) {
			says(r, func(e *verify.Erased) { *e = verify.Erased{} }, 6)
		}},
		"no leaf says so": {6, "no leaf is shown that says so", func(r *record) { r.shown[0].ID = "x"; erase(r, 6, 9) }},
		"another act says so": {6, "no leaf is shown that says so", func(r *record) {
			says(r, nil, 6)
			r.shown[0] = *r.concern(strings.Replace(string(r.shown[0].Content), "logErased", "caseMade", 1))
			r.shown = slices.Delete(r.shown, 1, 2)
			r.publish()
			erase(r, 6)
		}},
		"one more than it says": {3, "others are shown as erased", func(r *record) { says(r, nil, 6, 9); erase(r, 3, 6, 9) }},
		"one less than it says": {6, "others are shown as erased", func(r *record) { says(r, nil, 6, 9); erase(r, 9) }},
		"another than it says":  {6, "others are shown as erased", func(r *record) { says(r, nil, 6, 9, 30); erase(r, 6, 12, 30) }},
		"none of those it says": {6, "it is not shown so", func(r *record) { says(r, nil, 6, 9) }},
		"another count":         {6, "others are shown as erased", func(r *record) { says(r, func(e *verify.Erased) { e.Count++ }, 6); erase(r, 6) }},
		"that nobody decided": {38, "the state did not decide so: unknown", func(r *record) {
			says(r, func(e *verify.Erased) { e.Before = time.Unix(1, 0) }, 6)
			erase(r, 6)
		}},
		"another commitment": {9, "not what the leaf commits to", func(r *record) { says(r, nil, 9); erase(r, 9); r.shown[10].Own[0] ^= 1 }},
		"other commitments":  {9, "not what the leaf commits to", func(r *record) { says(r, nil, 9); erase(r, 9); r.shown[10].Commitments[1] = [32]byte{} }},
		"of another leaf": {9, "another leaf than the one that stands here", func(r *record) {
			says(r, nil, 9)
			erase(r, 9)
			r.shown[10].Commitments = [][32]byte{r.shown[10].Own}
			r.shown[10].Leaf = verify.Leaf(r.shown[10].Commitments)
		}},
		"before it had a place": {-1, "before its leaf had a place", func(r *record) { says(r, nil, 9); erase(r, 9); r.shown[10].Index = -1 }},
		"erased and opened": {9, "two openings", func(r *record) {
			opened := r.shown[9]
			says(r, nil, 9)
			r.shown = append(r.shown, opened)
			erase(r, 9)
			r.shown[len(r.shown)-1] = opened
		}},
	} {
		t.Run(name, func(t *testing.T) {
			name, r := filepath.Join(t.TempDir(), "log"), newRecord(t, 38)
			if _, err := run(t, name, r); err != nil {
				t.Fatal(err)
			}
			changed := r.clone()
			c.change(changed)
			got, err := run(t, name, changed)
			if c.says != "" {
				wantFault(t, err, c.index, c.says)
			} else if erased := int64(len(changed.shown)) - got.Own; err != nil || got.Erased != erased {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

// TestErasedMeanwhile: openings that are erased while they are read are no fault.
func TestErasedMeanwhile(t *testing.T) {
	r := newRecord(t, 38)
	seen, err := verify.Remember(filepath.Join(t.TempDir(), "log"), "KZ")
	if err != nil {
		t.Fatal(err)
	}
	defer seen.Close()
	once := false
	listed := func(ctx context.Context, f func(verify.Shown) error) error {
		for i, s := range slices.Clone(r.shown) {
			if i == 5 && !once {
				once = true
				places := verify.Places([]int64{6})
				r.concern(fmt.Sprintf(`{"act":"logErased","outcome":"DONE","records":[{"id":"erasure1_x"}],"erased":{"from":6,"until":6,"count":1,"places":"%x"}}`, places))
				r.publish()
				for j := range r.shown {
					if r.shown[j].Index == 6 {
						r.shown[j].Salt, r.shown[j].Content, r.shown[j].ErasedBy = [32]byte{}, nil, r.shown[0].ID
					}
				}
			}
			if s.Index == 6 {
				s = r.shown[slices.IndexFunc(r.shown, func(s verify.Shown) bool { return s.Index == 6 })]
			}
			if err := f(s); err != nil {
				return err
			}
		}
		return nil
	}
	got, err := verify.Check{Source: r, Open: opener(t), Seen: seen, Openings: listed, Erasure: decided}.Run(t.Context())
	if err != nil || got.Erased != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestFirstLook: what a reader sees who has seen nothing before.
func TestFirstLook(t *testing.T) {
	for name, c := range map[string]struct {
		index  int64
		says   string
		change func(r *record)
	}{
		"a tampered leaf":              {10, "not the one that tile/0/000.p/40 has the hash of", func(r *record) { r.files["tile/entries/000.p/40"][10*34+5] ^= 1 }},
		"a tampered hash":              {10, "not the one that tile/0/000.p/40 has the hash of", func(r *record) { r.files["tile/0/000.p/40"][10*32+5] ^= 1 }},
		"a tampered leaf, hashed anew": {12, "another leaf than the one that stands here", func(r *record) { r.leaves[12][0] ^= 1; r.publish() }},
		"a tampered leaf under the old checkpoint": {0, "another tree than the signed checkpoint's", func(r *record) {
			signed := r.files["checkpoint"]
			r.leaves[12][0] ^= 1
			r.publish()
			r.files["checkpoint"] = signed
		}},
		"two leaves in another order": {12, "another leaf than the one that stands here", func(r *record) {
			r.leaves[12], r.leaves[13] = r.leaves[13], r.leaves[12]
			r.publish()
		}},
		"a missing leaf": {39, "ends before this leaf", func(r *record) {
			r.files["tile/entries/000.p/40"] = r.files["tile/entries/000.p/40"][:39*34]
		}},
		"half a leaf": {39, "ends before this leaf", func(r *record) {
			r.files["tile/entries/000.p/40"] = r.files["tile/entries/000.p/40"][:39*34+20]
		}},
		"a leaf more": {40, "after its last leaf", func(r *record) {
			r.files["tile/entries/000.p/40"] = append(r.files["tile/entries/000.p/40"], make([]byte, 34)...)
		}},
		"a leaf cut out": {20, "not the one that", func(r *record) {
			r.files["tile/entries/000.p/40"] = slices.Concat(r.files["tile/entries/000.p/40"][:20*34], r.files["tile/entries/000.p/40"][21*34:], []byte{0, 32}, make([]byte, 32))
		}},
		"a longer entry": {7, "an entry of 33 bytes", func(r *record) { r.files["tile/entries/000.p/40"][7*34+1] = 33 }},
		"no leaves":      {0, "tile/entries/000.p/40 is missing", func(r *record) { delete(r.files, "tile/entries/000.p/40") }},
		"no hashes":      {0, "tile/0/000.p/40 is missing", func(r *record) { delete(r.files, "tile/0/000.p/40") }},
		"few hashes":     {0, "wanted 40 hashes", func(r *record) { r.files["tile/0/000.p/40"] = r.files["tile/0/000.p/40"][1:] }},
		"a checkpoint of another size": {0, "signed by no key of the log", func(r *record) {
			r.files["checkpoint"] = []byte(strings.Replace(string(r.files["checkpoint"]), "\n40\n", "\n39\n", 1))
		}},
		"another key's checkpoint": {0, "signed by no key of the log", func(r *record) {
			r.signer, _ = logKey(t, 2)
			r.publish()
		}},
		"an opening of other words": {36, "not what the leaf commits to", func(r *record) {
			r.shown[1].Content = []byte("else")
		}},
		"an opening relabelled":      {36, "not of KZ", func(r *record) { r.shown[1].State = "AM" }},
		"an opening twice":           {36, "two openings", func(r *record) { r.shown = append(r.shown, r.shown[1]) }},
		"an opening of no place":     {99, "the log ends before", func(r *record) { r.shown[1].Index = 99 }},
		"an opening at another leaf": {37, "another leaf than the one that stands here", func(r *record) { r.shown[1].Index = 37 }},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRecord(t, 40)
			c.change(r)
			_, err := run(t, filepath.Join(t.TempDir(), "log"), r)
			wantFault(t, err, c.index, c.says)
		})
	}
	// What the first look cannot see, as the documentation says.
	r := newRecord(t, 40)
	r.shown = slices.Delete(r.shown, 3, 4)
	if _, err := run(t, filepath.Join(t.TempDir(), "log"), r); err != nil {
		t.Errorf("an opening kept back from the first was missed: say so in the documentation: %v", err)
	}
	r = newRecord(t, 40)
	delete(r.files, "checkpoint")
	if _, err := run(t, filepath.Join(t.TempDir(), "log"), r); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a log without a checkpoint: %v", err)
	}
}

// TestEveryTile: each hash of each level is held against the leaves below it.
func TestEveryTile(t *testing.T) {
	try := func(log files, path string, i int, want int64) {
		t.Helper()
		b := log[path]
		log[path] = slices.Clone(b)
		log[path][i*32+i%32] ^= 4
		_, err := verify.Check{Source: log, Open: opener(t)}.Run(t.Context())
		log[path] = b
		wantFault(t, err, want, path)
	}
	small, great := newFiles(t, 700), newFiles(t, 70000)
	for i := range 700 {
		try(small, []string{"tile/0/000", "tile/0/001", "tile/0/002.p/188"}[i/256], i%256, int64(i))
	}
	for i := range 2 {
		try(small, "tile/1/000.p/2", i, int64(i)*256)
	}
	for i := 0; i < 256; i += 51 {
		try(great, "tile/1/000", i, int64(i)*256)
	}
	for i := range 17 {
		try(great, "tile/1/001.p/17", i, 65536+int64(i)*256)
	}
	try(great, "tile/2/000.p/1", 0, 0)
	try(great, "tile/0/273.p/112", 111, 69999)
	for _, log := range []files{small, great} {
		if _, err := (verify.Check{Source: log, Open: opener(t)}).Run(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// TestSeenBefore: whoever keeps the database and the log's key computes
// everything anew, and is found out by who verified it before; what was
// remembered stays.
func TestSeenBefore(t *testing.T) {
	for name, c := range map[string]struct {
		index  int64
		says   string
		change func(r *record)
	}{
		"rolled back": {31, "rolled back", func(r *record) {
			*r = *newRecord(t, 31)
		}},
		"rolled back to nothing": {0, "rolled back", func(r *record) { *r = *newRecord(t, 0) }},
		"forked": {25, "forked", func(r *record) {
			r.leaves[25] = [32]byte{1}
			r.add(20)
		}},
		"reordered": {25, "forked", func(r *record) {
			r.leaves[25], r.leaves[26] = r.leaves[26], r.leaves[25]
			r.publish()
		}},
		"rolled back and grown again": {31, "forked", func(r *record) {
			*r = *newRecord(t, 31)
			r.leaves = append(r.leaves, [32]byte{2})
			r.add(20)
		}},
		"rolled back and forked": {12, "forked", func(r *record) {
			r.leaves = r.leaves[:31]
			r.leaves[12] = [32]byte{1}
			r.publish()
		}},
		"another root signed over the same leaves": {39, "another tree than the signed", func(r *record) {
			c := r.files.checkpoint(t)
			c.Root[0] ^= 1
			r.files["checkpoint"] = sign(t, c.String(), r.signer)
		}},
		"no checkpoint":        {0, "rolled back", func(r *record) { delete(r.files, "checkpoint") }},
		"a checkpoint changed": {40, "signed by no key", func(r *record) { r.files["checkpoint"][30] ^= 1 }},
		"an opening taken away": {30, "kept back now", func(r *record) {
			r.shown = slices.DeleteFunc(r.shown, func(o verify.Shown) bool { return o.Index == 30 || o.Index == 33 })
			r.add(20)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			name, r := filepath.Join(t.TempDir(), "log"), newRecord(t, 40)
			if _, err := run(t, name, r); err != nil {
				t.Fatal(err)
			}
			changed := r.clone()
			c.change(changed)
			_, err := run(t, name, changed)
			wantFault(t, err, c.index, c.says)
			if _, err = run(t, name, changed); err == nil {
				t.Error("what did not hold is taken the second time")
			}
			r.add(5)
			if got, err := run(t, name, r); err != nil || got.Before.Size != 40 {
				t.Errorf("the true log no longer holds: %+v, %v", got, err)
			}
		})
	}
}

// TestThrough: two readers who were shown different logs find out by their checkpoints.
func TestThrough(t *testing.T) {
	mine := newRecord(t, 600)
	at := func(n int) verify.Checkpoint { return publish(mine.leaves[:n], mine.signer).checkpoint(t) }
	file := func() string { return filepath.Join(t.TempDir(), "log") }
	if _, err := run(t, file(), mine, at(1), at(20), at(256), at(511), at(512), at(599), at(600)); err != nil {
		t.Error(err)
	}
	for _, n := range []int{1, 20, 256, 511, 512, 599, 600} {
		theirs := at(n)
		theirs.Root[1] ^= 1
		_, err := run(t, file(), mine, at(20), theirs)
		wantFault(t, err, int64(n-1), "somebody else was shown another log")
	}
	_, err := run(t, file(), mine, verify.Checkpoint{Origin: origin, Size: 601})
	wantFault(t, err, 600, "somebody else was shown 601")
}

// TestUncosigned: a checkpoint that lacks cosignatures is told apart from a wrong one.
func TestUncosigned(t *testing.T) {
	r := newRecord(t, 40)
	_, v := logKey(t, 1)
	p := verify.Policy{Origin: origin, Log: []note.Verifier{v}}
	_, err := verify.Check{Source: r.files, Open: func(b []byte) (verify.Checkpoint, error) { return p.Open(b, time.Time{}) }}.Run(t.Context())
	if _, ok := errors.AsType[*verify.Unsigned](err); !ok {
		t.Errorf("got %v", err)
	}
}

// TestDamagedMemory: what cannot be read is not taken for nothing.
func TestDamagedMemory(t *testing.T) {
	for name, change := range map[string]func(name string) error{
		"leaves gone":       os.Remove,
		"leaves short":      func(name string) error { return os.Truncate(name, 33*39) },
		"head of nothing":   func(name string) error { return os.WriteFile(name+".head", []byte("{}"), 0o600) },
		"head no JSON":      func(name string) error { return os.WriteFile(name+".head", []byte("x"), 0o600) },
		"another root":      func(name string) error { return rewrite(name+".head", `\n40\n`, `\n40\nAAAA`) },
		"of another's eyes": func(name string) error { return rewrite(name+".head", `"state":"`, `"state":"AM`) },
	} {
		t.Run(name, func(t *testing.T) {
			name, r := filepath.Join(t.TempDir(), "log"), newRecord(t, 40)
			if _, err := run(t, name, r); err != nil {
				t.Fatal(err)
			}
			if err := change(name); err != nil {
				t.Fatal(err)
			}
			_, err := run(t, name, r)
			if err == nil || !strings.Contains(err.Error(), "move it") {
				t.Errorf("got %v, wanted an error that says what to do", err)
			}
		})
	}
}

// rewrite overwrites what follows a mark.
func rewrite(name, mark, with string) error {
	b, err := os.ReadFile(name)
	if err == nil {
		i := strings.Index(string(b), mark)
		copy(b[i:], with)
		err = os.WriteFile(name, b, 0o600)
	}
	return err
}

// TestInterrupted: a check that ended early leaves leaves beyond what is remembered, which
// count for nothing.
func TestInterrupted(t *testing.T) {
	name, r := filepath.Join(t.TempDir(), "log"), newRecord(t, 40)
	wrong := r.clone()
	wrong.shown[0].Salt[0] ^= 1
	if _, err := run(t, name, wrong); err == nil {
		t.Fatal("it holds")
	}
	if got, err := run(t, name, r); err != nil || got.Before.Size != 0 || got.Checkpoint.Size != 40 {
		t.Errorf("%+v, %v", got, err)
	}
}
