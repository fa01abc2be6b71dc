package sqldb

import (
	"fmt"
	"slices"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

var erasures = newTable("erasures", "id state before_at status proposed_by approved_by created_at done_at erased kept past_at past_id sealed",
	func(e *storage.Erasure) []any {
		return []any{&e.ID, &e.State, instant(&e.Before), &e.Status, &e.ProposedBy, &e.ApprovedBy, instant(&e.CreatedAt), instant(&e.DoneAt),
			&e.Erased, &e.Kept, instant(&e.Past.At), &e.Past.ID, blob(&e.Sealed)}
	})

func (r *reader) Erasures(s comity.State, limit int) ([]storage.Erasure, error) {
	return erasures.query(r, `SELECT `+erasures.cols("e")+` FROM erasures e WHERE e.state = $1 ORDER BY e.created_at DESC, e.id DESC LIMIT $2`, s, max(limit, 0))
}

func (r *reader) ErasuresByID(s comity.State, ids []comity.ID) (map[comity.ID]storage.Erasure, error) {
	all, err := erasures.query(r, `SELECT `+erasures.cols("e")+` FROM erasures e WHERE e.state = $1 AND e.id = ANY($2)`, s, set(r, ids))
	m := make(map[comity.ID]storage.Erasure, len(all))
	for _, e := range all {
		m[e.ID] = e
	}
	return m, err
}

func (w *writer) InsertErasure(e storage.Erasure) error { return erasures.insert(w, e) }

func (w *writer) LockErasure(id comity.ID) (storage.Erasure, error) {
	return erasures.one(w.reader, `SELECT `+erasures.cols("e")+` FROM erasures e WHERE e.id = $1 FOR NO KEY UPDATE`, id)
}

func (w *writer) MoveErasure(e storage.Erasure) error {
	return w.conflict("move an erasure", `UPDATE erasures SET status = $2, done_at = $3, erased = $4, kept = $5, past_at = $6, past_id = $7
		WHERE id = $1 AND status = 'RUNNING'`, e.ID, e.Status, instant(&e.DoneAt), e.Erased, e.Kept, instant(&e.Past.At), e.Past.ID)
}

func (w *writer) OpeningsBefore(s comity.State, before time.Time, after storage.Key, limit int) ([]storage.LogEntry, error) {
	own, err := openings.query(w.reader, `SELECT `+openings.cols("o")+` FROM openings o WHERE o.state = $1 AND o.erased_by = ''
		AND o.at < $2 AND (o.at, o.leaf_id) > ($3, $4) ORDER BY o.at, o.leaf_id LIMIT $5`, s, micros(before), micros(after.At), after.ID, max(limit, 0))
	if err != nil {
		return nil, err
	}
	return w.logEntries(own)
}

// inCases gives, of the records in $2, each with its case.
const inCases = `SELECT c.id, c.id AS case_id FROM cases c WHERE c.id = ANY($2)
	UNION ALL SELECT e.id, e.case_id FROM entries e WHERE e.id = ANY($2)
	UNION ALL SELECT s.id, s.case_id FROM subjects s WHERE s.id = ANY($2)
	UNION ALL SELECT o.id, o.case_id FROM observables o WHERE o.id = ANY($2)
	UNION ALL SELECT e.id, e.case_id FROM evidence e WHERE e.id = ANY($2)
	UNION ALL SELECT g.id, g.case_id FROM grants g WHERE g.id = ANY($2)
	UNION ALL SELECT r.id, r.case_id FROM releases r WHERE r.id = ANY($2)
	UNION ALL SELECT h.id, h.case_id FROM holds h WHERE h.id = ANY($2)
	UNION ALL SELECT w.id, w.case_id FROM withdrawals w WHERE w.id = ANY($2)
	UNION ALL SELECT a.id, a.case_id FROM assessments a WHERE a.id = ANY($2)
	UNION ALL SELECT b.id, b.case_id FROM objections b WHERE b.id = ANY($2)
	UNION ALL SELECT d.id, d.case_id FROM dispatches d WHERE d.id = ANY($2)`

type held struct{ record comity.ID }

var heldRecords = newTable("held records", "id", func(h *held) []any { return []any{&h.record} })

func (w *writer) HeldRecords(s comity.State, ids []comity.ID, at time.Time) (map[comity.ID]bool, error) {
	all, err := heldRecords.query(w.reader, `SELECT x.id FROM (`+inCases+`) x WHERE EXISTS
		(SELECT 1 FROM holds h WHERE h.case_id = x.case_id AND h.state = $1 AND `+lies("$3")+`)`, s, set(w.reader, ids), micros(at))
	m := make(map[comity.ID]bool, len(all))
	for _, h := range all {
		m[h.record] = true
	}
	return m, err
}

func (w *writer) EraseOpenings(s comity.State, entries []storage.LogEntry, by comity.ID) error {
	if len(entries) == 0 {
		return nil
	}
	ids := make([]comity.ID, len(entries))
	var found []string
	for i, e := range entries {
		ids[i] = e.Leaf.ID
		for _, o := range e.Leaf.Openings {
			found = append(found, facetsOf(o)...)
		}
	}
	slices.Sort(found)
	var none [32]byte
	n, err := w.exec(`UPDATE openings SET salt = $3, content = $4, erased_by = $5 WHERE state = $1 AND leaf_id = ANY($2) AND erased_by = ''
		AND EXISTS (SELECT 1 FROM leaves l WHERE l.id = openings.leaf_id AND l.idx IS NOT NULL)`, s, set(w.reader, ids), digest(&none), []byte{}, by)
	if err == nil && n != len(entries) {
		err = storage.ErrConflict
	}
	if err == nil {
		_, err = w.exec(`DELETE FROM log_facets WHERE state = $1 AND facet = ANY($2) AND at >= $3 AND at <= $4 AND leaf_id = ANY($5)`, s,
			set(w.reader, slices.Compact(found)), micros(entries[0].Leaf.At), micros(entries[len(entries)-1].Leaf.At), set(w.reader, ids))
	}
	if err != nil {
		return fmt.Errorf("erase openings: %w", err)
	}
	return nil
}
