package exchangetest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/audit/notekey"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/audit/witness"
	"github.com/comity-platform/comity/deploy/stack/stacktest"
	"github.com/comity-platform/comity/storage"
)

// Prover publishes a world's log and proves what is in it: at once when a proof is
// asked for, so that no test waits for a beat.
type Prover struct {
	*audit.Prover
	db        storage.DB
	publisher *audit.Publisher
	witnesses map[comity.State]*silenced
	mu        sync.Mutex
}

// NewProver makes the prover of a world, over its database and with witnesses that
// have seen nothing yet.
func NewProver(t testing.TB, w *World) *Prover {
	t.Helper()
	p := &Prover{db: w.DB, witnesses: map[comity.State]*silenced{}}
	public, err := notekey.LogPublic(w.LogKey)
	must(t, err)
	log, err := notekey.Log(public)
	must(t, err)
	var all []audit.Cosigner
	for s, key := range w.Witnesses {
		dir := stacktest.TempDir(t)
		_, err := witness.Begin(context.Background(), dir, log.Name(), key, []note.Verifier{log}, nil)
		must(t, err)
		own, err := witness.Open(witness.Config{Dir: dir, Origin: log.Name(), Key: key, Logger: w.Log, Log: func() []note.Verifier { return []note.Verifier{log} }})
		must(t, err)
		p.witnesses[s] = &silenced{Witness: own}
		all = append(all, p.witnesses[s])
	}
	p.publisher = &audit.Publisher{DB: w.DB, Signer: w.LogSigner, Witnesses: func() []audit.Cosigner { return all }, Every: time.Second, Log: w.Log}
	p.Prover = audit.NewProver(audit.ProverOptions{DB: w.DB, Stored: p.publisher.Stored, Now: w.Clock.Now,
		Policy: func(s comity.State) (verify.Policy, error) { return w.Directory.LogPolicy(s, w.Clock.Now()) }})
	return p
}

// Prove publishes and proves.
func (p *Prover) Prove(ctx context.Context, leaf comity.ID, s comity.State) (verify.Proof, error) {
	if err := p.publish(ctx); err != nil {
		return verify.Proof{}, err
	}
	return p.Prover.Prove(ctx, leaf, s)
}

// publish does a beat. What waits is placed before, so that the beat fills it up at most.
func (p *Prover) publish(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := p.db.Sequence(ctx, 10000, nil); err != nil {
		return err
	}
	return p.publisher.Publish(ctx)
}

// Silence has the witnesses of some states answer nothing until the function it
// gives is called.
func (p *Prover) Silence(t testing.TB, states ...comity.State) (end func()) {
	t.Helper()
	set := func(silent bool) {
		for _, s := range states {
			p.witnesses[s].silent.Store(silent)
		}
	}
	set(true)
	return func() { set(false) }
}

// silenced is a state's witness that may be silent.
type silenced struct {
	*witness.Witness
	silent atomic.Bool
}

// Cosign implements [audit.Cosigner].
func (s *silenced) Cosign(ctx context.Context, old int64, proof [][32]byte, signed []byte) ([]byte, error) {
	if s.silent.Load() {
		return nil, errors.New("it is silent")
	}
	return s.Witness.Cosign(ctx, old, proof, signed)
}
