// Package hostile sends what is meant to end or stall the server to a comityd
// that runs under a limit of memory.
package hostile

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/cmd/comityd/service"
	"github.com/comity-platform/comity/cmd/comityd/setup"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token"
	"github.com/comity-platform/comity/deploy/stack"
	"github.com/comity-platform/comity/deploy/stack/stacktest"
)

const (
	// more is what the server may take of memory beside what it has when idle;
	// the kernel refuses the rest, which ends a Go program.
	more = 512 << 20
	// most is the processor time that one request may cost.
	most = time.Second
	// patience is what another client may wait, on a machine that does much else.
	patience = 10 * time.Second
	// cases are filed, so that lists have something to give.
	cases = 60
)

// server is a comityd process.
type server struct {
	cfg service.Config
	cmd *exec.Cmd
	log *os.File
}

// TestHostile runs one server on each engine through everything, so that what one
// part leaves behind is there for the next.
func TestHostile(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "comityd")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "..").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for name, lay := range map[string]func(t *testing.T, dir, address string) (service.Config, error){
		"SQLite": func(t *testing.T, dir, address string) (service.Config, error) {
			return setup.Embedded(t.Context(), dir, address)
		},
		"PostgreSQL": func(t *testing.T, dir, address string) (service.Config, error) {
			return setup.Real(t.Context(), dir, &stack.Stack{Vault: stacktest.PrivateVault(t), MinIO: stacktest.TestMinIO(t), Postgres: stacktest.TestPostgres(t)}, address, nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			address, err := stack.FreeAddress()
			must(t, err)
			cfg, err := lay(t, t.TempDir(), address)
			must(t, err)
			cfg.RequestTimeout = service.Duration(20 * time.Second)
			s := start(t, program, cfg)
			fill(t, s.login(t, "investigator@KZ"))
			for _, part := range []struct {
				name string
				test func(*testing.T, *server)
			}{{"documents", documentsAlone}, {"distinct documents", distinctDocuments}, {"noise", noise}, {"connections", connections}, {"heads", heads}, {"streams", streams}} {
				t.Run(part.name, func(t *testing.T) {
					o := served(t, s, "auditor@KZ")
					part.test(t, s)
					o.check(t)
				})
			}
			t.Logf("the server took %d MiB of memory at most", s.status(t, "VmHWM")>>10)
		})
	}
}

func start(t *testing.T, program string, cfg service.Config) *server {
	t.Helper()
	dir := t.TempDir()
	raw, err := json.Marshal(cfg)
	must(t, err)
	file := filepath.Join(dir, "comityd.json")
	must(t, os.WriteFile(file, raw, 0o600))
	s := &server{cfg: cfg, cmd: exec.Command(program, "serve", "--config", file)}
	s.log, err = os.Create(filepath.Join(dir, "log"))
	must(t, err)
	s.cmd.Stderr = s.log
	must(t, s.cmd.Start())
	t.Cleanup(func() {
		if s.cmd.ProcessState == nil {
			_ = s.cmd.Process.Signal(syscall.SIGTERM)
			if err := s.cmd.Wait(); err != nil {
				t.Errorf("the server ends with %v", err)
			}
		}
		if t.Failed() {
			b, _ := os.ReadFile(s.log.Name())
			t.Logf("the server's log ends:\n%s", b[max(0, len(b)-4000):])
			if at := regexp.MustCompile(`(?m)^(panic|fatal error|runtime|SIG\w+): `).FindIndex(b); at != nil {
				t.Logf("it was cut short by:\n%s", b[at[0]:min(len(b), at[0]+8000)])
			}
		}
		_ = s.log.Close()
	})
	eventually(t, "the server is ready", func() bool {
		res, err := http.Get(cfg.ExternalURL + "/readyz")
		if err != nil {
			return false
		}
		_ = res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	limit := uint64(s.status(t, "VmSize"))<<10 + more
	must(t, unix.Prlimit(s.cmd.Process.Pid, unix.RLIMIT_AS, &unix.Rlimit{Cur: limit, Max: limit}, nil))
	return s
}

// status reads a figure of the process, in KiB.
func (s *server) status(t *testing.T, name string) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	must(t, err)
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			n, err := strconv.Atoi(strings.Fields(rest)[0])
			must(t, err)
			return n
		}
	}
	t.Fatalf("the process tells no %s", name)
	return 0
}

