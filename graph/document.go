package graph

import (
	"errors"
	"math"
	"slices"
	"strings"

	"github.com/graphql-go/graphql"
	"github.com/graphql-go/graphql/gqlerrors"
	"github.com/graphql-go/graphql/language/ast"
	"github.com/graphql-go/graphql/language/parser"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/graph/execute"
	"github.com/comity-platform/comity/graph/input"
	"github.com/comity-platform/comity/graph/validate"
)

// document is a query text that is safe to validate.
type document struct {
	*ast.Document
	text       string
	fragments  map[string]*ast.FragmentDefinition
	operations []*ast.OperationDefinition
	aliases    int
	directives int
	meta       bool // asks about the schema
	conditions []string
}

// parse reads a query text and refuses what would stall or end the process in
// validation: fragments that spread themselves, and more fields than the limit
// once every fragment is written out.
func parse(query string, l Limits) (*document, []*fault) {
	text, read, f := scan(query, l)
	if f != nil {
		return nil, []*fault{f}
	}
	tree, err := parser.Parse(parser.ParseParams{Source: text})
	if err != nil {
		faults := queryFaults([]gqlerrors.FormattedError{gqlerrors.FormatError(err)})
		if len(read.nulls) > 0 {
			faults[0].message = strings.ReplaceAll(faults[0].message, nullPlace, input.Null)
		}
		return nil, faults
	}
	read.restore(tree)
	d := &document{Document: tree, fragments: map[string]*ast.FragmentDefinition{}}
	if f := d.look(l); f != nil {
		return nil, []*fault{f}
	}
	return d, nil
}

// look goes over the parsed document once. The depth is bounded by scan.
func (d *document) look(l Limits) *fault {
	for _, n := range d.Definitions {
		switch n := n.(type) {
		case *ast.OperationDefinition:
			d.operations = append(d.operations, n)
		case *ast.FragmentDefinition:
			if d.fragments[n.Name.Value] != nil {
				return invalid("there can be only one fragment named " + n.Name.Value)
			}
			d.fragments[n.Name.Value] = n
		default:
			return invalid("a query holds operations and fragments only")
		}
	}
	for _, n := range d.Definitions {
		var set *ast.SelectionSet
		var directives []*ast.Directive
		switch n := n.(type) {
		case *ast.OperationDefinition:
			set, directives = n.SelectionSet, n.Directives
		case *ast.FragmentDefinition:
			set, directives = n.SelectionSet, n.Directives
		}
		if f := d.count(set, directives); f != nil {
			return f
		}
	}
	switch {
	case len(d.operations) == 0:
		return invalid("there is no operation in the query")
	case d.aliases > l.Aliases:
		return passed("aliases", l.Aliases, "aliases")
	case d.directives > l.Directives:
		return passed("directives", l.Directives, "directives")
	}
	if f := d.refuseCycles(); f != nil {
		return f
	}
	size := d.sizer(func(*ast.Field) float64 { return 1 })
	for _, op := range d.operations {
		if size.of(op.SelectionSet) > float64(l.Fields) {
			return passed("fields", l.Fields, "fields with every fragment written out")
		}
		if d.rootFields(op.SelectionSet) > l.RootFields {
			return passed("rootFields", l.RootFields, "root fields in an operation")
		}
	}
	for _, f := range d.fragments { // also those that no operation uses are validated
		if size.of(f.SelectionSet) > float64(l.Fields) {
			return passed("fields", l.Fields, "fields with every fragment written out")
		}
	}
	return nil
}

func (d *document) count(set *ast.SelectionSet, directives []*ast.Directive) *fault {
	d.directives += len(directives)
	seen := map[string]bool{}
	for _, x := range directives {
		if seen[x.Name.Value] { // the library has no rule for it
			return invalid("the directive @" + x.Name.Value + " can be used only once at one place")
		}
		seen[x.Name.Value] = true
	}
	if set == nil {
		return nil
	}
	for _, s := range set.Selections {
		var f *fault
		switch s := s.(type) {
		case *ast.Field:
			if s.Alias != nil {
				d.aliases++
			}
			d.meta = d.meta || s.Name.Value == "__schema" || s.Name.Value == "__type"
			f = d.count(s.SelectionSet, s.Directives)
		case *ast.InlineFragment:
			f = d.count(s.SelectionSet, s.Directives)
		case *ast.FragmentSpread:
			f = d.count(nil, s.Directives)
		}
		if f != nil {
			return f
		}
	}
	return nil
}

