// Package tokentest makes a whole union of states for tests: roots, statement
// keys, manifests, the directory, and a running development issuer per state.
// All of it is the real thing; only the keys are fresh and in memory.
package tokentest

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/mod/sumdb/note"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit/notekey"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token"
	"github.com/comity-platform/comity/crypto/token/devissuer"
	"github.com/comity-platform/comity/crypto/token/devlogin"
)

// Name is the union's name and the audience of its tokens.
const Name = "union.test"

// Agreement is the id of the agreement that all states of a test union ratify;
// it covers Category and every kind of request.
const (
	Agreement                 = "test-2018"
	Category  comity.Category = "RANSOMWARE"
)

// Union is a union of states for a test.
type Union struct {
	Directory *statement.Directory
	Verifier  *token.Verifier
	Roots     statement.Roots
	RootKeys  map[comity.State]statement.Signer
	Signers   map[comity.State]statement.Signer  // statement keys
	Keys      map[comity.State]*ecdsa.PrivateKey // those in the Signers
	Issuers   map[comity.State]*devissuer.Issuer
	Servers   map[comity.State]*httptest.Server  // that serve the issuers
	LogSigner note.Signer                        // of the exchange's log, which every manifest names
	LogKey    string                             // its private key, as a file holds it
	Witnesses map[comity.State]*notekey.Cosigner // the states' witnesses
	Clock     *Clock
}

// Standing is the standing contact in a state's manifest.
func Standing(s comity.State) string { return "standing line of " + string(s) }

// Clock is the one clock of a union: real time, plus what a test adds.
type Clock struct{ offset atomic.Int64 }

// Now is the clock's instant.
func (c *Clock) Now() time.Time { return time.Now().Add(time.Duration(c.offset.Load())) }

// Advance moves the clock.
func (c *Clock) Advance(d time.Duration) { c.offset.Add(int64(d)) }

// NewUnion makes a union of the states, by default KZ, AM and BY. Each has the
// agencies XX/cyber and XX/ct and the officers of [Officers].
func NewUnion(t testing.TB, states ...comity.State) *Union {
	t.Helper()
	if len(states) == 0 {
		states = []comity.State{"KZ", "AM", "BY"}
	}
	u := &Union{Roots: statement.Roots{}, RootKeys: map[comity.State]statement.Signer{}, Signers: map[comity.State]statement.Signer{},
		Keys: map[comity.State]*ecdsa.PrivateKey{}, Issuers: map[comity.State]*devissuer.Issuer{},
		Servers: map[comity.State]*httptest.Server{}, Witnesses: map[comity.State]*notekey.Cosigner{}, Clock: &Clock{}}
	u.LogKey = must(notekey.New(verify.Origin(Name)))(t)
	u.LogSigner = must(note.NewSigner(u.LogKey))(t)
	for _, s := range states {
		u.RootKeys[s] = signer(t, must(statement.NewKey())(t), string(s)+"-root")
		u.Roots[s] = u.RootKeys[s].Public()
		u.Keys[s] = must(statement.NewKey())(t)
		u.Signers[s] = signer(t, u.Keys[s], string(s)+"-statements-1")
		u.Witnesses[s] = must(notekey.NewCosigner(must(notekey.New(verify.WitnessName(Name, string(s))))(t), u.Clock.Now))(t)
		u.serve(t, s)
	}
	u.Directory = statement.NewDirectory(Name, u.Roots, u.Clock.Now)
	for _, s := range states {
		if err := u.Directory.Add(must(statement.SignManifest(context.Background(), u.RootKeys[s], u.manifest(t, s, states)))(t)); err != nil {
			t.Fatal(err)
		}
	}
	u.Verifier = token.NewVerifier(u.Directory, token.Options{Now: u.Clock.Now, Development: true})
	return u
}

