package service_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/cmd/comityd/service"
	"github.com/comity-platform/comity/cmd/comityd/setup"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/deploy/stack/stacktest"
)

// output is a log that may be read while it is written.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// embedded lays out a sample union for a server on a port that is held.
func embedded(t *testing.T) (service.Config, net.Listener, string) {
	t.Helper()
	dir := stacktest.TempDir(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	cfg, err := setup.Embedded(t.Context(), dir, l.Addr().String())
	must(t, err)
	cfg.MetricsListen = "127.0.0.1:0"
	return cfg, l, dir
}

// running serves until the test ends, or stop is called and tells how it ended.
func running(t *testing.T, cfg service.Config, l net.Listener) (s *service.Service, log *output, stop func() error) {
	t.Helper()
	log = &output{}
	s, err := service.New(t.Context(), cfg, service.Options{Log: log, Listener: l})
	must(t, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	var once sync.Once
	var result error
	stop = func() error {
		once.Do(func() { cancel(); result = <-ended })
		return result
	}
	t.Cleanup(func() { _ = stop() })
	return s, log, stop
}

func login(t *testing.T, cfg service.Config, officer string) *client.Client {
	t.Helper()
	raw, err := os.ReadFile(cfg.Roots)
	must(t, err)
	roots, err := statement.ReadRoots(raw)
	must(t, err)
	c, err := client.Login(t.Context(), client.Config{Server: cfg.ExternalURL, Union: cfg.Union, Roots: roots}, officer)
	must(t, err)
	return c
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	res, err := http.Get(url)
	must(t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	must(t, err)
	return res.StatusCode, string(b)
}

type readiness struct {
	Status  string
	Failing map[string]string
}

// ready asks for readiness until it is as wanted; answers are repeated for a second.
func ready(t *testing.T, url string, want func(int, readiness) bool) {
	t.Helper()
	var code int
	var body string
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		code, body = get(t, url+"/readyz")
		var r readiness
		must(t, json.Unmarshal([]byte(body), &r))
		if want(code, r) {
			return
		}
	}
	t.Fatalf("readiness stays %d %s", code, body)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestReadinessNamesThePart(t *testing.T) {
	cfg, l, dir := embedded(t)
	s, log, _ := running(t, cfg, l)
	own := "http://" + s.MetricsAddr().String()
	if code, body := get(t, cfg.ExternalURL+"/healthz"); code != 200 || !strings.Contains(body, "alive") {
		t.Fatalf("health is %d %s", code, body)
	}
	ready(t, own, func(code int, r readiness) bool { return code == 200 && r.Status == "ready" && len(r.Failing) == 0 })

	keyring := filepath.Join(dir, "states", "KZ", "keyring")
	must(t, os.Rename(keyring, keyring+".away"))
	store := filepath.Join(dir, "states", "AM", "store")
	must(t, os.RemoveAll(store))
	ready(t, own, func(code int, r readiness) bool {
		return code == 200 && r.Status == "degraded" && len(r.Failing) == 2 && strings.Contains(r.Failing["custodian KZ"], "custodian of KZ") && r.Failing["store AM"] != ""
	})
	if _, body := get(t, own+"/readyz"); strings.Contains(body, dir) {
		t.Errorf("readiness tells where files lie: %s", body)
	}
	if code, body := get(t, cfg.ExternalURL+"/readyz"); code != 200 || body != "{\"status\":\"degraded\"}\n" {
		t.Errorf("strangers are told %d %s", code, body)
	}
	must(t, os.Rename(keyring+".away", keyring))
	ready(t, own, func(_ int, r readiness) bool { return r.Failing["custodian KZ"] == "" })
	if s := log.String(); !strings.Contains(s, "a part does not answer") || !strings.Contains(s, "a part answers again") {
		t.Errorf("the log says nothing of it:\n%s", s)
	}
}

// TestReadinessWithoutMetrics: where the operator has no listener of its own,
// the API's names the part.
func TestReadinessWithoutMetrics(t *testing.T) {
	cfg, l, dir := embedded(t)
	cfg.MetricsListen = ""
	running(t, cfg, l)
	must(t, os.RemoveAll(filepath.Join(dir, "states", "AM", "store")))
	ready(t, cfg.ExternalURL, func(code int, r readiness) bool {
		return code == 200 && r.Status == "degraded" && r.Failing["store AM"] != ""
	})
}

func TestMetrics(t *testing.T) {
	cfg, l, _ := embedded(t)
	s, _, _ := running(t, cfg, l)
	if _, err := login(t, cfg, "investigator@KZ").Viewer(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, body := get(t, "http://"+s.MetricsAddr().String()+"/metrics")
	for _, want := range []string{
		`comity_acts_total{act=`, `comity_act_seconds_bucket{act=`, `comity_http_requests_total{handler="graphql",method="post",status="200"}`,
		`comity_part_up{part="custodian KZ"} 1`, `comity_part_up{part="database"} 1`, `comity_manifest_number{state="UZ"} 1`,
		`comity_manifest_expires_seconds{state="AM"}`, "comity_http_requests_in_flight", "comity_streams", "go_goroutines",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	if code, _ := get(t, cfg.ExternalURL+"/metrics"); code != http.StatusNotFound {
		t.Errorf("the metrics are on the API's address too: %d", code)
	}
}

// inFlight waits until so many requests are being served.
func inFlight(t *testing.T, s *service.Service, n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d requests are in flight", n), func() bool {
		_, body := get(t, "http://"+s.MetricsAddr().String()+"/metrics")
		return strings.Contains(body, fmt.Sprintf("\ncomity_http_requests_in_flight %d\n", n))
	})
}

// slowRequest begins a request whose body is not all there, and waits until the
// server waits for the rest.
func slowRequest(t *testing.T, s *service.Service, l net.Listener) (finish func() string) {
	t.Helper()
	conn, err := net.Dial("tcp", l.Addr().String())
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	_, err = io.WriteString(conn, "POST /issuer/KZ/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 12\r\n\r\ngrant_")
	must(t, err)
	inFlight(t, s, 1)
	return func() string {
		if _, err := io.WriteString(conn, "type=x"); err != nil {
			return err.Error()
		}
		must(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
		b, _ := io.ReadAll(conn)
		return string(b)
	}
}

func TestShutdownDrains(t *testing.T) {
	cfg, l, _ := embedded(t)
	s, _, stop := running(t, cfg, l)
	finish := slowRequest(t, s, l)
	ended := make(chan error, 1)
	go func() { ended <- stop() }()
	eventually(t, "a server that shuts down takes no new connections", func() bool {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	})
	select {
	case err := <-ended:
		t.Fatalf("it did not wait for the request in flight: %v", err)
	default:
	}
	if answer := finish(); !strings.Contains(answer, "unsupported_grant_type") {
		t.Errorf("the request in flight got %q", answer)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestShutdownHasADeadline(t *testing.T) {
	cfg, l, _ := embedded(t)
	cfg.Drain = service.Duration(300 * time.Millisecond)
	s, _, stop := running(t, cfg, l)
	slowRequest(t, s, l)
	began := time.Now()
	if err := stop(); err == nil || !strings.Contains(err.Error(), "--drain") {
		t.Errorf("a request that never ends is %v", err)
	}
	if took := time.Since(began); took > 30*time.Second { // the request itself may take a minute
		t.Errorf("the shutdown took %s", took)
	}
}

func TestAddressInUse(t *testing.T) {
	cfg, l, _ := embedded(t)
	_, err := service.New(t.Context(), cfg, service.Options{Log: io.Discard})
	if err == nil || !strings.Contains(err.Error(), l.Addr().String()+" is in use") || !strings.Contains(err.Error(), "--listen") {
		t.Errorf("an address in use is %v", err)
	}
}
