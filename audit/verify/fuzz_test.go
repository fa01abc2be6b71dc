package verify

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// FuzzReadHead: whatever stands in the file is read as written, or refused.
func FuzzReadHead(f *testing.F) {
	for _, state := range []string{"KZ", "", "KAZ"} {
		kept, err := json.Marshal(headFile{state, Checkpoint{Origin: "x", Size: 3}.String() + "\n\u2014 k AAAA\n"})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(kept)
	}
	f.Add([]byte(`{"state":"KZ","checkpoint":"x\n-1\n\n\n"}`))
	f.Add([]byte(`{`))
	f.Fuzz(func(t *testing.T, b []byte) {
		state, c, err := readHead(b)
		if err != nil {
			return
		}
		again, err := json.Marshal(headFile{state, c.String() + "\n"})
		if err != nil {
			t.Fatal(err)
		}
		if s, d, err := readHead(again); err != nil || d != c || s != state {
			t.Fatalf("%s %+v is read again as %s %+v, %v", state, c, s, d, err)
		}
	})
}

// FuzzOpening: no other bytes than those committed to open a leaf.
func FuzzOpening(f *testing.F) {
	genuine := Opening{State: "KZ", Content: []byte("content")}
	genuine.Commitments = [][32]byte{Commitment("KZ", genuine.Salt, genuine.Content)}
	genuine.Leaf = Leaf(genuine.Commitments)
	f.Add("KZ", genuine.Salt[:], genuine.Content, genuine.Commitments[0][:])
	f.Add("K", []byte{}, []byte("Zcontent"), []byte{})
	f.Fuzz(func(t *testing.T, state string, salt, content, commitments []byte) {
		o := Opening{State: state, Content: content, Leaf: genuine.Leaf}
		copy(o.Salt[:], salt)
		for ; len(commitments) >= 32; commitments = commitments[32:] {
			o.Commitments = append(o.Commitments, [32]byte(commitments))
		}
		same := state == "KZ" && o.Salt == genuine.Salt && bytes.Equal(content, genuine.Content) &&
			len(o.Commitments) == 1 && o.Commitments[0] == genuine.Commitments[0]
		if (o.Check() == nil) != same {
			t.Fatalf("%+v: %v", o, o.Check())
		}
	})
}

// FuzzParseCheckpoint: what is read is written again as it was.
func FuzzParseCheckpoint(f *testing.F) {
	f.Add(Checkpoint{Origin: "comity/log/x", Size: 70000, Root: [32]byte{1}}.String())
	f.Add("x\n+1\n" + Checkpoint{}.String()[3:])
	f.Add("x\n01\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")
	f.Add("x\n9223372036854775807\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")
	f.Add("x\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=\n")
	f.Add("x\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nmore\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseCheckpoint(text)
		if err != nil {
			return
		}
		if c.String() != text || c.Size < 0 || c.Origin == "" {
			t.Fatalf("%q is read as %+v", text, c)
		}
		// The arithmetic of proofs ends for every size.
		_ = CheckInclusion(c, c.Size-1, [32]byte{}, [][32]byte{{}})
		_ = CheckConsistency(Checkpoint{Origin: c.Origin, Size: 1}, c, [][32]byte{{}})
	})
}

// FuzzProof: what is read of a proof is written again alike, and checking it never fails otherwise than with an error.
func FuzzProof(f *testing.F) {
	o := Opening{Index: 1, State: "KZ", Content: []byte(`{"act":"x"}`), Commitments: [][32]byte{{1}}}
	raw, err := json.Marshal(Proof{Opening: o, Path: [][32]byte{{2}}, Checkpoint: []byte("x\n2\n\n\u2014 k AAAA\n")})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte(`{"opening":null,"path":["00"]}`))
	f.Add([]byte(`{"opening":{"content":"\ud800"}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var p, again Proof
		if json.Unmarshal(raw, &p) != nil {
			return
		}
		if _, err := p.Check(Policy{}, time.Time{}); err == nil {
			t.Fatal("it holds for nobody's keys")
		}
		first, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(first, &again); err != nil {
			t.Fatal(err)
		}
		if second, err := json.Marshal(again); err != nil || !bytes.Equal(first, second) {
			t.Fatalf("%s is read again as %s, %v", first, second, err)
		}
	})
}

func FuzzTilePath(f *testing.F) {
	for _, path := range []string{"checkpoint", "tile/0/000", "tile/entries/x001/067.p/3", "tile/7/x123/x456/789.p/255", "tile/data/000", "tile/0/x999/x999/x999/x999/x999/x999/999"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		tile, ok := ParseTile(path)
		switch {
		case ok && TilePath(tile) != path:
			t.Errorf("%q is read as %q", path, TilePath(tile))
		case ok && (tile.N < 0 || tile.W < 1 || tile.W > 256 || tile.L < -1 || tile.H != 8 || strings.Contains(path, "..")):
			t.Errorf("%q is %+v", path, tile)
		}
	})
}
