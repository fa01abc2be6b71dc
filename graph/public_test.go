package graph

import (
	"io"
	"net/http"
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
