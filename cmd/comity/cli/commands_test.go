package cli

import (
	"bytes"
	"context"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/comity-platform/comity"
)

// TestEveryCommandShowsHow: each command and group says what it does, and shows
// an example of itself.
func TestEveryCommandShowsHow(t *testing.T) {
	r := &run{commands: &commands{}, stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}}
	parser, err := r.parser()
	if err != nil {
		t.Fatal(err)
	}
	var walk func(n *kong.Node)
	seen := 0
	walk = func(n *kong.Node) {
		for _, child := range n.Children {
			walk(child)
		}
		if n.Type != kong.CommandNode || n.Name == "completion" { // whose help is its package's
			return
		}
		seen++
		if n.Help == "" {
			t.Errorf("%s has no help", n.Path())
		}
		if !strings.Contains(n.Detail, "Example") || !strings.Contains(n.Detail, n.FullPath()) {
			t.Errorf("%s shows no example of itself:\n%s", n.FullPath(), n.Detail)
		}
		for _, f := range n.Flags {
			if f.Help == "" || !strings.HasSuffix(formatHelp(f.Value), ".") {
				t.Errorf("%s --%s: %q is no help", n.FullPath(), f.Name, formatHelp(f.Value))
			}
			if w := wordsOf(f.Value); w != nil && f.PlaceHolder == "" {
				t.Errorf("%s --%s has no placeholder", n.FullPath(), f.Name)
			}
		}
	}
	walk(parser.Model.Node)
	if seen < 50 {
		t.Errorf("only %d commands were walked", seen)
	}
}

// TestHelpListsWords: help names the words that a flag takes, and its default.
func TestHelpListsWords(t *testing.T) {
	for command, want := range map[string][]string{
		"case list":       {"INVESTIGATION, PROSECUTION,", "OPEN, CLOSED"},
		"grant make":      {"SUMMARY, FULL, EXHIBITS. Default: SUMMARY.", "Default: INTELLIGENCE."},
		"release decide":  {"Default: FULL."},
		"request send":    {"Default: ROUTINE.", "Default: INFORMATION."},
		"request execute": {"NOTHING_HELD. Default: EXECUTED."},
		"request refuse":  {"NE_BIS_IN_IDEM,", "Default: NOT_STATED."},
		"case assign":     {"LIAISON, AUTHORITY."},

		"annotation add":    {"LINK, FACT, ASSESSMENT.", "A, B, C,", "1, 2, 3, 4."},
		"annotation answer": {"ACCEPTED, DECLINED."},
		"notice send":       {"CORRECT, RESTRICT, ERASE."},
		"notice answer":     {"DONE, NOT_DONE."},
		"disclosure notify": {"COURT, DEFENCE, DANGER_TO_LIFE."},
	} {
		var out bytes.Buffer
		code := Main(t.Context(), append(strings.Fields(command), "--help"), strings.NewReader(""), &out, &out, func(string) string { return "" })
		said := strings.Join(strings.Fields(out.String()), " ")
		for _, w := range want {
			if code != 0 || !strings.Contains(said, w) {
				t.Errorf("comity %s --help does not say %q:\n%s", command, w, out.String())
			}
		}
	}
}

