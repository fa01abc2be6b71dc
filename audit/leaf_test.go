package audit_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/storage"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// said is what a state reads of an act of Kazakhstan's liaison.
func said(act string) audit.Content {
	return audit.Content{Act: act, Outcome: audit.Done, At: noon, Policies: "p", Purpose: comity.PurposeInvestigation,
		Actor:   audit.Actor{State: "KZ", Agency: "KZ/cyber", Function: "Liaison officer", Ref: "KZ:liaison-1"},
		Records: []audit.Record{{ID: "case1_x", Level: "FULL", Grant: "grant1_x"}}}
}

// leafOf makes a leaf in which each state reads an act of its own.
func leafOf(t testing.TB, states ...comity.State) storage.Leaf {
	t.Helper()
	contents := map[comity.State]audit.Content{}
	for _, s := range states {
		contents[s] = said("act of " + string(s))
	}
	leaves, err := audit.Leaves(noon, contents)
	if err != nil || len(leaves) != 1 {
		t.Fatal(len(leaves), err)
	}
	return leaves[0]
}

// entryOf is the leaf as one state reads it.
func entryOf(t testing.TB, leaf storage.Leaf, s comity.State) storage.LogEntry {
	t.Helper()
	e := storage.LogEntry{Leaf: leaf}
	e.Leaf.Openings = nil
	for _, o := range leaf.Openings {
		e.Commitments = append(e.Commitments, o.Commitment())
		if o.State == s {
			e.Leaf.Openings, e.Own = append(e.Leaf.Openings, o), o.Commitment()
		}
	}
	if len(e.Leaf.Openings) != 1 {
		t.Fatalf("%d openings are of %s", len(e.Leaf.Openings), s)
	}
	return e
}

// TestLeaves: how many states are concerned is not seen, and who they are not at
// all. Where they are more than a leaf takes, there are several, each alike.
func TestLeaves(t *testing.T) {
	all := []comity.State{"KZ", "AM", "BY", "KG", "RU", "TJ", "UZ", "DE", "FR"}
	for n, want := range map[int]int{1: 1, 2: 1, 4: 1, 5: 2, 8: 2, 9: 3} {
		contents := map[comity.State]audit.Content{}
		for _, s := range all[:n] {
			contents[s] = said("act of " + string(s))
		}
		leaves, err := audit.Leaves(noon, contents)
		if err != nil || len(leaves) != want {
			t.Fatalf("%d states take %d leaves, wanted %d: %v", n, len(leaves), want, err)
		}
		salts, opened := map[[32]byte]bool{}, 0
		for _, leaf := range leaves {
			if len(leaf.Openings) != 4 {
				t.Errorf("with %d states a leaf has %d commitments, wanted 4 whatever is concerned", n, len(leaf.Openings))
			}
			if leaf.Index != -1 || leaf.ID.Kind() != comity.KindLeaf || !leaf.At.Equal(noon) {
				t.Errorf("a new leaf is %+v", leaf)
			}
			for i, o := range leaf.Openings {
				salts[o.Salt] = true
				x := o.Commitment()
				if i > 0 {
					if y := leaf.Openings[i-1].Commitment(); bytes.Compare(y[:], x[:]) >= 0 {
						t.Error("the openings are not in the order of their commitments")
					}
				}
				if o.State == "--" {
					if len(o.Content) != 0 {
						t.Error("what fills a leaf up says something")
					}
					continue
				}
				opened++
				got, err := audit.Open(entryOf(t, leaf, o.State))
				if diff := cmp.Diff(said("act of "+string(o.State)), got); err != nil || diff != "" {
					t.Errorf("%s opens its own: %v, %s", o.State, err, diff)
				}
			}
		}
		if len(salts) != 4*want || opened != n {
			t.Errorf("%d different salts and %d openings for %d states", len(salts), opened, n)
		}
	}
	if _, err := audit.Leaves(noon, nil); err == nil {
		t.Error("a leaf that concerns nobody was made")
	}
}

