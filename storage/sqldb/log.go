package sqldb

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

var leaves = newTable("leaves", "id hash at idx chain",
	func(l *storage.Leaf) []any {
		return []any{&l.ID, digest(&l.Hash), instant(&l.At), indexField{&l.Index}, digest(&l.Chain)}
	})

// waiting is a leaf before the sequencer: without index and chain.
var waiting = newTable("leaves", "id hash at",
	func(l *storage.Leaf) []any { return []any{&l.ID, digest(&l.Hash), instant(&l.At)} })

// placed is a leaf as every state sees it.
var placed = newTable("leaves", "hash idx chain",
	func(l *storage.Leaf) []any { return []any{digest(&l.Hash), indexField{&l.Index}, digest(&l.Chain)} })

type opening struct {
	storage.Opening
	leaf       comity.ID
	pos        int
	at         time.Time
	commitment [32]byte
}

var openings = newTable("openings", "leaf_id pos state at salt content commitment erased_by",
	func(o *opening) []any {
		return []any{&o.leaf, &o.pos, &o.State, instant(&o.at), digest(&o.Salt), blob(&o.Content), digest(&o.commitment), &o.ErasedBy}
	})

// newOpenings is how they are written.
var newOpenings = newTable("openings", "leaf_id pos state at salt content commitment",
	func(o *opening) []any {
		return []any{&o.leaf, &o.pos, &o.State, instant(&o.at), digest(&o.Salt), blob(&o.Content), digest(&o.commitment)}
	})

func (w *writer) AppendLeaf(l storage.Leaf) error {
	// None of it is answered: a leaf that exists, or a row that may not be, fails the
	// commit, which goes out together with them.
	if err := w.later(waiting.adding(l)); err != nil {
		return err
	}
	rows := make([]opening, len(l.Openings))
	for i, o := range l.Openings {
		rows[i] = opening{Opening: o, leaf: l.ID, pos: i, at: l.At, commitment: o.Commitment()}
	}
	if err := w.later(newOpenings.adding(rows...)); err != nil {
		return err
	}
	var found []waitingFacets
	for _, o := range l.Openings {
		if names := facetsOf(o); len(names) > 0 {
			found = append(found, waitingFacets{l.ID, o.State, l.At, set(w.reader, names)})
		}
	}
	if len(found) == 0 {
		return nil
	}
	return w.later(facetsWaiting.adding(found...))
}

func (r *reader) Log(s comity.State, f storage.LogFilter, p storage.Page) ([]storage.LogEntry, error) {
	from, a := logPage(s, f, p)
	own, err := openings.query(r, `SELECT `+openings.cols("o")+from, a...)
	if err != nil {
		return nil, err
	}
	return r.logEntries(own)
}

func (r *reader) LogByID(s comity.State, ids []comity.ID) (map[comity.ID]storage.LogEntry, error) {
	own, err := openings.query(r, `SELECT `+openings.cols("o")+` FROM openings o WHERE o.state = $1 AND o.leaf_id = ANY($2)`, s, set(r, ids))
	if err != nil {
		return nil, err
	}
	all, err := r.logEntries(own)
	if err != nil {
		return nil, err
	}
	m := make(map[comity.ID]storage.LogEntry, len(all))
	for _, e := range all {
		m[e.Leaf.ID] = e
	}
	return m, nil
}

func (r *reader) LogChain(from int64, limit int) ([]storage.Leaf, int64, error) {
	var size int64
	if err := r.scanOne(`SELECT size FROM log_head WHERE id = 1`, nil, &size); err != nil {
		return nil, 0, fmt.Errorf("the log's head: %w", err)
	}
	found, err := placed.query(r, `SELECT `+placed.cols("l")+` FROM leaves l WHERE l.idx >= $1 ORDER BY l.idx LIMIT $2`, from, max(limit, 0))
	return found, size, err
}

// logEntries completes the reader's own openings, in their order.
func (r *reader) logEntries(own []opening) ([]storage.LogEntry, error) {
	if len(own) == 0 {
		return nil, nil
	}
	ids := make([]comity.ID, len(own))
	for i, o := range own {
		ids[i] = o.leaf
	}
	of, err := leaves.byID(r, ids, func(l storage.Leaf) comity.ID { return l.ID })
	if err != nil {
		return nil, err
	}
	// Other states' openings are not even fetched.
	type commitment struct {
		leaf comity.ID
		hash [32]byte
	}
	all, err := newTable("openings", "leaf_id commitment", func(c *commitment) []any { return []any{&c.leaf, digest(&c.hash)} }).
		query(r, `SELECT leaf_id, commitment FROM commitments WHERE leaf_id = ANY($1) ORDER BY leaf_id, pos`, set(r, ids))
	if err != nil {
		return nil, err
	}
	commitments := map[comity.ID][][32]byte{}
	for _, c := range all {
		commitments[c.leaf] = append(commitments[c.leaf], c.hash)
	}
	entries := make([]storage.LogEntry, len(own))
	for i, o := range own {
		l := of[o.leaf]
		l.Openings = []storage.Opening{o.Opening}
		entries[i] = storage.LogEntry{Leaf: l, Own: o.commitment, Commitments: commitments[o.leaf]}
	}
	return entries, nil
}

// Sequence implements [storage.DB]. It takes leaves by their having no index
// and never by "later than the last", so that none of a slow transaction is
// lost; such a leaf comes after others that are later by its clock.
func (d *DB) Sequence(ctx context.Context, limit int, link storage.LinkFunc) (int, error) {
	done := 0
	err := d.write(storage.AsSystem(ctx), time.Time{}, func(w *writer) error {
		done = 0
		if try := d.engine.TrySequence; try != "" {
			var alone bool
			if err := w.scanOne(try, nil, &alone); err != nil || !alone {
				return err
			}
		}
		var size int64
		var chain [32]byte
		if err := w.scanOne(`SELECT size, chain FROM log_head WHERE id = 1`, nil, &size, digest(&chain)); err != nil {
			return fmt.Errorf("the log's head: %w", err)
		}
		batch, err := waiting.query(w.reader, `SELECT id, hash, at FROM leaves WHERE idx IS NULL ORDER BY at, id LIMIT $1`, max(limit, 0))
		if err != nil || len(batch) == 0 {
			return err
		}
		rows := make([][3]any, len(batch))
		for i, l := range batch {
			chain = link(chain, size, l.Hash)
			rows[i] = [3]any{l.ID, size, hex.EncodeToString(chain[:])}
			size++
		}
		list, err := json.Marshal(rows)
		if err != nil {
			return err
		}
		n, err := w.exec(d.engine.Link, string(list))
		if err != nil {
			return fmt.Errorf("index leaves: %w", err)
		}
		if n != len(batch) {
			return fmt.Errorf("index leaves: %d of %d were waiting", n, len(batch))
		}
		if err := w.writeFacets(batch); err != nil {
			return err
		}
		if _, err := w.exec(`UPDATE log_head SET size = $1, chain = $2 WHERE id = 1`, size, digest(&chain)); err != nil {
			return fmt.Errorf("the log's head: %w", err)
		}
		done = n
		return nil
	})
	if err != nil {
		return 0, err
	}
	return done, nil
}
