// Package witness is a witness of the log of acts (C2SP tlog-witness): it
// remembers the last checkpoint that it saw, and cosigns the next only when that
// goes on from it. A log that goes back, or shows two trees, finds no witness that
// cosigns both, whoever holds the log's key.
//
// Each state runs one, and names it in its manifest. It holds no secret but its
// key, and learns no more than the sizes and roots of the log.
package witness

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/audit/notekey"
	"github.com/comity-platform/comity/audit/verify"
)

// Config says whose checkpoints a witness cosigns, and where it remembers them.
type Config struct {
	Dir    string                 // see [Make]
	Origin string                 // of the log
	Log    func() []note.Verifier // the log's keys that it takes
	Key    *notekey.Cosigner
	Logger *slog.Logger
}

// Witness cosigns the checkpoints of one log. It is safe for concurrent use, by
// several processes with one folder, too: what is remembered is read and written
// under a lock that only one has. It is an [audit.Cosigner].
type Witness struct {
	cfg    Config
	memory memory
	mu     sync.Mutex // before the folder's lock, which waits by looking again
	unkept int        // forks that were seen and not kept, by mu
}

// Open opens a witness on its folder. One that does not know what it cosigned
// last is refused with [ErrMemory].
func Open(cfg Config) (*Witness, error) {
	w := &Witness{cfg: cfg, memory: memory{dir: cfg.Dir, origin: cfg.Origin, own: cfg.Key.Verifier()}}
	_, _, err := w.memory.last()
	if err != nil {
		return nil, err
	}
	return w, nil
}

// Refusal is why a witness does not cosign.
type Refusal struct {
	Status int // of HTTP, as the protocol has it
	Reason string
}

func (r *Refusal) Error() string { return r.Reason }

// refuse makes a refusal.
func refuse(status int, format string, args ...any) error {
	return &Refusal{Status: status, Reason: fmt.Sprintf(format, args...)}
}

// The statuses of refusals.
const (
	bad         = 400 // the request cannot be read, or goes back within itself
	forbidden   = 403 // no key of the log signed it
	unknownLog  = 404
	unprovable  = 422
	interrupted = 500 // the witness's own fault
)

// Last is the checkpoint that was cosigned last.
func (w *Witness) Last() (verify.Checkpoint, error) {
	c, _, err := w.memory.last()
	return c, err
}

// Name is that of the key.
func (w *Witness) Name() string { return w.cfg.Key.Name() }

// Keys is the key under which it cosigns.
func (w *Witness) Keys() []note.Verifier { return []note.Verifier{w.cfg.Key.Verifier()} }

// Cosign gives the cosignature of a signed checkpoint, as a line of the note, if
// it goes on from the last one: that has the size old, and the proof shows that
// its leaves are the first ones of the new tree. The error is a [*Refusal], or an
// [*audit.Conflict] when the last one has another size or, at the same size,
// another root. What is cosigned is on disk before it is answered.
func (w *Witness) Cosign(ctx context.Context, old int64, proof [][32]byte, signed []byte) ([]byte, error) {
	origin, _, _ := strings.Cut(string(signed), "\n")
	if origin != w.cfg.Origin {
		return nil, refuse(unknownLog, "this is a witness of the log %q, and of no other", w.cfg.Origin)
	}
	text, sigs, err := verify.Signatures(signed, w.cfg.Log())
	if err != nil {
		return nil, refuse(bad, "the checkpoint is no signed note: %v", err)
	}
	if len(sigs) == 0 { // 403 only where none holds, whatever stands beside it (C2SP tlog-witness)
		return nil, refuse(forbidden, "no key of the log that this witness takes has signed the checkpoint")
	}
	n := &note.Note{Text: text, Sigs: sigs}
	next, err := verify.ParseCheckpoint(n.Text)
	if err != nil {
		return nil, refuse(bad, "%v", err)
	}
	if old > next.Size {
		return nil, refuse(bad, "the checkpoint has %d leaves, and is said to go on from %d", next.Size, old)
	}

	w.mu.Lock()
	defer w.mu.Unlock()
	unlock, err := w.memory.lock(ctx)
	if err != nil {
		return nil, refuse(interrupted, "the witness's folder is in use: %v", err)
	}
	defer unlock()
	last, before, err := w.memory.last()
	if err != nil {
		return nil, err
	}
	switch {
	case next.Size == last.Size && next.Root != last.Root: // whatever it is said to go on from
		w.forked(last, next, before, signed)
		return nil, &audit.Conflict{Size: last.Size}
	case old != last.Size:
		return nil, &audit.Conflict{Size: last.Size}
	case old == 0 && len(proof) > 0:
		return nil, refuse(unprovable, "nothing proves that a tree goes on from the empty one, and a proof is given")
	}
	if next.Size > last.Size || len(proof) > 0 {
		if err := verify.CheckConsistency(last, next, proof); err != nil {
			w.cfg.Logger.Error("the log does not show that it goes on from what was cosigned last; nothing is cosigned",
				"cosigned", last.Size, "root", fmt.Sprintf("%x", last.Root), "asked", next.Size, "askedRoot", fmt.Sprintf("%x", next.Root), "error", err)
			return nil, refuse(unprovable, "%v", err)
		}
	}
	line, kept, err := cosign(n, w.cfg.Key)
	if err != nil {
		return nil, err
	}
	if next.Size > last.Size {
		if err := w.memory.keep(kept); err != nil {
			return nil, fmt.Errorf("what would be cosigned cannot be written down: %w", err)
		}
	}
	return line, nil
}

// forked keeps what shows that the log forked, and says so; of what is not kept,
// how often that was.
func (w *Witness) forked(last, next verify.Checkpoint, before, signed []byte) {
	at, err := w.memory.keepFork(next.Size, next.Root, before, signed)
	said := "Both checkpoints are kept; show them to the other states"
	switch {
	case errors.Is(err, errForksFull):
		w.unkept++
		said = "Those kept of the first forks are proof enough, and this one is only counted; show them to the other states"
	case err != nil:
		w.unkept++
		said = "The checkpoints cannot be written down"
	}
	w.cfg.Logger.Error("THE LOG FORKED: it signed two trees of one size. "+said, "size", next.Size, "root", fmt.Sprintf("%x", last.Root),
		"otherRoot", fmt.Sprintf("%x", next.Root), "kept", at, "notKept", w.unkept, "error", err)
}
