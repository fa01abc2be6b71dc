package graph

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var release = flag.Bool("release", false, "write schema.released.graphql from schema.graphql")

const released = "schema.released.graphql"

// changes are those of a schema since the released one.
type changes struct{ Breaking, Dangerous, Additive []string }

// compareSchemas takes files before and after, and the day, of each comparison.
func compareSchemas(t testing.TB, threes ...string) (found []changes) {
	t.Helper()
	if err := json.Unmarshal(script(t, nil, "changes.mjs", threes...), &found); err != nil {
		t.Fatal(err)
	}
	return found
}

// TestReleasedSchema refuses a change that breaks clients of the released schema.
func TestReleasedSchema(t *testing.T) {
	if *release {
		if err := os.WriteFile(released, script(t, nil, "changes.mjs", schemaFile(t)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	before, err := filepath.Abs(released)
	if err != nil {
		t.Fatal(err)
	}
	found := compareSchemas(t, before, schemaFile(t), time.Now().UTC().Format(time.DateOnly))[0]
	if len(found.Breaking) > 0 {
		t.Errorf("clients of the released schema would break:\n  %s\nAdd beside it, and deprecate with a reason that says what to use and \"Until YYYY-MM-DD.\"; after that day it may go.",
			strings.Join(found.Breaking, "\n  "))
	}
	for _, c := range append(found.Dangerous, found.Additive...) {
		t.Log("since the release: " + c)
	}
}

// TestBreakingChanges has additions pass, and what breaks clients named.
func TestBreakingChanges(t *testing.T) {
	const old = `type Query { case(id: ID!, legacy: Legacy @deprecated(reason: "Unused. Until 2026-01-31.")): Case old: Old @deprecated(reason: "Use case. Until 2026-06-30.") }
type Case { title: String status: Status! }
type Old { name: String }
enum Status { OPEN CLOSED GONE @deprecated(reason: "Use CLOSED. Until 2026-06-30.") }
input Legacy { a: Int b: Int @deprecated(reason: "Unused.") }
`
	type edits []string
	cases := []struct {
		name     string
		edits    edits
		today    string
		breaking string // what the list holds, "" for an empty one
		passes   string // what else is reported
	}{
		{"nothing", edits{}, "2026-05-01", "", ""},
		{"a field more", edits{"title: String", "title: String summary: String"}, "2026-05-01", "", "Case.summary"},
		{"an argument more", edits{"case(id: ID!,", "case(id: ID!, purpose: String,"}, "2026-05-01", "", "Query.case.purpose"},
		{"a value more", edits{"OPEN CLOSED", "OPEN HALF CLOSED"}, "2026-05-01", "", "Status.HALF"},
		{"a field less", edits{"title: String ", ""}, "2026-05-01", "Case.title", ""},
		{"a field that can be null", edits{"status: Status!", "status: Status"}, "2026-05-01", "Case.status", ""},
		{"an argument that is needed", edits{"case(id: ID!,", "case(id: ID!, purpose: String!,"}, "2026-05-01", "Query.case.purpose", ""},
		{"a value less", edits{"OPEN CLOSED", "OPEN"}, "2026-05-01", "Status.CLOSED", ""},
		{"a deprecated field before its day", edits{` old: Old @deprecated(reason: "Use case. Until 2026-06-30.")`, "", "type Old { name: String }\n", ""}, "2026-06-30", "Query.old", ""},
		{"a deprecated field after it", edits{` old: Old @deprecated(reason: "Use case. Until 2026-06-30.")`, "", "type Old { name: String }\n", ""}, "2026-07-01", "", "Query.old"},
		{"a deprecated value after its day", edits{` GONE @deprecated(reason: "Use CLOSED. Until 2026-06-30.")`, ""}, "2026-07-01", "", "Status.GONE"},
		{"an argument and its type", edits{`, legacy: Legacy @deprecated(reason: "Unused. Until 2026-01-31.")`, "", "input Legacy { a: Int b: Int @deprecated(reason: \"Unused.\") }\n", ""}, "2026-05-01", "", "Legacy"},
		{"a deprecation without a day", edits{` b: Int @deprecated(reason: "Unused.")`, ""}, "2026-05-01", "Legacy.b", ""},
		{"a type that is still used", edits{"old: Old", "old: String", "type Old { name: String }\n", ""}, "2026-05-01", "Old", ""},
	}
	var threes []string
	dir := t.TempDir()
	for i, x := range cases {
		after := old
		for e := 0; e < len(x.edits); e += 2 {
			changed := strings.Replace(after, x.edits[e], x.edits[e+1], 1)
			if changed == after {
				t.Fatalf("%s: %q is not there", x.name, x.edits[e])
			}
			after = changed
		}
		for name, text := range map[string]string{"before": old, "after": after} {
			path := filepath.Join(dir, fmt.Sprintf("%d-%s.graphql", i, name))
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		threes = append(threes, filepath.Join(dir, fmt.Sprintf("%d-before.graphql", i)), filepath.Join(dir, fmt.Sprintf("%d-after.graphql", i)), x.today)
	}
	for i, found := range compareSchemas(t, threes...) {
		x := cases[i]
		has := func(list []string, path string) bool {
			return slices.ContainsFunc(list, func(c string) bool { return strings.HasPrefix(c, path+": ") })
		}
		if x.breaking == "" && len(found.Breaking) > 0 || x.breaking != "" && !has(found.Breaking, x.breaking) {
			t.Errorf("%s: breaking is %q", x.name, found.Breaking)
		}
		if x.passes != "" && !has(append(found.Dangerous, found.Additive...), x.passes) {
			t.Errorf("%s: what passes is %q and %q", x.name, found.Dangerous, found.Additive)
		}
	}
}

// until is the day in the reason of a deprecation, after which it may go.
var until = regexp.MustCompile(`\bUntil (\d{4}-\d{2}-\d{2})\.$`)

// TestDeprecations wants the reason of each deprecation to end with its day.
func TestDeprecations(t *testing.T) {
	s, _, err := bindSchema()
	if err != nil {
		t.Fatal(err)
	}
	for place, reason := range s.Deprecated() {
		m := until.FindStringSubmatch(reason)
		if m == nil {
			t.Errorf("the deprecation of %s does not end with \"Until YYYY-MM-DD.\"", place)
		} else if _, err := time.Parse(time.DateOnly, m[1]); err != nil {
			t.Errorf("the deprecation of %s: %v", place, err)
		}
	}
}

// TestSchemaLint has graphql-eslint look over the schema and the client's operations.
func TestSchemaLint(t *testing.T) {
	operations, err := filepath.Abs("../client/operations")
	if err != nil {
		t.Fatal(err)
	}
	lint := func(args ...string) (found []string) {
		if err := json.Unmarshal(script(t, nil, "lint.mjs", args...), &found); err != nil {
			t.Fatal(err)
		}
		return found
	}
	for _, fault := range lint(schemaFile(t), operations) {
		t.Error(fault)
	}
	// The rules find what they are for.
	broken := SDL
	for _, edit := range [][2]string{
		{"  hasNextPage: Boolean!\n", "  HasNextPage: Boolean!\n"}, // PageInfo's
		{"  edges: [CaseEdge!]!\n", "  edges: [Case!]!\n"},
		{"  \"\"\"Whether there are more.\"\"\"\n", ""},
		{"  granteeState: String!\n", "  receiver: String!\n"},
	} {
		changed := strings.Replace(broken, edit[0], edit[1], 1)
		if changed == broken {
			t.Fatalf("%q is not in the schema", edit[0])
		}
		broken = changed
	}
	broken += "\n\"\"\"Of no use.\"\"\"\ntype Unused {\n  a: Int\n}\n"
	dir := t.TempDir()
	for name, text := range map[string]string{"broken.graphql": broken, "operations/Bad.graphql": "query { viewer { officer { nothing } } }\n"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	found := strings.Join(lint(filepath.Join(dir, "broken.graphql"), filepath.Join(dir, "operations")), "\n")
	for _, rule := range []string{"naming-convention", "relay-page-info", "relay-edge-types", "require-description", "no-unreachable-types", "accepts what is found no more",
		"fields-on-correct-type", "no-anonymous-operations"} {
		if !strings.Contains(found, rule) {
			t.Errorf("%s finds nothing in what is broken:\n%s", rule, found)
		}
	}
}
