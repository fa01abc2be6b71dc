package statement_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
)

// sampleManifest is that of KZ in a fresh union, free to be changed.
func sampleManifest(t testing.TB, u *tokentest.Union) statement.Manifest {
	t.Helper()
	m, err := u.Directory.State("KZ")
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var c statement.Manifest
	if err := json.Unmarshal(b, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestManifestRoundTrip(t *testing.T) {
	u := tokentest.NewUnion(t)
	m := sampleManifest(t, u)
	_, ed, _ := ed25519.GenerateKey(rand.Reader)
	edRoot, err := statement.NewSoftSigner(ed, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, root := range []statement.Signer{u.RootKeys["KZ"], edRoot} {
		compact, err := statement.SignManifest(context.Background(), root, m)
		if err != nil {
			t.Fatal(err)
		}
		got, err := statement.VerifyManifest(compact, root.Public(), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(m, got); d != "" {
			t.Error(d)
		}
		if _, err := statement.VerifyManifest(compact, u.Roots["AM"], time.Now()); err == nil {
			t.Error("taken by another state's root")
		}
		for _, at := range []time.Time{m.Expires, m.Expires.AddDate(5, 0, 0), m.IssuedAt.Add(-statement.Freshness - time.Second)} {
			if _, err := statement.VerifyManifest(compact, root.Public(), at); err == nil {
				t.Errorf("valid at %s", at)
			}
		}
	}
}

func TestManifestRefused(t *testing.T) {
	u := tokentest.NewUnion(t)
	payload, err := statement.Canonical(sampleManifest(t, u))
	if err != nil {
		t.Fatal(err)
	}
	_, key, _ := ed25519.GenerateKey(rand.Reader)
	root := statement.PublicJWK(key)
	header := map[string]any{"alg": "EdDSA", "typ": statement.TypManifest}
	replace := func(old, new string) []byte {
		b := bytes.Replace(payload, []byte(old), []byte(new), 1)
		if bytes.Equal(b, payload) {
			t.Fatalf("%q does not stand in the manifest", old)
		}
		return b
	}
	if _, err := statement.VerifyManifest(tokentest.Forge(t, header, payload, key), root, time.Now()); err != nil {
		t.Fatalf("the forge itself: %v", err)
	}
	for name, compact := range map[string]string{
		"unknown member":   tokentest.Forge(t, header, replace(`{"agencies"`, `{"more":1,"agencies"`), key),
		"unknown inside":   tokentest.Forge(t, header, replace(`"competences"`, `"powers":[],"competences"`), key),
		"duplicate member": tokentest.Forge(t, header, replace(`"number":1`, `"number":1,"number":2`), key),
		"trailing data":    tokentest.Forge(t, header, append(bytes.Clone(payload), '1'), key),
		"fault inside":     tokentest.Forge(t, header, replace(`"number":1`, `"number":0`), key),
		"invalid UTF-8":    tokentest.Forge(t, header, replace("State KZ", "State \xff"), key),
		"typ of an act":    tokentest.Forge(t, map[string]any{"alg": "EdDSA", "typ": statement.TypAct}, payload, key),
		"its own key":      tokentest.Forge(t, map[string]any{"alg": "EdDSA", "typ": statement.TypManifest, "jwk": tokentest.JWK(t, key)}, payload, key),
		"alg none":         tokentest.Forge(t, map[string]any{"alg": "none", "typ": statement.TypManifest}, payload, nil),
		"HS256":            tokentest.Forge(t, map[string]any{"alg": "HS256", "typ": statement.TypManifest}, payload, []byte(key.Public().(ed25519.PublicKey))),
		"too long":         tokentest.Forge(t, header, append(bytes.Clone(payload), bytes.Repeat([]byte(" "), 256<<10)...), key),
		"not JSON":         tokentest.Forge(t, header, []byte("manifest"), key),
	} {
		if _, err := statement.VerifyManifest(compact, root, time.Now()); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestManifestCheck(t *testing.T) {
	u := tokentest.NewUnion(t)
	private, err := json.Marshal(map[string]any{"kty": "EC", "crv": "P-256", "d": "AAAA", "kid": "k", "alg": "ES256"})
	if err != nil {
		t.Fatal(err)
	}
	if errs := sampleManifest(t, u).Check(); len(errs) > 0 {
		t.Fatalf("the sample has faults: %v", errs)
	}
	type M = statement.Manifest
	for pointer, change := range map[string]func(*M){
		"/union":                        func(m *M) { m.Union = "" },
		"/state":                        func(m *M) { m.State = "kz" },
		"/name":                         func(m *M) { m.Name = "" },
		"/number":                       func(m *M) { m.Number = 0 },
		"/issuedAt":                     func(m *M) { m.IssuedAt = time.Time{} },
		"/expires":                      func(m *M) { m.Expires = m.IssuedAt },
		"/agencies":                     func(m *M) { m.Agencies = nil },
		"/agencies/0/id":                func(m *M) { m.Agencies[0].ID = "AM/cyber" },
		"/agencies/1/id":                func(m *M) { m.Agencies[1].ID = m.Agencies[0].ID },
		"/agencies/0/name":              func(m *M) { m.Agencies[0].Name = "" },
		"/agencies/0/competences":       func(m *M) { m.Agencies[0].Competences = nil },
		"/agencies/0/competences/0":     func(m *M) { m.Agencies[0].Competences[0] = "TAXES" },
		"/contactPoint":                 func(m *M) { m.ContactPoint = "KZ/none" },
		"/contact":                      func(m *M) { m.Contact = "+000\n+001" },
		"/issuers":                      func(m *M) { m.Issuers = nil },
		"/issuers/0/url":                func(m *M) { m.Issuers[0].URL = "http://idp.example" },
		"/issuers/1/url":                func(m *M) { m.Issuers = append(m.Issuers, m.Issuers[0]) },
		"/issuers/0/algorithms":         func(m *M) { m.Issuers[0].Algorithms = nil },
		"/issuers/0/algorithms/0":       func(m *M) { m.Issuers[0].Algorithms[0] = "HS256" },
		"/issuers/0/algorithms/1":       func(m *M) { m.Issuers[0].Algorithms = []string{"ES256", "none"} },
		"/issuers/0/agencies":           func(m *M) { m.Issuers[0].Agencies = nil },
		"/issuers/0/agencies/0/agency":  func(m *M) { m.Issuers[0].Agencies[0].Agency = "AM/cyber" },
		"/issuers/0/agencies/0/roles":   func(m *M) { m.Issuers[0].Agencies[0].Roles = nil },
		"/issuers/0/agencies/0/roles/0": func(m *M) { m.Issuers[0].Agencies[0].Roles[0] = "ADMIN" },
		"/issuers/0/agencies/0/roles/1": func(m *M) { m.Issuers[0].Agencies[0].Roles[1] = m.Issuers[0].Agencies[0].Roles[0] },
		"/statementKeys":                func(m *M) { m.StatementKeys = nil },
		"/statementKeys/0":              func(m *M) { m.StatementKeys[0] = private },
		"/statementKeys/1/kid":          func(m *M) { m.StatementKeys = append(m.StatementKeys, m.StatementKeys[0]) },
		"/custodian":                    func(m *M) { m.Custodian = "http://custodian.example" },
		"/store":                        func(m *M) { m.Store = "https://user:word@store.example" },
		"/agreements/0/id":              func(m *M) { m.Agreements[0].ID = "" },
		"/agreements/1/id":              func(m *M) { m.Agreements = append(m.Agreements, m.Agreements[0]) },
		"/agreements/0/title":           func(m *M) { m.Agreements[0].Title = "" },
		"/agreements/0/parties":         func(m *M) { m.Agreements[0].Parties = []comity.State{"AM", "BY"} },
		"/agreements/0/parties/1":       func(m *M) { m.Agreements[0].Parties = []comity.State{"KZ", "KZ"} },
		"/agreements/0/categories":      func(m *M) { m.Agreements[0].Categories = nil },
		"/agreements/0/measures":        func(m *M) { m.Agreements[0].Measures = nil },
		"/agreements/0/measures/0":      func(m *M) { m.Agreements[0].Measures[0] = "ARREST" },
		"/agreements/0/inForce":         func(m *M) { m.Agreements[0].InForce = time.Time{} },
		"/agreements/0/until":           func(m *M) { m.Agreements[0].Until = m.Agreements[0].InForce },
		"/agreements/0/clocks/SOON":     func(m *M) { m.Agreements[0].Clocks["SOON"] = 1 },
		"/agreements/0/clocks/URGENT":   func(m *M) { m.Agreements[0].Clocks[comity.UrgencyUrgent] = 0 },
		"/agreements/0/noticeDays":      func(m *M) { m.Agreements[0].NoticeDays = -1 },
		"/agreements/0/onDenunciation":  func(m *M) { m.Agreements[0].OnDenunciation = "LATER" },
		"/agreements/0/reciprocal/0": func(m *M) {
			m.Agreements[0].Measures, m.Agreements[0].Reciprocal = m.Agreements[0].Measures[:1], []statement.Measure{statement.Measure(m.Agreements[0].Measures[1])}
		},
		"/agreements/0/reciprocal/1": func(m *M) { m.Agreements[0].Reciprocal = []statement.Measure{"URGENT_CHANNEL", "URGENT_CHANNEL"} },
		"/agreements/0/denounced": func(m *M) {
			m.Agreements[0].Ratified, m.Agreements[0].Denounced = m.Agreements[0].InForce, m.Agreements[0].InForce
		},
		"/offers/0": func(m *M) { m.Offers = []statement.Measure{"BLIND_MATCHING"} },
		"/policies": func(m *M) { m.Policies = "" },
	} {
		m := sampleManifest(t, u)
		change(&m)
		errs := m.Check()
		if !slices.ContainsFunc(errs, func(err error) bool {
			var f statement.Fault
			return errors.As(err, &f) && f.Pointer == pointer
		}) {
			t.Errorf("%s: not named in %v", pointer, errs)
		}
		if strings.Contains(errors.Join(errs...).Error(), "word") {
			t.Errorf("%s: a password stands in the fault", pointer)
		}
		if _, err := statement.SignManifest(context.Background(), u.RootKeys["KZ"], m); err == nil {
			t.Errorf("%s: signed all the same", pointer)
		}
	}
	var empty M
	if n := len(empty.Check()); n < 12 {
		t.Errorf("an empty manifest has %d faults, wanted all of them at once", n)
	}
	high := sampleManifest(t, u)
	high.Number = 1<<53 + 1
	if len(high.Check()) != 1 {
		t.Errorf("a number that canonical JSON would round: %v", high.Check())
	}
	long := sampleManifest(t, u)
	long.Expires = long.IssuedAt.AddDate(3, 0, 0)
	if len(long.Check()) != 1 {
		t.Errorf("a manifest for three years: %v", long.Check())
	}
}

func TestAgreementHash(t *testing.T) {
	a := sampleManifest(t, tokentest.NewUnion(t)).Agreements[0]
	same := a
	same.Parties = []comity.State{"BY", "KZ", "AM"}
	same.Measures = slices.Clone(a.Measures)
	slices.Reverse(same.Measures)
	same.InForce = a.InForce.In(time.FixedZone("", 5*3600))
	if a.Hash() == "" || a.Hash() != same.Hash() {
		t.Error("the same agreement in another order has another hash")
	}
	if !slices.Equal(same.Parties, []comity.State{"BY", "KZ", "AM"}) {
		t.Error("Hash changed the agreement")
	}
	own := a
	own.Ratified, own.Denounced = a.InForce.AddDate(1, 0, 0), a.InForce.AddDate(2, 0, 0)
	if own.Hash() != a.Hash() {
		t.Error("a state's own dates enter the hash of the text")
	}
	for name, change := range map[string]func(*statement.Agreement){
		"title":      func(a *statement.Agreement) { a.Title += "." },
		"parties":    func(a *statement.Agreement) { a.Parties = a.Parties[:2] },
		"categories": func(a *statement.Agreement) { a.Categories = append(slices.Clone(a.Categories), "FRAUD") },
		"inForce":    func(a *statement.Agreement) { a.InForce = a.InForce.Add(time.Second) },
		"until":      func(a *statement.Agreement) { a.Until = a.InForce.AddDate(20, 0, 0) },
		"clocks":     func(a *statement.Agreement) { a.Clocks = map[comity.Urgency]int{comity.UrgencyUrgent: 9} },
		"notice":     func(a *statement.Agreement) { a.NoticeDays = 90 },
		"effect":     func(a *statement.Agreement) { a.OnDenunciation = statement.DenunciationRunOut },
		"reciprocal": func(a *statement.Agreement) { a.Reciprocal = []statement.Measure{statement.MeasureUrgent} },
	} {
		b := a
		change(&b)
		if b.Hash() == a.Hash() {
			t.Errorf("%s does not enter the hash", name)
		}
	}
}

func TestManifestDiff(t *testing.T) {
	u := tokentest.NewUnion(t)
	m := sampleManifest(t, u)
	if lines := m.Diff(m); len(lines) != 0 {
		t.Errorf("a manifest differs from itself: %v", lines)
	}
	o := sampleManifest(t, u)
	o.Number = 2
	o.Agencies = append([]statement.Agency{{ID: "KZ/finance", Name: "Finance", Competences: []comity.Competence{comity.Cybercrime}}}, o.Agencies...)
	o.Issuers[0].Agencies[0].Roles = o.Issuers[0].Agencies[0].Roles[1:]
	url := strings.ReplaceAll(o.Issuers[0].URL, "/", "~1")
	want := []string{
		`+ /agencies/KZ~1finance/competences/CYBERCRIME: "CYBERCRIME"`,
		`+ /agencies/KZ~1finance/id: "KZ/finance"`,
		`+ /agencies/KZ~1finance/name: "Finance"`,
		`- /issuers/` + url + `/agencies/KZ~1cyber/roles/INVESTIGATOR: "INVESTIGATOR"`,
		`~ /number: 1 -> 2`,
	}
	if d := cmp.Diff(want, m.Diff(o)); d != "" {
		t.Error(d)
	}
}

// TestManifestDiffTwins: a second member with an id that there is already hides
// nothing, wherever in the list it was put.
func TestManifestDiffTwins(t *testing.T) {
	u := tokentest.NewUnion(t)
	m := sampleManifest(t, u)
	last, first := sampleManifest(t, u), sampleManifest(t, u)
	twin := m.Agencies[0]
	twin.Name = "Another"
	last.Agencies = append(last.Agencies, twin)
	first.Agencies = append([]statement.Agency{twin}, first.Agencies...)
	key := jsonKey(t, m.StatementKeys[0], newKey(t))
	keys := sampleManifest(t, u)
	keys.StatementKeys = append([]json.RawMessage{key}, keys.StatementKeys...)
	for name, c := range map[string]struct {
		o    statement.Manifest
		want string
	}{
		"an agency, last":  {last, `+ /agencies/KZ~1cyber#2/name: "Another"`},
		"an agency, first": {first, `+ /agencies/KZ~1cyber#2/name: ` + fmt.Sprintf("%q", m.Agencies[0].Name)},
		"a key, first":     {keys, `#2/x: `},
	} {
		if got := strings.Join(m.Diff(c.o), "\n"); !strings.Contains(got, c.want) {
			t.Errorf("%s: %q is not in\n%s", name, c.want, got)
		}
	}
}

// jsonKey is a public key under the kid of another one.
func jsonKey(t *testing.T, other json.RawMessage, key *ecdsa.PrivateKey) json.RawMessage {
	t.Helper()
	var was, is map[string]any
	if err := errors.Join(json.Unmarshal(other, &was), json.Unmarshal(tokentest.JWK(t, key), &is)); err != nil {
		t.Fatal(err)
	}
	delete(is, "d")
	is["kid"] = was["kid"]
	b, err := json.Marshal(is)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRoots(t *testing.T) {
	u := tokentest.NewUnion(t)
	b, err := u.Roots.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	got, err := statement.ReadRoots(b)
	if err != nil {
		t.Fatal(err)
	}
	for s, k := range u.Roots {
		want, _ := statement.Thumbprint(k)
		if have, _ := statement.Thumbprint(got[s]); have != want {
			t.Errorf("the root of %s is another one", s)
		}
	}
	key := newKey(t)
	if _, err := (statement.Roots{"KZ": {Key: key}}).Marshal(); err == nil {
		t.Error("a private root was written among the pinned ones")
	}
	d, _ := key.Bytes()
	jwk := string(tokentest.JWK(t, key))
	for name, s := range map[string]string{
		"empty":           ``,
		"no state":        `{}`,
		"null":            `null`,
		"null root":       `{"KZ":null}`,
		"list":            `[]`,
		"duplicate state": `{"KZ":` + jwk + `,"KZ":` + jwk + `}`,
		"no state code":   `{"Kazakhstan":` + jwk + `}`,
		"trailing":        `{"KZ":` + jwk + `}{}`,
		"private":         `{"KZ":` + strings.TrimSuffix(jwk, "}") + `,"d":"` + base64.RawURLEncoding.EncodeToString(d) + `"}}`,
		"symmetric":       `{"KZ":{"kty":"oct","k":"AAAA"}}`,
		"for encryption":  `{"KZ":` + strings.TrimSuffix(jwk, "}") + `,"use":"enc"}}`,
		"alg of another":  `{"KZ":` + strings.TrimSuffix(jwk, "}") + `,"alg":"EdDSA"}}`,
		"P-384":           `{"KZ":{"kty":"EC","crv":"P-384","x":"AAAA","y":"AAAA"}}`,
		"not on curve":    `{"KZ":{"kty":"EC","crv":"P-256","x":"` + strings.Repeat("A", 43) + `","y":"` + strings.Repeat("A", 43) + `"}}`,
		"too long":        `{"KZ":` + jwk + strings.Repeat(" ", 256<<10) + `}`,
	} {
		if _, err := statement.ReadRoots([]byte(s)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if r, err := statement.ReadRoots([]byte(`{"KZ":` + jwk + `}`)); err != nil || r["KZ"].KeyID == "" {
		t.Errorf("a root without kid: %v, %v", r, err)
	}
}

func FuzzReadRoots(f *testing.F) {
	f.Add([]byte(`{"KZ":` + string(tokentest.JWK(f, newKey(f))) + `}`))
	f.Add([]byte(`{"KZ":{"kty":"OKP","crv":"Ed25519","x":""}}`))
	f.Add([]byte(`{"KZ":null}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := statement.ReadRoots(b)
		if err != nil {
			return
		}
		out, err := r.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := statement.ReadRoots(out); err != nil || len(again) != len(r) {
			t.Errorf("what was written cannot be read: %v", err)
		}
	})
}

func FuzzVerifyManifest(f *testing.F) {
	u := tokentest.NewUnion(f)
	payload, err := statement.Canonical(sampleManifest(f, u))
	if err != nil {
		f.Fatal(err)
	}
	_, key, _ := ed25519.GenerateKey(rand.Reader)
	root := statement.PublicJWK(key)
	f.Add(payload)
	f.Add([]byte(`{"state":"KZ","expires":"9999-12-31T23:59:59+23:59","statementKeys":[{}]}`))
	f.Add([]byte(`{"agreements":[{"clocks":{"":-1}}],"issuers":[{"url":"http://[::1"}]}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		m, err := statement.VerifyManifest(tokentest.Forge(t, map[string]any{"alg": "EdDSA", "typ": statement.TypManifest}, payload, key), root, time.Now())
		if err != nil {
			return
		}
		if errs := m.Check(); len(errs) > 0 {
			t.Errorf("taken with faults: %v", errs)
		}
		if len(m.Diff(m)) > 0 {
			t.Error("differs from itself")
		}
	})
}
