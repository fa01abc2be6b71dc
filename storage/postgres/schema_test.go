package postgres_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/comity-platform/comity/deploy/stack"
)

var update = flag.Bool("update", false, "write testdata/schema_postgres.sql anew")

// TestSchema compares the migrated database, with the application role's
// rights, with the committed one. It asks the catalogue, since pg_dump's text
// differs between versions.
func TestSchema(t *testing.T) {
	db, d := openDatabase(t)
	defer db.Close()
	got := schema(t, d)
	const golden = "testdata/schema_postgres.sql"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("the schema is another (go test -update writes it; -want +got):\n%s", diff)
	}
}

func schema(t *testing.T, d *stack.Database) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), d.OwnerDSN)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	lines := func(query string, args ...any) []string {
		t.Helper()
		rows, err := conn.Query(t.Context(), query, args...)
		if err != nil {
			t.Fatal(err)
		}
		all, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	var b strings.Builder
	for _, table := range lines(`SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm') ORDER BY 1`) {
		parts := append(lines(`SELECT attname || ' ' || format_type(atttypid, atttypmod)
				|| CASE WHEN attcollation <> 0 AND collname <> 'default' THEN ' COLLATE "' || collname || '"' ELSE '' END
				|| CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END
				|| CASE WHEN attidentity <> '' THEN ' IDENTITY ' || attidentity::text ELSE '' END
				|| coalesce(' DEFAULT ' || pg_get_expr(adbin, adrelid), '')
			FROM pg_attribute LEFT JOIN pg_collation c ON c.oid = attcollation LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
			WHERE attrelid = ('public.' || $1)::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`, table),
			lines(`SELECT 'CONSTRAINT ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
				WHERE conrelid = ('public.' || $1)::regclass AND contype <> 'n' ORDER BY contype, conname`, table)...)
		fmt.Fprintf(&b, "CREATE TABLE %s (\n\t%s\n);\n", table, strings.Join(parts, ",\n\t"))
		for _, line := range lines(`SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename = $1
				AND indexname NOT IN (SELECT conname FROM pg_constraint) ORDER BY indexname`, table) {
			b.WriteString(line + ";\n")
		}
		for _, line := range lines(`SELECT 'GRANT ' || privilege_type || ' ON ' || $1 FROM information_schema.table_privileges
				WHERE table_schema = 'public' AND table_name = $1 AND grantee = $2 ORDER BY 1`, table, d.App) {
			b.WriteString(line + ";\n")
		}
		for _, line := range lines(`SELECT 'GRANT UPDATE (' || string_agg(column_name, ', ' ORDER BY ordinal_position) || ') ON ' || $1
				FROM information_schema.column_privileges JOIN information_schema.columns USING (table_schema, table_name, column_name)
				WHERE table_schema = 'public' AND table_name = $1 AND grantee = $2 AND privilege_type = 'UPDATE' HAVING count(*) > 0`, table, d.App) {
			b.WriteString(line + ";\n")
		}
	}
	return b.String()
}
