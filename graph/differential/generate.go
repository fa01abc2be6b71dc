package differential

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
)

// Case makes the nth case of a seed. A third of them are made wrong in some way.
func (s *Schema) Case(seed, n uint64) Case {
	g := &generator{s: s, Rand: rand.New(rand.NewPCG(seed, n)), fields: 10 + int(n%50)}
	if g.one(3) {
		g.wrong = choose(g, wrongs)
	}
	return g.request()
}

type generator struct {
	*rand.Rand
	s         *Schema
	fields    int // that may still be selected
	names     int // given out
	variables []*variable
	fragments []*fragment
	wrong     string // what is to be wrong; "" for nothing, or when it is
}

type fragment struct {
	name string
	on   *typ
	text string // "" while it is being written
}

// scope is an object of the answer: what stands there under each key.
type scope struct{ heads map[string]*head }

// head is a field with its alias and arguments.
type head struct {
	text  string
	on    *typ
	field *field
	sub   *scope
}

func newScope() *scope { return &scope{map[string]*head{}} }

// one is true once in n times.
func (g *generator) one(n int) bool { return g.IntN(n) == 0 }

// commit is true when it is time to make the given mistake.
func (g *generator) commit(wrong string) bool {
	if g.wrong != wrong || g.one(2) {
		return false
	}
	g.wrong = ""
	return true
}

func (g *generator) name(prefix string) string {
	g.names++
	return fmt.Sprint(prefix, g.names)
}

func choose[T any](g *generator, all []T) T { return all[g.IntN(len(all))] }

func (g *generator) request() Case {
	kind, root := "query", g.s.types["Query"]
	switch g.IntN(10) {
	case 0, 1:
		kind, root = "mutation", g.s.types["Mutation"]
	case 2, 3:
		kind, root = "subscription", g.s.types["Subscription"]
		if g.one(5) {
			g.wrong = choose(g, wrongRoots)
		}
	}
	var body string
	if root.name == "Subscription" {
		body = g.subscribed(root)
	} else {
		body = g.selections(root, newScope(), 0)
	}
	if g.commit("undefined fragment") {
		body = strings.Replace(body, "{", "{ ...Nowhere ", 1)
	}
	if g.commit("unused fragment") {
		g.fragments = append(g.fragments, &fragment{name: "Unused", on: root, text: "{ __typename }"})
	}
	if g.commit("twice a fragment") && len(g.fragments) > 0 {
		g.fragments = append(g.fragments, g.fragments[0])
	}
	if g.commit("cycle") && len(g.fragments) > 0 {
		f := choose(g, g.fragments)
		f.text = "{ ..." + f.name + f.text[1:]
	}
	var c Case
	title := ""
	defined := g.definitions()
	if defined != "" || kind != "query" || g.one(2) {
		title = kind
		if g.one(2) {
			title += " " + choose(g, []string{"Main", "null", "query", "on", "fragment"})
		}
		title += defined
		if g.commit("directive at its place") {
			title += " @skip(if: true)"
		}
		if g.commit("unknown directive") {
			title += " @nowhere"
		}
	}
	parts := []string{title + " " + body}
	for _, f := range g.fragments {
		parts = append(parts, "fragment "+f.name+" on "+f.on.name+" "+f.text)
	}
	if g.one(20) {
		parts = append(parts, "query Second { __typename }")
		c.Operation = choose(g, []string{"Main", "Second", "Third", ""})
	}
	if g.commit("twice an operation") {
		parts = append(parts, "query Main { __typename }", "query Main { __typename }")
	}
	if g.commit("nothing to execute") {
		parts = append(parts, choose(g, []string{"type Nowhere { a: Int }", "extend type Query { a: Int }", "scalar X", "schema { query: Query }"}))
	}
	g.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	c.Query = strings.Join(parts, choose(g, []string{" ", "\n", "\r\n", " # été { null \"\n", ",\ufeff"}))
	if g.commit("tokens") {
		c.Query = g.garble(c.Query)
	}
	c.Variables = g.given()
	return c
}

// selections writes what is asked of a composite type.
func (g *generator) selections(t *typ, sc *scope, depth int) string {
	if g.commit("empty selection") {
		return "{ }"
	}
	var out []string
	for range 1 + g.IntN(4) {
		out = append(out, g.selection(t, sc, depth))
	}
	return "{ " + strings.Join(out, choose(g, []string{" ", " ", "\n", ", "})) + " }"
}

