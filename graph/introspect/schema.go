// Package introspect answers what is asked about a schema (section 4 of the
// GraphQL specification, October 2021, and what graphql-js asks beyond): every
// definition in the order of the schema's file, with its description, defaults,
// deprecations and the specification of its scalars.
//
// graphql-go's own introspection lacks half of that and gives lists in random
// order. Its validation knows the types of introspection by variables of that
// package, which this one sets to types of its own, read from meta.graphql, when
// the program starts.
package introspect

import (
	_ "embed"
	"errors"
	"fmt"
	"strings"

	"github.com/graphql-go/graphql/language/ast"
	"github.com/graphql-go/graphql/language/parser"
)

// metaSDL are the types of introspection and the directives that the server knows.
//
//go:embed meta.graphql
var metaSDL string

// Schema is what introspection says of a schema.
type Schema struct {
	types      []*typ
	byName     map[string]*typ
	directives []*directive
}

// typ is a type. Its nil lists are null in the answer: they are not of its kind.
type typ struct {
	kind, name, description, specifiedBy string
	fields                               []*field
	interfaces, possible                 []*typ
	values                               []*value
	inputs                               []*input
	of                                   *typ
}

type field struct {
	name, description string
	args              []*input
	of                *typ
	deprecation
}

type input struct {
	name, description, value string // value is the default, as GraphQL writes it
	of                       *typ
	deprecation
}

type value struct {
	name, description string
	deprecation
}

type directive struct {
	name, description string
	locations         []string
	args              []*input
}

type deprecation struct {
	deprecated bool
	reason     string
}

// builtIn are the scalars that need no definition, as graphql-js describes them.
var builtIn = []*typ{
	{kind: "SCALAR", name: "String", description: "Text in Unicode."},
	{kind: "SCALAR", name: "Int", description: "A whole number from -(2^31) to 2^31 - 1."},
	{kind: "SCALAR", name: "Boolean", description: "`true` or `false`."},
	{kind: "SCALAR", name: "ID", description: "An opaque name of an object. It is written as text."},
	{kind: "SCALAR", name: "Float", description: "A number as IEEE 754 has them in double precision."},
}

// New reads a schema from its definitions.
func New(text string) (*Schema, error) {
	r := &reader{out: &Schema{byName: map[string]*typ{}}, used: map[string]bool{}}
	docs := make([]*ast.Document, 0, 2)
	for _, source := range []string{text, metaSDL} {
		doc, err := parser.Parse(parser.ParseParams{Source: source})
		if err != nil {
			return nil, fmt.Errorf("introspect: %w", err)
		}
		docs = append(docs, doc)
	}
	for _, doc := range docs {
		for _, d := range doc.Definitions {
			r.declare(d)
		}
	}
	for _, t := range builtIn {
		r.add(&typ{kind: t.kind, name: t.name, description: t.description}, false)
	}
	for _, doc := range docs {
		for _, d := range doc.Definitions {
			r.define(d)
		}
	}
	for _, t := range builtIn { // what nothing uses is not part of the schema
		if r.used[t.name] {
			r.out.types = append(r.out.types, r.out.byName[t.name])
		} else {
			delete(r.out.byName, t.name)
		}
	}
	if r.out.byName["Query"] == nil {
		r.fail("there is no type Query")
	}
	return r.out, errors.Join(r.errs...)
}

// reader makes a schema of parsed definitions: first all names, then what they hold.
type reader struct {
	out  *Schema
	used map[string]bool
	errs []error
}

func (r *reader) fail(format string, args ...any) {
	r.errs = append(r.errs, fmt.Errorf("introspect: "+format, args...))
}

func (r *reader) add(t *typ, listed bool) {
	if r.out.byName[t.name] != nil {
		r.fail("%s is defined twice", t.name)
	}
	r.out.byName[t.name] = t
	if listed {
		r.out.types = append(r.out.types, t)
	}
}

