package audit_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/storage"
)

// TestPublish: a beat places what waits, in a class of sizes, and its checkpoint is
// signed and cosigned by all; what the witnesses have not seen they are shown how it
// goes on.
func TestPublish(t *testing.T) {
	onEngines(t, func(t *testing.T, db storage.DB) {
		k := newKey(t)
		a, b, c := newWitness(t, k, "a"), newWitness(t, k, "b"), newWitness(t, k, "c")
		p := publisher(db, k, time.Hour, a, b, c)
		if err := p.Publish(t.Context()); err != nil { // perhaps a cover
			t.Fatal(err)
		}
		for _, n := range []int{1, 4, 5, 17, 300} {
			before := read(t, db, storage.ReadTx.LogHead).Size
			leaves := put(t, db, n)
			if err := p.Publish(t.Context()); err != nil {
				t.Fatal(err)
			}
			got := last(t, db)
			if got.Size-before != int64(audit.Class(n)) {
				t.Errorf("%d acts let the log grow by %d leaves", n, got.Size-before)
			}
			for _, w := range []*witness{a, b, c} {
				others := slices.DeleteFunc([]*witness{a, b, c}, func(o *witness) bool { return o == w })
				seen, err := policy(k, 1, w, others...).Open(got.Signed, time.Now())
				if err != nil || seen.Size != got.Size || seen.Root != got.Root {
					t.Errorf("for %s after %d acts: %+v, %v", w.Name(), n, seen, err)
				}
			}
			for _, l := range leaves {
				if i, err := index(t, db, l); err != nil || i < before || i >= got.Size {
					t.Errorf("an act of that beat is at %d of %d (%v)", i, got.Size, err)
				}
			}
			s, err := p.Status(t.Context())
			if err != nil || p.Fault() != nil || s.Size != got.Size || !s.At.Equal(got.At) || !maps.Equal(s.Witnesses, map[string]bool{"a": true, "b": true, "c": true}) {
				t.Errorf("the status is %+v, %v, %v after %+v", s, err, p.Fault(), got)
			}
		}
		tree(t, db)
	})
}

func index(t *testing.T, db storage.DB, l storage.Leaf) (i int64, err error) {
	t.Helper()
	err = db.Read(storage.AsSystem(t.Context()), func(tx storage.ReadTx) (err error) { i, err = tx.LogIndex(l.ID); return err })
	return i, err
}

// TestPublishWentBack: nothing is signed over a tree that does not go on from the
// checkpoint in the database, or from what this process signed.
func TestPublishWentBack(t *testing.T) {
	k := newKey(t)
	fresh := func(t *testing.T, open func(*testing.T) storage.DB, n int) storage.DB {
		db := open(t)
		put(t, db, n)
		return db
	}
	onEach(t, func(t *testing.T, open func(*testing.T) storage.DB) {
		db := fresh(t, open, 3)
		w := newWitness(t, k, "w")
		p := publisher(db, k, time.Hour, w)
		if err := p.Publish(t.Context()); err != nil {
			t.Fatal(err)
		}
		for name, n := range map[string]int{"forked": 3, "forked and longer": 40} { // other leaves
			other := fresh(t, open, n)
			p.DB = other
			if err := p.Publish(t.Context()); !errors.Is(err, audit.ErrWentBack) {
				t.Errorf("%s: %v", name, err)
			}
			if c := last(t, other); c.Size != 0 {
				t.Errorf("%s: a checkpoint of %d leaves was stored", name, c.Size)
			}
			if !errors.Is(p.Fault(), audit.ErrWentBack) {
				t.Errorf("%s: it shows nowhere", name)
			}
		}
		if p.DB = open(t); !errors.Is(p.Publish(t.Context()), audit.ErrWentBack) {
			t.Error("an empty log is signed")
		}
		// What another process finds in the database.
		for name, c := range map[string]storage.LogCheckpoint{"a larger one": {Size: 50}, "another root": {Size: 4, Root: [32]byte{1}}, "another root before": {Size: 3, Root: [32]byte{1}}} {
			db := fresh(t, open, 4)
			c.Signed, c.At = []byte("a\n\n— a AAAAAAA=\n"), time.Now()
			if err := db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error { return tx.PutLogCheckpoint(c) }); err != nil {
				t.Fatal(err)
			}
			if err := publisher(db, k, time.Hour, w).Publish(t.Context()); !errors.Is(err, audit.ErrWentBack) {
				t.Errorf("%s: %v", name, err)
			}
			if got := last(t, db); got.Size != c.Size {
				t.Errorf("%s: a checkpoint of %d leaves was stored", name, got.Size)
			}
		}
		p.DB = db
		put(t, db, 1)
		if err := p.Publish(t.Context()); err != nil {
			t.Errorf("its own log: %v", err)
		}
	})
}