// processor is the time that the process has used so far.
func (s *server) processor(t *testing.T) time.Duration {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		t.Fatalf("the server is gone: %v", err)
	}
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	var ticks int
	for _, i := range []int{11, 12} { // utime and stime, proc(5)
		n, err := strconv.Atoi(f[i])
		must(t, err)
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// caller is an officer at the server, or a stranger without a key.
type caller struct {
	s     *server
	key   *ecdsa.PrivateKey
	token string
	http  *http.Client
	c     *client.Client
}

func (s *server) login(t *testing.T, officer string) *caller {
	t.Helper()
	raw, err := os.ReadFile(s.cfg.Roots)
	must(t, err)
	roots, err := statement.ReadRoots(raw)
	must(t, err)
	c, err := client.Login(t.Context(), client.Config{Server: s.cfg.ExternalURL, Union: s.cfg.Union, Roots: roots}, officer)
	must(t, err)
	x := &caller{s: s, c: c, http: &http.Client{Timeout: time.Minute}}
	x.key, x.token = c.Session()
	return x
}

func (s *server) stranger() *caller { return &caller{s: s, http: &http.Client{Timeout: time.Minute}} }

// post sends a body and gives the answer's status and body.
func (c *caller) post(ctx context.Context, body []byte) (int, string, error) {
	at := c.s.cfg.ExternalURL + "/graphql"
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, at, bytes.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("Content-Type", "application/json")
	if err := c.sign(r.Header, http.MethodPost, at); err != nil {
		return 0, "", err
	}
	res, err := c.http.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res.StatusCode, string(b), err
}

func (c *caller) sign(h http.Header, method, at string) error {
	if c.key == nil {
		return nil
	}
	proof, err := token.Proof(c.key, method, at, c.token, time.Now())
	h.Set("Authorization", "DPoP "+c.token)
	h.Set("DPoP", proof)
	return err
}

func query(text string, variables any) []byte {
	b, err := json.Marshal(map[string]any{"query": text, "variables": variables})
	if err != nil {
		panic(err)
	}
	return b
}

// other is another client, who is to be served all the while.
type other struct {
	stop    func()
	served  atomic.Int64
	slowest atomic.Int64
	failed  atomic.Value
}

// served asks again and again until the test ends, and fails it if one answer
// fails to come.
func served(t *testing.T, s *server, officer string) *other {
	t.Helper()
	c, o := s.login(t, officer), &other{}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			began := time.Now()
			code, body, err := c.post(ctx, query("{ viewer { officer { ref } cases(first: 2) { nodes { id title } } } }", nil))
			if ctx.Err() != nil {
				return
			}
			if err != nil || code != http.StatusOK || strings.Contains(body, `"errors"`) {
				o.failed.CompareAndSwap(nil, fmt.Sprintf("%d %s %v", code, body, err))
			}
			o.slowest.Store(max(o.slowest.Load(), int64(time.Since(began))))
			o.served.Add(1)
			time.Sleep(20 * time.Millisecond)
		}
	}()
	o.stop = func() { stop(); <-ended }
	t.Cleanup(o.stop)
	return o
}

// check says whether the other client was served since it began, and has it end.
func (o *other) check(t *testing.T) {
	t.Helper()
	for o.served.Load() < 10 && o.failed.Load() == nil { // a short part
		time.Sleep(10 * time.Millisecond)
	}
	o.stop()
	if f := o.failed.Load(); f != nil {
		t.Errorf("another client was not served: %s", f)
	}
	n, slowest := o.served.Load(), time.Duration(o.slowest.Load())
	t.Logf("another client was served %d times, at the slowest in %s", n, slowest.Round(time.Millisecond))
	if slowest > patience {
		t.Errorf("another client was served after %s", slowest)
	}
}

// fill files cases.
func fill(t *testing.T, c *caller) {
	t.Helper()
	for i := range cases {
		_, err := c.c.CaseFile(t.Context(), client.NewCase{Category: "RANSOMWARE", Title: fmt.Sprintf("Case %d", i),
			Nexus: []comity.Nexus{{Basis: comity.NexusTerritory, State: "KZ"}}})
		must(t, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if is() {
			return
		}
	}
	t.Fatalf("not within two minutes: %s", what)
}
