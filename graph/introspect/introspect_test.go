package introspect

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/graphql-go/graphql"
)

const small = `"""An instant."""
scalar Instant @specifiedBy(url: "https://example.org/instant")

interface Named {
  name: String!
}

type Query implements Named {
  name: String! @deprecated(reason: "Use \"title\".")
  title(
    z: Int = 3
    a: [Colour!] = [RED, BLUE]
    old: In = {text: "a \"b\"\n", ratio: 1.5, on: true, of: {}} @deprecated
    at: Instant!
  ): Any
}

type Subscription implements Named {
  name: String!
}

union Any = Subscription | Query

enum Colour {
  RED
  GREEN @deprecated
  BLUE
}

input In {
  text: String = "x"
  ratio: Float
  on: Boolean
  of: In
  gone: ID @deprecated(reason: "Gone.")
}
`

// ask follows a path of fields, each with whether deprecated things are wanted,
// and of a list takes one member by name.
func ask(t *testing.T, s *Schema, steps ...string) any {
	t.Helper()
	kinds := map[reflect.Type]string{reflect.TypeFor[*Schema](): "__Schema", reflect.TypeFor[*typ](): "__Type", reflect.TypeFor[*field](): "__Field",
		reflect.TypeFor[*input](): "__InputValue", reflect.TypeFor[*value](): "__EnumValue", reflect.TypeFor[*directive](): "__Directive"}
	var at any = s
	for _, step := range steps {
		if name, ok := strings.CutPrefix(step, "="); ok {
			list, found := reflect.ValueOf(at), false
			for i := range list.Len() {
				if !found && names(list.Slice(i, i+1).Interface()) == name {
					at, found = list.Index(i).Interface(), true
				}
			}
			if !found {
				t.Fatalf("%v: there is no %s", steps, name)
			}
			continue
		}
		name, all := strings.CutSuffix(step, "+")
		f := s.Field(kinds[reflect.TypeOf(at)], name)
		if f == nil {
			t.Fatalf("%v: %s of a %T is not answered", steps, name, at)
		}
		at = f(at, map[string]any{"includeDeprecated": all})
	}
	return at
}

// names lists the names of what has them.
func names(list any) string {
	v := reflect.ValueOf(list)
	var out []string
	for i := range v.Len() {
		out = append(out, v.Index(i).Elem().FieldByName("name").String())
	}
	return strings.Join(out, " ")
}

func TestAnswers(t *testing.T) {
	s, err := New(small)
	if err != nil {
		t.Fatal(err)
	}
	const meta = "__Schema __Type __TypeKind __Field __InputValue __EnumValue __Directive __DirectiveLocation"
	for _, x := range []struct{ path, want string }{
		{"types", "Instant Named Query Subscription Any Colour In " + meta + " String Int Boolean ID Float"},
		{"directives", "include skip deprecated specifiedBy"},
		{"queryType name", "Query"}, {"mutationType", "null"}, {"subscriptionType name", "Subscription"},
		{"types =Instant specifiedByURL", "https://example.org/instant"}, {"types =Instant description", "An instant."}, {"types =In specifiedByURL", "null"},
		{"types =Instant fields", "null"}, {"types =Instant isOneOf", "null"}, {"types =In isOneOf", "false"}, {"types =In fields", "null"},
		{"types =Query fields", "title"}, {"types =Query fields+", "name title"}, {"types =Query fields+ =name isDeprecated", "true"},
		{"types =Query fields+ =name deprecationReason", `Use "title".`}, {"types =Query fields =title deprecationReason", "null"},
		{"types =Query fields =title args", "z a at"}, {"types =Query fields =title args+", "z a old at"},
		{"types =Query fields =title args+ =old deprecationReason", "No longer supported"},
		{"types =Query fields =title args =z defaultValue", "3"}, {"types =Query fields =title args =a defaultValue", "[RED, BLUE]"},
		{"types =Query fields =title args+ =old defaultValue", `{text: "a \"b\"\n", ratio: 1.5, on: true, of: {}}`},
		{"types =Query fields =title args =at defaultValue", "null"}, {"types =Query fields =title args =at type kind", "NON_NULL"},
		{"types =Query fields =title args =at type name", "null"}, {"types =Query fields =title args =at type ofType name", "Instant"},
		{"types =Query interfaces", "Named"}, {"types =Any interfaces", "null"}, {"types =Named interfaces", ""},
		{"types =Named possibleTypes", "Query Subscription"}, {"types =Any possibleTypes", "Subscription Query"}, {"types =Query possibleTypes", "null"},
		{"types =Colour enumValues", "RED BLUE"}, {"types =Colour enumValues+", "RED GREEN BLUE"}, {"types =Colour enumValues+ =GREEN isDeprecated", "true"},
		{"types =In inputFields", "text ratio on of"}, {"types =In inputFields+ =gone deprecationReason", "Gone."}, {"types =In inputFields =text defaultValue", `"x"`},
		{"directives =deprecated args =reason defaultValue", `"No longer supported"`}, {"directives =skip locations", "[FIELD FRAGMENT_SPREAD INLINE_FRAGMENT]"},
		{"directives =skip isRepeatable", "false"}, {"types =__Type fields =inputFields args =includeDeprecated defaultValue", "false"},
	} {
		got := ask(t, s, strings.Fields(x.path)...)
		said := fmt.Sprint(got)
		switch v := reflect.ValueOf(got); {
		case got == nil || (v.Kind() == reflect.Slice || v.Kind() == reflect.Pointer) && v.IsNil():
			said = "null"
		case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Pointer:
			said = names(got)
		}
		if said != x.want {
			t.Errorf("%s is %s, wanted %s", x.path, said, x.want)
		}
	}
	if got := s.Field("Query", "__type")(nil, map[string]any{"name": "Colour"}).(*typ); got.kind != "ENUM" {
		t.Errorf("the type Colour is %+v", got)
	}
}

// TestEveryMetaField wants each field that validation lets through answered, and
// no more.
func TestEveryMetaField(t *testing.T) {
	s, err := New(small)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, o := range []*graphql.Object{graphql.SchemaType, graphql.TypeType, graphql.FieldType, graphql.InputValueType, graphql.EnumValueType, graphql.DirectiveType} {
		for f, def := range o.Fields() {
			n++
			if s.Field(o.Name(), f) == nil || def.Description == "" {
				t.Errorf("%s.%s is not answered or not described", o.Name(), f)
			}
		}
	}
	if n != len(answers) {
		t.Errorf("%d fields have %d answers", n, len(answers))
	}
}

func TestNewRefuses(t *testing.T) {
	for name, x := range map[string][3]string{
		"an unknown type":      {"of: In\n", "of: Out\n", "Out is not defined"},
		"an unknown member":    {"= Subscription |", "= Nothing |", "Nothing is not defined"},
		"an unknown interface": {"Subscription implements Named", "Subscription implements Nobody", "Nobody is not defined"},
		"a type twice":         {"input In", "input Any", "twice"},
		"no query":             {"type Query", "type Quarry", "no type Query"},
		"an extension":         {"type Subscription", "extend type Subscription", "not expected"},
		"no syntax":            {"union Any =", "union =", "Syntax"},
	} {
		text := strings.Replace(small, x[0], x[1], 1)
		if text == small {
			t.Fatalf("%s: %q is not there", name, x[0])
		}
		if _, err := New(text); err == nil || !strings.Contains(err.Error(), x[2]) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
