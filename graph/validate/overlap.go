package validate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/graphql-go/graphql"
	"github.com/graphql-go/graphql/gqlerrors"
	"github.com/graphql-go/graphql/language/ast"
	"github.com/graphql-go/graphql/language/kinds"
	"github.com/graphql-go/graphql/language/visitor"
)

// OverlappingFields is the rule of section 5.3.2 of the GraphQL specification
// (October 2021), Field Selection Merging: fields under one response key are one
// field, or of objects that exclude each other; and their values have one shape.
//
// The library compares every field with every other. Here fields that have to be
// alike are merged first, and what is asked below them is looked at once, as
// S. Adameit described it: the work grows with the fields, and with the types
// that exclude each other, not with the square of the fields. Fragments must not
// spread themselves.
func OverlappingFields(c *graphql.ValidationContext) *graphql.ValidationRuleInstance {
	return &graphql.ValidationRuleInstance{VisitorOpts: &visitor.VisitorOptions{KindFuncMap: map[string]visitor.NamedVisitFuncs{
		kinds.Document: {Enter: func(p visitor.VisitFuncParams) (string, any) {
			if doc, ok := p.Node.(*ast.Document); ok {
				for _, x := range overlaps(c.Schema(), doc).found {
					c.ReportError(gqlerrors.NewError(x.String(), []ast.Node{x.a, x.b}, "", nil, nil, nil))
				}
			}
			return visitor.ActionNoChange, nil
		}},
	}}}
}

// maxConflicts is how many conflicts are told of.
const maxConflicts = 10

// conflict is two fields that cannot be merged under one key.
type conflict struct {
	key    string
	reason string
	a, b   *ast.Field
}

func (x conflict) String() string {
	return fmt.Sprintf("Fields %q conflict because %s. Use different aliases on the fields to fetch both if this was intentional.", x.key, x.reason)
}

type overlap struct {
	schema    *graphql.Schema
	fragments map[string]*ast.FragmentDefinition
	spread    map[string]bool // fragments that were looked at where they are spread
	found     []conflict
	steps     int // fields and pairs that were looked at
}

// overlaps looks at every operation, and at fragments that none of them spreads.
func overlaps(schema *graphql.Schema, doc *ast.Document) *overlap {
	o := &overlap{schema: schema, fragments: map[string]*ast.FragmentDefinition{}, spread: map[string]bool{}}
	for _, d := range doc.Definitions {
		if f, ok := d.(*ast.FragmentDefinition); ok && f.Name != nil {
			o.fragments[f.Name.Value] = f
		}
	}
	for _, d := range doc.Definitions {
		if op, ok := d.(*ast.OperationDefinition); ok {
			o.root(o.rootType(op.Operation), op.SelectionSet)
		}
	}
	for _, d := range doc.Definitions {
		if f, ok := d.(*ast.FragmentDefinition); ok && !o.spread[f.Name.Value] {
			o.root(o.condition(f.TypeCondition, nil), f.SelectionSet)
		}
	}
	return o
}

func (o *overlap) rootType(operation string) graphql.Type {
	var object *graphql.Object
	switch operation {
	case ast.OperationTypeQuery:
		object = o.schema.QueryType()
	case ast.OperationTypeMutation:
		object = o.schema.MutationType()
	case ast.OperationTypeSubscription:
		object = o.schema.SubscriptionType()
	}
	if object == nil {
		return nil
	}
	return object
}

func (o *overlap) root(t graphql.Type, set *ast.SelectionSet) {
	all := o.group([]scope{{t, set}}, true)
	o.shapes(all)
	o.merge(all)
}

// scope is a selection set, and the type that it is asked of: nil where it is
// not known.
type scope struct {
	of  graphql.Type
	set *ast.SelectionSet
}

// groups are the fields of some scopes by response key, in the order of the query.
type groups struct {
	keys  []string
	byKey map[string]*group
}

// group are the fields under one key. Those that can be of one object have to be
// the same field, so they are one member: those of one object type, and those of
// interfaces and unions, which can be of any.
type group struct {
	abstract *member
	concrete []*member
	byType   map[string]*member
}

