package audit_test

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/audit/notekey"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/storage"
)

// key is the exchange's.
type key struct {
	note.Signer
	public note.Verifier
	vkey   string // the same as text
}

const origin = "comity/log/test"

func newKey(t *testing.T) key {
	t.Helper()
	skey, vkey, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		t.Fatal(err)
	}
	k := key{vkey: vkey}
	if k.Signer, err = note.NewSigner(skey); err != nil {
		t.Fatal(err)
	}
	if k.public, err = note.NewVerifier(vkey); err != nil {
		t.Fatal(err)
	}
	return k
}

// witness does what a state's does, in memory, as late and as wrongly as it is told.
type witness struct {
	signer *notekey.Cosigner
	public note.Verifier
	log    note.Verifier

	mu     sync.Mutex
	last   verify.Checkpoint
	delay  time.Duration
	ahead  time.Duration // its clock
	asked  int
	answer func(honest []byte) ([]byte, error) // nil: as it is
}

func newWitness(t *testing.T, k key, name string) *witness {
	t.Helper()
	skey, err := notekey.New(name)
	if err != nil {
		t.Fatal(err)
	}
	w := &witness{log: k.public, last: verify.Checkpoint{Origin: origin}}
	if w.signer, err = notekey.NewCosigner(skey, func() time.Time { return time.Now().Add(w.ahead) }); err != nil {
		t.Fatal(err)
	}
	if w.public, err = notekey.Witness(w.signer.Public()); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *witness) Name() string { return w.signer.Name() }

func (w *witness) Keys() []note.Verifier { return []note.Verifier{w.public} }

func (w *witness) Cosign(ctx context.Context, old int64, proof [][32]byte, signed []byte) ([]byte, error) {
	w.mu.Lock()
	delay, answer := w.delay, w.answer
	w.asked++
	w.mu.Unlock()
	select {
	case <-time.After(delay):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := note.Open(signed, note.VerifierList(w.log))
	if err != nil {
		return nil, err
	}
	c, err := verify.ParseCheckpoint(n.Text)
	if err != nil {
		return nil, err
	}
	if old != w.last.Size {
		return nil, &audit.Conflict{Size: w.last.Size}
	}
	if err := verify.CheckConsistency(w.last, c, proof); err != nil {
		return nil, err
	}
	w.last = c
	line, err := note.Sign(&note.Note{Text: n.Text}, w.signer)
	if err != nil {
		return nil, err
	}
	line = line[len(n.Text)+1:]
	if answer != nil {
		return answer(line)
	}
	return line, nil
}

func (w *witness) set(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

func publisher(db storage.DB, k key, every time.Duration, witnesses ...*witness) *audit.Publisher {
	return &audit.Publisher{DB: db, Signer: k, Every: every, Log: slog.New(slog.DiscardHandler), Witnesses: func() []audit.Cosigner {
		all := make([]audit.Cosigner, len(witnesses))
		for i, w := range witnesses {
			all[i] = w
		}
		return all
	}}
}

// policy wants the first witness's cosignature, and those of so many others.
func policy(k key, need int, own *witness, others ...*witness) verify.Policy {
	p := verify.Policy{Origin: origin, Log: []note.Verifier{k.public}, Own: own.Keys(), Others: map[string][]note.Verifier{}, Need: need}
	for _, w := range others {
		p.Others[w.Name()] = w.Keys()
	}
	return p
}

func last(t *testing.T, db storage.DB) storage.LogCheckpoint {
	t.Helper()
	c, err := newest(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newest(ctx context.Context, db storage.DB) (c storage.LogCheckpoint, err error) {
	err = db.Read(storage.AsSystem(ctx), func(tx storage.ReadTx) (err error) {
		if c, err = tx.LogCheckpoint(); errors.Is(err, storage.ErrNotFound) {
			err = nil
		}
		return err
	})
	return c, err
}

func put(t *testing.T, db storage.DB, n int) []storage.Leaf {
	t.Helper()
	leaves := make([]storage.Leaf, n)
	for i := range leaves {
		leaves[i] = leafOf(t, "KZ")
		leaves[i].At = time.Now()
	}
	if err := write(t.Context(), db, leaves...); err != nil {
		t.Fatal(err)
	}
	return leaves
}

// eventually waits for what comes about by itself.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never came about that %s", what)
		}
	}
}
