package execute

import (
	"fmt"
	"slices"
	"sync"

	"github.com/graphql-go/graphql"
	"github.com/graphql-go/graphql/language/ast"

	"github.com/comity-platform/comity/graph/input"
)

// Plan is an operation compiled for one way in which its @skip and @include
// turn out. It can be run by many at once.
type Plan struct {
	Operation *ast.OperationDefinition
	Roots     []Root
	engine    *Engine
	fragments map[string]*ast.FragmentDefinition
	on        map[string]bool // variables of @skip and @include that are true
	root      *selection
	lock      sync.Mutex // over what is compiled when it is first met
}

// Root is a root field of a plan, as it answers under one response key.
type Root struct {
	Key   string
	Name  string     // of the field
	Field *ast.Field // the first of those that are merged under the key
	alone *selection
}

// selection is what is asked of objects of one type at one place.
type selection struct {
	object string
	fields []*field
}

// field is a field of a selection.
type field struct {
	key      string
	quoted   []byte // the key in JSON, between comma and colon
	typename bool   // which is no field of the type
	bound
	node     *ast.Field
	defs     []*graphql.Argument
	constant Args  // of arguments without variables
	wrong    error // of those
	varied   bool  // by variables
	under    *under
}

// shape is the type of a field or of an item of a list.
type shape struct {
	required bool
	item     *shape // of a list
	leaf     *leaf  // of a scalar or enum
}

// under is what is asked below a field: of objects of one type, or of each type
// that an interface or union can turn out to be.
type under struct {
	fixed *selection
	sets  []*ast.SelectionSet
	of    graphql.Abstract
	types map[string]*selection
}

// Compile makes the plan of an operation of a validated document, for the values
// that its coerced variables give to @skip and @include.
func (e *Engine) Compile(doc *ast.Document, op *ast.OperationDefinition, variables map[string]any) (*Plan, error) {
	p := &Plan{Operation: op, engine: e, fragments: map[string]*ast.FragmentDefinition{}, on: map[string]bool{}}
	for _, d := range doc.Definitions {
		if f, ok := d.(*ast.FragmentDefinition); ok {
			p.fragments[f.Name.Value] = f
		}
	}
	for name, v := range variables {
		if v == true {
			p.on[name] = true
		}
	}
	var object *graphql.Object
	switch op.Operation {
	case ast.OperationTypeQuery:
		object = e.Schema.QueryType()
	case ast.OperationTypeMutation:
		object = e.Schema.MutationType()
	case ast.OperationTypeSubscription: // of one event, which is the parent of its root field
		object = e.Schema.SubscriptionType()
	}
	if object == nil {
		return nil, fmt.Errorf("execute: the schema has no %s", op.Operation)
	}
	var err error
	if p.root, err = p.selection(object, []*ast.SelectionSet{op.SelectionSet}); err != nil {
		return nil, err
	}
	for _, f := range p.root.fields {
		p.Roots = append(p.Roots, Root{Key: f.key, Name: f.node.Name.Value, Field: f.node,
			alone: &selection{object: p.root.object, fields: []*field{f}}})
	}
	return p, nil
}

// Conditions lists the variables by which a document's @skip and @include are
// decided: plans differ by their values and by nothing else that is variable.
func Conditions(doc *ast.Document) (names []string) {
	var visit func(set *ast.SelectionSet)
	add := func(directives []*ast.Directive) {
		for _, d := range directives {
			for _, a := range d.Arguments {
				if v, ok := a.Value.(*ast.Variable); ok && a.Name.Value == "if" && !slices.Contains(names, v.Name.Value) {
					names = append(names, v.Name.Value)
				}
			}
		}
	}
	visit = func(set *ast.SelectionSet) {
		if set == nil {
			return
		}
		for _, s := range set.Selections {
			switch s := s.(type) {
			case *ast.Field:
				add(s.Directives)
				visit(s.SelectionSet)
			case *ast.InlineFragment:
				add(s.Directives)
				visit(s.SelectionSet)
			case *ast.FragmentSpread:
				add(s.Directives)
			}
		}
	}
	for _, d := range doc.Definitions {
		switch d := d.(type) {
		case *ast.OperationDefinition:
			visit(d.SelectionSet)
		case *ast.FragmentDefinition:
			visit(d.SelectionSet)
		}
	}
	return names
}

// collected are the fields that are merged under one response key.
type collected struct {
	key   string
	nodes []*ast.Field
}

// selection compiles what some selection sets ask of an object type.
func (p *Plan) selection(object *graphql.Object, sets []*ast.SelectionSet) (*selection, error) {
	c := collector{plan: p, object: object, seen: map[string]bool{}, at: map[string]int{}}
	for _, set := range sets {
		c.collect(set)
	}
	s := &selection{object: object.Name()}
	for _, group := range c.fields {
		f, err := p.field(object, group)
		if err != nil {
			return nil, err
		}
		s.fields = append(s.fields, f)
	}
	return s, nil
}

