package storagetest

import (
	"errors"
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

// ofAnotherState: no row of a state's is of another state's case, whoever writes it:
// the schema itself refuses it, and says so as no answer that an act could take for
// one of its own.
func ofAnotherState(t *testing.T, db storage.DB) {
	c := fileCase(t, db, kzOwner, noon)
	g := newGrant(c, comity.Grantee{State: "AM"}, noon)
	write(t, db, func(tx storage.Tx) error { return tx.InsertGrant(g) })
	for what, insert := range map[string]func(tx storage.Tx, by comity.State) error{
		"an entry": func(tx storage.Tx, by comity.State) error {
			return tx.InsertEntries([]storage.Entry{{Entry: comity.Entry{ID: comity.NewID(comity.KindEntry), Case: c.ID, State: by, CreatedAt: noon}, Sealed: []byte("x")}})
		},
		"a subject": func(tx storage.Tx, by comity.State) error {
			return tx.InsertSubjects([]storage.Subject{{Subject: comity.Subject{ID: comity.NewID(comity.KindSubject), Case: c.ID, State: by, CreatedAt: noon}, Sealed: []byte("x")}})
		},
		"an observable": func(tx storage.Tx, by comity.State) error {
			return tx.InsertObservables([]storage.Observable{{Observable: comity.Observable{ID: comity.NewID(comity.KindObservable), Case: c.ID, State: by, CreatedAt: noon}, Sealed: []byte("x")}})
		},
		"an exhibit": func(tx storage.Tx, by comity.State) error {
			return tx.InsertEvidence(storage.Evidence{Evidence: comity.Evidence{ID: comity.NewID(comity.KindEvidence), Case: c.ID, State: by, CreatedAt: noon}, Sealed: []byte("x")})
		},
		"a grant": func(tx storage.Tx, by comity.State) error {
			other := newGrant(c, comity.Grantee{State: "RU"}, noon)
			other.State = by
			return tx.InsertGrant(other)
		},
		"a release decision": func(tx storage.Tx, by comity.State) error {
			return tx.InsertRelease(comity.Release{ID: comity.NewID(comity.KindRelease), Case: c.ID, State: by, CreatedAt: noon})
		},
		"a hold": func(tx storage.Tx, by comity.State) error {
			return tx.InsertHold(storage.Hold{Hold: comity.Hold{ID: comity.NewID(comity.KindHold), Case: c.ID, State: by, CreatedAt: noon}, Sealed: []byte("x")})
		},
		"a withdrawal": func(tx storage.Tx, by comity.State) error {
			return tx.InsertWithdrawal(storage.Withdrawal{Withdrawal: comity.Withdrawal{ID: comity.NewID(comity.KindWithdrawal), Case: c.ID, State: by,
				Status: comity.WithdrawalPending, CreatedAt: noon}, Sealed: []byte("x")})
		},
		"an assessment": func(tx storage.Tx, by comity.State) error {
			return tx.InsertAssessment(storage.Assessment{Assessment: comity.Assessment{ID: comity.NewID(comity.KindAssessment), Case: c.ID, State: by, CreatedAt: noon}, Sealed: []byte("x")})
		},
		"an objection made to it": func(tx storage.Tx, by comity.State) error {
			return tx.InsertObjection(comity.Objection{ID: comity.NewID(comity.KindObjection), Grant: g.ID, Case: c.ID, State: "AM", To: by, CreatedAt: noon})
		},
	} {
		if err := db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error { return insert(tx, "BY") }); err == nil {
			t.Errorf("%s of BY's is written into KZ's case", what)
		} else if errors.Is(err, storage.ErrExists) || errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrConflict) {
			t.Errorf("%s of BY's in KZ's case is refused as %v", what, err)
		}
		write(t, db, func(tx storage.Tx) error { return insert(tx, "KZ") })
	}
}
