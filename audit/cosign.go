package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	cosignature "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"

	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/storage"
)

const (
	// askFor bounds how long one witness is waited for.
	askFor = 5 * time.Second
	// pause is for how long a witness that failed is left alone.
	pause = time.Second
	// freshFor is after how long a cosignature of the last checkpoint is asked for
	// anew, so that who wants fresh ones finds them in a quiet log, too.
	freshFor = 20 * time.Second
	// meetEvery is how often slow witnesses are asked for one and the same checkpoint.
	meetEvery = time.Second
	// neglected is for how long a witness cosigns nothing before other servers than
	// the one that publishes ask it, too; they look every lookEvery.
	neglected = 3 * time.Second
	lookEvery = time.Second
	// helpedKept bounds what is remembered of that: more looks than one neglect takes.
	helpedKept = 8
)

// Cosigner is a witness of the log, as whoever publishes checkpoints reaches it.
type Cosigner interface {
	// Name tells witnesses apart, and whose it is.
	Name() string
	// Keys are those its cosignatures are under (cosignature/v1). What it answers
	// under others is thrown away.
	Keys() []note.Verifier
	// Cosign asks for a cosignature of a signed checkpoint: one or more signature
	// lines of a note. The proof is of consistency with the tree of size old (RFC
	// 6962, section 2.1.2), none where old is 0 or the checkpoint's own size. A
	// [*Conflict] when the witness stands at another size: it is asked again from there.
	Cosign(ctx context.Context, old int64, proof [][32]byte, signed []byte) (cosignatures []byte, err error)
}

// Conflict is a witness's answer that it stands at another size.
type Conflict struct{ Size int64 }

func (c *Conflict) Error() string { return fmt.Sprintf("the witness stands at size %d", c.Size) }

// witness is what is remembered of one.
type witness struct {
	busy  bool
	at    int64         // the size it stands at, as far as is known
	done  time.Time     // its last cosignature
	took  time.Duration // its last answer
	until time.Time     // left alone until then
	said  string        // what was logged of it
	// helped are the sizes of the last checkpoints that it was asked for in another
	// server's stead.
	helped []int64
}

// meeting is the checkpoint that slow witnesses are asked for: those that take
// longer than a beat would else each cosign other ones, and none would ever have
// the cosignatures of two of them.
type meeting struct {
	checkpoint storage.LogCheckpoint
	since      time.Time
}

// sight is a checkpoint as this process saw it first.
type sight struct {
	size int64
	at   time.Time
}

// askFree asks every witness that has no question open for what it has not
// cosigned, without waiting for it.
func (p *Publisher) askFree(ctx context.Context, asked *sync.WaitGroup, last storage.LogCheckpoint) {
	now := time.Now()
	p.mu.Lock()
	if p.sight.size != last.Size {
		p.sight = sight{last.Size, now}
	}
	if now.Sub(p.meeting.since) >= meetEvery {
		p.meeting = meeting{last, now}
	}
	// What another server published, that one asks for, unless it was killed over it.
	theirs := last.Size != p.mine && now.Sub(p.sight.at) < pause
	look := now.Sub(p.looked) >= lookEvery
	if look {
		p.looked = now
	}
	p.mu.Unlock()
	if last.Size == 0 || theirs && !look {
		return
	}
	var kept []storage.LogCheckpoint
	var read time.Time
	if theirs {
		var err error
		if kept, read, err = p.kept(ctx); err != nil {
			return // the next beat tells
		}
	}
	p.each(func(c Cosigner, w *witness) {
		if theirs && w.reached(c, kept, read) {
			return
		}
		target := last
		if w.took >= p.Every && p.meeting.checkpoint.Size < last.Size {
			target = p.meeting.checkpoint
			if w.at >= target.Size {
				return // until they meet again
			}
		}
		if now.Before(w.until) || w.fresh(c, target, now) {
			return
		}
		if theirs {
			w.helped = append(w.helped[max(0, len(w.helped)-helpedKept):], target.Size)
		}
		w.busy = true
		asked.Go(func() { p.ask(ctx, c, w, target) })
	})
}

// reached reports whether the server that publishes reaches a witness, by the kept
// checkpoints at an instant: what it cosigned through this one says nothing of it.
func (w *witness) reached(c Cosigner, kept []storage.LogCheckpoint, at time.Time) bool {
	for _, k := range kept {
		if !slices.Contains(w.helped, k.Size) && cosigned(k.Signed, c.Keys(), time.Time{}) {
			return true
		}
		if at.Sub(k.At) >= neglected {
			return false
		}
	}
	return true
}

// askAll asks every witness that has no question open and waits for the answers.
func (p *Publisher) askAll(ctx context.Context, last storage.LogCheckpoint) {
	if last.Size == 0 {
		return
	}
	var asked sync.WaitGroup
	p.each(func(c Cosigner, w *witness) {
		if !w.fresh(c, last, time.Now()) {
			w.busy = true
			asked.Go(func() { p.ask(ctx, c, w, last) })
		}
	})
	asked.Wait()
}

// fresh reports whether the witness cosigned a checkpoint lately: this process
// knows it by its own clock, or by what another one stored.
func (w *witness) fresh(c Cosigner, target storage.LogCheckpoint, now time.Time) bool {
	return w.at == target.Size && now.Sub(w.done) < freshFor || cosigned(target.Signed, c.Keys(), now.Add(-freshFor))
}

