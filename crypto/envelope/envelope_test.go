package envelope

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
)

// pattern is the plaintext of all tests and vectors: byte j is j mod 251.
func pattern(n int64) []byte {
	b := make([]byte, n)
	for j := range b {
		b[j] = byte(j % 251)
	}
	return b
}

func testKey(t testing.TB, seed byte) Key {
	t.Helper()
	b := sha256.Sum256([]byte{seed})
	k, err := NewKey(b[:])
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func testHeader(t testing.TB, k Key, evidence string, length, partSize int64) Header {
	t.Helper()
	h, err := NewHeader("KZ", "case1_mfrggzdfmztwq2lkmfrggzdfmy", evidence, length, partSize)
	if err != nil {
		t.Fatal(err)
	}
	return k.Commit(h)
}

// exhibit is a sealed exhibit in memory.
type exhibit struct {
	k      Key
	h      Header
	plain  []byte
	parts  []SealedPart
	cipher [][]byte
}

// sealed makes an exhibit of length bytes; unknown says whether its header tells so.
func sealed(t testing.TB, length, partSize int64, unknown bool) *exhibit {
	t.Helper()
	x := &exhibit{k: testKey(t, 1), plain: pattern(length)}
	declared := length
	if unknown {
		declared = UnknownLength
	}
	x.h = testHeader(t, x.k, "evidence1_a", declared, partSize)
	n := max(1, int((length+partSize-1)/partSize))
	for i := range n {
		plain := x.plain[int64(i)*partSize : min(length, int64(i+1)*partSize)]
		c, p, err := SealPartBuffer(nil, x.k, x.h, i, i == n-1, bytes.NewReader(plain))
		if err != nil {
			t.Fatal(err)
		}
		x.cipher, x.parts = append(x.cipher, c), append(x.parts, p)
	}
	return x
}

// open opens all parts in turn and returns what was written.
func (x *exhibit) open() ([]byte, error) {
	var out bytes.Buffer
	for i, c := range x.cipher {
		if _, err := OpenPartTo(&out, x.k, x.h, i, i == len(x.cipher)-1, bytes.NewReader(c)); err != nil {
			return out.Bytes(), err
		}
	}
	return out.Bytes(), nil
}

func (x *exhibit) object() *bytes.Reader { return bytes.NewReader(slices.Concat(x.cipher...)) }

const k64 = 64 << 10

var lengths = []int64{0, 1, 31, 32, 33, k64 - 1, k64, k64 + 1, 2*k64 - 1, 2 * k64, 2*k64 + 1, 4 * k64, 5*k64 + 77}

func TestRoundTrip(t *testing.T) {
	for _, unknown := range []bool{false, true} {
		for _, partSize := range []int64{k64, 2 * k64} {
			for _, n := range lengths {
				x := sealed(t, n, partSize, unknown)
				got, err := x.open()
				if err != nil || !bytes.Equal(got, x.plain) {
					t.Fatalf("length %d, parts of %d, unknown %t: %d bytes, %v", n, partSize, unknown, len(got), err)
				}
				if !unknown && x.h.Parts() != len(x.parts) {
					t.Errorf("length %d: %d parts, planned %d", n, len(x.parts), x.h.Parts())
				}
				at := int64(0)
				for i, p := range x.parts {
					if p.CipherSize != int64(len(x.cipher[i])) || p.CipherSHA256 != sha256.Sum256(x.cipher[i]) || p.Number != i {
						t.Errorf("length %d: part %d recorded wrongly: %+v", n, i, p)
					}
					if !unknown && p.CipherSize != x.h.CipherSize(i) || at != x.h.CipherOffset(i) {
						t.Errorf("length %d: part %d is not where the header plans it", n, i)
					}
					at += p.CipherSize
				}
			}
		}
	}
}

// Sources and sinks that give and take little at a time must make no difference.
func TestOddReaders(t *testing.T) {
	x := sealed(t, 2*k64+5, 4*k64, false)
	for name, wrap := range map[string]func(io.Reader) io.Reader{
		"half": iotest.HalfReader, "data with EOF": iotest.DataErrReader, "bytes": iotest.OneByteReader,
	} {
		enc, err := SealPart(x.k, x.h, 0, true, wrap(bytes.NewReader(x.plain)))
		if err != nil {
			t.Fatal(err)
		}
		cipher, err := io.ReadAll(enc)
		if err != nil {
			t.Fatal(err)
		}
		dec, err := OpenPart(x.k, x.h, 0, true, wrap(bytes.NewReader(cipher)))
		if err != nil {
			t.Fatal(err)
		}
		if err := iotest.TestReader(dec, x.plain); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSealPartBufferAppends(t *testing.T) {
	x := sealed(t, k64+9, 2*k64, false)
	dst := make([]byte, 3, 3+x.h.CipherSize(0))
	copy(dst, "abc")
	got, p, err := SealPartBuffer(dst, x.k, x.h, 0, true, bytes.NewReader(x.plain))
	if err != nil || string(got[:3]) != "abc" || &got[0] != &dst[0] || p.CipherSHA256 != sha256.Sum256(got[3:]) {
		t.Fatalf("did not append in place: %v", err)
	}
}

func TestSealRefusesWrongLength(t *testing.T) {
	k := testKey(t, 1)
	for _, c := range []struct {
		length, have int64
		i            int
		last         bool
	}{
		{100, 99, 0, true}, {100, 101, 0, true}, {100, 0, 0, true}, {0, 1, 0, true},
		{k64, k64 + 1, 0, true}, {2 * k64, k64 - 1, 0, false},
		{2 * k64, k64 + 1, 0, false}, {-1, k64 - 1, 0, false}, {-1, k64 + 1, 0, false},
		{-1, 0, 0, false}, {-1, 0, 1, true}, {-1, k64 + 1, 1, true},
	} {
		h := testHeader(t, k, "evidence1_a", c.length, k64)
		r, err := SealPart(k, h, c.i, c.last, bytes.NewReader(pattern(c.have)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, r); !errors.Is(err, ErrLength) {
			t.Errorf("%+v: %v", c, err)
		}
		if _, _, err := SealPartBuffer(nil, k, h, c.i, c.last, bytes.NewReader(pattern(c.have))); !errors.Is(err, ErrLength) {
			t.Errorf("buffer, %+v: %v", c, err)
		}
	}
}

// A source that breaks must never look like one that ended: with an unknown
// length a shorter exhibit would be sealed for whole.
func TestBrokenSources(t *testing.T) {
	k := testKey(t, 1)
	for _, broken := range []error{io.ErrUnexpectedEOF, errors.New("disk")} {
		for _, have := range []int64{0, 10, k64, k64 + 10} {
			h := testHeader(t, k, "evidence1_a", -1, 4*k64)
			src := func() io.Reader { return io.MultiReader(bytes.NewReader(pattern(have)), iotest.ErrReader(broken)) }
			if _, _, err := SealPartBuffer(nil, k, h, 0, true, src()); !errors.Is(err, broken) {
				t.Errorf("sealing %d bytes, then %v: %v", have, broken, err)
			}
			if _, err := Seal(t.Context(), k, h, src(), 1, discard); !errors.Is(err, broken) {
				t.Errorf("Seal of %d bytes, then %v: %v", have, broken, err)
			}
			x := sealed(t, 3*k64, 4*k64, true)
			cut := io.MultiReader(bytes.NewReader(x.cipher[0][:have]), iotest.ErrReader(broken))
			if _, err := OpenPartTo(io.Discard, x.k, x.h, 0, true, cut); !errors.Is(err, broken) || errors.Is(err, ErrPart) {
				t.Errorf("opening %d bytes, then %v: %v", have, broken, err)
			}
		}
	}
}

func discard(context.Context, SealedPart, bool, []byte) error { return nil }

func TestPlanIsEnforced(t *testing.T) {
	x := sealed(t, 3*k64, k64, false)
	for _, c := range []struct {
		i    int
		last bool
	}{{-1, false}, {0, true}, {2, false}, {3, true}, {3, false}} {
		if _, err := SealPart(x.k, x.h, c.i, c.last, nil); !errors.Is(err, ErrPlan) {
			t.Errorf("seal %+v: %v", c, err)
		}
		if _, err := OpenPart(x.k, x.h, c.i, c.last, nil); !errors.Is(err, ErrPlan) {
			t.Errorf("open %+v: %v", c, err)
		}
	}
	unknown := testHeader(t, x.k, "evidence1_a", -1, k64)
	if _, err := OpenPart(x.k, unknown, MaxParts, true, nil); !errors.Is(err, ErrPlan) {
		t.Errorf("part beyond the limit: %v", err)
	}
}

func TestStream(t *testing.T) {
	const size = 2 * k64 // of more than one package, for Seal's shared buffer
	for _, unknown := range []bool{false, true} {
		for _, inFlight := range []int{0, 1, 3} {
			for _, n := range lengths {
				x := &exhibit{k: testKey(t, 1), plain: pattern(n)}
				declared := n
				if unknown {
					declared = UnknownLength
				}
				x.h = testHeader(t, x.k, "evidence1_a", declared, size)
				x.cipher = make([][]byte, max(1, (n+size-1)/size))
				var mu sync.Mutex
				parts, err := Seal(t.Context(), x.k, x.h, bytes.NewReader(x.plain), inFlight,
					func(_ context.Context, p SealedPart, last bool, c []byte) error {
						mu.Lock()
						defer mu.Unlock()
						if last != (p.Number == len(x.cipher)-1) || p.CipherSHA256 != sha256.Sum256(c) {
							return fmt.Errorf("part %d (last: %t) put wrongly", p.Number, last)
						}
						x.cipher[p.Number] = slices.Clone(c)
						return nil
					})
				if err != nil || len(parts) != len(x.cipher) {
					t.Fatalf("length %d: %d parts, %v", n, len(parts), err)
				}
				if got, err := x.open(); err != nil || !bytes.Equal(got, x.plain) {
					t.Fatalf("length %d: sealed as a stream, opened by parts: %v", n, err)
				}
				var out bytes.Buffer
				m, err := Open(t.Context(), &out, x.k, x.h, len(parts), inFlight, x.get)
				if err != nil || m != n || !bytes.Equal(out.Bytes(), x.plain) {
					t.Fatalf("length %d: %d bytes, %v", n, m, err)
				}
			}
		}
	}
}

func (x *exhibit) get(_ context.Context, i int) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(x.cipher[i])), nil
}

func TestStreamFailures(t *testing.T) {
	x := sealed(t, 9*k64, k64, false)
	for _, have := range []int64{0, k64, 9*k64 - 1, 9*k64 + 1, 12 * k64} {
		if _, err := Seal(t.Context(), x.k, x.h, bytes.NewReader(pattern(have)), 2, discard); !errors.Is(err, ErrLength) {
			t.Errorf("Seal of %d bytes: %v", have, err)
		}
	}
	full := errors.New("store is full")
	if _, err := Seal(t.Context(), x.k, x.h, bytes.NewReader(x.plain), 2, func(_ context.Context, p SealedPart, _ bool, _ []byte) error {
		if p.Number == 3 {
			return full
		}
		return nil
	}); !errors.Is(err, full) {
		t.Errorf("a failing put: %v", err)
	}
	if _, err := Open(t.Context(), io.Discard, x.k, x.h, 8, 2, x.get); !errors.Is(err, ErrPlan) {
		t.Errorf("too few parts: %v", err)
	}
	r, w := io.Pipe()
	_ = r.CloseWithError(full)
	if _, err := Open(t.Context(), w, x.k, x.h, 9, 2, x.get); !errors.Is(err, full) {
		t.Errorf("a failing writer: %v", err)
	}
	var out bytes.Buffer
	x.cipher[4][100] ^= 1
	if _, err := Open(t.Context(), &out, x.k, x.h, 9, 3, x.get); !errors.Is(err, ErrPart) || out.Len() > 4*k64 {
		t.Errorf("an altered part: %d bytes, %v", out.Len(), err)
	}
	x.cipher[4][100] ^= 1
	for _, i := range []int{4, 8} {
		x.cipher[i] = append(x.cipher[i], 0)
		if _, err := Open(t.Context(), io.Discard, x.k, x.h, 9, 3, x.get); !errors.Is(err, ErrPart) {
			t.Errorf("a byte after part %d: %v", i, err)
		}
		x.cipher[i] = x.cipher[i][:len(x.cipher[i])-1]
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, io.Discard, x.k, x.h, 9, 2, x.get); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestRandomAccess(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, unknown := range []bool{false, true} {
		for _, n := range lengths {
			x := sealed(t, n, 2*k64, unknown)
			r, err := NewReaderAt(x.k, x.h, x.parts, x.object())
			if err != nil || r.Size() != n {
				t.Fatalf("length %d: %v", n, err)
			}
			for try := range 200 {
				off, size := rng.Int64N(n+2), rng.Int64N(n+2)
				if try%2 == 0 { // about the seams
					off, size = max(0, rng.Int64N(6)*k64+rng.Int64N(3)-1), rng.Int64N(3*k64)
				}
				p := make([]byte, size)
				m, err := r.ReadAt(p, off)
				want := x.plain[min(off, n):min(off+size, n)]
				if !bytes.Equal(p[:m], want) || (err == nil) != (int64(m) == size) || err != nil && err != io.EOF {
					t.Fatalf("length %d, range %d+%d: %d bytes, want %d, %v", n, off, size, m, len(want), err)
				}
			}
			if _, err := r.ReadAt(make([]byte, 1), -1); err == nil {
				t.Error("negative offset taken")
			}
		}
	}
}

// touched counts the bytes asked of it.
type touched struct {
	io.ReaderAt
	n int
}

func (r *touched) ReadAt(p []byte, off int64) (int, error) {
	r.n += len(p)
	return r.ReaderAt.ReadAt(p, off)
}

func TestRandomAccessReadsOnlyWhatItNeeds(t *testing.T) {
	x := sealed(t, 100*k64, 10*k64, false)
	cipher := &touched{ReaderAt: x.object()}
	r, err := NewReaderAt(x.k, x.h, x.parts, cipher)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.ReadAt(make([]byte, 10), 55*k64+100); err != nil || cipher.n != cipherPackage {
		t.Errorf("10 bytes took %d bytes of ciphertext: %v", cipher.n, err)
	}
}

func TestRoot(t *testing.T) {
	x := sealed(t, 3*k64, k64, false)
	var digests []byte
	for _, c := range x.cipher {
		d := sha256.Sum256(c)
		digests = append(digests, d[:]...)
	}
	if Root(x.parts) != sha256.Sum256(digests) {
		t.Error("not the composite checksum")
	}
	swapped := []SealedPart{x.parts[2], x.parts[0], x.parts[1]}
	if Root(swapped) != Root(x.parts) || swapped[0].Number != 2 {
		t.Error("the root depends on the order in which parts were put, or reorders them")
	}
}

func TestKeyIsNeverPrinted(t *testing.T) {
	secret := bytes.Repeat([]byte("K"), 32)
	k, err := NewKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	nested := struct {
		key  Key
		Open Key
		List []Key
	}{k, k, []Key{k}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		if got := fmt.Sprintf(verb, k); got != "[envelope key]" {
			t.Errorf("%s prints %s", verb, got)
		}
		for _, v := range []any{nested, &nested, &k} {
			got := fmt.Sprintf(verb, v)
			for _, leak := range []string{"KKK", "4b4b", "4B4B", "75 75", "75, 75", "0x4b, 0x4b"} {
				if strings.Contains(got, leak) {
					t.Errorf("%s prints the key: %s", verb, got)
				}
			}
		}
	}
	if b, err := json.Marshal(nested); err == nil {
		t.Errorf("marshalled to %s", b)
	}
	clear(secret)
	h := testHeader(t, k, "evidence1_a", 1, k64)
	if err := k.Check(h); err != nil {
		t.Error(err)
	}
	if again, _ := NewKey(secret); again.Check(h) == nil {
		t.Error("the key aliases its caller's bytes")
	}
	for _, n := range []int{0, 16, 31, 33} {
		if _, err := NewKey(make([]byte, n)); !errors.Is(err, ErrKey) {
			t.Errorf("a key of %d bytes: %v", n, err)
		}
	}
	if err := (Key{}).Check(h); !errors.Is(err, ErrKey) {
		t.Errorf("no key at all: %v", err)
	}
}
