package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/crypto/statement"
)

// maxFile bounds what is read of a file that holds a signed thing.
const maxFile = 1 << 20

// read reads a small file, or standard input.
func (r *run) read(file string) ([]byte, error) {
	in := r.stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, comity.Invalid("file", err.Error())
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = comity.Invalid("file", fmt.Sprintf("%s is longer than %d bytes", file, maxFile))
	}
	return b, err
}

// directory puts together whom to believe: files given, or what the login has pinned.
func (v believed) directory(r *run) (*statement.Directory, error) {
	var p *profile
	if v.Roots == "" || len(v.Manifest) == 0 {
		var err error
		if p, err = r.profile(); err != nil {
			return nil, usagef("without a login, --roots and --manifest say whom to believe (%w)", err)
		}
	}
	var roots statement.Roots
	var err error
	if v.Roots != "" {
		roots, err = r.readRoots(v.Roots)
	} else {
		roots, err = p.roots()
	}
	if err != nil {
		return nil, err
	}
	var manifests []string
	for _, file := range v.Manifest {
		b, err := r.read(file)
		if err != nil {
			return nil, err
		}
		manifests = append(manifests, strings.TrimSpace(string(b)))
	}
	if len(manifests) == 0 {
		if manifests, err = p.manifests(); err != nil {
			return nil, err
		}
	}
	var dir *statement.Directory
	for _, jws := range manifests {
		if dir == nil {
			if err := unreadable(jws, roots); err != nil {
				return nil, err
			}
			union, err := unionOf(jws, roots)
			if err != nil {
				return nil, &client.VerificationError{What: "the manifest", Err: err}
			}
			dir = statement.NewDirectory(union, roots, time.Now)
		}
		if err := dir.Add(jws); err != nil && comity.CodeOf(err) != comity.CodeUnavailable {
			return nil, &client.VerificationError{What: "a manifest", Err: err}
		}
	}
	return dir, nil
}

// manifests gives the newest manifests that the login has seen.
func (p *profile) manifests() ([]string, error) {
	b, err := os.ReadFile(filepath.Join(p.dir, "manifests.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usagef("this login has seen no manifests yet; give --manifest")
	}
	if err != nil {
		return nil, err
	}
	var kept struct {
		Manifests map[comity.State]struct {
			JWS string `json:"jws"`
		} `json:"manifests"`
	}
	if err := json.Unmarshal(b, &kept); err != nil {
		return nil, err
	}
	var out []string
	for _, m := range kept.Manifests {
		out = append(out, m.JWS)
	}
	return out, nil
}

// unreadable is what is wrong with a file that was given as a manifest, before
// anything that it says is verified.
func unreadable(jws string, roots statement.Roots) error {
	var claim struct {
		State comity.State `json:"state"`
	}
	if err := readClaims(jws, &claim); err != nil {
		return usagef("--manifest: this is no manifest (JWS)")
	}
	if _, ok := roots[claim.State]; !ok {
		return usagef("--manifest: no root is pinned for %.20q; give --roots with the file that has it", claim.State)
	}
	return nil
}

// unionOf finds the union that a manifest is of, by whichever root signed it.
func unionOf(jws string, roots statement.Roots) (string, error) {
	m, err := manifestOf(jws, roots)
	return m.Union, err
}

// manifestOf verifies a manifest by the root of the state that it is of. An
// expired one is still read: see [statement.Directory.State].
func manifestOf(jws string, roots statement.Roots) (statement.Manifest, error) {
	var claim struct {
		State comity.State `json:"state"`
	}
	if err := readClaims(jws, &claim); err != nil {
		return statement.Manifest{}, errors.New("this is no manifest (JWS)")
	}
	root, ok := roots[claim.State]
	if !ok {
		return statement.Manifest{}, fmt.Errorf("no root is pinned for %.20q", claim.State)
	}
	m, err := statement.VerifyManifest(jws, root, time.Now())
	if err != nil && comity.CodeOf(err) == comity.CodeUnavailable {
		err = nil
	}
	return m, err
}
