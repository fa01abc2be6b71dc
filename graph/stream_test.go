package graph

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// event is one that a stream told.
type event struct {
	ID     string
	Kind   string
	Record string // id of the record that it is about
	Raw    string
	Errors []any
}

// stream is a subscription as a test reads it.
type stream struct {
	events chan event // closed at the end of the stream
	began  string     // id of its first event, where it began anew
	last   string     // the end of its text, once it has ended
	stop   context.CancelFunc
	log    *logBuffer
	name   string
}

const eventsOf = `subscription($kinds: [EventKind!], $case: ID, $purpose: Purpose, $after: String) {
	events(kinds: $kinds, case: $case, purpose: $purpose, after: $after) {
		id kind at case { id } evidence { id } request { id } message { id text } grant { id status } dispatch { id } proposal { id act status } } }`

// stream has the API tell what happens, until the test ends or the server is ended.
func (a *api) stream(t testing.TB) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan struct{})
	go func() { defer close(done); a.streams.Run(ctx) }()
	for wait := time.Now().Add(streamTime); !a.streams.hub.Running(); time.Sleep(time.Millisecond) {
		if time.Now().After(wait) {
			t.Fatal("no stream is taken")
		}
	}
	end = func() { cancel(); <-done }
	t.Cleanup(end)
	return end
}

// asksStream is a request for a stream of server-sent events.
func (c *client) asksStream(t testing.TB, query string, variables map[string]any) *http.Request {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		t.Fatal(err)
	}
	r := c.request(t, http.MethodPost, c.url+"/graphql/stream", bytes.NewReader(body))
	r.Header.Set("Accept", typeEvents)
	return r
}

// watch opens a stream and waits for its first event where it begins anew.
func (c *client) watch(t testing.TB, variables map[string]any) *stream {
	t.Helper()
	s := c.watching(t, c.asksStream(t, eventsOf, variables))
	if variables["after"] == nil {
		if e := s.next(t); e.Kind != "BEGAN" || e.ID == "" {
			t.Fatalf("the stream began with %+v", e)
		} else {
			s.began = e.ID
		}
	}
	return s
}

func (c *client) watching(t testing.TB, r *http.Request) *stream {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	res, err := http.DefaultClient.Do(r.WithContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK || !strings.HasPrefix(res.Header.Get("Content-Type"), typeEvents) {
		raw, _ := io.ReadAll(res.Body)
		t.Fatalf("the stream was answered by %d %s", res.StatusCode, raw)
	}
	s := &stream{events: make(chan event, 1000), stop: cancel, log: c.log}
	go func() {
		defer close(s.events)
		defer res.Body.Close()
		var block strings.Builder
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			if line := lines.Text(); line != "" {
				block.WriteString(line + "\n")
				continue
			}
			s.last = block.String()
			block.Reset()
			if e, ok := readEvent(s.last); ok {
				s.events <- e
			}
		}
	}()
	return s
}

// readEvent reads a block of server-sent events that holds one.
func readEvent(block string) (e event, ok bool) {
	if !strings.HasPrefix(block, "event: next\n") {
		return e, false
	}
	for line := range strings.Lines(block) {
		line = strings.TrimSuffix(line, "\n")
		if id, ok := strings.CutPrefix(line, "id: "); ok {
			e.ID = id
		}
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			e.Raw = data
		}
	}
	var told struct {
		Errors []any
		Data   struct{ Events map[string]any }
	}
	if err := json.Unmarshal([]byte(e.Raw), &told); err != nil {
		return e, false
	}
	e.Errors = told.Errors
	e.Kind, _ = told.Data.Events["kind"].(string)
	for _, name := range []string{"case", "evidence", "request", "grant", "dispatch", "proposal"} {
		if record, ok := told.Data.Events[name].(map[string]any); ok {
			e.Record, _ = record["id"].(string)
		}
	}
	return e, true
}

// streamTime is how long a test waits for what is to come.
const streamTime = 20 * time.Second

func (s *stream) next(t testing.TB) event {
	t.Helper()
	select {
	case e, ok := <-s.events:
		if !ok {
			t.Fatalf("the stream %s ended: %q\n%s", s.name, s.last, s.log)
		}
		return e
	case <-time.After(streamTime):
		t.Fatalf("nothing was told to %s\n%s", s.name, s.log)
	}
	return event{}
}

// ends waits for the end, and gives how it looked.
func (s *stream) ends(t testing.TB) string {
	t.Helper()
	for timeout := time.After(streamTime); ; {
		select {
		case e, ok := <-s.events:
			if !ok {
				return s.last
			}
			t.Errorf("told before the end: %s", e.Raw)
		case <-timeout:
			t.Fatal("the stream did not end")
		}
	}
}

// TestCaseEvents: a stream tells what happens to a case, to whom it is shown.
func TestCaseEvents(t *testing.T) {
	for name, open := range engines {
		t.Run(name, func(t *testing.T) {
			a := serveOn(t, open)
			a.stream(t)
			owner, other := a.as(t, "investigator@KZ"), a.as(t, "liaison@AM")
			own, theirs := owner.watch(t, nil), other.watch(t, map[string]any{"purpose": "INVESTIGATION"})
			c := owner.FileCase(t, "Ransomware")
			if e := own.next(t); e.Kind != "CASE_CHANGED" || e.Record != string(c) || len(e.Errors) > 0 {
				t.Errorf("told of the filing: %s", e.Raw)
			}
			select {
			case e := <-theirs.events:
				t.Errorf("told to another state: %s", e.Raw)
			case <-time.After(2 * time.Second):
			}
		})
	}
}
