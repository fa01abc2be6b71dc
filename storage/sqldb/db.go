package sqldb

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

// A transaction is tried so often, with a pause that doubles from firstPause
// and is drawn at random, so that those who collided do not collide again.
const (
	maxTries   = 10
	firstPause = 2 * time.Millisecond
	maxPause   = 200 * time.Millisecond
)

// DB is a database of the exchange over one engine.
type DB struct {
	engine        Engine
	writes, reads Pool
	clock         func() time.Time
	texts         sync.Map // statement → its translation
	observer      atomic.Pointer[func(text string, rows int)]
}

var _ storage.DB = (*DB)(nil)

// New serves a migrated database by a pool for writes and one for reads. A
// clock overrides the engine's. The pools are closed by Close.
func New(engine Engine, writes, reads Pool, clock func() time.Time) *DB {
	if clock == nil && engine.Begin == "" {
		clock = time.Now
	}
	return &DB{engine: engine, writes: writes, reads: reads, clock: clock}
}

// Observe has f told of every statement of a transaction from now on, but for
// the clock, with the rows that it gave or changed: for tests of what can be
// told apart by the work that it takes. Nil ends it.
func (d *DB) Observe(f func(text string, rows int)) {
	if f == nil {
		d.observer.Store(nil)
		return
	}
	d.observer.Store(&f)
}

func (d *DB) ran(text string, rows int) {
	if f := d.observer.Load(); f != nil {
		(*f)(text, rows)
	}
}

// Write implements [storage.DB].
func (d *DB) Write(ctx context.Context, f func(storage.Tx) error) error {
	return d.write(ctx, time.Time{}, func(w *writer) error { return f(w) })
}

// WriteAt implements [storage.DB].
func (d *DB) WriteAt(ctx context.Context, at time.Time, f func(storage.Tx) error) error {
	return d.write(ctx, at, func(w *writer) error { return f(w) })
}

// Read implements [storage.DB].
func (d *DB) Read(ctx context.Context, f func(storage.ReadTx) error) error {
	officer, system, err := storage.Acting(ctx)
	if err != nil {
		return err
	}
	var r *reader
	err = d.try(ctx, func() (final bool, err error) {
		r, err = d.begin(ctx, d.reads, true, acting{officer: officer, system: system}, time.Time{})
		return false, err
	})
	if err != nil {
		return err
	}
	defer r.tx.Rollback() // nothing to keep
	// A snapshot once begun is not begun again, nor f run again in what failed: it
	// may have collected half an answer.
	err = f(r)
	if err != nil && ctx.Err() == nil && d.engine.Fault(err) != FaultNone {
		return unavailable(err)
	}
	return err
}

func (d *DB) write(ctx context.Context, at time.Time, f func(*writer) error) error {
	officer, system, err := storage.Acting(ctx)
	if err != nil {
		return err
	}
	who := acting{officer: officer, system: system, writes: !system}
	return d.try(ctx, func() (bool, error) {
		r, err := d.begin(ctx, d.writes, false, who, at)
		if err != nil {
			return false, err
		}
		defer r.tx.Rollback() // does nothing after a commit
		if err := f(&writer{reader: r}); err != nil {
			return false, err
		}
		return true, r.tx.Commit(ctx)
	})
}

// acting is for whom a transaction is.
type acting struct {
	officer comity.Officer
	system  bool
	writes  bool // the officer's act
}

// begin starts a transaction for an officer or the system and reads the clock,
// which also takes the snapshot, unless the instant is given.
func (d *DB) begin(ctx context.Context, pool Pool, reads bool, who acting, at time.Time) (*reader, error) {
	tx, err := pool.Begin(ctx, reads)
	if err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	r := &reader{ctx: ctx, db: d, tx: tx}
	switch {
	case !at.IsZero():
		r.now = at
	case d.clock != nil:
		r.now = d.clock().UTC().Truncate(time.Microsecond)
	}
	if d.engine.Begin == "" {
		return r, nil
	}
	if !at.IsZero() { // nothing of it is asked
		err := tx.Later(ctx, d.engine.Begin, r.beginning(who))
		if err != nil {
			tx.Rollback()
		}
		return r, err
	}
	if err := r.row(d.engine.Begin, r.beginning(who), instant(&r.now)); err != nil {
		tx.Rollback()
		return nil, fmt.Errorf("begin: %w", err)
	}
	return r, nil
}

// beginning are the arguments of [Engine.Begin].
func (r *reader) beginning(who acting) []any {
	o := who.officer
	kind, viewers, token := "officer", storage.ViewerKeys(o), o.Issuer+"\n"+o.Subject
	switch {
	case who.system:
		kind, viewers, token = "system", nil, ""
	case who.writes:
		kind = "act"
	}
	ref := ""
	if o.State != "" {
		ref = string(o.Ref())
	}
	return []any{kind, o.State, o.Agency, ref, o.Role, token, r.db.engine.Set(viewers), micros(r.now)}
}

// try runs once until it succeeds, fails for good, or was tried too often.
// Once says whether a lost connection is final: one lost while committing may
// have committed, and only idempotency keys can tell, unless COMMIT was not sent.
func (d *DB) try(ctx context.Context, once func() (final bool, err error)) error {
	pause := firstPause
	for n := 1; ; n++ {
		final, err := once()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return err
		}
		fault := d.engine.Fault(err)
		again := fault == FaultRetry || fault == FaultUnsent || fault == FaultLost && !final
		if fault == FaultNone {
			return err
		}
		if !again || n == maxTries {
			return unavailable(err)
		}
		select {
		case <-time.After(rand.N(pause) + 1):
		case <-ctx.Done():
			return ctx.Err()
		}
		pause = min(2*pause, maxPause)
	}
}

func unavailable(err error) error {
	if e, ok := errors.AsType[*comity.Error](err); ok && e.Code == comity.CodeUnavailable {
		return err
	}
	return comity.Unavailable("the database", err)
}

// Check implements [storage.DB].
func (d *DB) Check(ctx context.Context) error {
	return d.try(ctx, func() (bool, error) { return false, d.reads.Check(ctx) })
}

// Close implements [storage.DB].
func (d *DB) Close() error {
	return errors.Join(d.reads.Close(), d.writes.Close())
}

func (d *DB) text(s string) string {
	if t, ok := d.texts.Load(s); ok {
		return t.(string)
	}
	t := d.engine.Translate(s)
	d.texts.Store(s, t)
	return t
}
