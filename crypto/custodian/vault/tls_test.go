package vault_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/comity-platform/comity/crypto/custodian/vault"
	"github.com/comity-platform/comity/deploy/stack"
	vaultsetup "github.com/comity-platform/comity/deploy/vault"
)

// authority issues the certificates of a test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	dir  string
}

func newAuthority(t *testing.T, dir, name string) *authority {
	t.Helper()
	a := &authority{dir: dir}
	a.cert, a.key = a.issue(t, name, &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return a
}

// issue writes NAME.pem and NAME.key.
func (a *authority) issue(t *testing.T, name string, c *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c.SerialNumber, c.Subject = big.NewInt(time.Now().UnixNano()), pkix.Name{CommonName: name}
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Minute), time.Now().Add(time.Hour)
	parent, signer := c, key
	if a.cert != nil {
		parent, signer = a.cert, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for ext, block := range map[string]*pem.Block{".pem": {Type: "CERTIFICATE", Bytes: der}, ".key": {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(a.file(name+ext), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return made, key
}

func (a *authority) file(name string) string { return filepath.Join(a.dir, name) }

// startTLS starts a Vault in memory that is reached by TLS, and opens it.
func startTLS(t *testing.T, a *authority) (addr string, admin *api.Client) {
	t.Helper()
	binary, err := stack.Binary(t.Context(), "vault", os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	a.issue(t, "server", &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	listen, err := stack.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	conf, err := json.Marshal(map[string]any{
		"storage": map[string]any{"inmem": map[string]any{}}, "disable_mlock": true,
		"listener": []any{map[string]any{"tcp": map[string]any{"address": listen, "tls_cert_file": a.file("server.pem"), "tls_key_file": a.file("server.key")}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(a.file("vault.json"), conf, 0o600); err != nil {
		t.Fatal(err)
	}
	var output bytes.Buffer
	server := exec.Command(binary, "server", "-config="+a.file("vault.json"))
	server.Stdout, server.Stderr = &output, &output
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
		if t.Failed() {
			t.Log(output.String())
		}
	})
	addr = "https://" + listen
	admin, err = vault.Config{Address: addr, CACert: a.file("ca.pem")}.Client()
	if err != nil {
		t.Fatal(err)
	}
	await(t, func() error { _, err := admin.Sys().SealStatusWithContext(t.Context()); return err })
	made, err := admin.Sys().InitWithContext(t.Context(), &api.InitRequest{SecretShares: 1, SecretThreshold: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Sys().UnsealWithContext(t.Context(), made.KeysB64[0]); err != nil {
		t.Fatal(err)
	}
	admin.SetToken(made.RootToken)
	await(t, func() error {
		h, err := admin.Sys().HealthWithContext(t.Context())
		if err == nil && (h.Sealed || h.Standby) {
			err = fmt.Errorf("not active yet: %+v", h)
		}
		return err
	})
	return addr, admin
}

// TestCertificate logs in by TLS, and not with a certificate of somebody else,
// nor to a server of somebody else.
func TestCertificate(t *testing.T) {
	dir := t.TempDir()
	a, stranger := newAuthority(t, dir, "ca"), newAuthority(t, dir, "stranger")
	client := func() *x509.Certificate {
		return &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	}
	a.issue(t, "comityd", client())
	stranger.issue(t, "impostor", client())
	addr, admin := startTLS(t, a)
	pemCA, err := os.ReadFile(a.file("ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	credential, err := vaultsetup.Setup(t.Context(), admin, vaultsetup.Options{Mount: "comity-kz", Certificate: string(pemCA)})
	if err != nil {
		t.Fatal(err)
	}
	if credential != (vaultsetup.Credential{}) {
		t.Error("a state that logs in by certificate got an AppRole as well")
	}
	good := vault.Config{Address: addr, Mount: "comity-kz", CACert: a.file("ca.pem"), ClientCert: a.file("comityd.pem"), ClientKey: a.file("comityd.key")}
	k := open(t, good)
	if err := k.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := k.CreateKey(t.Context(), "case-1"); err != nil {
		t.Fatal(err)
	}
	impostor := good
	impostor.ClientCert, impostor.ClientKey = a.file("impostor.pem"), a.file("impostor.key")
	if _, err := vault.Open(t.Context(), impostor); err == nil {
		t.Error("a certificate of another authority logs in")
	}
	elsewhere := good
	elsewhere.CACert = a.file("stranger.pem")
	if _, err := vault.Open(t.Context(), elsewhere); err == nil {
		t.Error("a server of another authority is trusted")
	}
}
