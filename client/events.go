package client

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client/operations"
	"github.com/comity-platform/comity/crypto/token"
)

// Event is something that happened to a record, with a little of the record as it was
// when it was told; the record itself is read by its id.
type Event struct {
	ID       string           `json:"id"` // to go on from, see [Watching]
	Kind     comity.EventKind `json:"kind"`
	At       time.Time        `json:"at"`
	Case     *EventRecord     `json:"case,omitempty"`
	Evidence *EventRecord     `json:"evidence,omitempty"`
	Request  *EventRecord     `json:"request,omitempty"`
	Message  *EventRecord     `json:"message,omitempty"` // on the request
	Grant    *EventRecord     `json:"grant,omitempty"`
	Dispatch *EventRecord     `json:"dispatch,omitempty"`
	Proposal *EventRecord     `json:"proposal,omitempty"` // its kind is the act that is proposed
	// Err is why not all of it could be read, nil as a rule: what is missing is read by
	// queries, and what comes after it is told all the same.
	Err error `json:"-"`
}

// EventRecord is what an event is about. Beside the id is what there is of it.
type EventRecord struct {
	ID     comity.ID `json:"id"`
	Title  string    `json:"title,omitempty"`
	Name   string    `json:"name,omitempty"`
	Status string    `json:"status,omitempty"`
	Kind   string    `json:"kind,omitempty"`
}

// Record is the record that an event is about; of a message the request.
func (e Event) Record() *EventRecord {
	for _, r := range []*EventRecord{e.Case, e.Evidence, e.Request, e.Grant, e.Dispatch, e.Proposal} {
		if r != nil {
			return r
		}
	}
	return nil
}

// Watching says what to be told of.
type Watching struct {
	Kinds   []comity.EventKind // none: every one
	Case    comity.ID          // "" for every one
	Purpose comity.Purpose     // for what records of other states are read; "" tells of none
	After   string             // id of the event to go on after, "" for from now on
	// Waiting is told why there is no stream just now, and when it is tried again; nil for nobody.
	Waiting func(cause error, next time.Duration)
}

// silence is after how long without a word a stream is taken for dead: a server
// writes something every 15 seconds.
const silence = time.Minute

// Watch has told called with what happens, from an event of the kind BEGAN on where
// it begins anew, until told fails, ctx ends, or the officer may no longer be told.
// A server that ends or is away is waited for, and another gone on with: no event is
// lost or told twice that is not older than a server keeps events. One that could not
// be read is told with its Err.
func (c *Client) Watch(ctx context.Context, w Watching, told func(Event) error) error {
	if w.Case != "" {
		if err := id("case", w.Case, comity.KindCase); err != nil {
			return err
		}
	}
	for failures := 0; ; {
		n, err := c.stream(ctx, &w, told)
		if n > 0 {
			failures = 0
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		again, ok := errors.AsType[*retry](err)
		switch {
		case err == nil: // it was completed, and whether it may be gone on with is told by asking
			again = &retry{}
		case !ok:
			return err
		case again.proof && failures > 0:
			return again.err
		}
		failures++
		next := max(c.pause(failures), again.after)
		if w.Waiting != nil && again.err != nil {
			w.Waiting(again.err, next)
		}
		t := time.NewTimer(next)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		}
	}
}

// stream reads one stream to its end, and says how many events it told.
func (c *Client) stream(ctx context.Context, w *Watching, told func(Event) error) (n int, err error) {
	const operation = "Events"
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	dead := time.AfterFunc(silence, cancel)
	defer dead.Stop()
	answer, err := c.openStream(ctx, operation, *w)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	gone := func(cause error) error {
		return &retry{err: &Failure{Operation: operation, RequestID: answer.Header.Get("X-Request-Id"), Err: comity.Unavailable("the exchange at "+c.server, cause)}}
	}
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, maxAnswer)
	var kind, id, data string
	for lines.Scan() {
		dead.Reset(silence)
		field, value, _ := strings.Cut(lines.Text(), ":")
		switch value = strings.TrimPrefix(value, " "); field {
		case "event":
			kind = value
		case "id":
			id = value
		case "data":
			data = value
		}
		if lines.Text() != "" {
			continue
		}
		switch kind {
		case "complete":
			return n, nil
		case "next":
			e := c.readEvent(operation, answer, id, data)
			if err := told(e); err != nil {
				return n, err
			}
			w.After = cmp.Or(e.ID, w.After)
			n++
		}
		kind, id, data = "", "", ""
	}
	err = lines.Err()
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	return n, gone(err)
}

// readEvent reads what there is of an event. Its id stands outside of the data, so
// that one whose data cannot be read is gone on after.
func (c *Client) readEvent(operation string, answer *http.Response, id, data string) Event {
	var got struct {
		Data struct {
			Events Event `json:"events"`
		} `json:"data"`
	}
	_ = decode([]byte(data), &got) // what is wrong with it is found below
	e := got.Data.Events
	e.ID = cmp.Or(id, e.ID)
	var all struct {
		Events *Event `json:"events"`
	}
	if e.Err = c.read(operation, answer, []byte(data), &result{data: &all}); e.Err == nil && all.Events == nil {
		e.Err = errEmpty
	}
	return e
}

// openStream asks for a stream, by the document's id where the server may know it.
func (c *Client) openStream(ctx context.Context, operation string, w Watching) (*http.Response, error) {
	document, ok := operations.Document(operation)
	if !ok {
		return nil, fmt.Errorf("client: there is no operation %q", operation)
	}
	variables := map[string]any{}
	for name, v := range map[string]string{"of": string(w.Case), "purpose": string(w.Purpose), "after": w.After} {
		if v != "" {
			variables[name] = v
		}
	}
	if len(w.Kinds) > 0 {
		variables["kinds"] = w.Kinds
	}
	asked := map[string]any{"operationName": operation, "variables": variables, "documentId": operations.ID(document)}
	answer, err := c.askStream(ctx, operation, asked)
	e, ok := errors.AsType[*comity.Error](err)
	if ok && e.Code == comity.CodeNotFound && slices.Equal(e.Path, []string{"documentId"}) {
		delete(asked, "documentId")
		asked["query"] = document
		return c.askStream(ctx, operation, asked)
	}
	return answer, err
}

func (c *Client) askStream(ctx context.Context, operation string, asked map[string]any) (*http.Response, error) {
	if c.key == nil || c.token == "" {
		return nil, errNoSession
	}
	at := c.api + "/stream" // for which no proof of another request is good
	body, err := json.Marshal(asked)
	if err != nil {
		return nil, fmt.Errorf("client: %s: %w", operation, err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, at, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("client: %s: %w", operation, err)
	}
	proof, err := token.Proof(c.key, http.MethodPost, at, c.token, c.now())
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("Authorization", "DPoP "+c.token)
	r.Header.Set("DPoP", proof)
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, &retry{err: &Failure{Operation: operation, Err: comity.Unavailable("the exchange at "+c.server, err)}}
	}
	if answer.StatusCode == http.StatusOK && strings.HasPrefix(answer.Header.Get("Content-Type"), "text/event-stream") {
		return answer, nil
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return nil, &retry{err: &Failure{Operation: operation, Err: comity.Unavailable("the exchange at "+c.server, err)}}
	}
	var none json.RawMessage
	if err := c.read(operation, answer, raw, &result{data: &none}); err != nil {
		return nil, err
	}
	return nil, &Failure{Operation: operation, Err: errors.New("the exchange answers with no stream")}
}
