package worlds_test

import (
	"fmt"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
)

// promise is an undertaking of reciprocity, as the oracle knows it.
type promise struct {
	id       comity.ID
	of, to   comity.State
	category comity.Category
	until    time.Time
	key      int    // by which it was signed
	said     string // the statement
	answered bool   // or withdrawn
	r        *record
}

// carries: a grant of the case to a state may rest on it until an instant (Article 7).
func (p *promise) carries(r *record, to comity.State, until time.Time) bool {
	return p.r == r && p.of == to && p.category == r.category && !until.After(p.until)
}

// undertake has an officer undertake reciprocity.
func undertake(w *world) (string, error) {
	o := w.anyone("authority", "authority", "authority", "authority", "authority", "second", "liaison", "investigator", "auditor")
	who := o.Caller.Officer
	to := w.other(who.State)
	if w.chance(8) {
		to = who.State
	}
	return w.undertakeTo(o, to, pick(w.r, categories...))
}

func (w *world) undertakeTo(o *exchangetest.Officer, to comity.State, c comity.Category) (string, error) {
	who, g := o.Caller.Officer, o.Undertake(w.t, to)
	g.Body.Category, g.Body.NotAfter = c, w.edge(30+w.r.IntN(600))
	if w.chance(10) {
		g.Body.NotAfter = w.edge(-1)
	}
	g.Act = o.Sign(w.t, statement.Act{Act: statement.ActUndertakingGive, Record: g.ID}, g.Body)
	until := time.Unix(g.Body.NotAfter, 0)
	did := fmt.Sprintf("%s undertakes reciprocity to %s for %s until %d", who.Ref(), to, g.Body.Category, g.Body.NotAfter)
	err := o.Try(w.t, g)
	if allowed := who.Role == comity.RoleAuthority && to != who.State && until.After(w.Clock.Now()); (err == nil) != allowed {
		w.t.Errorf("%s: %v, the oracle: %v (Article 7)", did, err, allowed)
	}
	w.tally.count("undertakings", err)
	if err == nil {
		w.promises = append(w.promises, &promise{id: g.ID, of: who.State, to: to, category: g.Body.Category, until: until, key: w.key(who.State), said: g.Statement})
	}
	return did, err
}

// answerPromise has an officer accept an undertaking for a case, decline it or, of
// the state that gave it, take it back.
func answerPromise(w *world) (string, error) {
	if len(w.promises) == 0 {
		return "nothing is undertaken", nil
	}
	p := pick(w.r, w.promises...)
	o := w.at(pick(w.r, p.to, p.to, p.to, p.to, p.of, w.other(p.to)), pick(w.r, "authority", "authority", "authority", "second", "liaison"))
	who := o.Caller.Officer
	office := who.Role == comity.RoleAuthority
	waits := !p.answered && w.Clock.Now().Before(p.until)
	switch w.r.IntN(8) {
	case 0:
		did := fmt.Sprintf("%s withdraws an undertaking of %s", who.Ref(), p.of)
		err := o.Try(w.t, &exchange.WithdrawDispatch{Key: exchangetest.Key(), ID: p.id})
		w.answered(did, p, err, office && who.State == p.of && waits)
		return did, err
	case 1:
		did := fmt.Sprintf("%s declines an undertaking of %s", who.Ref(), p.of)
		err := o.Try(w.t, o.Answers(w.t, p.id, p.said, comity.DispatchDeclined, "no"))
		w.answered(did, p, err, office && who.State == p.to && waits)
		return did, err
	}
	r := w.suited(p)
	if r == nil {
		return "no case to accept for", nil
	}
	return w.acceptPromise(o, p, r)
}

// suited is a case that an undertaking may be accepted for, mostly.
func (w *world) suited(p *promise) (r *record) {
	for range 40 {
		if r = w.record(); r == nil || r.state == p.to && r.category == p.category && !r.reserved {
			break
		}
	}
	return r
}

func (w *world) acceptPromise(o *exchangetest.Officer, p *promise, r *record) (string, error) {
	who, now, said := o.Caller.Officer, w.Clock.Now(), p.said
	if w.chance(8) {
		said += "x"
	}
	did := fmt.Sprintf("%s accepts an undertaking of %s for %s", who.Ref(), p.of, w.name(r))
	err := o.Try(w.t, o.Accepts(w.t, p.id, said, r.id))
	w.answered(did, p, err, who.State == p.to && who.Role == comity.RoleAuthority && !p.answered && now.Before(p.until) && said == p.said &&
		w.union.speaks(p.of, p.key) && // whose key has left the manifest undertakes nothing
		w.union.sees(who, r, "", now) == own && r.category == p.category && !r.reserved && !w.union.reserved[r.state][r.category])
	if err == nil {
		p.r = r
	}
	return did, err
}

func (w *world) answered(did string, p *promise, err error, allowed bool) {
	if (err == nil) != allowed {
		w.t.Errorf("%s: %v, the oracle: %v (Article 7)", did, err, allowed)
	}
	w.tally.count("answers to undertakings", err)
	p.answered = p.answered || err == nil
}

// reciprocate has an undertaking given, accepted for a case, and the case granted
// on it, each as it may be or not.
func reciprocate(w *world) (string, error) {
	r := w.record()
	if r == nil {
		return "no case", nil
	}
	to := w.other(r.state)
	did, err := w.undertakeTo(w.at(to, "authority"), r.state, r.category)
	if err != nil {
		return did, err
	}
	p, owner := w.promises[len(w.promises)-1], w.officer(r.owner)
	if !r.assigned[string(comity.RoleAuthority)] { // who accepts is to find the case
		a := &exchange.AssignCase{Key: exchangetest.Key(), ID: r.id, Office: comity.RoleAuthority}
		if err := owner.Try(w.t, a); err == nil {
			r.assigned[string(comity.RoleAuthority)] = true
		}
	}
	then, err := w.acceptPromise(w.at(r.state, pick(w.r, "authority", "authority", "authority", "second", "liaison")), p, r)
	if did += "; " + then; err != nil {
		return did, err
	}
	next, err := grantOn(w, p)
	return did + "; " + next, err
}

// sharePromised has a case granted on any undertaking.
func sharePromised(w *world) (string, error) {
	if len(w.promises) == 0 {
		return "nothing is undertaken", nil
	}
	return grantOn(w, pick(w.r, w.promises...))
}

// grantOn has a liaison grant on an undertaking, with what it says or beyond that.
func grantOn(w *world, p *promise) (string, error) {
	r := p.r
	if r == nil || w.chance(6) {
		r = w.record()
	}
	to := p.of
	if w.chance(6) || to == r.state {
		to = w.other(r.state)
	}
	b, what, err := w.termsTo(r, to, pick(w.r, purposes...))
	b.Agreement = string(p.id)
	if !w.chance(4) {
		b.NotAfter = min(b.NotAfter, p.until.Unix())
	}
	o := w.at(r.state, "liaison")
	did := fmt.Sprintf("%s grants on an undertaking of %s %s (released: %v)", o.Caller.Officer.Ref(), p.of, what, err)
	err = o.Try(w.t, o.MakeGrant(w.t, r.id, b))
	w.tally.count("grants on undertakings", err)
	if err == nil {
		w.granted(r, o, b, false)
	}
	return did, err
}
