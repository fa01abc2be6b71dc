package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/client/operations"
	"github.com/comity-platform/comity/cmd/comity/cli"
	"github.com/comity-platform/comity/crypto/token/tokentest"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/graph"
)

// turned is an exchange that changes its own answers.
type turned struct {
	*exchangetest.World
	url, roots string
	mu         sync.Mutex
	change     func(operation, answer string) string
}

func newTurned(t *testing.T) *turned {
	t.Helper()
	w := &turned{World: exchangetest.New(t), roots: filepath.Join(t.TempDir(), "roots.json")}
	server := httptest.NewUnstartedServer(nil)
	w.url = "http://" + server.Listener.Addr().String()
	h, err := graph.New(graph.Options{Exchange: w.Exchange, Verifier: w.Verifier, ExternalURL: w.url + "/graphql", Trusted: operations.All(), Log: slog.New(slog.DiscardHandler)})
	ok(t, err)
	server.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		var body bytes.Buffer
		_, _ = body.ReadFrom(r.Body)
		r.Body = struct {
			*bytes.Reader
			nothing
		}{bytes.NewReader(body.Bytes()), nothing{}}
		var sent struct {
			Operation string `json:"operationName"`
		}
		_ = json.Unmarshal(body.Bytes(), &sent)
		r.Header.Del("Accept-Encoding") // to be read and changed here
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		answer := rec.Body.String()
		w.mu.Lock()
		if w.change != nil {
			answer = w.change(sent.Operation, answer)
		}
		w.mu.Unlock()
		for k, v := range rec.Header() {
			rw.Header()[k] = v
		}
		rw.Header().Del("Content-Length")
		rw.WriteHeader(rec.Code)
		_, _ = rw.Write([]byte(answer))
	})
	server.Start()
	t.Cleanup(server.Close)
	b, err := w.Roots.Marshal()
	ok(t, err)
	ok(t, os.WriteFile(w.roots, b, 0o600))
	return w
}

type nothing struct{}

func (nothing) Close() error { return nil }

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// comity runs the command line with a home of its own.
func (w *turned) comity(t *testing.T, home string, args ...string) (int, string, string) {
	t.Helper()
	var out, errs bytes.Buffer
	code := cli.Main(t.Context(), args, strings.NewReader(""), &out, &errs, func(name string) string {
		if name == "COMITY_HOME" {
			return home
		}
		return ""
	})
	return code, out.String(), errs.String()
}

func (w *turned) login(t *testing.T, home, as string) {
	t.Helper()
	if code, out, errs := w.comity(t, home, "login", "--as", as, "--server", w.url, "--roots", w.roots); code != 0 {
		t.Fatalf("login: %d %s %s", code, out, errs)
	}
}

func (w *turned) turn(change func(operation, answer string) string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.change = change
}

// granted has KZ grant a case to AM.
func (w *turned) granted(t *testing.T, title string) (of *client.Case, g *client.Grant) {
	t.Helper()
	as := func(name string) *client.Client {
		c, err := client.Login(t.Context(), client.Config{Server: w.url, Union: tokentest.Name, Roots: w.Roots}, name)
		ok(t, err)
		return c
	}
	owner, liaison, authority := as("investigator@KZ"), as("liaison@KZ"), as("authority@KZ")
	who, err := liaison.Viewer(t.Context())
	ok(t, err)
	now := time.Now()
	_, err = authority.MandateGive(t.Context(), client.NewMandate{Liaison: who.Ref, NotBefore: now.Add(-time.Minute), NotAfter: now.Add(time.Hour)})
	ok(t, err)
	of, err = owner.CaseFile(t.Context(), client.NewCase{Category: tokentest.Category, Title: title, Summary: "s", Narrative: title,
		Nexus: []comity.Nexus{{Basis: comity.NexusTerritory, State: "KZ"}, {Basis: comity.NexusEffects, State: "AM"}}})
	ok(t, err)
	release, err := owner.ReleaseDecide(t.Context(), client.NewRelease{Case: of.ID, Decider: comity.DeciderOwner, Grantee: "AM", Scope: comity.ScopeFull,
		Purpose: comity.PurposeInvestigation, NotAfter: now.Add(30 * 24 * time.Hour)})
	ok(t, err)
	g, err = liaison.GrantMake(t.Context(), client.NewGrant{Case: of.ID, Category: tokentest.Category, Grantee: comity.Grantee{State: "AM"}, Scope: comity.ScopeFull,
		Grade: comity.GradeLead, Caveats: comity.Caveats{Marking: comity.DefaultMarking}, Purpose: comity.PurposeInvestigation,
		Agreement: tokentest.Agreement, Release: release.ID, NotBefore: now.Add(-time.Second), NotAfter: now.Add(7 * 24 * time.Hour)})
	ok(t, err)
	narrowed, err := liaison.GrantNarrow(t.Context(), client.Narrowing{Grant: g.ID, Case: of.ID, ExpectedVersion: g.Version, Scope: comity.ScopeSummary,
		Caveats: comity.Caveats{Marking: comity.DefaultMarking}, NotAfter: now.Add(time.Hour)})
	ok(t, err)
	return of, narrowed
}

