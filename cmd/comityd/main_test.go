package main

import (
	"context"
	"io"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/comity-platform/comity/deploy/stack/stacktest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"comityd": main})
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
