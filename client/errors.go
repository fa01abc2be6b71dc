package client

import (
	"errors"
	"fmt"

	"github.com/comity-platform/comity"
)

// Failure is what the exchange refused or failed to do. [errors.As] finds the
// [*comity.Error] within, with its code, Article, cure and path.
type Failure struct {
	Operation string // of the API, as in "grantMake"
	RequestID string // by which the operator finds it in the server's log, "" when it was never reached
	Err       error
}

func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap gives the cause.
func (f *Failure) Unwrap() error { return f.Err }

// VerificationError says that something received is not what it claims to be:
// a signature, a key, a hash or a length does not hold. Nothing of it was kept.
type VerificationError struct {
	What string // as in "the receipt of evidence1_…"
	Err  error
}

func (v *VerificationError) Error() string { return v.What + " does not hold: " + v.Err.Error() }

// Unwrap gives the cause.
func (v *VerificationError) Unwrap() error { return v.Err }

func unverified(what string, err error) error { return &VerificationError{What: what, Err: err} }

func unverifiedf(what, format string, args ...any) error {
	return unverified(what, fmt.Errorf(format, args...))
}

// UnsureError says that making a grant ended in an error after the liaison's
// act was sent. Whatever the error says, the grant may have been made, or be
// made within a day: only its revocation is certain to prevent that.
type UnsureError struct {
	Grant, Case comity.ID
	Err         error
}

func (u *UnsureError) Error() string { return u.Err.Error() }

// Unwrap gives the cause.
func (u *UnsureError) Unwrap() error { return u.Err }

// RequestID gives the request id of err, "" when it has none.
func RequestID(err error) string {
	if f, ok := errors.AsType[*Failure](err); ok {
		return f.RequestID
	}
	return ""
}

// errNone marks a check that held.
var errNone = errors.New("verified")

// userError is a member of the API's error unions, or the extensions of a
// top-level error.
type userError struct {
	Code    comity.Code    `json:"code"`
	Message string         `json:"message"`
	Path    []string       `json:"path"`
	Article comity.Article `json:"article"`
	Cure    string         `json:"cure"`
}

func (u userError) err() *comity.Error {
	if u.Code == "" {
		u.Code = comity.CodeInternal
	}
	if u.Message == "" {
		u.Message = "the exchange gives no reason"
	}
	return &comity.Error{Code: u.Code, Message: u.Message, Path: u.Path, Article: u.Article, Cure: u.Cure}
}
