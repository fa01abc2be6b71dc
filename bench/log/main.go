// Command log measures what the record of acts costs, beside its peers and in one run,
// on a PostgreSQL of its own that flushes to disk.
//
//   - sequence: waiting leaves of acts get their places, in batches of 1,000, by
//     [storage.DB.Sequence], and by a program that runs the same statements by hand and
//     hashes by golang.org/x/mod/sumdb/tlog as it stands.
//   - act: eight clients add lines to cases through the gate, each to a case of its own,
//     while a publisher works at its beat; and through the same gate over a database
//     that is told of no leaves, with nobody publishing. The transaction of such an act is
//     measured by itself in the same way.
//   - proof: a proof of inclusion, with the opening and a cosigned checkpoint, from a log
//     of 10,000 leaves and from one of 1,000,000.
//
// Command verify beside it measures the verification of a whole log.
//
// The last lines are "RATIO name value goal ok|short". A figure that falls short does
// not fail; an answer that is wrong does.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/pprof"
	"strings"
	"syscall"
	"time"

	"github.com/comity-platform/comity/deploy/stack"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/postgres"
)

type options struct {
	rounds  int
	seconds time.Duration
	leaves  int // sequenced in each round
	large   int64
	figures []func()
}

// parts are what can be measured.
var parts = []struct {
	name    string
	measure func(context.Context, *options, *stack.Postgres, io.Writer) error
}{
	{"sequence", measureSequence},
	{"act", measureActs},
	{"proof", measureProofs},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "log:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet("log", flag.ContinueOnError)
	o := &options{}
	flags.IntVar(&o.rounds, "rounds", 5, "`rounds`, 1 to 100, each with everything once")
	flags.DurationVar(&o.seconds, "time", 4*time.Second, "`time` for which clients act in a round, 100ms to 1m")
	flags.IntVar(&o.leaves, "leaves", 10_000, "`leaves` sequenced in a round, 1000 to 1000000")
	flags.Int64Var(&o.large, "large", 1_000_000, "`leaves` of the large log that proofs are taken from, 10000 to 100000000")
	only := flags.String("only", "", "measure this `part` alone: sequence, act or proof")
	profile := flags.String("profile", "", "`file` for a profile of this program's processor time")
	timeout := flags.Duration("timeout", 30*time.Minute, "`time` after which everything is ended")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 || o.rounds < 1 || o.rounds > 100 || o.seconds < 100*time.Millisecond || o.seconds > time.Minute ||
		o.leaves < 1000 || o.leaves > 1_000_000 || o.large < small || o.large > 100_000_000 {
		return errors.New("a flag is out of its bounds; see -help")
	}
	ctx, cancel := context.WithTimeoutCause(ctx, *timeout, fmt.Errorf("not done within -timeout %s", *timeout))
	defer cancel()
	dir, err := os.MkdirTemp("", "comity-bench-log-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.Chmod(dir, 0o711); err != nil { // PostgreSQL's user passes through
		return err
	}
	p, err := stack.StartPostgres(ctx, dir+"/postgres", stack.Options{Durable: true, Progress: os.Stderr})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Stop(context.WithoutCancel(ctx))) }()
	if *profile != "" {
		f, err := os.Create(*profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	known := *only == ""
	fmt.Printf("%d round(s); load average %s\n", o.rounds, load())
	for _, part := range parts {
		if *only != "" && *only != part.name {
			continue
		}
		known = true
		if err := part.measure(ctx, o, p, os.Stdout); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	if !known {
		return fmt.Errorf("there is no part %q", *only)
	}
	fmt.Printf("\nload average at the end %s\n", load())
	for _, print := range o.figures {
		print()
	}
	return nil
}

// open makes a database and opens it as the application's role.
func open(ctx context.Context, p *stack.Postgres, now func() time.Time) (storage.DB, *stack.Database, error) {
	d, err := p.NewDatabase(ctx)
	if err != nil {
		return nil, nil, err
	}
	if err := postgres.Migrate(ctx, d.OwnerDSN, d.App); err != nil {
		return nil, nil, err
	}
	db, err := postgres.Open(ctx, d.AppDSN, postgres.Options{Now: now})
	return db, d, err
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
