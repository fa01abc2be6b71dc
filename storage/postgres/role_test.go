package postgres_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/comity-platform/comity/deploy/stack/stacktest"
	"github.com/comity-platform/comity/storage/postgres"
)

// TestRoleThatMayTooMuch: nobody serves as a role for which the schema's
// protections do not hold.
func TestRoleThatMayTooMuch(t *testing.T) {
	p := stacktest.TestPostgres(t)
	d, err := p.NewDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Drop(context.WithoutCancel(t.Context()), d); err != nil {
			t.Error(err)
		}
	})
	if err := postgres.Migrate(t.Context(), d.OwnerDSN, d.App); err != nil {
		t.Fatal(err)
	}
	admin, err := pgx.Connect(t.Context(), p.DSN(d.Name))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(context.WithoutCancel(t.Context()))
	exec := func(statement string) {
		t.Helper()
		if _, err := admin.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	refused := func(dsn, why string) {
		t.Helper()
		err := postgres.CheckRole(t.Context(), dsn)
		if !errors.Is(err, postgres.ErrRole) || !strings.Contains(err.Error(), why) {
			t.Errorf("checked: %v, wanted %q", err, why)
		}
		db, err := postgres.Open(t.Context(), dsn, postgres.Options{})
		if !errors.Is(err, postgres.ErrRole) {
			t.Errorf("opened: %v", err)
		}
		if err == nil {
			db.Close()
		}
	}
	if err := postgres.CheckRole(t.Context(), d.AppDSN); err != nil {
		t.Errorf("the application role: %v", err)
	}
	refused(p.DSN(d.Name), "superuser")
	refused(d.OwnerDSN, "owns the schema")
	exec("ALTER ROLE " + d.App + " BYPASSRLS")
	refused(d.AppDSN, "BYPASSRLS")
	exec("ALTER ROLE " + d.App + " NOBYPASSRLS")
	exec("GRANT " + d.Owner + " TO " + d.App)
	refused(d.AppDSN, "owns the schema")
	exec("REVOKE " + d.Owner + " FROM " + d.App)
	exec("CREATE TABLE own (n int); ALTER TABLE own OWNER TO " + d.App)
	refused(d.AppDSN, "owns the schema")

	u, err := url.Parse(d.AppDSN)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = "127.0.0.1:1"
	if err := postgres.CheckRole(t.Context(), u.String()); err == nil || errors.Is(err, postgres.ErrRole) {
		t.Errorf("a server that is away: %v", err)
	}
}
