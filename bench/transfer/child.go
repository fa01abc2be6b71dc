package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strings"
	"syscall"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/cmd/comityd/service"
	"github.com/comity-platform/comity/crypto/statement"
)

// This program's only argument when it is a process of the benchmark: then what
// the system says of the process is said of that part alone.
const (
	roleServer = "server"
	roleClient = "client"
)

const (
	listening = "listening\n" // what a server prints when it is ready
	// stopGrace is how long a server may take to end; it drains for 30 seconds
	// at most.
	stopGrace = 45 * time.Second
)

// serve is comityd, with the configuration that is the first line of in, until
// in ends: so it never outlives who started it.
func serve(ctx context.Context, in io.Reader, out io.Writer) error {
	r := bufio.NewReader(in)
	line, err := r.ReadBytes('\n')
	if err != nil {
		return err
	}
	var cfg service.Config
	if err := json.Unmarshal(line, &cfg); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx)) // who started it decides when it ends
	srv, err := service.New(ctx, cfg, service.Options{Log: os.Stderr})
	if err != nil {
		stop()
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, r) // whatever ends it, it is the end
		stop()
	}()
	if _, err := io.WriteString(out, listening); err != nil {
		stop()
	}
	if err := srv.Run(ctx); err != nil {
		return err
	}
	peak, err := peakMemory()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, peak)
	return err
}

// server is comityd as a process.
type server struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	stdout io.Reader
	log    string
}

func startServer(ctx context.Context, dir string, cfg service.Config) (_ *server, err error) {
	s := &server{log: filepath.Join(dir, "comityd.log")}
	raw, err := json.Marshal(cfg)
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s.cmd = exec.Command(self, roleServer)
	s.cmd.Stderr = log
	in, err := s.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	s.stdin = in
	if s.stdout, err = s.cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	stopWatch := context.AfterFunc(ctx, func() { _ = in.Close() })
	defer stopWatch()
	_, err = in.Write(append(raw, '\n'))
	if err == nil {
		said := make([]byte, len(listening))
		_, err = io.ReadFull(s.stdout, said)
	}
	if err != nil {
		_, stopErr := s.stop()
		tail, _ := os.ReadFile(s.log)
		return nil, fmt.Errorf("comityd does not start: %w\n%s", errors.Join(err, stopErr), tail)
	}
	return s, nil
}

// stop ends the server and tells its peak memory in MiB.
func (s *server) stop() (peak float64, err error) {
	_ = s.stdin.Close() // closed already when the context ended
	kill := time.AfterFunc(stopGrace, func() { _ = s.cmd.Process.Kill() })
	defer kill.Stop()
	_, scanErr := fmt.Fscan(s.stdout, &peak)
	if err := errors.Join(s.cmd.Wait(), scanErr); err != nil {
		tail, _ := os.ReadFile(s.log)
		return 0, fmt.Errorf("comityd: %w\n%s", err, tail[max(0, len(tail)-2000):])
	}
	return peak, nil
}

// peakMemory is the most memory that this process had resident, in MiB. Linux
// counts to a process's getrusage(2) what the one that started it had at that
// moment, so that there proc(5) is asked for VmHWM.
func peakMemory() (float64, error) {
	if runtime.GOOS != "linux" {
		var usage syscall.Rusage
		err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
		if runtime.GOOS == "darwin" { // bytes there, kibibytes elsewhere
			usage.Maxrss >>= 10
		}
		return float64(usage.Maxrss) / (1 << 10), err
	}
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	_, after, _ := strings.Cut(string(raw), "VmHWM:")
	var kib float64
	if _, err := fmt.Sscan(after, &kib); err != nil {
		return 0, fmt.Errorf("/proc/self/status does not tell VmHWM: %w", err)
	}
	return kib / (1 << 10), nil
}

// job is one transfer for the client.
type job struct {
	Server, Union, Roots string
	Case                 comity.ID
	Put                  string    // file to upload, or
	Evidence             comity.ID // exhibit to fetch
	Get                  string    // into this file
	Profile              string    // "" for none, else the beginning of the profile's name
}

// done is what became of it.
type done struct {
	Cost     cost
	Evidence comity.ID
	Peak     float64 // MiB of memory
}

// work logs in, does a job, and tells how long the transfer itself took.
func work(ctx context.Context, in io.Reader, out io.Writer) error {
	var j job
	if err := json.NewDecoder(in).Decode(&j); err != nil {
		return err
	}
	raw, err := os.ReadFile(j.Roots)
	if err != nil {
		return err
	}
	roots, err := statement.ReadRoots(raw)
	if err != nil {
		return err
	}
	c, err := client.Login(ctx, client.Config{Server: j.Server, Union: j.Union, Roots: roots}, owner)
	if err != nil {
		return err
	}
	if j.Profile != "" {
		name := j.Profile + "-put.pprof"
		if j.Get != "" {
			name = j.Profile + "-get.pprof"
		}
		f, err := os.Create(name)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	began, err := start()
	if err != nil {
		return err
	}
	var e *client.Exhibit
	if j.Get != "" {
		e, err = c.GetEvidence(ctx, client.GetOptions{Evidence: j.Evidence, Purpose: comity.PurposeInvestigation, Dest: j.Get})
	} else {
		e, err = c.PutEvidence(ctx, client.PutOptions{Case: j.Case, Path: j.Put, Again: true, StateDir: filepath.Join(filepath.Dir(j.Put), "resume")})
	}
	if err != nil {
		return err
	}
	took, err := began.until()
	if err != nil {
		return err
	}
	peak, err := peakMemory()
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(done{took, e.Evidence, peak})
}

// runClient has a client of its own do a job.
func runClient(ctx context.Context, j job) (d done, err error) {
	raw, err := json.Marshal(j)
	if err != nil {
		return d, err
	}
	self, err := os.Executable()
	if err != nil {
		return d, err
	}
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, self, roleClient)
	cmd.Stdin, cmd.Stderr, cmd.Stdout = bytes.NewReader(raw), os.Stderr, &said
	if err := cmd.Run(); err != nil {
		return d, err
	}
	return d, json.Unmarshal(said.Bytes(), &d)
}
