package sqldb

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

// reader is a snapshot; it has no method that writes.
type reader struct {
	ctx context.Context
	db  *DB
	tx  Conn
	now time.Time
}

// writer is a read-write transaction.
type writer struct{ *reader }

var (
	_ storage.ReadTx = (*reader)(nil)
	_ storage.Tx     = (*writer)(nil)
)

func (r *reader) Now() time.Time { return r.now }

func (r *reader) exec(text string, args ...any) (int, error) {
	n, err := r.tx.Exec(r.ctx, r.db.text(text), args)
	if err == nil {
		r.db.ran(text, n)
	}
	return n, err
}

// set is the argument of "= ANY($n)".
func set[S ~string](r *reader, values []S) any {
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = string(v)
	}
	return r.db.engine.Set(list)
}

// args collects the arguments of a statement.
type args []any

// add appends an argument and gives the parameter that stands for it.
func (a *args) add(v any) string {
	*a = append(*a, v)
	return "$" + strconv.Itoa(len(*a))
}

// table says once how a record lies in its table.
type table[T any] struct {
	name    string
	columns []string
	fields  func(*T) []any
}

func newTable[T any](name, columns string, fields func(*T) []any) table[T] {
	return table[T]{name, strings.Fields(columns), fields}
}

// cols lists the columns for a SELECT from alias.
func (t table[T]) cols(alias string) string {
	return alias + "." + strings.Join(t.columns, ", "+alias+".")
}

// query runs a SELECT of t's columns and collects the rows.
func (t table[T]) query(r *reader, text string, args ...any) ([]T, error) {
	rows, err := r.tx.Query(r.ctx, r.db.text(text), args)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.name, err)
	}
	defer rows.Close()
	var all []T
	var v T // each row is read over the one before, whose strings it keeps where they are the same
	fields := t.fields(&v)
	for rows.Next() {
		if err := rows.Scan(fields...); err != nil {
			return nil, fmt.Errorf("%s: %w", t.name, err)
		}
		all = append(all, v)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", t.name, err)
	}
	r.db.ran(text, len(all))
	return all, nil
}

// one is query for at most one row; [storage.ErrNotFound] when there is none.
func (t table[T]) one(r *reader, text string, args ...any) (T, error) {
	all, err := t.query(r, text, args...)
	if err == nil && len(all) == 0 {
		err = storage.ErrNotFound
	}
	if err != nil {
		var none T
		return none, err
	}
	return all[0], nil
}

// byID finds rows by their id.
func (t table[T]) byID(r *reader, ids []comity.ID, id func(T) comity.ID) (map[comity.ID]T, error) {
	all, err := t.query(r, "SELECT "+t.cols("t")+" FROM "+t.name+" t WHERE t.id = ANY($1)", set(r, ids))
	if err != nil {
		return nil, err
	}
	m := make(map[comity.ID]T, len(all))
	for _, v := range all {
		m[id(v)] = v
	}
	return m, nil
}

// children lists rows per parent, oldest first. More arguments for where follow $4.
func (t table[T]) children(r *reader, parent string, of func(T) comity.ID, ids []comity.ID, p storage.Page,
	where string, more ...any) (map[comity.ID][]T, error) {
	text := r.db.engine.PerParent(t.name, parent, t.cols("e"), "(created_at, id) > ($3, $4)"+where)
	all, err := t.query(r, text, append([]any{set(r, ids), max(p.Limit, 0), micros(p.After.At), p.After.ID}, more...)...)
	if err != nil {
		return nil, err
	}
	return group(all, of), nil
}

func group[T any](all []T, of func(T) comity.ID) map[comity.ID][]T {
	count := make(map[comity.ID]int)
	for _, v := range all {
		count[of(v)]++
	}
	m := make(map[comity.ID][]T, len(count))
	room := make([]T, len(all))
	for _, v := range all {
		id := of(v)
		if n := count[id]; n > 0 {
			m[id], room = room[:0:n], room[n:]
			count[id] = 0
		}
		m[id] = append(m[id], v)
	}
	return m
}

// insertAtOnce bounds the rows of one statement, and so the number of texts
// and of parameters (both engines take at least 32,766).
const insertAtOnce = 100

// later runs a statement that nothing is asked of but that it does not fail, see
// [Conn.Later].
func (w *writer) later(text string, args args) error {
	w.db.ran(text, 0)
	return w.tx.Later(w.ctx, w.db.text(text), args)
}

// insert writes rows; [storage.ErrExists] when one of them was there.
func (t table[T]) insert(w *writer, rows ...T) error {
	for len(rows) > 0 {
		n := min(len(rows), insertAtOnce)
		text, all := t.adding(rows[:n]...)
		done, err := w.exec(text+" ON CONFLICT DO NOTHING", all...)
		if err != nil {
			return fmt.Errorf("insert into %s: %w", t.name, err)
		}
		if done < n {
			return fmt.Errorf("insert into %s: %w", t.name, storage.ErrExists)
		}
		rows = rows[n:]
	}
	return nil
}

// adding is an INSERT of rows.
func (t table[T]) adding(rows ...T) (string, args) {
	var text strings.Builder
	text.WriteString("INSERT INTO " + t.name + " (" + strings.Join(t.columns, ", ") + ") VALUES ")
	all := make(args, 0, len(rows)*len(t.columns))
	for i := range rows {
		if i > 0 {
			text.WriteString(", ")
		}
		text.WriteString("(")
		for j, f := range t.fields(&rows[i]) {
			if j > 0 {
				text.WriteString(", ")
			}
			text.WriteString(all.add(f))
		}
		text.WriteString(")")
	}
	return text.String(), all
}

// before is the place that a list ordered newest first goes on from.
func before(k storage.Key) (int64, comity.ID) {
	if k.At.IsZero() && k.ID == "" {
		return math.MaxInt64, ""
	}
	return micros(k.At), k.ID
}

// scanOne reads one row of a statement; [storage.ErrNotFound] when there is none.
func (r *reader) scanOne(text string, args []any, into ...any) error {
	err := r.row(r.db.text(text), args, into...)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		r.db.ran(text, 0)
	case err == nil:
		r.db.ran(text, 1)
	}
	return err
}

// row reads one row of a statement in the engine's own words.
func (r *reader) row(text string, args []any, into ...any) error {
	rows, err := r.tx.Query(r.ctx, text, args)
	if err != nil {
		return err
	}
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return err
		}
		return storage.ErrNotFound
	}
	if err := rows.Scan(into...); err != nil {
		return err
	}
	rows.Close() // reads the rest, where an error can still stand
	return rows.Err()
}
