package execute

import (
	"github.com/graphql-go/graphql"
	"github.com/graphql-go/graphql/language/ast"
)

// Root is one root field of a mutation, as it answers under one response key.
type Root struct {
	Key    string
	Field  *ast.Field    // the first of those that are merged under the key
	Only   *ast.Document // a document whose one operation is this root field
	merged []ast.Selection
}

// Roots lists the root fields of an operation in their order, with fragments,
// @skip and @include worked out. The executor would resolve the payloads of all
// of them after the last; a mutation's payload is what it was before the next
// one began, so that each becomes an operation of its own.
func Roots(doc *ast.Document, op *ast.OperationDefinition, variables map[string]any) []Root {
	c := collector{variables: variables, fragments: map[string]*ast.FragmentDefinition{}, seen: map[string]bool{}, byKey: map[string]int{}}
	var rest []ast.Node
	for _, d := range doc.Definitions {
		if f, ok := d.(*ast.FragmentDefinition); ok {
			c.fragments[f.Name.Value] = f
			rest = append(rest, f)
		}
	}
	c.collect(op.SelectionSet)
	for i, r := range c.roots {
		alone := *op
		alone.SelectionSet = &ast.SelectionSet{Kind: op.SelectionSet.Kind, Loc: op.SelectionSet.Loc, Selections: r.merged}
		only := *doc
		only.Definitions = append([]ast.Node{&alone}, rest...)
		c.roots[i].Only = &only
	}
	return c.roots
}

type collector struct {
	variables map[string]any
	fragments map[string]*ast.FragmentDefinition
	seen      map[string]bool
	byKey     map[string]int
	roots     []Root
}

func (c *collector) collect(set *ast.SelectionSet) {
	for _, s := range set.Selections {
		switch s := s.(type) {
		case *ast.Field:
			if !c.included(s.Directives) {
				continue
			}
			key := s.Name.Value
			if s.Alias != nil {
				key = s.Alias.Value
			}
			i, known := c.byKey[key]
			if !known {
				i = len(c.roots)
				c.byKey[key] = i
				c.roots = append(c.roots, Root{Key: key, Field: s})
			}
			c.roots[i].merged = append(c.roots[i].merged, s)
		case *ast.InlineFragment:
			if c.included(s.Directives) {
				c.collect(s.SelectionSet)
			}
		case *ast.FragmentSpread:
			if name := s.Name.Value; c.included(s.Directives) && !c.seen[name] && c.fragments[name] != nil {
				c.seen[name] = true
				c.collect(c.fragments[name].SelectionSet)
			}
		}
	}
}

func (c *collector) included(directives []*ast.Directive) bool {
	for _, d := range directives {
		for _, a := range d.Arguments {
			if a.Name.Value != "if" {
				continue
			}
			var given any
			switch v := a.Value.(type) {
			case *ast.BooleanValue:
				given = v.Value
			case *ast.Variable:
				given = c.variables[v.Name.Value]
			}
			on, _ := given.(bool)
			if d.Name.Value == graphql.SkipDirective.Name && on || d.Name.Value == graphql.IncludeDirective.Name && !on {
				return false
			}
		}
	}
	return true
}
