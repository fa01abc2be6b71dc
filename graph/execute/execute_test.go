package execute

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/graphql-go/graphql"
	"github.com/graphql-go/graphql/language/ast"
	"github.com/graphql-go/graphql/language/parser"

	"github.com/comity-platform/comity/graph/introspect"
	"github.com/comity-platform/comity/graph/sdl"
)

// definitions are the test's schema: a tree of items, some of them leaves of
// another type.
const definitions = `
interface Node { name: String }
union Thing = Item | Other
type Query { items: [Item!]! one: Item must: Item! nodes: [Node] things: [Thing!] echo(n: Int, of: In): String sum(of: [Int!]!): Int typed: String }
type Mutation { go(n: Int!): Item! }
type Item implements Node { name: String required: String! boom: String missing: String! colour: Colour wrong: Colour
  children: [Item!]! maybe: [Item] some: [Item!] parent: Item must: Item! alone: String tags: [String!] grid: [[Item!]!] }
type Other implements Node { name: String size: Int! }
enum Colour { RED GREEN }
input In { n: Int! list: [Colour!] deep: In text: String }
`

// item is a value of the test's schema.
type item struct {
	name     string
	children []*item
	mixed    []any // children with others among them
	tags     []string
}

type other struct{ size int }

// calls counts the batches of each field.
type calls map[string]int

var errBroken = errors.New("broken")

