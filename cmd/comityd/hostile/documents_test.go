package hostile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// introspectionBomb asks the schema about itself as deep as brackets may go.
func introspectionBomb(levels int) string {
	return "{ __schema { types { fields { type " + strings.Repeat("{ ofType { name } fields { type ", levels) + "{ name }" + strings.Repeat(" } }", levels) + " } } } }"
}

// doubling is fragments that stand for 2^n fields.
func doubling(n int) string {
	var b strings.Builder
	b.WriteString("{ viewer { ...F0 } }")
	for i := range n {
		fmt.Fprintf(&b, " fragment F%d on Viewer { ...F%d ... { ...F%d } }", i, i+1, i+1)
	}
	fmt.Fprintf(&b, " fragment F%d on Viewer { officer { ref } }", n)
	return b.String()
}

// overlapping is as many fields as the limit allows, which have to be compared.
func overlapping(n int) string {
	return "{ nodes(ids: []) { ...A ...B } } fragment A on Node { " + strings.Repeat("... on Case { agency { code } } ... on Grant { case } ", n) +
		"} fragment B on Node { " + strings.Repeat("... on Case { agency { code name } } ", n) + "}"
}

func nested(open, inner, end string, n int) string {
	return strings.Repeat(open, n) + inner + strings.Repeat(end, n)
}

// documents are bodies of requests by what they are.
func documents() map[string][]byte {
	list := "{ viewer { cases(first: 100) { nodes { id title summary narrative agency { code name } marking { tlp } nexus { basis state } access { level } "
	all := map[string][]byte{}
	for name, text := range map[string]string{
		"a fragment that spreads itself":   "{ ...A } fragment A on Query { ...A }",
		"fragments in a ring":              "{ ...A } fragment A on Query { viewer { ...B } } fragment B on Viewer { ... { ...C } } fragment C on Viewer { ...B }",
		"a million braces":                 strings.Repeat("{", 1<<20),
		"braces within the bytes":          strings.Repeat("{", 16000),
		"deep fields":                      nested("{ a ", "{ b }", "}", 4000),
		"deep lists":                       "{ node(id: " + nested("[", "1", "]", 7000) + ") { id } }",
		"deep objects":                     "{ node(id: " + nested("{a:", "1", "}", 4000) + ") { id } }",
		"deep list types":                  "query ($a: " + nested("[", "Int", "]", 7000) + ") { __typename }",
		"width: one field 8,000 times":     "{ " + strings.Repeat("a ", 8000) + "}",
		"width within the tokens":          "{ viewer { " + strings.Repeat("officer { ref } ", 240) + "} }",
		"aliases of what costs":            aliases("viewer { cases(first: 100) { nodes { id } } }", 60),
		"as many aliases as may be":        aliases("viewer { cases(first: 50) { nodes { id title } } }", 19),
		"directives":                       "{ __typename " + strings.Repeat("@skip(if: false) ", 900) + "}",
		"unknown directives":               "{ __typename " + strings.Repeat("@a ", 1900) + "}",
		"directives on many fields":        "{ " + strings.Repeat("__typename @include(if: true) ", 160) + "}",
		"fragments that double":            doubling(30),
		"overlapping fields":               overlapping(18),
		"overlapping fields past limits":   overlapping(160),
		"deep overlapping":                 "{ viewer " + nested("{ ...A cases(first: 1) { nodes { owner ", "{ ref }", "} } }", 4) + " } fragment A on Viewer { officer { ref } }",
		"introspection":                    introspectionBomb(2),
		"introspection as deep as may be":  introspectionBomb(6),
		"introspection, many times":        aliases("__schema { types { name fields { name args { name type { name } } } } }", 20),
		"the widest list":                  list + "} pageInfo { endCursor } totalCount } } }",
		"lists in lists":                   list + "exhibits(first: 100) { nodes { id } } entries(first: 100) { nodes { id text } } } } } }",
		"many operations":                  strings.Repeat("query A { __typename } ", 190),
		"many operations of many names":    many("query A%d { __typename } ", 190),
		"many variables":                   "query (" + many("$a%d: Int ", 240) + ") { __typename }",
		"a long name":                      "{ " + strings.Repeat("a", 16000) + " }",
		"a long number":                    "{ viewer { cases(first: " + strings.Repeat("9", 16000) + ") { nodes { id } } } }",
		"an exponent":                      "{ viewer { cases(first: 1e999999999) { nodes { id } } } }",
		"a long string":                    `{ node(id: "` + strings.Repeat("a", 16000) + `") { id } }`,
		"a string that does not end":       `{ node(id: "` + strings.Repeat("a", 16000),
		"a block string that does not end": `{ node(id: """` + strings.Repeat("\n", 16000),
		"escapes":                          `{ node(id: "` + strings.Repeat(`\u0041`, 2600) + `") { id } }`,
		"surrogates":                       `{ node(id: "` + strings.Repeat(`\ud800`, 2600) + `") { id } }`,
		"only comments":                    strings.Repeat("#\n", 8000),
		"only commas":                      strings.Repeat(",", 16000),
		"NUL":                              "{ \x00 }",
		"not UTF-8":                        "{ \xff\xfe }",
		"many ids":                         "{ nodes(ids: [" + strings.Repeat(`"a" `, 900) + "]) { id } }",
		"nothing":                          "",
	} {
		all[name] = query(text, nil)
	}
	raw := func(name, text, variables string) {
		b, err := json.Marshal(text)
		if err != nil {
			panic(err)
		}
		all[name] = fmt.Appendf(nil, `{"query":%s,"variables":%s}`, b, variables)
	}
	node := "query ($v: ID!) { node(id: $v) { id } }"
	raw("variables in a deep list", node, `{"v":`+nested("[", "1", "]", 100_000)+`}`)
	raw("variables in a deep object", node, `{"v":`+nested(`{"a":`, "1", "}", 100_000)+`}`)
	raw("two megabytes of variables", node, `{"v":"`+strings.Repeat("a", 2<<20-100)+`"}`)
	raw("three megabytes of variables", node, `{"v":"`+strings.Repeat("a", 3<<20)+`"}`)
	raw("variables of many names", node, "{"+strings.TrimSuffix(many(`"a%d":1,`, 100_000), ",")+"}")
	raw("a variable of one name many times", node, "{"+strings.TrimSuffix(strings.Repeat(`"v":1,`, 100_000), ",")+"}")
	raw("a huge number", node, `{"v":`+strings.Repeat("9", 1_000_000)+`}`)
	raw("a huge list of ids", "query ($v: [ID!]!) { nodes(ids: $v) { id } }", `{"v":[`+strings.TrimSuffix(strings.Repeat(`"a",`, 200_000), ",")+`]}`)
	raw("a deep list for a list", "query ($v: [ID!]!) { nodes(ids: $v) { id } }", `{"v":`+nested("[", `"a"`, "]", 9000)+`}`)
	raw("an input of many fields", "mutation ($v: CaseFileInput!) { caseFile(input: $v) { errors { message } } }", `{"v":{`+strings.TrimSuffix(many(`"a%d":1,`, 50_000), ",")+`}}`)
	raw("a long list in an input", "mutation ($v: CaseFileInput!) { caseFile(input: $v) { errors { message } } }",
		`{"v":{"idempotencyKey":"0b6f1f0e-3a0c-4a51-9f2b-8f6f0f6d5a11","category":"RANSOMWARE","title":"x","nexus":[`+
			strings.TrimSuffix(strings.Repeat(`{"basis":"TERRITORY","state":"KZ"},`, 30_000), ",")+`]}}`)
	all["a list of operations"] = []byte("[" + strings.TrimSuffix(strings.Repeat(`{"query":"{ __typename }"},`, 10_000), ",") + "]")
	all["deep JSON"] = []byte(nested("[", "", "]", 200_000))
	all["JSON that does not end"] = []byte(strings.Repeat(`{"query":`, 20_000))
	all["ten megabytes"] = bytes.Repeat([]byte(" "), 10<<20)
	all["no JSON"] = bytes.Repeat([]byte{0xff}, 1<<20)
	return all
}

