package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/comity-platform/comity/cmd/comityd/demo"
	"github.com/comity-platform/comity/cmd/comityd/service"
	"github.com/comity-platform/comity/cmd/comityd/setup"
	"github.com/comity-platform/comity/deploy/stack"
	"github.com/comity-platform/comity/deploy/union"
	"github.com/comity-platform/comity/internal/durable"
)

// What "up" keeps in its folder beside the components' own.
const (
	configFile = "comityd.json"
	pidFile    = "comityd.pid"
	logFile    = "comityd.log"
)

// place is the folder of "up".
type place struct {
	Dir string `type:"path" placeholder:"DIR" help:"Folder of the components, their data and secrets (/var/lib/comity/up for root, else below the user's cache)."`
}

func (p place) dir() (string, error) {
	if p.Dir != "" {
		return filepath.Abs(p.Dir)
	}
	return stack.DefaultDir()
}

type upCmd struct {
	place
}

// Help is shown below the flags.
func (upCmd) Help() string {
	return `Starts a Vault, a MinIO, a PostgreSQL, a witness of the log for each state and the exchange, on 127.0.0.1 only, and
leaves them running. Sets up the sample union of seven states on them: for each its own mounts and login of least privilege
in Vault, its own bucket and user in MinIO. The exchange never sees Vault's root token. Its API is plain HTTP, since nobody but this machine reaches it, and the
states' logins ask for no password, so it is a development profile all the same.

Vault and MinIO are built from source when they are not on PATH, which takes minutes the first time.

Examples:
  comityd up
  comityd demo --real --exit
  comityd down`
}

// Run starts everything and says what to do with it.
func (c *upCmd) Run(ctx context.Context, s streams) error {
	dir, err := c.dir()
	if err != nil {
		return err
	}
	cfg, components, err := up(ctx, dir, s.err)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "up: the sample union of seven states on real components, in %s\n\n  exchange       %s\n  metrics        http://%s/metrics\n"+
		"  Vault          %s\n  MinIO          http://%s\n  PostgreSQL     %s\n  pinned roots   %s\n  server's log   %s\n\n",
		dir, cfg.ExternalURL, cfg.MetricsListen, components.Vault.Addr, components.MinIO.Endpoint, components.Postgres.Address(),
		cfg.Roots, filepath.Join(dir, logFile))
	invite(s.out, cfg)
	return nil
}

// hold keeps the folder for this process alone. The server that "up" leaves
// running has it too, though not for another "up".
func hold(dir string) (release func(), err error) {
	if pid, running := stack.Running(filepath.Join(dir, pidFile)); running {
		return nil, fmt.Errorf("%s is in use by pid %d, the server of \"comityd up\"; end it with \"comityd down --dir %[1]s\", or choose another folder with --dir", dir, pid)
	}
	return stack.Hold(dir)
}

// up starts what does not run yet and gives the server's configuration.
func up(ctx context.Context, dir string, progress io.Writer) (service.Config, *stack.Stack, error) {
	if err := os.MkdirAll(dir, 0o711); err != nil { // PostgreSQL's user passes through it
		return service.Config{}, nil, err
	}
	release, err := stack.Hold(dir)
	if err != nil {
		return service.Config{}, nil, err
	}
	defer release()
	components, err := stack.Start(ctx, dir, stack.Options{Detached: true, Durable: true, Progress: progress})
	if err != nil {
		return service.Config{}, nil, err
	}
	cfg, err := readConfig(dir)
	witnesses, errWitnesses := witnessAddresses(dir)
	if errWitnesses != nil {
		return service.Config{}, nil, errWitnesses
	}
	if _, running := stack.Running(filepath.Join(dir, pidFile)); running && err == nil {
		return cfg, components, startWitnesses(ctx, dir, cfg, witnesses)
	}
	address, metrics := cfg.Listen, cfg.MetricsListen // of the last time, since clients have pinned them
	for _, a := range []*string{&address, &metrics} {
		if *a == "" {
			if *a, err = stack.FreeAddress(); err != nil {
				return service.Config{}, nil, err
			}
		}
	}
	if cfg, err = setup.Real(ctx, dir, components, address, witnesses); err != nil {
		return service.Config{}, nil, err
	}
	cfg.MetricsListen = metrics
	if err := startWitnesses(ctx, dir, cfg, witnesses); err != nil {
		return service.Config{}, nil, err
	}
	if err := writeConfig(dir, cfg); err != nil {
		return service.Config{}, nil, err
	}
	return cfg, components, startServer(ctx, dir, cfg)
}

// startServer runs this very program as the server, detached.
func startServer(ctx context.Context, dir string, cfg service.Config) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	_, err = stack.StartDetached(ctx, stack.Command{
		Name: "comityd", Path: self, Args: []string{"serve", "--config", filepath.Join(dir, configFile)},
		Env: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "LC_ALL=C"}, Dir: dir,
		Log: filepath.Join(dir, logFile), PID: filepath.Join(dir, pidFile),
	}, func(ctx context.Context) error { return ready(ctx, cfg) })
	return err
}

