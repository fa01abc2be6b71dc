package sqldb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

var events = newTable("events", "id at state kind record_id message_id case_id listed",
	func(e *storage.Event) []any {
		return []any{&e.ID, instant(&e.At), &e.State, &e.Kind, &e.Record, &e.Message, &e.Case, &e.Listed}
	})

// placedEvents are events that have their places.
var placedEvents = newTable("events", "id seq at state kind record_id message_id case_id listed",
	func(e *storage.ToldEvent) []any {
		return []any{&e.ID, &e.Seq, instant(&e.At), &e.State, &e.Kind, &e.Record, &e.Message, &e.Case, &e.Listed}
	})

func (r *reader) EventHead() (h storage.EventHead, err error) {
	if err = r.scanOne(`SELECT seq, forgotten, swept_at FROM event_head WHERE id = 1`, nil, &h.Seq, &h.Forgotten, instant(&h.Swept)); err != nil {
		err = fmt.Errorf("the head of events: %w", err)
	}
	return h, err
}

func (r *reader) EventsWait() (bool, error) {
	return r.exists("events wait", `events WHERE seq IS NULL`)
}

func (r *reader) EventsAfter(seq int64, limit int) ([]storage.ToldEvent, error) {
	found, err := placedEvents.query(r, `SELECT `+placedEvents.cols("e")+` FROM events e WHERE e.seq > $1 ORDER BY e.seq LIMIT $2`, seq, max(limit, 0))
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found, r.eventViewers(found)
}

// eventViewer is one key under which a record can be visible; of a request or grant to
// which side, and of a proposal the role.
type eventViewer struct {
	record comity.ID
	of     comity.ID // case of a grant or dispatch
	state  comity.State
	viewer string
}

var viewersTable = newTable("viewers of events", "record of state viewer",
	func(c *eventViewer) []any { return []any{&c.record, &c.of, &c.state, &c.viewer} })

// eventViewers finds whom events can concern, and the cases of those that name none.
func (r *reader) eventViewers(all []storage.ToldEvent) error {
	byKind := map[comity.Kind][]comity.ID{}
	for _, e := range all {
		byKind[e.Record.Kind()] = append(byKind[e.Record.Kind()], e.Record)
	}
	found := map[comity.ID][]eventViewer{}
	look := func(text string, ids []comity.ID) error {
		if len(ids) == 0 {
			return nil
		}
		rows, err := viewersTable.query(r, text, set(r, ids))
		for _, c := range rows {
			found[c.record] = append(found[c.record], c)
		}
		return err
	}
	// Whose grants ran out or were ended are told of it, so that not the visibility
	// table but the grants say who they are.
	if err := look(`SELECT g.id, g.case_id, g.grantee_state, g.viewer FROM grants g WHERE g.id = ANY($1)`, byKind[comity.KindGrant]); err != nil {
		return err
	}
	if err := look(`SELECT q.id, '', q.state, q.officer FROM requests q WHERE q.id = ANY($1)
		UNION ALL SELECT q.id, '', q.to_state, q.routed_to FROM requests q WHERE q.id = ANY($1)`, byKind[comity.KindRequest]); err != nil {
		return err
	}
	var dispatched []comity.ID
	for _, k := range []comity.Kind{comity.KindAnnotation, comity.KindNotice, comity.KindCompelled, comity.KindReferral, comity.KindUndertaking} {
		dispatched = append(dispatched, byKind[k]...)
	}
	if err := look(`SELECT x.id, x.case_id, x.state, '' FROM evidence x WHERE x.id = ANY($1)`, byKind[comity.KindEvidence]); err != nil {
		return err
	}
	// Which case a referral or an undertaking is about is its own side's matter.
	if err := look(`SELECT d.id, CASE WHEN d.kind IN ('ANNOTATION', 'NOTICE', 'COMPELLED') THEN d.case_id ELSE '' END, d.state, '' FROM dispatches d
		WHERE d.id = ANY($1)`, dispatched); err != nil {
		return err
	}
	// Those of the role that a proposal is of; its record is the case of a grant and of
	// a withdrawal, or a category's reservation, of which there are no streams.
	if err := look(`SELECT p.id, p.record_id, p.state, p.role FROM proposals p WHERE p.id = ANY($1)`, byKind[comity.KindProposal]); err != nil {
		return err
	}
	var cases []comity.ID
	for i := range all {
		e := &all[i]
		if rows := found[e.Record]; e.Case == "" && len(rows) > 0 {
			e.Case = rows[0].of
		}
		if e.Case != "" {
			cases = append(cases, e.Case)
		}
	}
	if err := look(`SELECT v.case_id, v.grant_id, v.orig_state, v.viewer FROM visibility v WHERE v.case_id = ANY($1)`, cases); err != nil {
		return err
	}
	for i := range all {
		all[i].Viewers = viewersOf(all[i].Event, found)
	}
	return nil
}

