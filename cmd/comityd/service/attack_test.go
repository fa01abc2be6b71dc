package service_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity/cmd/comityd/service"
	"github.com/comity-platform/comity/crypto/statement"
)

// slow begins a POST whose body never comes.
func slow(t *testing.T, address, headers string, body string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	_, err = fmt.Fprintf(conn, "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n%sContent-Length: 200000\r\n\r\n%s", headers, body)
	must(t, err)
	return conn
}

// TestAttackUnreadBody sends a request that is refused before its body is read,
// and never sends the body: the server must let go of the connection.
func TestAttackUnreadBody(t *testing.T) {
	cfg, l, _ := embedded(t)
	cfg.RequestTimeout = service.Duration(time.Second)
	running(t, cfg, l)
	conn := slow(t, l.Addr().String(), "Authorization: DPoP x.y.z\r\nDPoP: x\r\n", "{")
	began := time.Now()
	must(t, conn.SetReadDeadline(began.Add(20*time.Second)))
	r := bufio.NewReader(conn)
	for {
		if _, err := r.ReadByte(); err != nil {
			if e, ok := err.(net.Error); ok && e.Timeout() {
				t.Fatalf("after %s, with a request timeout of 1s, the server still waits for the body of a request without a token", time.Since(began))
			}
			return // closed
		}
	}
}

// TestAttackSlowStrangers occupies every place of the API by requests without a
// token whose bodies do not come; officers must still be served.
func TestAttackSlowStrangers(t *testing.T) {
	cfg, l, _ := embedded(t)
	cfg.MaxRequests = 8
	running(t, cfg, l)
	c := login(t, cfg, "investigator@KZ")
	for range 8 {
		slow(t, l.Addr().String(), "", "{")
	}
	time.Sleep(300 * time.Millisecond)
	began := time.Now()
	if _, err := c.Viewer(t.Context()); err != nil {
		t.Errorf("eight strangers who send nothing keep the officers out: after %s: %v", time.Since(began), err)
	}
}

// TestAttackDSNOfManyHosts names a loopback host first and another machine second.
func TestAttackDSNOfManyHosts(t *testing.T) {
	cfg, _, _ := embedded(t)
	cfg.Profile, cfg.DevelopmentIssuers, cfg.SQLite = service.Production, false, ""
	cfg.PostgresDSNFile = file(t, "postgres://comity:pw@127.0.0.1,db.elsewhere.example/comity?sslmode=disable", 0o600)
	if faults := service.Check(t.Context(), cfg); !has(faults, "postgresDsnFile", "TLS") {
		t.Errorf("production takes a database on another machine without TLS: %v", faults)
	}
}

// TestAttackDSNLoopbackFirst is the same in the keyword form.
func TestAttackDSNKeywords(t *testing.T) {
	cfg, _, _ := embedded(t)
	cfg.Profile, cfg.DevelopmentIssuers, cfg.SQLite = service.Production, false, ""
	cfg.PostgresDSNFile = file(t, "host=/var/run/postgresql,db.elsewhere.example user=comity dbname=comity sslmode=prefer", 0o600)
	if faults := service.Check(t.Context(), cfg); !has(faults, "postgresDsnFile", "TLS") {
		t.Errorf("production takes a database on another machine without TLS: %v", faults)
	}
}

// TestAttackRootsAnybodyWrites: whoever can write the pinned roots speaks for every state.
func TestAttackRootsAnybodyWrites(t *testing.T) {
	cfg, _, dir := embedded(t)
	cfg.Profile, cfg.DevelopmentIssuers = service.Production, false
	must(t, os.Chmod(cfg.Roots, 0o666))
	must(t, os.Chmod(cfg.Manifests, 0o777))
	if faults := service.Check(t.Context(), cfg); !has(faults, cfg.Roots, "") && !has(faults, "roots", "") {
		t.Errorf("production takes pinned roots that every user can write (%s)", dir)
	}
}

// TestAttackMetricsOpen: who works with whom, and how busy, is not for the network.
func TestAttackMetricsOpen(t *testing.T) {
	cfg, _, _ := embedded(t)
	cfg.Profile, cfg.DevelopmentIssuers, cfg.MetricsListen = service.Production, false, "0.0.0.0:9464"
	if faults := service.Check(t.Context(), cfg); !has(faults, "metricsListen", "") {
		t.Errorf("production serves metrics to other machines without TLS or a login")
	}
}

// TestAttackManifestRollback restarts the server with an older manifest than
// the one it had in force.
func TestAttackManifestRollback(t *testing.T) {
	cfg, l, _ := embedded(t)
	path := filepath.Join(cfg.Manifests, "KZ.jws")
	old, err := os.ReadFile(path)
	must(t, err)
	next := renumbered(t, cfg, string(old))
	must(t, os.WriteFile(path, []byte(next), 0o600))
	_, _, stop := running(t, cfg, l)
	login(t, cfg, "investigator@KZ")
	must(t, stop())

	must(t, os.WriteFile(path, old, 0o600))
	l, err = net.Listen("tcp", l.Addr().String())
	must(t, err)
	s, err := service.New(t.Context(), cfg, service.Options{Log: &output{}, Listener: l})
	if err != nil {
		return // refused
	}
	_ = s
	raw, err := os.ReadFile(cfg.Roots)
	must(t, err)
	roots, err := statement.ReadRoots(raw)
	must(t, err)
	m, err := statement.VerifyManifest(strings.TrimSpace(string(old)), roots["KZ"], time.Now())
	must(t, err)
	t.Errorf("restarted, the server takes manifest number %d of KZ after a newer one was in force", m.Number)
}

// renumbered signs the next number of a manifest with the sample root.
func renumbered(t *testing.T, cfg service.Config, jws string) string {
	t.Helper()
	return nextManifest(t, filepath.Join(filepath.Dir(cfg.Roots), "roots", "KZ.pem"), cfg.Roots, jws)
}


func nextManifest(t *testing.T, keyFile, rootsFile, jws string) string {
	t.Helper()
	raw, err := os.ReadFile(rootsFile)
	must(t, err)
	roots, err := statement.ReadRoots(raw)
	must(t, err)
	m, err := statement.VerifyManifest(strings.TrimSpace(jws), roots["KZ"], time.Now())
	must(t, err)
	m.Number++
	b, err := os.ReadFile(keyFile)
	must(t, err)
	block, _ := pem.Decode(b)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	must(t, err)
	signer, err := statement.NewSoftSigner(key.(*ecdsa.PrivateKey), "")
	must(t, err)
	next, err := statement.SignManifest(t.Context(), signer, m)
	must(t, err)
	return next
}
