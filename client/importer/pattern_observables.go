package importer

import "strings"

// maxAlternatives is how many observables one pattern may become; a longer list
// is kept as the pattern it is.
const maxAlternatives = 1000

// alternative is one way in which a pattern can match: the properties of one object.
type alternative struct {
	typ    string
	fields map[string]string
}

// patternObservables gives the observables that a STIX pattern means. A pattern
// that says more than "one of these things" (order, time, negation, wildcards,
// several things together) is one observable of type "stix-pattern". An error
// says that the pattern or a value in it is broken.
func patternObservables(pattern string) ([]Observable, error) {
	tree, err := parsePattern(pattern)
	if err != nil {
		return nil, err
	}
	alts, simple := tree.alternatives()
	for _, a := range alts {
		simple = simple && identifies(a.typ, a.fields)
	}
	if !simple || len(alts) > maxAlternatives {
		return []Observable{{Type: "stix-pattern", Value: clean(pattern), Pattern: clean(pattern), Indicator: true}}, nil
	}
	// Many things of a long pattern say each what it is, but do not repeat the pattern.
	kept := clean(pattern)
	if len(alts) > 1 && len(alts)*len(kept) > maxPattern {
		kept = ""
	}
	var out []Observable
	for _, a := range alts {
		o, err := buildObservable(a.typ, a.fields)
		if err != nil {
			return nil, err
		}
		o.Indicator, o.Pattern = true, kept
		out = append(out, o)
	}
	return out, nil
}

func (o observation) alternatives() ([]alternative, bool) {
	switch {
	case o.qualified:
		return nil, false
	case o.body != nil:
		return o.body.alternatives()
	case o.op != "OR":
		return nil, false
	}
	var out []alternative
	for _, kid := range o.kids {
		alts, ok := kid.alternatives()
		if !ok {
			return nil, false
		}
		out = append(out, alts...)
	}
	return out, true
}

func (e expression) alternatives() ([]alternative, bool) {
	switch e.op {
	case "":
		return e.leaf.alternatives()
	case "OR":
		var out []alternative
		for _, kid := range e.kids {
			alts, ok := kid.alternatives()
			if !ok {
				return nil, false
			}
			out = append(out, alts...)
		}
		return out, true
	}
	// AND: one object with several properties, each said once.
	all := alternative{fields: map[string]string{}}
	for _, kid := range e.kids {
		alts, ok := kid.alternatives()
		if !ok || len(alts) != 1 || all.typ != "" && alts[0].typ != all.typ {
			return nil, false
		}
		all.typ = alts[0].typ
		for path, v := range alts[0].fields {
			if _, twice := all.fields[path]; twice {
				return nil, false
			}
			all.fields[path] = v
		}
	}
	return []alternative{all}, true
}

func (c comparison) alternatives() ([]alternative, bool) {
	block := c.op == "ISSUBSET" && (c.typ == "ipv4-addr" || c.typ == "ipv6-addr")
	if c.negated || c.op != "=" && c.op != "IN" && !block || !reads(c.typ, c.path) || len(c.values) == 0 {
		return nil, false
	}
	var out []alternative
	for _, v := range c.values {
		if v.kind != tokenString && v.kind != tokenNumber {
			return nil, false
		}
		out = append(out, alternative{c.typ, map[string]string{c.path: v.text}})
	}
	return out, true
}

// identifies reports whether the properties name a thing by themselves: a port
// or a version alone does not.
func identifies(typ string, fields map[string]string) bool {
	for path := range fields {
		switch {
		case typ == "network-traffic" && !strings.HasSuffix(path, "_ref.value"),
			typ == "software" && (path == "version" || path == "vendor"),
			typ == "user-account" && path == "account_type",
			typ == "email-addr" && path == "display_name",
			typ == "windows-registry-key" && path == "values.data",
			typ == "autonomous-system" && path == "name":
		default:
			return true
		}
	}
	return false
}
