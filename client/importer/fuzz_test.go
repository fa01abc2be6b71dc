package importer

import (
	"bytes"
	"errors"
	"os"
	"reflect"
	"testing"

	"github.com/comity-platform/comity"
)

// FuzzRead: no input harms the reader, every draft is sound, and a whole and a
// partial reading agree on what is broken.
func FuzzRead(f *testing.F) {
	for _, name := range []string{"ransomware-misp", "ransomware-stix", "objects-misp", "kinds-stix"} {
		raw, err := os.ReadFile("testdata/" + name + ".json")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte(bundle(`7`, sdo("marking-definition", 1, `"name":"x"`), indicator(1, "[a:b = 1]", `,"revoked":true`))))
	f.Add([]byte(event(`,"Object":[{"uuid":"`+uid(5)+`","name":"person","Attribute":[`+attr(1, "text", "Informant", `,"object_relation":"role"`)+`]}]`, attr(2, "domain|ip", "a|b", ""))))
	f.Fuzz(func(t *testing.T, raw []byte) {
		limits := Options{MaxBytes: 1 << 20, MaxObjects: 2000}
		whole, err := Read(bytes.NewReader(raw), limits)
		limits.Partial = true
		part, err2 := Read(bytes.NewReader(raw), limits)
		if broken, ok := errors.AsType[*BrokenError](err); ok {
			if err2 != nil || !reflect.DeepEqual(part.Broken, broken.Problems) {
				t.Fatalf("the readings disagree: %v, %v", err, err2)
			}
		} else if (err == nil) != (err2 == nil) || err == nil && !reflect.DeepEqual(whole, part) {
			t.Fatalf("the readings disagree: %v, %v", err, err2)
		}
		if err != nil {
			if code := comity.CodeOf(err); code != comity.CodeInvalid && code != comity.CodeLimit {
				t.Fatalf("code %s: %v", code, err)
			}
		}
		if err2 == nil {
			if err := sound(part); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// FuzzPattern: no pattern harms the parser, and what it gives is canonical.
func FuzzPattern(f *testing.F) {
	for _, p := range []string{
		"[ipv4-addr:value = '192.0.2.1']", "[domain-name:value IN ('a.example', 'b.example')]",
		"([file:name = 'a' AND file:hashes.'SHA-256' = 'x'] FOLLOWEDBY [EXISTS a:b[*].c]) WITHIN 5 SECONDS REPEATS 2 TIMES",
		"[a:b NOT LIKE '%' OR (a:c >= -1.5e3 AND a:d = h'00')] START t'2026-11-01T00:00:00Z' STOP t'2026-11-02T00:00:00Z' // end",
		"[network-traffic:dst_ref.value = 'a.example' AND network-traffic:dst_port = 1] OR [x509-certificate:issuer = 'CN=\\'A\\\\\\'']",
	} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		list, err := patternObservables(pattern)
		if err != nil {
			return
		}
		if len(list) == 0 {
			t.Fatal("a pattern without observables")
		}
		for _, o := range list {
			if o.Type == "stix-pattern" {
				continue
			}
			if v, err := canonical(o.Type, o.Value); err != nil || v != o.Value {
				t.Fatalf("%s %q is not canonical: %q, %v", o.Type, o.Value, v, err)
			}
		}
	})
}
