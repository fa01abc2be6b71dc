package graph

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token"
)

const whoami = "{ viewer { officer { ref } } }"

func body(query string) io.Reader {
	raw, _ := json.Marshal(map[string]any{"query": query})
	return strings.NewReader(string(raw))
}

// TestAuthentication sends requests that do not show who sends them.
func TestAuthentication(t *testing.T) {
	a := serveAPI(t, nil)
	c, thief := a.as(t, "liaison@KZ"), a.as(t, "liaison@AM")
	at := a.url + "/graphql"
	key, err := statement.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	proof := func(change func(*http.Request)) *http.Request {
		r := c.request(t, http.MethodPost, at, body(whoami))
		change(r)
		return r
	}
	shown := func(method, url, tok string, now time.Time) string {
		p, err := token.Proof(c.SessionKey, method, url, tok, now)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	other, err := token.Proof(key, http.MethodPost, at, c.Caller.Token, a.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	used := c.request(t, http.MethodPost, at, body(whoami)).Header.Get("DPoP")
	if r := do(t, proof(func(r *http.Request) { r.Header.Set("DPoP", used) })); r.status != http.StatusOK || dig(t, r.Data, "viewer", "officer", "ref") != "KZ:liaison-1" {
		t.Fatalf("a right request: %d %s", r.status, r.raw)
	}
	for name, x := range map[string]struct {
		r         *http.Request
		challenge string
	}{
		"no token":                    {proof(func(r *http.Request) { r.Header.Del("Authorization") }), `DPoP algs="ES256"`},
		"a token without proof":       {proof(func(r *http.Request) { r.Header.Del("DPoP") }), "invalid_dpop_proof"},
		"a bearer token":              {proof(func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+c.Caller.Token) }), "invalid_request"},
		"a token of nobody":           {proof(func(r *http.Request) { r.Header.Set("Authorization", "DPoP x.y.z") }), "invalid_token"},
		"a stolen token":              {proof(func(r *http.Request) { r.Header.Set("Authorization", "DPoP "+thief.Caller.Token) }), "invalid_dpop_proof"},
		"a stolen token, another key": {proof(func(r *http.Request) { r.Header.Set("DPoP", other) }), "invalid_token"},
		"a proof for another URL": {proof(func(r *http.Request) {
			r.Header.Set("DPoP", shown("POST", "https://elsewhere.example/graphql", c.Caller.Token, a.Clock.Now()))
		}), "invalid_dpop_proof"},
		"a proof for another path": {proof(func(r *http.Request) {
			r.Header.Set("DPoP", shown("POST", a.url+"/other", c.Caller.Token, a.Clock.Now()))
		}), "invalid_dpop_proof"},
		"a proof for another method": {proof(func(r *http.Request) { r.Header.Set("DPoP", shown("GET", at, c.Caller.Token, a.Clock.Now())) }), "invalid_dpop_proof"},
		"a proof for another token":  {proof(func(r *http.Request) { r.Header.Set("DPoP", shown("POST", at, "x", a.Clock.Now())) }), "invalid_dpop_proof"},
		"an old proof": {proof(func(r *http.Request) {
			r.Header.Set("DPoP", shown("POST", at, c.Caller.Token, a.Clock.Now().Add(-time.Hour)))
		}), "invalid_dpop_proof"},
		"a proof that was used":       {proof(func(r *http.Request) { r.Header.Set("DPoP", used) }), "invalid_dpop_proof"},
		"a request that is wrong too": {proof(func(r *http.Request) { r.Header.Del("DPoP"); r.Header.Set("Content-Type", "text/plain") }), "invalid_dpop_proof"},
	} {
		r := do(t, x.r)
		if r.status != http.StatusUnauthorized || r.Data != nil || len(r.Errors) != 1 || r.Errors[0].Extensions.Code != "UNAUTHENTICATED" ||
			!strings.HasPrefix(r.header.Get("WWW-Authenticate"), "DPoP ") || !strings.Contains(r.header.Get("WWW-Authenticate"), x.challenge) {
			t.Errorf("%s: %d %v %s", name, r.status, r.header, r.raw)
		}
		if strings.Contains(r.raw, c.Caller.Token) || strings.Contains(r.header.Get("WWW-Authenticate"), c.Caller.Token) {
			t.Errorf("%s: the answer repeats the token", name)
		}
	}
	if strings.Contains(a.log.String(), c.Caller.Token) || strings.Contains(a.log.String(), used) {
		t.Error("the log holds a token or a proof")
	}
}

