// Package node runs scripts of Node.js against Comity: the reference
// implementation of GraphQL, the clients of others, linters and generators of
// code. Their exact versions are those of package.json beside this file. No part
// of the product needs it; tests and make check do.
package node

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/comity-platform/comity/internal/filelock"
)

var (
	//go:embed package.json
	manifest []byte
	//go:embed package-lock.json
	lockfile []byte
)

// Modules answers the folder that holds node_modules with the packages of
// package.json, which npm fetches into the user's cache directory when they are
// first needed. Several processes may ask at once: one fetches, the others wait.
func Modules(ctx context.Context) (string, error) {
	return Install(ctx, manifest, lockfile)
}

// Install does what [Modules] does for any package.json and package-lock.json.
func Install(ctx context.Context, manifest, lockfile []byte) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the user's cache directory: %w", err)
	}
	sum := sha256.Sum256(append(bytes.Clone(manifest), lockfile...))
	dir := filepath.Join(cache, "comity", "node", fmt.Sprintf("%x", sum[:8]))
	done := filepath.Join(dir, "complete")
	if _, err := os.Stat(done); err == nil {
		return dir, nil
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		return "", fmt.Errorf("npm is needed, which comes with Node.js; on Debian: apt-get install nodejs npm: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	unlock, err := filelock.Take(ctx, dir+".lock")
	if err != nil {
		return "", fmt.Errorf("wait for another npm: %w", err)
	}
	defer unlock()
	if _, err := os.Stat(done); err == nil { // by another process meanwhile
		return dir, nil
	}
	for name, content := range map[string][]byte{"package.json": manifest, "package-lock.json": lockfile} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return "", err
		}
	}
	c := exec.CommandContext(ctx, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm ci: %w: %s", err, bytes.TrimSpace(out))
	}
	return dir, os.WriteFile(done, nil, 0o644)
}

// Command prepares a script of a folder to be run by Node with the packages of
// package.json. The folder is copied beside them, because Node looks for
// packages from where a script lies; done removes the copy.
func Command(ctx context.Context, folder, script string, args ...string) (cmd *exec.Cmd, done func(), err error) {
	dir, err := Modules(ctx)
	if err != nil {
		return nil, nil, err
	}
	return CommandIn(ctx, dir, folder, script, args...)
}

// CommandIn does what [Command] does with the packages of a folder that
// [Install] answered.
func CommandIn(ctx context.Context, dir, folder, script string, args ...string) (cmd *exec.Cmd, done func(), err error) {
	program, err := exec.LookPath("node")
	if err != nil {
		return nil, nil, fmt.Errorf("node is needed; on Debian: apt-get install nodejs npm: %w", err)
	}
	here, err := os.MkdirTemp(dir, "run-")
	if err != nil {
		return nil, nil, err
	}
	done = func() { _ = os.RemoveAll(here) }
	if err := os.CopyFS(here, os.DirFS(folder)); err != nil {
		done()
		return nil, nil, err
	}
	cmd = exec.CommandContext(ctx, program, append([]string{filepath.Join(here, script)}, args...)...)
	cmd.Dir = here
	cmd.WaitDelay = 5 * time.Second
	return cmd, done, nil
}
