// Package durable replaces files whole: a reader, or whoever starts after the
// power failed, finds the old content or the new and never a part of either.
package durable

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// WriteFile replaces the file at path by data, or makes it, with exactly the
// permissions of mode. When it returns without an error both the content and
// the name are on disk; after one the file is as it was.
func WriteFile(path string, data []byte, mode fs.FileMode) error {
	dir, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return err
	}
	name := filepath.Base(path)
	err = errors.Join(WriteIn(dir, "."+name+"-"+rand.Text(), name, data, mode), dir.Close())
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// Remove removes the file at path, which need not exist. When it returns without
// an error the name is gone from the disk too.
func Remove(path string) error {
	dir, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return err
	}
	err = dir.Remove(filepath.Base(path))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err == nil {
		err = Sync(dir, ".")
	}
	if err = errors.Join(err, dir.Close()); err != nil {
		return fmt.Errorf("remove %s: %w", path, err)
	}
	return nil
}

// WriteIn is WriteFile below root. The content is gathered in the file temp,
// which must not exist and lies on the same file system as name.
func WriteIn(root *os.Root, temp, name string, data []byte, mode fs.FileMode) error {
	f, err := root.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = errors.Join(f.Chmod(mode), f.Sync())
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = root.Rename(temp, name)
	}
	if err != nil {
		_ = root.Remove(temp) // the error that is told came first
		return err
	}
	return Sync(root, filepath.Dir(name))
}

// Sync has the entries of a directory below root on disk.
func Sync(root *os.Root, dir string) error {
	d, err := root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
