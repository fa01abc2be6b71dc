package graph

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// soon is what a query may take that is refused before it costs anything. The
// ones here take milliseconds, and would take minutes, or the whole memory, if
// nothing refused them: the bound is wide, for a machine that does much else.
const soon = 20 * time.Second

// doubling is fragments each of which spreads the next two twice: a document
// of n fragments that stands for 2^n fields.
func doubling(n int) string {
	var b strings.Builder
	b.WriteString("{ viewer { ...A0 ...B0 } }")
	for i := range n {
		for _, l := range "AB" {
			if i == n-1 {
				fmt.Fprintf(&b, " fragment %c%d on Viewer { officer { ref } }", l, i)
			} else {
				fmt.Fprintf(&b, " fragment %c%d on Viewer { ...A%d ...B%d }", l, i, i+1, i+1)
			}
		}
	}
	return b.String()
}

// TestHostileQueries sends to the running handler what ends or stalls the
// library: each is refused at once, by name, and the server lives on.
func TestHostileQueries(t *testing.T) {
	a := serveAPI(t, func(o *Options) { o.Development = true })
	c := a.as(t, "investigator@KZ")
	for name, x := range map[string]struct {
		query string
		limit string // "" for a query that is wrong in itself
		says  string
	}{
		"a fragment that spreads itself":          {"{ ...A } fragment A on Query { ...A }", "", "spreads itself"},
		"one that is not used":                    {"{ __typename } fragment A on Query { ...A }", "", "spreads itself"},
		"two that spread each other":              {"{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }", "", "spreads itself"},
		"a cycle through fields":                  {"{ ...A } fragment A on Query { viewer { officer { ...B } } } fragment B on Officer { ref ...C } fragment C on Officer { ... { ...B } }", "", "spreads itself"},
		"a cycle in the first of two of one name": {"{ ...A } fragment A on Query { ...A } fragment A on Query { __typename }", "", "only one fragment"},
		"a cycle at a mutation":                   {"mutation { ...A } fragment A on Mutation { ...A }", "", "spreads itself"},
		"a million braces":                        {strings.Repeat("{", 1_000_000), "bytes", ""},
		"as many brackets as bytes":               {strings.Repeat("[", 16000), "depth", ""},
		"brackets in an argument":                 {"{ node(id: " + strings.Repeat("[", 4000) + ") { id } }", "depth", ""},
		"braces in an argument":                   {"{ node(id: " + strings.Repeat("{a:", 4000) + ") { id } }", "depth", ""},
		"parentheses":                             {strings.Repeat("(", 4000), "depth", ""},
		"list types":                              {"query($a: " + strings.Repeat("[", 4000) + "Int" + strings.Repeat("]", 4000) + ") { __typename }", "depth", ""},
		"depth 4000":                              {strings.Repeat("{a", 4000) + strings.Repeat("}", 4000), "depth", ""},
		"depth 17":                                {strings.Repeat("{a", 17) + strings.Repeat("}", 17), "depth", ""},
		"10,000 fields alike":                     {"{" + strings.Repeat("a ", 8000) + "}", "tokens", ""},
		"as many as tokens allow, alike":          {"{ viewer {" + strings.Repeat("officer{ref}", 240) + "} }", "", ""},
		"too many aliases":                        {"{ " + aliases(51) + " }", "aliases", ""},
		"too many root fields":                    {"{ ...A ...A ...A } fragment A on Query { " + strings.Repeat("__typename ", 7) + " }", "rootFields", ""},
		"too many directives":                     {"{ viewer { " + strings.Repeat("officer @include(if: true) { ref } ", 51) + "} }", "directives", ""},
		"a directive twice":                       {"{ viewer @include(if: true) @include(if: true) { officer { ref } } }", "", "only once"},
		"fragments that double":                   {doubling(30), "fields", ""},
		"fragments that double, unused":           {doubling(30) + " query Other { __typename }", "fields", ""},
		"fragments that double a little":          {doubling(11), "fields", ""},
		"list after list":                         {"{ viewer { cases(first: 100) { nodes { entries(first: 100) { nodes { id case author text happened createdAt marking { tlp pap handling } } } } } } }", "cost", ""},
		"an introspection bomb":                   {"{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }", "cost", ""},
		"a bomb through __type":                   {`{ ` + bombs(20) + ` }`, "cost", ""},
		"a subscription":                          {"subscription { events { id } }", "", "subscriptions are streams"},
		"a type definition":                       {"{ __typename } type A { a: Int }", "", "operations and fragments only"},
		"no operation":                            {"fragment A on Query { __typename }", "", "no operation"},
		"nothing":                                 {" ", "", "no operation"},
		"a comment that is not ASCII":             {"# éééééééééééééééé {{{{{{{{ \n{ viewer { officer { nonsense } } }", "", "nonsense"},
		"letters that are not ASCII":              {"{ é }", "", "ASCII"},
		"a quote in a block string":               {`{ node(id: """a \""" {{{{{{{{{{{{{{{{{{{{""") { id } }`, "", ""},
		"half a surrogate":                        {`{ node(id: "\ud83d") { id } }`, "", "half a character"},
		"a string without end":                    {`{ node(id: "` + strings.Repeat("{", 100), "", "does not end"},
		"a block string without end":              {`{ node(id: """` + strings.Repeat("{", 100), "", "does not end"},
		"a string that ends with its line":        {"{ node(id: \"\n" + strings.Repeat("{", 100), "", "on the line"},
		"a variable without a type":               {"query($id: ID, $p: !, $p: Purpose) { node(id: $id, purpose: $p) { id } }", "", "cannot be read"},
		"two anonymous operations":                {"{ __typename } { __typename }", "", "anonymous"},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			r := c.call(t, x.query, nil)
			if took := time.Since(began); took > soon {
				t.Errorf("refused only after %s", took)
			}
			if x.limit == "" && x.says == "" { // within the limits: answered, and soon
				if r.status != http.StatusOK {
					t.Errorf("%d %s", r.status, r.raw)
				}
				return
			}
			if r.status != http.StatusBadRequest && r.status != http.StatusRequestEntityTooLarge || len(r.Errors) == 0 || r.Data != nil {
				t.Fatalf("%d %s", r.status, r.raw)
			}
			e := r.Errors[0]
			if code := map[bool]string{true: "LIMIT", false: "INVALID"}[x.limit != ""]; e.Extensions.Code != code || e.Extensions.Limit != x.limit || !strings.Contains(e.Message, x.says) {
				t.Errorf("%s", r.raw)
			}
		})
	}
	if c.get(t, "{ __typename }", nil)["__typename"] != "Query" {
		t.Error("the server does not answer any longer")
	}
}

