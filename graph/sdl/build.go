// Package sdl makes a schema of graphql-go out of the schema definition
// language, in which it is written, described and reviewed, and prints a schema
// back. What is printed from the schema that is served equals the file that it
// was made from: nothing is lost on the way, and nothing is served that the
// file does not say.
package sdl

import (
	"fmt"
	"strings"
	"time"

	"github.com/graphql-go/graphql"
	"github.com/graphql-go/graphql/language/ast"
	"github.com/graphql-go/graphql/language/parser"

	"github.com/comity-platform/comity/graph/input"
)

// Binding is what the definitions do not say.
type Binding struct {
	// Scalars are the custom scalars, by name.
	Scalars map[string]Scalar
	// TypeOf names the object type of a value of an interface or union.
	TypeOf func(value any) string
}

// Scalar is a custom scalar: how its values are written, of whichever Go types
// they are, and how a text or number from outside is read.
type Scalar struct {
	Text   bool                                 // strings are values, written as they are
	Number bool                                 // whole numbers are values
	Time   func(buf []byte, t time.Time) []byte // appends the JSON of an instant
	Bytes  func(buf, b []byte) []byte           // appends the JSON of bytes
	Read   func(any) any                        // gives nil for what is none of its values
}

// Schema is a schema with the order of its definitions, which graphql-go does
// not keep.
type Schema struct {
	graphql.Schema
	types  []string
	fields map[string][]string // also values of enums and members of unions
	args   map[string][]string // by type and field, as in "Query.node"
	// specified are the addresses of scalars' specifications, and defaults the
	// literals of default values, by input field, as in "Filter.own", or argument,
	// as in "Query.node.id".
	specified, defaults map[string]string
	// deprecated are the reasons for deprecations, by places like those of defaults.
	deprecated map[string]string
}

type builder struct {
	Binding
	types    map[string]graphql.Type
	defaults []defaultValue
	out      *Schema
	err      error
}

// Build makes a schema of definitions.
func Build(text string, b Binding) (*Schema, error) {
	doc, err := parser.Parse(parser.ParseParams{Source: text})
	if err != nil {
		return nil, fmt.Errorf("sdl: %w", err)
	}
	w := &builder{Binding: b, types: map[string]graphql.Type{"String": graphql.String, "Int": graphql.Int, "Boolean": graphql.Boolean,
		"ID": graphql.ID, "Float": graphql.Float}, out: &Schema{fields: map[string][]string{}, args: map[string][]string{},
		specified: map[string]string{}, defaults: map[string]string{}, deprecated: map[string]string{}}}
	for _, d := range doc.Definitions {
		w.define(d)
	}
	if w.err != nil {
		return nil, w.err
	}
	return w.finish()
}

func (w *builder) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf("sdl: "+format, args...)
	}
}

func (w *builder) define(d ast.Node) {
	switch d := d.(type) {
	case *ast.ScalarDefinition:
		name := d.Name.Value
		s, ok := w.Scalars[name]
		if !ok {
			w.fail("the scalar %s is not bound", name)
			return
		}
		w.specify(name, d.Directives)
		var t *graphql.Scalar
		t = graphql.NewScalar(graphql.ScalarConfig{Name: name, Description: text(d.Description),
			Serialize:  func(v any) any { return v }, // which the library wants and never uses here
			ParseValue: s.Read, ParseLiteral: func(v ast.Value) any {
				literal, _ := input.Literal(v, nil)
				read, _ := input.Coerce(t, literal, nil)
				return read
			}})
		w.add(name, t)
	case *ast.EnumDefinition:
		w.enum(d)
	case *ast.InterfaceDefinition:
		name := d.Name.Value
		w.add(name, graphql.NewInterface(graphql.InterfaceConfig{Name: name, Description: text(d.Description),
			Fields: graphql.FieldsThunk(func() graphql.Fields { return w.outputs(name, d.Fields) }), ResolveType: w.resolveType}))
	case *ast.UnionDefinition:
		name := d.Name.Value
		for _, t := range d.Types {
			w.out.fields[name] = append(w.out.fields[name], t.Name.Value)
		}
		w.add(name, graphql.NewUnion(graphql.UnionConfig{Name: name, Description: text(d.Description), ResolveType: w.resolveType,
			Types: graphql.UnionTypesThunk(func() (members []*graphql.Object) {
				for _, t := range d.Types {
					members = append(members, w.object(t.Name.Value))
				}
				return members
			})}))
	case *ast.ObjectDefinition:
		name := d.Name.Value
		w.add(name, graphql.NewObject(graphql.ObjectConfig{Name: name, Description: text(d.Description),
			Interfaces: graphql.InterfacesThunk(func() (all []*graphql.Interface) {
				for _, n := range d.Interfaces {
					i, ok := w.types[n.Name.Value].(*graphql.Interface)
					if !ok {
						w.fail("%s implements %s, which is no interface", name, n.Name.Value)
						continue
					}
					all = append(all, i)
				}
				return all
			}),
			Fields: graphql.FieldsThunk(func() graphql.Fields { return w.outputs(name, d.Fields) })}))
	case *ast.InputObjectDefinition:
		name := d.Name.Value
		w.add(name, graphql.NewInputObject(graphql.InputObjectConfig{Name: name, Description: text(d.Description),
			Fields: graphql.InputObjectConfigFieldMapThunk(func() graphql.InputObjectConfigFieldMap {
				m := graphql.InputObjectConfigFieldMap{}
				w.out.fields[name] = nil
				for _, f := range d.Fields {
					w.out.fields[name] = append(w.out.fields[name], f.Name.Value)
					m[f.Name.Value] = &graphql.InputObjectFieldConfig{Type: w.input(f.Type), Description: text(f.Description)}
					w.fallback(name, f.Name.Value, "", f.DefaultValue)
					w.deprecate(name+"."+f.Name.Value, f.Directives)
				}
				return m
			})}))
	default:
		w.fail("a %s is not expected", d.GetKind())
	}
}

