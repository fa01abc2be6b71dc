package worlds_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
)

// contribution is a case that was contributed to the joint team of all states.
type contribution struct {
	id      comity.ID
	r       *record
	scope   comity.Scope
	purpose comity.Purpose
	named   bool
	until   time.Time
	over    bool // withdrawn, or overtaken by a reservation
	key     int  // by which it was signed
}

// standing is a state's standing grant to the team.
type standing struct {
	id      comity.ID
	state   comity.State
	liaison comity.OfficerRef
	to      []comity.Grantee
	scope   comity.Scope
	purpose comity.Purpose
	until   time.Time
	over    bool
	key     int
}

// contribute has the case's owner, or another, contribute it.
func contribute(w *world) (string, error) {
	r := w.record()
	if r == nil {
		return "no case", nil
	}
	o := w.officer(r.owner)
	if w.chance(4) {
		o = w.at(pick(w.r, r.state, w.other(r.state)), pick(w.r, "liaison", "colleague", "authority"))
	}
	b := o.Contribute(w.t, r.id).Body
	b.Category, b.Purpose, b.NotAfter = r.category, pick(w.r, purposes...), w.edge(1+w.r.IntN(600))
	b.Scope = pick(w.r, comity.ScopeFull, comity.ScopeFull, comity.ScopeSummary)
	if b.Scope == comity.ScopeFull && w.chance(3) {
		b.Subjects = []comity.ID{r.victim}
	}
	did := fmt.Sprintf("%s contributes %s at %s for %s until %d, and %d persons", o.Caller.Officer.Ref(), w.name(r), b.Scope, b.Purpose, b.NotAfter, len(b.Subjects))
	err := o.Try(w.t, o.ContributeAs(w.t, r.id, b))
	if err != nil {
		return did, err
	}
	switch who := o.Caller.Officer; {
	case who.State != r.state, who.Ref() != r.owner && !(who.Role == comity.RoleInvestigator && r.assigned[string(who.Ref())]):
		w.t.Errorf("%s contributed a case of %s (Article 8)", who.Ref(), r.owner)
	case r.reserved || w.union.reserved[r.state][r.category]:
		w.t.Error("what is reserved was contributed (Article 4)")
	case r.red:
		w.t.Error("what is TLP:RED was contributed (Article 8)")
	case w.union.alone(r.state, w.Directory.States(), w.Clock.Now()):
		w.t.Error("it was contributed to no team in force (Article 7)")
	}
	w.laidBefore(r)
	c := &contribution{b.ID, r, b.Scope, b.Purpose, len(b.Subjects) > 0, time.Unix(b.NotAfter, 0), false, w.key(r.state)}
	w.contributions = append(w.contributions, c)
	for _, s := range w.standings {
		w.follow(s, c)
	}
	return did, nil
}

// follow writes down what follows from a standing grant and a contribution: for each
// grantee a grant, where the Articles allow one now.
func (w *world) follow(s *standing, c *contribution) {
	now := w.Clock.Now()
	if s.state != c.r.state || s.over || c.over || s.purpose != c.purpose || !now.Before(s.until) || !now.Before(c.until) ||
		c.r.reserved || w.union.reserved[s.state][c.r.category] || c.r.red || !w.mandated[s.state] || s.liaison == c.r.owner ||
		!w.union.speaks(s.state, s.key, c.key) { // what a key signed that left the manifest is to be signed anew
		return
	}
	scope := c.scope
	if s.scope == comity.ScopeSummary {
		scope = s.scope
	}
	until := c.until
	if s.until.Before(until) {
		until = s.until
	}
	for _, to := range s.to {
		if !w.union.team().binds(s.state, to.State, now) {
			continue
		}
		id := statement.GrantIDUnder(s.id, c.id, to)
		if slices.ContainsFunc(c.r.grants, func(g *grant) bool { return g.id == id }) {
			continue
		}
		c.r.grants = append(c.r.grants, &grant{id: id, liaison: s.liaison, to: to, scope: scope, purpose: s.purpose, named: c.named && scope == comity.ScopeFull,
			from: now.Truncate(time.Second), until: until, released: c.id, under: s.id,
			made: now, treaty: w.union.team(), keys: []int{w.key(s.state), s.key, c.key}})
	}
}