func (p *Plan) field(object *graphql.Object, group collected) (*field, error) {
	node := group.nodes[0]
	name := node.Name.Value
	f := &field{key: group.key, quoted: append(quote([]byte{','}, group.key), ':'), node: node}
	switch {
	case name == "__typename":
		f.typename = true
		return f, nil
	case object == p.engine.Schema.QueryType() && (name == graphql.SchemaMetaFieldDef.Name || name == graphql.TypeMetaFieldDef.Name):
		def := graphql.SchemaMetaFieldDef
		if name == graphql.TypeMetaFieldDef.Name {
			def = graphql.TypeMetaFieldDef
		}
		f.defs = def.Args
		r, err := p.engine.meta(object.Name(), name)
		if err == nil {
			f.bound, err = p.engine.bind(r, def.Type)
		}
		if err != nil {
			return nil, err
		}
	default:
		def := object.Fields()[name]
		if def == nil {
			return nil, fmt.Errorf("execute: %s has no field %s", object.Name(), name)
		}
		f.defs, f.bound = def.Args, p.engine.bound[object.Name()][name]
	}
	for _, a := range node.Arguments {
		f.varied = f.varied || input.HasVariable(a.Value)
	}
	if !f.varied {
		f.constant, f.wrong = input.Arguments(f.defs, node, nil)
	}
	var sets []*ast.SelectionSet
	for _, n := range group.nodes {
		if n.SelectionSet != nil {
			sets = append(sets, n.SelectionSet)
		}
	}
	var err error
	switch named := f.named.(type) {
	case *graphql.Object:
		f.under = &under{}
		f.under.fixed, err = p.selection(named, sets)
	case *graphql.Interface, *graphql.Union:
		f.under = &under{of: named.(graphql.Abstract), sets: sets, types: map[string]*selection{}}
	}
	return f, err
}

// shapeOf gives the shape of a type, and its named type.
func (e *Engine) shapeOf(t graphql.Type) (*shape, graphql.Type) {
	s := &shape{}
	if n, ok := t.(*graphql.NonNull); ok {
		s.required, t = true, n.OfType
	}
	if l, ok := t.(*graphql.List); ok {
		item, named := e.shapeOf(l.OfType)
		s.item = item
		return s, named
	}
	s.leaf = e.leaves[t.Name()]
	return s, t
}

// typed gives what is asked of an object type below a field.
func (u *under) typed(p *Plan, name string) (*selection, error) {
	if u.fixed != nil {
		return u.fixed, nil
	}
	p.lock.Lock()
	defer p.lock.Unlock()
	if s := u.types[name]; s != nil {
		return s, nil
	}
	object, ok := p.engine.Schema.Type(name).(*graphql.Object)
	if !ok || !p.engine.Schema.IsPossibleType(u.of, object) {
		return nil, fmt.Errorf("execute: a value of the type %q is none of %s", name, u.of)
	}
	s, err := p.selection(object, u.sets)
	if err == nil {
		u.types[name] = s
	}
	return s, err
}

// collector gathers fields as section 6.3.2 of the specification says.
type collector struct {
	plan   *Plan
	object *graphql.Object
	seen   map[string]bool // fragments that were spread
	at     map[string]int
	fields []collected
}

func (c *collector) collect(set *ast.SelectionSet) {
	for _, s := range set.Selections {
		switch s := s.(type) {
		case *ast.Field:
			if !c.plan.included(s.Directives) {
				continue
			}
			key := s.Name.Value
			if s.Alias != nil {
				key = s.Alias.Value
			}
			i, known := c.at[key]
			if !known {
				i = len(c.fields)
				c.at[key] = i
				c.fields = append(c.fields, collected{key: key})
			}
			c.fields[i].nodes = append(c.fields[i].nodes, s)
		case *ast.InlineFragment:
			if c.plan.included(s.Directives) && c.applies(s.TypeCondition) {
				c.collect(s.SelectionSet)
			}
		case *ast.FragmentSpread:
			name := s.Name.Value
			f := c.plan.fragments[name]
			if !c.plan.included(s.Directives) || c.seen[name] || f == nil {
				continue
			}
			c.seen[name] = true
			if c.applies(f.TypeCondition) {
				c.collect(f.SelectionSet)
			}
		}
	}
}

// applies reports whether a fragment on a type is asked of the object type.
func (c *collector) applies(on *ast.Named) bool {
	if on == nil || on.Name.Value == c.object.Name() {
		return true
	}
	switch t := c.plan.engine.Schema.Type(on.Name.Value).(type) {
	case *graphql.Interface, *graphql.Union:
		return c.plan.engine.Schema.IsPossibleType(t.(graphql.Abstract), c.object)
	}
	return false
}

func (p *Plan) included(directives []*ast.Directive) bool {
	for _, d := range directives {
		for _, a := range d.Arguments {
			if a.Name.Value != "if" {
				continue
			}
			on := false
			switch v := a.Value.(type) {
			case *ast.BooleanValue:
				on = v.Value
			case *ast.Variable:
				on = p.on[v.Name.Value]
			}
			if d.Name.Value == graphql.SkipDirective.Name && on || d.Name.Value == graphql.IncludeDirective.Name && !on {
				return false
			}
		}
	}
	return true
}
