package validate

import (
	"strings"

	"github.com/graphql-go/graphql"
	"github.com/graphql-go/graphql/language/ast"
)

// single checks that a subscription has a single root field, which is of the
// schema's type and not about the schema (section 5.2.3.1). Nor may it hang on a
// condition: whether a stream is opened is not decided by @skip, as later editions
// of the specification have it too.
func (w *walk) single(op *ast.OperationDefinition) {
	keys := map[string]bool{}
	seen := map[string]bool{}
	var visit func(set *ast.SelectionSet)
	condition := func(node ast.Node, directives []*ast.Directive) {
		for _, d := range directives {
			if n := d.Name.Value; n == graphql.SkipDirective.Name || n == graphql.IncludeDirective.Name {
				w.fail(node, "the root field of a subscription is not subject to @%s", n)
			}
		}
	}
	visit = func(set *ast.SelectionSet) {
		for _, s := range set.Selections {
			switch s := s.(type) {
			case *ast.Field:
				condition(s, s.Directives)
				key := s.Name.Value
				if s.Alias != nil {
					key = s.Alias.Value
				}
				if keys[key] = true; len(keys) > 1 {
					w.fail(s, "a subscription has a single root field")
				}
				if strings.HasPrefix(s.Name.Value, "__") {
					w.fail(s, "the root field of a subscription is not %s", s.Name.Value)
				}
			case *ast.InlineFragment:
				condition(s, s.Directives)
				visit(s.SelectionSet)
			case *ast.FragmentSpread:
				condition(s, s.Directives)
				if f := w.definitions[s.Name.Value]; f != nil && !seen[s.Name.Value] {
					seen[s.Name.Value] = true
					visit(f.SelectionSet)
				}
			}
		}
	}
	visit(op.SelectionSet)
}
