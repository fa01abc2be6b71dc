package execute

import (
	"github.com/graphql-go/graphql"
	"github.com/graphql-go/graphql/language/ast"

	"github.com/comity-platform/comity/graph/input"
)

// Variables coerces the variables of an operation, given as JSON, by section
// 6.1.2 of the specification. What was given as null is there and nil; what was
// not given and has no default is not there.
func (e *Engine) Variables(op *ast.OperationDefinition, given map[string]any) (map[string]any, error) {
	out := make(map[string]any, len(op.VariableDefinitions))
	for _, def := range op.VariableDefinitions {
		name := def.Variable.Name.Value
		t, ok := e.typeOf(def.Type).(graphql.Input)
		if !ok {
			return nil, &input.Error{Path: []string{name}, Message: "its type is none of the schema"} // validation refused it
		}
		v, ok := given[name]
		if !ok && def.DefaultValue != nil {
			v, ok = input.Literal(def.DefaultValue, nil)
		}
		if !ok {
			if _, required := t.(*graphql.NonNull); required {
				return nil, &input.Error{Path: []string{name}, Message: "it is required"}
			}
			continue
		}
		c, err := input.Coerce(t, v, []string{name})
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
	return input.Arguments(r.alone.fields[0].defs, r.Field, variables)
}
