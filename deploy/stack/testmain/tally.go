package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// event is one line of "go test -json": go doc test2json and, for what is
// built before, go help buildjson.
type event struct {
	Action      string
	Package     string
	ImportPath  string // of what is being built
	Test        string
	Elapsed     float64 // seconds
	Output      string
	FailedBuild string // ImportPath of the build that failed
}

// tally reads events, prints what a person wants to see of them and counts.
// Every test and subtest counts. So does what kept tests from running or from
// ending (a build, a panic, a time limit): as failed.
type tally struct {
	out                     io.Writer
	rest                    []byte // an unfinished line
	packages                map[string]*results
	builds                  map[string]*strings.Builder
	passed, failed, skipped int
}

// results are those of one package.
type results struct {
	output                  map[string]*strings.Builder // by test; "" is the package's own
	running                 map[string]bool
	passed, failed, skipped int
}

func newTally(out io.Writer) *tally {
	return &tally{out: out, packages: map[string]*results{}, builds: map[string]*strings.Builder{}}
}

// Write takes the stream in pieces of any size.
func (t *tally) Write(p []byte) (int, error) {
	t.rest = append(t.rest, p...)
	for {
		line, rest, whole := bytes.Cut(t.rest, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		t.line(line)
		t.rest = rest
	}
}

func (t *tally) line(line []byte) {
	var e event
	if err := json.Unmarshal(line, &e); err != nil || e.Action == "" {
		fmt.Fprintf(t.out, "%s\n", line) // not an event: shown as it is
		return
	}
	switch e.Action {
	case "build-output":
		b := t.builds[e.ImportPath]
		if b == nil {
			b = new(strings.Builder)
			t.builds[e.ImportPath] = b
		}
		b.WriteString(e.Output)
		return
	case "build-fail":
		return // the packages that needed it fail and name it
	}
	r := t.packages[e.Package]
	if r == nil {
		r = &results{output: map[string]*strings.Builder{}, running: map[string]bool{}}
		t.packages[e.Package] = r
	}
	switch {
	case e.Action == "output":
		r.write(e.Test, e.Output)
	case e.Test == "" && slices.Contains([]string{"pass", "fail", "skip"}, e.Action):
		t.packageDone(e, r)
	case e.Action == "run":
		r.running[e.Test] = true
	case e.Action == "pass":
		r.passed++
		r.done(e.Test)
	case e.Action == "fail":
		r.failed++
		t.show("FAIL", e.Package, e.Test, r.done(e.Test))
	case e.Action == "skip":
		r.skipped++
		t.show("SKIP", e.Package, e.Test, r.done(e.Test))
	}
}

func (r *results) write(test, output string) {
	if r.output[test] == nil {
		r.output[test] = new(strings.Builder)
	}
	r.output[test].WriteString(output)
}

// done forgets a test that has ended and answers its output.
func (r *results) done(test string) string {
	var output string
	if b := r.output[test]; b != nil {
		output = b.String()
	}
	delete(r.running, test)
	delete(r.output, test)
	return output
}

// packageDone closes the account of a package.
func (t *tally) packageDone(e event, r *results) {
	if e.Action == "fail" {
		if b := t.builds[e.FailedBuild]; b != nil {
			t.show("FAIL", e.Package, "(build)", b.String())
			delete(t.builds, e.FailedBuild) // once, though several packages may need it
		}
		for _, test := range slices.Sorted(maps.Keys(r.running)) {
			r.failed++
			t.show("FAIL", e.Package, test+" (did not end)", r.done(test))
		}
		own := r.done("")
		if r.failed == 0 {
			r.failed++
			t.show("FAIL", e.Package, "(package)", own)
		}
	}
	t.passed, t.failed, t.skipped = t.passed+r.passed, t.failed+r.failed, t.skipped+r.skipped
	switch {
	case r.failed > 0:
		fmt.Fprintf(t.out, "FAIL  %s  %.1fs  %d passed, %d failed, %d skipped\n", e.Package, e.Elapsed, r.passed, r.failed, r.skipped)
	case r.passed+r.skipped == 0:
		fmt.Fprintf(t.out, "      %s  no tests\n", e.Package)
	case r.skipped > 0:
		fmt.Fprintf(t.out, "skip  %s  %.1fs  %d passed, %d skipped\n", e.Package, e.Elapsed, r.passed, r.skipped)
	default:
		fmt.Fprintf(t.out, "ok    %s  %.1fs  %d passed\n", e.Package, e.Elapsed, r.passed)
	}
	delete(t.packages, e.Package)
}

func (t *tally) show(verdict, pkg, test, output string) {
	fmt.Fprintf(t.out, "--- %s  %s  %s\n", verdict, pkg, test)
	for line := range strings.Lines(output) {
		fmt.Fprintf(t.out, "    %s\n", strings.TrimRight(line, "\n"))
	}
}

// finish prints the counts as the last line and answers the exit status, given
// that of the command.
func (t *tally) finish(status int) int {
	if len(t.rest) > 0 {
		t.line(t.rest)
	}
	for _, name := range slices.Sorted(maps.Keys(t.packages)) { // cut off before their end
		t.packageDone(event{Action: "fail", Package: name}, t.packages[name])
	}
	if status != 0 && t.failed == 0 {
		t.failed++
		fmt.Fprintf(t.out, "--- FAIL  the test command ended with status %d\n", status)
		for _, b := range t.builds {
			fmt.Fprint(t.out, b)
		}
	}
	if status == 0 && (t.passed == 0 || t.failed > 0 || t.skipped > 0) {
		status = 1
	}
	fmt.Fprintf(t.out, "%d passed, %d failed, %d skipped\n", t.passed, t.failed, t.skipped)
	return status
}
