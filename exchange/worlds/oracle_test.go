package worlds_test

import (
	"slices"
	"time"

	"github.com/comity-platform/comity"
)

// The oracle: the Articles on who sees what of a case, as the product's text has
// them, over what happened in a world. It shares nothing with the policies, the
// queries or the walls of the database. A new rule of visibility is one more
// field of the model, which an act of acts_test.go sets, and one more line here.

// level is how much of a case an officer finds.
type level string

const (
	absent  level = "absent"  // not even that there is one
	ended   level = "ended"   // that there was a grant, which ended
	closed  level = "closed"  // that there is one, and why it is closed
	summary level = "summary" // its summary
	full    level = "full"
	own     level = "own"
)

// union is what the states laid down.
type union struct {
	treaties []*treaty                                 // the team's is the last
	listed   map[comity.State]map[int]bool             // the statement keys in a state's manifest, by their number
	reserved map[comity.State]map[comity.Category]bool // in advance
}

// record is a case with what was laid upon it.
type record struct {
	id       comity.ID
	victim   comity.ID // a person of it whom full scope leaves out unless named
	state    comity.State
	owner    comity.OfficerRef
	category comity.Category
	red      bool
	reserved bool
	assigned map[string]bool // references of officers, and roles of offices
	grants   []*grant
}

// grant is one as it was made, and what became of it.
type grant struct {
	id       comity.ID
	liaison  comity.OfficerRef
	to       comity.Grantee
	scope    comity.Scope
	purpose  comity.Purpose
	from     time.Time
	until    time.Time
	stopped  time.Time // revoked, or ended by a reservation
	named    bool      // it names the victim
	two      bool      // two liaisons made it, or one in danger to life
	released comity.ID
	pair     bool      // two liaisons made it
	under    comity.ID // the standing grant, "" for one that was made by itself
	made     time.Time
	treaty   *treaty   // that it rests on, or
	promise  *promise  // the undertaking
	keys     []int     // by which it and what was said of it since were signed
	danger   *danger   // nil but for one made in danger to life
	narrowed time.Time // to this end
}

// reaches: a grant is to a named state, agency or officer (Article 8).
func (g *grant) reaches(o comity.Officer) bool {
	return g.to.State == o.State && (g.to.Agency == "" || g.to.Agency == o.Agency) && (g.to.Officer == "" || g.to.Officer == o.Ref())
}

// runs: every grant ends, and what ends it takes effect on the next read (Articles 4 and 11).
func (g *grant) runs(now time.Time) bool {
	return g.stopped.IsZero() && !now.Before(g.from) && now.Before(g.until)
}

// over: it opened the case once, and does no longer.
func (g *grant) over(now time.Time) bool {
	end := g.until
	if !g.stopped.IsZero() && g.stopped.Before(end) {
		end = g.stopped
	}
	return !now.Before(end) && end.After(g.from)
}

// open are the grants that open the case to an officer of another state.
func (r *record) open(o comity.Officer, now time.Time) (running []*grant, once bool) {
	if o.Role == comity.RoleAuditor || o.State == r.state {
		return nil, false // an auditor reads the record of acts, and no case
	}
	for _, g := range r.grants {
		if !g.reaches(o) {
			continue
		}
		once = once || g.over(now)
		if g.runs(now) && !r.reserved {
			running = append(running, g)
		}
	}
	return running, once
}

// rests: what a grant was made under holds (Article 7).
func (u union) rests(r *record, g *grant, now time.Time) bool {
	if g.promise != nil {
		return now.Before(g.promise.until)
	}
	return g.treaty != nil && g.treaty.holds(r.state, g.to.State, g.made, now)
}

// sees says how much an officer who declares a purpose finds of a case.
func (u union) sees(o comity.Officer, r *record, p comity.Purpose, now time.Time) level {
	if o.State == r.state { // need to know, inside a state
		if o.Role != comity.RoleAuditor && (r.assigned[string(o.Ref())] || r.assigned[string(o.Role)]) {
			return own
		}
		return absent
	}
	running, once := r.open(o, now)
	if len(running) == 0 {
		if once { // a former grantee sees that the grant ended, and nothing else (Article 12)
			return ended
		}
		return absent
	}
	widest := closed
	for _, g := range running {
		switch {
		case g.purpose != p, // the purpose is the grant's (Article 9)
			!u.rests(r, g, now),           // an agreement in force, or an undertaking (Article 7)
			!u.speaks(r.state, g.keys...), // who speaks for the state
			r.red && !g.two:               // TLP:RED takes a second liaison (Article 8)
		case g.scope == comity.ScopeFull:
			widest = full
		case widest == closed:
			widest = summary
		}
	}
	return widest
}

// victim: full scope leaves out victims, witnesses and minors unless named.
func (u union) victim(o comity.Officer, r *record, p comity.Purpose, now time.Time) bool {
	switch u.sees(o, r, p, now) {
	case own:
		return true
	case full:
		running, _ := r.open(o, now)
		return slices.ContainsFunc(running, func(g *grant) bool {
			return g.purpose == p && g.names() && (g.two || !r.red) && u.rests(r, g, now) && u.speaks(r.state, g.keys...)
		})
	}
	return false
}

// names: a person is named within full scope.
func (g *grant) names() bool { return g.named && g.scope == comity.ScopeFull }

// victimInner is what the database leaves of the person, whatever the purpose.
func (u union) victimInner(o comity.Officer, r *record, now time.Time) bool {
	if u.sees(o, r, "", now) == own {
		return true
	}
	running, _ := r.open(o, now)
	return slices.ContainsFunc(running, (*grant).names)
}

// inner: the words inside a case are open at home, and abroad by a grant of it in full.
func (u union) inner(o comity.Officer, r *record, now time.Time) bool {
	if u.sees(o, r, "", now) == own {
		return true
	}
	running, _ := r.open(o, now)
	return slices.ContainsFunc(running, func(g *grant) bool { return g.scope == comity.ScopeFull })
}

// listed: it is in the officer's lists while it may be found, if only closed.
func (l level) listed() bool { return l != absent && l != ended }

// look counts what the rules on one grant by itself say to an officer, so that it
// is known that each was tried: alone it opens the case, or does no longer.
func (w *world) look(o comity.Officer, r *record, p comity.Purpose, now time.Time, found level) {
	if o.State == r.state {
		return
	}
	for _, g := range r.grants {
		if !g.reaches(o) || g.purpose != p || o.Role == comity.RoleAuditor {
			continue
		}
		opens := w.union.readsUnder(o, r, g, now)
		switch {
		case opens && g.promise != nil:
			w.tally.add("looks at a grant on an undertaking", true)
		case opens && g.danger != nil && g.danger.confirmed && !now.Before(g.danger.lapses):
			w.tally.add("looks at a grant that is confirmed", true)
		case opens && g.treaty != nil && !g.treaty.binds(r.state, o.State, now):
			w.tally.add("looks at a grant that runs out after its agreement", true)
		case opens || found == full || found == summary: // by another grant
		case g.danger.lapsed(now) && now.Before(g.danger.signed) && g.stopped.IsZero():
			w.tally.add("looks at a grant that lapsed", false)
		case !g.runs(now) || r.reserved:
		case !w.union.rests(r, g, now):
			w.tally.add("looks at a grant whose agreement ended", false)
		case !w.union.speaks(r.state, g.keys...):
			w.tally.add("looks at a grant whose key is retired", false)
		}
	}
}
