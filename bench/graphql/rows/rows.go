// Package rows is the data that the Go peers of Comity's API serve, over plain
// text columns, with the statements that every peer runs.
package rows

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Node is what is found by its id.
type Node interface{ IsNode() }

// The rows, as the peers' schema names their fields.
type (
	Case struct {
		ID, State                                       string
		Agency, Owner, Category, Status, Title, Summary string
		Reserved                                        bool
		Version                                         int
	}
	Entry struct {
		ID, Case     string
		Author, Text string
	}
	Evidence struct {
		ID, Case                string
		Name, MediaType, Status string
		Size                    int
	}
	CustodyEvent struct {
		ID, Evidence          string
		Kind, Function, State string
	}
)

// IsNode implements [Node].
func (*Case) IsNode()     {}
func (*Entry) IsNode()    {}
func (*Evidence) IsNode() {}

// Viewer is for whom rows are read.
type Viewer struct {
	State string
	Keys  []string
}

// Header says who asks. It is believed: peers have no authentication.
const Header = "X-Viewer"

// String is the header's value.
func (v Viewer) String() string { return strings.Join(append([]string{v.State}, v.Keys...), ",") }

// ParseViewer reads the header's value.
func ParseViewer(s string) Viewer {
	all := strings.Split(s, ",")
	return Viewer{all[0], all[1:]}
}

// DB asks for rows.
type DB struct {
	pool       *pgxpool.Pool
	statements map[string]string
}

// Open connects with so many connections; the statements are those in shared.
func Open(ctx context.Context, dsn string, connections int, shared string) (*DB, error) {
	raw, err := os.ReadFile(filepath.Join(shared, "statements.json"))
	if err != nil {
		return nil, err
	}
	db := &DB{}
	if err := json.Unmarshal(raw, &db.statements); err != nil {
		return nil, err
	}
	c, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	c.MaxConns = int32(connections)
	db.pool, err = pgxpool.NewWithConfig(ctx, c)
	return db, err
}

func collect[T any](ctx context.Context, db *DB, name string, fields func(*T) []any, args ...any) ([]*T, error) {
	found, err := db.pool.Query(ctx, db.statements[name], args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return pgx.CollectRows(found, func(r pgx.CollectableRow) (*T, error) {
		v := new(T)
		return v, r.Scan(fields(v)...)
	})
}

func caseFields(c *Case) []any {
	return []any{&c.ID, &c.State, &c.Agency, &c.Owner, &c.Category, &c.Status, &c.Title, &c.Summary, &c.Reserved, &c.Version}
}

// Cases lists the first cases that a viewer sees.
func (db *DB) Cases(ctx context.Context, v Viewer, first int) ([]*Case, error) {
	return collect(ctx, db, "cases", caseFields, v.State, v.Keys, first)
}

// Case finds one, nil where the viewer does not.
func (db *DB) Case(ctx context.Context, v Viewer, id string) (*Case, error) {
	found, err := collect(ctx, db, "case", caseFields, v.State, v.Keys, id)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

// Evidence lists the first exhibits of each case.
func (db *DB) Evidence(ctx context.Context, cases []string, first int) (map[string][]*Evidence, error) {
	all, err := collect(ctx, db, "evidence", func(e *Evidence) []any {
		return []any{&e.ID, &e.Case, &e.Name, &e.MediaType, &e.Size, &e.Status}
	}, cases, first)
	return group(all, func(e *Evidence) string { return e.Case }), err
}

// Entries lists the first log lines of each case.
func (db *DB) Entries(ctx context.Context, cases []string, first int) (map[string][]*Entry, error) {
	all, err := collect(ctx, db, "entries", func(e *Entry) []any { return []any{&e.ID, &e.Case, &e.Author, &e.Text} }, cases, first)
	return group(all, func(e *Entry) string { return e.Case }), err
}

// Custody lists the events of each exhibit.
func (db *DB) Custody(ctx context.Context, exhibits []string) (map[string][]*CustodyEvent, error) {
	all, err := collect(ctx, db, "custody", func(e *CustodyEvent) []any {
		return []any{&e.ID, &e.Evidence, &e.Kind, &e.Function, &e.State}
	}, exhibits)
	return group(all, func(e *CustodyEvent) string { return e.Evidence }), err
}

// Add adds a line to a case's log.
func (db *DB) Add(ctx context.Context, v Viewer, id, text, key, of string) ([]*Entry, error) {
	return collect(ctx, db, "add", func(e *Entry) []any { return []any{&e.ID, &e.Author, &e.Text} }, id, text, key, v.State, v.Keys, of)
}

func group[T any](all []*T, of func(*T) string) map[string][]*T {
	m := map[string][]*T{}
	for _, v := range all {
		m[of(v)] = append(m[of(v)], v)
	}
	return m
}

type viewerKey struct{}

// As says in a context who asks.
func As(ctx context.Context, v Viewer) context.Context {
	return context.WithValue(ctx, viewerKey{}, v)
}

// Of says who asks in a context.
func Of(ctx context.Context) Viewer { v, _ := ctx.Value(viewerKey{}).(Viewer); return v }
