package differential

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/comity-platform/comity/graph/execute"
)

// hash is FNV-1a with the last steps of Murmur3, as in the reference's script.
func hash(s string) uint32 {
	h := uint32(0x811c9dc5)
	for i := range len(s) {
		h = (h ^ uint32(s[i])) * 0x01000193
	}
	h ^= h >> 16
	h *= 0x85ebca6b
	h ^= h >> 13
	h *= 0xc2b2ae35
	return h ^ h>>16
}

func pick(s string, n int) int { return int(hash(s) % uint32(n)) }

// thing is an object of the data.
type thing struct{ object, id string }

// Root is what the root fields of an operation of a kind are read off; of a
// subscription, the event.
func Root(kind string) any {
	switch kind {
	case "mutation":
		return &thing{"Mutation", "M"}
	case "subscription":
		return &thing{"Subscription", "S"}
	}
	return &thing{"Query", "Q"}
}

// State is that of one execution.
type State struct{ next int }

// TypeOf names the type of an object of the data.
func TypeOf(v any) string {
	if t, ok := v.(*thing); ok {
		return t.object
	}
	return ""
}

var errData = errors.New("differential: the data have an error here")

// Resolve binds a field to the data. Half of the fields without arguments are
// getters, so that both kinds of resolvers are compared. A field that is called
// echo tells its arguments, and a mutation that is called next how many were before
// it.
func (s *Schema) Resolve(object, name string) (execute.Resolver, error) {
	t := s.types[object]
	if t == nil {
		return execute.Resolver{}, fmt.Errorf("differential: no type %s", object)
	}
	i := slices.IndexFunc(t.fields, func(f *field) bool { return f.name == name })
	if i < 0 {
		return execute.Resolver{}, fmt.Errorf("differential: %s has no field %s", object, name)
	}
	f := t.fields[i]
	counts := object == "Mutation" && strings.HasPrefix(name, "next")
	if !counts && s.getter(object, f) {
		return s.get(f), nil
	}
	return execute.Batch(execute.Any(), func(_ context.Context, state *State, parents []*thing, args execute.Args) ([]any, error) {
		out := make([]any, len(parents))
		for i, parent := range parents {
			switch key := key(parent, f, args); {
			case strings.HasPrefix(name, "echo"):
				out[i] = string(written(nil, map[string]any(args)))
			case counts:
				if state.next++; name == "next" {
					out[i] = state.next
				} else {
					out[i] = s.complete(f.of, key+strconv.Itoa(state.next), false)
				}
			default:
				out[i] = s.complete(f.of, key, false)
			}
		}
		return out, nil
	}), nil
}

// get binds a field by a getter of the kind that fits its type best. Those of one
// Go type have no value for an error, and none for a null that must not be: they
// panic, of which the field's error comes just as well.
func (s *Schema) get(f *field) execute.Resolver {
	value := func(parent *thing) any { return s.complete(f.of, key(parent, f, nil), !f.of.nonNull) }
	t := s.types[f.of.named()]
	switch {
	case f.of.item != nil:
	case t.kind == "OBJECT":
		return execute.Get(execute.Object[thing](), func(_ *State, parent *thing) *thing { return only[*thing](f, value(parent)) })
	case t.kind == "ENUM" || t.name == "String" || t.name == "ID":
		return execute.Get(execute.Text[string](), func(_ *State, parent *thing) string { return only[string](f, value(parent)) })
	case t.name == "Int":
		return execute.Get(execute.Number[int](), func(_ *State, parent *thing) int { return only[int](f, value(parent)) })
	case t.name == "Boolean":
		return execute.Get(execute.Optional(execute.Flag()), func(_ *State, parent *thing) *bool {
			v := value(parent)
			if v == nil {
				return nil
			}
			b := only[bool](f, v)
			return &b
		})
	}
	return execute.Get(execute.Any(), func(_ *State, parent *thing) any {
		v := value(parent)
		if _, failed := v.(execute.Failed); failed && pick(key(parent, f, nil)+"!", 2) == 0 {
			panic(errData)
		}
		return v
	})
}

// only gives a value of one type, the zero value for null.
func only[V any](f *field, v any) V {
	typed, ok := v.(V)
	if !ok && (v != nil || f.of.nonNull) {
		panic(errData)
	}
	return typed
}

