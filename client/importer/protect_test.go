package importer

import (
	"fmt"
	"strings"
	"testing"

	"github.com/comity-platform/comity"
)

func rel(n int, verb, source, target string) string {
	return sdo("relationship", n, `"relationship_type":"`+verb+`","source_ref":"`+source+`","target_ref":"`+target+`"`)
}

func person(n int, name, more string) string {
	return sdo("identity", n, `"name":"`+name+`","identity_class":"individual"`+more)
}

// texts are all texts of a draft that are disclosed with the case, and so
// without the subjects that are protected.
func texts(d *Draft) string {
	out := d.Title + "\n" + d.Summary
	for _, e := range d.Entries {
		out += "\n" + e.Text
	}
	for _, o := range d.Observables {
		out += "\n" + o.Value + "\n" + o.Description
	}
	for _, s := range d.Subjects {
		if s.callsWho() == "" {
			out += "\n" + s.Note
		}
	}
	return out
}

// TestProtectedSubjectsAreNotNamed: what makes somebody a victim is itself a
// sentence, and it is disclosed where the subject is not.
func TestProtectedSubjectsAreNotNamed(t *testing.T) {
	d := read(t, bundle(
		sdo("malware", 1, `"name":"Lock","is_family":false`),
		person(1, "Aigul Victimova", ""),
		rel(1, "targets", sid("malware", 1), sid("identity", 1)),
		person(2, "Bolat Witnessov", `,"roles":["Witness"]`),
		rel(2, "related-to", sid("identity", 2), sid("malware", 1)),
		person(3, "Plain Person", `,"description":"married to aigul victimova"`),
		sdo("report", 1, `"name":"Attack on Aigul Victimova","description":"AIGUL VICTIMOVA and Bolat Witnessov's employer; Bolat Witnessovich is another.","published":"2026-11-01T00:00:00Z","object_refs":["`+sid("identity", 1)+`"]`),
		sdo("observed-data", 1, `"first_observed":"2026-11-01T00:00:00Z","last_observed":"2026-11-01T00:00:00Z","number_observed":1,"object_refs":["`+sid("identity", 1)+`"]`),
		sdo("sighting", 1, `"sighting_of_ref":"`+sid("malware", 1)+`","where_sighted_refs":["`+sid("identity", 1)+`"]`),
	), Options{})
	got := texts(d)
	for _, name := range []string{"victimova", "witnessov'"} {
		if strings.Contains(strings.ToLower(got), name) {
			t.Errorf("%s is named: %s", name, got)
		}
	}
	for _, say := range []string{"Malware Lock targets a victim.", "A witness related to malware Lock.", "Attack on a victim", "married to a victim", "Observed from 2026-11-01T00:00:00Z to 2026-11-01T00:00:00Z, 1 in number: a victim.", "at a victim"} {
		if !strings.Contains(got, say) {
			t.Errorf("nothing says %q: %s", say, got)
		}
	}
	if d.Subjects[0].Name != "Aigul Victimova" {
		t.Errorf("the victim's own record lost the name: %+v", d.Subjects[0])
	}
}

// TestProtectionIsNeverLowered: in whatever order a document makes a victim or
// witness something else too.
func TestProtectionIsNeverLowered(t *testing.T) {
	target, attribute := rel(1, "targets", sid("malware", 1), sid("identity", 1)), rel(2, "attributed-to", sid("malware", 1), sid("identity", 1))
	malware := sdo("malware", 1, `"name":"Lock","is_family":false`)
	for name, c := range map[string]struct {
		objects []string
		role    comity.SubjectRole
		assumed bool
	}{
		"attributed later":            {[]string{malware, person(1, "Dana", ""), target, attribute}, comity.SubjectVictim, false},
		"attributed before":           {[]string{malware, person(1, "Dana", ""), attribute, target}, comity.SubjectVictim, false},
		"a witness attributed":        {[]string{attribute, malware, person(1, "Dana", `,"roles":["witness"]`)}, comity.SubjectWitness, false},
		"a label":                     {[]string{person(1, "Dana", `,"labels":["victim"]`)}, comity.SubjectVictim, false},
		"a suspect by role":           {[]string{person(1, "Dana", `,"roles":["accused"]`)}, comity.SubjectSuspect, false},
		"a suspect by an attribution": {[]string{malware, person(1, "Dana", ""), attribute}, comity.SubjectSuspect, true},
		"nothing":                     {[]string{person(1, "Dana", `,"roles":["administrator"]`)}, comity.SubjectContact, false},
	} {
		d := read(t, bundle(c.objects...), Options{})
		if len(d.Subjects) != 1 || d.Subjects[0].Role != c.role || d.Subjects[0].Assessment != c.assumed {
			t.Errorf("%s: %+v", name, d.Subjects)
		}
	}
}