func many(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

func aliases(field string, n int) string {
	return "{ " + many("a%d: "+strings.ReplaceAll(field, "%", "%%")+" ", n) + "}"
}

// documentsAlone sends each document alone, as a stranger and as an officer: none
// ends the server, costs more than a second of processor time, or keeps others
// waiting. Then all of them at once, again and again.
func documentsAlone(t *testing.T, s *server) {
	officer, all := s.login(t, "investigator@KZ"), documents()
	for _, c := range []*caller{s.stranger(), officer} {
		for name, body := range all {
			before := s.processor(t)
			code, answer, err := c.post(t.Context(), body)
			used := s.processor(t) - before
			if err != nil && len(body) < 1<<20 { // longer ones are not read to their end
				t.Errorf("%s: no answer: %v", name, err)
			}
			if code >= 500 {
				t.Errorf("%s: %d %.300s", name, code, answer)
			}
			if used > most {
				t.Errorf("%s: costs %s of processor time (%d %.100s)", name, used, code, answer)
			}
		}
	}
	var flood sync.WaitGroup
	for range 8 {
		flood.Go(func() {
			for _, body := range all {
				_, _, _ = officer.post(t.Context(), body)
			}
		})
	}
	flood.Wait()
}

// distinctDocuments sends valid queries of which no two are alike: what is kept of
// them is bounded.
func distinctDocuments(t *testing.T, s *server) {
	officer := s.login(t, "investigator@KZ")
	var flood sync.WaitGroup
	for w := range 4 {
		flood.Go(func() {
			for i := range 500 {
				text := fmt.Sprintf("query Q%d_%d { viewer { officer { %s } } }", w, i, many("a%d: ref ", 40))
				if code, answer, err := officer.post(t.Context(), query(text, nil)); err != nil || code != http.StatusOK && code != http.StatusTooManyRequests {
					t.Errorf("%d %s %v", code, answer, err)
					return
				}
			}
		})
	}
	flood.Wait()
}

// noise sends documents with bytes changed.
func noise(t *testing.T, s *server) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	officer := s.login(t, "investigator@KZ")
	for name, body := range documents() {
		if len(body) > 1<<17 {
			continue
		}
		for range 3 {
			b := bytes.Clone(body)
			for range 1 + r.IntN(6) {
				b[r.IntN(len(b))] = byte(r.IntN(256))
			}
			if code, answer, err := officer.post(t.Context(), b); err != nil || code >= 500 {
				t.Errorf("%s, changed: %d %.300s %v", name, code, answer, err)
			}
		}
	}
}
