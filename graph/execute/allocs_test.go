package execute

import (
	"context"
	"fmt"
	"testing"

	"github.com/graphql-go/graphql/language/ast"
)

// TestAllocations has a run cost as many allocations for a thousand rows as for
// ten: aliases, lists of scalars and of objects, objects below objects, batches,
// an interface. What the resolvers allocate is theirs: here, nothing for a row.
func TestAllocations(t *testing.T) {
	e := engine(t, calls{}, nil)
	const query = `{ items { name again: name required colour tags parent { name } children { name colour maybe { n: name tags must { name } } } rest: children { name } } nodes { __typename name ... on Other { size } } }`
	doc := parse(t, query)
	p, err := e.Compile(doc, doc.Definitions[0].(*ast.OperationDefinition), nil)
	if err != nil {
		t.Fatal(err)
	}
	counted := map[int]float64{}
	for _, rows := range []int{10, 100, 1000} {
		root := tree(rows, 2, 2, 1)
		with := Params{Root: root, Limit: 1 << 24}
		r := &run{} // rather than one of the pool, which the garbage collector empties
		run := func() {
			if a := r.answer(t.Context(), p, with, p.root); len(a.Errors) > 0 {
				t.Fatal(a.Errors)
			}
			if !r.free() {
				t.Fatal("the memory is not kept")
			}
		}
		run() // has the memory of later runs grow to what they need
		counted[rows] = testing.AllocsPerRun(20, run)
	}
	if counted[10] != counted[100] || counted[100] != counted[1000] || counted[10] > 60 {
		t.Errorf("allocations by rows: %v", counted)
	}
}

// TestCancelledBetween stops between two batches of one level: what stands after
// the one during which the request was given up is not begun.
func TestCancelledBetween(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	seen := calls{}
	e := engine(t, seen, map[string]func(context.Context) error{"maybe": func(context.Context) error { cancel(); return nil }})
	data, failed := ran(t, ctx, e, "{ one { maybe { must { name } } alone children { name } } }", nil, Params{Root: tree(1, 2)})
	if want := fmt.Sprint(calls{"one": 1, "maybe": 1}); fmt.Sprint(seen) != want {
		t.Errorf("batches %v, wanted %s", seen, want)
	}
	if len(failed) == 0 || data != `{"one":null}` {
		t.Errorf("%s %v", data, failed)
	}
}
