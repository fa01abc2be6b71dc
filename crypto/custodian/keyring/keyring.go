// Package keyring is the embedded adapter of [custodian.Keys]: a state's keys
// and register as files in one directory. It needs nothing but a file system,
// and so protects against nobody who can read it or put back an older copy of
// it. The production profile refuses it; there the keys lie in Vault.
package keyring

import (
	"context"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/lockedfile"

	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/internal/durable"
)

// Keyring is a directory of keys:
//
//	lock             taken for every write, so that processes may share the directory
//	statements.pem   the statement key, PKCS #8, P-256
//	keys/NAME        a master key, 32 random bytes
//	register/KEY     an entry: its version, a newline, its value
//
// Every file is written beside its name, synced and renamed, and is readable
// by its owner only.
type Keyring struct {
	dir    string
	lock   *lockedfile.Mutex
	signer statement.Signer
}

var _ custodian.Keys = (*Keyring)(nil)

// Open opens the keyring in dir and makes what is missing: the directory and
// the statement key.
func Open(dir string) (*Keyring, error) {
	for _, d := range []string{dir, filepath.Join(dir, "keys"), filepath.Join(dir, "register")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, fmt.Errorf("keyring: %w", err)
		}
	}
	k := &Keyring{dir: dir, lock: lockedfile.MutexAt(filepath.Join(dir, "lock"))}
	if err := k.openSigner(); err != nil {
		return nil, fmt.Errorf("keyring: statement key: %w", err)
	}
	return k, nil
}

func (k *Keyring) openSigner() error {
	unlock, err := k.lock.Lock()
	if err != nil {
		return err
	}
	defer unlock()
	path := filepath.Join(k.dir, "statements.pem")
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		raw, err = newStatementKey()
		if err == nil {
			err = durable.WriteFile(path, raw, 0o600)
		}
	}
	if err != nil {
		return err
	}
	defer clear(raw)
	block, _ := pem.Decode(raw)
	if block == nil || block.Type != "PRIVATE KEY" {
		return fmt.Errorf("%s holds no private key in PEM", path)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return err
	}
	s, ok := key.(crypto.Signer)
	if !ok {
		return fmt.Errorf("a %T cannot sign", key)
	}
	k.signer, err = statement.NewSoftSigner(s, "")
	return err
}

func newStatementKey() ([]byte, error) {
	key, err := statement.NewKey()
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// Signer signs in memory, with ES256; the key's id is its RFC 7638 thumbprint.
func (k *Keyring) Signer(context.Context) (statement.Signer, error) { return k.signer, nil }

var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,127}$`)

func (k *Keyring) keyPath(name string) (string, error) {
	if !nameForm.MatchString(name) {
		return "", fmt.Errorf("keyring: %q cannot name a key", name)
	}
	return filepath.Join(k.dir, "keys", name), nil
}

// CreateKey implements [custodian.Keys].
func (k *Keyring) CreateKey(_ context.Context, name string) error {
	path, err := k.keyPath(name)
	if err != nil {
		return err
	}
	unlock, err := k.lock.Lock()
	if err != nil {
		return fmt.Errorf("keyring: %w", err)
	}
	defer unlock()
	if _, err := os.Stat(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	master := make([]byte, 32)
	_, _ = rand.Read(master) // never fails since Go 1.24
	defer clear(master)
	return durable.WriteFile(path, master, 0o600)
}

// DestroyKey implements [custodian.Keys]. A file system may keep the bytes where
// it likes: like everything here, this protects against nobody who can read it.
func (k *Keyring) DestroyKey(_ context.Context, name string) error {
	path, err := k.keyPath(name)
	if err != nil {
		return err
	}
	unlock, err := k.lock.Lock()
	if err != nil {
		return fmt.Errorf("keyring: %w", err)
	}
	defer unlock()
	return durable.Remove(path)
}

const wrappedPrefix = "keyring:v1:"

// DataKey implements [custodian.Keys].
func (k *Keyring) DataKey(_ context.Context, name string, context [32]byte) ([]byte, string, error) {
	aead, err := k.wrapping(name, context)
	if err != nil {
		return nil, "", err
	}
	plain := make([]byte, 32)
	_, _ = rand.Read(plain)
	sealed := aead.Seal(nil, nil, plain, []byte(name))
	return plain, wrappedPrefix + base64.RawURLEncoding.EncodeToString(sealed), nil
}

// Unwrap implements [custodian.Keys].
func (k *Keyring) Unwrap(_ context.Context, name string, context [32]byte, wrapped string) ([]byte, error) {
	aead, err := k.wrapping(name, context)
	if err != nil {
		return nil, err
	}
	text, ok := strings.CutPrefix(wrapped, wrappedPrefix)
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if !ok || err != nil || strings.ContainsAny(text, "\r\n") { // which base64 skips: one spelling only
		return nil, custodian.ErrWrapped
	}
	plain, err := aead.Open(nil, nil, sealed, []byte(name))
	if err != nil || len(plain) != 32 {
		clear(plain)
		return nil, custodian.ErrWrapped
	}
	return plain, nil
}

// wrapping is AES-256-GCM with random nonces under a key derived from the
// master key and the context, as a derived transit key of Vault is.
func (k *Keyring) wrapping(name string, context [32]byte) (cipher.AEAD, error) {
	path, err := k.keyPath(name)
	if err != nil {
		return nil, err
	}
	master, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("keyring: key %s: %w", name, custodian.ErrAbsent)
	}
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	defer clear(master)
	if len(master) != 32 {
		return nil, fmt.Errorf("keyring: the file of key %s is damaged", name)
	}
	derived, err := hkdf.Key(sha256.New, master, nil, "comity/keyring/v1"+string(context[:]), 32)
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	defer clear(derived)
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// Check writes and removes a file, as every act of the keyring needs to.
func (k *Keyring) Check(context.Context) error {
	unlock, err := k.lock.Lock()
	if err != nil {
		return fmt.Errorf("keyring: %w", err)
	}
	defer unlock()
	probe := filepath.Join(k.dir, "probe")
	if err := durable.WriteFile(probe, nil, 0o600); err != nil {
		return fmt.Errorf("keyring: %w", err)
	}
	return os.Remove(probe)
}
