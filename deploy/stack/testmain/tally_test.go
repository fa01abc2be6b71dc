package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestTally feeds the real output of "go test -json" over small modules.
func TestTally(t *testing.T) {
	const pass = `func TestGood(t *testing.T) { t.Run("sub", func(t *testing.T) {}) }
`
	for name, c := range map[string]struct {
		files  map[string]string // package folder to test functions
		last   string
		status int
		shows  []string
	}{
		"all pass": {
			files: map[string]string{"a": pass}, last: "2 passed, 0 failed, 0 skipped", status: 0,
			shows: []string{"ok    example.org/m/a"},
		},
		"one fails": {
			files: map[string]string{"a": pass + `func TestBad(t *testing.T) { t.Error("the reason") }`, "b": pass},
			last:  "4 passed, 1 failed, 0 skipped", status: 1, shows: []string{"the reason", "FAIL  example.org/m/a", "ok    example.org/m/b"},
		},
		"one is skipped": {
			files: map[string]string{"a": pass + `func TestOff(t *testing.T) { t.Skip("no such thing here") }`},
			last:  "2 passed, 0 failed, 1 skipped", status: 1, shows: []string{"no such thing here", "--- SKIP  example.org/m/a  TestOff"},
		},
		"one does not build": {
			files: map[string]string{"a": pass + `var x int = "not a number"`, "b": pass},
			last:  "2 passed, 1 failed, 0 skipped", status: 1, shows: []string{`"not a number"`, "(build)"},
		},
		"one panics": {
			files: map[string]string{"a": pass + `func TestPanic(t *testing.T) { panic("oh dear") }`},
			last:  "2 passed, 1 failed, 0 skipped", status: 1, shows: []string{"oh dear", "TestPanic"},
		},
		"one leaves in silence": {
			files: map[string]string{"a": pass + "func TestExit(t *testing.T) { syscall.Exit(0) }\n"},
			last:  "3 passed, 1 failed, 0 skipped", status: 1, // test2json takes a silent end for a pass
		},
		"it ends before the tests": {
			files: map[string]string{"a": "func TestMain(m *testing.M) { syscall.Exit(3) }\n" + pass},
			last:  "0 passed, 1 failed, 0 skipped", status: 1, shows: []string{"exit status 3"},
		},
		"there is nothing": {
			files: map[string]string{"a": ""}, last: "0 passed, 0 failed, 0 skipped", status: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, "go.mod"), "module example.org/m\n\ngo 1.26\n")
			for pkg, body := range c.files {
				head := "package a\n\nimport \"testing\"\n"
				if strings.Contains(body, "syscall.") {
					head += "import \"syscall\"\n"
				}
				write(t, filepath.Join(dir, pkg, "a_test.go"), head+"var _ testing.TB\n"+body)
			}
			var out bytes.Buffer
			tally := newTally(&out)
			cmd := exec.Command("go", "test", "-json", "-count=1", "./...")
			cmd.Dir, cmd.Stdout, cmd.Stderr = dir, tally, os.Stderr
			status := 0
			if err := cmd.Run(); err != nil {
				exit := (*exec.ExitError)(nil)
				if !errors.As(err, &exit) {
					t.Fatal(err)
				}
				status = exit.ExitCode()
			}
			if got := tally.finish(status); (got != 0) != (c.status != 0) {
				t.Errorf("exit status %d", got)
			}
			lines := strings.Split(strings.TrimRight(out.String(), "\n"), "\n")
			if last := lines[len(lines)-1]; last != c.last {
				t.Errorf("last line is %q, want %q", last, c.last)
			}
			for _, want := range c.shows {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%q is not shown", want)
				}
			}
			if t.Failed() {
				t.Logf("output:\n%s", &out)
			}
		})
	}
}

// TestTallyWithoutTests is a command that fails before it prints anything.
func TestTallyWithoutTests(t *testing.T) {
	var out bytes.Buffer
	if status := newTally(&out).finish(2); status != 2 {
		t.Errorf("exit status %d", status)
	}
	if !strings.HasSuffix(out.String(), "\n0 passed, 1 failed, 0 skipped\n") {
		t.Errorf("prints %q", &out)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
