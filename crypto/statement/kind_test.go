package statement_test

import (
	"testing"

	"github.com/comity-platform/comity/crypto/statement"
)

func TestIndefinite(t *testing.T) {
	for kind, want := range map[statement.Kind]string{statement.KindGrant: "a grant", statement.KindAnnotation: "an annotation", statement.KindAnnotationAnswer: "an annotation answer",
		statement.KindAssessment: "an assessment", statement.KindUndertaking: "an undertaking", statement.KindCategoryReservation: "a category reservation",
		statement.KindCompelled: "a compelled disclosure", statement.KindCompelledAnswer: "a compelled answer", statement.KindStanding: "a standing grant", "": "a "} {
		if got := kind.Indefinite(); got != want {
			t.Errorf("%q is %q", kind, got)
		}
	}
}
