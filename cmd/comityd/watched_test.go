package main

import (
	"bytes"
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
	"github.com/comity-platform/comity/storage/postgres"
)

// watched is a union whose exchange stands on PostgreSQL, and each of whose states
// runs its witness by itself.
type watched struct {
	dir    string
	cfg    service.Config
	db     *stack.Database
	logKey string
}

func newWatched(t *testing.T) *watched {
	t.Helper()
	w := &watched{dir: stacktest.TempDir(t), db: stacktest.NewDatabase(t)}
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
		start(t, filepath.Join(setup.Witness(w.dir, s), "log"), "http://"+address+"/readyz",
			"comity", "witness", "serve", "--dir", setup.Witness(w.dir, s), "--union", w.cfg.Union, "--log-key", w.logKey, "--listen", address)
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
	skey, err := notekey.Read(witness.KeyFile(setup.Witness(w.dir, s)))
	must(t, err)
	key, err := notekey.NewCosigner(skey, time.Now)
	must(t, err)
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

// TestRollback: the database is restored from an older copy. The server that
// signed more does not sign again; one that starts anew, or whoever has the
// exchange's key, signs what it likes, and no witness cosigns it; a member who
// verifies names the first leaf that is gone.
func TestRollback(t *testing.T) {
	w := newWatched(t)
	first := w.server(t, "first", w.cfg)
	w.wants(t, 0, "", "login", "--as", "auditor@KZ", "--server", w.cfg.ExternalURL, "--roots", w.cfg.Roots)
	officer := w.officer(t, "investigator@KZ", w.cfg.Listen)
	file(t, officer, "KZ", 5)
	older := filepath.Join(w.dir, "older")
	w.wants(t, 0, "", "log", "copy", older) // what the operator could show again, whole and cosigned
	size := w.opened(t, older).Size
	end(t, first)
	then := w.cosigned(t, "KZ")
	backup := stacktest.CopyDatabase(t, w.db)

	server := w.server(t, "server", w.cfg)
	officer = w.officer(t, "investigator@KZ", w.cfg.Listen) // development issuers have other keys now
	w.wants(t, 0, "", "login", "--as", "auditor@KZ")
	file(t, officer, "KZ", 20)
	w.wants(t, 0, "verified", "log", "verify")
	full, seen := filepath.Join(w.dir, "full"), filepath.Join(w.dir, "seen")
	w.wants(t, 0, "", "log", "copy", full)
	w.wants(t, 0, "verified", "log", "verify", "--dir", full, "--key", w.logKey, "--seen", seen)
	page, err := w.officer(t, "auditor@KZ", w.cfg.Listen).Log(t.Context(), client.LogFilter{Act: "caseFile"}, 2, "")
	must(t, err)
	proof := filepath.Join(w.dir, "proof")
	w.wants(t, 0, "proves the leaf", "log", "prove", string(page.Nodes[1].ID), "-o", proof)
	now := w.cosigned(t, "KZ")
	if now.Size <= then.Size {
		t.Fatalf("the log had %d leaves, and has %d", then.Size, now.Size)
	}

	// The server's database goes back under it.
	restore(t, w.db, backup)
	waitFor(t, "the server says that the log went back", func() bool {
		said, err := os.ReadFile(w.log("server"))
		must(t, err)
		return bytes.Contains(said, []byte("the log went back"))
	})
	if at := w.newest(t, officer); at.Size > then.Size {
		t.Errorf("it signed %d leaves of a log that went back to %d", at.Size, then.Size)
	}
	end(t, server)
	w.wants(t, 0, "caseFile", "log", "verify", proof, "--roots", w.cfg.Roots) // what was proven stays so, without any server

	// One that knows nothing of it signs again, as whoever has the key can.
	mark := w.cosignedAll(t)
	w.server(t, "again", w.cfg)
	officer = w.officer(t, "investigator@KZ", w.cfg.Listen)
	w.wants(t, 0, "", "login", "--as", "auditor@KZ")
	waitFor(t, "the rewritten log is longer than the witnessed one", func() bool {
		file(t, officer, "KZ", 5)
		return w.newest(t, officer).Size > now.Size+50
	})
	for s, before := range mark {
		if at := w.cosigned(t, s); at != before {
			t.Errorf("the witness of %s, which stood at %d, cosigned the rewritten log of %d leaves", s, before.Size, at.Size)
		}
	}
	// The member: no checkpoint of it counts.
	w.wants(t, 9, "witness", "log", "verify")
	// Neither does the old one that was cosigned, by what was seen since: the first leaf that is gone is named.
	manifest := []string{"--roots", w.cfg.Roots, "--manifest", w.manifest("KZ"), "--manifest", w.manifest("AM"), "--manifest", w.manifest("BY"),
		"--manifest", w.manifest("KG"), "--manifest", w.manifest("RU"), "--manifest", w.manifest("TJ"), "--manifest", w.manifest("UZ"), "--state", "KZ"}
	w.wants(t, 0, "verified", append([]string{"log", "verify", "--dir", older}, manifest...)...) // whoever looks for the first time does not notice
	w.wants(t, 9, fmt.Sprintf("at index %d: rolled back", size), append([]string{"log", "verify", "--dir", older, "--seen", seen}, manifest...)...)
	// And by what was seen, the first leaf of the rewritten log that is another.
	_, err = client.VerifyLogFiles(t.Context(), officer.LogFiles(), w.signedOnly(t), seen, nil, nil)
	if fault, ok := errors.AsType[*verify.Fault](err); !ok || fault.Index != then.Size {
		t.Errorf("by what was seen before: %v, wanted index %d", err, then.Size)
	}
	// Without witnesses and without memory, the rewritten log is taken for the log.
	report, err := client.VerifyLogFiles(t.Context(), officer.LogFiles(), w.signedOnly(t), "", nil, nil)
	must(t, err)
	if report.Head.Size <= now.Size {
		t.Errorf("the rewritten log has %d leaves", report.Head.Size)
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

// TestSplitView: the operator, who has the log's key, shows two states two
// different logs. Each witness goes on with one of them; for one state at most the
// checkpoints count, and the two find it when they compare.
func TestSplitView(t *testing.T) {
	w := newWatched(t)
	first := w.server(t, "first", w.cfg)
	file(t, w.officer(t, "investigator@KZ", w.cfg.Listen), "KZ", 5)
	end(t, first)
	then := w.cosigned(t, "KZ")
	other := w.cfg
	other.PostgresDSNFile = w.dsn(t, "dsn-other", stacktest.CopyDatabase(t, w.db))
	other.Listen, other.DevelopmentIssuers = free(t), false // officers log in at the other one
	other.ManifestsSeen += "-other"
	other.States = service.States{}
	for s, parts := range w.cfg.States { // a keyring serves one process
		from := parts.Custodian.Keyring
		parts.Custodian.Keyring += "-other"
		must(t, os.CopyFS(parts.Custodian.Keyring, os.DirFS(from)))
		other.States[s] = parts
	}
	w.server(t, "one", w.cfg)
	w.server(t, "two", other)
	one, two := w.officer(t, "auditor@KZ", w.cfg.Listen), w.officer(t, "auditor@AM", other.Listen)
	filesOne, filesTwo := w.officer(t, "investigator@KZ", w.cfg.Listen), w.officer(t, "investigator@AM", other.Listen)
	waitFor(t, "both logs are longer than what was witnessed when they parted", func() bool {
		file(t, filesOne, "KZ", 3)
		file(t, filesTwo, "AM", 3)
		return w.newest(t, one).Size > then.Size+50 && w.newest(t, two).Size > then.Size+50
	})
	// What each would be shown without witnesses holds together in itself.
	seenOne, seenTwo := filepath.Join(w.dir, "seen-one"), filepath.Join(w.dir, "seen-two")
	undefended := func(c *client.Client, seen string, through ...client.LogHead) (client.LogReport, error) {
		return client.VerifyLogFiles(t.Context(), c.LogFiles(), w.signedOnly(t), seen, through, nil)
	}
	a, err := undefended(one, seenOne)
	must(t, err)
	b, err := undefended(two, seenTwo)
	must(t, err)
	// Those who compare find it, and where: each log by the other's memory differs from where they parted.
	_, err = undefended(one, seenTwo)
	if fault, ok := errors.AsType[*verify.Fault](err); !ok || fault.Index < then.Size {
		t.Errorf("by what the other state was shown: %v, and they parted at %d", err, then.Size)
	}
	_, errOne := undefended(one, "", b.Head)
	_, errTwo := undefended(two, "", a.Head)
	for name, err := range map[string]error{"KZ": errOne, "AM": errTwo} {
		if _, ok := errors.AsType[*client.VerificationError](err); !ok {
			t.Errorf("%s, through the head that the other was shown: %v", name, err)
		}
	}
	if _, err := undefended(one, "", a.Head); err != nil {
		t.Errorf("through its own head: %v", err)
	}

	// Each witness went on with one.
	on := map[string][]comity.State{}
	for s, c := range w.cosignedAll(t) {
		head := client.LogHead{Size: c.Size, Root: fmt.Sprintf("%x", c.Root)}
		_, errOne := undefended(one, "", head)
		_, errTwo := undefended(two, "", head)
		switch {
		case errOne == nil && errTwo != nil:
			on["one"] = append(on["one"], s)
		case errOne != nil && errTwo == nil:
			on["two"] = append(on["two"], s)
		default:
			t.Errorf("the witness of %s stands at %d leaves, of which log? (%v, %v)", s, c.Size, errOne, errTwo)
		}
	}
	t.Logf("they parted at %d; with one log went on %v, with the other %v", then.Size, on["one"], on["two"])
	// And for one of the two states at most the checkpoints still count.
	_, errOne = one.VerifyLog(t.Context(), nil, nil)
	_, errTwo = two.VerifyLog(t.Context(), nil, nil)
	if errOne == nil && errTwo == nil {
		t.Error("both states take what they are shown")
	}
	for name, err := range map[string]error{"KZ": errOne, "AM": errTwo} {
		if _, ok := errors.AsType[*client.VerificationError](err); err != nil && !ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
