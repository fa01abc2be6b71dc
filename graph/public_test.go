package graph

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestPublic: the directory is told to everybody, and nothing else is.
func TestPublic(t *testing.T) {
	a := serveAPI(t, nil)
	ask := func(query string, header http.Header) (int, string) {
		t.Helper()
		body := `{"query":"` + strings.ReplaceAll(query, `"`, `\"`) + `"}`
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.url+"/graphql", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header = header.Clone()
		r.Header.Set("Content-Type", "application/json")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		b, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, string(b)
	}
	none := http.Header{}
	if status, body := ask(`{ union { name } categories { code } states { code manifest } }`, none); status != 200 || !strings.Contains(body, `"KZ"`) {
		t.Errorf("the directory answers %d %s", status, body)
	}
	for _, q := range []string{
		`{ viewer { officer { ref } } }`,
		`{ states { code } viewer { officer { ref } } }`,
		`{ states: viewer { officer { ref } } }`,
		`{ ... on Query { viewer { officer { ref } } } }`,
		`query { ...F } fragment F on Query { viewer { officer { ref } } }`,
		`{ node(id: "case1_aaaaaaaaaaaaaaaaaaaaaaaaaa") { id } }`,
		`{ nodes(ids: []) { id } }`,
		`{ __schema { types { name } } }`,
		`mutation { __typename }`,
		`{ states { code }`,
	} {
		if status, body := ask(q, none); status != http.StatusUnauthorized || !strings.Contains(body, "UNAUTHENTICATED") || strings.Contains(body, "data") {
			t.Errorf("%s without a token answers %d %s", q, status, body)
		}
	}
	for _, h := range []http.Header{{"Authorization": {"DPoP x.y.z"}}, {"Authorization": {"Bearer x"}}, {"Dpop": {"x"}}} {
		if status, _ := ask(`{ states { code } }`, h); status != http.StatusUnauthorized {
			t.Errorf("a bad token (%v) is answered %d for the directory", h, status)
		}
	}
}

// TestPublicTakesNoPlaces: what a stranger asks drives nothing out that is kept for officers.
func TestPublicTakesNoPlaces(t *testing.T) {
	a := serveAPI(t, nil)
	h, err := newHandler(Options{Exchange: a.Exchange, Verifier: a.Verifier, ExternalURL: "http://127.0.0.1/graphql", Log: a.World.Log})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/graphql", strings.NewReader(fmt.Sprintf(`{"query":"{ union { name } } #%d"}`, i)))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.serve(w, r)
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"name"`) {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	if documents, plans := h.prepared.documents.Len(), h.prepared.plans.Len(); documents+plans > 0 {
		t.Errorf("a stranger's queries left %d documents and %d plans", documents, plans)
	}
}
