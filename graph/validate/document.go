// Package validate holds rules of validation, of section 5 of the GraphQL
// specification (October 2021), that graphql-go lacks or has in an older form.
package validate

import (
	"fmt"
	"slices"

	"github.com/graphql-go/graphql"
	"github.com/graphql-go/graphql/gqlerrors"
	"github.com/graphql-go/graphql/language/ast"
	"github.com/graphql-go/graphql/language/printer"

	"github.com/comity-platform/comity/graph/input"
)

// Document checks that literals and default values are of the types of their
// places (sections 5.6.1 to 5.6.4), that nothing required is left out
// (5.4.2.1), that variables are used where their types allow (5.8.5), that
// fragments are spread where an object of their type can be (5.5.2.3), and that a
// subscription has one root field (5.2.3.1). Names that are not known are not its
// concern.
func Document(schema *graphql.Schema, doc *ast.Document) []gqlerrors.FormattedError {
	w := &walk{schema: schema, fragments: map[string]*part{}, definitions: map[string]*ast.FragmentDefinition{}}
	var operations []*part
	for _, d := range doc.Definitions {
		if f, ok := d.(*ast.FragmentDefinition); ok {
			w.definitions[f.Name.Value] = f
		}
	}
	for _, d := range doc.Definitions {
		switch d := d.(type) {
		case *ast.OperationDefinition:
			operations = append(operations, w.operation(d))
		case *ast.FragmentDefinition:
			w.at = &part{}
			w.directives(d.Directives)
			w.selections(schema.Type(d.TypeCondition.Name.Value), d.SelectionSet)
			w.fragments[d.Name.Value] = w.at
		}
	}
	for _, op := range operations {
		w.variables(op, op, map[*part]bool{})
	}
	return w.errors
}

type walk struct {
	schema      *graphql.Schema
	fragments   map[string]*part
	definitions map[string]*ast.FragmentDefinition
	at          *part // that is gone over
	errors      []gqlerrors.FormattedError
}

// part is what an operation or a fragment says.
type part struct {
	defined map[string]*ast.VariableDefinition
	uses    []use
	spreads []string
}

// use is a variable at a place of a type.
type use struct {
	variable *ast.Variable
	t        graphql.Input
	fallback bool // the place has a default value
}

func (w *walk) fail(node ast.Node, format string, args ...any) {
	w.errors = append(w.errors, gqlerrors.FormatError(gqlerrors.NewError(fmt.Sprintf(format, args...), []ast.Node{node}, "", nil, nil, nil)))
}

func (w *walk) operation(op *ast.OperationDefinition) *part {
	w.at = &part{defined: map[string]*ast.VariableDefinition{}}
	for _, v := range op.VariableDefinitions {
		w.at.defined[v.Variable.Name.Value] = v
		if t := w.typeOf(v.Type); t != nil && v.DefaultValue != nil {
			w.value(t, v.DefaultValue, false)
		}
	}
	w.directives(op.Directives)
	var root *graphql.Object
	switch op.Operation {
	case ast.OperationTypeQuery:
		root = w.schema.QueryType()
	case ast.OperationTypeMutation:
		root = w.schema.MutationType()
	case ast.OperationTypeSubscription:
		root = w.schema.SubscriptionType()
		w.single(op)
	}
	if root == nil {
		w.fail(op, "the schema has no %s", op.Operation)
	} else {
		w.selections(root, op.SelectionSet)
	}
	return w.at
}

// typeOf is nil for what is no input type of the schema.
func (w *walk) typeOf(t ast.Type) graphql.Input {
	switch t := t.(type) {
	case *ast.NonNull:
		if of := w.typeOf(t.Type); of != nil {
			return graphql.NewNonNull(of)
		}
	case *ast.List:
		if of := w.typeOf(t.Type); of != nil {
			return graphql.NewList(of)
		}
	case *ast.Named:
		if of := w.schema.Type(t.Name.Value); of != nil && graphql.IsInputType(of) {
			return of.(graphql.Input)
		}
	}
	return nil
}

func (w *walk) selections(of graphql.Type, set *ast.SelectionSet) {
	if set == nil {
		return
	}
	for _, s := range set.Selections {
		switch s := s.(type) {
		case *ast.Field:
			w.directives(s.Directives)
			if def := w.field(of, s.Name.Value); def != nil {
				w.arguments(def.Args, s.Arguments, s, s.Name.Value)
				w.selections(graphql.GetNamed(def.Type).(graphql.Type), s.SelectionSet)
			}
		case *ast.InlineFragment:
			w.directives(s.Directives)
			within := of
			if s.TypeCondition != nil {
				within = w.schema.Type(s.TypeCondition.Name.Value)
				w.spread(s, of, within)
			}
			w.selections(within, s.SelectionSet)
		case *ast.FragmentSpread:
			w.directives(s.Directives)
			w.at.spreads = append(w.at.spreads, s.Name.Value)
			if f := w.definitions[s.Name.Value]; f != nil {
				w.spread(s, of, w.schema.Type(f.TypeCondition.Name.Value))
			}
		}
	}
}

// spread checks that an object of one type can be one of another.
func (w *walk) spread(node ast.Node, of, on graphql.Type) {
	if !graphql.IsCompositeType(of) || !graphql.IsCompositeType(on) {
		return
	}
	for _, t := range w.possible(of) {
		if slices.Contains(w.possible(on), t) {
			return
		}
	}
	w.fail(node, "no object of the type %s is of the type %s", of, on)
}

