package differential

import (
	_ "embed"
	"fmt"
	"slices"

	"github.com/graphql-go/graphql/language/ast"
	"github.com/graphql-go/graphql/language/parser"
)

// Torture is a schema that has what the exchange's own has not: lists of lists,
// every combination of what may be null, defaults of every kind, Float.
//
//go:embed torture.graphql
var Torture string

// Schema is what the generator knows of a schema, in the order of its definitions.
type Schema struct {
	SDL     string
	Scalars map[string]Scalar
	types   map[string]*typ
	order   []*typ
}

// Scalar has values of a custom scalar, as JSON: what is given, and what it is
// read as. Whatever is not among them is none.
type Scalar struct {
	Values map[string]string `json:"values"`
	Wrong  []string          `json:"-"` // as JSON or literals
	given  []string          // the keys, in order
}

type typ struct {
	kind     string // OBJECT and so on
	name     string
	fields   []*field
	values   []string
	possible []string // of an interface or union: names of objects, in alphabetical order
	overlaps []*typ   // composite types that share a possible type with it
}

// field is a field or an argument.
type field struct {
	name     string
	of       *ref
	args     []*field
	fallback bool
}

// ref is a type as it is written: a name, or a list of another.
type ref struct {
	name    string
	item    *ref
	nonNull bool
}

func (r *ref) String() string {
	s := r.name
	if r.item != nil {
		s = "[" + r.item.String() + "]"
	}
	if r.nonNull {
		s += "!"
	}
	return s
}

func (r *ref) named() string {
	for r.item != nil {
		r = r.item
	}
	return r.name
}

func (r *ref) with(nonNull bool) *ref { return &ref{r.name, r.item, nonNull} }

// required reports whether an argument or input field cannot be left out.
func (f *field) required() bool { return f.of.nonNull && !f.fallback }

// Read makes a schema of its text.
func Read(sdl string, scalars map[string]Scalar) (*Schema, error) {
	doc, err := parser.Parse(parser.ParseParams{Source: sdl})
	if err != nil {
		return nil, err
	}
	s := &Schema{SDL: sdl, Scalars: map[string]Scalar{}, types: map[string]*typ{}}
	for _, name := range []string{"Int", "Float", "String", "Boolean", "ID"} {
		s.types[name] = &typ{kind: "SCALAR", name: name}
	}
	for _, d := range doc.Definitions {
		t := &typ{}
		switch d := d.(type) {
		case *ast.ScalarDefinition:
			t.kind, t.name = "SCALAR", d.Name.Value
			known, ok := scalars[t.name]
			if !ok {
				return nil, fmt.Errorf("differential: no values of the scalar %s", t.name)
			}
			known.given = sortedKeys(known.Values)
			s.Scalars[t.name] = known
		case *ast.EnumDefinition:
			t.kind, t.name = "ENUM", d.Name.Value
			for _, v := range d.Values {
				t.values = append(t.values, v.Name.Value)
			}
		case *ast.ObjectDefinition:
			t.kind, t.name, t.fields = "OBJECT", d.Name.Value, outputs(d.Fields)
			t.possible = []string{t.name}
		case *ast.InterfaceDefinition:
			t.kind, t.name, t.fields = "INTERFACE", d.Name.Value, outputs(d.Fields)
		case *ast.UnionDefinition:
			t.kind, t.name = "UNION", d.Name.Value
			for _, m := range d.Types {
				t.possible = append(t.possible, m.Name.Value)
			}
		case *ast.InputObjectDefinition:
			t.kind, t.name, t.fields = "INPUT", d.Name.Value, inputs(d.Fields)
		default:
			return nil, fmt.Errorf("differential: a %s is not expected", d.GetKind())
		}
		s.types[t.name] = t
		s.order = append(s.order, t)
	}
	for _, d := range doc.Definitions {
		if d, ok := d.(*ast.ObjectDefinition); ok {
			for _, i := range d.Interfaces {
				t := s.types[i.Name.Value]
				t.possible = append(t.possible, d.Name.Value)
			}
		}
	}
	for _, t := range s.order {
		slices.Sort(t.possible)
		for _, other := range s.order {
			if slices.ContainsFunc(t.possible, func(name string) bool { return slices.Contains(other.possible, name) }) {
				t.overlaps = append(t.overlaps, other)
			}
		}
	}
	return s, nil
}

func outputs(all []*ast.FieldDefinition) (out []*field) {
	for _, f := range all {
		out = append(out, &field{name: f.Name.Value, of: reference(f.Type), args: inputs(f.Arguments)})
	}
	return out
}

func inputs(all []*ast.InputValueDefinition) (out []*field) {
	for _, f := range all {
		out = append(out, &field{name: f.Name.Value, of: reference(f.Type), fallback: f.DefaultValue != nil})
	}
	return out
}

func reference(t ast.Type) *ref {
	switch t := t.(type) {
	case *ast.NonNull:
		return reference(t.Type).with(true)
	case *ast.List:
		return &ref{item: reference(t.Type)}
	}
	return &ref{name: t.(*ast.Named).Name.Value}
}

func (s *Schema) leaf(r *ref) bool {
	k := s.types[r.named()].kind
	return k == "SCALAR" || k == "ENUM"
}
