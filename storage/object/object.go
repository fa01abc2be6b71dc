// Package object is the port to the object stores that hold evidence. Every state has a store of its own (Article 13);
// the bytes travel between an agency's machine and that store and never through the exchange, which only signs URLs and
// asks the store what it holds.
//
// Every object is a multipart upload, a small one being an upload of one part: one way of doing a thing. An object is
// named by a key, written once, never overwritten, locked until its retention ends, and described by its root, the
// SHA-256 over the SHA-256 digests of its parts (what S3 calls a composite checksum).
//
// The adapters are s3 (any S3 service with versioning, object lock, SHA-256 checksums and conditional completion) and
// directory (a directory served under signed URLs with the same rules). Both pass the suite in objecttest.
package object

import (
	"context"
	"errors"
	"time"
)

// Store is one state's object store. Implementations are safe for concurrent use.
//
// Errors wrap the sentinels below; an error that wraps none of them is the context's own.
type Store interface {
	// Begin opens a multipart upload whose object will be locked (nobody may delete or replace it) until retainUntil,
	// which must lie in the future and is rounded up to whole seconds. It answers ErrExists when the key is taken.
	Begin(ctx context.Context, key string, retainUntil time.Time) (uploadID string, err error)

	// SignPart signs the PUT of one part. Method, key, upload, part number, length and SHA-256 are all bound by the
	// signature: the store answers 403 to anything else, 400 to other bytes, and 404 once the upload is over. A part
	// put again replaces the earlier one. It does not talk to the store.
	SignPart(ctx context.Context, key, uploadID string, part Part, ttl time.Duration) (Signed, error)

	// Parts lists, by number, the parts the store holds of an open upload, so that a client can resume. ErrNotFound
	// when the upload was completed, aborted or never begun.
	Parts(ctx context.Context, key, uploadID string) ([]Part, error)

	// Complete makes the parts, which must be numbered 1 to n without a gap, one object, and reads back from the store
	// that size, root and lock are as declared. ErrMismatch when the store holds other parts than declared. When the key
	// is already taken it is ErrExists, unless that object is exactly the declared one: then it is adopted, so that
	// Complete can be repeated after a crash or a lost answer.
	Complete(ctx context.Context, key, uploadID string, parts []Part) (Stat, error)

	// Abort ends an upload and discards its parts. An upload that is already over is no error: the aim is reached.
	Abort(ctx context.Context, key, uploadID string) error

	// Stat describes an object; an empty version means the newest. ErrNotFound when there is none.
	Stat(ctx context.Context, key, version string) (Stat, error)

	// SignGet signs the GET of one version of an object; the client may add a Range header. It does not talk to the
	// store, so it does not know whether the object exists.
	SignGet(ctx context.Context, key, version string, ttl time.Duration) (Signed, error)

	// Check tells whether the store can be reached and is set up as it must be (versioning and object lock on).
	Check(ctx context.Context) error
}

// Part is one part of an upload.
type Part struct {
	Number int      // from 1 to MaxParts
	Size   int64    // bytes; at least MinPartSize for every part but the last, at most MaxPartSize
	SHA256 [32]byte // of the part's bytes
}

// Signed is a request that a client may send once or often until it expires.
type Signed struct {
	Method  string
	URL     string
	Header  map[string]string // to be sent exactly so; Content-Length is the body's length, which HTTP libraries set themselves
	Expires time.Time
}

// Stat describes a stored object.
type Stat struct {
	Key, Version string
	Size         int64
	Root         [32]byte // see Root
	Parts        int
	RetainUntil  time.Time // UTC, whole seconds; nobody can delete the version before
}

// What an adapter's errors wrap.
var (
	ErrInvalid     = errors.New("object: invalid argument")           // key, part, plan, period or retention out of bounds
	ErrNotFound    = errors.New("object: not found")                  // no such object, version or open upload
	ErrExists      = errors.New("object: key is already taken")       // evidence is never overwritten
	ErrMismatch    = errors.New("object: store holds something else") // other bytes, parts or lock than declared
	ErrUnavailable = errors.New("object: store unavailable")          // unreachable, full, misconfigured or refusing its credentials; try again
)
