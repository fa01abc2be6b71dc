package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/note"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit/notekey"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/audit/witness"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/cmd/comityd/service"
	"github.com/comity-platform/comity/cmd/comityd/setup"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/deploy/stack"
	"github.com/comity-platform/comity/deploy/stack/stacktest"
	"github.com/comity-platform/comity/deploy/union"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/postgres"
)

// watched is a union whose exchange stands on PostgreSQL, and each of whose states
// runs its witness by itself.
type watched struct {
	dir    string
	cfg    service.Config
	db     *stack.Database
	logKey string
	serve  map[comity.State]func() *exec.Cmd // starts a state's witness
	runs   map[comity.State]*exec.Cmd        // its process
}

func newWatched(t *testing.T) *watched {
	t.Helper()
	w := &watched{dir: stacktest.TempDir(t), db: stacktest.NewDatabase(t), serve: map[comity.State]func() *exec.Cmd{}, runs: map[comity.State]*exec.Cmd{}}
	must(t, postgres.Migrate(t.Context(), w.db.OwnerDSN, w.db.App))
	var err error
	w.cfg, err = setup.Embedded(t.Context(), w.dir, free(t))
	must(t, err)
	w.cfg.SQLite, w.cfg.PostgresDSNFile = "", w.dsn(t, "dsn", w.db)
	w.cfg.AgencyRate, w.cfg.AddressRate = 1_000_000, 1_000_000
	key, err := w.cfg.Record.Open(t.Context(), w.cfg.Union)
	must(t, err)
	w.logKey = key.Public

	// The manifests say where the witnesses are.
	folder, err := union.Open(filepath.Join(w.dir, "union"))
	must(t, err)
	places, policies := map[comity.State]union.Place{}, ""
	for _, s := range union.States() {
		raw, err := os.ReadFile(w.manifest(s))
		must(t, err)
		m, err := statement.VerifyManifest(string(raw), folder.Public()[s], time.Now())
		must(t, err)
		address := free(t)
		m.Log.WitnessURL = "http://" + address
		places[s] = union.Place{Issuer: m.Issuers[0].URL, Store: m.Store, StatementKeys: m.StatementKeys, Log: m.Log}
		policies = m.Policies
		own := w.cfg.States[s]
		own.Witness = ""
		w.cfg.States[s] = own
		w.serve[s] = func() *exec.Cmd {
			return start(t, filepath.Join(setup.Witness(w.dir, s), "log"), "http://"+address+"/readyz",
				"comity", "witness", "serve", "--dir", setup.Witness(w.dir, s), "--union", w.cfg.Union, "--log-key", w.logKey, "--listen", address)
		}
		w.runs[s] = w.serve[s]()
	}
	must(t, folder.Publish(t.Context(), places, policies, time.Now()))
	return w
}

func (w *watched) manifest(s comity.State) string {
	return filepath.Join(w.cfg.Manifests, string(s)+".jws")
}

func (w *watched) dsn(t *testing.T, name string, db *stack.Database) string {
	t.Helper()
	file := filepath.Join(w.dir, name)
	must(t, os.WriteFile(file, []byte(db.AppDSN+"\n"), 0o600))
	return file
}

// start starts a program of this test and waits until an address of it says that it is ready.
func start(t *testing.T, log, ready, program string, args ...string) *exec.Cmd {
	t.Helper()
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	must(t, err)
	defer out.Close() // the process has its own
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = out, out
	must(t, cmd.Start())
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
		if t.Failed() {
			said, _ := os.ReadFile(log)
			t.Logf("%s: …%s", log, said[max(0, len(said)-1500):])
		}
	})
	waitFor(t, program+" "+args[0]+" is ready", func() bool {
		res, err := http.Get(ready)
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	return cmd
}

// server starts a server of the exchange.
func (w *watched) server(t *testing.T, name string, cfg service.Config) *exec.Cmd {
	t.Helper()
	raw, err := json.Marshal(cfg)
	must(t, err)
	file := filepath.Join(w.dir, name+".json")
	must(t, os.WriteFile(file, raw, 0o600))
	return start(t, w.log(name), "http://"+cfg.Listen+"/readyz", "comityd", "serve", "--config", file)
}

func (w *watched) log(name string) string { return filepath.Join(w.dir, name+".log") }

// end ends a server in good order.
func end(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	must(t, cmd.Process.Signal(syscall.SIGTERM))
	must(t, cmd.Wait())
}

// officer logs an officer in at a server, which listens on address whatever its URL is.
func (w *watched) officer(t *testing.T, name, address string) *client.Client {
	t.Helper()
	raw, err := os.ReadFile(w.cfg.Roots)
	must(t, err)
	roots, err := statement.ReadRoots(raw)
	must(t, err)
	cfg := client.Config{Server: w.cfg.ExternalURL, Union: w.cfg.Union, Roots: roots}
	first, err := client.Login(t.Context(), cfg, name)
	must(t, err)
	cfg.SessionKey, cfg.Token = first.Session()
	cfg.HTTP = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}}}
	c, err := client.New(cfg)
	must(t, err)
	return c
}

