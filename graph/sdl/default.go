package sdl

import (
	"github.com/graphql-go/graphql"
	"github.com/graphql-go/graphql/language/ast"
	"github.com/graphql-go/graphql/language/printer"

	"github.com/comity-platform/comity/graph/input"
)

// defaultValue is a literal in the definitions, of a field of an input object or
// of an argument.
type defaultValue struct {
	object, field, argument string
	literal                 ast.Value
}

// fallback notes a default value, to be read when every type is known.
func (w *builder) fallback(object, field, argument string, v ast.Value) {
	if v == nil {
		return
	}
	d := defaultValue{object, field, argument, v}
	w.defaults = append(w.defaults, d)
	w.out.defaults[d.place()], _ = printer.Print(v).(string)
}

func (d defaultValue) place() string {
	if d.argument == "" {
		return d.object + "." + d.field
	}
	return d.object + "." + d.field + "." + d.argument
}

// setDefaults reads the default values as if a request had given them.
func (w *builder) setDefaults() {
	begun := map[string]bool{}
	for _, d := range w.defaults {
		w.setDefault(d, begun)
	}
}

// setDefault reads a default value, after those of the fields that it can hold:
// they are a part of it.
func (w *builder) setDefault(d defaultValue, begun map[string]bool) {
	if begun[d.place()] {
		return
	}
	begun[d.place()] = true
	t, set := w.target(d)
	if object, ok := graphql.GetNamed(t).(*graphql.InputObject); ok {
		w.within(object, begun, map[string]bool{})
	}
	literal, _ := input.Literal(d.literal, nil)
	v, err := input.Coerce(t, literal, []string{d.place()})
	if err != nil {
		w.fail("the default value of %w", err)
		return
	}
	*set = v
}

// within reads the default values of an input object's fields, at any depth.
func (w *builder) within(object *graphql.InputObject, begun, seen map[string]bool) {
	if seen[object.Name()] {
		return
	}
	seen[object.Name()] = true
	for _, d := range w.defaults {
		if d.object == object.Name() {
			w.setDefault(d, begun)
		}
	}
	for _, f := range object.Fields() {
		if of, ok := graphql.GetNamed(f.Type).(*graphql.InputObject); ok {
			w.within(of, begun, seen)
		}
	}
}

// target finds what a default value is of.
func (w *builder) target(d defaultValue) (graphql.Input, *any) {
	var fields graphql.FieldDefinitionMap
	switch t := w.types[d.object].(type) {
	case *graphql.InputObject:
		f := t.Fields()[d.field]
		return f.Type, &f.DefaultValue
	case *graphql.Object:
		fields = t.Fields()
	case *graphql.Interface:
		fields = t.Fields()
	}
	for _, a := range fields[d.field].Args {
		if a.Name() == d.argument {
			return a.Type, &a.DefaultValue
		}
	}
	panic("sdl: " + d.place() + " is nowhere") // it was noted in making it
}

// specify notes where the specification of a scalar is.
func (w *builder) specify(scalar string, directives []*ast.Directive) {
	for _, d := range directives {
		if d.Name.Value != "specifiedBy" || len(d.Arguments) != 1 || d.Arguments[0].Name.Value != "url" {
			w.fail("@%s is not expected at the scalar %s", d.Name.Value, scalar)
			continue
		}
		url, ok := d.Arguments[0].Value.(*ast.StringValue)
		if !ok || url.Value == "" {
			w.fail("@specifiedBy of the scalar %s names no address", scalar)
			continue
		}
		w.out.specified[scalar] = url.Value
	}
}
