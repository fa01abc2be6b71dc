package exchange_test

import (
	"slices"
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
)

// change is a change of a case at the version that it has.
func change(t *testing.T, o *exchangetest.Officer, c comity.ID, f func(*exchange.UpdateCase)) error {
	t.Helper()
	u := &exchange.UpdateCase{Key: exchangetest.Key(), ID: c, ExpectedVersion: caseOf(t, o, c, "").Version}
	f(u)
	return o.Try(t, u)
}

// TestNeutralityIsNotRelabelled: a case that is in a category prone to political
// matters is not made shareable by another label, nor one that is granted put
// into such a category or cut from its cross-border element while grants run.
func TestNeutralityIsNotRelabelled(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		b := newBench(t)
		prone, plain := comity.Category("INTRUSION_GOVERNMENT"), comity.Category(tokentest.Category)
		for _, s := range []comity.State{"KZ", "AM"} {
			b.Publish(t, s, func(m *statement.Manifest) {
				m.Agreements = slices.Clone(m.Agreements)
				m.Agreements[0].Categories = []comity.Category{plain, prone}
			})
		}
		label := func(c comity.ID, k comity.Category) error {
			return change(t, b.owner, c, func(u *exchange.UpdateCase) { u.Category = &k })
		}
		home := []comity.Nexus{{Basis: comity.NexusTerritory, State: "KZ"}}
		unlinked := func(u *exchange.UpdateCase) { u.Nexus = home }

		// Filed as what it is, or put right while nothing is granted.
		political := b.owner.FileCase(t, "A case", "AM")
		must(t, label(political, prone))
		release := b.owner.Release(t, political, "AM")
		want(t, b.liaison.Try(t, b.liaison.MakeGrant(t, political, b.liaison.GrantBody("AM", release))), comity.CodeDenied, comity.ArticleNeutrality)
		want(t, label(political, plain), comity.CodeDenied, comity.ArticleNeutrality)

		granted := b.owner.FileCase(t, "Another", "AM")
		grant := b.liaison.MakeGrant(t, granted, b.liaison.GrantBody("AM", b.owner.Release(t, granted, "AM")))
		b.liaison.Do(t, grant)
		want(t, label(granted, prone), comity.CodeDenied, comity.ArticleNeutrality)
		want(t, change(t, b.owner, granted, unlinked), comity.CodeDenied, comity.ArticleExternalNexus)
		if v := caseOf(t, b.foreign, granted, comity.PurposeInvestigation); v == nil || v.Text == nil {
			t.Fatal("what was refused changed what is read abroad")
		}
		b.liaison.Do(t, b.liaison.Revoke(t, granted, grant.Body.ID))
		must(t, label(granted, prone))
		must(t, change(t, b.owner, granted, unlinked))
	})
}

// TestGrantAsStrictAsItsCase: the caveats of a grant bind at least as the case's
// own marking does.
func TestGrantAsStrictAsItsCase(t *testing.T) {
	b := newBench(t)
	c := b.owner.FileCase(t, "A case", "AM")
	strict := comity.Marking{TLP: comity.TLPAmberStrict, PAP: comity.PAPRed, Handling: comity.H3}
	must(t, change(t, b.owner, c, func(u *exchange.UpdateCase) { u.Marking = &strict }))
	release := b.owner.Release(t, c, "AM")
	grant := func(m comity.Marking) error {
		body := b.liaison.GrantBody("AM", release)
		body.Caveats.Marking = m
		return b.liaison.Try(t, b.liaison.MakeGrant(t, c, body))
	}
	for _, laxer := range []comity.Marking{{TLP: comity.TLPClear, PAP: comity.PAPRed, Handling: comity.H3},
		{TLP: comity.TLPAmberStrict, PAP: comity.PAPAmber, Handling: comity.H3}, {TLP: comity.TLPAmberStrict, PAP: comity.PAPRed, Handling: comity.H0}} {
		want(t, grant(laxer), comity.CodeDenied, comity.ArticlePurpose)
	}
	must(t, grant(strict))
}

// TestNothingChanges: an act that would leave everything as it is is refused.
func TestNothingChanges(t *testing.T) {
	g := newGranted(t)
	was := caseOf(t, g.owner, g.c, "")
	for name, f := range map[string]func(*exchange.UpdateCase){
		"no field":        func(*exchange.UpdateCase) {},
		"the same title":  func(u *exchange.UpdateCase) { u.Title = &was.Text.Title },
		"the same fields": func(u *exchange.UpdateCase) { u.Category, u.Marking, u.Nexus = &was.Category, &was.Marking, was.Nexus },
	} {
		if err := change(t, g.owner, g.c, f); comity.CodeOf(err) != comity.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if is := caseOf(t, g.owner, g.c, ""); is.Version != was.Version {
		t.Errorf("the version moved from %d to %d", was.Version, is.Version)
	}
	same := g.grant.Body
	n := &exchange.NarrowGrant{Key: exchangetest.Key(), Grant: g.grant.Body.ID, ExpectedVersion: 2,
		Body: statement.NarrowBody{Case: g.c, Scope: same.Scope, Exhibits: same.Exhibits, Caveats: same.Caveats, NotAfter: same.NotAfter}}
	n.Act = g.liaison.Sign(t, statement.Act{Act: statement.ActGrantNarrow, Record: g.grant.Body.ID}, n.Body)
	want(t, g.liaison.Try(t, n), comity.CodeInvalid, 0)
}
