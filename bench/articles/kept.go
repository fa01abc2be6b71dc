package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/comity-platform/comity/deploy/stack"
)

// kept is the folder of databases that are filled once and asked again by later
// runs: a PostgreSQL of its own and SQLite files, at most one of each size.
// What is of another schema, size or filling is removed.
type kept struct {
	dir      string
	root     string
	postgres *stack.Postgres
	release  func()
	// current are the names of what this run asks.
	current []string
	say     func(format string, args ...any)
}

// keptDatabase is a database of the kept PostgreSQL.
type keptDatabase struct {
	stack.Database
	Filled bool
}

func openKept(ctx context.Context, root string, say func(string, ...any), sizes ...size) (*kept, error) {
	up, err := stack.DefaultDir() // PostgreSQL's user can enter beside it
	if err != nil {
		return nil, err
	}
	k := &kept{dir: filepath.Join(filepath.Dir(up), "bench-articles"), root: root, say: say}
	if err := os.MkdirAll(k.dir, 0o711); err != nil {
		return nil, err
	}
	if k.release, err = stack.Hold(k.dir); err != nil {
		return nil, err
	}
	for _, s := range sizes {
		for _, engine := range []string{"postgres", "sqlite"} {
			name, err := k.name(engine, s)
			if err != nil {
				return nil, err
			}
			k.current = append(k.current, name)
		}
	}
	if k.postgres, err = stack.StartPostgres(ctx, filepath.Join(k.dir, "postgres"), stack.Options{Progress: os.Stderr}); err != nil {
		return nil, err
	}
	if err := k.forget(ctx); err != nil {
		return nil, errors.Join(err, k.Close())
	}
	return k, nil
}

// Close ends the PostgreSQL; the data stays.
func (k *kept) Close() error {
	defer k.release()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return k.postgres.Stop(ctx)
}

// name is that of a filled database: it holds a hash of all that it is made of.
func (k *kept) name(engine string, s size) (string, error) {
	files, err := filepath.Glob(filepath.Join(k.root, "storage", engine, "migrations", "*.sql"))
	if err != nil {
		return "", err
	}
	files = append(files, filepath.Join(k.root, "bench", "articles", "fill.go"), filepath.Join(k.root, "bench", "articles", "people.go"))
	hash := sha256.New()
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(hash, "%s %d\n%s", filepath.Base(f), len(raw), raw)
	}
	fmt.Fprintf(hash, "%+v", s)
	return fmt.Sprintf("%s-%d-%s", engine, s.cases, hex.EncodeToString(hash.Sum(nil)[:8])), nil
}

// forget removes what this run does not ask, or what was not filled to the end.
func (k *kept) forget(ctx context.Context) error {
	found, err := filepath.Glob(filepath.Join(k.dir, "*-*-*"))
	if err != nil {
		return err
	}
	for _, path := range found {
		base := filepath.Base(path)
		name, _, _ := strings.Cut(base, ".")
		unused := !slices.Contains(k.current, name)
		switch {
		case strings.HasSuffix(base, ".json"):
			d, err := readKept(path)
			if err != nil {
				return err
			}
			if d.Filled && !unused {
				continue
			}
			if err := k.postgres.Drop(ctx, &d.Database); err != nil {
				return err
			}
		case strings.HasSuffix(base, ".filling"):
		case !unused:
			continue
		}
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return nil
}

func readKept(path string) (d keptDatabase, err error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return d, err
	}
	return d, json.Unmarshal(raw, &d)
}

// Postgres gives the filled database of a size.
func (k *kept) Postgres(ctx context.Context, s size) (*postgresEngine, error) {
	name, err := k.name("postgres", s)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(k.dir, name+".json")
	d, err := readKept(path)
	if err == nil {
		return openPostgres(ctx, k.postgres, &d.Database)
	} else if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	made, err := k.postgres.NewDatabase(ctx)
	if err != nil {
		return nil, err
	}
	d.Database = *made
	write := func() error {
		raw, err := json.Marshal(d)
		if err != nil {
			return err
		}
		return os.WriteFile(path, raw, 0o600)
	}
	if err := write(); err != nil {
		return nil, err
	}
	e, err := openPostgres(ctx, k.postgres, made)
	if err != nil {
		return nil, err
	}
	if err := k.fill(ctx, e, "PostgreSQL", s); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	d.Filled = true
	return e, write()
}

// SQLite gives the filled database of a size.
func (k *kept) SQLite(ctx context.Context, s size) (*sqliteEngine, error) {
	name, err := k.name("sqlite", s)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(k.dir, name+".db")
	if _, err := os.Stat(path); err == nil {
		return openSQLite(ctx, path)
	}
	unfinished := filepath.Join(k.dir, name+".filling")
	e, err := openSQLite(ctx, unfinished)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(k.fill(ctx, e, "SQLite", s), e.Close()); err != nil {
		return nil, err
	}
	if err := os.Rename(unfinished, path); err != nil {
		return nil, err
	}
	return openSQLite(ctx, path)
}

// compared is how many cases' visibility is compared with the adapter's own.
const compared = 200

func (k *kept) fill(ctx context.Context, e engine, name string, s size) error {
	began := time.Now()
	if err := fill(ctx, e, s); err != nil {
		return err
	}
	err := derived(ctx, e, compared)
	k.say("%s: filled with %v in %s", name, s, time.Since(began).Round(time.Second))
	return err
}