// getter reports whether a field is bound to a getter. In nullable fields, those
// show what is empty as null: the data have nothing empty there.
func (s *Schema) getter(object string, f *field) bool {
	return len(f.args) == 0 && pick(object+"."+f.name, 2) == 0
}

func key(parent *thing, f *field, args execute.Args) string {
	return parent.id + "." + f.name + string(written(nil, map[string]any(args)))
}

// complete makes the value of a type at a place: now and then an error, null, or
// what is no value of the type.
func (s *Schema) complete(of *ref, key string, filled bool) any {
	switch r := pick(key+"?", 200); {
	case of.nonNull && r < 1, !of.nonNull && r < 6:
		return execute.Failed{Err: errData}
	case of.nonNull && of.item == nil && r < 2, !of.nonNull && r < 24: // what has to be a list is an empty one to the executor
		return nil
	case r == 199 && !filled && of.item == nil:
		if wrong := s.wrong(of); wrong != nil {
			return wrong
		}
	}
	if of.item != nil {
		n := pick(key+"#", 4)
		items := make([]any, n)
		texts := make([]string, n)
		all := true
		for i := range n {
			items[i] = s.complete(of.item, key+"/"+strconv.Itoa(i), false)
			text, ok := items[i].(string)
			texts[i], all = text, all && ok
		}
		if all && pick(key+"s", 2) == 0 {
			return texts
		}
		return items
	}
	switch t := s.types[of.name]; t.kind {
	case "ENUM":
		return t.values[pick(key, len(t.values))]
	case "SCALAR":
		return s.scalar(of.name, key, filled)
	default:
		return &thing{t.possible[pick(key+"@", len(t.possible))], fmt.Sprintf("%08x%08x", hash(key), hash(key+"~"))}
	}
}

// wrong is what is no value of a type.
func (s *Schema) wrong(of *ref) any {
	switch t := s.types[of.name]; {
	case of.name == "Int":
		return 1 << 31
	case t.kind == "ENUM":
		return "NOWHERE"
	case t.kind == "INTERFACE" || t.kind == "UNION":
		return &thing{"Nowhere", ""}
	}
	return nil
}

var (
	ints   = []int{1, -1, 2147483647, -2147483648, 7, 0}
	floats = []float64{0.5, -1.25, 3, 1e21, 1e-7, 0}
	texts  = []string{"plain", "a \"quoted\" \\ one", "été 🂡", "line\nafter\tline\u2028\u0000", "<&>", ""}
)

// scalar gives a value, which where it has to be filled is not empty: the last of
// each list is.
func (s *Schema) scalar(name, key string, filled bool) any {
	n := 6
	if filled {
		n = 5
	}
	switch i := pick(key, n); name {
	case "Int":
		return ints[i]
	case "Float":
		return floats[i]
	case "String":
		return texts[i]
	case "Boolean":
		return i%2 == 0
	case "ID":
		return fmt.Sprintf("%08x", hash(key))
	}
	custom := s.Scalars[name]
	given := custom.given
	if filled {
		given = slices.DeleteFunc(slices.Clone(given), func(s string) bool { return s == "0" || s == `""` })
	}
	var v any
	if err := json.Unmarshal([]byte(custom.Values[given[pick(key, len(given))]]), &v); err != nil {
		panic(err)
	}
	if f, ok := v.(float64); ok {
		return int64(f)
	}
	return v
}

// written is a coerced value as JSON, with the names of objects in order.
func written(out []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(out, "null"...)
	case bool:
		return strconv.AppendBool(out, v)
	case int:
		return strconv.AppendInt(out, int64(v), 10)
	case int64:
		return strconv.AppendInt(out, v, 10)
	case float64:
		b, err := json.Marshal(v + 0) // as JavaScript writes it; no zero is below zero there
		if err != nil {
			panic(err)
		}
		return append(out, strings.TrimPrefix(string(b), map[bool]string{true: "-"}[v == 0])...)
	case string:
		out, _ = jsontext.AppendQuote(out, v)
		return out
	case []any:
		out = append(out, '[')
		for i, item := range v {
			if i > 0 {
				out = append(out, ',')
			}
			out = written(out, item)
		}
		return append(out, ']')
	case map[string]any:
		out = append(out, '{')
		for i, name := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				out = append(out, ',')
			}
			out = append(written(out, name), ':')
			out = written(out, v[name])
		}
		return append(out, '}')
	}
	panic(fmt.Sprintf("differential: a %T is not coerced", v))
}
