// Package input makes values of what comes from outside, as JSON or as literals of
// a query, by the input coercion of sections 3.5 to 3.12 of the GraphQL
// specification (October 2021). What was given as null is nil and there; what was
// not given is not there, or has the default of its place.
package input

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/graphql-go/graphql"
	"github.com/graphql-go/graphql/language/ast"
)

// Error is what is wrong with a value from outside, and where it stands:
// the names of variable or argument and fields, and positions in lists.
type Error struct {
	Path    []string
	Message string
}

func (e *Error) Error() string {
	where := "$"
	for i, p := range e.Path {
		switch _, err := strconv.Atoi(p); {
		case err == nil:
			where += "[" + p + "]"
		case i == 0:
			where += fmt.Sprintf("%.100s", p)
		default:
			where += fmt.Sprintf(".%.100s", p)
		}
	}
	return where + ": " + e.Message
}

// Arguments coerces the arguments of a field, by section 6.4.1 of the specification.
// The variables are coerced already.
func Arguments(defs []*graphql.Argument, node *ast.Field, variables map[string]any) (map[string]any, error) {
	if len(defs) == 0 {
		return nil, nil
	}
	out := make(map[string]any, len(defs))
	for _, def := range defs {
		name := def.Name()
		i := slices.IndexFunc(node.Arguments, func(a *ast.Argument) bool { return a.Name.Value == name })
		var v any
		there := false
		if i >= 0 {
			v, there = Literal(node.Arguments[i].Value, variables)
		}
		if err := put(out, name, def.Type, def.DefaultValue, v, there, []string{name}); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// put adds a value of an input field or argument to what it is a field of.
func put(out map[string]any, name string, t graphql.Type, fallback, v any, there bool, path []string) error {
	if !there {
		_, required := t.(*graphql.NonNull)
		switch {
		case fallback != nil:
			out[name] = fallback
		case required:
			return &Error{slices.Clone(path), "it is required"}
		}
		return nil
	}
	c, err := Coerce(t, v, path)
	if err == nil {
		out[name] = c
	}
	return err
}

// coerced marks the value of a variable within a literal: it is of its type already.
type coerced struct{ value any }

// Literal is a literal as JSON would give it, with variables filled in; not there
// is what is a variable without a value.
func Literal(v ast.Value, variables map[string]any) (_ any, there bool) {
	switch v := v.(type) {
	case *ast.Variable:
		given, ok := variables[v.Name.Value]
		return coerced{given}, ok
	case *ast.StringValue:
		return quoted(v.Value), true
	case *ast.EnumValue:
		if IsNull(v) {
			return nil, true
		}
		return enumName(v.Value), true
	case *ast.BooleanValue:
		return v.Value, true
	case *ast.IntValue:
		return Number(v.Value), true
	case *ast.FloatValue:
		return fraction(v.Value), true
	case *ast.ListValue:
		all := make([]any, len(v.Values))
		for i, item := range v.Values {
			if given, ok := Literal(item, variables); ok {
				all[i] = given
			}
		}
		return all, true
	case *ast.ObjectValue:
		m := map[string]any{}
		for _, f := range v.Fields {
			if given, ok := Literal(f.Value, variables); ok {
				m[f.Name.Value] = given
			}
		}
		return m, true
	}
	return nil, false
}

// Null is the name of the literal null. The parser of graphql-go knows no such
// literal: its place in the tree is taken by a name of an enum value, which no
// enum can have.
const Null = "null"

// IsNull reports whether a literal is null.
func IsNull(v ast.Value) bool {
	e, ok := v.(*ast.EnumValue)
	return ok && e.Value == Null
}

// Number is the digits of a whole number in a literal.
type Number string

// What only a query tells apart: JSON has strings and numbers for them.
type (
	enumName string
	quoted   string
	fraction string
)

// HasVariable reports whether a literal holds a variable.
func HasVariable(v ast.Value) bool {
	switch v := v.(type) {
	case *ast.Variable:
		return true
	case *ast.ListValue:
		return slices.ContainsFunc(v.Values, HasVariable)
	case *ast.ObjectValue:
		return slices.ContainsFunc(v.Fields, func(f *ast.ObjectField) bool { return HasVariable(f.Value) })
	}
	return false
}

// Coerce makes a value of an input type of one from JSON or of a [Literal]. path is
// where it stands.
func Coerce(t graphql.Type, v any, path []string) (any, error) {
	if c, ok := v.(coerced); ok {
		_, required := t.(*graphql.NonNull)
		if c.value == nil && required { // a nullable variable with a default, given as null
			return nil, &Error{slices.Clone(path), "it is required"}
		}
		return c.value, nil
	}
	if required, ok := t.(*graphql.NonNull); ok {
		if v == nil {
			return nil, &Error{slices.Clone(path), "it is required"}
		}
		return Coerce(required.OfType, v, path)
	}
	if v == nil {
		return nil, nil
	}
	switch t := t.(type) {
	case *graphql.List:
		return coerceList(t, v, path)
	case *graphql.InputObject:
		return coerceObject(t, v, path)
	case *graphql.Enum:
		name, ok := v.(string)
		if n, written := v.(enumName); written {
			name, ok = string(n), true
		}
		if ok {
			if value := t.ParseValue(name); value != nil {
				return value, nil
			}
		}
	case *graphql.Scalar:
		if c := scalar(t, v); c != nil {
			return c, nil
		}
	}
	return nil, &Error{slices.Clone(path), fmt.Sprintf("it is not a value of the type %s", t)}
}

func coerceList(t *graphql.List, v any, path []string) (any, error) {
	items, ok := v.([]any)
	if !ok {
		c, err := Coerce(t.OfType, v, path)
		return []any{c}, err
	}
	out := make([]any, len(items))
	for i, item := range items {
		c, err := Coerce(t.OfType, item, append(path[:len(path):len(path)], strconv.Itoa(i)))
		if err != nil {
			return nil, err
		}
		out[i] = c
	}
	return out, nil
}

func coerceObject(t *graphql.InputObject, v any, path []string) (any, error) {
	given, ok := v.(map[string]any)
	if !ok {
		return nil, &Error{slices.Clone(path), fmt.Sprintf("it is not an object of the type %s", t)}
	}
	fields := t.Fields()
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if fields[name] == nil {
			return nil, &Error{append(slices.Clone(path), name), fmt.Sprintf("the type %s has no such field", t)}
		}
	}
	out := make(map[string]any, len(given))
	for _, name := range slices.Sorted(maps.Keys(fields)) { // so that of many errors the same one is told
		v, there := given[name]
		if err := put(out, name, fields[name].Type, fields[name].DefaultValue, v, there, append(path[:len(path):len(path)], name)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// scalar gives nil for what is not of the scalar.
func scalar(t *graphql.Scalar, v any) any {
	switch written := v.(type) {
	case enumName:
		return nil
	case quoted:
		v = string(written)
	}
	switch t {
	case graphql.String:
		if s, ok := v.(string); ok && utf8.ValidString(s) {
			return s
		}
	case graphql.Boolean:
		if b, ok := v.(bool); ok {
			return b
		}
	case graphql.Int:
		if n, ok := Whole(v); ok && n >= math.MinInt32 && n <= math.MaxInt32 {
			return int(n)
		}
	case graphql.Float:
		switch n := v.(type) {
		case float64:
			return n
		case Number:
			return parseFloat(string(n))
		case fraction:
			return parseFloat(string(n))
		}
	case graphql.ID:
		if s, ok := v.(string); ok && utf8.ValidString(s) {
			return s
		}
		if n, ok := v.(Number); ok {
			return string(n)
		}
		if n, ok := Whole(v); ok {
			return strconv.FormatInt(n, 10)
		}
	default:
		if f, ok := v.(fraction); ok {
			v = parseFloat(string(f))
		}
		return t.ParseValue(v)
	}
	return nil
}

// parseFloat gives nil for what is too large.
func parseFloat(s string) any {
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		return f
	}
	return nil
}

// maxLong is the greatest integer up to which JSON numbers are exact.
const maxLong = 1<<53 - 1

// Whole reads a whole number that JSON can carry exactly.
func Whole(v any) (int64, bool) {
	switch n := v.(type) {
	case float64:
		if n == math.Trunc(n) && math.Abs(n) <= maxLong {
			return int64(n), true
		}
	case Number:
		i, err := strconv.ParseInt(string(n), 10, 64)
		return i, err == nil && i >= -maxLong && i <= maxLong
	}
	return 0, false
}
