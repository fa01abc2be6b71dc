package keyring

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/comity-platform/comity/crypto/custodian"
)

var registerForm = regexp.MustCompile(`^[a-z]+/[a-z0-9_]{1,127}$`)

func (k *Keyring) registerPath(key string) (string, error) {
	if !registerForm.MatchString(key) {
		return "", fmt.Errorf("keyring: %q cannot name a register entry", key)
	}
	return filepath.Join(k.dir, "register", filepath.FromSlash(key)), nil
}

// RegisterGet implements [custodian.Keys].
func (k *Keyring) RegisterGet(_ context.Context, key string) ([]byte, int64, error) {
	path, err := k.registerPath(key)
	if err != nil {
		return nil, 0, err
	}
	raw, err := os.ReadFile(path) // files are only ever renamed into place
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, custodian.ErrAbsent
	}
	if err != nil {
		return nil, 0, fmt.Errorf("keyring: %w", err)
	}
	head, value, ok := strings.Cut(string(raw), "\n")
	version, err := strconv.ParseInt(head, 10, 64)
	if !ok || err != nil || version < 1 {
		return nil, 0, fmt.Errorf("keyring: the file of register entry %s is damaged", key)
	}
	return []byte(value), version, nil
}

// RegisterPut implements [custodian.Keys].
func (k *Keyring) RegisterPut(ctx context.Context, key string, value []byte, version int64) error {
	path, err := k.registerPath(key)
	if err != nil {
		return err
	}
	if !utf8.Valid(value) {
		return errors.New("keyring: a register entry is UTF-8 text")
	}
	unlock, err := k.lock.Lock()
	if err != nil {
		return fmt.Errorf("keyring: %w", err)
	}
	defer unlock()
	_, at, err := k.RegisterGet(ctx, key)
	if err != nil && !errors.Is(err, custodian.ErrAbsent) {
		return err
	}
	if at != version {
		return custodian.ErrCAS
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("keyring: %w", err)
	}
	return writeFile(path, append(strconv.AppendInt(nil, version+1, 10), "\n"+string(value)...))
}

// writeFile replaces a file as a whole or not at all, and durably: a revocation
// that was answered must still stand after the power failed.
func writeFile(path string, content []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(content); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
