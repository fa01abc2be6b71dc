package sdl

import (
	"maps"

	"github.com/graphql-go/graphql/language/ast"
)

// Deprecated lists what is deprecated, as in "Case.title", "Query.node.purpose",
// "TLP.AMBER" or "CaseFileInput.title", with the reasons.
func (s *Schema) Deprecated() map[string]string { return maps.Clone(s.deprecated) }

// deprecate notes the reason for a deprecation. Clients are owed one.
func (w *builder) deprecate(place string, directives []*ast.Directive) {
	for _, d := range directives {
		if d.Name.Value != "deprecated" || len(d.Arguments) != 1 || d.Arguments[0].Name.Value != "reason" {
			w.fail("@%s is not expected at %s: a deprecation gives its reason", d.Name.Value, place)
			continue
		}
		reason, ok := d.Arguments[0].Value.(*ast.StringValue)
		if !ok || reason.Value == "" {
			w.fail("the deprecation of %s gives no reason", place)
			continue
		}
		w.out.deprecated[place] = reason.Value
	}
}
