package validate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/graphql-go/graphql"
	"github.com/graphql-go/graphql/language/ast"
	"github.com/graphql-go/graphql/language/parser"

	"github.com/comity-platform/comity/deploy/node"
	"github.com/comity-platform/comity/graph/sdl"
)

// testSchema has an interface, a union and objects whose fields of one name
// differ in type.
func testSchema(t testing.TB) *graphql.Schema {
	t.Helper()
	text, err := os.ReadFile("testdata/schema.graphql")
	if err != nil {
		t.Fatal(err)
	}
	s, err := sdl.Build(string(text), sdl.Binding{TypeOf: func(any) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	return &s.Schema
}

func parse(t testing.TB, query string) *ast.Document {
	t.Helper()
	doc, err := parser.Parse(parser.ParseParams{Source: query})
	if err != nil {
		t.Fatalf("%v in %s", err, query)
	}
	return doc
}

func TestOverlappingFields(t *testing.T) {
	schema := testSchema(t)
	for query, says := range map[string]string{
		"{ x x }":                              "",
		"{ x x: x }":                           "",
		"{ x(n: 1) x(n: 1) }":                  "",
		"{ x(n: 1) x(n: 2) }":                  `"x" conflict because they have differing arguments`,
		"{ x(n: 1) x }":                        "differing arguments",
		"{ x(n: 1) x(n: \"1\")}":               "differing arguments",
		"query($v: Int) { x(n: $v) x(n: $v) }": "",
		"query($v: Int, $w: Int) { x(n: $v) x(n: $w) }":                                        "differing arguments",
		"{ a { x(m: [1, 2], n: 1) x(n: 1, m: [1, 2]) } }":                                      "",
		"{ a { x(m: [1, 2]) x(m: [2, 1]) } }":                                                  "differing arguments",
		"{ a { z: x z: y } }":                                                                  `"z" conflict because x and y are different fields`,
		"{ a { a { z: x } a { z: y } } }":                                                      "different fields",
		"{ face { ... on A { z: x } ... on B { z: y } } }":                                     "", // exclude each other
		"{ face { z: x ... on B { z: y } } }":                                                  "different fields",
		"{ face { ... on Face { z: x } ... on B { z: y } } }":                                  "different fields",
		"{ some { ... on A { odd } ... on B { odd } } }":                                       "conflicting types Int and String",
		"{ some { ... on A { odd } ... on C { odd } } }":                                       "conflicting types Int and Int!",
		"{ some { ... on A { z: all { __typename } } ... on B { z: some { __typename } } } }":  "conflicting types",
		"{ some { ... on A { z: must { __typename } } ... on B { z: some { __typename } } } }": "conflicting types",
		"{ some { ... on A { z: a { x } } ... on B { z: b { x } } } }":                         "",
		"{ some { ... on A { z: a { o: odd } } ... on B { z: b { o: odd } } } }":               "conflicting types",
		"{ some { ... on A { z: a { o: x } } ... on B { z: b { o: y } } } }":                   "",
		"{ face { a { z: x } ... on A { a { z: y } } } }":                                      "different fields",
		"{ face { a { z: x } ... on A { a { w: y } } ... on B { a { z: y } } } }":              "different fields",
		"{ face { ... on A { a { z: x } } ... on B { a { z: y } } } }":                         "",
		"{ ...F ...G } fragment F on Query { z: x } fragment G on Query { z: a { x } }":        "x and a are different fields",
		"{ __typename } fragment F on Query { x z: x z: a { x } }":                             "x and a are different fields", // used or not
		"{ a { ...F } b { ...G } } fragment F on A { z: x } fragment G on B { z: y }":          "",
		"{ a { ...F a { ...F } } } fragment F on A { z: x }":                                   "",
		"{ a { ...F a { ...F z: y } } } fragment F on A { z: x }":                              "different fields",
		"{ unknown { x } unknown { z } }":                                                      "",
		"{ z: unknown { x } z: a { x } }":                                                      "different fields",
		"{ q: __schema { types { name } } q: __type(name: \"A\") { name } }":                   "different fields",
		"mutation { x }": "", // for another rule
		"{ some { ... on A { some { ... on B { z: x } } } ... on B { some { ... on B { z: y } } } } }": "",
		"{ face { some { ... on B { z: x } } ... on B { some { ... on B { z: y } } } } }":              "different fields",
		"{ face { some { ... on A { z: x } } ... on B { some { ... on B { z: y } } } } }":              "",
	} {
		o := overlaps(schema, parse(t, query))
		if says == "" && len(o.found) > 0 || says != "" && (len(o.found) == 0 || !strings.Contains(o.found[0].String(), says)) {
			t.Errorf("%s\n  %v, want %q", query, o.found, says)
		}
	}
}

// TestOverlappingFieldsAsTheReference compares the rule with that of the
// reference implementation on random queries.
func TestOverlappingFieldsAsTheReference(t *testing.T) {
	schema := testSchema(t)
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	queries := make([]string, 5_000)
	for i := range queries {
		queries[i] = random(r)
	}
	in, err := json.Marshal(queries)
	if err != nil {
		t.Fatal(err)
	}
	cmd, done, err := node.Command(t.Context(), "testdata", "overlap.mjs")
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var theirs []bool
	if err := json.Unmarshal(out, &theirs); err != nil || len(theirs) != len(queries) {
		t.Fatalf("%d answers, %v", len(theirs), err)
	}
	conflicts := 0
	for i, query := range queries {
		doc := parse(t, query)
		mine := len(graphql.ValidateDocument(schema, doc, []graphql.ValidationRuleFn{OverlappingFields}).Errors) > 0
		if mine != theirs[i] {
			t.Fatalf("seed %d, case %d: the rule says %v, the reference %v:\n%s", seed, i, mine, theirs[i], query)
		}
		if mine {
			conflicts++
		}
	}
	if conflicts < len(queries)/10 || conflicts > len(queries)*9/10 {
		t.Errorf("%d of %d queries were in conflict: the comparison says little", conflicts, len(queries))
	}
}

// random is a query over the test's schema: some fields are not of their type,
// which is for other rules.
func random(r *rand.Rand) string {
	var b strings.Builder
	var set func(depth int, fragments string)
	set = func(depth int, fragments string) {
		b.WriteString("{ ")
		for range 1 + r.IntN(3) {
			switch k := r.IntN(10); {
			case k < 2 && fragments != "":
				fmt.Fprintf(&b, "...F%c ", fragments[r.IntN(len(fragments))])
			case k < 5 && depth > 0:
				b.WriteString([]string{"... on A ", "... on B ", "... on C ", "... on Face ", "... on Some ", "... "}[r.IntN(6)])
				set(depth-1, fragments)
			case k < 8 && depth > 0:
				b.WriteString([]string{"", "", "", "", "", "z: "}[r.IntN(6)])
				b.WriteString([]string{"a ", "b ", "some ", "all ", "must "}[r.IntN(5)])
				set(depth-1, fragments)
			default:
				b.WriteString([]string{"", "", "", "", "", "z: "}[r.IntN(6)])
				b.WriteString([]string{"x ", "y ", "odd ", "__typename ", "x(n: 1) ", "x ", "y ", "x "}[r.IntN(8)])
			}
		}
		b.WriteString("} ")
	}
	set(2+r.IntN(2), "012")
	for i, later := range []string{"12", "2", ""} { // no cycles
		fmt.Fprintf(&b, "fragment F%d on %s ", i, []string{"A", "B", "Face", "Some", "Query"}[r.IntN(5)])
		set(1, later)
	}
	return b.String()
}

// TestOverlappingFieldsGrowth: four times the fields are about four times the
// work, in the shapes that cost the library their square.
func TestOverlappingFieldsGrowth(t *testing.T) {
	schema := testSchema(t)
	for name, query := range map[string]func(n int) string{
		"alike":            func(n int) string { return "{ " + strings.Repeat("x ", n) + "}" },
		"alike with below": func(n int) string { return "{ " + strings.Repeat("a { x a { y } } ", n) + "}" },
		"fragments": func(n int) string {
			var b strings.Builder
			b.WriteString("{ ")
			for i := range n {
				fmt.Fprintf(&b, "...F%d ", i)
			}
			b.WriteString("} ")
			for i := range n {
				fmt.Fprintf(&b, "fragment F%d on Query { x a { x } } ", i)
			}
			return b.String()
		},
		"objects that exclude each other": func(n int) string {
			return "{ face { a { x } " + strings.Repeat("... on A { a { x } } ... on B { a { x } } ", n) + "} }"
		},
		"deep": func(n int) string { return strings.Repeat("{ a { x } a ", n) + "{ x }" + strings.Repeat("}", n) },
		"deep under interfaces": func(n int) string {
			return "{ face { some " + strings.Repeat("{ ... on A { x some { __typename } } ... on B { x some { __typename } } ... on Face { x some ", n) +
				"{ __typename }" + strings.Repeat(" } }", n) + " } }"
		},
	} {
		small, large := overlaps(schema, parse(t, query(40))), overlaps(schema, parse(t, query(160)))
		if len(small.found)+len(large.found) > 0 {
			t.Errorf("%s: %v %v", name, small.found, large.found)
		}
		if small.steps == 0 || large.steps > 6*small.steps {
			t.Errorf("%s: %d steps, and for four times as much %d", name, small.steps, large.steps)
		}
	}
}
