package postgres_test

import (
	"errors"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

// TestWallOfAnnotations: of what was accepted the walls show a third state what the
// predicate does: nothing that its author's marking keeps with the originator, and
// nothing of an exhibit or of a person whom full scope leaves out.
func TestWallOfAnnotations(t *testing.T) {
	db, d := openDatabase(t)
	defer db.Close()
	now := time.Now().UTC().Truncate(time.Microsecond)
	c := storage.Case{Case: comity.Case{ID: comity.NewID(comity.KindCase), State: "KZ", Agency: "KZ/cyber", Owner: "KZ:in-1", Category: "RANSOMWARE", Status: comity.CaseOpen,
		Marking: comity.DefaultMarking, Version: 1, CreatedAt: now, UpdatedAt: now, UpdatedAbroad: now, ListedAbroad: now}, Sealed: []byte("x")}
	person := func(role comity.SubjectRole, tlp comity.TLP) storage.Subject {
		return storage.Subject{Subject: comity.Subject{ID: comity.NewID(comity.KindSubject), Case: c.ID, State: "KZ", Kind: comity.SubjectPerson, Role: role,
			Marking: comity.Marking{TLP: tlp, PAP: comity.PAPAmber, Handling: comity.H0}, CreatedAt: now}, Sealed: []byte("x")}
	}
	suspect, victim, marked := person(comity.SubjectSuspect, comity.TLPAmber), person(comity.SubjectVictim, comity.TLPAmber), person(comity.SubjectSuspect, comity.TLPRed)
	exhibit := storage.Evidence{Evidence: comity.Evidence{ID: comity.NewID(comity.KindEvidence), Case: c.ID, State: "KZ", CreatedAt: now}, Sealed: []byte("x")}
	var notes []storage.Dispatch
	note := func(record comity.ID, tlp comity.TLP, h comity.Handling) comity.ID {
		n := storage.Dispatch{Dispatch: comity.Dispatch{ID: comity.NewID(comity.KindAnnotation), Kind: comity.DispatchAnnotation, State: "AM", To: "KZ", Officer: "AM:in-1",
			Case: c.ID, Record: record, Marking: comity.Marking{TLP: tlp, PAP: comity.PAPAmber, Handling: h}, Status: comity.DispatchAccepted, Version: 1, CreatedAt: now}, Sealed: []byte("y")}
		notes = append(notes, n)
		return n.ID
	}
	shown := map[comity.ID]bool{note(c.ID, comity.TLPAmber, comity.H1): true, note(suspect.ID, comity.TLPAmber, comity.H0): true}
	for _, id := range []comity.ID{victim.ID, marked.ID, exhibit.ID} {
		note(id, comity.TLPAmber, comity.H0)
	}
	note(c.ID, comity.TLPRed, comity.H0)
	note(c.ID, comity.TLPAmberStrict, comity.H0)
	note(c.ID, comity.TLPAmber, comity.H2)
	note(c.ID, comity.TLPAmber, comity.H3)
	g := comity.Grant{ID: comity.NewID(comity.KindGrant), Case: c.ID, State: "KZ", Liaison: "KZ:in-1", Grantee: comity.Grantee{State: "BY"}, Scope: comity.ScopeFull,
		Purpose: comity.PurposeInvestigation, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(20 * 365 * 24 * time.Hour), Status: comity.GrantActive, Version: 1, CreatedAt: now}
	err := db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
		err := errors.Join(tx.InsertCase(c, "wrapped"), tx.InsertGrant(g), tx.InsertSubjects([]storage.Subject{suspect, victim, marked}), tx.InsertEvidence(exhibit))
		for _, n := range notes {
			err = errors.Join(err, tx.InsertDispatch(n, "wrapped"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	conn := acting{app(t, d), t}
	for _, n := range notes {
		for state, want := range map[string]bool{"BY": shown[n.ID], "RU": false, "AM": true} {
			if rows, err := conn.run("officer", state, `SELECT 1 FROM dispatches WHERE id = $1`, n.ID); err != nil || (rows == 1) != want {
				t.Errorf("%s sees %d rows of one of %s, marked %+v: %v", state, rows, n.Record.Kind(), n.Marking, err)
			}
		}
	}
}
