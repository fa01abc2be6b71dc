package audit_test

import (
	"bytes"
	cryptorand "crypto/rand"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/storage"
)

// placedLeaf is one leaf of a month's log.
type placedLeaf struct {
	hash  [32]byte
	act   *done // nil: nobody's
	leaf  storage.Leaf
	place int // in its beat's batch
	with  int // other acts in the beat
}

// logOf makes the whole log of a month: the leaf of each act, filled up and mixed as
// the sequencer does it.
func logOf(t *testing.T, m *month) (all []placedLeaf) {
	t.Helper()
	next := 0
	for b := range beats {
		first := len(all)
		for ; next < len(m.acts) && m.acts[next].beat == b; next++ {
			a := &m.acts[next]
			contents := map[comity.State]audit.Content{}
			for s := range members {
				if a.concerned&(1<<s) != 0 {
					contents[members[s]] = audit.Content{Act: "caseList", Outcome: audit.Done, Actor: audit.Actor{State: members[a.by]}, Policies: "p"}
				}
			}
			leaves, err := audit.Leaves(noon.Add(time.Duration(b)*beat), contents)
			if err != nil || len(leaves) != 1 {
				t.Fatalf("an act that concerns %d states has %d leaves, %v", len(contents), len(leaves), err)
			}
			all = append(all, placedLeaf{hash: leaves[0].Hash, act: a, leaf: leaves[0]})
		}
		acts := len(all) - first
		for range audit.Fill(acts) {
			var random [32]byte
			_, _ = cryptorand.Read(random[:])
			all = append(all, placedLeaf{hash: random})
		}
		batch := all[first:]
		rand.Shuffle(len(batch), func(i, j int) { batch[i], batch[j] = batch[j], batch[i] })
		for i := range batch {
			batch[i].place, batch[i].with = i, acts-1
		}
	}
	return all
}

// TestPrivacyLeaves takes the whole log of a month: a leaf looks like any other, and
// to whom it concerns it does not tell whom else, or how many.
func TestPrivacyLeaves(t *testing.T) {
	m := newMonth(ordinary, rand.New(rand.NewPCG(3, 4)))
	all := logOf(t, m)
	// An outsider, by what the entries are: their bytes.
	looks := map[string]func(h [32]byte) float64{
		"first byte": func(h [32]byte) float64 { return float64(h[0]) }, "last byte": func(h [32]byte) float64 { return float64(h[31]) },
		"ones": func(h [32]byte) (n float64) {
			for _, b := range h {
				n += float64(bits.OnesCount8(b))
			}
			return n
		},
	}
	for name, look := range looks {
		var scores []float64
		var truth []bool
		for _, l := range all[:200_000] {
			scores, truth = append(scores, look(l.hash)), append(truth, l.act != nil)
		}
		got := auc(scores, truth)
		t.Logf("whether an entry is an act's, by %s: AUC %.3f", name, got)
		if math.Abs(got-0.5) > 0.015 {
			t.Errorf("an act's entry is known by its %s: AUC %.3f", name, got)
		}
	}
	// A member, by what it is shown of the leaves that concern it: where its own
	// commitment stands, and what the others are.
	var where, sum, number, unsorted, place, unmixed []float64
	var third, beside []bool
	for _, l := range all {
		if l.act == nil {
			continue
		}
		own := members[l.act.by]
		var commitments [][32]byte
		at, mine := 0, storage.Opening{}
		concerned := bits.OnesCount8(l.act.concerned)
		for i, o := range l.leaf.Openings {
			if o.State == own {
				at, mine = i, o
			}
			commitments = append(commitments, o.Commitment())
		}
		if len(commitments) != 4 || !slices.IsSortedFunc(commitments, func(a, b [32]byte) int { return bytes.Compare(a[:], b[:]) }) {
			t.Fatalf("a leaf has %d commitments, or another order than theirs", len(commitments))
		}
		// What it knows of its own opening opens no other, though all else but the salt be guessed.
		for s := range members {
			if guess := verify.Commitment(string(members[s]), mine.Salt, mine.Content); members[s] != own && slices.Contains(commitments, guess) {
				t.Fatal("another state's commitment is guessed")
			}
		}
		others := 0.0
		for i, c := range commitments {
			if i != at {
				others += float64(c[0])
			}
		}
		where, sum, third = append(where, float64(at)), append(sum, others), append(third, concerned > 2)
		number = append(number, float64(concerned)) // where there is one for each state
		// Where they stand as they were made: the states in order, and the filling behind.
		before := bits.OnesCount8(l.act.concerned & (1<<l.act.by - 1))
		unsorted = append(unsorted, float64(before))
		place, beside = append(place, float64(l.place)), append(beside, l.with > 0)
		unmixed = append(unmixed, float64(rand.IntN(l.with+1))) // were the filling behind the acts
	}
	for _, a := range []struct {
		what   string
		scores []float64
		truth  []bool
		least  float64 // of a weaker design
	}{
		{"whether a third state is concerned, by where the own commitment stands", where, third, 0},
		{"whether a third state is concerned, by the other commitments", sum, third, 0},
		{"whether there was another act in the beat, by the leaf's place", place, beside, 0},
		{"whether a third state is concerned, had a leaf a commitment for each state", number, third, 0.99},
		{"whether a third state is concerned, by the own commitment's place were they not sorted", unsorted, third, 0.6},
		{"whether there was another act in the beat, by the place were the acts before the filling", unmixed, beside, 0.7},
	} {
		got := auc(a.scores, a.truth)
		t.Logf("%s: AUC %.3f", a.what, got)
		if a.least == 0 && math.Abs(got-0.5) > 0.05 || got < a.least {
			t.Errorf("%s: AUC %.3f", a.what, got)
		}
	}
	t.Logf("%d entries of %d acts", len(all), len(m.acts))
}
