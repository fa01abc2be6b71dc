package graph

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestLimits asks each limit at the limit, where it is answered, and one past
// it, where the error names the limit and its value.
func TestLimits(t *testing.T) {
	l := Limits{Bytes: 900, Tokens: 100, Depth: 6, Variables: 400, Response: 300, Deadline: time.Minute, Fields: 70, Aliases: 5, Directives: 5, RootFields: 4, Cost: 100, EventCost: 100}
	a := serveAPI(t, func(o *Options) { o.Limits = l })
	c := a.as(t, "liaison@KZ")
	raw := func(body string) *http.Request {
		return c.request(t, http.MethodPost, a.url+"/graphql", strings.NewReader(body))
	}
	text := func(query string) *http.Request { return raw(fmt.Sprintf(`{"query":%q}`, query)) }
	const one = `{"query":"{__typename}"}`
	in := func(before, each string) func(int) *http.Request {
		return func(n int) *http.Request {
			var b strings.Builder
			for i := range n {
				b.WriteString(strings.ReplaceAll(each, "#", strconv.Itoa(i)))
			}
			return text(before + b.String() + strings.Repeat("}", strings.Count(before, "{")-strings.Count(before, "}")))
		}
	}
	tests := map[string]struct {
		ask    func(n int) *http.Request
		within int // the n that is just within
		status int // one past it
	}{
		"body": {func(n int) *http.Request { return raw(one + strings.Repeat(" ", n-len(one))) }, l.body(), 413},
		"url": {func(n int) *http.Request {
			q := "query=" + url.QueryEscape("{__typename}") + "&other="
			r := c.request(t, http.MethodGet, a.url+"/graphql", nil)
			r.URL.RawQuery = q + strings.Repeat("x", n-len(q))
			return r
		}, l.url(), 414},
		"variables": {func(n int) *http.Request {
			return raw(`{"query":"{__typename}","variables":{` + strings.Repeat(" ", n-2) + `}}`)
		}, l.Variables, 400},
		"bytes":  {func(n int) *http.Request { return text("{__typename}" + strings.Repeat(" ", n-12)) }, l.Bytes, 400},
		"tokens": {in("{viewer{"+strings.Repeat("__typename @include(if:true) ", 5), "__typename "), l.Tokens - 45, 400},
		"depth": {func(n int) *http.Request {
			return in("{viewer{"+strings.Repeat("...on Viewer{", n-3), "officer{ref}")(1)
		}, l.Depth, 400},
		"aliases":    {in("{viewer{", "a#:__typename "), l.Aliases, 400},
		"directives": {in("{viewer{officer{ref}", "__typename @include(if:true) "), l.Directives, 400},
		"fields":     {in("{viewer{", "__typename "), l.Fields - 1, 400},
		"rootFields": {in("{", "__typename "), l.RootFields, 400},
		// viewer, cases, and of each case nodes and id
		"cost": {func(n int) *http.Request { return text(fmt.Sprintf("{viewer{cases(first:%d){nodes{id}}}}", n)) }, (l.Cost - 2) / 2, 400},
		"response": {func(n int) *http.Request {
			return text("{" + strings.Repeat("a", n-len(`{"":"Query"}`)) + ":__typename}")
		}, l.Response, 400},
	}
	for _, limit := range l.Named() {
		if limit.Name == "deadline" || limit.Name == "eventCost" { // TestDeadline, TestEventCost
			continue
		}
		t.Run(limit.Name, func(t *testing.T) {
			x, ok := tests[limit.Name]
			if !ok {
				t.Fatal("the limit is not tested")
			}
			if r := do(t, x.ask(x.within)); r.status != http.StatusOK || r.Data == nil || len(r.Errors) > 0 {
				t.Errorf("at the limit: %d %.300s", r.status, r.raw)
			}
			r := do(t, x.ask(x.within+1))
			if r.status != x.status || len(r.Errors) != 1 || r.Data != nil {
				t.Fatalf("past it: %d %.300s", r.status, r.raw)
			}
			e := r.Errors[0]
			if e.Extensions.Code != "LIMIT" || e.Extensions.Limit != limit.Name || e.Extensions.Max != limit.Max ||
				!strings.Contains(e.Message, strconv.Quote(limit.Name)) || !strings.Contains(e.Message, fmt.Sprint(limit.Max)) {
				t.Errorf("past it: %s", r.raw)
			}
		})
	}
}

// TestLimitsDocumented: the guide has each limit with its value, and no other.
func TestLimitsDocumented(t *testing.T) {
	guide, err := os.ReadFile("../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	want.WriteString("| limit | at most | of | holds for trusted documents |\n|---|---|---|---|\n")
	for _, l := range DefaultLimits.Named() {
		trusted := "yes"
		if l.Text {
			trusted = "no"
		}
		fmt.Fprintf(&want, "| `%s` | %s | %s | %s |\n", l.Name, grouped(int(l.Max)), l.Of, trusted)
	}
	if !strings.Contains(string(guide), "\n\n"+want.String()+"\n") {
		t.Errorf("docs/api.md is to have this table of the limits:\n%s", want.String())
	}
}

// grouped writes a number as people do.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
