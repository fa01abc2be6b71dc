package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/cmd/comityd/service"
	"github.com/comity-platform/comity/cmd/comityd/setup"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/deploy/stack"
	"github.com/comity-platform/comity/deploy/stack/stacktest"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/postgres"
	"github.com/comity-platform/comity/storage/sqlite"
	"github.com/comity-platform/comity/storage/storagetest"
)

// TestKilledServers: servers are killed at random moments while officers act, and
// started again. Every act that was answered is in the log once, the log has no gaps
// and no leaf twice, its tree is that of its leaves, and each checkpoint that was
// signed before a kill is of the log that there is in the end.
func TestKilledServers(t *testing.T) {
	t.Run("PostgreSQL", func(t *testing.T) {
		dir := stacktest.TempDir(t)
		addresses := []string{free(t), free(t)}
		cfg, err := setup.Real(t.Context(), dir, &stack.Stack{Vault: stacktest.PrivateVault(t), MinIO: stacktest.TestMinIO(t), Postgres: stacktest.TestPostgres(t)}, addresses[0], nil)
		must(t, err)
		dsn, err := service.ReadDSN(cfg.PostgresDSNFile)
		must(t, err)
		db, err := postgres.Open(t.Context(), dsn, postgres.Options{})
		must(t, err)
		defer db.Close()
		killServers(t, dir, cfg, addresses, db)
	})
	t.Run("SQLite", func(t *testing.T) {
		dir := stacktest.TempDir(t)
		address := free(t)
		cfg, err := setup.Embedded(t.Context(), dir, address)
		must(t, err)
		db, err := sqlite.Open(t.Context(), cfg.SQLite, sqlite.Options{})
		must(t, err)
		defer db.Close()
		killServers(t, dir, cfg, []string{address}, db)
	})
}

// killed is a union whose servers are killed.
type killed struct {
	dir       string
	cfg       service.Config
	addresses []string
	servers   []*exec.Cmd
	db        storage.DB

	mu       sync.Mutex
	officers []*client.Client // the same one, at each server
	answered []comity.ID      // cases that were filed
	failed   int
	last     error // of those that failed
}

