package statement_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
)

func sign(t testing.TB, u *tokentest.Union, s comity.State, m statement.Manifest) string {
	t.Helper()
	compact, err := statement.SignManifest(context.Background(), u.RootKeys[s], m)
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

func TestDirectoryNumbers(t *testing.T) {
	u := tokentest.NewUnion(t)
	first := u.Directory.JWS("KZ")
	m := sampleManifest(t, u)
	if err := u.Directory.Add(first); err != nil {
		t.Errorf("the same manifest again: %v", err)
	}
	if err := u.Directory.Add(sign(t, u, "KZ", m)); err != nil {
		t.Errorf("the same content, signed again: %v", err)
	}
	m.Name = "Another name"
	if err := u.Directory.Add(sign(t, u, "KZ", m)); err == nil {
		t.Error("the same number with other content was taken")
	}
	m.Number = 5
	fifth := sign(t, u, "KZ", m)
	if err := u.Directory.Add(fifth); err != nil {
		t.Fatal(err)
	}
	if err := u.Directory.Add(first); err == nil || !strings.Contains(err.Error(), "goes back") {
		t.Errorf("rolled back: %v", err)
	}
	got, err := u.Directory.State("KZ")
	if err != nil || got.Name != "Another name" || u.Directory.JWS("KZ") != fifth {
		t.Errorf("%s, %v", got.Name, err)
	}
	if s := u.Directory.States(); len(s) != 3 || s[0] != "AM" {
		t.Errorf("states %v", s)
	}
}

func TestDirectoryRefuses(t *testing.T) {
	u := tokentest.NewUnion(t)
	m := sampleManifest(t, u)
	m.Number = 2
	foreign := m
	tokentest.Foreign(t, &foreign, "another")
	expired := m
	expired.IssuedAt, expired.Expires = m.IssuedAt.AddDate(-1, 0, 0), m.IssuedAt
	empty := statement.NewDirectory(tokentest.Name, statement.Roots{}, time.Now)
	for name, err := range map[string]error{
		"another state's root": u.Directory.Add(sign(t, u, "AM", m)),
		"another union":        u.Directory.Add(sign(t, u, "KZ", foreign)),
		"expired":              u.Directory.Add(sign(t, u, "KZ", expired)),
		"no root pinned":       empty.Add(u.Directory.JWS("KZ")),
		"not a JWS":            u.Directory.Add("manifest"),
	} {
		if err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if _, err := u.Directory.State("FR"); comity.CodeOf(err) != comity.CodeInvalid {
		t.Errorf("a state outside the union: %v", err)
	}
	u.Clock.Advance(366 * 24 * time.Hour)
	_, err := u.Directory.State("KZ")
	if comity.CodeOf(err) != comity.CodeUnavailable || !strings.Contains(err.Error(), "KZ expired") {
		t.Errorf("an expired manifest: %v", err)
	}
	if _, _, err := u.Directory.IssuerOf(u.Issuers["KZ"].URL()); err == nil {
		t.Error("the issuer of an expired manifest speaks")
	}
}

// TestDirectoryRecalls: what was taken before is taken again though it expired, it
// speaks for nobody, and no older one does after it. Verifying takes nothing.
func TestDirectoryRecalls(t *testing.T) {
	u := tokentest.NewUnion(t)
	first := u.Directory.JWS("KZ")
	m := sampleManifest(t, u)
	m.Number = 2
	second := sign(t, u, "KZ", m)
	m.Number, m.IssuedAt, m.Expires = 3, m.IssuedAt.AddDate(-1, 0, 0), m.IssuedAt.Add(-time.Hour)
	third := sign(t, u, "KZ", m)
	if said, err := u.Directory.Verify(second); err != nil || said.Number != 2 || u.Directory.JWS("KZ") != first {
		t.Errorf("verified: number %d, %v", said.Number, err)
	}
	if _, err := u.Directory.Verify(third); comity.CodeOf(err) != comity.CodeUnavailable {
		t.Errorf("an expired one: %v", err)
	}
	if err := u.Directory.Recall(sign(t, u, "AM", m)); err == nil {
		t.Error("signed by another root it is recalled")
	}
	if err := u.Directory.Recall(third); err != nil {
		t.Fatal(err)
	}
	if known, ok := u.Directory.Known("KZ"); !ok || known.Number != 3 {
		t.Errorf("known is number %d", known.Number)
	}
	if _, ok := u.Directory.Known("FR"); ok {
		t.Error("of a state outside the union a manifest is known")
	}
	if _, err := u.Directory.State("KZ"); comity.CodeOf(err) != comity.CodeUnavailable {
		t.Errorf("the expired one speaks: %v", err)
	}
	for _, older := range []string{first, second} {
		for how, take := range map[string]func(string) error{"added": u.Directory.Add, "recalled": u.Directory.Recall} {
			if err := take(older); err == nil || !strings.Contains(err.Error(), "goes back") {
				t.Errorf("an older one is %s: %v", how, err)
			}
		}
	}
	if s := u.Directory.Claims(u.Issuers["KZ"].URL()); len(s) != 1 || s[0] != "KZ" || len(u.Directory.Claims("https://nobody.example")) != 0 {
		t.Errorf("the issuer is claimed by %v", s)
	}
}

func TestIssuerOfTwoStates(t *testing.T) {
	u := tokentest.NewUnion(t)
	url := u.Issuers["KZ"].URL()
	if s, is, err := u.Directory.IssuerOf(url); err != nil || s != "KZ" || is.URL != url {
		t.Fatalf("%s, %v", s, err)
	}
	if _, _, err := u.Directory.IssuerOf(url + "/"); err == nil {
		t.Error("another spelling of the URL was taken")
	}
	u.Publish(t, "AM", func(m *statement.Manifest) {
		is := m.Issuers[0]
		is.URL = url
		m.Issuers = append(m.Issuers, is)
	})
	if _, _, err := u.Directory.IssuerOf(url); err == nil || !strings.Contains(err.Error(), "[AM KZ]") {
		t.Errorf("an issuer of two states: %v", err)
	}
	if _, _, err := u.Directory.IssuerOf(u.Issuers["AM"].URL()); err != nil {
		t.Errorf("the other issuer of AM: %v", err)
	}
	u.Publish(t, "AM", func(m *statement.Manifest) { m.Issuers = m.Issuers[:1] })
	if s, _, err := u.Directory.IssuerOf(url); err != nil || s != "KZ" {
		t.Errorf("after the claim was dropped: %s, %v", s, err)
	}
}

func TestAgreement(t *testing.T) {
	u := tokentest.NewUnion(t)
	now, c := time.Now(), tokentest.Category
	want := func(name string, ok bool, a, b comity.State, id string, c comity.Category, k comity.RequestKind, at time.Time) {
		t.Helper()
		x, err := u.Directory.Agreement(a, b, id, c, k, at)
		switch {
		case ok && (err != nil || x.ID != tokentest.Agreement):
			t.Errorf("%s: %v", name, err)
		case !ok && err == nil:
			t.Errorf("%s: in force", name)
		case !ok && comity.CodeOf(err) == comity.CodeDenied && !strings.Contains(err.Error(), "Article 7"):
			t.Errorf("%s: %v", name, err)
		}
	}
	want("the first that covers", true, "KZ", "AM", "", c, "", now)
	want("by id", true, "AM", "KZ", tokentest.Agreement, c, comity.RequestAccess, now)
	want("by another id", false, "KZ", "AM", "other", c, "", now)
	want("another category", false, "KZ", "AM", "", "FRAUD", "", now)
	want("no category", false, "KZ", "AM", "", "", "", now)
	want("another measure", false, "KZ", "AM", "", c, "ARREST", now)
	want("before it is in force", false, "KZ", "AM", "", c, "", time.Date(2018, 9, 27, 23, 59, 59, 0, time.UTC))
	want("a state with itself", false, "KZ", "KZ", "", c, "", now)
	want("a state outside", false, "KZ", "FR", "", c, "", now)
	end := now.Add(time.Hour)
	for _, s := range []comity.State{"KZ", "AM"} {
		if s == "AM" {
			want("one manifest changed alone", false, "KZ", "AM", "", c, "", now)
			want("nor the other way", false, "AM", "KZ", "", c, "", now)
			want("between the unchanged", true, "AM", "BY", "", c, "", now)
		}
		u.Publish(t, s, func(m *statement.Manifest) { m.Agreements[0].Until = end.UTC() })
	}
	want("both changed alike", true, "KZ", "AM", "", c, "", now)
	want("when it ends", false, "KZ", "AM", "", c, "", end)
	u.Publish(t, "AM", func(m *statement.Manifest) { m.Agreements = nil })
	want("denounced by one", false, "KZ", "AM", "", c, "", now)
	_, err := u.Directory.Agreement("KZ", "AM", "", c, "", now)
	if comity.CodeOf(err) != comity.CodeDenied {
		t.Errorf("code %s", comity.CodeOf(err))
	}
}

func TestDirectoryConcurrently(t *testing.T) {
	u := tokentest.NewUnion(t)
	var wg sync.WaitGroup
	for _, s := range u.Directory.States() {
		wg.Go(func() {
			for range 5 {
				u.Publish(t, s, func(m *statement.Manifest) { m.Name += "." })
			}
		})
		wg.Go(func() {
			last := int64(0)
			for range 500 {
				m, err := u.Directory.State(s)
				if err != nil || m.Number < last || len(m.Name) != len("State KZ")+int(m.Number)-1 {
					t.Errorf("%s: number %d after %d, name %q: %v", s, m.Number, last, m.Name, err)
					return
				}
				last = m.Number
				if _, err := u.Directory.Agreement("KZ", "AM", "", tokentest.Category, "", time.Now()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
