// Package stacktest gives tests real components: the ones that testmain has
// started for the whole run if there are any, else some that this test process
// starts for itself. A component that cannot be had fails the test; nothing is
// ever skipped. Do not use t.TempDir for a PostgreSQL of your own: its parents
// are closed to the user postgres, as whom it runs when started by root.
package stacktest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/comity-platform/comity/deploy/stack"
)

// Environment variables by which testmain tells tests of its components.
const (
	EnvVaultAddr     = "COMITY_TEST_VAULT_ADDR"
	EnvVaultToken    = "COMITY_TEST_VAULT_ROOT_TOKEN"
	EnvMinIOEndpoint = "COMITY_TEST_MINIO_ENDPOINT"
	EnvMinIOAccess   = "COMITY_TEST_MINIO_ACCESS_KEY"
	EnvMinIOSecret   = "COMITY_TEST_MINIO_SECRET_KEY"
	EnvPostgresDSN   = "COMITY_TEST_POSTGRES_ADMIN_DSN"
)

// startWithin includes building Vault from source on a machine that has none.
const startWithin = 25 * time.Minute

var (
	vaultOnce    = sync.OnceValues(func() (*stack.Vault, error) { return own("vault", stack.StartVault) })
	minioOnce    = sync.OnceValues(func() (*stack.MinIO, error) { return own("minio", stack.StartMinIO) })
	postgresOnce = sync.OnceValues(func() (*stack.Postgres, error) { return own("postgres", stack.StartPostgres) })
)

// TestVault is a Vault shared with other tests, in this process and beside it:
// mount what you need under a name of your own.
func TestVault(t testing.TB) *stack.Vault {
	t.Helper()
	if addr := os.Getenv(EnvVaultAddr); addr != "" {
		return stack.ConnectVault(addr, os.Getenv(EnvVaultToken))
	}
	v, err := vaultOnce()
	return must(t, v, err)
}

// TestMinIO is a MinIO shared with other tests: use buckets of your own.
func TestMinIO(t testing.TB) *stack.MinIO {
	t.Helper()
	if endpoint := os.Getenv(EnvMinIOEndpoint); endpoint != "" {
		return stack.ConnectMinIO(endpoint, os.Getenv(EnvMinIOAccess), os.Getenv(EnvMinIOSecret))
	}
	m, err := minioOnce()
	return must(t, m, err)
}

// TestPostgres is a PostgreSQL shared with other tests: use [NewDatabase].
func TestPostgres(t testing.TB) *stack.Postgres {
	t.Helper()
	p, err := Postgres()
	return must(t, p, err)
}

// Postgres is [TestPostgres] for what outlives a test.
func Postgres() (*stack.Postgres, error) {
	if dsn := os.Getenv(EnvPostgresDSN); dsn != "" {
		return stack.ConnectPostgres(dsn)
	}
	return postgresOnce()
}

// NewDatabase is a fresh database in the shared PostgreSQL, dropped when the test ends.
func NewDatabase(t testing.TB) *stack.Database {
	t.Helper()
	return database(t, (*stack.Postgres).NewDatabase)
}

// CopyDatabase is one of what another holds, dropped when the test ends.
func CopyDatabase(t testing.TB, from *stack.Database) *stack.Database {
	t.Helper()
	return database(t, func(p *stack.Postgres, ctx context.Context) (*stack.Database, error) {
		return p.CopyDatabase(ctx, from)
	})
}

func database(t testing.TB, make func(*stack.Postgres, context.Context) (*stack.Database, error)) *stack.Database {
	t.Helper()
	p := TestPostgres(t)
	d, err := make(p, t.Context())
	must(t, d, err)
	t.Cleanup(func() {
		if err := p.Drop(context.Background(), d); err != nil {
			t.Error(err)
		}
	})
	return d
}

// PrivateVault is a Vault for this test alone, to seal, stop and kill.
func PrivateVault(t testing.TB) *stack.Vault {
	t.Helper()
	return private(t, "vault", stack.StartVault)
}

