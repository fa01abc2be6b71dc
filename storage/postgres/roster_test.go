package postgres_test

import (
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

// TestWallOfRosters: behind the predicates, abroad and to investigators a roster
// is the shift that covers now, with its key; to other officers abroad none of it.
func TestWallOfRosters(t *testing.T) {
	db, _ := openDatabase(t)
	defer db.Close()
	who := func(s comity.State, r comity.Role) comity.Officer {
		return comity.Officer{Issuer: "https://id." + string(s), Subject: string(r), State: s, Agency: comity.AgencyID(s + "/cyber"), Role: r, Pseudonym: "x"}
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	shift := func(from, until time.Duration, gone time.Time) storage.Shift {
		return storage.Shift{Shift: comity.Shift{ID: comity.NewID(comity.KindShift), State: "KZ", From: now.Add(from), Until: now.Add(until), CreatedAt: now, WithdrawnAt: gone}, Sealed: []byte("x")}
	}
	over, runs, next, gone := shift(-2*time.Hour, -time.Hour, time.Time{}), shift(-time.Hour, time.Hour, time.Time{}), shift(time.Hour, 2*time.Hour, time.Time{}), shift(-time.Hour, time.Hour, now)
	all := []storage.Shift{over, runs, next, gone}
	set := func(o comity.Officer) error {
		return db.Write(storage.As(t.Context(), o), func(tx storage.Tx) error {
			for _, s := range all {
				if err := tx.InsertShift(s, "wrapped"); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := set(who("AM", comity.RoleAuthority)); err == nil {
		t.Error("another state's authority set shifts")
	}
	if err := set(who("KZ", comity.RoleAuthority)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		o    comity.Officer
		want int
	}{
		{who("KZ", comity.RoleLiaison), 4}, {who("KZ", comity.RoleAuthority), 4}, {who("KZ", comity.RoleAuditor), 4}, {who("KZ", comity.RoleInvestigator), 1},
		{who("AM", comity.RoleLiaison), 1}, {who("AM", comity.RoleAuthority), 1}, {who("AM", comity.RoleAuditor), 0}, {who("AM", comity.RoleInvestigator), 0},
	} {
		err := db.Read(storage.As(t.Context(), c.o), func(tx storage.ReadTx) error {
			found, err := tx.Shifts("KZ", tx.Now(), true, storage.Page{Limit: 9})
			if err != nil {
				return err
			}
			keys, err := tx.RecordKeys([]comity.ID{over.ID, runs.ID, next.ID, gone.ID})
			if len(found) != c.want || len(keys) != c.want || c.want == 1 && (found[0].ID != runs.ID || keys[runs.ID] == nil) {
				t.Errorf("%s of %s finds %d shifts and %d keys, want %d", c.o.Role, c.o.State, len(found), len(keys), c.want)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}