// TestPublishSlowWitness: a slow witness holds up neither the beat nor the others;
// its cosignature comes to the checkpoint that it was asked for.
func TestPublishSlowWitness(t *testing.T) {
	onEngines(t, func(t *testing.T, db storage.DB) {
		k := newKey(t)
		own, quick, slow := newWitness(t, k, "own"), newWitness(t, k, "quick"), newWitness(t, k, "slow")
		slow.delay = 2 * time.Second
		stop := start(t, publisher(db, k, 20*time.Millisecond, own, quick, slow))
		defer stop()
		began := time.Now()
		put(t, db, 1)
		satisfied := func(p verify.Policy) func() bool {
			return func() bool {
				for _, c := range read(t, db, func(tx storage.ReadTx) ([]storage.LogCheckpoint, error) { return tx.LogCheckpoints(1, 300) }) {
					if _, err := p.Open(c.Signed, time.Now()); err == nil {
						return true
					}
				}
				return false
			}
		}
		eventually(t, "the quick ones cosigned", satisfied(policy(k, 1, own, quick, slow)))
		if took := time.Since(began); took > slow.delay {
			t.Errorf("the slow witness held the others up: %s", took)
		}
		for range 100 { // it is asked for checkpoints that are long past when it answers
			put(t, db, 1)
			time.Sleep(20 * time.Millisecond)
		}
		eventually(t, "the slow one cosigned what the quick one did", satisfied(policy(k, 1, slow, own, quick)))
	})
}

// TestPublishSlowWitnessesMeet: of those that are slower than the beat, each cosigns
// some checkpoints only, and yet some have all.
func TestPublishSlowWitnessesMeet(t *testing.T) {
	k := newKey(t)
	onEngines(t, func(t *testing.T, db storage.DB) {
		own, a, b, c := newWitness(t, k, "own"), newWitness(t, k, "a"), newWitness(t, k, "b"), newWitness(t, k, "c")
		a.delay, b.delay, c.delay = 300*time.Millisecond, 450*time.Millisecond, 380*time.Millisecond
		stop := start(t, publisher(db, k, 10*time.Millisecond, own, a, b, c))
		defer stop()
		want := policy(k, 3, own, a, b, c, newWitness(t, k, "d"))
		ctx, cancel := context.WithCancel(t.Context())
		var writing sync.WaitGroup
		writing.Go(func() {
			for ctx.Err() == nil {
				if err := write(ctx, db, leafOf(t, "KZ")); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
				time.Sleep(5 * time.Millisecond)
			}
		})
		met := map[int64]bool{}
		for began := time.Now(); time.Since(began) < 5*time.Second; time.Sleep(50 * time.Millisecond) {
			for _, c := range read(t, db, func(tx storage.ReadTx) ([]storage.LogCheckpoint, error) { return tx.LogCheckpoints(1, 300) }) {
				if _, err := want.Open(c.Signed, time.Now()); err == nil {
					met[c.Size] = true
				}
			}
		}
		cancel()
		writing.Wait()
		if len(met) < 2 {
			t.Errorf("in five seconds three slow witnesses all cosigned %d checkpoints", len(met))
		}
	})
}

