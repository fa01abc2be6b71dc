package envelope

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/minio/sio"
)

var update = flag.Bool("update", false, "write testdata/vectors anew")

// classes are the names by which the vectors call the failures.
var classes = map[string]error{
	"header": ErrHeader, "commitment": ErrCommitment, "plan": ErrPlan, "truncated": ErrTruncated, "part": ErrPart,
}

// hexed is a byte string that JSON shows in hexadecimal; []byte shows as base64.
type hexed []byte

func (h hexed) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }
func (h *hexed) UnmarshalText(b []byte) (err error) {
	*h, err = hex.DecodeString(string(b))
	return err
}

type (
	headerVector struct {
		Name   string `json:"name"`
		Header hexed  `json:"header"`
		// Of a good header:
		PartSize   int64  `json:"part_size,omitempty"`
		Length     *int64 `json:"length,omitempty"`
		State      string `json:"state,omitempty"`
		Case       string `json:"case,omitempty"`
		Evidence   string `json:"evidence,omitempty"`
		Salt       hexed  `json:"salt,omitempty"`
		Commitment hexed  `json:"commitment,omitempty"`
		Hash       hexed  `json:"hash,omitempty"`
		Parts      int    `json:"parts,omitempty"`
		// Of a bad one:
		Failure string `json:"failure,omitempty"`
	}
	partVector struct {
		Number       int    `json:"number"`
		Key          hexed  `json:"key,omitempty"`
		CipherOffset int64  `json:"cipher_offset"`
		CipherSize   int64  `json:"cipher_size"`
		CipherSHA256 hexed  `json:"cipher_sha256"`
		Nonce        hexed  `json:"nonce"`
		Head         hexed  `json:"head"` // the first 48 bytes of ciphertext
		Cipher       []byte `json:"cipher_base64,omitempty"`
	}
	exhibitVector struct {
		Name        string        `json:"name"`
		Key         hexed         `json:"key"`
		Header      hexed         `json:"header"`
		HeaderHash  hexed         `json:"header_hash"`
		Commitment  hexed         `json:"commitment"`
		Length      int64         `json:"plain_length"`
		PlainSHA256 hexed         `json:"plain_sha256"`
		Parts       []partVector  `json:"parts"`
		Root        hexed         `json:"root"`
		Ranges      []rangeVector `json:"ranges,omitempty"`
	}
	rangeVector struct {
		Offset int64 `json:"offset"`
		Length int64 `json:"length"`
		Plain  hexed `json:"plain,omitempty"`
	}
	edit struct {
		Op     string `json:"op"`
		Part   int    `json:"part"`
		With   int    `json:"with,omitempty"`
		Offset int    `json:"offset,omitempty"`
		Size   int    `json:"size,omitempty"`
		Bytes  hexed  `json:"bytes,omitempty"`
	}
	failureVector struct {
		Name    string       `json:"name"`
		Exhibit string       `json:"exhibit"`
		Key     hexed        `json:"key,omitempty"`    // in place of the exhibit's
		Header  hexed        `json:"header,omitempty"` // in place of the exhibit's
		Edits   []edit       `json:"edits,omitempty"`
		Range   *rangeVector `json:"range,omitempty"` // read at random instead of whole
		Failure string       `json:"failure"`
	}
	vectors struct {
		Good []headerVector
		Bad  []headerVector
		X    []exhibitVector
		F    []failureVector
	}
)

func digest(s string) [32]byte { return sha256.Sum256([]byte(s)) }

// fixed is sealed with key, salt and nonces that depend on the name alone.
func fixed(t testing.TB, name string, length, partSize int64, unknown bool) *exhibit {
	t.Helper()
	x := &exhibit{plain: pattern(length)}
	secret := digest("key " + name)
	var err error
	if x.k, err = NewKey(secret[:]); err != nil {
		t.Fatal(err)
	}
	declared := length
	if unknown {
		declared = UnknownLength
	}
	x.h = Header{Version: Version1, PartSize: partSize, Length: declared, State: "KZ",
		Case: "case1_mfrggzdfmztwq2lkmfrggzdfmy", Evidence: "evidence1_" + name, Salt: digest("salt " + name)}
	x.h = x.k.Commit(x.h)
	n := max(1, int((length+partSize-1)/partSize))
	for i := range n {
		nonce := digest(fmt.Sprintf("nonce %s %d", name, i))
		c, p, err := sealPartBuffer(nil, x.k, x.h, i, i == n-1, [12]byte(nonce[:]),
			bytes.NewReader(x.plain[int64(i)*partSize:min(length, int64(i+1)*partSize)]))
		if err != nil {
			t.Fatal(err)
		}
		x.cipher, x.parts = append(x.cipher, c), append(x.parts, p)
	}
	return x
}

