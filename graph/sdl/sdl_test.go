package sdl

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/graphql-go/graphql"
)

const small = `"""A short one."""
scalar Thing @specifiedBy(url: "https://example.org/thing")

"""With "quotes" and \""" within it, and longer than what fits on one line with others."""
interface Named {
  name: String!
}

"""
Ends with a "quote"
"""
type Query implements Named {
  name: String!

  """Described."""
  list(
    """How many."""
    first: Int!

    """Which."""
    of: [Choice!] = [A, B]
    old: Int @deprecated(reason: "Gone.")
  ): [Any]!
  was: Int @deprecated(reason: "Say \"name\".")
}

type Mutation {
  make(input: In!): Query
}

enum Choice {
  A

  """The other."""
  B @deprecated(reason: "Older.")
}

union Any = Query | Mutation

input In {
  a: Thing

  """More."""
  b: [In!] = [{a: 1.5, c: {}}]
  c: Deep = {d: B} @deprecated(reason: "Unused.")
}

input Deep {
  d: Choice = A
  e: Int! = -3
}
`

func binding() Binding {
	keep := func(v any) any { return v }
	return Binding{Scalars: map[string]Scalar{"Thing": {Text: true, Read: keep}}, TypeOf: func(any) string { return "Query" }}
}

// TestPrint prints what was built: the order of everything is kept, and a
// printed schema prints as itself.
func TestPrint(t *testing.T) {
	s, err := Build(small, binding())
	if err != nil {
		t.Fatal(err)
	}
	printed := s.Print()
	again, err := Build(printed, binding())
	if err != nil {
		t.Fatal(err)
	}
	if again.Print() != printed {
		t.Errorf("printed twice:\n%s\n%s", printed, again.Print())
	}
	for _, want := range []string{"interface Named {\n", "type Query implements Named {\n", "\"\"\"\nEnds with a \"quote\"\n\"\"\"\n", `and \""" within`,
		"    \"\"\"How many.\"\"\"\n    first: Int!\n\n    \"\"\"Which.\"\"\"\n    of: [Choice!] = [A, B]\n", "enum Choice {\n  A\n\n  \"\"\"The other.\"\"\"\n  B @deprecated(reason: \"Older.\")\n}\n", `was: Int @deprecated(reason: "Say \"name\".")`,
		`= {d: B} @deprecated(reason: "Unused.")`, `old: Int @deprecated(reason: "Gone.")`, "union Any = Query | Mutation\n"} {
		if !strings.Contains(printed, want) {
			t.Errorf("%q is not in\n%s", want, printed)
		}
	}
	last := -1
	for _, definition := range []string{"scalar Thing", "interface Named", "type Query", "type Mutation", "enum Choice", "union Any", "input In"} {
		i := strings.Index(printed, definition)
		if i <= last {
			t.Errorf("%s stands out of order", definition)
		}
		last = i
	}
}

// TestDefaults has default values read as if a request had given them, with the
// default values of fields within.
func TestDefaults(t *testing.T) {
	s, err := Build(small, binding())
	if err != nil {
		t.Fatal(err)
	}
	in := s.Type("In").(*graphql.InputObject).Fields()
	args := s.QueryType().Fields()["list"].Args
	of := args[slices.IndexFunc(args, func(a *graphql.Argument) bool { return a.Name() == "of" })]
	for want, got := range map[string]any{"map[d:B e:-3]": in["c"].DefaultValue, "[map[a:1.5 c:map[d:A e:-3]]]": in["b"].DefaultValue, "[A B]": of.DefaultValue, "<nil>": in["a"].DefaultValue} {
		if fmt.Sprint(got) != want {
			t.Errorf("%v, wanted %s", got, want)
		}
	}
}

// TestDeprecated lists what is deprecated by its place.
func TestDeprecated(t *testing.T) {
	s, err := Build(small, binding())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(s.Deprecated()), `map[Choice.B:Older. In.c:Unused. Query.list.old:Gone. Query.was:Say "name".]`; got != want {
		t.Errorf("%s, wanted %s", got, want)
	}
}

// TestBuildRefuses names what is wrong with definitions.
func TestBuildRefuses(t *testing.T) {
	for name, x := range map[string][3]string{
		"an unknown scalar":         {"scalar Thing @s", "scalar Thang @s", "Thang"},
		"an unknown type":           {"a: Thing", "a: Nothing", "Nothing"},
		"a type twice":              {"input In {", "input Any {", "twice"},
		"a union of no object":      {"union Any = Query", "union Any = Choice", "no object"},
		"an interface that is none": {"implements Named", "implements Choice", "no interface"},
		"a missing interface field": {"type Query implements Named {\n  name: String!\n", "type Query implements Named {", "name"},
		"an extension":              {"type Mutation", "extend type Mutation", "expected"},
		"a wrong default":           {"d: Choice = A", "d: Choice = C", "Deep.d"},
		"a wrong default within":    {"e: Int! = -3", "e: Int!", "In.c.e"},
		"a wrong default argument":  {"= [A, B]", "= [A, 1]", "Query.list.of[1]"},
		"no address":                {"url: \"https://example.org/thing\"", "url: 1", "no address"},
		"another directive":         {"@specifiedBy", "@oneOf", "@oneOf"},
		"no reason":                 {"@deprecated(reason: \"Older.\")", "@deprecated", "gives its reason"},
		"an empty reason":           {"reason: \"Unused.\"", "reason: \"\"", "no reason"},
		"a directive of a field":    {"@deprecated(reason: \"Gone.\")", "@old", "@old"},
		"no syntax":                 {"union Any =", "union =", "Syntax"},
	} {
		text := strings.Replace(small, x[0], x[1], 1)
		if text == small {
			t.Fatalf("%s: %q is not there", name, x[0])
		}
		if _, err := Build(text, binding()); err == nil || !strings.Contains(err.Error(), x[2]) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
