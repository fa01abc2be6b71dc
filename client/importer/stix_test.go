package importer

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/comity-platform/comity"
)

const (
	tlpAmber1 = "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"
	tlpStrict = "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003"
	tlpRed    = "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"
)

// sid gives the n-th id of a type.
func sid(typ string, n int) string {
	return fmt.Sprintf("%s--00000000-0000-4000-8000-%012d", typ, n)
}

// sdo writes a STIX object with the properties every one has.
func sdo(typ string, n int, more string) string {
	return fmt.Sprintf(`{"type":%q,"spec_version":"2.1","id":%q,"created":"2026-11-01T00:00:00Z","modified":"2026-11-01T00:00:00Z",%s}`,
		typ, sid(typ, n), more)
}

func indicator(n int, pattern, more string) string {
	return sdo("indicator", n, fmt.Sprintf(`"pattern":%q,"pattern_type":"stix","valid_from":"2026-11-02T00:00:00Z"%s`, pattern, more))
}

func bundle(objects ...string) string {
	return `{"type":"bundle","id":"` + sid("bundle", 1) + `","objects":[` + strings.Join(objects, ",") + `]}`
}

func TestSTIXBroken(t *testing.T) {
	good := indicator(1, "[ipv4-addr:value = '192.0.2.1']", "")
	for name, c := range map[string]struct{ object, want, id string }{
		"no object":         {`7`, "not an object", ""},
		"no type":           {`{"id":"` + sid("tool", 1) + `"}`, "type is missing", sid("tool", 1)},
		"type not string":   {`{"type":[],"id":"` + sid("tool", 1) + `"}`, "type is not a string", sid("tool", 1)},
		"id syntax":         {strings.ReplaceAll(good, sid("indicator", 1), "indicator--1"), "not of the form", "indicator--1"},
		"id of nil version": {strings.ReplaceAll(good, "-4000-", "-0000-"), "not of the form", ""},
		"id of other type":  {strings.ReplaceAll(good, sid("indicator", 1), sid("malware", 1)), "another type", sid("malware", 1)},
		"version":           {strings.Replace(good, `"2.1"`, `"2.0"`, 1), "not 2.1", ""},
		"no version":        {strings.Replace(good, `"spec_version":"2.1",`, ``, 1), "not 2.1", ""},
		"no created":        {strings.Replace(good, `"created":"2026-11-01T00:00:00Z",`, ``, 1), "created is missing", ""},
		"bad time":          {strings.Replace(good, `2026-11-02T`, `2026-13-02T`, 1), "valid_from is not", ""},
		"no pattern":        {strings.Replace(good, `"pattern":`, `"was":`, 1), "pattern is missing", ""},
		"pattern syntax":    {indicator(1, "[ipv4-addr:value = '192.0.2.1'", ""), "the pattern is broken", ""},
		"pattern value":     {indicator(1, "[ipv4-addr:value = '192.0.2.256']", ""), "is no ipv4-addr", ""},
		"unknown marking":   {indicator(1, "[ipv4-addr:value = '192.0.2.1']", `,"object_marking_refs":["`+sid("marking-definition", 9)+`"]`), "handling is unknown", ""},
		"unknown granular":  {indicator(1, "[ipv4-addr:value = '192.0.2.1']", `,"granular_markings":[{"marking_ref":"`+sid("marking-definition", 9)+`","selectors":["pattern"]}]`), "handling is unknown", ""},
		"granular nothing":  {indicator(1, "[ipv4-addr:value = '192.0.2.1']", `,"granular_markings":[{"marking_ref":"`+tlpRed+`","selectors":[]}]`), "selects nothing", ""},
		"granular selector": {indicator(1, "[ipv4-addr:value = '192.0.2.1']", `,"granular_markings":[{"marking_ref":"`+tlpRed+`","selectors":["a b"]}]`), "selector", ""},
		"markings no list":  {indicator(1, "[ipv4-addr:value = '192.0.2.1']", `,"object_marking_refs":"`+tlpRed+`"`), "not a list", ""},
		"revoked":           {indicator(1, "[ipv4-addr:value = '192.0.2.1']", `,"revoked":"yes"`), "not a boolean", ""},
		"identity nameless": {sdo("identity", 1, `"identity_class":"individual"`), "name is missing", ""},
		"name not string":   {sdo("identity", 1, `"name":{"x":1}`), "name is not a string", ""},
		"report unlisted":   {sdo("report", 1, `"name":"r","published":"2026-11-01T00:00:00Z"`), "object_refs is missing", ""},
		"report ref":        {sdo("report", 1, `"name":"r","published":"2026-11-01T00:00:00Z","object_refs":["x"]`), "object_refs holds", ""},
		"report ref's type": {sdo("report", 1, `"name":"r","published":"2026-11-01T00:00:00Z","object_refs":["A B`+sid("", 1)+`"]`), "object_refs holds", ""},
		"note empty":        {sdo("note", 1, `"object_refs":["`+sid("tool", 1)+`"]`), "content is missing", ""},
		"relationship end":  {sdo("relationship", 1, `"relationship_type":"uses","source_ref":"a","target_ref":"b"`), "not of the form", ""},
		"relationship":      {sdo("relationship", 1, `"relationship_type":"uses"`), "source_ref is missing", ""},
		"sighting":          {sdo("sighting", 1, `"count":1`), "sighting_of_ref is missing", ""},
		"observed":          {sdo("observed-data", 1, `"first_observed":"2026-11-01T00:00:00Z","last_observed":"2026-11-01T00:00:00Z","number_observed":1`), "observes nothing", ""},
		"address":           {`{"type":"ipv6-addr","id":"` + sid("ipv6-addr", 1) + `","value":"192.0.2.1"}`, "is no ipv6-addr", ""},
		"hash":              {`{"type":"file","id":"` + sid("file", 1) + `","name":"a","hashes":{"MD5":"00"}}`, "is no MD5 hash", ""},
		"hash not string":   {`{"type":"file","id":"` + sid("file", 1) + `","name":"a","hashes":{"MD5":5}}`, "is no MD5 hash", ""},
		"file of nothing":   {`{"type":"file","id":"` + sid("file", 1) + `","size":5}`, "no value", ""},
		"control character": {`{"type":"mutex","id":"` + sid("mutex", 1) + `","name":"a\u001b[2J"}`, "control characters", ""},
		"marking of none":   {sdo("marking-definition", 1, `"name":"x"`), "defines nothing", ""},
		"marking redefined": {strings.ReplaceAll(sdo("marking-definition", 1, `"definition_type":"tlp","definition":{"tlp":"white"}`), sid("marking-definition", 1), tlpRed), "fixed as TLP:RED", tlpRed},
		"conflicting twin":  {strings.Replace(good, "192.0.2.1", "192.0.2.7", 1), "same id and version", ""},
	} {
		t.Run(name, func(t *testing.T) {
			first := indicator(2, "[domain-name:value = 'fine.example']", "")
			if name == "conflicting twin" {
				first = good
			}
			broken, d := readBroken(t, bundle(first, c.object))
			if len(broken.Problems) != 1 {
				t.Fatalf("%d problems: %v", len(broken.Problems), broken)
			}
			p := broken.Problems[0]
			if p.Position != 1 || p.Pointer != "/objects/1" || !strings.Contains(p.Reason, c.want) || c.id != "" && p.ID != c.id {
				t.Errorf("%+v", p)
			}
			if !strings.Contains(broken.Error(), p.Pointer) {
				t.Error("the message does not say where")
			}
			if len(d.Observables) != 1 {
				t.Errorf("the rest was not imported: %+v", d.Observables)
			}
		})
	}
}