// Officers lists the officers of a state, by name: investigator, colleague,
// liaison, deputy (a second liaison), authority, second (a second authority)
// and auditor of XX/cyber, and ct, an investigator of XX/ct, with ct-liaison,
// ct-authority and ct-auditor of that agency; each @XX.
func Officers(s comity.State) []devissuer.Officer {
	var all []devissuer.Officer
	for _, o := range []struct {
		name, agency, function string
		role                   comity.Role
	}{
		{"investigator", "cyber", "Investigator", comity.RoleInvestigator},
		{"colleague", "cyber", "Investigator", comity.RoleInvestigator},
		{"liaison", "cyber", "Liaison officer", comity.RoleLiaison},
		{"deputy", "cyber", "Deputy liaison officer", comity.RoleLiaison},
		{"authority", "cyber", "Competent authority", comity.RoleAuthority},
		{"second", "cyber", "Competent authority", comity.RoleAuthority},
		{"auditor", "cyber", "Auditor", comity.RoleAuditor},
		{"ct", "ct", "Investigator", comity.RoleInvestigator},
		{"ct-liaison", "ct", "Liaison officer", comity.RoleLiaison},
		{"ct-authority", "ct", "Competent authority", comity.RoleAuthority},
		{"ct-auditor", "ct", "Auditor", comity.RoleAuditor},
	} {
		all = append(all, devissuer.Officer{Name: o.name + "@" + string(s), Subject: strings.ToLower(string(s)) + "-" + o.name,
			Agency: comity.AgencyID(string(s) + "/" + o.agency), Role: o.role, Function: o.function, Pseudonym: o.name + "-1"})
	}
	return all
}

// serve starts the issuer of a state; its URL must be known before its manifest.
func (u *Union) serve(t testing.TB, s comity.State) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	url := "http://" + server.Listener.Addr().String()
	u.Issuers[s] = must(devissuer.New(devissuer.Config{State: s, URL: url, Union: Name, Officers: Officers(s), Now: u.Clock.Now}))(t)
	server.Config.Handler = u.Issuers[s]
	server.Start()
	t.Cleanup(server.Close)
	u.Servers[s] = server
}

func (u *Union) manifest(t testing.TB, s comity.State, parties []comity.State) statement.Manifest {
	t.Helper()
	now := u.Clock.Now().UTC().Truncate(time.Second)
	cyber, ct := comity.AgencyID(s+"/cyber"), comity.AgencyID(s+"/ct")
	roles := []comity.Role{comity.RoleInvestigator, comity.RoleLiaison, comity.RoleAuthority, comity.RoleAuditor}
	policies := sha256.Sum256([]byte("policies"))
	m := statement.Manifest{
		Union: Name, State: s, Name: "State " + string(s), Number: 1, IssuedAt: now, Expires: now.AddDate(1, 0, 0),
		Agencies: []statement.Agency{
			{ID: cyber, Name: "Cyber agency of " + string(s), Competences: []comity.Competence{comity.Cybercrime}},
			{ID: ct, Name: "Counter-terrorism agency of " + string(s), Competences: []comity.Competence{comity.CounterTerrorism}},
		},
		ContactPoint: cyber, Contact: Standing(s),
		Issuers: []statement.Issuer{{URL: u.Issuers[s].URL(), Algorithms: []string{string(jose.ES256)}, Agencies: []statement.IssuerScope{
			{Agency: cyber, Roles: roles}, {Agency: ct, Roles: roles},
		}}},
		StatementKeys: []json.RawMessage{must(statement.RawJWK(u.Signers[s]))(t)},
		Custodian:     statement.Embedded,
		Store:         "http://127.0.0.1/store/" + string(s),
		Policies:      hex.EncodeToString(policies[:]),
		Log: statement.LogTrust{Keys: []string{must(notekey.LogPublic(u.LogKey))(t)}, Witnesses: []string{u.Witnesses[s].Public()},
			WitnessURL: statement.Embedded, Others: 1},
	}
	if len(parties) >= 2 {
		m.Agreements = []statement.Agreement{{ID: Agreement, Title: "Agreement of the test union", Parties: parties,
			Categories: []comity.Category{Category},
			Measures:   []comity.RequestKind{comity.RequestInformation, comity.RequestAccess, comity.RequestMeasure, comity.RequestPreservation},
			InForce:    time.Date(2018, 9, 28, 0, 0, 0, 0, time.UTC),
			Clocks:     map[comity.Urgency]int{comity.UrgencyUrgent: 8, comity.UrgencyPrompt: 72, comity.UrgencyRoutine: 168}}}
	}
	return m
}

