package verify_test

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/comity-platform/comity/audit/verify"
)

// record is a record of acts in memory, as a server would show it to KZ.
type record struct {
	leaves, chains [][32]byte
	openings       []verify.Opening // newest first
	size           int64            // what it says that it has, when not 0
	at             int              // leaves at once
	grow           func()           // called once, between chain and openings
}

func (r *record) Chain(_ context.Context, from int64) (verify.Stretch, error) {
	s := verify.Stretch{Size: int64(len(r.leaves))}
	if r.size != 0 {
		s.Size = r.size
	}
	from = min(from, int64(len(r.leaves)))
	to := min(from+int64(r.at), int64(len(r.leaves)))
	s.Leaves, s.Chains = r.leaves[from:to], r.chains[from:to]
	return s, nil
}

func (r *record) Openings(_ context.Context, f func(verify.Opening) error) error {
	if r.grow != nil {
		grow := r.grow
		r.grow = nil
		grow()
	}
	for _, o := range r.openings {
		if err := f(o); err != nil {
			return err
		}
	}
	return nil
}

// add appends a leaf; every third concerns KZ.
func (r *record) add(n int) {
	for range n {
		i := len(r.leaves)
		var content [8]byte
		binary.BigEndian.PutUint64(content[:], uint64(i))
		o := verify.Opening{Index: int64(i), State: "KZ", Salt: [32]byte{1}, Content: content[:]}
		o.Commitments = [][32]byte{verify.Commitment("KZ", o.Salt, o.Content), {31: 1}, {31: 2}, {31: 3}}
		sorted := slices.Clone(o.Commitments)
		slices.SortFunc(sorted, func(a, b [32]byte) int { return slices.Compare(a[:], b[:]) })
		o.Leaf = verify.Leaf(sorted)
		r.leaves = append(r.leaves, o.Leaf)
		r.chains = append(r.chains, [32]byte{})
		if i%3 == 0 {
			r.openings = slices.Insert(r.openings, 0, o)
		}
	}
	r.link()
}

// link computes the whole chain anew, as whoever keeps the database can.
func (r *record) link() {
	var chain [32]byte
	for i, l := range r.leaves {
		chain = verify.Link(chain, int64(i), l)
		r.chains[i] = chain
	}
}

func (r *record) clone() *record {
	c := *r
	c.leaves, c.chains, c.openings = slices.Clone(r.leaves), slices.Clone(r.chains), slices.Clone(r.openings)
	return &c
}

func run(t *testing.T, name string, r *record, through ...verify.Head) (verify.Report, error) {
	t.Helper()
	seen, err := verify.Remember(name, "KZ")
	if err != nil {
		return verify.Report{}, err
	}
	defer seen.Close()
	return verify.Check{Source: r, Seen: seen, Through: through}.Run(t.Context())
}

// wantFault wants a fault at an index that says something.
func wantFault(t *testing.T, err error, index int64, says string) {
	t.Helper()
	f, ok := errors.AsType[*verify.Fault](err)
	if !ok || f.Index != index || !strings.Contains(f.Reason, says) {
		t.Errorf("got %v, wanted a fault at index %d that says %q", err, index, says)
	}
}

func newRecord(n int) *record {
	r := &record{at: 7}
	r.add(n)
	return r
}

// TestGrowing: a record that only grows verifies, from nothing on and again, also
// while it grows under the reader.
func TestGrowing(t *testing.T) {
	name, r := filepath.Join(t.TempDir(), "log"), &record{at: 7}
	var before verify.Head
	for _, n := range []int{0, 1, 0, 6, 13, 20} {
		r.add(n)
		if n == 13 {
			r.grow = func() { r.add(30) }
		}
		got, err := run(t, name, r)
		if err != nil {
			t.Fatal(err)
		}
		if got.Before != before || got.Head.Size != int64(len(r.leaves)) || got.Own != int64(len(r.openings)) {
			t.Fatalf("of %d leaves and %d openings: %+v, before %+v", len(r.leaves), len(r.openings), got, before)
		}
		if before = got.Head; before.Size > 0 && before.Chain != r.chains[before.Size-1] {
			t.Fatal("the head is not the chain's")
		}
	}
	// One without a place yet holds by itself, and is no leaf of the chain.
	waiting := r.openings[3]
	waiting.Index = -1
	r.openings = slices.Insert(r.openings, 0, waiting)
	if got, err := run(t, name, r); err != nil || got.Waiting != 1 {
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
		"a tampered leaf":             {10, "not over the one before", func(r *record) { r.leaves[10][0] ^= 1 }},
		"a tampered leaf, re-chained": {12, "another leaf than the one that stands here", func(r *record) { r.leaves[12][0] ^= 1; r.link() }},
		"two leaves in another order": {10, "not over the one before", func(r *record) { r.leaves[10], r.leaves[11] = r.leaves[11], r.leaves[10] }},
		"another order, re-chained": {12, "another leaf than the one that stands here", func(r *record) {
			r.leaves[12], r.leaves[13] = r.leaves[13], r.leaves[12]
			r.link()
		}},
		"a missing leaf": {20, "no leaf is there", func(r *record) { r.leaves, r.chains, r.size = r.leaves[:20], r.chains[:20], 40 }},
		"a leaf cut out": {20, "not over the one before", func(r *record) {
			r.leaves, r.chains = slices.Delete(r.leaves, 20, 21), slices.Delete(r.chains, 20, 21)
		}},
		"an opening of other words": {36, "not what the leaf commits to", func(r *record) {
			r.openings[1].Content = []byte("else")
		}},
		"an opening relabelled":      {36, "not of KZ", func(r *record) { r.openings[1].State = "AM" }},
		"an opening twice":           {36, "two openings", func(r *record) { r.openings = append(r.openings, r.openings[1]) }},
		"an opening of no place":     {99, "the record ends before", func(r *record) { r.openings[1].Index = 99 }},
		"an opening at another leaf": {37, "another leaf than the one that stands here", func(r *record) { r.openings[1].Index = 37 }},
		"more than it says":          {0, "shows others", func(r *record) { r.size = 3 }},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRecord(40)
			c.change(r)
			_, err := run(t, filepath.Join(t.TempDir(), "log"), r)
			wantFault(t, err, c.index, c.says)
		})
	}
	// What the first look cannot see, as the documentation says.
	r := newRecord(40)
	r.openings = slices.Delete(r.openings, 3, 4)
	if _, err := run(t, filepath.Join(t.TempDir(), "log"), r); err != nil {
		t.Errorf("an opening kept back from the first was missed: say so in the documentation: %v", err)
	}
}

