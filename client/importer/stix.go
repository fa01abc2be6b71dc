package importer

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/comity-platform/comity"
)

// stixItem is one object of a bundle that passed the checks common to all.
type stixItem struct {
	object
	id, typ  string
	modified time.Time
	marking  Marking
	dropped  bool   // broken, superseded, revoked or hidden: no sentence may name it
	called   string // how sentences name it, once it is known
}

// stixTypes are STIX 2.1's objects that must say their version and when they were
// created. Cyber-observables need not, and of custom types nothing is known.
var stixTypes = []string{
	"attack-pattern", "campaign", "course-of-action", "grouping", "identity", "incident", "indicator", "infrastructure",
	"intrusion-set", "location", "malware", "malware-analysis", "note", "observed-data", "opinion", "report", "threat-actor",
	"tool", "vulnerability", "relationship", "sighting", "marking-definition", "extension-definition", "language-content",
}

// stixReader maps one bundle. References run in any direction, so the objects
// are indexed first, then marked, then mapped, relationships last.
type stixReader struct {
	*builder
	items     []*stixItem
	byID      map[string]*stixItem
	defs      map[string]Marking // marking definitions of the bundle
	linked    map[string]bool    // ids at an end of a relationship
	roles     map[string]comity.SubjectRole
	said      map[string]bool // subjects whose own object says a role, which is then no assessment
	makers    map[string]bool // ids that made an object of the bundle
	producers map[string]bool // the names of those that are no subjects
	hidden    map[string]bool // confidential sources and what is linked to them
	counts    map[string]int
}

func (b *builder) readSTIX(bundle map[string]any) error {
	b.draft.Format = FormatSTIX
	r := &stixReader{builder: b, byID: map[string]*stixItem{}, defs: map[string]Marking{}, linked: map[string]bool{},
		roles: map[string]comity.SubjectRole{}, said: map[string]bool{}, makers: map[string]bool{}, producers: map[string]bool{}, hidden: map[string]bool{}, counts: map[string]int{}}
	top := &object{m: bundle, at: Problem{Position: -1, Pointer: "", Type: "bundle"}}
	if v := top.str("spec_version"); v != "" && v != "2.1" {
		return invalid("this is a STIX %s bundle; only STIX 2.1 is read", quote(v))
	}
	list := top.list("objects")
	if top.fault == "" && len(list) == 0 {
		return invalid("the STIX bundle holds no objects")
	}
	if err := b.count(len(list)); err != nil {
		return err
	}
	if id := top.need("id"); checkID(id) && strings.HasPrefix(id, "bundle--") {
		b.draft.SourceID = id
	} else {
		top.fail("the bundle's id is not of the form bundle--UUID")
	}
	if top.fault != "" {
		b.reject(top.at, top.fault)
	}
	for i, v := range list {
		r.index(i, v)
	}
	for _, it := range r.items {
		r.mark(it)
	}
	for _, it := range r.items {
		r.relate(it)
	}
	r.hide()
	for _, late := range []bool{false, true} {
		for _, it := range r.items {
			if isLate := it.typ == "relationship" || it.typ == "sighting"; isLate == late && !it.dropped {
				r.mapItem(it)
				if it.fault != "" {
					r.drop(it)
				}
			}
		}
	}
	r.headline()
	byPosition := func(a, b Problem) int { return cmp.Compare(a.Position, b.Position) }
	slices.SortStableFunc(b.broken, byPosition)
	slices.SortStableFunc(b.draft.Skipped, byPosition)
	return nil
}

// drop lists an item as broken and keeps it out of every sentence.
func (r *stixReader) drop(it *stixItem) {
	it.dropped = true
	r.reject(it.at, it.fault)
}