func (g *generator) selection(t *typ, sc *scope, depth int) string {
	if g.fields--; g.fields < 0 || t.fields == nil && g.one(4) {
		return "__typename" + g.directives()
	}
	switch n := g.IntN(20); {
	case t.fields == nil && n < 14 || n < 3:
		on := t
		condition := ""
		if t.fields == nil || g.one(2) {
			on = g.within(t)
			condition = " on " + on.name
		}
		return "..." + condition + g.directives() + " " + g.selections(on, sc, depth+1)
	case n < 6 || t.fields == nil:
		return g.spread(t, sc, depth)
	case n == 6:
		return choose(g, []string{"__typename", "t: __typename", "null: __typename"})
	case n == 7: // what is there already, again
		for _, h := range sc.ordered() {
			if h.on == t {
				return h.text + g.directives() + g.below(h, depth)
			}
		}
	}
	return g.field(t, sc, depth)
}

// within picks a type that objects of a type can be of too.
func (g *generator) within(t *typ) *typ {
	if g.commit("impossible fragment") {
		return choose(g, g.s.order)
	}
	if len(t.overlaps) == 0 { // a type that a mistake led to
		return t
	}
	return choose(g, t.overlaps)
}

// spread writes a fragment, or spreads one that is there.
func (g *generator) spread(t *typ, sc *scope, depth int) string {
	if g.one(3) {
		for _, f := range g.fragments {
			for _, other := range t.overlaps {
				if f.on == other && f.text != "" {
					return "..." + f.name + g.directives()
				}
			}
		}
	}
	f := &fragment{name: g.name("F"), on: g.within(t)}
	g.fragments = append(g.fragments, f)
	f.text = g.selections(f.on, sc, depth+1)
	return "..." + f.name + g.directives()
}

// field writes a field under a key that is free, or nearly always so.
func (g *generator) field(t *typ, sc *scope, depth int) string {
	if t.fields == nil { // a type that a mistake led to
		return "__typename"
	}
	f := choose(g, t.fields)
	for range 4 {
		if depth < 5 || g.s.leaf(f.of) {
			break
		}
		f = choose(g, t.fields)
	}
	if depth > 8 && !g.s.leaf(f.of) {
		return "__typename"
	}
	if g.commit("unknown field") {
		return choose(g, []string{"nowhere", "id2", "__nowhere", "n: nowhere { a }"})
	}
	arguments := g.arguments(f)
	key, text := f.name, f.name+arguments
	if g.one(4) {
		key = choose(g, []string{"a", "b", "null", "on", "true", "__x", "query"})
		text = key + ": " + text
	}
	if known := sc.heads[key]; known != nil && !g.commit("conflict") && !g.one(40) {
		if known.field == f && known.text == text {
			return text + g.directives() + g.below(known, depth)
		}
		key = g.name("k")
		text = key + ": " + f.name + arguments
	}
	h := &head{text, t, f, newScope()}
	sc.heads[key] = h
	return text + g.directives() + g.below(h, depth)
}

// below writes what is asked below a field.
func (g *generator) below(h *head, depth int) string {
	if g.s.leaf(h.field.of) {
		if g.commit("selection of a leaf") {
			return " { __typename }"
		}
		return ""
	}
	if g.commit("no selection") {
		return ""
	}
	return " " + g.selections(g.s.types[h.field.of.named()], h.sub, depth+1)
}

// ordered lists what stands in a scope, in an order that a seed repeats.
func (sc *scope) ordered() (all []*head) {
	for _, key := range sortedKeys(sc.heads) {
		all = append(all, sc.heads[key])
	}
	return all
}

func (g *generator) directives() string {
	out := ""
	for g.one(8) {
		name := choose(g, []string{"skip", "include"})
		if strings.Contains(out, name) && !g.commit("twice a directive") {
			break
		}
		out += " @" + name + "(if: " + g.value(&ref{name: "Boolean", nonNull: true}, false, false) + ")"
	}
	switch {
	case g.commit("unknown directive"):
		out += " @nowhere"
	case g.commit("directive without"):
		out += " @skip"
	case g.commit("directive at its place"):
		out += " @deprecated"
	}
	return out
}

func (g *generator) arguments(f *field) string {
	var out []string
	for _, a := range f.args {
		if a.required() && !g.commit("missing argument") || !a.required() && g.one(2) {
			out = append(out, a.name+": "+g.value(a.of, a.fallback, false))
		}
	}
	if g.commit("unknown argument") {
		out = append(out, "nowhere: 1")
	}
	if len(out) > 0 && g.commit("twice an argument") {
		out = append(out, out[0])
	}
	if len(out) == 0 {
		return ""
	}
	g.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return "(" + strings.Join(out, choose(g, []string{", ", " ", "\n"})) + ")"
}

// given is the JSON of the variables.
func (g *generator) given() json.RawMessage {
	var out []string
	for _, v := range g.variables {
		if v.given != "" && !(g.commit("missing variable")) {
			if g.commit("wrong variable") {
				v.given = choose(g, odd)
			}
			out = append(out, fmt.Sprintf("%q: %s", v.name, v.given))
		}
	}
	if g.one(20) {
		out = append(out, `"unknown": {"a": [1]}`)
	}
	return json.RawMessage("{" + strings.Join(out, ", ") + "}")
}
