package custodiantest

import (
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
)

// foreignCase: of a case whose key was never made here, and so of another state's,
// nothing is signed by which the own state disposes of it (Article 1): not a grant by
// one liaison or by two, not what closes, weighs or destroys it.
func foreignCase(t *testing.T, w *World) {
	foreign := comity.NewID(comity.KindCase)
	for what, order := range map[string]func(c comity.ID) custodian.SignOrder{
		"a grant": func(c comity.ID) custodian.SignOrder { return w.grantOrder(t, "liaison@KZ", c, w.terms()) },
		"a grant in danger to life": func(c comity.ID) custodian.SignOrder {
			return w.grantOrder(t, "liaison@KZ", c, w.danger())
		},
		"a proposed grant": func(c comity.ID) custodian.SignOrder {
			return proposed(w.pairedOrder(t, "liaison@KZ", c, w.terms()))
		},
		"a reservation": func(c comity.ID) custodian.SignOrder { return w.reserveOrder(t, "authority@KZ", c) },
		"an assessment": func(c comity.ID) custodian.SignOrder {
			return w.assessOrder(t, "liaison@KZ", c, comity.CharacterOrdinary)
		},
		"a hold": func(c comity.ID) custodian.SignOrder {
			return w.holdOrder(t, "authority@KZ", c, statement.HoldBody{})
		},
		"a proposed withdrawal": func(c comity.ID) custodian.SignOrder {
			return proposed(w.withdrawOrder(t, "authority@KZ", c))
		},
	} {
		_, err := w.Local.Sign(t.Context(), order(foreign))
		refused(t, what+" of another state's case", err, absent)
		if _, err := w.Local.Sign(t.Context(), order(w.NewCase(t))); err != nil {
			t.Errorf("%s of an own case: %v", what, err)
		}
	}
}