// viewersOf are the keys under which an event can concern somebody.
func viewersOf(e storage.Event, found map[comity.ID][]eventViewer) (viewers []string) {
	office := func(roles ...comity.Role) {
		for _, role := range roles {
			viewers = append(viewers, storage.OfficeViewer(e.State, role))
		}
	}
	assigned := func() {
		for _, c := range found[e.Case] {
			if (c.of == "") == (e.State != "") {
				viewers = append(viewers, c.viewer)
			}
		}
	}
	switch e.Record.Kind() {
	case comity.KindGrant:
		for _, c := range found[e.Record] {
			if c.state == e.State {
				return []string{c.viewer}
			}
		}
		office(comity.RoleLiaison, comity.RoleAuthority, comity.RoleAuditor)
		assigned()
	case comity.KindRequest:
		office(comity.RoleLiaison, comity.RoleAuthority)
		for _, c := range found[e.Record] {
			if c.state == e.State && c.viewer != "" {
				viewers = append(viewers, c.viewer)
			}
		}
	case comity.KindAnnotation, comity.KindNotice, comity.KindCompelled, comity.KindReferral, comity.KindUndertaking:
		viewers = []string{string(e.State)}
	case comity.KindProposal:
		for _, c := range found[e.Record] {
			office(comity.Role(c.viewer))
		}
	default:
		assigned()
	}
	return viewers
}

func (w *writer) AppendEvents(all []storage.Event) error {
	for some := range slices.Chunk(all, insertAtOnce) { // of which those that are there stay
		if err := events.insert(w, some...); err != nil && !errors.Is(err, storage.ErrExists) {
			return err
		}
	}
	return nil
}

func (w *writer) LockEvents() (alone bool, err error) {
	try := w.db.engine.TryEvents
	if try == "" {
		return true, nil
	}
	return alone, w.scanOne(try, nil, &alone)
}

func (w *writer) PlaceEvents(limit int) (int, error) {
	n, err := w.exec(`UPDATE events SET seq = u.place + (SELECT h.seq FROM event_head h WHERE h.id = 1)
		FROM (SELECT e.id, row_number() OVER (ORDER BY e.at, e.id) AS place FROM events e WHERE e.seq IS NULL ORDER BY e.at, e.id LIMIT $1) u
		WHERE events.id = u.id`, max(limit, 0))
	if err != nil || n == 0 {
		return n, err
	}
	if _, err := w.exec(`UPDATE event_head SET seq = seq + $1 WHERE id = 1`, n); err != nil {
		return 0, err
	}
	if notify := w.db.engine.NotifyEvents; notify != "" {
		if _, err := w.exec(notify); err != nil {
			return 0, err
		}
	}
	return n, nil
}

func (w *writer) ForgetEvents(before time.Time, limit int) (int, error) {
	var last int64
	if err := w.scanOne(`SELECT coalesce(max(e.seq), 0) FROM (SELECT seq, at FROM events WHERE seq IS NOT NULL ORDER BY seq LIMIT $1) e WHERE e.at < $2`,
		[]any{max(limit, 0), micros(before)}, &last); err != nil || last == 0 {
		return 0, err
	}
	n, err := w.exec(`DELETE FROM events WHERE seq <= $1`, last)
	if err == nil {
		_, err = w.exec(`UPDATE event_head SET forgotten = $1 WHERE id = 1`, last)
	}
	return n, err
}

func (w *writer) SweptEvents(at time.Time) error {
	_, err := w.exec(`UPDATE event_head SET swept_at = $1 WHERE id = 1`, micros(at))
	return err
}

// ListenEvents implements [storage.EventListener].
func (d *DB) ListenEvents(ctx context.Context, woken func()) error {
	if d.engine.ListenEvents == nil {
		<-ctx.Done()
		return ctx.Err()
	}
	return d.engine.ListenEvents(ctx, woken)
}