func (w *walk) possible(t graphql.Type) []*graphql.Object {
	if o, ok := t.(*graphql.Object); ok {
		return []*graphql.Object{o}
	}
	return w.schema.PossibleTypes(t.(graphql.Abstract))
}

func (w *walk) field(of graphql.Type, name string) *graphql.FieldDefinition {
	switch t := of.(type) {
	case *graphql.Object:
		if t == w.schema.QueryType() && name == graphql.SchemaMetaFieldDef.Name {
			return graphql.SchemaMetaFieldDef
		}
		if t == w.schema.QueryType() && name == graphql.TypeMetaFieldDef.Name {
			return graphql.TypeMetaFieldDef
		}
		return t.Fields()[name]
	case *graphql.Interface:
		return t.Fields()[name]
	}
	return nil
}

func (w *walk) directives(all []*ast.Directive) {
	for _, d := range all {
		if def := w.schema.Directive(d.Name.Value); def != nil {
			w.arguments(def.Args, d.Arguments, d, "@"+d.Name.Value)
		}
	}
}

func (w *walk) arguments(defs []*graphql.Argument, given []*ast.Argument, node ast.Node, of string) {
	for _, def := range defs {
		found := false
		for _, a := range given {
			if a.Name.Value == def.Name() {
				found = true
				w.value(def.Type, a.Value, def.DefaultValue != nil)
			}
		}
		if _, required := def.Type.(*graphql.NonNull); required && !found && def.DefaultValue == nil {
			w.fail(node, "%s needs the argument %s, of the type %s", of, def.Name(), def.Type)
		}
	}
}

// value checks a literal for a place of a type.
func (w *walk) value(t graphql.Input, v ast.Value, fallback bool) {
	if v, ok := v.(*ast.Variable); ok {
		w.at.uses = append(w.at.uses, use{v, t, fallback})
		return
	}
	required, isRequired := t.(*graphql.NonNull)
	if input.IsNull(v) {
		if isRequired {
			w.fail(v.(ast.Node), "null is no value of the type %s", t)
		}
		return
	}
	if isRequired {
		t = required.OfType.(graphql.Input)
	}
	switch t := t.(type) {
	case *graphql.List:
		l, ok := v.(*ast.ListValue)
		if !ok { // one stands for a list of one
			w.value(t.OfType.(graphql.Input), v, false)
			return
		}
		for _, item := range l.Values {
			w.value(t.OfType.(graphql.Input), item, false)
		}
	case *graphql.InputObject:
		w.object(t, v)
	default:
		literal, _ := input.Literal(v, nil)
		if _, err := input.Coerce(t, literal, nil); err != nil {
			w.fail(v.(ast.Node), "%.100s is no value of the type %s", printer.Print(v.(ast.Node)), t)
		}
	}
}

func (w *walk) object(t *graphql.InputObject, v ast.Value) {
	o, ok := v.(*ast.ObjectValue)
	if !ok {
		w.fail(v.(ast.Node), "%.100s is no object of the type %s", printer.Print(v.(ast.Node)), t)
		return
	}
	fields := t.Fields()
	given := map[string]bool{}
	for _, f := range o.Fields {
		if given[f.Name.Value] {
			w.fail(f, "the field %s is given twice", f.Name.Value)
		}
		given[f.Name.Value] = true
		if def := fields[f.Name.Value]; def != nil {
			w.value(def.Type, f.Value, def.DefaultValue != nil)
		} else {
			w.fail(f, "the type %s has no field %s", t, f.Name.Value)
		}
	}
	for name, def := range fields {
		if _, required := def.Type.(*graphql.NonNull); required && !given[name] && def.DefaultValue == nil {
			w.fail(o, "%s needs the field %s, of the type %s", t, name, def.Type)
		}
	}
}

// variables checks the uses of an operation's variables, in itself and in the
// fragments that it spreads.
func (w *walk) variables(op, in *part, seen map[*part]bool) {
	if in == nil || seen[in] {
		return
	}
	seen[in] = true
	for _, u := range in.uses {
		def := op.defined[u.variable.Name.Value]
		if def == nil {
			continue
		}
		if t := w.typeOf(def.Type); t != nil && !w.allowed(t, def.DefaultValue, u) {
			w.fail(u.variable, "the variable $%s of the type %s is used where the type %s is wanted", u.variable.Name.Value, t, u.t)
		}
	}
	for _, name := range in.spreads {
		w.variables(op, w.fragments[name], seen)
	}
}

// allowed is IsVariableUsageAllowed of the specification.
func (w *walk) allowed(t graphql.Input, def ast.Value, u use) bool {
	_, given := t.(*graphql.NonNull)
	if wanted, ok := u.t.(*graphql.NonNull); ok && !given {
		return (u.fallback || def != nil && !input.IsNull(def)) && fits(t, wanted.OfType)
	}
	return fits(t, u.t)
}

// fits is AreTypesCompatible of the specification.
func fits(t, at graphql.Type) bool {
	given, required := t.(*graphql.NonNull)
	if wanted, ok := at.(*graphql.NonNull); ok {
		return required && fits(given.OfType, wanted.OfType)
	}
	if required {
		return fits(given.OfType, at)
	}
	wanted, list := at.(*graphql.List)
	if l, ok := t.(*graphql.List); ok || list {
		return ok && list && fits(l.OfType, wanted.OfType)
	}
	return t == at
}
