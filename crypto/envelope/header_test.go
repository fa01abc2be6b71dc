package envelope

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestPartSizeFor(t *testing.T) {
	const gib = 1 << 30
	for _, c := range []struct{ length, want int64 }{
		{-1, 64 << 20}, {0, 64 << 20}, {1, 64 << 20}, {625 * gib, 64 << 20}, {625*gib + 1, 128 << 20},
		{1250 * gib, 128 << 20}, {40_000 * gib, MaxPartSize}, {1 << 62, MaxPartSize},
	} {
		if got := PartSizeFor(c.length); got != c.want {
			t.Errorf("length %d: %d, want %d", c.length, got, c.want)
		}
	}
	if cipherSize(MaxPartSize) > 5*gib {
		t.Error("the largest part does not fit S3")
	}
}

func TestPlan(t *testing.T) {
	for _, c := range []struct {
		length int64
		sizes  []int64
	}{
		{0, []int64{0}}, {1, []int64{1}}, {k64, []int64{k64}}, {k64 + 1, []int64{k64, 1}},
		{3 * k64, []int64{k64, k64, k64}},
	} {
		h := testHeader(t, testKey(t, 1), "e", c.length, k64)
		if h.Parts() != len(c.sizes) {
			t.Errorf("length %d: %d parts", c.length, h.Parts())
		}
		for i, want := range append(c.sizes, 0) {
			if got := h.PlainSize(i); got != want {
				t.Errorf("length %d: part %d of %d bytes, want %d", c.length, i, got, want)
			}
		}
		if h.PlainSize(-1) != 0 || h.CipherSize(len(c.sizes)) != 0 {
			t.Error("a part that is not planned has a size")
		}
	}
	h := testHeader(t, testKey(t, 1), "e", UnknownLength, k64)
	if h.Parts() != -1 || h.PlainSize(MaxParts-1) != k64 || h.PlainSize(MaxParts) != 0 {
		t.Error("the plan of an unknown length")
	}
}

func TestNewHeader(t *testing.T) {
	a, err := NewHeader("KZ", "c", "e", 700<<30, 0)
	if err != nil || a.PartSize != 128<<20 || a.Commitment != [32]byte{} {
		t.Fatalf("%+v, %v", a, err)
	}
	b, _ := NewHeader("KZ", "c", "e", 700<<30, 0)
	if a.Salt == b.Salt || a.Hash() == b.Hash() {
		t.Error("a salt came twice")
	}
	for what, h := range map[string]func() (Header, error){
		"state":             func() (Header, error) { return NewHeader("kz", "c", "e", 1, k64) },
		"long state":        func() (Header, error) { return NewHeader("KAZ", "c", "e", 1, k64) },
		"no case":           func() (Header, error) { return NewHeader("KZ", "", "e", 1, k64) },
		"space":             func() (Header, error) { return NewHeader("KZ", "c", "e e", 1, k64) },
		"not ASCII":         func() (Header, error) { return NewHeader("KZ", "é", "e", 1, k64) },
		"long id":           func() (Header, error) { return NewHeader("KZ", "c", strings.Repeat("e", 65), 1, k64) },
		"length":            func() (Header, error) { return NewHeader("KZ", "c", "e", -2, k64) },
		"too many parts":    func() (Header, error) { return NewHeader("KZ", "c", "e", 10_000*k64+1, k64) },
		"small part":        func() (Header, error) { return NewHeader("KZ", "c", "e", 1, k64/2) },
		"odd part":          func() (Header, error) { return NewHeader("KZ", "c", "e", 1, k64+1) },
		"large part":        func() (Header, error) { return NewHeader("KZ", "c", "e", 1, 8<<30) },
		"more than any can": func() (Header, error) { return NewHeader("KZ", "c", "e", 1<<62, 0) },
	} {
		h, err := h()
		if !errors.Is(err, ErrHeader) {
			t.Errorf("%s: %v", what, err)
		}
		if _, err := h.MarshalBinary(); !errors.Is(err, ErrHeader) {
			t.Errorf("%s was marshalled: %v", what, err)
		}
		if err := testKey(t, 1).Check(h); !errors.Is(err, ErrHeader) {
			t.Errorf("%s was checked: %v", what, err)
		}
	}
}

