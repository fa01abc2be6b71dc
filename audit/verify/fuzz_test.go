package verify

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"testing"
)

// FuzzReadHead: whatever stands in the file is read as written, or refused.
func FuzzReadHead(f *testing.F) {
	f.Add([]byte(`{"state":"KZ","size":3,"chain":"` + hex.EncodeToString(make([]byte, 32)) + `"}`))
	f.Add([]byte(`{"state":"KZ","size":-1,"chain":""}`))
	f.Add([]byte(`{`))
	f.Fuzz(func(t *testing.T, b []byte) {
		state, h, err := readHead(b)
		if err != nil {
			return
		}
		again, err := json.Marshal(headFile{state, h.Size, hex.EncodeToString(h.Chain[:])})
		if err != nil {
			t.Fatal(err)
		}
		if s, g, err := readHead(again); err != nil || g != h || (s != state && json.Valid([]byte(`"`+state+`"`))) {
			t.Fatalf("%s %+v is read again as %s %+v, %v", state, h, s, g, err)
		}
		if h.Size < 0 {
			t.Fatalf("a size of %d", h.Size)
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
