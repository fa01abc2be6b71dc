package importer

import (
	"fmt"
	"maps"
	"strings"
)

// properties are what the importer reads of each observable type, by the path
// that a STIX pattern writes. "hashes." stands for every algorithm.
var properties = map[string][]string{
	"ipv4-addr":             {"value"},
	"ipv6-addr":             {"value"},
	"domain-name":           {"value"},
	"url":                   {"value"},
	"email-addr":            {"value", "display_name"},
	"mac-addr":              {"value"},
	"mutex":                 {"name"},
	"directory":             {"path"},
	"autonomous-system":     {"number", "name"},
	"file":                  {"name", "hashes."},
	"artifact":              {"url", "hashes."},
	"x509-certificate":      {"serial_number", "issuer", "subject", "hashes."},
	"email-message":         {"subject", "message_id", "from_ref.value"},
	"network-traffic":       {"src_ref.value", "src_port", "src_ref.type", "dst_ref.value", "dst_port", "dst_ref.type"},
	"process":               {"command_line"},
	"software":              {"name", "version", "vendor", "cpe"},
	"user-account":          {"account_login", "user_id", "display_name", "account_type"},
	"windows-registry-key":  {"key", "values.data"},
	"cryptocurrency-wallet": {"value", "address"}, // OpenCTI's property, and dogesec's extension's
	"bank-account":          {"value", "iban", "account_number"},
	"payment-card":          {"value", "card_number", "number"},
	"phone-number":          {"value", "number"},
	"user-agent":            {"value", "string"},
}

// reads reports whether the importer understands a path of a type.
func reads(typ, path string) bool {
	for _, p := range properties[typ] {
		if p == path || strings.HasSuffix(p, ".") && strings.HasPrefix(path, p) {
			return true
		}
	}
	return false
}

// buildObservable makes an observable from the properties read of it. The type
// must be among properties. An error says what is wrong with a value.
func buildObservable(typ string, f map[string]string) (Observable, error) {
	o := Observable{Type: typ}
	for path, v := range f {
		if algorithm, ok := strings.CutPrefix(path, "hashes."); ok {
			name, v, err := readHash(algorithm, v)
			if err != nil {
				return o, err
			}
			if o.Hashes == nil {
				o.Hashes = map[string]string{}
			}
			o.Hashes[name] = v
		}
	}
	var notes []string
	note := func(label, v string) {
		if v = clean(v); v != "" {
			notes = append(notes, label+" "+v)
		}
	}
	v := f["value"]
	switch typ {
	case "email-addr":
		note("display name", f["display_name"])
	case "mutex":
		v = f["name"]
	case "directory":
		v = f["path"]
	case "process":
		v = f["command_line"]
	case "autonomous-system":
		v = f["number"]
		note("name", f["name"])
	case "file":
		v = first(f["name"], strongestHash(o.Hashes))
	case "artifact":
		v = first(strongestHash(o.Hashes), f["url"])
	case "x509-certificate":
		v = first(strongestHash(o.Hashes), f["serial_number"], f["subject"], f["issuer"])
		for _, p := range []string{"serial_number", "issuer", "subject"} {
			if f[p] != v {
				note(strings.ReplaceAll(p, "_", " "), f[p])
			}
		}
	case "email-message":
		v = first(f["subject"], f["message_id"], f["from_ref.value"])
		if f["from_ref.value"] != v {
			note("from", f["from_ref.value"])
		}
	case "network-traffic":
		return buildTraffic(f)
	case "software":
		v = strings.Join(strings.Fields(f["vendor"]+" "+f["name"]+" "+f["version"]), " ")
		v = first(v, f["cpe"])
	case "user-account":
		v = first(f["account_login"], f["user_id"], f["display_name"])
		note("account type", f["account_type"])
	case "windows-registry-key":
		v = f["key"]
		note("data", f["values.data"])
	case "cryptocurrency-wallet":
		v = first(v, f["address"])
	case "bank-account":
		v = first(v, f["iban"], f["account_number"])
	case "payment-card":
		v = first(v, f["card_number"], f["number"])
	case "phone-number":
		v = first(v, f["number"])
	case "user-agent":
		v = first(v, f["string"])
	}
	var err error
	o.Value, err = canonical(typ, v)
	o.Description = strings.Join(notes, "; ")
	return o, err
}

// buildTraffic: with one end only, it is that end's address that an officer
// looks for, whatever the port; with both it is the connection.
func buildTraffic(f map[string]string) (Observable, error) {
	var ends [2]Observable
	var text [2]string
	for i, end := range []string{"src", "dst"} {
		v, port := f[end+"_ref.value"], f[end+"_port"]
		if v == "" {
			continue
		}
		typ := f[end+"_ref.type"]
		if typ == "" { // a pattern need not say it
			var err error
			if typ, _, err = address(v); err != nil {
				typ = "domain-name"
			}
		}
		o := Observable{Type: typ}
		var err error
		if o.Value, err = canonical(typ, v); err != nil {
			return o, err
		}
		if text[i] = o.Value; port != "" {
			o.Description = "port " + clean(port)
			text[i] += " " + o.Description
		}
		ends[i] = o
	}
	switch {
	case ends[0].Value == "" && ends[1].Value == "":
		return Observable{}, fmt.Errorf("the network-traffic names no address")
	case ends[0].Value == "":
		return ends[1], nil
	case ends[1].Value == "":
		return ends[0], nil
	}
	v, err := canonical("network-traffic", text[0]+" -> "+text[1])
	return Observable{Type: "network-traffic", Value: v}, err
}

