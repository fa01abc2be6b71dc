package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/comity-platform/comity/crypto/envelope"
	"github.com/comity-platform/comity/storage/object"
)

// source is the file that is transferred, whole and in parts of the size that
// the client takes.
type source struct {
	path  string
	size  int64
	sum   [32]byte // SHA-256
	parts []sourcePart
}

type sourcePart struct {
	object.Part
	path string
}

// newSource writes a file of random bytes, which nothing can compress.
func newSource(ctx context.Context, dir string, size int64) (_ *source, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	s := &source{path: filepath.Join(dir, "whole"), size: size}
	f, err := os.Create(s.path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	whole := sha256.New()
	for step := envelope.PartSizeFor(size); size > 0; size -= step {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		p := sourcePart{Part: object.Part{Number: len(s.parts) + 1, Size: min(step, size)}}
		p.path = filepath.Join(dir, fmt.Sprintf("part-%d", p.Number))
		sum := sha256.New()
		if err := fill(p.path, p.Size, f, whole, sum); err != nil {
			return nil, err
		}
		p.SHA256 = [32]byte(sum.Sum(nil))
		s.parts = append(s.parts, p)
	}
	s.sum = [32]byte(whole.Sum(nil))
	return s, nil
}

func fill(path string, size int64, also ...io.Writer) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.CopyN(io.MultiWriter(append(also, f)...), rand.Reader, size)
	return errors.Join(err, f.Close())
}

// fetched checks that a file holds the source's bytes, and removes it.
func (s *source) fetched(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return err
	}
	if [32]byte(sum.Sum(nil)) != s.sum {
		return fmt.Errorf("%s does not hold the bytes that were sent", path)
	}
	return os.Remove(path)
}
