// Package directory is an object store in a directory: the embedded profile's counterpart of an S3 service. Clients put
// and get over HTTP under signed URLs (Store is the handler), with the rules of the port: method, length and checksum
// bound, expiry, no overwriting, and nothing half-written ever visible.
//
// The directory belongs to one process at a time and must lie in one file system, since the step that makes an upload an
// object is one rename:
//
//	url-key                    secret under which URLs are signed; made on first use
//	tmp/                       what is being received
//	uploads/<id>/              an open upload: object.json and one file per part, <number>-<size>-<sha256>
//	objects/<xx>/<sha256(key)> an object: the same files, object.json now complete
//
// Parts stay files of their own, so that completing an upload copies nothing. Nothing in here deletes an object; that
// is all the object lock a directory can give, and who owns the files can get round it.
package directory

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/comity-platform/comity/internal/durable"
	"github.com/comity-platform/comity/storage/object"
)

// What stands unfinished this long is swept: an upload nobody has touched, a temporary file that a crash left.
const (
	staleUpload = 7 * 24 * time.Hour
	staleTemp   = 24 * time.Hour
	sweepEvery  = time.Hour
)

// Store is an object.Store and the http.Handler that serves it.
type Store struct {
	root *os.Root
	base *url.URL // what clients put before a key
	key  []byte   // signs URLs

	mu    sync.Mutex // orders replacing a part, completing and aborting
	swept time.Time  // guarded by mu
}

var _ object.Store = (*Store)(nil)

