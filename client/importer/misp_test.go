package importer

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/comity-platform/comity"
)

// uid gives the n-th UUID.
func uid(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }

func attr(n int, typ, value, more string) string {
	return fmt.Sprintf(`{"uuid":%q,"type":%q,"value":%q%s}`, uid(n), typ, value, more)
}

func event(more string, attributes ...string) string {
	return fmt.Sprintf(`{"Event":{"uuid":%q,"info":"e","date":"2026-11-01"%s,"Attribute":[%s]}}`, uid(999), more, strings.Join(attributes, ","))
}

func TestMISPTypes(t *testing.T) {
	md5, sha1, sha512 := strings.Repeat("0a", 16), strings.Repeat("0b", 20), strings.Repeat("0c", 64)
	for in, want := range map[string]string{
		"ip-src 192.0.2.1": "ipv4-addr 192.0.2.1", "ip-dst 2001:db8::1": "ipv6-addr 2001:db8::1", "ip-dst 192.0.2.0/24": "ipv4-addr 192.0.2.0/24",
		"ip-dst|port 192.0.2.1|80": "ipv4-addr 192.0.2.1 (port 80)", "hostname|port a.example|80": "domain-name a.example (port 80)",
		"domain a.example": "domain-name a.example", "hostname A.example": "domain-name a.example",
		"domain|ip a.example|192.0.2.1": "domain-name a.example, ipv4-addr 192.0.2.1",
		"url http://a.example/":         "url http://a.example/", "uri /a.php": "url /a.php", "url hXXp[:]//a[.]example/": "url http://a.example/",
		"email-src a@b.example": "email-addr a@b.example (sender)", "email-dst a[at]b.example": "email-addr a@b.example (recipient)",
		"email-subject Invoice": "email-message Invoice", "filename a|b.exe": "file a|b.exe",
		"md5 " + strings.ToUpper(md5): "file " + md5, "sha1 " + sha1: "file " + sha1, "sha512/256 " + strings.Repeat("0d", 32): "file " + strings.Repeat("0d", 32),
		"sha3-512 " + sha512: "file " + sha512, "ssdeep 3:a:b": "file 3:a:b", "imphash " + md5: "file " + md5,
		"filename|md5 a|b.exe|" + md5: "file a|b.exe", "filename|sha1 a.exe|" + sha1: "file a.exe", "malware-sample a.exe|" + md5: "file a.exe",
		"attachment a.pdf": "file a.pdf", "mutex m": "mutex m", "regkey HKCU\\A": `windows-registry-key HKEY_CURRENT_USER\A`,
		"regkey|value HKCU\\A|b|c": `windows-registry-key HKEY_CURRENT_USER\A (data b|c)`, "AS 64500": "autonomous-system AS64500",
		"mac-address 00:00:5E:00:53:01":          "mac-addr 00:00:5e:00:53:01",
		"btc 1BoatSLRHtKNngkdXEeobR76b53LETtpyT": "cryptocurrency-wallet 1BoatSLRHtKNngkdXEeobR76b53LETtpyT (Bitcoin address)",
		"iban KZ86125KZT5004100100":              "bank-account KZ86125KZT5004100100", "cc-number 4111111111111111": "payment-card 4111111111111111",
		"phone-number +77272500000": "phone-number +77272500000", "user-agent curl/8": "user-agent curl/8",
		"jabber-id a@b.example":                "user-account a@b.example (Jabber account)",
		"x509-fingerprint-sha1 " + sha1:        "x509-certificate " + sha1,
		"sigma title: x":                       "sigma-pattern title: x",
		"stix2-pattern [mutex:name = 'm']":     "mutex m",
		"other magnet:?xt=urn:btih:0a":         "url magnet:?xt=urn:btih:0a",
		"other LTzrJENnVYYRp8hMgUenoZuzEFLyaP": "",
		// Not the value that the type promises.
		"ip-src a.example": "!", "ip-dst|port a.example|80": "!", "domain 192.0.2.1/24": "!", "md5 xyz": "!", "filename|md5 a.exe": "!",
		"filename|sha1 a.exe|" + md5: "!", "domain|ip a.example|b.example": "!", "btc x": "!", "AS x": "!", "email-src a": "!",
		"stix2-pattern [mutex:name": "!", "domain ": "!", "yara " + strings.Repeat("a", maxPattern+1): "!",
	} {
		typ, v, _ := strings.Cut(in, " ")
		doc := event("", attr(1, typ, v, ""), attr(2, "mutex", "other thing", ""))
		if want == "!" {
			broken, d := readBroken(t, doc)
			if p := broken.Problems[0]; len(broken.Problems) != 1 || p.Position != 0 || p.Pointer != "/Event/Attribute/0" || p.ID != uid(1) || len(d.Observables) != 1 {
				t.Errorf("%.60s: %+v", in, broken.Problems)
			}
			continue
		}
		d := read(t, doc, Options{})
		var got []string
		for _, o := range d.Observables[:len(d.Observables)-1] {
			text := o.Type + " " + o.Value
			if o.Description != "" {
				text += " (" + o.Description + ")"
			}
			got = append(got, text)
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%s: got %s, want %s", in, strings.Join(got, ", "), want)
		}
	}
}

