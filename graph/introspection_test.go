package graph

import (
	"bytes"
	"encoding/json"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/comity-platform/comity/deploy/node"
)

// script runs a script of testdata/node and gives what it prints.
func script(t testing.TB, stdin io.Reader, name string, args ...string) []byte {
	t.Helper()
	cmd, done, err := node.Command(t.Context(), "testdata/node", name, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	cmd.Stdin = stdin
	out, err := cmd.Output()
	if failed, ok := err.(*exec.ExitError); ok {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, failed.Stderr, out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// schemaFile is where the published schema lies, for scripts that run elsewhere.
func schemaFile(t testing.TB) string {
	t.Helper()
	path, err := filepath.Abs("schema.graphql")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestClientSchema has graphql-js ask the running server all that it can ask
// about the schema, build and validate a schema of the answer, and compare it,
// and every detail, with what it makes of the file itself.
func TestClientSchema(t *testing.T) {
	a := serveAPI(t, func(o *Options) { o.Development = true })
	query := string(script(t, nil, "introspection.mjs", "query"))
	for _, part := range []string{"specifiedByURL", "isRepeatable", "isOneOf", "includeDeprecated: true", "schema"} {
		if !strings.Contains(query, part) {
			t.Errorf("graphql-js does not ask for %s", part)
		}
	}
	r := a.as(t, "liaison@KZ").call(t, query, nil)
	if r.status != 200 || len(r.Errors) > 0 {
		t.Fatalf("%d %.2000s", r.status, r.raw)
	}
	var answer struct{ Data json.RawMessage }
	if err := json.Unmarshal([]byte(r.raw), &answer); err != nil {
		t.Fatal(err)
	}
	var found struct {
		Types      int
		Complaints []string
	}
	out := script(t, bytes.NewReader(answer.Data), "introspection.mjs", "check", schemaFile(t))
	if err := json.Unmarshal(out, &found); err != nil {
		t.Fatal(err)
	}
	if found.Types < 300 || len(found.Complaints) > 0 {
		t.Errorf("of %d types graphql-js says:\n%s", found.Types, strings.Join(found.Complaints, "\n"))
	}
	if again := a.as(t, "liaison@KZ").call(t, query, nil); again.raw != r.raw {
		t.Error("asked again, the server answers otherwise")
	}
}

// TestTypeByName asks for single types.
func TestTypeByName(t *testing.T) {
	a := serveAPI(t, func(o *Options) { o.Development = true })
	got := a.as(t, "liaison@KZ").get(t, `{ a: __type(name: "TLP") { name kind fields { name } enumValues { name } inputFields { name } possibleTypes { name } isOneOf __typename }
		b: __type(name: "Nothing") { name } c: __type(name: "__Type") { kind fields { name } } d: __type(name: "CaseFileInput") { isOneOf fields { name } } }`, nil)
	raw, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"a":{"__typename":"__Type","enumValues":[{"name":"CLEAR"}`, `"fields":null`, `"b":null`, `"c":{"fields":[{"name":"kind"},{"name":"name"}`,
		`"d":{"fields":null,"isOneOf":false}`, `"isOneOf":null`, `"possibleTypes":null`, `"inputFields":null`} {
		if !bytes.Contains(raw, []byte(want)) {
			t.Errorf("%s is not in %s", want, raw)
		}
	}
}
