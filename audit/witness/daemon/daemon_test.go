package daemon_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity-platform/comity/audit/notekey"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/audit/witness"
	"github.com/comity-platform/comity/audit/witness/daemon"
)

const origin = "comity/log/union.test"

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// world is the folder of a witness, and a log's key.
func world(t *testing.T) (cfg daemon.Config, key *notekey.Cosigner, log note.Signer) {
	t.Helper()
	dir := t.TempDir()
	key, err := witness.Make(t.Context(), dir, origin, "comity/witness/union.test/KZ")
	must(t, err)
	skey, err := notekey.New(origin)
	must(t, err)
	log, err = note.NewSigner(skey)
	must(t, err)
	public, err := notekey.LogPublic(skey)
	must(t, err)
	return daemon.Config{Dir: dir, Origin: origin, LogKeys: []string{public}, Listen: "127.0.0.1:0", Log: io.Discard}, key, log
}

// certificate makes one for this machine with a serial number, and gives a pool that trusts it.
func certificate(t *testing.T, cfg *daemon.Config, serial int64) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	cfg.TLSCert, cfg.TLSKey = filepath.Join(cfg.Dir, "cert.pem"), filepath.Join(cfg.Dir, "key.pem")
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	must(t, os.WriteFile(cfg.TLSCert, cert, 0o600))
	must(t, os.WriteFile(cfg.TLSKey, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}), 0o600))
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(cert)
	return pool
}

// TestServe: with TLS it cosigns, says how it is, and ends in good order.
func TestServe(t *testing.T) {
	cfg, key, log := world(t)
	pool := certificate(t, &cfg, 1)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	cfg.Metrics = l.Addr().String()
	must(t, l.Close())
	ctx, stop := context.WithCancel(t.Context())
	ready, ended := make(chan net.Addr, 1), make(chan error, 1)
	cfg.Ready = func(a net.Addr) { ready <- a }
	go func() { ended <- daemon.Serve(ctx, cfg) }()
	var url string
	select {
	case a := <-ready:
		url = "https://" + a.String()
	case err := <-ended:
		t.Fatal(err)
	}
	client := witness.NewClient("KZ", url, []note.Verifier{key.Verifier()}, pool)
	defer client.Close()
	signed, err := note.Sign(&note.Note{Text: verify.Checkpoint{Origin: origin, Size: 1, Root: sha256.Sum256([]byte("\x00leaf"))}.String()}, log)
	must(t, err)
	line, err := client.Cosign(t.Context(), 0, nil, signed)
	must(t, err)
	if _, err := note.Open(append(bytes.Clone(signed), line...), note.VerifierList(key.Verifier())); err != nil {
		t.Error(err)
	}
	if _, err := witness.NewClient("KZ", url, []note.Verifier{key.Verifier()}, nil).Cosign(t.Context(), 1, nil, signed); err == nil {
		t.Error("a certificate that nobody vouches for is taken")
	}
	https := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}}
	get := func(url string) (int, string) {
		res, err := https.Get(url)
		must(t, err)
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		must(t, err)
		return res.StatusCode, string(b)
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if code, body := get(url + path); code != 200 {
			t.Errorf("%s is %d %s", path, code, body)
		}
	}
	if _, body := get("http://" + cfg.Metrics); !strings.Contains(body, "comity_witness_size 1") || !strings.Contains(body, `comity_witness_answers_total{status="200"} 1`) {
		t.Errorf("the metrics are %s", body)
	}
	must(t, os.Remove(filepath.Join(cfg.Dir, "checkpoint")))
	if code, _ := get(url + "/readyz"); code != 503 {
		t.Errorf("without its memory it is ready: %d", code)
	}
	if code, _ := get(url + "/healthz"); code != 200 {
		t.Errorf("without its memory it is dead: %d", code)
	}
	stop()
	must(t, <-ended)
}

// logged is a log that is read while it is written.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) count(s string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), s)
}

