package verify_test

import (
	"encoding/json"
	"testing"

	"github.com/comity-platform/comity/audit/verify"
)

type said struct {
	Act     string `json:"act"`
	Records []struct {
		ID string `json:"id"`
	} `json:"records"`
}

// TestReadContent: what readers could read in two ways is read by none.
func TestReadContent(t *testing.T) {
	for _, good := range []string{`{}`, `{"act":"read"}`, `{"act":"read","records":[{"id":"a"},{"id":"b"}],"other":{"act":1,"deep":[{"act":2}]}}`, ` {"policies":"x","reasonX":"act"} `} {
		var s said
		if err := verify.ReadContent([]byte(good), &s); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for name, bad := range map[string]string{
		"twice":              `{"act":"read","act":"write"}`,
		"by case":            `{"act":"read","Act":"write"}`,
		"a capital":          `{"Act":"read"}`,
		"by case, deep":      `{"records":[{"id":"a","iD":"b"}]}`,
		"by case, unknown":   `{"x":{"a":1,"b":[0,{"cd":1,"cD":2}]}}`,
		"a long s":           `{"recordſ":[]}`,
		"an escaped name":    `{"act":"read","\u0041ct":"write"}`,
		"an underscore":      `{"a_ct":"read"}`,
		"a hyphen":           `{"a-ct":"read"}`,
		"an empty name":      `{"":1}`,
		"what comes after":   `{"act":"read"}{}`,
		"a word after":       `{"act":"read"} x`,
		"no object":          `["act"]`,
		"nothing":            ``,
		"bytes of no text":   "{\"act\":\"\xff\"}",
		"another type":       `{"act":1}`,
		"cut":                `{"act":"read"`,
		"not JSON":           `{act:"read"}`,
		"name without value": `{"act"}`,
	} {
		var s said
		if err := verify.ReadContent([]byte(bad), &s); err == nil {
			t.Errorf("%s: read as %+v", name, s)
		}
	}
}

// FuzzReadContent: what is read, the standard library, which folds names and
// takes the last of two, reads alike.
func FuzzReadContent(f *testing.F) {
	f.Add([]byte(`{"act":"read","records":[{"id":"a"}],"x":{"act":1}}`))
	f.Add([]byte(`{"act":"read","Act":"write"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var ours, theirs said
		if verify.ReadContent(b, &ours) != nil {
			return
		}
		if err := json.Unmarshal(b, &theirs); err != nil {
			return // stricter in some way of its own
		}
		x, _ := json.Marshal(ours)
		y, _ := json.Marshal(theirs)
		if string(x) != string(y) {
			t.Errorf("%q is read as %s and as %s", b, x, y)
		}
	})
}
