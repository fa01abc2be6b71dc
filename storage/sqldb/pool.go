package sqldb

import (
	"context"
	"database/sql"
	"errors"
)

// Pool is how an engine's transactions are begun.
type Pool interface {
	// Begin begins a transaction, a snapshot that cannot write where reads says so.
	Begin(ctx context.Context, reads bool) (Conn, error)
	// Check says whether the database answers.
	Check(ctx context.Context) error
	Close() error
}

// Conn is a transaction. It belongs to one goroutine, and ends with Commit or Rollback.
type Conn interface {
	Query(ctx context.Context, text string, args []any) (Rows, error)
	// Exec runs a statement and answers how many rows it changed.
	Exec(ctx context.Context, text string, args []any) (int, error)
	// Later runs a statement whose outcome is of no interest unless it fails, at the
	// latest when the transaction is committed, which then it never is. It may go out
	// together with what follows, whose own outcome its failure must not be taken for:
	// a row that exists is no storage.ErrExists here.
	Later(ctx context.Context, text string, args []any) error
	Commit(ctx context.Context) error
	Rollback()
}

// Rows are those that a query gives, see [sql.Rows]. They are closed before the
// transaction is used again.
type Rows interface {
	Next() bool
	Scan(into ...any) error
	Err() error
	Close()
}

// SQL is a [Pool] over database/sql.
func SQL(db *sql.DB) Pool { return sqlPool{db} }

type sqlPool struct{ db *sql.DB }

func (p sqlPool) Begin(ctx context.Context, _ bool) (Conn, error) {
	tx, err := p.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	return &sqlConn{tx: tx}, nil
}

func (p sqlPool) Check(ctx context.Context) error {
	var one int
	return p.db.QueryRowContext(ctx, "SELECT 1").Scan(&one)
}

func (p sqlPool) Close() error { return p.db.Close() }

type sqlConn struct {
	tx     *sql.Tx
	failed error // of Later
}

func (c *sqlConn) Query(ctx context.Context, text string, args []any) (Rows, error) {
	rows, err := c.tx.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	return sqlRows{rows}, nil
}

func (c *sqlConn) Exec(ctx context.Context, text string, args []any) (int, error) {
	res, err := c.tx.ExecContext(ctx, text, args...)
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	return int(n), err
}

func (c *sqlConn) Later(ctx context.Context, text string, args []any) error {
	_, err := c.tx.ExecContext(ctx, text, args...)
	c.failed = errors.Join(c.failed, err)
	return err
}

func (c *sqlConn) Commit(context.Context) error {
	if c.failed != nil {
		return c.failed
	}
	return c.tx.Commit()
}

func (c *sqlConn) Rollback() { _ = c.tx.Rollback() } // does nothing after a commit

type sqlRows struct{ *sql.Rows }

func (r sqlRows) Close() { _ = r.Rows.Close() } // Err told what went wrong
