package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/audit/witness/daemon"
	"github.com/comity-platform/comity/cmd/comityd/service"
	"github.com/comity-platform/comity/cmd/comityd/setup"
	"github.com/comity-platform/comity/deploy/stack"
	"github.com/comity-platform/comity/deploy/union"
	"github.com/comity-platform/comity/internal/durable"
)

// witnessCmd is "comity witness serve" in this program, for "up", which has no other at hand.
type witnessCmd struct {
	Dir    string   `required:"" type:"path"`
	Union  string   `required:""`
	LogKey []string `required:"" sep:"none"`
	Listen string   `required:""`
}

// Run serves a witness.
func (c *witnessCmd) Run(ctx context.Context, s streams) error {
	return daemon.Serve(ctx, daemon.Config{Dir: c.Dir, Origin: verify.Origin(c.Union), LogKeys: c.LogKey, Listen: c.Listen, Log: s.err})
}

// What "up" keeps of a witness in its folder.
const (
	witnessAddress = "address"
	witnessPID     = "pid.json"
	witnessLog     = "log"
)

// witnessAddresses are where the sample states' witnesses listen: where they did
// the last time, as their manifests say.
func witnessAddresses(dir string) (map[comity.State]string, error) {
	all := map[comity.State]string{}
	for _, s := range union.States() {
		folder := setup.Witness(dir, s)
		file := filepath.Join(folder, witnessAddress)
		before, err := os.ReadFile(file)
		switch {
		case err == nil:
			all[s] = strings.TrimSpace(string(before))
			continue
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
		if all[s], err = stack.FreeAddress(); err != nil {
			return nil, err
		}
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, err
		}
		if err := durable.WriteFile(file, []byte(all[s]+"\n"), 0o600); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// startWitnesses runs this very program as each sample state's witness, detached.
func startWitnesses(ctx context.Context, dir string, cfg service.Config, addresses map[comity.State]string) (err error) {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	key, err := cfg.Record.Open(ctx, cfg.Union)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, key.Close(ctx)) }()
	for _, s := range union.States() {
		folder, address := setup.Witness(dir, s), addresses[s]
		if _, running := stack.Running(filepath.Join(folder, witnessPID)); running {
			continue
		}
		if _, err := stack.StartDetached(ctx, stack.Command{
			Name: "the witness of " + string(s), Path: self,
			Args: []string{"witness", "--dir", folder, "--union", cfg.Union, "--log-key", key.Public, "--listen", address},
			Env:  []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "LC_ALL=C"}, Dir: folder,
			Log: filepath.Join(folder, witnessLog), PID: filepath.Join(folder, witnessPID),
		}, func(ctx context.Context) error {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", nil)
			if err != nil {
				return err
			}
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				return err
			}
			defer res.Body.Close()
			if res.StatusCode != http.StatusOK {
				return fmt.Errorf("the witness of %s is not ready: %s", s, res.Status)
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// stopWitnesses ends those that run, and tells how many there were.
func stopWitnesses(ctx context.Context, dir string) (stopped int, err error) {
	var errs []error
	for _, s := range union.States() {
		ended, err := stack.StopDetached(ctx, filepath.Join(setup.Witness(dir, s), witnessPID))
		if ended {
			stopped++
		}
		errs = append(errs, err)
	}
	return stopped, errors.Join(errs...)
}
