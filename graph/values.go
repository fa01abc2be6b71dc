package graph

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/graphql-go/graphql"
	"github.com/graphql-go/graphql/language/ast"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/graph/sdl"
)

// variables coerces the variables of an operation by the specification's rules
// and no others: the library takes an object for a string, and "12", true and
// 1.9 for an integer. What is null is left out, as the library cannot tell it
// from absent.
func (h *handler) variables(op *ast.OperationDefinition, given map[string]any) (map[string]any, *fault) {
	out := map[string]any{}
	for _, def := range op.VariableDefinitions {
		name := def.Variable.Name.Value
		t, ok := h.typeOf(def.Type).(graphql.Input)
		if !ok {
			return nil, invalid("the type of $" + name + " is not one of the schema") // validation refused it
		}
		v, ok := given[name]
		if (!ok || v == nil) && def.DefaultValue != nil {
			v = written(def.DefaultValue, nil)
		}
		c, f := coerce(t, v, []string{name})
		if f != nil {
			return nil, f
		}
		if c != nil {
			out[name] = c
		}
	}
	return out, nil
}

func (h *handler) typeOf(t ast.Type) graphql.Type {
	switch t := t.(type) {
	case *ast.NonNull:
		if of := h.typeOf(t.Type); of != nil {
			return graphql.NewNonNull(of)
		}
	case *ast.List:
		if of := h.typeOf(t.Type); of != nil {
			return graphql.NewList(of)
		}
	case *ast.Named:
		return h.schema.Type(t.Name.Value)
	}
	return nil
}

// argument works out an argument of a field from the document and the coerced
// variables.
func argument(field *ast.Field, name string, t graphql.Input, variables map[string]any) (any, *fault) {
	for _, a := range field.Arguments {
		if a.Name.Value == name {
			return coerce(t, written(a.Value, variables), []string{name})
		}
	}
	return coerce(t, nil, []string{name})
}

// written is a literal as JSON would give it, variables filled in.
func written(v ast.Value, variables map[string]any) any {
	switch v := v.(type) {
	case *ast.Variable:
		return variables[v.Name.Value]
	case *ast.StringValue:
		return v.Value
	case *ast.EnumValue:
		return v.Value
	case *ast.BooleanValue:
		return v.Value
	case *ast.IntValue:
		return sdl.Number(v.Value)
	case *ast.ListValue:
		all := make([]any, len(v.Values))
		for i, item := range v.Values {
			all[i] = written(item, variables)
		}
		return all
	case *ast.ObjectValue:
		m := map[string]any{}
		for _, f := range v.Fields {
			m[f.Name.Value] = written(f.Value, variables)
		}
		return m
	}
	return nil
}

// coerce makes a value of an input type of one from JSON or a literal. path is
// where it stands.
func coerce(t graphql.Input, v any, path []string) (any, *fault) {
	if required, ok := t.(*graphql.NonNull); ok {
		if v == nil {
			return nil, wrong(path, "it is required")
		}
		return coerce(required.OfType.(graphql.Input), v, path)
	}
	if v == nil {
		return nil, nil
	}
	switch t := t.(type) {
	case *graphql.List:
		items, ok := v.([]any)
		if !ok {
			items = []any{v}
		}
		out := make([]any, len(items))
		for i, item := range items {
			c, f := coerce(t.OfType.(graphql.Input), item, append(slices.Clone(path), strconv.Itoa(i)))
			if f != nil {
				return nil, f
			}
			out[i] = c
		}
		return out, nil
	case *graphql.InputObject:
		return coerceObject(t, v, path)
	case *graphql.Enum:
		if s, ok := v.(string); ok && t.ParseValue(s) != nil {
			return s, nil
		}
	case *graphql.Scalar:
		if c := coerceScalar(t, v); c != nil {
			return c, nil
		}
	}
	return nil, wrong(path, fmt.Sprintf("it is not a value of the type %s", t))
}

func coerceObject(t *graphql.InputObject, v any, path []string) (any, *fault) {
	given, ok := v.(map[string]any)
	if !ok {
		return nil, wrong(path, fmt.Sprintf("it is not an object of the type %s", t))
	}
	fields := t.Fields()
	for name := range given {
		if fields[name] == nil {
			return nil, wrong(append(slices.Clone(path), name), fmt.Sprintf("the type %s has no such field", t))
		}
	}
	out := map[string]any{}
	for name, field := range fields {
		c, f := coerce(field.Type, given[name], append(slices.Clone(path), name))
		if f != nil {
			return nil, f
		}
		if c != nil {
			out[name] = c
		}
	}
	return out, nil
}

// coerceScalar gives nil for what is not of the scalar.
func coerceScalar(t *graphql.Scalar, v any) any {
	switch t {
	case graphql.String:
		if s, ok := v.(string); ok {
			return s
		}
	case graphql.Boolean:
		if b, ok := v.(bool); ok {
			return b
		}
	case graphql.Int:
		if n, ok := whole(v); ok && n >= math.MinInt32 && n <= math.MaxInt32 {
			return int(n)
		}
	case graphql.ID:
		if s, ok := v.(string); ok {
			return s
		}
		if n, ok := whole(v); ok {
			return strconv.FormatInt(n, 10)
		}
	default:
		return t.ParseValue(v)
	}
	return nil
}

// maxLong is the greatest integer up to which JSON numbers are exact.
const maxLong = 1<<53 - 1

// whole reads a whole number that JSON can carry exactly.
func whole(v any) (int64, bool) {
	switch n := v.(type) {
	case float64:
		if n == math.Trunc(n) && math.Abs(n) <= maxLong {
			return int64(n), true
		}
	case sdl.Number:
		i, err := strconv.ParseInt(string(n), 10, 64)
		return i, err == nil && i >= -maxLong && i <= maxLong
	case int:
		return int64(n), true
	case int64:
		return n, true
	}
	return 0, false
}

// wrong says what is wrong with an input, and where it stands.
func wrong(path []string, message string) *fault {
	where := "$"
	for i, p := range path {
		switch _, err := strconv.Atoi(p); {
		case err == nil:
			where += "[" + p + "]"
		case i == 0:
			where += fmt.Sprintf("%.100s", p)
		default:
			where += fmt.Sprintf(".%.100s", p)
		}
	}
	return &fault{code: comity.CodeInvalid, message: where + ": " + message, argument: path}
}
