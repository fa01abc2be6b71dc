package input

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/graphql-go/graphql"
	"github.com/graphql-go/graphql/language/ast"
	"github.com/graphql-go/graphql/language/parser"
)

var (
	colour = graphql.NewEnum(graphql.EnumConfig{Name: "Colour", Values: graphql.EnumValueConfigMap{"RED": {Value: "RED"}, "GREEN": {Value: "GREEN"}}})
	object = graphql.NewInputObject(graphql.InputObjectConfig{Name: "In", Fields: graphql.InputObjectConfigFieldMap{
		"n": {Type: graphql.NewNonNull(graphql.Int)}, "m": {Type: graphql.NewNonNull(graphql.Int), DefaultValue: 5}, "s": {Type: graphql.String, DefaultValue: "d"},
		"list": {Type: graphql.NewList(graphql.NewNonNull(colour))}}})
	all = map[string]graphql.Input{"Int": graphql.Int, "Int!": graphql.NewNonNull(graphql.Int), "Float": graphql.Float, "String": graphql.String, "Boolean": graphql.Boolean,
		"ID": graphql.ID, "Colour": colour, "In": object, "[Int]": graphql.NewList(graphql.Int), "[Int!]": graphql.NewList(graphql.NewNonNull(graphql.Int)),
		"[[Int]]": graphql.NewList(graphql.NewList(graphql.Int)), "[In!]": graphql.NewList(graphql.NewNonNull(object))}
)

// rows are values from outside and what becomes of them, or a place and "!" for
// what is refused there. A query writes them as JSON does, but for names.
var rows = []struct{ t, json, literal, want string }{
	{"Int", "1", "1", "1"}, {"Int", "null", "", "<nil>"}, {"Int", "2147483647", "2147483647", "2147483647"}, {"Int", "-2147483648", "-2147483648", "-2147483648"},
	{"Int", "2147483648", "2147483648", "$x!"}, {"Int", "-2147483649", "-2147483649", "$x!"}, {"Int", "1.5", "1.5", "$x!"}, {"Int", `"1"`, `"1"`, "$x!"}, {"Int", "true", "true", "$x!"},
	{"Int", "1.0", "", "1"}, {"Int", "", "1.0", "$x!"}, {"Int", "1e3", "", "1000"}, {"Int", "", "1e3", "$x!"}, {"Int", "[1]", "[1]", "$x!"}, {"Int", "{}", "{}", "$x!"}, {"Int", "", "RED", "$x!"},
	{"Int!", "1", "1", "1"}, {"Int!", "null", "null", "$x!"},
	{"Float", "1.5", "1.5", "1.5"}, {"Float", "1", "1", "1"}, {"Float", "1e400", "1e400", "$x!"}, {"Float", `"1.5"`, `"1.5"`, "$x!"}, {"Float", "true", "true", "$x!"}, {"Float", "-1e-3", "-1e-3", "-0.001"},
	{"String", `"a"`, `"a"`, "a"}, {"String", "1", "1", "$x!"}, {"String", "{}", "{}", "$x!"}, {"String", `["a"]`, `["a"]`, "$x!"}, {"String", "true", "true", "$x!"}, {"String", "", "RED", "$x!"},
	{"Boolean", "true", "true", "true"}, {"Boolean", `"true"`, `"true"`, "$x!"}, {"Boolean", "0", "0", "$x!"},
	{"ID", `"a"`, `"a"`, "a"}, {"ID", "12", "12", "12"}, {"ID", "", "123456789012345678901234567890", "123456789012345678901234567890"}, {"ID", "1.5", "1.5", "$x!"}, {"ID", "true", "true", "$x!"}, {"ID", "", "RED", "$x!"},
	{"Colour", `"RED"`, "", "RED"}, {"Colour", "", "RED", "RED"}, {"Colour", "", `"RED"`, "$x!"}, {"Colour", `"PINK"`, "", "$x!"}, {"Colour", "", "PINK", "$x!"}, {"Colour", "1", "1", "$x!"},
	{"[Int]", "[1, null, 3]", "[1, null, 3]", "[1 <nil> 3]"}, {"[Int]", "1", "1", "[1]"}, {"[Int]", "null", "null", "<nil>"}, {"[Int]", `[1, "b"]`, `[1, "b"]`, "$x[1]!"}, {"[Int]", "[[1]]", "[[1]]", "$x[0]!"},
	{"[Int!]", "[1, null]", "[1, null]", "$x[1]!"}, {"[Int!]", "[]", "[]", "[]"},
	{"[[Int]]", "[[1], [2, 3]]", "[[1], [2, 3]]", "[[1] [2 3]]"}, {"[[Int]]", "1", "1", "[[1]]"}, {"[[Int]]", "[1, 2]", "[1, 2]", "[[1] [2]]"}, {"[[Int]]", "[null]", "[null]", "[<nil>]"},
	{"In", `{"n": 1}`, "{n: 1}", "map[m:5 n:1 s:d]"}, {"In", `{"n": 1, "s": null, "list": "RED"}`, "{n: 1, s: null, list: RED}", "map[list:[RED] m:5 n:1 s:<nil>]"},
	{"In", `{}`, "{}", "$x.n!"}, {"In", `{"n": null}`, "{n: null}", "$x.n!"}, {"In", `{"n": 1, "m": null}`, "{n: 1, m: null}", "$x.m!"}, {"In", `{"n": 1, "z": 1, "y": 1}`, "{n: 1, z: 1, y: 1}", "$x.y!"}, {"In", `"x"`, `"x"`, "$x!"}, {"In", "[]", "[]", "$x!"},
	{"[In!]", `[{"n": 1}, {"n": 2, "list": ["RED", "BLUE"]}]`, "[{n: 1}, {n: 2, list: [RED, BLUE]}]", "$x[1].list[1]!"}, {"[In!]", `{"n": 1}`, "{n: 1}", "[map[m:5 n:1 s:d]]"},
}

