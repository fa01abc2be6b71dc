package stacktest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Fsck runs tessera's fsck, which is nothing of ours, on a folder of C2SP
// tlog-tiles that a key (vkey) signed, and says how it ended: "success" with a log
// of so many leaves, or why not. That it ends with status 0 says nothing: only its
// line of success does.
func Fsck(t testing.TB, dir, vkey string, size int64) string {
	t.Helper()
	program, err := fsck()
	if err != nil {
		t.Fatal(err)
	}
	public := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(public, []byte(vkey), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, "-ui=false", "-N=4", "-public_key="+public, "-storage_url=file://"+dir).CombinedOutput()
	_, why, _ := strings.Cut(string(out), "fsck failed: ")
	why, _, _ = strings.Cut(why, "\n")
	switch {
	case bytes.Contains(out, fmt.Appendf(nil, "Successfully fsck'd log with size %d ", size)):
		return "success"
	case ctx.Err() != nil:
		return "no end"
	case err != nil:
		return fmt.Sprintf("%v, failure: %.160q", err, why)
	}
	return fmt.Sprintf("status 0, failure: %.160q", why)
}

// fsck is the program, built once.
var fsck = sync.OnceValues(func() (string, error) {
	mod, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", err
	}
	root := filepath.Dir(strings.TrimSpace(string(mod)))
	// go tool keeps what it builds in its own cache.
	out, err := exec.Command("go", "tool", "-modfile="+filepath.Join(root, "deploy", "tools", "fsck", "go.mod"), "-n", "fsck").Output()
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("%w: %s", err, e.Stderr)
	}
	return strings.TrimSpace(string(out)), err
})