func (x *exhibit) vector(t testing.TB, name string, whole bool, ranges ...[2]int64) exhibitVector {
	secret, hash, sum, root := x.k.secret(), x.h.Hash(), sha256.Sum256(x.plain), Root(x.parts)
	v := exhibitVector{Name: name, Key: secret[:], Header: mustMarshal(t, x.h), HeaderHash: hash[:],
		Commitment: x.h.Commitment[:], Length: int64(len(x.plain)), PlainSHA256: sum[:], Root: root[:]}
	for i, p := range x.parts {
		pv := partVector{Number: i, CipherOffset: x.h.CipherOffset(i), CipherSize: p.CipherSize, CipherSHA256: p.CipherSHA256[:],
			Nonce: p.Nonce[:], Head: x.cipher[i][:min(48, len(x.cipher[i]))]}
		if len(x.plain) > 0 {
			key := x.k.part(x.h, i, i == len(x.parts)-1)
			pv.Key = key[:]
		}
		if whole {
			pv.Cipher = x.cipher[i]
		}
		v.Parts = append(v.Parts, pv)
	}
	for _, r := range ranges {
		v.Ranges = append(v.Ranges, rangeVector{r[0], r[1], x.plain[r[0] : r[0]+r[1]]})
	}
	return v
}

func mustMarshal(t testing.TB, h Header) []byte {
	t.Helper()
	raw, err := h.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func makeVectors(t *testing.T) (v vectors) {
	empty, one := fixed(t, "empty", 0, DefaultPartSize, false), fixed(t, "one", 1, DefaultPartSize, false)
	parts, packages := fixed(t, "parts", k64+100, k64, false), fixed(t, "packages", k64+100, 2*k64, false)
	exact, large := fixed(t, "exact", 2*k64, k64, false), fixed(t, "large", 5*k64+77, 2*k64, false)
	stream, nothing := fixed(t, "stream", 100, k64, true), fixed(t, "nothing", 0, k64, true)
	v.X = []exhibitVector{
		empty.vector(t, "empty", true),
		one.vector(t, "one", true, [2]int64{0, 1}),
		parts.vector(t, "parts", true, [2]int64{0, 4}, [2]int64{k64 - 3, 6}, [2]int64{k64 + 98, 2}),
		packages.vector(t, "packages", true, [2]int64{0, 4}, [2]int64{k64 - 3, 6}, [2]int64{k64 + 98, 2}),
		exact.vector(t, "exact", false), large.vector(t, "large", false),
		stream.vector(t, "stream", true, [2]int64{90, 10}), nothing.vector(t, "nothing", true),
	}
	for i, x := range []*exhibit{one, parts, stream, empty} {
		hash := x.h.Hash()
		v.Good = append(v.Good, headerVector{Name: v.X[[]int{1, 2, 6, 0}[i]].Name, Header: mustMarshal(t, x.h), PartSize: x.h.PartSize, Length: &x.h.Length,
			State: x.h.State, Case: x.h.Case, Evidence: x.h.Evidence, Salt: x.h.Salt[:], Commitment: x.h.Commitment[:], Hash: hash[:], Parts: x.h.Parts()})
	}
	bad := func(name string, change func(b []byte) []byte) {
		v.Bad = append(v.Bad, headerVector{Name: name, Header: change(mustMarshal(t, parts.h)), Failure: "header"})
	}
	set := func(at int, with ...byte) func([]byte) []byte {
		return func(b []byte) []byte { copy(b[at:], with); return b }
	}
	bad("no bytes", func([]byte) []byte { return nil })
	bad("cut by one byte", func(b []byte) []byte { return b[:len(b)-1] })
	bad("one byte more", func(b []byte) []byte { return append(b, 0) })
	bad("without commitment", func(b []byte) []byte { return b[:len(b)-commitmentSize] })
	bad("magic", set(0, 'C'))
	bad("version 2", set(8, 2))
	bad("part size 0", set(9, make([]byte, 8)...))
	bad("part size not of whole packages", set(16, 1))
	bad("part size above 4 GiB", set(9, 0, 0, 0, 2))
	bad("negative part size", set(9, 0xff))
	bad("length below -1", set(17, bytes.Repeat([]byte{0xff}, 7)...))
	bad("more than 10,000 parts", set(17, 0, 0, 0, 1))
	bad("state in lower case", set(25, 'k', 'z'))
	bad("case id of no bytes", set(59, 0))
	bad("case id beyond the end", set(59, 0xff))
	bad("space in the case id", set(60, ' '))
	bad("evidence id longer than 64 bytes", func(b []byte) []byte {
		long := bytes.Repeat([]byte("e"), 65)
		return slices.Concat(b[:92], []byte{65}, long, make([]byte, commitmentSize))
	})
	v.F = makeFailures(t, map[string]*exhibit{"empty": empty, "one": one, "parts": parts, "packages": packages, "stream": stream, "nothing": nothing})
	return v
}

func makeFailures(t *testing.T, x map[string]*exhibit) []failureVector {
	second := digest("second key")
	secondKey, err := NewKey(second[:])
	if err != nil {
		t.Fatal(err)
	}
	flipped := x["one"].h
	flipped.Evidence = "evidence1_0ne"
	moved := x["one"].k.Commit(flipped)
	nonce, refilled := digest("nonce of the splice"), bytes.Repeat([]byte("forged! "), (k64+100)/8+1)[:k64+100]
	splice, _, err := sealPartBuffer(nil, x["packages"].k, x["packages"].h, 0, true, [12]byte(nonce[:]), bytes.NewReader(refilled))
	if err != nil {
		t.Fatal(err)
	}
	n12 := [12]byte(nonce[:])
	elsewhere, _, err := sealPartBuffer(nil, x["one"].k, moved, 0, true, n12, bytes.NewReader(x["one"].plain))
	if err != nil {
		t.Fatal(err)
	}
	return []failureVector{
		{Name: "second key", Exhibit: "one", Key: second[:], Failure: "commitment"},
		{Name: "second key with its own commitment", Exhibit: "one", Key: second[:], Header: mustMarshal(t, secondKey.Commit(x["one"].h)), Failure: "part"},
		{Name: "no commitment", Exhibit: "one", Header: append(x["one"].h.bound(), make([]byte, 32)...), Failure: "commitment"},
		{Name: "evidence id changed", Exhibit: "one", Header: mustMarshal(t, flipped), Failure: "commitment"},
		{Name: "evidence id and commitment changed", Exhibit: "one", Header: mustMarshal(t, moved), Failure: "part"},
		{Name: "package version flipped", Exhibit: "one", Edits: []edit{{Op: "flip", Offset: 0}}, Failure: "part"},
		{Name: "cipher suite flipped", Exhibit: "one", Edits: []edit{{Op: "flip", Offset: 1}}, Failure: "part"},
		{Name: "package length flipped", Exhibit: "one", Edits: []edit{{Op: "flip", Offset: 2}}, Failure: "part"},
		{Name: "nonce flipped", Exhibit: "one", Edits: []edit{{Op: "flip", Offset: 9}}, Failure: "part"},
		{Name: "ciphertext flipped", Exhibit: "one", Edits: []edit{{Op: "flip", Offset: 16}}, Failure: "part"},
		{Name: "tag flipped", Exhibit: "one", Edits: []edit{{Op: "flip", Offset: 32}}, Failure: "part"},
		{Name: "no bytes", Exhibit: "one", Edits: []edit{{Op: "cut", Size: 0}}, Failure: "truncated"},
		{Name: "cut in a package", Exhibit: "parts", Edits: []edit{{Op: "cut", Size: 40000}}, Failure: "truncated"},
		{Name: "cut after a package", Exhibit: "packages", Edits: []edit{{Op: "cut", Size: cipherPackage}}, Failure: "truncated"},
		{Name: "cut, length unknown", Exhibit: "stream", Edits: []edit{{Op: "cut", Size: 131}}, Failure: "truncated"},
		{Name: "a byte more", Exhibit: "one", Edits: []edit{{Op: "append", Bytes: []byte{0}}}, Failure: "part"},
		{Name: "parts swapped, the first now shorter than planned", Exhibit: "parts", Edits: []edit{{Op: "swap", Part: 0, With: 1}}, Failure: "truncated"},
		{Name: "part of another exhibit", Exhibit: "one", Edits: []edit{{Op: "set", Bytes: elsewhere}}, Failure: "part"},
		{Name: "last part dropped", Exhibit: "parts", Edits: []edit{{Op: "drop", Part: 1}}, Failure: "plan"},
		{Name: "last part repeated", Exhibit: "parts", Edits: []edit{{Op: "repeat", Part: 1}}, Failure: "plan"},
		{Name: "first part repeated for the last", Exhibit: "parts", Edits: []edit{{Op: "drop", Part: 1}, {Op: "repeat", Part: 0}}, Failure: "part"},
		{Name: "part repeated, length unknown, the first now shorter than planned", Exhibit: "stream", Edits: []edit{{Op: "repeat", Part: 0}}, Failure: "truncated"},
		{Name: "DARE 1.0", Exhibit: "one", Edits: []edit{{Op: "set", Bytes: sioStream(t, x["one"], sio.Version10, sio.AES_256_GCM, &n12, x["one"].plain)}}, Failure: "part"},
		{Name: "ChaCha20-Poly1305", Exhibit: "one", Edits: []edit{{Op: "set", Bytes: sioStream(t, x["one"], sio.Version20, sio.CHACHA20_POLY1305, &n12, x["one"].plain)}}, Failure: "part"},
		{Name: "authentic stream longer than the part", Exhibit: "one", Edits: []edit{{Op: "set", Bytes: sioStream(t, x["one"], sio.Version20, sio.AES_256_GCM, &n12, pattern(2))}}, Failure: "part"},
		{Name: "package of another stream", Exhibit: "packages", Edits: []edit{{Op: "replace", Offset: cipherPackage, Bytes: splice[cipherPackage:]}}, Failure: "part"},
		{Name: "package of another stream, read at random", Exhibit: "packages", Range: &rangeVector{Offset: k64 + 10, Length: 8},
			Edits: []edit{{Op: "replace", Offset: cipherPackage, Bytes: splice[cipherPackage:]}}, Failure: "part"},
		{Name: "cut, read at random", Exhibit: "packages", Range: &rangeVector{Offset: k64 + 10, Length: 8},
			Edits: []edit{{Op: "cut", Size: cipherPackage}}, Failure: "truncated"},
		{Name: "empty exhibit's tag flipped", Exhibit: "empty", Edits: []edit{{Op: "flip", Offset: 31}}, Failure: "part"},
		{Name: "empty exhibit without tag", Exhibit: "empty", Edits: []edit{{Op: "cut", Size: 0}}, Failure: "truncated"},
		{Name: "empty exhibit's tag with a byte more", Exhibit: "empty", Edits: []edit{{Op: "append", Bytes: []byte{0}}}, Failure: "part"},
		{Name: "emptied, length unknown", Exhibit: "stream", Edits: []edit{{Op: "set", Bytes: x["nothing"].cipher[0]}}, Failure: "part"},
	}
}

// edited applies the edits of a failure vector to an exhibit read from its vector.
func edited(t *testing.T, parts [][]byte, edits []edit) [][]byte {
	for _, e := range edits {
		switch e.Op {
		case "flip":
			parts[e.Part][e.Offset] ^= 1
		case "cut":
			parts[e.Part] = parts[e.Part][:e.Size]
		case "append":
			parts[e.Part] = append(parts[e.Part], e.Bytes...)
		case "replace":
			copy(parts[e.Part][e.Offset:], e.Bytes)
		case "set":
			parts[e.Part] = e.Bytes
		case "swap":
			parts[e.Part], parts[e.With] = parts[e.With], parts[e.Part]
		case "drop":
			parts = slices.Delete(parts, e.Part, e.Part+1)
		case "repeat":
			parts = append(parts, parts[e.Part])
		default:
			t.Fatalf("unknown edit %q", e.Op)
		}
	}
	return parts
}

// TestVectorsAreCurrent makes the vectors and compares them with the files: as
// long as it passes, the format has not changed.
func TestVectorsAreCurrent(t *testing.T) {
	v, total := makeVectors(t), 0
	for name, content := range map[string]any{
		"header.json":   map[string]any{"good": v.Good, "bad": v.Bad},
		"exhibits.json": v.X, "failures.json": v.F,
	} {
		want, err := json.MarshalIndent(content, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, '\n')
		total += len(want)
		path := filepath.Join("testdata", "vectors", name)
		if *update {
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what this code makes (%v); a change of the format needs a new version", name, err)
		}
	}
	if total > 300_000 {
		t.Errorf("the vectors take %d bytes", total)
	}
}

func load(t *testing.T, name string, into any) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "vectors", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
}

