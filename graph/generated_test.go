package graph

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// forward serves the API at an address that asks for no login: it makes each
// request the officer's, with a proof of its own.
func (c *client) forward(t testing.TB) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		out := c.request(t, http.MethodPost, c.url+"/graphql", bytes.NewReader(body))
		out.Header.Set("Content-Type", r.Header.Get("Content-Type"))
		if accept := r.Header.Get("Accept"); accept != "" {
			out.Header.Set("Accept", accept)
		}
		answer, err := http.DefaultClient.Do(out)
		if err != nil {
			t.Error(err)
			return
		}
		defer answer.Body.Close()
		w.Header().Set("Content-Type", answer.Header.Get("Content-Type"))
		w.WriteHeader(answer.StatusCode)
		if _, err := io.Copy(w, answer.Body); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// generatedSays checks what a generated client did: filed a case, found it in the
// list and by its id, and was told why a change of it was refused.
func generatedSays(t testing.TB, c *client, out []byte, title string) {
	t.Helper()
	var said struct {
		ID     string
		Titles []string
		Total  int
		Level  string
		Codes  []string
	}
	if err := json.Unmarshal(out, &said); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	if len(said.Titles) != 1 || said.Titles[0] != title || said.Total != 1 || said.Level != "OWN" || len(said.Codes) != 1 || said.Codes[0] != "CONFLICT" {
		t.Errorf("the client says %s", out)
	}
	found := c.get(t, "query($id: ID!) { node(id: $id) { ... on Case { title } } }", map[string]any{"id": said.ID})
	if dig(t, found, "node", "title") != title {
		t.Errorf("the server has %v", found)
	}
}

// inGuide wants a file to stand in the API guide as it is.
func inGuide(t testing.TB, path string) {
	t.Helper()
	guide, err := os.ReadFile("../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(guide, append([]byte("\n"), file...)) {
		t.Errorf("docs/api.md does not show %s as it is", path)
	}
}

// operationFiles puts the client's operations into a folder.
func operationFiles(t testing.TB, dir string) string {
	t.Helper()
	if err := os.CopyFS(dir, os.DirFS("../client/operations")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestGeneratedTypeScript generates a client with graphql-codegen as the guide
// says, compiles it as strictly as TypeScript can, and runs it.
func TestGeneratedTypeScript(t *testing.T) {
	inGuide(t, "testdata/node/codegen.json")
	a := serveAPI(t, nil)
	c := a.as(t, "investigator@KZ")
	out := script(t, nil, "codegen.mjs", schemaFile(t), operationFiles(t, t.TempDir()), c.forward(t))
	generatedSays(t, c, out, "Filed from TypeScript")
}

// TestGeneratedGo does the same with genqlient.
func TestGeneratedGo(t *testing.T) {
	inGuide(t, "testdata/genqlient/genqlient.yaml")
	a := serveAPI(t, nil)
	c := a.as(t, "investigator@KZ")
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/genqlient")); err != nil {
		t.Fatal(err)
	}
	operationFiles(t, filepath.Join(dir, "operations"))
	const pinned = "../deploy/tools/genqlient"
	module, err := os.ReadFile(filepath.Join(pinned, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(pinned, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(module), "\n")
	for name, content := range map[string]string{"schema.graphql": SDL, "go.mod": "module agency.example/client\n" + rest, "go.sum": string(sums)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "comity"), 0o755); err != nil {
		t.Fatal(err)
	}
	var out []byte
	for _, args := range [][]string{{"tool", "genqlient", "genqlient.yaml"}, {"run", ".", c.forward(t)}} {
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOWORK=off")
		if out, err = cmd.Output(); err != nil {
			var said []byte
			if failed, ok := err.(*exec.ExitError); ok {
				said = failed.Stderr
			}
			t.Fatalf("go %s: %v\n%.3000s", strings.Join(args, " "), err, said)
		}
	}
	generatedSays(t, c, out, "Filed from Go")
}
