package envelope

import (
	"bytes"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/minio/sio"
)

// OpenPart returns the plaintext of part i as a stream. The reader cipher must
// hold the part's ciphertext and then end. The stream gives only plaintext that
// is authentic up to there, by the package; the part is whole only when the
// stream has ended with [io.EOF]. Reading fails with [ErrPart], [ErrTruncated]
// or the error of cipher, and goes on failing.
func OpenPart(k Key, h Header, i int, last bool, cipher io.Reader) (io.Reader, error) {
	if err := k.ready(h, i, last); err != nil {
		return nil, err
	}
	size := h.CipherSize(i)
	o := &opener{k: k, h: h, i: i, last: last, min: size, max: size}
	if h.Length < 0 && last {
		o.min = 0
	}
	o.src.r = cipher
	return o, nil
}

// OpenPartTo opens part i as [OpenPart] does and writes the plaintext to w. It
// returns the number of bytes written, which without an error is the whole part.
func OpenPartTo(w io.Writer, k Key, h Header, i int, last bool, cipher io.Reader) (n int64, err error) {
	plain, err := OpenPart(k, h, i, last, cipher)
	if err != nil {
		return 0, err
	}
	// Not io.Copy: through the ReadFrom of an *os.File it would read by 32 KiB,
	// and below a whole package sio decrypts into a buffer of its own.
	buf := make([]byte, min(4*PackageSize, h.PlainSize(i)+1))
	for {
		m, err := plain.Read(buf)
		if m > 0 {
			w, werr := w.Write(buf[:m])
			n += int64(w)
			if werr != nil {
				return n, fmt.Errorf("envelope: writing part %d: %w", i, werr)
			}
		}
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, fmt.Errorf("opening part %d: %w", i, err)
		}
	}
}

// opener reads the plaintext of one part and gives every failure its class.
type opener struct {
	k    Key
	h    Header
	i    int
	last bool
	min  int64 // ciphertext bytes
	max  int64
	src  packages
	dec  io.Reader
	err  error
}

func (o *opener) Read(p []byte) (int, error) {
	if o.err != nil || len(p) == 0 {
		return 0, o.err
	}
	if o.dec == nil {
		if o.dec, o.err = o.start(); o.err != nil {
			return 0, o.err
		}
	}
	n, err := o.dec.Read(p)
	switch {
	case o.src.n > o.max || err == io.EOF && o.src.n < o.min:
		// Authentic, but of a size that no part of this exhibit has.
		n, err = 0, fmt.Errorf("%w: %d bytes, want %d", ErrPart, o.src.n, o.max)
	case err != nil && err != io.EOF:
		err = o.class(err)
	}
	o.err = err
	return n, err
}

// start looks whether the part is that of an empty exhibit, where it may be.
func (o *opener) start() (io.Reader, error) {
	var src io.Reader = &o.src
	if o.h.mayBeEmpty(o.i, o.last) {
		// One byte more than the tag: a DARE stream has at least that many.
		head := make([]byte, EmptyPartSize+1)
		n, err := io.ReadFull(src, head)
		if err != nil && !o.src.ended() {
			return nil, err
		}
		if n == EmptyPartSize {
			if tag := o.k.emptyTag(o.h); subtle.ConstantTimeCompare(head[:n], tag[:]) != 1 {
				return nil, fmt.Errorf("%w: the tag of the empty exhibit is wrong", ErrPart)
			}
			return bytes.NewReader(nil), nil
		}
		if o.h.Length == 0 {
			return nil, o.class(fmt.Errorf("an empty exhibit's part of %d bytes or more", n))
		}
		src = io.MultiReader(bytes.NewReader(head[:n]), src)
	}
	return newDARE(o.k.part(o.h, o.i, o.last), 0, src)
}

// class tells a broken source, an early end and a forgery apart.
func (o *opener) class(err error) error {
	switch {
	case o.src.err != nil && o.src.err != io.EOF:
		return o.src.err
	case o.src.ended() && (o.src.n < o.min || o.min == 0 && !o.src.complete()):
		return fmt.Errorf("%w after %d bytes", ErrTruncated, o.src.n)
	}
	return fmt.Errorf("%w: %w", ErrPart, err)
}

// newDARE opens a DARE 2.0 stream from package seq on, with AES-256-GCM and
// nothing else: sio's defaults also take version 1.0, whose streams can be cut.
func newDARE(key [32]byte, seq uint32, src io.Reader) (io.Reader, error) {
	dec, err := sio.DecryptReader(src, sio.Config{
		MinVersion: sio.Version20, MaxVersion: sio.Version20,
		CipherSuites: []byte{sio.AES_256_GCM},
		Key:          key[:], SequenceNumber: seq,
	})
	if err != nil {
		return nil, fmt.Errorf("envelope: %w", err)
	}
	return dec, nil
}

// packages reads ciphertext and keeps the header of the package it is in, by
// which an early end is told from an alteration where the size is not known.
type packages struct {
	r    io.Reader
	n    int64    // bytes read
	head [16]byte // of the package in which byte n-1 lies
	err  error
}

func (s *packages) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.r.Read(p)
	for at := 0; at < n; {
		off := int((s.n + int64(at)) % cipherPackage)
		if off < len(s.head) {
			copy(s.head[off:], p[at:n])
		}
		at += cipherPackage - off
	}
	s.n += int64(n)
	if err != nil && err != io.EOF {
		// Wrapped, so that sio cannot take an io.ErrUnexpectedEOF of a broken
		// connection for the end of the stream.
		err = fmt.Errorf("envelope: reading ciphertext: %w", err)
	}
	s.err = err
	return n, err
}

func (s *packages) ended() bool { return s.err == io.EOF }

// complete says whether the bytes end where a final package does, by its header.
func (s *packages) complete() bool {
	size := (s.n-1)%cipherPackage + 1 // of the package so far; 0 when n is 0
	if s.n == 0 || size < int64(len(s.head)) {
		return false
	}
	return s.head[4]&0x80 != 0 && size >= int64(binary.LittleEndian.Uint16(s.head[2:]))+1+packageOverhead
}