func bombs(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `a%d: __type(name: "Case") { fields { type { fields { type { fields { type { fields { type { fields { type { name } } } } } } } } } } } `, i)
	}
	return b.String()
}

func aliases(n int) string {
	var b strings.Builder
	b.WriteString("viewer { ")
	for i := range n {
		fmt.Fprintf(&b, "a%d: officer { ref } ", i)
	}
	return b.String() + "}"
}

// TestWithinLimits runs what is just within the limits, and what real clients send.
func TestWithinLimits(t *testing.T) {
	a := serveAPI(t, func(o *Options) { o.Development = true })
	c := a.as(t, "liaison@KZ")
	for name, query := range map[string]string{
		"50 aliases":                 "{ " + aliases(50) + " }",
		"20 root fields":             "{ ...A ...A } fragment A on Query { " + strings.Repeat("__typename ", 10) + " }",
		"depth in a string":          `{ node(id: "{{{{{{{{{{{{{{{{{{{{{{{") { id } __typename }`,
		"depth in a comment":         "{ __typename } # {{{{{{{{{{{{{{{{{{{{{{",
		"a byte order mark":          "\ufeff{ __typename }",
		"a page of pages":            "{ viewer { cases(first: 50) { nodes { id title entries(first: 20) { nodes { id text } } } } } }",
		"graphql-js's introspection": introspection,
	} {
		if r := c.call(t, query, nil); r.status != http.StatusOK || r.Data == nil {
			t.Errorf("%s: %d %s", name, r.status, r.raw)
		}
	}
}

// introspection is the query that graphql-js and the tools around it send.
const introspection = `query IntrospectionQuery { __schema { queryType { name } mutationType { name } subscriptionType { name } types { ...FullType }
  directives { name description locations args { ...InputValue } } } }
fragment FullType on __Type { kind name description fields(includeDeprecated: true) { name description args { ...InputValue } type { ...TypeRef } isDeprecated deprecationReason }
  inputFields { ...InputValue } interfaces { ...TypeRef } enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason } possibleTypes { ...TypeRef } }
fragment InputValue on __InputValue { name description type { ...TypeRef } defaultValue }
fragment TypeRef on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } }`

// TestIntrospectionOff has a production server say nothing of its schema,
// wherever in the document it is asked.
func TestIntrospectionOff(t *testing.T) {
	a := serveAPI(t, nil)
	c := a.as(t, "liaison@KZ")
	for _, query := range []string{"{ __schema { types { name } } }", `{ a: __type(name: "Case") { name } }`, "{ ...A } fragment A on Query { ... { b: __schema { types { name } } } }",
		"query A { __typename } query B { __schema { types { name } } }"} {
		if r := c.call(t, query, nil); r.status != http.StatusBadRequest || !strings.Contains(r.raw, "introspection is off") {
			t.Errorf("%s: %d %s", query, r.status, r.raw)
		}
	}
	if r := c.call(t, "{ viewer { casses(first: 1) { nodes { id } } } }", nil); strings.Contains(r.raw, "Did you mean") || !strings.Contains(r.raw, "casses") {
		t.Errorf("a misspelt field: %s", r.raw)
	}
	if r := c.call(t, "{ __typename }", nil); r.status != http.StatusOK {
		t.Errorf("__typename: %s", r.raw)
	}
	for _, path := range []string{"/schema.graphql", "/explorer"} {
		res, err := http.Get(a.url + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusNotFound {
			t.Errorf("%s is served in production: %d", path, res.StatusCode)
		}
	}
}