func TestHeaderVectors(t *testing.T) {
	var v vectors
	load(t, "header.json", &v)
	for _, g := range v.Good {
		h, err := ParseHeader(g.Header)
		if err != nil {
			t.Errorf("%s: %v", g.Name, err)
			continue
		}
		hash := h.Hash()
		if h != (Header{Version1, g.PartSize, *g.Length, g.State, g.Case, g.Evidence, [32]byte(g.Salt), [32]byte(g.Commitment)}) ||
			!bytes.Equal(hash[:], g.Hash) || h.Parts() != g.Parts {
			t.Errorf("%s: %+v", g.Name, h)
		}
	}
	for _, b := range v.Bad {
		if _, err := ParseHeader(b.Header); err == nil || !errors.Is(err, classes[b.Failure]) {
			t.Errorf("%s: %v", b.Name, err)
		}
	}
	if len(v.Good) == 0 || len(v.Bad) == 0 {
		t.Error("no vectors")
	}
}

// exhibitOf reads an exhibit as a stranger would: from the vector alone.
func (v exhibitVector) exhibit(t *testing.T) *exhibit {
	t.Helper()
	x := &exhibit{plain: pattern(v.Length)}
	var err error
	if x.k, err = NewKey(v.Key); err != nil {
		t.Fatal(err)
	}
	if x.h, err = ParseHeader(v.Header); err != nil {
		t.Fatal(err)
	}
	for _, p := range v.Parts {
		x.cipher = append(x.cipher, slices.Clone(p.Cipher))
		x.parts = append(x.parts, SealedPart{p.Number, p.CipherSize, [32]byte(p.CipherSHA256), [12]byte(p.Nonce)})
	}
	return x
}

