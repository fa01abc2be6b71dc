package validate

import (
	"strings"
	"testing"

	"github.com/graphql-go/graphql/language/parser"

	"github.com/comity-platform/comity/graph/sdl"
)

const definitions = `
type Query { a(i: Int, r: Int!, d: Int! = 3, l: [Int!], o: In, c: Colour, s: String, b: Boolean): Query list(of: [[Int]]): Int plain: Named }
type Mutation { a(i: Int!): Int }
type Subscription { a: Int b: Int }
type Other implements Named { n(i: Int!): Int }
type Alone { n: Int }
union Thing = Other | Alone
interface Named { n(i: Int!): Int }
input In { n: Int! d: Int! = 3 o: In c: [Colour!] = [RED] }
enum Colour { RED }
`

// TestDocument says what is wrong with a document.
func TestDocument(t *testing.T) {
	s, err := sdl.Build(definitions, sdl.Binding{TypeOf: func(any) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	for query, says := range map[string]string{
		`{ a(r: 1) { a(r: 1, i: 2, d: 3, l: 4, o: {n: 1, o: {n: 2, d: 4}}, c: RED, s: "", b: true) { plain { n(i: 1) } } } }`:                                   "",
		`query($i: Int = 2, $r: Int!, $d: Int, $l: [Int!]!, $c: Colour!) { a(r: $i, i: $r, d: $d, l: $l, o: {n: $r, d: $d, c: [$c]}) { list(of: [[$d], 3]) } }`: "",
		`query A($i: Int!) { ...F } query B($i: Int = 1) { ...F } fragment F on Query { a(r: $i) { ...G } } fragment G on Query { a(r: $i) { list } }`:          "",
		`{ a { list } }`: "a needs the argument r", `{ plain { n } }`: "n needs the argument i", `mutation { a }`: "a needs", `{ plain @skip { n(i: 1) } }`: "@skip needs the argument if",
		`{ a(r: "1") { list } }`: "Int", `{ a(r: 1, i: 1.0) { list } }`: "Int", `{ a(r: 1, l: [1, "2"]) { list } }`: "Int", `{ a(r: 1, l: {n: 1}) { list } }`: "Int", `{ a(r: 1, i: [1]) { list } }`: "Int",
		`{ a(r: 1, c: "RED") { list } }`: "Colour", `{ a(r: 1, c: BLUE) { list } }`: "Colour", `{ a(r: 1, s: RED) { list } }`: "String", `{ a(r: 1, b: 1) { list } }`: "Boolean",
		`{ a(r: 1, o: 1) { list } }`: "object", `{ a(r: 1, o: [{n: 1}]) { list } }`: "object", `{ a(r: 1, o: {n: 1, o: {n: 1, n: 1}}) { list } }`: "n is given twice", `{ a(r: 1, o: {}) { list } }`: "needs the field n", `{ a(r: 1, o: {n: 1, x: 1}) { list } }`: "no field x", `{ a(r: 1, o: {n: 1, o: {n: true}}) { list } }`: "Int",
		`query($i: Int = "x") { a(r: 1, i: $i) { list } }`: "Int", `query($i: Int! = 1) { a(r: $i) { list } }`: "",
		`query($i: Int) { a(r: $i) { list } }`: "$i", `query($i: String) { a(r: 1, i: $i) { list } }`: "$i", `query($i: [Int]) { a(r: 1, l: $i) { list } }`: "$i", `query($i: Int) { a(r: 1, l: [$i]) { list } }`: "$i", `query($i: Int!) { a(r: 1, l: $i) { list } }`: "$i",
		`query($i: Int) { a(r: 1, o: {n: $i}) { list } }`: "$i", `query($b: Boolean) { plain @skip(if: $b) { n(i: 1) } }`: "$b", `query($b: Boolean = true) { plain @skip(if: $b) { n(i: 1) } }`: "",
		`query A($i: Int) { ...F } fragment F on Query { ...G } fragment G on Query { a(r: $i) { list } }`: "$i", `{ ...F } fragment F on Query { a(r: "x") { ... on Query { list(of: [[{}]]) } } }`: "Int",
		`{ plain { ... { ... on Named { ... on Thing { __typename } ...F } } } } fragment F on Other { n(i: 1) }`: "", `{ plain { ... on Query { list } } }`: "no object of the type Named is of the type Query",
		`{ ...F } fragment F on Named { n(i: 1) }`: "no object of the type Query", `{ plain { ... on Thing { ... on Alone { n } } } }`: "", `{ plain { ... on Other { ... on Alone { n } } } }`: "Alone",
		`subscription { a }`: "", `subscription { ...F a } fragment F on Subscription { ... { a } }`: "", `subscription { a b }`: "single root field", `subscription { a c: a }`: "single root field",
		`subscription { a ...F } fragment F on Subscription { ...G } fragment G on Subscription { b ...F }`: "single root field", `subscription { __typename }`: "not __typename",
		`subscription { a @skip(if: false) }`: "@skip", `subscription { ... @include(if: true) { a } }`: "@include", `subscription { ...F } fragment F on Subscription { a @include(if: true) }`: "@include",
		`subscription($y: Boolean!) { ...F @skip(if: $y) } fragment F on Subscription { a }`: "@skip",
	} {
		doc, err := parser.Parse(parser.ParseParams{Source: query})
		if err != nil {
			t.Fatal(query, err)
		}
		var all []string
		for _, e := range Document(&s.Schema, doc) {
			if len(e.Locations) != 1 {
				t.Errorf("%s: %s stands nowhere", query, e.Message)
			}
			all = append(all, e.Message)
		}
		if got := strings.Join(all, "\n"); (says == "") != (got == "") || !strings.Contains(got, says) {
			t.Errorf("%s: %q", query, got)
		}
	}
}
