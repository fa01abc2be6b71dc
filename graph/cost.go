package graph

import (
	"github.com/graphql-go/graphql/language/ast"
	"github.com/graphql-go/graphql/language/kinds"
	"strconv"
)

// maxPage is the longest page of a list, by which a page of unknown length is
// counted.
const maxPage = 100

// metaLists are the lists of introspection, with about their lengths on average.
// What is asked of the types within types (ofType) is there half of the time at most.
var metaLists = map[string]float64{"types": 400, "fields": 5, "inputFields": 2, "directives": 4, "ofType": 0.5}

// cost is how many fields the answer to an operation could hold: each list
// counts as often as its argument first, or its ids, lets it be long.
func (d *document) cost(op *ast.OperationDefinition, variables map[string]any) float64 {
	return d.sizer(func(f *ast.Field) float64 {
		for _, a := range f.Arguments {
			switch a.Name.Value {
			case "first":
				return pageLength(a.Value, variables)
			case "ids":
				return listLength(a.Value, variables)
			}
		}
		if n, ok := metaLists[f.Name.Value]; ok && d.meta {
			return n
		}
		return 1
	}).of(op.SelectionSet)
}

func pageLength(v ast.Value, variables map[string]any) float64 {
	switch v := v.(type) {
	case *ast.IntValue:
		if n, err := strconv.Atoi(v.Value); err == nil && n >= 1 && n <= maxPage {
			return float64(n)
		}
	case *ast.Variable:
		if n, ok := variables[v.Name.Value].(int); ok && n >= 1 && n <= maxPage {
			return float64(n)
		}
	}
	return maxPage // anything longer is refused when it is resolved
}

func listLength(v ast.Value, variables map[string]any) float64 {
	if v.GetKind() == kinds.ListValue {
		return float64(max(1, len(v.(*ast.ListValue).Values)))
	}
	if v, ok := v.(*ast.Variable); ok {
		if l, ok := variables[v.Name.Value].([]any); ok {
			return float64(max(1, len(l)))
		}
	}
	return maxPage
}
