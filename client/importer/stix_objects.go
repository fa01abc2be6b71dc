package importer

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/comity-platform/comity"
)

// patternTypes are STIX 2.1's pattern-type-ov.
var patternTypes = []string{"stix", "pcre", "sigma", "snort", "suricata", "yara"}

// context are the object types that describe methods and places. A case names
// them in sentences about its relationships and has no record for them.
var context = []string{"attack-pattern", "tool", "course-of-action", "location", "malware-analysis"}

// mapItem maps one object; a fault it notes makes the object broken, so nothing
// may be added to the draft before all of its properties are read.
func (r *stixReader) mapItem(it *stixItem) {
	r.counts[it.typ]++
	if _, ok := properties[it.typ]; ok {
		r.mapObservable(it)
		return
	}
	switch it.typ {
	case "indicator":
		r.mapIndicator(it)
	case "identity":
		r.mapIdentity(it)
	case "threat-actor", "intrusion-set":
		r.mapActor(it)
	case "observed-data":
		r.mapObserved(it)
	case "relationship":
		r.mapRelationship(it)
	case "sighting":
		r.mapSighting(it)
	case "report", "grouping", "note", "opinion":
		r.mapDocument(it)
	case "malware", "infrastructure", "vulnerability", "campaign", "incident":
		name, desc := it.text("name"), it.text("description")
		if it.typ != "malware" {
			it.need("name")
		}
		when := it.time("first_seen")
		switch {
		case it.fault != "":
		case desc == "":
			r.skip(it.at, "it is named only; sentences about its relationships name it")
		default:
			if it.typ == "campaign" || it.typ == "incident" {
				r.happened(when)
			}
			r.tell(it, first(when, it.time("created")), sentence(it.typ, name, desc))
		}
	case "marking-definition":
		r.skip(it.at, "markings stand at what they mark")
	default:
		if slices.Contains(context, it.typ) {
			r.skip(it.at, "a case has no record for it; sentences about its relationships name it")
			return
		}
		r.skip(it.at, "a case has no place for this type")
	}
}

func sentence(typ, name, desc string) string {
	head := strings.ToUpper(typ[:1]) + strings.ReplaceAll(typ[1:], "-", " ")
	if name != "" {
		head += " " + name
	}
	return strings.TrimSuffix(head+": "+desc, ": ")
}

// tell adds an entry unless the object turned out broken.
func (r *stixReader) tell(it *stixItem, when, text string) {
	if it.fault == "" {
		r.entry(Entry{Kind: it.typ, Happened: when, Text: text, SourceID: it.id, Marking: it.marking})
	}
}

func (r *stixReader) mapIndicator(it *stixItem) {
	pattern, typ := it.need("pattern"), it.need("pattern_type")
	from := it.needTime("valid_from")
	name, desc := it.text("name"), it.text("description")
	if it.fault != "" {
		return
	}
	var list []Observable
	var err error
	switch {
	case typ == "stix":
		list, err = patternObservables(pattern)
	case !slices.Contains(patternTypes, typ):
		r.skip(it.at, "its pattern is of the unknown type %s", quote(typ))
		return
	case len(pattern) > maxPattern:
		err = fmt.Errorf("the pattern is longer than %d bytes", maxPattern)
	default:
		list = []Observable{{Type: typ + "-pattern", Value: clean(pattern), Pattern: clean(pattern), Indicator: true}}
	}
	if err != nil {
		it.fail("%s", err)
		return
	}
	about := join(": ", name, desc)
	if len(list) > 1 {
		about = short(about, maxName) // the whole is in the entry below
	}
	for _, o := range list {
		o.SourceIDs, o.Marking, o.ValidFrom = []string{it.id}, it.marking, from
		o.Description = join("; ", about, o.Description)
		r.observe(o)
	}
	if desc != "" {
		r.tell(it, from, sentence("indicator", name, desc))
	}
}

// join joins what is not empty.
func join(sep string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), sep)
}

