package importer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	maxDepth = 64        // deepest nesting of a document; real ones stay below 12
	maxNodes = 4_000_000 // values in a document, to bound memory
)

// parseJSON reads exactly one I-JSON text (RFC 7493): UTF-8, no duplicate names,
// no unpaired surrogates. Names are compared exactly, unlike encoding/json's
// struct fields, so that "Type" cannot stand in for "type".
func parseJSON(raw []byte) (any, error) {
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(raw) {
		return nil, invalid("the document is not UTF-8 text")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	p := &jsonReader{d: d, raw: raw}
	// encoding/json turns an unpaired surrogate into U+FFFD; a document that has
	// the character itself cannot be told apart and is let through.
	p.replacement = bytes.ContainsRune(raw, utf8.RuneError) || bytes.Contains(bytes.ToLower(raw), []byte(`\ufffd`))
	v, err := p.value(0)
	if err == nil {
		if _, end := d.Token(); !errors.Is(end, io.EOF) {
			return nil, invalid("the document goes on after its end, in line %d", p.line())
		}
		return v, nil
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return nil, invalid("the document is not JSON: %s, in line %d", syntax.Error(), p.line())
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, invalid("the document ends too early, in line %d", p.line())
	}
	return nil, err
}

type jsonReader struct {
	d           *json.Decoder
	raw         []byte
	nodes       int
	replacement bool
}

func (p *jsonReader) line() int {
	at := min(int(p.d.InputOffset()), len(p.raw))
	return 1 + bytes.Count(p.raw[:at], []byte("\n"))
}

func (p *jsonReader) value(depth int) (any, error) {
	if p.nodes++; p.nodes > maxNodes {
		return nil, limit("the document has more than %d values", maxNodes)
	}
	t, err := p.d.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Delim:
		if depth == maxDepth {
			return nil, limit("the document is nested deeper than %d levels", maxDepth)
		}
		if t == '{' {
			return p.object(depth)
		}
		return p.array(depth)
	case string:
		return t, p.text(t)
	default:
		return t, nil
	}
}

func (p *jsonReader) object(depth int) (any, error) {
	m := map[string]any{}
	for p.d.More() {
		t, err := p.d.Token()
		if err != nil {
			return nil, err
		}
		name, ok := t.(string)
		if !ok {
			return nil, invalid("the document is not JSON, in line %d", p.line())
		}
		if err := p.text(name); err != nil {
			return nil, err
		}
		if _, twice := m[name]; twice {
			return nil, invalid("the document says %s twice in one object, in line %d, so it has no one meaning", quote(name), p.line())
		}
		if m[name], err = p.value(depth + 1); err != nil {
			return nil, err
		}
	}
	_, err := p.d.Token()
	return m, err
}

func (p *jsonReader) array(depth int) (any, error) {
	var list []any
	for p.d.More() {
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := p.d.Token()
	if list == nil {
		list = []any{}
	}
	return list, err
}

func (p *jsonReader) text(s string) error {
	if !p.replacement && strings.ContainsRune(s, utf8.RuneError) {
		return invalid("the document has an unpaired surrogate in line %d", p.line())
	}
	return nil
}

// object reads the properties of one JSON object and remembers its first fault,
// so that a mapping reads straight and is judged once at its end.
type object struct {
	m     map[string]any
	at    Problem // where it stands; Reason is empty
	fault string
}

func (o *object) fail(format string, args ...any) {
	if o.fault == "" {
		o.fault = fmt.Sprintf(format, args...)
	}
}

// str gives an optional string.
func (o *object) str(name string) string {
	switch v := o.m[name].(type) {
	case string:
		return v
	case nil:
		return ""
	default:
		o.fail("%s is not a string", name)
		return ""
	}
}

// need gives a required string.
func (o *object) need(name string) string {
	v := o.str(name)
	if strings.TrimSpace(v) == "" {
		o.fail("%s is missing", name)
	}
	return v
}

// text gives an optional string fit to be shown.
func (o *object) text(name string) string { return clean(o.str(name)) }

// loose gives what MISP writes as a string in one version and as a number or a
// boolean in another.
func (o *object) loose(name string) string {
	switch v := o.m[name].(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		if v {
			return "1"
		}
		return "0"
	case nil:
		return ""
	default:
		o.fail("%s is not a simple value", name)
		return ""
	}
}

// flag reads a boolean of either notation.
func (o *object) flag(name string) bool {
	v := o.loose(name)
	return v == "1" || v == "true"
}

// list gives an optional list.
func (o *object) list(name string) []any {
	switch v := o.m[name].(type) {
	case []any:
		return v
	case nil:
		return nil
	default:
		o.fail("%s is not a list", name)
		return nil
	}
}

// strs gives an optional list of strings.
func (o *object) strs(name string) []string {
	var out []string
	for _, v := range o.list(name) {
		s, ok := v.(string)
		if !ok {
			o.fail("%s holds something other than strings", name)
			return nil
		}
		out = append(out, s)
	}
	return out
}

// sub gives an optional object in the object, nil when absent.
func (o *object) sub(name string) map[string]any {
	switch v := o.m[name].(type) {
	case map[string]any:
		return v
	case nil:
		return nil
	default:
		o.fail("%s is not an object", name)
		return nil
	}
}

// time gives an optional RFC 3339 time in UTC, to the second.
func (o *object) time(name string) string {
	v := o.str(name)
	if v == "" {
		return ""
	}
	t, err := time.Parse(time.RFC3339, v)
	if err != nil {
		o.fail("%s is not an RFC 3339 time: %s", name, quote(v))
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// needTime gives a required time.
func (o *object) needTime(name string) string {
	o.need(name)
	return o.time(name)
}

var (
	uuidSyntax = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-8][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}$`)
	typeSyntax = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,248}[a-z0-9]$`)
)

// checkID says whether id is a STIX identifier (2.1, section 2.9): type--UUID.
func checkID(id string) bool {
	typ, uuid, ok := strings.Cut(id, "--")
	return ok && typeSyntax.MatchString(typ) && uuidSyntax.MatchString(uuid)
}

// clean makes a text of the document fit to be shown in a terminal: no control
// characters but tab and line feed.
func clean(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, s)
	return strings.TrimSpace(s)
}

// quote shows a piece of the document in a message, short and harmless.
func quote(s string) string { return fmt.Sprintf("%q", short(s, 60)) }

// short cuts a text to n characters. Whatever may be repeated many times in a
// draft is cut, so that a draft never grows far beyond its document.
func short(s string, n int) string {
	if len(s) <= n {
		return s
	}
	count := 0
	for i := range s {
		if count == n {
			return s[:i] + "…"
		}
		count++
	}
	return s
}

// pointer appends a step to a JSON pointer (RFC 6901).
func pointer(base string, step any) string {
	s := fmt.Sprint(step)
	return base + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(s)
}