func TestSTIXBundleID(t *testing.T) {
	broken, d := readBroken(t, strings.Replace(bundle(indicator(1, "[mutex:name = 'm']", "")), sid("bundle", 1), "bundle--1", 1))
	if p := broken.Problems[0]; p.Position != -1 || d.SourceID != "" || len(d.Observables) != 1 {
		t.Errorf("%+v, %+v", p, d)
	}
}

func TestBrokenErrorListsAll(t *testing.T) {
	broken, _ := readBroken(t, bundle(slices.Repeat([]string{"7"}, 25)...))
	if len(broken.Problems) != 25 || !strings.Contains(broken.Error(), "and 15 more") {
		t.Error(broken)
	}
}

func TestSTIXMarkings(t *testing.T) {
	statement := sdo("marking-definition", 1, `"definition_type":"statement","definition":{"statement":"Not for use in court."}`)
	pap := sdo("marking-definition", 2, `"definition_type":"statement","definition":{"statement":"PAP:RED"}`)
	other := sdo("marking-definition", 3, `"name":"ACS U","extensions":{"extension-definition--3a65884d-005a-4290-8335-cb2d778a83ce":{"extension_type":"property-extension"}}`)
	granular := func(ref string) string {
		return `,"granular_markings":[{"marking_ref":"` + ref + `","selectors":["description","external_references.[0].url"]},{"lang":"ru","selectors":["name"]}]`
	}
	d := read(t, bundle(
		indicator(1, "[mutex:name = 'unmarked']", ""),
		indicator(2, "[mutex:name = 'old amber']", `,"object_marking_refs":["`+tlpAmber1+`"]`),
		indicator(3, "[mutex:name = 'granular']", `,"object_marking_refs":["`+tlpAmber1+`"]`+granular(tlpStrict)),
		indicator(4, "[mutex:name = 'words']", `,"object_marking_refs":["`+sid("marking-definition", 1)+`","`+sid("marking-definition", 2)+`"]`),
		indicator(5, "[mutex:name = 'other']", `,"object_marking_refs":["`+sid("marking-definition", 3)+`"]`),
		indicator(6, "[mutex:name = 'label']", `,"labels":["tlp:red","phishing"]`),
		indicator(7, "[mutex:name = 'old amber']", `,"object_marking_refs":["`+tlpRed+`"]`),
		statement, pap, other), Options{})
	want := map[string]Marking{
		"unmarked": {}, "old amber": {TLP: comity.TLPRed}, "granular": {TLP: comity.TLPAmberStrict},
		"words": {PAP: comity.PAPRed, Statement: "Not for use in court."}, "other": {Statement: "ACS U"}, "label": {TLP: comity.TLPRed},
	}
	for _, o := range d.Observables {
		if o.Marking != want[o.Value] {
			t.Errorf("%s: %+v", o.Value, o.Marking)
		}
		if o.Value == "old amber" && !slices.Equal(o.SourceIDs, []string{sid("indicator", 2), sid("indicator", 7)}) {
			t.Errorf("merged ids: %v", o.SourceIDs)
		}
	}
	if len(d.Observables) != len(want) {
		t.Errorf("%d observables", len(d.Observables))
	}
	if d.Marking.TLP != comity.TLPRed || d.Marking.PAP != comity.PAPRed || d.Marking.Statement != "Not for use in court.\nACS U" {
		t.Errorf("draft: %+v", d.Marking)
	}
	if e := d.Entries[len(d.Entries)-1]; e.Kind != "marking" || !strings.Contains(e.Text, "Not for use in court.; ACS U") {
		t.Errorf("the words are not in the log: %+v", e)
	}
}