// TestWords: words are taken as people write them, and what is none is answered
// with those that there are.
func TestWords(t *testing.T) {
	for _, c := range []struct {
		t        reflect.Type
		in, want string
	}{
		{reflect.TypeFor[comity.Purpose](), "investigation", "INVESTIGATION"}, {reflect.TypeFor[comity.Purpose](), "asset-recovery", "ASSET_RECOVERY"},
		{reflect.TypeFor[comity.TLP](), "Amber+Strict", "AMBER_STRICT"}, {reflect.TypeFor[information](), "2", "2"},
		{reflect.TypeFor[information](), "TWO", "2"}, {reflect.TypeFor[comity.SourceGrade](), "b", "B"},
	} {
		if got, err := word(c.t, c.in); err != nil || got != c.want {
			t.Errorf("%q is %q (%v), wanted %s", c.in, got, err, c.want)
		}
	}
	for _, s := range []string{"", "inquiry", "INVESTIGATION,PROSECUTION", "\x00"} {
		if _, err := word(reflect.TypeFor[comity.Purpose](), s); err == nil || !strings.Contains(err.Error(), "DANGER_TO_LIFE") {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range []string{"", "K", "Kazakhstan", "K1"} {
		if _, err := state(nil, s); err == nil {
			t.Errorf("%q is taken for a state", s)
		}
	}
}

// TestCompletion: tab completion offers words and logins, in a process of its
// own, since it reads the process's environment.
func TestCompletion(t *testing.T) {
	home := t.TempDir()
	if err := os.MkdirAll(filepath.Join(home, "profiles", "liaison@KZ"), 0o700); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	complete := func(line string) []string {
		c := exec.CommandContext(t.Context(), self, "-test.run=TestCompletionProcess")
		c.Env = append(os.Environ(), "COMITY_HOME="+home, "COMP_LINE="+line, "COMITY_TEST_COMPLETE=1")
		out, err := c.Output()
		if err != nil {
			t.Fatalf("%s: %v %s", line, err, out)
		}
		return strings.Fields(string(out))
	}
	for line, want := range map[string]string{
		"comity request refuse request1_x --ground ": "NE_BIS_IN_IDEM", "comity case show case1_x --purpose ": "PROSECUTION",
		"comity case list --profile ": "liaison@KZ", "comity case assign case1_x --office ": "AUTHORITY",
		"comity annotation add case1_x --form ": "ASSESSMENT", "comity referral answer referral1_x --answer ": "DECLINED",
		"comity notice answer notice1_x --answer ": "NOT_DONE", "comity disclosure notify grant1_x --form ": "DANGER_TO_LIFE",
	} {
		if got := complete(line); !slices.Contains(got, want) {
			t.Errorf("%q offers %q", line, got)
		}
	}
}

func TestCompletionProcess(t *testing.T) {
	if os.Getenv("COMITY_TEST_COMPLETE") == "" {
		return // see TestCompletion
	}
	os.Exit(Main(context.Background(), nil, os.Stdin, os.Stdout, os.Stderr, os.Getenv))
}

func TestParsePast(t *testing.T) {
	now := time.Date(2026, 11, 22, 9, 30, 15, 0, time.UTC)
	for s, want := range map[string]string{
		"2026-11-01": "2026-11-01T00:00:00Z", "2026-11-01T10:00:00+05:00": "2026-11-01T05:00:00Z", "7d": "2026-11-15T09:30:15Z", "12h": "2026-11-21T21:30:15Z",
	} {
		if got, err := parsePast(s, now); err != nil || got.Format(time.RFC3339Nano) != want {
			t.Errorf("%q is %v (%v), wanted %s", s, got, err, want)
		}
	}
	for _, part := range []time.Duration{0, 1, time.Second / 2, time.Second - 1} { // not a moment less than asked for
		at := now.Truncate(time.Second).Add(part)
		if got, err := parsePast("30d", at); err != nil || got.After(at.AddDate(0, 0, -30)) {
			t.Errorf("30 days before %s is %v (%v)", at, got, err)
		}
	}
	if got, err := parsePast("yesterday", now); err == nil {
		t.Errorf("yesterday is taken for %v", got)
	}
}

// TestWrap: no line is wider than the terminal unless one word is, and nothing
// is lost.
func TestWrap(t *testing.T) {
	const text = "They called at nine and asked for money.\n\n  bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4 was named,\nnothing else"
	for _, width := range []int{10, 25, 79} {
		got := wrap(text, width)
		for line := range strings.Lines(got) {
			if line = strings.TrimSuffix(line, "\n"); len(line) > width && strings.Contains(strings.TrimSpace(line), " ") {
				t.Errorf("at %d: %q", width, line)
			}
		}
		if strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(text), " ") {
			t.Errorf("at %d words were lost: %q", width, got)
		}
	}
	if wrap(text, 0) != text {
		t.Error("in a pipe lines do not stay whole")
	}
}

// TestStatementsIn: statements are found wherever they are, each once, and no
// other signed thing is taken for one.
func TestStatementsIn(t *testing.T) {
	const s1, s2 = "eyJ0eXAiOiJjb21pdHktc3RhdGVtZW50K2p3cyJ9.YQ.YQ", "eyJ0eXAiOiJjb21pdHktc3RhdGVtZW50K2p3cyJ9.Yg.Yg"
	const act = "eyJ0eXAiOiJjb21pdHktYWN0K2p3cyJ9.YQ.YQ"
	for in, want := range map[string][]string{
		s1: {s1}, s1 + "\n" + s2 + "\n": {s1, s2}, `{"statement":"` + s1 + `"}`: {s1},
		`{"refusal":{"statement":"` + s2 + `"},"act":"` + act + `"}`:               {s2},
		`[{"receipt":"` + s1 + `"},{"receipt":"` + s2 + `"},{"x":["` + s1 + `"]}]`: {s1, s2},
		"": nil, "{}": nil, `{"act":"` + act + `"}`: nil, "[": nil, "hello": nil, `{"statement":"` + s1 + `"`: nil,
	} {
		if got, err := statementsIn([]byte(in)); !slices.Equal(got, want) || (err == nil) != (want != nil) {
			t.Errorf("%s holds %q (%v), wanted %q", in, got, err, want)
		}
	}
}

func FuzzStatementsIn(f *testing.F) {
	for _, s := range []string{"a.b.c", `{"a":["eyJ0eXAiOiJjb21pdHktc3RhdGVtZW50K2p3cyJ9.YQ.YQ"]}`, "[", "{}", "\x00"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		found, err := statementsIn(b)
		if (err == nil) != (len(found) > 0) {
			t.Fatalf("%q and %v", found, err)
		}
		once := map[string]bool{}
		for _, s := range found {
			once[s] = true
		}
		if bytes.HasPrefix(bytes.TrimSpace(b), []byte("{")) && len(once) != len(found) {
			t.Fatalf("one is found twice: %q", slices.Sorted(maps.Keys(once)))
		}
	})
}
