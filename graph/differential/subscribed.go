package differential

import "strings"

// wrongRoots are the mistakes that only a subscription can have, and those that are
// mistakes of its source.
var wrongRoots = []string{"second root field", "condition at the root", "introspection at the root", "null over a default", "null over a default"}

// subscribed writes what is asked of a subscription: a single field, in fragments or
// not, and now and then at several places, where it is merged.
func (g *generator) subscribed(root *typ) string {
	sc := newScope()
	var h *head
	condition := func() string {
		if !g.commit("condition at the root") {
			return ""
		}
		return " @" + choose(g, []string{"skip", "include"}) + "(if: " + g.value(&ref{name: "Boolean", nonNull: true}, false, false) + ")"
	}
	field := func() string {
		if h == nil {
			f := choose(g, root.fields)
			h = &head{text: f.name + g.arguments(f), on: root, field: f, sub: newScope()}
			key := f.name
			if g.one(4) {
				key = choose(g, []string{"a", "null", "on", "subscription"})
				h.text = key + ": " + h.text
			}
			sc.heads[key] = h
		}
		return h.text + condition() + g.below(h, 0)
	}
	var part func(depth int) string
	part = func(depth int) string {
		var out []string
		for first := true; first || depth < 3 && g.one(6); first = false {
			switch n := g.IntN(6); {
			case depth < 3 && n == 0:
				out = append(out, "..."+choose(g, []string{"", " on " + root.name})+condition()+" "+part(depth+1))
			case depth < 3 && n == 1:
				f := &fragment{name: g.name("F"), on: root}
				g.fragments = append(g.fragments, f)
				f.text = part(depth + 1)
				out = append(out, "..."+f.name+condition())
			default:
				out = append(out, field())
			}
		}
		switch {
		case g.commit("second root field"):
			out = append(out, g.field(root, sc, 0))
		case g.commit("introspection at the root"):
			out[g.IntN(len(out))] = choose(g, []string{"__typename", "t: __typename", "__typename @include(if: true)"})
		}
		g.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
		return "{ " + strings.Join(out, " ") + " }"
	}
	return part(0)
}
