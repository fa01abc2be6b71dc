// Command transfer measures what sealing, logging and verifying evidence costs:
// the Go client's upload and download of one file beside a plain curl PUT and
// GET of the same bytes to and from the same store, in turns, in one run.
//
//   - On a real Vault, MinIO and PostgreSQL: curl does one presigned PUT to a
//     plain bucket (no lock, no versions, no checksums), and one GET.
//   - Embedded: curl puts parts of the client's size to the same directory
//     store under its signed URLs, one after the other, and gets them as one.
//
// What is timed is [client.Client.PutEvidence] and [client.Client.GetEvidence],
// everything included: key and custodian, hashing, sealing, the store's
// completion, the log, the receipt; and of curl its own time_total. The client
// and the server run as processes of their own, whose peak memory is told.
// Before each measurement the disks are brought up to date, so that none pays
// for the writes of the one before.
//
// The last lines are "RATIO name value goal ok|short"; a ratio is the median of
// the rounds' ratios. A figure that falls short does not fail.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/comity-platform/comity/bench/ratio"
	"github.com/comity-platform/comity/deploy/stack/stacktest"
)

// The goals.
const (
	putGoal    = 0.8
	getGoal    = 0.9
	memoryGoal = 512 // MiB, of the client
)

type options struct {
	size    int64 // bytes
	rounds  int
	profile string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "transfer:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 1 { // this program as a process of the benchmark, see child.go
		switch args[0] {
		case roleServer:
			return serve(ctx, os.Stdin, os.Stdout)
		case roleClient:
			return work(ctx, os.Stdin, os.Stdout)
		}
	}
	flags := flag.NewFlagSet("transfer", flag.ContinueOnError)
	size := flags.Int64("size", 256, "size of the file in `MiB`, 1 to 16384")
	rounds := flags.Int("rounds", 3, "`rounds`, 1 to 50, each with every transfer once")
	timeout := flags.Duration("timeout", 30*time.Minute, "`time` after which everything is ended; building Vault and MinIO the first time counts")
	profile := flags.String("profile", "", "`folder` for profiles of the client's processor time (pprof); none by default")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 || *size < 1 || *size > 16<<10 || *rounds < 1 || *rounds > 50 {
		return errors.New("a flag is out of its bounds; see -help")
	}
	ctx, cancel := context.WithTimeoutCause(ctx, *timeout, fmt.Errorf("not done within -timeout %s", *timeout))
	defer cancel()
	err := measure(ctx, options{size: *size << 20, rounds: *rounds, profile: *profile}, os.Stdout)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func measure(ctx context.Context, o options, out io.Writer) (err error) {
	dir, err := stacktest.Dir()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if o.profile != "" {
		if o.profile, err = filepath.Abs(o.profile); err != nil {
			return err
		}
		if err := os.MkdirAll(o.profile, 0o755); err != nil {
			return err
		}
	}
	src, err := newSource(ctx, filepath.Join(dir, "source"), o.size)
	if err != nil {
		return err
	}
	plain, err := newPeerTool(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d MiB of random bytes in %d part(s), %d round(s), %s; load average %s\n", o.size>>20, len(src.parts), o.rounds, plain.what, load())

	var results []result
	for _, w := range []world{{title: "Vault, MinIO, PostgreSQL", open: openReal}, {title: "embedded: directory, keyring, SQLite", suffix: "_embedded", open: openEmbedded}} {
		r, err := w.measure(ctx, filepath.Join(dir, "world"+w.suffix), o, src, plain)
		if err != nil {
			return fmt.Errorf("%s: %w", w.title, err)
		}
		if err := r.table(out); err != nil {
			return err
		}
		results = append(results, r)
	}
	fmt.Fprintf(out, "\nload average at the end %s\n", load())
	var peak float64
	for _, r := range results {
		ratio.AtLeast(out, "put_vs_curl"+r.suffix, ratio.Median(r.putRatios()), putGoal)
		ratio.AtLeast(out, "get_vs_curl"+r.suffix, ratio.Median(r.getRatios()), getGoal)
		peak = max(peak, r.clientPeak)
	}
	ratio.AtMost(out, "peak_memory_mib", peak, memoryGoal)
	return nil
}

// load is how busy the machine is, since others' work weighs on the figures.
func load() string {
	raw, err := os.ReadFile("/proc/loadavg")
	var one, five, fifteen string
	if _, scanErr := fmt.Sscan(string(raw), &one, &five, &fifteen); err != nil || scanErr != nil {
		return "not known on this system"
	}
	return one + " " + five + " " + fifteen
}
