package service

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/internal/durable"
)

// openDirectory reads the pinned roots and the manifests. One state's bad
// manifest must not keep the others' exchange from starting: it is left out,
// and [Check] names it.
func (c Config) openDirectory() (*statement.Directory, error) {
	raw, err := readLimited(c.Roots, maxConfigFile)
	if err != nil {
		return nil, fmt.Errorf("the pinned roots: %w", err)
	}
	roots, err := statement.ReadRoots(raw)
	if err != nil {
		return nil, err
	}
	seen, err := readSeen(c.ManifestsSeen)
	if err != nil {
		return nil, err
	}
	d, refused, err := c.newDirectory(roots, seen)
	if err != nil {
		return nil, fmt.Errorf("the manifests: %w", err)
	}
	if !slices.ContainsFunc(d.States(), func(s comity.State) bool { _, err := d.State(s); return err == nil }) {
		var faults []error
		for _, r := range refused {
			faults = append(faults, fmt.Errorf("%s: %w", r.path, r.err))
		}
		return nil, fmt.Errorf("%s holds no valid manifest: %w", c.Manifests, errors.Join(faults...))
	}
	return d, nil
}

// refusedManifest is a file that was not taken, and why.
type refusedManifest struct {
	state comity.State // "" when it does not say
	path  string
	err   error
}

// newDirectory takes the manifests that were in force before, and then those
// of the directory, none of which may be older.
func (c Config) newDirectory(roots statement.Roots, seen seenManifests) (*statement.Directory, []refusedManifest, error) {
	d := statement.NewDirectory(c.Union, roots, time.Now)
	for _, jws := range seen {
		_ = d.Recall(jws) // one that no longer holds, as of another union, is not missed
	}
	files, err := readManifests(c.Manifests)
	if err != nil {
		return nil, nil, err
	}
	var refused []refusedManifest
	for _, f := range files {
		state := f.state()
		_, err := statement.VerifyManifest(f.jws, roots[state], time.Now())
		if err == nil {
			err = d.Add(f.jws)
		}
		if err != nil {
			refused = append(refused, refusedManifest{state, f.path, err})
		}
	}
	return d, refused, nil
}

// manifestFile is one manifest as it lies in the directory.
type manifestFile struct{ path, jws string }

// state is the one that the file's name says, as in KZ.jws; the manifest itself
// is verified by that state's root and no other.
func (f manifestFile) state() comity.State {
	return comity.State(strings.TrimSuffix(filepath.Base(f.path), ".jws"))
}

// manifestPath is where a state's manifest lies.
func (c Config) manifestPath(s comity.State) string {
	return filepath.Join(c.Manifests, string(s)+".jws")
}

// maxManifestFile is longer than any manifest may be.
const maxManifestFile = 4 << 20

// readManifests reads the files CODE.jws of a directory.
func readManifests(dir string) ([]manifestFile, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []manifestFile
	for _, e := range entries {
		f := manifestFile{path: filepath.Join(dir, e.Name())}
		if filepath.Ext(e.Name()) != ".jws" || !f.state().Valid() {
			continue
		}
		raw, err := readLimited(f.path, maxManifestFile)
		if err != nil {
			return nil, err
		}
		f.jws = strings.TrimSpace(string(raw))
		files = append(files, f)
	}
	return files, nil
}

// seenManifests are the manifests that were in force when the server last looked.
type seenManifests map[comity.State]string

// readSeen reads the memory of manifests; without a file there is none yet.
func readSeen(path string) (seenManifests, error) {
	if path == "" {
		return nil, nil
	}
	raw, err := readLimited(path, 64<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var seen seenManifests
	if err := json.Unmarshal(raw, &seen); err != nil {
		return nil, fmt.Errorf("%s is damaged; what it said about the newest manifests is lost: %w", path, err)
	}
	return seen, nil
}

// remember writes down the manifests in force, when they have changed.
func (s *Service) remember() error {
	if s.cfg.ManifestsSeen == "" {
		return nil
	}
	before, err := readSeen(s.cfg.ManifestsSeen)
	if err != nil {
		return err
	}
	now := maps.Clone(before) // a state that is gone may come back
	if now == nil {
		now = seenManifests{}
	}
	for _, state := range s.parts.Directory.States() {
		now[state] = s.parts.Directory.JWS(state)
	}
	if maps.Equal(before, now) {
		return nil
	}
	raw, err := json.Marshal(now)
	if err != nil {
		return err
	}
	return durable.WriteFile(s.cfg.ManifestsSeen, raw, 0o600)
}
