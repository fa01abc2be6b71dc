package verify

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/note"
)

// MaxSignatures is the most signatures that a note may have to be read at all
// (package note's own bound).
const MaxSignatures = 100

// Signatures reads a signed note (C2SP signed-note) and gives its text and those
// of its signatures that hold under one of the keys, of each key the first. A line
// that bears a key's name and hash and does not hold is passed over like a
// stranger's: the hash has 32 bits, and anybody can make a key that looks like
// another one, or write a line by no key at all. An error is of what is no note.
func Signatures(signed []byte, keys []note.Verifier) (text string, hold []note.Signature, err error) {
	text, all, err := AllSignatures(signed)
	if err != nil {
		return "", nil, err
	}
	left := slices.Clone(keys)
	for _, s := range all {
		of := func(k note.Verifier) bool { return Holds(text, s, k) }
		if slices.ContainsFunc(left, of) {
			hold = append(hold, s)
			left = slices.DeleteFunc(left, of)
		}
	}
	return text, hold, nil
}

// AllSignatures reads a signed note and its signatures, of which none is verified.
func AllSignatures(signed []byte) (text string, all []note.Signature, err error) {
	n, err := note.Open(signed, note.VerifierList())
	if unverified, ok := errors.AsType[*note.UnverifiedNoteError](err); ok {
		return unverified.Note.Text, unverified.Note.UnverifiedSigs, nil
	}
	if err == nil { // not without a verifier
		err = fmt.Errorf("a note of %d signatures", len(n.Sigs))
	}
	return "", nil, err
}

// Holds reports whether a signature of a text is by a key: by its name, its hash and its bytes.
func Holds(text string, s note.Signature, k note.Verifier) bool {
	if s.Name != k.Name() || s.Hash != k.KeyHash() {
		return false
	}
	raw, err := base64.StdEncoding.DecodeString(s.Base64) // four bytes of hash, and the signature
	return err == nil && len(raw) > 4 && k.Verify([]byte(text), raw[4:])
}