func (w *builder) add(name string, t graphql.Type) {
	if w.types[name] != nil {
		w.fail("%s is defined twice", name)
	}
	w.types[name] = t
	w.out.types = append(w.out.types, name)
}

func (w *builder) enum(d *ast.EnumDefinition) {
	name := d.Name.Value
	values := graphql.EnumValueConfigMap{}
	for _, v := range d.Values {
		values[v.Name.Value] = &graphql.EnumValueConfig{Value: v.Name.Value, Description: text(v.Description)}
		w.out.fields[name] = append(w.out.fields[name], v.Name.Value)
		w.deprecate(name+"."+v.Name.Value, v.Directives)
	}
	e := graphql.NewEnum(graphql.EnumConfig{Name: name, Description: text(d.Description), Values: values})
	// Its tables are made on first use, without a lock: use them now.
	e.Serialize("")
	e.ParseValue("")
	w.add(name, e)
}

func (w *builder) outputs(object string, fields []*ast.FieldDefinition) graphql.Fields {
	m := graphql.Fields{}
	w.out.fields[object] = nil
	for _, f := range fields {
		name := f.Name.Value
		w.out.fields[object] = append(w.out.fields[object], name)
		field := &graphql.Field{Type: w.output(f.Type), Description: text(f.Description), Args: graphql.FieldConfigArgument{}}
		w.out.args[object+"."+name] = nil
		for _, a := range f.Arguments {
			w.out.args[object+"."+name] = append(w.out.args[object+"."+name], a.Name.Value)
			field.Args[a.Name.Value] = &graphql.ArgumentConfig{Type: w.input(a.Type), Description: text(a.Description)}
			w.fallback(object, name, a.Name.Value, a.DefaultValue)
			w.deprecate(object+"."+name+"."+a.Name.Value, a.Directives)
		}
		w.deprecate(object+"."+name, f.Directives)
		m[name] = field
	}
	return m
}

func (w *builder) typeOf(t ast.Type) graphql.Type {
	switch t := t.(type) {
	case *ast.NonNull:
		return graphql.NewNonNull(w.typeOf(t.Type))
	case *ast.List:
		return graphql.NewList(w.typeOf(t.Type))
	case *ast.Named:
		if known := w.types[t.Name.Value]; known != nil {
			return known
		}
		w.fail("the type %s is not defined", t.Name.Value)
	}
	return graphql.String // after a failure, which is reported in the end
}

func (w *builder) output(t ast.Type) graphql.Output { return w.typeOf(t).(graphql.Output) }
func (w *builder) input(t ast.Type) graphql.Input   { return w.typeOf(t).(graphql.Input) }

func (w *builder) object(name string) *graphql.Object {
	o, ok := w.types[name].(*graphql.Object)
	if !ok {
		w.fail("%s is no object type", name)
	}
	return o
}

func (w *builder) resolveType(p graphql.ResolveTypeParams) *graphql.Object {
	o, _ := w.types[w.TypeOf(p.Value)].(*graphql.Object)
	return o
}

func (w *builder) finish() (*Schema, error) {
	all := make([]graphql.Type, 0, len(w.out.types))
	for _, name := range w.out.types {
		all = append(all, w.types[name])
	}
	query, mutation := w.object("Query"), w.object("Mutation")
	if w.err != nil {
		return nil, w.err
	}
	subscription, _ := w.types["Subscription"].(*graphql.Object) // a schema can do without
	schema, err := graphql.NewSchema(graphql.SchemaConfig{Query: query, Mutation: mutation, Subscription: subscription, Types: all})
	if w.err != nil { // what the library then stumbled over is but its consequence
		return nil, w.err
	}
	if err != nil {
		return nil, fmt.Errorf("sdl: %w", err)
	}
	// The possible types of interfaces and unions are worked out on first use,
	// without a lock: use them now.
	for _, t := range schema.TypeMap() {
		if abstract, ok := t.(graphql.Abstract); ok {
			schema.IsPossibleType(abstract, query)
		}
	}
	w.out.Schema = schema
	w.setDefaults()
	if w.err != nil {
		return nil, w.err
	}
	return w.out, nil
}

func text(s *ast.StringValue) string {
	if s == nil {
		return ""
	}
	return strings.TrimSpace(s.Value)
}
