package client

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/comity-platform/comity"
)

// idle is how long a transfer may stand still before it is tried anew.
const idle = 2 * time.Minute

// DefaultParallel is how many parts are in flight at once. Each takes memory
// for one part (64 MiB for exhibits up to 625 GiB).
const DefaultParallel = 2

// maxParallel bounds the memory and connections that a caller can ask for.
const maxParallel = 32

func parallel(n int) int {
	if n <= 0 {
		return DefaultParallel
	}
	return min(n, maxParallel)
}

// Progress is how far a transfer is.
type Progress struct {
	Done    int64 // plaintext bytes sent or received, those of Resumed included
	Total   int64
	Resumed int64 // of Done: bytes that the store had from an earlier try
	Parts   int   // in all
	Ready   int   // parts that are through
}

// meter counts a transfer and tells it, one call at a time.
type meter struct {
	mu   sync.Mutex
	p    Progress
	tell func(Progress)
}

func (m *meter) add(done, resumed int64, ready int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.p.Done += done
	m.p.Resumed += resumed
	m.p.Ready += ready
	if m.tell != nil {
		m.tell(m.p)
	}
}

// share counts the bytes of one try of one part, and takes them back when the
// try fails. Ciphertext counts as the plaintext it stands for, bounded by size.
// A store may answer before it has read the body, and what is still being sent
// then goes on writing after the try is settled: that counts for nothing.
type share struct {
	m     *meter
	size  int64
	alive func()

	mu      sync.Mutex
	so      int64
	settled bool
}

func (s *share) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.settled {
		return len(b), nil
	}
	n := min(int64(len(b)), s.size-s.so)
	s.so += n
	s.m.add(n, 0, 0)
	s.alive()
	return len(b), nil
}

func (s *share) settle(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settled = true
	if err != nil {
		s.m.add(-s.so, 0, 0)
		return
	}
	s.m.add(s.size-s.so, 0, 1)
}

// watch gives a context that ends when alive is not called for too long. After
// stop, alive does nothing.
func watch(ctx context.Context) (_ context.Context, alive func(), stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	t := time.AfterFunc(idle, func() { cancel(fmt.Errorf("nothing moved for %s", idle)) })
	var mu sync.Mutex
	stopped := false
	return ctx, func() {
			mu.Lock()
			defer mu.Unlock()
			if !stopped {
				t.Reset(idle)
			}
		}, func() {
			mu.Lock()
			defer mu.Unlock()
			stopped = true
			t.Stop()
			cancel(nil)
		}
}

// storeError is what a store answered instead of doing what was signed.
type storeError struct {
	state   comity.State
	status  int
	code    string
	message string
}

func (e *storeError) Error() string {
	what := fmt.Sprintf("the object store of %s answers %d", e.state, e.status)
	if e.code != "" {
		what += " " + e.code
	}
	if e.message != "" {
		what += ": " + e.message
	}
	return what
}

// send sends a signed request. Its errors never hold the URL, whose signature
// is good for whoever has it.
func (c *Client) send(ctx context.Context, s comity.State, u signedURL, extra map[string]string, body io.Reader, size int64, want int) (*http.Response, error) {
	if err := c.resident(s, u.URL); err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, u.Method, u.URL, body)
	if err != nil {
		return nil, fmt.Errorf("client: the signed URL of the store of %s is none", s)
	}
	for _, h := range u.Headers {
		if !strings.EqualFold(h.Name, "Host") && !strings.EqualFold(h.Name, "Content-Length") {
			r.Header.Set(h.Name, h.Value)
		}
	}
	for name, v := range extra {
		r.Header.Set(name, v)
	}
	r.ContentLength = size
	answer, err := c.http.Do(r)
	if err != nil {
		if inner, ok := errors.AsType[*url.Error](err); ok {
			err = inner.Err
		}
		if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
			err = cause
		}
		return nil, &retry{err: comity.Unavailable("the object store of "+string(s), err)}
	}
	if answer.StatusCode == want {
		return answer, nil
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(io.LimitReader(answer.Body, 8<<10))
	if err != nil {
		b = nil
	}
	return nil, storeSaid(s, answer.StatusCode, b)
}

// storeSaid reads a store's refusal, which is XML if it is S3's.
func storeSaid(s comity.State, status int, body []byte) *storeError {
	said := &storeError{state: s, status: status}
	var fault struct {
		Code    string `xml:"Code"`
		Message string `xml:"Message"`
	}
	if xml.NewDecoder(bytes.NewReader(body)).Decode(&fault) == nil {
		said.code, said.message = clip(fault.Code), clip(fault.Message)
	}
	return said
}

func clip(s string) string {
	if len(s) > 200 {
		s = s[:200]
	}
	return strings.ToValidUTF8(strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, s), "?")
}

// mend says whether trying again, with a freshly signed URL, may help.
func mend(err error) bool {
	if _, ok := errors.AsType[*retry](err); ok {
		return true
	}
	said, ok := errors.AsType[*storeError](err)
	if !ok {
		return false
	}
	switch said.status {
	// 400 is what a store says to bytes that were damaged on their way, 403 to
	// a URL that has expired.
	case http.StatusBadRequest, http.StatusForbidden, http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	}
	return said.status >= 500
}

// plainly says what a store's refusal means for the officer.
func plainly(err error) error {
	if again, ok := errors.AsType[*retry](err); ok {
		return again.err
	}
	said, ok := errors.AsType[*storeError](err)
	if !ok {
		return err
	}
	e := &comity.Error{Code: comity.CodeUnavailable, Message: said.Error()}
	switch {
	case said.status == http.StatusInsufficientStorage:
		e.Cure = "have the operator of the store make room; what was uploaded so far is kept: run the same command again"
	case said.status == http.StatusForbidden:
		e.Cure = "if this goes on, the clocks of the store and of the exchange differ; tell their operators"
	case said.status == http.StatusNotFound:
		e.Code, e.Cure = comity.CodeConflict, "the upload is over or was given up; begin anew"
	case said.status < 500:
		e.Code = comity.CodeConflict
	}
	return e
}
