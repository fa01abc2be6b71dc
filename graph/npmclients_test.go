package graph

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity/crypto/token"
	"github.com/comity-platform/comity/deploy/node"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
)

// line is one that the script subscribe.mjs prints.
type line struct {
	Next *struct {
		Data   struct{ Events map[string]any }
		Errors []any
	}
	Error    any
	Complete bool
	Closed   int
}

// npmClient subscribes by a client of npm.
type npmClient struct {
	lines chan line
	end   chan error
}

// proof are the headers of one request for a stream of the officer's software.
func (c *client) proof(t testing.TB, method string) map[string]string {
	t.Helper()
	proof, err := token.Proof(c.SessionKey, method, c.url+"/graphql/stream", c.Caller.Token, c.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{"Authorization": "DPoP " + c.Caller.Token, "DPoP": proof}
}

// how a client of npm says who it is.
var protocols = map[string]func(t testing.TB, c *client) map[string]any{
	"graphql-sse": func(t testing.TB, c *client) map[string]any {
		return map[string]any{"protocol": "sse", "url": c.url + "/graphql/stream", "headers": c.proof(t, http.MethodPost)}
	},
	"graphql-ws by headers": func(t testing.TB, c *client) map[string]any {
		return map[string]any{"protocol": "ws", "url": strings.Replace(c.url, "http", "ws", 1) + "/graphql/stream", "headers": c.proof(t, http.MethodGet)}
	},
	"graphql-ws by its first message": func(t testing.TB, c *client) map[string]any {
		p := c.proof(t, http.MethodGet)
		return map[string]any{"protocol": "ws", "url": strings.Replace(c.url, "http", "ws", 1) + "/graphql/stream",
			"params": map[string]any{"authorization": p["Authorization"], "dpop": p["DPoP"]}}
	},
}

func (c *client) npm(t testing.TB, how map[string]any, query string, variables map[string]any) *npmClient {
	t.Helper()
	cmd, done, err := node.Command(t.Context(), "testdata/node", "subscribe.mjs")
	if err != nil {
		t.Fatal(err)
	}
	how["query"], how["variables"] = query, variables
	given, err := json.Marshal(how)
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(given), &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	n := &npmClient{make(chan line, 100), make(chan error, 1)}
	go func() {
		defer done()
		defer close(n.lines)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var l line
			if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
				n.end <- fmt.Errorf("%q: %w", lines.Text(), err)
				return
			}
			n.lines <- l
		}
		if err := cmd.Wait(); err != nil {
			err = fmt.Errorf("%w: %s", err, &said)
			n.end <- err
			return
		}
		n.end <- nil
	}()
	return n
}

func (n *npmClient) next(t testing.TB) line {
	t.Helper()
	select {
	case l, ok := <-n.lines:
		if !ok {
			t.Fatalf("the client ended: %v", <-n.end)
		}
		return l
	case <-time.After(3 * streamTime): // Node.js itself begins slowly where others are at work
		t.Fatal("the client was told nothing")
	}
	return line{}
}

func (n *npmClient) event(t testing.TB) map[string]any {
	t.Helper()
	l := n.next(t)
	if l.Next == nil || len(l.Next.Errors) > 0 {
		t.Fatalf("%+v is no event", l)
	}
	return l.Next.Data.Events
}

// TestNpmClients subscribes by the reference clients of both protocols, to the end of
// their streams.
func TestNpmClients(t *testing.T) {
	for name, how := range protocols {
		t.Run(name, func(t *testing.T) {
			a := serveAPI(t, nil)
			a.stream(t)
			c, grant := a.granted(t)
			owner, liaison, reader := a.as(t, "investigator@KZ"), a.as(t, "liaison@KZ"), a.as(t, "investigator@AM")
			query := `subscription Watch($case: ID!, $purpose: Purpose) { events(case: $case, purpose: $purpose) { id kind case { title narrative } } }`
			n := reader.npm(t, how(t, reader), query, map[string]any{"case": c, "purpose": "INVESTIGATION"})
			if e := n.event(t); e["kind"] != "BEGAN" {
				t.Errorf("began with %v", e)
			}
			for i, words := range []string{"more is known", "\"Қазақстан\"\n\u2028 👮"} {
				owner.Do(t, &exchange.UpdateCase{Key: exchangetest.Key(), ID: c, ExpectedVersion: i + 1, Narrative: &words})
				if e := n.event(t); e["kind"] != "CASE_CHANGED" || dig(t, e, "case", "narrative") != words {
					t.Errorf("told %v", e)
				}
			}
			liaison.Do(t, liaison.Revoke(t, c, grant))
			if l := n.next(t); !l.Complete {
				t.Errorf("the stream ended with %+v", l)
			}
			for l := range n.lines {
				if l.Closed != 1000 {
					t.Errorf("after the end: %+v", l)
				}
			}
			if err := <-n.end; err != nil {
				t.Error(err)
			}

			// What is refused, the client is told.
			r := owner.npm(t, how(t, owner), `subscription { events { nothing } }`, nil)
			if l := r.next(t); l.Error == nil {
				t.Errorf("an invalid document: %+v", l)
			}
			// And one that stops by itself leaves nothing behind.
			with := how(t, owner)
			with["stopAfter"] = 1
			s := owner.npm(t, with, `subscription { events { id kind } }`, nil)
			s.event(t)
			for range s.lines {
			}
			if err := <-s.end; err != nil {
				t.Error(err)
			}
			deadline := time.Now().Add(streamTime)
			for a.streams.Streams() > 0 {
				if time.Now().After(deadline) {
					t.Fatalf("%d streams are left", a.streams.Streams())
				}
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
}
