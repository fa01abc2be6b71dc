package comity

import (
	"errors"
	"strings"
	"testing"
)

// TestObservableCheck: what is of its type is taken, and what is not is refused
// by the field at fault.
func TestObservableCheck(t *testing.T) {
	sha256, hash := strings.Repeat("ab", 32), func(algorithm, v string) map[string]string { return map[string]string{algorithm: v} }
	for _, c := range []struct {
		text  ObservableText
		fault string
	}{
		{ObservableText{Type: "ipv4-addr", Value: "203.0.113.7"}, ""},
		{ObservableText{Type: "ipv4-addr", Value: "203.0.113.0/24"}, ""},
		{ObservableText{Type: "ipv4-addr", Value: "999.1.1.1"}, "value"},
		{ObservableText{Type: "ipv4-addr", Value: "2001:db8::1"}, "value"},
		{ObservableText{Type: "ipv4-addr", Value: "203.0.113.0/33"}, "value"},
		{ObservableText{Type: "ipv6-addr", Value: "2001:db8::1"}, ""},
		{ObservableText{Type: "ipv6-addr", Value: "fe80::1%eth0"}, "value"},
		{ObservableText{Type: "ipv6-addr", Value: "203.0.113.7"}, "value"},
		{ObservableText{Type: "domain-name", Value: "пример.example"}, ""},
		{ObservableText{Type: "domain-name", Value: "no host"}, "value"},
		{ObservableText{Type: "url", Value: "https://evil.example/a?b=c"}, ""},
		{ObservableText{Type: "url", Value: "evil.example/a"}, ""},
		{ObservableText{Type: "url", Value: "http://[::1"}, "value"},
		{ObservableText{Type: "url", Value: "word"}, "value"},
		{ObservableText{Type: "email-addr", Value: "a@b.example"}, ""},
		{ObservableText{Type: "email-addr", Value: "A <a@b.example>"}, "value"},
		{ObservableText{Type: "email-addr", Value: "a.example"}, "value"},
		{ObservableText{Type: "mac-addr", Value: "00:00:5e:00:53:01"}, ""},
		{ObservableText{Type: "mac-addr", Value: "00:00:5e"}, "value"},
		{ObservableText{Type: "autonomous-system", Value: "AS64496"}, ""},
		{ObservableText{Type: "autonomous-system", Value: "AS4294967296"}, "value"},
		{ObservableText{Type: "yara-pattern", Value: "rule x {}"}, ""},
		{ObservableText{Type: "foo", Value: "x"}, "type"},
		{ObservableText{Type: "", Value: "x"}, "type"},
		{ObservableText{Type: "file", Value: "x", Hashes: hash("SHA-256", sha256)}, ""},
		{ObservableText{Type: "file", Value: "x", Hashes: hash("SHA-256", "abc")}, "hashes"},
		{ObservableText{Type: "file", Value: "x", Hashes: hash("SHA-256", strings.Repeat("zz", 32))}, "hashes"},
		{ObservableText{Type: "file", Value: "x", Hashes: hash("sha256", sha256)}, "hashes"},
		{ObservableText{Type: "file", Value: "x", Hashes: hash("SSDEEP", "3:a:b")}, ""},
		{ObservableText{Type: "file", Value: "x", Hashes: hash("OWN", "7")}, ""},
		{ObservableText{Type: "file", Value: "x", Hashes: hash("OWN", "")}, "hashes"},
	} {
		fault := ""
		if e, ok := errors.AsType[*Error](c.text.Check()); ok {
			fault = e.Path[0]
		}
		if fault != c.fault {
			t.Errorf("%s %q %v: fault in %q, wanted %q", c.text.Type, c.text.Value, c.text.Hashes, fault, c.fault)
		}
	}
	e, _ := errors.AsType[*Error](ObservableText{Type: "foo"}.Check())
	if e == nil || !strings.Contains(e.Cure, "ipv4-addr") || !strings.Contains(e.Cure, "x509-certificate") {
		t.Errorf("an unknown type is answered without the list: %+v", e)
	}
}

// FuzzObservableCheck: no value, type or hash makes the check fail otherwise
// than by an answer that names the field.
func FuzzObservableCheck(f *testing.F) {
	for typ := range observableTypes {
		f.Add(typ, "1", "MD5", "x")
	}
	f.Fuzz(func(t *testing.T, typ, value, algorithm, hash string) {
		err := ObservableText{Type: typ, Value: value, Hashes: map[string]string{algorithm: hash}}.Check()
		if e, ok := errors.AsType[*Error](err); err != nil && (!ok || e.Code != CodeInvalid || len(e.Path) != 1) {
			t.Errorf("%v", err)
		}
	})
}
