package differential

import (
	"encoding/json"
	"strings"
	"testing"
)

func read(t *testing.T) *Schema {
	t.Helper()
	s, err := Read(Torture, map[string]Scalar{"Odd": {Values: map[string]string{`"odd"`: `"odd"`, "3": "3"}, Wrong: []string{"2"}}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestDifference tells apart what is not the same, and nothing else.
func TestDifference(t *testing.T) {
	answer := func(refused, data string, paths ...string) Answer {
		a := Answer{Refused: refused, Data: json.RawMessage(data), Says: []string{"said"}}
		for _, p := range paths {
			a.Errors = append(a.Errors, json.RawMessage(p))
		}
		return a
	}
	one := answer("", `{"a":1,"b":{"c":null,"d":["x",1.50]}}`, `["b","c"]`, `["b","d",0]`)
	for says, other := range map[string]Answer{
		"":                 answer("", `{"a": 1.0, "b": {"c": null, "d": ["\u0078", 15e-1]}}`, `["b","c"]`, `["b","d",0]`),
		"the data differ":  answer("", `{"b":{"c":null,"d":["x",1.50]},"a":1}`, `["b","c"]`, `["b","d",0]`),
		"the data":         answer("", `{"a":1,"b":null}`, `["b","c"]`, `["b","d",0]`),
		"reference {":      answer("", `{"a":1,"b":{"c":null,"d":[["x",1.50]]}}`, `["b","c"]`, `["b","d",0]`),
		"the errors":       answer("", `{"a":1,"b":{"c":null,"d":["x",1.5]}}`, `["b","c"]`),
		"the errors diff":  answer("", `{"a":1,"b":{"c":null,"d":["x",1.5]}}`, `["b","c"]`, `["b","d",1]`),
		"ours was refused": answer(AtVariables, ""),
		"no JSON":          answer("", `{"a":1`, `["b","c"]`, `["b","d",0]`),
	} {
		if got := Difference(one, other); (got == "") != (says == "") || !strings.Contains(got, says) {
			t.Errorf("%s: %q", says, got)
		}
	}
	if Difference(answer(AtSource, "", `["a"]`), answer(AtSource, "", `["a"]`)) != "" || Difference(answer(AtSource, "", `["a"]`), answer(AtSource, "", `["b"]`)) == "" {
		t.Error("refusals are not told apart by their paths")
	}
	if Difference(answer(AtDocument, ""), answer(AtDocument, "")) != "" || Difference(answer(AtDocument, ""), answer(AtVariables, "")) == "" {
		t.Error("refusals are not told apart by their place")
	}
}

// TestCases has a seed make the same cases again, of every kind of mistake.
func TestCases(t *testing.T) {
	a, b := read(t), read(t)
	seen := map[string]bool{}
	for n := range uint64(6000) {
		x, y := a.Case(7, n), b.Case(7, n)
		if x.String() != y.String() {
			t.Fatalf("case %d is made in two ways:\n%s\n%s", n, x, y)
		}
		if !json.Valid(x.Variables) {
			t.Fatalf("case %d: its variables are no JSON: %s", n, x.Variables)
		}
		for _, part := range []string{"fragment F", "... on Named", "... on Thing", "mutation", "@skip(if: $", "@include(if: true)", "null", `"""`, "grid", "echoDeep", `\ud83d\ude00`, "nowhere", "... {", "on Pair", "subscription", "on Subscription", "on Subscription @", "__typename @include"} {
			seen[part] = seen[part] || strings.Contains(x.Query, part)
		}
	}
	for part, ok := range seen {
		if !ok {
			t.Errorf("no case has %s", part)
		}
	}
	if a.Case(7, 1).String() == a.Case(8, 1).String() {
		t.Error("two seeds make one case")
	}
}

// TestShrink leaves of a case what it fails by.
func TestShrink(t *testing.T) {
	c := Shrink(Case{Query: "query A($x: Int) { a { b(c: {d: [1, 2]}) @skip(if: false) { e } f } # no\n ...F } fragment F on G { wrong(x: $x) h { i } }"}, func(c Case) bool {
		return strings.Contains(c.Query, "wrong") && strings.Count(c.Query, "{") == strings.Count(c.Query, "}") && strings.Contains(c.Query, "$ x ")
	})
	if c.Query != "{ wrong $ x }" { // brackets go together with what is between them
		t.Error(c.Query)
	}
}

// TestData has the data work out the same at each place, whatever was asked before.
func TestData(t *testing.T) {
	s := read(t)
	kinds := map[string]bool{}
	for _, f := range s.types["Branch"].fields {
		for _, id := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
			v, again := s.complete(f.of, id+f.name, false), s.complete(f.of, id+f.name, false)
			x, y := shown(v), shown(again)
			if x != y {
				t.Errorf("%s: %s and %s", f.name, x, y)
			}
			kinds[strings.Trim(x[:1], "0123456789")] = true
		}
	}
	for _, kind := range []string{"n", "[", "T", "!"} { // null, lists, things, errors
		if !kinds[kind] {
			t.Errorf("no %q among %v", kind, kinds)
		}
	}
}

func shown(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case *thing:
		return "T" + v.object + v.id
	case []any:
		out := "["
		for _, item := range v {
			out += shown(item) + " "
		}
		return out + "]"
	case string:
		return "s" + v
	case int, float64, bool, int64, []string:
		raw, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		return "v" + string(raw)
	}
	return "!"
}