// TestTransport holds the endpoint to GraphQL over HTTP.
func TestTransport(t *testing.T) {
	a := serveAPI(t, nil)
	c := a.as(t, "liaison@KZ")
	at := a.url + "/graphql"
	post := func(content, accept, raw string) result {
		r := c.request(t, http.MethodPost, at, strings.NewReader(raw))
		r.Header.Set("Content-Type", content)
		r.Header.Set("Accept", accept)
		if accept == "" {
			r.Header.Del("Accept")
		}
		return do(t, r)
	}
	get := func(values url.Values) result {
		return do(t, c.request(t, http.MethodGet, at+"?"+values.Encode(), nil))
	}
	ok := `{"query":"` + whoami + `"}`
	for name, x := range map[string]struct {
		r      result
		status int
		media  string
	}{
		"the newer type":            {post(typeJSON, typeResponse, ok), 200, typeResponse},
		"the older type":            {post(typeJSON, typeJSON, ok), 200, typeJSON},
		"any type":                  {post(typeJSON, "*/*", ok), 200, typeJSON},
		"no type":                   {post(typeJSON, "", ok), 200, typeJSON},
		"the preferred of two":      {post(typeJSON, "application/json;q=0.5, application/graphql-response+json", ok), 200, typeResponse},
		"a browser's":               {post(typeJSON, "text/html, application/json;q=0.9, */*;q=0.1", ok), 200, typeJSON},
		"in UTF-8":                  {post("application/json; charset=UTF-8", typeResponse, ok), 200, typeResponse},
		"null parameters":           {post(typeJSON, typeResponse, `{"query":"`+whoami+`","variables":null,"operationName":null,"extensions":null}`), 200, typeResponse},
		"extensions":                {post(typeJSON, typeResponse, `{"query":"`+whoami+`","extensions":{"a":1}}`), 200, typeResponse},
		"no type that we have":      {post(typeJSON, "text/html", ok), 406, typeJSON},
		"a form":                    {post("application/x-www-form-urlencoded", typeResponse, "query=x"), 415, typeResponse},
		"plain text":                {post("text/plain", typeResponse, ok), 415, typeResponse},
		"parts":                     {post("multipart/form-data; boundary=x", typeResponse, ok), 415, typeResponse},
		"no content type":           {post("", typeResponse, ok), 415, typeResponse},
		"another charset":           {post("application/json; charset=utf-16", typeResponse, ok), 415, typeResponse},
		"no JSON":                   {post(typeJSON, typeResponse, `{"query"`), 400, typeResponse},
		"no JSON, older type":       {post(typeJSON, typeJSON, `{"query"`), 400, typeJSON},
		"a list":                    {post(typeJSON, typeResponse, "["+ok+"]"), 400, typeResponse},
		"a string":                  {post(typeJSON, typeResponse, `"a"`), 400, typeResponse},
		"nothing at all":            {post(typeJSON, typeResponse, ""), 400, typeResponse},
		"no query":                  {post(typeJSON, typeResponse, `{}`), 400, typeResponse},
		"a query that is no string": {post(typeJSON, typeResponse, `{"query":{}}`), 400, typeResponse},
		"a query twice":             {post(typeJSON, typeResponse, `{"query":"{a}","query":"{b}"}`), 400, typeResponse},
		"a name that is no string":  {post(typeJSON, typeResponse, `{"query":"{a}","operationName":1}`), 400, typeResponse},
		"variables that are a list": {post(typeJSON, typeResponse, `{"query":"{a}","variables":[]}`), 400, typeResponse},
		"extensions that are text":  {post(typeJSON, typeResponse, `{"query":"{a}","extensions":"a"}`), 400, typeResponse},
		"half a surrogate":          {post(typeJSON, typeResponse, `{"query":"\ud800"}`), 400, typeResponse},
		"a syntax error":            {post(typeJSON, typeResponse, `{"query":"{"}`), 400, typeResponse},
		"one, older type":           {post(typeJSON, typeJSON, `{"query":"{"}`), 200, typeJSON},
		"an invalid query":          {post(typeJSON, typeResponse, `{"query":"{nothing}"}`), 400, typeResponse},
		"one more, older type":      {post(typeJSON, typeJSON, `{"query":"{nothing}"}`), 200, typeJSON},
		"an unknown operation":      {post(typeJSON, typeResponse, `{"query":"query A {__typename}","operationName":"B"}`), 400, typeResponse},
		"two operations, no name":   {post(typeJSON, typeResponse, `{"query":"query A {__typename} query B {__typename}"}`), 400, typeResponse},
		"two operations, one named": {post(typeJSON, typeResponse, `{"query":"query A {a:__typename} query B {__typename}","operationName":"B"}`), 200, typeResponse},
		"too long a body":           {post(typeJSON, typeResponse, `{"query":"`+strings.Repeat(" ", 3<<20)+`"}`), 413, typeResponse},
		"GET":                       {get(url.Values{"query": {"query($p: Purpose) { viewer { cases(first: 1, purpose: $p) { nodes { id } } } }"}, "variables": {`{"p":"PREVENTION"}`}}), 200, typeResponse},
		"GET without query":         {get(url.Values{}), 400, typeResponse},
		"GET, query twice":          {get(url.Values{"query": {"{a}", "{b}"}}), 400, typeResponse},
		"GET, variables no JSON":    {get(url.Values{"query": {whoami}, "variables": {"{"}}), 400, typeResponse},
		"GET, extensions no JSON":   {get(url.Values{"query": {whoami}, "extensions": {"{"}}), 400, typeResponse},
		"a mutation by GET":         {get(url.Values{"query": {"mutation { __typename }"}}), 405, typeResponse},
	} {
		if got := x.r.header.Get("Content-Type"); x.r.status != x.status || got != x.media+"; charset=utf-8" {
			t.Errorf("%s: %d %s %s", name, x.r.status, got, x.r.raw)
		}
		if (x.r.Data != nil) != (len(x.r.Errors) == 0) {
			t.Errorf("%s: %s", name, x.r.raw)
		}
		for _, e := range x.r.Errors {
			if e.Extensions.RequestID != x.r.header.Get("X-Request-Id") || e.Extensions.Code == "" || e.Message == "" {
				t.Errorf("%s: %s", name, x.r.raw)
			}
		}
		for header, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Resource-Policy": "same-origin", "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'"} {
			if got := strings.Join(x.r.header.Values("Vary"), ", "); got != "Accept-Encoding, Accept, Authorization" {
				t.Errorf("%s: Vary is %q", name, got)
			}
			if x.r.header.Get(header) != want {
				t.Errorf("%s: %s is %q", name, header, x.r.header.Get(header))
			}
		}
	}
	for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions} {
		r := do(t, c.request(t, method, at, nil))
		if r.status != http.StatusMethodNotAllowed || r.header.Get("Allow") != "GET, HEAD, POST" {
			t.Errorf("%s: %d %v", method, r.status, r.header)
		}
	}
}

