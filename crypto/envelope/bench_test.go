package envelope

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"io"
	"testing"
)

const benchSize = 32 << 20

// BenchmarkRawGCM is the measure of the others: AES-256-GCM over 64 KiB.
func BenchmarkRawGCM(b *testing.B) {
	block, err := aes.NewCipher(make([]byte, 32))
	if err != nil {
		b.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		b.Fatal(err)
	}
	plain, dst := pattern(PackageSize), make([]byte, 0, cipherPackage)
	b.SetBytes(benchSize)
	for b.Loop() {
		for range benchSize / PackageSize {
			gcm.Seal(dst, make([]byte, 12), plain, nil)
		}
	}
}

// BenchmarkSealPart seals one part as a stream.
func BenchmarkSealPart(b *testing.B) {
	k, plain := testKey(b, 1), pattern(benchSize)
	h := testHeader(b, k, "evidence1_a", benchSize, DefaultPartSize)
	buf := make([]byte, 16*cipherPackage)
	b.SetBytes(benchSize)
	b.ReportAllocs()
	for b.Loop() {
		r, err := SealPart(k, h, 0, true, bytes.NewReader(plain))
		if err != nil {
			b.Fatal(err)
		}
		for err == nil {
			_, err = r.Read(buf)
		}
		if err != io.EOF {
			b.Fatal(err)
		}
	}
}

// BenchmarkSealPartBuffer also hashes the ciphertext, as an upload needs it.
func BenchmarkSealPartBuffer(b *testing.B) {
	k, plain := testKey(b, 1), pattern(benchSize)
	h := testHeader(b, k, "evidence1_a", benchSize, DefaultPartSize)
	var buf []byte
	b.SetBytes(benchSize)
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if buf, _, err = SealPartBuffer(buf[:0], k, h, 0, true, bytes.NewReader(plain)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpenPartTo opens one part.
func BenchmarkOpenPartTo(b *testing.B) {
	x := sealed(b, benchSize, DefaultPartSize, false)
	b.SetBytes(benchSize)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := OpenPartTo(io.Discard, x.k, x.h, 0, true, bytes.NewReader(x.cipher[0])); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSeal seals a stream with as many parts at once as there are cores.
func BenchmarkSeal(b *testing.B) {
	k, plain := testKey(b, 1), pattern(4*benchSize)
	h := testHeader(b, k, "evidence1_a", int64(len(plain)), 8<<20)
	b.SetBytes(int64(len(plain)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Seal(b.Context(), k, h, bytes.NewReader(plain), 0, func(context.Context, SealedPart, bool, []byte) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpen opens a whole exhibit with as many parts at once as there are cores.
func BenchmarkOpen(b *testing.B) {
	x := sealed(b, 4*benchSize, 8<<20, false)
	b.SetBytes(4 * benchSize)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Open(b.Context(), io.Discard, x.k, x.h, len(x.parts), 0, x.get); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReadAt4K reads 4 KiB here and there.
func BenchmarkReadAt4K(b *testing.B) {
	x := sealed(b, benchSize, 8<<20, false)
	r, err := NewReaderAt(x.k, x.h, x.parts, x.object())
	if err != nil {
		b.Fatal(err)
	}
	p, off := make([]byte, 4096), int64(0)
	b.SetBytes(4096)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.ReadAt(p, off); err != nil {
			b.Fatal(err)
		}
		off = (off + 7_654_321) % (benchSize - 4096)
	}
}
