package comity

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestGranteeCovers(t *testing.T) {
	o := Officer{State: "AM", Agency: "AM/cyber", Role: RoleInvestigator, Pseudonym: "inv-1"}
	for _, test := range []struct {
		g      Grantee
		covers bool
		viewer string
	}{
		{Grantee{State: "AM"}, true, "AM"},
		{Grantee{State: "BY"}, false, "BY"},
		{Grantee{State: "AM", Agency: "AM/cyber"}, true, "AM/cyber"},
		{Grantee{State: "AM", Agency: "AM/ct"}, false, "AM/ct"},
		{Grantee{State: "AM", Officer: "AM:inv-1"}, true, "AM:inv-1"},
		{Grantee{State: "AM", Officer: "AM:inv-2"}, false, "AM:inv-2"},
		{Grantee{State: "AM", Agency: "AM/ct", Officer: "AM:inv-1"}, false, "AM:inv-1"},
	} {
		if got := test.g.Covers(o); got != test.covers || test.g.Viewer() != test.viewer {
			t.Errorf("%+v covers %v, viewer %s", test.g, got, test.g.Viewer())
		}
	}
	for _, g := range []Grantee{{}, {State: "am"}, {State: "AM", Agency: "BY/cyber"}, {State: "AM", Officer: "BY:x"}, {State: "AM", Officer: "AM:"}} {
		if g.Check() == nil {
			t.Errorf("%+v is taken", g)
		}
	}
}

func TestGrantLive(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	g := Grant{Status: GrantActive, NotBefore: now, NotAfter: now.Add(time.Hour)}
	for at, want := range map[time.Duration]bool{-1: false, 0: true, time.Hour - 1: true, time.Hour: false} {
		if g.Live(now.Add(at)) != want {
			t.Errorf("%s after its beginning: live %v", at, !want)
		}
	}
	for _, s := range []GrantStatus{GrantPending, GrantRevoked, GrantEnded} {
		g.Status = s
		if g.Live(now) {
			t.Errorf("a grant that is %s is live", s)
		}
	}
}

func TestErrors(t *testing.T) {
	cause := errors.New("inner")
	err := fmt.Errorf("outer: %w", Unavailable("the database", cause))
	if CodeOf(err) != CodeUnavailable || !errors.Is(err, cause) || CodeOf(cause) != CodeInternal {
		t.Errorf("codes %s and %s", CodeOf(err), CodeOf(cause))
	}
	// What is hidden and what is absent are one answer.
	if a, b := NotFound(), NotFound(); a.Error() != b.Error() || a.Article != 0 {
		t.Errorf("%v, %v", a, b)
	}
	if got := Denied(ArticleTerm, "the grant has ended", "").Error(); got != "the grant has ended (Article 11, Term and withdrawal)" {
		t.Error(got)
	}
	for a := Article(0); a < 20; a++ {
		if a.Valid() != (a >= 1 && a <= 16) || a.Valid() == (a.Name() == "") {
			t.Errorf("article %d: valid %v, name %q", a, a.Valid(), a.Name())
		}
	}
}

func TestProtected(t *testing.T) {
	for s, want := range map[Subject]bool{{Role: SubjectSuspect}: false, {Role: SubjectVictim}: true, {Role: SubjectWitness}: true,
		{Role: SubjectContact}: false, {Role: SubjectSuspect, Minor: true}: true} {
		if s.Protected() != want {
			t.Errorf("%+v: protected %v", s, !want)
		}
	}
}

func TestHighest(t *testing.T) {
	for want, of := range map[Classification][]Classification{
		Unclassified: {"", Unclassified, ""},
		Secret:       {Restricted, Secret, "", Confidential},
		TopSecret:    {TopSecret, Unclassified},
		"COSMIC":     {TopSecret, "COSMIC"},
	} {
		if got := Highest(of...); got != want {
			t.Errorf("of %v the highest is %q, not %q", of, got, want)
		}
	}
	if got := Highest(); got != Unclassified {
		t.Errorf("nothing declared is %q", got)
	}
}
