package importer

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/comity-platform/comity"
)

// findEvent finds the one event of a MISP document: {"Event": …}, the same in a
// list, or in the "response" that MISP's export and search write. It gives nil
// when the document is none of these.
func findEvent(doc any) (event map[string]any, ptr string, err error) {
	if m, ok := doc.(map[string]any); ok {
		if inner, wrapped := m["response"]; wrapped {
			doc, ptr = inner, "/response"
		}
	}
	if list, ok := doc.([]any); ok {
		if len(list) != 1 {
			return nil, "", invalid("the document holds %d events; a case is filed from one, so export it by itself", len(list))
		}
		doc, ptr = list[0], ptr+"/0"
	}
	m, _ := doc.(map[string]any)
	event, _ = m["Event"].(map[string]any)
	return event, ptr + "/Event", nil
}

// named is how a sentence calls a thing. The sentence is marked like what it names.
type named struct {
	text    string
	marking Marking
}

// mispReader maps one event (MISP core format, draft-dulaunoy-misp-core-format).
type mispReader struct {
	*builder
	marking Marking          // of the event
	names   map[string]named // attributes and objects by uuid
	date    string
}

func (b *builder) readMISP(m map[string]any, ptr string) error {
	b.draft.Format = FormatMISP
	r := &mispReader{builder: b, names: map[string]named{}}
	e := &object{m: m, at: Problem{Position: -1, Pointer: ptr, Type: "event"}}
	b.draft.SourceID = r.uuid(e)
	b.draft.Title = clean(e.need("info"))
	if r.date = e.str("date"); r.date != "" {
		if _, err := time.Parse(time.DateOnly, r.date); err != nil {
			e.fail("date is not of the form YYYY-MM-DD")
			r.date = ""
		}
	}
	b.draft.Occurred = r.date
	r.marking = r.readMarking(e)
	b.draft.Marking = r.marking
	attributes, objects, reports := e.list("Attribute"), e.list("Object"), e.list("EventReport")
	orgc := &object{m: e.sub("Orgc")}
	b.draft.Producer = orgc.text("name")
	total := len(attributes) + len(reports)
	for _, v := range objects {
		o, _ := v.(map[string]any)
		list, _ := o["Attribute"].([]any)
		total += 1 + len(list)
	}
	if err := b.count(total); err != nil {
		return err
	}
	for i, v := range attributes {
		if a := r.attribute(v, i, pointer(ptr+"/Attribute", i)); a != nil {
			r.mapAttribute(a)
		}
	}
	for i, v := range objects {
		r.mapObject(v, i, pointer(ptr+"/Object", i))
	}
	for i, v := range objects { // when all are named
		r.mapReferences(v, pointer(ptr+"/Object", i))
	}
	for i, v := range reports {
		r.mapReport(v, i, pointer(ptr+"/EventReport", i))
	}
	for i := range e.list("ShadowAttribute") {
		r.skip(Problem{Position: i, Pointer: pointer(ptr+"/ShadowAttribute", i), Type: "proposal"}, "a proposal that nobody accepted")
	}
	r.mapGalaxies(e)
	// An event has no summary; by custom its first comment says what happened.
	said := slices.IndexFunc(b.draft.Entries, func(e Entry) bool { return e.Kind == "comment" })
	if said >= 0 {
		b.draft.Summary = b.draft.Entries[said].Text
	} else {
		b.draft.Summary = r.summary(e, len(attributes), len(objects))
	}
	if e.fault != "" {
		b.broken = slices.Insert(b.broken, 0, e.at)
		b.broken[0].Reason = e.fault
	}
	return nil
}

var (
	threatLevels = map[string]string{"1": "high", "2": "medium", "3": "low"}
	analyses     = map[string]string{"0": "initial", "1": "ongoing", "2": "completed"}
)

func (r *mispReader) summary(e *object, attributes, objects int) string {
	s := fmt.Sprintf("A MISP event with %d attributes and %d objects", attributes, objects)
	if p := r.draft.Producer; p != "" {
		s += ", made by " + p
	}
	if l := threatLevels[e.loose("threat_level_id")]; l != "" {
		s += ", threat level " + l
	}
	if a := analyses[e.loose("analysis")]; a != "" {
		s += ", analysis " + a
	}
	return s + "."
}

// uuid reads the required id of a MISP element.
func (r *mispReader) uuid(o *object) string {
	id := o.need("uuid")
	o.at.ID = clean(id)
	if o.fault == "" && !uuidSyntax.MatchString(id) {
		o.fail("uuid is none")
	}
	return o.at.ID
}

