package keyring_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/custodian/custodiantest"
	"github.com/comity-platform/comity/crypto/custodian/keyring"
	"github.com/comity-platform/comity/deploy/stack/stacktest"
)

func open(t *testing.T, dir string) *keyring.Keyring {
	t.Helper()
	k, err := keyring.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestKeyring(t *testing.T) {
	custodiantest.Run(t, func(t *testing.T) custodian.Keys { return open(t, stacktest.TempDir(t)) })
}

// TestSharedDirectory runs the suite with every call going to one of two
// keyrings on one directory, as two processes would.
func TestSharedDirectory(t *testing.T) {
	custodiantest.Run(t, func(t *testing.T) custodian.Keys {
		dir := t.TempDir()
		return custodiantest.Alternate(open(t, dir), open(t, dir))
	})
}

func TestReopened(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	k := open(t, dir)
	if err := k.CreateKey(ctx, "case-1"); err != nil {
		t.Fatal(err)
	}
	plain, wrapped, err := k.DataKey(ctx, "case-1", [32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	if err := k.RegisterPut(ctx, "case/1", []byte("{}"), 0); err != nil {
		t.Fatal(err)
	}
	was, err := k.Signer(ctx)
	if err != nil {
		t.Fatal(err)
	}

	k = open(t, dir)
	is, err := k.Signer(ctx)
	if err != nil || is.KeyID() != was.KeyID() {
		t.Errorf("the statement key changed: %v", err)
	}
	if got, err := k.Unwrap(ctx, "case-1", [32]byte{1}, wrapped); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("the data key does not open: %v", err)
	}
	if got, version, err := k.RegisterGet(ctx, "case/1"); err != nil || string(got) != "{}" || version != 1 {
		t.Errorf("the register has %q at %d: %v", got, version, err)
	}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 && path != dir && d.Name() != "lock" { // the lock is empty
			t.Errorf("%s can be read by others: %s", path, info.Mode())
		}
		if strings.HasPrefix(d.Name(), ".new-") || d.Name() == "probe" {
			t.Errorf("%s was left behind", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestDamage(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	k := open(t, dir)
	if err := k.CreateKey(ctx, "case-1"); err != nil {
		t.Fatal(err)
	}
	if err := k.RegisterPut(ctx, "case/1", []byte("{}"), 0); err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string]string{"keys/case-1": "short", "register/case/1": "nonsense", "statements.pem": "nonsense"} {
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(path)), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := k.DataKey(ctx, "case-1", [32]byte{}); err == nil {
		t.Error("a damaged key is used")
	}
	if err := k.CreateKey(ctx, "case-1"); err != nil {
		t.Error(err)
	}
	if raw, err := os.ReadFile(filepath.Join(dir, "keys", "case-1")); err != nil || string(raw) != "short" {
		t.Error("a damaged key is replaced, and all that it wrapped lost")
	}
	if _, _, err := k.RegisterGet(ctx, "case/1"); err == nil {
		t.Error("a damaged register entry is read")
	}
	if err := k.RegisterPut(ctx, "case/1", []byte("{}"), 0); err == nil {
		t.Error("a damaged register entry is taken for a missing one")
	}
	if _, err := keyring.Open(dir); err == nil {
		t.Error("a damaged statement key is opened")
	}
}

func TestCheckNamesTheFault(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	k := open(t, dir)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := k.Check(t.Context()); err == nil {
		t.Error("a keyring whose directory is gone is ready")
	}
}

func TestCustodian(t *testing.T) {
	custodiantest.RunCustodian(t, func(t *testing.T) custodian.Keys { return open(t, stacktest.TempDir(t)) })
}

// FuzzUnwrap: wrapped keys come back from a database, and only the one that was
// wrapped opens.
func FuzzUnwrap(f *testing.F) {
	k, err := keyring.Open(f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	if err := k.CreateKey(f.Context(), "case-1"); err != nil {
		f.Fatal(err)
	}
	_, wrapped, err := k.DataKey(f.Context(), "case-1", [32]byte{})
	if err != nil {
		f.Fatal(err)
	}
	for _, tail := range []string{"", "=", "\n", "A", "keyring:v1:"} {
		f.Add("", uint8(20), byte(0), tail)
		f.Add("keyring:v1:AAAA", uint8(20), byte(1), tail)
	}
	f.Fuzz(func(t *testing.T, other string, at uint8, flip byte, tail string) {
		changed := []byte(wrapped)
		changed[int(at)%len(changed)] ^= flip
		for _, s := range []string{other, string(changed) + tail, tail + wrapped} {
			got, err := k.Unwrap(t.Context(), "case-1", [32]byte{}, s)
			if (err == nil) != (s == wrapped) || err != nil && (!errors.Is(err, custodian.ErrWrapped) || got != nil) {
				t.Errorf("%q opens to %d bytes, %v", s, len(got), err)
			}
		}
	})
}
