package execute

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// TestQuote compares quoted strings with the library's, each odd character at
// each place of a word of eight.
func TestQuote(t *testing.T) {
	odd := []string{"", "a", "\"", "\\", "\n", "\x00", "\x1f", " ", "\x7f", "\x80", "\xff", "é", "\xe2\x82", "€", "🂡", "\u2028", "<", "!", "#", "[", "]", "\ufffd"}
	for at := range 18 {
		for _, x := range odd {
			for _, y := range odd {
				s := strings.Repeat("a", at) + x + strings.Repeat("z", 9) + y
				want, _ := jsontext.AppendQuote([]byte("before"), s)
				if got := quote([]byte("before"), s); string(got) != string(want) {
					t.Fatalf("%q: %s, wanted %s", s, got, want)
				}
			}
		}
	}
}
