package exchange_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/deploy/stack/stacktest"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/postgres"
	"github.com/comity-platform/comity/storage/postgres/postgrestest"
	"github.com/comity-platform/comity/storage/sqlite"
)

func withdrawals(t *testing.T, o *exchangetest.Officer) []exchange.WithdrawalView {
	t.Helper()
	var page exchange.Page[exchange.WithdrawalView]
	o.Read(t, func(r *exchange.Reader) (err error) { page, err = r.ListWithdrawals("", 50, ""); return err })
	return page.Items
}

// gone checks that a case is a tombstone at home and ended abroad, and that
// nobody can do anything with it.
func (g *granted) gone(t *testing.T) {
	t.Helper()
	v := caseOf(t, g.owner, g.c, "")
	if v == nil || v.Status != comity.CaseWithdrawn || v.Text != nil || len(v.Access.Redactions) != 1 || v.Access.Redactions[0].Article != comity.ArticleTerm {
		t.Errorf("at home it is shown as %+v", v)
	}
	g.owner.Read(t, func(r *exchange.Reader) error {
		exhibits, err := r.Evidence([]*exchange.CaseView{v}, 9, "")
		if len(exhibits[g.c].Items) != 0 {
			t.Errorf("it shows exhibits: %+v", exhibits)
		}
		return err
	})
	if l := level(t, g.foreign, g.c); l != sovereignty.AccessEnded {
		t.Errorf("abroad it opens %s", l)
	}
	owner, liaison := g.As(t, "investigator@KZ"), g.As(t, "liaison@KZ")
	open, _ := owner.Opening(t, g.exhibit, g.header, "", "")
	want(t, owner.Try(t, open), comity.CodeDenied, comity.ArticleTerm)
	want(t, owner.Try(t, &exchange.AddRecords{Key: exchangetest.Key(), Case: g.c, Entries: []exchange.NewEntry{{Text: comity.EntryText{Text: "x"}}}}),
		comity.CodeDenied, comity.ArticleTerm)
	want(t, liaison.Try(t, liaison.MakeGrant(t, g.c, liaison.GrantBody("AM", g.release))), comity.CodeDenied, comity.ArticleTerm)
	if n := done(t, g, "auditor@KZ", "caseWithdrawn", g.c); n != 1 {
		t.Errorf("%d entries say that it is withdrawn", n)
	}
	if n := done(t, g, "auditor@AM", "grantEnded", g.grant.Body.ID); n != 1 {
		t.Errorf("Armenia reads %d times that the grant ended", n)
	}
	for _, c := range about(logOf(t, g.World, "auditor@AM"), g.c) {
		if c.Outcome == audit.Done && strings.HasPrefix(c.Act, "caseWithdraw") {
			t.Errorf("Armenia reads %+v", c)
		}
	}
}

// TestWithdrawal: two officers, 72 hours, and then the key is gone.
func TestWithdrawal(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		g := newGranted(t)
		second := g.second(t)
		w := comity.NewID(comity.KindWithdrawal)
		want(t, g.liaison.Try(t, g.liaison.Withdraw(t, g.c, w, "")), comity.CodeDenied, comity.ArticleTerm)
		want(t, g.foreign.Try(t, g.foreign.Withdraw(t, g.c, w, "")), comity.CodeDenied, comity.ArticleNonInterference)
		propose := g.authority.Withdraw(t, g.c, w, "")
		g.authority.Do(t, propose)
		want(t, g.authority.Try(t, g.authority.Withdraw(t, g.c, w, propose.Proposed)), comity.CodeDenied, comity.ArticleTerm)
		want(t, second.Try(t, second.Withdraw(t, g.c, comity.NewID(comity.KindWithdrawal), propose.Proposed)), comity.CodeInvalid, 0)
		approve := second.Withdraw(t, g.c, w, propose.Proposed)
		second.Do(t, approve)
		want(t, g.authority.Try(t, g.authority.Withdraw(t, g.c, comity.NewID(comity.KindWithdrawal), "")), comity.CodeConflict, 0)
		if all := withdrawals(t, g.owner); len(all) != 1 || all[0].Status != comity.WithdrawalPending || all[0].Reason != "filed in error" ||
			!all[0].DueAt.Equal(approve.DueAt) || all[0].ProposedBy == all[0].ApprovedBy {
			t.Errorf("listed are %+v", all)
		}
		// Nobody shuts the authority out of the case until then.
		want(t, g.owner.Try(t, &exchange.AssignCase{Key: exchangetest.Key(), ID: g.c, Office: comity.RoleAuthority, Remove: true}), comity.CodeConflict, 0)
		g.Clock.Advance(statement.WithdrawalAge - time.Minute)
		if level(t, g.foreign, g.c) != sovereignty.AccessFull || caseOf(t, g.owner, g.c, "").Text == nil {
			t.Error("it is closed before its time")
		}
		g.Clock.Advance(2 * time.Minute)
		effects(t, g.Exchange, func() bool { return done(t, g, "auditor@KZ", "caseWithdrawn", g.c) == 1 })
		g.gone(t)
		if all := withdrawals(t, g.owner); len(all) != 1 || all[0].Status != comity.WithdrawalDone || all[0].Reason != "" {
			t.Errorf("listed are %+v", all)
		}
		late := g.As(t, "second@KZ")
		want(t, late.Try(t, late.Cancel(t, w, g.c)), comity.CodeDenied, comity.ArticleTerm)
	})
}

