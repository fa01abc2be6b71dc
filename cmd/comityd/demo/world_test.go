package demo

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity/cmd/comityd/service"
	"github.com/comity-platform/comity/cmd/comityd/setup"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/deploy/stack"
	"github.com/comity-platform/comity/deploy/stack/stacktest"
)

// world is a server on a sample union of its own.
type world struct {
	cfg  service.Config
	dir  string       // of the server's files
	log  string       // of the server
	real *stack.Stack // nil when embedded
}

func newEmbedded(t *testing.T) *world {
	t.Helper()
	w := &world{dir: stacktest.TempDir(t)}
	l := listener(t)
	var err error
	w.cfg, err = setup.Embedded(t.Context(), w.dir, l.Addr().String())
	must(t, err)
	w.serve(t, l)
	return w
}

// newReal is on a Vault, a MinIO and a PostgreSQL of its own, to be stopped at will.
func newReal(t *testing.T) *world {
	t.Helper()
	w := &world{dir: t.TempDir(), real: &stack.Stack{}}
	w.real.Vault, w.real.MinIO, w.real.Postgres = stacktest.PrivateVault(t), stacktest.PrivateMinIO(t), stacktest.PrivatePostgres(t)
	l := listener(t)
	var err error
	w.cfg, err = setup.Real(t.Context(), w.dir, w.real, l.Addr().String(), nil)
	must(t, err)
	w.serve(t, l)
	return w
}

func listener(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	return l
}

func (w *world) serve(t *testing.T, l net.Listener) {
	t.Helper()
	w.cfg.LogLevel = "debug" // at its most talkative
	w.log = filepath.Join(w.dir, "comityd.log")
	log, err := os.Create(w.log)
	must(t, err)
	s, err := service.New(t.Context(), w.cfg, service.Options{Log: log, Listener: l})
	must(t, err)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		must(t, log.Close())
		if t.Failed() {
			w.tellLog(t)
		}
	})
}

// play plays the story on the world, with a small image.
func (w *world) play(t *testing.T) (*story, string) {
	t.Helper()
	var out bytes.Buffer
	s, err := play(t.Context(), Options{Config: w.cfg, ImageSize: smallestImage, Out: io.MultiWriter(&out, testWriter{t})})
	must(t, err)
	return s, out.String()
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Log(strings.TrimRight(string(b), "\n"))
	return len(b), nil
}

// tale is a story without its telling, for tests that act in other ways.
func (w *world) tale(t *testing.T) *story {
	t.Helper()
	raw, err := os.ReadFile(w.cfg.Roots)
	must(t, err)
	roots, err := statement.ReadRoots(raw)
	must(t, err)
	return &story{teller: &teller{w: testWriter{t}}, o: Options{Config: w.cfg}, roots: roots, work: t.TempDir(), officers: map[string]*officer{}}
}

// eventually waits for what recovers by itself.
func eventually(t *testing.T, what string, f func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if err = f(); err == nil {
			return
		}
	}
	t.Fatalf("%s: %v", what, err)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// tellLog shows what the server's log has of more than routine.
func (w *world) tellLog(t *testing.T) {
	raw, err := os.ReadFile(w.log)
	must(t, err)
	for line := range strings.Lines(string(raw)) {
		if strings.Contains(line, `"level":"WARN"`) || strings.Contains(line, `"level":"ERROR"`) {
			t.Log(strings.TrimSpace(line))
		}
	}
}
