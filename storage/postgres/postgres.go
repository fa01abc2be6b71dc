// Package postgres keeps the exchange's data in PostgreSQL 15 or newer: the
// production profile.
//
// Two roles share the work: an owner, who migrates and is used for nothing
// else, and an application role that may do what the statements of
// storage/sqldb need and no more: it cannot change an originator, rewrite a
// leaf of the record of acts, or delete a case.
package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/sqldb"
)

//go:embed migrations/*.sql
var migrations embed.FS

// rights is what the application role may do, beside SELECT and INSERT, which
// it has on every table.
//
//go:embed rights.sql
var rights string

// walls is row-level security for the application role.
//
//go:embed walls.sql
var walls string

// Options of a database.
type Options struct {
	// Now overrides the database's clock, for tests; nil is the database's.
	Now func() time.Time
}

// Connections of one server. More of them would wait in PostgreSQL instead of
// here. Reads and writes have their own, so that many who read hold up no act.
// Those that are idle are kept: a new one has every statement planned anew.
const (
	readConnections  = 20
	writeConnections = 12
	connectTimeout   = 5 * time.Second
	connectionAge    = 30 * time.Minute // so that a failover or new password is noticed
)

// Open connects to a migrated database with the application role's DSN, a
// postgres:// URL or keywords. A role that may do more is refused, see
// [CheckRole]. A server that is away, also later, gives
// [comity.CodeUnavailable]; connections come back by themselves.
func Open(ctx context.Context, dsn string, o Options) (storage.DB, error) {
	reads, err := newPool(ctx, dsn, readConnections)
	if err != nil {
		return nil, err
	}
	writes, err := newPool(ctx, dsn, writeConnections)
	if err != nil {
		return nil, errors.Join(err, reads.Close())
	}
	served := engine
	served.ListenEvents = func(ctx context.Context, woken func()) error { return listenEvents(ctx, dsn, woken) }
	db := sqldb.New(served, writes, reads, o.Now)
	looks := stdlib.OpenDBFromPool(reads.Pool)
	err = leastRights(ctx, looks)
	if err == nil {
		err = current(ctx, looks)
	}
	err = errors.Join(err, looks.Close())
	if err != nil {
		return nil, errors.Join(away(err), db.Close())
	}
	return db, nil
}

// configure reads the address of a database.
func configure(dsn string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, errors.New("the address of the database is not one of PostgreSQL") // err could hold the password
	}
	c := config.ConnConfig
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = connectTimeout
	}
	for name, value := range map[string]string{
		"application_name": "comityd",
		"jit":              "off", // compiling takes longer than our statements
		// Planning with the policies of row-level security takes longer than most of
		// them too, and what differs between two runs of one hardly moves the plan.
		"plan_cache_mode": "force_generic_plan",
		// Every list walks an index in its order and is bounded by it. A plan outlives
		// the small tables it was made for, in which reading all looks cheap.
		"enable_seqscan": "off", "enable_bitmapscan": "off", "random_page_cost": "1.1",
		// A server that vanished must not hold its locks.
		"idle_in_transaction_session_timeout": "60s",
	} {
		if _, set := c.RuntimeParams[name]; !set {
			c.RuntimeParams[name] = value
		}
	}
	return config, nil
}

// connect is a pool for few statements at a time.
func connect(dsn string, connections int) (*sql.DB, error) {
	config, err := configure(dsn)
	if err != nil {
		return nil, err
	}
	db := stdlib.OpenDB(*config.ConnConfig)
	db.SetMaxOpenConns(connections)
	return db, nil
}

// Migrate brings the database to this version's schema, as its owner, and gives
// appRole the rights that it needs and no others. Several may run at once.
func Migrate(ctx context.Context, ownerDSN, appRole string) error {
	pool, err := connect(ownerDSN, writeConnections)
	if err != nil {
		return err
	}
	defer pool.Close()
	alone, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return err
	}
	p, err := provider(pool, goose.WithSessionLocker(alone))
	if err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate the database: %w", away(err))
	}
	role := pgx.Identifier{appRole}.Sanitize()
	if _, err := pool.ExecContext(ctx, strings.ReplaceAll(rights+walls, "comity_app", role)); err != nil {
		return fmt.Errorf("give %s its rights: %w", appRole, away(err))
	}
	return nil
}