// TestWithdrawalStops: by a hold while it lies, by a cancellation for good.
func TestWithdrawalStops(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		g := newGranted(t)
		w := exchangetest.Withdrawn(t, g.authority, g.second(t), g.c)
		hold := g.authority.Hold(t, g.c, "", time.Time{})
		g.authority.Do(t, hold)
		g.Clock.Advance(statement.WithdrawalAge + time.Minute)
		var tried atomic.Int32
		x := serverWith(t, g.World, func(ctx context.Context, call string, perform func(context.Context) error) error {
			if call == "custodian KZ Withdraw" {
				tried.Add(1)
			}
			return perform(ctx)
		})
		effects(t, x, func() bool { return tried.Load() > 0 })
		if all := withdrawals(t, g.owner); len(all) != 1 || all[0].Status != comity.WithdrawalPending || !all[0].Held {
			t.Errorf("during the hold are listed %+v", all)
		}
		if caseOf(t, g.owner, g.c, "").Text == nil {
			t.Error("the case is gone though a hold lies on it")
		}
		authority := g.As(t, "second@KZ")
		for who, err := range map[string]error{"a liaison": func() error {
			o := g.As(t, "liaison@KZ")
			return o.Try(t, o.Cancel(t, w.Body.ID, g.c))
		}()} {
			if comity.CodeOf(err) != comity.CodeDenied {
				t.Errorf("%s cancels: %v", who, err)
			}
		}
		foreign := g.As(t, "authority@AM")
		want(t, foreign.Try(t, foreign.Cancel(t, w.Body.ID, g.c)), comity.CodeNotFound, 0)
		authority.Do(t, authority.Cancel(t, w.Body.ID, g.c))
		authority.Do(t, authority.ReleaseHold(t, hold.Body.ID, g.c))
		g.Clock.Advance(2 * time.Minute)
		effects(t, g.Exchange, func() bool { return waiting(t, g.World, w.Body.ID) == 0 })
		if v := caseOf(t, g.owner, g.c, ""); v.Status != comity.CaseOpen || v.Text == nil {
			t.Errorf("after the cancellation the case is %s", v.Status)
		}
		// And anew.
		anew := exchangetest.Withdrawn(t, g.As(t, "authority@KZ"), g.As(t, "second@KZ"), g.c)
		g.Clock.Advance(statement.WithdrawalAge + time.Minute)
		effects(t, g.Exchange, func() bool { return waiting(t, g.World, anew.Body.ID) == 0 })
		if v := caseOf(t, g.owner, g.c, ""); v.Status != comity.CaseWithdrawn {
			t.Errorf("withdrawn anew the case is %s", v.Status)
		}
	})
}

// brokenKeys fail to destroy a key while told to.
type brokenKeys struct {
	custodian.Keys
	broken *atomic.Bool
}

func (k brokenKeys) DestroyKey(ctx context.Context, name string) error {
	if k.broken.Load() {
		return context.DeadlineExceeded
	}
	return k.Keys.DestroyKey(ctx, name)
}

