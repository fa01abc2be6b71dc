package worlds_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/storage"
)

// shift is one of a duty roster, as the oracle knows it.
type shift struct {
	id          comity.ID
	from, until time.Time
	gone        bool // withdrawn
}

func (s *shift) covers(t time.Time) bool { return !s.gone && !t.Before(s.from) && t.Before(s.until) }

// onDuty says who of the officers may know which shift covers now: at home all
// who work, abroad liaisons and the authority while an agreement binds both.
func (u union) onDuty(o comity.Officer, of comity.State, all []*shift, now time.Time) comity.ID {
	office := o.Role == comity.RoleLiaison || o.Role == comity.RoleAuthority
	if !office && (o.State != of || o.Role != comity.RoleInvestigator) || o.State != of && !u.bound(o.State, of, now) {
		return ""
	}
	return covering(all, now)
}

func covering(all []*shift, now time.Time) comity.ID {
	for _, s := range all {
		if s.covers(now) {
			return s.id
		}
	}
	return ""
}

// setShift has anybody set a shift of the state, and holds against the Articles
// that it could be set.
func (w *world) setShift() (string, error) {
	o := w.anyone("authority", "authority", "authority", "liaison", "second")
	state := o.Caller.Officer.State
	now := w.Clock.Now().Truncate(time.Second)
	from := now.Add(time.Duration(w.r.IntN(30)) * step)
	until := from.Add(time.Duration(1+w.r.IntN(120)) * step)
	b := statement.DutyBody{ID: comity.NewID(comity.KindShift), Officer: w.at(state, pick(w.r, "liaison", "deputy")).Caller.Officer.Ref(), From: from.Unix(), Until: until.Unix()}
	err := o.Try(w.t, o.ShiftOf(w.t, b))
	did := fmt.Sprintf("%s sets a shift from %v to %v", o.Caller.Officer.Ref(), from, until)
	overlaps := false
	for _, s := range w.shifts[state] {
		overlaps = overlaps || !s.gone && s.until.After(from) && s.from.Before(until)
	}
	allowed := o.Caller.Officer.Role == comity.RoleAuthority && !overlaps
	if (err == nil) != allowed {
		w.t.Errorf("%s: %v, the oracle: %v", did, err, allowed)
	}
	if err == nil {
		w.shifts[state] = append(w.shifts[state], &shift{id: b.ID, from: from, until: until})
	}
	return did, err
}

// withdrawShift has anybody withdraw a shift of any state.
func (w *world) withdrawShift() (string, error) {
	of := pick(w.r, w.Directory.States()...)
	if len(w.shifts[of]) == 0 {
		return "no shift", nil
	}
	s, o := pick(w.r, w.shifts[of]...), w.anyone("authority", "authority", "liaison")
	err := o.Try(w.t, &exchange.WithdrawShift{Key: exchangetest.Key(), Shift: s.id})
	did := fmt.Sprintf("%s withdraws a shift of %s", o.Caller.Officer.Ref(), of)
	allowed := o.Caller.Officer.Role == comity.RoleAuthority && o.Caller.Officer.State == of && !s.gone && s.until.After(w.Clock.Now())
	if (err == nil) != allowed {
		w.t.Errorf("%s: %v, the oracle: %v", did, err, allowed)
	}
	s.gone = s.gone || err == nil
	return did, err
}

// compareRosters asks policies, predicate and wall for who is on duty at every
// state, and gives how often somebody was told.
func (w *world) compareRosters() (told int) {
	w.t.Helper()
	for _, of := range w.Directory.States() {
		now := w.Clock.Now()
		covers := covering(w.shifts[of], now)
		must(w.t, w.DB.Read(storage.AsSystem(w.t.Context()), func(tx storage.ReadTx) error {
			s, err := tx.ShiftAt(of, now)
			if err != nil && !errors.Is(err, storage.ErrNotFound) {
				return err
			}
			if s.ID != covers {
				w.t.Errorf("at %s the predicate finds %q, the oracle %q", of, s.ID, covers)
			}
			return nil
		}))
		for _, who := range w.officers {
			o := who.Caller.Officer
			want := w.union.onDuty(o, of, w.shifts[of], now)
			var got comity.ID
			who.Read(w.t, func(r *exchange.Reader) error {
				v, err := r.DutyContact(of)
				if v.Shift != nil {
					got = v.Shift.ID
				}
				return err
			})
			if got != want {
				w.t.Errorf("%s is told at %s of %q, the oracle: %q", o.Ref(), of, got, want)
			}
			if want != "" {
				told++
			}
			if w.wall == nil {
				continue
			}
			// The wall knows no agreements: of each roster it leaves what covers now, and
			// at home all of it to who reads it.
			var left map[comity.ID]bool
			w.behind(o, func(tx pgx.Tx) { left = w.ids(tx, `SELECT id FROM shifts WHERE state = $1`, string(of)) })
			most := 0
			switch {
			case o.State == of && o.Role != comity.RoleInvestigator:
				most = len(w.shifts[of])
			case covers != "" && (o.State == of || o.Role == comity.RoleLiaison || o.Role == comity.RoleAuthority):
				most = 1
			}
			if len(left) != most || want != "" && !left[want] {
				w.t.Errorf("to %s row-level security leaves %d shifts of %s, the oracle: %d", o.Ref(), len(left), of, most)
			}
		}
	}
	return told
}

// TestRostersAgree: over random rosters, agreements and a clock that moves,
// policies, predicate and wall tell of who is on duty what the Articles say.
func TestRostersAgree(t *testing.T) {
	engines := map[string]func(*testing.T, func() time.Time) (storage.DB, *pgx.Conn){"PostgreSQL": openPostgres, "SQLite": openSQLite}
	for engine, open := range engines {
		t.Run(engine, func(t *testing.T) {
			r, s := seeded(t)
			w := newWorld(t, r, open, tally{})
			hours := func(w *world) (string, error) { // fewer than a shift has
				w.Clock.Advance(time.Duration(w.r.IntN(60)) * step)
				return "hours pass", nil
			}
			acts := []act{(*world).setShift, (*world).setShift, (*world).setShift, (*world).setShift, (*world).withdrawShift, publish, publish, hours}
			told := 0
			for range 8 {
				for range 12 {
					did, err := pick(w.r, acts...)(w)
					w.trail = append(w.trail, fmt.Sprintf("%s: %v", did, err))
				}
				told += w.compareRosters()
				if t.Failed() {
					t.Fatalf("-seed=%d, what happened: %q", s, w.trail)
				}
			}
			if told == 0 {
				t.Error("nobody was ever told who is on duty")
			}
		})
	}
}
