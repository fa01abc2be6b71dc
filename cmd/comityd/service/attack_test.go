package service_test

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
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

// TestAttackUnreadBody sends requests that are refused before their bodies are
// read, and never sends the bodies: the server must let go of the connections.
func TestAttackUnreadBody(t *testing.T) {
	cfg, l, _ := embedded(t)
	cfg.RequestTimeout = service.Duration(time.Second)
	running(t, cfg, l)
	for _, head := range []string{
		"POST /graphql HTTP/1.1\r\nAuthorization: DPoP x.y.z\r\nDPoP: x\r\n", "PUT /store/KZ/x HTTP/1.1\r\n", "POST /healthz HTTP/1.1\r\n",
		"POST /nowhere HTTP/1.1\r\n", "POST /issuer/KZ/nowhere HTTP/1.1\r\n",
	} {
		t.Run(head, func(t *testing.T) {
			t.Parallel()
			conn, err := net.Dial("tcp", l.Addr().String())
			must(t, err)
			defer conn.Close()
			_, err = fmt.Fprintf(conn, "%sHost: x\r\nContent-Length: 200000\r\n\r\n{", head)
			must(t, err)
			began := time.Now()
			must(t, conn.SetReadDeadline(began.Add(time.Minute)))
			if _, err = io.Copy(io.Discard, conn); err != nil {
				t.Errorf("after %s, with a request timeout of 1s, the server still waits for the body of a request that it refused (%v)", time.Since(began).Round(time.Second), err)
			}
		})
	}
}

// TestAttackSlowStrangers occupies every place of the API by requests without a
// token whose bodies do not come; officers must still be served.
func TestAttackSlowStrangers(t *testing.T) {
	cfg, l, _ := embedded(t)
	cfg.MaxRequests = 8
	s, _, _ := running(t, cfg, l)
	c := login(t, cfg, "investigator@KZ")
	for range 8 {
		slow(t, l.Addr().String(), "", "{")
	}
	inFlight(t, s, 8)
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
		t.Errorf("production takes a database on another machine without TLS")
	}
}

// TestAttackDSNLoopbackFirst is the same in the keyword form.
func TestAttackDSNKeywords(t *testing.T) {
	cfg, _, _ := embedded(t)
	cfg.Profile, cfg.DevelopmentIssuers, cfg.SQLite = service.Production, false, ""
	cfg.PostgresDSNFile = file(t, "host=/var/run/postgresql,db.elsewhere.example user=comity dbname=comity sslmode=prefer", 0o600)
	if faults := service.Check(t.Context(), cfg); !has(faults, "postgresDsnFile", "TLS") {
		t.Errorf("production takes a database on another machine without TLS")
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
	_, log, _ := running(t, cfg, l)
	if n := manifestNumber(t, cfg, "KZ"); n != 2 {
		t.Errorf("restarted, the server takes manifest number %d of KZ after number 2 was in force", n)
	}
	if faults := service.Check(t.Context(), cfg); !has(faults, "KZ.jws", "goes back from number 2 to 1") || !strings.Contains(log.String(), "goes back from number 2 to 1") {
		t.Errorf("nobody says so: %v", faults)
	}
	// Forgotten, for comparison, it is taken: the memory is what holds it.
	must(t, os.Remove(cfg.ManifestsSeen))
	if faults := service.Check(t.Context(), cfg); len(faults) > 0 {
		t.Errorf("without the memory: %v", faults)
	}
}

// renumbered signs the next number of a manifest with the sample root.
func renumbered(t *testing.T, cfg service.Config, jws string, changes ...func(*statement.Manifest)) string {
	t.Helper()
	return nextManifest(t, filepath.Join(filepath.Dir(cfg.Roots), "roots", "KZ.pem"), cfg.Roots, jws, changes...)
}

func nextManifest(t *testing.T, keyFile, rootsFile, jws string, changes ...func(*statement.Manifest)) string {
	t.Helper()
	raw, err := os.ReadFile(rootsFile)
	must(t, err)
	roots, err := statement.ReadRoots(raw)
	must(t, err)
	m, err := statement.VerifyManifest(strings.TrimSpace(jws), roots["KZ"], time.Now())
	must(t, err)
	m.Number++
	for _, change := range changes {
		change(&m)
	}
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

// TestAttackCanary plants secrets in a request and looks for them in the log at
// its finest level.
func TestAttackCanary(t *testing.T) {
	cfg, l, _ := embedded(t)
	cfg.LogLevel = "debug"
	_, log, stop := running(t, cfg, l)
	c := login(t, cfg, "investigator@KZ")
	const canary = "canary-7c1f"
	of, err := c.CaseFile(t.Context(), client.NewCase{Category: "RANSOMWARE", Title: canary, Summary: canary, Narrative: canary,
		Nexus: []comity.Nexus{{Basis: comity.NexusTerritory, State: "KZ"}}})
	must(t, err)
	path := filepath.Join(t.TempDir(), canary+".txt")
	must(t, os.WriteFile(path, []byte(canary), 0o600))
	x, err := c.PutEvidence(t.Context(), client.PutOptions{Case: of.ID, Path: path, Note: canary})
	must(t, err)
	_, err = c.GetEvidence(t.Context(), client.GetOptions{Evidence: x.Evidence, Purpose: comity.PurposeInvestigation, Dest: t.TempDir()})
	must(t, err)
	_, token := c.Session()
	// Requests that fail in every way, with secrets where they do not belong.
	for _, r := range []struct{ method, target, auth, body string }{
		{"POST", "/graphql", "DPoP " + token, "{}"}, {"POST", "/graphql", "Bearer " + canary, "{}"}, {"POST", "/graphql", "", `{"query":"{ ` + strings.ReplaceAll(canary, "-", "_") + ` }"}`},
		{"GET", "/graphql?query=%7Bstates%7Bcode%7D%7D&x=" + canary, "", ""}, {"GET", "/store/KZ/x?X-Comity-Signature=" + canary, "", ""},
		{"GET", "/issuer/KZ/authorize?code=" + canary, "", ""}, {"POST", "/issuer/KZ/token", "", "code=" + canary},
	} {
		req, err := http.NewRequest(r.method, cfg.ExternalURL+r.target, strings.NewReader(r.body))
		must(t, err)
		req.Header.Set("Content-Type", "application/json")
		if r.auth != "" {
			req.Header.Set("Authorization", r.auth)
			req.Header.Set("DPoP", canary)
		}
		res, err := http.DefaultClient.Do(req)
		must(t, err)
		_ = res.Body.Close()
	}
	// The issuer away: what the log says of a failing part.
	keyring := filepath.Join(filepath.Dir(cfg.SQLite), "states", "KZ", "keyring")
	_ = os.Rename(keyring, keyring+".away")
	_, _ = c.CaseFile(t.Context(), client.NewCase{Category: "RANSOMWARE", Title: canary, Narrative: canary, Nexus: []comity.Nexus{{Basis: comity.NexusTerritory, State: "KZ"}}})
	must(t, stop())
	for _, secret := range []string{canary, strings.ReplaceAll(canary, "-", "_"), token, strings.Split(token, ".")[2], "X-Comity-Signature"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log holds %.60q", secret)
		}
	}
}
