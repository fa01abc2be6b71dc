package directory

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/comity-platform/comity/internal/durable"
	"github.com/comity-platform/comity/storage/object"
)

// manifest is object.json: of an open upload the key and the retention, of an object all of it.
type manifest struct {
	Key         string     `json:"key"`
	RetainUntil time.Time  `json:"retainUntil"`
	Version     string     `json:"version,omitempty"`
	Parts       []partName `json:"parts,omitempty"` // the names of the parts' files, in order
}

// partName is a part written as the name of its file.
type partName object.Part

func (p partName) MarshalText() ([]byte, error) { return []byte(partFile(object.Part(p))), nil }

func (p *partName) UnmarshalText(text []byte) error {
	part, ok := parsePartFile(string(text))
	if !ok {
		return fmt.Errorf("%q names no part", text)
	}
	*p = partName(part)
	return nil
}

func (m manifest) plan() []object.Part {
	parts := make([]object.Part, len(m.Parts))
	for i, p := range m.Parts {
		parts[i] = object.Part(p)
	}
	return parts
}

func (m manifest) stat() object.Stat {
	parts := m.plan()
	var size int64
	for _, p := range parts {
		size += p.Size
	}
	return object.Stat{Key: m.Key, Version: m.Version, Size: size, Root: object.Root(parts), Parts: len(parts), RetainUntil: m.RetainUntil}
}

func uploadDir(id string) string { return path.Join("uploads", id) }

// objectDir hashes the key, so that no key can name a file and "a" and "a/b" do not meet.
func objectDir(key string) string {
	sum := sha256.Sum256([]byte(key))
	name := hex.EncodeToString(sum[:])
	return path.Join("objects", name[:2], name)
}

// partFile names a part's file. The name says what is in it, which was checked before the file got the name.
func partFile(p object.Part) string {
	return fmt.Sprintf("%05d-%d-%x", p.Number, p.Size, p.SHA256)
}

// parsePartFile reverses partFile; ok is false for any other name.
func parsePartFile(name string) (p object.Part, ok bool) {
	fields := strings.Split(name, "-")
	if len(fields) != 3 {
		return p, false
	}
	var err1, err2 error
	p.Number, err1 = strconv.Atoi(fields[0])
	p.Size, err2 = strconv.ParseInt(fields[1], 10, 64)
	sum, err3 := hex.DecodeString(fields[2])
	if errors.Join(err1, err2, err3) != nil || len(sum) != len(p.SHA256) {
		return object.Part{}, false
	}
	copy(p.SHA256[:], sum)
	return p, partFile(p) == name
}

// listParts lists the parts in a directory by number, leaving out any whose file is not as long as its name says.
func (s *Store) listParts(dir string) ([]object.Part, error) {
	d, err := s.root.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	entries, err := d.ReadDir(-1)
	if err != nil {
		return nil, err
	}
	parts := make([]object.Part, 0, len(entries))
	for _, e := range entries {
		p, ok := parsePartFile(e.Name())
		if !ok {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		if info.Size() == p.Size {
			parts = append(parts, p)
		}
	}
	slices.SortFunc(parts, func(a, b object.Part) int { return a.Number - b.Number })
	return parts, nil
}

// keep gives a received and checked part its name in the upload. A part put earlier under the same number goes first, so
// that after a crash in between the part is missing (and sent again) rather than doubtful.
func (s *Store) keep(temp, key, uploadID string, part object.Part) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.openUpload(key, uploadID); err != nil {
		return err
	}
	dir, name := uploadDir(uploadID), partFile(part)
	d, err := s.root.Open(dir)
	if err != nil {
		return err
	}
	held, err := d.Readdirnames(-1)
	if err = errors.Join(err, d.Close()); err != nil {
		return err
	}
	for _, h := range held {
		if strings.HasPrefix(h, name[:len("00001-")]) && h != name {
			if err := s.root.Remove(path.Join(dir, h)); err != nil {
				return err
			}
		}
	}
	if err := s.root.Rename(temp, path.Join(dir, name)); err != nil {
		return err
	}
	return durable.Sync(s.root, dir)
}

func (s *Store) readManifest(dir string) (manifest, error) {
	var m manifest
	data, err := s.root.ReadFile(path.Join(dir, "object.json"))
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return m, fmt.Errorf("object.json: %w", err)
	}
	return m, nil
}

func (s *Store) writeManifest(dir string, m manifest) error {
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return s.writeFile(path.Join(dir, "object.json"), data)
}

// writeFile replaces a file whole or not at all, and has it on disk when it returns.
func (s *Store) writeFile(name string, data []byte) error {
	return durable.WriteIn(s.root, path.Join("tmp", newID()), name, data, 0o400)
}

// sweep removes what was left unfinished long ago, at most once an hour. What it cannot remove it meets again.
func (s *Store) sweep(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.swept) < sweepEvery {
		return
	}
	s.swept = now
	for dir, age := range map[string]time.Duration{"tmp": staleTemp, "uploads": staleUpload} {
		d, err := s.root.Open(dir)
		if err != nil {
			continue
		}
		entries, _ := d.ReadDir(-1)
		d.Close()
		for _, e := range entries {
			if info, err := e.Info(); err == nil && now.Sub(info.ModTime()) > age {
				_ = s.root.RemoveAll(path.Join(dir, e.Name()))
			}
		}
	}
}

// failed says what could not be done to which key, in the port's terms: what is not there is not found, everything else
// a file system reports (full, read-only, broken) means the store is unavailable.
func failed(doing, key string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s %s: %w", doing, key, object.ErrNotFound)
	case errors.Is(err, object.ErrNotFound), errors.Is(err, object.ErrInvalid):
		return err
	}
	return fmt.Errorf("%s %s: %w: %w", doing, key, object.ErrUnavailable, err)
}
