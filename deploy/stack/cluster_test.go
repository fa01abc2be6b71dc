package stack_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/comity-platform/comity/deploy/stack"
	"github.com/comity-platform/comity/deploy/stack/stacktest"
)

// TestDetachedStack is "make up", again, "make down" and "make up" once more.
func TestDetachedStack(t *testing.T) {
	ctx := t.Context()
	dir, err := stacktest.Dir()
	check(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	o := stack.Options{Detached: true, Durable: true, Progress: os.Stderr}
	first, err := stack.Start(ctx, dir, o)
	t.Cleanup(func() {
		if _, err := stack.Down(context.Background(), dir); err != nil {
			t.Error(err)
		}
	})
	check(t, err)
	vault(t, first.Vault, "PUT", "sys/mounts/kept", `{"type":"kv"}`, 204)
	d, err := first.Postgres.NewDatabase(ctx)
	check(t, err)
	execute(t, d.OwnerDSN, `CREATE TABLE kept AS SELECT 'durable' AS word`)
	execute(t, d.OwnerDSN, `GRANT SELECT ON kept TO `+d.App)

	again, err := stack.Start(ctx, dir, o)
	check(t, err)
	if again.Vault.RootToken != first.Vault.RootToken || again.MinIO.Endpoint != first.MinIO.Endpoint || again.Postgres.AdminDSN() != first.Postgres.AdminDSN() {
		t.Error("starting what runs already has not connected to it")
	}
	if _, err := stack.Start(ctx, dir, stack.Options{}); err == nil || !strings.Contains(err.Error(), "already runs") {
		t.Errorf("a start of one's own on a directory in use: %v", err)
	}
	vault(t, first.Vault, "GET", "sys/mounts/kept", "", 200) // the failed start has stopped nothing

	ended, err := stack.Down(ctx, dir)
	check(t, err)
	if !slices.Equal(ended, []string{"vault", "minio", "postgres"}) {
		t.Errorf("down ended %q", ended)
	}
	if ended, err = stack.Down(ctx, dir); err != nil || len(ended) != 0 {
		t.Errorf("down again: %q, %v", ended, err)
	}

	third, err := stack.Start(ctx, dir, o)
	check(t, err)
	vault(t, third.Vault, "GET", "sys/mounts/kept", "", 200)
	if got := words(t, d.AppDSN); got != "durable" {
		t.Errorf("after down and up the table holds %q", got)
	}
	check(t, third.Stop(ctx))
}

// TestSecretsAreTheOwnersOnly looks for credentials in what others may read:
// files open to them and the arguments of processes.
func TestSecretsAreTheOwnersOnly(t *testing.T) {
	ctx := t.Context()
	dir, err := stacktest.Dir()
	check(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s, err := stack.Start(ctx, dir, stack.Options{Progress: os.Stderr})
	check(t, err)
	t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	_, password, _ := strings.Cut(strings.TrimSuffix(s.Postgres.AdminDSN(), "@"), "postgres:")
	password, _, _ = strings.Cut(password, "@")
	d, err := s.Postgres.NewDatabase(ctx)
	check(t, err)
	_ = tryExecute(t, d.AppDSN, `SELECT 'planted-secret' FROM no_such_table`)
	_, err = s.Postgres.Dump(ctx, "postgres")
	check(t, err)
	secrets := []string{s.Vault.RootToken, s.Vault.UnsealKey, s.MinIO.SecretKey, password, "planted-secret"}
	for _, secret := range secrets {
		if len(secret) < 12 {
			t.Fatalf("a secret of %d characters", len(secret))
		}
	}
	look := func(where string, text []byte) {
		for i, secret := range secrets {
			if strings.Contains(string(text), secret) {
				t.Errorf("secret %d lies in %s", i, where)
			}
		}
	}
	logs, err := filepath.Glob(filepath.Join(dir, "*", "*.log"))
	check(t, err)
	if len(logs) != 4 { // three servers' and Vault's audit device
		t.Errorf("%d logs: %q", len(logs), logs)
	}
	for _, path := range logs {
		text, err := os.ReadFile(path)
		check(t, err)
		look(path, text)
	}
	processes, err := filepath.Glob("/proc/[0-9]*/cmdline")
	check(t, err)
	for _, path := range processes {
		if text, err := os.ReadFile(path); err == nil { // else it has ended
			look(path, text)
		}
	}
	check(t, filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Mode()&0o077 != 0 && filepath.Dir(filepath.Dir(path)) == dir {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	}))
}
