package graph

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/comity-platform/comity/client/operations"
)

// TestTrusted asks for documents by their ids: by POST and by GET, beyond the
// limits of texts, and while texts come and go.
func TestTrusted(t *testing.T) {
	const conditional = "query C($on: Boolean!) { viewer { officer { ref @include(if: $on) role @skip(if: $on) } } }"
	const cases = "query Page($n: Int!) { viewer { cases(first: $n) { nodes { id } } } }"
	documents := operations.All()
	documents["C"], documents["Page"] = conditional, cases
	var inside *handler
	a := serveAPI(t, func(o *Options) {
		o.Trusted, o.Limits = documents, DefaultLimits
		o.Limits.Bytes, o.Limits.Tokens, o.Limits.Depth, o.Limits.Fields, o.Limits.Cost = 200, 8, 3, 4, 100
		h, err := newHandler(*o)
		if err != nil {
			t.Fatal(err)
		}
		inside = h
	})
	c := a.as(t, "liaison@KZ")
	ask := func(body string) result {
		return do(t, c.request(t, http.MethodPost, a.url+"/graphql", strings.NewReader(body)))
	}
	byID := func(text, variables string) result {
		return ask(fmt.Sprintf(`{"documentId":%q,"variables":%s}`, operations.ID(text), variables))
	}

	// The text passes the limits of texts, its id none.
	if r := ask(fmt.Sprintf(`{"query":%q,"variables":{"on":true}}`, conditional)); len(r.Errors) != 1 || r.Errors[0].Extensions.Code != "LIMIT" {
		t.Errorf("the text: %s", r.raw)
	}
	for range 2 {
		if r := byID(conditional, `{"on":true}`); r.status != http.StatusOK || !strings.Contains(r.raw, `"ref":"KZ:liaison-1"`) || strings.Contains(r.raw, "role") {
			t.Errorf("with the condition: %d %s", r.status, r.raw)
		}
		if r := byID(conditional, `{"on":false}`); r.status != http.StatusOK || !strings.Contains(r.raw, `"role":"LIAISON"`) || strings.Contains(r.raw, "ref") {
			t.Errorf("without it: %d %s", r.status, r.raw)
		}
	}
	// What variables decide is bounded all the same.
	if r := byID(cases, `{"n":49}`); r.status != http.StatusOK {
		t.Errorf("a page of 49: %d %s", r.status, r.raw)
	}
	if r := byID(cases, `{"n":50}`); len(r.Errors) != 1 || r.Errors[0].Extensions.Limit != "cost" || r.Errors[0].Extensions.Max != 100 {
		t.Errorf("a page of 50: %d %s", r.status, r.raw)
	}
	if r := byID(cases, `{"n":"ten"}`); r.status != http.StatusBadRequest || len(r.Errors) != 1 || r.Errors[0].Extensions.Code != "INVALID" {
		t.Errorf("a wrong variable: %d %s", r.status, r.raw)
	}

	get := func(q url.Values) result {
		return do(t, c.request(t, http.MethodGet, a.url+"/graphql?"+q.Encode(), nil))
	}
	if r := get(url.Values{"documentId": {operations.ID(cases)}, "variables": {`{"n":1}`}}); r.status != http.StatusOK || r.header.Get("Cache-Control") != "no-store" {
		t.Errorf("by GET: %d %s", r.status, r.raw)
	}
	if r := get(url.Values{"documentId": {operations.ID(documents["CaseFile"])}, "variables": {`{}`}}); r.status != http.StatusMethodNotAllowed {
		t.Errorf("a mutation by GET: %d %s", r.status, r.raw)
	}
	unknown := operations.ID("{ __typename }")
	for name, x := range map[string]struct {
		r    result
		code string
		says string
	}{
		"an unknown id":         {ask(fmt.Sprintf(`{"documentId":%q}`, unknown)), "NOT_FOUND", "send its text"},
		"one by GET":            {get(url.Values{"documentId": {unknown}}), "NOT_FOUND", unknown},
		"an id and a text":      {ask(fmt.Sprintf(`{"documentId":%q,"query":"{__typename}"}`, operations.ID(cases))), "INVALID", "not both"},
		"both by GET":           {get(url.Values{"documentId": {operations.ID(cases)}, "query": {"{__typename}"}}), "INVALID", "not both"},
		"an id in capitals":     {ask(fmt.Sprintf(`{"documentId":%q}`, strings.ToUpper(operations.ID(cases)))), "INVALID", "sha256:"},
		"an id without prefix":  {ask(fmt.Sprintf(`{"documentId":%q}`, operations.ID(cases)[7:])), "INVALID", "sha256:"},
		"an id of another kind": {ask(`{"documentId":7}`), "INVALID", "a string"},
		"an empty id":           {ask(`{"documentId":""}`), "INVALID", "needed"},
		"an id twice":           {get(url.Values{"documentId": {unknown, unknown}}), "INVALID", "once"},
	} {
		if x.r.status != http.StatusBadRequest || x.r.Data != nil || len(x.r.Errors) != 1 || x.r.Errors[0].Extensions.Code != x.code || !strings.Contains(x.r.Errors[0].Message, x.says) {
			t.Errorf("%s: %d %s", name, x.r.status, x.r.raw)
		}
	}

	// A stranger is told the directory by its document, and nothing else.
	stranger := func(text string) int {
		res, err := http.Post(a.url+"/graphql", typeJSON, strings.NewReader(fmt.Sprintf(`{"documentId":%q}`, operations.ID(text))))
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res.StatusCode
	}
	if got := stranger(documents["Directory"]); got != http.StatusOK {
		t.Errorf("the directory is answered %d to a stranger", got)
	}
	if got := stranger(documents["Viewer"]); got != http.StatusUnauthorized {
		t.Errorf("the viewer is answered %d to a stranger", got)
	}

	// Each is compiled before it is asked for, and no number of texts drives it out.
	for name, text := range operations.All() {
		if _, ok := inside.trusted.plans.Load(planKey{text: text, operation: name}); !ok {
			t.Errorf("%s is not compiled when the server starts", name)
		}
	}
	for i := range keptDocuments + keptPlans {
		if _, faults := inside.document(wire{Query: fmt.Sprintf("{a%d:__typename}", i)}); len(faults) > 0 {
			t.Fatal(faults)
		}
	}
	if d, faults := inside.document(wire{Document: operations.ID(cases)}); len(faults) > 0 || d != inside.trusted.documents[operations.ID(cases)] {
		t.Errorf("after many texts: %v", faults)
	}
}