// obeyed lists what a terminal would obey, or hide, in an output.
func obeyed(s string) (found []string) {
	for _, c := range s {
		if c != '\n' && (unicode.IsControl(c) || unicode.Is(unicode.Cf, c) || c == 0x2028 || c == 0x2029) && !slices.Contains(found, fmt.Sprintf("%U", c)) {
			found = append(found, fmt.Sprintf("%U", c))
		}
	}
	return found
}

// TestAttackStatementPrinted: a statement is printed "to be kept or handed on".
// One that does not hold must not be printed, nor what a terminal obeys.
func TestAttackStatementPrinted(t *testing.T) {
	w := newTurned(t)
	_, g := w.granted(t, "title")
	home := t.TempDir()
	w.login(t, home, "investigator@AM")
	w.turn(func(operation, answer string) string {
		if operation != "Grant" {
			return answer
		}
		b, err := json.Marshal(g.Statement)
		ok(t, err)
		return strings.ReplaceAll(answer, string(b), `"forged.\u001b]0;owned\u0007\u001b[2J.statement"`)
	})
	code, out, errs := w.comity(t, home, "grant", "show", string(g.ID), "--statement")
	if code == 0 {
		t.Errorf("exit code 0 for a statement that does not verify: %q %s", out, errs)
	}
	if f := obeyed(out); len(f) > 0 {
		t.Errorf("the terminal is given %v: %q", f, out)
	}
}

// TestAttackTerminal shows words of another state, and errors of the exchange, that hold
// what terminals obey or hide.
func TestAttackTerminal(t *testing.T) {
	w := newTurned(t)
	of, g := w.granted(t, "harmless title MARK")
	home := t.TempDir()
	w.login(t, home, "investigator@AM")
	evil := "\x1b]0;owned\x07 \u009b2J \u202e \u2066 \u200e \u061c \u200b \u2028 \ufeff \U000e0041 \x7f \r"
	raw, err := json.Marshal(evil)
	ok(t, err)
	inner := strings.Trim(string(raw), `"`)
	w.turn(func(_, answer string) string {
		for _, plain := range []string{"harmless title", "harmless", "State KZ", "no such record", "RANSOMWARE", "Investigator", "INVESTIGATION"} {
			answer = strings.ReplaceAll(answer, plain, plain+inner)
		}
		return answer
	})
	for _, args := range [][]string{
		{"case", "show", string(of.ID), "--purpose", "INVESTIGATION"}, {"case", "list"}, {"grant", "show", string(g.ID)}, {"grant", "list"},
		{"state", "list"}, {"log", "list"}, {"whoami"}, {"case", "show", "case1_aaaaaaaaaaaaaaaaaaaaaaaaaa", "--purpose", "INVESTIGATION"},
		{"case", "show", string(of.ID), "--purpose", "INVESTIGATION", "--json"}, {"case", "list", "--json"},
	} {
		_, out, errs := w.comity(t, home, args...)
		if f := obeyed(out + errs); len(f) > 0 {
			t.Errorf("%v gives a terminal the characters %v", args, f)
		}
	}
}

// TestAttackVerifyNarrowed verifies what "grant show --json" wrote of a grant
// that was narrowed since: the terms shown as verified must be those in force.
func TestAttackVerifyNarrowed(t *testing.T) {
	w := newTurned(t)
	_, g := w.granted(t, "title")
	home := t.TempDir()
	w.login(t, home, "investigator@AM")
	code, out, errs := w.comity(t, home, "grant", "show", string(g.ID), "--json")
	if code != 0 || !strings.Contains(out, `"narrowing"`) {
		t.Fatalf("%d %s %s", code, out, errs)
	}
	file := filepath.Join(t.TempDir(), "grant.json")
	ok(t, os.WriteFile(file, []byte(out), 0o600))
	code, out, errs = w.comity(t, home, "grant", "verify", file)
	if code == 0 && strings.Contains(out, "FULL") && !strings.Contains(strings.ToLower(out), "narrow") {
		t.Errorf("a grant narrowed to SUMMARY is verified as FULL, and nothing says that it was narrowed:\n%s%s", out, errs)
	}
}

// TestAttackFilePermissions: nothing that a login keeps is for others' eyes.
func TestAttackFilePermissions(t *testing.T) {
	w := newTurned(t)
	home := filepath.Join(t.TempDir(), "home")
	w.login(t, home, "investigator@KZ")
	ok(t, filepath.Walk(home, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has the mode %v", path, info.Mode())
		}
		return err
	}))
	// A token that others can read is as good as theirs with the key beside it.
	ok(t, filepath.Walk(home, func(path string, _ os.FileInfo, err error) error {
		if filepath.Base(path) == "session.pem" {
			ok(t, os.Chmod(path, 0o644))
		}
		return err
	}))
	if code, _, _ := w.comity(t, home, "whoami"); code == 0 {
		t.Error("a session key that others can read is used")
	}
	for _, name := range []string{"../x", "a/../../x", "..", ".", "a/b", `a\b`, "-x", ""} {
		if code, _, _ := w.comity(t, home, "--profile", name+"/", "whoami"); code == 0 {
			t.Errorf("the profile %q is taken", name)
		}
	}
}
