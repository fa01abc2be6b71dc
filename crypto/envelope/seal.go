package envelope

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"

	"github.com/minio/sio"
)

// SealedPart is what a receipt records of one part.
type SealedPart struct {
	Number       int      // from 0
	CipherSize   int64    // bytes
	CipherSHA256 [32]byte // of the ciphertext
	// Nonce is the nonce of the part's DARE stream with its final bit (the
	// highest of the first byte) clear, for random access. It is zero for the
	// part of an empty exhibit.
	Nonce [12]byte
}

// SealPart returns the ciphertext of part i as a stream. The reader plain must
// hold exactly the plaintext of the part and then end: [Header.PlainSize]
// bytes, and of an exhibit of unknown length a whole part, or for its last
// part one byte to a whole part (none only where it is also the first). Any
// other length is [ErrLength] before the stream ends. Sealing a part again
// gives other ciphertext.
func SealPart(k Key, h Header, i int, last bool, plain io.Reader) (io.Reader, error) {
	return sealPart(k, h, i, last, newNonce(), plain)
}

// SealPartBuffer seals part i as [SealPart] does, appends the ciphertext to
// dst and returns it with what the receipt will record. It allocates only
// when dst lacks the capacity of [Header.CipherSize].
func SealPartBuffer(dst []byte, k Key, h Header, i int, last bool, plain io.Reader) ([]byte, SealedPart, error) {
	return sealPartBuffer(dst, k, h, i, last, newNonce(), plain)
}

func newNonce() (n [12]byte) {
	_, _ = rand.Read(n[:]) // never fails since Go 1.24
	return n
}

// sealPart is SealPart with a nonce chosen by the caller.
func sealPart(k Key, h Header, i int, last bool, nonce [12]byte, plain io.Reader) (io.Reader, error) {
	if err := k.ready(h, i, last); err != nil {
		return nil, err
	}
	size := h.PlainSize(i)
	src := &source{r: plain, what: "plaintext", min: size, max: size, bad: ErrLength}
	if h.Length < 0 && last {
		src.min = min(1, int64(i))
	}
	key := k.part(h, i, last)
	enc, err := sio.EncryptReader(src, sio.Config{
		MinVersion: sio.Version20, MaxVersion: sio.Version20,
		CipherSuites: []byte{sio.AES_256_GCM},
		Key:          key[:], Nonce: &nonce,
	})
	if err != nil {
		return nil, fmt.Errorf("envelope: part %d: %w", i, err)
	}
	s := &sealer{enc: enc}
	if h.mayBeEmpty(i, last) {
		tag := k.emptyTag(h)
		s.tag = tag[:]
	}
	return s, nil
}

func sealPartBuffer(dst []byte, k Key, h Header, i int, last bool, nonce [12]byte, plain io.Reader) ([]byte, SealedPart, error) {
	enc, err := sealPart(k, h, i, last, nonce, plain)
	if err != nil {
		return nil, SealedPart{}, err
	}
	if h.Length >= 0 || !last { // the size is known: one allocation
		dst = slices.Grow(dst, int(h.CipherSize(i)))
	}
	start, sum := len(dst), sha256.New()
	for err == nil {
		// By the package, so that sio writes straight into dst and the hash
		// reads what is still in the processor's cache. When dst is full one
		// byte more tells whether the stream has ended.
		var n int
		at := len(dst)
		if at == cap(dst) {
			var more [1]byte
			n, err = enc.Read(more[:])
			dst = append(dst, more[:n]...)
		} else {
			n, err = enc.Read(dst[at:min(cap(dst), at+cipherPackage)])
			dst = dst[:at+n]
		}
		sum.Write(dst[at:])
	}
	if err != io.EOF {
		return nil, SealedPart{}, fmt.Errorf("sealing part %d: %w", i, err)
	}
	part := SealedPart{Number: i, CipherSize: int64(len(dst) - start), CipherSHA256: [32]byte(sum.Sum(nil))}
	if part.CipherSize > EmptyPartSize {
		part.Nonce = streamNonce(nonce)
	}
	return dst, part, nil
}

// streamNonce clears the bit by which DARE marks the final package.
func streamNonce(n [12]byte) [12]byte {
	n[0] &= 0x7f
	return n
}

// sealer reads DARE, or the tag of an empty exhibit when nothing came. Its
// errors stay: sio's readers could go on after one.
type sealer struct {
	enc  io.Reader
	tag  []byte // nil where the part may not be empty
	some bool   // ciphertext was read
	err  error
}

func (s *sealer) Read(p []byte) (int, error) {
	if s.err != nil || len(p) == 0 {
		return 0, s.err
	}
	n, err := s.enc.Read(p)
	s.some = s.some || n > 0
	if err == io.EOF && !s.some {
		s.enc, s.some = bytes.NewReader(s.tag), true
		return s.Read(p)
	}
	s.err = err
	return n, err
}

// source counts what is read and holds it to a length. An error of the reader
// beneath is wrapped, so that sio cannot take an io.ErrUnexpectedEOF (of a
// broken connection, say) for the end of the stream.
type source struct {
	r        io.Reader
	what     string // what is read, for the error's text
	min, max int64  // bytes; outside of them Read fails with bad
	bad      error
	n        int64
	err      error
}

func (s *source) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.r.Read(p)
	s.n += int64(n)
	switch {
	case s.n > s.max:
		s.err = fmt.Errorf("%w: more than %d bytes", s.bad, s.max)
	case err == io.EOF && s.n < s.min:
		s.err = fmt.Errorf("%w: %d bytes of %d", s.bad, s.n, s.min)
	case err == io.EOF:
		s.err = io.EOF
	case err != nil:
		s.err = fmt.Errorf("envelope: reading %s: %w", s.what, err)
	}
	return n, s.err
}
