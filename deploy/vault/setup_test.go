package vaultsetup_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/api/auth/approle"

	"github.com/comity-platform/comity/crypto/custodian/vault"
	"github.com/comity-platform/comity/deploy/stack/stacktest"
	vaultsetup "github.com/comity-platform/comity/deploy/vault"
)

// state is one state set up in the shared Vault, its custodian logged in.
type state struct {
	mount      string
	credential vaultsetup.Credential
	client     *api.Client // the custodian's
	secret     *api.Secret // its login
}

func administrator(t *testing.T) *api.Client {
	t.Helper()
	v := stacktest.TestVault(t)
	admin, err := vault.Config{Address: v.Addr}.Client()
	if err != nil {
		t.Fatal(err)
	}
	admin.SetToken(v.RootToken)
	return admin
}

func setUp(t *testing.T) state {
	t.Helper()
	s := state{mount: fmt.Sprintf("setup-test-%d", time.Now().UnixNano())}
	var err error
	if s.credential, err = vaultsetup.Setup(t.Context(), administrator(t), vaultsetup.Options{Mount: s.mount}); err != nil {
		t.Fatal(err)
	}
	if s.client, err = (vault.Config{Address: stacktest.TestVault(t).Addr}).Client(); err != nil {
		t.Fatal(err)
	}
	auth, err := approle.NewAppRoleAuth(s.credential.RoleID, &approle.SecretID{FromString: s.credential.SecretID}, approle.WithMountPath(s.mount))
	if err != nil {
		t.Fatal(err)
	}
	if s.secret, err = s.client.Auth().Login(t.Context(), auth); err != nil {
		t.Fatal(err)
	}
	return s
}

type fields = map[string]any

// request sends any method to a path below /v1/ and gives status and error.
func request(t *testing.T, client *api.Client, method, path string, body fields) (int, error) {
	t.Helper()
	r := client.NewRequest(method, "/v1/"+path)
	if body != nil {
		if err := r.SetJSONBody(body); err != nil {
			t.Fatal(err)
		}
	}
	resp, err := client.RawRequestWithContext(t.Context(), r) //nolint:staticcheck // the only way to send LIST
	if resp == nil {
		return 0, err
	}
	_ = resp.Body.Close()
	return resp.StatusCode, err
}

var (
	c32   = base64.StdEncoding.EncodeToString(make([]byte, 32))
	b64   = base64.StdEncoding.EncodeToString([]byte("x"))
	write = http.MethodPut
)

const list = "LIST"

// TestAllowed: everything that the custodian does, by the paths it does it on.
func TestAllowed(t *testing.T) {
	s := setUp(t)
	key := fields{"type": "aes256-gcm96", "derived": true}
	for _, try := range []struct {
		method, path string
		body         fields
	}{
		{write, "cases/keys/case-1", key},
		{write, "cases/keys/case-1", key}, // idempotent
		{write, "cases/datakey/plaintext/case-1", fields{"context": c32, "bits": 256}},
		{write, "statements/sign/statements", fields{"input": c32, "prehashed": true, "hash_algorithm": "sha2-256", "marshaling_algorithm": "jws"}},
		{http.MethodGet, "statements/keys/statements", nil},
		{write, "register/data/case/case1_x", fields{"options": fields{"cas": 0}, "data": fields{"entry": "{}"}}},
		{write, "register/data/case/case1_x", fields{"options": fields{"cas": 1}, "data": fields{"entry": "{}"}}},
		{http.MethodGet, "register/data/case/case1_x", nil},
		{write, "register/data/grant/grant1_x", fields{"options": fields{"cas": 0}, "data": fields{"entry": "{}"}}},
		{write, "register/data/evidence/evidence1_x", fields{"options": fields{"cas": 0}, "data": fields{"entry": "{}"}}},
		{write, "register/data/evidence/evidence1_x", fields{"options": fields{"cas": 1}, "data": fields{"entry": "{}"}}},
		{http.MethodGet, "register/data/evidence/evidence1_x", nil},
		{write, "register/data/manifest/kz", fields{"options": fields{"cas": 0}, "data": fields{"entry": "{}"}}},
		{http.MethodGet, "register/data/manifest/kz", nil},
		{write, "register/data/category/ransomware", fields{"options": fields{"cas": 0}, "data": fields{"entry": "{}"}}},
		{write, "cases/keys/case-1/config", fields{"deletion_allowed": true}}, // a withdrawal
		{http.MethodDelete, "cases/keys/case-1", nil},
	} {
		if _, err := request(t, s.client, try.method, s.mount+"/"+try.path, try.body); err != nil {
			t.Errorf("%s %s: %v", try.method, try.path, err)
		}
	}
	if _, err := s.client.Auth().Token().RenewSelfWithContext(t.Context(), 0); err != nil {
		t.Error(err)
	}
	if err := s.client.Auth().Token().RevokeSelfWithContext(t.Context(), ""); err != nil {
		t.Error(err)
	}
}

