package importer

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

var (
	// confidential tells a confidential source by a role or label.
	confidential = regexp.MustCompile(`(?i)informant|informer|confidential|undercover|humint|human[ _-]source|covert[ _-](human|agent|source)|cooperating[ _-](source|person)`)
	// confided tells one by prose, in which some of these words say other things.
	confided = regexp.MustCompile(`(?i)\b(informants?|informers?)\b|confidential[ _-](human[ _-])?(source|contact)|human[ _-]source|covert[ _-](human|agent|source)|undercover[ _-](agent|officer|source)|cooperating[ _-](source|person)`)
)

// mayBeSource reports whether an object is of a type that can stand for a
// person, or for how a person is reached.
func (it *stixItem) mayBeSource() bool {
	_, observable := properties[it.typ]
	return observable || slices.Contains([]string{"identity", "threat-actor", "intrusion-set"}, it.typ)
}

// optionals reads a list of strings, or one, without judging the object by it.
func (it *stixItem) optionals(name string) []string {
	list, ok := it.m[name].([]any)
	if !ok {
		return []string{it.optional(name)}
	}
	var out []string
	for _, v := range list {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// isSource reports whether an object says of itself that it is one, or is of one.
func (it *stixItem) isSource() bool {
	words := slices.Concat(it.optionals("roles"), it.optionals("labels"))
	prose := slices.Concat(it.optionals("aliases"), []string{it.optional("name"), it.optional("display_name"), it.optional("description")})
	return confidential.MatchString(strings.Join(words, "\n")) || confided.MatchString(strings.Join(prose, "\n"))
}

// hide finds confidential sources, and the observables tied to them, which
// would give them away.
func (r *stixReader) hide() {
	for _, it := range r.items {
		if !it.dropped && it.mayBeSource() && it.isSource() {
			r.hideSource(it)
		}
		if !it.dropped && it.typ == "relationship" && confidential.MatchString(it.optional("relationship_type")) {
			if of := r.byID[it.optional("source_ref")]; of != nil && !of.dropped && of.mayBeSource() {
				r.hideSource(of)
			}
		}
	}
	if len(r.hidden) == 0 {
		return
	}
	tied := map[string]bool{}
	for _, it := range r.items {
		if it.dropped {
			continue
		}
		if it.typ == "relationship" {
			source, target := it.optional("source_ref"), it.optional("target_ref")
			if r.hidden[source] || r.hidden[target] {
				tied[source], tied[target] = true, true
			}
		}
		if r.hidden[it.optional("belongs_to_ref")] {
			tied[it.id] = true
		}
	}
	for _, it := range r.items {
		if _, observable := properties[it.typ]; observable && tied[it.id] && !it.dropped {
			it.dropped = true
			r.skip(it.at, "it is tied to a confidential source")
		}
	}
}

// hideSource leaves a source out, and its names out of every text.
func (r *stixReader) hideSource(it *stixItem) {
	r.hidden[it.id], it.dropped = true, true
	names := slices.Concat(it.optionals("aliases"), []string{it.optional("name"), it.optional("value"), it.optional("display_name"),
		it.optional("account_login"), it.optional("user_id")})
	for _, n := range names {
		r.conceal(n)
	}
	r.skip(it.at, "a confidential source is never a subject")
}

// mispSource reports whether a MISP object is of a confidential source, by a role
// or by what is said about it. Only of who somebody is, and of accounts: a report
// may speak of one without being one.
func mispSource(name, comment string, attrs []*attribute) bool {
	if _, party := mispParties[name]; !party && !strings.Contains(name, "account") && !strings.Contains(name, "actor") {
		return false
	}
	if confided.MatchString(comment) {
		return true
	}
	return slices.ContainsFunc(attrs, func(a *attribute) bool {
		return (a.relation == "role" || a.relation == "roles") && confidential.MatchString(a.value) ||
			confided.MatchString(a.comment) || confided.MatchString(a.value)
	})
}

// hideObject leaves a source out, and its names out of every text.
func (r *mispReader) hideObject(id string, o *object, attrs []*attribute) {
	name := map[string]string{}
	for _, a := range attrs {
		r.hideAttribute(a)
		name[a.relation] = clean(a.value)
	}
	r.conceal(join(" ", name["first-name"], name["middle-name"], name["last-name"]))
	delete(r.names, id)
	r.skip(o.at, "a confidential source is never a subject")
}

// unnamed are details of a person by which nobody knows a source, and which
// stand in texts for other reasons.
var unnamed = []string{"role", "roles", "nationality", "gender", "title", "text", "description", "first-name", "middle-name", "function"}

func (r *mispReader) hideAttribute(a *attribute) {
	delete(r.names, a.id)
	if !slices.Contains(unnamed, a.relation) && utf8.RuneCountInString(a.value) <= maxName {
		r.conceal(a.value)
	}
}