func TestMISPProtectedSubjectsAreNotNamed(t *testing.T) {
	field := func(n int, relation, typ, v string) string {
		return attr(n, typ, v, `,"object_relation":"`+relation+`"`)
	}
	d := read(t, event(`,"Object":[{"uuid":"`+uid(1)+`","name":"person","Attribute":[`+strings.Join([]string{
		field(2, "full-name", "text", "Alma Sample"), field(3, "date-of-birth", "date-of-birth", "2020-05-01"),
		field(4, "phone-number", "phone-number", "+7 727 000 00 01")}, ",")+`]},
		{"uuid":"`+uid(5)+`","name":"domain-ip","comment":"seen by alma sample","Attribute":[`+field(6, "domain", "domain", "a.example")+
		`],"ObjectReference":[{"uuid":"`+uid(7)+`","relationship_type":"sent-to","referenced_uuid":"`+uid(1)+`"},
		{"uuid":"`+uid(8)+`","relationship_type":"called","referenced_uuid":"`+uid(4)+`"},
		{"uuid":"`+uid(9)+`","relationship_type":"attacked","referenced_uuid":"`+uid(10)+`"}]}]`,
		attr(10, "target-user", "Zhan Target", `,"Sighting":[{"type":"0"}]`)), Options{})
	got := texts(d)
	for _, name := range []string{"sample", "727", "zhan"} {
		if strings.Contains(strings.ToLower(got), name) {
			t.Errorf("%s shows: %s", name, got)
		}
	}
	for _, say := range []string{"domain-ip a.example sent to a minor.", "domain-ip a.example called a minor.", "domain-ip a.example attacked a victim.", "Sighted 1 times: a victim.", "seen by a minor"} {
		if !strings.Contains(got, say) {
			t.Errorf("nothing says %q: %s", say, got)
		}
	}
	if s := fmt.Sprintf("%+v", d.Subjects); !strings.Contains(s, "+7 727 000 00 01") {
		t.Errorf("the telephone number is lost: %s", s)
	}
}

// TestConfidentialSourcesBeyondRoles: a source is told by what is said of it as
// well, and may stand in the document as an account or an actor.
func TestConfidentialSourcesBeyondRoles(t *testing.T) {
	gang := sdo("threat-actor", 9, `"name":"Gang"`)
	field := func(n int, relation, typ, v, more string) string {
		return attr(n, typ, v, `,"object_relation":"`+relation+`"`+more)
	}
	account := func(more string) string {
		return `{"type":"user-account","id":"` + sid("user-account", 1) + `","user_id":"quiet77","account_login":"quiet77"` + more + `}`
	}
	for name, doc := range map[string]string{
		"a description":           bundle(gang, person(1, "Quiet Voice", `,"description":"Has been an informant since May."`)),
		"a role that is a string": bundle(gang, `{"type":"user-account","id":"`+sid("user-account", 1)+`","user_id":"quiet77","roles":"informant"}`),
		"a threat actor":          bundle(gang, sdo("threat-actor", 1, `"name":"Quiet Voice","description":"Confidential source within the gang."`)),
		"an actor's label":        bundle(gang, sdo("threat-actor", 1, `"name":"Quiet Voice","labels":["informant"]`)),
		"an account":              bundle(gang, account(`,"display_name":"informant"`)),
		"an account's label":      bundle(gang, account(`,"labels":["confidential source"]`), sdo("note", 1, `"content":"quiet77 writes at night","object_refs":["`+sid("threat-actor", 9)+`"]`)),
		"an account's address": bundle(gang, account(`,"labels":["informant"]`),
			`{"type":"email-addr","id":"`+sid("email-addr", 1)+`","value":"quiet@mail.example","belongs_to_ref":"`+sid("user-account", 1)+`"}`),
		"a relationship":     bundle(gang, person(1, "Quiet Voice", ""), rel(1, "informant-in", sid("identity", 1), sid("threat-actor", 9))),
		"named twice":        bundle(gang, person(1, "Quiet Voice", `,"roles":["informant"]`), person(2, "quiet voice", "")),
		"an address by name": bundle(gang, account(`,"labels":["informant"]`), indicator(1, "[mutex:name = 'quiet77']", "")),
		"a MISP person": event(`,"Object":[{"uuid":"`+uid(1)+`","name":"person","Attribute":[`+field(2, "first-name", "text", "Quiet", "")+","+
			field(3, "last-name", "text", "Voice", "")+","+field(4, "text", "text", "a confidential source of the agency", "")+`]}]`, attr(5, "comment", "Quiet Voice called", "")),
		"a MISP account": event(`,"Object":[{"uuid":"` + uid(1) + `","name":"user-account","comment":"of our informant","Attribute":[` + field(2, "username", "text", "quiet77", "") + `]}]`),
		"a MISP attribute": event("", attr(1, "email-src", "quiet@mail.example", `,"comment":"the informant's"`), attr(2, "target-user", "Quiet Voice", `,"comment":"confidential source"`),
			attr(3, "comment", "quiet@mail.example wrote to us", "")),
	} {
		d := read(t, doc, Options{})
		if got := fmt.Sprintf("%+v", *d); strings.Contains(strings.ToLower(got), "quiet") {
			t.Errorf("%s: the source shows: %s", name, got)
		}
		if len(d.Skipped) == 0 {
			t.Errorf("%s: nothing says what was left out", name)
		}
	}
	d := read(t, bundle(person(1, "Plain", `,"description":"Sells confidential data to informal groups."`)), Options{})
	if len(d.Subjects) != 1 {
		t.Error("a word of prose made a plain person a source")
	}
}

func TestRedactedNames(t *testing.T) {
	r := roll{{name: fold("Ann"), called: "V"}, {name: fold("Ann Lee"), called: "W"}, {name: fold("Ann Lee Smith Jones"), called: "X"},
		{name: fold("Сейтов"), called: "V"}, {name: fold("quiet"), called: "S", anywhere: true}}.ready()
	for in, want := range map[string]string{
		"Ann": "V", "ANN's": "V's", "Announced by Joann": "Announced by Joann", "ann lee smith": "W smith", "ann lee smith jones!": "X!",
		"Сейтову сказали": "Vу сказали", "xquietx": "xSx", "": "", "no one": "no one", "Ann, Ann Lee": "V, W", "\xffAnn": "\ufffdV", "İAnn": "İAnn",
	} {
		got := in
		if r.cut(&got); got != want {
			t.Errorf("%q became %q, wanted %q", in, got, want)
		}
	}
}
