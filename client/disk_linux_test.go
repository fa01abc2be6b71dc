package client_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
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

// TestPutMapped has another program write into the file through memory while it
// uploads, which leaves size and times as they are: the two readings differ.
func TestPutMapped(t *testing.T) {
	w := newWorld(t)
	c := w.as(t, "investigator@KZ")
	of := w.file(t, c).ID
	const size = 16 << 20
	path, _ := temp(t, "f.img", size)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	defer f.Close()
	mapped, err := syscall.Mmap(int(f.Fd()), 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	must(t, err)
	defer func() { must(t, syscall.Munmap(mapped)) }()
	for i := 0; i < size; i += 4096 { // dirty from here on: no later write shows in the times
		mapped[i]++
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
			}
			for i := 0; i < size; i += 4096 {
				mapped[i]++
			}
		}
	}()
	_, err = c.PutEvidence(t.Context(), client.PutOptions{Case: of, Path: path})
	close(stop)
	<-stopped
	want(t, err, comity.CodeConflict, 0)
}
