// Package notekey reads and makes the keys that sign and cosign checkpoints of
// the log, in the text forms of signed notes (C2SP signed-note): the Ed25519 key
// of the log itself (type 0x01) and those of witnesses (tlog-cosignature's
// cosignature/v1, type 0x04). Both are read strictly, so that one key has one
// public text.
package notekey

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	cosignature "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
)

// The types of keys (C2SP signed-note, signature types).
const (
	typeEd25519     = 0x01
	typeCosignature = 0x04
)

// MaxName bounds the length of a key's name, in bytes (C2SP tlog-cosignature).
const MaxName = 255

// Log reads the public key of a log (a vkey of type 0x01).
func Log(vkey string) (note.Verifier, error) {
	if _, err := split(vkey, typeEd25519); err != nil {
		return nil, err
	}
	return note.NewVerifier(vkey)
}

// Witness reads the public key of a witness (a vkey of type 0x04, which makes
// cosignatures of version 1).
func Witness(vkey string) (note.Verifier, error) {
	if _, err := split(vkey, typeCosignature); err != nil {
		return nil, err
	}
	return cosignature.NewVerifierForCosignatureV1(vkey)
}

// Public is the Ed25519 public key in the text of either kind. Two texts with
// one public key are one key under two names.
func Public(vkey string) (ed25519.PublicKey, error) {
	if public, err := split(vkey, typeCosignature); err == nil {
		return public, nil
	}
	return split(vkey, typeEd25519)
}

// split reads a vkey of one type, in the one way in which it is written.
func split(vkey string, kind byte) (ed25519.PublicKey, error) {
	name, rest, _ := strings.Cut(vkey, "+")
	_, key64, ok := strings.Cut(rest, "+")
	raw, err := base64.StdEncoding.DecodeString(key64)
	switch {
	case !ok || err != nil || len(raw) != 1+ed25519.PublicKeySize:
		return nil, errors.New("is not the text of an Ed25519 key of a signed note, NAME+HASH+KEY")
	case CheckName(name) != nil:
		return nil, CheckName(name)
	case raw[0] != kind && kind == typeCosignature:
		return nil, fmt.Errorf("is a key of type %d; a witness has one of type %d (cosignature/v1)", raw[0], kind)
	case raw[0] != kind:
		return nil, fmt.Errorf("is a key of type %d; a log has one of type %d (Ed25519)", raw[0], kind)
	case vkey != text(name, raw):
		return nil, errors.New("is not written as its key is: the hash, or the writing, is another")
	}
	return ed25519.PublicKey(raw[1:]), nil
}

// text writes a vkey: name, hash and key.
func text(name string, raw []byte) string {
	return fmt.Sprintf("%s+%08x+%s", name, hash(name, raw), base64.StdEncoding.EncodeToString(raw))
}

// hash is the key id: the first four bytes of SHA-256 over the name, a newline
// and the typed key (C2SP signed-note).
func hash(name string, raw []byte) uint32 {
	sum := sha256.Sum256(slices.Concat([]byte(name+"\n"), raw))
	return binary.BigEndian.Uint32(sum[:])
}

// CheckName says why a text is no key's name, nil when it is one.
func CheckName(name string) error {
	if name == "" || len(name) > MaxName || !utf8.ValidString(name) ||
		strings.ContainsFunc(name, func(r rune) bool { return r == '+' || unicode.IsSpace(r) || !unicode.IsPrint(r) }) {
		return fmt.Errorf("%.80q is no name of a key: up to %d bytes that show, without spaces and pluses", name, MaxName)
	}
	return nil
}