func TestCoerce(t *testing.T) {
	for _, x := range rows {
		var given []any
		if x.json != "" {
			var v any
			if err := json.Unmarshal([]byte(x.json), &v); err == nil { // 1e400 is refused before
				given = append(given, v)
			}
		}
		if x.literal != "" {
			v, _ := Literal(value(t, x.literal), nil)
			given = append(given, v)
		}
		for _, v := range given {
			c, err := Coerce(all[x.t], v, []string{"x"})
			got := fmt.Sprint(c)
			if e, ok := err.(*Error); ok {
				got = strings.TrimSuffix(e.Error(), ": "+e.Message) + "!"
			}
			if got != x.want {
				t.Errorf("%s from %#v: %s", x.t, v, got)
			}
		}
	}
}

// value parses a literal; null stands for itself.
func value(t *testing.T, literal string) ast.Value {
	t.Helper()
	doc, err := parser.Parse(parser.ParseParams{Source: "{ a(b: " + strings.ReplaceAll(literal, "null", "nulL") + ") }"})
	if err != nil {
		t.Fatal(err)
	}
	v := doc.Definitions[0].(*ast.OperationDefinition).SelectionSet.Selections[0].(*ast.Field).Arguments[0].Value
	return named(v)
}

func named(v ast.Value) ast.Value {
	switch v := v.(type) {
	case *ast.EnumValue:
		if v.Value == "nulL" {
			v.Value = Null
		}
	case *ast.ListValue:
		for _, item := range v.Values {
			named(item)
		}
	case *ast.ObjectValue:
		for _, f := range v.Fields {
			named(f.Value)
		}
	}
	return v
}

// TestArguments fills in variables: what has no value is absent, or null in a list.
func TestArguments(t *testing.T) {
	defs := graphql.NewObject(graphql.ObjectConfig{Name: "Query", Fields: graphql.Fields{"a": {Type: graphql.Int, Args: graphql.FieldConfigArgument{
		"i": {Type: graphql.Int}, "d": {Type: graphql.NewNonNull(graphql.Int), DefaultValue: 7}, "l": {Type: graphql.NewList(graphql.Int)}, "o": {Type: object}}}}}).Fields()["a"].Args
	for query, x := range map[string]struct {
		variables map[string]any
		want      string
	}{
		"{ a }":                             {nil, "map[d:7]"},
		"{ a(i: $i, d: $i) }":               {nil, "map[d:7]"},
		"{ a(i: $i, d: $n) }":               {map[string]any{"i": nil, "n": 1}, "map[d:1 i:<nil>]"},
		"{ a(d: $n) }":                      {map[string]any{"n": nil}, "$d"},
		"{ a(l: [1, $i, $n]) }":             {map[string]any{"n": 2}, "map[d:7 l:[1 <nil> 2]]"},
		"{ a(o: {n: $n, s: $i, m: $i}) }":   {map[string]any{"n": 2}, "map[d:7 o:map[m:5 n:2 s:d]]"},
		"{ a(o: {n: $n, s: $i}) }":          {map[string]any{"n": 2, "i": nil}, "map[d:7 o:map[m:5 n:2 s:<nil>]]"},
		"{ a(o: {n: $i}) }":                 {nil, "$o.n"},
		"{ a(o: {n: 1, list: [RED, $c]}) }": {nil, "$o.list[1]"},
		"{ a(o: {n: 1, m: $i}) }":           {map[string]any{"i": nil}, "$o.m"},
	} {
		doc, err := parser.Parse(parser.ParseParams{Source: query})
		if err != nil {
			t.Fatal(err)
		}
		got, err := Arguments(defs, doc.Definitions[0].(*ast.OperationDefinition).SelectionSet.Selections[0].(*ast.Field), x.variables)
		said := fmt.Sprint(got)
		if e, ok := err.(*Error); ok {
			said, _, _ = strings.Cut(e.Error(), ":")
		}
		if said != x.want {
			t.Errorf("%s: %s", query, said)
		}
	}
}

// FuzzCoerce gives any JSON for each type: what comes of it is of the type, so that
// it comes of itself again, or an error that says where.
func FuzzCoerce(f *testing.F) {
	for _, x := range rows {
		if x.json != "" {
			f.Add(x.json)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		var v any
		if json.Unmarshal([]byte(text), &v) != nil {
			return
		}
		for name, of := range all {
			c, err := Coerce(of, v, []string{"x"})
			if err != nil {
				if e, ok := err.(*Error); !ok || len(e.Path) == 0 || e.Path[0] != "x" || e.Message == "" {
					t.Fatalf("%s from %s: %v", name, text, err)
				}
				continue
			}
			raw, err := json.Marshal(c)
			if err != nil {
				t.Fatal(err)
			}
			var again any
			if err := json.Unmarshal(raw, &again); err != nil {
				t.Fatal(err)
			}
			if same, err := Coerce(of, again, []string{"x"}); err != nil || fmt.Sprint(same) != fmt.Sprint(c) {
				t.Fatalf("%s from %s: %v, and from that %v %v", name, text, c, same, err)
			}
		}
	})
}
