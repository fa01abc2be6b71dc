package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"

	"github.com/comity-platform/comity/cmd/comityd/demo"
	"github.com/comity-platform/comity/cmd/comityd/service"
	"github.com/comity-platform/comity/cmd/comityd/setup"
	"github.com/comity-platform/comity/internal/durable"
)

type demoCmd struct {
	Exit     bool   `help:"End after the story, with status 0 only if every step went as told."`
	Real     bool   `help:"On the real Vault, MinIO and PostgreSQL of \"comityd up\", started if they are not up."`
	Dir      string `type:"path" placeholder:"DIR" help:"Keep everything in DIR, for another time; a temporary folder otherwise. With --real the folder of \"up\"."`
	Document string `type:"existingfile" placeholder:"FILE" help:"STIX 2.1 bundle or MISP event to file the case from; it must name a wallet address. Otherwise the MISP event in ../shared/data, if it is there, else one that is made up; the story says which."`
	ImageMiB int64  `name:"image-mib" default:"256" placeholder:"N" help:"Size of the disk image to upload (256; 40 at least)."`
}

// Help is shown below the flags.
func (demoCmd) Help() string {
	return `Examples:
  comityd demo                                  embedded: needs nothing but this program
  comityd demo --exit                           for scripts: ends with "demo: ok, N acts, M denials as expected"
  comityd demo --real --exit                    on real components
  comityd demo --document incident.json --dir ~/comity-demo`
}

// Validate refuses, before anything is started, what would end the story later.
func (c *demoCmd) Validate() error { return c.options().Check() }

func (c *demoCmd) options() demo.Options {
	o := demo.Options{Document: c.Document, ImageSize: c.ImageMiB << 20}
	if o.Document == "" {
		o.Document = demo.RealDocument()
	}
	return o
}

// Run plays the story.
func (c *demoCmd) Run(ctx context.Context, s streams) error {
	o := c.options()
	o.Out, o.Color = s.out, terminal(s.out)
	if c.Real {
		return c.real(ctx, s, o)
	}
	return c.embedded(ctx, s, o)
}

// embedded serves an exchange of its own.
func (c *demoCmd) embedded(ctx context.Context, s streams, o demo.Options) (err error) {
	dir := c.Dir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "comityd-demo-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	release, err := hold(dir)
	if err != nil {
		return err
	}
	defer release()
	listener, err := listenAgain(filepath.Join(dir, "address"))
	if err != nil {
		return err
	}
	if o.Config, err = setup.Embedded(ctx, dir, listener.Addr().String()); err != nil {
		return errors.Join(err, listener.Close())
	}
	logPath := filepath.Join(dir, "comityd.log")
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer log.Close()
	srv, err := service.New(ctx, o.Config, service.Options{Log: log, Listener: listener})
	if err != nil {
		return err
	}
	serving, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- srv.Run(serving) }()
	defer func() { stop(); err = errors.Join(err, <-ended) }()

	fmt.Fprintf(s.out, "Comity: the sample union of seven states, embedded in this process. Its root keys are fresh and its\n"+
		"login asks for no password; nothing here is fit for real cases.\n\n  exchange       %s\n  pinned roots   %s\n  server's log   %s\n",
		o.Config.ExternalURL, o.Config.Roots, logPath)
	return c.play(ctx, s, o)
}

// play plays the story and, unless told to end, waits for an interrupt.
func (c *demoCmd) play(ctx context.Context, s streams, o demo.Options) error {
	result, err := demo.Play(ctx, o)
	if err != nil {
		return fmt.Errorf("the demo did not go as told: %w", err)
	}
	if c.Exit {
		fmt.Fprintf(s.out, "\n%s\n", summary(result))
		return nil
	}
	fmt.Fprintln(s.out)
	invite(s.out, o.Config)
	fmt.Fprintf(s.out, "\n%s\n", summary(result))
	if c.Real {
		fmt.Fprintln(s.out, "The exchange stays up until: go run ./cmd/comityd down")
		return nil
	}
	fmt.Fprintln(s.out, "The exchange stays up until you press Ctrl-C.")
	<-ctx.Done()
	return nil
}

func summary(r demo.Result) string {
	return fmt.Sprintf("demo: ok, %d acts, %d denials as expected", r.Acts, r.Denials)
}

// invite says how to go on from here.
func invite(w io.Writer, cfg service.Config) {
	fmt.Fprintf(w, `Go on yourself, as any officer of AM, BY, KG, KZ, RU, TJ or UZ: investigator@KZ, colleague@KZ, liaison@KZ, deputy@KZ,
authority@KZ, second@KZ (of the authority too), auditor@KZ, ct@KZ (counter-terrorism).

  API (GraphQL)   %[1]s/graphql
  explorer        %[1]s/explorer

  go run ./cmd/comity login --as liaison@AM --server %[1]s --roots %[2]s
  go run ./cmd/comity request list
  go run ./cmd/comity log list
`, cfg.ExternalURL, cfg.Roots)
}

// listenAgain listens where this folder's server did before, as clients have
// pinned, or on a free port.
func listenAgain(file string) (net.Listener, error) {
	if before, err := os.ReadFile(file); err == nil {
		if l, err := net.Listen("tcp", string(before)); err == nil {
			return l, nil
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	if err := durable.WriteFile(file, []byte(l.Addr().String()), 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}
