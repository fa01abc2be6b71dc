// Command testmain starts one Vault, one MinIO and one PostgreSQL, tells a
// command where they are (the COMITY_TEST_ variables of package stacktest),
// runs it, stops them and ends with the command's exit status:
//
//	go run ./deploy/stack/testmain -- go test ./storage/...
//
// With -counts the command must print the events of "go test -json". They are
// shown as one line for each package and in full for what failed or was
// skipped, and the last line is "N passed, N failed, N skipped". The exit
// status is then 0 only if something passed and nothing failed or was skipped.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/comity-platform/comity/deploy/stack"
	"github.com/comity-platform/comity/deploy/stack/stacktest"
)

func main() {
	counts := flag.Bool("counts", false, "read the command's output as events of \"go test -json\" and count")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: testmain [-counts] -- command [argument ...]")
		os.Exit(2)
	}
	// The terminal sends an interrupt to the command as well; we wait for it and clean up.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	status, err := run(ctx, flag.Args(), *counts, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testmain:", err)
	}
	os.Exit(status)
}

// run answers the exit status. The line of counts is the last thing it prints.
func run(ctx context.Context, command []string, counts bool, out io.Writer) (status int, err error) {
	dir, err := stacktest.Dir()
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	postgres, err := stacktest.PostgresDir()
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(postgres)) }()
	s, err := stack.Start(ctx, dir, stack.Options{PostgresDir: postgres, Progress: os.Stderr})
	if err != nil {
		return 1, err
	}
	t := newTally(out)
	status, err = execute(ctx, command, environment(s), counts, t, out)
	// Its own context: after an interrupt there is still this to do.
	stopCtx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if stopErr := s.Stop(stopCtx); stopErr != nil {
		status, err = 1, errors.Join(err, stopErr)
	}
	if counts {
		status = t.finish(status)
	}
	return status, err
}

func environment(s *stack.Stack) []string {
	return append(os.Environ(),
		stacktest.EnvVaultAddr+"="+s.Vault.Addr,
		stacktest.EnvVaultToken+"="+s.Vault.RootToken,
		stacktest.EnvMinIOEndpoint+"="+s.MinIO.Endpoint,
		stacktest.EnvMinIOAccess+"="+s.MinIO.AccessKey,
		stacktest.EnvMinIOSecret+"="+s.MinIO.SecretKey,
		stacktest.EnvPostgresDSN+"="+s.Postgres.AdminDSN(),
	)
}

// execute runs the command and answers its exit status.
func execute(ctx context.Context, command, env []string, counts bool, t *tally, out io.Writer) (int, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 30 * time.Second
	cmd.Env, cmd.Stdin, cmd.Stderr, cmd.Stdout = env, os.Stdin, os.Stderr, out
	if counts {
		cmd.Stdout = t
	}
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() > 0 {
		return exit.ExitCode(), nil // the command has said why
	}
	if err != nil {
		return 1, fmt.Errorf("run %s: %w", command[0], err)
	}
	return 0, nil
}
