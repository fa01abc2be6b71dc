package vault_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/hashicorp/vault/api"

	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/custodian/custodiantest"
	"github.com/comity-platform/comity/crypto/custodian/vault"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/deploy/stack"
	"github.com/comity-platform/comity/deploy/stack/stacktest"
	vaultsetup "github.com/comity-platform/comity/deploy/vault"
)

var mounts atomic.Int64

// setUp sets a new state up in a Vault and gives what comityd is configured with.
func setUp(t *testing.T, v *stack.Vault, alg jose.SignatureAlgorithm) vault.Config {
	t.Helper()
	c := vault.Config{Address: v.Addr, Mount: fmt.Sprintf("custodian-test-%d-%d", time.Now().UnixNano(), mounts.Add(1))}
	admin := administrator(t, v)
	credential, err := vaultsetup.Setup(t.Context(), admin, vaultsetup.Options{Mount: c.Mount, Algorithm: alg})
	if err != nil {
		t.Fatal(err)
	}
	c.RoleID, c.SecretIDFile = credential.RoleID, filepath.Join(t.TempDir(), "secret", "id")
	if err := credential.WriteSecret(c.SecretIDFile); err != nil {
		t.Fatal(err)
	}
	return c
}

func administrator(t *testing.T, v *stack.Vault) *api.Client {
	t.Helper()
	admin, err := vault.Config{Address: v.Addr}.Client()
	if err != nil {
		t.Fatal(err)
	}
	admin.SetToken(v.RootToken)
	return admin
}

func open(t *testing.T, c vault.Config) *vault.Keys {
	t.Helper()
	k, err := vault.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.Close(t.Context()) })
	return k
}

func TestVault(t *testing.T) {
	for _, alg := range []jose.SignatureAlgorithm{jose.ES256, jose.EdDSA} {
		t.Run(string(alg), func(t *testing.T) {
			c := setUp(t, stacktest.TestVault(t), alg)
			custodiantest.Run(t, func(t *testing.T) custodian.Keys { return open(t, c) })
		})
	}
}

func TestTwoServers(t *testing.T) {
	c := setUp(t, stacktest.TestVault(t), jose.ES256)
	custodiantest.Run(t, func(t *testing.T) custodian.Keys { return custodiantest.Alternate(open(t, c), open(t, c)) })
}

func TestConfigCheck(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	good := vault.Config{Address: "https://vault.example", Mount: "comity-kz", RoleID: "r", SecretIDFile: secret}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*vault.Config){
		"plain http":            func(c *vault.Config) { c.Address = "http://vault.example:8200" },
		"plain http to 10.0.0.": func(c *vault.Config) { c.Address = "http://10.0.0.1:8200" },
		"not an http":           func(c *vault.Config) { c.Address = "unix:///run/vault.sock" },
		"is not an http or":     func(c *vault.Config) { c.Address = "https://user:password@vault.example" },
		"cannot name mounts":    func(c *vault.Config) { c.Mount = "../sys" },
		"give either":           func(c *vault.Config) { c.ClientCert, c.ClientKey = "a", "b" },
		"both a role id":        func(c *vault.Config) { c.SecretIDFile = "" },
		"no such file":          func(c *vault.Config) { c.CACert = secret + ".gone" },
		"is not a URL":          func(c *vault.Config) { c.Address = "http://user:password@a b" },
		"negative":              func(c *vault.Config) { c.Timeout = -1 },
	} {
		c := good
		change(&c)
		err := c.Check()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
		if _, err := vault.Open(t.Context(), c); err == nil {
			t.Errorf("%q opens", want)
		}
		if strings.Contains(fmt.Sprint(err), "password") {
			t.Error("the error shows the password")
		}
	}
	for _, address := range []string{"http://127.0.0.1:8200", "http://[::1]:8200", "http://localhost:8200"} {
		c := good
		c.Address = address
		if err := c.Check(); err != nil {
			t.Errorf("loopback: %v", err)
		}
	}
	if err := (vault.Config{Address: "http://a", Mount: "/"}).Check(); strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("not every fault at once: %v", err)
	}
}

