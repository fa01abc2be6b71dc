package importer

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// comparison is one test of a pattern, as in file:name = 'a.exe'.
type comparison struct {
	typ, path string
	op        string // "=", "IN", "LIKE" …; "" for EXISTS
	negated   bool
	values    []token
}

// expression is a tree of comparisons inside one observation; a leaf has no op.
type expression struct {
	op   string // "AND" or "OR"
	kids []expression
	leaf comparison
}

// observation is a tree of observations; a leaf has body.
type observation struct {
	op        string // "AND", "OR" or "FOLLOWEDBY"
	kids      []observation
	body      *expression
	qualified bool // WITHIN, REPEATS or START … STOP
}

// patternParser is a recursive-descent parser of the STIX 2.1 pattern grammar
// (OASIS, STIX 2.1 part 9 and STIXPattern.g4). It accepts the whole language, so
// that a pattern too rich to become observables is told from a broken one.
type patternParser struct {
	tokens []token
	depth  int
}

// parsePattern parses a STIX pattern.
func parsePattern(s string) (obs observation, err error) {
	if len(s) > maxPattern {
		return obs, fmt.Errorf("the pattern is longer than %d bytes", maxPattern)
	}
	p := &patternParser{}
	if p.tokens, err = lexPattern(s); err != nil {
		return obs, fmt.Errorf("the pattern is broken: %w", err)
	}
	if obs, err = p.observations(); err == nil && p.peek().kind != tokenEnd {
		err = p.unexpected("the end")
	}
	if err != nil {
		return obs, fmt.Errorf("the pattern is broken: %w", err)
	}
	return obs, nil
}

func (p *patternParser) peek() token { return p.tokens[0] }

func (p *patternParser) next() token {
	t := p.tokens[0]
	if t.kind != tokenEnd {
		p.tokens = p.tokens[1:]
	}
	return t
}

func (p *patternParser) unexpected(wanted string) error {
	t := p.peek()
	if t.kind == tokenEnd {
		return fmt.Errorf("it ends where %s was expected", wanted)
	}
	return fmt.Errorf("%s at byte %d where %s was expected", quote(t.text), t.at, wanted)
}

// take consumes a sign or keyword if it is next.
func (p *patternParser) take(text string) bool {
	if t := p.peek(); (t.kind == tokenSign || t.kind == tokenName) && t.text == text {
		p.next()
		return true
	}
	return false
}

func (p *patternParser) expect(text string) error {
	if !p.take(text) {
		return p.unexpected(quote(text))
	}
	return nil
}

// literal consumes a literal of one of the kinds.
func (p *patternParser) literal(wanted string, kinds ...tokenKind) (token, error) {
	if !slices.Contains(kinds, p.peek().kind) {
		return token{}, p.unexpected(wanted)
	}
	return p.next(), nil
}

// deeper bounds the recursion: the pattern is foreign input.
func (p *patternParser) deeper() error {
	if p.depth++; p.depth > maxDepth {
		return fmt.Errorf("it is nested deeper than %d levels", maxDepth)
	}
	return nil
}

// The operators between observations bind in the order FOLLOWEDBY, OR, AND.
func (p *patternParser) observations() (observation, error) {
	return p.observationChain([]string{"FOLLOWEDBY", "OR", "AND"})
}

func (p *patternParser) observationChain(ops []string) (observation, error) {
	if len(ops) == 0 {
		return p.observation()
	}
	o, err := p.observationChain(ops[1:])
	if err != nil || p.peek().text != ops[0] || p.peek().kind != tokenName {
		return o, err
	}
	o = observation{op: ops[0], kids: []observation{o}}
	for p.take(ops[0]) {
		kid, err := p.observationChain(ops[1:])
		if err != nil {
			return o, err
		}
		o.kids = append(o.kids, kid)
	}
	return o, nil
}

