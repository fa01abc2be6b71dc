package execute

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/graphql-go/graphql"
	"github.com/graphql-go/graphql/language/ast"

	"github.com/comity-platform/comity/graph/sdl"
)

// InputError is what is wrong with a value from outside, and where it stands:
// the names of variable or argument and fields, and positions in lists.
type InputError struct {
	Path    []string
	Message string
}

func (e *InputError) Error() string {
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

// Variables coerces the variables of an operation, given as JSON, by section
// 6.1.2 of the specification. What was given as null is there and nil; what was
// not given and has no default is not there.
func (e *Engine) Variables(op *ast.OperationDefinition, given map[string]any) (map[string]any, error) {
	out := make(map[string]any, len(op.VariableDefinitions))
	for _, def := range op.VariableDefinitions {
		name := def.Variable.Name.Value
		t, ok := e.typeOf(def.Type).(graphql.Input)
		if !ok {
			return nil, &InputError{[]string{name}, "its type is none of the schema"} // validation refused it
		}
		v, ok := given[name]
		if !ok && def.DefaultValue != nil {
			v, ok = literal(def.DefaultValue, nil)
		}
		if !ok {
			if _, required := t.(*graphql.NonNull); required {
				return nil, &InputError{[]string{name}, "it is required"}
			}
			continue
		}
		c, err := coerce(t, v, []string{name})
		if err != nil {
			return nil, err
		}
		out[name] = c
	}
	return out, nil
}

func (e *Engine) typeOf(t ast.Type) graphql.Type {
	switch t := t.(type) {
	case *ast.NonNull:
		if of := e.typeOf(t.Type); of != nil {
			return graphql.NewNonNull(of)
		}
	case *ast.List:
		if of := e.typeOf(t.Type); of != nil {
			return graphql.NewList(of)
		}
	case *ast.Named:
		return e.Schema.Type(t.Name.Value)
	}
	return nil
}

// Arguments coerces the arguments of a root field of a plan, by section 6.4.1 of
// the specification.
func (e *Engine) Arguments(r Root, variables map[string]any) (Args, error) {
	return arguments(r.alone.fields[0].defs, r.Field, variables)
}

func arguments(defs []*graphql.Argument, node *ast.Field, variables map[string]any) (Args, error) {
	if len(defs) == 0 {
		return nil, nil
	}
	out := make(Args, len(defs))
	for _, def := range defs {
		name := def.Name()
		i := slices.IndexFunc(node.Arguments, func(a *ast.Argument) bool { return a.Name.Value == name })
		var v any
		there := false
		if i >= 0 {
			v, there = literal(node.Arguments[i].Value, variables)
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
			return &InputError{slices.Clone(path), "it is required"}
		}
		return nil
	}
	c, err := coerce(t, v, path)
	if err == nil {
		out[name] = c
	}
	return err
}

// coerced marks the value of a variable within a literal: it is of its type already.
type coerced struct{ value any }

// literal is a literal as JSON would give it, with variables filled in; not there
// is what is a variable without a value.
func literal(v ast.Value, variables map[string]any) (_ any, there bool) {
	switch v := v.(type) {
	case *ast.Variable:
		given, ok := variables[v.Name.Value]
		return coerced{given}, ok
	case *ast.StringValue:
		return v.Value, true
	case *ast.EnumValue:
		return enumName(v.Value), true
	case *ast.BooleanValue:
		return v.Value, true
	case *ast.IntValue:
		return sdl.Number(v.Value), true
	case *ast.FloatValue:
		return fraction(v.Value), true
	case *ast.ListValue:
		all := make([]any, len(v.Values))
		for i, item := range v.Values {
			if given, ok := literal(item, variables); ok {
				all[i] = given
			}
		}
		return all, true
	case *ast.ObjectValue:
		m := map[string]any{}
		for _, f := range v.Fields {
			if given, ok := literal(f.Value, variables); ok {
				m[f.Name.Value] = given
			}
		}
		return m, true
	}
	return nil, false
}

// What only a query tells from a string and from a whole number.
type (
	enumName string
	fraction string
)

func hasVariable(v ast.Value) bool {
	switch v := v.(type) {
	case *ast.Variable:
		return true
	case *ast.ListValue:
		return slices.ContainsFunc(v.Values, hasVariable)
	case *ast.ObjectValue:
		return slices.ContainsFunc(v.Fields, func(f *ast.ObjectField) bool { return hasVariable(f.Value) })
	}
	return false
}

// coerce makes a value of an input type of one from JSON or a literal. path is
// where it stands.
func coerce(t graphql.Type, v any, path []string) (any, error) {
	if c, ok := v.(coerced); ok {
		_, required := t.(*graphql.NonNull)
		if c.value == nil && required { // a nullable variable with a default, given as null
			return nil, &InputError{slices.Clone(path), "it is required"}
		}
		return c.value, nil
	}
	if required, ok := t.(*graphql.NonNull); ok {
		if v == nil {
			return nil, &InputError{slices.Clone(path), "it is required"}
		}
		return coerce(required.OfType, v, path)
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
		if c := coerceScalar(t, v); c != nil {
			return c, nil
		}
	}
	return nil, &InputError{slices.Clone(path), fmt.Sprintf("it is not a value of the type %s", t)}
}

func coerceList(t *graphql.List, v any, path []string) (any, error) {
	items, ok := v.([]any)
	if !ok {
		c, err := coerce(t.OfType, v, path)
		return []any{c}, err
	}
	out := make([]any, len(items))
	for i, item := range items {
		c, err := coerce(t.OfType, item, append(path[:len(path):len(path)], strconv.Itoa(i)))
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
		return nil, &InputError{slices.Clone(path), fmt.Sprintf("it is not an object of the type %s", t)}
	}
	fields := t.Fields()
	for name := range given {
		if fields[name] == nil {
			return nil, &InputError{append(slices.Clone(path), name), fmt.Sprintf("the type %s has no such field", t)}
		}
	}
	out := make(map[string]any, len(given))
	for name, field := range fields {
		v, there := given[name]
		if err := put(out, name, field.Type, field.DefaultValue, v, there, append(path[:len(path):len(path)], name)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// coerceScalar gives nil for what is not of the scalar.
func coerceScalar(t *graphql.Scalar, v any) any {
	if _, enum := v.(enumName); enum {
		return nil
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
		case sdl.Number:
			return parseFloat(string(n))
		case fraction:
			return parseFloat(string(n))
		}
	case graphql.ID:
		if s, ok := v.(string); ok && utf8.ValidString(s) {
			return s
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
	case sdl.Number:
		i, err := strconv.ParseInt(string(n), 10, 64)
		return i, err == nil && i >= -maxLong && i <= maxLong
	}
	return 0, false
}