// TestOrderTellsNothing: where a state's commitment stands is chance.
func TestOrderTellsNothing(t *testing.T) {
	places := map[int]int{}
	for range 200 {
		places[slices.IndexFunc(leafOf(t, "KZ", "AM").Openings, func(o storage.Opening) bool { return o.State == "KZ" })]++
	}
	for place := range 4 {
		if places[place] < 20 { // 50 expected; fewer than 20 once in some millions of runs
			t.Errorf("in 200 leaves Kazakhstan stands in place %d %d times: %v", place, places[place], places)
		}
	}
}

// TestOpen: an opening that is another leaf's, or not as it was, is refused.
func TestOpen(t *testing.T) {
	leaf, other := leafOf(t, "KZ", "AM"), leafOf(t, "KZ", "AM")
	for name, spoil := range map[string]func(e *storage.LogEntry){
		"the opening of another leaf": func(e *storage.LogEntry) { e.Leaf.Openings = entryOf(t, other, "KZ").Leaf.Openings },
		"the commitments of another leaf": func(e *storage.LogEntry) {
			e.Commitments = entryOf(t, other, "KZ").Commitments
		},
		"another leaf's opening and commitments": func(e *storage.LogEntry) {
			hash := e.Leaf.Hash
			*e = entryOf(t, other, "KZ")
			e.Leaf.Hash = hash
		},
		"another hash":    func(e *storage.LogEntry) { e.Leaf.Hash[31] ^= 1 },
		"another state":   func(e *storage.LogEntry) { e.Leaf.Openings[0].State = "AM" },
		"another salt":    func(e *storage.LogEntry) { e.Leaf.Openings[0].Salt[0] ^= 1 },
		"another content": func(e *storage.LogEntry) { e.Leaf.Openings[0].Content[20] ^= 1 },
		"more content": func(e *storage.LogEntry) {
			e.Leaf.Openings[0].Content = append(slices.Clone(e.Leaf.Openings[0].Content), ' ')
		},
		"one commitment changed":     func(e *storage.LogEntry) { e.Commitments[0][0] ^= 1 },
		"one commitment left out":    func(e *storage.LogEntry) { e.Commitments = e.Commitments[1:] },
		"one commitment too many":    func(e *storage.LogEntry) { e.Commitments = append(e.Commitments, [32]byte{}) },
		"one commitment twice":       func(e *storage.LogEntry) { e.Commitments[1] = e.Commitments[0] },
		"no commitments":             func(e *storage.LogEntry) { e.Commitments = nil },
		"no opening":                 func(e *storage.LogEntry) { e.Leaf.Openings = nil },
		"another state's opening on": func(e *storage.LogEntry) { e.Leaf.Openings = leaf.Openings[:2] },
		// What fills a leaf up belongs to it, and says nothing.
		"what belongs to nobody": func(e *storage.LogEntry) {
			i := slices.IndexFunc(leaf.Openings, func(o storage.Opening) bool { return o.State == "--" })
			e.Leaf.Openings = leaf.Openings[i : i+1]
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := entryOf(t, leaf, "KZ")
			e.Leaf.Openings[0].Content = slices.Clone(e.Leaf.Openings[0].Content)
			spoil(&e)
			if c, err := audit.Open(e); err == nil {
				t.Errorf("it opens as %+v", c)
			}
		})
	}
	// The commitments of a leaf are a set: a database may give them in any order.
	e := entryOf(t, leaf, "KZ")
	slices.Reverse(e.Commitments)
	if _, err := audit.Open(e); err != nil {
		t.Error(err)
	}
}

