package comity

import (
	"strings"
	"testing"
)

func TestNewID(t *testing.T) {
	seen := map[ID]bool{}
	for k := range kinds {
		for range 100 {
			id := NewID(k)
			if got, err := ParseID(string(id), k); err != nil || got != id || id.Kind() != k || seen[id] {
				t.Fatalf("%s: %v %v, seen %v", id, got, err, seen[id])
			}
			seen[id] = true
		}
	}
}

func TestParseID(t *testing.T) {
	good := string(NewID(KindCase))
	for name, s := range map[string]string{
		"empty": "", "no tag": good[6:], "unknown kind": "crime1_" + good[6:], "another version": "case2_" + good[6:],
		"upper case": strings.ToUpper(good), "too short": good[:len(good)-1], "too long": good + "a", "not base32": good[:len(good)-1] + "1",
		"no UUIDv4": "case1_" + strings.Repeat("a", 26), "unused bits set": good[:len(good)-1] + "h", "white space": good + " ",
	} {
		if s == good { // one spelling in 32 ends so
			continue
		}
		if _, err := ParseID(s); CodeOf(err) != CodeInvalid {
			t.Errorf("%s: %q is taken (%v)", name, s, err)
		}
	}
	if _, err := ParseID(good, KindGrant, KindRequest); err == nil || !strings.Contains(err.Error(), "case") {
		t.Errorf("a case's id where a grant's is wanted: %v", err)
	}
}

func FuzzParseID(f *testing.F) {
	f.Add(string(NewID(KindCase)))
	f.Add("case1_")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseID(s)
		if err != nil {
			return
		}
		if string(id) != s || id.Kind() == "" {
			t.Errorf("%q parses as %q of kind %q", s, id, id.Kind())
		}
	})
}
