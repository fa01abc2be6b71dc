package graph

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/exchange/pace"
)

// TestPaced floods two servers over one database as an officer of one agency: an
// officer of another is served at once all the while, whoever floods is told when
// to come again, and is served then.
func TestPaced(t *testing.T) {
	for engine, o := range map[string]exchangetest.Options{"SQLite": {}, "PostgreSQL": {DB: exchangetest.Postgres}} {
		t.Run(engine, func(t *testing.T) {
			const rate = 5
			log := &logBuffer{}
			o.Log = slog.New(slog.NewTextHandler(log, nil))
			w := exchangetest.NewWith(t, o)
			var servers []*api
			for range 2 {
				p, err := pace.New(pace.Options{DB: w.DB, Agency: rate, Address: rate, Log: w.Log, Now: w.Clock.Now})
				if err != nil {
					t.Fatal(err)
				}
				servers = append(servers, (&api{World: w, log: log}).serve(t, w.Exchange, func(o *Options) { o.Pace = p }))
			}
			got, began := 0, time.Now()
			var last result
			for i := 0; i < 60 || last.status == http.StatusOK; i++ {
				last = servers[i%2].as(t, "investigator@KZ").call(t, whoami, nil)
				if last.status == http.StatusOK {
					got++
				}
				if r := servers[i%2].as(t, "investigator@AM").call(t, whoami, nil); i < 10 && r.status != http.StatusOK {
					t.Fatalf("of the other agency: %d %s", r.status, r.raw)
				}
			}
			// The burst, what came meanwhile, and a stretch of either kind on each server.
			if most := pace.Burst*rate + rate*time.Since(began).Seconds() + 2*(pace.Open*rate+1); got < rate || float64(got) > most {
				t.Errorf("%d requests were served, of at most %v", got, most)
			}
			e := last.Errors
			if last.status != http.StatusTooManyRequests || len(e) != 1 || e[0].Extensions.Code != "LIMIT" || e[0].Extensions.Limit != "agencyRate" || e[0].Extensions.Max != rate ||
				e[0].Extensions.RequestID == "" || last.Data != nil {
				t.Fatalf("%d %s", last.status, last.raw)
			}
			after, err := strconv.Atoi(last.header.Get("Retry-After"))
			if err != nil || after < 1 || after > 30 || !strings.Contains(e[0].Message, last.header.Get("Retry-After")+" s") {
				t.Fatalf("Retry-After is %q: %s", last.header.Get("Retry-After"), last.raw)
			}
			w.Clock.Advance(time.Duration(after) * time.Second)
			if r := servers[1].as(t, "investigator@KZ").call(t, whoami, nil); r.status != http.StatusOK {
				t.Errorf("after the %d s that were told: %d %s", after, r.status, r.raw)
			}
		})
	}
}