// PrivateMinIO is a MinIO for this test alone, to stop and kill.
func PrivateMinIO(t testing.TB) *stack.MinIO {
	t.Helper()
	return private(t, "minio", stack.StartMinIO)
}

// PrivatePostgres is a PostgreSQL for this test alone, to stop and kill.
func PrivatePostgres(t testing.TB) *stack.Postgres {
	t.Helper()
	return private(t, "postgres", stack.StartPostgres)
}

type start[T any] func(context.Context, string, stack.Options) (T, error)

func must[T any](t testing.TB, v T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func own[T any](name string, f start[T]) (v T, err error) {
	dir, err := dirOf(name)
	if err != nil {
		return v, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startWithin)
	defer cancel()
	return f(ctx, filepath.Join(dir, name), stack.Options{Progress: os.Stderr})
}

func private[T interface{ Stop(context.Context) error }](t testing.TB, name string, f start[T]) T {
	t.Helper()
	dir, err := dirOf(name)
	must(t, dir, err)
	ctx, cancel := context.WithTimeout(t.Context(), startWithin)
	defer cancel()
	v, err := f(ctx, filepath.Join(dir, name), stack.Options{Progress: os.Stderr})
	must(t, v, err)
	t.Cleanup(func() {
		if err := v.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return v
}

const dirPrefix = "comity-test-"

// Dir makes a temporary directory that every user can pass through, and removes
// those of test processes that have ended: Go tells a test process of the end
// of each test but not of its own, and one that is killed removes nothing.
func Dir() (string, error) {
	return open(dirIn(os.TempDir()))
}

// PostgresDir is Dir for a PostgreSQL, in memory where there is room: a database is
// made of some hundred files, which takes a disk a second and memory a twentieth.
func PostgresDir() (string, error) {
	if roomInMemory(clusterRoom) {
		return open(dirIn(memory))
	}
	return Dir()
}

func dirOf(component string) (string, error) {
	if component == "postgres" {
		return PostgresDir()
	}
	return Dir()
}

func open(dir string, err error) (string, error) {
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o711)
}

// TempDir is a directory for a test's files, removed when it ends. It lies in
// memory where the system offers room there: no test takes the machine's power
// away, and waiting for its disk at every commit is most of what many tests do.
// What is killed and started again finds all that it wrote, as it would on a disk.
func TempDir(t testing.TB) string {
	t.Helper()
	parent := os.TempDir()
	if roomInMemory(filesRoom) {
		parent = memory
	}
	dir, err := dirIn(parent)
	must(t, dir, err)
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// memory is where Linux offers files in memory (file-hierarchy(7)). In a container it
// can be small.
const (
	memory      = "/dev/shm"
	filesRoom   = 1 << 30
	clusterRoom = 4 << 30
)

func roomInMemory(bytes uint64) bool {
	var s syscall.Statfs_t
	return syscall.Statfs(memory, &s) == nil && s.Bavail*uint64(s.Bsize) >= bytes && syscall.Access(memory, 7) == nil
}

// dirIn makes a directory of this process, and removes those of ended ones.
func dirIn(parent string) (string, error) {
	old, err := filepath.Glob(filepath.Join(parent, dirPrefix+"*"))
	if err != nil {
		return "", err
	}
	for _, path := range old {
		number, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(path), dirPrefix), "-")
		pid, err := strconv.Atoi(number)
		info, statErr := os.Lstat(path)
		if err != nil || statErr != nil || syscall.Kill(pid, 0) != syscall.ESRCH {
			continue
		}
		if owner, ok := info.Sys().(*syscall.Stat_t); ok && int(owner.Uid) == os.Geteuid() {
			_ = os.RemoveAll(path) // a later run tries again
		}
	}
	return os.MkdirTemp(parent, fmt.Sprintf("%s%d-*", dirPrefix, os.Getpid()))
}
