package vault_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/hashicorp/vault/api"
	"golang.org/x/mod/sumdb/note"

	"github.com/comity-platform/comity/audit/notekey"
	"github.com/comity-platform/comity/crypto/custodian/vault"
	"github.com/comity-platform/comity/deploy/stack"
	"github.com/comity-platform/comity/deploy/stack/stacktest"
	vaultsetup "github.com/comity-platform/comity/deploy/vault"
)

const logName = "comity/log/test"

// setUpRecord makes a key of a log, and the login that signs with it.
func setUpRecord(t *testing.T, v *stack.Vault) vault.Config {
	t.Helper()
	c := vault.Config{Address: v.Addr, Mount: fmt.Sprintf("record-test-%d-%d", time.Now().UnixNano(), mounts.Add(1))}
	credential, err := vaultsetup.SetupRecord(t.Context(), administrator(t, v), vaultsetup.Options{Mount: c.Mount})
	if err != nil {
		t.Fatal(err)
	}
	c.RoleID, c.SecretIDFile = credential.RoleID, filepath.Join(t.TempDir(), "secret-id")
	if err := credential.WriteSecret(c.SecretIDFile); err != nil {
		t.Fatal(err)
	}
	return c
}

func openLog(t *testing.T, c vault.Config) *vault.LogSigner {
	t.Helper()
	s, err := vault.OpenLog(t.Context(), c, logName)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(t.Context()) })
	return s
}

// signs reports whether a signer's note opens with a public key.
func signs(t *testing.T, s note.Signer, public string) bool {
	t.Helper()
	signed, err := note.Sign(&note.Note{Text: "a checkpoint\n"}, s)
	if err != nil {
		t.Fatal(err)
	}
	v, err := notekey.Log(public)
	if err != nil {
		t.Fatal(err)
	}
	_, err = note.Open(signed, note.VerifierList(v))
	return err == nil
}

// TestLogSigner: notes are signed in Vault with a key whose public half manifests
// name; a rotated key is signed with only by who opens it then.
func TestLogSigner(t *testing.T) {
	v := stacktest.TestVault(t)
	c := setUpRecord(t, v)
	before := openLog(t, c)
	if before.Name() != logName || !signs(t, before, before.Public()) {
		t.Errorf("%s does not open what it signed", before.Public())
	}
	if err := before.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := administrator(t, v).Logical().WriteWithContext(t.Context(), c.Mount+"/record/keys/log/rotate", nil); err != nil {
		t.Fatal(err)
	}
	after := openLog(t, c)
	if after.Public() == before.Public() || !signs(t, after, after.Public()) || signs(t, after, before.Public()) {
		t.Error("a rotated key is the one of before")
	}
	if !signs(t, before, before.Public()) {
		t.Error("a server that runs signs with the rotated key, which no manifest names yet")
	}
}

// TestLogSignerRefused: a state's mounts are not taken for the exchange's, nor a
// login of one for the other's, and a sealed Vault is an error.
func TestLogSignerRefused(t *testing.T) {
	v := stacktest.PrivateVault(t)
	if _, err := vault.OpenLog(t.Context(), setUp(t, v, jose.EdDSA), logName); err == nil {
		t.Error("a state's mounts have a key of the log")
	}
	c := setUpRecord(t, v)
	for _, name := range []string{"", "with space", "with+plus"} {
		if _, err := vault.OpenLog(t.Context(), c, name); err == nil {
			t.Errorf("%q names a key", name)
		}
	}
	s := openLog(t, c)
	if err := administrator(t, v).Sys().SealWithContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Sign([]byte("x")); err == nil || !strings.Contains(err.Error(), "vault") {
		t.Errorf("signing while it is sealed: %v", err)
	}
	if err := s.Check(t.Context()); err == nil {
		t.Error("it is ready while Vault is sealed")
	}
	if _, err := vault.OpenLog(t.Context(), c, logName); err == nil {
		t.Error("a sealed Vault has a key of the log")
	}
}

// TestRecordPolicy: the login may sign with the key of the log, and nothing else.
func TestRecordPolicy(t *testing.T) {
	v := stacktest.TestVault(t)
	c, other := setUpRecord(t, v), setUpRecord(t, v)
	s := openLog(t, c)
	client, err := vault.Config{Address: v.Addr}.Client()
	if err != nil {
		t.Fatal(err)
	}
	client.SetToken(s.Token())
	try := func(method, path string, body map[string]any) int {
		t.Helper()
		r := client.NewRequest(method, "/v1/"+path)
		if err := r.SetJSONBody(body); err != nil {
			t.Fatal(err)
		}
		res, err := client.RawRequestWithContext(t.Context(), r) //nolint:staticcheck // the only way to send any method
		if res == nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res.StatusCode
	}
	if code := try(http.MethodPut, c.Mount+"/record/sign/log", map[string]any{"input": "eA=="}); code != http.StatusOK {
		t.Errorf("signing is %d", code)
	}
	for _, path := range []string{"keys/log/rotate", "keys/log/config", "keys/log/trim", "keys/other", "sign/other", "hmac/log", "restore", "cache-config"} {
		if code := try(http.MethodPut, c.Mount+"/record/"+path, map[string]any{"input": "eA==", "exportable": true, "type": "ed25519"}); code != http.StatusForbidden {
			t.Errorf("writing %s is %d", path, code)
		}
	}
	for _, path := range []string{"export/signing-key/log", "backup/log", "keys?list=true", "cache-config"} {
		if code := try(http.MethodGet, c.Mount+"/record/"+path, nil); code != http.StatusForbidden {
			t.Errorf("reading %s is %d", path, code)
		}
	}
	if code := try(http.MethodDelete, c.Mount+"/record/keys/log", nil); code != http.StatusForbidden {
		t.Errorf("deleting the key is %d", code)
	}
	if code := try(http.MethodPut, other.Mount+"/record/sign/log", map[string]any{"input": "eA=="}); code != http.StatusForbidden {
		t.Errorf("signing with another's key is %d", code)
	}
	// Vault hands the key out to nobody, and a key that it would is refused.
	admin := administrator(t, v)
	if _, err := admin.Logical().ReadWithContext(t.Context(), c.Mount+"/record/export/signing-key/log"); err == nil {
		t.Error("the administrator exports the key")
	}
	loose := fmt.Sprintf("record-loose-%d", time.Now().UnixNano())
	if err := admin.Sys().MountWithContext(t.Context(), loose+"/record", &api.MountInput{Type: "transit"}); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Logical().WriteWithContext(t.Context(), loose+"/record/keys/log", map[string]any{"type": "ed25519", "exportable": true}); err != nil {
		t.Fatal(err)
	}
	if _, err := vaultsetup.SetupRecord(t.Context(), admin, vaultsetup.Options{Mount: loose}); err == nil || !strings.Contains(err.Error(), "unexportable") {
		t.Errorf("an exportable key is taken: %v", err)
	}
	// Repeated, it keeps the key.
	again, err := vaultsetup.SetupRecord(t.Context(), admin, vaultsetup.Options{Mount: c.Mount})
	if err != nil || again.RoleID != c.RoleID || openLog(t, c).Public() != s.Public() {
		t.Errorf("set up again: %v", err)
	}
}
