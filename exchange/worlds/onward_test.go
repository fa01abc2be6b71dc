package worlds_test

import (
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/storage"
)

// motion is a grantee's request that the originator let a third state see a case.
type motion struct {
	id    comity.ID
	by    comity.Officer
	to    comity.State
	third comity.State
	r     *record
}

// moves says who reads of it: at home who put it, and in both states the offices;
// never the third state (Article 10).
func (m *motion) moves(o comity.Officer) bool {
	office := o.Role == comity.RoleLiaison || o.Role == comity.RoleAuthority
	return o.State == m.by.State && (office || o.Ref() == m.by.Ref() && o.Role == comity.RoleInvestigator) || o.State == m.to && office
}

// readsUnder: this very grant opens the case to the officer, for its own purpose.
func (u union) readsUnder(o comity.Officer, r *record, g *grant, now time.Time) bool {
	if o.State == r.state || !g.reaches(o) {
		return false
	}
	one := *r
	one.grants = []*grant{g}
	l := u.sees(o, &one, g.purpose, now)
	return l == full || l == summary
}

// onward has an officer move the originator to share with a third state what a grant
// opens, or opened, or never opened.
func onward(w *world) (string, error) {
	r, g := w.running()
	if g == nil || w.chance(6) {
		if r, g = w.granting(); g == nil {
			return "no grant", nil
		}
	}
	asker := g.to.State
	if w.chance(5) {
		asker = pick(w.r, w.Directory.States()...)
	}
	o := w.at(asker, pick(w.r, "investigator", "investigator", "liaison", "authority", "ct"))
	if g.to.Officer != "" && !w.chance(3) {
		o = w.officer(g.to.Officer)
	}
	for range 40 { // who reads, mostly, or would if the key were listed
		if w.union.readsUnder(o.Caller.Officer, r, g, w.Clock.Now()) || g.runs(w.Clock.Now()) && !w.union.speaks(r.state, g.keys...) || w.chance(20) {
			break
		}
		if at, other := w.granting(); other != nil {
			r, g, o = at, other, w.at(other.to.State, pick(w.r, "investigator", "liaison"))
		}
	}
	return w.ask(o, r, g)
}

// ask has an officer put the motion, and holds against the Articles whether that
// was possible.
func (w *world) ask(o *exchangetest.Officer, r *record, g *grant) (string, error) {
	who, now := o.Caller.Officer, w.Clock.Now()
	to, third := r.state, w.other(r.state)
	for third == who.State && !w.chance(8) {
		third = w.other(r.state)
	}
	if w.chance(8) {
		to = w.other(to)
	}
	s := &exchange.SendRequest{Key: exchangetest.Key(), To: to, Kind: comity.RequestAccess, Urgency: comity.UrgencyRoutine, Category: r.category, Purpose: g.purpose,
		Marking: comity.DefaultMarking, OnwardTo: third, Grant: g.id, Text: comity.RequestText{Title: "Share it", Facts: "They hold the same wallet"}}
	formed := to != who.State && third != who.State && third != to
	covered := w.union.readsUnder(who, r, g, now)
	did := fmt.Sprintf("%s asks %s to share %s with %s", who.Ref(), to, w.name(r), third)
	err := o.Try(w.t, s)
	competent := who.Agency == comity.AgencyID(who.State+"/cyber") // for both categories
	works := who.Role == comity.RoleInvestigator || who.Role == comity.RoleLiaison
	if allowed := formed && covered && competent && works && to == r.state && w.union.bound(who.State, to, now); (err == nil) != allowed {
		w.t.Errorf("%s: %v, the oracle: %v (Article 10)", did, err, allowed)
	}
	// Who reads nothing under it is answered as if there were no such grant.
	if formed && !covered {
		s.Key, s.Grant = exchangetest.Key(), comity.NewID(comity.KindGrant)
		if none := o.Try(w.t, s); err == nil || none == nil || none.Error() != err.Error() {
			w.t.Errorf("%s: %v, of no grant: %v (Article 12)", did, err, none)
		}
	}
	w.tally.count("motions for onward sharing", err)
	if err != nil {
		return did, err
	}
	w.motions = append(w.motions, &motion{s.ID, who, to, third, r})
	then, err := w.answerMotion(w.motions[len(w.motions)-1])
	return did + "; " + then, err
}

// granting is a case with any grant of it, ended or not.
func (w *world) granting() (*record, *grant) {
	for range 20 {
		if r := w.record(); r != nil && len(r.grants) > 0 {
			return r, pick(w.r, r.grants...)
		}
	}
	return nil, nil
}

// answerOnward has the originator grant upon a motion, what was asked or something else.
func answerOnward(w *world) (string, error) {
	if len(w.motions) == 0 {
		return "nobody asks for onward sharing", nil
	}
	return w.answerMotion(pick(w.r, w.motions...))
}

func (w *world) answerMotion(m *motion) (string, error) {
	r, to := m.r, m.third
	if w.chance(5) {
		r = w.record()
	}
	if w.chance(5) || to == r.state {
		to = w.other(r.state)
	}
	b, what, err := w.termsTo(r, to, pick(w.r, purposes...))
	b.Request = m.id
	o := w.at(r.state, "liaison")
	did := fmt.Sprintf("%s grants upon a motion of %s %s (released: %v)", o.Caller.Officer.Ref(), m.by.State, what, err)
	err = o.Try(w.t, o.MakeGrant(w.t, r.id, b))
	w.tally.count("grants upon motions", err)
	if err == nil {
		w.granted(r, o, b, false)
	}
	return did, err
}

// asked: a grant that names a motion is what the motion asked for (Article 10).
func (w *world) asked(r *record, b statement.GrantBody) bool {
	for _, m := range w.motions {
		if m.id == b.Request {
			return m.third == b.Grantee.State && m.r == r
		}
	}
	return b.Request == ""
}

// compareMotions asks policies, predicate and wall who reads of each motion.
func (w *world) compareMotions() {
	w.t.Helper()
	var ids []comity.ID
	for _, m := range w.motions {
		ids = append(ids, m.id)
	}
	if len(ids) == 0 {
		return
	}
	for _, who := range w.officers {
		o := who.Caller.Officer
		policies, predicate, wall := map[comity.ID]bool{}, map[comity.ID]bool{}, map[comity.ID]bool{}
		who.Read(w.t, func(r *exchange.Reader) error {
			found, err := r.Requests(ids)
			for id := range found {
				policies[id] = true
			}
			return err
		})
		must(w.t, w.DB.Read(storage.AsSystem(w.t.Context()), func(tx storage.ReadTx) error {
			found, err := tx.Requests(storage.Viewer{Officer: o, At: tx.Now()}, ids)
			for id := range found {
				predicate[id] = true
			}
			return err
		}))
		if w.wall != nil {
			w.behind(o, func(tx pgx.Tx) { wall = w.ids(tx, `SELECT id FROM requests`) })
		}
		for _, m := range w.motions {
			want := m.moves(o)
			if policies[m.id] != want || predicate[m.id] != want || w.wall != nil && wall[m.id] != want {
				w.t.Errorf("%s finds a motion of %s for %s: by the policies %v, the predicate %v, the wall %v, the oracle: %v", o.Ref(), m.by.State, m.third,
					policies[m.id], predicate[m.id], wall[m.id], want)
			}
		}
	}
}