// TestForbidden tries what the policy does not grant, on keys and entries that
// exist, so that nothing but the policy is in the way.
func TestForbidden(t *testing.T) {
	s, other, admin := setUp(t), setUp(t), administrator(t)
	key := fields{"type": "aes256-gcm96", "derived": true}
	for _, mount := range []string{s.mount, other.mount} {
		for path, body := range map[string]fields{
			"cases/keys/case-1":                  key,
			"register/data/case/case1_x":         {"options": fields{"cas": 0}, "data": fields{"entry": "{}"}},
			"register/data/evidence/evidence1_x": {"options": fields{"cas": 0}, "data": fields{"entry": "{}"}},
			"register/data/other/other_x":        {"options": fields{"cas": 0}, "data": fields{"entry": "{}"}},
		} {
			if _, err := request(t, admin, write, mount+"/"+path, body); err != nil {
				t.Fatal(err)
			}
		}
	}
	type attempt struct {
		method, path string
		body         fields
	}
	var tries []attempt
	own := func(method, path string, body fields) {
		tries = append(tries, attempt{method, s.mount + "/" + path, body})
	}
	// Keys that could leave Vault, or be used without a context.
	own(write, "cases/keys/case-2", fields{"type": "aes256-gcm96"})
	own(write, "cases/keys/case-2", fields{"derived": true})
	own(write, "cases/keys/case-2", fields{"type": "aes256-gcm96", "derived": false})
	own(write, "cases/keys/case-2", fields{"type": "aes256-gcm96", "derived": true, "exportable": true})
	own(write, "cases/keys/case-2", fields{"type": "aes256-gcm96", "derived": true, "allow_plaintext_backup": true})
	own(write, "cases/keys/case-2", fields{"type": "aes256-gcm96", "derived": true, "convergent_encryption": true})
	own(write, "cases/keys/case-2", fields{"type": "aes256-gcm96", "derived": true, "auto_rotate_period": "1h"})
	own(write, "cases/keys/case-2", fields{"type": "rsa-4096", "derived": true})
	own(write, "cases/keys/case-2", nil)
	// What is done to keys.
	for _, k := range []string{"cases/keys/case-1", "statements/keys/statements"} {
		own(write, k+"/config", fields{"deletion_allowed": false})
		own(write, k+"/config", fields{"deletion_allowed": true, "exportable": true})
		own(write, k+"/config", fields{"exportable": true})
		own(write, k+"/config", fields{"min_decryption_version": 2})
		own(write, k+"/config", nil)
		own(write, k+"/config", fields{"type": "aes256-gcm96", "derived": true})
		own(write, k+"/rotate", fields{})
		own(write, k+"/rotate", key)
		own(write, k+"/trim", fields{"min_available_version": 1})
		own(write, k+"/import", fields{"ciphertext": b64, "type": "aes256-gcm96", "derived": true})
		own(write, k+"/import_version", fields{"ciphertext": b64})
		own(write, k+"/soft-delete", fields{})
	}
	own(http.MethodDelete, "statements/keys/statements", nil)
	own(write, "statements/keys/statements/config", fields{"deletion_allowed": true})
	for _, m := range []string{"cases", "statements"} {
		name := map[string]string{"cases": "case-1", "statements": "statements"}[m]
		own(list, m+"/keys", nil)
		own(http.MethodGet, m+"/backup/"+name, nil)
		own(write, m+"/restore", fields{"backup": b64})
		own(write, m+"/restore/"+name, fields{"backup": b64, "force": true})
		own(http.MethodGet, m+"/wrapping_key", nil)
		own(write, m+"/cache-config", fields{"size": 0})
		own(http.MethodGet, m+"/cache-config", nil)
		own(write, m+"/config/keys", fields{"disable_upsert": false})
		for _, kind := range []string{"encryption-key", "signing-key", "hmac-key", "public-key"} {
			own(http.MethodGet, m+"/export/"+kind+"/"+name, nil)
			own(http.MethodGet, m+"/export/"+kind+"/"+name+"/latest", nil)
		}
		own(write, m+"/byok-export/"+name+"/"+name, fields{})
		own(write, m+"/random/32", fields{})
	}
	own(http.MethodGet, "cases/keys/case-1", nil)
	// Uses of keys that the custodian has no need of.
	own(write, "cases/encrypt/case-1", fields{"plaintext": b64, "context": c32})
	own(write, "cases/encrypt/case-3", fields{"plaintext": b64, "context": c32}) // would make the key
	own(write, "cases/rewrap/case-1", fields{"ciphertext": "vault:v1:x", "context": c32})
	own(write, "cases/datakey/wrapped/case-1", fields{"context": c32})
	own(write, "cases/hmac/case-1", fields{"input": b64})
	own(write, "statements/sign/other", fields{"input": b64})
	own(write, "statements/keys/other", fields{"type": "ecdsa-p256"})
	own(write, "statements/keys/statements", fields{"type": "ecdsa-p256"})
	own(write, "statements/datakey/plaintext/statements", fields{})
	own(write, "statements/hmac/statements", fields{"input": b64})
	// The register: no deletion, no history, nothing beside cases, grants, exhibits
	// and manifests.
	own(http.MethodDelete, "register/data/case/case1_x", nil)
	own(write, "register/delete/case/case1_x", fields{"versions": []int{1}})
	own(write, "register/undelete/case/case1_x", fields{"versions": []int{1}})
	own(write, "register/destroy/case/case1_x", fields{"versions": []int{1}})
	own(http.MethodDelete, "register/data/evidence/evidence1_x", nil)
	own(write, "register/destroy/evidence/evidence1_x", fields{"versions": []int{1}})
	own(http.MethodDelete, "register/metadata/evidence/evidence1_x", nil)
	own(list, "register/metadata/evidence", nil)
	own(http.MethodDelete, "register/metadata/case/case1_x", nil)
	own(write, "register/metadata/case/case1_x", fields{"cas_required": false})
	own(http.MethodGet, "register/metadata/case/case1_x", nil)
	own(list, "register/metadata/case", nil)
	own(list, "register/metadata", nil)
	own(http.MethodGet, "register/data/other/other_x", nil)
	own(write, "register/data/other/other_x", fields{"options": fields{"cas": 1}, "data": fields{"entry": "{}"}})
	own(write, "register/data/case/a/b", fields{"options": fields{"cas": 0}, "data": fields{"entry": "{}"}})
	own(write, "register/config", fields{"cas_required": false})
	own(http.MethodGet, "register/config", nil)
	// Vault itself, other logins, other states.
	any := func(method, path string, body fields) { tries = append(tries, attempt{method, path, body}) }
	any(write, "auth/token/create", fields{"policies": []string{"root"}})
	any(write, "auth/token/create", fields{})
	any(write, "auth/token/create-orphan", fields{})
	any(write, "auth/"+s.mount+"/role/"+vault.Role+"/secret-id", fields{})
	any(http.MethodGet, "auth/"+s.mount+"/role/"+vault.Role, nil)
	any(write, "auth/"+s.mount+"/role/"+vault.Role, fields{"token_policies": []string{"root"}})
	any(write, "auth/"+s.mount+"/role/more", fields{"token_policies": []string{"root"}})
	any(http.MethodGet, "sys/policies/acl/"+s.mount+"-custodian", nil)
	any(list, "sys/policies/acl", nil)
	any(write, "sys/policies/acl/"+s.mount+"-custodian", fields{"policy": `path "*" { capabilities = ["sudo"] }`})
	any(http.MethodGet, "sys/mounts", nil)
	any(write, "sys/mounts/more", fields{"type": "transit"})
	any(write, "sys/remount", fields{"from": s.mount + "/cases", "to": "more"})
	any(http.MethodDelete, "sys/mounts/"+s.mount+"/cases", nil)
	any(write, "sys/mounts/"+s.mount+"/cases/tune", fields{"max_lease_ttl": "1h"})
	any(write, "sys/seal", fields{})
	any(http.MethodGet, "sys/audit", nil)
	any(http.MethodDelete, "sys/audit/file", nil)
	any(write, "sys/rotate", fields{})
	any(write, "identity/entity", fields{"name": "more"})
	any(http.MethodGet, "cubbyhole/x", nil)
	any(write, other.mount+"/cases/keys/case-9", key)
	any(write, other.mount+"/cases/datakey/plaintext/case-1", fields{"context": c32})
	any(write, other.mount+"/cases/decrypt/case-1", fields{"ciphertext": "vault:v1:x", "context": c32})
	any(write, other.mount+"/statements/sign/statements", fields{"input": b64})
	any(http.MethodGet, other.mount+"/statements/keys/statements", nil)
	any(http.MethodGet, other.mount+"/register/data/case/case1_x", nil)

	for _, try := range tries {
		status, err := request(t, s.client, try.method, try.path, try.body)
		if err == nil || status != http.StatusForbidden {
			t.Errorf("%s %s %v: %d %v, want 403", try.method, try.path, try.body, status, err)
		}
	}
	// The other way round: the tries are of paths that Vault has, so that none
	// is refused for a slip of the pen only.
	for _, try := range tries {
		if try.method != http.MethodGet && try.method != list {
			continue
		}
		if status, err := request(t, admin, try.method, try.path, nil); status == http.StatusNotFound && err != nil && strings.Contains(err.Error(), "unsupported path") {
			t.Errorf("%s is no path of Vault: %v", try.path, err)
		}
	}
}

