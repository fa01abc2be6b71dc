package statement

import (
	"strings"
	"unicode"

	"github.com/comity-platform/comity"
)

// Indefinite names one of the kind in a sentence, as in "an annotation answer".
func (k Kind) Indefinite() string {
	if k == KindCompelled || k == KindStanding {
		return comity.Kind(k).Indefinite()
	}
	var words strings.Builder
	for _, r := range string(k) {
		if unicode.IsUpper(r) {
			words.WriteByte(' ')
		}
		words.WriteRune(unicode.ToLower(r))
	}
	if strings.ContainsAny(string(k[:min(1, len(k))]), "aeiou") {
		return "an " + words.String()
	}
	return "a " + words.String()
}
