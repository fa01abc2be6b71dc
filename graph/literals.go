package graph

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/graphql-go/graphql/language/ast"

	"github.com/comity-platform/comity/graph/input"
)

// literals are what the parser of graphql-go cannot read, by where it stands in
// the text: strings, of which it corrupts some, and null, which it does not know.
// scan reads them and leaves something as long in their places.
type literals struct {
	strings map[int]string
	nulls   map[int]bool
}

// nullPlace stands in the parser's text where the query has null.
const nullPlace = "nulL"

// restore puts what was read into the tree.
func (l *literals) restore(d *ast.Document) {
	for _, n := range d.Definitions {
		switch n := n.(type) {
		case *ast.OperationDefinition:
			for _, v := range n.VariableDefinitions {
				l.value(v.DefaultValue)
				l.typeName(v.Type)
			}
			l.directives(n.Directives)
			l.selections(n.SelectionSet)
		case *ast.FragmentDefinition:
			l.directives(n.Directives)
			l.selections(n.SelectionSet)
		}
	}
}

// typeName restores the name of a type that is called null: there is none, and
// the error names it.
func (l *literals) typeName(t ast.Type) {
	switch t := t.(type) {
	case *ast.NonNull:
		l.typeName(t.Type)
	case *ast.List:
		l.typeName(t.Type)
	case *ast.Named:
		if l.nulls[t.Loc.Start] {
			t.Name.Value = input.Null
		}
	}
}

func (l *literals) selections(set *ast.SelectionSet) {
	if set == nil {
		return
	}
	for _, s := range set.Selections {
		switch s := s.(type) {
		case *ast.Field:
			l.arguments(s.Arguments)
			l.directives(s.Directives)
			l.selections(s.SelectionSet)
		case *ast.InlineFragment:
			l.directives(s.Directives)
			l.selections(s.SelectionSet)
		case *ast.FragmentSpread:
			l.directives(s.Directives)
		}
	}
}

func (l *literals) directives(all []*ast.Directive) {
	for _, d := range all {
		l.arguments(d.Arguments)
	}
}

func (l *literals) arguments(all []*ast.Argument) {
	for _, a := range all {
		l.value(a.Value)
	}
}

func (l *literals) value(v ast.Value) {
	switch v := v.(type) {
	case *ast.StringValue:
		v.Value = l.strings[v.Loc.Start]
	case *ast.EnumValue:
		if l.nulls[v.Loc.Start] {
			v.Value = input.Null
		}
	case *ast.ListValue:
		for _, item := range v.Values {
			l.value(item)
		}
	case *ast.ObjectValue:
		for _, f := range v.Fields {
			l.value(f.Value)
		}
	}
}

// readString reads the string or block string that text begins with: what it
// stands for and its length, with the quotes.
func readString(text []byte) (value string, n int, f *fault) {
	if strings.HasPrefix(string(text[:min(3, len(text))]), `"""`) {
		return readBlock(text)
	}
	var out []byte
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '"':
			return string(out), i + 1, nil
		case '\n', '\r':
			return "", 0, invalid("a string ends on the line where it begins")
		case '\\':
			read, size, f := readEscape(text[i:])
			if f != nil {
				return "", 0, f
			}
			out = utf8.AppendRune(out, read)
			i += size - 1
		default:
			out = append(out, text[i])
		}
	}
	return "", 0, invalid("a string does not end")
}

// escapes are those of one letter.
var escapes = map[byte]rune{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// readEscape reads the escape that text begins with. A character beyond the first
// 65,536 is written as two surrogates or, as in later editions of the
// specification, in braces.
func readEscape(text []byte) (rune, int, *fault) {
	wrong := invalid("a string holds an escape that is none")
	if len(text) < 2 {
		return 0, 0, wrong
	}
	if r, ok := escapes[text[1]]; ok {
		return r, 2, nil
	}
	if text[1] != 'u' {
		return 0, 0, wrong
	}
	if len(text) > 2 && text[2] == '{' {
		digits, _, ended := strings.Cut(string(text[3:min(len(text), 64)]), "}")
		r, ok := hexadecimal(digits)
		if !ended || !ok || !utf8.ValidRune(r) {
			return 0, 0, wrong
		}
		return r, len(digits) + 4, nil
	}
	r, ok := fourDigits(text)
	switch {
	case !ok:
		return 0, 0, wrong
	case utf8.ValidRune(r):
		return r, 6, nil
	case len(text) >= 12 && r < 0xdc00:
		if low, ok := fourDigits(text[6:]); ok && low >= 0xdc00 && low <= 0xdfff {
			return (r-0xd800)<<10 + (low - 0xdc00) + 0x10000, 12, nil
		}
	}
	return 0, 0, invalid("a string holds half a character: a surrogate without the other")
}

func fourDigits(text []byte) (rune, bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	return hexadecimal(string(text[2:6]))
}

func hexadecimal(digits string) (rune, bool) {
	if strings.Trim(digits, "0123456789abcdefABCDEF") != "" {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 16, 31)
	return rune(n), err == nil
}

// readBlock reads a block string, by BlockStringValue in section 2.9.4 of the
// specification.
func readBlock(text []byte) (string, int, *fault) {
	var raw []byte
	for i := 3; i < len(text); i++ {
		switch rest := string(text[i:min(i+4, len(text))]); {
		case strings.HasPrefix(rest, `"""`):
			return dedent(string(raw)), i + 3, nil
		case rest == `\"""`:
			raw = append(raw, `"""`...)
			i += 3
		default:
			raw = append(raw, text[i])
		}
	}
	return "", 0, invalid("a block string does not end")
}

// dedent takes away the indentation that all lines but the first have in common,
// and the blank lines around.
func dedent(raw string) string {
	lines := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(raw), "\n")
	common := -1
	for _, line := range lines[1:] {
		if rest := strings.TrimLeft(line, " \t"); rest != "" && (common < 0 || len(line)-len(rest) < common) {
			common = len(line) - len(rest)
		}
	}
	for i := range lines {
		if i > 0 && common > 0 {
			lines[i] = lines[i][min(common, len(lines[i])):]
		}
	}
	blank := func(line string) bool { return strings.Trim(line, " \t") == "" }
	for len(lines) > 0 && blank(lines[0]) {
		lines = lines[1:]
	}
	for len(lines) > 0 && blank(lines[len(lines)-1]) {
		lines = lines[:len(lines)-1]
	}
	return strings.Join(lines, "\n")
}