func TestMISPBroken(t *testing.T) {
	for name, c := range map[string]struct{ attribute, want string }{
		"no object":   {`"x"`, "not an object"},
		"no uuid":     {`{"type":"mutex","value":"m"}`, "uuid is missing"},
		"bad uuid":    {`{"uuid":"1","type":"mutex","value":"m"}`, "uuid is none"},
		"no type":     {`{"uuid":"` + uid(1) + `","value":"m"}`, "type is missing"},
		"no value":    {`{"uuid":"` + uid(1) + `","type":"mutex"}`, "value is missing"},
		"value list":  {`{"uuid":"` + uid(1) + `","type":"mutex","value":[]}`, "not a simple value"},
		"bad time":    {attr(1, "mutex", "m", `,"timestamp":"soon"`), "timestamp is no time"},
		"first seen":  {attr(1, "mutex", "m", `,"first_seen":"soon"`), "first_seen is not"},
		"tag":         {attr(1, "mutex", "m", `,"Tag":[{"colour":"red"}]`), "Tag[0] has no name"},
		"tags":        {attr(1, "mutex", "m", `,"Tag":{"name":"tlp:red"}`), "Tag is not a list"},
		"comment":     {attr(1, "mutex", "m", `,"comment":{}`), "comment is not a string"},
		"escape code": {`{"uuid":"` + uid(1) + `","type":"filename","value":"a\u0007b"}`, "control characters"},
	} {
		t.Run(name, func(t *testing.T) {
			broken, d := readBroken(t, event("", attr(2, "mutex", "fine", ""), c.attribute))
			p := broken.Problems[0]
			if len(broken.Problems) != 1 || p.Position != 1 || p.Pointer != "/Event/Attribute/1" || !strings.Contains(p.Reason, c.want) {
				t.Errorf("%+v", broken.Problems)
			}
			if len(d.Observables) != 1 {
				t.Error("the rest was not imported")
			}
		})
	}
}

func TestMISPEventBroken(t *testing.T) {
	for _, c := range [][2]string{
		{strings.Replace(event(""), uid(999), "7", 1), "uuid is none"},
		{strings.Replace(event(""), `"info":"e"`, `"info":""`, 1), "info is missing"},
		{strings.Replace(event(""), "2026-11-01", "1 November", 1), "date is not"},
		{event(`,"Object":{}`), "Object is not a list"},
		{event(`,"Tag":"tlp:red"`), "Tag is not a list"},
	} {
		broken, _ := readBroken(t, c[0])
		if p := broken.Problems[0]; p.Position != -1 || p.Pointer != "/Event" || !strings.Contains(p.Reason, c[1]) {
			t.Errorf("%+v", p)
		}
	}
	doc := event(`,"Object":[7,{"uuid":"` + uid(5) + `"},{"uuid":"` + uid(6) + `","name":"file","Attribute":[` + attr(1, "md5", "zz", "") + `]}],"EventReport":[{"uuid":"` + uid(7) + `"}]`)
	broken, _ := readBroken(t, doc)
	var at []string
	for _, p := range broken.Problems {
		at = append(at, p.Pointer)
	}
	if want := []string{"/Event/Object/0", "/Event/Object/1", "/Event/Object/2/Attribute/0", "/Event/EventReport/0"}; !reflect.DeepEqual(at, want) {
		t.Errorf("%v", at)
	}
}

