package stack

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// hello is a tools module that pins a component which says body.
func hello(t *testing.T, version, body string) (module string, component tool) {
	t.Helper()
	dir := t.TempDir()
	for path, text := range map[string]string{
		"go.mod":        "module example.org/tools\n\ngo 1.26\n\nrequire example.org/hello " + version + "\n\nreplace example.org/hello => ./hello\n",
		"go.sum":        "",
		"hello/go.mod":  "module example.org/hello\n\ngo 1.26\n",
		"hello/main.go": "package main\n\nfunc main() { " + body + " }\n",
	} {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir, tool{pkg: "example.org/hello", takes: "a second"}
}

func TestBinaryIsBuiltOnceForEachPin(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "bin")
	module, component := hello(t, "v1.0.0", `println("one")`)
	var (
		progress [4]bytes.Buffer
		paths    [4]string
		wg       sync.WaitGroup
	)
	for i := range paths {
		wg.Go(func() {
			var err error
			if paths[i], err = cached(t.Context(), module, bin, "hello", component, &progress[i]); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	builds := 0
	for i := range paths {
		if paths[i] != paths[0] {
			t.Errorf("two paths: %s and %s", paths[0], paths[i])
		}
		builds += strings.Count(progress[i].String(), "is built")
	}
	if builds != 1 {
		t.Errorf("built %d times for four who asked at once", builds)
	}
	if !strings.HasPrefix(filepath.Base(paths[0]), "hello-v1.0.0-") {
		t.Errorf("the path does not tell the version: %s", paths[0])
	}
	if out, err := exec.Command(paths[0]).CombinedOutput(); err != nil || string(out) != "one\n" {
		t.Errorf("it says %q, %v", out, err)
	}

	module, component = hello(t, "v1.0.1", `println("two")`)
	changed, err := cached(t.Context(), module, bin, "hello", component, nil)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(changed).CombinedOutput(); err != nil || string(out) != "two\n" {
		t.Errorf("after the pin has changed it says %q, %v", out, err)
	}
	// The same version with another dependency is another program.
	if err := os.WriteFile(filepath.Join(module, "go.sum"), []byte("example.org/other v1.0.0 h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	other, err := pin(module, component.pkg)
	if err != nil || filepath.Base(changed) == "hello-"+other {
		t.Errorf("go.sum does not count: %s, %v", other, err)
	}
}

func TestBinaryThatDoesNotBuild(t *testing.T) {
	bin := t.TempDir()
	module, component := hello(t, "v1.0.0", `println(undefinedName)`)
	_, err := cached(t.Context(), module, bin, "hello", component, nil)
	if err == nil || !strings.Contains(err.Error(), "undefined: undefinedName") {
		t.Errorf("the error does not tell the compiler's: %v", err)
	}
	left, _ := filepath.Glob(filepath.Join(bin, "hello-*[^k]")) // not the lock
	if len(left) != 0 {
		t.Errorf("it leaves %q", left)
	}
	if _, err := cached(t.Context(), module, bin, "hello", tool{pkg: "example.org/unpinned"}, nil); err == nil {
		t.Error("a component that is not pinned was accepted")
	}
}

func TestBinaryPrefersPath(t *testing.T) {
	dir := t.TempDir()
	mine := filepath.Join(dir, "vault")
	if err := os.WriteFile(mine, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	if got, err := Binary(t.Context(), "vault", nil); err != nil || got != mine {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := Binary(t.Context(), "no-such-component", nil); err == nil {
		t.Error("an unknown component was found")
	}
}