// file files cases, so that the log grows by leaves that nobody else's has.
func file(t *testing.T, c *client.Client, s comity.State, n int) {
	t.Helper()
	for i := range n {
		_, err := c.CaseFile(t.Context(), client.NewCase{Category: "RANSOMWARE", Title: fmt.Sprintf("Case %d", i), Nexus: []comity.Nexus{{Basis: comity.NexusTerritory, State: s}}})
		must(t, err)
	}
}

// comity runs the agency's command line, with the logins in a folder of this
// union, and gives the exit code and what it said.
func (w *watched) comity(t *testing.T, args ...string) (code int, said string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "comity", args...)
	cmd.Env = append(os.Environ(), "COMITY_HOME="+filepath.Join(w.dir, "home"))
	out, err := cmd.CombinedOutput()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

func (w *watched) wants(t *testing.T, code int, says string, args ...string) string {
	t.Helper()
	got, said := w.comity(t, args...)
	if got != code || !strings.Contains(said, says) {
		t.Fatalf("comity %s: %d, wanted %d and %q:\n%s", strings.Join(args, " "), got, code, says, said)
	}
	return said
}

// cosigned is the checkpoint that a state's witness cosigned last, as the witness
// itself remembers it.
func (w *watched) cosigned(t *testing.T, s comity.State) verify.Checkpoint {
	t.Helper()
	key := w.witnessKey(t, s)
	signed, err := os.ReadFile(filepath.Join(setup.Witness(w.dir, s), "checkpoint"))
	must(t, err)
	n, err := note.Open(signed, note.VerifierList(key.Verifier()))
	must(t, err)
	c, err := verify.ParseCheckpoint(n.Text)
	must(t, err)
	return c
}

// signedOnly takes a checkpoint on the exchange's word alone: how a reader would
// be misled who asks no witness.
func (w *watched) signedOnly(t *testing.T) func([]byte) (verify.Checkpoint, error) {
	t.Helper()
	key, err := notekey.Log(w.logKey)
	must(t, err)
	return func(signed []byte) (verify.Checkpoint, error) {
		n, err := note.Open(signed, note.VerifierList(key))
		if err != nil {
			return verify.Checkpoint{}, err
		}
		return verify.ParseCheckpoint(n.Text)
	}
}

// opened is the checkpoint of a copy of the log.
func (w *watched) opened(t *testing.T, dir string) verify.Checkpoint {
	t.Helper()
	signed, err := os.ReadFile(filepath.Join(dir, verify.CheckpointPath))
	must(t, err)
	c, err := w.signedOnly(t)(signed)
	must(t, err)
	return c
}

// newest is the checkpoint that a server shows, signed by the log.
func (w *watched) newest(t *testing.T, c *client.Client) verify.Checkpoint {
	t.Helper()
	signed, err := c.LogFiles().Read(t.Context(), verify.CheckpointPath)
	must(t, err)
	at, err := w.signedOnly(t)(signed)
	must(t, err)
	return at
}

// restore puts an older copy in the place of a database that servers are connected to.
func restore(t *testing.T, live, older *stack.Database) {
	t.Helper()
	p := stacktest.TestPostgres(t)
	c, err := pgx.Connect(t.Context(), p.AdminDSN())
	must(t, err)
	defer c.Close(context.WithoutCancel(t.Context()))
	for _, s := range []string{
		fmt.Sprintf(`ALTER DATABASE %s ALLOW_CONNECTIONS false`, live.Name),
		fmt.Sprintf(`SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '%s'`, live.Name),
		fmt.Sprintf(`ALTER DATABASE %s RENAME TO %s_gone`, live.Name, live.Name),
		fmt.Sprintf(`ALTER DATABASE %s RENAME TO %s`, older.Name, live.Name),
		fmt.Sprintf(`ALTER DATABASE %[1]s_gone ALLOW_CONNECTIONS true`, live.Name),
		fmt.Sprintf(`ALTER DATABASE %s_gone RENAME TO %s`, live.Name, older.Name), // each is dropped by its name
	} {
		_, err := c.Exec(t.Context(), s)
		must(t, err)
	}
}

// cosignedAll are the checkpoints that the witnesses cosigned last.
func (w *watched) cosignedAll(t *testing.T) map[comity.State]verify.Checkpoint {
	t.Helper()
	all := map[comity.State]verify.Checkpoint{}
	for _, s := range union.States() {
		all[s] = w.cosigned(t, s)
	}
	return all
}

func (w *watched) open(t *testing.T) storage.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), w.db.AppDSN, postgres.Options{})
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func (w *watched) witnessKey(t *testing.T, s comity.State) *notekey.Cosigner {
	t.Helper()
	skey, err := notekey.Read(witness.KeyFile(setup.Witness(w.dir, s)))
	must(t, err)
	key, err := notekey.NewCosigner(skey, time.Now)
	must(t, err)
	return key
}
