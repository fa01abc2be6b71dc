package differential

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// variable is one of the operation, with what is given for it.
type variable struct {
	name     string
	of       *ref
	fallback string // literal; "" for none
	given    string // JSON; "" for none
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// odd is what is of the wrong type for most.
var odd = []string{"null", `"x"`, `""`, "1", "-1", "1.5", "1.0", "1e10", "2147483648", "true", "[]", "{}", "[null]", `["x", 1]`, `{"a": 1}`, "[[1]]", "0"}

// oddLiterals are the same in a query, with what only a query has.
var oddLiterals = append([]string{"RED", "PLAIN", `"PLAIN"`, "{a: 1}", `"""x"""`, "123456789012345678901234567890", "1e400", "-0", "[$a]", "$a"}, odd[:len(odd)-3]...)

// outOfRange is what is one past what an Int can be, and up to which it would be of 32
// bits without a sign.
var outOfRange = []string{"2147483648", "-2147483649", "4294967295"}

// near is what is nearly of a type, as JSON and literal.
var near = map[string][]string{
	"Int":     {"2147483648", "-2147483649", "1.5", `"1"`, "true", "[1]"},
	"Float":   {`"1.5"`, "true", "[1.5]"},
	"String":  {"1", "true", `["a"]`, "{}"},
	"Boolean": {"0", "1", `"true"`, "[true]"},
	"ID":      {"1.5", "true", "{}", `["x"]`},
}

// off picks what is not of a type, or just so.
func (g *generator) off(of *ref, all []string) string {
	if close := near[of.named()]; close != nil && g.one(2) {
		return choose(g, close)
	}
	return choose(g, all)
}

// variable gives the name of a variable that may stand at a place.
func (g *generator) variable(of *ref, fallback bool) string {
	if g.commit("undefined variable") {
		return "$nowhere"
	}
	for _, v := range g.variables {
		if v.of.String() == of.String() && g.one(3) {
			return "$" + v.name
		}
	}
	v := &variable{name: choose(g, []string{"v", "null", "on", "input"}), of: of}
	if slices.ContainsFunc(g.variables, func(other *variable) bool { return other.name == v.name }) {
		v.name = g.name("v")
	}
	g.variables = append(g.variables, v)
	switch {
	case !of.nonNull && g.one(5):
		v.of = of.with(true)
	case of.nonNull && g.one(4):
		v.of = of.with(false)
		if !fallback || g.one(2) {
			v.fallback = g.literal(of, true)
		}
	}
	if of.nonNull && g.commit("default that is null") {
		v.of, v.fallback = of.with(false), "null"
	}
	if of.nonNull && g.commit("null over a default") {
		v.of, v.given = of.with(false), "null"
		if v.fallback == "" && !fallback {
			v.fallback = g.literal(of, true)
		}
		return "$" + v.name
	}
	if v.fallback == "" && g.one(4) {
		v.fallback = g.literal(v.of, true)
	}
	if v.of.nonNull && v.fallback == "" || !g.one(3) {
		v.given = g.json(v.of, 0)
	}
	if g.commit("variable of another type") {
		v.of = choose(g, []*ref{{name: "Int"}, {name: "String", nonNull: true}, {item: v.of}, {name: "Boolean"}, v.of.with(!v.of.nonNull), {name: "Nowhere"}, {name: "Query"}, {item: &ref{name: "Query", nonNull: true}}})
	}
	return "$" + v.name
}

// definitions writes the definitions of all variables.
func (g *generator) definitions() string {
	if g.commit("unused variable") {
		g.variables = append(g.variables, &variable{name: "unused", of: &ref{name: "Int"}})
	}
	if g.commit("twice a variable") && len(g.variables) > 0 {
		g.variables = append(g.variables, g.variables[0])
	}
	if len(g.variables) == 0 {
		return ""
	}
	var out []string
	for _, v := range g.variables {
		text := "$" + v.name + ": " + v.of.String()
		if v.fallback != "" {
			text += " = " + v.fallback
		}
		out = append(out, text)
	}
	return "(" + strings.Join(out, choose(g, []string{", ", " "})) + ")"
}

// value writes a variable or a literal.
func (g *generator) value(of *ref, fallback, constant bool) string {
	if !constant && (g.one(3) || of.nonNull && g.wrong == "null over a default") {
		return g.variable(of, fallback)
	}
	return g.literal(of, constant)
}

func (g *generator) literal(of *ref, constant bool) string { return g.write(of, constant, 0) }

// write writes a literal.
func (g *generator) write(of *ref, constant bool, depth int) string {
	within := func(of *ref, fallback bool) string {
		if !constant && g.one(5) {
			return g.variable(of, fallback)
		}
		return g.write(of, constant, depth+1)
	}
	switch {
	case g.commit("wrong literal"):
		return g.off(of, oddLiterals)
	case of.nonNull && g.commit("null"), !of.nonNull && g.one(8):
		return "null"
	case of.item != nil && g.one(6): // one for a list of one
		return g.write(of.item.with(true), constant, depth+1)
	case of.item != nil:
		var out []string
		for range g.IntN(4) {
			out = append(out, within(of.item, false))
		}
		return "[" + strings.Join(out, choose(g, []string{", ", " "})) + "]"
	}
	t := g.s.types[of.name]
	switch t.kind {
	case "ENUM":
		if g.commit("wrong enum") {
			return choose(g, []string{"NOWHERE", `"` + t.values[0] + `"`, strings.ToLower(t.values[0]), "true"})
		}
		return choose(g, t.values)
	case "INPUT":
		var out []string
		for _, f := range t.fields {
			if f.required() && !g.commit("missing field") || !f.required() && g.one(3+2*depth) {
				out = append(out, f.name+": "+within(f.of, f.fallback))
			}
		}
		if len(out) > 0 && g.commit("twice a field") {
			out = append(out, out[0])
		}
		if g.commit("unknown field of an input") {
			out = append(out, "nowhere: 1")
		}
		g.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
		return "{" + strings.Join(out, ", ") + "}"
	}
	switch of.name {
	case "Int":
		if g.commit("Int out of range") {
			return choose(g, outOfRange)
		}
		return choose(g, []string{"0", "1", "-1", "42", "2147483647", "-2147483648"})
	case "Float":
		return choose(g, []string{"0", "1", "-3", "1.5", "-0.25", "1e3", "2.5E-2", "0.0"})
	case "String":
		return choose(g, []string{`""`, `"plain"`, `"été 🂡 # {"`, `"\u00e9\n\t\"\\\/\b\f\r"`, `"\ud83d\ude00"`, `"\u{1F600}"`, `"""block"""`, "\"\"\"\n    one\n      \\\"\"\" \"two\"\n\n    été\n  \"\"\"", `"null"`})
	case "Boolean":
		return choose(g, []string{"true", "false"})
	case "ID":
		return choose(g, []string{`"x"`, `""`, "7", "-3", "12345678901234567890", `"été"`})
	}
	custom := g.s.Scalars[of.name]
	if len(custom.Wrong) > 0 && g.commit("wrong scalar") {
		return choose(g, custom.Wrong)
	}
	return choose(g, custom.given)
}

// json writes a value of a variable.
func (g *generator) json(of *ref, depth int) string {
	switch {
	case g.commit("wrong variable"):
		return g.off(of, odd)
	case of.nonNull && g.commit("null"), !of.nonNull && g.one(8):
		return "null"
	case of.item != nil && g.one(6):
		return g.json(of.item.with(true), depth+1)
	case of.item != nil:
		var out []string
		for range g.IntN(4) {
			out = append(out, g.json(of.item, depth+1))
		}
		return "[" + strings.Join(out, ", ") + "]"
	}
	t := g.s.types[of.name]
	switch t.kind {
	case "ENUM":
		return fmt.Sprintf("%q", choose(g, t.values))
	case "INPUT":
		var out []string
		for _, f := range t.fields {
			if f.required() && !g.commit("missing field") || !f.required() && g.one(3+2*depth) {
				out = append(out, fmt.Sprintf("%q: %s", f.name, g.json(f.of, depth+1)))
			}
		}
		if g.commit("unknown field of an input") {
			out = append(out, `"nowhere": 1`)
		}
		return "{" + strings.Join(out, ", ") + "}"
	}
	switch of.name {
	case "Int":
		if g.commit("Int out of range") {
			return choose(g, outOfRange)
		}
		return choose(g, []string{"0", "1", "-1", "42", "2147483647", "-2147483648", "3.0", "1e3"})
	case "Float":
		return choose(g, []string{"0", "1", "-3", "1.5", "-0.25", "1e3", "2.5E-2"})
	case "String":
		text, _ := json.Marshal(choose(g, texts))
		return string(text)
	case "Boolean":
		return choose(g, []string{"true", "false"})
	case "ID":
		return choose(g, []string{`"x"`, `""`, "7", "-3", "9007199254740991", `"été"`})
	}
	custom := g.s.Scalars[of.name]
	if len(custom.Wrong) > 0 && g.commit("wrong scalar") {
		if wrong := choose(g, custom.Wrong); json.Valid([]byte(wrong)) {
			return wrong
		}
		return choose(g, odd)
	}
	return choose(g, custom.given)
}
