package sqldb

import (
	"errors"
	"fmt"
	"time"

	"github.com/comity-platform/comity/storage"
)

var checkpoints = newTable("log_checkpoints", "size root signed at",
	func(c *storage.LogCheckpoint) []any {
		return []any{&c.Size, digest(&c.Root), blob(&c.Signed), instant(&c.At)}
	})

func (r *reader) LogCheckpoint() (storage.LogCheckpoint, error) {
	return checkpoints.one(r, `SELECT `+checkpoints.cols("c")+` FROM log_checkpoints c ORDER BY c.size DESC LIMIT 1`)
}

func (r *reader) LogCheckpoints(size int64, limit int) ([]storage.LogCheckpoint, error) {
	return checkpoints.query(r, `SELECT `+checkpoints.cols("c")+` FROM log_checkpoints c WHERE c.size >= $1 ORDER BY c.size DESC LIMIT $2`, size, max(limit, 0))
}

func (r *reader) LogWaiting(size int64) (time.Time, error) {
	oldest, err := waiting.query(r, `SELECT id, hash, at FROM leaves WHERE idx IS NULL ORDER BY at, id LIMIT 1`)
	if err != nil {
		return time.Time{}, err
	}
	beyond, err := waiting.query(r, `SELECT id, hash, at FROM leaves WHERE idx = $1`, size)
	var since time.Time
	for _, l := range append(oldest, beyond...) {
		if since.IsZero() || l.At.Before(since) {
			since = l.At
		}
	}
	return since, err
}

func (w *writer) LockLogCheckpoint(size int64) (storage.LogCheckpoint, error) {
	return checkpoints.one(w.reader, `SELECT `+checkpoints.cols("c")+` FROM log_checkpoints c WHERE c.size = $1 FOR NO KEY UPDATE`, size)
}

// PutLogCheckpoint implements [storage.CheckpointWriter]. The log's head is what it
// locks: two servers that put one at once do it one after the other.
func (w *writer) PutLogCheckpoint(c storage.LogCheckpoint) error {
	var head int64
	if err := w.scanOne(`SELECT size FROM log_head WHERE id = 1 FOR NO KEY UPDATE`, nil, &head); err != nil {
		return fmt.Errorf("the log's head: %w", err)
	}
	last, err := w.LogCheckpoint()
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	if err == nil && c.Size <= last.Size {
		return fmt.Errorf("a checkpoint of %d leaves after one of %d: %w", c.Size, last.Size, storage.ErrConflict)
	}
	if err := checkpoints.insert(w, c); err != nil {
		return err
	}
	_, err = w.exec(`DELETE FROM log_checkpoints WHERE size <= (SELECT c.size FROM log_checkpoints c ORDER BY c.size DESC LIMIT 1 OFFSET $1)`, storage.CheckpointsKept)
	return err
}

func (w *writer) CosignLogCheckpoint(size int64, signed []byte) error {
	return w.changed("cosigning of a checkpoint", `UPDATE log_checkpoints SET signed = $2 WHERE size = $1`, size, blob(&signed))
}
