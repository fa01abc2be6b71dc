package importer

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/comity-platform/comity"
)

// mapObject maps a MISP object by its template's name: a file or certificate is
// one observable of all its attributes, a person or organisation a subject; of
// any other each attribute stands for itself.
func (r *mispReader) mapObject(v any, i int, ptr string) {
	m, ok := v.(map[string]any)
	o := &object{m: m, at: Problem{Position: i, Pointer: ptr, Type: "object"}}
	if !ok {
		r.reject(o.at, "this is not an object")
		return
	}
	id, name := r.uuid(o), o.need("name")
	o.at.Type = "object " + clean(name)
	comment, list := o.text("comment"), o.list("Attribute")
	if o.fault != "" {
		r.reject(o.at, o.fault)
		return
	}
	if o.flag("deleted") {
		r.skip(o.at, "it was deleted")
		return
	}
	var attrs []*attribute
	for j, v := range list {
		if a := r.attribute(v, j, pointer(ptr+"/Attribute", j)); a != nil {
			attrs = append(attrs, a)
		}
	}
	called := named{text: short(clean(name), maxName), marking: r.marking}
	told := false
	for _, a := range attrs {
		called.marking = called.marking.with(a.marking)
		if len(a.parts) > 0 && !told {
			told = true
			called.text += " " + short(a.parts[0].Value, maxName)
		}
	}
	r.names[id] = called
	if mispSource(name, comment, attrs) {
		r.hideObject(id, o, attrs)
		return
	}
	if _, party := mispParties[name]; party {
		r.mapParty(o, id, name, attrs)
		return
	}
	switch name {
	case "file", "x509":
		r.mapWhole(o, id, comment, attrs)
	default:
		for _, a := range attrs {
			for k := range a.parts {
				a.parts[k].Description = join("; ", a.parts[k].Description, short(comment, maxName))
			}
			r.mapPart(o, a)
		}
	}
}

// mapPart places an attribute of an object, or lists it as skipped.
func (r *mispReader) mapPart(o *object, a *attribute) {
	if len(a.parts) == 0 && a.typ != "vulnerability" {
		r.skip(a.at, "a detail of the %s that a case has no place for", o.at.Type)
		return
	}
	r.mapAttribute(a)
}

// mapWhole makes one observable of an object's attributes.
func (r *mispReader) mapWhole(o *object, id, comment string, attrs []*attribute) {
	fields := map[string]string{}
	whole := Observable{SourceIDs: []string{id}}
	typ := map[string]string{"object file": "file", "object x509": "x509-certificate"}[o.at.Type]
	var notes []string
	for _, a := range attrs {
		path := ""
		switch {
		case typ == "x509-certificate" && slices.Contains([]string{"serial-number", "issuer", "subject"}, a.relation):
			path = strings.ReplaceAll(a.relation, "-", "_")
			fields[path] = a.value
		case len(a.parts) == 1 && a.parts[0].Type == typ:
			part := a.parts[0]
			for algorithm, h := range part.Hashes {
				fields["hashes."+algorithm] = h
			}
			if named := !valueIsHash(part); named && fields["name"] == "" {
				fields["name"] = part.Value
			} else if named && fields["name"] != part.Value {
				notes = append(notes, "also "+part.Value)
			}
		default:
			r.mapPart(o, a)
			continue
		}
		whole.SourceIDs = append(whole.SourceIDs, a.id)
		whole.Marking = whole.Marking.with(a.marking)
		whole.Indicator = whole.Indicator || a.indicator
		whole.ValidFrom = first(whole.ValidFrom, a.seen)
		notes = append(notes, a.comment)
		r.mapSightings(a)
	}
	if len(fields) == 0 {
		r.skip(o.at, "it has nothing to know it by")
		return
	}
	built, err := buildObservable(typ, fields)
	if err != nil {
		r.reject(o.at, err.Error())
		return
	}
	r.names[id] = named{strings.TrimPrefix(o.at.Type, "object ") + " " + short(built.Value, maxName), r.names[id].marking}
	whole.Type, whole.Value, whole.Hashes = built.Type, built.Value, built.Hashes
	slices.Sort(notes)
	whole.Description = join("; ", comment, join("; ", slices.Compact(notes)...), built.Description)
	r.observe(whole)
}

// mispParties are the templates of people and organisations.
var mispParties = map[string]comity.SubjectKind{"person": comity.SubjectPerson, "organization": comity.SubjectOrganisation,
	"victim": comity.SubjectOrganisation, "legal-entity": comity.SubjectOrganisation}

var partyRoles = map[string]comity.SubjectRole{
	"suspect": comity.SubjectSuspect, "accused": comity.SubjectSuspect, "culprit": comity.SubjectSuspect,
	"accomplice": comity.SubjectSuspect, "defendent": comity.SubjectSuspect, "defendant": comity.SubjectSuspect, //nolint:misspell // as MISP spells it
	"victim": comity.SubjectVictim, "target": comity.SubjectVictim, "witness": comity.SubjectWitness,
}