// TestPacedStrangers: by address, also those who ask for the directory, and
// those whose tokens are not valid; officers of the same address are served.
func TestPacedStrangers(t *testing.T) {
	a := serveAPI(t, nil)
	p, err := pace.New(pace.Options{DB: a.DB, Agency: 1000, Address: 1, Log: a.World.Log, Now: a.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	a = a.serve(t, a.Exchange, func(o *Options) { o.Pace = p })
	ask := func(token string) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.url+"/graphql", body("{ union { name } }"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", typeJSON)
		if token != "" {
			r.Header.Set("Authorization", token)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		return res
	}
	for i := range 2 {
		if res := ask(""); res.StatusCode != http.StatusOK {
			t.Fatalf("the directory, the %dth time: %s", i, res.Status)
		}
		if res := ask("DPoP nonsense"); res.StatusCode != http.StatusUnauthorized {
			t.Fatalf("a token that is none, the %dth time: %s", i, res.Status)
		}
	}
	for _, token := range []string{"", "DPoP nonsense"} {
		res := ask(token)
		if res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") != "1" {
			t.Errorf("%q: %s, to be repeated after %q", token, res.Status, res.Header.Get("Retry-After"))
		}
	}
	a.as(t, "liaison@KZ").get(t, whoami, nil)
	a.Clock.Advance(time.Second)
	if res := ask(""); res.StatusCode != http.StatusOK {
		t.Errorf("after a second: %s", res.Status)
	}
}

// TestCostIsPaced: a query whose answer can hold much counts as several.
func TestCostIsPaced(t *testing.T) {
	a := serveAPI(t, nil)
	p, err := pace.New(pace.Options{DB: a.DB, Agency: 5, Address: 5, Log: a.World.Log, Now: a.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	a = a.serve(t, a.Exchange, func(o *Options) { o.Pace = p })
	c := a.as(t, "liaison@KZ")
	c.get(t, "{ viewer { cases(first: 100) { nodes { entries(first: 100) { nodes { id } } } } } }", nil) // worth 20
	if r := c.call(t, whoami, nil); r.status != http.StatusTooManyRequests {
		t.Errorf("after a query worth 20 requests: %d %s", r.status, r.raw)
	}
}

// TestEventCost: what a subscription asks for each event has a limit of its own.
func TestEventCost(t *testing.T) {
	a := serveAPI(t, func(o *Options) {
		o.Limits = DefaultLimits
		o.Limits.EventCost = 103
	})
	a.stream(t)
	c := a.as(t, "investigator@KZ")
	of := func(n int) string { // events, case, entries, and of each nodes and id
		return fmt.Sprintf("subscription { events { case { entries(first: %d) { nodes { id } } } } }", n)
	}
	r := do(t, c.asksStream(t, of(51), nil))
	if r.status != http.StatusBadRequest || len(r.Errors) != 1 {
		t.Fatalf("past the limit: %d %s", r.status, r.raw)
	}
	if e := r.Errors[0]; e.Extensions.Code != "LIMIT" || e.Extensions.Limit != "eventCost" || e.Extensions.Max != 103 || !strings.Contains(e.Message, "103") {
		t.Errorf("past the limit: %s", r.raw)
	}
	c.watching(t, c.asksStream(t, of(50), nil)).next(t)
}

// TestEventsArePaced: events beyond the agency's rate come later, none is lost, and
// they keep nobody from asking.
func TestEventsArePaced(t *testing.T) {
	a := serveAPI(t, nil)
	const rate, cases = 5, 40
	p, err := pace.New(pace.Options{DB: a.DB, Agency: rate, Address: rate, Log: a.World.Log, Now: a.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	a = a.serve(t, a.Exchange, func(o *Options) { o.Pace = p })
	a.stream(t)
	c := a.as(t, "investigator@KZ")
	s := c.watch(t, map[string]any{"kinds": []string{"CASE_CHANGED"}})
	began := time.Now()
	var want []string
	for i := range cases {
		want = append(want, string(c.FileCase(t, fmt.Sprint("case ", i))))
	}
	for i := range 10 {
		if r := c.call(t, whoami, nil); r.status != http.StatusOK {
			t.Errorf("request %d beside the stream: %d %s", i, r.status, r.raw)
		}
	}
	for i, id := range want {
		if e := s.next(t); e.Record != id {
			t.Errorf("event %d is of %s, wanted %s", i, e.Record, id)
		}
	}
	if most := (pace.Burst+time.Since(began).Seconds())*rate + 3; cases > most {
		t.Errorf("%d events were told in %s, at %v a second at most %v", cases, time.Since(began), rate, most)
	}
}

// heldPlace is a place that is given or not.
type heldPlace struct {
	full  bool
	asked []comity.AgencyID
	left  int
}

func (p *heldPlace) Of(o comity.Officer) bool {
	p.asked = append(p.asked, o.Agency)
	return !p.full
}

func (p *heldPlace) Leave() { p.left++ }

// TestPlaces: a request is counted as its officer's once it is known whose it is, and
// refused where that is one too many; what becomes a stream gives its place back.
func TestPlaces(t *testing.T) {
	a := serveAPI(t, nil)
	a.stream(t)
	c := a.as(t, "investigator@KZ")
	body := fmt.Sprintf(`{"query":%q}`, whoami)
	asks := map[string]func() *http.Request{
		"a request": func() *http.Request {
			return c.request(t, http.MethodPost, a.url+"/graphql", strings.NewReader(body))
		},
		"a stream": func() *http.Request { return c.asksStream(t, eventsOf, nil) },
	}
	for what, ask := range asks {
		p := &heldPlace{full: true}
		w := httptest.NewRecorder()
		a.streams.ServeHTTP(w, ask().WithContext(WithPlace(t.Context(), p)))
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "1" || fmt.Sprint(p.asked) != "[KZ/cyber]" {
			t.Errorf("%s, for %v: %d %v %s", what, p.asked, w.Code, w.Header(), w.Body)
		}
	}
	p := &heldPlace{}
	w := httptest.NewRecorder()
	if a.streams.ServeHTTP(w, asks["a request"]().WithContext(WithPlace(t.Context(), p))); w.Code != http.StatusOK || p.left != 0 {
		t.Errorf("a request: %d, left %d times", w.Code, p.left)
	}
	ctx, cancel := context.WithCancel(WithPlace(t.Context(), p))
	time.AfterFunc(time.Second, cancel)
	if a.streams.ServeHTTP(httptest.NewRecorder(), asks["a stream"]().WithContext(ctx)); p.left != 1 {
		t.Errorf("a stream left its place %d times", p.left)
	}
}
