package graph

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/token"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/graph/subscribe"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/postgres"
	"github.com/comity-platform/comity/storage/postgres/postgrestest"
	"github.com/comity-platform/comity/storage/sqlite"
	"github.com/comity-platform/comity/storage/sqlite/sqlitetest"
)

// granted is a case of KZ that AM may read in full.
func (a *api) granted(t testing.TB) (c, grant comity.ID) {
	t.Helper()
	owner, liaison := a.as(t, "investigator@KZ"), a.as(t, "liaison@KZ")
	c = owner.FileCase(t, "Ransomware", "AM")
	owner.Do(t, &exchange.AssignCase{Key: exchangetest.Key(), ID: c, Office: comity.RoleLiaison})
	a.Mandate(t, "KZ")
	body := liaison.GrantBody("AM", owner.Release(t, c, "AM"))
	liaison.Do(t, liaison.MakeGrant(t, c, body))
	return c, body.ID
}

// complete is how every stream ends.
const complete = "event: complete\ndata: \n"

// TestStreamsEnd: whatever ends a stream, its end says no more than that.
func TestStreamsEnd(t *testing.T) {
	for name, open := range engines {
		t.Run(name, func(t *testing.T) {
			a := serveOn(t, open)
			end := a.stream(t)
			c, grant := a.granted(t)
			owner, reader, liaison := a.as(t, "investigator@KZ"), a.as(t, "investigator@AM"), a.as(t, "liaison@KZ")
			of := map[string]any{"case": c, "purpose": "INVESTIGATION", "kinds": []string{"CASE_CHANGED"}}
			revoked, unassigned := reader.watch(t, of), liaison.watch(t, of)
			revoked.name, unassigned.name = "of the case", "at home"
			every := reader.watch(t, map[string]any{"purpose": "INVESTIGATION", "kinds": []string{"CASE_CHANGED", "GRANT_ENDED"}})
			every.name = "of every case"
			note := "more"
			owner.Do(t, &exchange.UpdateCase{Key: exchangetest.Key(), ID: c, ExpectedVersion: 1, Narrative: &note})
			for what, s := range map[string]*stream{"of the case": revoked, "at home": unassigned, "of every case": every} {
				if e := s.next(t); e.Kind != "CASE_CHANGED" || e.Record != string(c) {
					t.Errorf("%s: told %s", what, e.Raw)
				}
			}
			if wrong := reader.watchingRefused(t, map[string]any{"case": c, "purpose": "PROSECUTION"}); wrong.Errors[0].Extensions.Code != "NOT_FOUND" {
				t.Errorf("without the grant's purpose: %s", wrong.raw)
			}

			ends := map[string]string{}
			liaison.Do(t, liaison.Revoke(t, c, grant))
			ends["a grant revoked"] = revoked.ends(t)
			if e := every.next(t); e.Kind != "GRANT_ENDED" || e.Record != string(grant) {
				t.Errorf("of every case: told %s", e.Raw)
			}
			owner.Do(t, &exchange.AssignCase{Key: exchangetest.Key(), ID: c, Office: comity.RoleLiaison, Remove: true})
			ends["an officer no longer assigned"] = unassigned.ends(t)
			gone := reader.watchingRefused(t, of)
			never := reader.watchingRefused(t, map[string]any{"case": comity.NewID(comity.KindCase), "purpose": "INVESTIGATION"})
			if gone.status != never.status || gone.Errors[0].Extensions.Code != "NOT_FOUND" || gone.Errors[0].Message != never.Errors[0].Message {
				t.Errorf("a case no longer open: %s\na case that never was: %s", gone.raw, never.raw)
			}

			last := owner.watch(t, nil)
			a.Clock.Advance(13 * time.Hour)
			ends["a token expired"] = last.ends(t)
			other := a.as(t, "investigator@KZ").watch(t, nil)
			end()
			ends["a server ended"] = other.ends(t)
			for why, how := range ends {
				if how != complete {
					t.Errorf("%s: the stream ended with %q", why, how)
				}
			}
			if r := a.as(t, "investigator@KZ").watchingRefused(t, nil); r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" {
				t.Errorf("at a server that ended: %d %s", r.status, r.raw)
			}
		})
	}
}

// watchingRefused asks for a stream that is not given.
func (c *client) watchingRefused(t testing.TB, variables map[string]any) result {
	t.Helper()
	r := do(t, c.asksStream(t, eventsOf, variables))
	if len(r.Errors) == 0 {
		t.Fatalf("no stream was refused: %s", r.raw)
	}
	return r
}