// TestWithdrawalInterrupted: the server or the keys go away between the
// register's mark, the key's deletion and the database's row.
func TestWithdrawalInterrupted(t *testing.T) {
	for what, interrupt := range map[string]func(*testing.T, *granted, *atomic.Bool) *exchange.Exchange{
		"before the key's deletion": func(t *testing.T, g *granted, broken *atomic.Bool) *exchange.Exchange {
			broken.Store(true)
			return g.Exchange
		},
		"before the database's row": func(t *testing.T, g *granted, _ *atomic.Bool) *exchange.Exchange {
			var gone atomic.Bool
			return serverWith(t, g.World, func(ctx context.Context, call string, perform func(context.Context) error) error {
				if call == "database Write" && gone.Load() {
					return comity.Unavailable("the database", nil)
				}
				if call == "custodian KZ Withdraw" {
					defer gone.Store(true)
				}
				return perform(ctx)
			})
		},
	} {
		t.Run(what, func(t *testing.T) {
			var broken atomic.Bool
			g := grantIn(t, exchangetest.NewWith(t, exchangetest.Options{Keys: func(t testing.TB, s comity.State) custodian.Keys {
				return brokenKeys{exchangetest.Keyring(t, s), &broken}
			}}))
			w := exchangetest.Withdrawn(t, g.authority, g.second(t), g.c)
			g.Clock.Advance(statement.WithdrawalAge + time.Minute)
			effects(t, interrupt(t, g, &broken), func() bool {
				word, err := g.Custodians["KZ"].Entered(t.Context(), g.c)
				return err == nil && word.Withdrawn
			})
			if all := withdrawals(t, g.owner); all[0].Status != comity.WithdrawalPending {
				t.Fatalf("it was not interrupted: %+v", all)
			}
			// The register has it: whatever else is there, no grant opens anything.
			foreign := g.As(t, "investigator@AM")
			open, _ := foreign.Opening(t, g.exhibit, g.header, comity.PurposeInvestigation, g.grant.Body.ID)
			want(t, foreign.Try(t, open), comity.CodeDenied, comity.ArticleTerm)
			broken.Store(false)
			g.Clock.Advance(2 * time.Minute)
			effects(t, g.Exchange, func() bool { return waiting(t, g.World, w.Body.ID) == 0 })
			g.gone(t)
		})
	}
}

// restored is a server over a copy of the database from before the withdrawal,
// beside the same custodians and stores.
func restored(t *testing.T, g *granted, db storage.DB) *granted {
	t.Helper()
	w := *g.World
	w.DB = db
	w.Prover = exchangetest.NewProver(t, &w) // witnesses who remembered would cosign nothing that is restored
	old := *g
	old.World = &w
	old.World.Exchange = serverWith(t, &w, func(ctx context.Context, _ string, perform func(context.Context) error) error { return perform(ctx) })
	return &old
}

