package sqldb

import (
	"fmt"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

var shifts = newTable("shifts", "id state officer function from_at until_at set_by created_at withdrawn_by withdrawn_at sealed",
	func(s *storage.Shift) []any {
		return []any{&s.ID, &s.State, &s.Officer, &s.Function, instant(&s.From), instant(&s.Until), &s.SetBy, instant(&s.CreatedAt),
			&s.WithdrawnBy, instant(&s.WithdrawnAt), blob(&s.Sealed)}
	})

// roster begins the statement of a page of a state's shifts.
func roster(columns string, s comity.State, at time.Time, all bool, p storage.Page) (string, args) {
	a := args{s}
	text := `SELECT ` + columns + ` FROM shifts s WHERE s.state = $1`
	if !all {
		text += ` AND s.withdrawn_at = 0 AND s.until_at > ` + a.add(micros(at))
	}
	text += ` AND (s.until_at, s.id) > (` + a.add(micros(p.After.At)) + `, ` + a.add(p.After.ID) + `) ORDER BY s.until_at, s.id LIMIT ` + a.add(max(p.Limit, 0))
	return text, a
}

func (r *reader) Shifts(s comity.State, at time.Time, all bool, p storage.Page) ([]storage.Shift, error) {
	text, a := roster(shifts.cols("s"), s, at, all, p)
	return shifts.query(r, text, a...)
}

func (r *reader) CountShifts(s comity.State, at time.Time, all bool, max int) (n int, err error) {
	text, a := roster("s.id", s, at, all, storage.Page{Limit: max})
	if err := r.scanOne(`SELECT count(*) FROM (`+text+`) m`, a, &n); err != nil {
		return 0, fmt.Errorf("count shifts: %w", err)
	}
	return n, nil
}

func (r *reader) ShiftByID(s comity.State, id comity.ID) (storage.Shift, error) {
	return shifts.one(r, `SELECT `+shifts.cols("s")+` FROM shifts s WHERE s.state = $1 AND s.id = $2`, s, id)
}

// onDuty holds for a standing shift s that covers the instant $2.
const onDuty = `s.withdrawn_at = 0 AND s.from_at <= $2 AND s.until_at > $2`

func (r *reader) ShiftAt(s comity.State, at time.Time) (storage.Shift, error) {
	return shifts.one(r, `SELECT `+shifts.cols("s")+` FROM shifts s WHERE s.state = $1 AND `+onDuty, s, micros(at))
}

func (r *reader) Shifted(s comity.State, from, until time.Time) (bool, error) {
	return r.exists("shifted", `shifts WHERE state = $1 AND withdrawn_at = 0 AND until_at > $2 AND from_at < $3`, s, micros(from), micros(until))
}

func (w *writer) InsertShift(s storage.Shift, wrappedKey string) error {
	if err := shifts.insert(w, s); err != nil {
		return err
	}
	return w.InsertRecordKey(s.ID, s.State, wrappedKey)
}

func (w *writer) WithdrawShift(id comity.ID, by comity.OfficerRef, at time.Time) error {
	return w.changed("withdraw a shift", `UPDATE shifts SET withdrawn_by = $2, withdrawn_at = $3 WHERE id = $1 AND withdrawn_at = 0`, id, by, micros(at))
}
