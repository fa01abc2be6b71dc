package stack_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/minio/minio-go/v7"

	"github.com/comity-platform/comity/deploy/stack"
	"github.com/comity-platform/comity/deploy/stack/stacktest"
)

func TestPostgresKeepsDataAndSeparatesRoles(t *testing.T) {
	ctx := t.Context()
	p := stacktest.PrivatePostgres(t)
	d, err := p.NewDatabase(ctx)
	check(t, err)
	execute(t, d.OwnerDSN, `CREATE TABLE kept (word text); INSERT INTO kept VALUES ('before')`)
	execute(t, d.OwnerDSN, fmt.Sprintf(`GRANT SELECT ON kept TO %s`, d.App))
	if err := tryExecute(t, d.AppDSN, `INSERT INTO kept VALUES ('by the serving role')`); err == nil {
		t.Error("the serving role wrote without having been granted that")
	}
	if err := tryExecute(t, d.AppDSN, `CREATE TABLE mine ()`); err == nil {
		t.Error("the serving role made a table")
	}
	other, err := p.NewDatabase(ctx)
	check(t, err)
	if err := tryExecute(t, strings.Replace(d.AppDSN, "/"+d.Name, "/"+other.Name, 1), `SELECT 1`); err == nil {
		t.Error("a serving role reached another database")
	}

	check(t, p.Restart(ctx))
	execute(t, d.OwnerDSN, `INSERT INTO kept VALUES ('between')`)
	check(t, p.Kill())
	if err := tryExecute(t, d.OwnerDSN, `SELECT 1`); err == nil {
		t.Error("a killed PostgreSQL answers")
	}
	check(t, p.Start(ctx))
	if got := words(t, d.AppDSN); got != "before between" {
		t.Errorf("after a restart and a kill the table holds %q", got)
	}
	dump, err := p.Dump(ctx, d.Name)
	check(t, err)
	if !bytes.Contains(dump, []byte("between")) {
		t.Error("the dump lacks a row")
	}
	check(t, p.Drop(ctx, other))

	conn, err := pgx.Connect(ctx, d.AppDSN)
	check(t, err)
	defer conn.Close(ctx)
	var super, bypass bool
	check(t, conn.QueryRow(ctx, `SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user`).Scan(&super, &bypass))
	if super || bypass {
		t.Errorf("serving role: superuser %v, bypasses row security %v", super, bypass)
	}
	// A wrong password is refused, so that "scram" is not merely said.
	if err := tryExecute(t, strings.Replace(d.AppDSN, "_app:", "_app:x", 1), `SELECT 1`); err == nil {
		t.Error("a wrong password was accepted")
	}
}

func TestMinIOKeepsData(t *testing.T) {
	ctx := t.Context()
	m := stacktest.PrivateMinIO(t)
	c, err := m.Client()
	check(t, err)
	check(t, c.MakeBucket(ctx, "kept", minio.MakeBucketOptions{ObjectLocking: true}))
	put := func(name string) {
		t.Helper()
		_, err := c.PutObject(ctx, "kept", name, strings.NewReader(name), int64(len(name)), minio.PutObjectOptions{})
		check(t, err)
	}
	put("before")
	check(t, m.Restart(ctx))
	put("between")
	check(t, m.Kill())
	if _, err := c.ListBuckets(ctx); err == nil {
		t.Error("a killed MinIO answers")
	}
	check(t, m.Start(ctx))
	for _, name := range []string{"before", "between"} {
		object, err := c.GetObject(ctx, "kept", name, minio.GetObjectOptions{})
		check(t, err)
		body, err := io.ReadAll(object)
		check(t, err)
		if string(body) != name {
			t.Errorf("object %s holds %q", name, body)
		}
	}
}

func TestVaultKeepsDataSealsAndAudits(t *testing.T) {
	ctx := t.Context()
	v := stacktest.PrivateVault(t)
	vault(t, v, "PUT", "sys/mounts/transit", `{"type":"transit"}`, 204)
	vault(t, v, "PUT", "transit/keys/kept", `{"type":"ed25519"}`, 200)
	check(t, v.Restart(ctx))
	vault(t, v, "GET", "transit/keys/kept", "", 200)
	check(t, v.Kill())
	check(t, v.Start(ctx))
	vault(t, v, "GET", "transit/keys/kept", "", 503) // sealed
	check(t, v.Unseal(ctx))
	vault(t, v, "GET", "transit/keys/kept", "", 200)
	check(t, v.Seal(ctx))
	vault(t, v, "GET", "transit/keys/kept", "", 503)
	check(t, v.Unseal(ctx))
	audit, err := os.ReadFile(v.AuditFile)
	check(t, err)
	if !bytes.Contains(audit, []byte(`"path":"transit/keys/kept"`)) {
		t.Error("the audit device did not record the key")
	}
	if bytes.Contains(audit, []byte(v.RootToken)) {
		t.Error("the audit device recorded the root token in clear")
	}
	vault(t, v, "GET", "sys/seal-status", "", 200)
}

func TestSharedComponentsCannotBeStopped(t *testing.T) {
	v := stack.ConnectVault("http://127.0.0.1:1", "token")
	for what, err := range map[string]error{
		"stop": v.Stop(t.Context()), "kill": v.Kill(), "seal": v.Seal(t.Context()),
		"start": stack.ConnectMinIO("127.0.0.1:1", "a", "b").Start(t.Context()),
	} {
		if !errors.Is(err, stack.ErrShared) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func vault(t *testing.T, v *stack.Vault, method, path, body string, want int) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, v.Addr+"/v1/"+path, strings.NewReader(body))
	check(t, err)
	req.Header.Set("X-Vault-Token", v.RootToken)
	resp, err := http.DefaultClient.Do(req)
	check(t, err)
	defer resp.Body.Close()
	if resp.StatusCode != want {
		var answer json.RawMessage
		_ = json.NewDecoder(resp.Body).Decode(&answer)
		t.Fatalf("%s %s: %s, want %d: %s", method, path, resp.Status, want, answer)
	}
}

func words(t *testing.T, dsn string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	check(t, err)
	defer conn.Close(context.Background())
	var all string
	check(t, conn.QueryRow(t.Context(), `SELECT string_agg(word, ' ' ORDER BY word) FROM kept`).Scan(&all))
	return all
}

func execute(t *testing.T, dsn, sql string) { t.Helper(); check(t, tryExecute(t, dsn, sql)) }

func tryExecute(t *testing.T, dsn, sql string) error {
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		return err
	}
	defer conn.Close(context.Background())
	_, err = conn.Exec(t.Context(), sql)
	return err
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