// readMarking reads the tags, and the distribution where it is narrower than any
// community: MISP itself would not let the record out, so the words are kept.
func (r *mispReader) readMarking(o *object) Marking {
	var m Marking
	for i, v := range o.list("Tag") {
		tag, ok := v.(map[string]any)
		name, isString := tag["name"].(string)
		if !ok || !isString {
			o.fail("Tag[%d] has no name", i)
			continue
		}
		if got, ok := readTag(name); ok {
			m = m.with(r.state(got))
		}
	}
	switch o.loose("distribution") {
	case "0":
		m = m.with(r.state(Marking{Statement: "MISP distribution: own organisation only"}))
	case "4":
		group := &object{m: o.sub("SharingGroup")}
		name := first(group.text("name"), clean(o.loose("sharing_group_id")))
		m = m.with(r.state(Marking{Statement: "MISP distribution: sharing group " + name}))
	}
	return m
}

// unix reads MISP's times: seconds as a string or a number, 0 for none.
func unix(o *object, name string) string {
	v := o.loose(name)
	if v == "" || v == "0" {
		return ""
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < 0 || n > 253402300799 { // the end of the year 9999
		o.fail("%s is no time", name)
		return ""
	}
	return time.Unix(n, 0).UTC().Format(time.RFC3339)
}

// attribute is one checked MISP attribute.
type attribute struct {
	object
	id, typ, value, category, comment, relation string
	when, seen                                  string
	indicator                                   bool
	marking                                     Marking
	parts                                       []Observable
}

// attribute checks an attribute and reads its observables; nil when it is
// deleted or broken.
func (r *mispReader) attribute(v any, i int, ptr string) *attribute {
	at := Problem{Position: i, Pointer: ptr}
	m, ok := v.(map[string]any)
	if !ok {
		r.reject(at, "this is not an object")
		return nil
	}
	a := &attribute{object: object{m: m, at: at}}
	a.id = r.uuid(&a.object)
	a.typ = a.need("type")
	a.at.Type = clean(a.typ)
	a.value = strings.TrimSpace(a.loose("value"))
	if a.value == "" {
		a.fail("value is missing")
	}
	a.category, a.relation = a.str("category"), a.str("object_relation")
	a.comment = a.text("comment")
	a.when, a.seen = unix(&a.object, "timestamp"), a.time("first_seen")
	a.indicator = a.flag("to_ids")
	if a.flag("deleted") {
		r.skip(a.at, "it was deleted")
		return nil
	}
	a.marking = r.readMarking(&a.object).under(r.marking)
	if a.fault == "" {
		var err error
		if a.parts, err = a.observables(); err != nil {
			a.fail("%s", err)
		}
	}
	if a.fault != "" {
		r.reject(a.at, a.fault)
		return nil
	}
	if data, _ := a.m["data"].(string); data != "" {
		r.skip(a.at, "its content is not imported; upload it as evidence")
	}
	r.names[a.id] = named{a.typ + " " + short(clean(a.value), maxName), a.marking}
	return a
}

// observables reads what an attribute's value names; none when its type is no observable.
func (a *attribute) observables() ([]Observable, error) {
	var list []Observable
	switch rule := mispRules[a.typ]; {
	case a.typ == "stix2-pattern":
		var err error
		if list, err = patternObservables(a.value); err != nil {
			return nil, err
		}
	case rule != "" && len(a.value) > maxPattern:
		return nil, fmt.Errorf("the rule is longer than %d bytes", maxPattern)
	case rule != "":
		list = []Observable{{Type: rule, Value: clean(a.value), Pattern: clean(a.value)}}
	default:
		for _, part := range mispParts(a.typ, a.category, a.value) {
			o, err := buildObservable(part.typ, part.fields)
			if err != nil {
				return nil, err
			}
			list = append(list, o)
		}
	}
	for i := range list {
		o := &list[i]
		o.SourceIDs, o.Marking, o.ValidFrom = []string{a.id}, a.marking, a.seen
		o.Indicator = a.indicator
		o.Description = join("; ", mispNotes[a.typ], a.comment, o.Description)
	}
	return list, nil
}

// mapAttribute places an attribute that stands by itself.
func (r *mispReader) mapAttribute(a *attribute) {
	text, isText := mispTexts[a.typ]
	switch {
	case !isText && confided.MatchString(a.comment):
		r.hideAttribute(a)
		r.skip(a.at, "it is tied to a confidential source")
		return
	case len(a.parts) > 0:
		for _, o := range a.parts {
			r.observe(o)
		}
	case isText && (a.relation == "" || a.typ == "vulnerability"):
		line := join(": ", a.comment, clean(a.value))
		if text != "" {
			if line = text + ": " + clean(a.value); a.comment != "" {
				line += " (" + a.comment + ")"
			}
		}
		r.entry(Entry{Kind: a.typ, Happened: first(a.seen, a.when), Text: line, SourceID: a.id, Marking: a.marking})
	case r.mapNamed(a):
	default:
		r.skip(a.at, "a case has no place for this type")
		return
	}
	r.mapSightings(a)
}

// mapNamed makes a subject of an attribute that names one.
func (r *mispReader) mapNamed(a *attribute) bool {
	s := Subject{Name: clean(a.value), Note: a.comment, SourceIDs: []string{a.id}, Marking: a.marking, Role: comity.SubjectVictim}
	switch a.typ {
	case "target-org":
		s.Kind = comity.SubjectOrganisation
	case "target-user":
		s.Kind = comity.SubjectPerson
	case "target-email":
		s.Kind = comity.SubjectAccount
	case "threat-actor":
		s.Kind, s.Role, s.Assessment = comity.SubjectOrganisation, comity.SubjectSuspect, true
	default:
		return false
	}
	if who := s.callsWho(); who != "" {
		r.names[a.id] = named{who, a.marking}
	}
	r.draft.Subjects = append(r.draft.Subjects, s)
	return true
}

// mapSightings sums up who saw an attribute's value.
func (r *mispReader) mapSightings(a *attribute) {
	var n int
	var from, to string
	for _, v := range a.list("Sighting") {
		m, ok := v.(map[string]any)
		s := &object{m: m}
		if kind := s.loose("type"); !ok || kind != "" && kind != "0" {
			continue // a false positive or an expiry
		}
		n++
		when := unix(s, "date_sighting")
		if when != "" && (from == "" || when < from) {
			from = when
		}
		to = max(to, when)
	}
	if n == 0 {
		return
	}
	text := fmt.Sprintf("Sighted %d times: %s", n, r.names[a.id].text)
	if from != "" {
		text += ", from " + from + " to " + to
	}
	r.entry(Entry{Kind: "sighting", Happened: from, Text: text + ".", SourceID: a.id, Marking: a.marking})
}

func (r *mispReader) mapReport(v any, i int, ptr string) {
	m, ok := v.(map[string]any)
	o := &object{m: m, at: Problem{Position: i, Pointer: ptr, Type: "report"}}
	if !ok {
		r.reject(o.at, "this is not an object")
		return
	}
	id := r.uuid(o)
	name, content := clean(o.need("name")), o.text("content")
	when, marking := unix(o, "timestamp"), r.readMarking(o).under(r.marking)
	switch {
	case o.fault != "":
		r.reject(o.at, o.fault)
	case o.flag("deleted"):
		r.skip(o.at, "it was deleted")
	default:
		r.entry(Entry{Kind: "report", Happened: when, Text: join(": ", name, content), SourceID: id, Marking: marking})
	}
}

var (
	actorGalaxies = []string{"threat-actor", "mitre-intrusion-set", "microsoft-activity-group", "360net-threat-actor"}
	actorTag      = regexp.MustCompile(`^misp-galaxy:(?:` + strings.Join(actorGalaxies, "|") + `)="([^"]+)"$`)
)

// mapGalaxies makes subjects of the actors that the event is attributed to. Some
// exports carry the galaxy's cluster, some only its tag.
func (r *mispReader) mapGalaxies(e *object) {
	seen := map[string]bool{}
	actor := func(name, note string, ids ...string) {
		if name = clean(name); name != "" && !seen[name] {
			seen[name] = true
			r.draft.Subjects = append(r.draft.Subjects, Subject{Kind: comity.SubjectOrganisation, Role: comity.SubjectSuspect,
				Name: name, Note: note, Assessment: true, SourceIDs: ids, Marking: r.marking})
		}
	}
	for _, v := range e.list("Galaxy") {
		m, _ := v.(map[string]any)
		g := &object{m: m}
		for _, v := range g.list("GalaxyCluster") {
			m, _ := v.(map[string]any)
			c := &object{m: m}
			if !slices.Contains(actorGalaxies, first(g.str("type"), c.str("type"))) {
				continue
			}
			if id := c.str("uuid"); uuidSyntax.MatchString(id) {
				actor(c.str("value"), c.text("description"), id)
			} else {
				actor(c.str("value"), c.text("description"))
			}
		}
	}
	for _, v := range e.list("Tag") {
		m, _ := v.(map[string]any)
		name, _ := m["name"].(string)
		if got := actorTag.FindStringSubmatch(name); got != nil {
			actor(got[1], "")
		}
	}
}
