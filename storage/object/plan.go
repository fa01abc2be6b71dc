package object

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"time"
)

// Bounds of a part, of an upload and of a signature. The first three are those of S3 (Amazon S3 User Guide, "Multipart
// upload limits"); every adapter holds to them, so that an upload that works in one store works in all.
const (
	MinPartSize = 5 << 20 // bytes; the last part may be smaller
	MaxPartSize = 5 << 30 // bytes
	MaxParts    = 10_000
	MaxKey      = 512       // bytes of a key
	MaxSegment  = 255       // bytes of one segment: a file name, to some services
	MaxTTL      = time.Hour // a signed URL is a bearer token; the store looks at it when a request begins
)

// CheckKey says whether key can name an object: segments of ASCII letters, digits, '-', '_' and '.', parted by single
// slashes, none of them starting with a dot or longer than MaxSegment. So a key means the same in a URL, in a file name and in S3.
func CheckKey(key string) error {
	if key == "" || len(key) > MaxKey {
		return fmt.Errorf("%w: key of %d bytes", ErrInvalid, len(key))
	}
	for segment := range strings.SplitSeq(key, "/") {
		if segment == "" || segment[0] == '.' || len(segment) > MaxSegment {
			return fmt.Errorf("%w: key %q has a segment that is empty, starts with a dot or exceeds %d bytes", ErrInvalid, key, MaxSegment)
		}
		for _, c := range []byte(segment) {
			switch {
			case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
			default:
				return fmt.Errorf("%w: key %q has a character outside A-Z a-z 0-9 . _ - /", ErrInvalid, key)
			}
		}
	}
	return nil
}

// CheckPart says whether a part, taken alone, is within bounds; being the last, it may be small.
func CheckPart(p Part) error {
	if p.Number < 1 || p.Number > MaxParts {
		return fmt.Errorf("%w: part number %d is not within 1 to %d", ErrInvalid, p.Number, MaxParts)
	}
	if p.Size < 1 || p.Size > MaxPartSize {
		return fmt.Errorf("%w: part %d has %d bytes, not 1 to %d", ErrInvalid, p.Number, p.Size, int64(MaxPartSize))
	}
	return nil
}

// CheckPlan says whether parts make an object: numbered 1 to n in order, each within bounds, all but the last at least
// MinPartSize. It returns the object's size in bytes.
func CheckPlan(parts []Part) (size int64, err error) {
	if len(parts) == 0 {
		return 0, fmt.Errorf("%w: no parts", ErrInvalid)
	}
	for i, p := range parts {
		if err := CheckPart(p); err != nil {
			return 0, err
		}
		if p.Number != i+1 {
			return 0, fmt.Errorf("%w: part %d stands in place %d; parts are numbered from 1, in order, without a gap", ErrInvalid, p.Number, i+1)
		}
		if i < len(parts)-1 && p.Size < MinPartSize {
			return 0, fmt.Errorf("%w: part %d has %d bytes; all but the last have at least %d", ErrInvalid, p.Number, p.Size, MinPartSize)
		}
		size += p.Size
	}
	return size, nil
}

// CheckTTL says whether a signature may live that long: from one second to MaxTTL.
func CheckTTL(ttl time.Duration) error {
	if ttl < time.Second || ttl > MaxTTL {
		return fmt.Errorf("%w: a signed URL lives from one second to %v, not %v", ErrInvalid, MaxTTL, ttl)
	}
	return nil
}

// Retention rounds the end of a retention up to whole seconds of UTC, the resolution of S3, and refuses one that has
// passed already.
func Retention(until time.Time) (time.Time, error) {
	if !until.After(time.Now()) {
		return time.Time{}, fmt.Errorf("%w: retention must end in the future", ErrInvalid)
	}
	return until.Add(time.Second - 1).UTC().Truncate(time.Second), nil
}

// Root is the SHA-256 over the parts' digests, in order: S3's composite checksum without its "-n".
func Root(parts []Part) [32]byte {
	h := sha256.New()
	for _, p := range parts {
		h.Write(p.SHA256[:])
	}
	return [32]byte(h.Sum(nil))
}
