package exchange

import (
	"fmt"
	"slices"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// offer is what grants offer the reader of another state's case, as far as
// the database and the signed statements say.
type offer struct {
	usable []comity.Grant // for the declared purpose, the agreement in force, the widest first
	others []weighed      // the rest, those for the purpose first
	fault  error          // why a grant counts for nothing, when one does
}

// weighed is a live grant with whether its agreement is in force.
type weighed struct {
	comity.Grant
	inForce bool
}

// offer weighs the live grants of a case. One that cannot be held against its
// statement counts for nothing: an incident, unless it is for want of the
// state's manifest.
func (r *Reader) offer(v storage.CaseView, p comity.Purpose) (o offer) {
	for _, g := range v.Grants {
		basis, err := r.x.terms(g, v.State)
		if err != nil {
			r.doubt(g, err)
			o.fault = err
			continue
		}
		w := weighed{g, r.x.inForce(g, basis, v.Category, r.now)}
		switch {
		case g.Purpose == p && w.inForce:
			o.usable = append(o.usable, g)
		case g.Purpose == p:
			o.others = slices.Insert(o.others, 0, w)
		default:
			o.others = append(o.others, w)
		}
	}
	widestFirst(o.usable)
	o.usable = opening(v.Marking, o.usable)
	return o
}

// opening keeps of the usable grants of a case those that open it as it is
// marked now, if there are any: TLP:RED is closed to what one liaison granted,
// and a narrower grant of two must not be lost behind a wider one.
func opening(m comity.Marking, usable []comity.Grant) []comity.Grant {
	if m.TLP != comity.TLPRed {
		return usable
	}
	seconded := slices.DeleteFunc(slices.Clone(usable), func(g comity.Grant) bool { return !grantFacts(&g, "").SecondLiaison })
	if len(seconded) == 0 {
		return usable
	}
	return seconded
}

// doubt tells the server's log of a grant that does not verify.
func (r *Reader) doubt(g comity.Grant, err error) {
	if comity.CodeOf(err) == comity.CodeUnavailable {
		r.warn("a state's manifest is not valid", g.State, err)
		return
	}
	r.incident(string(g.ID), g.State, err)
}

func widestFirst(grants []comity.Grant) {
	slices.SortStableFunc(grants, func(a, b comity.Grant) int {
		switch {
		case a.Scope == b.Scope:
			return 0
		case covers(a.Scope, b.Scope):
			return -1
		}
		return 1
	})
}

// judge decides on the reading of a case: at home without a grant, abroad
// under the one given.
func (r *Reader) judge(v storage.CaseView, p comity.Purpose, g *comity.Grant, inForce bool) (sovereignty.Access, sovereignty.Decision) {
	q := sovereignty.Question{Officer: r.who.Officer, Action: sovereignty.CaseRead, Record: caseRecord(v, r.who.Officer),
		Circumstances: sovereignty.Circumstances{Visible: true, Purpose: p, Grant: grantFacts(g, ""), Agreement: inForce,
			Assessed: v.Assessed.Shareable(v.Category), Adverse: v.Assessed.Adverse()}}
	d := r.decide(q)
	return sovereignty.Level(q, d), d
}

// promises is how much of a case is open by the database, before any register
// is asked, and under which grants.
func (r *Reader) promises(v storage.CaseView, o offer, p comity.Purpose) (sovereignty.Access, []comity.Grant) {
	if !v.Own && len(o.usable) == 0 {
		return sovereignty.AccessNone, nil
	}
	var widest *comity.Grant
	if !v.Own {
		widest = &o.usable[0]
	}
	level, d := r.judge(v, p, widest, true)
	if !d.Permit {
		return sovereignty.AccessNone, nil
	}
	return level, o.usable
}

// stand keeps of grants what the originator's register leaves open of them.
// Where it knows better than the database it is believed. away says that the
// register of a grant that was left out does not answer.
func (r *Reader) stand(grants []comity.Grant) (kept []comity.Grant, away error) {
	for _, g := range grants {
		word, _ := r.limits(g)
		switch code := comity.CodeOf(word.err); {
		case word.err == nil:
			met := meet(g, word.value)
			if lessened(g, met) {
				r.unsettled(string(g.ID), g.State, fmt.Errorf("%w: the register: it was narrowed", errForged))
			} else {
				r.x.incidents.settled(g.State, string(g.ID))
			}
			if r.now.Before(met.NotAfter) {
				kept = append(kept, met)
			}
		case code == comity.CodeDenied || code == comity.CodeNotFound:
			r.unsettled(string(g.ID), g.State, fmt.Errorf("%w: the register: %w", errForged, word.err))
		default:
			away = word.err
		}
	}
	widestFirst(kept)
	return kept, away
}

// exhibitsOf maps the exhibits that grants name to the first that does.
func exhibitsOf(grants []comity.Grant) map[comity.ID]comity.ID {
	named := map[comity.ID]comity.ID{}
	for _, g := range grants {
		for _, e := range g.Exhibits {
			if _, ok := named[e]; !ok {
				named[e] = g.ID
			}
		}
	}
	return named
}

// subjectsOf maps the persons whom grants of full scope name to the first that does.
func subjectsOf(grants []comity.Grant) map[comity.ID]comity.ID {
	named := map[comity.ID]comity.ID{}
	for _, g := range grants {
		if g.Scope != comity.ScopeFull {
			continue
		}
		for _, s := range g.Subjects {
			if _, ok := named[s]; !ok {
				named[s] = g.ID
			}
		}
	}
	return named
}

// endedGrant keeps of a grant what its former grantee still sees.
func endedGrant(g comity.Grant) comity.Grant {
	at := g.EndedAt
	if at.IsZero() || at.After(g.NotAfter) {
		at = g.NotAfter
	}
	// Revoked, ended by a reservation or run out: which of them is the
	// originator's own matter.
	return comity.Grant{ID: g.ID, Case: g.Case, State: g.State, Grantee: g.Grantee, Status: comity.GrantEnded, EndedAt: at}
}