func provider(pool *sql.DB, o ...goose.ProviderOption) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectPostgres, pool, files, append(o, goose.WithGoMigrations(sqldb.PlantLog()), goose.WithDisableGlobalRegistry(true))...)
}

// current says whether the database is migrated as far as this program knows.
// A newer schema is served too: code runs before and after each migration.
func current(ctx context.Context, pool *sql.DB) error {
	p, err := provider(pool)
	if err != nil {
		return err
	}
	sources := p.ListSources()
	want := sources[len(sources)-1].Version
	var have int64
	err = pool.QueryRowContext(ctx, `SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied`).Scan(&have)
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && (e.Code == "42P01" || e.Code == "42501") { // no such table, no right to it
		have, err = 0, nil
	}
	if err != nil {
		return err
	}
	if have < want {
		return fmt.Errorf("the database's schema is version %d, this program needs %d: migrate it first", have, want)
	}
	return nil
}

func away(err error) error {
	if fault(err) != sqldb.FaultNone {
		return comity.Unavailable("the database", err)
	}
	return err
}

var engine = sqldb.Engine{
	Translate: func(text string) string { return text },
	Set:       func(values []string) any { return values },
	PerParent: func(table, parent, columns, where string) string {
		return `SELECT ` + columns + ` FROM unnest($1::text[]) AS p (id) CROSS JOIN LATERAL (SELECT * FROM ` + table +
			` WHERE ` + parent + ` = p.id COLLATE "C" AND ` + where + ` ORDER BY created_at, id LIMIT $2) e ORDER BY e.created_at, e.id`
	},
	Begin: `SELECT set_config('comity.now', n.now::text, true)::bigint FROM (SELECT CASE WHEN $8::bigint <> 0 THEN $8::bigint
		ELSE (extract(epoch FROM transaction_timestamp()) * 1000000)::bigint END AS now, set_config('comity.acting', $1, true),
		set_config('comity.state', $2, true), set_config('comity.agency', $3, true), set_config('comity.officer', $4, true),
		set_config('comity.role', $5, true), set_config('comity.token', $6, true), set_config('comity.viewers', ($7::text[])::text, true)) n`,
	TrySequence:  `SELECT pg_try_advisory_xact_lock(x'636f6d697479'::bigint)`, // "comity"
	TryEvents:    `SELECT pg_try_advisory_xact_lock(x'636f6d6576'::bigint)`,   // "comev"
	NotifyEvents: `SELECT pg_notify('comity_events', '')`,
	Place: `UPDATE leaves SET idx = (u.row ->> 1)::bigint FROM json_array_elements($1::json) AS u (row)
		WHERE leaves.id = (u.row ->> 0) COLLATE "C" AND leaves.idx IS NULL`,
	Pad: `INSERT INTO leaves (id, hash, at, idx) SELECT u.row ->> 0, decode(u.row ->> 2, 'hex'), $2::bigint, (u.row ->> 1)::bigint
		FROM json_array_elements($1::json) AS u (row)`,
	Facets: `INSERT INTO log_facets (state, facet, at, leaf_id) SELECT w.state, f.facet, w.at, w.leaf_id
		FROM facets_waiting w CROSS JOIN LATERAL unnest(w.facets) AS f (facet) WHERE w.leaf_id = ANY($1) ORDER BY 1, 2, 3, 4`,
	Fault: fault,
}

// faults by SQLSTATE or its class (PostgreSQL, appendix A).
var (
	retryStates = regexp.MustCompile(`^(40001|40P01)$`)                   // serialization failure, deadlock
	lostStates  = regexp.MustCompile(`^(08...|57P01|57P02|57P04|25P03)$`) // connection, shutdown, dropped, idle in transaction
	awayStates  = regexp.MustCompile(`^(53...|57P03|58030|25006)$`)       // resources, starting up, disk, a replica
)

func fault(err error) sqldb.Fault {
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return sqldb.FaultAway
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch {
		case retryStates.MatchString(e.Code):
			return sqldb.FaultRetry
		case lostStates.MatchString(e.Code):
			return sqldb.FaultLost
		case awayStates.MatchString(e.Code):
			return sqldb.FaultAway
		}
		return sqldb.FaultNone
	}
	if pgconn.SafeToRetry(err) {
		return sqldb.FaultUnsent
	}
	_, network := errors.AsType[net.Error](err)
	if network || errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return sqldb.FaultLost
	}
	return sqldb.FaultNone
}