// TestRenewedCertificate: it is served without a restart, and a damaged file
// leaves the one before in force, and is told once.
func TestRenewedCertificate(t *testing.T) {
	cfg, _, _ := world(t)
	pool := certificate(t, &cfg, 1)
	log := new(logged)
	cfg.Log, cfg.Reload = log, time.Millisecond
	ctx, stop := context.WithCancel(t.Context())
	ready, ended := make(chan net.Addr, 1), make(chan error, 1)
	cfg.Ready = func(a net.Addr) { ready <- a }
	go func() { ended <- daemon.Serve(ctx, cfg) }()
	var address string
	select {
	case a := <-ready:
		address = a.String()
	case err := <-ended:
		t.Fatal(err)
	}
	serial := func() int64 {
		c, err := (&tls.Dialer{Config: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}).DialContext(t.Context(), "tcp", address)
		if err != nil {
			return 0 // it is not the one that the pool trusts
		}
		defer c.Close()
		return c.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	eventually := func(what string, f func() bool) {
		t.Helper()
		for end := time.Now().Add(time.Minute); !f(); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("in vain: %s", what)
			}
		}
	}
	if n := serial(); n != 1 {
		t.Fatalf("the certificate is number %d", n)
	}
	pool = certificate(t, &cfg, 2)
	eventually("the renewed certificate is served", func() bool { return serial() == 2 })
	must(t, os.WriteFile(cfg.TLSCert, []byte("damaged"), 0o600))
	const damaged = "failed to find any PEM data"
	eventually("the damaged file is looked at", func() bool { return log.count(damaged) > 0 })
	for range 20 { // handshakes, each longer than a look at the files takes
		if n := serial(); n != 2 {
			t.Fatalf("a damaged file took the certificate away: %d", n)
		}
	}
	if n := log.count(damaged); n != 1 {
		t.Errorf("the damaged file is told %d times", n)
	}
	pool = certificate(t, &cfg, 3)
	eventually("a whole file is taken after a damaged one", func() bool { return serial() == 3 })
	stop()
	must(t, <-ended)
}

// TestRefusesToServe: what would watch nobody, or could be watched by everybody, does not start.
func TestRefusesToServe(t *testing.T) {
	another, err := notekey.New("comity/log/another")
	must(t, err)
	foreign, err := notekey.LogPublic(another)
	must(t, err)
	for name, c := range map[string]struct {
		change func(*daemon.Config)
		says   string
	}{
		"to the world":         {func(c *daemon.Config) { c.Listen = "0.0.0.0:0" }, "there is no TLS"},
		"half of TLS":          {func(c *daemon.Config) { c.TLSCert = "cert.pem" }, "both"},
		"no address":           {func(c *daemon.Config) { c.Listen = "7380" }, "not an address"},
		"metrics to the world": {func(c *daemon.Config) { c.Metrics = "0.0.0.0:0" }, "the metrics at 0.0.0.0:0 could be read"},
		"metrics nowhere":      {func(c *daemon.Config) { c.Metrics = "9465" }, `the metrics: "9465" is not an address`},
		"no key":               {func(c *daemon.Config) { c.LogKeys = nil }, "has no key"},
		"another log's":        {func(c *daemon.Config) { c.LogKeys = []string{foreign} }, `is a key of "comity/log/another"`},
		"no log's":             {func(c *daemon.Config) { c.LogKeys = []string{"x"} }, "NAME+HASH+KEY"},
		"another log": {func(c *daemon.Config) {
			c.Origin, c.LogKeys = "comity/log/another", []string{foreign}
		}, "does not know what it cosigned last"},
		"no witness": {func(c *daemon.Config) { c.Dir = t.TempDir() }, "the witness's key"},
		"no memory":  {func(c *daemon.Config) { must(t, os.Remove(filepath.Join(c.Dir, "checkpoint"))) }, "comity witness init"},
	} {
		cfg, _, _ := world(t)
		c.change(&cfg)
		cfg.Ready = func(net.Addr) { t.Errorf("%s: it serves", name) }
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		if err := daemon.Serve(ctx, cfg); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
		cancel()
	}
}
