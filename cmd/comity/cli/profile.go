package cli

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/internal/durable"
)

// profile is one login: a directory readable by nobody else with profile.json,
// the pinned roots.json, manifests.json (the newest seen), log (the record of
// acts as it was verified), session.pem, token, and uploads.
type profile struct {
	dir    string
	Name   string          `json:"name"`
	Server string          `json:"server"`
	Union  string          `json:"union"`
	As     string          `json:"as,omitempty"` // the development issuer's name of the officer
	Who    *client.Officer `json:"officer,omitempty"`
}

var profileForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9@._-]{0,99}$`)

func (r *run) profileDir(name string) (string, error) {
	if !profileForm.MatchString(name) {
		return "", usagef("%q is no name for a profile: letters, digits and @ . _ - only", name)
	}
	return filepath.Join(r.home, "profiles", name), nil
}

// open reads a profile, nil when there is none of that name.
func (r *run) open(name string) (*profile, error) {
	dir, err := r.profileDir(name)
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile(filepath.Join(dir, "profile.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	p := &profile{dir: dir}
	if err := json.Unmarshal(b, p); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, "profile.json"), err)
	}
	return p, nil
}

// profile gives the login in use.
func (r *run) profile() (*profile, error) {
	name := r.Profile
	if name == "" {
		b, err := os.ReadFile(filepath.Join(r.home, "current"))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, comity.Unauthenticated("nobody is logged in here", nil)
		}
		if err != nil {
			return nil, err
		}
		name = strings.TrimSpace(string(b))
	}
	p, err := r.open(name)
	if err == nil && p == nil {
		err = comity.Unauthenticated(fmt.Sprintf("there is no login %q here", name), nil)
	}
	return p, err
}

// save writes the profile and makes it the one in use.
func (r *run) save(p *profile) error {
	b, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	if err := writeSecret(filepath.Join(p.dir, "profile.json"), append(b, '\n')); err != nil {
		return err
	}
	return writeSecret(filepath.Join(r.home, "current"), []byte(p.Name+"\n"))
}

// config is what a client needs to begin, without token and key.
func (p *profile) config(r *run) (client.Config, error) {
	roots, err := p.roots()
	return client.Config{Server: p.Server, Union: p.Union, Roots: roots, StateFile: filepath.Join(p.dir, "manifests.json"),
		LogFile: filepath.Join(p.dir, "log"), Waiting: r.waiting}, err
}

func (p *profile) roots() (statement.Roots, error) {
	b, err := os.ReadFile(filepath.Join(p.dir, "roots.json"))
	if err != nil {
		return nil, err
	}
	return statement.ReadRoots(b)
}

// pin keeps the roots on the first login, and refuses others later.
func (p *profile) pin(file string) error {
	kept, err := p.roots()
	pinned := err == nil
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if file == "" {
		if !pinned {
			return usagef("--roots is needed on the first login: the file of the states' root keys, from your state's authority and not from the server")
		}
		return nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return comity.Invalid("roots", err.Error())
	}
	given, err := statement.ReadRoots(b)
	if err != nil {
		return comity.Invalid("roots", err.Error())
	}
	canonical, err := given.Marshal()
	if err != nil {
		return err
	}
	if pinned {
		was, err := kept.Marshal()
		if err != nil {
			return err
		}
		if !bytes.Equal(was, canonical) {
			return &client.VerificationError{What: "the roots in " + file, Err: errors.New("they are not those pinned on the first login; " +
				"if your authority has announced new ones, log in under another --profile")}
		}
		return nil
	}
	return writeSecret(filepath.Join(p.dir, "roots.json"), canonical)
}

// client makes a client for the officer logged in.
func (p *profile) client(r *run) (*client.Client, error) {
	c, err := p.config(r)
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile(filepath.Join(p.dir, "token"))
	if errors.Is(err, fs.ErrNotExist) {
		e := comity.Unauthenticated(fmt.Sprintf("the login %s has no token", p.Name), nil)
		if p.As != "" {
			e.Cure = "comity login --as " + p.As
		}
		return nil, e
	}
	if err != nil {
		return nil, err
	}
	c.Token = strings.TrimSpace(string(b))
	if c.SessionKey, err = readKey(filepath.Join(p.dir, "session.pem")); err != nil {
		return nil, err
	}
	return client.New(c)
}

// keep stores a session.
func (p *profile) keep(key *ecdsa.PrivateKey, token string) error {
	if err := writeKey(filepath.Join(p.dir, "session.pem"), key); err != nil {
		return err
	}
	if token == "" {
		return nil
	}
	return writeSecret(filepath.Join(p.dir, "token"), []byte(token+"\n"))
}

// forget removes a session and keeps what is pinned.
func (p *profile) forget() error {
	for _, name := range []string{"token", "session.pem"} {
		if err := os.Remove(filepath.Join(p.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

const keyBlock = "PRIVATE KEY" // PKCS #8, RFC 5958

func writeKey(name string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return writeSecret(name, pem.EncodeToMemory(&pem.Block{Type: keyBlock, Bytes: der}))
}

// readKey reads a P-256 key from a file that nobody else may read.
func readKey(name string) (*ecdsa.PrivateKey, error) {
	st, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if st.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
		return nil, comity.Invalid("key", fmt.Sprintf("%s can be read by others (mode %04o); chmod 600 it, and replace the key if they may have", name, st.Mode().Perm()))
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(b)
	if block == nil || block.Type != keyBlock {
		return nil, comity.Invalid("key", name+" holds no private key in PEM (PKCS #8)")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, comity.Invalid("key", name+": "+err.Error())
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, comity.Invalid("key", name+" is not a P-256 key")
	}
	return key, nil
}

// writeSecret replaces a file that nobody else may read, whole at any time.
func writeSecret(name string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	return durable.WriteFile(name, b, 0o600)
}

// expiry reads when a token ends, for display only: whether it is good is the
// exchange's to say.
func expiry(token string) time.Time {
	var claims struct {
		Expires float64 `json:"exp"`
	}
	if readClaims(token, &claims) != nil || claims.Expires <= 0 || claims.Expires > 1e11 {
		return time.Time{}
	}
	return time.Unix(int64(claims.Expires), 0)
}
