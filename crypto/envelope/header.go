package envelope

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// Version1 is the only format version.
const Version1 = 1

// Sizes and limits of the format.
const (
	// PackageSize is the plaintext of one full DARE package.
	PackageSize = 64 << 10
	// packageOverhead is a package's header (16 bytes) and tag (16 bytes).
	packageOverhead = 32
	cipherPackage   = PackageSize + packageOverhead

	// MinPartSize is the least part size that the format takes. S3 stores
	// take no part below 5 MiB but the last.
	MinPartSize int64 = PackageSize
	// DefaultPartSize is the part size up to 625 GiB of plaintext.
	DefaultPartSize int64 = 64 << 20
	// MaxPartSize keeps a part's ciphertext below the 5 GiB of S3.
	MaxPartSize int64 = 4 << 30
	// MaxParts is the number of parts that an S3 multipart upload takes.
	MaxParts = 10_000
	// MaxIDSize is the longest case or evidence id, in bytes.
	MaxIDSize = 64
	// UnknownLength is the Length of a header made before its stream ended.
	UnknownLength int64 = -1
	// EmptyPartSize is the ciphertext size of the one part of an empty exhibit.
	EmptyPartSize = 32
)

const (
	headerMagic = "comityEV"
	// headerFixed is the length of all fields before the two ids.
	headerFixed    = len(headerMagic) + 1 + 8 + 8 + 2 + 32
	commitmentSize = 32
	maxHeaderSize  = headerFixed + 2*(1+MaxIDSize) + commitmentSize
)

// Header says what a container holds and binds every part key to it. It is
// public: it holds no secret. Make it with [NewHeader] or [ParseHeader].
type Header struct {
	Version    uint8
	PartSize   int64    // plaintext bytes of every part but the last; a multiple of PackageSize
	Length     int64    // plaintext bytes of the exhibit, or UnknownLength
	State      string   // the originator, ISO 3166-1 alpha-2
	Case       string   // the case's id
	Evidence   string   // the exhibit's id
	Salt       [32]byte // random, fresh for every exhibit
	Commitment [32]byte // set by Key.Commit; all zero until then
}

// PartSizeFor returns the part size for a plaintext of length bytes:
// [DefaultPartSize], doubled until [MaxParts] parts hold the length. For
// [UnknownLength] it is the default, which holds 625 GiB.
func PartSizeFor(length int64) int64 {
	size := DefaultPartSize
	for size < MaxPartSize && length > size*MaxParts {
		size *= 2
	}
	return size
}

// NewHeader makes the header of a new exhibit, with a fresh salt and without a
// commitment. Length and partSize are in plaintext bytes; length may be
// [UnknownLength], and a partSize of 0 stands for [PartSizeFor] the length. The
// error wraps [ErrHeader].
func NewHeader(state, caseID, evidenceID string, length, partSize int64) (Header, error) {
	if partSize == 0 {
		partSize = PartSizeFor(length)
	}
	h := Header{Version: Version1, PartSize: partSize, Length: length, State: state, Case: caseID, Evidence: evidenceID}
	_, _ = rand.Read(h.Salt[:]) // never fails since Go 1.24
	return h, h.validate()
}

func (h Header) validate() error {
	switch {
	case h.Version != Version1:
		return fmt.Errorf("%w: version %d", ErrHeader, h.Version)
	case h.PartSize < MinPartSize || h.PartSize > MaxPartSize || h.PartSize%PackageSize != 0:
		return fmt.Errorf("%w: part size %d", ErrHeader, h.PartSize)
	case h.Length < UnknownLength || h.Length > h.PartSize*MaxParts:
		return fmt.Errorf("%w: length %d in parts of %d", ErrHeader, h.Length, h.PartSize)
	case len(h.State) != 2 || !upper(h.State[0]) || !upper(h.State[1]):
		return fmt.Errorf("%w: state %q", ErrHeader, h.State)
	}
	for _, id := range []string{h.Case, h.Evidence} {
		if len(id) == 0 || len(id) > MaxIDSize {
			return fmt.Errorf("%w: id of %d bytes", ErrHeader, len(id))
		}
		for i := range len(id) {
			if id[i] <= ' ' || id[i] > '~' {
				return fmt.Errorf("%w: id %q", ErrHeader, id)
			}
		}
	}
	return nil
}

func upper(c byte) bool { return 'A' <= c && c <= 'Z' }

