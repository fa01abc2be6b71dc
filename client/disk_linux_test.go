package client_test

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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

// TestGetClosesBeforeRemoving: each partial file is closed when it is removed,
// as systems want it that keep a file that is open.
func TestGetClosesBeforeRemoving(t *testing.T) {
	w := newWorld(t)
	c := w.as(t, "investigator@KZ")
	of := w.file(t, c).ID
	path, _ := temp(t, "f", 1000)
	x, err := c.PutEvidence(t.Context(), client.PutOptions{Case: of, Path: path})
	must(t, err)
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "."+string(x.Evidence)+".1.partial"), []byte("plaintext"), 0o600))
	watch, err := syscall.InotifyInit1(syscall.IN_NONBLOCK)
	must(t, err)
	defer syscall.Close(watch)
	_, err = syscall.InotifyAddWatch(watch, dir, syscall.IN_OPEN|syscall.IN_CLOSE|syscall.IN_DELETE)
	must(t, err)
	_, err = c.GetEvidence(t.Context(), client.GetOptions{Evidence: x.Evidence, Purpose: comity.PurposeInvestigation, Dest: filepath.Join(dir, "x")})
	must(t, err)
	b := make([]byte, 1<<16)
	n, err := syscall.Read(watch, b)
	must(t, err)
	open, removed := map[string]int{}, 0
	for b = b[:n]; len(b) > 0; {
		mask, size := binary.NativeEndian.Uint32(b[4:]), binary.NativeEndian.Uint32(b[12:])
		name := strings.TrimRight(string(b[16:16+size]), "\x00")
		b = b[16+size:]
		switch {
		case mask&syscall.IN_OPEN != 0:
			open[name]++
		case mask&syscall.IN_CLOSE != 0:
			open[name]--
		case mask&syscall.IN_DELETE != 0:
			removed++
			if open[name] != 0 {
				t.Errorf("%s is removed while it is open", name)
			}
		}
	}
	if removed != 2 {
		t.Errorf("%d files were removed, wanted the stale one and the own", removed)
	}
}
