package service_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/cmd/comityd/service"
	"github.com/comity-platform/comity/crypto/token"
	"github.com/comity-platform/comity/deploy/union"
)

var idleStreams = flag.Int("streams", 1000, "how many idle streams TestIdleStreams opens")

// idleConfig names the configuration by which a process of its own serves.
const idleConfig = "COMITYD_IDLE_CONFIG"

// TestIdleStreamsServer is the server of TestIdleStreams, in a process of its own.
func TestIdleStreamsServer(t *testing.T) {
	file := os.Getenv(idleConfig)
	if file == "" {
		return // it is not that process
	}
	raw, err := os.ReadFile(file)
	must(t, err)
	var cfg service.Config
	must(t, json.Unmarshal(raw, &cfg))
	s, err := service.New(t.Context(), cfg, service.Options{})
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { _, _ = os.Stdin.Read(make([]byte, 1)); cancel() }() // until the other process ends
	must(t, s.Run(ctx))
}

// resident is the memory of a process that is in use, in bytes.
func resident(t *testing.T, pid int) int {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	must(t, err)
	for line := range strings.Lines(string(raw)) {
		var kb int
		if n, _ := fmt.Sscanf(line, "VmRSS: %d kB", &kb); n == 1 {
			return kb << 10
		}
	}
	t.Fatalf("no memory in %s", raw)
	return 0
}

// TestIdleStreams opens many streams at a server, and wants them to take no more
// than their part of 1 GiB for ten thousand, and the server to serve on.
func TestIdleStreams(t *testing.T) {
	n := *idleStreams
	cfg, l, dir := embedded(t)
	must(t, l.Close())
	cfg.MaxStreams, cfg.MaxStateStreams, cfg.MaxAgencyStreams, cfg.MaxOfficerStreams = n+10, n+10, n+10, n+10
	cfg.LogLevel = "warn"
	raw, err := json.Marshal(cfg)
	must(t, err)
	file := filepath.Join(dir, "idle.json")
	must(t, os.WriteFile(file, raw, 0o600))
	var said bytes.Buffer
	server := exec.CommandContext(context.WithoutCancel(t.Context()), os.Args[0], "-test.run=^TestIdleStreamsServer$", "-test.timeout=20m")
	server.Env = append(os.Environ(), idleConfig+"="+file)
	server.Stdout, server.Stderr = &said, &said
	in, err := server.StdinPipe()
	must(t, err)
	must(t, server.Start())
	t.Cleanup(func() {
		_ = in.Close()
		if err := server.Wait(); err != nil {
			t.Errorf("%v: %s", err, &said)
		}
	})
	eventually(t, "the server listens", func() bool {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	ready(t, cfg.ExternalURL, func(code int, _ readiness) bool { return code == http.StatusOK })

	var officers []*client.Client
	for _, s := range []comity.State{"KZ", "AM", "BY", "KG"} {
		for _, o := range union.Officers(s) {
			officers = append(officers, login(t, cfg, o.Name))
		}
	}
	before := resident(t, server.Process.Pid)
	began := time.Now()
	open := make([]net.Conn, n)
	var all errgroup.Group
	all.SetLimit(16)
	for i := range n {
		all.Go(func() (err error) {
			open[i], err = openIdle(t.Context(), cfg, officers[i%len(officers)])
			return err
		})
	}
	defer func() {
		for _, c := range open {
			if c != nil {
				_ = c.Close()
			}
		}
	}()
	must(t, all.Wait())
	took := time.Since(began)
	time.Sleep(5 * time.Second) // they are idle
	after := resident(t, server.Process.Pid)
	t.Logf("%d streams, opened in %s: %d MiB before, %d MiB after, %d KiB each", n, took.Round(time.Millisecond), before>>20, after>>20, (after-before)/n>>10)
	if most := 1 << 30 / 10_000 * n; after-before > most || after > 1<<30 {
		t.Errorf("%d idle streams take %d MiB, and the server %d MiB", n, (after-before)>>20, after>>20)
	}

	// Whoever else comes is served, and told.
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := login(t, cfg, "investigator@KZ")
	told := make(chan client.Event, 1)
	go func() {
		_ = c.Watch(ctx, client.Watching{Kinds: []comity.EventKind{comity.EventCaseChanged}}, func(e client.Event) error { told <- e; return nil })
	}()
	<-told
	filed, err := c.CaseFile(ctx, client.NewCase{Category: "RANSOMWARE", Title: "T", Summary: "s", Narrative: "n",
		Nexus: []comity.Nexus{{Basis: comity.NexusTerritory, State: "KZ"}, {Basis: comity.NexusEffects, State: "AM"}}})
	must(t, err)
	select {
	case e := <-told:
		if e.Case == nil || e.Case.ID != filed.ID {
			t.Errorf("told %+v", e)
		}
	case <-ctx.Done():
		t.Error("nothing was told beside the idle streams")
	}
}

// openIdle opens a stream and reads as far as that it stands.
func openIdle(ctx context.Context, cfg service.Config, c *client.Client) (net.Conn, error) {
	key, tok := c.Session()
	url := cfg.ExternalURL + "/graphql/stream"
	proof, err := token.Proof(key, http.MethodPost, url, tok, time.Now())
	if err != nil {
		return nil, err
	}
	body := `{"query":"subscription { events(kinds: [HOLD_ENDED]) { id kind at } }"}`
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, v := range map[string]string{"Content-Type": "application/json", "Accept": "text/event-stream", "Authorization": "DPoP " + tok, "DPoP": proof} {
		r.Header.Set(name, v)
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", r.URL.Host)
	if err != nil {
		return nil, err
	}
	if err := r.Write(conn); err != nil {
		return conn, err
	}
	var said strings.Builder
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), `"BEGAN"`) {
			return conn, nil
		}
	}
	return conn, fmt.Errorf("no stream: %s", &said)
}
