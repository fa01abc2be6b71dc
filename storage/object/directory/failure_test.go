package directory_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/comity-platform/comity/storage/object"
	"github.com/comity-platform/comity/storage/object/directory"
	"github.com/comity-platform/comity/storage/object/objecttest"
)

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

func begin(t *testing.T, store object.Store, key string) string {
	t.Helper()
	id, err := store.Begin(t.Context(), key, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func names(t *testing.T, dir string) (found []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		found = append(found, e.Name())
	}
	return found
}

// TestFull limits how long a file may become, which fails in the middle of a write just as a full disk does. The limit
// holds for a whole process, so it is one of its own.
func TestFull(t *testing.T) {
	const child = "COMITY_TEST_FULL_CHILD"
	if os.Getenv(child) == "" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFull$", "-test.v")
		cmd.Env = append(os.Environ(), child+"=1")
		if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("--- PASS: TestFull")) {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	dir := t.TempDir()
	store, data := serve(t, dir), random(3<<20)
	id := begin(t, store, "full")
	part := objecttest.PartOf(1, data)
	signed, err := store.SignPart(t.Context(), "full", id, part, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	lift := limitFiles(t, 1<<20)
	a := objecttest.Send(t, http.DefaultClient, signed, data)
	if a.Status != http.StatusInsufficientStorage || !strings.Contains(string(a.Body), "full") || strings.Contains(string(a.Body), dir) {
		t.Errorf("put: %d %s", a.Status, a.Body)
	}
	lift()
	lift = limitFiles(t, 0)
	if _, err := store.Begin(t.Context(), "more", time.Now().Add(time.Hour)); !errors.Is(err, object.ErrUnavailable) {
		t.Errorf("begin: %v", err)
	}
	if err := store.Check(t.Context()); !errors.Is(err, object.ErrUnavailable) {
		t.Errorf("check: %v", err)
	}
	lift()
	if left := names(t, filepath.Join(dir, "tmp")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if held, err := store.Parts(t.Context(), "full", id); err != nil || len(held) != 0 {
		t.Errorf("held: %v, %v", held, err)
	}

	if a := objecttest.Send(t, http.DefaultClient, signed, data); a.Status != http.StatusOK {
		t.Fatalf("put when there is room again: %d %s", a.Status, a.Body)
	}
	lift = limitFiles(t, 0)
	if _, err := store.Complete(t.Context(), "full", id, []object.Part{part}); !errors.Is(err, object.ErrUnavailable) {
		t.Errorf("complete: %v", err)
	}
	lift()
	if _, err := store.Stat(t.Context(), "full", ""); !errors.Is(err, object.ErrNotFound) {
		t.Errorf("half complete: %v", err)
	}
	if _, err := store.Complete(t.Context(), "full", id, []object.Part{part}); err != nil {
		t.Errorf("complete when there is room again: %v", err)
	}
}

func limitFiles(t *testing.T, bytes uint64) (lift func()) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ)
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: bytes, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRestart: a new process at another address finds uploads, objects and the secret; URLs signed before still hold.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	old := serve(t, dir)
	data := random(2000)
	done := objecttest.Upload(t, old, "done", data)
	id := begin(t, old, "open")
	part := objecttest.PutPart(t, old, "open", id, 1, data)
	get, err := old.SignGet(t.Context(), "done", done.Version, time.Minute)
	if err != nil {
		t.Fatal(err)
	}

	store := serve(t, dir)
	again, err := store.SignGet(t.Context(), "done", done.Version, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	host, _, _ := strings.Cut(again.URL, "?")
	_, query, _ := strings.Cut(get.URL, "?")
	get.URL = host + "?" + query
	if a := objecttest.Send(t, http.DefaultClient, get, nil); a.Status != http.StatusOK || !bytes.Equal(a.Body, data) {
		t.Errorf("get: %d %s", a.Status, a.Body)
	}
	if stat, err := store.Stat(t.Context(), "done", ""); err != nil || stat != done {
		t.Errorf("stat: %+v, %v", stat, err)
	}
	if _, err := store.Complete(t.Context(), "open", id, []object.Part{part}); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(filepath.Join(dir, "url-key")); err != nil || info.Mode().Perm() != 0o400 {
		t.Errorf("secret: %v, %v", info, err)
	}
}

// TestCrash puts the directory in the states in which a crash can leave it.
func TestCrash(t *testing.T) {
	dir := t.TempDir()
	store := serve(t, dir)
	id := begin(t, store, "k")
	part := objecttest.PutPart(t, store, "k", id, 1, random(100))
	done, err := store.Complete(t.Context(), "k", id, []object.Part{part})
	if err != nil {
		t.Fatal(err)
	}
	objects, err := filepath.Glob(filepath.Join(dir, "objects", "*", "*"))
	if err != nil || len(objects) != 1 {
		t.Fatal(objects, err)
	}
	// After the manifest was written, before the rename.
	if err := os.Rename(objects[0], filepath.Join(dir, "uploads", id)); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Stat(t.Context(), "k", ""); !errors.Is(err, object.ErrNotFound) {
		t.Errorf("visible: %v", err)
	}
	again, err := store.Complete(t.Context(), "k", id, []object.Part{part})
	if err != nil || again.Root != done.Root {
		t.Fatalf("completed: %+v, %v", again, err)
	}
	// A part file that is shorter than its name says (a file system that lost its end) is no part.
	file, err := filepath.Glob(filepath.Join(objects[0], "00001-*"))
	if err != nil || len(file) != 1 {
		t.Fatal(file, err)
	}
	if err := errors.Join(os.Chmod(file[0], 0o600), os.Truncate(file[0], 50)); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Complete(t.Context(), "k", id, []object.Part{part}); !errors.Is(err, object.ErrMismatch) {
		t.Errorf("adopted a damaged object: %v", err)
	}
	get, err := store.SignGet(t.Context(), "k", again.Version, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.Get(get.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.ReadAll(res.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a damaged object was read to its end: %v", err)
	}
}

func TestSweep(t *testing.T) {
	dir := t.TempDir()
	store := serve(t, dir)
	old, young := begin(t, store, "old"), begin(t, store, "young")
	for name, age := range map[string]time.Duration{"tmp/left": 25 * time.Hour, "tmp/fresh": time.Hour} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Time{}, time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	for id, age := range map[string]time.Duration{old: 8 * 24 * time.Hour, young: 6 * 24 * time.Hour} {
		if err := os.Chtimes(filepath.Join(dir, "uploads", id), time.Time{}, time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	next := serve(t, dir) // has not swept yet
	third := begin(t, next, "third")
	if _, err := next.Parts(t.Context(), "old", old); !errors.Is(err, object.ErrNotFound) {
		t.Errorf("old upload: %v", err)
	}
	if _, err := next.Parts(t.Context(), "young", young); err != nil {
		t.Errorf("young upload: %v", err)
	}
	if _, err := next.Parts(t.Context(), "third", third); err != nil {
		t.Errorf("new upload: %v", err)
	}
	if left := names(t, filepath.Join(dir, "tmp")); len(left) != 1 || left[0] != "fresh" {
		t.Errorf("in tmp: %v", left)
	}
}

// TestStoresApart: what one store signed is nothing to another, even behind the same secret.
func TestStoresApart(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	kz := serve(t, first)
	done := objecttest.Upload(t, kz, "k", random(10))
	get, err := kz.SignGet(t.Context(), "k", done.Version, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := os.ReadFile(filepath.Join(first, "url-key"))
	if err != nil {
		t.Fatal(err)
	}
	for name, prepare := range map[string]func(){
		"other secret": func() {},
		"other path": func() {
			os.Remove(filepath.Join(second, "url-key"))
			_ = os.WriteFile(filepath.Join(second, "url-key"), secret, 0o400)
		},
	} {
		prepare()
		am, err := directory.Open(second, "http://store.example/store/AM")
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		am.ServeHTTP(w, httptest.NewRequest(http.MethodGet, strings.Replace(get.URL, "/KZ/", "/AM/", 1), nil))
		if w.Code != http.StatusForbidden {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		am.Close()
	}
}

// TestSlow: the server's own deadlines are for short requests; a transfer that moves goes on.
func TestSlow(t *testing.T) {
	const serverTime = 2 * time.Second // that short requests have, on a busy machine too
	server := httptest.NewUnstartedServer(nil)
	store, err := directory.Open(t.TempDir(), "http://"+server.Listener.Addr().String()+"/s")
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = store
	server.Config.ReadTimeout, server.Config.WriteTimeout = serverTime, serverTime
	server.Start()
	defer server.Close()
	data := random(8 << 20)
	id := begin(t, store, "slow")
	part := objecttest.PartOf(1, data)
	signed, err := store.SignPart(t.Context(), "slow", id, part, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), signed.Method, signed.URL, io.NopCloser(&slow{data: data, pause: serverTime/4 + 200*time.Millisecond}))
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = part.Size
	req.Header.Set("X-Amz-Checksum-Sha256", signed.Header["X-Amz-Checksum-Sha256"])
	res, err := http.DefaultClient.Do(req)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("put: %v, %v", res, err)
	}
	res.Body.Close()
	done, err := store.Complete(t.Context(), "slow", id, []object.Part{part})
	if err != nil {
		t.Fatal(err)
	}
	get, err := store.SignGet(t.Context(), "slow", done.Version, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	res, err = http.Get(get.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	time.Sleep(serverTime + time.Second)
	if got, err := io.ReadAll(res.Body); err != nil || !bytes.Equal(got, data) {
		t.Errorf("get: %d bytes, %v", len(got), err)
	}
}

// slow gives its data in four pieces with pauses.
type slow struct {
	data  []byte
	pause time.Duration
	n     int
}

func (s *slow) Read(p []byte) (int, error) {
	if len(s.data) == 0 {
		return 0, io.EOF
	}
	if s.n++; s.n <= 4 {
		time.Sleep(s.pause)
		p = p[:min(len(p), 100)]
	}
	n := copy(p, s.data)
	s.data = s.data[n:]
	return n, nil
}

func TestOpen(t *testing.T) {
	for _, base := range []string{"", "store", "/store", "ftp://host/store", "http://host/store?x=1", "http://host/#f", "http://%zz"} {
		if _, err := directory.Open(t.TempDir(), base); !errors.Is(err, object.ErrInvalid) {
			t.Errorf("%q: %v", base, err)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "url-key"), []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := directory.Open(dir, "http://host"); err == nil || strings.Contains(err.Error(), "short") {
		t.Errorf("damaged secret: %v", err)
	}
	if _, err := directory.Open(filepath.Join(dir, "url-key", "x"), "http://host"); err == nil {
		t.Error("opened under a file")
	}
	store, err := directory.Open(t.TempDir(), "https://host/store/KZ/")
	if err != nil || store.Prefix() != "/store/KZ/" {
		t.Fatalf("prefix %q, %v", store.Prefix(), err)
	}
	if err := store.Close(); err != nil {
		t.Error(err)
	}
	if err := store.Check(t.Context()); !errors.Is(err, object.ErrUnavailable) {
		t.Errorf("after closing: %v", err)
	}
}

// FuzzServe: without the store's signature there is one answer, and no request makes a file.
func FuzzServe(f *testing.F) {
	dir := f.TempDir()
	store, err := directory.Open(dir, "http://host/store/KZ")
	if err != nil {
		f.Fatal(err)
	}
	signed, err := store.SignPart(f.Context(), "k", strings.Repeat("0", 32), object.Part{Number: 1, Size: 1}, time.Minute)
	if err != nil {
		f.Fatal(err)
	}
	_, query, _ := strings.Cut(signed.URL, "?")
	f.Add("PUT", "/store/KZ/../k", query, "1", int64(1))
	f.Add("GET", "/store/KZ/k", "versionId=x&X-Comity-Expires=99999999999&X-Comity-Signature=00", "", int64(0))
	f.Add("GET", "/store/KZ/..%2f..%2furl-key", "", "", int64(0))
	f.Add("DELETE", "/store/AM/k", query+"&X-Comity-Signature=", "AAAA", int64(-1))
	f.Add("GET", "/store/KZ/k", "a;b=%zz", "", int64(0))
	f.Fuzz(func(t *testing.T, method, path, query, checksum string, length int64) {
		r := httptest.NewRequest(http.MethodGet, "http://host/", strings.NewReader("x"))
		r.Method, r.URL.Path, r.URL.RawQuery, r.ContentLength = method, path, query, length
		r.Header.Set("X-Amz-Checksum-Sha256", checksum)
		w := httptest.NewRecorder()
		store.ServeHTTP(w, r)
		if w.Code != http.StatusForbidden {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		for _, sub := range []string{"tmp", "uploads", "objects"} {
			if entries, err := os.ReadDir(filepath.Join(dir, sub)); err != nil || len(entries) != 0 {
				t.Errorf("%s: %v, %v", sub, entries, err)
			}
		}
	})
}
