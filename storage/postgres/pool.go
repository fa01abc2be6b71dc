package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/comity-platform/comity/storage/sqldb"
)

// endTime bounds the end of a transaction that nobody waits for any more.
const endTime = 5 * time.Second

// pool begins transactions on pgx itself. What a transaction has to say and no
// answer is waited for goes out with the next statement that is: BEGIN with the
// first one, a leaf with COMMIT.
type pool struct{ *pgxpool.Pool }

func newPool(ctx context.Context, dsn string, connections int) (pool, error) {
	c, err := configure(dsn)
	if err != nil {
		return pool{}, err
	}
	c.MaxConns = int32(connections)
	c.MaxConnLifetime, c.MaxConnLifetimeJitter = connectionAge, connectionAge/4 // not all at once
	p, err := pgxpool.NewWithConfig(ctx, c)
	return pool{p}, err
}

func (p pool) Begin(ctx context.Context, reads bool) (sqldb.Conn, error) {
	c, err := p.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	t := &transaction{conn: c, later: &pgx.Batch{}}
	if reads {
		t.later.Queue(`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`)
	} else {
		t.later.Queue(`BEGIN`)
	}
	return t, nil
}

func (p pool) Check(ctx context.Context) error {
	var one int
	return p.QueryRow(ctx, "SELECT 1").Scan(&one)
}

func (p pool) Close() error {
	p.Pool.Close()
	return nil
}

type transaction struct {
	conn   *pgxpool.Conn // nil once it ended
	later  *pgx.Batch    // not sent yet
	failed error         // of what waited: it may not even have begun, and nothing follows
}

var errEnded = errors.New("postgres: the transaction has ended")

// over says why nothing follows.
func (t *transaction) over() error {
	if t.conn == nil {
		return errEnded
	}
	return t.failed
}

// take gives the arguments of one more statement, unless nothing follows.
func (t *transaction) take(args []any) ([]any, error) {
	if err := t.over(); err != nil {
		return nil, err
	}
	return plainArgs(args)
}

// send sends what waits, with one more statement, and leaves the answer to that
// one to be read. Where one of those that waited fails, perhaps none was run: not
// BEGIN, nor the leaf of the act.
func (t *transaction) send(ctx context.Context, text string, args []any) (pgx.BatchResults, error) {
	before, batch := t.later.Len(), t.later
	batch.Queue(text, args...)
	t.later = &pgx.Batch{}
	results := t.conn.SendBatch(ctx, batch)
	for range before {
		if _, err := results.Exec(); err != nil {
			_ = results.Close() // which says the same
			t.failed = err
			return nil, err
		}
	}
	return results, nil
}

func (t *transaction) Query(ctx context.Context, text string, args []any) (sqldb.Rows, error) {
	args, err := t.take(args)
	if err != nil {
		return nil, err
	}
	if t.later.Len() == 0 {
		rows, err := t.conn.Query(ctx, text, args...)
		return plainRows{rows}, err
	}
	results, err := t.send(ctx, text, args)
	if err != nil {
		return nil, err
	}
	rows, err := results.Query()
	if err != nil {
		return nil, errors.Join(err, results.Close())
	}
	return batchRows{plainRows{rows}, results}, nil
}

// batchRows are the last of a batch.
type batchRows struct {
	plainRows
	results pgx.BatchResults
}

func (r batchRows) Close() {
	r.Rows.Close()
	_ = r.results.Close() // Err told what went wrong
}

func (t *transaction) Exec(ctx context.Context, text string, args []any) (int, error) {
	args, err := t.take(args)
	if err != nil {
		return 0, err
	}
	if t.later.Len() == 0 {
		tag, err := t.conn.Exec(ctx, text, args...)
		return int(tag.RowsAffected()), err
	}
	results, err := t.send(ctx, text, args)
	if err != nil {
		return 0, err
	}
	tag, err := results.Exec()
	return int(tag.RowsAffected()), errors.Join(err, results.Close())
}

func (t *transaction) Later(_ context.Context, text string, args []any) error {
	args, err := t.take(args)
	if err != nil {
		return err
	}
	t.later.Queue(text, args...)
	return nil
}

func (t *transaction) Commit(ctx context.Context) error {
	if err := t.over(); err != nil {
		return err
	}
	results, err := t.send(ctx, `COMMIT`, nil)
	if err != nil {
		return err
	}
	tag, err := results.Exec()
	err = errors.Join(err, results.Close())
	if err == nil && tag.String() != "COMMIT" { // of a transaction that failed before
		err = fmt.Errorf("postgres: a transaction was not committed: %s", tag)
	}
	if err == nil {
		t.conn.Release()
		t.conn = nil
	}
	return err
}

// Rollback gives the connection back, as soon as the transaction has ended on it.
func (t *transaction) Rollback() {
	c := t.conn
	if c == nil {
		return
	}
	t.conn = nil
	if c.Conn().IsClosed() || c.Conn().PgConn().TxStatus() == 'I' { // never begun
		c.Release()
		return
	}
	go func() { // whoever read has the answer, and does not wait for this
		ctx, cancel := context.WithTimeout(context.Background(), endTime)
		defer cancel()
		_, _ = c.Exec(ctx, `ROLLBACK`) // where that fails, Release closes the connection
		c.Release()
	}()
}