// TestCrossSite sends what a page of another site can make a browser send, and
// the question that it asks before anything else: neither is answered with data
// or with leave to go on.
func TestCrossSite(t *testing.T) {
	a := serveAPI(t, nil)
	at := a.url + "/graphql"
	send := func(method, target, content string, header map[string]string) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), method, target, body(whoami))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Origin", "https://evil.example")
		r.Header.Set("Cookie", "session=1")
		if content != "" {
			r.Header.Set("Content-Type", content)
		}
		for k, v := range header {
			r.Header.Set(k, v)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res
	}
	for name, res := range map[string]*http.Response{
		"a form":        send("POST", at, "application/x-www-form-urlencoded", nil),
		"plain text":    send("POST", at, "text/plain", nil),
		"parts":         send("POST", at, "multipart/form-data; boundary=x", nil),
		"a link":        send("GET", at+"?query="+url.QueryEscape(whoami), "", nil),
		"a preflight":   send("OPTIONS", at, "", map[string]string{"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,dpop,content-type"}),
		"JSON, unasked": send("POST", at, typeJSON, nil),
	} {
		if res.StatusCode < 400 {
			t.Errorf("%s: %d", name, res.StatusCode)
		}
		for h := range res.Header {
			if strings.HasPrefix(h, "Access-Control-") {
				t.Errorf("%s: %s: %s", name, h, res.Header.Get(h))
			}
		}
	}
	// An officer's own software that sends a form with everything else right.
	c := a.as(t, "liaison@KZ")
	r := c.request(t, http.MethodPost, at, strings.NewReader("query="+url.QueryEscape(whoami)))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if got := do(t, r); got.status != http.StatusUnsupportedMediaType {
		t.Errorf("a form with a token: %d", got.status)
	}
	// What a browser says of where a request comes from, with everything else right.
	for name, x := range map[string]struct {
		header map[string]string
		status int
	}{
		"another site":              {map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, 403},
		"another host of the site":  {map[string]string{"Sec-Fetch-Site": "same-site"}, 403},
		"a browser without fetch":   {map[string]string{"Origin": "https://evil.example"}, 403},
		"a sandbox":                 {map[string]string{"Origin": "null"}, 403},
		"the explorer":              {map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": a.url}, 200},
		"its own origin":            {map[string]string{"Origin": a.url}, 200},
		"the address line":          {map[string]string{"Sec-Fetch-Site": "none"}, 200},
		"a program that is no page": {nil, 200},
	} {
		for _, method := range []string{http.MethodPost, http.MethodGet} {
			target, content := at, body(whoami)
			if method == http.MethodGet {
				target, content = at+"?query="+url.QueryEscape(whoami), nil
			}
			r := c.request(t, method, target, content)
			for k, v := range x.header {
				r.Header.Set(k, v)
			}
			if got := do(t, r); got.status != x.status {
				t.Errorf("%s by %s: %d %s", name, method, got.status, got.raw)
			}
		}
	}
}

