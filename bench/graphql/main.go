// Command graphql measures the API beside its peers: the same rows in the same
// PostgreSQL, read by the same role over pools of the same size, for the same
// query. Answers are compared before anything is timed, and the runs take turns.
//
//   - Comity is the real service as a process of its own. Each request has the
//     officer's token and a DPoP proof of its own, made before the run; words are
//     opened under keys of Vault, row-level security is on, and each read commits
//     its leaf of the record of acts, flushed to disk, before its answer goes out.
//   - "handwritten" is a handler for net/http, pgx and encoding/json that runs the
//     same statements, opens the same words and commits the same leaf. It has no
//     query language, no authentication and no policies.
//   - graphql-go's own executor, gqlgen, Mercurius (jit, loaders) and PostGraphile
//     read the same rows from tables of their own in the same database, in which
//     the words lie in plain text, with the predicate of visibility in their SQL.
//     They have no authentication, no row-level security and no record of acts:
//     all of that is to their advantage.
//
// Load is made on this machine by wrk, for as much as is answered, and by vegeta
// at a constant rate. Processor time is that of the server's process alone, and
// PostgreSQL's is told beside it.
//
// The last lines are "RATIO name value goal ok|short". A figure that falls
// short does not fail; an answer that is wrong does.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

type options struct {
	root        string // of this benchmark's folder
	rounds      int
	seconds     time.Duration
	connections int
	cells       []string
	peers       []string
	profile     string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	var err error
	if len(os.Args) == 2 && !strings.HasPrefix(os.Args[1], "-") {
		err = serve(ctx, os.Args[1], os.Stdin, os.Stdout)
	} else {
		err = run(ctx, os.Args[1:])
	}
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "graphql:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet("graphql", flag.ContinueOnError)
	rounds := flags.Int("rounds", 3, "`rounds`, 1 to 100, each with everything once")
	seconds := flags.Duration("time", 4*time.Second, "`time` of one run of load, 1s to 1m in whole seconds")
	connections := flags.Int("connections", 32, "`connections` that ask at once for the most that is answered, 1 to 256")
	cells := flags.String("cells", strings.Join(allCells, ","), "`cells` to measure")
	peers := flags.String("only", strings.Join(allPeers, ","), "`peers` to measure beside Comity")
	timeout := flags.Duration("timeout", 30*time.Minute, "`time` after which everything is ended")
	profile := flags.String("profile", "", "`file` for a profile of Comity's processor time")
	if err := flags.Parse(args); err != nil {
		return err
	}
	o := options{rounds: *rounds, seconds: *seconds, connections: *connections, cells: strings.Split(*cells, ","), peers: strings.Split(*peers, ","), profile: *profile}
	if flags.NArg() > 0 || o.rounds < 1 || o.rounds > 100 || o.seconds < time.Second || o.seconds > time.Minute || o.seconds%time.Second != 0 || o.connections < 1 || o.connections > 256 {
		return errors.New("a flag is out of its bounds; see -help")
	}
	if *peers == "" {
		o.peers = nil
	}
	for given, known := range map[*[]string][]string{&o.cells: allCells, &o.peers: allPeers} {
		for _, name := range *given {
			if !slices.Contains(known, name) {
				return fmt.Errorf("there is no %q; there are %s", name, strings.Join(known, ", "))
			}
		}
	}
	if o.root, err = filepath.Abs("graphql"); err != nil { // go run -C bench
		return err
	}
	wrk, err := exec.LookPath("wrk")
	if err != nil {
		return errors.New("wrk is needed, which makes the load: install it (Debian and Ubuntu: apt-get install wrk)")
	}
	ctx, cancel := context.WithTimeoutCause(ctx, *timeout, fmt.Errorf("not done within -timeout %s", *timeout))
	defer cancel()
	dir, err := os.MkdirTemp("", "comity-bench-graphql-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.Chmod(dir, 0o711); err != nil { // PostgreSQL's user passes through
		return err
	}
	w, err := newWorld(ctx, dir, o.profile)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	pid, err := w.databasePID(dir)
	if err != nil {
		return err
	}
	m := &measuring{options: o, world: w, dir: dir, loader: loader{dir: dir, wrk: wrk, script: filepath.Join(o.root, "load.lua"), database: pid}}
	defer func() { err = errors.Join(err, m.close()) }()
	return m.all(ctx)
}