func (g *group) members() []*member {
	if g.abstract == nil {
		return g.concrete
	}
	return append([]*member{g.abstract}, g.concrete...)
}

type member struct {
	object    string // whose field it is, "" for interfaces and unions
	node      *ast.Field
	signature string
	returns   graphql.Type // nil where it is not known
	scopes    []scope      // what is asked below
	others    []*member    // as the first, with other types: for their shapes
	below     *groups      // of scopes, once it is needed
}

// group gathers the fields of some scopes; alike, where those of one object are
// to be the same, and not only of one shape.
func (o *overlap) group(scopes []scope, alike bool) *groups {
	g := &groups{byKey: map[string]*group{}}
	seen := map[string]bool{}
	var collect func(s scope)
	collect = func(s scope) {
		if s.set == nil {
			return
		}
		for _, n := range s.set.Selections {
			o.steps++
			switch n := n.(type) {
			case *ast.Field:
				o.add(g, s.of, n, alike)
			case *ast.InlineFragment:
				collect(scope{o.condition(n.TypeCondition, s.of), n.SelectionSet})
			case *ast.FragmentSpread:
				name := n.Name.Value
				o.spread[name] = true
				f := o.fragments[name]
				if f == nil || seen[name] {
					continue
				}
				seen[name] = true
				collect(scope{o.condition(f.TypeCondition, nil), f.SelectionSet})
			}
		}
	}
	for _, s := range scopes {
		collect(s)
	}
	return g
}

func (o *overlap) condition(on *ast.Named, otherwise graphql.Type) graphql.Type {
	if on == nil {
		return otherwise
	}
	return o.schema.Type(on.Name.Value)
}

func (o *overlap) add(g *groups, of graphql.Type, n *ast.Field, alike bool) {
	key := n.Name.Value
	if n.Alias != nil {
		key = n.Alias.Value
	}
	in := g.byKey[key]
	if in == nil {
		in = &group{byType: map[string]*member{}}
		g.byKey[key] = in
		g.keys = append(g.keys, key)
	}
	m := &member{node: n, signature: signature(n), returns: typeOf(of, n.Name.Value)}
	if n.SelectionSet != nil {
		var below graphql.Type
		if m.returns != nil {
			below, _ = graphql.GetNamed(m.returns).(graphql.Type)
		}
		m.scopes = []scope{{below, n.SelectionSet}}
	}
	object, concrete := of.(*graphql.Object)
	first := in.abstract
	if concrete {
		first = in.byType[object.Name()]
	}
	switch {
	case first != nil:
		if alike && first.signature != m.signature {
			o.conflict(key, different(first.node, n), first.node, n)
		}
		first.scopes = append(first.scopes, m.scopes...)
		if !same(first.returns, m.returns) {
			first.others = append(first.others, m)
		}
	case concrete:
		m.object = object.Name()
		in.byType[m.object] = m
		in.concrete = append(in.concrete, m)
	default:
		in.abstract = m
	}
}

// typeOf gives the type of a field, nil where it is not known. That of __typename
// and of introspection is not looked at, as in the reference implementation.
func typeOf(of graphql.Type, name string) graphql.Type {
	var fields graphql.FieldDefinitionMap
	switch t := of.(type) {
	case *graphql.Object:
		fields = t.Fields()
	case *graphql.Interface:
		fields = t.Fields()
	}
	if f := fields[name]; f != nil {
		return f.Type
	}
	return nil
}

// shapes checks that all fields under one key give values of one shape, whatever
// objects they are of, SameResponseShape in the specification.
func (o *overlap) shapes(g *groups) {
	for _, key := range g.keys {
		var known *member
		var below []scope
		for _, m := range g.byKey[key].members() {
			below = append(below, m.scopes...)
			for _, m := range append([]*member{m}, m.others...) {
				o.steps++
				switch {
				case m.returns == nil:
				case known == nil:
					known = m
				case !sameShape(known.returns, m.returns):
					o.conflict(key, fmt.Sprintf("they return conflicting types %s and %s", known.returns, m.returns), known.node, m.node)
				}
			}
		}
		if len(below) > 0 && len(o.found) < maxConflicts {
			o.shapes(o.group(below, false))
		}
	}
}

