package graph

import (
	"strings"
	"testing"
	"time"

	"github.com/graphql-go/graphql/language/lexer"
	"github.com/graphql-go/graphql/language/source"
)

// lexed counts the tokens and the deepest nesting as the library's lexer sees
// them, up to bounds; false when it refuses the text or does not come to an end.
func lexed(text string) (tokens, depth int, ok bool) {
	next := lexer.Lex(source.NewSource(&source.Source{Body: []byte(text)}))
	level, last := 0, -1
	for {
		token, err := next(0)
		if err != nil {
			return tokens, depth, false
		}
		switch token.Kind {
		case lexer.EOF:
			return tokens, depth, true
		case lexer.BRACE_L, lexer.BRACKET_L, lexer.PAREN_L:
			level++
			depth = max(depth, level)
		case lexer.BRACE_R, lexer.BRACKET_R, lexer.PAREN_R:
			level--
		}
		tokens++
		if token.End <= last || tokens > 1<<20 {
			return tokens, depth, false
		}
		last = token.End
	}
}

// FuzzScan holds the scanner to the lexer: whatever it lets through, the lexer
// comes to an end with, with no more tokens and no more depth than the limits.
func FuzzScan(f *testing.F) {
	for _, s := range []string{"{ a }", `{ a(b: "c\"d", e: 1.5e-3, f: [1, -2]) @x { ...F } } # g`, `{ a(b: """x "" y""") }`, "# é\n{ab}", "\ufeff{a}",
		`"\u00e9"`, `"\ud83d\ude00"`, `"""\""""""`, "{ a # é{{{{\n b }", "\"\n{{{{", "1a2.3.4e5-6", "a...b", `"\`, `"é" {a}`, "a\u00a0b", "....", "1...2", "\x00"} {
		f.Add(s)
	}
	l := DefaultLimits
	l.Tokens, l.Depth, l.Bytes = 40, 5, 4096
	f.Fuzz(func(t *testing.T, query string) {
		text, _, fault := scan(query, l)
		if fault != nil {
			if fault.message == "" || fault.code == "" {
				t.Fatalf("a fault without words: %+v", fault)
			}
			return
		}
		tokens, depth, ok := lexed(text)
		if tokens > l.Tokens || depth > l.Depth {
			t.Fatalf("the scanner let %d tokens and %d levels through (%v): %q", tokens, depth, ok, text)
		}
	})
}

// FuzzParse holds everything before execution to coming to an end soon.
func FuzzParse(f *testing.F) {
	s, b, err := bindSchema()
	if err != nil {
		f.Fatal(err)
	}
	h := &handler{schema: s, bound: b, development: true, limits: DefaultLimits}
	for _, q := range []string{introspection, doubling(5), "{ ...A } fragment A on Query { ...B } fragment B on Query { viewer { officer { ref } } }",
		`query($id: ID!, $p: Purpose = INVESTIGATION) { node(id: $id, purpose: $p) { ... on Case { title @include(if: true) } } }`,
		`mutation($i: CaseFileInput!) { caseFile(input: $i) { case { id } errors { ... on UserError { code } } } }`,
		`{ viewer { cases(first: 5, filter: {status: OPEN}) { nodes { id } } } }`, `{ node(id: """block""") { id } }`} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, query string) {
		began := time.Now()
		doc, faults := h.check(query, h.limits)
		if took := time.Since(began); took > soon {
			t.Fatalf("took %s", took)
		}
		for _, f := range faults {
			if strings.Contains(f.message, "Did you mean") {
				t.Fatalf("a suggestion: %s", f.message)
			}
		}
		if len(faults) > 0 {
			return
		}
		for _, op := range doc.operations {
			variables, err := h.bound.engine.Variables(op, nil)
			if err == nil && doc.cost(op, variables) < 0 {
				t.Fatal("a negative cost")
			}
		}
	})
}

// FuzzDecode holds the decoder of requests to its word: an object with a
// query, or a fault.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{"query":"{a}"}`, `{"query":"{a}","variables":{"a":[1,null,{"b":1e400}]},"operationName":null,"extensions":{}}`, `[]`, `{"query":1}`,
		`{"query":"a","query":"b"}`, `{"query":"\ud800"}`, `null`, ``, `{"query":"a","variables":[]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		_, fault := decodeWire(body, DefaultLimits)
		if fault != nil && (fault.code == "" || fault.message == "") {
			t.Fatalf("a fault without words: %+v", fault)
		}
	})
}

func TestScanCleansComments(t *testing.T) {
	text, _, f := scan("\ufeff{ a # é}\n b }", DefaultLimits)
	if f != nil || text != "   { a      \n b }" {
		t.Errorf("%q %v", text, f)
	}
}
