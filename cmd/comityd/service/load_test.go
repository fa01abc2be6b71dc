package service

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

// load parses arguments as a command of comityd does.
func load(t testing.TB, args ...string) (Config, []Fault) {
	t.Helper()
	var c Config
	parser, err := kong.New(&c, kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		t.Fatal(err)
	}
	c.Complete(parsed)
	return c, c.faults
}

func write(t testing.TB, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "comityd.json")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPrecedence(t *testing.T) {
	path := write(t, `{"listen": "file:1", "union": "file", "roots": "file", "drain": "5s", "maxRequests": 7, "developmentIssuers": true,
		"states": {"KZ": {"custodian": {"keyring": "k"}, "store": {"s3": {"bucket": "b"}}}}}`)
	t.Setenv("COMITYD_UNION", "environment")
	t.Setenv("COMITYD_ROOTS", "environment")
	c, faults := load(t, "--config", path, "--roots", "flag")
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	if c.Listen != "file:1" || c.Union != "environment" || c.Roots != "flag" || c.Drain != Duration(5*time.Second) || c.MaxRequests != 7 ||
		!c.DevelopmentIssuers || c.States["KZ"].Store.S3.Bucket != "b" {
		t.Errorf("got %+v", c)
	}
	for name, want := range map[string]string{"listen": path + ":/listen", "union": "COMITYD_UNION", "roots": "--roots", "states": path + ":/states"} {
		if c.sources[name] != want {
			t.Errorf("%s stands at %q, want %q", name, c.sources[name], want)
		}
	}
	t.Setenv("COMITYD_STATES", `{"AM": {"store": {"directory": "d"}}}`)
	if c, _ := load(t, "--config", path); c.States["AM"].Store.Directory != "d" || len(c.States) != 1 {
		t.Errorf("the environment's states are %+v", c.States)
	}
}

func TestFileNamesEveryFault(t *testing.T) {
	path := write(t, `{"lisen": "x", "drain": "soon", "maxRequests": "many", "developmentIssuers": "yes", "union": 7, "union": 8,
		"states": {"KZ": {"custodian": {"keyring": 1, "vualt": {}, "keysPerSecond": "x"}, "store": []}}}`)
	_, faults := load(t, "--config", path)
	for _, want := range []string{":/lisen: there is no such setting", ":/drain: \"soon\"", ":/maxRequests: wanted a whole number", ":/developmentIssuers: wanted true or false",
		":/union: wanted a string", ":/union: the setting stands twice", ":/states/KZ/custodian/keyring: wanted a string", ":/states/KZ/custodian/vualt: there is no such setting",
		":/states/KZ/custodian/keysPerSecond: wanted a number", ":/states/KZ/store: this is not a JSON object"} {
		found := false
		for _, f := range faults {
			found = found || strings.Contains(f.Error(), want)
		}
		if !found {
			t.Errorf("no fault %q", want)
		}
	}
	if len(faults) != 10 {
		t.Errorf("%d faults: %v", len(faults), faults)
	}
	for name, content := range map[string]string{"no object": "[]", "no JSON": "{", "more": "{} {}", "empty": ""} {
		if _, faults := load(t, "--config", write(t, content)); len(faults) == 0 {
			t.Errorf("%s: no fault", name)
		}
	}
	if _, faults := load(t, "--config", "/nowhere/comityd.json"); len(faults) != 1 {
		t.Errorf("a file that is not there: %v", faults)
	}
}

func FuzzConfigFile(f *testing.F) {
	for _, seed := range []string{`{}`, `{"listen": "127.0.0.1:1"}`, `{"states": {"KZ": {"custodian": {"vault": {"timeout": "1s"}}}}}`, `{"a": 1, "a": 2}`, `[`, `{"drain": null}`,
		`{"states": null}`, `{"listen": {"a": []}}`, "\xff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		c := Config{File: write(t, string(raw)), sources: map[string]string{}}
		c.readFile(settings(reflect.TypeFor[Config]()))
		if len(c.faults) == 0 && !strings.HasPrefix(strings.TrimSpace(string(raw)), "{") {
			t.Error("what is no object has no fault")
		}
		if _, err := parseCursorKey(raw); err == nil && len(raw) < 43 {
			t.Error("a short cursor key is taken")
		}
	})
}
