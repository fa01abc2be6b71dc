package exchange_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/postgres"
	"github.com/comity-platform/comity/storage/postgres/postgrestest"
	"github.com/comity-platform/comity/storage/sqlite"
	"github.com/comity-platform/comity/storage/sqlite/sqlitetest"
)

// onOwned runs a test on both engines with a connection of the database's owner,
// who takes off what the schema holds the operator to.
func onOwned(t *testing.T, test func(t *testing.T, w *exchangetest.World, owner *sql.DB)) {
	t.Run("SQLite", func(t *testing.T) {
		path := sqlitetest.File(t)
		w := exchangetest.NewWith(t, exchangetest.Options{DB: func(t testing.TB, now func() time.Time) storage.DB {
			db, err := sqlite.Open(context.Background(), path, sqlite.Options{Now: now})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { db.Close() })
			return db
		}})
		raw, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)")
		must(t, err)
		defer raw.Close()
		exec(t, raw, `DROP TRIGGER grants_of_case_inserted`)
		test(t, w, raw)
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		d := postgrestest.Database(t)
		w := exchangetest.NewWith(t, exchangetest.Options{DB: func(t testing.TB, now func() time.Time) storage.DB {
			db, err := postgres.Open(context.Background(), d.AppDSN, postgres.Options{Now: now})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { db.Close() })
			return db
		}})
		raw, err := sql.Open("pgx", d.OwnerDSN)
		must(t, err)
		defer raw.Close()
		exec(t, raw, `ALTER TABLE grants DROP CONSTRAINT grants_of_case`)
		test(t, w, raw)
	})
}

// byAnother is a grant of KZ's case that a turned liaison of BY signs, with the row
// that the operator would write for it.
func byAnother(t *testing.T, w *exchangetest.World, c comity.ID, keys custodian.Custodian) (comity.Grant, error) {
	t.Helper()
	by := w.As(t, "liaison@BY")
	b := by.GrantBody("AM", comity.NewID(comity.KindRelease))
	canonical, err := statement.Canonical(b)
	must(t, err)
	asker := statement.Asker{Token: by.Identity().Token, Act: by.Sign(t, statement.Act{Act: statement.ActGrantMake, Record: c, Purpose: b.Purpose}, b)}
	jws, err := keys.Sign(t.Context(), custodian.SignOrder{Asker: asker, Kind: statement.KindGrant, ID: b.ID, Record: c, Body: canonical})
	if err != nil {
		return comity.Grant{}, err
	}
	must(t, keys.Apply(t.Context(), jws))
	s, err := w.Directory.VerifyStatement(jws)
	must(t, err)
	return comity.Grant{ID: b.ID, Case: c, State: "BY", Liaison: s.Officer.Ref, Function: s.Officer.Function, Grantee: b.Grantee, Scope: b.Scope,
		Grade: b.Grade, Caveats: b.Caveats, Purpose: b.Purpose, Agreement: b.Agreement, AgreementHash: s.Agreement.Hash, Release: b.Release,
		NotBefore: time.Unix(b.NotBefore, 0).UTC(), NotAfter: time.Unix(b.NotAfter, 0).UTC(), Status: comity.GrantActive, Version: 1,
		CreatedAt: w.Clock.Now(), Statement: jws}, nil
}

// TestGrantByAnotherState: a grant of KZ's case that BY signed opens nothing, whoever
// wrote its row: BY's custodian signs none of a case whose key it never made, and
// where it does (who holds its login had it make one) the exchange takes the grant
// for none of the case, also after the schema's own guard was taken off, and of a
// case that its state reserved.
func TestGrantByAnotherState(t *testing.T) {
	onOwned(t, func(t *testing.T, w *exchangetest.World, owner *sql.DB) {
		c := w.As(t, "investigator@KZ").FileCase(t, "KZ's own matter", "AM")
		if _, err := byAnother(t, w, c, w.Custodians["BY"]); comity.CodeOf(err) != comity.CodeNotFound {
			t.Errorf("BY's custodian of KZ's case: %v", err)
		}
		if _, _, err := w.Custodians["BY"].NewRecordKey(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		row, err := byAnother(t, w, c, w.Custodians["BY"])
		must(t, err)
		must(t, w.DB.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error { return tx.InsertGrant(row) }))
		shut := func(what string) {
			t.Helper()
			for _, name := range []string{"investigator@AM", "liaison@AM"} {
				am := w.As(t, name)
				if v := caseOf(t, am, c, comity.PurposeInvestigation); v != nil {
					t.Errorf("%s: %s is shown %s %+v", what, name, v.Access.Level, v.Text)
				}
				if l := listed(t, am, storage.CaseFilter{}); len(l) != 0 {
					t.Errorf("%s: %s is listed %v", what, name, l)
				}
			}
		}
		shut("a row of BY's grant")
		// Nor by a row of the visibility table beside it.
		exec(t, owner, `INSERT INTO visibility (viewer, updated_at, case_id, grant_id, valid_from, valid_until, orig_state, orig_agency, category, status,
			via_agency, purpose, agreement_hash, tlp, seconded) SELECT g.viewer, c.updated_at, c.id, g.id, g.not_before, g.not_after, c.state, c.agency, c.category,
			c.status, '', g.purpose, g.agreement_hash, c.tlp, false FROM grants g JOIN cases c ON c.id = g.case_id`)
		shut("with its place in the lists")
	})
}

// misled is a database whose predicates and walls let a foreign grant through.
type misled struct {
	storage.DB
	owner storage.Viewer
	grant comity.Grant
}

func (d *misled) Read(ctx context.Context, f func(storage.ReadTx) error) error {
	return d.DB.Read(ctx, func(tx storage.ReadTx) error { return f(misledTx{tx, d}) })
}

type misledTx struct {
	storage.ReadTx
	d *misled
}

func (tx misledTx) Cases(v storage.Viewer, ids []comity.ID) (map[comity.ID]storage.CaseView, error) {
	if tx.d.grant.ID == "" || v.Officer.State != tx.d.grant.Grantee.State {
		return tx.ReadTx.Cases(v, ids)
	}
	found, err := tx.ReadTx.Cases(storage.Viewer{Officer: tx.d.owner.Officer, At: v.At}, ids)
	for id, c := range found {
		found[id] = storage.CaseView{Case: c.Case, Grants: []comity.Grant{tx.d.grant}}
	}
	return found, err
}

// TestTermsOfAnotherState: what BY signed opens no case of KZ's even where nothing
// in the database stands in between, and BY's register is not asked.
func TestTermsOfAnotherState(t *testing.T) {
	d := &misled{}
	w := exchangetest.NewWith(t, exchangetest.Options{DB: func(t testing.TB, now func() time.Time) storage.DB {
		d.DB = exchangetest.SQLite(t, now)
		return d
	}})
	kz := w.As(t, "investigator@KZ")
	c := kz.FileCase(t, "KZ's own matter", "AM")
	_, _, err := w.Custodians["BY"].NewRecordKey(t.Context(), c)
	must(t, err)
	row, err := byAnother(t, w, c, w.Custodians["BY"])
	must(t, err)
	d.owner.Officer, d.grant = kz.Identity().Officer, row
	if v := caseOf(t, w.As(t, "investigator@AM"), c, comity.PurposeInvestigation); v != nil && (v.Text != nil || v.Access.Level != sovereignty.AccessNone) {
		t.Errorf("AM reads %s %+v", v.Access.Level, v.Text)
	}
}