func TestTLPDefinitions(t *testing.T) {
	for id, label := range tlpDefinitions {
		d := read(t, bundle(indicator(1, "[mutex:name = 'm']", `,"object_marking_refs":["`+id+`"]`)), Options{})
		if d.Marking.TLP != label || label.Rank() < 0 {
			t.Errorf("%s: %q", id, d.Marking.TLP)
		}
	}
	def := `{"type":"marking-definition","spec_version":"2.1","id":"` + tlpStrict + `","created":"2022-10-01T00:00:00Z","extensions":{"` +
		tlpExtension + `":{"extension_type":"property-extension","tlp_2_0":%q}}}`
	read(t, bundle(fmt.Sprintf(def, "amber+strict")), Options{})
	_, _ = readBroken(t, bundle(fmt.Sprintf(def, "clear")))
	_, _ = readBroken(t, bundle(fmt.Sprintf(def, "mauve")))
}

func TestSTIXVersions(t *testing.T) {
	old := indicator(1, "[mutex:name = 'old']", "")
	newer := strings.Replace(indicator(1, "[mutex:name = 'new']", ""), `"modified":"2026-11-01T00:00:00Z"`, `"modified":"2026-11-01T00:00:00.5Z"`, 1)
	for _, order := range [][]string{{old, newer}, {newer, old}} {
		d := read(t, bundle(append(order, order[0])...), Options{})
		if len(d.Observables) != 1 || d.Observables[0].Value != "new" || len(d.Skipped) != 2 {
			t.Errorf("%+v %v", d.Observables, d.Skipped)
		}
	}
	d := read(t, bundle(indicator(1, "[mutex:name = 'm']", `,"revoked":true`)), Options{})
	if len(d.Observables) != 0 || len(d.Skipped) != 1 {
		t.Error("a revoked indicator was imported")
	}
}

