package storagetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/comity-platform/comity/storage"
)

func newCheckpoint(size int64) storage.LogCheckpoint {
	return storage.LogCheckpoint{Size: size, Root: [32]byte{byte(size), 31: 7}, Signed: fmt.Appendf(nil, "note of %d\n", size), At: hours(int(size))}
}

func putCheckpoint(t *testing.T, db storage.DB, c storage.LogCheckpoint) error {
	t.Helper()
	return db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error { return tx.PutLogCheckpoint(c) })
}

// checkpoints: the last ones are kept, they never go back, and their cosignatures
// are written whenever they come.
func checkpoints(t *testing.T, db storage.DB) {
	kept := func(size int64) []storage.LogCheckpoint {
		return get(t, db, func(r storage.ReadTx) ([]storage.LogCheckpoint, error) {
			return r.LogCheckpoints(size, storage.CheckpointsKept+1)
		})
	}
	read(t, db, func(r storage.ReadTx) error {
		_, err := r.LogCheckpoint()
		wantErr(t, "before there is any", err, storage.ErrNotFound)
		return nil
	})
	equal(t, "before there is any", kept(0), []storage.LogCheckpoint{})
	four, ten := newCheckpoint(4), newCheckpoint(10)
	for _, c := range []storage.LogCheckpoint{four, ten} {
		if err := putCheckpoint(t, db, c); err != nil {
			t.Fatal(err)
		}
	}
	other := newCheckpoint(10)
	other.Root[0]++
	for _, c := range []storage.LogCheckpoint{newCheckpoint(9), newCheckpoint(4), ten, other} {
		wantErr(t, fmt.Sprintf("one of %d leaves after that of 10", c.Size), putCheckpoint(t, db, c), storage.ErrConflict)
	}
	equal(t, "the last", get(t, db, storage.ReadTx.LogCheckpoint), ten)
	equal(t, "all", kept(0), []storage.LogCheckpoint{ten, four})
	equal(t, "of at least 4", kept(4), []storage.LogCheckpoint{ten, four})
	equal(t, "the last one of all", get(t, db, func(r storage.ReadTx) ([]storage.LogCheckpoint, error) { return r.LogCheckpoints(0, 1) }), []storage.LogCheckpoint{ten})
	equal(t, "of at least 5", kept(5), []storage.LogCheckpoint{ten})
	equal(t, "of at least 11", kept(11), []storage.LogCheckpoint{})
	write(t, db, func(tx storage.Tx) error {
		c, err := tx.LockLogCheckpoint(4)
		if err != nil {
			return err
		}
		equal(t, "the locked one", c, four)
		return tx.CosignLogCheckpoint(4, append(c.Signed, "cosigned\n"...))
	})
	four.Signed = []byte("note of 4\ncosigned\n")
	equal(t, "after a late cosignature", kept(0), []storage.LogCheckpoint{ten, four})
	write(t, db, func(tx storage.Tx) error {
		_, err := tx.LockLogCheckpoint(5)
		wantErr(t, "to lock what is none", err, storage.ErrNotFound)
		wantErr(t, "to cosign what is none", tx.CosignLogCheckpoint(5, nil), storage.ErrNotFound)
		return nil
	})
	write(t, db, func(tx storage.Tx) error {
		for n := range int64(storage.CheckpointsKept) {
			if err := tx.PutLogCheckpoint(newCheckpoint(100 + n)); err != nil {
				return err
			}
		}
		return nil
	})
	all := kept(0)
	if len(all) != storage.CheckpointsKept || all[len(all)-1].Size != 100 {
		t.Errorf("%d are kept, wanted the last %d", len(all), storage.CheckpointsKept)
	}
}

// checkpointsConcurrent: of those that servers put at once each is kept or refused,
// and what two add to one at once is in it.
func checkpointsConcurrent(t *testing.T, db storage.DB) {
	if err := putCheckpoint(t, db, newCheckpoint(1)); err != nil {
		t.Fatal(err)
	}
	together(t, 10, func() error {
		return db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
			c, err := tx.LockLogCheckpoint(1)
			if err != nil {
				return err
			}
			return tx.CosignLogCheckpoint(1, append(c.Signed, '+'))
		})
	})
	equal(t, "after 40 cosignatures at once", string(get(t, db, storage.ReadTx.LogCheckpoint).Signed), "note of 1\n"+strings.Repeat("+", 40))
	together(t, 10, func() error {
		if err := putCheckpoint(t, db, newCheckpoint(2)); err != nil && !errors.Is(err, storage.ErrConflict) {
			return err
		}
		return nil
	})
	equal(t, "after 40 of a size at once", get(t, db, func(r storage.ReadTx) ([]storage.LogCheckpoint, error) { return r.LogCheckpoints(2, 9) }),
		[]storage.LogCheckpoint{newCheckpoint(2)})
}
