package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"syscall"
	"time"

	"github.com/comity-platform/comity/bench/graphql/gqlgen"
	"github.com/comity-platform/comity/bench/graphql/rows"
	"github.com/comity-platform/comity/cmd/comityd/service"
)

// This program's only argument when it is a server of the benchmark: then the
// processor time of the process is that server's alone.
const (
	roleComity      = "comity"
	roleHandwritten = "handwritten"
	roleGraphQLGo   = "graphql-go"
	roleGqlgen      = "gqlgen"
)

const (
	listening = "listening\n" // what a server prints when it is ready
	profiling = "profile\n"   // what it is told when its profile is to begin
	// stopGrace is how long a server may take to end; Comity drains for 30 seconds
	// at most.
	stopGrace = 45 * time.Second
)

// comityConfig is what Comity's process is told.
type comityConfig struct {
	service.Config
	Profile string // file for a profile of the processor, "" for none
}

// peerConfig is what a peer's process is told.
type peerConfig struct {
	Address, DSN, Shared string
	Connections          int
	Handwritten          *handwrittenConfig
}

// serve is one server, with the configuration that is the first line of in,
// until in ends: so it never outlives who started it.
func serve(ctx context.Context, role string, in io.Reader, out io.Writer) error {
	r := bufio.NewReader(in)
	line, err := r.ReadBytes('\n')
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx)) // who started it decides when it ends
	defer stop()
	profile := make(chan struct{})
	go func() {
		for {
			if said, err := r.ReadString('\n'); err != nil { // whatever ends it, it is the end
				stop()
				return
			} else if said == profiling {
				close(profile)
			}
		}
	}()
	ready := func() error { _, err := io.WriteString(out, listening); return err }
	if role == roleComity {
		var c comityConfig
		if err := json.Unmarshal(line, &c); err != nil {
			return err
		}
		return serveComity(ctx, c, profile, ready)
	}
	var c peerConfig
	if err := json.Unmarshal(line, &c); err != nil {
		return err
	}
	var h http.Handler
	if role == roleHandwritten {
		h, err = newHandwritten(ctx, c)
	} else {
		var db *rows.DB
		if db, err = rows.Open(ctx, c.DSN, c.Connections, c.Shared); err == nil {
			switch role {
			case roleGqlgen:
				h = gqlgen.New(db)
			case roleGraphQLGo:
				h, err = newGraphQLGo(db, c.Shared)
			default:
				err = fmt.Errorf("there is no server %q", role)
			}
		}
	}
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", c.Address)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("POST /graphql", h)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		_ = server.Close() // ends Serve
	}()
	if err := ready(); err != nil {
		return err
	}
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// serveComity is comityd's own service. Its profile begins when that is said.
func serveComity(ctx context.Context, c comityConfig, profile <-chan struct{}, ready func() error) error {
	s, err := service.New(ctx, c.Config, service.Options{Log: os.Stderr})
	if err != nil {
		return err
	}
	if err := ready(); err != nil {
		return err
	}
	if c.Profile != "" {
		f, err := os.Create(c.Profile)
		if err != nil {
			return err
		}
		defer f.Close()
		defer pprof.StopCPUProfile()
		go func() {
			<-profile
			if err := pprof.StartCPUProfile(f); err != nil {
				fmt.Fprintln(os.Stderr, "no profile:", err)
			}
		}()
	}
	return s.Run(ctx)
}

// child is a server as a process.
type child struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	log   string
}

// startSelf starts a server that is this program.
func startSelf(ctx context.Context, dir, role string, config any) (*child, error) {
	raw, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return start(ctx, dir, role, exec.Command(self, role), append(raw, '\n'))
}

// start starts a server and waits until it listens.
func start(ctx context.Context, dir, name string, cmd *exec.Cmd, config []byte) (_ *child, err error) {
	c := &child{cmd: cmd, log: filepath.Join(dir, name+".log")}
	log, err := os.OpenFile(c.log, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd.Stderr = log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt is for who started it
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	c.stdin = in
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	stopWatch := context.AfterFunc(ctx, func() { _ = in.Close() })
	defer stopWatch()
	if _, err = in.Write(config); err == nil {
		said := make([]byte, len(listening))
		_, err = io.ReadFull(out, said)
	}
	if err != nil {
		stopErr := c.stop()
		return nil, fmt.Errorf("%s does not start: %w", name, errors.Join(err, stopErr))
	}
	return c, nil
}

// stop ends the server.
func (c *child) stop() error {
	_ = c.stdin.Close() // closed already when the context ended
	kill := time.AfterFunc(stopGrace, func() { _ = c.cmd.Process.Kill() })
	defer kill.Stop()
	if err := c.cmd.Wait(); err != nil {
		tail, _ := os.ReadFile(c.log)
		return fmt.Errorf("%s: %w\n%s", filepath.Base(c.log), err, tail[max(0, len(tail)-2000):])
	}
	return nil
}
