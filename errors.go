package comity

import (
	"errors"
	"fmt"
)

// Code classes an [Error] by what the officer's software should do about it.
type Code string

// The codes. They stand in the API, in the command line's --json output and in
// its exit codes.
const (
	CodeInvalid         Code = "INVALID"         // the input is wrong; correct it
	CodeNotFound        Code = "NOT_FOUND"       // absent, or not to be seen: both answer alike (Article 12)
	CodeDenied          Code = "DENIED"          // an Article denies it, and the asker may know so
	CodeConflict        Code = "CONFLICT"        // the record changed meanwhile, or the key was used for another input
	CodeUnauthenticated Code = "UNAUTHENTICATED" // no valid token, or a token without its key
	CodeUnavailable     Code = "UNAVAILABLE"     // a custodian, store or database is away; try again
	CodeLimit           Code = "LIMIT"           // a limit named in the message was passed
	CodeInternal        Code = "INTERNAL"        // a fault of the exchange; the request id finds it
)

// Error is an error that an officer may see and can act on. It never carries a
// secret, nor anything about records that the officer may not see.
type Error struct {
	Code    Code
	Message string   // for a person, in one sentence
	Path    []string // the input field at fault, outermost first
	Article Article  // the Article that denied it, 0 when none did
	Cure    string   // what would cure it, "" when nothing would
	cause   error
}

func (e *Error) Error() string {
	if e.Article != 0 {
		return fmt.Sprintf("%s (%s)", e.Message, e.Article)
	}
	return e.Message
}

// Unwrap gives the inner cause, for logs of the server only.
func (e *Error) Unwrap() error { return e.cause }

// Because returns a copy of e that carries an inner cause.
func (e *Error) Because(err error) *Error {
	c := *e
	c.cause = err
	return &c
}

// CuredBy returns a copy of e that says what would cure it.
func (e *Error) CuredBy(cure string) *Error {
	c := *e
	c.Cure = cure
	return &c
}

// NotFound is the one answer for what is absent and what is hidden (Article 12).
func NotFound() *Error {
	return &Error{Code: CodeNotFound, Message: "there is no such record"}
}

// Invalid says that one field of the input is wrong.
func Invalid(field, message string) *Error {
	e := &Error{Code: CodeInvalid, Message: message}
	if field != "" {
		e.Path = []string{field}
	}
	return e
}

// Denied says which Article denies an act, why, and what would cure it.
func Denied(a Article, reason, cure string) *Error {
	return &Error{Code: CodeDenied, Message: reason, Article: a, Cure: cure}
}

// Conflict says that the record is no longer as the asker believed.
func Conflict(message string) *Error { return &Error{Code: CodeConflict, Message: message} }

// Unauthenticated says that the asker could not be told; cause is for the log.
func Unauthenticated(message string, cause error) *Error {
	return &Error{Code: CodeUnauthenticated, Message: message, cause: cause}
}

// Unavailable says which part is away; cause is for the log.
func Unavailable(part string, cause error) *Error {
	return &Error{Code: CodeUnavailable, Message: part + " cannot be reached just now; nothing was lost, try again", cause: cause}
}

// CodeOf gives the code of err: that of the [Error] in its chain, else [CodeInternal].
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return CodeInternal
}
