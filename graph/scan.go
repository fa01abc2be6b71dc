package graph

import (
	"strings"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/graph/input"
)

// scan looks over a query text before it is parsed, in one pass without
// recursion: a million brackets would end the process in the parser, where
// nothing can catch it. It gives the text for the parser, in ASCII, with comments
// blanked out and strings emptied: the lexer of graphql-go counts characters
// where it should count bytes after one that is not ASCII, writes over the query
// in reading some block strings, and turns surrogates into replacement characters.
func scan(query string, l Limits) (string, *literals, *fault) {
	if len(query) > l.Bytes {
		return "", nil, passed("bytes", l.Bytes, "bytes of query text")
	}
	text := []byte(query)
	read := &literals{map[int]string{}, map[int]bool{}}
	tokens, depth, round := 0, 0, 0 // round: of the depth, within round brackets
	last := byte(0)                 // the first byte of the token before
	for i := 0; i < len(text); {
		c := text[i]
		n := 1
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',':
			i++
			continue
		case strings.HasPrefix(query[i:], "\ufeff"):
			blank(text[i : i+3])
			i += 3
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
				return "", nil, passed("depth", l.Depth, "levels of brackets")
			}
			if c == '(' || round > 0 {
				round++
			}
		case c == '}' || c == ']' || c == ')':
			depth--
			round = max(0, round-1)
		case c == '"':
			var f *fault
			var value string
			if value, n, f = readString(text[i:]); f != nil {
				return "", nil, f
			}
			read.strings[i] = value
			empty(text[i : i+n])
		case digit(c) || c == '-':
			for i+n < len(text) && (digit(text[i+n]) || text[i+n]|0x20 == 'e' ||
				text[i+n] == '.' && i+n+1 < len(text) && digit(text[i+n+1]) ||
				(text[i+n] == '-' || text[i+n] == '+') && text[i+n-1]|0x20 == 'e') {
				n++
			}
			if i+n < len(text) && (nameByte(text[i+n]) || text[i+n] == '.') {
				return "", nil, invalid("a number goes over into something else")
			}
		case nameByte(c):
			for i+n < len(text) && nameByte(text[i+n]) {
				n++
			}
			// Within round brackets, null is a value, but for a name before a colon.
			if round > 0 && string(text[i:i+n]) == input.Null && last != '$' && last != '@' && !beforeColon(query[i+n:]) {
				read.nulls[i] = true
				copy(text[i:], nullPlace)
			}
		case c == '.' && strings.HasPrefix(query[i:], "..."):
			n = 3
		case c >= 0x80:
			return "", nil, invalid("outside of strings and comments a query is written in ASCII")
		}
		if tokens++; tokens > l.Tokens {
			return "", nil, passed("tokens", l.Tokens, "tokens of query text")
		}
		last = c
		i += n
	}
	return string(text), read, nil
}

// beforeColon reports whether the next token is a colon.
func beforeColon(rest string) bool {
	for {
		rest = strings.TrimLeft(rest, " \t\n\r,\ufeff")
		if !strings.HasPrefix(rest, "#") {
			return strings.HasPrefix(rest, ":")
		}
		end := strings.IndexAny(rest, "\n\r")
		if end < 0 {
			return false
		}
		rest = rest[end:]
	}
}

func blank(b []byte) {
	for i := range b {
		b[i] = ' '
	}
}

// empty blanks out what stands between a string's quotes, and keeps the lines of
// a block string.
func empty(b []byte) {
	quotes := 1
	if len(b) >= 6 && b[1] == '"' { // no plain string begins with two and is so long
		quotes = 3
	}
	for i := quotes; i < len(b)-quotes; i++ {
		if b[i] != '\n' && b[i] != '\r' {
			b[i] = ' '
		}
	}
}

func nameByte(c byte) bool {
	return c == '_' || digit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

func invalid(message string) *fault { return &fault{code: comity.CodeInvalid, message: message} }
