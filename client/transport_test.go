package client_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/graphql-go/graphql"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/client/operations"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
	"github.com/comity-platform/comity/graph"
	"github.com/comity-platform/comity/graph/sdl"
)

// schema is the API's, without its resolvers.
func schema(t *testing.T) graphql.Schema {
	t.Helper()
	same := func(v any) any { return v }
	b := sdl.Binding{Scalars: map[string]sdl.Scalar{}, TypeOf: func(any) string { return "" }}
	for _, line := range strings.Split(graph.SDL, "\n") {
		if name, ok := strings.CutPrefix(line, "scalar "); ok {
			b.Scalars[strings.Fields(name)[0]] = sdl.Scalar{Text: true, Read: same}
		}
	}
	s, err := sdl.Build(graph.SDL, b)
	must(t, err)
	return s.Schema
}

// TestOperations validates every operation against the schema, and wants one
// for each mutation.
func TestOperations(t *testing.T) {
	s := schema(t)
	for name, text := range operations.All() {
		doc, err := parse(text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if v := graphql.ValidateDocument(&s, doc, nil); !v.IsValid {
			t.Errorf("%s: %v", name, v.Errors)
		}
		if len(text) > graph.DefaultLimits.Bytes {
			t.Errorf("%s is of %d bytes", name, len(text))
		}
		if !strings.Contains(text, "query "+name+"(") && !strings.Contains(text, "query "+name+" ") && !strings.Contains(text, "mutation "+name+"(") &&
			!strings.Contains(text, "subscription "+name+"(") {
			t.Errorf("%s does not bear its name", name)
		}
	}
	for field := range s.MutationType().Fields() {
		if name := strings.ToUpper(field[:1]) + field[1:]; operations.All()[name] == "" {
			t.Errorf("there is no operation for the mutation %s", field)
		}
	}
}

// TestLostAnswer loses the answer to an act that was done: the act is sent
// again under the same key, and done once.
func TestLostAnswer(t *testing.T) {
	w := newWorld(t)
	w.Mandate(t, "KZ")
	lose := func(m *middle, operation string) {
		n := 0
		m.set(func(m *middle) {
			m.after = func(r *http.Request, answer *http.Response) (*http.Response, error) {
				if m.asked[len(m.asked)-1] == operation {
					if n++; n == 1 {
						answer.Body.Close()
						return nil, errors.New("the line is cut")
					}
					if n == 2 {
						answer.Body.Close()
						return status(http.StatusBadGateway), nil
					}
				}
				return answer, nil
			}
		})
	}
	m := &middle{}
	owner := w.through(t, "investigator@KZ", m)
	lose(m, "CaseFile")
	filed := w.file(t, owner)
	if n := len(m.keys); n < 3 || m.keys[n-1] == "" || m.keys[n-1] != m.keys[n-2] || m.keys[n-1] != m.keys[n-3] {
		t.Fatalf("the keys of the tries are %v", m.keys)
	}
	cases, err := owner.Cases(t.Context(), client.CaseFilter{}, "", 10, "")
	must(t, err)
	if len(cases.Nodes) != 1 || cases.Nodes[0].ID != filed.ID {
		t.Fatalf("%d cases were filed", len(cases.Nodes))
	}

	// A signed act is signed anew for each try, under the same key.
	lm := &middle{}
	liaison := w.through(t, "liaison@KZ", lm)
	lose(lm, "GrantMake")
	grant := w.grant(t, owner, liaison, filed.ID)
	grants, err := liaison.Grants(t.Context(), client.GrantFilter{Case: filed.ID}, 10, "")
	must(t, err)
	if len(grants.Nodes) != 1 || !grant.Check.Verified() {
		t.Fatalf("%d grants were made, the answer is %v", len(grants.Nodes), grant.Check)
	}

	// An exhibit whose key was lost with the answer stays without a byte, and
	// another is begun.
	lose(m, "EvidenceBegin")
	path, content := temp(t, "f", 1000)
	x, err := owner.PutEvidence(t.Context(), client.PutOptions{Case: filed.ID, Path: path})
	must(t, err)
	lose(m, "EvidenceOpen")
	fetch(t, owner, x.Evidence, content)
	all, err := owner.Exhibits(t.Context(), filed.ID, "", 10, "")
	must(t, err)
	sealed := 0
	for _, e := range all.Nodes {
		if e.Status == comity.EvidenceSealed {
			sealed++
		}
	}
	if len(all.Nodes) != 2 || sealed != 1 {
		t.Fatalf("%d exhibits were begun, %d sealed", len(all.Nodes), sealed)
	}
}

// TestAway: a server that stays away is said to be, after a few tries.
func TestAway(t *testing.T) {
	w := newWorld(t)
	for _, code := range []int{0, 502, 503, 504} {
		m := &middle{}
		c := w.through(t, "investigator@KZ", m)
		n := 0
		m.set(func(m *middle) {
			m.before = func(*http.Request, []byte) (*http.Response, error) {
				if n++; code == 0 {
					return nil, errors.New("connection refused")
				}
				return status(code), nil
			}
		})
		_, err := c.Cases(t.Context(), client.CaseFilter{}, "", 1, "")
		want(t, err, comity.CodeUnavailable, 0)
		if n < 3 {
			t.Errorf("%d: %d tries", code, n)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := c.Cases(ctx, client.CaseFilter{}, "", 1, ""); !errors.Is(err, context.Canceled) {
			t.Errorf("interrupted: %v", err)
		}
	}
}

// TestErrors: what the exchange says comes back whole.
func TestErrors(t *testing.T) {
	w := newWorld(t)
	c := w.as(t, "investigator@KZ")
	filed := w.file(t, c)

	_, err := c.CaseFile(t.Context(), client.NewCase{Category: tokentest.Category, Title: "T", Nexus: []comity.Nexus{{Basis: comity.NexusTerritory, State: "AM"}}})
	e := told(t, err, comity.CodeDenied, comity.ArticleTerritory)
	if e.Cure == "" || client.RequestID(err) == "" {
		t.Errorf("the denial is %+v, request %q", e, client.RequestID(err))
	}
	_, err = c.EntryAdd(t.Context(), filed.ID, client.NewEntry{Text: "good"}, client.NewEntry{Text: "bad", Happened: "yesterday"})
	e = told(t, err, comity.CodeInvalid, 0)
	if strings.Join(e.Path, ".") != "input.items.1.happened" {
		t.Errorf("the path is %v", e.Path)
	}
	_, err = c.CaseClose(t.Context(), filed.ID, filed.Version+5)
	want(t, err, comity.CodeConflict, 0)
	_, err = c.Case(t.Context(), "case1_mfrggzdfmztwq2lkmfrggzdfmy", "")
	if err == nil {
		t.Fatal("a case that is none")
	}
	_, err = c.Case(t.Context(), "grant1_mfrggzdfmztuq2lkmfrggzdfmy", "")
	if e := told(t, err, comity.CodeInvalid, 0); !strings.Contains(e.Message, "id") {
		t.Errorf("the error is %+v", e)
	}
	_, err = c.Cases(t.Context(), client.CaseFilter{}, "", 10, "bm90IGEgY3Vyc29y")
	e = told(t, err, comity.CodeInvalid, 0)
	if client.RequestID(err) == "" || !strings.Contains(e.Message, "cursor") {
		t.Errorf("the error is %+v", e)
	}
	// A cursor of another viewer.
	for range 2 {
		w.file(t, c)
	}
	page, err := c.Cases(t.Context(), client.CaseFilter{}, "", 1, "")
	must(t, err)
	if page.Total == nil || *page.Total != 3 || !page.Info.HasNext {
		t.Fatalf("the page is %+v", page)
	}
	_, err = w.as(t, "colleague@KZ").Cases(t.Context(), client.CaseFilter{}, "", 1, page.Info.End)
	want(t, err, comity.CodeInvalid, 0)
	_, err = c.Cases(t.Context(), client.CaseFilter{}, "", 1000, "")
	if code := comity.CodeOf(err); code != comity.CodeInvalid && code != comity.CodeLimit {
		t.Errorf("a page of 1000: %v", err)
	}
}

// TestUnauthenticated: a token without its key, none at all, and a clock that
// is out of step.
func TestUnauthenticated(t *testing.T) {
	w := newWorld(t)
	key, token := w.as(t, "liaison@KZ").Session()
	config := w.config(nil)
	config.Token = token
	if _, err := client.New(config); comity.CodeOf(err) != comity.CodeInvalid {
		t.Errorf("a token without a key: %v", err)
	}
	thief, err := statement.NewKey()
	must(t, err)
	config.SessionKey = thief
	c, err := client.New(config)
	must(t, err)
	_, err = c.Viewer(t.Context())
	if e := told(t, err, comity.CodeUnauthenticated, 0); e.Cure != "log in again" {
		t.Errorf("the cure is %q", e.Cure)
	}
	config.SessionKey, config.Token = nil, ""
	c, err = client.New(config)
	must(t, err)
	_, err = c.Viewer(t.Context())
	want(t, err, comity.CodeUnauthenticated, 0)

	for way, d := range map[string]time.Duration{"ahead of": 10 * time.Minute, "behind": -10 * time.Minute} {
		config := w.config(nil)
		config.SessionKey, config.Token = key, token
		config.Now = func() time.Time { return time.Now().Add(d) }
		c, err = client.New(config)
		must(t, err)
		_, err = c.Viewer(t.Context())
		e := told(t, err, comity.CodeUnauthenticated, 0)
		if !strings.Contains(e.Cure, way+" the server's") || !strings.Contains(e.Cure, "10m") && !strings.Contains(e.Cure, "9m5") {
			t.Errorf("with the clock %s %v the cure is %q", d, way, e.Cure)
		}
	}
	_, err = client.Login(t.Context(), w.config(nil), "nobody@KZ")
	want(t, err, comity.CodeUnauthenticated, 0)
	_, err = client.Login(t.Context(), w.config(nil), "liaison@ZZ")
	if err == nil {
		t.Error("an officer of no state logs in")
	}
	_, err = client.Login(t.Context(), w.config(nil), "liaison")
	want(t, err, comity.CodeInvalid, 0)
}

func TestConfig(t *testing.T) {
	roots := statement.Roots{"KZ": {}}
	for name, c := range map[string]client.Config{
		"no server":          {Roots: roots},
		"plain http":         {Server: "http://exchange.example", Roots: roots},
		"a password":         {Server: "https://a:b@exchange.example", Roots: roots},
		"a query":            {Server: "https://exchange.example?x=1", Roots: roots},
		"another scheme":     {Server: "ftp://exchange.example", Roots: roots},
		"no roots":           {Server: "https://exchange.example"},
		"a token and no key": {Server: "https://exchange.example", Roots: roots, Token: "x"},
		"no URL at all":      {Server: "exchange.example:8080", Roots: roots},
	} {
		if _, err := client.New(c); comity.CodeOf(err) != comity.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOddAnswers: what is no answer of an exchange is an error, and no redirect
// is followed.
func TestOddAnswers(t *testing.T) {
	key, err := statement.NewKey()
	must(t, err)
	reached := false
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer elsewhere.Close()
	for name, f := range map[string]func(http.ResponseWriter){
		"html":         func(w http.ResponseWriter) { _, _ = io.WriteString(w, "<html>") },
		"nothing":      func(http.ResponseWriter) {},
		"null":         func(w http.ResponseWriter) { _, _ = io.WriteString(w, "null") },
		"no data":      func(w http.ResponseWriter) { _, _ = io.WriteString(w, "{}") },
		"other data":   func(w http.ResponseWriter) { _, _ = io.WriteString(w, `{"data":{"viewer":7}}`) },
		"a redirect":   func(w http.ResponseWriter) { w.Header().Set("Location", elsewhere.URL); w.WriteHeader(307) },
		"a teapot":     func(w http.ResponseWriter) { w.WriteHeader(http.StatusTeapot) },
		"odd errors":   func(w http.ResponseWriter) { _, _ = io.WriteString(w, `{"errors":[{}]}`) },
		"empty errors": func(w http.ResponseWriter) { _, _ = io.WriteString(w, `{"data":null,"errors":[]}`) },
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { f(w) }))
		c, err := client.New(client.Config{Server: s.URL, Union: "u", Roots: statement.Roots{"KZ": {}}, SessionKey: key, Token: "x"})
		must(t, err)
		if o, err := c.Viewer(t.Context()); err == nil {
			t.Errorf("%s is taken for %+v", name, o)
		}
		s.Close()
	}
	if reached {
		t.Error("a redirect was followed")
	}
}

// TestNoSecrets: no error shows a token, a key, or what was sealed.
func TestNoSecrets(t *testing.T) {
	w := newWorld(t)
	m := &middle{}
	c := w.through(t, "investigator@KZ", m)
	of := w.file(t, c).ID
	path, _ := temp(t, "f", 100)
	_, token := c.Session()
	var seen bytes.Buffer
	for _, operation := range []string{"EvidenceBegin", "EvidenceParts", "EvidenceComplete"} {
		m.set(func(m *middle) {
			m.after = func(r *http.Request, answer *http.Response) (*http.Response, error) {
				if m.asked[len(m.asked)-1] == operation {
					answer.Body.Close()
					return status(http.StatusInternalServerError), nil
				}
				return answer, nil
			}
		})
		_, err := c.PutEvidence(t.Context(), client.PutOptions{Case: of, Path: path, StateDir: t.TempDir()})
		if err == nil {
			t.Fatalf("%s is not needed", operation)
		}
		seen.WriteString(err.Error())
	}
	if strings.Contains(seen.String(), token) || strings.Contains(seen.String(), "eyJ") {
		t.Errorf("the errors show too much: %s", seen.String())
	}
}

func FuzzReadResume(f *testing.F) {
	b, err := os.ReadFile("testdata/resume.jsonl")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:len(b)-10])
	f.Add([]byte("{}\n{}"))
	f.Add([]byte(`{"version":1}` + "\n" + `{"number":1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if n := client.ReadResume(b); n > bytes.Count(b, []byte("\n")) {
			t.Fatalf("%d parts of %d lines", n, bytes.Count(b, []byte("\n")))
		}
	})
}

func TestReadResume(t *testing.T) {
	b, err := os.ReadFile("testdata/resume.jsonl")
	must(t, err)
	if n := client.ReadResume(b); n != 2 {
		t.Errorf("the sample keeps %d parts", n)
	}
	if n := client.ReadResume(b[:len(b)-10]); n != 1 {
		t.Errorf("cut in its last line, the sample keeps %d parts", n)
	}
	for name, b := range map[string][]byte{"nothing": nil, "no JSON": []byte("x"), "another version": bytes.Replace(b, []byte(`"version":1`), []byte(`"version":2`), 1),
		"another exhibit's header": bytes.Replace(b, []byte(`"evidence":"evidence1_m`), []byte(`"evidence":"evidence1_n`), 1)} {
		if n := client.ReadResume(b); n != -1 {
			t.Errorf("%s keeps %d parts", name, n)
		}
	}
}