// flatten gives the properties that a type is known by, with the references to
// addresses resolved.
func (r *stixReader) flatten(typ string, m map[string]any) map[string]string {
	f := map[string]string{}
	for _, path := range properties[typ] {
		name, rest, _ := strings.Cut(path, ".")
		switch v := m[name].(type) {
		case string:
			if rest == "" {
				f[path] = v
			} else if target := r.byID[v]; target != nil && !target.dropped {
				f[path] = target.optional(rest)
			}
		case json.Number:
			f[path] = v.String()
		case map[string]any:
			for algorithm, h := range v {
				f[name+"."+algorithm], _ = h.(string) // anything else is then no hash
			}
		case []any:
			for _, entry := range v {
				m, _ := entry.(map[string]any)
				if s, _ := m[rest].(string); len(f[path]) < maxValue {
					f[path] = join(" ", f[path], s)
				}
			}
		}
	}
	return f
}

func (r *stixReader) mapObservable(it *stixItem) {
	f := r.flatten(it.typ, it.m)
	if it.optional("payload_bin") != "" {
		r.skip(it.at, "its content is not imported; upload it as evidence")
	}
	for path := range f { // a reference outside the bundle is no fault of this object
		if strings.HasSuffix(path, "_ref.value") && f[path] == "" {
			delete(f, path)
		}
	}
	if it.typ == "network-traffic" && f["src_ref.value"] == "" && f["dst_ref.value"] == "" {
		r.skip(it.at, "its addresses are not in the document")
		return
	}
	if it.typ == "process" && f["command_line"] == "" {
		r.skip(it.at, "a process without its command line")
		return
	}
	if it.typ == "artifact" && len(f) == 0 {
		r.skip(it.at, "it has no hash and no address")
		return
	}
	o, err := buildObservable(it.typ, f)
	if err != nil {
		it.fail("%s", err)
		return
	}
	o.SourceIDs, o.Marking = []string{it.id}, it.marking
	r.observe(o)
}

// mapIdentity makes a subject of a person or organisation, unless it is only who
// made the document.
func (r *stixReader) mapIdentity(it *stixItem) {
	name := clean(it.need("name"))
	class, desc := it.str("identity_class"), it.text("description")
	if it.fault != "" {
		return
	}
	if !r.linked[it.id] && r.makers[it.id] {
		if name = short(name, maxName); !r.producers[name] && len(r.draft.Producer) < maxValue {
			r.producers[name] = true
			r.draft.Producer = join(", ", r.draft.Producer, name)
		}
		r.skip(it.at, "it made the document and is not a subject for that")
		return
	}
	role := r.roles[it.id]
	s := Subject{Name: name, Note: desc, Role: role, Assessment: role == comity.SubjectSuspect && !r.said[it.id],
		SourceIDs: []string{it.id}, Marking: it.marking}
	switch class {
	case "individual":
		s.Kind = comity.SubjectPerson
	case "group", "organization":
		s.Kind = comity.SubjectOrganisation
	case "class", "system":
		r.skip(it.at, "a %s is neither a person, an organisation nor an account", class)
		return
	default:
		// Not known what it is: a person's data has the stronger protection.
		s.Kind, s.Assessment = comity.SubjectPerson, true
	}
	if s.Role == "" {
		s.Role = comity.SubjectContact
	}
	r.draft.Subjects = append(r.draft.Subjects, s)
}

// mapActor: who stands behind an attack is always the producer's assessment.
func (r *stixReader) mapActor(it *stixItem) {
	s := Subject{Kind: comity.SubjectOrganisation, Role: comity.SubjectSuspect, Assessment: true,
		Name: clean(it.need("name")), Note: it.text("description"), SourceIDs: []string{it.id}, Marking: it.marking}
	for _, alias := range it.strs("aliases") {
		if alias = clean(alias); alias != "" {
			s.Aliases = append(s.Aliases, alias)
		}
	}
	if it.str("resource_level") == "individual" {
		s.Kind = comity.SubjectPerson
	}
	if it.fault == "" {
		r.draft.Subjects = append(r.draft.Subjects, s)
	}
}