// TestRegisterNeedsCAS: the mount itself refuses a write without a version.
func TestRegisterNeedsCAS(t *testing.T) {
	s := setUp(t)
	status, err := request(t, s.client, write, s.mount+"/register/data/case/case1_x", fields{"data": fields{"entry": "{}"}})
	if status != http.StatusBadRequest || !strings.Contains(fmt.Sprint(err), "check-and-set") {
		t.Errorf("a blind write: %d %v", status, err)
	}
}

func TestDecryptMakesNoKey(t *testing.T) {
	s := setUp(t)
	for range 2 {
		for path, body := range map[string]fields{
			"cases/datakey/plaintext/case-9": {"context": c32},
			"cases/decrypt/case-9":           {"ciphertext": "vault:v1:" + b64, "context": c32},
		} {
			if _, err := request(t, s.client, write, s.mount+"/"+path, body); err == nil {
				t.Errorf("%s works on a missing key", path)
			}
		}
	}
	if got, err := administrator(t).Logical().ReadWithContext(t.Context(), s.mount+"/cases/keys/case-9"); err != nil || got != nil {
		t.Errorf("it was made: %v", err)
	}
}

// TestLogin: the token has the one policy, ends, and is renewable.
func TestLogin(t *testing.T) {
	s := setUp(t)
	a := s.secret.Auth
	if len(a.Policies) != 1 || a.Policies[0] != s.mount+"-custodian" || !a.Renewable || a.LeaseDuration != 3600 {
		t.Errorf("the login gives %v for %d s, renewable: %t", a.Policies, a.LeaseDuration, a.Renewable)
	}
}