// merge checks that fields under one key that can be of one object are the same
// field, FieldsInSetCanMerge in the specification.
func (o *overlap) merge(g *groups) {
	for _, key := range g.keys {
		in := g.byKey[key]
		for _, m := range in.members() {
			if len(m.scopes) > 0 && len(o.found) < maxConflicts {
				o.merge(o.under(m))
			}
		}
		if in.abstract != nil {
			for _, m := range in.concrete {
				o.pair(key, in.abstract, m)
			}
		}
	}
}

// pair checks two members that can be of one object, and all below them.
func (o *overlap) pair(key string, a, b *member) {
	o.steps++
	if len(o.found) >= maxConflicts {
		return
	}
	if a.signature != b.signature {
		o.conflict(key, different(a.node, b.node), a.node, b.node)
		return
	}
	if len(a.scopes) == 0 || len(b.scopes) == 0 {
		return
	}
	x, y := o.under(a), o.under(b)
	for _, key := range x.keys {
		p, q := x.byKey[key], y.byKey[key]
		if q == nil {
			continue
		}
		if p.abstract != nil {
			for _, m := range q.members() {
				o.pair(key, p.abstract, m)
			}
		}
		for _, m := range p.concrete {
			if q.abstract != nil {
				o.pair(key, m, q.abstract)
			}
			if alike := q.byType[m.object]; alike != nil {
				o.pair(key, m, alike)
			}
		}
	}
}

func (o *overlap) under(m *member) *groups {
	if m.below == nil {
		m.below = o.group(m.scopes, true)
	}
	return m.below
}

func (o *overlap) conflict(key, reason string, a, b *ast.Field) {
	if len(o.found) < maxConflicts {
		o.found = append(o.found, conflict{key, reason, a, b})
	}
}

func different(a, b *ast.Field) string {
	if a.Name.Value != b.Name.Value {
		return fmt.Sprintf("%s and %s are different fields", a.Name.Value, b.Name.Value)
	}
	return "they have differing arguments"
}

// signature is a field's name and arguments; the order of arguments, and of the
// fields of objects in them, does not count.
func signature(n *ast.Field) string {
	if len(n.Arguments) == 0 {
		return n.Name.Value
	}
	args := make([]string, len(n.Arguments))
	for i, a := range n.Arguments {
		args[i] = a.Name.Value + ":" + value(a.Value)
	}
	slices.Sort(args)
	return n.Name.Value + "(" + strings.Join(args, ",") + ")"
}

func value(v ast.Value) string {
	switch v := v.(type) {
	case *ast.Variable:
		return "$" + v.Name.Value
	case *ast.StringValue:
		return fmt.Sprintf("%q", v.Value)
	case *ast.ListValue:
		items := make([]string, len(v.Values))
		for i, item := range v.Values {
			items[i] = value(item)
		}
		return "[" + strings.Join(items, ",") + "]"
	case *ast.ObjectValue:
		fields := make([]string, len(v.Fields))
		for i, f := range v.Fields {
			fields[i] = f.Name.Value + ":" + value(f.Value)
		}
		slices.Sort(fields)
		return "{" + strings.Join(fields, ",") + "}"
	}
	return fmt.Sprint(v.GetValue())
}

func same(a, b graphql.Type) bool {
	return a == b || a != nil && b != nil && a.String() == b.String()
}

// sameShape reports whether two types are wrapped alike, and are the same scalar
// or enum or both have fields.
func sameShape(a, b graphql.Type) bool {
	for {
		x, ok := a.(*graphql.NonNull)
		y, ok2 := b.(*graphql.NonNull)
		if ok != ok2 {
			return false
		}
		if ok {
			a, b = x.OfType, y.OfType
		}
		l, ok := a.(*graphql.List)
		m, ok2 := b.(*graphql.List)
		if ok != ok2 {
			return false
		}
		if !ok {
			break
		}
		a, b = l.OfType, m.OfType
	}
	if graphql.IsLeafType(a) || graphql.IsLeafType(b) {
		return same(a, b)
	}
	return true
}