// Foreign makes a manifest one of another union, whose log has a key of its own, as
// has the state's witness in it.
func Foreign(t testing.TB, m *statement.Manifest, union string) {
	t.Helper()
	m.Union = union
	m.Log.Keys = []string{must(notekey.LogPublic(must(notekey.New(verify.Origin(union)))(t)))(t)}
	skey := must(notekey.New(verify.WitnessName(union, string(m.State))))(t)
	m.Log.Witnesses = []string{must(notekey.NewCosigner(skey, time.Now))(t).Public()}
}

// Publish gives a state a new manifest: its present one with the next number,
// after change.
func (u *Union) Publish(t testing.TB, s comity.State, change func(*statement.Manifest)) {
	t.Helper()
	if err := u.Directory.Add(u.Next(t, s, change)); err != nil {
		t.Fatal(err)
	}
}

// Next signs what [Union.Publish] publishes.
func (u *Union) Next(t testing.TB, s comity.State, change func(*statement.Manifest)) string {
	t.Helper()
	// Through JSON, since what the directory gives is shared and not to be changed.
	var m statement.Manifest
	if err := json.Unmarshal(must(json.Marshal(must(u.Directory.State(s))(t)))(t), &m); err != nil {
		t.Fatal(err)
	}
	m.Number++
	change(&m)
	return must(statement.SignManifest(context.Background(), u.RootKeys[s], m))(t)
}

// Login logs an officer in, as in "liaison@KZ", with a fresh session key, and
// gives the verified identity, the token and the key.
func (u *Union) Login(t testing.TB, officer string) (token.Identity, string, *ecdsa.PrivateKey) {
	t.Helper()
	key := must(statement.NewKey())(t)
	_, state, _ := strings.Cut(officer, "@")
	server, ok := u.Servers[comity.State(state)]
	if !ok {
		t.Fatalf("there is no state %q in this union", state)
	}
	tok := must(devlogin.Login(t.Context(), server.Client(), u.Issuers[comity.State(state)].URL(), officer, key, u.Clock.Now()))(t)
	return must(u.Verifier.Verify(t.Context(), tok))(t), tok, key
}

// Act signs an act over a body with a session key, filling in union, body hash
// and time.
func (u *Union) Act(t testing.TB, key *ecdsa.PrivateKey, a statement.Act, body any) string {
	t.Helper()
	a.Union = Name
	a.IssuedAt = u.Clock.Now().Unix()
	h, _, err := statement.BodyHash(body)
	if err != nil {
		t.Fatal(err)
	}
	a.BodyHash = h
	return must(statement.SignAct(key, a))(t)
}

// Request makes a request that carries an officer's token and a fresh proof.
func (u *Union) Request(t testing.TB, key *ecdsa.PrivateKey, tok, method, url string) *http.Request {
	t.Helper()
	r := must(http.NewRequestWithContext(t.Context(), method, url, nil))(t)
	r.Header.Set("Authorization", "DPoP "+tok)
	r.Header.Set("DPoP", must(token.Proof(key, method, url, tok, u.Clock.Now()))(t))
	return r
}

func signer(t testing.TB, key *ecdsa.PrivateKey, kid string) statement.Signer {
	t.Helper()
	return must(statement.NewSoftSigner(key, kid))(t)
}

// must gives the value of a call, or ends the test.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(fmt.Errorf("tokentest: %w", err))
		}
		return v
	}
}
