package notekey

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity-platform/comity/internal/durable"
)

// New makes a private key by that name in the text form of signed notes. It
// serves a log, with [note.NewSigner], or a witness, with [NewCosigner].
func New(name string) (skey string, err error) {
	if err := CheckName(name); err != nil {
		return "", err
	}
	skey, _, err = note.GenerateKey(rand.Reader, name)
	return skey, err
}

// Cosigner is the private key of a witness: a note.Signer that makes
// cosignatures of version 1 (C2SP tlog-cosignature), each with the time at which
// it was made. Whoever calls it vouches that the checkpoint goes on from all that
// it cosigned before.
type Cosigner struct {
	name string
	key  ed25519.PrivateKey
	raw  []byte // the typed public key
	now  func() time.Time
}

// NewCosigner reads a private key as [New] makes it. now is the clock.
func NewCosigner(skey string, now func() time.Time) (*Cosigner, error) {
	rest, ok := strings.CutPrefix(strings.TrimSpace(skey), "PRIVATE+KEY+")
	name, rest, _ := strings.Cut(rest, "+")
	_, key64, _ := strings.Cut(rest, "+")
	raw, err := base64.StdEncoding.DecodeString(key64)
	if !ok || err != nil || len(raw) != 1+ed25519.SeedSize || raw[0] != typeEd25519 || CheckName(name) != nil {
		return nil, errors.New("this is not the text of a private Ed25519 key of a signed note")
	}
	key := ed25519.NewKeyFromSeed(raw[1:])
	return &Cosigner{name: name, key: key, raw: slices.Concat([]byte{typeCosignature}, key.Public().(ed25519.PublicKey)), now: now}, nil
}

// Name is the name of the key.
func (c *Cosigner) Name() string { return c.name }

// KeyHash is the id of the key.
func (c *Cosigner) KeyHash() uint32 { return hash(c.name, c.raw) }

// Sign makes a cosignature of a checkpoint's text: the time, eight bytes, and the
// signature over the time and the text.
func (c *Cosigner) Sign(text []byte) ([]byte, error) {
	at := c.now().Unix()
	signed := fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, text)
	return append(binary.BigEndian.AppendUint64(nil, uint64(at)), ed25519.Sign(c.key, signed)...), nil
}

// Public is the public key in the text form that a manifest names.
func (c *Cosigner) Public() string { return text(c.name, c.raw) }

// Verifier verifies what the key signs.
func (c *Cosigner) Verifier() note.Verifier {
	v, err := Witness(c.Public())
	if err != nil {
		panic(err) // our own text
	}
	return v
}

// LogPublic is the public key in the text form that a manifest names, of a log's
// private key.
func LogPublic(skey string) (string, error) {
	c, err := NewCosigner(skey, time.Now)
	if err != nil {
		return "", err
	}
	return text(c.name, slices.Concat([]byte{typeEd25519}, c.raw[1:])), nil
}

// Read reads a private key from a file that nobody else may read.
func Read(path string) (skey string, err error) {
	st, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if st.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("%s can be read by others (mode %04o); chmod 600 it, and replace the key if they may have", path, st.Mode().Perm())
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	skey = strings.TrimSpace(string(raw))
	if _, err := NewCosigner(skey, time.Now); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return skey, nil
}

// ReadOrMake is [Read]; where there is no file, a key by that name is made in it.
func ReadOrMake(path, name string) (skey string, err error) {
	skey, err = Read(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return skey, err
	}
	if skey, err = New(name); err != nil {
		return "", err
	}
	return skey, durable.WriteFile(path, []byte(skey+"\n"), 0o600)
}
