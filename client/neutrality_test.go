package client_test

import (
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/crypto/token/tokentest"
)

// TestNeutrality: a case is assessed, and a grant of it objected to, through the
// client alone; what comes back is verified.
func TestNeutrality(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.Mandate(t, "KZ")
	owner, liaison, recipient := w.as(t, "investigator@KZ"), w.as(t, "liaison@KZ"), w.as(t, "liaison@AM")
	filed, err := owner.CaseFile(ctx, client.NewCase{Category: tokentest.Category, Title: "A case",
		Nexus: []comity.Nexus{{Basis: comity.NexusTerritory, State: "KZ"}, {Basis: comity.NexusEffects, State: "AM"}}})
	must(t, err)
	c := filed.ID
	release, err := owner.ReleaseDecide(ctx, client.NewRelease{Case: c, Decider: comity.DeciderOwner, Grantee: "AM", Scope: comity.ScopeFull,
		Purpose: comity.PurposeInvestigation, NotAfter: w.Clock.Now().Add(48 * time.Hour)})
	must(t, err)
	now := w.Clock.Now().Truncate(time.Second)
	grant, err := liaison.GrantMake(ctx, client.NewGrant{Case: c, Category: tokentest.Category, Grantee: comity.Grantee{State: "AM"}, Scope: comity.ScopeFull, Grade: comity.GradeLead,
		Caveats: comity.Caveats{Marking: comity.DefaultMarking}, Purpose: comity.PurposeInvestigation, Agreement: tokentest.Agreement, Release: release.ID,
		NotBefore: now.Add(-time.Second), NotAfter: now.Add(time.Hour)})
	must(t, err)

	objected, err := recipient.GrantObject(ctx, c, grant.ID, comity.CharacterPolitical)
	must(t, err)
	if len(objected.Objections) != 1 || !objected.Objections[0].Check.Verified() || objected.Objections[0].Ground != comity.CharacterPolitical {
		t.Fatalf("the grant shows the objections %+v", objected.Objections)
	}
	if seen, err := liaison.Grant(ctx, grant.ID); err != nil || len(seen.Objections) != 1 || !seen.Objections[0].Check.Verified() {
		t.Fatalf("its originator sees %+v, %v", seen, err)
	}
	in := client.NewAssessment{Category: tokentest.Category, Character: comity.CharacterReligious, Conduct: "servers were encrypted", Motive: "zeal", Context: "a sect"}
	read, err := liaison.Case(ctx, c, "")
	must(t, err)
	_, err = owner.CaseAssess(ctx, c, read.Version, in)
	want(t, err, comity.CodeDenied, comity.ArticleNeutrality)
	_, err = liaison.CaseAssess(ctx, c, read.Version, in)
	must(t, err)
	read, err = owner.Case(ctx, c, "")
	must(t, err)
	if a := read.Assessments; len(a) != 1 || !a[0].Check.Verified() || a[0].Motive != "zeal" || a[0].Character != comity.CharacterReligious {
		t.Fatalf("the case shows the assessments %+v", a)
	}
	abroad, err := recipient.Case(ctx, c, comity.PurposeInvestigation)
	must(t, err)
	if abroad.Title != "" || abroad.Access.Redactions[0].Article != comity.ArticleNeutrality || len(abroad.Assessments) != 0 {
		t.Fatalf("abroad the case shows %+v", abroad)
	}
}