// mapParty makes a subject of a person or organisation. E-mail addresses and
// telephone numbers become observables, those of protected subjects a part of
// the subject's note: they would tell who it is.
func (r *mispReader) mapParty(o *object, id, name string, attrs []*attribute) {
	by := map[string][]string{}
	s := Subject{Kind: mispParties[name], Role: comity.SubjectContact, SourceIDs: []string{id}, Note: o.text("comment")}
	for _, a := range attrs {
		by[a.relation] = append(by[a.relation], clean(a.value))
		s.Marking = s.Marking.with(a.marking)
	}
	get := func(relation string) string { return strings.Join(by[relation], " ") }
	if name == "victim" {
		s.Role = comity.SubjectVictim
	}
	s.Name = join(" ", get("first-name"), get("middle-name"), get("last-name"))
	names := slices.Concat([]string{first(s.Name, get("full-name"), get("name"))}, by["alias"])
	names = slices.DeleteFunc(names, func(n string) bool { return n == "" })
	roles := append(by["role"], by["roles"]...)
	if len(names) == 0 {
		r.skip(o.at, "it has no name")
		return
	}
	s.Name, s.Aliases = names[0], names[1:]
	for _, role := range roles {
		// A victim or witness stays protected whatever else the person is called.
		if got := partyRoles[strings.ToLower(role)]; got != "" && !shielded(s.Role) {
			s.Role = got
		}
	}
	if birth := get("date-of-birth"); birth != "" {
		if _, err := time.Parse(time.DateOnly, birth[:min(10, len(birth))]); err == nil {
			s.Birth = birth[:10]
			s.Minor = r.isMinor(s.Birth)
		} else {
			r.skip(o.at, "its date of birth is none; the subject is imported without it")
		}
	}
	notes := map[string]string{"nationality": "nationality", "identity-card-number": "identity card", "passport-number": "passport",
		"address": "address", "place-of-birth": "born in", "text": "", "description": ""}
	for _, relation := range slices.Sorted(maps.Keys(notes)) {
		if v := get(relation); v != "" {
			s.Note = join("; ", s.Note, join(" ", notes[relation], v))
		}
	}
	r.names[id] = named{name + " " + short(s.Name, maxName), s.Marking}
	who := s.callsWho()
	if who != "" {
		r.names[id] = named{who, s.Marking}
	}
	for _, a := range attrs {
		switch {
		case who != "":
			r.names[a.id] = r.names[id]
			if len(a.parts) > 0 && a.typ != "attachment" {
				s.Note = join("; ", s.Note, a.relation+" "+clean(a.value))
			}
		case len(a.parts) > 0 && a.typ != "attachment":
			for k := range a.parts {
				a.parts[k].Description = join("; ", a.parts[k].Description, "of "+short(s.Name, maxName))
			}
			r.mapAttribute(a)
		}
	}
	r.draft.Subjects = append(r.draft.Subjects, s)
}

// isMinor reports whether somebody born on a day was under 18 when it happened.
func (r *mispReader) isMinor(birth string) bool {
	born, _ := time.Parse(time.DateOnly, birth)
	then, err := time.Parse(time.DateOnly, r.date)
	if err != nil {
		then = time.Now()
	}
	return born.AddDate(18, 0, 0).After(then)
}

// mapReferences makes sentences of an object's references to others.
func (r *mispReader) mapReferences(v any, ptr string) {
	m, _ := v.(map[string]any)
	o := &object{m: m}
	from := r.names[o.str("uuid")]
	for i, v := range o.list("ObjectReference") {
		m, ok := v.(map[string]any)
		ref := &object{m: m, at: Problem{Position: i, Pointer: pointer(ptr+"/ObjectReference", i), Type: "reference"}}
		if !ok {
			r.reject(ref.at, "this is not an object")
			continue
		}
		id, verb := r.uuid(ref), clean(ref.need("relationship_type"))
		to, when, comment := r.names[ref.need("referenced_uuid")], unix(ref, "timestamp"), ref.text("comment")
		switch {
		case ref.fault != "":
			r.reject(ref.at, ref.fault)
		case ref.flag("deleted"):
			r.skip(ref.at, "it was deleted")
		case from.text == "" || to.text == "":
			r.skip(ref.at, "one of its ends is not in the draft")
		default:
			text := join(": ", from.text+" "+strings.ReplaceAll(verb, "-", " ")+" "+to.text, comment)
			r.entry(Entry{Kind: "relationship", Happened: when, Text: text + ".", SourceID: id,
				Marking: r.marking.with(from.marking).with(to.marking)})
		}
	}
}
