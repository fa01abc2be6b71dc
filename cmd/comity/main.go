// Command comity is the agency's command line: see comity --help.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/comity-platform/comity/cmd/comity/cli"
	"github.com/comity-platform/comity/cmd/internal/secretive"
)

func main() {
	if err := secretive.NoDumps(); err != nil {
		fmt.Fprintln(os.Stderr, "comity:", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv)
	stop()
	os.Exit(code)
}