// TestErasedBy: an erased opening says nothing, and its leaf holds as before by what
// it was committed to. What was of no leaf is not passed off as erased.
func TestErasedBy(t *testing.T) {
	e := entryOf(t, leafOf(t, "KZ", "AM"), "KZ")
	if by, err := audit.ErasedBy(e); by != "" || err != nil {
		t.Errorf("what opens was erased by %q, %v", by, err)
	}
	gone := e.Leaf.Openings[0]
	e.Leaf.Openings = []storage.Opening{{State: "KZ", ErasedBy: "leaf1_x"}}
	if by, err := audit.ErasedBy(e); by != "leaf1_x" || err != nil {
		t.Errorf("it was erased by %q, %v", by, err)
	}
	if _, err := audit.Open(e); err == nil {
		t.Error("what was erased opens")
	}
	for name, spoil := range map[string]func(*storage.LogEntry){
		"another commitment than the leaf has": func(e *storage.LogEntry) { e.Own[0] ^= 1 },
		"another leaf":                         func(e *storage.LogEntry) { e.Leaf.Hash[0] ^= 1 },
		"no commitments":                       func(e *storage.LogEntry) { e.Commitments = nil },
	} {
		bad := e
		spoil(&bad)
		if _, err := audit.ErasedBy(bad); err == nil {
			t.Errorf("with %s it counts as erased", name)
		}
	}
	// Whoever knew the content cannot find it again without the salt.
	gone.Salt = [32]byte{}
	if slices.Contains(e.Commitments, gone.Commitment()) {
		t.Error("the content alone gives the commitment")
	}
}

// TestFormats pins the hashes, which verifiers elsewhere compute too.
func TestFormats(t *testing.T) {
	commitment := storage.Opening{State: "KZ", Salt: [32]byte{1}, Content: []byte(`{"act":"read"}`)}.Commitment()
	leaf := audit.Hash([][32]byte{commitment, {2}})
	for name, got := range map[string]struct {
		value [32]byte
		want  string
	}{
		"commitment": {commitment, "29cc97525c417d7eee3d937b43963b6e843fb1345f7cdd7c2d4dfd960eb0b367"},
		"leaf":       {leaf, "9a4d21a8dcf701e8f7314e39d6ea2e635036fb45a89d526500cc139392cff566"},
	} {
		if h := hex.EncodeToString(got.value[:]); h != got.want {
			t.Errorf("the %s is %s, wanted %s", name, h, got.want)
		}
	}
}

// FuzzOpen gives Open what a database could hold. Whatever opens is of the
// leaf, and no other content opens in its place.
func FuzzOpen(f *testing.F) {
	leaf := leafOf(f, "KZ", "AM")
	e := entryOf(f, leaf, "KZ")
	o := e.Leaf.Openings[0]
	f.Add(string(o.State), o.Salt[:], o.Content, 0)
	f.Add("KZ", make([]byte, 32), []byte(`{"act":1}`), 1)
	f.Add("--", []byte{}, []byte{}, 4)
	f.Add("", []byte("x"), []byte(`{"at":"2026-99-99T00:00:00Z"}`), 3)
	f.Fuzz(func(t *testing.T, state string, salt, content []byte, others int) {
		tried := storage.Opening{State: comity.State(state), Content: content}
		copy(tried.Salt[:], salt)
		// In the place of the genuine opening of a genuine leaf.
		genuine := e
		genuine.Leaf.Openings = []storage.Opening{tried}
		if c, err := audit.Open(genuine); err == nil && tried.Commitment() != o.Commitment() {
			t.Fatalf("a forged opening opens as %+v", c)
		}
		// And in a leaf that was made for it.
		made := storage.LogEntry{Leaf: storage.Leaf{Openings: []storage.Opening{tried}}, Commitments: [][32]byte{tried.Commitment()}}
		for i := range min(max(others, 0), 8) {
			made.Commitments = append(made.Commitments, [32]byte{byte(i)})
		}
		slices.SortFunc(made.Commitments, func(a, b [32]byte) int { return bytes.Compare(a[:], b[:]) })
		made.Leaf.Hash = audit.Hash(made.Commitments)
		c, err := audit.Open(made)
		wellFormed := len(state) == 2 && json.Unmarshal(content, &audit.Content{}) == nil
		if (err == nil) != wellFormed {
			t.Fatalf("a state's content that decodes: %v, Open: %+v, %v", wellFormed, c, err)
		}
	})
}