// bound returns the canonical bytes without the commitment.
func (h Header) bound() []byte {
	b := make([]byte, 0, maxHeaderSize)
	b = append(b, headerMagic...)
	b = append(b, h.Version)
	b = binary.BigEndian.AppendUint64(b, uint64(h.PartSize))
	b = binary.BigEndian.AppendUint64(b, uint64(h.Length))
	b = append(b, h.State...)
	b = append(b, h.Salt[:]...)
	b = append(append(b, byte(len(h.Case))), h.Case...)
	b = append(append(b, byte(len(h.Evidence))), h.Evidence...)
	return b
}

// Hash is the SHA-256 over the canonical bytes without the commitment. It names
// the exhibit in every derived key and in every signed act about it. It panics
// when h is not valid, which a header from [NewHeader] or [ParseHeader] always
// is: two such headers could otherwise share a hash.
func (h Header) Hash() [32]byte {
	if err := h.validate(); err != nil {
		panic(err)
	}
	return sha256.Sum256(h.bound())
}

// MarshalBinary returns the canonical bytes. The error wraps [ErrHeader].
func (h Header) MarshalBinary() ([]byte, error) {
	if err := h.validate(); err != nil {
		return nil, err
	}
	return append(h.bound(), h.Commitment[:]...), nil
}

// ParseHeader reads the canonical bytes of a header and refuses everything
// else: there is exactly one encoding of each header. The error wraps [ErrHeader].
func ParseHeader(b []byte) (Header, error) {
	if len(b) < headerFixed || len(b) > maxHeaderSize || string(b[:len(headerMagic)]) != headerMagic {
		return Header{}, fmt.Errorf("%w: %d bytes that are not a header", ErrHeader, len(b))
	}
	var h Header
	r := b[len(headerMagic):]
	h.Version, r = r[0], r[1:]
	h.PartSize, r = int64(binary.BigEndian.Uint64(r)), r[8:]
	h.Length, r = int64(binary.BigEndian.Uint64(r)), r[8:]
	h.State, r = string(r[:2]), r[2:]
	r = r[copy(h.Salt[:], r):]
	for _, id := range []*string{&h.Case, &h.Evidence} {
		if len(r) == 0 || len(r) < 1+int(r[0]) {
			return Header{}, fmt.Errorf("%w: it ends early", ErrHeader)
		}
		*id, r = string(r[1:1+int(r[0])]), r[1+int(r[0]):]
	}
	if len(r) != commitmentSize {
		return Header{}, fmt.Errorf("%w: %d bytes where the commitment belongs", ErrHeader, len(r))
	}
	copy(h.Commitment[:], r)
	if err := h.validate(); err != nil {
		return Header{}, err
	}
	return h, nil
}

// Parts is the number of parts, 1 for an empty exhibit, and -1 for an exhibit
// of unknown length, whose parts the receipt of its completion lists.
func (h Header) Parts() int {
	if h.Length < 0 {
		return -1
	}
	return int(max(1, (h.Length+h.PartSize-1)/h.PartSize))
}

// PlainSize is the plaintext size of part i in bytes, 0 for a part that the
// header does not plan. Of an exhibit of unknown length it is the part size,
// which the last part may fall short of.
func (h Header) PlainSize(i int) int64 {
	switch {
	case i < 0 || i >= MaxParts:
		return 0
	case h.Length < 0:
		return h.PartSize
	}
	return max(0, min(h.PartSize, h.Length-int64(i)*h.PartSize))
}

// CipherSize is the ciphertext size of part i in bytes, with the same
// reservations as [Header.PlainSize].
func (h Header) CipherSize(i int) int64 {
	if i == 0 && h.Length == 0 {
		return EmptyPartSize
	}
	return cipherSize(h.PlainSize(i))
}

// CipherOffset is where part i begins in the object that the store makes of all parts.
func (h Header) CipherOffset(i int) int64 { return int64(i) * cipherSize(h.PartSize) }

// cipherSize is the size of the DARE stream of n plaintext bytes.
func cipherSize(n int64) int64 {
	return n + (n+PackageSize-1)/PackageSize*packageOverhead
}

// plan checks that part i may exist and that last agrees with the header.
func (h Header) plan(i int, last bool) error {
	if n := h.Parts(); i < 0 || i >= MaxParts || n >= 0 && (i >= n || last != (i == n-1)) {
		return fmt.Errorf("%w: part %d (last: %t) of %d", ErrPlan, i, last, n)
	}
	return nil
}

// mayBeEmpty says whether part i, rightly planned, may hold no plaintext.
func (h Header) mayBeEmpty(i int, last bool) bool { return i == 0 && last && h.Length <= 0 }
