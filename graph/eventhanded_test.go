package graph

import (
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
)

// both is what is told where something is handed over, and at whom it arrives.
func both(from string, senders []string, at string, receivers []string) map[string][]string {
	m := tell(from, senders...)
	for _, n := range receivers {
		m[n] = []string{at}
	}
	return m
}

// drained passes over what happened before.
func (w *watchers) drained(t *testing.T) {
	t.Helper()
	for _, name := range w.names {
		for quiet := time.After(time.Second); ; {
			select {
			case e := <-w.streams[name].events:
				w.last[name], w.ids[e.ID] = e.ID, true
				continue
			case <-quiet:
			}
			break
		}
	}
}

// later ends all streams, has time pass, and goes on with all of them at another server.
func (w *watchers) later(t *testing.T, end func(), d time.Duration) {
	t.Helper()
	end()
	for _, name := range w.names {
		w.streams[name].ends(t)
	}
	w.Clock.Advance(d)
	next := (&api{World: w.World, log: w.log}).serve(t, w.Exchange, nil)
	next.stream(t)
	w.api = next
	w.open(t)
}

// TestEventsOfWhatIsHanded: what states hand each other about records is told to both
// of them, as far as their officers are shown it, as is what nobody answered in time.
func TestEventsOfWhatIsHanded(t *testing.T) {
	for name, open := range engines {
		t.Run(name, func(t *testing.T) {
			a := serveOn(t, open)
			end := a.stream(t)
			const owner, liaison, authority, auditor = "investigator@KZ", "liaison@KZ", "authority@KZ", "auditor@KZ"
			const theirs, theirLiaison, theirAuthority = "investigator@AM", "liaison@AM", "authority@AM"
			c := a.As(t, owner).FileCase(t, "Ransomware", "AM")
			a.As(t, owner).Do(t, &exchange.AssignCase{Key: exchangetest.Key(), ID: c, Office: comity.RoleLiaison})
			a.Mandate(t, "KZ")
			l := a.As(t, liaison)
			grant := l.MakeGrant(t, c, l.GrantBody("AM", a.As(t, owner).Release(t, c, "AM")))
			l.Do(t, grant)
			w := a.watchers(t, owner, "colleague@KZ", liaison, authority, auditor, theirs, "colleague@AM", theirLiaison, theirAuthority, "auditor@AM", "liaison@BY", "authority@BY")
			w.drained(t)
			as := func(name string) *client { return w.clients[name] }
			home, abroad := []string{owner, liaison, authority}, []string{theirs, theirLiaison, theirAuthority}
			offices, theirOffices := []string{liaison, authority}, []string{theirLiaison, theirAuthority}

			note := as(theirs).Annotate(t, c, c, grant.Body.ID, "known here")
			as(theirs).Do(t, note)
			w.told(t, "an annotation", both("DISPATCH_CHANGED", abroad, "DISPATCH_ARRIVED", home))
			as(owner).Do(t, as(owner).Answers(t, note.Body.ID, note.Statement, comity.DispatchAccepted, ""))
			w.told(t, "an annotation accepted", tell("DISPATCH_CHANGED", append(home, abroad...)...))
			back := as(theirs).Annotate(t, c, c, grant.Body.ID, "and another")
			as(theirs).Do(t, back)
			w.told(t, "another", both("DISPATCH_CHANGED", abroad, "DISPATCH_ARRIVED", home))
			as(theirs).Do(t, &exchange.WithdrawDispatch{Key: exchangetest.Key(), ID: back.Body.ID})
			w.told(t, "an annotation taken back", tell("DISPATCH_CHANGED", append(home, abroad...)...))

			offer := as(liaison).Offer(t, comity.NewID(comity.KindReferral), c, "AM", 1, "yours")
			as(liaison).Do(t, offer)
			w.told(t, "a referral", both("DISPATCH_CHANGED", offices, "DISPATCH_ARRIVED", theirOffices))
			as(liaison).Do(t, as(liaison).Offer(t, offer.ID, c, "AM", 2, "yours, all of it"))
			w.told(t, "a referral changed", tell("DISPATCH_CHANGED", append(offices, theirOffices...)...))

			promise := as(authority).Undertake(t, "AM")
			as(authority).Do(t, promise)
			w.told(t, "an undertaking", both("DISPATCH_CHANGED", offices, "DISPATCH_ARRIVED", theirOffices))

			compelled := as(theirLiaison).Compelled(t, c, grant.Body.ID, a.Clock.Now().Add(time.Hour), "")
			as(theirLiaison).Do(t, compelled)
			w.told(t, "a disclosure notified", both("DISPATCH_CHANGED", theirOffices, "DISPATCH_ARRIVED", home))
			w.silent(t, "before clocks ran out")

			w.later(t, end, 25*time.Hour) // past an answer to what is left open, past the disclosure, to which nobody objected in time
			w.told(t, "a referral that nobody answered", tell("DISPATCH_OVERDUE", append(offices, theirOffices...)...))
			w.silent(t, "in the end")
		})
	}
}