// TestStreamsGoOn: across two servers on one database, one of which ends in the
// midst, a client that goes on loses nothing and is told nothing twice.
func TestStreamsGoOn(t *testing.T) {
	for name := range engines {
		t.Run(name, func(t *testing.T) {
			a, b := twoServers(t, name)
			end := a.stream(t)
			b.stream(t)
			owner := a.as(t, "investigator@KZ")
			s := owner.watch(t, nil)
			const acts = 40
			var want []string
			filed := make(chan string)
			go func() {
				defer close(filed)
				for i := range acts {
					if i == acts/2 {
						end()
					}
					filed <- string(owner.FileCase(t, fmt.Sprint("case ", i))) // through the exchange of the first server
				}
			}()
			var told []string
			last := s.began // the first server may end before it told anything more
			for n := 0; n < acts; {
				select {
				case id, ok := <-filed:
					if ok {
						want = append(want, id)
						continue
					}
					filed = nil
				case e, ok := <-s.events:
					if ok {
						told, last, n = append(told, e.Record), e.ID, n+1
						continue
					}
					moved := &client{owner.Officer, b.url, b.log}
					s = moved.watch(t, map[string]any{"after": last})
				case <-time.After(streamTime):
					t.Fatalf("told of %d of %d, after %d were filed\n%s", n, acts, len(want), a.log)
				}
			}
			if fmt.Sprint(told) != fmt.Sprint(want) {
				t.Errorf("told %v\nwanted %v", told, want)
			}
			select {
			case e := <-s.events:
				t.Errorf("told once more: %s", e.Raw)
			case <-time.After(time.Second):
			}
		})
	}
}

// twoServers are the APIs of two servers over one database, each with its own way to it.
func twoServers(t *testing.T, engine string) (a, b *api) {
	t.Helper()
	var second storage.DB
	log := &logBuffer{}
	w := exchangetest.NewWith(t, exchangetest.Options{Log: slog.New(slog.NewTextHandler(log, nil)), DB: func(t testing.TB, now func() time.Time) (first storage.DB) {
		path := sqlitetest.File(t)
		opens := func() (storage.DB, error) { return sqlite.Open(t.Context(), path, sqlite.Options{Now: now}) }
		if engine == "PostgreSQL" {
			d := postgrestest.Database(t)
			opens = func() (storage.DB, error) { return postgres.Open(t.Context(), d.AppDSN, postgres.Options{Now: now}) }
		}
		first, err := opens()
		if err != nil {
			t.Fatal(err)
		}
		if second, err = opens(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = errors.Join(first.Close(), second.Close()) })
		return first
	}})
	a = (&api{World: w, log: log}).serve(t, w.Exchange, nil)
	return a, a.serve(t, w.Another(t, second), nil)
}

// TestEventIDs: an id is its viewer's, and goes back no further than events are kept.
func TestEventIDs(t *testing.T) {
	a := serveAPI(t, nil)
	a.stream(t)
	owner, other := a.as(t, "investigator@KZ"), a.as(t, "colleague@KZ")
	first := owner.watching(t, owner.asksStream(t, eventsOf, nil)).next(t).ID
	wrong := map[string]string{"an id of another officer": first, "no id": "x", "an empty one": "", "an id with a change": first[:len(first)-2] + "AA"}
	var said string
	for what, id := range wrong {
		c := other
		if what == "an id with a change" {
			c = owner
		}
		r := c.watchingRefused(t, map[string]any{"after": id})
		if e := r.Errors[0]; e.Extensions.Code != "INVALID" || r.status != http.StatusBadRequest || said != "" && said != e.Message || fmt.Sprint(e.Extensions.Argument) != "[after]" {
			t.Errorf("%s: %d %s", what, r.status, r.raw)
		}
		said = r.Errors[0].Message
	}
	// The header, which a client's own software sends, goes before the argument.
	r := owner.asksStream(t, eventsOf, map[string]any{"after": "x"})
	r.Header.Set("Last-Event-ID", first)
	c := owner.FileCase(t, "one")
	if e := owner.watching(t, r).next(t); e.Kind != "CASE_CHANGED" || e.Record != string(c) {
		t.Errorf("gone on with by the header: %s", e.Raw)
	}
	a.Clock.Advance(exchange.EventAge + time.Hour)
	owner = a.as(t, "investigator@KZ")
	owner.FileCase(t, "two")
	deadline := time.Now().Add(streamTime)
	for {
		res := do(t, owner.asksStream(t, `subscription { events(after: "`+first+`") { nothing } }`, nil))
		if res.status != http.StatusBadRequest { // it is no valid document, so that no stream opens
			t.Fatal(res.raw)
		}
		place, err := a.Exchange.EventPlace(t.Context(), owner.Caller.Officer, first)
		if err != nil && strings.Contains(err.Error(), "kept for 7 days") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %d events are still there: %v", place, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	if r := owner.watchingRefused(t, map[string]any{"after": first}); r.Errors[0].Extensions.Code != "INVALID" || !strings.Contains(r.raw, "subscribe without after") {
		t.Errorf("after an event that is no longer kept: %s", r.raw)
	}
}

