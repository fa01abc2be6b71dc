package worlds_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
)

// alone is how long one liaison grants by himself in danger to life (Article 8).
const alone = 72 * time.Hour

// danger is what the oracle knows of a grant that was made in danger to life.
type danger struct {
	lapses    time.Time // unless it is confirmed
	signed    time.Time // its end by its own terms
	confirmed bool
}

// lapsed: nobody confirmed it in time.
func (d *danger) lapsed(now time.Time) bool { return d != nil && !d.confirmed && !now.Before(d.lapses) }

func emergency(w *world) (string, error) {
	r := w.record()
	if r == nil {
		return "no case", nil
	}
	to, by := w.other(r.state), pick(w.r, "liaison", "liaison", "liaison", "deputy", "deputy", "authority")
	if at, g := w.endangered(); g != nil && w.chance(2) { // again
		r, to, by = at, g.to.State, strings.TrimSuffix(g.liaison.Pseudonym(), "-1")
	}
	b, what, _ := w.termsTo(r, to, comity.PurposeDangerToLife)
	b.NotAfter = w.edge(200 + w.r.IntN(700)) // mostly longer than the 432 steps that one grants for
	if w.chance(2) {
		b.Grantee = comity.Grantee{State: to}
	}
	if !w.chance(6) {
		b.Release, b.Emergency = "", "a bomb is to go off"
	}
	if w.chance(12) {
		b.Purpose = pick(w.r, purposes...)
	}
	o := w.at(r.state, by)
	if old := w.unconfirmed(r, o.Caller.Officer.Ref(), b.Grantee.State); old != nil && w.chance(2) {
		b.NotAfter = min(b.NotAfter, old.danger.lapses.Add(-step).Unix())
	}
	did := fmt.Sprintf("%s grants in danger to life %s", o.Caller.Officer.Ref(), what)
	if b.Emergency == "" {
		err := o.Try(w.t, o.MakeGrant(w.t, r.id, b))
		if err == nil {
			w.granted(r, o, b, false)
		}
		return did, err
	}
	g, err := w.endanger(r, o, b)
	if g == nil || !w.chance(3) {
		return did, err
	}
	then, err := w.confirm(r, g) // as it is meant to be
	return did + "; " + then, err
}

// endanger has an officer grant in danger to life, and holds against the Articles
// that it could be granted.
func (w *world) endanger(r *record, o *exchangetest.Officer, b statement.GrantBody) (*grant, error) {
	began, old := w.Clock.Now().Truncate(time.Second), w.unconfirmed(r, o.Caller.Officer.Ref(), b.Grantee.State)
	err := o.Try(w.t, o.MakeGrant(w.t, r.id, b))
	w.tally.count("grants in danger to life", err)
	if old != nil {
		w.tally.count("grants in danger to life again", err)
	}
	if err != nil {
		return nil, err
	}
	switch {
	case b.Purpose != comity.PurposeDangerToLife:
		w.t.Errorf("an emergency is for %s (Article 8)", b.Purpose)
	case old != nil && time.Unix(b.NotAfter, 0).After(old.danger.lapses):
		w.t.Error("a liaison renewed alone what nobody confirmed (Article 8)")
	}
	w.granted(r, o, b, true)
	g := r.grants[len(r.grants)-1]
	g.danger = &danger{lapses: began.Add(alone), signed: g.until}
	if g.danger.lapses.Before(g.until) {
		g.until = g.danger.lapses
	}
	return g, nil
}

// unconfirmed is the first grant of a case that a liaison made to a state in danger to
// life and that no other has confirmed: each leaves a trace of its own, run out or revoked.
func (w *world) unconfirmed(r *record, by comity.OfficerRef, to comity.State) *grant {
	for _, g := range r.grants {
		if g.danger != nil && !g.danger.confirmed && g.liaison == by && g.to.State == to {
			return g
		}
	}
	return nil
}

// confirm has an officer confirm what was granted in danger to life.
func confirm(w *world) (string, error) {
	r, g := w.endangered()
	if g == nil {
		return "nothing was granted in danger to life", nil
	}
	return w.confirm(r, g)
}