func killServers(t *testing.T, dir string, cfg service.Config, addresses []string, db storage.DB) {
	kills := 5
	if os.Getenv("COMITY_SOAK") != "" {
		kills = 100
	}
	k := &killed{dir: dir, cfg: cfg, addresses: addresses, servers: make([]*exec.Cmd, len(addresses)), db: db}
	defer func() {
		if t.Failed() {
			t.Logf("the last act that failed: %v", k.last)
			for i := range addresses {
				said, err := os.ReadFile(k.file(i, "log"))
				t.Logf("server %d (%v): …%s", i, err, said[max(0, len(said)-3000):])
			}
		}
		for _, s := range k.servers {
			if s != nil {
				_ = s.Process.Kill()
				_ = s.Wait()
			}
		}
	}()
	for i := range addresses {
		k.start(t, i)
	}
	k.login(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	work, stop := context.WithCancel(t.Context())
	var acting sync.WaitGroup
	for range 4 {
		acting.Go(func() { k.act(work) })
	}
	var checkpoints []storage.LogCheckpoint
	for n := range kills {
		// Not before something was answered since the last kill, so that there is something to lose.
		before := k.count()
		waitFor(t, "an act is answered", func() bool { return k.count() > before })
		time.Sleep(time.Duration(random.IntN(400)) * time.Millisecond) // the moment
		i := random.IntN(len(addresses))
		must(t, k.servers[i].Process.Kill())
		_ = k.servers[i].Wait() // killed
		k.servers[i] = nil
		if at, ok := k.checkpoint(t); ok {
			checkpoints = append(checkpoints, at)
		}
		k.start(t, i)
		if i == 0 { // development issuers have other keys then
			k.login(t)
		}
		if t.Failed() {
			t.Fatalf("after %d kills", n+1)
		}
	}
	before := k.count()
	waitFor(t, "an act is answered after all kills", func() bool { return k.count() > before })
	stop()
	acting.Wait()
	waitFor(t, "all leaves have their places and a checkpoint is over them", func() bool { return k.settled(t) })
	k.check(t, k.cases(t), checkpoints)
	t.Logf("%d acts were answered and %d were not, over %d kills", len(k.answered), k.failed, kills)
}

// start starts a server and waits until it is ready.
func (k *killed) start(t *testing.T, i int) {
	t.Helper()
	cfg := k.cfg
	cfg.Listen, cfg.LogLevel = k.addresses[i], "warn"
	cfg.AgencyRate, cfg.AddressRate = 1_000_000, 1_000_000
	if i > 0 { // officers log in at the first one
		cfg.DevelopmentIssuers = false
		cfg.ManifestsSeen += "-second"
	}
	raw, err := json.Marshal(cfg)
	must(t, err)
	file := k.file(i, "json")
	must(t, os.WriteFile(file, raw, 0o600))
	log, err := os.OpenFile(k.file(i, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	must(t, err)
	defer log.Close() // the process has its own
	cmd := exec.Command("comityd", "serve", "--config", file)
	cmd.Stdout, cmd.Stderr = log, log
	must(t, cmd.Start())
	k.servers[i] = cmd
	waitFor(t, "a server is ready", func() bool {
		res, err := http.Get("http://" + k.addresses[i] + "/readyz")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
}

// file is one of a server's own.
func (k *killed) file(i int, ending string) string {
	return filepath.Join(k.dir, fmt.Sprintf("comityd-%d.%s", i, ending))
}

// login logs one officer in, who then has a client at each server.
func (k *killed) login(t *testing.T) {
	t.Helper()
	raw, err := os.ReadFile(k.cfg.Roots)
	must(t, err)
	roots, err := statement.ReadRoots(raw)
	must(t, err)
	cfg := client.Config{Server: k.cfg.ExternalURL, Union: k.cfg.Union, Roots: roots}
	first, err := client.Login(t.Context(), cfg, "investigator@KZ")
	must(t, err)
	cfg.SessionKey, cfg.Token = first.Session()
	var officers []*client.Client
	for _, address := range k.addresses {
		c := cfg
		c.HTTP = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, network, address) // whatever the name stands for
		}}}
		one, err := client.New(c)
		must(t, err)
		officers = append(officers, one)
	}
	k.mu.Lock()
	k.officers = officers
	k.mu.Unlock()
}

// act files cases, each once and at any of the servers, until ctx ends.
func (k *killed) act(ctx context.Context) {
	for n := 0; ctx.Err() == nil; n++ {
		// The act itself is not cut short by the end, so that its answer is known.
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		k.mu.Lock()
		officer := k.officers[rand.IntN(len(k.officers))]
		k.mu.Unlock()
		filed, err := officer.CaseFile(within, client.NewCase{Category: "RANSOMWARE", Title: fmt.Sprintf("Case %d", n),
			Nexus: []comity.Nexus{{Basis: comity.NexusTerritory, State: "KZ"}}})
		cancel()
		k.mu.Lock()
		switch {
		case err == nil:
			k.answered = append(k.answered, filed.ID)
		default:
			k.failed++
			k.last = err
		}
		k.mu.Unlock()
		if err != nil {
			time.Sleep(20 * time.Millisecond) // the server is being started
		}
	}
}

func (k *killed) count() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.answered)
}

// read reads what the database has.
func (k *killed) read(t *testing.T, f func(storage.ReadTx) error) {
	t.Helper()
	must(t, k.db.Read(storage.AsSystem(t.Context()), f))
}

// checkpoint is the last one.
func (k *killed) checkpoint(t *testing.T) (last storage.LogCheckpoint, ok bool) {
	k.read(t, func(r storage.ReadTx) (err error) {
		last, err = r.LogCheckpoint()
		if errors.Is(err, storage.ErrNotFound) {
			return nil
		}
		ok = err == nil
		return err
	})
	return last, ok
}

// settled reports whether no leaf waits for its place and the last checkpoint is of all.
func (k *killed) settled(t *testing.T) bool {
	var head storage.LogHead
	waiting := 0
	k.read(t, func(r storage.ReadTx) (err error) {
		if head, err = r.LogHead(); err != nil {
			return err
		}
		entries, err := r.Log("KZ", storage.LogFilter{}, storage.Page{Limit: 1 << 30})
		for _, e := range entries {
			if e.Leaf.Index < 0 {
				waiting++
			}
		}
		return err
	})
	last, _ := k.checkpoint(t)
	return waiting == 0 && last.Size == head.Size
}