// TestNamespace: what Community answers to a namespace is no error of its own.
func TestNamespace(t *testing.T) {
	v := stacktest.TestVault(t)
	c := setUp(t, v, jose.ES256)
	c.Namespace = "kz"
	if _, err := vault.Open(t.Context(), c); !errors.Is(err, vault.ErrNamespace) {
		t.Fatalf("a namespace on Vault Community: %v", err)
	}
	client, err := c.Client()
	if err != nil {
		t.Fatal(err)
	}
	client.SetToken(v.RootToken)
	if got, err := client.Logical().ReadWithContext(t.Context(), c.Mount+"/statements/keys/statements"); err != nil || got == nil {
		t.Fatalf("Community no longer ignores namespaces, so that the check can go: %v", err)
	}
}

func TestOpenRefusesBadLogin(t *testing.T) {
	c := setUp(t, stacktest.TestVault(t), jose.ES256)
	c.RoleID = "00000000-0000-0000-0000-000000000000"
	_, err := vault.Open(t.Context(), c)
	if err == nil {
		t.Fatal("a login with an unknown role is no start-up error")
	}
	c.SecretIDFile = filepath.Join(t.TempDir(), "missing")
	if _, err := vault.Open(t.Context(), c); err == nil || !strings.Contains(err.Error(), "missing") {
		t.Fatalf("a missing file of the secret id: %v", err)
	}
}

