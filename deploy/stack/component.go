package stack

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	mathrand "math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/comity-platform/comity/internal/durable"
)

// ErrShared is the answer to ending, restarting or sealing a component that
// was only connected to: others use it at the same time.
var ErrShared = errors.New("this component is shared with others; start a private one to stop it")

// component is one server in one directory: what Vault, MinIO and PostgreSQL have in common.
type component struct {
	name     string
	dir      string
	port     int
	opts     Options
	command  func() (Command, error)     // for the present port
	ready    func(context.Context) error // nil once the server answers
	started  bool                        // by this handle, not found running
	stopSig  syscall.Signal              // asks for an orderly end
	deathSig syscall.Signal              // sent by the kernel when we die
}

// connected is a component that somebody else runs.
func connected(name string) *component { return &component{name: name} }

func (c *component) owned() error {
	if c.command == nil {
		return fmt.Errorf("%s: %w", c.name, ErrShared)
	}
	return nil
}

// run starts the server process and waits until it answers.
func (c *component) run(ctx context.Context) error {
	if err := c.owned(); err != nil {
		return err
	}
	cmd, err := c.full()
	if err != nil {
		return err
	}
	if c.opts.Detached {
		if _, err := StartDetached(ctx, cmd, c.ready); err != nil {
			return err
		}
	} else {
		id, err := launch(cmd, childAttr(cmd.user, c.deathSig))
		if err != nil {
			return err
		}
		if err := awaitReady(ctx, cmd, id, c.ready); err != nil {
			return err
		}
	}
	c.started = true
	return nil
}

// full is the command with what all components have alike.
func (c *component) full() (Command, error) {
	cmd, err := c.command()
	cmd.Name, cmd.Dir = c.name, c.dir
	cmd.Log, cmd.PID = c.LogFile(), filepath.Join(c.dir, pidFileName)
	cmd.Env = append(c.env(), cmd.Env...)
	return cmd, err
}

// env is what every process of the component gets; settings in the caller's
// environment must not reach them.
func (c *component) env() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + c.dir, "LC_ALL=C"}
}

// runFirst starts a server that has no address yet. Between choosing a free
// port and binding it another process may take it, so it tries a few.
func (c *component) runFirst(ctx context.Context) (err error) {
	for range 4 {
		if c.port, err = freePort(); err != nil {
			return err
		}
		if err = c.run(ctx); err == nil || !strings.Contains(err.Error(), "already in use") {
			return err
		}
	}
	return err
}

// LogFile is where the server's output goes.
func (c *component) LogFile() string { return filepath.Join(c.dir, c.name+".log") }

// Stop ends the server in an orderly way; it is killed if it takes longer
// than 20 seconds or ctx ends. Its data stays.
func (c *component) Stop(ctx context.Context) error { return c.end(ctx, c.stopSig) }

// Kill ends the server at once, as a crash would. Its data stays.
func (c *component) Kill() error { return c.end(context.Background(), c.deathSig) }

func (c *component) end(ctx context.Context, sig syscall.Signal) error {
	if err := c.owned(); err != nil {
		return err
	}
	if _, err := stopPIDFile(ctx, filepath.Join(c.dir, pidFileName), sig); err != nil {
		return fmt.Errorf("stop %s: %w", c.name, err)
	}
	return nil
}

// open makes the component's directory and loads its secret file into secret.
// fresh says that there is none yet; running that the server is up already,
// which is an error unless it is detached.
func (c *component) open(secret any) (fresh, running bool, err error) {
	// Others may pass through but not list: PostgreSQL's user must reach its data.
	if err := os.MkdirAll(c.dir, 0o711); err != nil {
		return false, false, fmt.Errorf("make the directory of %s: %w", c.name, err)
	}
	raw, err := os.ReadFile(filepath.Join(c.dir, secretFileName))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return true, false, nil
	case err != nil:
		return false, false, fmt.Errorf("read the secrets of %s: %w", c.name, err)
	}
	if err := json.Unmarshal(raw, secret); err != nil {
		return false, false, fmt.Errorf("%s is damaged: %w", filepath.Join(c.dir, secretFileName), err)
	}
	if pid, ok := Running(filepath.Join(c.dir, pidFileName)); ok {
		if !c.opts.Detached {
			return false, true, fmt.Errorf("%s already runs in %s as process %d", c.name, c.dir, pid)
		}
		return false, true, nil
	}
	return false, false, nil
}

// save keeps the secrets for the next start. It is written once everything
// they belong to exists, so that a start cut short begins afresh.
func (c *component) save(secret any) error {
	raw, err := json.Marshal(secret)
	if err == nil {
		err = durable.WriteFile(filepath.Join(c.dir, secretFileName), raw, 0o600)
	}
	if err != nil { // without them the server is of no use to anybody
		return errors.Join(fmt.Errorf("keep the secrets of %s: %w", c.name, err), c.Kill())
	}
	return nil
}

func (c *component) address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(c.port)) }

// FreeAddress is an address on 127.0.0.1 that nobody listens on, for a server
// that keeps it over its restarts.
func FreeAddress() (string, error) {
	port, err := freePort()
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), err
}

// freePort finds a port that nobody listens on, below the range from which
// Linux takes the ports of outgoing connections (32768 and up): there, a
// stopped server's port could be gone before its restart.
func freePort() (int, error) {
	for range 100 {
		port := 20000 + mathrand.IntN(12000)
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			return port, l.Close()
		}
	}
	return 0, errors.New("found no free port between 20000 and 32000")
}

// randomSecret is 160 random bits in hexadecimal, within every component's limits.
func randomSecret() string {
	var b [20]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	return hex.EncodeToString(b[:])
}
