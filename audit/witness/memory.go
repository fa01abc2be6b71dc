package witness

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity-platform/comity/audit/notekey"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/internal/durable"
	"github.com/comity-platform/comity/internal/filelock"
)

// What a witness keeps in its folder.
const (
	keyFile    = "key"        // its private key
	memoryFile = "checkpoint" // the last checkpoint that it cosigned, under its own key
	lockFile   = "lock"
	forks      = "forks" // folder of what shows that the log forked
)

// KeyFile is the file of the private key in a witness's folder.
func KeyFile(dir string) string { return filepath.Join(dir, keyFile) }

// ErrMemory is that a witness does not know what it cosigned last. It cosigns
// nothing then: a log that went back in the meantime would find it as it wants it.
var ErrMemory = errors.New("the witness does not know what it cosigned last")

// memory is the checkpoint that a witness cosigned last, in a file. The note there
// bears the witness's own cosignature, so that a file which is not its own word,
// or no longer, is not taken for it.
type memory struct {
	dir    string
	origin string
	own    note.Verifier
}

func (m memory) path() string { return filepath.Join(m.dir, memoryFile) }

// lock keeps every other process from the memory.
func (m memory) lock(ctx context.Context) (unlock func(), err error) {
	return filelock.Take(ctx, filepath.Join(m.dir, lockFile))
}

// last is the checkpoint that was cosigned last, as it was signed.
func (m memory) last() (verify.Checkpoint, []byte, error) {
	fail := func(err error) (verify.Checkpoint, []byte, error) {
		return verify.Checkpoint{}, nil, fmt.Errorf("%w: %s %w; put the file back from the copy that is newest, or, if there is none, begin anew with comity witness init", ErrMemory, m.path(), err)
	}
	signed, err := os.ReadFile(m.path())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fail(errors.New("is missing"))
	case err != nil:
		return verify.Checkpoint{}, nil, fmt.Errorf("%w: %w", ErrMemory, err)
	}
	n, err := note.Open(signed, note.VerifierList(m.own))
	if err != nil {
		return fail(fmt.Errorf("is damaged, or not of this witness's key (%w)", err))
	}
	c, err := verify.ParseCheckpoint(n.Text)
	if err != nil {
		return fail(fmt.Errorf("is damaged (%w)", err))
	}
	if c.Origin != m.origin {
		return fail(fmt.Errorf("is of the log %q, wanted %q", c.Origin, m.origin))
	}
	return c, signed, nil
}

// keep writes a checkpoint down, whole, and has it on disk when it returns.
func (m memory) keep(signed []byte) error { return durable.WriteFile(m.path(), signed, 0o600) }

// maxForks bounds how many forks are kept, two files each. One is proof enough,
// and whoever holds the log's key could fill the disk that the memory needs.
const maxForks = 50

// errForksFull is that no more forks are kept.
var errForksFull = fmt.Errorf("%d forks are kept, and that is enough", maxForks)

// keepFork writes down two checkpoints of one size, each signed by the log: what
// shows to anybody that the log forked. It tells where. What is kept stays as it
// was written first; beyond the first [maxForks] it is [errForksFull].
func (m memory) keepFork(size int64, root [32]byte, cosigned, other []byte) (string, error) {
	all := filepath.Join(m.dir, forks)
	dir := filepath.Join(all, fmt.Sprintf("%d-%x", size, root[:8]))
	last := filepath.Join(dir, "other")
	if _, err := os.Stat(last); err == nil {
		return dir, nil
	}
	kept, err := os.ReadDir(all)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return dir, err
	}
	if _, err := os.Stat(dir); err != nil && len(kept) >= maxForks { // one that was interrupted is finished
		return all, errForksFull
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return dir, err
	}
	if err := durable.WriteFile(filepath.Join(dir, "cosigned"), cosigned, 0o600); err != nil {
		return dir, err
	}
	return dir, durable.WriteFile(last, other, 0o600)
}

// Begin gives a witness's folder a memory, for a log of that origin: the signed
// checkpoint from, which one of the log's keys must have signed, or without it
// the empty tree. A memory that is there and good is an error, unless nothing was
// cosigned yet: a witness does not forget.
func Begin(ctx context.Context, dir, origin string, key *notekey.Cosigner, log []note.Verifier, from []byte) (verify.Checkpoint, error) {
	m := memory{dir: dir, origin: origin, own: key.Verifier()}
	unlock, err := m.lock(ctx)
	if err != nil {
		return verify.Checkpoint{}, err
	}
	defer unlock()
	if c, _, err := m.last(); err == nil && c.Size > 0 {
		return verify.Checkpoint{}, fmt.Errorf("%s holds the checkpoint of size %d, and a witness does not forget", m.path(), c.Size)
	}
	n := empty(origin)
	if from != nil {
		text, sigs, err := verify.Signatures(from, log)
		if err == nil && len(sigs) == 0 {
			err = errors.New("no key of the log signed it")
		}
		if err != nil {
			return verify.Checkpoint{}, fmt.Errorf("the checkpoint to begin from: %w", err)
		}
		n = &note.Note{Text: text, Sigs: sigs}
	}
	c, err := verify.ParseCheckpoint(n.Text)
	if err == nil && c.Origin != origin {
		err = fmt.Errorf("it is of the log %q, wanted %q", c.Origin, origin)
	}
	if err != nil {
		return verify.Checkpoint{}, fmt.Errorf("the checkpoint to begin from: %w", err)
	}
	_, signed, err := cosign(n, key)
	if err != nil {
		return verify.Checkpoint{}, err
	}
	return c, m.keep(signed)
}

// empty is the checkpoint of the empty tree.
func empty(origin string) *note.Note {
	return &note.Note{Text: verify.Checkpoint{Origin: origin, Root: sha256.Sum256(nil)}.String()}
}

// cosign gives the cosignature of a note, as a line of it, and what is kept: the
// note with the signatures that were verified and the cosignature.
func cosign(n *note.Note, key note.Signer) (line, signed []byte, err error) {
	if signed, err = note.Sign(&note.Note{Text: n.Text, Sigs: n.Sigs}, key); err != nil {
		return nil, nil, err
	}
	return signed[bytes.LastIndexByte(signed[:len(signed)-1], '\n')+1:], signed, nil
}

// Make makes a witness in a folder, unless one is there: its memory, of the empty
// tree, and then its key under that name.
func Make(ctx context.Context, dir, origin, name string) (key *notekey.Cosigner, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	unlock, err := memory{dir: dir}.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	skey, err := notekey.Read(KeyFile(dir))
	switch {
	case err == nil:
		return notekey.NewCosigner(skey, time.Now)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	if skey, err = notekey.New(name); err != nil {
		return nil, err
	}
	if key, err = notekey.NewCosigner(skey, time.Now); err != nil {
		return nil, err
	}
	_, signed, err := cosign(empty(origin), key)
	if err == nil { // what lies there without its key is of no use to anybody
		err = memory{dir: dir}.keep(signed)
	}
	if err != nil {
		return nil, err
	}
	return key, durable.WriteFile(KeyFile(dir), []byte(skey+"\n"), 0o600)
}