func TestParseHeaderIsStrict(t *testing.T) {
	h := testHeader(t, testKey(t, 1), "evidence1_a", 5, k64)
	raw, err := h.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ParseHeader(raw); err != nil || got != h {
		t.Fatalf("%+v, %v", got, err)
	}
	for n := range raw {
		if _, err := ParseHeader(raw[:n]); !errors.Is(err, ErrHeader) {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
	for _, more := range [][]byte{{0}, raw, make([]byte, 1<<16)} {
		if _, err := ParseHeader(append(bytes.Clone(raw), more...)); !errors.Is(err, ErrHeader) {
			t.Errorf("%d bytes more: %v", len(more), err)
		}
	}
}

func TestHashOfInvalidHeaderPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("an invalid header was hashed")
		}
	}()
	Header{}.Hash()
}

func FuzzParseHeader(f *testing.F) {
	for _, length := range []int64{-1, 0, 5, 1 << 30} {
		raw, _ := testHeader(f, testKey(f, 1), "evidence1_a", length, MaxPartSize).MarshalBinary()
		f.Add(raw)
		f.Add(raw[:len(raw)-1])
		f.Add(append(raw, 0))
	}
	f.Add([]byte(headerMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := ParseHeader(b)
		if err != nil {
			if !errors.Is(err, ErrHeader) {
				t.Fatalf("unclassed: %v", err)
			}
			return
		}
		again, err := h.MarshalBinary()
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("another encoding of the same header: %x as %x, %v", b, again, err)
		}
		// Nothing that a header can say may overflow or divide by zero.
		n := h.Parts()
		if n == 0 || n > MaxParts || h.CipherOffset(MaxParts) < 0 || n > 0 && (h.PlainSize(n) != 0 || h.CipherSize(n-1) < EmptyPartSize) {
			t.Fatalf("plan of %d parts for %+v", n, h)
		}
	})
}

func FuzzOpenPart(f *testing.F) {
	// Deterministic, since the fuzzer runs in several processes.
	all := []*exhibit{
		fixed(f, "a", 40, k64, false), fixed(f, "b", k64+3, 2*k64, false), fixed(f, "c", 0, k64, true),
		fixed(f, "d", 0, k64, false), fixed(f, "e", 33, k64, true),
	}
	for i, x := range all {
		n := len(x.cipher[0])
		f.Add(uint8(i), n, 0, []byte(nil))
		f.Add(uint8(i), n/2, 0, []byte(nil))
		f.Add(uint8(i), n, n, []byte{0})
		f.Add(uint8(i), n, 0, []byte{0x10, 0, 0xff, 0xff, 0x80})
	}
	// The input is a change of a genuine part: cut to size, then written over
	// or prolonged at an offset.
	f.Fuzz(func(t *testing.T, which uint8, size, at int, with []byte) {
		x := all[int(which)%len(all)]
		b := bytes.Clone(x.cipher[0])
		b = b[:max(0, min(size, len(b)))]
		at = max(0, min(at, len(b)))
		b = append(b[:at], append(bytes.Clone(with), b[min(len(b), at+len(with)):]...)...)
		var out bytes.Buffer
		_, err := OpenPartTo(&out, x.k, x.h, 0, true, bytes.NewReader(b))
		if (err == nil) != bytes.Equal(b, x.cipher[0]) {
			t.Fatalf("%d bytes opened with %v", len(b), err)
		}
		if err != nil && !errors.Is(err, ErrPart) && !errors.Is(err, ErrTruncated) {
			t.Fatalf("unclassed: %v", err)
		}
		if !bytes.HasPrefix(x.plain, out.Bytes()) {
			t.Fatal("gave out what was never sealed")
		}
		if len(x.plain) == 0 || len(b) != len(x.cipher[0]) {
			return
		}
		r, err := NewReaderAt(x.k, x.h, x.parts, bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 10)
		if n, err := r.ReadAt(got, r.Size()-10); err == nil && !bytes.Equal(got[:n], x.plain[len(x.plain)-10:]) {
			t.Fatal("random access gave out what was never sealed")
		}
	})
}
