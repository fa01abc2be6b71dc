package graph

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/graphql-go/graphql/gqlerrors"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/graph/input"
)

// fault is a top-level error: of transport, authentication, limits, the form
// of a query, or of the exchange itself. It says nothing about the inside.
type fault struct {
	code      comity.Code
	message   string
	status    int    // of HTTP, 0 for that of the code
	limit     string // that was passed
	max       float64
	after     time.Duration // when to come again, 0 when it is not known
	challenge string        // of the answer 401
	path      []any         // of the response
	argument  []string
	locations []location
	article   comity.Article
	cure      string
	cause     error // for the log
}

func (f *fault) Error() string { return f.message }

// location is a place in a query text, from 1.
type location struct {
	Line   int `json:"line"`
	Column int `json:"column"`
}

// answer is a fault as the officer's software reads it.
type answer struct {
	Message    string     `json:"message"`
	Locations  []location `json:"locations,omitempty"`
	Path       []any      `json:"path,omitempty"`
	Extensions struct {
		Code      comity.Code `json:"code"`
		RequestID string      `json:"requestId"`
		Limit     string      `json:"limit,omitempty"`
		Max       float64     `json:"max,omitempty"` // of the limit
		Argument  []string    `json:"argument,omitempty"`
		Article   int         `json:"article,omitempty"`
		Name      string      `json:"articleName,omitempty"`
		Cure      string      `json:"cure,omitempty"`
	} `json:"extensions"`
}

func (f *fault) answer(requestID string) answer {
	a := answer{Message: f.message, Locations: f.locations, Path: f.path}
	a.Extensions.Code, a.Extensions.RequestID, a.Extensions.Argument = f.code, requestID, f.argument
	a.Extensions.Limit, a.Extensions.Max = f.limit, f.max
	a.Extensions.Article, a.Extensions.Name, a.Extensions.Cure = int(f.article), f.article.Name(), f.cure
	return a
}

// statusOf is the HTTP status of a request that was refused before it ran, or
// that could not be answered at all.
func (f *fault) statusOf() int {
	if f.status != 0 {
		return f.status
	}
	switch f.code {
	case comity.CodeUnauthenticated:
		return http.StatusUnauthorized
	case comity.CodeUnavailable:
		return http.StatusServiceUnavailable
	case comity.CodeInternal:
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}

// severe reports whether the exchange could not do its work, as opposed to a
// request that it refuses.
func (f *fault) severe() bool { return f.statusOf() >= 500 }

// faultOf makes of any error what may be told of it.
func (h *handler) faultOf(err error) *fault {
	if f, ok := errors.AsType[*fault](err); ok {
		return f
	}
	if e, ok := errors.AsType[*comity.Error](err); ok && e.Code != comity.CodeInternal {
		return &fault{code: e.Code, message: e.Message, argument: e.Path, article: e.Article, cure: e.Cure, cause: e.Unwrap()}
	}
	if e, ok := errors.AsType[*input.Error](err); ok {
		return &fault{code: comity.CodeInvalid, message: e.Error(), argument: e.Path}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return late(h.limits.Deadline, err)
	}
	if errors.Is(err, context.Canceled) {
		return &fault{code: comity.CodeUnavailable, message: "the request was given up before it was answered", cause: err}
	}
	return &fault{code: comity.CodeInternal, message: "the exchange failed to answer; its operator finds the cause by the request id", cause: err}
}

// suggestion is what a validation error adds about names that were not asked for.
var suggestion = regexp.MustCompile(` Did you mean [^\n]*\?`)

// maxErrors bounds the faults of a query that are told at once.
const maxErrors = 10

// queryFaults makes of the library's errors what the officer's software reads.
func queryFaults(errs []gqlerrors.FormattedError) []*fault {
	var out []*fault
	for _, e := range errs[:min(len(errs), maxErrors)] {
		message, _, _ := strings.Cut(suggestion.ReplaceAllString(e.Message, ""), "\n\n")
		f := invalid(message)
		for _, l := range e.Locations {
			f.locations = append(f.locations, location{l.Line, l.Column})
		}
		out = append(out, f)
	}
	return out
}