// TestHead: as a GET is answered, without the body.
func TestHead(t *testing.T) {
	a := serveAPI(t, nil)
	c := a.as(t, "liaison@KZ")
	target := a.url + "/graphql?query=" + url.QueryEscape(whoami)
	get := do(t, c.request(t, http.MethodGet, target, nil))
	for query, status := range map[string]int{whoami: 200, "{": 400, "mutation{__typename}": 405} {
		res, err := http.DefaultClient.Do(c.request(t, http.MethodHead, a.url+"/graphql?query="+url.QueryEscape(query), nil))
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != status || len(raw) > 0 || res.Header.Get("Content-Type") != get.header.Get("Content-Type") {
			t.Errorf("%s: %d, %d bytes, %v", query, res.StatusCode, len(raw), err)
		}
		if query == whoami && res.ContentLength != int64(len(get.raw)) {
			t.Errorf("the length is said to be %d, and is %d", res.ContentLength, len(get.raw))
		}
	}
	head := c.request(t, http.MethodHead, target, nil)
	head.Header.Del("Authorization")
	res, err := http.DefaultClient.Do(head)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a token: %d", res.StatusCode)
	}
}

// TestSlowBody: whoever does not send what was announced is told so.
func TestSlowBody(t *testing.T) {
	a := serveAPI(t, nil)
	c := a.as(t, "liaison@KZ")
	h, err := New(Options{Exchange: a.Exchange, Verifier: a.Verifier, ExternalURL: a.url + "/graphql", Log: a.World.Log})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(h)
	server.Config.ReadTimeout = 300 * time.Millisecond
	server.Start()
	defer server.Close()
	reader, writer := io.Pipe()
	defer writer.Close()
	go func() { _, _ = io.WriteString(writer, `{"query":`) }()
	r := c.request(t, http.MethodPost, a.url+"/graphql", reader)
	if r.URL, err = url.Parse(server.URL + "/graphql"); err != nil {
		t.Fatal(err)
	}
	r.Host = r.URL.Host
	if got := do(t, r); got.status != http.StatusRequestTimeout || len(got.Errors) != 1 {
		t.Errorf("%d %v %s", got.status, got.header, got.raw)
	}
}

