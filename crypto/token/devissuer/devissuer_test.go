package devissuer_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token"
	"github.com/comity-platform/comity/crypto/token/devissuer"
	"github.com/comity-platform/comity/crypto/token/devlogin"
	"github.com/comity-platform/comity/crypto/token/tokentest"
)

func TestLogin(t *testing.T) {
	u := tokentest.NewUnion(t)
	for _, s := range []comity.State{"KZ", "AM"} {
		for _, o := range u.Issuers[s].Officers() {
			who, _, _ := u.Login(t, o.Name)
			if who.Officer.State != s || who.Officer.Role != o.Role || who.Officer.Agency != o.Agency || who.Officer.Subject != o.Subject {
				t.Errorf("%s: %+v", o.Name, who.Officer)
			}
		}
	}
}

func TestUnknownOfficer(t *testing.T) {
	u := tokentest.NewUnion(t)
	key, _ := statement.NewKey()
	_, err := devlogin.Login(t.Context(), http.DefaultClient, u.Issuers["KZ"].URL(), "liaison@AM", key, u.Clock.Now())
	if comity.CodeOf(err) != comity.CodeUnauthenticated || !strings.Contains(err.Error(), "liaison@KZ") {
		t.Errorf("%v: wanted the names that are known", err)
	}
}

func TestLoginFaults(t *testing.T) {
	u := tokentest.NewUnion(t)
	key, _ := statement.NewKey()
	is := u.Issuers["KZ"].URL()
	if _, err := devlogin.Login(t.Context(), http.DefaultClient, is+"/", "liaison@KZ", key, u.Clock.Now()); err == nil {
		t.Error("an issuer under another name was believed")
	}
	if _, err := devlogin.Login(t.Context(), http.DefaultClient, is, "liaison@KZ", key, u.Clock.Now().Add(-time.Hour)); err == nil || !strings.Contains(err.Error(), "clock") {
		t.Errorf("a slow clock: %v", err)
	}
	u.Servers["KZ"].Close()
	if _, err := devlogin.Login(t.Context(), http.DefaultClient, is, "liaison@KZ", key, u.Clock.Now()); comity.CodeOf(err) != comity.CodeUnavailable {
		t.Errorf("an issuer that is away: %v", err)
	}
}

func TestTokenEndpointRefuses(t *testing.T) {
	u := tokentest.NewUnion(t)
	key, _ := statement.NewKey()
	is := u.Issuers["KZ"].URL()
	proof := func(method, url, tok string, at time.Time) string {
		p, err := token.Proof(key, method, url, tok, at)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	right := proof("POST", is+"/token", "", u.Clock.Now())
	form := url.Values{"grant_type": {devlogin.GrantType}, "officer": {"liaison@KZ"}}
	for name, c := range map[string]struct {
		form   url.Values
		proofs []string
		want   string // the error code, "" for success
	}{
		"right":                    {form, []string{right}, ""},
		"no proof":                 {form, nil, "invalid_dpop_proof"},
		"two proofs":               {form, []string{right, right}, "invalid_dpop_proof"},
		"proof of another URL":     {form, []string{proof("POST", is+"/jwks", "", u.Clock.Now())}, "invalid_dpop_proof"},
		"proof of another issuer":  {form, []string{proof("POST", u.Issuers["AM"].URL()+"/token", "", u.Clock.Now())}, "invalid_dpop_proof"},
		"proof of another method":  {form, []string{proof("GET", is+"/token", "", u.Clock.Now())}, "invalid_dpop_proof"},
		"proof for a token's use":  {form, []string{proof("POST", is+"/token", "tok", u.Clock.Now())}, "invalid_dpop_proof"},
		"old proof":                {form, []string{proof("POST", is+"/token", "", u.Clock.Now().Add(-time.Hour))}, "invalid_dpop_proof"},
		"not a proof":              {form, []string{"x"}, "invalid_dpop_proof"},
		"another grant type":       {url.Values{"grant_type": {"password"}, "officer": {"liaison@KZ"}}, []string{right}, "unsupported_grant_type"},
		"no officer":               {url.Values{"grant_type": {devlogin.GrantType}}, []string{right}, "invalid_grant"},
		"a form without end":       {url.Values{"grant_type": {strings.Repeat("x", 17<<10)}}, []string{right}, "invalid_request"},
		"the officer in the query": {url.Values{"grant_type": {devlogin.GrantType}, "officer": {""}}, []string{right}, "invalid_grant"},
		"proof of another host":    {form, []string{proof("POST", "http://other.test/token", "", u.Clock.Now())}, "invalid_dpop_proof"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, is+"/token?officer=liaison@KZ", strings.NewReader(c.form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "other.test" // what the client says of the host proves nothing
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for _, p := range c.proofs {
			r.Header.Add("DPoP", p)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		var got struct {
			Error   string `json:"error"`
			Token   string `json:"access_token"`
			Type    string `json:"token_type"`
			Expires int    `json:"expires_in"`
		}
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%s: %s", name, b)
		}
		if got.Error != c.want || (c.want == "") != (answer.StatusCode == http.StatusOK) {
			t.Errorf("%s: %d %s, wanted %q", name, answer.StatusCode, b, c.want)
		}
		if c.want == "" && (got.Type != "DPoP" || got.Expires != 3600 || answer.Header.Get("Cache-Control") != "no-store") {
			t.Errorf("%s: %s", name, b)
		}
		if c.want != "" && got.Token != "" {
			t.Errorf("%s: a token was given", name)
		}
	}
}

func TestOneNameOneOfficer(t *testing.T) {
	o := tokentest.Officers("KZ")[0]
	if _, err := devissuer.New(devissuer.Config{State: "KZ", URL: "http://127.0.0.1:1", Union: "u", Officers: []devissuer.Officer{o, o}}); err == nil {
		t.Error("two officers under one name")
	}
}
