// Package stack runs the real components that Comity stands on in production
// (HashiCorp Vault, MinIO and PostgreSQL) on this machine, on 127.0.0.1 only:
// for tests, for "make up" and for the demo on real components.
//
// A component lives in a directory of its own, which holds its data, its log
// and its secrets (mode 0600). Starting it again in the same directory brings
// back the same data, address and credentials. Unless [Options.Detached] is
// set, a component is a child of the calling process and dies with it.
//
// Nothing here is fit for a real deployment: one unseal key lies beside the
// data it protects.
package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/comity-platform/comity/internal/filelock"
)

// Options say how a component is run. The zero value is meant for tests.
type Options struct {
	// Detached components outlive the caller until [Down] ends them. Starting
	// one that already runs connects to it.
	Detached bool
	// Durable makes PostgreSQL flush to disk, so that data survives a crash of
	// the machine and not only of the process.
	Durable bool
	// PostgresDir is where [Start] keeps PostgreSQL, when not beside the others.
	PostgresDir string
	// Progress receives a line for each step that takes long, such as building
	// a component from source. Nil discards them.
	Progress io.Writer
}

// Stack is one Vault, one MinIO and one PostgreSQL.
type Stack struct {
	Vault    *Vault
	MinIO    *MinIO
	Postgres *Postgres
}

// DefaultDir is where "make up" keeps its components: comity/up in the user's
// cache directory, or /var/lib/comity/up for root, because PostgreSQL then
// runs as the user postgres, who cannot enter root's home.
func DefaultDir() (string, error) {
	if os.Geteuid() == 0 {
		return "/var/lib/comity/up", nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the user's cache directory: %w", err)
	}
	return filepath.Join(cache, "comity", "up"), nil
}

// Start starts all three components in folders of dir, at once. If one fails,
// those that this call started are stopped again. Only one Start or Down works
// on a directory at a time; others wait.
func Start(ctx context.Context, dir string, o Options) (*Stack, error) {
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return nil, fmt.Errorf("make the directory of the components: %w", err)
	}
	unlock, err := filelock.Take(ctx, filepath.Join(dir, lockFileName))
	if err != nil {
		return nil, fmt.Errorf("wait for another start in %s: %w", dir, err)
	}
	defer unlock()
	if o.PostgresDir == "" {
		o.PostgresDir = filepath.Join(dir, "postgres")
	}
	var (
		s    Stack
		errs [3]error
		wg   sync.WaitGroup
	)
	wg.Go(func() { s.Vault, errs[0] = StartVault(ctx, filepath.Join(dir, "vault"), o) })
	wg.Go(func() { s.MinIO, errs[1] = StartMinIO(ctx, filepath.Join(dir, "minio"), o) })
	wg.Go(func() { s.Postgres, errs[2] = StartPostgres(ctx, o.PostgresDir, o) })
	wg.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopGrace)
		defer cancel()
		return nil, errors.Join(err, s.stop(stopCtx, func(c *component) bool { return c.started }))
	}
	return &s, nil
}

// Stop ends all three components and keeps their data.
func (s *Stack) Stop(ctx context.Context) error {
	return s.stop(ctx, func(*component) bool { return true })
}

func (s *Stack) stop(ctx context.Context, which func(*component) bool) error {
	var all []*component
	if s.Vault != nil {
		all = append(all, s.Vault.component)
	}
	if s.MinIO != nil {
		all = append(all, s.MinIO.component)
	}
	if s.Postgres != nil {
		all = append(all, s.Postgres.component)
	}
	errs := make([]error, len(all))
	var wg sync.WaitGroup
	for i, c := range all {
		if which(c) {
			wg.Go(func() { errs[i] = c.Stop(ctx) })
		}
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Down ends the detached components that [Start] left running in dir and
// names those it ended. Data and credentials stay for the next start.
func Down(ctx context.Context, dir string) ([]string, error) {
	unlock, err := filelock.Take(ctx, filepath.Join(dir, lockFileName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // nothing was ever started here
	}
	if err != nil {
		return nil, fmt.Errorf("wait for another start in %s: %w", dir, err)
	}
	defer unlock()
	var (
		ended []string
		errs  []error
	)
	for _, c := range []struct {
		name string
		sig  syscall.Signal
	}{{"vault", syscall.SIGTERM}, {"minio", syscall.SIGTERM}, {"postgres", fastShutdown}} {
		stopped, err := stopPIDFile(ctx, filepath.Join(dir, c.name, pidFileName), c.sig)
		if err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", c.name, err))
		}
		if stopped {
			ended = append(ended, c.name)
		}
	}
	return ended, errors.Join(errs...)
}

const (
	pidFileName    = "pid.json"
	secretFileName = "secret.json"
	lockFileName   = "lock"
	// readyWithin bounds the wait for a component to answer. A cold start on a
	// loaded two-core machine was seen to take ten seconds.
	readyWithin = 90 * time.Second
	// stopGrace is how long an asked process may take to end before it is killed.
	stopGrace = 20 * time.Second
)
