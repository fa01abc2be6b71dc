package execute

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/graphql-go/graphql"
)

// leaf appends the JSON of a value of a scalar or enum, or says why it is none.
type leaf func(buf []byte, v any) ([]byte, error)

// quote appends a string in JSON. What is not UTF-8 becomes replacement characters.
func quote(buf []byte, s string) []byte {
	buf, _ = jsontext.AppendQuote(buf, s)
	return buf
}

func scalarLeaf(t *graphql.Scalar) leaf {
	switch t {
	case graphql.String, graphql.ID:
		return func(buf []byte, v any) ([]byte, error) {
			if s, ok := textOf(v); ok {
				return quote(buf, s), nil
			}
			return buf, mismatch(t, v)
		}
	case graphql.Boolean:
		return func(buf []byte, v any) ([]byte, error) {
			if b, ok := v.(bool); ok {
				return strconv.AppendBool(buf, b), nil
			}
			return buf, mismatch(t, v)
		}
	case graphql.Int:
		return func(buf []byte, v any) ([]byte, error) {
			if n, ok := integerOf(v); ok && n >= math.MinInt32 && n <= math.MaxInt32 {
				return strconv.AppendInt(buf, n, 10), nil
			}
			return buf, mismatch(t, v)
		}
	case graphql.Float:
		return func(buf []byte, v any) ([]byte, error) {
			if n, ok := integerOf(v); ok {
				return strconv.AppendInt(buf, n, 10), nil
			}
			if f, ok := v.(float64); ok && !math.IsNaN(f) && !math.IsInf(f, 0) {
				return strconv.AppendFloat(buf, f, 'g', -1, 64), nil
			}
			return buf, mismatch(t, v)
		}
	}
	return func(buf []byte, v any) ([]byte, error) {
		switch written := t.Serialize(v).(type) {
		case string:
			return quote(buf, written), nil
		case int64:
			return strconv.AppendInt(buf, written, 10), nil
		case uint64:
			return strconv.AppendUint(buf, written, 10), nil
		}
		return buf, mismatch(t, v)
	}
}

// enumLeaf writes the values of an enum, which are kept quoted.
func enumLeaf(t *graphql.Enum) leaf {
	quoted := map[string][]byte{}
	for _, v := range t.Values() {
		if s, ok := textOf(v.Value); ok {
			quoted[s] = quote(nil, v.Name)
		}
	}
	return func(buf []byte, v any) ([]byte, error) {
		if s, ok := textOf(v); ok {
			if q := quoted[s]; q != nil {
				return append(buf, q...), nil
			}
		}
		return buf, mismatch(t, v)
	}
}

// mismatch says of what type a value is, and not what it is.
func mismatch(t graphql.Type, v any) error {
	return fmt.Errorf("execute: a %T is no value of the type %s", v, t)
}

func textOf(v any) (string, bool) {
	if s, ok := v.(string); ok {
		return s, true
	}
	if rv := reflect.ValueOf(v); rv.Kind() == reflect.String {
		return rv.String(), true
	}
	return "", false
}

func integerOf(v any) (int64, bool) {
	switch n := v.(type) {
	case int:
		return int64(n), true
	case int64:
		return n, true
	}
	switch rv := reflect.ValueOf(v); {
	case rv.CanInt():
		return rv.Int(), true
	case rv.CanUint() && rv.Uint() <= math.MaxInt64:
		return int64(rv.Uint()), true
	}
	return 0, false
}

// absent reports whether a value is shown as null where null is allowed: what is
// empty, but for false and what is unsigned.
func absent(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case time.Time:
		return v.IsZero()
	}
	switch rv := reflect.ValueOf(v); rv.Kind() {
	case reflect.String, reflect.Int, reflect.Int64, reflect.Array:
		return rv.IsZero()
	case reflect.Slice, reflect.Pointer, reflect.Map, reflect.Func:
		return rv.IsNil()
	}
	return false
}
