package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/alecthomas/kong"

	"github.com/comity-platform/comity/cmd/comityd/service"
	"github.com/comity-platform/comity/storage/postgres"
)

type serveCmd struct {
	service.Config
}

// Help is shown below the flags.
func (serveCmd) Help() string {
	return `Settings come from flags, else from the environment, else from the configuration file. SIGINT and SIGTERM
shut down in good order.

Examples:
  comityd serve --config /etc/comity/comityd.json
  COMITYD_LOG_FORMAT=text comityd serve --config comityd.json --metrics-listen 127.0.0.1:9464`
}

// Run serves until it is told to end.
func (c *serveCmd) Run(ctx context.Context, parsed *kong.Context, s streams) error {
	c.Complete(parsed)
	srv, err := service.New(ctx, c.Config, service.Options{Log: s.err})
	if err != nil {
		return err
	}
	return srv.Run(ctx)
}

type checkCmd struct {
	service.Config
	JSON bool `help:"Print the faults as a JSON array."`
}

// Help is shown below the flags.
func (checkCmd) Help() string {
	return `Takes the settings that "serve" takes, and names every fault at once with where it stands. Exit code 2 when there is one;
a warning, which says so, is none.

Examples:
  comityd check-config --config /etc/comity/comityd.json
  comityd check-config --config comityd.json --json | jq -r '.[].where'`
}

// errFaulty says that the faults were printed.
var errFaulty = errors.New("the configuration has faults")

// Run checks.
func (c *checkCmd) Run(ctx context.Context, parsed *kong.Context, s streams) error {
	c.Complete(parsed)
	faults := service.Check(ctx, c.Config)
	if c.JSON {
		if faults == nil {
			faults = []service.Fault{}
		}
		e := json.NewEncoder(s.out)
		e.SetIndent("", "  ")
		if err := e.Encode(faults); err != nil {
			return err
		}
	}
	grave := 0
	for _, f := range faults {
		if !f.Warning {
			grave++
		}
		if !c.JSON {
			fmt.Fprintln(s.out, f.Error())
		}
	}
	if !c.JSON {
		fmt.Fprintf(s.out, "%d fault(s)\n", grave)
	}
	if grave > 0 {
		return errFaulty
	}
	return nil
}

type migrateCmd struct {
	OwnerDSNFile string `name:"owner-dsn-file" required:"" type:"existingfile" placeholder:"FILE" help:"File with the address of the database, as its owner (postgres://…)."`
	AppRole      string `required:"" placeholder:"ROLE" help:"Role that the server works as; it is given the rights it needs and no others."`
}

// Help is shown below the flags.
func (migrateCmd) Help() string {
	return `May be repeated, and be run by several at once. Servers of the version before keep working.

Example:
  comityd migrate --owner-dsn-file /run/secrets/comity-owner-dsn --app-role comity_app`
}

// Run migrates.
func (c *migrateCmd) Run(ctx context.Context, s streams) error {
	dsn, err := service.ReadDSN(c.OwnerDSNFile)
	if err != nil {
		return err
	}
	if err := postgres.Migrate(ctx, dsn, c.AppRole); err != nil {
		return err
	}
	fmt.Fprintln(s.out, "the database has this version's schema")
	return nil
}

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run(s streams) error {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return errors.New("this program was built without its version")
	}
	version := info.Main.Version
	for _, kv := range info.Settings {
		if kv.Key == "vcs.revision" && version == "(devel)" {
			version = "development, commit " + kv.Value
		}
	}
	fmt.Fprintf(s.out, "comityd %s, %s\n", version, info.GoVersion)
	return nil
}

// terminal reports whether what is printed is seen by a person.
func terminal(w any) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
