package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	agency "github.com/comity-platform/comity/cmd/comity/cli"
	"github.com/comity-platform/comity/deploy/stack/stacktest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"comityd": main, "comity": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		code := agency.Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv)
		stop()
		os.Exit(code)
	}})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata", RequireExplicitExec: true, RequireUniqueNames: true, Setup: func(e *testscript.Env) error {
		// PostgreSQL's user must be able to enter it, unlike the script's own folder.
		dir, err := stacktest.Dir()
		if err != nil {
			return err
		}
		e.Setenv("UP", dir)
		e.Defer(func() {
			// What a script that failed has left running.
			run(context.Background(), []string{"down", "--wipe", "--dir", dir}, io.Discard, io.Discard)
			_ = os.RemoveAll(dir)
		})
		// Built components are found there.
		e.Setenv("HOME", os.Getenv("HOME"))
		e.Setenv("XDG_CACHE_HOME", os.Getenv("XDG_CACHE_HOME"))
		return nil
	}})
}
