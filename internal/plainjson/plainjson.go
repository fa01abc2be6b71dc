// Package plainjson reads the JSON that most rows hold, objects of strings without
// escapes, many times faster than encoding/json. Where it reads something, that is
// what encoding/json reads; all else is left to it.
package plainjson

import (
	"bytes"
	"unicode/utf8"
)

// Strings reads the object that b begins with into what member gives for each name,
// and gives what follows it. It reports false, having read some members perhaps, for
// what it does not read: other values than strings, names that member gives nothing
// for, escapes, white space and what is no valid UTF-8.
func Strings(b []byte, member func(name string) *string) (rest []byte, ok bool) {
	for next := byte('{'); ; next = ',' {
		if len(b) == 0 || b[0] != next {
			return nil, false
		}
		name, after, ok := text(b[1:])
		if !ok || len(after) == 0 || after[0] != ':' {
			return nil, false
		}
		value, after, ok := text(after[1:])
		if !ok || len(after) == 0 {
			return nil, false
		}
		into := member(string(name))
		if into == nil {
			return nil, false
		}
		*into = string(value)
		if after[0] == '}' {
			return after[1:], true
		}
		b = after
	}
}

// text reads a string that stands for itself.
func text(b []byte) (value, rest []byte, ok bool) {
	if len(b) == 0 || b[0] != '"' {
		return nil, nil, false
	}
	b = b[1:]
	end := bytes.IndexByte(b, '"')
	if end < 0 {
		return nil, nil, false
	}
	value, rest = b[:end], b[end+1:]
	ascii := true
	for _, c := range value {
		if c < ' ' || c == '\\' {
			return nil, nil, false
		}
		ascii = ascii && c < utf8.RuneSelf
	}
	return value, rest, ascii || utf8.Valid(value)
}
