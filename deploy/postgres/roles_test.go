// Package postgres tests the roles that are made for a deployment.
package postgres

import (
	"net/url"
	"os"
	"os/exec"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/comity-platform/comity/deploy/stack/stacktest"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/postgres"
)

// TestRoles runs roles.sql on a cluster of its own, as a deployment does, then
// migrates as the owner and serves as the application role.
func TestRoles(t *testing.T) {
	p := stacktest.PrivatePostgres(t)
	address, err := url.Parse(p.AdminDSN())
	if err != nil {
		t.Fatal(err)
	}
	password, _ := address.User.Password()
	address.User = url.User(address.User.Username())
	cmd := exec.CommandContext(t.Context(), "psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file=roles.sql", address.String())
	cmd.Env = append(os.Environ(), "PGPASSWORD="+password)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("psql: %v\n%s", err, out)
	}
	admin, err := pgx.Connect(t.Context(), p.AdminDSN())
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(t.Context())
	dsn := func(role string) string {
		if _, err := admin.Exec(t.Context(), "ALTER ROLE "+role+" PASSWORD 'test'"); err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(p.DSN("comity"))
		if err != nil {
			t.Fatal(err)
		}
		u.User = url.UserPassword(role, "test")
		return u.String()
	}
	owner, app := dsn("comity_owner"), dsn("comity_app")
	if err := postgres.Migrate(t.Context(), app, "comity_app"); err == nil {
		t.Error("the application role could migrate")
	}
	if err := postgres.Migrate(t.Context(), owner, "comity_app"); err != nil {
		t.Fatal(err)
	}
	db, err := postgres.Open(t.Context(), app, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error { return tx.LockState("KZ") })
	if err != nil {
		t.Error(err)
	}
	var trusted int
	err = admin.QueryRow(t.Context(), `SELECT count(*) FROM pg_roles WHERE rolname IN ('comity_owner', 'comity_app')
		AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)`).Scan(&trusted)
	if err != nil || trusted != 0 {
		t.Errorf("%d roles have rights beyond their database, %v", trusted, err)
	}
	// Nobody else enters the database.
	if _, err := admin.Exec(t.Context(), "CREATE ROLE stranger LOGIN PASSWORD 'test'"); err != nil {
		t.Fatal(err)
	}
	if conn, err := pgx.Connect(t.Context(), dsn("stranger")); err == nil {
		conn.Close(t.Context())
		t.Error("a stranger could connect")
	}
}