// Open opens, or makes, the store in dir. baseURL is where clients reach the store's ServeHTTP, for example
// https://exchange.example/store/KZ; mount it at Prefix.
func Open(dir, baseURL string) (*Store, error) {
	base, err := url.Parse(strings.TrimSuffix(baseURL, "/"))
	if err != nil || base.Host == "" || base.RawQuery != "" || base.Fragment != "" || (base.Scheme != "http" && base.Scheme != "https") {
		return nil, fmt.Errorf("%w: %q is not an http or https URL without query", object.ErrInvalid, baseURL)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("object store: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("object store: %w", err)
	}
	s := &Store{root: root, base: base}
	for _, sub := range []string{"tmp", "uploads", "objects"} {
		if err := root.MkdirAll(sub, 0o700); err != nil {
			root.Close()
			return nil, fmt.Errorf("object store: %w", err)
		}
	}
	if s.key, err = s.urlKey(); err != nil {
		root.Close()
		return nil, fmt.Errorf("object store: secret for URLs: %w", err)
	}
	return s, nil
}

// Close gives the directory back. Requests under way fail.
func (s *Store) Close() error { return s.root.Close() }

// Prefix is the path at which to mount the store, with a slash at its end.
func (s *Store) Prefix() string { return s.base.Path + "/" }

// urlKey reads the store's secret, or makes it. It lies in the directory so that URLs outlive a restart; who can read it
// there can read the objects anyway.
func (s *Store) urlKey() ([]byte, error) {
	key, err := s.root.ReadFile("url-key")
	if errors.Is(err, fs.ErrNotExist) {
		key = make([]byte, 32)
		rand.Read(key)
		err = s.writeFile("url-key", key)
	}
	if err == nil && len(key) != 32 {
		err = fmt.Errorf("url-key has %d bytes, not 32", len(key))
	}
	return key, err
}

// Begin implements object.Store.
func (s *Store) Begin(ctx context.Context, key string, retainUntil time.Time) (string, error) {
	if err := object.CheckKey(key); err != nil {
		return "", err
	}
	until, err := object.Retention(retainUntil)
	if err != nil {
		return "", err
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	s.sweep(time.Now())
	if _, err := s.readManifest(objectDir(key)); err == nil {
		return "", fmt.Errorf("begin %s: %w", key, object.ErrExists)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", failed("begin", key, err)
	}
	id := newID()
	building := path.Join("tmp", id)
	if err := s.root.Mkdir(building, 0o700); err != nil {
		return "", failed("begin", key, err)
	}
	err = s.writeManifest(building, manifest{Key: key, RetainUntil: until})
	if err == nil {
		err = s.root.Rename(building, uploadDir(id))
	}
	if err == nil {
		err = durable.Sync(s.root, "uploads")
	}
	if err != nil {
		_ = s.root.RemoveAll(building)
		return "", failed("begin", key, err)
	}
	return id, nil
}

// openUpload reads the manifest of an open upload of this key.
func (s *Store) openUpload(key, uploadID string) (manifest, error) {
	if err := object.CheckKey(key); err != nil {
		return manifest{}, err
	}
	if !validID(uploadID) {
		return manifest{}, fmt.Errorf("upload of %s: %w", key, object.ErrNotFound)
	}
	m, err := s.readManifest(uploadDir(uploadID))
	if err == nil && m.Key != key {
		err = fs.ErrNotExist // an upload is good for its own key only, as in S3
	}
	if err != nil {
		return manifest{}, failed("upload of", key, err)
	}
	return m, nil
}

// Parts implements object.Store.
func (s *Store) Parts(ctx context.Context, key, uploadID string) ([]object.Part, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if _, err := s.openUpload(key, uploadID); err != nil {
		return nil, err
	}
	parts, err := s.listParts(uploadDir(uploadID))
	if err != nil {
		return nil, failed("parts of", key, err)
	}
	return parts, nil
}

// Complete implements object.Store.
func (s *Store) Complete(ctx context.Context, key, uploadID string, parts []object.Part) (object.Stat, error) {
	if err := object.CheckKey(key); err != nil {
		return object.Stat{}, err
	}
	size, err := object.CheckPlan(parts)
	if err != nil {
		return object.Stat{}, fmt.Errorf("complete %s: %w", key, err)
	}
	if err := ctx.Err(); err != nil {
		return object.Stat{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if stat, err := s.adopt(key, parts, size); !errors.Is(err, object.ErrNotFound) {
		return stat, err
	}
	m, err := s.openUpload(key, uploadID)
	if err != nil {
		return object.Stat{}, err
	}
	dir := uploadDir(uploadID)
	held, err := s.listParts(dir)
	if err != nil {
		return object.Stat{}, failed("complete", key, err)
	}
	if len(held) < len(parts) || !slices.Equal(held[:len(parts)], parts) {
		return object.Stat{}, fmt.Errorf("complete %s: %w: the parts declared are not the parts received", key, object.ErrMismatch)
	}
	for _, extra := range held[len(parts):] { // put but not declared: no part of the object, as in S3
		if err := s.root.Remove(path.Join(dir, partFile(extra))); err != nil {
			return object.Stat{}, failed("complete", key, err)
		}
	}
	m.Version, m.Parts = newID(), make([]partName, len(parts)) // a crash may have left those of an earlier attempt
	for i, p := range parts {
		m.Parts[i] = partName(p)
	}
	if err := s.writeManifest(dir, m); err != nil {
		return object.Stat{}, failed("complete", key, err)
	}
	target := objectDir(key)
	if err := s.root.MkdirAll(path.Dir(target), 0o700); err != nil {
		return object.Stat{}, failed("complete", key, err)
	}
	// The one step that makes the object visible; it fails when there is one already.
	if err := s.root.Rename(dir, target); err != nil {
		return object.Stat{}, failed("complete", key, err)
	}
	for _, changed := range []string{path.Dir(target), "objects", "uploads"} {
		if err := durable.Sync(s.root, changed); err != nil {
			return object.Stat{}, failed("complete", key, err)
		}
	}
	return s.adopt(key, parts, size)
}

// adopt takes the object of this key if it is exactly the one declared, and compares its files with the declaration.
func (s *Store) adopt(key string, parts []object.Part, size int64) (object.Stat, error) {
	m, err := s.readManifest(objectDir(key))
	if err != nil {
		return object.Stat{}, failed("complete", key, err)
	}
	stat := m.stat()
	if stat.Root != object.Root(parts) || stat.Size != size || stat.Parts != len(parts) {
		return object.Stat{}, fmt.Errorf("complete %s: %w", key, object.ErrExists)
	}
	held, err := s.listParts(objectDir(key))
	if err != nil {
		return object.Stat{}, failed("complete", key, err)
	}
	if !slices.Equal(held, parts) {
		return object.Stat{}, fmt.Errorf("complete %s: %w: part files are missing", key, object.ErrMismatch)
	}
	return stat, nil
}

// Abort implements object.Store.
func (s *Store) Abort(ctx context.Context, key, uploadID string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.openUpload(key, uploadID); errors.Is(err, object.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	if err := s.root.RemoveAll(uploadDir(uploadID)); err != nil {
		return failed("abort", key, err)
	}
	return nil
}

// Stat implements object.Store.
func (s *Store) Stat(ctx context.Context, key, version string) (object.Stat, error) {
	if err := object.CheckKey(key); err != nil {
		return object.Stat{}, err
	}
	if err := ctx.Err(); err != nil {
		return object.Stat{}, err
	}
	m, err := s.readManifest(objectDir(key))
	if err == nil && version != "" && m.Version != version {
		err = fs.ErrNotExist
	}
	if err != nil {
		return object.Stat{}, failed("stat", key, err)
	}
	return m.stat(), nil
}

// Check implements object.Store: it writes and removes a file.
func (s *Store) Check(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	name := path.Join("tmp", newID())
	err := s.writeFile(name, []byte("check"))
	if err == nil {
		err = s.root.Remove(name)
	}
	if err != nil {
		return failed("check", s.base.Path, err)
	}
	return nil
}

func newID() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// validID says whether id is one of newID's, and so safe in a file name.
func validID(id string) bool {
	b, err := hex.DecodeString(id)
	return err == nil && len(b) == 16 && id == hex.EncodeToString(b)
}