// each calls f, under the lock, with every witness that has no question open.
func (p *Publisher) each(f func(Cosigner, *witness)) {
	cosigners := p.Witnesses()
	p.mu.Lock()
	defer p.mu.Unlock()
	known := map[string]*witness{}
	for _, c := range cosigners {
		w := p.witnesses[c.Name()]
		if w == nil {
			w = &witness{}
		}
		known[c.Name()] = w
	}
	p.witnesses = known // those who are no longer named are forgotten
	for _, c := range cosigners {
		if w := known[c.Name()]; !w.busy {
			f(c, w)
		}
	}
}

// ask has one witness cosign a checkpoint and keeps what it answers.
func (p *Publisher) ask(ctx context.Context, c Cosigner, w *witness, target storage.LogCheckpoint) {
	ctx, cancel := context.WithTimeout(storage.AsSystem(ctx), askFor)
	defer cancel()
	began := time.Now()
	p.mu.Lock()
	at := min(w.at, target.Size)
	p.mu.Unlock()
	answer, at, err := p.cosign(ctx, c, at, target)
	took := time.Since(began)
	if err == nil {
		err = p.keep(ctx, c, target, answer)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	w.busy, w.at, w.took = false, at, took
	if err == nil {
		w.said, w.done = "", time.Now()
		return
	}
	w.until = time.Now().Add(pause)
	if err.Error() != w.said && ctx.Err() != context.Canceled { //nolint:errorlint // as it is documented
		p.Log.Warn("a witness does not cosign", "witness", c.Name(), "size", target.Size, "error", err)
	}
	w.said = err.Error()
}

// cosign asks from where the witness stands, as it says itself, and gives where
// it stands then.
func (p *Publisher) cosign(ctx context.Context, c Cosigner, old int64, target storage.LogCheckpoint) (answer []byte, at int64, err error) {
	for range 2 {
		var proof [][32]byte
		err = p.DB.Read(ctx, func(tx storage.ReadTx) (err error) {
			proof, err = consistency(tx, old, verify.Checkpoint{Origin: p.Signer.Name(), Size: target.Size, Root: target.Root})
			return err
		})
		if err != nil {
			return nil, old, err
		}
		if answer, err = c.Cosign(ctx, old, proof, target.Signed); err == nil {
			return answer, target.Size, nil
		}
		conflict, ok := errors.AsType[*Conflict](err)
		if !ok || conflict.Size == old || conflict.Size < 0 {
			return nil, old, err
		}
		if old = conflict.Size; old > target.Size {
			return nil, old, fmt.Errorf("it has seen a checkpoint of %d leaves, and is asked for one of %d", old, target.Size)
		}
	}
	return nil, old, err
}

// keep adds a witness's cosignatures to a checkpoint, beside what others add.
func (p *Publisher) keep(ctx context.Context, c Cosigner, target storage.LogCheckpoint, answer []byte) error {
	text := verify.Checkpoint{Origin: p.Signer.Name(), Size: target.Size, Root: target.Root}.String()
	_, said, err := verify.Signatures(append([]byte(text+"\n"), answer...), c.Keys())
	if err == nil && len(said) == 0 {
		err = errors.New("no line holds under a key of its")
	}
	if err != nil {
		return fmt.Errorf("it answered with something other than its cosignature: %w", err)
	}
	err = p.DB.Write(ctx, func(tx storage.Tx) error {
		kept, err := tx.LockLogCheckpoint(target.Size)
		if err != nil {
			return err
		}
		signed, err := withSignatures(kept.Signed, said, c.Keys())
		if err != nil {
			return err
		}
		return tx.CosignLogCheckpoint(target.Size, signed)
	})
	if errors.Is(err, storage.ErrNotFound) {
		return errors.New("its cosignature came when the checkpoint was long forgotten")
	}
	if err == nil {
		p.tell()
	}
	return err
}

// withSignatures adds a cosigner's signatures to a note. What it signed before
// with the same keys gives way to them; lines that only look as if they were of
// its keys stay, since they may be somebody else's.
func withSignatures(signed []byte, more []note.Signature, keys []note.Verifier) ([]byte, error) {
	text, sigs, err := verify.AllSignatures(signed)
	if err != nil {
		return nil, fmt.Errorf("the stored checkpoint: %w", err)
	}
	for _, k := range keys {
		of := func(s note.Signature) bool {
			return verify.Holds(text, s, k)
		}
		if slices.ContainsFunc(more, of) {
			sigs = slices.DeleteFunc(sigs, of)
		}
	}
	if len(sigs)+len(more) > verify.MaxSignatures {
		return nil, fmt.Errorf("the checkpoint has %d signatures, and with more nobody could read it", len(sigs))
	}
	return note.Sign(&note.Note{Text: text, UnverifiedSigs: append(sigs, more...)})
}

// cosigned reports whether a stored checkpoint has a cosignature of one of the
// keys, made after an instant.
func cosigned(signed []byte, keys []note.Verifier, after time.Time) bool {
	_, sigs, err := verify.Signatures(signed, keys)
	return err == nil && slices.ContainsFunc(sigs, func(s note.Signature) bool {
		at, err := cosignature.CoSigV1Timestamp(s)
		return err == nil && at.After(after)
	})
}