// engine binds the definitions; fields named in fail fail for all parents.
func engine(t testing.TB, seen calls, fail map[string]func(context.Context) error) *Engine {
	t.Helper()
	typeOf := func(v any) string {
		switch v.(type) {
		case *item:
			return "Item"
		case *other:
			return "Other"
		}
		return "Colour"
	}
	s, err := sdl.Build(definitions, sdl.Binding{TypeOf: typeOf})
	if err != nil {
		t.Fatal(err)
	}
	// counted counts the calls of a batch, and has it fail.
	counted := func(ctx context.Context, field string) error {
		seen[field]++
		if f := fail[field]; f != nil {
			return f(ctx)
		}
		return nil
	}
	children := func(i *item) []*item { return i.children }
	first := func(i *item) *item {
		if len(i.children) == 0 {
			return nil
		}
		return i.children[0]
	}
	mixed := func(i *item, _ Args) any { return i.mixed }
	bound := map[string]Resolver{
		"Query.items": batch(counted, "items", Objects, children), "Query.one": batch(counted, "one", Object, first), "Query.must": batch(counted, "must", Object, first),
		"Query.nodes": batchAny(counted, "nodes", mixed), "Query.things": batchAny(counted, "things", mixed),
		"Query.echo":    batchAny(counted, "echo", func(_ *item, a Args) any { return fmt.Sprint(a) }),
		"Query.sum":     batchAny(counted, "sum", func(_ *item, a Args) any { return len(a["of"].([]any)) }),
		"Query.typed":   get(Text, func(i *item) string { return i.name }),
		"Mutation.go":   get(Object, func(i *item) *item { return i }),
		"Item.name":     get(Text, func(i *item) string { return i.name }),
		"Item.required": get(Text, func(i *item) string { return i.name }),
		"Item.boom":     get(Text, func(*item) string { panic("secret") }),
		"Item.missing":  get(Any, func(*item) any { return nil }),
		"Item.colour":   get(Text, func(*item) colour { return "GREEN" }),
		"Item.wrong":    get(Text, func(*item) colour { return "PINK" }),
		"Item.tags":     get(Texts, func(i *item) []string { return i.tags }),
		"Item.parent":   get(Object, func(*item) *item { return nil }),
		"Item.children": batch(counted, "children", Objects, children),
		"Item.maybe":    batch(counted, "maybe", Objects, children),
		"Item.some":     batch(counted, "some", Objects, children),
		"Item.must":     batch(counted, "must", Object, first),
		"Item.grid":     batch(counted, "grid", func() Kind[[][]*item] { return List(Objects[item]()) }, func(i *item) [][]*item { return [][]*item{i.children, {}} }),
		"Item.alone": batchAny(counted, "alone", func(i *item, _ Args) any {
			if strings.HasSuffix(i.name, "0") {
				return Failed{errBroken}
			}
			return i.name
		}),
		"Other.name": get(Text, func(*other) string { return "" }),
		"Other.size": get(Number, func(o *other) int { return o.size }),
	}
	meta, err := introspect.New(definitions)
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(Binding{Schema: s.Schema, TypeOf: typeOf, Meta: meta, Resolve: func(object, field string) (Resolver, error) {
		r, ok := bound[object+"."+field]
		if !ok {
			return r, fmt.Errorf("%s.%s is not bound", object, field)
		}
		return r, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

type colour string

func get[P, V any](k func() Kind[V], read func(P) V) Resolver {
	return Get(k(), func(_ any, p P) V { return read(p) })
}

func batch[V any](counted func(context.Context, string) error, field string, k func() Kind[V], of func(*item) V) Resolver {
	return Batch(k(), func(ctx context.Context, _ any, parents []*item, _ Args) ([]V, error) {
		if err := counted(ctx, field); err != nil {
			return nil, err
		}
		out := make([]V, len(parents))
		for i, p := range parents {
			out[i] = of(p)
		}
		return out, nil
	})
}

func batchAny(counted func(context.Context, string) error, field string, of func(*item, Args) any) Resolver {
	return Batch(Any(), func(ctx context.Context, _ any, parents []*item, args Args) ([]any, error) {
		if err := counted(ctx, field); err != nil {
			return nil, err
		}
		out := make([]any, len(parents))
		for i, p := range parents {
			out[i] = of(p, args)
		}
		return out, nil
	})
}

func parse(t testing.TB, query string) *ast.Document {
	t.Helper()
	doc, err := parser.Parse(parser.ParseParams{Source: query})
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func tree(widths ...int) *item {
	root := &item{name: "x"}
	if len(widths) > 0 {
		for i := range widths[0] {
			child := tree(widths[1:]...)
			child.name = fmt.Sprintf("%s%d", child.name, i)
			child.tags = []string{child.name, "b"}
			root.children = append(root.children, child)
			root.mixed = append(root.mixed, child)
			if i%2 == 0 {
				root.mixed = append(root.mixed, &other{i})
			}
		}
	}
	return root
}

// ran runs the first operation of a query, which has to be valid.
func ran(t testing.TB, ctx context.Context, e *Engine, query string, given map[string]any, with Params) (string, []Error) {
	t.Helper()
	doc := parse(t, query)
	if r := graphql.ValidateDocument(&e.Schema, doc, nil); !r.IsValid {
		t.Fatalf("%s: %v", query, r.Errors)
	}
	op := doc.Definitions[0].(*ast.OperationDefinition)
	variables, err := e.Variables(op, given)
	if err != nil {
		t.Fatal(err)
	}
	p, err := e.Compile(doc, op, variables)
	if err != nil {
		t.Fatal(err)
	}
	with.Variables = variables
	if with.Limit == 0 {
		with.Limit = 1 << 20
	}
	a := p.Run(ctx, with)
	defer a.Release()
	return string(a.Data), a.Errors
}

func told(failed []Error) string {
	var all []string
	for _, e := range failed {
		all = append(all, fmt.Sprint(e.Path))
	}
	return strings.Join(all, " ")
}

// TestBatches has each level and field resolved by one call, however many
// parents there are.
func TestBatches(t *testing.T) {
	seen := calls{}
	data, failed := ran(t, t.Context(), engine(t, seen, nil), "{ items { name children { name maybe { name children { name } } again: maybe { name } } } }", nil, Params{Root: tree(5, 4, 3, 2)})
	if len(failed) > 0 {
		t.Fatal(failed)
	}
	if want := fmt.Sprint(calls{"items": 1, "children": 2, "maybe": 2}); fmt.Sprint(seen) != want {
		t.Errorf("batches %v, wanted %s", seen, want)
	}
	if strings.Count(data, `"name"`) != 5+5*4+5*4*3*2+5*4*3*2 {
		t.Error(data)
	}
}

// TestSamePlace has one selection used at two places resolved as two.
func TestSamePlace(t *testing.T) {
	seen := calls{}
	_, failed := ran(t, t.Context(), engine(t, seen, nil), "{ a: items { ...F } b: items { ...F } } fragment F on Item { children { name } }", nil, Params{Root: tree(2, 2)})
	if len(failed) > 0 || seen["children"] != 2 {
		t.Errorf("%v %v", seen, failed)
	}
}

// TestAnswers compares answers word by word: keys in the order of the query,
// fields merged, fragments and conditions worked out, nulls risen.
func TestAnswers(t *testing.T) {
	broken := map[string]func(context.Context) error{"maybe": func(context.Context) error { return errBroken }, "children": func(context.Context) error { return errBroken }}
	for name, x := range map[string]struct {
		query     string
		variables map[string]any
		fail      bool
		data      string
		paths     string
	}{
		"order":            {`{ z: typed a: typed typed }`, nil, false, `{"z":"x","a":"x","typed":"x"}`, ""},
		"merged":           {`{ one { name } typed one { required n: name } }`, nil, false, `{"one":{"name":"x0","required":"x0","n":"x0"},"typed":"x"}`, ""},
		"fragments":        {`{ ...A one { ...B } } fragment A on Query { one { required } } fragment B on Node { name ... on Item { colour } ... on Other { size } }`, nil, false, `{"one":{"required":"x0","name":"x0","colour":"GREEN"}}`, ""},
		"skipped":          {`query($y: Boolean!, $n: Boolean = false) { a: typed @skip(if: $y) b: typed @include(if: $y) ... @include(if: $n) { c: typed } ... on Query @skip(if: false) { d: typed } }`, map[string]any{"y": true}, false, `{"b":"x","d":"x"}`, ""},
		"an interface":     {`{ nodes { __typename name ... on Other { size } } }`, nil, false, `{"nodes":[{"__typename":"Item","name":"x0"},{"__typename":"Other","name":null,"size":0},{"__typename":"Item","name":"x1"}]}`, ""},
		"a union":          {`{ things { ... on Item { name } ... on Node { n: name } } }`, nil, false, `{"things":[{"name":"x0","n":"x0"},{"n":null},{"name":"x1","n":"x1"}]}`, ""},
		"lists of lists":   {`{ one { grid { name } tags } }`, nil, false, `{"one":{"grid":[[{"name":"x0"},{"name":"x1"}],[]],"tags":["x0","b"]}}`, ""},
		"null":             {`{ one { parent { name } } }`, nil, false, `{"one":{"parent":null}}`, ""},
		"a literal":        {`{ echo(n: 3, of: {n: 1, list: RED, deep: {n: 2}}) }`, nil, false, `{"echo":"map[n:3 of:map[deep:map[n:2] list:[RED] n:1]]"}`, ""},
		"variables within": {`query($n: Int!, $l: [Colour!], $t: String) { echo(of: {n: $n, list: $l, text: $t}) }`, map[string]any{"n": 1.0, "l": []any{"GREEN"}}, false, `{"echo":"map[of:map[list:[GREEN] n:1]]"}`, ""},
		"null, not absent": {`query($n: Int) { a: echo(n: $n) }`, map[string]any{"n": nil}, false, `{"a":"map[n:<nil>]"}`, ""},
		"absent, not null": {`query($n: Int) { a: echo(n: $n) }`, nil, false, `{"a":"map[]"}`, ""},
		"a default":        {`query($n: Int = 7) { echo(n: $n) }`, nil, false, `{"echo":"map[n:7]"}`, ""},
		"one for a list":   {`query($n: [Int!]!) { sum(of: $n) s: sum(of: 1) }`, map[string]any{"n": 4.0}, false, `{"sum":1,"s":1}`, ""},
		"types":            {`{ __typename __type(name: "Colour") { name kind ofType { name } } one { __typename } }`, nil, false, `{"__typename":"Query","__type":{"name":"Colour","kind":"ENUM","ofType":null},"one":{"__typename":"Item"}}`, ""},

		"a nullable batch":              {`{ items { name maybe { name } } }`, nil, true, `{"items":[{"name":"x0","maybe":null},{"name":"x1","maybe":null}]}`, "[items 0 maybe] [items 1 maybe]"},
		"a non-null batch":              {`{ typed items { name children { name } } }`, nil, true, "null", "[items 0 children]"},
		"a non-null batch below a null": {`{ one { children { name } } typed }`, nil, true, `{"one":null,"typed":"x"}`, "[one children]"},
		"one of two parents":            {`{ items { alone } }`, nil, false, `{"items":[{"alone":null},{"alone":"x1"}]}`, "[items 0 alone]"},
		"a getter that panics":          {`{ items { boom name } }`, nil, false, `{"items":[{"boom":null,"name":"x0"},{"boom":null,"name":"x1"}]}`, "[items 0 boom] [items 1 boom]"},
		"no such value of an enum":      {`{ one { wrong name } }`, nil, false, `{"one":{"wrong":null,"name":"x0"}}`, "[one wrong]"},
		"null that must not be":         {`{ one { name missing } typed }`, nil, false, `{"one":null,"typed":"x"}`, "[one missing]"},
		"null in a nullable list":       {`{ one { maybe { missing } } }`, nil, false, `{"one":{"maybe":[null,null]}}`, "[one maybe 0 missing] [one maybe 1 missing]"},
		"null in a list of non-null":    {`{ one { some { missing } name } }`, nil, false, `{"one":{"some":null,"name":"x0"}}`, "[one some 0 missing]"},
		"null in inner lists":           {`{ one { grid { missing } name } }`, nil, false, `{"one":{"grid":null,"name":"x0"}}`, "[one grid 0 0 missing]"},
		"null rises to the top":         {`{ typed must { must { missing } } }`, nil, false, `null`, "[must must missing]"},
	} {
		fail := broken
		if !x.fail {
			fail = nil
		}
		data, failed := ran(t, t.Context(), engine(t, calls{}, fail), x.query, x.variables, Params{Root: tree(2, 2, 1)})
		if data != x.data || told(failed) != x.paths {
			t.Errorf("%s: %s %s", name, data, told(failed))
		}
	}
}

// TestPanic says nothing of a panic but to the log.
func TestPanic(t *testing.T) {
	_, failed := ran(t, t.Context(), engine(t, calls{}, map[string]func(context.Context) error{"one": func(context.Context) error { panic("secret") }}), "{ one { name } items { boom } }", nil, Params{Root: tree(1)})
	if len(failed) != 2 {
		t.Fatal(failed)
	}
	for _, e := range failed {
		p, ok := errors.AsType[*Panic](e.Err)
		if !ok || strings.Contains(p.Error(), "secret") || p.Value != "secret" || len(p.Stack) == 0 {
			t.Errorf("%v", e)
		}
	}
}

// TestCancelled returns only when nothing runs any longer, and begins nothing
// after the request was given up.
func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	seen := calls{}
	ended := false
	slow := func(ctx context.Context) error {
		cancel()
		time.Sleep(50 * time.Millisecond)
		ended = true
		return nil
	}
	data, failed := ran(t, ctx, engine(t, seen, map[string]func(context.Context) error{"items": slow}), "{ items { children { name } } }", nil, Params{Root: tree(2, 2)})
	if !ended || seen["children"] != 0 || data != "null" || len(failed) != 1 || !errors.Is(failed[0].Err, context.Canceled) {
		t.Errorf("ended %v, batches %v, %s %v", ended, seen, data, failed)
	}
}

// TestStopped begins nothing after an error that ends all work, and tells it even
// where a null hides its place.
func TestStopped(t *testing.T) {
	for query, path := range map[string]string{"{ one { maybe { name } children { name } } }": "[one maybe]", "{ one { missing maybe { name } children { name } } }": "[] [one missing]"} {
		seen := calls{}
		e := engine(t, seen, map[string]func(context.Context) error{"maybe": func(context.Context) error { return errBroken }})
		_, failed := ran(t, t.Context(), e, query, nil, Params{Root: tree(1, 1), Stop: func(err error) bool { return err == errBroken }})
		if seen["children"] != 0 || !strings.HasPrefix(told(failed), path) || !errors.Is(failed[0].Err, errBroken) {
			t.Errorf("%s: %v %v", query, seen, failed)
		}
	}
}

// TestLimit ends an operation whose answer would be longer than it may.
func TestLimit(t *testing.T) {
	e := engine(t, calls{}, nil)
	const query = "{ items { name maybe { name } } }"
	full, _ := ran(t, t.Context(), e, query, nil, Params{Root: tree(20, 3)})
	for _, limit := range []int{1, 10, len(full) / 2, len(full) - 1} {
		if data, failed := ran(t, t.Context(), e, query, nil, Params{Root: tree(20, 3), Limit: limit}); data != "" || len(failed) != 1 || failed[0].Err != ErrText {
			t.Errorf("%d bytes: %s %v", limit, data, failed)
		}
	}
	if data, failed := ran(t, t.Context(), e, query, nil, Params{Root: tree(20, 3), Limit: len(full)}); data != full || len(failed) > 0 {
		t.Errorf("%s %v", data, failed)
	}
}

// TestRoots runs the root fields of a mutation one by one, in their order.
func TestRoots(t *testing.T) {
	e := engine(t, calls{}, nil)
	doc := parse(t, `mutation { b: go(n: 1) { name } ...F b: go(n: 1) { required } a: go(n: 3) { name } } fragment F on Mutation { two: go(n: 2) { name } }`)
	p, err := e.Compile(doc, doc.Definitions[0].(*ast.OperationDefinition), nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range p.Roots {
		args, err := e.Arguments(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		a := p.RunRoot(t.Context(), r, Params{Root: tree(), Limit: 1 << 10})
		got = append(got, r.Name, fmt.Sprint(args["n"]), string(a.Data))
		a.Release()
	}
	if want := `go 1 {"b":{"name":"x","required":"x"}} go 2 {"two":{"name":"x"}} go 3 {"a":{"name":"x"}}`; strings.Join(got, " ") != want {
		t.Error(got)
	}
}

// TestMemory: what a run is given is not kept for the next one, and the memory of
// a usual answer is.
func TestMemory(t *testing.T) {
	e := engine(t, calls{}, nil)
	doc := parse(t, "{ items { name required colour children { name } } }")
	p, err := e.Compile(doc, doc.Definitions[0].(*ast.OperationDefinition), nil)
	if err != nil {
		t.Fatal(err)
	}
	allocated := func(root *item) float64 {
		return testing.AllocsPerRun(20, func() {
			a := p.Run(t.Context(), Params{Root: root, Limit: 1 << 20})
			a.Release()
		})
	}
	few, many := allocated(tree(5, 3)), allocated(tree(50, 3))
	t.Logf("%v allocations for 5 items, %v for 50", few, many)
	a := p.Run(t.Context(), Params{Root: tree(3, 2), Limit: 1 << 20})
	r := a.run
	a.Release()
	for _, w := range r.levels {
		for _, v := range w.parents[:cap(w.parents)] {
			if v != nil {
				t.Fatal("a parent is kept")
			}
		}
	}
	if r.State != nil || r.ctx != nil || r.Root != nil {
		t.Error("what the run was given is kept")
	}
}

// TestStoppedBeyond tells what ends all work even where more failed before it than
// is told.
func TestStoppedBeyond(t *testing.T) {
	e := engine(t, calls{}, map[string]func(context.Context) error{"maybe": func(context.Context) error { return errBroken }})
	for query, stop := range map[string]func(error) bool{
		"{ items { wrong } again: items { maybe { name } } }": func(err error) bool { return err == errBroken },
		"{ items { wrong } again: items { boom } }":           func(err error) bool { _, ok := errors.AsType[*Panic](err); return ok },
	} {
		_, failed := ran(t, t.Context(), e, query, nil, Params{Root: tree(maxErrors+10, 1), Stop: stop})
		if len(failed) != maxErrors+1 || !stop(failed[0].Err) {
			t.Errorf("%s: %d errors, first %v", query, len(failed), failed[0])
		}
	}
}

// TestKept bounds what is kept of all runs that a memory served, not of the last alone.
func TestKept(t *testing.T) {
	r := &run{}
	kept := 0
	for ; kept < 10; kept++ { // each has its rows one level further up
		for range 10 - kept {
			r.rows(&selection{})
		}
		w := r.rows(&selection{})
		w.parents = append(w.parents, make([]any, keptRows/2)...)
		if !r.free() {
			break
		}
	}
	if kept > 2 {
		t.Errorf("%d runs were kept in one memory", kept)
	}
}
