package envelope

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Root is the ciphertext root: the SHA-256 over the parts' SHA-256 digests in
// the order of their numbers. It is the value that S3 reports as the composite
// SHA-256 checksum of a multipart object, without its "-N"; it has the same form
// for an exhibit of one part.
func Root(parts []SealedPart) [32]byte {
	parts = slices.Clone(parts)
	slices.SortFunc(parts, func(a, b SealedPart) int { return a.Number - b.Number })
	sum := sha256.New()
	for _, p := range parts {
		sum.Write(p.CipherSHA256[:])
	}
	return [32]byte(sum.Sum(nil))
}

// Nonces is the SHA-256 over the parts' nonces in the order of their numbers:
// what a receipt signs of them, so that nobody can swap the packages of two
// sealings of one part in random access.
func Nonces(parts []SealedPart) [32]byte {
	parts = slices.Clone(parts)
	slices.SortFunc(parts, func(a, b SealedPart) int { return a.Number - b.Number })
	sum := sha256.New()
	for _, p := range parts {
		sum.Write(p.Nonce[:])
	}
	return [32]byte(sum.Sum(nil))
}

// ReaderAt reads any range of an exhibit's plaintext, opening only the packages
// that the range touches. It may be used from several goroutines at once if the
// reader beneath may.
type ReaderAt struct {
	k      Key
	h      Header
	parts  []SealedPart
	size   int64
	cipher io.ReaderAt
}

// maxRun bounds the ciphertext held by one call of ReadAt, in packages.
const maxRun = 64

// NewReaderAt gives random access to the exhibit whose parts, all of them and
// in order, the receipt lists and whose ciphertext lies in cipher at
// [Header.CipherOffset]. The list must fit the header: [ErrPlan]. The parts'
// nonces are checked, since packages of another stream sealed under the same
// part key would pass without; the parts' digests cannot be, that takes the
// whole part. The tag of an empty exhibit is checked here.
func NewReaderAt(k Key, h Header, parts []SealedPart, cipher io.ReaderAt) (*ReaderAt, error) {
	if err := k.Check(h); err != nil {
		return nil, err
	}
	size, err := plainTotal(h, parts)
	if err != nil {
		return nil, err
	}
	if size == 0 {
		tag := io.NewSectionReader(cipher, 0, EmptyPartSize+1)
		if _, err := OpenPartTo(io.Discard, k, h, 0, true, tag); err != nil {
			return nil, err
		}
	}
	return &ReaderAt{k: k, h: h, parts: slices.Clone(parts), size: size, cipher: cipher}, nil
}

// plainTotal checks a receipt's parts against the header and returns the
// plaintext length that they make together.
func plainTotal(h Header, parts []SealedPart) (int64, error) {
	if n := h.Parts(); len(parts) == 0 || len(parts) > MaxParts || n >= 0 && n != len(parts) {
		return 0, fmt.Errorf("%w: %d parts of %d", ErrPlan, len(parts), n)
	}
	var total int64
	for i, p := range parts {
		size := h.PlainSize(i)
		if h.Length < 0 && i == len(parts)-1 { // any size that one part can have
			packages := (p.CipherSize + cipherPackage - 1) / cipherPackage
			size = p.CipherSize - packages*packageOverhead
			if size < 0 || size > h.PartSize || size == 0 && i > 0 {
				size = h.PartSize
			}
		}
		want := cipherSize(size)
		if size == 0 {
			want = EmptyPartSize
		}
		if p.Number != i || p.CipherSize != want {
			return 0, fmt.Errorf("%w: part %d of %d bytes, want part %d of %d bytes", ErrPlan, p.Number, p.CipherSize, i, want)
		}
		total += size
	}
	return total, nil
}

// Size is the plaintext length in bytes.
func (r *ReaderAt) Size() int64 { return r.size }

// ReadAt implements [io.ReaderAt]. It returns authentic plaintext only; it fails
// with [ErrPart], [ErrTruncated] or the error of the reader beneath.
func (r *ReaderAt) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, errors.New("envelope: negative offset")
	}
	for n < len(p) && off < r.size {
		m, err := r.readRun(p[n:], off)
		n, off = n+m, off+int64(m)
		if err != nil {
			return n, err
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// readRun reads from one run of packages of one part.
func (r *ReaderAt) readRun(p []byte, off int64) (int, error) {
	i := int(off / r.h.PartSize)
	last := i == len(r.parts)-1
	within := off % r.h.PartSize
	partSize := min(r.h.PartSize, r.size-int64(i)*r.h.PartSize)
	first := within / PackageSize
	skip := int(within % PackageSize)
	count := min(maxRun, (int64(skip)+int64(len(p))+PackageSize-1)/PackageSize)
	end := min((first+count)*PackageSize, partSize)
	p = p[:min(int64(len(p)), end-within)]

	buf := make([]byte, cipherSize(end-first*PackageSize))
	if n, err := r.cipher.ReadAt(buf, r.h.CipherOffset(i)+first*cipherPackage); n < len(buf) {
		if err == io.EOF {
			return 0, fmt.Errorf("part %d: %w", i, ErrTruncated)
		}
		return 0, fmt.Errorf("envelope: reading ciphertext of part %d: %w", i, err)
	}
	if err := r.checkNonces(buf, i, end == partSize); err != nil {
		return 0, err
	}
	dec, err := newDARE(r.k.part(r.h, i, last), uint32(first), bytes.NewReader(buf))
	if err != nil {
		return 0, err
	}
	// What precedes the range in its first package; p is not touched before
	// its package is authentic.
	if _, err = io.CopyN(io.Discard, dec, int64(skip)); err == nil {
		var n int
		if n, err = io.ReadFull(dec, p); err == nil {
			return n, nil
		}
	}
	return 0, fmt.Errorf("part %d: %w: %w", i, ErrPart, err)
}

// checkNonces compares every package's nonce with the receipt's; only the last
// package of the part carries the final bit.
func (r *ReaderAt) checkNonces(run []byte, i int, final bool) error {
	for at := 0; at < len(run); at += cipherPackage {
		want := streamNonce(r.parts[i].Nonce)
		if final && at+cipherPackage >= len(run) {
			want[0] |= 0x80
		}
		if subtle.ConstantTimeCompare(run[at+4:at+16], want[:]) != 1 {
			return fmt.Errorf("part %d: %w: a package has another nonce than the receipt", i, ErrPart)
		}
	}
	return nil
}