// stand has a liaison, or another, make a standing grant.
func stand(w *world) (string, error) {
	o := w.anyone("liaison", "liaison", "liaison", "deputy", "authority", "investigator")
	who := o.Caller.Officer
	b := o.Standing(w.t).Body
	b.Purpose, b.NotAfter, b.Scope = pick(w.r, purposes...), w.edge(1+w.r.IntN(600)), pick(w.r, comity.ScopeFull, comity.ScopeFull, comity.ScopeSummary)
	for _, s := range w.Directory.States() {
		switch {
		case s == who.State && !w.chance(20):
		case w.chance(3):
		case w.chance(3):
			b.Grantees = append(b.Grantees, comity.Grantee{State: s, Agency: comity.AgencyID(s + "/cyber")})
		default:
			b.Grantees = append(b.Grantees, comity.Grantee{State: s})
		}
	}
	did := fmt.Sprintf("%s makes a standing grant to %v at %s for %s until %d", who.Ref(), b.Grantees, b.Scope, b.Purpose, b.NotAfter)
	act := o.StandingAs(w.t, b)
	err := o.Try(w.t, act)
	if err != nil {
		return did, err
	}
	switch {
	case who.Role != comity.RoleLiaison || !w.mandated[who.State]:
		w.t.Errorf("%s made a standing grant (Article 8)", who.Ref())
	case slices.ContainsFunc(b.Grantees, func(g comity.Grantee) bool { return g.State == who.State }):
		w.t.Error("a standing grant is to the own state (Article 7)")
	case w.union.alone(who.State, w.Directory.States(), w.Clock.Now()):
		w.t.Error("a standing grant was made to no team in force (Article 7)")
	}
	s := &standing{act.ID, who.State, who.Ref(), b.Grantees, b.Scope, b.Purpose, time.Unix(b.NotAfter, 0), false, w.key(who.State)}
	w.standings = append(w.standings, s)
	for _, c := range w.contributions {
		w.follow(s, c)
	}
	return did, nil
}

// unstand ends a standing grant.
func unstand(w *world) (string, error) {
	if len(w.standings) == 0 || !w.chance(2) {
		return "no standing grant ends", nil
	}
	s := pick(w.r, w.standings...)
	o := w.at(pick(w.r, s.state, s.state, w.other(s.state)), pick(w.r, "liaison", "deputy", "authority"))
	err := o.Try(w.t, o.EndStanding(w.t, s.id))
	if err == nil {
		if who := o.Caller.Officer; who.State != s.state || who.Role != comity.RoleLiaison {
			w.t.Errorf("%s ended a standing grant of %s (Article 2)", who.Ref(), s.state)
		}
		s.over = true
		w.stop(func(g *grant) bool { return g.under == s.id })
	}
	return fmt.Sprintf("%s ends a standing grant of %s", o.Caller.Officer.Ref(), s.state), err
}

// takeBack withdraws a contribution.
func takeBack(w *world) (string, error) {
	if len(w.contributions) == 0 {
		return "nothing is contributed", nil
	}
	c := pick(w.r, w.contributions...)
	o := w.officer(c.r.owner)
	if w.chance(4) {
		o = w.at(pick(w.r, c.r.state, w.other(c.r.state)), pick(w.r, "liaison", "authority"))
	}
	err := o.Try(w.t, o.WithdrawContribution(w.t, c.id, c.r.id))
	if err == nil {
		w.own(c.r, o, "withdrew a contribution")
		c.over = true
		w.stop(func(g *grant) bool { return g.under != "" && g.released == c.id })
	}
	return fmt.Sprintf("%s takes %s back from the team", o.Caller.Officer.Ref(), w.name(c.r)), err
}

// stop ends grants for good.
func (w *world) stop(which func(*grant) bool) {
	for _, r := range w.records {
		for _, g := range r.grants {
			if g.stopped.IsZero() && which(g) {
				g.stopped = w.Clock.Now()
			}
		}
	}
}

// overtaken: what was contributed before a reservation does not revive (Article 4).
func (w *world) overtaken(r *record) {
	for _, c := range w.contributions {
		if c.r == r {
			c.over = true
		}
	}
}
