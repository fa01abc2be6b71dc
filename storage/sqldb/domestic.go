package sqldb

import (
	"fmt"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

var reservations = newTable("reservations", "id state category officer created_at lifted_at sealed",
	func(r *storage.Reservation) []any {
		return []any{&r.ID, &r.State, &r.Category, &r.Officer, instant(&r.CreatedAt), instant(&r.LiftedAt), blob(&r.Sealed)}
	})

var holds = newTable("holds", "id case_id state officer request_id not_after created_at released_by released_at sealed",
	func(h *storage.Hold) []any {
		return []any{&h.ID, &h.Case, &h.State, &h.Officer, &h.Request, instant(&h.NotAfter), instant(&h.CreatedAt),
			&h.ReleasedBy, instant(&h.ReleasedAt), blob(&h.Sealed)}
	})

var withdrawals = newTable("withdrawals", "id case_id state proposed_by approved_by due_at status ended_by ended_at created_at sealed",
	func(w *storage.Withdrawal) []any {
		return []any{&w.ID, &w.Case, &w.State, &w.ProposedBy, &w.ApprovedBy, instant(&w.DueAt), &w.Status, &w.EndedBy,
			instant(&w.EndedAt), instant(&w.CreatedAt), blob(&w.Sealed)}
	})

func (r *reader) Reservations(s comity.State) ([]storage.Reservation, error) {
	return reservations.query(r, `SELECT `+reservations.cols("r")+` FROM reservations r WHERE r.state = $1 ORDER BY r.created_at DESC, r.id DESC`, s)
}

// exists answers whether a statement of one condition finds a row.
func (r *reader) exists(what, from string, args ...any) (bool, error) {
	var n int
	if err := r.scanOne(`SELECT count(*) FROM (SELECT 1 FROM `+from+` LIMIT 1) m`, args, &n); err != nil {
		return false, fmt.Errorf("%s: %w", what, err)
	}
	return n > 0, nil
}

func (r *reader) CategoryReserved(s comity.State, c comity.Category) (bool, error) {
	return r.exists("category reserved", `reservations WHERE state = $1 AND category = $2 AND lifted_at = 0`, s, c)
}

// lies holds for a hold that binds at the instant $n.
func lies(now string) string {
	return `released_at = 0 AND (not_after = 0 OR not_after > ` + now + `)`
}

func (r *reader) Held(c comity.ID, at time.Time) (bool, error) {
	return r.exists("held", `holds WHERE case_id = $1 AND `+lies("$2"), c, micros(at))
}

func (r *reader) Preserved(request comity.ID, at time.Time) (bool, error) {
	return r.exists("preserved", `holds WHERE request_id = $1 AND `+lies("$2"), request, micros(at))
}

func (r *reader) Withdrawing(c comity.ID) (bool, error) {
	return r.exists("withdrawing", `withdrawals WHERE case_id = $1 AND status = 'PENDING'`, c)
}

// domestic holds for a row d of a case that the viewer finds at home: $1 is the
// viewer's state, $2 the viewer's keys.
const domestic = `d.state = $1 AND EXISTS (SELECT 1 FROM assignments a WHERE a.case_id = d.case_id AND a.viewer = ANY($2))`

func (r *reader) domesticArgs(v storage.Viewer) args {
	return args{v.Officer.State, set(r, storage.ViewerKeys(v.Officer))}
}

func (r *reader) Holds(v storage.Viewer, ids []comity.ID) (map[comity.ID]storage.Hold, error) {
	a := r.domesticArgs(v)
	all, err := holds.query(r, `SELECT `+holds.cols("d")+` FROM holds d WHERE `+domestic+` AND d.id = ANY(`+a.add(set(r, ids))+`)`, a...)
	m := make(map[comity.ID]storage.Hold, len(all))
	for _, h := range all {
		m[h.ID] = h
	}
	return m, err
}

// domesticPage ends the statement of a page, newest first.
func domesticPage(p storage.Page, a *args) string {
	afterAt, afterID := before(p.After)
	return ` AND (d.created_at, d.id) < (` + a.add(afterAt) + `, ` + a.add(afterID) + `) ORDER BY d.created_at DESC, d.id DESC LIMIT ` +
		a.add(max(p.Limit, 0))
}

func (r *reader) ListHolds(v storage.Viewer, f storage.HoldFilter, p storage.Page) ([]storage.Hold, error) {
	a := r.domesticArgs(v)
	text := `SELECT ` + holds.cols("d") + ` FROM holds d WHERE ` + domestic
	if f.Case != "" {
		text += ` AND d.case_id = ` + a.add(f.Case)
	}
	if f.Request != "" {
		text += ` AND d.request_id = ` + a.add(f.Request)
	}
	if f.Lying {
		text += ` AND ` + lies(a.add(micros(v.At)))
	}
	text += domesticPage(p, &a)
	return holds.query(r, text, a...)
}

func (r *reader) Withdrawals(v storage.Viewer, ids []comity.ID) (map[comity.ID]storage.Withdrawal, error) {
	a := r.domesticArgs(v)
	all, err := withdrawals.query(r, `SELECT `+withdrawals.cols("d")+` FROM withdrawals d WHERE `+domestic+` AND d.id = ANY(`+a.add(set(r, ids))+`)`, a...)
	m := make(map[comity.ID]storage.Withdrawal, len(all))
	for _, w := range all {
		m[w.ID] = w
	}
	return m, err
}

func (r *reader) ListWithdrawals(v storage.Viewer, c comity.ID, p storage.Page) ([]storage.Withdrawal, error) {
	a := r.domesticArgs(v)
	text := `SELECT ` + withdrawals.cols("d") + ` FROM withdrawals d WHERE ` + domestic
	if c != "" {
		text += ` AND d.case_id = ` + a.add(c)
	}
	text += domesticPage(p, &a)
	return withdrawals.query(r, text, a...)
}

func (w *writer) InsertReservation(r storage.Reservation, wrappedKey string) error {
	if err := reservations.insert(w, r); err != nil {
		return err
	}
	return w.InsertRecordKey(r.ID, r.State, wrappedKey)
}

// changed is nil when a statement changed a row.
func (w *writer) changed(what, text string, args ...any) error {
	n, err := w.exec(text, args...)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if n == 0 {
		return storage.ErrNotFound
	}
	return nil
}

func (w *writer) LiftReservation(id comity.ID, at time.Time) error {
	return w.changed("lift a reservation", `UPDATE reservations SET lifted_at = $2 WHERE id = $1 AND lifted_at = 0`, id, micros(at))
}

func (w *writer) EndGrantsOf(s comity.State, c comity.Category, at time.Time) (ended []comity.Grant, err error) {
	running, err := cases.query(w.reader, `SELECT `+cases.cols("c")+` FROM cases c WHERE c.state = $1 AND c.category = $2 AND c.id IN
		(SELECT g.case_id FROM grants g WHERE g.state = $1 AND g.status IN ('PENDING', 'ACTIVE')) ORDER BY c.id FOR NO KEY UPDATE`, s, c)
	if err != nil {
		return nil, err
	}
	for _, one := range running {
		of, err := w.EndGrants(one.ID, at)
		if err != nil {
			return nil, err
		}
		ended = append(ended, of...)
	}
	return ended, nil
}

func (w *writer) InsertHold(h storage.Hold) error { return holds.insert(w, h) }

func (w *writer) LockHold(id comity.ID) (storage.Hold, error) {
	return holds.one(w.reader, `SELECT `+holds.cols("d")+` FROM holds d WHERE d.id = $1 FOR NO KEY UPDATE`, id)
}

func (w *writer) ReleaseHold(id comity.ID, by comity.OfficerRef, at time.Time) error {
	return w.changed("release a hold", `UPDATE holds SET released_by = $2, released_at = $3 WHERE id = $1 AND released_at = 0`, id, by, micros(at))
}

func (w *writer) InsertWithdrawal(d storage.Withdrawal) error { return withdrawals.insert(w, d) }

func (w *writer) LockWithdrawal(id comity.ID) (storage.Withdrawal, error) {
	return withdrawals.one(w.reader, `SELECT `+withdrawals.cols("d")+` FROM withdrawals d WHERE d.id = $1 FOR NO KEY UPDATE`, id)
}

func (w *writer) EndWithdrawal(id comity.ID, s comity.WithdrawalStatus, by comity.OfficerRef, at time.Time) error {
	if s == comity.WithdrawalDone {
		return w.changed("end a withdrawal", `UPDATE withdrawals SET status = $2, ended_by = $3, ended_at = $4, sealed = $5 WHERE id = $1 AND status = 'PENDING'`,
			id, s, by, micros(at), []byte{})
	}
	return w.changed("end a withdrawal", `UPDATE withdrawals SET status = $2, ended_by = $3, ended_at = $4 WHERE id = $1 AND status = 'PENDING'`,
		id, s, by, micros(at))
}