// TestEventsOfAReservation: of the grants that end by a reservation each grantee is told
// of its own, and the state that reserves of all, whatever it reserves by.
func TestEventsOfAReservation(t *testing.T) {
	for name, open := range engines {
		t.Run(name, func(t *testing.T) {
			a := serveOn(t, open)
			a.stream(t)
			const owner, liaison, authority, auditor = "investigator@KZ", "liaison@KZ", "authority@KZ", "auditor@KZ"
			a.Mandate(t, "KZ")
			o, l := a.As(t, owner), a.As(t, liaison)
			granted := func() comity.ID {
				c := o.FileCase(t, "Ransomware", "AM", "BY")
				for _, s := range []comity.State{"AM", "BY"} {
					l.Do(t, l.MakeGrant(t, c, l.GrantBody(s, o.Release(t, c, s))))
				}
				return c
			}
			c := granted()
			w := a.watchers(t, owner, "colleague@KZ", liaison, authority, auditor, "investigator@AM", "liaison@AM", "colleague@AM", "auditor@AM", "liaison@BY", "auditor@BY")
			w.drained(t)
			ended := tell("GRANT_ENDED", "investigator@AM", "liaison@AM", "colleague@AM", "auditor@AM", "liaison@BY", "auditor@BY")
			for _, n := range []string{liaison, authority, auditor, owner} {
				ended[n] = []string{"GRANT_ENDED", "GRANT_ENDED"}
			}
			version := 0
			w.clients[authority].Read(t, func(r *exchange.Reader) error {
				found, err := r.Cases([]comity.ID{c}, "")
				version = found[c].Version
				return err
			})
			w.clients[authority].Do(t, w.clients[authority].Reserve(t, c, version))
			for _, n := range []string{owner, liaison, authority} {
				ended[n] = append(ended[n], "CASE_CHANGED")
			}
			w.told(t, "a case reserved", ended)
			w.silent(t, "after the case")

			granted()
			w.drained(t)
			w.clients[authority].Do(t, w.clients[authority].ReserveCategory(t, comity.Category("RANSOMWARE")))
			for _, n := range []string{owner, liaison, authority} {
				ended[n] = ended[n][:2]
			}
			w.told(t, "a category reserved", ended)
			w.silent(t, "in the end")
		})
	}
}

// TestEventsOfProposals: what waits for a second officer is told to those who may be it,
// and what became of it to all of the role.
func TestEventsOfProposals(t *testing.T) {
	for name, open := range engines {
		t.Run(name, func(t *testing.T) {
			a := serveOn(t, open)
			end := a.stream(t)
			const owner, liaison, deputy, authority, second, auditor = "investigator@KZ", "liaison@KZ", "deputy@KZ", "authority@KZ", "second@KZ", "auditor@KZ"
			a.As(t, authority).Do(t, &exchange.GiveMandate{Key: exchangetest.Key(), Liaison: a.As(t, liaison).Caller.Officer.Ref(), Deputies: []comity.OfficerRef{a.As(t, deputy).Caller.Officer.Ref()},
				NotBefore: a.Clock.Now().Add(-time.Minute), NotAfter: a.Clock.Now().Add(90 * 24 * time.Hour)})
			c := a.As(t, owner).FileCase(t, "Ransomware", "AM")
			release := a.As(t, owner).Release(t, c, "AM")
			w := a.watchers(t, owner, liaison, deputy, authority, second, auditor, "investigator@AM", "liaison@AM", "deputy@AM", "authority@AM", "auditor@AM")
			w.drained(t)
			as := func(name string) *client { return w.clients[name] }
			// One stream of the case alone is told of what is proposed about it, too.
			alone := as(deputy).watch(t, map[string]any{"case": c, "kinds": []string{"PROPOSAL_ARRIVED"}})
			other := as(deputy).watch(t, map[string]any{"kinds": []string{"PROPOSAL_LAPSED"}})

			propose := func(by string) (statement.GrantBody, comity.ID) {
				t.Helper()
				body := as(by).GrantBody("AM", release)
				p := as(by).ProposeGrant(t, c, body)
				as(by).Do(t, p)
				return body, p.Proposed
			}
			body, p := propose(liaison)
			w.told(t, "a grant proposed", tell("PROPOSAL_ARRIVED", deputy))
			if e := alone.next(t); e.Record != string(p) || e.Kind != "PROPOSAL_ARRIVED" {
				t.Errorf("a stream of the case was told %s", e.Raw)
			}
			as(deputy).Do(t, as(deputy).ApproveGrant(t, c, body, p))
			made := tell("GRANT_MADE", owner, authority, second, auditor, "investigator@AM", "liaison@AM", "deputy@AM", "authority@AM", "auditor@AM")
			made[liaison], made[deputy] = []string{"PROPOSAL_DECIDED", "GRANT_MADE"}, []string{"PROPOSAL_DECIDED", "GRANT_MADE"}
			w.told(t, "a grant approved", made)

			_, p = propose(deputy)
			w.told(t, "another proposed", tell("PROPOSAL_ARRIVED", liaison))
			as(deputy).Do(t, &exchange.DeclineProposal{Key: exchangetest.Key(), Proposal: p, Reason: "not now"})
			w.told(t, "it is taken back", tell("PROPOSAL_DECIDED", liaison, deputy))

			drawn := as(authority).Withdraw(t, c, comity.NewID(comity.KindWithdrawal), "")
			as(authority).Do(t, drawn)
			w.told(t, "a withdrawal proposed", tell("PROPOSAL_ARRIVED", second))
			propose(liaison)
			w.told(t, "a third proposed", tell("PROPOSAL_ARRIVED", deputy))
			w.silent(t, "before clocks ran out")
			select {
			case e := <-other.events:
				t.Errorf("a stream of another kind was told %s", e.Raw)
			default:
			}

			w.later(t, end, statement.ProposalAge+time.Second)
			lapsed := tell("PROPOSAL_LAPSED", liaison, deputy, authority, second)
			w.told(t, "proposals that lapsed", lapsed)
			w.silent(t, "in the end")
		})
	}
}
