package verify

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Seen is what a reader remembers of a record of acts: the leaves in order in
// one file, and how many of them count, with the chain value of the last, in
// another beside it. The second is replaced whole and last, so that a check
// that ends early leaves what was remembered before.
type Seen struct {
	name  string
	state string
	leaves
	head Head
}

// leaves is a file of leaves, each after a byte that says whether the reader's
// state was shown an opening of it.
type leaves struct{ file *os.File }

const entrySize = 1 + 32

// headFile is the JSON of the second file.
type headFile struct {
	State string `json:"state"` // whose openings were shown
	Size  int64  `json:"size"`
	Chain string `json:"chain"` // hex
}

// Remember opens what was remembered under a name for a state, or begins
// anew. What cannot be read is an error: to go on without it would be to forget
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
	if err == nil && st.Size()/entrySize < s.head.Size {
		err = s.damaged(fmt.Errorf("it holds %d of %d leaves", st.Size()/entrySize, s.head.Size))
	}
	if err != nil {
		s.file.Close()
		return nil, err
	}
	return s, nil
}

func (s *Seen) damaged(err error) error {
	return fmt.Errorf("%s, which remembers the record of acts, cannot be used (%w); if it is damaged, move it and %s.head away, which forgets what was seen", s.name, err, s.name)
}

// readHead reads the second file.
func readHead(b []byte) (state string, h Head, err error) {
	var kept headFile
	if err := json.Unmarshal(b, &kept); err != nil {
		return "", Head{}, err
	}
	chain, err := hex.DecodeString(kept.Chain)
	if err != nil || len(chain) != 32 || kept.Size < 0 || len(kept.State) != 2 {
		return "", Head{}, errors.New("it holds no head")
	}
	return kept.State, Head{kept.Size, [32]byte(chain)}, nil
}

// Head is how far the record went when it was last verified.
func (s *Seen) Head() Head { return s.head }

// Close ends the reading of what is remembered.
func (s *Seen) Close() error { return s.file.Close() }

// read gives n entries from an index on.
func (l leaves) read(from int64, n int) ([]byte, error) {
	b := make([]byte, n*entrySize)
	if _, err := l.file.ReadAt(b, from*entrySize); err != nil {
		return nil, fmt.Errorf("verify: read remembered leaves: %w", err)
	}
	return b, nil
}

func (l leaves) write(from int64, entries []byte) error {
	if _, err := l.file.WriteAt(entries, from*entrySize); err != nil {
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

// keep remembers a head, and which leaves the state could open.
func (s *Seen) keep(h Head, own bitmap) error {
	err := s.walk(h.Size, func(from int64, entries []byte) error {
		changed := false
		for i := range int64(len(entries) / entrySize) {
			if flag := &entries[i*entrySize]; *flag == 0 && own.has(from+i) {
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
	if err := s.file.Truncate(h.Size * entrySize); err != nil {
		return err
	}
	if err := s.file.Sync(); err != nil {
		return err
	}
	b, err := json.Marshal(headFile{s.state, h.Size, hex.EncodeToString(h.Chain[:])})
	if err != nil {
		return err
	}
	if err := replace(s.name+".head", append(b, '\n')); err != nil {
		return fmt.Errorf("verify: remember the head: %w", err)
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