func TestSetupAgain(t *testing.T) {
	s, admin := setUp(t), administrator(t)
	read := func() any {
		t.Helper()
		got, err := admin.Logical().ReadWithContext(t.Context(), s.mount+"/statements/keys/statements")
		if err != nil {
			t.Fatal(err)
		}
		return got.Data["keys"]
	}
	was := fmt.Sprint(read())
	again, err := vaultsetup.Setup(t.Context(), admin, vaultsetup.Options{Mount: s.mount})
	if err != nil {
		t.Fatal(err)
	}
	if again.RoleID != s.credential.RoleID || again.SecretID == s.credential.SecretID {
		t.Error("the second setup makes another role, or the same secret")
	}
	if is := fmt.Sprint(read()); is != was {
		t.Errorf("the statement key was %s and is %s", was, is)
	}
	if _, err := vaultsetup.Setup(t.Context(), admin, vaultsetup.Options{Mount: s.mount, Algorithm: jose.EdDSA}); err == nil {
		t.Error("the statement key's type differs from the one asked for, and setup says nothing")
	}
}

func TestSetupRefuses(t *testing.T) {
	admin := administrator(t)
	taken := fmt.Sprintf("setup-taken-%d", time.Now().UnixNano())
	if err := admin.Sys().MountWithContext(t.Context(), taken+"/register", &api.MountInput{Type: "kv", Options: map[string]string{"version": "1"}}); err != nil {
		t.Fatal(err)
	}
	for what, o := range map[string]vaultsetup.Options{
		"a mount of another kind": {Mount: taken},
		"a bad name":              {Mount: "../sys"},
		"no name":                 {},
		"an algorithm":            {Mount: "setup-alg", Algorithm: jose.RS256},
	} {
		if _, err := vaultsetup.Setup(t.Context(), admin, o); err == nil {
			t.Errorf("%s is taken", what)
		}
	}
}

func TestCacheIsBounded(t *testing.T) {
	s := setUp(t)
	got, err := administrator(t).Logical().ReadWithContext(t.Context(), s.mount+"/cases/cache-config")
	if err != nil || fmt.Sprint(got.Data["size"]) != "10000" {
		t.Errorf("transit's cache: %v, %v", got, err)
	}
}

func TestWriteSecret(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kz", "secret-id")
	for range 2 {
		if err := (vaultsetup.Credential{SecretID: "s"}).WriteSecret(path); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("%v, %v", info.Mode(), err)
		}
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPolicyNamesItsMountOnly: every path of the policy is the state's own.
func TestPolicyNamesItsMountOnly(t *testing.T) {
	for line := range strings.Lines(vaultsetup.Policy("comity-kz")) {
		if path, ok := strings.CutPrefix(line, `path "`); ok && !strings.HasPrefix(path, "comity-kz/") && !strings.HasPrefix(path, "auth/token/re") {
			t.Errorf("the policy reaches %s", path)
		}
		if strings.Contains(line, "MOUNT") && !strings.HasPrefix(line, "#") {
			t.Errorf("left in place: %s", line)
		}
	}
}