// index makes the checks that every object must pass, and settles versions.
func (r *stixReader) index(i int, v any) {
	at := Problem{Position: i, Pointer: pointer("/objects", i)}
	m, ok := v.(map[string]any)
	if !ok {
		r.reject(at, "this is not an object")
		return
	}
	it := &stixItem{object: object{m: m, at: at}}
	it.typ = it.need("type")
	it.id = it.need("id")
	it.at.ID, it.at.Type = clean(it.id), clean(it.typ)
	switch {
	case it.fault != "":
	case !typeSyntax.MatchString(it.typ):
		it.fail("type is not an object type")
	case !checkID(it.id):
		it.fail("id is not of the form type--UUID")
	case !strings.HasPrefix(it.id, it.typ+"--"):
		it.fail("id is of another type than the object")
	}
	standard := slices.Contains(stixTypes, it.typ)
	if version := it.str("spec_version"); version != "2.1" && (version != "" || standard) {
		it.fail("spec_version is %s, not 2.1", quote(version))
	}
	if standard {
		it.needTime("created")
	}
	if standard && it.typ != "marking-definition" {
		it.needTime("modified")
		it.modified, _ = time.Parse(time.RFC3339, it.str("modified"))
	}
	if it.fault != "" {
		r.drop(it)
		return
	}
	if old := r.byID[it.id]; old != nil && !old.dropped {
		switch {
		case reflect.DeepEqual(old.m, it.m):
			r.skip(it.at, "the same object stands at %s", old.at.Pointer)
			return
		case old.modified.Equal(it.modified):
			it.fail("another object at %s has the same id and version", old.at.Pointer)
			r.drop(it)
			return
		case old.modified.After(it.modified):
			r.skip(it.at, "a newer version stands at %s", old.at.Pointer)
			return
		}
		old.dropped = true
		r.skip(old.at, "a newer version stands at %s", it.at.Pointer)
	}
	r.byID[it.id] = it
	r.items = append(r.items, it)
	if it.typ == "marking-definition" {
		if r.defs[it.id] = r.state(readDefinition(&it.object)); it.fault != "" {
			delete(r.defs, it.id)
			r.drop(it)
		}
	}
}

var selectorSyntax = regexp.MustCompile(`^[a-z0-9_-]{3,249}(\.(\[[0-9]+\]|[a-zA-Z0-9_-]{1,250}))*$`)

// mark finds an object's marking. A granular marking restricts a part; since a
// record has one marking, it is read as of the whole object. An unknown marking
// makes the object broken: what it forbids cannot be known.
func (r *stixReader) mark(it *stixItem) {
	if it.dropped {
		return
	}
	refs := it.strs("object_marking_refs")
	for i, v := range it.list("granular_markings") {
		g, ok := v.(map[string]any)
		if !ok {
			it.fail("granular_markings[%d] is not an object", i)
			continue
		}
		part := &object{m: g}
		selectors := part.strs("selectors")
		if ref := part.str("marking_ref"); ref != "" {
			refs = append(refs, ref)
		} else if part.str("lang") == "" {
			part.fail("names no marking")
		}
		if len(selectors) == 0 {
			part.fail("selects nothing")
		}
		for _, s := range selectors {
			if !selectorSyntax.MatchString(s) {
				part.fail("has a selector that is none: %s", quote(s))
			}
		}
		if part.fault != "" {
			it.fail("granular_markings[%d] %s", i, part.fault)
		}
	}
	for _, ref := range refs {
		def, ok := r.defs[ref]
		if fixed := tlpDefinitions[ref]; fixed != "" {
			def = Marking{TLP: fixed}
		} else if !ok {
			it.fail("it is marked with %s, which the document does not define, so its handling is unknown", quote(ref))
		}
		it.marking = it.marking.with(def)
	}
	for _, label := range it.strs("labels") { // where some producers put TLP and PAP
		if m, ok := readTag(label); ok {
			it.marking = it.marking.with(r.state(m))
		}
	}
	revoked, isBool := it.m["revoked"].(bool)
	if it.m["revoked"] != nil && !isBool {
		it.fail("revoked is not a boolean")
	}
	switch {
	case it.fault != "":
		r.drop(it)
	case revoked:
		it.dropped = true
		r.skip(it.at, "its producer revoked it")
	}
}