// TestStreamsAsked: what is asked for a stream is as strict as any request.
func TestStreamsAsked(t *testing.T) {
	a := serveAPI(t, nil)
	a.stream(t)
	c := a.as(t, "investigator@KZ")
	for what, x := range map[string]struct {
		query  string
		status int
		says   string
	}{
		"two root fields":          {`subscription { a: events { id } b: events { id } }`, 400, "single root field"},
		"__typename alone":         {`subscription { __typename }`, 400, "root field"},
		"a condition at the root":  {`subscription($on: Boolean!) { events @include(if: $on) { id } }`, 400, "@include"},
		"a condition in a spread":  {`subscription { ... @skip(if: false) { events { id } } }`, 400, "@skip"},
		"a query":                  {`{ viewer { officer { ref } } }`, 400, "of subscriptions"},
		"a mutation":               {`mutation { caseClose(input: {}) { errors { __typename } } }`, 400, ""},
		"an unknown field":         {`subscription { events { nothing } }`, 400, "nothing"},
		"an unknown kind of event": {`subscription { events(kinds: [NOTHING]) { id } }`, 400, "NOTHING"},
		"no document":              {``, 400, ""},
	} {
		r := do(t, c.asksStream(t, x.query, map[string]any{"on": true}))
		if r.status != x.status || len(r.Errors) == 0 || !strings.Contains(r.Errors[0].Message, x.says) {
			t.Errorf("%s: %d %s", what, r.status, r.raw)
		}
	}
	if r := c.call(t, `subscription { events { id } }`, nil); r.status != 400 || !strings.Contains(r.raw, "text/event-stream") {
		t.Errorf("asked for JSON: %d %s", r.status, r.raw)
	}
	stranger := c.asksStream(t, `subscription { events { id } }`, nil)
	stranger.Header.Del("Authorization")
	stranger.Header.Del("DPoP")
	if r := do(t, stranger); r.status != http.StatusUnauthorized || r.header.Get("WWW-Authenticate") == "" {
		t.Errorf("a stranger: %d %s", r.status, r.raw)
	}
	elsewhere := c.asksStream(t, `subscription { events { id } }`, nil)
	elsewhere.Header.Set("Origin", "https://elsewhere.example")
	if r := do(t, elsewhere); r.status != http.StatusForbidden {
		t.Errorf("from a page of another site: %d %s", r.status, r.raw)
	}
	get := c.request(t, http.MethodGet, c.url+"/graphql/stream?"+url.Values{"query": {`subscription { events { id kind } }`}}.Encode(), nil)
	get.Header.Set("Accept", typeEvents)
	if e := c.watching(t, get).next(t); e.Kind != "BEGAN" {
		t.Errorf("by GET: %s", e.Raw)
	}
}

