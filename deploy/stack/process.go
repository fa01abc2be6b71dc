package stack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/comity-platform/comity/internal/durable"
)

// Command is a server process to run in the background.
type Command struct {
	Name string   // for messages
	Path string   // executable
	Args []string // without the executable; never a secret, every user can read them
	Env  []string // the whole environment; nothing is inherited
	Dir  string   // working directory
	Log  string   // file that gets standard output and error, appended
	PID  string   // file that records which process this is
	user *syscall.Credential
}

// identity names one process for good. A process id alone may since have been
// given to another process; id and start time together are never given twice.
type identity struct {
	PID   int    `json:"pid"`
	Start string `json:"start"`
}

func (id identity) alive() bool {
	start, err := startTime(id.PID)
	return err == nil && start == id.Start
}

// StartDetached runs c in a session of its own, so that it outlives the caller
// and its terminal, records it in c.PID and waits until ready answers nil. If
// the process ends first or ready takes too long, the error holds the end of
// the log and nothing is left running. A c.PID that names a live process is an error.
func StartDetached(ctx context.Context, c Command, ready func(context.Context) error) (pid int, err error) {
	id, err := launch(c, &syscall.SysProcAttr{Setsid: true, Credential: c.user})
	if err != nil {
		return 0, err
	}
	if err := awaitReady(ctx, c, id, ready); err != nil {
		return 0, err
	}
	return id.PID, nil
}

// StopDetached ends the process recorded in pidFile: SIGTERM, then SIGKILL
// after a grace of 20 seconds. It answers false if that process no longer
// runs; a process that merely got the same id is left alone.
func StopDetached(ctx context.Context, pidFile string) (stopped bool, err error) {
	return stopPIDFile(ctx, pidFile, syscall.SIGTERM)
}

// Running answers the process id recorded in pidFile if that very process runs.
func Running(pidFile string) (pid int, ok bool) {
	id, err := readIdentity(pidFile)
	return id.PID, err == nil && id.alive()
}

func readIdentity(pidFile string) (identity, error) {
	var id identity
	raw, err := os.ReadFile(pidFile)
	if err != nil {
		return id, err
	}
	if err := json.Unmarshal(raw, &id); err != nil || id.PID <= 1 {
		return identity{}, fmt.Errorf("%s does not name a process", pidFile)
	}
	return id, nil
}

func stopPIDFile(ctx context.Context, pidFile string, sig syscall.Signal) (bool, error) {
	id, err := readIdentity(pidFile)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	running := id.alive()
	if err := id.end(ctx, sig); err != nil {
		return false, err
	}
	return running, os.Remove(pidFile)
}

// end asks the process to end with sig and kills it when the grace is over or
// ctx ends. A process that is gone already is no error.
func (id identity) end(ctx context.Context, sig syscall.Signal) error {
	grace, cancel := context.WithTimeout(ctx, stopGrace)
	defer cancel()
	for _, step := range []struct {
		ctx context.Context
		sig syscall.Signal
	}{{grace, sig}, {context.WithoutCancel(ctx), syscall.SIGKILL}} {
		if !id.alive() {
			return nil
		}
		if err := syscall.Kill(id.PID, step.sig); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("signal process %d: %w", id.PID, err)
		}
		until := time.Now().Add(stopGrace)
		for id.alive() && step.ctx.Err() == nil && time.Now().Before(until) {
			time.Sleep(10 * time.Millisecond)
		}
	}
	if id.alive() {
		return fmt.Errorf("process %d does not end", id.PID)
	}
	return nil
}

// launch starts c and records it.
func launch(c Command, attr *syscall.SysProcAttr) (identity, error) {
	if pid, ok := Running(c.PID); ok {
		return identity{}, fmt.Errorf("%s already runs as process %d", c.Name, pid)
	}
	log, err := os.OpenFile(c.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return identity{}, fmt.Errorf("open the log of %s: %w", c.Name, err)
	}
	defer log.Close()
	cmd := exec.Command(c.Path, c.Args...)
	cmd.Env, cmd.Dir, cmd.SysProcAttr = c.Env, c.Dir, attr
	cmd.Stdout, cmd.Stderr = log, log
	if err := startOnLastingThread(cmd); err != nil {
		return identity{}, fmt.Errorf("start %s: %w", c.Name, err)
	}
	start, err := startTime(cmd.Process.Pid)
	// Reaping is all this is for: whether the process lives is asked by identity.
	go func() { _ = cmd.Wait() }()
	if err != nil {
		return identity{}, fmt.Errorf("%s ended at once; its log ends:\n%s", c.Name, tail(c.Log))
	}
	id := identity{PID: cmd.Process.Pid, Start: start}
	raw, err := json.Marshal(id)
	if err == nil {
		err = durable.WriteFile(c.PID, raw, 0o600)
	}
	if err != nil {
		_ = id.end(context.Background(), syscall.SIGKILL)
		return identity{}, fmt.Errorf("record the process of %s: %w", c.Name, err)
	}
	return id, nil
}

// awaitReady polls ready until it answers nil. If that does not come about it
// ends the process.
func awaitReady(ctx context.Context, c Command, id identity, ready func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	for {
		probe, done := context.WithTimeout(ctx, 5*time.Second)
		last := ready(probe)
		done()
		alive := id.alive()
		if last == nil && alive { // else it was another server that answered on this port
			return nil
		}
		if !alive {
			return fmt.Errorf("%s ended instead of starting; its log ends:\n%s", c.Name, tail(c.Log))
		}
		select {
		case <-ctx.Done():
			_ = id.end(context.WithoutCancel(ctx), syscall.SIGKILL)
			return fmt.Errorf("%s is not ready (%w): %w; its log ends:\n%s", c.Name, ctx.Err(), last, tail(c.Log))
		case <-time.After(40 * time.Millisecond):
		}
	}
}

// lasting is a queue of work for one operating system thread that lives as
// long as this process. The kernel's parent-death signal is sent when the
// thread that forked ends, and Go ends threads when it likes.
var lasting = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range work {
			f()
		}
	}()
	return work
})

func startOnLastingThread(cmd *exec.Cmd) error {
	result := make(chan error)
	lasting() <- func() { result <- cmd.Start() }
	return <-result
}

// tail is the end of a log, for an error message.
func tail(path string) string {
	const lines, most = 15, 16 << 10
	f, err := os.Open(path)
	if err != nil {
		return "(no log: " + err.Error() + ")"
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "(no log: " + err.Error() + ")"
	}
	from := max(0, info.Size()-most)
	buf := make([]byte, info.Size()-from)
	n, _ := f.ReadAt(buf, from)
	all := strings.Split(strings.TrimSpace(string(buf[:n])), "\n")
	return "  " + strings.Join(all[max(0, len(all)-lines):], "\n  ")
}
