package worlds_test

import (
	"fmt"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
)

// scene has happen at a world's beginning what seldom comes together by chance: a
// case is granted under an agreement by which grants run out, on an undertaking, and in
// danger to life, which is confirmed; then the agreement is denounced, and 73 hours pass.
// What was granted to the third state under another ended so with it, which is ratified anew.
// It is looked at then, and once more when another key has taken the place of that
// which signed all this, before that is listed again.
func (w *world) scene(look func()) {
	r := w.record()
	for r.red || (r.owner.Pseudonym() != "investigator-1" && r.owner.Pseudonym() != "colleague-1") {
		r = w.record()
	}
	to, done := w.other(r.state), func(did string, err error) {
		w.trail = append(w.trail, fmt.Sprintf("scene: %s: %v", did, err))
		if err != nil {
			w.t.Errorf("%s: %v", did, err)
		}
	}
	liaison, deputy, authority, giver := w.at(r.state, "liaison"), w.at(r.state, "deputy"), w.at(r.state, "authority"), w.at(to, "authority")
	grantBy := func(to comity.State, p comity.Purpose, change func(*statement.GrantBody)) *grant {
		b, what, err := w.termsTo(r, to, p)
		done("the release of "+what, err)
		b.Grantee, b.Subjects, b.NotBefore, b.NotAfter = comity.Grantee{State: to}, nil, w.Clock.Now().Unix(), w.edge(700)
		change(&b)
		err = liaison.Try(w.t, liaison.MakeGrant(w.t, r.id, b))
		done("the grant of "+what, err)
		w.granted(r, liaison, b, b.Emergency != "")
		return r.grants[len(r.grants)-1]
	}
	lenient := grantBy(to, purposes[0], func(b *statement.GrantBody) { b.Agreement = "lenient" })
	third := w.other(r.state)
	for third == to {
		third = w.other(r.state)
	}
	grantBy(third, purposes[0], func(b *statement.GrantBody) { b.Agreement = w.union.treaties[0].id })

	u := giver.Undertake(w.t, r.state)
	u.Body.Category, u.Body.NotAfter = r.category, w.edge(800)
	u.Act = giver.Sign(w.t, statement.Act{Act: statement.ActUndertakingGive, Record: u.ID}, u.Body)
	done("an undertaking", giver.Try(w.t, u))
	done("its acceptance", authority.Try(w.t, authority.Accepts(w.t, u.ID, u.Statement, r.id)))
	w.tally.count("undertakings", nil)
	w.tally.count("answers to undertakings", nil)
	w.tally.count("grants on undertakings", nil)
	w.promises = append(w.promises, &promise{id: u.ID, of: to, to: r.state, category: r.category, until: time.Unix(u.Body.NotAfter, 0), key: w.key(to),
		said: u.Statement, answered: true, r: r})
	grantBy(to, purposes[1], func(b *statement.GrantBody) { b.Agreement = string(u.ID) })

	began := w.Clock.Now().Truncate(time.Second)
	g := grantBy(to, comity.PurposeDangerToLife, func(b *statement.GrantBody) {
		b.Release, b.Emergency, b.Agreement = "", "a bomb is to go off", "lenient"
	})
	g.danger, g.until = &danger{lapses: began.Add(alone), signed: g.until}, began.Add(alone)
	d := w.dangerous(r, to)
	done("the release for a confirmation", w.officer(r.owner).Try(w.t, d))
	done("the confirmation", deputy.Try(w.t, w.confirmation(deputy, g, statement.ConfirmBody{Case: r.id, Release: d.ID, NotAfter: g.danger.signed.Unix()})))
	w.tally.count("confirmations", nil)
	g.danger.confirmed, g.until = true, g.danger.signed

	// The deputy's nobody confirms: another within its time is granted, none beyond.
	for _, until := range []int64{w.edge(700), w.edge(420), w.edge(500)} {
		b, _, _ := w.termsTo(r, third, comity.PurposeDangerToLife)
		b.Grantee, b.Subjects, b.Release, b.Emergency, b.NotBefore, b.NotAfter = comity.Grantee{State: third}, nil, "", "a bomb is to go off", w.Clock.Now().Unix(), until
		_, _ = w.endanger(r, deputy, b) // judged there, either way
	}

	w.together(r, to, done)
	w.Clock.Advance(time.Second)
	done(w.issue(giver, to, w.denounced(to, 1)))
	done(w.issue(authority, r.state, w.denounced(r.state, 0)))
	w.Clock.Advance(alone + time.Hour)
	authority = w.at(r.state, "authority")
	done(w.issue(authority, r.state, w.renewed(r.state, 0)))
	look()
	_, _ = w.ask(w.at(to, "investigator"), r, lenient)
	done(w.issue(authority, r.state, w.replaced(r.state)))
	look()
	_, _ = w.ask(w.at(to, "investigator"), r, lenient)
	done(w.issue(authority, r.state, w.relisted(r.state)))
}

// together has a case granted to a state by two liaisons, and through the joint team.
func (w *world) together(r *record, to comity.State, done func(string, error)) {
	owner, liaison, deputy := w.officer(r.owner), w.at(r.state, "liaison"), w.at(r.state, "deputy")
	b, _, err := w.termsTo(r, to, purposes[0])
	done("the release to be granted by two", err)
	b.Grantee, b.Subjects, b.NotBefore = comity.Grantee{State: to}, nil, w.Clock.Now().Unix()
	propose := liaison.ProposeGrant(w.t, r.id, b)
	done("a proposal", liaison.Try(w.t, propose))
	done("its approval", deputy.Try(w.t, deputy.ApproveGrant(w.t, r.id, b, propose.Proposed)))
	w.granted(r, deputy, b, true)
	r.grants[len(r.grants)-1].pair = true

	c := owner.Contribute(w.t, r.id).Body
	c.Category, c.Purpose, c.NotAfter, c.Scope = r.category, purposes[0], w.edge(600), comity.ScopeSummary
	done("a contribution", owner.Try(w.t, owner.ContributeAs(w.t, r.id, c)))
	given := &contribution{c.ID, r, c.Scope, c.Purpose, false, time.Unix(c.NotAfter, 0), false, w.key(r.state)}
	stands := deputy.Standing(w.t, to)
	stands.Body.NotAfter = w.edge(600)
	stands = deputy.StandingAs(w.t, stands.Body)
	done("a standing grant", deputy.Try(w.t, stands))
	under := &standing{stands.ID, r.state, deputy.Caller.Officer.Ref(), stands.Body.Grantees, stands.Body.Scope, stands.Body.Purpose,
		time.Unix(stands.Body.NotAfter, 0), false, w.key(r.state)}
	w.contributions, w.standings = append(w.contributions, given), append(w.standings, under)
	w.follow(under, given)
}