func TestExhibitVectors(t *testing.T) {
	var all []exhibitVector
	load(t, "exhibits.json", &all)
	for _, v := range all {
		x := v.exhibit(t)
		if root := Root(x.parts); !bytes.Equal(root[:], v.Root) {
			t.Errorf("%s: root", v.Name)
		}
		if v.Parts[0].Cipher == nil {
			continue // only for writers, whom TestVectorsAreCurrent covers
		}
		got, err := x.open()
		if sum := sha256.Sum256(got); err != nil || !bytes.Equal(sum[:], v.PlainSHA256) || int64(len(got)) != v.Length {
			t.Errorf("%s: %d bytes, %v", v.Name, len(got), err)
		}
		if got, err := specOpen(v.Key, v.Header, x.cipher); err != nil || !bytes.Equal(got, x.plain) {
			t.Errorf("%s, read by the document alone: %d bytes, %v", v.Name, len(got), err)
		}
		r, err := NewReaderAt(x.k, x.h, x.parts, x.object())
		if err != nil {
			t.Errorf("%s: %v", v.Name, err)
			continue
		}
		for _, g := range v.Ranges {
			p := make([]byte, g.Length)
			if _, err := r.ReadAt(p, g.Offset); err != nil || !bytes.Equal(p, g.Plain) {
				t.Errorf("%s: range %d+%d: %x, %v", v.Name, g.Offset, g.Length, p, err)
			}
		}
	}
}