func (p *patternParser) observation() (o observation, err error) {
	if err = p.deeper(); err != nil {
		return o, err
	}
	defer func() { p.depth-- }()
	switch {
	case p.take("["):
		var body expression
		if body, err = p.chain("OR", "AND"); err == nil {
			err = p.expect("]")
		}
		o.body = &body
	case p.take("("):
		if o, err = p.observations(); err == nil {
			err = p.expect(")")
		}
	default:
		err = p.unexpected(`"["`)
	}
	for err == nil {
		switch {
		case p.take("WITHIN"):
			if _, err = p.literal("a number", tokenNumber); err == nil {
				err = p.expect("SECONDS")
			}
		case p.take("REPEATS"):
			var t token
			if t, err = p.literal("a number", tokenNumber); err == nil {
				if n, bad := strconv.Atoi(t.text); bad != nil || n < 1 {
					return o, fmt.Errorf("REPEATS %s is no count", quote(t.text))
				}
				err = p.expect("TIMES")
			}
		case p.take("START"):
			if err = p.timestamp(); err == nil {
				if err = p.expect("STOP"); err == nil {
					err = p.timestamp()
				}
			}
		default:
			return o, nil
		}
		o.qualified = true
	}
	return o, err
}

func (p *patternParser) timestamp() error {
	t, err := p.literal("a timestamp", tokenOther)
	if err == nil && t.text[0] != 't' {
		err = fmt.Errorf("%s is no timestamp", quote(t.text))
	}
	return err
}

// chain parses comparisons joined by ops, loosest first.
func (p *patternParser) chain(ops ...string) (expression, error) {
	if len(ops) == 0 {
		return p.test()
	}
	e, err := p.chain(ops[1:]...)
	if err != nil || p.peek().text != ops[0] || p.peek().kind != tokenName {
		return e, err
	}
	e = expression{op: ops[0], kids: []expression{e}}
	for p.take(ops[0]) {
		kid, err := p.chain(ops[1:]...)
		if err != nil {
			return e, err
		}
		e.kids = append(e.kids, kid)
	}
	return e, nil
}

var compareOps = map[string]string{
	"=": "=", "==": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">=", "IN": "IN", "LIKE": "LIKE",
	"MATCHES": "MATCHES", "ISSUBSET": "ISSUBSET", "ISSUPERSET": "ISSUPERSET",
}

func (p *patternParser) test() (e expression, err error) {
	if p.take("(") {
		if err = p.deeper(); err != nil {
			return e, err
		}
		defer func() { p.depth-- }()
		if e, err = p.chain("OR", "AND"); err == nil {
			err = p.expect(")")
		}
		return e, err
	}
	c := &e.leaf
	exists := p.take("EXISTS")
	if c.typ, c.path, err = p.path(); err != nil || exists {
		return e, err
	}
	c.negated = p.take("NOT")
	t := p.peek()
	if c.op = compareOps[t.text]; c.op == "" || t.kind == tokenString {
		return e, p.unexpected("a comparison")
	}
	p.next()
	switch c.op {
	case "IN":
		c.values, err = p.set()
		return e, err
	case "LIKE", "MATCHES", "ISSUBSET", "ISSUPERSET":
		t, err = p.literal("a string", tokenString)
	default:
		t, err = p.primitive()
	}
	c.values = []token{t}
	return e, err
}

func (p *patternParser) primitive() (token, error) {
	if t := p.peek(); t.kind == tokenName && (t.text == "true" || t.text == "false") {
		t.kind = tokenOther
		p.next()
		return t, nil
	}
	return p.literal("a value", tokenString, tokenNumber, tokenOther)
}

func (p *patternParser) set() (values []token, err error) {
	if err = p.expect("("); err != nil || p.take(")") {
		return nil, err
	}
	for {
		t, err := p.primitive()
		if err != nil {
			return nil, err
		}
		values = append(values, t)
		if !p.take(",") {
			return values, p.expect(")")
		}
	}
}

var indexSyntax = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)

// path parses type:property.step[index]. Quoted steps lose their quotes.
func (p *patternParser) path() (typ, path string, err error) {
	t, err := p.literal("an object type", tokenName)
	if err != nil {
		return "", "", err
	}
	if typ = t.text; p.expect(":") != nil {
		return "", "", p.unexpected(`":"`)
	}
	var b strings.Builder
	for {
		if t, err = p.literal("a property", tokenName, tokenString); err != nil {
			return "", "", err
		}
		b.WriteString(t.text)
		for p.take("[") {
			t := p.next()
			if t.text != "*" && (t.kind != tokenNumber || !indexSyntax.MatchString(t.text)) {
				return "", "", fmt.Errorf("%s at byte %d is no index", quote(t.text), t.at)
			}
			b.WriteString("[" + t.text + "]")
			if err = p.expect("]"); err != nil {
				return "", "", err
			}
		}
		if !p.take(".") {
			return typ, b.String(), nil
		}
		b.WriteByte('.')
	}
}