// relate notes what a relationship says about the roles of its ends.
func (r *stixReader) relate(it *stixItem) {
	if it.dropped {
		return
	}
	r.makers[it.str("created_by_ref")] = true
	switch it.typ {
	case "relationship":
		source, target := it.str("source_ref"), it.str("target_ref")
		r.linked[source], r.linked[target] = true, true
		switch it.str("relationship_type") {
		case "targets", "compromises", "impersonates":
			r.cast(target, comity.SubjectVictim)
		case "attributed-to":
			r.cast(target, comity.SubjectSuspect)
		}
	case "identity":
		for _, word := range slices.Concat(it.strs("roles"), it.strs("labels")) {
			if role := partyRoles[strings.ToLower(strings.TrimSpace(word))]; role != "" {
				r.said[it.id] = true
				r.cast(it.id, role)
			}
		}
	case "sighting":
		for _, ref := range it.strs("where_sighted_refs") {
			r.linked[ref] = true
		}
	}
}

// cast gives somebody a role. A victim or witness stays protected whatever else
// the document makes of the person, and in whatever order.
func (r *stixReader) cast(id string, role comity.SubjectRole) {
	if !shielded(r.roles[id]) {
		r.roles[id] = role
	}
}

// maxName is how much of a name a sentence repeats, in characters.
const maxName = 200

// names gives the names of several objects, a few of many.
func (r *stixReader) names(by *stixItem, refs []string) []string {
	const most = 50
	var out []string
	for i, ref := range refs {
		if len(out) == most {
			return append(out, fmt.Sprintf("and %d more", len(refs)-i))
		}
		if name, ok := r.named(by, ref); ok {
			out = append(out, name)
		}
	}
	return out
}

// named gives how a sentence by the object by calls another, false when it may
// not name it. The sentence takes on the marking of what it names.
func (r *stixReader) named(by *stixItem, ref string) (string, bool) {
	it := r.byID[ref]
	if it == nil || it.dropped {
		return "", false
	}
	by.marking = by.marking.with(it.marking)
	if it.called == "" && it.typ == "identity" {
		it.called = Subject{Role: r.roles[ref]}.callsWho()
	}
	if it.called == "" { // once: a long name may stand in many sentences
		name := clean(first(it.optional("name"), it.optional("value"), it.optional("pattern"), it.optional("abstract"), it.id))
		it.called = strings.ReplaceAll(it.typ, "-", " ") + " " + short(name, maxName)
	}
	return it.called, true
}

// optional reads a string without judging the object by it.
func (it *stixItem) optional(name string) string {
	v, _ := it.m[name].(string)
	return v
}

// headline chooses title, summary and producer.
func (r *stixReader) headline() {
	d := &r.draft
	for _, typ := range []string{"report", "grouping", "incident", "campaign", "intrusion-set", "threat-actor", "malware", "indicator"} {
		for _, it := range r.items {
			if it.typ == typ && !it.dropped && d.Title == "" && it.optional("name") != "" {
				d.Title = clean(it.optional("name"))
				if typ != "indicator" {
					d.Summary = clean(it.optional("description"))
				}
			}
		}
	}
	if d.Title == "" {
		d.Title = "STIX bundle " + strings.TrimPrefix(d.SourceID, "bundle--")
	}
	if d.Summary == "" {
		var parts []string
		for _, typ := range slices.Sorted(maps.Keys(r.counts)) {
			parts = append(parts, fmt.Sprintf("%s: %d", typ, r.counts[typ]))
		}
		d.Summary = "A STIX 2.1 bundle with " + strings.Join(parts, ", ") + "."
	}
}

// happened moves the draft's date back to t (RFC 3339).
func (b *builder) happened(t string) {
	if len(t) < 10 {
		return
	}
	if day := t[:10]; b.draft.Occurred == "" || day < b.draft.Occurred {
		b.draft.Occurred = day
	}
}
