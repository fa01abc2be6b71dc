package graph

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/graphql-go/graphql/language/ast"
	"github.com/graphql-go/graphql/language/printer"
)

// TestStrings reads strings as the specification has them, wherever they stand.
func TestStrings(t *testing.T) {
	for written, want := range map[string]string{
		`""`: "", `"a"`: "a", `"é🂡"`: "é🂡", `"a\"\\\/\b\f\n\r\tb"`: "a\"\\/\b\f\n\r\tb", `"\u00e9\u00E9"`: "éé", `"\ud83d\ude00!"`: "😀!",
		`"\u{1F600}\u{0000041}"`: "😀A", `"\\u0041"`: `\u0041`, `"# no comment, null"`: "# no comment, null",
		`""""""`: "", `"""a"""`: "a", `"""a "quoted" \""" b"""`: `a "quoted" """ b`, `"""\n\u0041\"""" """`: `\n\u0041"""" `,
		"\"\"\"\n    one\n      two\n\n    three\n  \n\"\"\"": "one\n  two\n\nthree", "\"\"\"first\r\n  second\r   third\"\"\"": "first\nsecond\n third",
		"\"\"\"\n\n\"\"\"": "", "\"\"\" é\n\té\"\"\"": " é\né",
	} {
		query := "{ é: a(b: " + written + ", c: [{d: " + written + "}]) @x(y: " + written + ") }"
		query = strings.Replace(query, "é: ", "", 1)
		d, faults := parse(query, DefaultLimits)
		if len(faults) > 0 {
			t.Errorf("%s: %s", written, faults[0].message)
			continue
		}
		f := d.operations[0].SelectionSet.Selections[0].(*ast.Field)
		within := f.Arguments[1].Value.(*ast.ListValue).Values[0].(*ast.ObjectValue).Fields[0].Value
		for _, v := range []ast.Value{f.Arguments[0].Value, within, f.Directives[0].Arguments[0].Value} {
			if got := v.GetValue(); got != want {
				t.Errorf("%s: %q", written, got)
			}
		}
	}
	for _, wrong := range []string{`"`, `"a`, "\"a\nb\"", `"\`, `"\x"`, `"\u12"`, `"\u12g4"`, `"\ud83d"`, `"\ude00"`, `"\ud83d\u0041"`, `"\ud83dx\ude00"`, `"\u{}"`, `"\u{110000}"`, `"\u{d83d}"`, `"\u{1"`,
		`"\u{+1}"`, `"\u+123"`, `"""`, `"""a""`, `"""a\"""`} {
		if _, faults := parse("{ a(b: "+wrong+") }", DefaultLimits); len(faults) != 1 {
			t.Errorf("%s is read", wrong)
		}
	}
}

// TestNull tells null as a value from null as a name.
func TestNull(t *testing.T) {
	for query, want := range map[string]string{
		`{ a(b: null) }`: "{\n  a(b: null)\n}\n", `{ a(null: null, b: {null: null, c: [null, null]}) }`: "{\n  a(null: null, b: {null: null, c: [null, null]})\n}\n",
		`query null($null: [null!] = null, $b: [T] = [null]) @null(null: $null) { null: null(null:null) @null { ...null } }  fragment null on null { null }`: "query null($null: [null!] = null, $b: [T] = [null]) @null(null: $null) {\n  null: null(null: null) @null {\n    ...null\n  }\n}\n\nfragment null on null {\n  null\n}\n",
		"{ a(null # é null\n ,: null, nulL: nulL) }": "{\n  a(null: null, nulL: nulL)\n}\n",
	} {
		d, faults := parse(query, DefaultLimits)
		if len(faults) > 0 {
			t.Errorf("%s: %s", query, faults[0].message)
			continue
		}
		if got := printer.Print(d.Document); got != want {
			t.Errorf("%s: %s", query, got)
		}
	}
	for query, says := range map[string]string{`{ a(null) }`: "Syntax", `query(null) { a }`: `"null"`, `{ a(b: $null null) }`: "Syntax", `{ a(b: nulL: null) }`: "Syntax"} {
		if _, faults := parse(query, DefaultLimits); len(faults) != 1 || !strings.Contains(faults[0].message, says) {
			t.Errorf("%s: %+v", query, faults)
		}
	}
}

// FuzzString holds the reader of strings to its bounds: what it reads is text,
// and stands for no more than is there.
func FuzzString(f *testing.F) {
	for _, s := range []string{`"a\u00e9\n"`, `"\ud83d\ude00"`, `"\u{1F600}"`, "\"\"\"\n a\n  b\n\"\"\"", `"""\""""""`, `"\`, `"\u`, `"\u{`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !strings.HasPrefix(text, `"`) || !utf8.ValidString(text) {
			return
		}
		value, n, fault := readString([]byte(text))
		if fault != nil {
			return
		}
		if n < 2 || n > len(text) || text[n-1] != '"' || len(value) > n-2 || !utf8.ValidString(value) {
			t.Fatalf("%q is read as %q, %d bytes long", text, value, n)
		}
	})
}
