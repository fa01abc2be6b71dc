package statement

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Diff tells, line by line, how manifest o differs from m: "+" for what o adds,
// "-" for what it no longer has, "~" for what changed, each with its JSON
// pointer. Members of lists are told by their id, not by their place, so that a
// new agency is one line and not a shift of all the others; of several with one
// id the later ones are told by #2 and so on behind it.
func (m Manifest) Diff(o Manifest) []string {
	before, after := map[string]string{}, map[string]string{}
	flatten("", tree(m), before)
	flatten("", tree(o), after)
	pointers := maps.Clone(before)
	maps.Copy(pointers, after)
	var lines []string
	for _, p := range slices.Sorted(maps.Keys(pointers)) {
		a, was := before[p]
		b, is := after[p]
		switch {
		case !was:
			lines = append(lines, fmt.Sprintf("+ %s: %s", p, b))
		case !is:
			lines = append(lines, fmt.Sprintf("- %s: %s", p, a))
		case a != b:
			lines = append(lines, fmt.Sprintf("~ %s: %s -> %s", p, a, b))
		}
	}
	return lines
}

func tree(m Manifest) any {
	var v any
	if b, err := Canonical(m); err == nil {
		_ = json.Unmarshal(b, &v) // canonical JSON is JSON
	}
	return v
}

// flatten lists every leaf of v by its pointer.
func flatten(at string, v any, to map[string]string) {
	switch v := v.(type) {
	case map[string]any:
		for name, w := range v {
			flatten(at+"/"+escapePointer(name), w, to)
		}
	case []any:
		taken := map[string]bool{}
		for i, w := range v {
			name := memberName(w, i)
			for n := 2; taken[name]; n++ {
				name = fmt.Sprintf("%s#%d", memberName(w, i), n)
			}
			taken[name] = true
			flatten(at+"/"+escapePointer(name), w, to)
		}
	default:
		b, _ := json.Marshal(v) // a scalar
		to[at] = string(b)
	}
}

// memberName is what tells a member of a list from the others: the id of an
// agency or agreement, an issuer's URL, a key's kid, a scope's agency, or the
// word itself.
func memberName(v any, i int) string {
	switch v := v.(type) {
	case string:
		return v
	case map[string]any:
		for _, name := range []string{"id", "url", "kid", "agency"} {
			if s, ok := v[name].(string); ok && s != "" {
				return s
			}
		}
	}
	return fmt.Sprint(i)
}
