package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity/deploy/stack/stacktest"
)

// comityd runs the program and wants an exit code.
func comityd(t *testing.T, code int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	if got := run(t.Context(), args, &out, &err); got != code {
		t.Fatalf("comityd %v: exit %d, wanted %d\n%s%s", args, got, code, &out, &err)
	}
	return out.String(), err.String()
}

func says(t *testing.T, text string, wanted ...string) {
	t.Helper()
	for _, w := range wanted {
		if !strings.Contains(text, w) {
			t.Errorf("it does not say %q:\n%s", w, text)
		}
	}
}

// kept reads a file that nobody but its owner may read.
func kept(t *testing.T, path string) string {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("%s has the mode %v", path, info.Mode())
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestSetupVault(t *testing.T) {
	v := stacktest.TestVault(t)
	dir := t.TempDir()
	token, secret := filepath.Join(dir, "token"), filepath.Join(dir, "secret-id")
	mount := fmt.Sprintf("setup-cli-%d", time.Now().UnixNano())
	args := []string{"setup", "vault", "--address", v.Addr, "--mount", mount, "--secret-id-file", secret}

	t.Setenv("VAULT_TOKEN", "")
	_, stderr := comityd(t, exitFault, args...)
	says(t, stderr, "--token-file", "VAULT_TOKEN")
	t.Setenv("VAULT_TOKEN", v.RootToken)
	stdout, _ := comityd(t, 0, args...)
	says(t, stdout, "mount "+mount+"/cases is made", "statement key in "+mount+"/statements is made", "secret id is issued", "the login works",
		`"roleId": "`, `"secretIdFile": "`+secret+`"`, `"kid": "`)
	before := kept(t, secret)
	if strings.Contains(stdout, before) || strings.Contains(stdout, v.RootToken) {
		t.Error("it prints a secret")
	}

	// Again, by a file of the token: nothing is made anew.
	t.Setenv("VAULT_TOKEN", "")
	if err := os.WriteFile(token, []byte(v.RootToken+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	again, _ := comityd(t, 0, append(args, "--token-file", token)...)
	says(t, again, "mount "+mount+"/cases was there", "statement key in "+mount+"/statements was there", "secret id was there", "the login works")
	if kept(t, secret) != before {
		t.Error("a secret id that is good was replaced")
	}
	_, shown, _ := strings.Cut(stdout, "For comityd's")
	if _, same, _ := strings.Cut(again, "For comityd's"); same != shown {
		t.Errorf("it prints another configuration:\n%s\n%s", shown, same)
	}

	// A secret id that is lost, or no good, is issued anew.
	if err := os.WriteFile(secret, []byte("00000000-0000-0000-0000-000000000000"), 0o600); err != nil {
		t.Fatal(err)
	}
	stdout, _ = comityd(t, 0, append(args, "--token-file", token)...)
	says(t, stdout, "secret id is issued", "the login works")

	_, stderr = comityd(t, exitUsage, args[:6]...)
	says(t, stderr, "--secret-id-file")
	_, stderr = comityd(t, exitFault, append(args, "--token-file", token, "--namespace", "kz")...)
	says(t, stderr, "namespace")
	_, stderr = comityd(t, exitFault, append(args, "--token-file", secret)...)
	says(t, stderr, "set up Vault")
}

func TestSetupMinIO(t *testing.T) {
	m := stacktest.TestMinIO(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "credentials.json")
	bucket := fmt.Sprintf("setup-cli-%d", time.Now().UnixNano())
	args := []string{"setup", "minio", "--endpoint", "http://" + m.Endpoint, "--bucket", bucket, "--credentials-file", file}

	t.Setenv("MINIO_ROOT_USER", "")
	t.Setenv("MINIO_ROOT_PASSWORD", "")
	_, stderr := comityd(t, exitFault, args...)
	says(t, stderr, "--root-file", "MINIO_ROOT_USER")
	t.Setenv("MINIO_ROOT_USER", m.AccessKey)
	t.Setenv("MINIO_ROOT_PASSWORD", m.SecretKey)
	stdout, _ := comityd(t, 0, args...)
	says(t, stdout, "has versioning and object lock", ", fresh", "the user works", `"bucket": "`+bucket+`"`, m.Endpoint+"/"+bucket+`"`)
	before := kept(t, file)

	t.Setenv("MINIO_ROOT_USER", "")
	t.Setenv("MINIO_ROOT_PASSWORD", "")
	root := filepath.Join(dir, "root.json")
	if err := os.WriteFile(root, []byte(fmt.Sprintf(`{"accessKey": %q, "secretKey": %q}`, m.AccessKey, m.SecretKey)), 0o600); err != nil {
		t.Fatal(err)
	}
	stdout, _ = comityd(t, 0, append(args, "--root-file", root)...)
	says(t, stdout, "those of before", "the user works")
	if kept(t, file) != before {
		t.Error("credentials that were there were replaced")
	}
	if strings.Contains(stdout, m.SecretKey) {
		t.Error("it prints a secret")
	}
}

// TestSetupRecord: the exchange's own Vault signs the log, and the key that manifests
// are to name is told.
func TestSetupRecord(t *testing.T) {
	v := stacktest.TestVault(t)
	dir := t.TempDir()
	token, secret := filepath.Join(dir, "token"), filepath.Join(dir, "secret-id")
	if err := os.WriteFile(token, []byte(v.RootToken), 0o600); err != nil {
		t.Fatal(err)
	}
	mount := fmt.Sprintf("record-cli-%d", time.Now().UnixNano())
	args := []string{"setup", "record", "--address", v.Addr, "--mount", mount, "--union", "test", "--secret-id-file", secret, "--token-file", token}
	out, _ := comityd(t, 0, args...)
	says(t, out, "mount "+mount+"/record is made", "key of the log in "+mount+"/record is made", "policy "+mount+"-record", "the login works",
		"at /record/vault", "in /log/keys", "comity/log/test+")
	kept(t, secret)
	again, _ := comityd(t, 0, args...)
	says(t, again, "key of the log in "+mount+"/record was there", "secret id was there")
	_, role, _ := strings.Cut(out, `"roleId": "`)
	role, _, _ = strings.Cut(role, `"`)
	record := fmt.Sprintf(`{"vault": {"address": %q, "mount": %q, "roleId": %q, "secretIdFile": %q}}`, v.Addr, mount, role, secret)
	key, _ := comityd(t, 0, "log-key", "--union", "test", "--record", record)
	says(t, out, strings.TrimSpace(key))
	_, stderr := comityd(t, exitFault, "log-key", "--union", "test")
	says(t, stderr, "where the key of the log is")
	_, stderr = comityd(t, exitUsage, "log-key", "--union", "test", "--record", `{"vaults": {}}`)
	says(t, stderr, "there is no such setting")
}
