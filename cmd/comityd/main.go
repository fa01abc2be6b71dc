// Command comityd is the exchange's server, and the demo.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
	kongcompletion "github.com/jotaen/kong-completion"

	"github.com/comity-platform/comity/cmd/comityd/service"
	"github.com/comity-platform/comity/cmd/internal/secretive"
)

// Exit codes.
const (
	exitFault  = 1 // what was to be done failed
	exitUsage  = 2 // the command or the configuration is wrong
	exitSignal = 130
)

type cli struct {
	Serve       serveCmd   `cmd:"" help:"Serve the exchange."`
	CheckConfig checkCmd   `cmd:"" help:"Name every fault of a configuration at once."`
	Setup       setupCmd   `cmd:"" help:"Set a state up in its own Vault or MinIO, or the log's key in the exchange's."`
	LogKey      logKeyCmd  `cmd:"" help:"Print the public key that signs the log, for the states' manifests."`
	Migrate     migrateCmd `cmd:"" help:"Bring a PostgreSQL database to this version's schema."`
	Demo        demoCmd    `cmd:"" help:"Play the main job through the real API, then stay up."`
	Up          upCmd      `cmd:"" help:"Start Vault, MinIO, PostgreSQL and the exchange on this machine."`
	Down        downCmd    `cmd:"" help:"Stop what \"up\" started."`
	Status      statusCmd  `cmd:"" help:"Say what of it runs."`
	Version     versionCmd `cmd:"" help:"Print the version."`
	Witness     witnessCmd `cmd:"" hidden:""`

	Completion kongcompletion.Completion `cmd:"" help:"Print shell code for completion."`
}

const description = `The server of Comity, a case-sharing exchange between agencies of sovereign states.

Exit codes: 0 done, 1 failed, 2 the command or the configuration is wrong, 130 interrupted.`

func main() {
	if err := secretive.NoDumps(); err != nil {
		fmt.Fprintln(os.Stderr, "comityd:", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second interrupt ends at once
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// exited carries the code with which kong wants to end the process.
type exited int

// run is the whole program.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (code int) {
	var c cli
	parser, err := kong.New(&c, kong.Name("comityd"), kong.Description(description), kong.UsageOnError(), kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { panic(exited(code)) }), kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(streams{stdout, stderr}),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}))
	if err != nil {
		fmt.Fprintln(stderr, "comityd:", err)
		return exitFault
	}
	defer func() {
		if fault := recover(); fault != nil {
			e, ok := fault.(exited)
			if !ok {
				panic(fault)
			}
			code = int(e) // of --help
		}
	}()
	kongcompletion.Register(parser)
	parsed, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(stderr, "comityd: %v\nTry: comityd --help\n", err)
		return exitUsage
	}
	err = parsed.Run(parsed)
	var faults service.FaultsError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &faults):
		fmt.Fprintln(stderr, "comityd:", err)
		return exitUsage
	case errors.Is(err, errFaulty):
		return exitUsage
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintln(stderr, "comityd: interrupted")
		return exitSignal
	}
	fmt.Fprintln(stderr, "comityd:", err)
	return exitFault
}

// streams are where a command prints.
type streams struct{ out, err io.Writer }
