package graph

import (
	"strings"

	"github.com/comity-platform/comity"
)

// scan looks over a query text before it is parsed, in one pass without
// recursion: a million brackets would end the process in the parser, where
// nothing can catch it. It gives the text for the parser, with comments blanked
// out: the lexer of graphql-go counts characters where it should count bytes
// after one that is not ASCII, and would read parts of a comment as query.
func scan(query string, l Limits) (string, *fault) {
	if len(query) > l.Bytes {
		return "", passed("bytes", l.Bytes, "bytes of query text")
	}
	text := []byte(query)
	if strings.HasPrefix(query, "\ufeff") {
		blank(text[:3])
	}
	tokens, depth := 0, 0
	for i := 0; i < len(text); {
		c := text[i]
		n := 1
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',':
			i++
			continue
		case c == '#':
			end := i
			for end < len(text) && text[end] != '\n' && text[end] != '\r' {
				end++
			}
			blank(text[i:end])
			i = end
			continue
		case c == '{' || c == '[' || c == '(':
			if depth++; depth > l.Depth {
				return "", passed("depth", l.Depth, "levels of brackets")
			}
		case c == '}' || c == ']' || c == ')':
			depth--
		case c == '"':
			var f *fault
			if n, f = scanString(text[i:]); f != nil {
				return "", f
			}
		case digit(c) || c == '-':
			for i+n < len(text) && (digit(text[i+n]) || text[i+n]|0x20 == 'e' ||
				text[i+n] == '.' && i+n+1 < len(text) && digit(text[i+n+1]) ||
				(text[i+n] == '-' || text[i+n] == '+') && text[i+n-1]|0x20 == 'e') {
				n++
			}
		case nameByte(c):
			for i+n < len(text) && nameByte(text[i+n]) {
				n++
			}
		case c == '.' && strings.HasPrefix(query[i:], "..."):
			n = 3
		case c >= 0x80:
			return "", invalid("outside of strings and comments a query is written in ASCII")
		}
		if tokens++; tokens > l.Tokens {
			return "", passed("tokens", l.Tokens, "tokens of query text")
		}
		i += n
	}
	return string(text), nil
}

// scanString gives the length of the string or block string that text begins
// with. One that does not end is the parser's to refuse: a plain string ends
// with its line here, so that what follows still counts.
func scanString(text []byte) (int, *fault) {
	if strings.HasPrefix(string(text[:min(3, len(text))]), `"""`) {
		for i := 3; i < len(text); i++ {
			switch rest := string(text[i:min(i+4, len(text))]); {
			case strings.HasPrefix(rest, `"""`):
				return i + 3, nil
			case rest == `\"""`: // the lexer would write over the query in reading it
				return 0, invalid(`\""" is not taken within a block string: give the text as a variable`)
			}
		}
		return len(text), nil
	}
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '"':
			return i + 1, nil
		case '\n', '\r':
			return i, nil
		case '\\':
			// The lexer would turn each half into a replacement character.
			if rest := strings.ToLower(string(text[i:min(i+4, len(text))])); len(rest) == 4 && rest[:3] == `\ud` && rest[3] >= '8' && nameByte(rest[3]) {
				return 0, invalid("surrogates are not taken as escapes: write the character itself, or give the text as a variable")
			}
			i++
		}
	}
	return len(text), nil
}

func blank(b []byte) {
	for i := range b {
		b[i] = ' '
	}
}

func nameByte(c byte) bool {
	return c == '_' || digit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

func invalid(message string) *fault { return &fault{code: comity.CodeInvalid, message: message} }
