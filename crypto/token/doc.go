// Package token tells who is asking: it verifies the OpenID Connect tokens of
// the issuers that the states' manifests name, and that whoever shows a token
// holds the key that it is bound to (DPoP, RFC 9449).
//
// An officer's state is the one whose manifest names the issuer, never what a
// claim says; agency and role are those that the manifest lets the issuer speak
// for. A token without its key is useless: there are no bearer tokens.
package token

import (
	"errors"
	"fmt"
	"strings"

	"github.com/comity-platform/comity"
)

// The error codes of a challenge (RFC 6750, section 3.1; RFC 9449, sections 5 and 7.1).
const (
	invalidRequest = "invalid_request"
	invalidToken   = "invalid_token"
	invalidProof   = "invalid_dpop_proof"
)

// fault carries the code of a challenge inside an UNAUTHENTICATED error.
type fault struct {
	code  string
	cause error
}

func (f *fault) Error() string {
	if f.cause == nil {
		return f.code
	}
	return f.code + ": " + f.cause.Error()
}

func (f *fault) Unwrap() error { return f.cause }

func refuse(code, format string, args ...any) error {
	return comity.Unauthenticated(fmt.Sprintf(format, args...), &fault{code: code})
}

func refuseFor(code, message string, cause error) error {
	return comity.Unauthenticated(message+": "+cause.Error(), &fault{code, cause})
}

// Challenge is the WWW-Authenticate header (RFC 9449, section 7.1) of the answer
// 401 to a request that err refuses.
func Challenge(err error) string {
	f, ok := errors.AsType[*fault](err)
	if !ok {
		return `DPoP algs="ES256"`
	}
	message := f.code
	if e, ok := errors.AsType[*comity.Error](err); ok {
		message = e.Message
	}
	return fmt.Sprintf(`DPoP error="%s", error_description="%s", algs="ES256"`, f.code, quotable(message))
}

// quotable keeps what RFC 6750 allows in an error_description.
func quotable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e || r == '"' || r == '\\' {
			return '\''
		}
		return r
	}, s)
}
