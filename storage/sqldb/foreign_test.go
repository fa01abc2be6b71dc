package sqldb_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/sqldb"
)

// TestGrantOfAnotherState: where the schema's own guard was taken off, a grant that
// another state made of a case opens it in no statement: not the case, nor its place
// in a list, nor what was accepted of it. On PostgreSQL each time the predicate is
// taken away, the wall behind it holds.
func TestGrantOfAnotherState(t *testing.T) {
	onBoth(t, func(t *testing.T, engine string, db opened) {
		if err := db.unguard(); err != nil {
			t.Fatal(err)
		}
		who := func(s comity.State) comity.Officer {
			return comity.Officer{Issuer: "https://id", Subject: "1", State: s, Agency: comity.AgencyID(s + "/cyber"), Role: comity.RoleInvestigator, Pseudonym: "in-1"}
		}
		owner, am := who("KZ"), who("AM")
		now := time.Now().UTC().Truncate(time.Microsecond)
		c := storage.Case{Case: comity.Case{ID: comity.NewID(comity.KindCase), State: "KZ", Agency: owner.Agency, Owner: owner.Ref(), Category: "RANSOMWARE", Status: comity.CaseOpen,
			Marking: comity.DefaultMarking, Version: 1, CreatedAt: now, UpdatedAt: now, UpdatedAbroad: now, ListedAbroad: now}, Sealed: []byte("x")}
		g := comity.Grant{ID: comity.NewID(comity.KindGrant), Case: c.ID, State: "BY", Liaison: who("BY").Ref(), Grantee: comity.Grantee{State: "AM"}, Scope: comity.ScopeFull,
			Purpose: comity.PurposeInvestigation, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), Status: comity.GrantActive, Version: 1, CreatedAt: now}
		note := storage.Dispatch{Dispatch: comity.Dispatch{ID: comity.NewID(comity.KindAnnotation), Kind: comity.DispatchAnnotation, State: "RU", To: "KZ", Officer: "RU:in-1", Case: c.ID,
			Record: c.ID, Marking: comity.DefaultMarking, Status: comity.DispatchAccepted, Version: 1, CreatedAt: now}, Sealed: []byte("x")}
		err := db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
			return errors.Join(tx.InsertCase(c, "wrapped"), tx.Assign(c.ID, string(owner.Ref()), owner.Ref()), tx.InsertGrant(g), tx.InsertDispatch(note, "wrapped"))
		})
		if err != nil {
			t.Fatal(err)
		}
		v := storage.Viewer{Officer: am, At: now}
		// found is what AM finds: the case, its place, its inner records' parent, what was accepted.
		found := func(ctx context.Context) (all [4]int) {
			t.Helper()
			err := db.Read(ctx, func(tx storage.ReadTx) error {
				predicate, err := sqldb.Found(tx, v, c.ID)
				if err != nil {
					return err
				}
				views, err := tx.Cases(v, []comity.ID{c.ID})
				if err != nil {
					return err
				}
				places, err := sqldb.Places(tx, c.ID, "AM")
				if err != nil {
					return err
				}
				notes, err := tx.ListDispatches(v, storage.DispatchFilter{Kind: comity.DispatchAnnotation, Case: c.ID, Shown: true}, storage.Page{Limit: 9})
				all = [4]int{predicate, len(views), places, len(notes)}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return all
		}
		none := [4]int{}
		for _, ctx := range []context.Context{storage.AsSystem(t.Context()), storage.As(t.Context(), am)} {
			if n := found(ctx); n != none {
				t.Errorf("of the case, its view, its place in lists and what was accepted are found %v", n)
			}
		}
		restore := sqldb.Without(db.DB, sqldb.OfItsState)
		defer restore()
		if n := found(storage.AsSystem(t.Context())); n != [4]int{1, 0, 0, 1} {
			t.Errorf("without the predicate are found %v: it is not what hides the case", n)
		}
		if n := found(storage.As(t.Context(), am)); engine == "postgres" && n != none {
			t.Errorf("without the predicate row-level security leaves AM %v", n)
		}
		// The place in the lists is derived when a grant moves.
		err = db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
			g.Version++
			return tx.UpdateGrant(g, g.Version-1)
		})
		if err != nil {
			t.Fatal(err)
		}
		if n := found(storage.AsSystem(t.Context())); n[2] != 1 {
			t.Errorf("without the predicate there are %d places", n[2])
		}
	})
}
