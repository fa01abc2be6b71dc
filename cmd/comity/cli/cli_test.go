package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
)

func TestParseInstant(t *testing.T) {
	now := time.Date(2026, 11, 22, 9, 30, 15, 5, time.UTC)
	for s, want := range map[string]string{
		"2026-12-01":                "2026-12-01T23:59:59Z", // the whole day
		"2026-12-01T10:00:00Z":      "2026-12-01T10:00:00Z",
		"2026-12-01T10:00:00+05:00": "2026-12-01T05:00:00Z",
		"7d":                        "2026-11-29T09:30:15Z",
		"12h":                       "2026-11-22T21:30:15Z",
		"90m":                       "2026-11-22T11:00:15Z",
	} {
		if got, err := parseInstant(s, now); err != nil || got.Format(time.RFC3339Nano) != want {
			t.Errorf("%q is %v (%v), wanted %s", s, got, err, want)
		}
	}
	for _, s := range []string{"", "tomorrow", "d", "-7d", "0d", "7dd", "1e3d", "99999999d", "-1h", "0s", "2026-13-01", "7 d"} {
		if got, err := parseInstant(s, now); err == nil {
			t.Errorf("%q is taken for %v", s, got)
		}
	}
}

func FuzzParseInstant(f *testing.F) {
	for _, s := range []string{"7d", "12h", "2026-11-22", "2026-11-22T09:30:00Z", "0x1d", "9223372036854775807d"} {
		f.Add(s)
	}
	now := time.Date(2026, 11, 22, 9, 30, 15, 0, time.UTC)
	f.Fuzz(func(t *testing.T, s string) {
		got, err := parseInstant(s, now)
		if err == nil && (got.Location() != time.UTC || got.Nanosecond() != 0) {
			t.Fatalf("%q is %v", s, got)
		}
	})
}

// TestClean: what others wrote cannot drive a terminal or break a table.
func TestClean(t *testing.T) {
	for s, want := range map[string]string{
		"plain": "plain", " a\tb\nc ": "a b c", "x\x1b[2Jy": "x\uFFFD[2Jy", "a\u202egpj.exe": "a\uFFFDgpj.exe", "\x9bA": "\uFFFDA", "Иван": "Иван", "\u009b1m": "\uFFFD1m",
	} {
		if got := clean(s); got != want {
			t.Errorf("%q becomes %q, wanted %q", s, got, want)
		}
	}
	if got := lines("a\x1b[1m\nb"); got != "a\uFFFD[1m\nb" {
		t.Errorf("lines gives %q", got)
	}
}

func TestExitCodes(t *testing.T) {
	for _, test := range []struct {
		err  error
		code int
	}{
		{errors.New("x"), exitInternal},
		{usagef("x"), exitUsage},
		{comity.Invalid("f", "x"), exitUsage},
		{fmt.Errorf("w: %w", comity.NotFound()), exitNotFound},
		{&client.Failure{Err: comity.Denied(comity.ArticlePurpose, "x", "")}, exitDenied},
		{comity.Conflict("x"), exitConflict},
		{comity.Unauthenticated("x", nil), exitUnauthenticated},
		{comity.Unavailable("x", nil), exitUnavailable},
		{&comity.Error{Code: comity.CodeLimit}, exitLimit},
		{fmt.Errorf("w: %w", &client.VerificationError{What: "x", Err: comity.NotFound()}), exitVerification},
		{fmt.Errorf("w: %w", context.Canceled), exitInterrupted},
		{comity.Unavailable("x", context.Canceled), exitInterrupted},
	} {
		if got := exitCode(test.err); got != test.code {
			t.Errorf("%v ends with %d, wanted %d", test.err, got, test.code)
		}
		var out bytes.Buffer
		if r := (&run{stderr: &out, commands: &commands{}}); r.fail(test.err) != test.code || out.Len() == 0 {
			t.Errorf("%v is told as %q", test.err, out.String())
		}
	}
}

