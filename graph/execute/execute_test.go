package execute

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/graphql-go/graphql"
	"github.com/graphql-go/graphql/language/ast"
	"github.com/graphql-go/graphql/language/parser"
)

// item is a value of the test's schema: a tree of items.
type item struct {
	name     string
	children []*item
}

// calls counts the batches of each field.
type calls map[string]int

// schema has `items` below the root and `children` below items, resolved in
// batches; `broken` and `bad` fail, `label` is read off.
func schema(t *testing.T, seen calls, fail map[string]func(context.Context) error) graphql.Schema {
	t.Helper()
	var of *graphql.Object
	list := func() graphql.Output { return graphql.NewNonNull(graphql.NewList(graphql.NewNonNull(of))) }
	children := func(field string) Batch {
		return func(ctx context.Context, state any, parents []any, args map[string]any) ([]any, error) {
			seen[field]++
			if f := fail[field]; f != nil {
				if err := f(ctx); err != nil {
					return nil, err
				}
			}
			out := make([]any, len(parents))
			for i, p := range parents {
				out[i] = p.(*item).children
			}
			return out, nil
		}
	}
	field := func(object, name string, t graphql.Output, get Get, batch Batch) *graphql.Field {
		return &graphql.Field{Type: t, Resolve: Field(object, t, get, batch)}
	}
	of = graphql.NewObject(graphql.ObjectConfig{Name: "Item", Fields: graphql.FieldsThunk(func() graphql.Fields {
		return graphql.Fields{
			"name":     field("Item", "name", graphql.String, func(_, p any) any { return p.(*item).name }, nil),
			"required": field("Item", "required", graphql.NewNonNull(graphql.String), func(_, p any) any { return p.(*item).name }, nil),
			"boom":     field("Item", "boom", graphql.String, func(_, p any) any { panic("secret") }, nil),
			"children": field("Item", "children", list(), nil, children("children")),
			"maybe":    field("Item", "maybe", graphql.NewList(of), nil, children("maybe")),
		}
	})})
	query := graphql.NewObject(graphql.ObjectConfig{Name: "Query", Fields: graphql.Fields{
		"items": field("Query", "items", list(), nil, children("items"))}})
	s, err := graphql.NewSchema(graphql.SchemaConfig{Query: query})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func parse(t *testing.T, query string) *ast.Document {
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
			root.children = append(root.children, child)
		}
	}
	return root
}

// TestBatches has each level and field resolved by one call, however many
// parents there are.
func TestBatches(t *testing.T) {
	seen := calls{}
	p := Params{Text: 1 << 20, Schema: schema(t, seen, nil), Root: tree(5, 4, 3, 2),
		Document: parse(t, "{ items { name children { name maybe { name children { name } } again: maybe { name } } } }")}
	data, failed := Query(t.Context(), p)
	if len(failed) > 0 {
		t.Fatal(failed)
	}
	if want := fmt.Sprint(calls{"items": 1, "children": 2, "maybe": 2}); fmt.Sprint(seen) != want {
		t.Errorf("batches %v, wanted %s", seen, want)
	}
	raw, err := json.Marshal(data)
	if err != nil || strings.Count(string(raw), `"name"`) != 5+5*4+5*4*3*2+5*4*3*2 {
		t.Errorf("%v %s", err, raw)
	}
}

// TestSamePlace has one selection used at two places resolved as two.
func TestSamePlace(t *testing.T) {
	seen := calls{}
	_, failed := Query(t.Context(), Params{Text: 1 << 20, Schema: schema(t, seen, nil), Root: tree(2, 2),
		Document: parse(t, "{ a: items { ...F } b: items { ...F } } fragment F on Item { children { name } }")})
	if len(failed) > 0 || seen["children"] != 2 {
		t.Errorf("%v %v", seen, failed)
	}
}