func TestSTIXConfidentialSource(t *testing.T) {
	d := read(t, bundle(
		sdo("identity", 1, `"name":"Aidar Seitov","identity_class":"individual","roles":["Confidential informant"]`),
		sdo("identity", 2, `"name":"Plain Person","identity_class":"individual"`),
		sdo("threat-actor", 1, `"name":"Gang"`),
		`{"type":"email-addr","id":"`+sid("email-addr", 1)+`","value":"aidar@mail.example"}`,
		`{"type":"email-addr","id":"`+sid("email-addr", 2)+`","value":"plain@mail.example"}`,
		sdo("relationship", 1, `"relationship_type":"related-to","source_ref":"`+sid("email-addr", 1)+`","target_ref":"`+sid("identity", 1)+`"`),
		sdo("relationship", 2, `"relationship_type":"member-of","source_ref":"`+sid("identity", 1)+`","target_ref":"`+sid("threat-actor", 1)+`"`),
		sdo("note", 1, `"content":"met him","object_refs":["`+sid("identity", 1)+`"]`),
		sdo("report", 1, `"name":"Case of aidar seitov","description":"AIDAR SEITOV told us.","published":"2026-11-01T00:00:00Z","object_refs":["`+sid("identity", 1)+`"]`),
	), Options{})
	if got := fmt.Sprintf("%+v", *d); strings.Contains(strings.ToLower(got), "aidar") {
		t.Errorf("the source shows: %s", got)
	}
	if len(d.Subjects) != 2 || len(d.Observables) != 1 || d.Title != "Case of [confidential source]" || len(d.Skipped) != 5 {
		t.Errorf("%+v", d)
	}
}

func TestSTIXBrokenEndsAreNotNamed(t *testing.T) {
	d := read(t, bundle(
		sdo("threat-actor", 1, `"aliases":["x"]`), sdo("malware", 1, `"name":"M","is_family":false`),
		sdo("relationship", 1, `"relationship_type":"uses","source_ref":"`+sid("threat-actor", 1)+`","target_ref":"`+sid("malware", 1)+`"`),
	), Options{Partial: true})
	if len(d.Broken) != 1 || len(d.Entries) != 0 || len(d.Skipped) != 2 {
		t.Errorf("%+v", d)
	}
}

func TestMergedFiles(t *testing.T) {
	md5, other := strings.Repeat("a", 32), strings.Repeat("b", 32)
	sha := strings.Repeat("c", 64)
	d := read(t, bundle(
		indicator(1, "[file:hashes.MD5 = '"+strings.ToUpper(md5)+"']", ""),
		indicator(2, "[file:name = 'a.exe' AND file:hashes.'SHA-256' = '"+sha+"' AND file:hashes.MD5 = '"+md5+"']", ""),
		indicator(3, "[file:hashes.'SHA-256' = '"+sha+"']", `,"name":"seen again"`),
		// A forged MD5: the same weak hash with another strong one is another file.
		indicator(4, "[file:hashes.MD5 = '"+md5+"' AND file:hashes.'SHA-256' = '"+strings.Repeat("d", 64)+"']", ""),
		indicator(5, "[file:hashes.MD5 = '"+other+"']", ""),
	), Options{})
	if len(d.Observables) != 3 {
		t.Fatalf("%+v", d.Observables)
	}
	o := d.Observables[0]
	if o.Value != "a.exe" || o.Hashes["MD5"] != md5 || o.Hashes["SHA-256"] != sha || len(o.SourceIDs) != 3 || o.Description != "seen again" {
		t.Errorf("%+v", o)
	}
}
