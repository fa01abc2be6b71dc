package sqldb

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/pressly/goose/v3"
	"golang.org/x/mod/sumdb/tlog"
)

// leavesAtOnce is how many leaves the migration reads at a time.
const leavesAtOnce = 16 * tileWidth

// PlantLog is migration 29 of both engines: the tree of the leaves that have their
// places, which neither engine could compute by itself.
func PlantLog() *goose.Migration {
	return goose.NewGoMigration(29, &goose.GoFunc{RunTx: plantLog}, nil)
}

func plantLog(ctx context.Context, tx *sql.Tx) error {
	t := &tree{}
	for {
		n, err := plantSome(ctx, tx, t)
		if err != nil {
			return fmt.Errorf("the tree of the log's leaves, at %d: %w", t.size, err)
		}
		if n == 0 {
			break
		}
		for _, full := range t.full {
			if _, err := tx.ExecContext(ctx, `INSERT INTO log_tiles (level, idx, hashes) VALUES ($1, $2, $3)`, full.level, full.idx, full.hashes); err != nil {
				return fmt.Errorf("the log's tiles: %w", err)
			}
		}
		t.full = nil
	}
	var size int64
	if err := tx.QueryRowContext(ctx, `SELECT size FROM log_head WHERE id = 1`).Scan(&size); err != nil {
		return fmt.Errorf("the log's head: %w", err)
	}
	if size != t.size {
		return fmt.Errorf("the log's head says %d leaves, and %d stand in one row", size, t.size)
	}
	root := t.root()
	if _, err := tx.ExecContext(ctx, `UPDATE log_head SET root = $1, edge = $2 WHERE id = 1`, root[:], t.bytes()); err != nil {
		return fmt.Errorf("the log's head: %w", err)
	}
	return nil
}

// plantSome adds the next leaves, and answers how many there were.
func plantSome(ctx context.Context, tx *sql.Tx, t *tree) (int, error) {
	rows, err := tx.QueryContext(ctx, `SELECT idx, hash FROM leaves WHERE idx >= $1 ORDER BY idx LIMIT $2`, t.size, leavesAtOnce)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	n := 0
	for ; rows.Next(); n++ {
		var index int64
		var hash []byte
		if err := rows.Scan(&index, &hash); err != nil {
			return 0, err
		}
		if index != t.size || len(hash) != tlog.HashSize {
			return 0, fmt.Errorf("the next leaf has index %d and %d bytes", index, len(hash))
		}
		t.add([32]byte(hash))
	}
	return n, rows.Err()
}
