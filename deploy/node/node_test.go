package node_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"testing"

	"github.com/comity-platform/comity/deploy/node"
)

func TestCommand(t *testing.T) {
	cmd, done, err := node.Command(t.Context(), "testdata", "version.mjs", "one", "two words")
	if err != nil {
		t.Fatal(err)
	}
	here := cmd.Dir
	out, err := cmd.Output()
	if err != nil {
		if e, ok := err.(*exec.ExitError); ok {
			t.Logf("%s", e.Stderr)
		}
		t.Fatal(err)
	}
	var got struct {
		GraphQL string `json:"graphql"`
		Args    []string
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	var pinned struct{ Dependencies map[string]string }
	raw, err := os.ReadFile("package.json")
	if err == nil {
		err = json.Unmarshal(raw, &pinned)
	}
	if err != nil {
		t.Fatal(err)
	}
	if want := pinned.Dependencies["graphql"]; got.GraphQL != want || len(got.Args) != 2 || got.Args[1] != "two words" {
		t.Errorf("the script says %+v, of graphql %s", got, want)
	}
	done()
	if _, err := os.Stat(here); !os.IsNotExist(err) {
		t.Errorf("the copy of the scripts is still there: %v", err)
	}
}

// TestPinned: exact versions, and no host in what npm is given.
func TestPinned(t *testing.T) {
	var p struct{ Dependencies map[string]string }
	raw, err := os.ReadFile("package.json")
	if err == nil {
		err = json.Unmarshal(raw, &p)
	}
	if err != nil || len(p.Dependencies) == 0 {
		t.Fatal(p, err)
	}
	for name, version := range p.Dependencies {
		if version == "" || bytes.ContainsAny([]byte(version), "^~*x<>|/: ") {
			t.Errorf("%s is pinned to %q", name, version)
		}
	}
	raw, err = os.ReadFile("package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(raw, []byte(`"resolved"`)) {
		t.Error("package-lock.json names a registry: npm install --package-lock-only --omit-lockfile-registry-resolved")
	}
}
