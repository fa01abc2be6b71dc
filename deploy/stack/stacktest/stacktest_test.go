package stacktest_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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

// TestCopiedDatabase: a copy has what its original held and none of what is written
// later, is open to the same two roles alone, and goes with its test.
func TestCopiedDatabase(t *testing.T) {
	d := stacktest.NewDatabase(t)
	run := func(dsn, text string) error {
		conn, err := pgx.Connect(t.Context(), dsn)
		if err != nil {
			return err
		}
		_, err = conn.Exec(t.Context(), text)
		return errors.Join(err, conn.Close(t.Context()))
	}
	if err := run(d.OwnerDSN, `CREATE TABLE held (id int PRIMARY KEY); INSERT INTO held VALUES (1); GRANT SELECT ON held TO `+d.App); err != nil {
		t.Fatal(err)
	}
	var first *stack.Database
	t.Run("copies", func(t *testing.T) {
		first = stacktest.CopyDatabase(t, d)
		second := stacktest.CopyDatabase(t, d)
		for _, c := range []*stack.Database{first, second} {
			if err := run(c.OwnerDSN, `INSERT INTO held VALUES (2)`); err != nil { // in each alone
				t.Error(err)
			}
			if err := run(c.AppDSN, `SELECT 1 / (count(*) - 1) FROM held`); err != nil {
				t.Error(err)
			}
			if err := run(c.AppDSN, `INSERT INTO held VALUES (3)`); err == nil {
				t.Error("the application role writes what it was not given")
			}
		}
		other := stacktest.NewDatabase(t)
		stranger := strings.Replace(other.AppDSN, "/"+other.Name+"?", "/"+first.Name+"?", 1)
		if err := run(stranger, `SELECT 1`); err == nil {
			t.Error("another application role connects to the copy")
		}
	})
	if err := run(first.AppDSN, `SELECT 1`); err == nil {
		t.Error("the copy is still there")
	}
	if err := run(d.AppDSN, `SELECT 1 / count(*) FROM held`); err != nil {
		t.Errorf("the original went with its copies: %v", err)
	}
}

// TestTempDir: it is this test's, and goes with it.
func TestTempDir(t *testing.T) {
	var dirs [2]string
	t.Run("dirs", func(t *testing.T) {
		for i := range dirs {
			dirs[i] = stacktest.TempDir(t)
			if err := os.WriteFile(filepath.Join(dirs[i], "file"), []byte("x"), 0o600); err != nil {
				t.Error(err)
			}
			if info, err := os.Stat(dirs[i]); err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("%v, %v", info, err)
			}
		}
	})
	for _, dir := range dirs {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left: %v", dir, err)
		}
	}
	if dirs[0] == dirs[1] {
		t.Error("two calls give one directory")
	}
}
