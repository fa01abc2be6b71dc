// Package sqlite keeps the exchange's data in a SQLite file: the embedded
// default, for one process on one machine. Production takes storage/postgres.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/sqldb"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Options of a database.
type Options struct {
	// Now overrides the clock, for tests and embedded use; nil is the process's.
	Now func() time.Time
}

// Open opens the database in the file path, made (for the owner's eyes only)
// when there is none, and migrates it. There is one writer, which commits to
// the disk, and beside it a pool of readers on snapshots, which cannot write.
func Open(ctx context.Context, path string, o Options) (storage.DB, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	// SQLite would let the umask decide who may read it.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, comity.Unavailable("the database", err)
	}
	if err := f.Close(); err != nil {
		return nil, comity.Unavailable("the database", err)
	}
	writes, err := sql.Open("sqlite", dsn(path, "immediate", "query_only(0)"))
	if err != nil {
		return nil, err
	}
	writes.SetMaxOpenConns(1)
	reads, err := sql.Open("sqlite", dsn(path, "deferred", "query_only(1)"))
	if err != nil {
		return nil, errors.Join(err, writes.Close())
	}
	readers := max(4, 2*runtime.GOMAXPROCS(0))
	reads.SetMaxOpenConns(readers)
	reads.SetMaxIdleConns(readers)
	db := sqldb.New(engine, sqldb.SQL(writes), sqldb.SQL(reads), o.Now)
	if err := migrate(ctx, writes); err != nil {
		if fault(err) != sqldb.FaultNone {
			err = comity.Unavailable("the database", err)
		}
		return nil, errors.Join(fmt.Errorf("migrate the database: %w", err), db.Close())
	}
	return db, nil
}

// dsn carries the pragmas, since those run on a pool would reach one connection.
func dsn(path, lock string, pragmas ...string) string {
	// synchronous(FULL): what was answered is on the disk, the log of acts foremost.
	// secure_delete(1): what was erased is overwritten, and not only let go of.
	pragmas = append([]string{"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "trusted_schema(0)", "secure_delete(1)"}, pragmas...)
	return (&url.URL{Scheme: "file", Path: path, RawQuery: url.Values{"_txlock": {lock}, "_pragma": pragmas, "_dqs": {"0"}}.Encode()}).String()
}

func migrate(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithGoMigrations(sqldb.PlantLog()), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	_, err = p.Up(ctx)
	return err
}

var engine = sqldb.Engine{
	Translate: translate,
	Set: func(values []string) any {
		list, _ := json.Marshal(values) // strings always marshal
		return string(list)
	},
	PerParent: func(table, parent, columns, where string) string {
		return `SELECT ` + columns + ` FROM json_each($1) p JOIN ` + table + ` e ON e.id IN (SELECT id FROM ` + table +
			` WHERE ` + parent + ` = p.value AND ` + where + ` ORDER BY created_at, id LIMIT $2) ORDER BY e.created_at, e.id`
	},
	// The + keeps the planner from walking the waiting leaves, with the whole of
	// $1 for each, while everybody who writes waits.
	Place: `UPDATE leaves SET idx = u.value ->> 1 FROM json_each($1) u WHERE leaves.id = u.value ->> 0 AND +leaves.idx IS NULL`,
	Pad:   `INSERT INTO leaves (id, hash, at, idx) SELECT value ->> 0, unhex(value ->> 2), $2, value ->> 1 FROM json_each($1)`,
	Facets: `INSERT INTO log_facets (state, facet, at, leaf_id) SELECT w.state, f.value, w.at, w.leaf_id
		FROM facets_waiting w, json_each(w.facets) f WHERE w.leaf_id IN (SELECT value FROM json_each($1)) ORDER BY 1, 2, 3, 4`,
	Fault: fault,
}

var (
	membership = regexp.MustCompile(`= ANY\((\$[0-9]+)\)`)
	holding    = regexp.MustCompile(`(\$[0-9]+) = ANY\(([a-z]\.[a-z]+)\)`)
)

// translate makes a statement SQLite's own. It has no row locks and needs none:
// its one writer holds the whole database.
func translate(text string) string {
	text = holding.ReplaceAllString(text, "EXISTS (SELECT 1 FROM json_each(${2}) WHERE value = ${1})")
	text = membership.ReplaceAllString(text, "IN (SELECT value FROM json_each(${1}))")
	return strings.NewReplacer(" FOR NO KEY UPDATE", "", " SKIP LOCKED", "").Replace(text)
}

func fault(err error) sqldb.Fault {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return sqldb.FaultNone
	}
	switch e.Code() & 0xff { // the extended code's class
	case codes.SQLITE_BUSY, codes.SQLITE_LOCKED:
		return sqldb.FaultRetry
	case codes.SQLITE_IOERR, codes.SQLITE_FULL, codes.SQLITE_CANTOPEN, codes.SQLITE_READONLY:
		return sqldb.FaultAway
	}
	return sqldb.FaultNone
}
