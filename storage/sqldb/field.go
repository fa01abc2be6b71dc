package sqldb

import (
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/internal/plainjson"
)

// A field is both where a column is scanned to and what is written to it, so
// that each record lists its fields once, in the order of its table's columns.
// Pointers to strings, numbers and booleans serve as they are. Scan copies what it
// keeps, and leaves nothing of what was read before, nor changes what that refers to.
type field interface {
	sql.Scanner
	driver.Valuer
}

// timeField keeps a time as microseconds since 1970 UTC, which sorts and
// compares alike on both engines; 0 is the zero time.
type timeField struct{ t *time.Time }

func instant(t *time.Time) field { return timeField{t} }

// micros is t as a column keeps it.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func (f timeField) Value() (driver.Value, error) { return micros(*f.t), nil }

func (f timeField) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("a time is kept as a whole number, not %T", v)
	}
	*f.t = time.Time{}
	if n != 0 {
		*f.t = time.UnixMicro(n).UTC()
	}
	return nil
}

// jsonField keeps lists and structures.
type jsonField struct{ v any }

func asJSON(v any) field { return jsonField{v} }

func (f jsonField) Value() (driver.Value, error) {
	b, err := json.Marshal(f.v)
	return string(b), err
}

func (f jsonField) Scan(v any) error {
	reflect.ValueOf(f.v).Elem().SetZero()
	switch v := v.(type) {
	case string:
		return json.Unmarshal([]byte(v), f.v)
	case []byte:
		return json.Unmarshal(v, f.v)
	}
	return fmt.Errorf("JSON is kept as text, not %T", v)
}

// nexusField keeps what links a case to states; a list of cases reads it for each.
type nexusField struct{ n *[]comity.Nexus }

func (f nexusField) Value() (driver.Value, error) { return jsonField{f.n}.Value() }

func (f nexusField) Scan(v any) error {
	var raw []byte
	switch v := v.(type) {
	case string:
		raw = []byte(v)
	case []byte:
		raw = v
	}
	if n, ok := readNexus(raw); ok {
		*f.n = n
		return nil
	}
	return jsonField{f.n}.Scan(v)
}

// readNexus reads a list as it is written, and nothing else.
func readNexus(b []byte) ([]comity.Nexus, bool) {
	if string(b) == "[]" {
		return []comity.Nexus{}, true
	}
	var all []comity.Nexus
	for next := byte('['); len(b) > 0 && b[0] == next; next = ',' {
		var n comity.Nexus
		rest, ok := plainjson.Strings(b[1:], func(name string) *string {
			switch name {
			case "basis":
				return (*string)(&n.Basis)
			case "state":
				return (*string)(&n.State)
			}
			return nil
		})
		if !ok {
			break
		}
		all = append(all, n)
		if string(rest) == "]" {
			return all, true
		}
		b = rest
	}
	return nil, false
}

// bytesField keeps bytes of any length; none is the empty string, never NULL.
type bytesField struct{ b *[]byte }

func blob(b *[]byte) field { return bytesField{b} }

func (f bytesField) Value() (driver.Value, error) {
	if *f.b == nil {
		return []byte{}, nil
	}
	return *f.b, nil
}

func (f bytesField) Scan(v any) error {
	*f.b = nil
	switch v := v.(type) {
	case nil:
	case []byte:
		if len(v) > 0 {
			*f.b = append([]byte(nil), v...)
		}
	default:
		return fmt.Errorf("bytes are kept as bytes, not %T", v)
	}
	return nil
}

// hashField keeps 32 bytes; NULL reads as zeros.
type hashField struct{ h *[32]byte }

func digest(h *[32]byte) field { return hashField{h} }

func (f hashField) Value() (driver.Value, error) { return f.h[:], nil }

func (f hashField) Scan(v any) error {
	b, ok := v.([]byte)
	if v != nil && (!ok || len(b) != len(f.h)) {
		return fmt.Errorf("a hash is kept as 32 bytes, not as %d of %T", len(b), v)
	}
	*f.h = [32]byte{}
	copy(f.h[:], b)
	return nil
}

// derived is a column that is written for the database's own use and not read back.
type derived struct{ v driver.Value }

func (f derived) Value() (driver.Value, error) { return f.v, nil }
func (f derived) Scan(any) error               { return nil }

// partsField keeps an exhibit's parts in 56 bytes each, since there can be
// 10,000: number and ciphertext size (big-endian, 4 and 8 bytes), digest, nonce.
type partsField struct{ p *[]comity.EvidencePart }

const partBytes = 4 + 8 + 32 + 12

func (f partsField) Value() (driver.Value, error) {
	b := make([]byte, 0, partBytes*len(*f.p))
	for _, p := range *f.p {
		b = binary.BigEndian.AppendUint32(b, uint32(p.Number))
		b = binary.BigEndian.AppendUint64(b, uint64(p.Size))
		b = append(b, p.SHA256[:]...)
		b = append(b, p.Nonce[:]...)
	}
	return b, nil
}

func (f partsField) Scan(v any) error {
	b, ok := v.([]byte)
	if v != nil && !ok || len(b)%partBytes != 0 {
		return fmt.Errorf("parts are kept as %d bytes each, not as %d of %T", partBytes, len(b), v)
	}
	*f.p = nil
	for ; len(b) > 0; b = b[partBytes:] {
		*f.p = append(*f.p, comity.EvidencePart{
			Number: int(binary.BigEndian.Uint32(b)),
			Size:   int64(binary.BigEndian.Uint64(b[4:])),
			SHA256: [32]byte(b[12:44]),
			Nonce:  [12]byte(b[44:56]),
		})
	}
	return nil
}

// indexField keeps a leaf's index; NULL, before the sequencer, reads as -1.
type indexField struct{ n *int64 }

func (f indexField) Value() (driver.Value, error) {
	if *f.n < 0 {
		return nil, nil
	}
	return *f.n, nil
}

func (f indexField) Scan(v any) error {
	n, ok := v.(int64)
	if v != nil && !ok {
		return fmt.Errorf("an index is kept as a whole number, not %T", v)
	}
	*f.n = n
	if v == nil {
		*f.n = -1
	}
	return nil
}