func TestFailureVectors(t *testing.T) {
	var all []exhibitVector
	var failures []failureVector
	load(t, "exhibits.json", &all)
	load(t, "failures.json", &failures)
	seen := map[string]bool{}
	for _, f := range failures {
		at := slices.IndexFunc(all, func(v exhibitVector) bool { return v.Name == f.Exhibit })
		if at < 0 {
			t.Fatalf("%s: no exhibit %q", f.Name, f.Exhibit)
		}
		v := all[at]
		if f.Key != nil {
			v.Key = f.Key
		}
		if f.Header != nil {
			v.Header = f.Header
		}
		x := v.exhibit(t)
		x.cipher = edited(t, x.cipher, f.Edits)
		var err error
		if f.Range != nil {
			var r io.ReaderAt
			if r, err = NewReaderAt(x.k, x.h, x.parts, x.object()); err == nil {
				_, err = r.ReadAt(make([]byte, f.Range.Length), f.Range.Offset)
			}
		} else {
			_, err = x.open()
			if _, serr := specOpen(v.Key, v.Header, x.cipher); serr == nil {
				t.Errorf("%s: a reader made by the document alone opens it", f.Name)
			}
			// A number of parts that the header does not plan shows before any part is opened.
			if n := x.h.Parts(); n >= 0 && n != len(x.cipher) && !errors.Is(err, ErrPlan) {
				t.Errorf("%s: %v", f.Name, err)
			}
		}
		if want := classes[f.Failure]; want == nil || !errors.Is(err, want) {
			t.Errorf("%s: %v, want %s", f.Name, err, f.Failure)
		}
		seen[f.Failure] = true
	}
	for _, class := range []string{"commitment", "plan", "truncated", "part"} {
		if !seen[class] {
			t.Errorf("no vector of class %s", class)
		}
	}
}
