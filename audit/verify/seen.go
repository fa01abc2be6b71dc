package verify

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Seen is what a reader remembers of a log: the leaves in order in one file, and
// the signed checkpoint over them in another beside it. The second is replaced
// whole and last, so that a check that ends early leaves what was remembered
// before.
type Seen struct {
	name  string
	state string
	leaves
	head Checkpoint
}

// leaves is a file of leaves, each after a byte that says whether the reader's
// state was shown an opening of it.
type leaves struct{ file *os.File }

const seenSize = 1 + 32

// headFile is the JSON of the second file.
type headFile struct {
	State      string `json:"state,omitempty"` // whose openings were shown, if any were
	Checkpoint string `json:"checkpoint"`      // as it was signed: two that contradict each other prove who signed them wrong
}

// Remember opens what was remembered under a name for a state ("" for a reader
// of no openings), or begins anew. What cannot be read is an error: to go on without it would be to forget
// a rollback. The caller sees to it that one process at a time does.
func Remember(name, state string) (*Seen, error) {
	s := &Seen{name: name, state: state}
	b, err := os.ReadFile(name + ".head")
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	default:
		kept, head, err := readHead(b)
		if err != nil {
			return nil, s.damaged(err)
		}
		if kept != state {
			return nil, s.damaged(fmt.Errorf("it is of %s's reading and not of %s's", kept, state))
		}
		s.head = head
	}
	if s.file, err = os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return nil, err
	}
	st, err := s.file.Stat()
	if err == nil && st.Size()/seenSize < s.head.Size {
		err = s.damaged(fmt.Errorf("it holds %d of %d leaves", st.Size()/seenSize, s.head.Size))
	}
	if err != nil {
		s.file.Close()
		return nil, err
	}
	return s, nil
}

func (s *Seen) damaged(err error) error {
	return fmt.Errorf("%s, which remembers the log, cannot be used (%w); if it is damaged, move it and %s.head away, which forgets what was seen", s.name, err, s.name)
}

// readHead reads the second file.
func readHead(b []byte) (state string, c Checkpoint, err error) {
	var kept headFile
	if err := json.Unmarshal(b, &kept); err != nil {
		return "", c, err
	}
	text, _, ok := strings.Cut(kept.Checkpoint, "\n\n")
	if !ok || (kept.State != "" && len(kept.State) != 2) {
		return "", c, errors.New("it holds no checkpoint")
	}
	c, err = ParseCheckpoint(text + "\n")
	return kept.State, c, err
}

// Checkpoint is the log as it was when it was last verified.
func (s *Seen) Checkpoint() Checkpoint { return s.head }

// Close ends the reading of what is remembered.
func (s *Seen) Close() error { return s.file.Close() }

// read gives n entries from an index on.
func (l leaves) read(from int64, n int) ([]byte, error) {
	b := make([]byte, n*seenSize)
	if _, err := l.file.ReadAt(b, from*seenSize); err != nil {
		return nil, fmt.Errorf("verify: read remembered leaves: %w", err)
	}
	return b, nil
}

func (l leaves) write(from int64, entries []byte) error {
	if _, err := l.file.WriteAt(entries, from*seenSize); err != nil {
		return fmt.Errorf("verify: remember leaves: %w", err)
	}
	return nil
}

// walk gives all entries below size, some thousands at once.
func (l leaves) walk(size int64, f func(from int64, entries []byte) error) error {
	const block = 4096
	for from := int64(0); from < size; from += block {
		entries, err := l.read(from, int(min(block, size-from)))
		if err == nil {
			err = f(from, entries)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// keep remembers a checkpoint, and which leaves the state could open.
func (s *Seen) keep(h Checkpoint, signed []byte, own bitmap) error {
	err := s.walk(h.Size, func(from int64, entries []byte) error {
		changed := false
		for i := range int64(len(entries) / seenSize) {
			if flag := &entries[i*seenSize]; *flag == 0 && own.has(from+i) {
				*flag, changed = 1, true
			}
		}
		if !changed {
			return nil
		}
		return s.write(from, entries)
	})
	if err != nil {
		return err
	}
	if err := s.file.Truncate(h.Size * seenSize); err != nil {
		return err
	}
	if err := s.file.Sync(); err != nil {
		return err
	}
	b, err := json.Marshal(headFile{s.state, string(signed)})
	if err != nil {
		return err
	}
	if err := replace(s.name+".head", append(b, '\n')); err != nil {
		return fmt.Errorf("verify: remember the checkpoint: %w", err)
	}
	s.head = h
	return nil
}

// replace writes a file so that it is whole at any time, readable by nobody else.
func replace(name string, b []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), ".comity-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(b); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// bitmap is a set of indexes: a bit for each leaf.
type bitmap []byte

func (b bitmap) has(i int64) bool { return i>>3 < int64(len(b)) && b[i>>3]&(1<<(i&7)) != 0 }

// add reports whether the index was new.
func (b *bitmap) add(i int64) bool {
	for int64(len(*b)) <= i>>3 {
		*b = append(*b, 0)
	}
	if b.has(i) {
		return false
	}
	(*b)[i>>3] |= 1 << (i & 7)
	return true
}
