package service

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/audit/notekey"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/audit/witness"
	"github.com/comity-platform/comity/crypto/statement"
)

// witnesses are those that the manifests in force name: each state's own, over
// HTTP or in this process. A new manifest's counts from its coming into force.
type witnesses struct {
	cfg       Config
	directory *statement.Directory
	log       *slog.Logger

	turn sync.Mutex // of those in this process

	mu       sync.Mutex
	open     map[comity.State]openWitness
	complain complaints
}

// openWitness is a state's witness as one manifest names it.
type openWitness struct {
	named string // what the manifest says of it
	audit.Cosigner
	close func()
}

func newWitnesses(cfg Config, d *statement.Directory, log *slog.Logger) *witnesses {
	return &witnesses{cfg: cfg, directory: d, log: log, open: map[comity.State]openWitness{}}
}

// now gives the witnesses as of now. One that cannot be had is left out, and said once.
func (w *witnesses) now() []audit.Cosigner {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []audit.Cosigner
	inForce := map[comity.State]bool{}
	for _, s := range w.directory.States() {
		m, err := w.directory.State(s)
		if err != nil {
			continue // it ran out and speaks for nobody
		}
		inForce[s] = true
		named := m.Log.WitnessURL + " " + strings.Join(m.Log.Witnesses, " ")
		if o, ok := w.open[s]; ok && o.named == named {
			all = append(all, o)
			continue
		}
		w.drop(s)
		o, err := w.make(s, m.Log)
		if err != nil {
			if w.complain.first(string(s), err.Error()) {
				w.log.Error("a state's witness cannot be asked; without it nothing of the state's is released", "state", s, "error", err)
			}
			continue
		}
		o.named = named
		w.open[s] = o
		all = append(all, o)
	}
	for s := range w.open {
		if !inForce[s] {
			w.drop(s)
		}
	}
	return all
}

// Close gives all back.
func (w *witnesses) Close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for s := range w.open {
		w.drop(s)
	}
}

func (w *witnesses) drop(s comity.State) {
	if o, ok := w.open[s]; ok {
		o.close()
		delete(w.open, s)
	}
}

func (w *witnesses) make(s comity.State, t statement.LogTrust) (openWitness, error) {
	if err := witnessAllowed(w.cfg, t.WitnessURL); err != nil {
		return openWitness{}, err
	}
	if t.WitnessURL == statement.Embedded {
		own, err := w.embedded(s, t)
		return openWitness{Cosigner: own, close: func() {}}, err
	}
	var keys []note.Verifier
	for _, vkey := range t.Witnesses {
		key, err := notekey.Witness(vkey)
		if err != nil {
			return openWitness{}, err
		}
		keys = append(keys, key)
	}
	roots, err := w.cfg.States[s].witnessRoots()
	if err != nil {
		return openWitness{}, err
	}
	c := witness.NewClient(string(s), t.WitnessURL, keys, roots)
	return openWitness{Cosigner: c, close: c.Close}, nil
}

// witnessAllowed says why a server does not ask a witness there, nil when it does.
func witnessAllowed(cfg Config, address string) error {
	if cfg.Profile != Production {
		return nil
	}
	if address == statement.Embedded {
		return errors.New("a witness in the exchange's own process watches nobody (refused in production)")
	}
	if u, err := url.Parse(address); err != nil || u.Scheme != "https" {
		return fmt.Errorf("the witness's address %s is not https (refused in production)", address)
	}
	return nil
}

// witnessRoots are the authorities that the witness's certificate must chain to;
// nil: the system's.
func (s StateConfig) witnessRoots() (*x509.CertPool, error) {
	if s.WitnessCACert == "" {
		return nil, nil
	}
	raw, err := readLimited(s.WitnessCACert, maxConfigFile)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(raw) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", s.WitnessCACert)
	}
	return pool, nil
}

// ownWitness is the state's witness in this process, under the state's name.
type ownWitness struct {
	*witness.Witness
	state comity.State
	turn  *sync.Mutex // of all in this process
}

// Cosign implements [audit.Cosigner]. One takes its turn after another: each waits
// for the disk in a thread of its own, and they stand on the same disk.
func (o ownWitness) Cosign(ctx context.Context, old int64, proof [][32]byte, signed []byte) ([]byte, error) {
	o.turn.Lock()
	defer o.turn.Unlock()
	return o.Witness.Cosign(ctx, old, proof, signed)
}

func (o ownWitness) Name() string { return string(o.state) }

// embedded opens a witness in this process. It takes the log's keys that its
// state's manifest in force names.
func (w *witnesses) embedded(s comity.State, t statement.LogTrust) (audit.Cosigner, error) {
	dir := w.cfg.States[s].Witness
	if dir == "" {
		return nil, errors.New("the manifest says that it runs in this process, and the configuration names no folder of it")
	}
	key, err := witnessKey(dir, t)
	if err != nil {
		return nil, err
	}
	own, err := witness.Open(witness.Config{Dir: dir, Origin: verify.Origin(w.cfg.Union), Key: key, Logger: w.log.With("witness", s),
		Log: func() (keys []note.Verifier) {
			m, _ := w.directory.Known(s)
			for _, vkey := range m.Log.Keys {
				if key, err := notekey.Log(vkey); err == nil {
					keys = append(keys, key)
				}
			}
			return keys
		}})
	if err != nil {
		return nil, err
	}
	return ownWitness{own, s, &w.turn}, nil
}

// witnessKey reads the key of a witness in this process, which must be one that the manifest names.
func witnessKey(dir string, t statement.LogTrust) (*notekey.Cosigner, error) {
	skey, err := notekey.Read(witness.KeyFile(dir))
	if err != nil {
		return nil, err
	}
	key, err := notekey.NewCosigner(skey, time.Now)
	if err != nil {
		return nil, err
	}
	for _, vkey := range t.Witnesses {
		if vkey == key.Public() {
			return key, nil
		}
	}
	return nil, fmt.Errorf("the manifest does not name the key of the witness in %s, %s", dir, key.Public())
}

// checkWitness holds a state's witness against its manifest.
func (c *checker) checkWitness(at string, state StateConfig, name comity.State, m statement.Manifest) {
	where := func(rest string) string { return c.where("states", at+rest) }
	if _, err := state.witnessRoots(); err != nil {
		c.add(where("/witnessCaCert"), "%v", err)
	}
	if state.Witness != "" {
		c.safe(false, where("/witness"), "a witness in the exchange's own process watches nobody; the state runs its own (comity witness serve)")
		c.parent(where("/witness"), state.Witness)
	}
	if m.State == "" {
		return // its manifest is a fault of its own
	}
	manifest := c.cfg.manifestPath(name) + ":/log/witnessUrl"
	if err := witnessAllowed(c.cfg, m.Log.WitnessURL); err != nil {
		c.ofManifest(name, manifest, "%v", err)
		return
	}
	switch embedded := m.Log.WitnessURL == statement.Embedded; {
	case embedded && state.Witness == "":
		c.add(where(""), "the manifest of %s says that its witness runs in this process, and there is none: give its folder", name)
	case !embedded && state.Witness != "":
		c.add(where("/witness"), "the manifest of %s says that its witness is at %s, and here is its folder", name, m.Log.WitnessURL)
	case embedded:
		if _, err := witnessKey(state.Witness, m.Log); err != nil {
			c.add(where("/witness"), "%v", err)
		}
	}
}
