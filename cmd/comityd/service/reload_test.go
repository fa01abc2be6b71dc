package service_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/cmd/comityd/service"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/deploy/union"
)

// manifestNumber is that of a state's manifest as the server has it.
func manifestNumber(t *testing.T, cfg service.Config, s comity.State) int64 {
	t.Helper()
	d, err := login(t, cfg, "investigator@KZ").Directory(t.Context())
	must(t, err)
	m, err := d.State(s)
	must(t, err)
	return m.Number
}

// publishKey has a state publish a manifest with one statement key more.
func publishKey(t *testing.T, cfg service.Config, dir string, of comity.State) {
	t.Helper()
	folder, err := union.Open(filepath.Join(dir, "union"))
	must(t, err)
	places := map[comity.State]union.Place{}
	policies := ""
	for _, code := range union.States() {
		raw, err := os.ReadFile(filepath.Join(cfg.Manifests, string(code)+".jws"))
		must(t, err)
		m, err := statement.VerifyManifest(string(raw), folder.Public()[code], time.Now())
		must(t, err)
		places[code] = union.Place{Issuer: m.Issuers[0].URL, Store: m.Store, StatementKeys: m.StatementKeys, Log: m.Log}
		if code == of {
			key, err := statement.NewKey()
			must(t, err)
			signer, err := statement.NewSoftSigner(key, "")
			must(t, err)
			public, err := statement.RawJWK(signer)
			must(t, err)
			places[code] = union.Place{Issuer: m.Issuers[0].URL, Store: m.Store, StatementKeys: append(m.StatementKeys, public), Log: m.Log}
			policies = m.Policies
		}
	}
	must(t, folder.Publish(t.Context(), places, policies, time.Now()))
}

func TestManifestsAreReadAnew(t *testing.T) {
	cfg, l, dir := embedded(t)
	cfg.ManifestReload = service.Duration(50 * time.Millisecond)
	s, log, _ := running(t, cfg, l)
	file := filepath.Join(cfg.Manifests, "AM.jws")
	first, err := os.ReadFile(file)
	must(t, err)

	publishKey(t, cfg, dir, "AM")
	eventually(t, "the new manifest is in force", func() bool { return manifestNumber(t, cfg, "AM") == 2 })
	if n := manifestNumber(t, cfg, "KZ"); n != 1 {
		t.Errorf("the manifest of KZ, of which nothing changed, has number %d", n)
	}

	// Back to the older one: refused, said once, counted.
	must(t, os.WriteFile(file, first, 0o600))
	eventually(t, "the rollback is logged", func() bool { return strings.Contains(log.String(), "goes back from number 2 to 1") })
	refused := func() (n int) {
		_, body := get(t, "http://"+s.MetricsAddr().String()+"/metrics")
		_, after, _ := strings.Cut(body, "\ncomity_manifests_refused_total ")
		_, _ = fmt.Sscan(after, &n)
		return n
	}
	looks := refused()
	eventually(t, "the refused manifest is counted at every look", func() bool { return refused() >= looks+3 })
	if n := strings.Count(log.String(), "goes back from number 2 to 1"); n != 1 {
		t.Errorf("the rollback is logged %d times", n)
	}
	if n := manifestNumber(t, cfg, "AM"); n != 2 {
		t.Errorf("after the rollback the number is %d", n)
	}
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if f() {
			return
		}
	}
	t.Fatalf("in vain: %s", what)
}

// certificate writes one for 127.0.0.1 with a serial number, and gives a pool that trusts it.
func certificate(t *testing.T, cfg service.Config, serial int64) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "comityd"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	must(t, os.WriteFile(cfg.TLSKey, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
	must(t, os.WriteFile(cfg.TLSCert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	pool := x509.NewCertPool()
	cert, err := x509.ParseCertificate(der)
	must(t, err)
	pool.AddCert(cert)
	return pool
}

func TestTLS(t *testing.T) {
	cfg, l, dir := embedded(t)
	cfg.TLSCert, cfg.TLSKey = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	cfg.ManifestReload = service.Duration(50 * time.Millisecond)
	pool := certificate(t, cfg, 1)
	_, log, _ := running(t, cfg, l)
	serial := func() int64 {
		h := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
		req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "https://"+l.Addr().String()+"/healthz", nil)
		must(t, err)
		res, err := h.Do(req)
		if err != nil {
			return 0
		}
		defer res.Body.Close()
		return res.TLS.PeerCertificates[0].SerialNumber.Int64()
	}
	if n := serial(); n != 1 {
		t.Fatalf("the certificate is number %d", n)
	}
	pool = certificate(t, cfg, 2)
	eventually(t, "the renewed certificate is served", func() bool { return serial() == 2 })
	must(t, os.WriteFile(cfg.TLSCert, []byte("damaged"), 0o600))
	eventually(t, "the damaged file is looked at", func() bool { return strings.Contains(log.String(), "failed to find any PEM data") })
	if n := serial(); n != 2 {
		t.Errorf("a damaged file took the certificate away: %d", n)
	}
}
