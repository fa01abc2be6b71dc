package exchange_test

import (
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/token"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
)

// TestProofsUsedOnce: a proof that opens a stream is taken once, whatever its client
// names it, and those of others are not taken for it.
func TestProofsUsedOnce(t *testing.T) {
	for name, o := range map[string]exchangetest.Options{"SQLite": {DB: exchangetest.SQLite}, "PostgreSQL": {DB: exchangetest.Postgres}} {
		t.Run(name, func(t *testing.T) {
			w := exchangetest.NewWith(t, o)
			for _, key := range []string{"one", "another"} {
				for _, id := range []string{"aaaaaaaa", "aaaaaaaa\x00", "\u2028\u202e proof"} {
					who := exchange.Caller{Identity: token.Identity{JKT: key, Proof: id}}
					if err := w.Exchange.UseProof(t.Context(), who); err != nil {
						t.Errorf("%q by %s: %v", id, key, err)
					}
					if err := w.Exchange.UseProof(t.Context(), who); comity.CodeOf(err) != comity.CodeUnauthenticated {
						t.Errorf("%q by %s again: %v", id, key, err)
					}
				}
			}
		})
	}
}