// mapObserved reads an observation, and the objects inside it that STIX 2.0
// wrote and 2.1 still allows.
func (r *stixReader) mapObserved(it *stixItem) {
	from, to := it.needTime("first_observed"), it.needTime("last_observed")
	n, isNumber := it.m["number_observed"].(json.Number)
	if !isNumber {
		it.fail("number_observed is missing")
	}
	refs, inside := it.strs("object_refs"), it.sub("objects")
	if len(refs) == 0 && len(inside) == 0 {
		it.fail("it observes nothing")
	}
	var found []Observable
	var names []string
	for _, key := range slices.Sorted(maps.Keys(inside)) {
		m, _ := inside[key].(map[string]any)
		typ, _ := m["type"].(string)
		if _, known := properties[typ]; !known {
			continue
		}
		if o, err := buildObservable(typ, r.flatten(typ, m)); err == nil {
			o.SourceIDs, o.Marking = []string{it.id}, it.marking
			found = append(found, o)
			names = append(names, o.Type+" "+short(o.Value, maxName))
		} else if typ != "network-traffic" && typ != "process" && typ != "artifact" {
			it.fail("objects/%s: %s", key, err)
		}
	}
	if it.fault != "" {
		return
	}
	names = append(names, r.names(it, refs)...)
	for _, o := range found {
		r.observe(o)
	}
	r.happened(from)
	if len(names) == 0 {
		r.skip(it.at, "nothing that it observed is in the draft")
		return
	}
	r.tell(it, from, fmt.Sprintf("Observed from %s to %s, %s in number: %s.", from, to, n, strings.Join(names, ", ")))
}

func (r *stixReader) mapRelationship(it *stixItem) {
	verb := clean(it.need("relationship_type"))
	source, target := it.need("source_ref"), it.need("target_ref")
	when, desc := first(it.time("start_time"), it.time("created")), it.text("description")
	if it.fault == "" && (!checkID(source) || !checkID(target)) {
		it.fail("source_ref or target_ref is not of the form type--UUID")
	}
	if it.fault != "" {
		return
	}
	from, ok1 := r.named(it, source)
	to, ok2 := r.named(it, target)
	if !ok1 || !ok2 {
		r.skip(it.at, "one of its ends is not in the draft")
		return
	}
	text := from + " " + strings.ReplaceAll(verb, "-", " ") + " " + to
	r.tell(it, when, strings.ToUpper(text[:1])+strings.TrimSuffix(text[1:]+": "+desc, ": ")+".")
}

func (r *stixReader) mapSighting(it *stixItem) {
	ref := it.need("sighting_of_ref")
	from, to, desc := it.time("first_seen"), it.time("last_seen"), it.text("description")
	if it.fault == "" && !checkID(ref) {
		it.fail("sighting_of_ref is not of the form type--UUID")
	}
	name, ok := r.named(it, ref)
	where := r.names(it, it.strs("where_sighted_refs"))
	if it.fault != "" {
		return
	}
	if !ok {
		r.skip(it.at, "what was sighted is not in the draft")
		return
	}
	text := "Sighted: " + name
	if n, ok := it.m["count"].(json.Number); ok {
		text += fmt.Sprintf(", %s times", n)
	}
	if from != "" && to != "" {
		text += ", from " + from + " to " + to
	}
	if len(where) > 0 {
		text += ", at " + strings.Join(where, ", ")
	}
	r.happened(from)
	r.tell(it, first(from, it.time("created")), strings.TrimSuffix(text+". "+desc, " "))
}

// mapDocument makes an entry of what an analyst wrote.
func (r *stixReader) mapDocument(it *stixItem) {
	refs := it.strs("object_refs")
	if len(refs) == 0 {
		it.fail("object_refs is missing")
	}
	for _, ref := range refs {
		if !checkID(ref) {
			it.fail("object_refs holds %s, which is not of the form type--UUID", quote(ref))
		}
	}
	when := it.time("created")
	var text string
	switch it.typ {
	case "report":
		when = it.needTime("published")
		text = sentence(it.typ, clean(it.need("name")), it.text("description"))
	case "grouping":
		it.need("context")
		text = sentence(it.typ, it.text("name"), it.text("description"))
	case "note":
		text = sentence(it.typ, it.text("abstract"), clean(it.need("content")))
	case "opinion":
		text = sentence(it.typ, clean(it.need("opinion")), it.text("explanation"))
	}
	if slices.ContainsFunc(refs, func(ref string) bool { return r.hidden[ref] }) && it.typ != "report" && it.typ != "grouping" {
		r.skip(it.at, "it is about a confidential source")
		return
	}
	r.tell(it, when, text)
}