func (r *reader) declare(d ast.Node) {
	switch d := d.(type) {
	case *ast.ScalarDefinition:
		r.add(&typ{kind: "SCALAR", name: d.Name.Value, description: described(d.Description), specifiedBy: argument(d.Directives, "specifiedBy", "url")}, true)
	case *ast.ObjectDefinition:
		r.add(&typ{kind: "OBJECT", name: d.Name.Value, description: described(d.Description), interfaces: []*typ{}}, true)
	case *ast.InterfaceDefinition:
		r.add(&typ{kind: "INTERFACE", name: d.Name.Value, description: described(d.Description), interfaces: []*typ{}, possible: []*typ{}}, true)
	case *ast.UnionDefinition:
		r.add(&typ{kind: "UNION", name: d.Name.Value, description: described(d.Description)}, true)
	case *ast.EnumDefinition:
		r.add(&typ{kind: "ENUM", name: d.Name.Value, description: described(d.Description)}, true)
	case *ast.InputObjectDefinition:
		r.add(&typ{kind: "INPUT_OBJECT", name: d.Name.Value, description: described(d.Description)}, true)
	case *ast.DirectiveDefinition:
	default:
		r.fail("a %s is not expected", d.GetKind())
	}
}

func (r *reader) define(d ast.Node) {
	switch d := d.(type) {
	case *ast.ObjectDefinition:
		t := r.out.byName[d.Name.Value]
		t.fields = r.fields(d.Fields)
		for _, n := range d.Interfaces {
			if i := r.named(n.Name.Value); i != nil {
				t.interfaces = append(t.interfaces, i)
				i.possible = append(i.possible, t)
			}
		}
	case *ast.InterfaceDefinition:
		r.out.byName[d.Name.Value].fields = r.fields(d.Fields)
	case *ast.UnionDefinition:
		t := r.out.byName[d.Name.Value]
		for _, n := range d.Types {
			if member := r.named(n.Name.Value); member != nil {
				t.possible = append(t.possible, member)
			}
		}
	case *ast.EnumDefinition:
		t := r.out.byName[d.Name.Value]
		for _, v := range d.Values {
			t.values = append(t.values, &value{name: v.Name.Value, description: described(v.Description), deprecation: deprecated(v.Directives)})
		}
	case *ast.InputObjectDefinition:
		r.out.byName[d.Name.Value].inputs = r.inputs(d.Fields)
	case *ast.DirectiveDefinition:
		out := &directive{name: d.Name.Value, description: described(d.Description), args: r.inputs(d.Arguments)}
		for _, l := range d.Locations {
			out.locations = append(out.locations, l.Value)
		}
		r.out.directives = append(r.out.directives, out)
	}
}

func (r *reader) fields(defs []*ast.FieldDefinition) []*field {
	out := make([]*field, 0, len(defs))
	for _, d := range defs {
		out = append(out, &field{name: d.Name.Value, description: described(d.Description), args: r.inputs(d.Arguments), of: r.typeOf(d.Type),
			deprecation: deprecated(d.Directives)})
	}
	return out
}

func (r *reader) inputs(defs []*ast.InputValueDefinition) []*input {
	out := make([]*input, 0, len(defs))
	for _, d := range defs {
		i := &input{name: d.Name.Value, description: described(d.Description), of: r.typeOf(d.Type), deprecation: deprecated(d.Directives)}
		if d.DefaultValue != nil {
			i.value = written(d.DefaultValue)
		}
		out = append(out, i)
	}
	return out
}

func (r *reader) typeOf(t ast.Type) *typ {
	switch t := t.(type) {
	case *ast.NonNull:
		return &typ{kind: "NON_NULL", of: r.typeOf(t.Type)}
	case *ast.List:
		return &typ{kind: "LIST", of: r.typeOf(t.Type)}
	case *ast.Named:
		return r.named(t.Name.Value)
	}
	return nil
}

func (r *reader) named(name string) *typ {
	r.used[name] = true
	t := r.out.byName[name]
	if t == nil {
		r.fail("the type %s is not defined", name)
	}
	return t
}

func described(s *ast.StringValue) string {
	if s == nil {
		return ""
	}
	return strings.TrimSpace(s.Value)
}