// refuseCycles refuses fragments that spread themselves, directly or through
// others: the library's rule against them comes after the one that they kill.
func (d *document) refuseCycles() *fault {
	const open, closed = 1, 2
	state := map[string]int{}
	var visit func(set *ast.SelectionSet) *fault
	visit = func(set *ast.SelectionSet) *fault {
		if set == nil {
			return nil
		}
		for _, s := range set.Selections {
			var f *fault
			switch s := s.(type) {
			case *ast.Field:
				f = visit(s.SelectionSet)
			case *ast.InlineFragment:
				f = visit(s.SelectionSet)
			case *ast.FragmentSpread:
				name := s.Name.Value
				if state[name] == open {
					return invalid("the fragment " + name + " spreads itself")
				}
				if fragment := d.fragments[name]; fragment != nil && state[name] != closed {
					state[name] = open
					f = visit(fragment.SelectionSet)
					state[name] = closed
				}
			}
			if f != nil {
				return f
			}
		}
		return nil
	}
	for _, n := range d.Definitions {
		switch n := n.(type) {
		case *ast.OperationDefinition:
			if f := visit(n.SelectionSet); f != nil {
				return f
			}
		case *ast.FragmentDefinition:
			if state[n.Name.Value] == closed {
				continue
			}
			state[n.Name.Value] = open
			f := visit(n.SelectionSet)
			state[n.Name.Value] = closed
			if f != nil {
				return f
			}
		}
	}
	return nil
}

// sizer adds up the fields of selections with every fragment written out. Each
// fragment is worked out once; sums go up to infinity without overflow.
type sizer struct {
	d      *document
	factor func(*ast.Field) float64
	known  map[string]float64
}

func (d *document) sizer(factor func(*ast.Field) float64) *sizer {
	return &sizer{d, factor, map[string]float64{}}
}

func (z *sizer) of(set *ast.SelectionSet) float64 {
	if set == nil {
		return 0
	}
	sum := 0.0
	for _, s := range set.Selections {
		switch s := s.(type) {
		case *ast.Field:
			sum += 1 + z.factor(s)*z.of(s.SelectionSet)
		case *ast.InlineFragment:
			sum += 1 + z.of(s.SelectionSet)
		case *ast.FragmentSpread:
			name := s.Name.Value
			if _, ok := z.known[name]; !ok && z.d.fragments[name] != nil {
				z.known[name] = z.of(z.d.fragments[name].SelectionSet)
			}
			sum += 1 + z.known[name]
		}
	}
	return math.Min(sum, math.MaxFloat64)
}

// rootFields counts the fields of a selection set itself.
func (d *document) rootFields(set *ast.SelectionSet) int {
	n := 0
	for _, s := range set.Selections {
		switch s := s.(type) {
		case *ast.Field:
			n++
		case *ast.InlineFragment:
			n += d.rootFields(s.SelectionSet)
		case *ast.FragmentSpread:
			if f := d.fragments[s.Name.Value]; f != nil {
				n += d.rootFields(f.SelectionSet)
			}
		}
	}
	return n
}

// operation picks the operation to run.
func (d *document) operation(name string) (*ast.OperationDefinition, error) {
	if name == "" {
		if len(d.operations) > 1 {
			return nil, errors.New("the query holds more than one operation: name one as operationName")
		}
		return d.operations[0], nil
	}
	for _, op := range d.operations {
		if op.Name != nil && op.Name.Value == name {
			return op, nil
		}
	}
	return nil, errors.New("the query holds no operation of that operationName")
}

// rules are those of the specification that the library has, but for that
// against fragment cycles, which are refused before, and for those of package
// validate, which are of an older specification or wrong in the library.
var rules = []graphql.ValidationRuleFn{
	graphql.FieldsOnCorrectTypeRule,
	graphql.FragmentsOnCompositeTypesRule, graphql.KnownArgumentNamesRule, graphql.KnownDirectivesRule,
	graphql.KnownFragmentNamesRule, graphql.KnownTypeNamesRule, graphql.LoneAnonymousOperationRule,
	graphql.NoUndefinedVariablesRule, graphql.NoUnusedFragmentsRule, graphql.NoUnusedVariablesRule,
	validate.OverlappingFields,
	graphql.ScalarLeafsRule, graphql.UniqueArgumentNamesRule, graphql.UniqueFragmentNamesRule,
	graphql.UniqueOperationNamesRule, graphql.UniqueVariableNamesRule,
	graphql.VariablesAreInputTypesRule,
}

// check takes a query text to a valid document. The library panics on some texts
// that are no queries, which are refused like any other.
func (h *handler) check(query string, l Limits) (d *document, faults []*fault) {
	err := execute.Guard(func() error {
		if d, faults = parse(query, l); len(faults) == 0 {
			faults = h.validate(d)
		}
		return nil
	})
	if err != nil {
		f := invalid("the query cannot be read")
		f.cause = err
		return nil, []*fault{f}
	}
	if len(faults) == 0 {
		d.conditions = execute.Conditions(d.Document)
		slices.Sort(d.conditions)
	}
	return d, faults
}

// validate checks a document against the schema. Whether it asks about the
// schema, where that is not allowed, is judged on the tree, not on its text.
func (h *handler) validate(d *document) []*fault {
	if d.meta && !h.development {
		return []*fault{{code: comity.CodeInvalid, message: "introspection is off: the schema is published as schema.graphql"}}
	}
	schema := h.schema.Schema // a copy: the library assigns to it without a lock
	if faults := queryFaults(graphql.ValidateDocument(&schema, d.Document, rules).Errors); len(faults) > 0 {
		return faults
	}
	return queryFaults(validate.Document(&schema, d.Document))
}