func (w *world) confirm(r *record, g *grant) (string, error) {
	o := w.at(r.state, pick(w.r, "deputy", "liaison", "authority"))
	if !w.chance(4) { // the other of both
		o = w.at(r.state, map[bool]string{true: "deputy", false: "liaison"}[g.liaison.Pseudonym() == "liaison-1"])
	}
	if w.chance(8) {
		o = w.at(w.other(r.state), "liaison")
	}
	who, owner := o.Caller.Officer, w.officer(r.owner)
	d := w.dangerous(r, g.to.State)
	if w.chance(10) {
		d.Purpose = purposes[0]
	}
	decided := owner.Try(w.t, d)
	released := decided == nil && d.Purpose == comity.PurposeDangerToLife
	if decided == nil {
		w.laidBefore(r)
	}
	b := statement.ConfirmBody{Case: r.id, Release: d.ID, NotAfter: g.danger.signed.Unix()}
	switch w.r.IntN(10) {
	case 0:
		b.NotAfter = w.edge(-1)
	case 1:
		b.NotAfter += int64(step / time.Second)
	case 2:
		b.NotAfter = min(b.NotAfter, w.edge(w.r.IntN(300)))
	}
	did := fmt.Sprintf("%s confirms a grant of %s until %d", who.Ref(), w.name(r), b.NotAfter)
	now, until := w.Clock.Now(), time.Unix(b.NotAfter, 0)
	err := o.Try(w.t, w.confirmation(o, g, b))
	w.tally.count("confirmations", err)
	if g.danger.lapsed(now) {
		w.tally.count("confirmations too late", err)
	}
	if err != nil {
		return did, err
	}
	switch {
	case who.State != r.state || who.Role != comity.RoleLiaison || !w.mandated[r.state]:
		w.t.Errorf("%s confirmed (Article 8)", who.Ref())
	case who.Ref() == g.liaison:
		w.t.Error("a liaison confirmed his own grant (Article 8)")
	case !released:
		w.t.Error("a grant was confirmed over no release decision (Article 8)")
	case g.danger.confirmed || g.danger.lapsed(now) || !g.stopped.IsZero() || !now.Before(g.until):
		w.t.Error("what was confirmed, or does not run, is confirmed (Article 8)")
	case until.After(g.danger.signed) || !until.After(now):
		w.t.Error("what was confirmed outlasts the grant, or ended before (Article 11)")
	}
	g.danger.confirmed, g.keys, g.until = true, append(g.keys, w.key(r.state)), until
	if !g.narrowed.IsZero() && g.narrowed.Before(until) {
		g.until = g.narrowed
	}
	if w.chance(2) { // what it is confirmed for comes
		w.Clock.Advance(alone)
		did += fmt.Sprintf("; %v pass", alone)
	}
	return did, nil
}

// dangerous is the owner's decision to release a case because life is in danger.
func (w *world) dangerous(r *record, to comity.State) *exchange.DecideRelease {
	return &exchange.DecideRelease{Key: exchangetest.Key(), Case: r.id, Decider: comity.DeciderOwner, Grantee: to, Scope: comity.ScopeFull,
		Subjects: []comity.ID{r.victim}, Purpose: comity.PurposeDangerToLife, NotAfter: w.Clock.Now().Add(60 * 24 * time.Hour)}
}

// confirmation is the signed act that confirms a grant as the officer finds it.
func (w *world) confirmation(o *exchangetest.Officer, g *grant, b statement.ConfirmBody) *exchange.ConfirmGrant {
	version := 0
	o.Read(w.t, func(reader *exchange.Reader) error {
		found, err := reader.Grants([]comity.ID{g.id})
		if found[g.id] != nil {
			version = found[g.id].Version
		}
		return err
	})
	return &exchange.ConfirmGrant{Key: exchangetest.Key(), Grant: g.id, ExpectedVersion: version, Body: b,
		Act: o.Sign(w.t, statement.Act{Act: statement.ActGrantConfirm, Record: g.id}, b)}
}

// endangered is a case with a grant of it in danger to life.
func (w *world) endangered() (*record, *grant) {
	for range 40 {
		if r := w.record(); r != nil && len(r.grants) > 0 {
			if g := pick(w.r, r.grants...); g.danger != nil {
				return r, g
			}
		}
	}
	return nil, nil
}
