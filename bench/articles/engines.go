package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/comity-platform/comity/deploy/stack"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/postgres"
	"github.com/comity-platform/comity/storage/sqlite"
)

// postgresEngine is a database on PostgreSQL; what the adapter may not do is
// done by its superuser.
type postgresEngine struct {
	storage.DB
	admin   *pgx.Conn
	indexes []string // that were dropped
}

func openPostgres(ctx context.Context, p *stack.Postgres, d *stack.Database) (_ *postgresEngine, err error) {
	if err := postgres.Migrate(ctx, d.OwnerDSN, d.App); err != nil {
		return nil, err
	}
	e := &postgresEngine{}
	if e.admin, err = pgx.Connect(ctx, p.DSN(d.Name)); err != nil {
		return nil, err
	}
	// Nothing is looked up for keys to other tables.
	if _, err = e.admin.Exec(ctx, `SET session_replication_role = replica; SET maintenance_work_mem = '512MB'`); err == nil {
		e.DB, err = postgres.Open(ctx, d.AppDSN, postgres.Options{Now: func() time.Time { return now }})
	}
	if err != nil {
		return nil, errors.Join(err, e.admin.Close(ctx))
	}
	return e, nil
}

func (e *postgresEngine) Close() error {
	return errors.Join(e.DB.Close(), e.admin.Close(context.Background()))
}

func (e *postgresEngine) rows(ctx context.Context, table, where string, limit int, args ...any) ([]row, error) {
	found, err := e.admin.Query(ctx, fmt.Sprintf(`SELECT * FROM %s WHERE %s LIMIT %d`, table, where, limit), args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(found, func(r pgx.CollectableRow) (row, error) { return pgx.RowToMap(r) })
}

func (e *postgresEngine) bare(ctx context.Context, tables []string) error {
	found, err := e.admin.Query(ctx, `SELECT indexdef, c.relname FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
		JOIN pg_indexes i ON i.indexname = c.relname AND i.schemaname = 'public'
		WHERE t.relname = ANY($1) AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = c.oid)`, tables)
	if err != nil {
		return err
	}
	var drop []string
	var text, name string
	if _, err := pgx.ForEachRow(found, []any{&text, &name}, func() error {
		e.indexes = append(e.indexes, text)
		drop = append(drop, name)
		return nil
	}); err != nil {
		return err
	}
	for _, name := range drop {
		if _, err := e.admin.Exec(ctx, `DROP INDEX `+name); err != nil {
			return err
		}
	}
	_, err = e.admin.Exec(ctx, `TRUNCATE `+strings.Join(tables, ", ")+` CASCADE`)
	return err
}

func (e *postgresEngine) load(ctx context.Context, table string, columns []string, rows iter.Seq[[]any]) error {
	next, stop := iter.Pull(rows)
	defer stop()
	_, err := e.admin.CopyFrom(ctx, pgx.Identifier{table}, columns, pgx.CopyFromFunc(func() ([]any, error) {
		values, ok := next()
		if !ok {
			return nil, nil
		}
		return values, nil
	}))
	return err
}

func (e *postgresEngine) finish(ctx context.Context) error {
	for _, text := range e.indexes {
		if _, err := e.admin.Exec(ctx, text); err != nil {
			return err
		}
	}
	_, err := e.admin.Exec(ctx, `VACUUM ANALYZE`)
	return err
}

// sqliteEngine is a database in a SQLite file.
type sqliteEngine struct {
	storage.DB
	raw     *sql.DB
	path    string
	indexes []string
}

func openSQLite(ctx context.Context, path string) (*sqliteEngine, error) {
	db, err := sqlite.Open(ctx, path, sqlite.Options{Now: func() time.Time { return now }})
	if err != nil {
		return nil, err
	}
	u := url.URL{Scheme: "file", Path: path, RawQuery: url.Values{"_pragma": {"busy_timeout(10000)", "synchronous(OFF)", "foreign_keys(0)", "cache_size(-500000)"}}.Encode()}
	raw, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	raw.SetMaxOpenConns(1)
	return &sqliteEngine{DB: db, raw: raw, path: path}, nil
}

func (e *sqliteEngine) Close() error { return errors.Join(e.DB.Close(), e.raw.Close()) }

func (e *sqliteEngine) rows(ctx context.Context, table, where string, limit int, args ...any) (all []row, err error) {
	found, err := e.raw.QueryContext(ctx, fmt.Sprintf(`SELECT * FROM %s WHERE %s LIMIT %d`, table, where, limit), args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, found.Close()) }()
	columns, err := found.Columns()
	if err != nil {
		return nil, err
	}
	for found.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := found.Scan(into...); err != nil {
			return nil, err
		}
		r := row{}
		for i, c := range columns {
			r[c] = values[i]
		}
		all = append(all, r)
	}
	return all, found.Err()
}

func (e *sqliteEngine) bare(ctx context.Context, tables []string) error {
	for _, table := range tables {
		found, err := e.rows(ctx, "sqlite_master", "type = 'index' AND sql IS NOT NULL AND tbl_name = $1", 100, table)
		if err != nil {
			return err
		}
		for _, r := range found {
			e.indexes = append(e.indexes, r["sql"].(string))
			if _, err := e.raw.ExecContext(ctx, `DROP INDEX `+r["name"].(string)); err != nil {
				return err
			}
		}
		if _, err := e.raw.ExecContext(ctx, `DELETE FROM `+table); err != nil {
			return err
		}
	}
	return nil
}

// atOnce is how many rows one statement adds.
const atOnce = 50

func (e *sqliteEngine) load(ctx context.Context, table string, columns []string, rows iter.Seq[[]any]) (err error) {
	tx, err := e.raw.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after a commit
	one := "(" + strings.TrimSuffix(strings.Repeat("?, ", len(columns)), ", ") + ")"
	text := func(n int) string {
		return `INSERT INTO ` + table + ` (` + strings.Join(columns, ", ") + `) VALUES ` + strings.TrimSuffix(strings.Repeat(one+", ", n), ", ")
	}
	many, err := tx.PrepareContext(ctx, text(atOnce))
	if err != nil {
		return err
	}
	var values []any
	for r := range rows {
		if values = append(values, r...); len(values) == atOnce*len(columns) {
			if _, err := many.ExecContext(ctx, values...); err != nil {
				return err
			}
			values = values[:0]
		}
	}
	if len(values) > 0 {
		if _, err := tx.ExecContext(ctx, text(len(values)/len(columns)), values...); err != nil {
			return err
		}
	}
	return errors.Join(many.Close(), tx.Commit())
}

func (e *sqliteEngine) finish(ctx context.Context) error {
	for _, text := range append(e.indexes, `ANALYZE`, `PRAGMA wal_checkpoint(TRUNCATE)`) {
		if _, err := e.raw.ExecContext(ctx, text); err != nil {
			return err
		}
	}
	return nil
}