// TestSeenBefore: whoever keeps the database computes everything anew, and is
// found out by who verified it before; what was remembered stays.
func TestSeenBefore(t *testing.T) {
	for name, c := range map[string]struct {
		index  int64
		says   string
		change func(r *record)
	}{
		"rolled back": {31, "rolled back", func(r *record) {
			*r = *newRecord(31)
		}},
		"rolled back to nothing": {0, "rolled back", func(r *record) { *r = record{at: 7} }},
		"forked": {25, "forked", func(r *record) {
			r.leaves[25] = [32]byte{1}
			r.link()
			r.add(20)
		}},
		"reordered": {25, "forked", func(r *record) {
			r.leaves[25], r.leaves[26] = r.leaves[26], r.leaves[25]
			r.link()
		}},
		"rolled back and grown again": {31, "forked", func(r *record) {
			*r = *newRecord(31)
			r.leaves, r.chains = append(r.leaves, [32]byte{2}), append(r.chains, [32]byte{})
			r.link()
			r.add(20)
		}},
		"an opening taken away": {30, "kept back now", func(r *record) {
			r.openings = slices.DeleteFunc(r.openings, func(o verify.Opening) bool { return o.Index == 30 || o.Index == 33 })
			r.add(20)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			name, r := filepath.Join(t.TempDir(), "log"), newRecord(40)
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
				t.Errorf("the true record no longer holds: %+v, %v", got, err)
			}
		})
	}
}

// TestThrough: two readers who were shown different chains find out by their heads.
func TestThrough(t *testing.T) {
	mine, theirs := newRecord(40), newRecord(20)
	theirs.leaves[5] = [32]byte{1}
	theirs.link()
	file := func() string { return filepath.Join(t.TempDir(), "log") }
	if _, err := run(t, file(), mine, verify.Head{Size: 20, Chain: mine.chains[19]}, verify.Head{Size: 40, Chain: mine.chains[39]}); err != nil {
		t.Error(err)
	}
	_, err := run(t, file(), mine, verify.Head{Size: 20, Chain: theirs.chains[19]})
	wantFault(t, err, 19, "somebody else was shown another chain")
	_, err = run(t, file(), mine, verify.Head{Size: 41})
	wantFault(t, err, 40, "somebody else was shown 41")
}

// TestDamagedMemory: what cannot be read is not taken for nothing.
func TestDamagedMemory(t *testing.T) {
	for name, change := range map[string]func(name string) error{
		"leaves gone":     os.Remove,
		"leaves short":    func(name string) error { return os.Truncate(name, 33*39) },
		"head of nothing": func(name string) error { return os.WriteFile(name+".head", []byte("{}"), 0o600) },
		"head no JSON":    func(name string) error { return os.WriteFile(name+".head", []byte("x"), 0o600) },
		"another chain": func(name string) error {
			return rewrite(name+".head", `"chain":"`, `"chain":"`+strings.Repeat("0", 64))
		},
		"of another's eyes": func(name string) error { return rewrite(name+".head", `"state":"`, `"state":"AM`) },
	} {
		t.Run(name, func(t *testing.T) {
			name, r := filepath.Join(t.TempDir(), "log"), newRecord(40)
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

// TestInterrupted: a check that ended early leaves leaves beyond the head, which
// count for nothing.
func TestInterrupted(t *testing.T) {
	name, r := filepath.Join(t.TempDir(), "log"), newRecord(40)
	wrong := r.clone()
	wrong.openings[0].Salt[0] ^= 1
	if _, err := run(t, name, wrong); err == nil {
		t.Fatal("it holds")
	}
	if got, err := run(t, name, r); err != nil || got.Before.Size != 0 || got.Head.Size != 40 {
		t.Errorf("%+v, %v", got, err)
	}
}
