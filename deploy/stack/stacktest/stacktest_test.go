package stacktest_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/comity-platform/comity/deploy/stack"
	"github.com/comity-platform/comity/deploy/stack/stacktest"
)

func TestSharedComponents(t *testing.T) {
	for range 2 { // the second time is not a second start
		v := stacktest.TestVault(t)
		m := stacktest.TestMinIO(t)
		if v.Addr != stacktest.TestVault(t).Addr || m.Endpoint != stacktest.TestMinIO(t).Endpoint {
			t.Error("two calls answer two components")
		}
		c, err := m.Client()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.ListBuckets(t.Context()); err != nil {
			t.Error(err)
		}
	}
	var d *stack.Database
	t.Run("a database goes with its test", func(t *testing.T) {
		d = stacktest.NewDatabase(t)
		conn, err := pgx.Connect(t.Context(), d.AppDSN)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close(t.Context()) }) // dropped under it first
	})
	if conn, err := pgx.Connect(t.Context(), d.AppDSN); err == nil {
		_ = conn.Close(t.Context())
		t.Error("the database is still there")
	}
}

func TestEnvironmentNamesComponents(t *testing.T) {
	t.Setenv(stacktest.EnvVaultAddr, "http://127.0.0.1:1")
	t.Setenv(stacktest.EnvVaultToken, "token")
	v := stacktest.TestVault(t)
	if v.Addr != "http://127.0.0.1:1" || v.RootToken != "token" {
		t.Errorf("%s is not what the environment names", v.Addr)
	}
	if err := v.Kill(); !errors.Is(err, stack.ErrShared) {
		t.Errorf("a shared Vault was killed: %v", err)
	}
}

func TestDirRemovesThoseOfEndedProcesses(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	ended := exec.Command("/bin/true")
	if err := ended.Run(); err != nil {
		t.Fatal(err)
	}
	stale := filepath.Join(os.TempDir(), fmt.Sprintf("comity-test-%d-1", ended.Process.Pid))
	foreign := filepath.Join(os.TempDir(), "comity-test-notes")
	for _, path := range []string{stale, foreign} {
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	mine, err := stacktest.Dir()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stacktest.Dir(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(stale); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("left of an ended process: %v", err)
	}
	for _, path := range []string{mine, foreign} {
		if _, err := os.Stat(path); err != nil {
			t.Errorf("removed what is in use or not ours: %v", err)
		}
	}
}
