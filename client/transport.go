package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client/operations"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token"
)

const (
	// attempts is how often a call is tried in all before it is given up.
	attempts = 5
	// callTime bounds one attempt of a call; transfers of parts have no such bound.
	callTime  = 90 * time.Second
	maxAnswer = 64 << 20
	// longestWait bounds what a server can have a call wait for before one attempt,
	// and longestPaced before all of them, when it is asked too often.
	longestWait  = 30 * time.Second
	longestPaced = 2 * time.Minute
)

// pause is the wait before the n-th attempt: doubling from a quarter of a second
// to eight, with jitter, so that clients do not come back all at once.
func pause(n int) time.Duration {
	d := min(250*time.Millisecond<<min(n-1, 10), 8*time.Second)
	return d/2 + rand.N(d/2+1)
}

func (c *Client) wait(ctx context.Context, n int, atLeast time.Duration) error {
	t := time.NewTimer(max(c.pause(n), atLeast))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// retry says that an attempt failed in a way that another may mend.
type retry struct {
	err   error
	after time.Duration
	proof bool // the proof was refused; a new one is worth one try
	paced bool // the server is asked too often: it is no fault, and ends by waiting
}

func (r *retry) Error() string { return r.err.Error() }
func (r *retry) Unwrap() error { return r.err }

// result is where an answer goes.
type result struct {
	data      any
	requestID string
}

// call performs an operation. Its variables are built anew for every attempt,
// since a signed act is good for one; what must stay is the idempotency key.
func (c *Client) call(ctx context.Context, operation string, build func() (any, error), to *result) error {
	return c.trying(ctx, func() error {
		variables, err := build()
		if err != nil {
			return err
		}
		return c.attempt(ctx, operation, variables, to)
	})
}

// trying makes an attempt again while that may mend how it failed.
func (c *Client) trying(ctx context.Context, attempt func() error) error {
	proved, paced := false, time.Duration(0)
	for n := 1; ; n++ {
		err := attempt()
		again, ok := errors.AsType[*retry](err)
		if !ok {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if again.paced {
			if paced += again.after; paced > longestPaced {
				return again.err
			}
			n--
		}
		if n == attempts || again.proof && proved {
			return again.err
		}
		proved = proved || again.proof
		if c.waiting != nil && again.after > 0 && !again.proof {
			c.waiting(again.err, again.after)
		}
		if err := c.wait(ctx, max(n, 1), again.after); err != nil {
			return err
		}
	}
}

// attempt performs an operation once. A server that this project's documents are
// unknown to, being older, is sent the text, and by text from then on; what it
// refuses for the id has not begun.
func (c *Client) attempt(ctx context.Context, operation string, variables any, to *result) error {
	_, byText := c.texts.Load(operation)
	if c.oldServer.Load() || byText {
		return c.sendOnce(ctx, operation, variables, false, to)
	}
	err := c.sendOnce(ctx, operation, variables, true, to)
	u, ok := errors.AsType[*unknownDocument](err)
	if !ok {
		return err
	}
	err = c.sendOnce(ctx, operation, variables, false, to)
	switch {
	case u.named:
		c.texts.Store(operation, true)
	case err == nil: // the text was what it missed
		c.oldServer.Store(true)
	}
	return err
}

// unknownDocument is a refusal that may be for the document's id alone.
type unknownDocument struct {
	error
	named bool // the server says so
}

func (u *unknownDocument) Unwrap() error { return u.error }

func (c *Client) sendOnce(ctx context.Context, operation string, variables any, byID bool, to *result) error {
	document, ok := operations.Document(operation)
	if !ok {
		return fmt.Errorf("client: there is no operation %q", operation)
	}
	asked := map[string]any{"operationName": operation, "variables": variables}
	if byID {
		asked["documentId"] = operations.ID(document)
	} else {
		asked["query"] = document
	}
	body, err := json.Marshal(asked)
	if err != nil {
		return fmt.Errorf("client: %s: %w", operation, err)
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.api, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("client: %s: %w", operation, err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/graphql-response+json, application/json;q=0.9")
	answer, raw, err := c.ask(operation, r, maxAnswer)
	if err != nil {
		return err
	}
	err = c.read(operation, answer, raw, to)
	if !byID {
		return err
	}
	if err == nil {
		c.newServer.Store(true)
		return nil
	}
	e, ok := errors.AsType[*comity.Error](err)
	switch {
	case ok && e.Code == comity.CodeNotFound && slices.Equal(e.Path, []string{"documentId"}):
		return &unknownDocument{err, true}
	case ok && !c.newServer.Load() && (e.Code == comity.CodeInvalid && answer.StatusCode == http.StatusBadRequest ||
		e.Code == comity.CodeUnauthenticated && c.token == ""): // an older server misses the text
		return &unknownDocument{err, false}
	}
	return err
}

// ask sends a request with the officer's token, where there is one, and reads the
// answer, up to most bytes.
func (c *Client) ask(operation string, r *http.Request, most int64) (*http.Response, []byte, error) {
	if c.token != "" {
		proof, err := token.Proof(c.key, r.Method, r.URL.String(), c.token, c.now())
		if err != nil {
			return nil, nil, err
		}
		r.Header.Set("Authorization", "DPoP "+c.token)
		r.Header.Set("DPoP", proof)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, nil, &retry{err: &Failure{Operation: operation, Err: comity.Unavailable("the exchange at "+c.server, err)}}
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(answer.Body, most+1))
	if err != nil {
		return nil, nil, &retry{err: &Failure{Operation: operation, Err: comity.Unavailable("the exchange at "+c.server, err)}}
	}
	if int64(len(raw)) > most {
		return nil, nil, &Failure{Operation: operation, Err: fmt.Errorf("the answer is longer than %d bytes", most)}
	}
	return answer, raw, nil
}

// response is a GraphQL response (GraphQL over HTTP).
type response struct {
	Data   json.RawMessage `json:"data"`
	Errors []struct {
		Message    string `json:"message"`
		Extensions struct {
			userError
			Argument  []string `json:"argument"` // the input field at fault
			RequestID string   `json:"requestId"`
		} `json:"extensions"`
	} `json:"errors"`
}

func (c *Client) read(operation string, answer *http.Response, raw []byte, to *result) error {
	f := &Failure{Operation: operation, RequestID: answer.Header.Get("X-Request-Id")}
	var got response
	bad := decode(raw, &got)
	if bad == nil && len(got.Errors) > 0 {
		var errs []error
		for _, e := range got.Errors {
			u := e.Extensions.userError
			u.Message, u.Path = e.Message, e.Extensions.Argument
			if u.Code == "" {
				u.Code = codeOfStatus(answer.StatusCode)
			}
			if e.Extensions.RequestID != "" {
				f.RequestID = e.Extensions.RequestID
			}
			errs = append(errs, c.explain(u.err(), answer))
		}
		f.Err = join(errs)
	} else if bad != nil || answer.StatusCode != http.StatusOK {
		f.Err = c.explain(&comity.Error{Code: codeOfStatus(answer.StatusCode),
			Message: "the exchange at " + c.server + " answers " + answer.Status}, answer)
	}
	seconds, _ := strconv.Atoi(answer.Header.Get("Retry-After"))
	after := min(time.Duration(max(seconds, 0))*time.Second, longestWait)
	switch answer.StatusCode {
	case http.StatusTooManyRequests:
		if f.Err != nil {
			return &retry{err: f, after: max(after, time.Second), paced: true}
		}
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		if f.Err == nil {
			f.Err = comity.Unavailable("the exchange at "+c.server, nil)
		}
		return &retry{err: f, after: after}
	case http.StatusUnauthorized:
		// A server that has just started refuses proofs made before, and proofs are
		// dated in seconds: the next second's is a new one.
		if f.Err != nil && strings.Contains(answer.Header.Get("WWW-Authenticate"), `error="invalid_dpop_proof"`) {
			return &retry{err: f, after: time.Second, proof: true}
		}
	}
	if f.Err != nil {
		return f
	}
	to.requestID = f.RequestID
	if len(got.Data) == 0 || string(got.Data) == "null" {
		f.Err = fmt.Errorf("the answer to %s holds nothing", operation)
		return f
	}
	if err := decode(got.Data, to.data); err != nil {
		f.Err = fmt.Errorf("the answer to %s cannot be read: %w", operation, err)
		return f
	}
	return nil
}

func codeOfStatus(status int) comity.Code {
	switch {
	case status == http.StatusUnauthorized:
		return comity.CodeUnauthenticated
	case status == http.StatusTooManyRequests || status == http.StatusRequestEntityTooLarge:
		return comity.CodeLimit
	case status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout:
		return comity.CodeUnavailable
	case status == http.StatusBadRequest:
		return comity.CodeInvalid
	}
	return comity.CodeInternal
}

// explain adds what this side can see of the cause: a clock out of step, or
// that nobody is logged in.
func (c *Client) explain(e *comity.Error, answer *http.Response) error {
	if e.Code != comity.CodeUnauthenticated || e.Cure != "" {
		return e
	}
	e.Cure = "log in again"
	if at, err := http.ParseTime(answer.Header.Get("Date")); err == nil {
		if d := c.now().Sub(at); d.Abs() > statement.Freshness/2 {
			way := "ahead of"
			if d < 0 {
				way = "behind"
			}
			e.Cure = fmt.Sprintf("this computer's clock is %s %s the server's (%s): set it right, then try again",
				d.Abs().Round(time.Second), way, at.UTC().Format(time.RFC3339))
		}
	}
	return e
}

func join(errs []error) error {
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}

// query reads.
func (c *Client) query(ctx context.Context, operation string, variables map[string]any, data any) error {
	return c.call(ctx, operation, always(variables), &result{data: data})
}

// payload is what every mutation answers beside its object.
type payload struct {
	Errors []userError `json:"errors"`
}

func (p payload) faults() []userError { return p.Errors }

// mutate performs an act under one idempotency key. build gives the input
// without it, for every attempt anew.
func mutate[P interface{ faults() []userError }](ctx context.Context, c *Client, operation string, build func() (any, error)) (P, error) {
	var data map[string]P
	var none P
	to := &result{data: &data}
	key := uuid.NewString()
	field := string(operation[0]|0x20) + operation[1:]
	err := c.call(ctx, operation, func() (any, error) {
		given, err := build()
		if err != nil {
			return nil, err
		}
		input, err := members(given)
		if err != nil {
			return nil, err
		}
		input["idempotencyKey"] = key
		return map[string]any{"input": input}, nil
	}, to)
	if err != nil {
		return none, err
	}
	p, ok := data[field]
	if !ok {
		return none, &Failure{Operation: field, RequestID: to.requestID, Err: errors.New("the answer does not hold what was asked")}
	}
	if faults := p.faults(); len(faults) > 0 {
		var errs []error
		for _, u := range faults {
			errs = append(errs, u.err())
		}
		return none, &Failure{Operation: field, RequestID: to.requestID, Err: join(errs)}
	}
	return p, nil
}

// members gives the JSON members of a struct.
func members(v any) (map[string]any, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	m := map[string]any{}
	if err := d.Decode(&m); err != nil {
		return nil, err
	}
	return m, nil
}

// always is a build that gives the same input every time.
func always(v any) func() (any, error) { return func() (any, error) { return v, nil } }

// jsonText is JSON yet to be read.
type jsonText = json.RawMessage

// errEmpty is an answer without errors and without its object.
var errEmpty = errors.New("client: the answer does not hold what was asked")