// TestTrustedOnly answers known documents alone, where the operator wants so.
func TestTrustedOnly(t *testing.T) {
	a := serveAPI(t, func(o *Options) { o.Trusted, o.TrustedOnly = operations.All(), true })
	c := a.as(t, "liaison@KZ")
	viewer, _ := operations.Document("Viewer")
	if r := do(t, c.request(t, http.MethodPost, a.url+"/graphql", strings.NewReader(fmt.Sprintf(`{"documentId":%q}`, operations.ID(viewer))))); r.status != http.StatusOK {
		t.Errorf("a known document: %d %s", r.status, r.raw)
	}
	for _, text := range []string{viewer, "{__typename}", "{"} { // a known one's text, too: it would be read to be known
		if r := c.call(t, text, nil); r.status != http.StatusBadRequest || len(r.Errors) != 1 || !strings.Contains(r.Errors[0].Message, "documentId") {
			t.Errorf("%.20q: %d %s", text, r.status, r.raw)
		}
	}
}

// TestTrustedAreChecked: a document that does not fit the schema keeps the
// server from starting.
func TestTrustedAreChecked(t *testing.T) {
	a := serveAPI(t, nil)
	for name, text := range map[string]string{"no query": "{", "an unknown field": "{ nothing }", "a subscription of nothing": "subscription { nothing }"} {
		_, err := New(Options{Exchange: a.Exchange, Verifier: a.Verifier, ExternalURL: a.url + "/graphql", Log: a.World.Log, Trusted: map[string]string{"Wrong": text}})
		if err == nil || !strings.Contains(err.Error(), "Wrong") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