// ready asks the server whether all its parts answer, where it names those that
// do not.
func ready(ctx context.Context, cfg service.Config) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+cfg.MetricsListen+"/readyz", nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	var said struct {
		Status  string
		Failing map[string]string
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, 64<<10)).Decode(&said); err != nil {
		return fmt.Errorf("the server's readiness: %w", err)
	}
	if said.Status != "ready" {
		return fmt.Errorf("the server is %s: %v", said.Status, said.Failing)
	}
	return nil
}

func readConfig(dir string) (service.Config, error) {
	var cfg service.Config
	raw, err := os.ReadFile(filepath.Join(dir, configFile))
	if err != nil {
		return cfg, err
	}
	return cfg, json.Unmarshal(raw, &cfg)
}

func writeConfig(dir string, cfg service.Config) error {
	raw, err := json.MarshalIndent(cfg, "", "  ")
	if err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(dir, configFile), append(raw, '\n'), 0o600)
}

// real plays the story on what "up" started.
func (c *demoCmd) real(ctx context.Context, s streams, o demo.Options) error {
	dir, err := place{c.Dir}.dir()
	if err != nil {
		return err
	}
	cfg, components, err := up(ctx, dir, s.err)
	if err != nil {
		return err
	}
	o.Config = cfg
	fmt.Fprintf(s.out, "Comity: the sample union of seven states, on a real Vault (%s), MinIO (%s) and PostgreSQL (%s).\n\n"+
		"  exchange       %s\n  pinned roots   %s\n", components.Vault.Addr, components.MinIO.Endpoint, components.Postgres.Address(), cfg.ExternalURL, cfg.Roots)
	return c.play(ctx, s, o)
}

type downCmd struct {
	place
	Wipe bool `help:"Remove the data and secrets too: records, evidence and keys are gone for good."`
}

// Help is shown below the flags.
func (downCmd) Help() string {
	return `Ends the processes that "up" started in the folder, and no others. Data stays for the next "up" unless --wipe is given.`
}

// Run ends what runs.
func (c *downCmd) Run(ctx context.Context, s streams) error {
	dir, err := c.dir()
	if err != nil {
		return err
	}
	release, err := stack.Hold(dir)
	switch {
	case err == nil:
		defer release()
	case !errors.Is(err, fs.ErrNotExist): // in a folder that is not there, nothing runs
		return err
	}
	var ended []string
	stopped, err := stack.StopDetached(ctx, filepath.Join(dir, pidFile))
	if stopped {
		ended = append(ended, "comityd")
	}
	witnesses, errWitnesses := stopWitnesses(ctx, dir)
	if witnesses > 0 {
		ended = append(ended, fmt.Sprintf("%d witnesses", witnesses))
	}
	more, err2 := stack.Down(ctx, dir)
	ended = append(ended, more...)
	if err := errors.Join(err, errWitnesses, err2); err != nil {
		return err
	}
	if len(ended) == 0 {
		ended = []string{"nothing: nothing ran"}
	}
	fmt.Fprintf(s.out, "down: ended %s\n", strings.Join(ended, ", "))
	if !c.Wipe {
		return nil
	}
	for _, name := range []string{"vault", "minio", "postgres", "union", "states", "database.json", "database-dsn", "cursor-key", "record-secret-id", "manifests-seen.json", configFile, logFile, "lock", stack.HoldFile} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	fmt.Fprintln(s.out, "down: removed the data in", dir)
	return nil
}

type statusCmd struct {
	place
}

// Run says what runs.
func (c *statusCmd) Run(ctx context.Context, s streams) error {
	dir, err := c.dir()
	if err != nil {
		return err
	}
	all := true
	parts := []struct{ name, file string }{
		{"vault", "vault/pid.json"}, {"minio", "minio/pid.json"}, {"postgres", "postgres/pid.json"}, {"comityd", pidFile},
	}
	for _, s := range union.States() {
		parts = append(parts, struct{ name, file string }{"witness " + string(s), filepath.Join("states", string(s), "witness", witnessPID)})
	}
	for _, p := range parts {
		pid, ok := stack.Running(filepath.Join(dir, p.file))
		all = all && ok
		state := "does not run"
		if ok {
			state = fmt.Sprintf("runs as process %d", pid)
		}
		fmt.Fprintf(s.out, "%-12s %s\n", p.name, state)
	}
	if !all {
		return errors.New("not everything runs; start it with: comityd up")
	}
	cfg, err := readConfig(dir)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := ready(ctx, cfg); err != nil {
		return err
	}
	fmt.Fprintln(s.out, "ready at", cfg.ExternalURL)
	return nil
}
