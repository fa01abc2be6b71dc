package importer

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"time"
)

type tokenKind int

const (
	tokenEnd tokenKind = iota
	tokenName
	tokenString
	tokenNumber
	tokenOther // a hex, binary or timestamp literal
	tokenSign
)

type token struct {
	kind tokenKind
	text string // of a string its unescaped value
	at   int    // byte offset, for messages
}

var (
	nameStart  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*`)
	numberText = regexp.MustCompile(`^[+-]?([0-9]+(\.[0-9]+)?|\.[0-9]+)([eE][+-]?[0-9]+)?`)
)

// The signs of STIX patterning, longest first.
var patternSigns = []string{"==", "!=", "<>", "<=", ">=", "=", "<", ">", "[", "]", "(", ")", ",", ".", ":", "*"}

// lexPattern splits a STIX pattern (2.1, section 9) into tokens.
func lexPattern(s string) ([]token, error) {
	var out []token
	for i := 0; ; {
		n, err := skipBlank(s[i:])
		if err != nil {
			return nil, fmt.Errorf("%w at byte %d", err, i)
		}
		if i += n; i == len(s) {
			return append(out, token{kind: tokenEnd, at: i}), nil
		}
		t, n, err := lexOne(s[i:])
		if err != nil {
			return nil, fmt.Errorf("%w at byte %d", err, i)
		}
		t.at = i
		out = append(out, t)
		i += n
	}
}

// skipBlank gives the length of white space and comments at the beginning.
func skipBlank(s string) (int, error) {
	rest := s
	for {
		trimmed := strings.TrimLeft(rest, " \t\r\n\f\v\u00a0\u3000\ufeff")
		switch {
		case strings.HasPrefix(trimmed, "/*"):
			_, after, ok := strings.Cut(trimmed[2:], "*/")
			if !ok {
				return 0, fmt.Errorf("a comment does not end")
			}
			rest = after
		case strings.HasPrefix(trimmed, "//"):
			_, rest, _ = strings.Cut(trimmed, "\n")
		default:
			return len(s) - len(trimmed), nil
		}
	}
}

func lexOne(s string) (token, int, error) {
	if s[0] == '\'' {
		v, n, err := lexString(s)
		return token{kind: tokenString, text: v}, n, err
	}
	if len(s) > 1 && s[1] == '\'' && strings.IndexByte("hbt", s[0]) >= 0 {
		v, n, err := lexString(s[1:])
		if err == nil {
			err = checkLiteral(s[0], v)
		}
		return token{kind: tokenOther, text: s[:1] + v}, n + 1, err
	}
	if m := nameStart.FindString(s); m != "" {
		return token{kind: tokenName, text: m}, len(m), nil
	}
	if m := numberText.FindString(s); m != "" {
		return token{kind: tokenNumber, text: m}, len(m), nil
	}
	for _, sign := range patternSigns {
		if strings.HasPrefix(s, sign) {
			return token{kind: tokenSign, text: sign}, len(sign), nil
		}
	}
	return token{}, 0, fmt.Errorf("unexpected character %q", []rune(s)[:1])
}

// lexString reads a quoted string; only the quote and the backslash are escaped.
func lexString(s string) (string, int, error) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\'':
			return b.String(), i + 1, nil
		case '\\':
			if i+1 >= len(s) || s[i+1] != '\'' && s[i+1] != '\\' {
				return "", 0, fmt.Errorf("a backslash escapes nothing in the string")
			}
			i++
		}
		b.WriteByte(s[i])
	}
	return "", 0, fmt.Errorf("a string does not end")
}

func checkLiteral(kind byte, v string) error {
	var err error
	switch kind {
	case 'h':
		_, err = hex.DecodeString(v)
	case 'b':
		_, err = base64.StdEncoding.DecodeString(v)
	case 't':
		if _, err = time.Parse(time.RFC3339, v); err == nil && !strings.HasSuffix(v, "Z") {
			err = fmt.Errorf("not in UTC")
		}
	}
	if err != nil {
		return fmt.Errorf("%c'…' is no literal of its kind", kind)
	}
	return nil
}
