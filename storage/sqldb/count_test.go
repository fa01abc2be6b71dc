package sqldb_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/sqldb"
)

// TestCountOfWrongPlaces: a count looks behind the places in the viewers' orders, as
// a list does: one that shows what nobody assigned or granted does not count. On
// PostgreSQL the wall behind it holds where a case of another state is concerned.
func TestCountOfWrongPlaces(t *testing.T) {
	onBoth(t, func(t *testing.T, engine string, db opened) {
		who := func(s comity.State, pseudonym string) comity.Officer {
			return comity.Officer{Issuer: "https://id", Subject: pseudonym, State: s, Agency: comity.AgencyID(s + "/cyber"), Role: comity.RoleInvestigator, Pseudonym: pseudonym}
		}
		owner, colleague, abroad := who("KZ", "in-1"), who("KZ", "in-2"), who("AM", "in-1")
		now := time.Now().UTC().Truncate(time.Microsecond)
		c := storage.Case{Case: comity.Case{ID: comity.NewID(comity.KindCase), State: "KZ", Agency: owner.Agency, Owner: owner.Ref(), Category: "RANSOMWARE", Status: comity.CaseOpen,
			Marking: comity.DefaultMarking, Version: 1, CreatedAt: now, UpdatedAt: now, UpdatedAbroad: now, ListedAbroad: now}, Sealed: []byte("x")}
		place := func(viewer string, grant comity.ID) string {
			return fmt.Sprintf(`INSERT INTO visibility (viewer, updated_at, case_id, grant_id, valid_from, valid_until, orig_state, orig_agency, category, status,
				via_agency, purpose, agreement_hash, tlp, seconded) VALUES ('%s', 1, '%s', '%s', 0, 9223372036854775807, 'KZ', 'KZ/cyber', 'RANSOMWARE', 'OPEN', '', '', '', 'AMBER', false)`,
				viewer, c.ID, grant)
		}
		err := db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
			return errors.Join(tx.InsertCase(c, "wrapped"), tx.Assign(c.ID, string(owner.Ref()), owner.Ref()),
				sqldb.Exec(tx, place(string(colleague.Ref()), "")), sqldb.Exec(tx, place("AM", comity.NewID(comity.KindGrant))))
		})
		if err != nil {
			t.Fatal(err)
		}
		count := func(ctx context.Context, o comity.Officer) (n int) {
			t.Helper()
			err := db.Read(ctx, func(tx storage.ReadTx) (err error) {
				n, err = tx.CountCases(storage.Viewer{Officer: o, At: tx.Now()}, storage.CaseFilter{}, 9)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		for o, want := range map[comity.Officer]int{owner: 1, colleague: 0, abroad: 0} {
			if n := count(storage.AsSystem(t.Context()), o); n != want {
				t.Errorf("%s counts %d, wanted %d", o.Ref(), n, want)
			}
		}
		restore := sqldb.Without(db.DB, sqldb.Counted)
		defer restore()
		for _, o := range []comity.Officer{colleague, abroad} {
			if n := count(storage.AsSystem(t.Context()), o); n != 1 {
				t.Errorf("without the predicate %s counts %d: it is not what hides the case", o.Ref(), n)
			}
		}
	})
}
