package execute

import (
	"encoding/binary"
	"math"
	"reflect"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/graphql-go/graphql"

	"github.com/comity-platform/comity/graph/sdl"
)

// leaf is how the values of a scalar or enum are written: nil for what it has no
// values of. False is what is none of its values.
type leaf struct {
	name   string
	text   func(buf []byte, s string) ([]byte, bool)
	number func(buf []byte, n int64) ([]byte, bool)
	flag   bool
	float  bool
	time   func(buf []byte, t time.Time) []byte
	bytes  func(buf, b []byte) []byte
}

// quote appends a string in JSON. What is not UTF-8 becomes replacement characters.
func quote(buf []byte, s string) []byte {
	at := len(buf)
	buf = append(append(append(buf, '"'), s...), '"')
	if !plain(buf[at+1 : len(buf)-1]) {
		buf, _ = jsontext.AppendQuote(buf[:at], s)
	}
	return buf
}

// plain reports whether text stands in JSON as it is, as nearly all of it does.
// It looks at eight bytes at once, and takes some text that is plain for other.
func plain(text []byte) bool {
	const each, tops = 0x0101010101010101, 0x8080808080808080
	var seen uint64
	b := text
	for ; len(b) >= 8; b = b[8:] {
		x := binary.LittleEndian.Uint64(b)
		seen |= x
		if ((x-each*' ')|((x^each*'"')-each)|((x^each*'\\')-each))&^x&tops != 0 {
			return false
		}
	}
	for _, c := range b {
		seen |= uint64(c)
		if c < ' ' || c == '"' || c == '\\' {
			return false
		}
	}
	return seen&tops == 0 || utf8.Valid(text)
}

func quoted(buf []byte, s string) ([]byte, bool) { return quote(buf, s), true }

func whole(buf []byte, n int64) ([]byte, bool) { return strconv.AppendInt(buf, n, 10), true }

func scalarLeaf(t *graphql.Scalar, custom sdl.Scalar) *leaf {
	l := &leaf{name: t.Name()}
	switch t {
	case graphql.String, graphql.ID:
		l.text = quoted
	case graphql.Boolean:
		l.flag = true
	case graphql.Int:
		l.number = func(buf []byte, n int64) ([]byte, bool) {
			if n < math.MinInt32 || n > math.MaxInt32 {
				return buf, false
			}
			return whole(buf, n)
		}
	case graphql.Float:
		l.number, l.float = whole, true
	default:
		if custom.Text {
			l.text = quoted
		}
		if custom.Number {
			l.number = whole
		}
		l.time, l.bytes = custom.Time, custom.Bytes
	}
	return l
}

// enumLeaf writes the values of an enum, which are kept quoted.
func enumLeaf(t *graphql.Enum) *leaf {
	kept := map[string][]byte{}
	for _, v := range t.Values() {
		if s, ok := v.Value.(string); ok {
			kept[s] = quote(nil, v.Name)
		}
	}
	return &leaf{name: t.Name(), text: func(buf []byte, s string) ([]byte, bool) {
		q, ok := kept[s]
		return append(buf, q...), ok
	}}
}

// any writes a value whatever its Go type, where the leaf has such values.
func (l *leaf) any(buf []byte, v any) ([]byte, bool) {
	switch v := v.(type) {
	case time.Time:
		if l.time != nil {
			return l.time(buf, v), true
		}
		return buf, false
	case []byte:
		if l.bytes != nil {
			return l.bytes(buf, v), true
		}
		return buf, false
	}
	switch rv := reflect.ValueOf(v); {
	case rv.Kind() == reflect.String && l.text != nil:
		return l.text(buf, rv.String())
	case rv.Kind() == reflect.Bool && l.flag:
		return strconv.AppendBool(buf, rv.Bool()), true
	case rv.CanInt() && l.number != nil:
		return l.number(buf, rv.Int())
	case rv.CanFloat() && l.float && !math.IsNaN(rv.Float()) && !math.IsInf(rv.Float(), 0):
		return strconv.AppendFloat(buf, rv.Float(), 'g', -1, 64), true
	}
	return buf, false
}
