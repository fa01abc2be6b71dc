package exchange_test

import (
	"encoding/json"
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
)

// TestKeyRetired: what a key signed that a state's published manifest lists no more
// is dark at once, and answers as what does not open; listed again, it is open.
func TestKeyRetired(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		g := newGranted(t)
		open := func() bool {
			v := caseOf(t, g.foreign, g.c, comity.PurposeInvestigation)
			return v != nil && v.Text != nil
		}
		if !open() {
			t.Fatal("the grant opens nothing")
		}
		key, err := statement.NewKey()
		must(t, err)
		signer, err := statement.NewSoftSigner(key, "")
		must(t, err)
		fresh, err := statement.RawJWK(signer)
		must(t, err)
		var old []json.RawMessage
		must(t, publish(t, g.authority, g.Next(t, "KZ", func(m *statement.Manifest) { old, m.StatementKeys = m.StatementKeys, []json.RawMessage{fresh} })))
		if open() {
			t.Error("what the retired key signed is open")
		}
		hidden := g.foreign.Try(t, onward("KZ", "BY", g.grant.Body.ID))
		absent := g.foreign.Try(t, onward("KZ", "BY", comity.NewID(comity.KindGrant)))
		want(t, absent, comity.CodeNotFound, 0)
		if hidden == nil || hidden.Error() != absent.Error() {
			t.Errorf("onward sharing is answered with %v, and of no grant with %v", hidden, absent)
		}
		want(t, g.foreign.Try(t, g.foreign.Annotate(t, g.c, g.c, g.grant.Body.ID, "known here")), comity.CodeDenied, comity.ArticleNonInterference)
		must(t, publish(t, g.authority, g.Next(t, "KZ", func(m *statement.Manifest) { m.StatementKeys = append(m.StatementKeys, old...) })))
		if !open() {
			t.Error("what a key signed that is listed again is closed")
		}
	})
}
