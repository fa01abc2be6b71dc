package token_test

import (
	"testing"

	"github.com/comity-platform/comity/crypto/token/tokentest"
)

func TestLogin(t *testing.T) {
	u := tokentest.NewUnion(t)
	who, tok, key := u.Login(t, "liaison@KZ")
	r := u.Request(t, key, tok, "POST", "https://exchange.test/graphql?x=1")
	got, err := u.Verifier.VerifyRequest(t.Context(), r, "https://Exchange.test:443/graphql")
	if err != nil || got.Officer != who.Officer || got.JKT != who.JKT {
		t.Fatalf("%+v, %v", got, err)
	}
	if _, err := u.Verifier.VerifyRequest(t.Context(), r, "https://exchange.test/graphql"); err == nil {
		t.Fatal("a proof was used twice")
	}
}
