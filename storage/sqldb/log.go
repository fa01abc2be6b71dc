package sqldb

import (
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

var leaves = newTable("leaves", "id hash at idx",
	func(l *storage.Leaf) []any {
		return []any{&l.ID, digest(&l.Hash), instant(&l.At), indexField{&l.Index}}
	})

// newLeaves is how they are written, with what they commit to, in the order in which the
// leaf's hash takes it.
var newLeaves = newTable("leaves", "id hash at commitments",
	func(l *newLeaf) []any { return []any{&l.ID, digest(&l.Hash), instant(&l.At), blob(&l.commitments)} })

type newLeaf struct {
	storage.Leaf
	commitments []byte
}

// waiting is a leaf before the sequencer: without its place.
var waiting = newTable("leaves", "id hash at",
	func(l *storage.Leaf) []any { return []any{&l.ID, digest(&l.Hash), instant(&l.At)} })

// committed is what all readers of a leaf see of all its openings.
var committed = newTable("commitments", "leaf_id commitments", func(l *newLeaf) []any { return []any{&l.ID, blob(&l.commitments)} })

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
	var rows []opening
	var commitments []byte
	for i, o := range l.Openings {
		c := o.Commitment()
		commitments = append(commitments, c[:]...)
		if o.State != storage.Nobody {
			rows = append(rows, opening{Opening: o, leaf: l.ID, pos: i, at: l.At, commitment: c})
		}
	}
	// None of it is answered: a leaf that exists, or a row that may not be, fails the
	// commit, which goes out together with them.
	if err := w.later(newLeaves.adding(newLeaf{l, commitments})); err != nil {
		return err
	}
	if len(rows) > 0 {
		if err := w.later(newOpenings.adding(rows...)); err != nil {
			return err
		}
	}
	var found []waitingFacets
	for _, o := range rows {
		if names := facetsOf(o.Opening); len(names) > 0 {
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
	all, err := committed.query(r, `SELECT leaf_id, commitments FROM commitments WHERE leaf_id = ANY($1)`, set(r, ids))
	if err != nil {
		return nil, err
	}
	commitments := make(map[comity.ID][][32]byte, len(all))
	for _, c := range all {
		for b := c.commitments; len(b) >= 32; b = b[32:] {
			commitments[c.ID] = append(commitments[c.ID], [32]byte(b))
		}
	}
	entries := make([]storage.LogEntry, len(own))
	for i, o := range own {
		l := of[o.leaf]
		l.Openings = []storage.Opening{o.Opening}
		entries[i] = storage.LogEntry{Leaf: l, Own: o.commitment, Commitments: commitments[o.leaf]}
	}
	return entries, nil
}
