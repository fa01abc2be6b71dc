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
	"github.com/comity-platform/comity/internal/durable"
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
	// Durable: a revocation that was answered must still stand after the power failed.
	return durable.WriteFile(path, append(strconv.AppendInt(nil, version+1, 10), "\n"+string(value)...), 0o600)
}