// TestKeepAlive: a connection serves one request after another, refused ones too.
func TestKeepAlive(t *testing.T) {
	a := serveAPI(t, nil)
	c := a.as(t, "liaison@KZ")
	h := &http.Client{Transport: &http.Transport{}}
	defer h.CloseIdleConnections()
	for i, ask := range []func() *http.Request{
		func() *http.Request { return c.request(t, http.MethodPost, a.url+"/graphql", body(whoami)) },
		func() *http.Request { return c.request(t, http.MethodPost, a.url+"/graphql", body("{")) },
		func() *http.Request { return c.request(t, http.MethodOptions, a.url+"/graphql", nil) },
		func() *http.Request {
			return c.request(t, http.MethodHead, a.url+"/graphql?query="+url.QueryEscape(whoami), nil)
		},
		func() *http.Request {
			r := c.request(t, http.MethodPost, a.url+"/graphql", body(whoami))
			r.Header.Del("DPoP")
			return r
		},
		func() *http.Request {
			return c.request(t, http.MethodGet, a.url+"/graphql?query="+url.QueryEscape(whoami), nil)
		},
	} {
		reused := false
		r := ask()
		r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) { reused = info.Reused }}))
		res, err := h.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		if reused != (i > 0) {
			t.Errorf("request %d, answered %s: the connection is another one", i, res.Status)
		}
	}
}

// TestRequestID: the id that stands in the records of states is the server's own.
func TestRequestID(t *testing.T) {
	a := serveAPI(t, nil)
	c := a.as(t, "liaison@KZ")
	seen := map[string]bool{}
	for _, given := range []string{"", "my-request.1", "short", strings.Repeat("x", 65), "with space in it", "nötascii-at-all", `quote"quote"quote`} {
		r := c.request(t, http.MethodPost, a.url+"/graphql", body("{ nothing }"))
		if given != "" {
			r.Header.Set("X-Request-Id", given)
		}
		got := do(t, r)
		id := got.header.Get("X-Request-Id")
		if _, err := uuid.Parse(id); err != nil || id == given || got.Errors[0].Extensions.RequestID != id || seen[id] {
			t.Errorf("%q: %q", given, id)
		}
		seen[id] = true
	}
}

// TestDevelopment serves what helps to develop, and only there.
func TestDevelopment(t *testing.T) {
	a := serveAPI(t, func(o *Options) { o.Development = true })
	fetch := func(path string) (string, http.Header) {
		res, err := http.Get(a.url + path)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		raw, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatal(res.Status, err)
		}
		return string(raw), res.Header
	}
	if sdl, _ := fetch("/schema.graphql"); sdl != SDL {
		t.Error("another schema is served")
	}
	page, header := fetch("/explorer")
	policy := header.Get("Content-Security-Policy")
	for _, want := range []string{hashOf(page, "<script>", "</script>"), hashOf(page, "<style>", "</style>"), a.Issuers["KZ"].URL(), "default-src 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy %q lacks %s", policy, want)
		}
	}
	if strings.Count(page, "<script") != 2 || strings.Contains(page, " src=") || strings.Contains(page, "//cdn") || !strings.Contains(page, `"endpoint":"`+a.url+`/graphql"`) {
		t.Errorf("the page is not self-contained:\n%s", page)
	}
}

// TestDeadline ends a request that takes longer than it may, by name, and waits
// for what it began.
func TestDeadline(t *testing.T) {
	a := serveAPI(t, func(o *Options) { o.Limits = DefaultLimits; o.Limits.Deadline = time.Nanosecond })
	r := a.as(t, "liaison@KZ").call(t, whoami, nil)
	if r.status != http.StatusServiceUnavailable || r.Data != nil {
		t.Errorf("%d %s", r.status, r.raw)
	}
	h := &handler{limits: DefaultLimits}
	if f := h.faultOf(context.DeadlineExceeded); f.limit != "deadline" || f.statusOf() != http.StatusServiceUnavailable || !strings.Contains(f.message, "10s") || f.max != 10 {
		t.Errorf("%+v", f)
	}
}
