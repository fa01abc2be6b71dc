// Package envelope is the evidence container: an exhibit's bytes cut into
// parts, each part a DARE 2.0 stream (AES-256-GCM) under a key of its own.
//
// It promises that a part cannot be altered, moved, dropped, repeated, taken
// from another exhibit or opened with a second key without an error, and that
// any byte range can be read by opening only the packages that it touches.
// The format is specified, with test vectors, in docs/evidence-format.md.
//
// The package does no input or output of its own and imports nothing of the
// rest of the module, so that an agency can take it alone. Part numbers are
// counted from 0 here; an S3 store counts the same parts from 1.
//
// Every function that seals or opens compares the header's key commitment
// first; a [Header] without one neither seals nor opens.
package envelope

import "errors"

// The classes of failure. An error returned by this package wraps one of them,
// or the error of the reader or writer that it was given. None tells anything
// of a key or of the plaintext.
var (
	// ErrHeader: the bytes or values are not a valid header of version 1.
	ErrHeader = errors.New("envelope: invalid header")
	// ErrKey: a data key is not 32 bytes, or was never set.
	ErrKey = errors.New("envelope: invalid data key")
	// ErrCommitment: the key is not the one that the header commits to.
	ErrCommitment = errors.New("envelope: the key is not the one the header commits to")
	// ErrPlan: a part number, a last flag or a list of parts contradicts the header.
	ErrPlan = errors.New("envelope: parts do not fit the header")
	// ErrLength: the plaintext to be sealed is not of the length that the
	// header declares, as when a file changes while it is read.
	ErrLength = errors.New("envelope: plaintext is not of the declared length")
	// ErrTruncated: the ciphertext ends before the part does.
	ErrTruncated = errors.New("envelope: ciphertext is truncated")
	// ErrPart: the ciphertext is not what was sealed as this part of this
	// exhibit: altered, moved, of another exhibit, version or cipher suite,
	// with bytes after its end, or with another nonce than the receipt's.
	ErrPart = errors.New("envelope: part is not authentic")
)