// TestPublishWrongAnswers: what a witness answers besides its own cosignature is
// not stored, and spoils nothing.
func TestPublishWrongAnswers(t *testing.T) {
	k := newKey(t)
	onEngines(t, func(t *testing.T, db storage.DB) {
		own, bad := newWitness(t, k, "own"), newWitness(t, k, "bad")
		p := publisher(db, k, time.Hour, own, bad)
		forged := func(line []byte) []byte { // the own witness's name and key, and another's signature
			return fmt.Appendf(nil, "— own %s", bytes.TrimPrefix(line, []byte("— bad ")))
		}
		for name, answer := range map[string]func([]byte) ([]byte, error){
			"nothing":           func([]byte) ([]byte, error) { return nil, nil },
			"no lines":          func([]byte) ([]byte, error) { return []byte("garbage"), nil },
			"another's name":    func(l []byte) ([]byte, error) { return forged(l), nil },
			"a changed one":     func(l []byte) ([]byte, error) { l[len(l)-8] ^= 1; return l, nil },
			"a refusal":         func([]byte) ([]byte, error) { return nil, errors.New("no") },
			"a place beyond":    func([]byte) ([]byte, error) { return nil, &audit.Conflict{Size: 1 << 40} },
			"a place before it": func([]byte) ([]byte, error) { return nil, &audit.Conflict{Size: -1} },
		} {
			bad.set(func() { bad.answer = answer })
			put(t, db, 1)
			if err := p.Publish(t.Context()); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			got := last(t, db)
			if n := signatures(t, got); n != 2 {
				t.Errorf("%s: the checkpoint has %d signatures, wanted the log's and one witness's", name, n)
			}
			if _, err := policy(k, 0, own, bad).Open(got.Signed, time.Now()); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if s, err := p.Status(t.Context()); err != nil || !s.Witnesses["own"] || s.Witnesses["bad"] {
				t.Errorf("%s: the status is %+v, %v", name, s, err)
			}
		}
		// With its own, more is thrown away, and it goes on as if nothing had been.
		bad.set(func() { bad.answer = func(l []byte) ([]byte, error) { return append(l, forged(l)...), nil } })
		put(t, db, 1)
		eventually(t, "it cosigned", func() bool {
			if err := p.Publish(t.Context()); err != nil {
				t.Fatal(err)
			}
			_, err := policy(k, 1, own, bad, newWitness(t, k, "x")).Open(last(t, db).Signed, time.Now())
			return err == nil
		})
		if n := signatures(t, last(t, db)); n != 3 {
			t.Errorf("the checkpoint has %d signatures", n)
		}
	})
}

func signatures(t *testing.T, c storage.LogCheckpoint) int {
	t.Helper()
	_, err := note.Open(c.Signed, note.VerifierList())
	unverified, ok := errors.AsType[*note.UnverifiedNoteError](err)
	if !ok {
		t.Fatal(err)
	}
	return len(unverified.Note.UnverifiedSigs)
}