func TestMISPMarkings(t *testing.T) {
	tags := func(names ...string) string {
		return `"Tag":[{"name":"` + strings.Join(names, `"},{"name":"`) + `"}]`
	}
	d := read(t, event(","+tags("TLP:GREEN", "PAP:WHITE", "osint:source-type"),
		attr(1, "mutex", "inherits", ""),
		attr(2, "mutex", "own", ","+tags("tlp:amber+strict")),
		attr(3, "mutex", "two", ","+tags("tlp:clear", "tlp:red", "pap:amber")),
		attr(4, "mutex", "words", ","+tags("tlp:ex:chr", `fr-classif:classifiees=\"SECRET\"`)),
		attr(5, "mutex", "own org", `,"distribution":"0"`),
		attr(6, "mutex", "group", `,"distribution":4,"sharing_group_id":3`),
	), Options{})
	want := map[string]Marking{
		"inherits": {TLP: comity.TLPGreen, PAP: comity.PAPClear},
		"own":      {TLP: comity.TLPAmberStrict, PAP: comity.PAPClear},
		"two":      {TLP: comity.TLPRed, PAP: comity.PAPAmber},
		"words":    {TLP: comity.TLPGreen, PAP: comity.PAPClear, Statement: "tlp:ex:chr\nfr-classif:classifiees=\"SECRET\"", Classification: comity.Secret},
		"own org":  {TLP: comity.TLPGreen, PAP: comity.PAPClear, Statement: "MISP distribution: own organisation only"},
		"group":    {TLP: comity.TLPGreen, PAP: comity.PAPClear, Statement: "MISP distribution: sharing group 3"},
	}
	for _, o := range d.Observables {
		if o.Marking != want[o.Value] {
			t.Errorf("%s: %+v", o.Value, o.Marking)
		}
	}
	if d.Marking.TLP != comity.TLPRed || d.Marking.PAP != comity.PAPAmber {
		t.Errorf("draft: %+v", d.Marking)
	}
	if none := read(t, event("", attr(1, "mutex", "m", "")), Options{}); none.Marking != (Marking{}) {
		t.Errorf("a marking that nobody stated: %+v", none.Marking)
	}
}

// A sentence that names a restricted thing is restricted alike.
func TestSentencesTakeMarkings(t *testing.T) {
	d := read(t, bundle(
		indicator(1, "[mutex:name = 'm']", `,"object_marking_refs":["`+tlpRed+`"]`), sdo("malware", 1, `"name":"M","is_family":false`),
		sdo("relationship", 1, `"relationship_type":"indicates","source_ref":"`+sid("indicator", 1)+`","target_ref":"`+sid("malware", 1)+`"`),
		sdo("sighting", 1, `"sighting_of_ref":"`+sid("indicator", 1)+`"`),
	), Options{})
	m := read(t, event(`,"Object":[{"uuid":"`+uid(5)+`","name":"domain-ip","Attribute":[`+attr(1, "domain", "a.example", `,"Tag":[{"name":"tlp:red"}]`)+
		`],"ObjectReference":[{"uuid":"`+uid(6)+`","relationship_type":"x","referenced_uuid":"`+uid(2)+`"}]}]`, attr(2, "mutex", "m", "")), Options{})
	entries := append(d.Entries, m.Entries...)
	if len(entries) != 3 {
		t.Fatalf("%+v", entries)
	}
	for _, e := range entries {
		if e.Marking.TLP != comity.TLPRed {
			t.Errorf("%+v", e)
		}
	}
	if entries[2].Text != "domain-ip a.example x mutex m." {
		t.Error(entries[2].Text)
	}
}

func TestMISPObjects(t *testing.T) {
	raw, err := os.ReadFile("testdata/objects-misp.json")
	if err != nil {
		t.Fatal(err)
	}
	d := read(t, string(raw), Options{})
	if got := strings.ToLower(fmt.Sprintf("%+v", *d)); strings.Contains(got, "quiet") {
		t.Error("the confidential source shows")
	}
	byName := map[string]Subject{}
	for _, s := range d.Subjects {
		byName[s.Name] = s
	}
	if s := byName["Alma Sample"]; !s.Minor || s.Birth != "2010-05-01" || s.Role != comity.SubjectVictim || s.Kind != comity.SubjectPerson {
		t.Errorf("the minor victim: %+v", s)
	}
	if s := byName["Sample Bear"]; !s.Assessment || s.Role != comity.SubjectSuspect {
		t.Errorf("the actor: %+v", s)
	}
	for _, o := range d.Observables {
		if o.Value == "dropper.exe" && (len(o.Hashes) != 3 || len(o.SourceIDs) != 5 || !o.Indicator) {
			t.Errorf("the file: %+v", o)
		}
		if o.Value == "shop.example" && (len(o.SourceIDs) != 2 || o.Marking.TLP != comity.TLPRed) {
			t.Errorf("the merged domain: %+v", o)
		}
	}
	for _, e := range d.Entries {
		if strings.Contains(e.Text, "\x1b") {
			t.Error("an escape sequence got through")
		}
	}
}