// TestBackupOpensNothing: a database from before the withdrawal, restored
// beside the same custodian, opens neither words nor exhibits, and follows.
func TestBackupOpensNothing(t *testing.T) {
	backups := map[string]func(*testing.T) (*granted, func(now func() time.Time) storage.DB){
		"SQLite": func(t *testing.T) (*granted, func(func() time.Time) storage.DB) {
			g, raw := operated(t)
			copied := filepath.Join(stacktest.TempDir(t), "backup.db")
			return g, func(now func() time.Time) storage.DB {
				if now == nil {
					exec(t, raw, `VACUUM INTO '`+copied+`'`)
					return nil
				}
				db, err := sqlite.Open(t.Context(), copied, sqlite.Options{Now: now})
				must(t, err)
				return db
			}
		},
		"PostgreSQL": func(t *testing.T) (*granted, func(func() time.Time) storage.DB) {
			d := postgrestest.Database(t)
			open := func(dsn string, now func() time.Time) storage.DB {
				db, err := postgres.Open(context.Background(), dsn, postgres.Options{Now: now})
				must(t, err)
				return db
			}
			g := grantIn(t, exchangetest.NewWith(t, exchangetest.Options{DB: func(t testing.TB, now func() time.Time) storage.DB {
				db := open(d.AppDSN, now)
				t.Cleanup(func() { db.Close() })
				return db
			}}))
			backup := d.Name + "_backup"
			return g, func(now func() time.Time) storage.DB {
				if now != nil {
					return open(strings.Replace(d.AppDSN, "/"+d.Name+"?", "/"+backup+"?", 1), now)
				}
				admin, err := sql.Open("pgx", stacktest.TestPostgres(t).AdminDSN())
				must(t, err)
				t.Cleanup(func() {
					if _, err := admin.ExecContext(context.Background(), `DROP DATABASE `+backup+` WITH (FORCE)`); err != nil {
						t.Error(err)
					}
					admin.Close()
				})
				exec(t, admin, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1`, d.Name) // a template is in nobody's use
				exec(t, admin, `CREATE DATABASE `+backup+` TEMPLATE `+d.Name+` OWNER `+d.Owner)
				for range 32 { // the pool finds out that its connections are gone
					_ = g.DB.Check(t.Context())
				}
				return nil
			}
		},
	}
	for engine, begin := range backups {
		t.Run(engine, func(t *testing.T) {
			g, backup := begin(t)
			backup(nil)
			w := exchangetest.Withdrawn(t, g.authority, g.second(t), g.c)
			g.Clock.Advance(statement.WithdrawalAge + time.Minute)
			effects(t, g.Exchange, func() bool { return waiting(t, g.World, w.Body.ID) == 0 })
			g.gone(t)

			db := backup(g.Clock.Now)
			defer db.Close()
			old := restored(t, g, db)
			for _, name := range []string{"investigator@KZ", "liaison@KZ", "authority@KZ"} {
				v := caseOf(t, old.As(t, name), g.c, "")
				if v == nil || v.Status != comity.CaseOpen {
					t.Fatalf("the backup is not one from before: %+v", v)
				}
				if v.Text != nil {
					t.Errorf("%s reads the words", name)
				}
			}
			foreign := old.As(t, "investigator@AM")
			if v := caseOf(t, foreign, g.c, comity.PurposeInvestigation); v == nil || v.Text != nil {
				t.Errorf("abroad is read %+v", v)
			}
			open, _ := foreign.Opening(t, g.exhibit, g.header, comity.PurposeInvestigation, g.grant.Body.ID)
			want(t, foreign.Try(t, open), comity.CodeDenied, comity.ArticleTerm)
			owner := old.As(t, "investigator@KZ")
			own, _ := owner.Opening(t, g.exhibit, g.header, "", "")
			if err := owner.Try(t, own); err == nil || own.SealedKey != "" {
				t.Errorf("at home the exhibit opens: %v", err)
			}
			liaison := old.As(t, "liaison@KZ")
			if err := liaison.Try(t, liaison.MakeGrant(t, g.c, liaison.GrantBody("AM", g.release))); err == nil {
				t.Error("the restored case is granted")
			}
		})
	}
}

// TestWithdrawalRepeated: the approval of a withdrawal whose answer was lost is
// repeated, and the withdrawal is carried out all the same.
func TestWithdrawalRepeated(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		g := newGranted(t)
		second := g.second(t)
		w := comity.NewID(comity.KindWithdrawal)
		propose := g.authority.Withdraw(t, g.c, w, "")
		g.authority.Do(t, propose)
		approve := second.Withdraw(t, g.c, w, propose.Proposed)
		second.Do(t, approve)
		g.Clock.Advance(time.Second)
		again := second.Withdraw(t, g.c, w, propose.Proposed)
		again.Key = approve.Key
		second.Do(t, again)
		if !again.DueAt.Equal(approve.DueAt) || again.Statement != approve.Statement {
			t.Errorf("the repeat is due at %s by %.20q, the first at %s", again.DueAt, again.Statement, approve.DueAt)
		}
		g.Clock.Advance(statement.WithdrawalAge + time.Minute)
		effects(t, g.Exchange, func() bool { return waiting(t, g.World, w) == 0 })
		if v := caseOf(t, g.As(t, "investigator@KZ"), g.c, ""); v.Status != comity.CaseWithdrawn {
			t.Errorf("the case is %s", v.Status)
		}
	})
}
