package client_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// smallDisk gives a directory on a file system of 1 MiB: a tmpfs of its own
// for root, and for others a limit on the size of files in this process, which
// is refused in the same place.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "small")
	must(t, os.Mkdir(dir, 0o700))
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", dir).CombinedOutput(); err == nil {
		t.Cleanup(func() { must(t, syscall.Unmount(dir, 0)) })
	} else {
		t.Logf("no tmpfs (%v: %s), limiting the size of files instead", err, out)
		var was syscall.Rlimit
		must(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was))
		must(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 1 << 20, Max: was.Max}))
		t.Cleanup(func() { must(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was)) })
	}
	return dir
}