func TestMISPWrappers(t *testing.T) {
	doc := event("", attr(1, "mutex", "m", ""))
	for _, c := range [][2]string{
		{doc, "/Event"}, {"[" + doc + "]", "/0/Event"}, {`{"response":` + doc + `}`, "/response/Event"}, {`{"response":[` + doc + `]}`, "/response/0/Event"},
	} {
		d := read(t, strings.Replace(c[0], `"type":"mutex"`, `"type":"port"`, 1), Options{})
		if len(d.Skipped) != 1 || d.Skipped[0].Pointer != c[1]+"/Attribute/0" {
			t.Errorf("%v", d.Skipped)
		}
	}
}

// TestClassifiedTags: tags that say how matter is classified as a state secret
// declare it; of several the highest, and one that nobody knows is above all.
func TestClassifiedTags(t *testing.T) {
	for tag, want := range map[string]comity.Classification{
		"euci:EU-RESTRICTED": comity.Restricted, "euci:EU-CONFIDENTIAL": comity.Confidential, "EUCI:EU-SECRET": comity.Secret, "euci:EU-TOP-SECRET": comity.TopSecret,
		`nato:classification="NU"`: comity.Unclassified, `nato:classification="NR"`: comity.Restricted, `nato:classification="NS-A"`: comity.Secret, `nato:classification="CTS-B"`: comity.TopSecret,
		`fr-classif:non-classifiees="DIFFUSION_RESTREINTE"`: comity.Restricted, `fr-classif:classifiees="TRES_SECRET"`: comity.TopSecret, `fr-classif:special-france="SPECIAL_FRANCE"`: "",
		`de-vs:Einstufung="VS-NfD"`: comity.Restricted, `de-vs:Einstufung="STRENG GEHEIM"`: comity.TopSecret, `de-vs:Schutzwort="Dummy"`: "",
		`dni-ism:classification:us="C"`: comity.Confidential, `dni-ism:classification:all="TS"`: comity.TopSecret, `dni-ism:dissem="NF"`: "", `dni-ism:scicontrols="SI"`: comity.TopSecret,
		`euci:EU-COSMIC`: comity.TopSecret, `nato:classification="X"`: comity.TopSecret, "nato": "", "tlp:ex:chr": "", "acs-marking:privilege": "",
	} {
		if m, _ := readTag(tag); m.Classification != want {
			t.Errorf("%s declares %q", tag, m.Classification)
		}
	}
	d := read(t, event(`,"Tag":[{"name":"euci:EU-RESTRICTED"}]`, attr(1, "mutex", "inherits", ""),
		attr(2, "mutex", "higher", `,"Tag":[{"name":"nato:classification=\"NC\""},{"name":"nato:classification=\"NU\""}]`)), Options{})
	for _, o := range d.Observables {
		if want := map[string]comity.Classification{"inherits": comity.Restricted, "higher": comity.Confidential}[o.Value]; o.Marking.Classification != want {
			t.Errorf("%s: %+v", o.Value, o.Marking)
		}
	}
	if d.Marking.Classification != comity.Confidential || len(d.Entries) == 0 || d.Entries[len(d.Entries)-1].Marking.Classification != comity.Confidential {
		t.Errorf("the whole: %+v", d)
	}
	stix := read(t, bundle(sdo("marking-definition", 7, `"definition_type":"statement","definition":{"statement":"euci:EU-SECRET"}`),
		indicator(1, "[mutex:name = 'm']", `,"object_marking_refs":["`+sid("marking-definition", 7)+`"]`)), Options{})
	if stix.Marking.Classification != comity.Secret {
		t.Errorf("of STIX: %+v", stix.Marking)
	}
}