// TestMainAlone runs commands that need no exchange, in-process.
func TestMainAlone(t *testing.T) {
	home := t.TempDir()
	env := map[string]string{"COMITY_HOME": home}
	do := func(ctx context.Context, args ...string) (int, string, string) {
		var stdout, stderr bytes.Buffer
		code := Main(ctx, args, strings.NewReader(""), &stdout, &stderr, func(name string) string { return env[name] })
		return code, stdout.String(), stderr.String()
	}
	if code, out, _ := do(t.Context(), "--help"); code != 0 || !strings.Contains(out, "Exit codes:") {
		t.Errorf("--help ends with %d: %s", code, out)
	}
	if code, out, _ := do(t.Context(), "version"); code != 0 || !strings.HasPrefix(out, "comity ") {
		t.Errorf("version ends with %d: %s", code, out)
	}
	if code, _, errs := do(t.Context(), "case", "list"); code != exitUnauthenticated || !strings.Contains(errs, "nobody is logged in") {
		t.Errorf("without a login: %d %s", code, errs)
	}
	key := filepath.Join(t.TempDir(), "k.pem")
	if code, _, errs := do(t.Context(), "manifest", "key", "KZ", "--out", key); code != 0 {
		t.Errorf("manifest key ends with %d: %s", code, errs)
	}
	if _, err := readKey(key); err != nil {
		t.Error(err)
	}
	// Interrupted before it began.
	roots := filepath.Join(home, "roots.json")
	if code, _, errs := do(t.Context(), "manifest", "key", "AM", "--out", key+"2", "--roots", roots); code != 0 {
		t.Fatalf("manifest key ends with %d: %s", code, errs)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	code, _, errs := do(ctx, "login", "--as", "liaison@AM", "--server", "http://127.0.0.1:1", "--roots", roots)
	if code != exitInterrupted || !strings.Contains(errs, "interrupted") {
		t.Errorf("interrupted: %d %s", code, errs)
	}
	for _, name := range []string{"", "/", "../x", "a/b", ".hidden", strings.Repeat("x", 101)} {
		if code, _, _ := do(t.Context(), "whoami", "--profile", name); code != exitUsage && code != exitUnauthenticated {
			t.Errorf("the profile %q ends with %d", name, code)
		}
	}
	if left, err := os.ReadDir(filepath.Dir(home)); err != nil || len(left) > 4 {
		t.Errorf("files were written elsewhere: %v %v", left, err)
	}
}

// TestTransferSilent: no bar where nobody watches.
func TestTransferSilent(t *testing.T) {
	var stderr bytes.Buffer
	r := &run{stderr: &stderr, commands: &commands{}}
	b := r.transfer("x")
	b.tell(client.Progress{Done: 2 << 20, Total: 4 << 20, Resumed: 1 << 20})
	if s := b.end(); !strings.HasPrefix(s, "1.0 MiB in ") || stderr.Len() != 0 {
		t.Errorf("the transfer says %q and wrote %q", s, stderr.String())
	}
}

// TestRate: bytes come in bursts, and what is told of them does not.
func TestRate(t *testing.T) {
	const mib = 1 << 20
	at := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	var r rate
	p := client.Progress{Total: 100 * mib}
	for i := range 100 { // 10 MiB/s, in bursts of 1 MiB, the first of them at once
		p.Done += mib
		r.add(p.Done, at)
		said := r.say(p)
		if i < 20 && strings.Contains(said, "/s") {
			t.Fatalf("after %d reports it says %q", i+1, said)
		}
		if i > 40 && !strings.Contains(said, "10.0 MiB/s, ") {
			t.Fatalf("after %d reports it says %q", i+1, said)
		}
		at = at.Add(100 * time.Millisecond)
	}
	p.Done = 50 * mib
	if got := r.say(p); got != "50.0 MiB of 100.0 MiB, 10.0 MiB/s, 5s left" {
		t.Errorf("it says %q", got)
	}
}

// TestFaultIsNoSuccess: a fault of the program does not end with exit code 0.
func TestFaultIsNoSuccess(t *testing.T) {
	defer func() {
		if got := recover(); got != "fault" {
			t.Errorf("recovered %v", got)
		}
	}()
	code := Main(t.Context(), []string{"version"}, strings.NewReader(""), io.Discard, io.Discard, func(string) string { panic("fault") })
	t.Errorf("the exit code is %d", code)
}
