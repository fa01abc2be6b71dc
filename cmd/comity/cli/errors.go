package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
)

// The exit codes, as the help documents them.
const (
	exitInternal        = 1
	exitUsage           = 2
	exitNotFound        = 3
	exitDenied          = 4
	exitConflict        = 5
	exitUnauthenticated = 6
	exitUnavailable     = 7
	exitLimit           = 8
	exitVerification    = 9
	exitInterrupted     = 130
)

// usageError is a command that was written wrongly.
type usageError struct{ err error }

func (u *usageError) Error() string { return u.err.Error() }
func (u *usageError) Unwrap() error { return u.err }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// exitCode classes an error by what its reader should do about it.
func exitCode(err error) int {
	if _, ok := errors.AsType[*client.VerificationError](err); ok {
		return exitVerification
	}
	if errors.Is(err, context.Canceled) {
		return exitInterrupted
	}
	if _, ok := errors.AsType[*usageError](err); ok {
		return exitUsage
	}
	switch comity.CodeOf(err) {
	case comity.CodeInvalid:
		return exitUsage
	case comity.CodeNotFound:
		return exitNotFound
	case comity.CodeDenied:
		return exitDenied
	case comity.CodeConflict:
		return exitConflict
	case comity.CodeUnauthenticated:
		return exitUnauthenticated
	case comity.CodeUnavailable:
		return exitUnavailable
	case comity.CodeLimit:
		return exitLimit
	}
	return exitInternal
}

// codeName is the class for programs.
func codeName(err error) string {
	switch exitCode(err) {
	case exitVerification:
		return "VERIFICATION_FAILED"
	case exitInterrupted:
		return "INTERRUPTED"
	case exitUsage:
		return string(comity.CodeInvalid)
	}
	return string(comity.CodeOf(err))
}

// failure is an error as a program reads it.
type failure struct {
	Code        string         `json:"code"`
	Message     string         `json:"message"`
	Article     comity.Article `json:"article,omitempty"`
	ArticleName string         `json:"articleName,omitempty"`
	Cure        string         `json:"cure,omitempty"`
	Path        []string       `json:"path,omitempty"`
	RequestID   string         `json:"requestId,omitempty"`
}

// fail tells what happened, which Article decided, what to do next, and by
// which request id the operator finds it.
func (r *run) fail(err error) int {
	f := failure{Code: codeName(err), Message: err.Error(), RequestID: client.RequestID(err), Cure: nextStep(err)}
	if e, ok := errors.AsType[*comity.Error](err); ok {
		f.Article, f.ArticleName, f.Path = e.Article, e.Article.Name(), e.Path
		if e.Cure != "" {
			f.Cure = e.Cure
		}
		if cause := e.Unwrap(); cause != nil && e.Code == comity.CodeUnavailable {
			f.Message += ": " + cause.Error()
		}
	}
	if exitCode(err) == exitInterrupted {
		f.Message = "interrupted"
	}
	if r.JSON {
		_ = writeJSON(r.stderr, map[string]failure{"error": f}, "")
		return exitCode(err)
	}
	fmt.Fprintf(r.stderr, "comity: %s\n", lines(f.Message))
	if len(f.Path) > 0 {
		fmt.Fprintf(r.stderr, "  where:   %s\n", clean(r.place(f.Path)))
	}
	if f.Article != 0 && !strings.Contains(f.Message, f.Article.String()) {
		fmt.Fprintf(r.stderr, "  article: %s\n", f.Article)
	}
	if f.Cure != "" {
		fmt.Fprintf(r.stderr, "  next:    %s\n", clean(f.Cure))
	}
	if f.RequestID != "" {
		fmt.Fprintf(r.stderr, "  request: %s\n", clean(f.RequestID))
	}
	return exitCode(err)
}

// flagNames are the API's fields whose flag has another name than theirs.
var flagNames = map[string]string{"notAfter": "until", "notBefore": "from", "grantee": "to", "routeTo": "agency", "first": "limit", "fromReference": "reference",
	"exhibits": "exhibit", "subjects": "subject", "observables": "observable", "names": "name", "hashes": "hash", "caveats": "caveat"}

// place is where an input is wrong: the flag or argument of the command, or else
// the API's path to it.
func (r *run) place(path []string) string {
	if r.model != nil && r.model.Selected() != nil {
		for _, name := range slices.Backward(path) {
			if other := flagNames[name]; other != "" {
				name = other
			}
			for _, f := range r.model.Flags() {
				if strings.EqualFold(f.Name, strings.ReplaceAll(name, "_", "-")) {
					return "--" + f.Name
				}
			}
		}
	}
	return strings.Join(path, ".")
}

// nextStep is what to do about an error that does not say so itself.
func nextStep(err error) string {
	if parse, ok := errors.AsType[*kong.ParseError](err); ok {
		command := "comity"
		if parse.Context != nil && parse.Context.Selected() != nil {
			command = "comity " + parse.Context.Selected().Path()
		}
		return "see " + strings.TrimSpace(command) + " --help"
	}
	if one, ok := errors.AsType[*client.OneWordError](err); ok && exitCode(err) == exitVerification {
		return fmt.Sprintf("pin the roots of all member states, or ask for a proof that more of them vouch for; whoever takes the word of %s alone says --trust-state %[1]s", one.State)
	}
	switch exitCode(err) {
	case exitConflict:
		return "read the record again, then decide anew"
	case exitUnauthenticated:
		return "log in: comity login --as OFFICER"
	case exitUnavailable:
		return "try again in a moment; the same command goes on where it stopped"
	case exitVerification:
		return "do not use what was received; tell the authority of your state"
	case exitInterrupted:
		return "the same command goes on where it stopped"
	}
	return ""
}