// cases are all that there are.
func (k *killed) cases(t *testing.T) (all []comity.ID) {
	t.Helper()
	for after := ""; ; {
		page, err := k.officers[0].Cases(t.Context(), client.CaseFilter{}, "", client.MaxPage, after)
		must(t, err)
		for _, c := range page.Nodes {
			all = append(all, c.ID)
		}
		if !page.Info.HasNext {
			return all
		}
		after = page.Info.End
	}
}

// check holds the log against the acts that there are, and against itself.
func (k *killed) check(t *testing.T, filed []comity.ID, checkpoints []storage.LogCheckpoint) {
	// They go on placing cover.
	for _, s := range k.servers {
		must(t, s.Process.Kill())
		_ = s.Wait()
	}
	clear(k.servers)
	var head storage.LogHead
	var own []storage.LogEntry
	k.read(t, func(r storage.ReadTx) (err error) {
		if head, err = r.LogHead(); err != nil {
			return err
		}
		own, err = r.Log("KZ", storage.LogFilter{}, storage.Page{Limit: 1 << 30})
		return err
	})
	leaves := storagetest.WantTree(t, k.db, head.Size) // gapless, and its tiles and root are theirs
	seen := map[[32]byte]int{}
	for i, l := range leaves {
		if at, ok := seen[l]; ok {
			t.Errorf("the leaf at %d stands at %d too", at, i)
		}
		seen[l] = i
	}
	done := map[string]int{} // leaves that say a case was filed
	for _, e := range own {
		c, err := audit.Open(e)
		must(t, err)
		if e.Leaf.Index >= 0 && leaves[e.Leaf.Index] != e.Leaf.Hash {
			t.Errorf("leaf %s is not at its place %d", e.Leaf.ID, e.Leaf.Index)
		}
		for _, r := range c.Records {
			if c.Act == "caseFile" && c.Outcome == audit.Done {
				done[r.ID]++
			}
		}
	}
	for what, ids := range map[string][]comity.ID{"answered": k.answered, "in the list": filed} {
		for _, id := range ids {
			if n := done[string(id)]; n != 1 {
				t.Errorf("case %s is %s, and %d leaves say that it was filed", id, what, n)
			}
		}
	}
	if len(done) != len(filed) {
		t.Errorf("leaves say that %d cases were filed, and there are %d", len(done), len(filed))
	}
	if len(k.answered) == 0 || len(checkpoints) == 0 {
		t.Errorf("%d acts were answered, %d checkpoints seen", len(k.answered), len(checkpoints))
	}
	last, _ := k.checkpoint(t)
	for _, c := range append(checkpoints, last) {
		root, err := rootOf(leaves, c.Size)
		must(t, err)
		if root != tlog.Hash(c.Root) {
			t.Errorf("the checkpoint of %d leaves is of another log", c.Size)
		}
	}
}

// rootOf computes the root over the first leaves.
func rootOf(leaves [][32]byte, size int64) (tlog.Hash, error) {
	if size > int64(len(leaves)) {
		return tlog.Hash{}, fmt.Errorf("a checkpoint is of %d leaves, and there are %d", size, len(leaves))
	}
	var hashes []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		found := make([]tlog.Hash, len(indexes))
		for i, at := range indexes {
			found[i] = hashes[at]
		}
		return found, nil
	})
	for i, l := range leaves[:size] {
		more, err := tlog.StoredHashes(int64(i), l[:], reader)
		if err != nil {
			return tlog.Hash{}, err
		}
		hashes = append(hashes, more...)
	}
	return tlog.TreeHash(size, reader)
}

// free is an address that nothing listens on.
func free(t *testing.T) string {
	t.Helper()
	address, err := stack.FreeAddress()
	must(t, err)
	return address
}

// waitFor waits for what comes by itself.
func waitFor(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("within a minute it did not come about that %s", what)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
