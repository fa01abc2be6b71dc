package stack

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/modfile"

	"github.com/comity-platform/comity/internal/filelock"
)

const ownModule = "github.com/comity-platform/comity"

// tool is a component that is built from source when the machine has none.
type tool struct{ pkg, takes string }

var tools = map[string]tool{
	"vault": {"github.com/hashicorp/vault", "8 minutes"},
	"minio": {"github.com/minio/minio", "3 minutes"},
}

// Binary answers the path of the server called name ("vault" or "minio"): the
// one on PATH, of whatever version, else the one of the version pinned in
// deploy/tools, which is built from source when first needed and kept in
// comity/bin of the user's cache directory. Several processes may ask at once;
// one builds and the others wait. Progress gets a line now and then; nil
// discards them. Building needs Comity's source tree and a Go toolchain.
func Binary(ctx context.Context, name string, progress io.Writer) (string, error) {
	t, known := tools[name]
	if !known {
		return "", fmt.Errorf("no such component: %q", name)
	}
	if path, err := exec.LookPath(name); err == nil {
		return filepath.Abs(path)
	}
	root, err := sourceRoot()
	if err != nil {
		return "", fmt.Errorf("%s is not on PATH and cannot be built: %w", name, err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the user's cache directory: %w", err)
	}
	return cached(ctx, filepath.Join(root, "deploy", "tools", name), filepath.Join(cache, "comity", "bin"), name, t, progress)
}

// cached answers the binary in bin that belongs to the pin in module, building it if need be.
func cached(ctx context.Context, module, bin, name string, t tool, progress io.Writer) (string, error) {
	key, err := pin(module, t.pkg)
	if err != nil {
		return "", err
	}
	path := filepath.Join(bin, name+"-"+key)
	if executable(path) {
		return path, nil
	}
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return "", fmt.Errorf("make the cache for %s: %w", name, err)
	}
	unlock, err := filelock.Take(ctx, path+".lock")
	if err != nil {
		return "", fmt.Errorf("wait for another build of %s: %w", name, err)
	}
	defer unlock()
	if executable(path) { // built by another process meanwhile
		return path, nil
	}
	return path, build(ctx, module, path, name, t, progress)
}

// pin is the cache key of a tools module: the version it requires of pkg, for
// people, and a digest of everything that decides the outcome, for certainty.
func pin(module, pkg string) (string, error) {
	mod, err := os.ReadFile(filepath.Join(module, "go.mod"))
	if err != nil {
		return "", fmt.Errorf("read the pinned version: %w", err)
	}
	sum, err := os.ReadFile(filepath.Join(module, "go.sum"))
	if err != nil {
		return "", fmt.Errorf("read the pinned version: %w", err)
	}
	parsed, err := modfile.ParseLax("go.mod", mod, nil)
	if err != nil {
		return "", fmt.Errorf("read the pinned version: %w", err)
	}
	for _, r := range parsed.Require {
		if r.Mod.Path == pkg {
			h := sha256.New()
			fmt.Fprintf(h, "%s %s %d %s%s", runtime.GOOS, runtime.GOARCH, len(mod), mod, sum)
			return fmt.Sprintf("%s-%.6x", r.Mod.Version, h.Sum(nil)), nil
		}
	}
	return "", fmt.Errorf("%s does not require %s", filepath.Join(module, "go.mod"), pkg)
}

func build(ctx context.Context, module, path, name string, t tool, progress io.Writer) error {
	if progress == nil {
		progress = io.Discard
	}
	fmt.Fprintf(progress, "%s is not on PATH: building it from source, about %s the first time, then kept as %s\n", name, t.takes, path)
	begun := time.Now()
	temp := fmt.Sprintf("%s.%d", path, os.Getpid())
	defer os.Remove(temp)
	// Without debugging tables it links several times faster and is a third smaller.
	cmd := exec.CommandContext(ctx, "go", "build", "-v", "-buildvcs=false", "-ldflags=-s -w", "-o", temp, t.pkg)
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly")
	out, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("build %s (is Go on PATH?): %w", name, err)
	}
	last := report(out, name, begun, progress)
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("build %s: %w\n  %s", name, errors.Join(err, ctx.Err()), strings.Join(last, "\n  "))
	}
	if err := os.Rename(temp, path); err != nil {
		return fmt.Errorf("keep %s: %w", name, err)
	}
	fmt.Fprintf(progress, "%s is built, %s\n", name, time.Since(begun).Round(time.Second))
	return nil
}

// report reads the build's output to its end, writes a line of progress every
// 20 seconds and answers the last lines, which tell why a build failed.
func report(out io.Reader, name string, begun time.Time, progress io.Writer) (last []string) {
	var (
		mu   sync.Mutex
		done = make(chan struct{})
		wg   sync.WaitGroup
	)
	wg.Go(func() {
		tick := time.NewTicker(20 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				at := "the start"
				mu.Lock()
				if len(last) > 0 {
					at = last[len(last)-1]
				}
				mu.Unlock()
				fmt.Fprintf(progress, "%s: %s, at %s\n", name, time.Since(begun).Round(time.Second), at)
			}
		}
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		mu.Lock()
		last = append(last[max(0, len(last)-11):], lines.Text())
		mu.Unlock()
	}
	close(done)
	wg.Wait()
	return last
}

// sourceRoot is the root of Comity's source tree: where this file was compiled,
// or the working directory or a parent of it (after -trimpath or a move).
func sourceRoot() (string, error) {
	var starts []string
	if _, file, _, ok := runtime.Caller(0); ok && filepath.IsAbs(file) {
		starts = append(starts, filepath.Dir(file))
	}
	if wd, err := os.Getwd(); err == nil {
		starts = append(starts, wd)
	}
	for _, dir := range starts {
		for {
			if mod, err := os.ReadFile(filepath.Join(dir, "go.mod")); err == nil && modfile.ModulePath(mod) == ownModule {
				return dir, nil
			}
			parent := filepath.Dir(dir)
			if parent == dir {
				break
			}
			dir = parent
		}
	}
	return "", errors.New("the source tree of Comity is not here; run from it, or put the program on PATH")
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
