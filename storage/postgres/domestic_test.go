package postgres_test

import (
	"errors"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

// TestWallOfHolds: holds and withdrawals are seen by who is assigned to their case, and
// a hold for another state's request by who sees that, which tells of what is preserved.
func TestWallOfHolds(t *testing.T) {
	db, _ := openDatabase(t)
	defer db.Close()
	who := func(pseudonym string, r comity.Role) comity.Officer {
		return comity.Officer{Issuer: "https://id", Subject: pseudonym, State: "KZ", Agency: "KZ/cyber", Role: r, Pseudonym: pseudonym}
	}
	owner, colleague, liaison := who("in-1", comity.RoleInvestigator), who("in-2", comity.RoleInvestigator), who("li-1", comity.RoleLiaison)
	now := time.Now().UTC().Truncate(time.Microsecond)
	c := storage.Case{Case: comity.Case{ID: comity.NewID(comity.KindCase), State: "KZ", Agency: owner.Agency, Owner: owner.Ref(), Category: "RANSOMWARE", Status: comity.CaseOpen,
		Marking: comity.DefaultMarking, Version: 1, CreatedAt: now, UpdatedAt: now, UpdatedAbroad: now, ListedAbroad: now}, Sealed: []byte("x")}
	r := storage.Request{Request: comity.Request{ID: comity.NewID(comity.KindRequest), State: "AM", Agency: "AM/cyber", Officer: "AM:in-1", To: "KZ", Kind: comity.RequestPreservation,
		Urgency: comity.UrgencyRoutine, Category: "RANSOMWARE", Purpose: comity.PurposeInvestigation, Status: comity.RequestSent, Marking: comity.DefaultMarking, Version: 1,
		CreatedAt: now, UpdatedAt: now, DueAt: now.Add(time.Hour)}, Sealed: []byte("x")}
	h := storage.Hold{Hold: comity.Hold{ID: comity.NewID(comity.KindHold), Case: c.ID, State: "KZ", Officer: liaison.Ref(), Request: r.ID, NotAfter: now.Add(24 * time.Hour), CreatedAt: now}, Sealed: []byte("x")}
	w := storage.Withdrawal{Withdrawal: comity.Withdrawal{ID: comity.NewID(comity.KindWithdrawal), Case: c.ID, State: "KZ", ProposedBy: "KZ:au-1", ApprovedBy: "KZ:au-2",
		DueAt: now.Add(72 * time.Hour), Status: comity.WithdrawalPending, CreatedAt: now}, Sealed: []byte("x")}
	if err := db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
		return errors.Join(tx.InsertCase(c, "wrapped"), tx.Assign(c.ID, string(owner.Ref()), owner.Ref()), tx.InsertRequest(r, "wrapped"), tx.InsertHold(h), tx.InsertWithdrawal(w))
	}); err != nil {
		t.Fatal(err)
	}
	type seen struct{ held, withdrawing, preserved bool }
	for _, is := range []struct {
		who  comity.Officer
		want seen
	}{{owner, seen{true, true, true}}, {colleague, seen{}}, {liaison, seen{true, false, true}}} {
		var got seen
		err := db.Read(storage.As(t.Context(), is.who), func(tx storage.ReadTx) (err error) {
			var errs [3]error
			got.held, errs[0] = tx.Held(c.ID, now)
			got.withdrawing, errs[1] = tx.Withdrawing(c.ID)
			got.preserved, errs[2] = tx.Preserved(r.ID, now)
			return errors.Join(errs[:]...)
		})
		if err != nil || got != is.want {
			t.Errorf("%s is left %+v: %v, wanted %+v", is.who.Ref(), got, err, is.want)
		}
	}
}