// TestStreamsAreBounded: of the streams that an officer, an agency, a state and a server has,
// none is more than its limit, and what ends makes room.
func TestStreamsAreBounded(t *testing.T) {
	a := serveAPI(t, func(o *Options) {
		o.Streams = subscribe.DefaultLimits
		o.Streams.Officer, o.Streams.Agency, o.Streams.State, o.Streams.Server = 2, 3, 4, 5
	})
	a.stream(t)
	open := func(name string) *stream { return a.as(t, name).watch(t, nil) }
	full := func(name, limit string, status int) {
		t.Helper()
		if r := a.as(t, name).watchingRefused(t, nil); r.status != status || r.Errors[0].Extensions.Limit != limit || r.header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %s", limit, r.status, r.raw)
		}
	}
	first := open("investigator@KZ")
	open("investigator@KZ")
	full("investigator@KZ", "officerStreams", http.StatusTooManyRequests)
	open("liaison@KZ")
	full("authority@KZ", "agencyStreams", http.StatusTooManyRequests)
	open("ct@KZ") // of another agency, and a state names its own
	full("ct@KZ", "stateStreams", http.StatusTooManyRequests)
	open("investigator@AM")
	full("investigator@BY", "streams", http.StatusServiceUnavailable)
	first.stop()
	deadline := time.Now().Add(streamTime)
	for {
		r := a.as(t, "investigator@BY").asksStream(t, eventsOf, nil)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if res.StatusCode == http.StatusOK {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the end of a stream makes no room")
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestSlowReader: a client that takes nothing has its stream ended, holds up nobody,
// and goes on from where it was.
func TestSlowReader(t *testing.T) {
	a := serveAPI(t, func(o *Options) {
		o.Streams = subscribe.DefaultLimits
		o.Streams.Frames, o.Streams.Pending = 2, 4
	})
	a.stream(t)
	owner := a.as(t, "investigator@KZ")
	host := strings.TrimPrefix(a.url, "http://")
	conn, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// Each event is long, so that what buffers there are on the way are full soon.
	query := "subscription { events(kinds: [CASE_CHANGED]) { id kind"
	for i := range 20 {
		query += fmt.Sprintf(" a%d: case { narrative }", i)
	}
	query += " } }"
	if err := owner.asksStream(t, query, nil).Write(conn); err != nil {
		t.Fatal(err)
	}
	first := make([]byte, 4096)
	n, err := conn.Read(first)
	if err != nil || !strings.Contains(string(first[:n]), "200 OK") {
		t.Fatalf("%v: %s", err, first[:n])
	}
	quick := owner.watch(t, map[string]any{"kinds": []string{"CASE_CHANGED"}})
	const acts = 40
	c := owner.FileCase(t, "Ransomware")
	for i := 1; i < acts; i++ {
		long := fmt.Sprint(i, strings.Repeat(" long", 9000))
		owner.Do(t, &exchange.UpdateCase{Key: exchangetest.Key(), ID: c, ExpectedVersion: i, Narrative: &long})
	}
	for range acts {
		quick.next(t)
	}
	if err := conn.SetReadDeadline(time.Now().Add(2 * writeTimeout)); err != nil {
		t.Fatal(err)
	}
	time.Sleep(writeTimeout + 2*time.Second) // it takes nothing
	rest, err := io.ReadAll(conn)
	if err != nil && !strings.Contains(err.Error(), "reset") {
		t.Fatalf("the stream of who takes nothing did not end: %v", err)
	}
	if got := strings.Count(string(rest), "event: next"); got >= acts {
		t.Errorf("all of %d events were written to who takes nothing", got)
	}
}

// TestProofsOfStreams: a proof that one server has seen opens no stream at another,
// whatever it was made for.
func TestProofsOfStreams(t *testing.T) {
	for name, open := range engines {
		t.Run(name, func(t *testing.T) {
			a := serveOn(t, open)
			b := a.serve(t, a.Exchange, func(o *Options) { // as behind one proxy
				o.ExternalURL = a.url + "/graphql"
				o.Verifier = token.NewVerifier(a.Directory, token.Options{Now: a.Clock.Now, Development: true})
			})
			a.stream(t)
			b.stream(t)
			c := a.as(t, "investigator@KZ")
			elsewhere := func(r *http.Request) *http.Request { // the same headers
				caught := c.asksStream(t, eventsOf, nil)
				caught.Header = r.Header.Clone()
				caught.Header.Set("Accept", typeEvents)
				caught.URL.Host = strings.TrimPrefix(b.url, "http://")
				return caught
			}
			refused := func(what string, r result) {
				t.Helper()
				if r.status != http.StatusUnauthorized || !strings.Contains(r.header.Get("WWW-Authenticate"), "invalid_dpop_proof") {
					t.Errorf("%s: %d %s", what, r.status, r.raw)
				}
			}
			plain := c.request(t, http.MethodPost, a.url+"/graphql", strings.NewReader(fmt.Sprintf(`{"query":%q}`, whoami)))
			headers := plain.Clone(t.Context())
			if r := do(t, plain); r.status != http.StatusOK {
				t.Fatalf("a request: %d %s", r.status, r.raw)
			}
			refused("a proof of a request", do(t, elsewhere(headers)))
			first := c.asksStream(t, eventsOf, nil)
			c.watching(t, first).next(t)
			refused("a proof of a stream, at another server", do(t, elsewhere(first)))
			socket := c.proof(t, http.MethodGet)
			if _, _, err := c.dial(t, socket, socketProtocol); err != nil {
				t.Fatal(err)
			}
			at := &client{c.Officer, b.url, b.log}
			if _, res, err := at.dial(t, socket, socketProtocol); err == nil || res == nil || res.StatusCode != http.StatusUnauthorized {
				t.Errorf("a proof of a socket, at another server: %v, %v", res, err)
			}
			c.watching(t, elsewhere(c.asksStream(t, eventsOf, nil))).next(t) // a new one is good there
		})
	}
}
