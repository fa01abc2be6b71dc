// Command articles measures what the Articles cost, side by side and in one run.
//
//   - Decisions: every question of the decision tables, decided by
//     [sovereignty.Policies.Decide] and by OPA in this process, by the same rules:
//     the Cedar policies themselves, turned into Rego. The answers are compared
//     before they are timed.
//   - Lists: the adapter's own queries for many officers, on PostgreSQL and
//     SQLite, at 1,000,000 cases and at 10,000, in turns and on one core.
//   - Row-level security: the first page again, with and without it.
//   - Revocation: two servers over one database, readers at work on both, and
//     reads that begin when a revocation was answered.
//
// The databases are filled once, which takes minutes and some gigabytes, and
// are kept beside those of "make up" for later runs; where, the first line says.
//
// The last lines are "RATIO name value goal ok|short". A figure that falls
// short does not fail; an answer that is wrong does.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

type options struct {
	root         string // of Comity's module
	rounds       int
	rego         string // file to write the Rego to, or ""
	small, large size
	trials       int
	figures      *figures
}

// figures are printed at the end of all.
type figures struct{ all []func() }

func (f *figures) add(print func()) { f.all = append(f.all, print) }

// parts are what can be measured.
var parts = []struct {
	name    string
	measure func(context.Context, options, io.Writer) error
}{
	{"decide", measureDecide},
	{"lists", measureUnions}, // and row-level security
	{"revoke", measureRevoke},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "articles:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	o := options{figures: &figures{}}
	flags := flag.NewFlagSet("articles", flag.ContinueOnError)
	rounds := flags.Int("rounds", 5, "`rounds`, 1 to 100, each with everything once")
	reduced := flags.Int("reduced", 1, "`N`: try the lists out at one Nth of the size, 1 to 100")
	trials := flags.Int("trials", 10_000, "reads that begin after a revocation, 10 to 1000000")
	only := flags.String("only", "", "measure this `part` alone: decide, lists or revoke")
	timeout := flags.Duration("timeout", time.Hour, "`time` after which everything is ended; filling the databases counts")
	flags.StringVar(&o.rego, "rego", "", "`file` to write the policies to as Rego")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 || *rounds < 1 || *rounds > 100 || *reduced < 1 || *reduced > 100 || *trials < 10 || *trials > 1_000_000 {
		return errors.New("a flag is out of its bounds; see -help")
	}
	var err error
	if o.root, err = filepath.Abs(".."); err != nil { // go run -C bench
		return err
	}
	o.rounds, o.trials, o.small, o.large = *rounds, *trials, small, large.reduced(*reduced)
	ctx, cancel := context.WithTimeoutCause(ctx, *timeout, fmt.Errorf("not done within -timeout %s", *timeout))
	defer cancel()
	known := *only == ""
	fmt.Fprintf(os.Stdout, "%d round(s); load average %s\n", o.rounds, load())
	for _, p := range parts {
		if *only != "" && *only != p.name {
			continue
		}
		known = true
		if err := p.measure(ctx, o, os.Stdout); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return err
		}
	}
	if !known {
		return fmt.Errorf("there is no part %q", *only)
	}
	fmt.Fprintf(os.Stdout, "\nload average at the end %s\n", load())
	for _, print := range o.figures.all {
		print()
	}
	return nil
}

// measureUnions fills the databases where they are not yet, and times lists on them.
func measureUnions(ctx context.Context, o options, out io.Writer) (err error) {
	k, err := openKept(ctx, o.root, func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }, o.small, o.large)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, k.Close()) }()
	fmt.Fprintf(out, "\nfilled databases are kept in %s\n", k.dir)
	var onPostgres, onSQLite [2]*population
	var walled *postgresEngine // the larger one
	for i, s := range []size{o.small, o.large} {
		p, err := k.Postgres(ctx, s)
		if err != nil {
			return err
		}
		defer p.Close()
		walled = p
		l, err := k.SQLite(ctx, s)
		if err != nil {
			return err
		}
		defer l.Close()
		if onPostgres[i], err = newPopulation(ctx, p, s); err != nil {
			return err
		}
		if onSQLite[i], err = newPopulation(ctx, l, s); err != nil {
			return err
		}
	}
	if err := measureLists(ctx, o, "PostgreSQL", "", onPostgres, out); err != nil {
		return err
	}
	if err := measureLists(ctx, o, "SQLite", "_sqlite", onSQLite, out); err != nil {
		return err
	}
	return measureWalls(ctx, o, walled, onPostgres[1], out)
}

// load is how busy the machine is, since others' work weighs on the figures.
func load() string {
	raw, err := os.ReadFile("/proc/loadavg")
	fields := strings.Fields(string(raw))
	if err != nil || len(fields) < 3 {
		return "not known on this system"
	}
	return strings.Join(fields[:2], " ")
}

// quantile is the value below which the part q of the values lies.
func quantile(values []float64, q float64) float64 {
	v := slices.Sorted(slices.Values(values))
	if len(v) == 0 {
		return math.NaN()
	}
	return v[int(q*float64(len(v)-1))]
}