// TestEnvironment: what somebody left in the environment does not count.
func TestEnvironment(t *testing.T) {
	v := stacktest.TestVault(t)
	c := setUp(t, v, jose.ES256)
	t.Setenv("VAULT_ADDR", "http://127.0.0.1:1")
	t.Setenv("VAULT_TOKEN", v.RootToken)
	t.Setenv("VAULT_NAMESPACE", "other")
	t.Setenv("VAULT_HEADERS", `{"X-Planted":"1"}`)
	client, err := c.Client()
	if err != nil {
		t.Fatal(err)
	}
	if client.Token() != "" || client.Namespace() != "" || client.Headers().Get("X-Planted") != "" {
		t.Error("the environment's token, namespace or headers are used")
	}
	if err := open(t, c).Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestTokenRevoked: the login is done afresh when the token is gone.
func TestTokenRevoked(t *testing.T) {
	v := stacktest.TestVault(t)
	c := setUp(t, v, jose.ES256)
	k := open(t, c)
	if err := k.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	admin := administrator(t, v)
	if err := admin.Sys().RevokePrefixWithContext(t.Context(), "auth/"+c.Mount); err != nil {
		t.Fatal(err)
	}
	await(t, func() error { return k.CreateKey(t.Context(), "case-after") })
}

// TestRenewal: a token is renewed while Vault extends it, and replaced after.
func TestRenewal(t *testing.T) {
	v := stacktest.TestVault(t)
	c := setUp(t, v, jose.ES256)
	role, admin := "auth/"+c.Mount+"/role/"+vault.Role, administrator(t, v)
	if _, err := admin.Logical().WriteWithContext(t.Context(), role, map[string]any{"token_ttl": "7s", "token_max_ttl": "10s"}); err != nil {
		t.Fatal(err)
	}
	// Where a renewal comes too late the token is denied; it is then older than
	// the pause between two logins, so that the next one is done at once.
	k := open(t, c)
	began, first := time.Now(), k.Token()
	renewed, replaced := false, false
	for ; !renewed || !replaced; time.Sleep(250 * time.Millisecond) {
		if time.Since(began) > 2*time.Minute {
			t.Fatalf("in two minutes a token was renewed: %v, replaced: %v", renewed, replaced)
		}
		if _, _, err := k.RegisterGet(t.Context(), "case/none"); !errors.Is(err, custodian.ErrAbsent) {
			t.Fatalf("after %s: %v", time.Since(began), err)
		}
		now := k.Token()
		replaced = replaced || now != first
		if s, err := admin.Auth().Token().LookupWithContext(t.Context(), now); err == nil { // an error: it ended meanwhile
			renewed = renewed || s.Data["last_renewal_time"] != nil
		}
	}
}

// TestSealedAndRestarted: errors while Vault is away, and then recovery by itself.
func TestSealedAndRestarted(t *testing.T) {
	ctx, v := t.Context(), stacktest.PrivateVault(t)
	c := setUp(t, v, jose.ES256)
	k := open(t, c)
	if err := k.CreateKey(ctx, "case-1"); err != nil {
		t.Fatal(err)
	}
	_, wrapped, err := k.DataKey(ctx, "case-1", [32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	if err := k.RegisterPut(ctx, "case/1", []byte("{}"), 0); err != nil {
		t.Fatal(err)
	}
	s, err := k.Signer(ctx)
	if err != nil {
		t.Fatal(err)
	}
	works := func() error {
		if err := k.Check(ctx); err != nil {
			return err
		}
		if _, err := s.Sign(ctx, []byte("x")); err != nil {
			return err
		}
		if _, _, err := k.RegisterGet(ctx, "case/1"); err != nil {
			return err
		}
		_, err := k.Unwrap(ctx, "case-1", [32]byte{1}, wrapped)
		return err
	}
	away := func(want string) {
		t.Helper()
		for what, call := range map[string]func() error{
			"check":  func() error { return k.Check(ctx) },
			"create": func() error { return k.CreateKey(ctx, "case-2") },
			"sign":   func() error { _, err := s.Sign(ctx, []byte("x")); return err },
			"unwrap": func() error { _, err := k.Unwrap(ctx, "case-1", [32]byte{1}, wrapped); return err },
			"get":    func() error { _, _, err := k.RegisterGet(ctx, "case/1"); return err },
			"put":    func() error { return k.RegisterPut(ctx, "case/1", []byte("{}"), 1) },
		} {
			err := call()
			if err == nil || errors.Is(err, custodian.ErrAbsent) || errors.Is(err, custodian.ErrWrapped) || errors.Is(err, custodian.ErrCAS) {
				t.Errorf("%s while Vault is away: %v", what, err)
			} else if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q does not say %q", what, err, want)
			}
		}
		if unopened, err := vault.Open(ctx, c); err != nil {
			t.Errorf("a Vault that is away keeps the server from starting: %v", err)
		} else if unopened.Check(ctx) == nil {
			t.Error("it is said to be ready")
		}
	}

	if err := v.Seal(ctx); err != nil {
		t.Fatal(err)
	}
	away("sealed")
	if err := v.Unseal(ctx); err != nil {
		t.Fatal(err)
	}
	await(t, works)

	if err := v.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	away(strings.TrimPrefix(v.Addr, "http://")) // names where it is not
	if err := v.Start(ctx); err != nil {
		t.Fatal(err)
	}
	away("sealed")
	if err := v.Unseal(ctx); err != nil {
		t.Fatal(err)
	}
	await(t, works)
}

// TestLateStart: a server started while Vault was sealed works once it is not.
func TestLateStart(t *testing.T) {
	ctx, v := t.Context(), stacktest.PrivateVault(t)
	c := setUp(t, v, jose.EdDSA)
	if err := v.Seal(ctx); err != nil {
		t.Fatal(err)
	}
	k := open(t, c)
	if _, err := k.Signer(ctx); err == nil {
		t.Fatal("a sealed Vault signs")
	}
	if err := v.Unseal(ctx); err != nil {
		t.Fatal(err)
	}
	await(t, func() error { return k.Check(ctx) })
}

// TestUnanswered: a Vault that takes connections and says nothing.
func TestUnanswered(t *testing.T) {
	silent, secret := newSilent(t), filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("s"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := vault.Config{Address: silent, Mount: "m", RoleID: "r", SecretIDFile: secret, Timeout: 300 * time.Millisecond}
	began := time.Now()
	k := open(t, c)
	for range 20 {
		if err := k.CreateKey(t.Context(), "case-1"); err == nil {
			t.Fatal("made a key nowhere")
		}
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("20 calls queued up for %s", took)
	}
}

// TestSignerQueue: who gives up waiting does not stand in the queue behind a
// Vault that has the first reader of the statement key wait.
func TestSignerQueue(t *testing.T) {
	c := setUp(t, stacktest.TestVault(t), jose.ES256)
	behind, err := url.Parse(c.Address)
	if err != nil {
		t.Fatal(err)
	}
	asked, done := make(chan struct{}, 8), make(chan struct{})
	proxy := httputil.NewSingleHostReverseProxy(behind)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/keys/"+vault.StatementKey) {
			asked <- struct{}{}
			<-done
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	c.Address, c.Timeout = server.URL, time.Minute
	k := open(t, c)
	first := make(chan error, 1)
	go func() {
		_, err := k.Signer(t.Context())
		first <- err
	}()
	<-asked
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := k.Signer(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that gave up: %v", err)
	}
	select {
	case err := <-first:
		t.Errorf("the caller that gave up waited for the first, which ended with %v", err)
	default:
	}
	close(done)
	if err := <-first; err != nil {
		t.Error(err)
	}
}

// TestDeletedEntry: an entry that somebody deleted by hand is not taken for
// one that never was.
func TestDeletedEntry(t *testing.T) {
	v := stacktest.TestVault(t)
	c := setUp(t, v, jose.ES256)
	k := open(t, c)
	if err := k.RegisterPut(t.Context(), "case/1", []byte("{}"), 0); err != nil {
		t.Fatal(err)
	}
	if err := administrator(t, v).KVv2(c.Mount+"/"+vault.RegisterMount).Delete(t.Context(), "case/1"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := k.RegisterGet(t.Context(), "case/1"); err == nil || errors.Is(err, custodian.ErrAbsent) {
		t.Errorf("a deleted entry: %v", err)
	}
	if err := k.RegisterPut(t.Context(), "case/1", []byte("{}"), 0); !errors.Is(err, custodian.ErrCAS) {
		t.Errorf("a deleted entry is written as a new one: %v", err)
	}
}

// TestRotation: a running server signs on with the key that its manifest names;
// one that starts later has the new one.
func TestRotation(t *testing.T) {
	v := stacktest.TestVault(t)
	c := setUp(t, v, jose.ES256)
	before, err := open(t, c).Signer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := administrator(t, v).Logical().WriteWithContext(t.Context(), c.Mount+"/statements/keys/statements/rotate", nil); err != nil {
		t.Fatal(err)
	}
	compact, err := statement.Sign(t.Context(), before, statement.TypStatement, map[string]string{"a": "b"})
	if err != nil {
		t.Fatal(err)
	}
	signed, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := signed.Verify(before.Public()); err != nil {
		t.Errorf("after the rotation it signs with another key than it shows: %v", err)
	}
	after, err := open(t, c).Signer(t.Context())
	if err != nil || after.KeyID() == before.KeyID() {
		t.Errorf("a server started after has the old key: %v", err)
	}
}

func TestClose(t *testing.T) {
	c := setUp(t, stacktest.TestVault(t), jose.ES256)
	k := open(t, c)
	if err := k.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := k.CreateKey(t.Context(), "case-1"); err == nil {
		t.Error("it works after Close")
	}
}

// await tries until it works, for at most as long as a Vault may take to start.
func await(t *testing.T, works func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(90 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if err = works(); err == nil {
			return
		}
	}
	t.Fatalf("no recovery: %v", err)
}

func newSilent(t *testing.T) string {
	t.Helper()
	done := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-done }))
	t.Cleanup(func() {
		close(done)
		server.Close()
	})
	return server.URL
}