func first(vs ...string) string {
	for _, v := range vs {
		if strings.TrimSpace(v) != "" {
			return v
		}
	}
	return ""
}

// builder collects a draft.
type builder struct {
	Options
	draft   Draft
	broken  []Problem
	objects int            // counted against MaxObjects
	byKey   map[string]int // keys of observables to their index in the draft
	hasID   map[string]bool
	secrets []string        // names of confidential sources
	stated  map[string]bool // all restrictions in words
	excess  error           // a limit that was passed and stops the import
}

func newBuilder(o Options) *builder {
	return &builder{Options: o, byKey: map[string]int{}, hasID: map[string]bool{}, stated: map[string]bool{}}
}

func (b *builder) count(n int) error {
	if b.objects += n; b.objects > b.MaxObjects {
		return limit("the document has more than %d objects", b.MaxObjects)
	}
	return nil
}

// state notes a marking's restrictions in words. A document with more of them
// than a person could heed is refused.
func (b *builder) state(m Marking) Marking {
	const most = 100
	if m.Statement == "" || b.stated[m.Statement] {
		return m
	}
	if len(b.stated) == most || len(m.Statement) > maxValue {
		b.excess = limit("the document states more than %d restrictions in words, or one longer than %d bytes", most, maxValue)
		return Marking{TLP: m.TLP, PAP: m.PAP, Classification: m.Classification}
	}
	b.stated[m.Statement] = true
	return m
}

// skip lists an object that a case has no place for.
func (b *builder) skip(at Problem, format string, args ...any) {
	at.Reason = fmt.Sprintf(format, args...)
	b.draft.Skipped = append(b.draft.Skipped, at)
}

// reject lists a broken object.
func (b *builder) reject(at Problem, reason string) {
	at.Reason = reason
	b.broken = append(b.broken, at)
}

// keys are what makes two observables the same: every strong hash they share, or
// else type and value.
func keys(o Observable) []string {
	var out []string
	for _, name := range hashStrength {
		if v := o.Hashes[name]; v != "" {
			out = append(out, o.Type+"\x00"+name+"\x00"+v)
		}
	}
	if out == nil {
		out = []string{o.Type + "\x00" + o.Value}
	}
	return out
}

// agree is false when two observables share one hash and differ in another, as a
// forged MD5 does.
func agree(a, b Observable) bool {
	for name, v := range a.Hashes {
		if w, both := b.Hashes[name]; both && w != v {
			return false
		}
	}
	return true
}

// observe adds an observable, or merges it into the one already there.
func (b *builder) observe(o Observable) {
	at := -1
	for _, k := range keys(o) {
		if i, ok := b.byKey[k]; ok && agree(b.draft.Observables[i], o) {
			at = i
			break
		}
	}
	if at < 0 {
		at = len(b.draft.Observables)
		ids := o.SourceIDs
		o.SourceIDs = nil
		b.draft.Observables = append(b.draft.Observables, o)
		o.SourceIDs = ids
	} else {
		b.merge(&b.draft.Observables[at], o)
	}
	d := &b.draft.Observables[at]
	for _, id := range o.SourceIDs {
		if k := fmt.Sprint(at, " ", id); !b.hasID[k] {
			b.hasID[k] = true
			d.SourceIDs = append(d.SourceIDs, id)
		}
	}
	for _, k := range keys(*d) {
		if _, taken := b.byKey[k]; !taken {
			b.byKey[k] = at
		}
	}
}

// valueIsHash tells a file that is known by its hash only.
func valueIsHash(o Observable) bool {
	for _, v := range o.Hashes {
		if v == o.Value {
			return true
		}
	}
	return false
}

func (b *builder) merge(d *Observable, o Observable) {
	const enough = 2000 // characters of merged descriptions
	describe := func(text string) {
		if text != "" && len(d.Description) < enough && !strings.Contains(d.Description, text) {
			d.Description = strings.TrimPrefix(d.Description+"; "+text, "; ")
		}
	}
	describe(o.Description)
	nameless, otherNameless := valueIsHash(*d), valueIsHash(o)
	if d.Hashes == nil && o.Hashes != nil {
		d.Hashes = map[string]string{}
	}
	maps.Copy(d.Hashes, o.Hashes)
	switch {
	case nameless && otherNameless:
		d.Value = strongestHash(d.Hashes)
	case nameless:
		d.Value = o.Value
	case !otherNameless && o.Value != d.Value:
		describe("also " + o.Value)
	}
	d.Marking = d.Marking.with(o.Marking)
	d.Indicator = d.Indicator || o.Indicator
	d.Pattern = first(d.Pattern, o.Pattern)
	if o.ValidFrom != "" && (d.ValidFrom == "" || o.ValidFrom < d.ValidFrom) {
		d.ValidFrom = o.ValidFrom
	}
}

func (b *builder) entry(e Entry) {
	if e.Text = strings.TrimSpace(e.Text); e.Text != "" {
		b.draft.Entries = append(b.draft.Entries, e)
	}
}