// TestFailures tells each failure once, at its path, with nothing of a panic.
func TestFailures(t *testing.T) {
	broken := errors.New("broken")
	for name, x := range map[string]struct {
		query string
		data  string
		path  string
		err   error
	}{
		"a nullable batch":     {"{ items { name maybe { name } } }", `{"items":[{"maybe":null,"name":"x0"},{"maybe":null,"name":"x1"}]}`, "[items 0 maybe]", broken},
		"a non-null batch":     {"{ items { name children { name } } }", "null", "[items 0 children]", broken},
		"a getter that panics": {"{ items { name boom } }", `{"items":[{"boom":null,"name":"x0"},{"boom":null,"name":"x1"}]}`, "[items 0 boom]", nil},
	} {
		fail := func(context.Context) error { return broken }
		data, failed := Query(t.Context(), Params{Text: 1 << 20, Schema: schema(t, calls{}, map[string]func(context.Context) error{"children": fail, "maybe": fail}), Root: tree(2, 1), Document: parse(t, x.query)})
		raw, err := json.Marshal(data)
		if err != nil || string(raw) != x.data {
			t.Errorf("%s: %s", name, raw)
		}
		if len(failed) == 0 || fmt.Sprint(failed[0].Path) != x.path {
			t.Fatalf("%s: %v", name, failed)
		}
		if x.err != nil {
			if len(failed) != 1 || !errors.Is(failed[0].Err, x.err) {
				t.Errorf("%s: %v", name, failed)
			}
			continue
		}
		p, ok := errors.AsType[*Panic](failed[0].Err)
		if !ok || strings.Contains(p.Error(), "secret") || p.Value != "secret" || len(p.Stack) == 0 {
			t.Errorf("%s: %v", name, failed)
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
	_, failed := Query(ctx, Params{Text: 1 << 20, Schema: schema(t, seen, map[string]func(context.Context) error{"items": slow}), Root: tree(2, 2),
		Document: parse(t, "{ items { children { name } } }")})
	if !ended || seen["children"] != 0 || len(failed) != 1 || !errors.Is(failed[0].Err, context.Canceled) {
		t.Errorf("ended %v, batches %v, %v", ended, seen, failed)
	}
}

// TestText ends an operation whose data would hold more text than it may.
func TestText(t *testing.T) {
	for query, n := range map[string]int{"{ items { name } }": 4, "{ items { required } }": 4, "{ items { a: name b: name } }": 8} {
		p := Params{Text: n, Schema: schema(t, calls{}, nil), Root: tree(2), Document: parse(t, query)}
		if data, failed := Query(t.Context(), p); data == nil || len(failed) > 0 {
			t.Errorf("%s: %v %v", query, data, failed)
		}
		p.Text--
		if data, failed := Query(t.Context(), p); data != nil || len(failed) != 1 || failed[0].Err != ErrText {
			t.Errorf("%s, a byte less: %v %v", query, data, failed)
		}
	}
}

func TestPlain(t *testing.T) {
	type text string
	for _, x := range []struct {
		v        any
		required bool
		want     string
	}{
		{text("a"), false, "a"}, {text(""), false, "<nil>"}, {text(""), true, ""}, {0, false, "<nil>"}, {0, true, "0"}, {uint64(0), false, "0"},
		{false, false, "false"}, {time.Time{}, false, "<nil>"}, {[32]byte{}, false, "<nil>"}, {[]text{"a"}, false, "[a]"}, {[]text(nil), false, "<nil>"},
		{[]text(nil), true, "[]"}, {[]item(nil), true, "[]"}, {[]item(nil), false, "<nil>"}, {[]item{}, false, "[]"}, {nil, true, "[]"}, {nil, false, "<nil>"},
	} {
		if got := fmt.Sprint(plain(x.v, x.required)); got != x.want {
			t.Errorf("%T %v (%v) is %s, wanted %s", x.v, x.v, x.required, got, x.want)
		}
	}
	if _, ok := plain(text("a"), true).(string); !ok {
		t.Error("a kind of string is no string")
	}
}

// TestRoots takes a mutation apart into its root fields.
func TestRoots(t *testing.T) {
	doc := parse(t, `mutation($yes: Boolean!) { b: one { x } ...F skipped: one @skip(if: $yes) { x } b: one { y } ... on M @include(if: false) { no { x } } ...F ...G @skip(if: true) }
		fragment F on M { two { x } ... { a: one @include(if: $yes) { z } } } fragment G on M { never { x } }`)
	roots := Roots(doc, doc.Definitions[0].(*ast.OperationDefinition), map[string]any{"yes": true})
	var got []string
	for _, r := range roots {
		op := r.Only.Definitions[0].(*ast.OperationDefinition)
		got = append(got, fmt.Sprintf("%s=%s×%d", r.Key, r.Field.Name.Value, len(op.SelectionSet.Selections)))
		if len(r.Only.Definitions) != 3 {
			t.Errorf("%s has lost its fragments", r.Key)
		}
	}
	if fmt.Sprint(got) != "[b=one×2 two=two×1 a=one×1]" {
		t.Error(got)
	}
}
