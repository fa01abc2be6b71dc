package client_test

import (
	"slices"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
)

// TestNamed: a person is released, tried, granted, shown and narrowed away by
// name; whom the server says a grant names is held against the state's statement.
func TestNamed(t *testing.T) {
	w := newWorld(t)
	w.Mandate(t, "KZ")
	ctx := t.Context()
	owner, liaison := w.as(t, "investigator@KZ"), w.as(t, "liaison@KZ")
	of := w.file(t, owner).ID
	added, err := owner.SubjectAdd(ctx, of, client.NewSubject{Kind: comity.SubjectPerson, Role: comity.SubjectVictim, Names: []client.SubjectName{{Name: "A victim"}}})
	must(t, err)
	victim := added[0].ID
	release, err := owner.ReleaseDecide(ctx, client.NewRelease{Case: of, Decider: comity.DeciderOwner, Grantee: "AM", Scope: comity.ScopeFull,
		Subjects: []comity.ID{victim}, Purpose: comity.PurposeInvestigation, NotAfter: w.Clock.Now().Add(30 * 24 * time.Hour)})
	must(t, err)
	if !slices.Equal(release.Subjects, []comity.ID{victim}) {
		t.Errorf("the release decision names %v", release.Subjects)
	}
	terms := w.terms(t, owner, of)
	terms.Release, terms.Subjects = release.ID, []comity.ID{victim}
	trial, err := liaison.GrantTry(ctx, terms)
	must(t, err)
	if len(trial.Named) != 1 || trial.Named[0].ID != victim || trial.Named[0].Role != comity.SubjectVictim || trial.Subjects.Open != 1 {
		t.Errorf("the trial names %+v, and opens %+v", trial.Named, trial.Subjects)
	}
	g, err := liaison.GrantMake(ctx, terms)
	must(t, err)
	if !g.Check.Verified() || !slices.Equal(g.Subjects, []comity.ID{victim}) {
		t.Errorf("the grant names %v, %v", g.Subjects, g.Check)
	}
	m := &middle{}
	foreign := w.through(t, "investigator@AM", m)
	seen := func(want int) {
		t.Helper()
		page, err := foreign.Subjects(ctx, of, comity.PurposeInvestigation, 10, "")
		must(t, err)
		if len(page.Nodes) != want {
			t.Errorf("Armenia sees %+v", page.Nodes)
		}
	}
	seen(1)
	for name, lie := range map[string][]any{"nobody": {}, "somebody else": {comity.NewID(comity.KindSubject)}, "one more": {victim, comity.NewID(comity.KindSubject)}} {
		m.on("Grant", func(data map[string]any) { data["node"].(map[string]any)["subjects"] = lie })
		if told, err := foreign.Grant(ctx, g.ID); err != nil || told.Check.Verified() || told.Check.Err() == nil {
			t.Errorf("a grant that is shown to name %s is taken: %v %v", name, told, err)
		}
	}
	narrowed, err := liaison.GrantNarrow(ctx, client.Narrowing{Grant: g.ID, Case: of, ExpectedVersion: g.Version, Scope: g.Scope, Caveats: *g.Caveats, NotAfter: g.NotAfter})
	must(t, err)
	if !narrowed.Check.Verified() || len(narrowed.Subjects) != 0 {
		t.Errorf("narrowed, the grant names %v, %v", narrowed.Subjects, narrowed.Check)
	}
	seen(0)
}