// TestPublishAgain: another process asks a witness from where it stands, though it
// remembers nothing of it; and one that lost its memory from the beginning.
func TestPublishAgain(t *testing.T) {
	k := newKey(t)
	onEngines(t, func(t *testing.T, db storage.DB) {
		w := newWitness(t, k, "w")
		for i := range 3 {
			put(t, db, 3)
			if i == 2 {
				w.set(func() { w.last = verify.Checkpoint{Origin: origin} })
			}
			if err := publisher(db, k, time.Hour, w).Publish(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := policy(k, 0, w).Open(last(t, db).Signed, time.Now()); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestPublishTakesOver: what a killed server left half done, another one finishes:
// leaves without a checkpoint, and a checkpoint that no witness was asked for.
func TestPublishTakesOver(t *testing.T) {
	k := newKey(t)
	onEngines(t, func(t *testing.T, db storage.DB) {
		put(t, db, 3)
		if n, err := db.Sequence(t.Context(), 100, nil); err != nil || n != 3 {
			t.Fatal(n, err)
		}
		if err := publisher(db, k, time.Hour).Publish(t.Context()); err != nil || last(t, db).Size < 3 {
			t.Fatalf("after a server that was killed before it signed: %+v, %v", last(t, db), err)
		}
		w := newWitness(t, k, "w")
		for range 5 { // a cover may come before it, and the witness be asked for that
			stop := start(t, publisher(db, k, 250*time.Millisecond, w))
			left, cosigned := last(t, db).Size, false
			eventually(t, "the witness is asked for another server's checkpoint, or a later one", func() bool {
				got := last(t, db)
				_, err := policy(k, 0, w).Open(got.Signed, time.Now())
				cosigned = err == nil && got.Size == left
				return cosigned || got.Size > left
			})
			if stop(); cosigned {
				return
			}
			put(t, db, 1)
			if err := publisher(db, k, time.Hour).Publish(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		t.Error("no witness is asked for what a killed server published")
	})
}

// TestPublishTogether: several servers keep one log: each checkpoint goes on from
// the one before, none is of fewer leaves, and they keep one rhythm.
func TestPublishTogether(t *testing.T) {
	const every = 200 * time.Millisecond
	onEngines(t, func(t *testing.T, db storage.DB) {
		k := newKey(t)
		w := newWitness(t, k, "w")
		for range 3 {
			stop := start(t, publisher(db, k, every, w))
			defer stop()
			time.Sleep(every / 3) // they do not look at the same instants
		}
		began := time.Now()
		seen := map[int64]storage.LogCheckpoint{}
		var size int64
		acts := 0
		for ; time.Since(began) < 4*time.Second; acts++ {
			put(t, db, 1)
			time.Sleep(every / 10)
			c := last(t, db)
			if c.Size < size {
				t.Errorf("after a checkpoint of %d leaves there is one of %d", size, c.Size)
			}
			size = c.Size
			for _, c := range read(t, db, func(tx storage.ReadTx) ([]storage.LogCheckpoint, error) { return tx.LogCheckpoints(0, 300) }) {
				if before, ok := seen[c.Size]; ok && before.Root != c.Root {
					t.Fatalf("two checkpoints of %d leaves", c.Size)
				}
				seen[c.Size] = c
			}
		}
		beats := int(time.Since(began)/every) + 2
		if len(seen) > beats*4/3 {
			t.Errorf("three servers made %d checkpoints in %d beats", len(seen), beats)
		}
		eventually(t, "all is cosigned", func() bool {
			_, err := policy(k, 0, w).Open(last(t, db).Signed, time.Now())
			return err == nil
		})
		entries := placed(t, db, "KZ", acts)
		if err := checkLog(entries, tree(t, db)); err != nil {
			t.Error(err)
		}
	})
}

// lookalike is a witness whose key was made to have a victim's name and hash, which
// are 32 bits: it answers what holds under it.
type lookalike struct {
	*witness
	name string
	hash uint32
}

type looking struct {
	note.Verifier
	of lookalike
}

func (l looking) Name() string    { return l.of.name }
func (l looking) KeyHash() uint32 { return l.of.hash }

func (l lookalike) Keys() []note.Verifier { return []note.Verifier{looking{l.public, l}} }

func (l lookalike) Cosign(ctx context.Context, old int64, proof [][32]byte, signed []byte) ([]byte, error) {
	line, err := l.witness.Cosign(ctx, old, proof, signed)
	if err != nil {
		return nil, err
	}
	_, b64, _ := bytes.Cut(bytes.TrimPrefix(line, []byte("— ")), []byte(" "))
	raw, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(b64)))
	if err != nil {
		return nil, err
	}
	binary.BigEndian.PutUint32(raw, l.hash)
	return fmt.Appendf(nil, "— %s %s\n", l.name, base64.StdEncoding.EncodeToString(raw)), nil
}

// TestPublishLookalike: a witness's key that looks like the log's, or like another
// witness's, takes nothing away from whom it looks like, and is counted for itself.
func TestPublishLookalike(t *testing.T) {
	k := newKey(t)
	onEngines(t, func(t *testing.T, db storage.DB) {
		for name, victim := range map[string]func(own *witness) note.Verifier{
			"the log":     func(*witness) note.Verifier { return k.public },
			"the witness": func(own *witness) note.Verifier { return own.public },
		} {
			own, other, third := newWitness(t, k, "own"), newWitness(t, k, "other"), newWitness(t, k, "third")
			v := victim(own)
			bad := lookalike{other, v.Name(), v.KeyHash()}
			p := publisher(db, k, time.Hour)
			all := []audit.Cosigner{own, bad}
			p.Witnesses = func() []audit.Cosigner { return all }
			for i := range 3 { // whichever comes first, and again
				put(t, db, 1)
				if err := p.Publish(t.Context()); err != nil {
					t.Fatal(err)
				}
				want := policy(k, 1, own, third)
				want.Others["bad"] = bad.Keys()
				if _, err := want.Open(last(t, db).Signed, time.Now()); err != nil {
					t.Errorf("%s, %d: %v\n%s", name, i, err, last(t, db).Signed)
				}
				if n := signatures(t, last(t, db)); n != 3 {
					t.Errorf("%s, %d: %d signatures, wanted 3", name, i, n)
				}
				if s, err := p.Status(t.Context()); err != nil || !s.Witnesses["own"] || !s.Witnesses["other"] {
					t.Errorf("%s, %d: %+v, %v", name, i, s, err)
				}
				slices.Reverse(all)
			}
			if _, err := note.Open(last(t, db).Signed, note.VerifierList(k.public)); err != nil {
				t.Errorf("%s: for other readers of notes: %v", name, err)
			}
		}
	})
}
