package differential

import (
	"regexp"
	"slices"
	"strings"
)

// wrongs are the mistakes that a case can be made to have; those of whole tokens
// come more often.
var wrongs = []string{
	"tokens", "tokens", "tokens", "tokens", "tokens", "tokens", "wrong literal", "wrong literal", "wrong literal", "wrong variable", "wrong variable", "wrong variable", "wrong variable", "wrong variable", "wrong variable",
	"missing variable", "default that is null", "default that is null", "null over a default", "null over a default", "Int out of range", "Int out of range", "Int out of range", "Int out of range", "null", "missing field", "wrong scalar", "unknown field of an input",
	"undefined fragment", "unused fragment", "twice a fragment", "cycle", "directive at its place", "unknown directive", "twice an operation", "nothing to execute",
	"empty selection", "impossible fragment", "impossible fragment", "unknown field", "conflict", "conflict", "conflict", "selection of a leaf", "no selection", "twice a directive",
	"directive without", "missing argument", "unknown argument", "twice an argument", "missing variable", "undefined variable", "variable of another type",
	"variable of another type", "variable of another type", "unused variable", "twice a variable", "null", "null", "wrong enum", "missing field", "twice a field",
	"unknown field of an input", "wrong scalar",
}

// token is near enough to a token of GraphQL.
var token = regexp.MustCompile(`#[^\n\r]*|"""(?:[^"\\]|\\"""|\\|"[^"]|""[^"])*"""|"(?:[^"\\\n]|\\.)*"|[A-Za-z_][A-Za-z0-9_]*|-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|\.\.\.|[^\s]`)

// foreign are tokens to put where they do not belong.
var foreign = []string{"{", "}", "(", ")", "[", "]", ":", "=", "!", "$", "@", "...", "|", "&", "on", "null", "true", "fragment", "query", "x", "0", "-1", "1.5", "01", "1.", "0x1", ".5", "1e", "-",
	`"s"`, `"""b"""`, `"open`, `"\ud800"`, `"\u{110000}"`, `"\q"`, "é", ".", "..", "%", "\\", "\u00a0", "1a", "1_", "1.5.2", "1...", "type", "implements", "extend", "{}", "()", "[]", "$x", "@skip(if: true)", "@include"}

// garble changes a few tokens of a query.
func (g *generator) garble(query string) string {
	tokens := token.FindAllString(query, -1)
	for i := range tokens {
		if strings.HasPrefix(tokens[i], "#") {
			tokens[i] += "\n"
		}
	}
	for n := 1 + g.IntN(2); n > 0 && len(tokens) > 1; n-- {
		i, j := g.IntN(len(tokens)), g.IntN(len(tokens))
		switch g.IntN(5) {
		case 0:
			tokens = append(tokens[:i], tokens[i+1:]...)
		case 1:
			tokens = append(tokens[:i+1], tokens[i:]...)
		case 2:
			tokens[i], tokens[j] = tokens[j], tokens[i]
		case 3:
			tokens[i] = tokens[j]
		default:
			tokens[i] = choose(g, foreign)
		}
	}
	return strings.Join(tokens, " ")
}

// Shrink makes a case smaller for as long as it is still one that fails, by
// leaving out parts of its query, whole brackets or single tokens.
func Shrink(c Case, fails func(Case) bool) Case {
	for tries := 0; tries < 2000; {
		tokens := slices.DeleteFunc(token.FindAllString(c.Query, -1), func(s string) bool { return s[0] == '#' })
		smaller := false
		for i := 0; i < len(tokens) && !smaller; i++ {
			for _, end := range []int{closing(tokens, i), i + 1} {
				left := append(append([]string{}, tokens[:i]...), tokens[end:]...)
				next := c
				next.Query = strings.Join(left, " ")
				if tries++; fails(next) {
					c, smaller = next, true
					break
				}
			}
		}
		if !smaller {
			return c
		}
	}
	return c
}

// closing is the end of the first bracket that opens at a token or behind it, and
// the token itself where none does.
func closing(tokens []string, i int) int {
	depth := 0
	for j := i; j < len(tokens); j++ {
		switch tokens[j] {
		case "{", "(", "[":
			depth++
		case "}", ")", "]":
			if depth--; depth == 0 {
				return j + 1
			}
			if depth < 0 {
				return i + 1
			}
		}
	}
	return i + 1
}
