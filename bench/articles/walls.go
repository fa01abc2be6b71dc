package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/comity-platform/comity/bench/ratio"
)

const goalWalls = 1.5

// measureWalls times the operations with row-level security and without it, in
// turns, for the same officers on the same connections and one core. Without it
// the role and its statements are the same, those that say for whom they are
// included; what is missing is what the policies add.
func measureWalls(ctx context.Context, o options, e *postgresEngine, u *population, out io.Writer) (err error) {
	tables, err := e.walled(ctx)
	if err != nil {
		return err
	}
	if len(tables) == 0 {
		return errors.New("no table has row-level security")
	}
	defer func() { err = errors.Join(err, e.wall(context.WithoutCancel(ctx), tables, true)) }()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	times := map[bool]took{true: {}, false: {}}
	for round := range o.rounds {
		for _, on := range []bool{round%2 == 0, round%2 != 0} {
			if err := e.wall(ctx, tables, on); err != nil {
				return err
			}
			for _, t := range []took{nil, times[on]} { // plans are made anew first
				if err := u.ask(ctx, round, t, operations...); err != nil {
					return err
				}
			}
		}
	}
	fmt.Fprintf(out, "\nrow-level security on %d tables, ms: median (99th of a hundred), without | with, ratio\n", len(tables))
	for _, op := range operations {
		without, with := times[false][op.name], times[true][op.name]
		fmt.Fprintf(out, "  %-16s %7.3f (%.3f) | %7.3f (%.3f)  %.2f\n", op.what, ratio.Median(without), quantile(without, 0.99),
			ratio.Median(with), quantile(with, 0.99), ratio.Median(with)/ratio.Median(without))
	}
	first := operations[0].name
	o.figures.add(func() {
		ratio.Within(out, "rls_overhead", ratio.Median(times[true][first])/ratio.Median(times[false][first]), goalWalls)
	})
	return nil
}

// walled are the tables with row-level security.
func (e *postgresEngine) walled(ctx context.Context) ([]string, error) {
	found, err := e.admin.Query(ctx, `SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relrowsecurity ORDER BY relname`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(found, pgx.RowTo[string])
}

// wall turns row-level security on or off.
func (e *postgresEngine) wall(ctx context.Context, tables []string, on bool) error {
	does := map[bool]string{true: "ENABLE", false: "DISABLE"}[on]
	var b strings.Builder
	for _, t := range tables {
		fmt.Fprintf(&b, "ALTER TABLE %s %s ROW LEVEL SECURITY;\n", pgx.Identifier{t}.Sanitize(), does)
	}
	_, err := e.admin.Exec(ctx, b.String())
	return err
}
