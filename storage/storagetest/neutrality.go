package storagetest

import (
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

// neutrality: assessments of a case and objections to a grant, oldest first,
// and the latest assessment with the case.
func neutrality(t *testing.T, db storage.DB) {
	c := fileCase(t, db, kzOwner, noon)
	g := grant(t, db, c, comity.Grantee{State: "AM"}, noon)
	var all []storage.Assessment
	var against []comity.Objection
	for i := range 2 {
		all = append(all, storage.Assessment{Assessment: comity.Assessment{ID: comity.NewID(comity.KindAssessment), Case: c.ID, State: "KZ", Officer: kzLiaison.Ref(),
			Function: "Liaison officer", Category: "FRAUD", Character: comity.CharacterPolitical, CreatedAt: hours(i)}, Sealed: []byte("reasons")})
		against = append(against, comity.Objection{ID: comity.NewID(comity.KindObjection), Grant: g.ID, Case: c.ID, State: "AM", To: "KZ", Officer: "AM:li",
			Function: "Liaison officer", Ground: comity.CharacterMilitary, CreatedAt: hours(i), Statement: "objection.jws"})
	}
	assessed := comity.Assessed{Category: "FRAUD", Character: comity.CharacterPolitical, By: kzLiaison.Ref()}
	write(t, db, func(tx storage.Tx) error {
		for i := range all {
			if err := tx.InsertAssessment(all[1-i]); err != nil {
				return err
			}
			if err := tx.InsertObjection(against[1-i]); err != nil {
				return err
			}
		}
		is, err := tx.LockCase(c.ID)
		if err != nil {
			return err
		}
		is.Assessed = assessed
		is.Version++
		return tx.UpdateCase(is, is.Version-1)
	})
	read(t, db, func(r storage.ReadTx) error {
		found, err := r.Assessments([]comity.ID{c.ID, "case1_x"})
		if err != nil {
			return err
		}
		equal(t, "assessments", found, map[comity.ID][]storage.Assessment{c.ID: all})
		objections, err := r.Objections([]comity.ID{g.ID, "grant1_x"})
		if err != nil {
			return err
		}
		equal(t, "objections", objections, map[comity.ID][]comity.Objection{g.ID: against})
		cases, err := r.Cases(storage.Viewer{Officer: kzOwner, At: noon}, []comity.ID{c.ID})
		equal(t, "the case", cases[c.ID].Assessed, assessed)
		return err
	})
	listed := func() int {
		return len(list(t, db, amInv, hours(1), storage.CaseFilter{}, storage.Page{Limit: 9}))
	}
	if n := listed(); n != 0 {
		t.Errorf("of what is not to be shared %d cases are listed abroad", n)
	}
	grant(t, db, c, comity.Grantee{State: "AM"}, noon)
	if n := listed(); n != 0 {
		t.Errorf("granted after it was found not to be shared, %d cases are listed abroad", n)
	}
}
