package client_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/crypto/statement"
)

// TestNewProof: a server that has just started refuses a proof made before; a
// new one is made once, and a call that another proof does not mend is given up.
func TestNewProof(t *testing.T) {
	key, err := statement.NewKey()
	must(t, err)
	for name, x := range map[string]struct {
		challenge     string
		refuse, tries int
	}{
		"just started":     {`DPoP error="invalid_dpop_proof", error_description="x", algs="ES256"`, 1, 2},
		"refused for good": {`DPoP error="invalid_dpop_proof", error_description="x", algs="ES256"`, 9, 2},
		"a bad token":      {`DPoP error="invalid_token", error_description="x", algs="ES256"`, 9, 1},
	} {
		proofs := map[string]bool{}
		tries := 0
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			proofs[r.Header.Get("DPoP")] = true
			if tries++; tries > x.refuse {
				_, _ = io.WriteString(w, `{"data":{"viewer":{"mandates":[]}}}`)
				return
			}
			w.Header().Set("WWW-Authenticate", x.challenge)
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"errors":[{"message":"refused","extensions":{"code":"UNAUTHENTICATED"}}]}`)
		}))
		c, err := client.New(client.Config{Server: s.URL, Union: "u", Roots: statement.Roots{"KZ": {}}, SessionKey: key, Token: "x"})
		must(t, err)
		_, err = c.Hurry().Mandates(t.Context())
		s.Close()
		if x.refuse < x.tries && err != nil {
			t.Errorf("%s: %v", name, err)
		} else if x.refuse >= x.tries {
			want(t, err, comity.CodeUnauthenticated, 0)
		}
		if tries != x.tries || len(proofs) != x.tries {
			t.Errorf("%s: %d tries with %d proofs", name, tries, len(proofs))
		}
	}
}
