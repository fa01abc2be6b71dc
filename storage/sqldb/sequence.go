package sqldb

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	mathrand "math/rand/v2"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

// Sequence implements [storage.DB]. It takes leaves by their having no index
// and never by "later than the last", so that none of a slow transaction is
// lost; such a leaf comes after others that are later by its clock.
func (d *DB) Sequence(ctx context.Context, limit int, pad func(waiting int) int) (int, error) {
	done := 0
	err := d.write(storage.AsSystem(ctx), time.Time{}, func(w *writer) error {
		done = 0
		if try := d.engine.TrySequence; try != "" {
			var alone bool
			if err := w.scanOne(try, nil, &alone); err != nil || !alone {
				return err
			}
		}
		batch, err := waiting.query(w.reader, `SELECT id, hash, at FROM leaves WHERE idx IS NULL ORDER BY at, id LIMIT $1`, max(limit, 0))
		if err != nil {
			return err
		}
		padding := 0
		if pad != nil {
			padding = max(pad(len(batch)), 0)
		}
		if len(batch)+padding == 0 {
			return nil
		}
		if err := w.place(batch, padding); err != nil {
			return err
		}
		done = len(batch) + padding
		return nil
	})
	if err != nil {
		return 0, err
	}
	return done, nil
}

// place gives leaves their places, with random leaves among them, and extends the tree.
func (w *writer) place(batch []storage.Leaf, padding int) error {
	t, err := w.logTree()
	if err != nil {
		return err
	}
	places, paddings := make([][2]any, 0, len(batch)), make([][3]any, 0, padding)
	for rest := batch; len(rest)+padding > 0; {
		// Anywhere, so that the place of a leaf does not tell how many others of its
		// batch are acts.
		if mathrand.IntN(len(rest)+padding) < padding {
			var hash [32]byte
			_, _ = rand.Read(hash[:]) // never fails since Go 1.24
			paddings = append(paddings, [3]any{comity.NewID(comity.KindLeaf), t.size, hex.EncodeToString(hash[:])})
			t.add(hash)
			padding--
			continue
		}
		places = append(places, [2]any{rest[0].ID, t.size})
		t.add(rest[0].Hash)
		rest = rest[1:]
	}
	if len(places) > 0 {
		list, err := json.Marshal(places)
		if err != nil {
			return err
		}
		n, err := w.exec(w.db.engine.Place, string(list))
		if err != nil {
			return fmt.Errorf("place leaves: %w", err)
		}
		if n != len(places) {
			return fmt.Errorf("place leaves: %d of %d were waiting", n, len(places))
		}
		if err := w.writeFacets(batch); err != nil {
			return err
		}
	}
	if len(paddings) > 0 {
		list, err := json.Marshal(paddings)
		if err != nil {
			return err
		}
		if err := w.later(w.db.engine.Pad, args{string(list), micros(w.now)}); err != nil {
			return fmt.Errorf("pad the log: %w", err)
		}
	}
	for full := t.full; len(full) > 0; full = full[min(len(full), insertAtOnce):] {
		if err := w.later(tiles.adding(full[:min(len(full), insertAtOnce)]...)); err != nil {
			return fmt.Errorf("the log's tiles: %w", err)
		}
	}
	root, edge := [32]byte(t.root()), t.bytes()
	if err := w.later(`UPDATE log_head SET size = $1, root = $2, edge = $3 WHERE id = 1`, args{t.size, digest(&root), blob(&edge)}); err != nil {
		return fmt.Errorf("the log's head: %w", err)
	}
	return nil
}
