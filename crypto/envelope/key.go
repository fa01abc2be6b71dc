package envelope

import (
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
)

// The labels that begin every HKDF info; none is the beginning of another.
const (
	labelPart   = "comity/part/v1"
	labelCommit = "comity/commit/v1"
	labelEmpty  = "comity/empty/v1"
)

// Key is an exhibit's data key. It encrypts nothing itself: part keys, the
// commitment and the tag of an empty exhibit are derived from it. It prints as
// "[envelope key]" and marshals to nothing.
type Key struct {
	// A function, since fmt prints the unexported fields of a struct that
	// holds a Key without asking Format: of a function it shows an address, of
	// an array, or of a pointer to one, the bytes.
	secret func() [32]byte
}

// NewKey copies a data key of 32 bytes. The error is [ErrKey].
func NewKey(b []byte) (Key, error) {
	if len(b) != 32 {
		return Key{}, ErrKey
	}
	s := [32]byte(b)
	return Key{secret: func() [32]byte { return s }}, nil
}

// Format prints a fixed text for every verb.
func (Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[envelope key]")) }

// MarshalText refuses, so that no encoder writes or silently loses a key.
func (Key) MarshalText() ([]byte, error) {
	return nil, fmt.Errorf("%w: a key is not to be marshalled", ErrKey)
}

// Commit returns h with the commitment to this key. Like [Header.Hash] it
// panics when h is not valid; so it does when k was never set.
func (k Key) Commit(h Header) Header {
	h.Commitment = k.derive(h, labelCommit, nil)
	return h
}

// Check compares the header's commitment with this key, in constant time. The
// error is [ErrCommitment], or wraps [ErrHeader] or [ErrKey].
func (k Key) Check(h Header) error {
	if k.secret == nil {
		return ErrKey
	}
	if err := h.validate(); err != nil {
		return err
	}
	want := k.derive(h, labelCommit, nil)
	if subtle.ConstantTimeCompare(want[:], h.Commitment[:]) != 1 {
		return ErrCommitment
	}
	return nil
}

// derive is HKDF-SHA-256 (RFC 5869) of 32 bytes; info = label ‖ header hash ‖ suffix.
func (k Key) derive(h Header, label string, suffix []byte) [32]byte {
	hash, secret := h.Hash(), k.secret()
	out, err := hkdf.Key(sha256.New, secret[:], h.Salt[:], label+string(hash[:])+string(suffix), 32)
	if err != nil {
		panic(err) // only for a length that HKDF cannot give
	}
	return [32]byte(out)
}

// part derives the key of part i.
func (k Key) part(h Header, i int, last bool) [32]byte {
	suffix := binary.BigEndian.AppendUint64(nil, uint64(i))
	if last {
		suffix = append(suffix, 1)
	} else {
		suffix = append(suffix, 0)
	}
	return k.derive(h, labelPart, suffix)
}

// emptyTag is the ciphertext of the one part of an empty exhibit.
func (k Key) emptyTag(h Header) [EmptyPartSize]byte { return k.derive(h, labelEmpty, nil) }

// ready checks, before anything is sealed or opened, all that can be known.
func (k Key) ready(h Header, i int, last bool) error {
	if err := k.Check(h); err != nil {
		return err
	}
	return h.plan(i, last)
}
