package envelope

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/minio/sio"
)

// refuse opens the exhibit sequentially and wants a failure of that class.
func refuse(t *testing.T, what string, want error, x *exhibit) {
	t.Helper()
	if got, err := x.open(); !errors.Is(err, want) {
		t.Errorf("%s: opened %d bytes with error %v, want %v", what, len(got), err, want)
	}
}

func (x *exhibit) copy() *exhibit {
	c := *x
	c.parts = slices.Clone(x.parts)
	c.cipher = nil
	for _, p := range x.cipher {
		c.cipher = append(c.cipher, slices.Clone(p))
	}
	return &c
}

// other is an exhibit of the same key and the same bytes, but another id.
func (x *exhibit) other(t *testing.T) *exhibit {
	o := x.copy()
	o.h.Evidence = "evidence1_b"
	o.h = x.k.Commit(o.h)
	for i := range o.cipher {
		last := i == len(o.cipher)-1
		plain := x.plain[int64(i)*x.h.PartSize : min(int64(len(x.plain)), int64(i+1)*x.h.PartSize)]
		var err error
		if o.cipher[i], o.parts[i], err = SealPartBuffer(nil, x.k, o.h, i, last, bytes.NewReader(plain)); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

func TestPartsCannotBeMoved(t *testing.T) {
	for _, unknown := range []bool{false, true} {
		x := sealed(t, 4*k64, k64, unknown) // parts of one size, so that only their keys tell them apart
		o := x.other(t)

		swapped := x.copy()
		swapped.cipher[0], swapped.cipher[1] = swapped.cipher[1], swapped.cipher[0]
		refuse(t, "two parts swapped", ErrPart, swapped)

		moved := x.copy()
		moved.cipher[2] = o.cipher[2]
		refuse(t, "a part of another exhibit", ErrPart, moved)

		repeated := x.copy()
		repeated.cipher[3] = repeated.cipher[2]
		refuse(t, "a part repeated for the last", ErrPart, repeated)

		header := x.copy()
		header.h = o.h
		refuse(t, "another exhibit's header", ErrPart, header)

		dropped := x.copy()
		dropped.cipher = dropped.cipher[:3]
		want := ErrPart // only the key of the part now taken for the last tells
		if !unknown {
			want = ErrPlan
		}
		refuse(t, "the last part dropped", want, dropped)

		added := x.copy()
		added.cipher = append(added.cipher, added.cipher[3])
		if unknown {
			want = ErrPart
		}
		refuse(t, "the last part repeated", want, added)

		if _, err := NewReaderAt(x.k, x.h, x.parts[:3], x.object()); !unknown && !errors.Is(err, ErrPlan) {
			t.Errorf("random access without the last part: %v", err)
		}
		r, err := NewReaderAt(x.k, x.h, x.parts, swapped.object())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.ReadAt(make([]byte, 1), 0); !errors.Is(err, ErrPart) {
			t.Errorf("random access to swapped parts: %v", err)
		}
	}
}

func TestEveryCutIsTruncated(t *testing.T) {
	for _, unknown := range []bool{false, true} {
		x := sealed(t, 2*k64+40, 4*k64, unknown)
		whole := x.cipher[0]
		for _, n := range []int{0, 1, 15, 16, 31, 33, 100, cipherPackage - 1, cipherPackage, cipherPackage + 1,
			2*cipherPackage - 1, 2 * cipherPackage, 2*cipherPackage + 10, len(whole) - 17, len(whole) - 1} {
			x.cipher[0] = whole[:n]
			refuse(t, "cut", ErrTruncated, x)
			if unknown { // its size is then the receipt's, which the next test takes at its word
				continue
			}
			r, err := NewReaderAt(x.k, x.h, x.parts, x.object())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.ReadAt(make([]byte, 10), 2*k64+30); !errors.Is(err, ErrTruncated) {
				t.Errorf("random access after a cut at %d: %v", n, err)
			}
		}
		// 32 bytes might be an empty exhibit, were the length unknown.
		x.cipher[0] = whole[:EmptyPartSize]
		want := ErrTruncated
		if unknown {
			want = ErrPart
		}
		refuse(t, "cut to 32 bytes", want, x)
		x.cipher[0] = append(slices.Clone(whole), 0)
		refuse(t, "a byte more", ErrPart, x)
		x.cipher[0] = append(slices.Clone(whole), whole...)
		refuse(t, "twice the stream", ErrPart, x)
	}
}

func TestEveryFlippedBitIsRefused(t *testing.T) {
	for _, unknown := range []bool{false, true} {
		for _, n := range []int64{0, 1, 40} {
			x := sealed(t, n, k64, unknown)
			for at := range x.cipher[0] {
				for bit := range 8 {
					forged := x.copy()
					forged.cipher[0][at] ^= 1 << bit
					got, err := forged.open()
					// A length byte raised is also a stream cut short.
					if !errors.Is(err, ErrPart) && !(errors.Is(err, ErrTruncated) && unknown && at < 5) || len(got) > 0 {
						t.Errorf("length %d, byte %d, bit %d: %d bytes, %v", n, at, bit, len(got), err)
					}
				}
			}
		}
	}
}

// An empty exhibit is authenticated: nobody without the key makes one, and no
// exhibit can be passed off as empty.
func TestEmptyExhibit(t *testing.T) {
	for _, unknown := range []bool{false, true} {
		x, o := sealed(t, 0, k64, unknown), sealed(t, 0, k64, !unknown)
		if len(x.cipher[0]) != EmptyPartSize || x.parts[0].Nonce != [12]byte{} {
			t.Fatalf("an empty part of %d bytes", len(x.cipher[0]))
		}
		forged := x.copy()
		forged.cipher[0] = o.cipher[0]
		refuse(t, "the tag of another header", ErrPart, forged)
		if _, err := NewReaderAt(x.k, x.h, x.parts, forged.object()); !errors.Is(err, ErrPart) {
			t.Errorf("random access to a forged empty exhibit: %v", err)
		}
		forged.cipher[0] = nil
		refuse(t, "no tag", ErrTruncated, forged)
		full := sealed(t, 5, k64, true)
		full.cipher[0] = x.cipher[0]
		refuse(t, "emptied", ErrPart, full)
	}
}

func TestHeaderIsBound(t *testing.T) {
	x := sealed(t, 2*k64, k64, false)
	raw, err := x.h.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	for at := range raw {
		flipped := slices.Clone(raw)
		flipped[at] ^= 1
		h, err := ParseHeader(flipped)
		if err != nil {
			if !errors.Is(err, ErrHeader) {
				t.Errorf("byte %d: %v", at, err)
			}
			continue
		}
		forged := x.copy()
		forged.h = h
		refuse(t, "a flipped header byte", ErrCommitment, forged)
		if at >= len(raw)-commitmentSize {
			continue
		}
		if h.Hash() == x.h.Hash() {
			t.Errorf("byte %d is not in the hash", at)
		}
		// Even with the commitment made anew, as the key's holder could.
		forged.h = x.k.Commit(h)
		if _, err := forged.open(); !errors.Is(err, ErrPart) && !errors.Is(err, ErrPlan) && !errors.Is(err, ErrTruncated) {
			t.Errorf("byte %d, commitment made anew: %v", at, err)
		}
	}
}

func TestSecondKeyIsRefused(t *testing.T) {
	x := sealed(t, 10, k64, false)
	second := x.copy()
	second.k = testKey(t, 2)
	refuse(t, "a second key", ErrCommitment, second)
	if _, _, err := SealPartBuffer(nil, second.k, x.h, 0, true, bytes.NewReader(x.plain)); !errors.Is(err, ErrCommitment) {
		t.Errorf("sealing with a second key: %v", err)
	}
	if _, err := NewReaderAt(second.k, x.h, x.parts, x.object()); !errors.Is(err, ErrCommitment) {
		t.Errorf("random access with a second key: %v", err)
	}
	second.h = second.k.Commit(x.h)
	refuse(t, "a second key with its own commitment", ErrPart, second)
	uncommitted := x.copy()
	uncommitted.h.Commitment = [32]byte{}
	refuse(t, "no commitment", ErrCommitment, uncommitted)
}

// sioStream seals under the right part key what the format does not take.
func sioStream(t testing.TB, x *exhibit, version, suite byte, nonce *[12]byte, plain []byte) []byte {
	t.Helper()
	key := x.k.part(x.h, 0, true)
	var out bytes.Buffer
	if _, err := sio.Encrypt(&out, bytes.NewReader(plain), sio.Config{
		MinVersion: version, MaxVersion: version, CipherSuites: []byte{suite}, Key: key[:], Nonce: nonce,
	}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestOtherFormsOfDAREAreRefused(t *testing.T) {
	x := sealed(t, 2*k64, 2*k64, false)
	x.cipher[0] = sioStream(t, x, sio.Version10, sio.AES_256_GCM, nil, x.plain)
	refuse(t, "DARE 1.0", ErrPart, x)
	x.cipher[0] = sioStream(t, x, sio.Version10, sio.AES_256_GCM, nil, x.plain)[:cipherPackage]
	if got, err := x.open(); err == nil || len(got) > 0 {
		t.Errorf("a cut DARE 1.0 stream gave %d bytes", len(got))
	}
	x.cipher[0] = sioStream(t, x, sio.Version20, sio.CHACHA20_POLY1305, nil, x.plain)
	refuse(t, "ChaCha20-Poly1305", ErrPart, x)
}

// A holder of the key may seal streams that are authentic, yet not of the size
// that the part has; a part must not thereby grow or shrink unnoticed.
func TestAuthenticStreamOfWrongSize(t *testing.T) {
	for _, unknown := range []bool{false, true} {
		x := sealed(t, 2*k64, 2*k64, unknown)
		x.cipher[0] = sioStream(t, x, sio.Version20, sio.AES_256_GCM, nil, pattern(5*k64))
		refuse(t, "longer than a part", ErrPart, x)
		if !unknown {
			x.cipher[0] = sioStream(t, x, sio.Version20, sio.AES_256_GCM, nil, pattern(k64))
			refuse(t, "shorter than the part", ErrPart, x)
		}
	}
}

// Two streams under one part key: sealed again, a part's packages fit those of
// the other by key and place, and differ by nonce alone.
func TestNonceSplice(t *testing.T) {
	x := sealed(t, 3*k64, 4*k64, false)
	again, p, err := SealPartBuffer(nil, x.k, x.h, 0, true, bytes.NewReader(bytes.Repeat([]byte("forged! "), 3*k64/8)))
	if err != nil {
		t.Fatal(err)
	}
	if p.Nonce == x.parts[0].Nonce {
		t.Fatal("a nonce was used twice")
	}
	for pkg := range 3 {
		spliced := x.copy()
		copy(spliced.cipher[0][pkg*cipherPackage:(pkg+1)*cipherPackage], again[pkg*cipherPackage:])
		refuse(t, "a package of another stream", ErrPart, spliced)
		r, err := NewReaderAt(x.k, x.h, x.parts, spliced.object())
		if err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 16)
		if _, err := r.ReadAt(buf, int64(pkg)*k64+5); !errors.Is(err, ErrPart) || bytes.Contains(buf, []byte("forged")) {
			t.Errorf("package %d of another stream read as %q: %v", pkg, buf, err)
		}
		// By the other stream's nonce it does open: only the receipt tells.
		if r, err = NewReaderAt(x.k, x.h, []SealedPart{p}, spliced.object()); err != nil {
			t.Fatal(err)
		}
		if _, err := r.ReadAt(buf, int64(pkg)*k64+5); err != nil || !bytes.Contains(buf, []byte("forged")) {
			t.Errorf("the attack itself does not work, so that the test proves nothing: %q, %v", buf, err)
		}
	}
}

func TestReceiptMustFitTheHeader(t *testing.T) {
	for _, unknown := range []bool{false, true} {
		x := sealed(t, 5*k64+1, 2*k64, unknown)
		for what, change := range map[string]func(p []SealedPart) []SealedPart{
			"none":            func([]SealedPart) []SealedPart { return nil },
			"out of order":    func(p []SealedPart) []SealedPart { p[0], p[1] = p[1], p[0]; return p },
			"first missing":   func(p []SealedPart) []SealedPart { return p[1:] },
			"size":            func(p []SealedPart) []SealedPart { p[1].CipherSize--; return p },
			"last too long":   func(p []SealedPart) []SealedPart { p[2].CipherSize = 3 * cipherPackage; return p },
			"last empty":      func(p []SealedPart) []SealedPart { p[2].CipherSize = EmptyPartSize; return p },
			"last of nothing": func(p []SealedPart) []SealedPart { p[2].CipherSize = 0; return p },
			"last negative":   func(p []SealedPart) []SealedPart { p[2].CipherSize = -70000; return p },
			"no package":      func(p []SealedPart) []SealedPart { p[2].CipherSize = cipherPackage + 20; return p },
		} {
			if _, err := NewReaderAt(x.k, x.h, change(slices.Clone(x.parts)), x.object()); !errors.Is(err, ErrPlan) {
				t.Errorf("%s (unknown length: %t): %v", what, unknown, err)
			}
		}
	}
}

func TestErrorsStay(t *testing.T) {
	x := sealed(t, 3*k64, 4*k64, false)
	x.cipher[0][10] ^= 1
	r, err := OpenPart(x.k, x.h, 0, true, bytes.NewReader(x.cipher[0]))
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		if n, err := r.Read(make([]byte, 100)); n != 0 || !errors.Is(err, ErrPart) {
			t.Fatalf("%d bytes, %v", n, err)
		}
	}
	s, err := SealPart(x.k, x.h, 0, true, bytes.NewReader(nil))
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		if n, err := s.Read(make([]byte, 100)); n != 0 || !errors.Is(err, ErrLength) || err == io.EOF {
			t.Fatalf("%d bytes, %v", n, err)
		}
	}
}
