package exchange_test

import (
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/storage"
)

// teamRound is one race over a case: what is contributed, and by what it is granted.
type teamRound struct {
	c        comity.ID
	given    *exchange.ContributeCase
	standing *exchange.MakeStanding
}

// carried lets what an act left in the outbox be carried out, where the act said so.
func (r *raced) carried(t *testing.T, errs []error, records ...comity.ID) {
	t.Helper()
	for i, err := range errs {
		if comity.CodeOf(err) != comity.CodeUnavailable || err == nil {
			continue
		}
		errs[i] = nil
		effects(t, r.Exchange, func() bool {
			n := 0
			for _, id := range records {
				n += waiting(t, r.World, id)
			}
			r.Clock.Advance(time.Second)
			return n == 0
		})
	}
	performed(t, errs...)
}

// teamSound checks, once the acts have come to their end, that nothing is open that the
// Articles forbid: neither in the rows, nor in the register, nor to who reads. What
// they do not forbid is granted to each member once.
func (r *raced) teamSound(t *testing.T, x teamRound, denounced bool) {
	t.Helper()
	var forbidden bool
	must(t, r.DB.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
		row, err := tx.LockCase(x.c)
		must(t, err)
		given, err := tx.ContributionOf("KZ", x.given.Body.ID)
		must(t, err)
		standing, err := tx.StandingByID("KZ", x.standing.ID)
		must(t, err)
		forbidden = row.Reserved || !given.WithdrawnAt.IsZero() || !standing.EndedAt.IsZero()
		return nil
	}))
	b := &bench{World: r.World, liaison: r.liaison}
	rows := map[comity.ID]*comity.Grant{}
	for _, g := range b.grants(t, x.c) {
		if g.Standing == x.standing.ID { // those of earlier rounds are granted by as well
			rows[g.ID] = g
		}
	}
	for _, s := range []comity.State{"AM", "BY"} {
		id := statement.GrantIDUnder(x.standing.ID, x.given.Body.ID, comity.Grantee{State: s})
		_, fault := r.Custodians["KZ"].Standing(t.Context(), x.c, id, s)
		row, made := rows[id]
		runs := made && (row.Status == comity.GrantActive || row.Status == comity.GrantPending)
		opens := reads(t, r.As(t, "investigator@"+string(s)), x.c)
		ends := forbidden || denounced && s == "AM"
		if ends && (fault == nil || opens) || forbidden && runs {
			t.Errorf("%s: forbidden by the rows %v, denounced %v; it runs by the rows %v, by the register %v, and is read %v", s, forbidden, denounced, runs, fault == nil, opens)
		}
		if !ends && (fault != nil || !runs || !opens) {
			t.Errorf("%s: nothing forbids it; it runs by the rows %v, by the register %v, and is read %v", s, runs, fault, opens)
		}
	}
	if len(rows) > 2 {
		t.Errorf("%d grants to two members", len(rows))
	}
}

// TestTeamRaces runs what ends a grant to a joint team against what makes it, at the
// same moment on two servers; thousands of times under COMITY_SOAK.
func TestTeamRaces(t *testing.T) {
	rounds := 4
	if soak {
		rounds = 2000
	}
	for name, race := range map[string]func(*testing.T, *raced, teamRound){
		"contribution withdrawn against application": func(t *testing.T, r *raced, x teamRound) {
			r.owner.Do(t, x.given)
			withdraw := r.owner.WithdrawContribution(t, x.given.Body.ID, x.c)
			errs := together(func() error { return r.liaison.Try(t, x.standing) }, func() error { return r.at2(r.owner).Try(t, withdraw) })
			r.carried(t, errs, x.given.Body.ID, x.standing.ID)
			r.teamSound(t, x, false)
		},
		"standing grant ended against application": func(t *testing.T, r *raced, x teamRound) {
			r.liaison.Do(t, x.standing)
			end := r.liaison.EndStanding(t, x.standing.ID)
			errs := together(func() error { return r.owner.Try(t, x.given) }, func() error { return r.at2(r.liaison).Try(t, end) })
			r.carried(t, errs, x.given.Body.ID, x.standing.ID)
			r.teamSound(t, x, false)
		},
		"reservation against application": func(t *testing.T, r *raced, x teamRound) {
			r.owner.Do(t, x.given)
			reserve := r.authority.Reserve(t, x.c, caseOf(t, r.owner, x.c, "").Version)
			errs := together(func() error { return r.liaison.Try(t, x.standing) }, func() error { return r.at2(r.authority).Try(t, reserve) })
			r.carried(t, errs, x.given.Body.ID, x.standing.ID, x.c)
			r.teamSound(t, x, false)
			r.sound(t, x.c)
		},
		"application against application": func(t *testing.T, r *raced, x teamRound) {
			errs := together(func() error { return r.owner.Try(t, x.given) }, func() error { return r.at2(r.liaison).Try(t, x.standing) })
			r.carried(t, errs, x.given.Body.ID, x.standing.ID)
			r.teamSound(t, x, false)
		},
		"team denounced against application": func(t *testing.T, r *raced, x teamRound) {
			r.liaison.Do(t, x.standing)
			errs := together(func() error { return r.owner.Try(t, x.given) }, func() error { r.team(t, true); return nil })
			r.carried(t, errs, x.given.Body.ID, x.standing.ID)
			r.Clock.Advance(2 * time.Second) // a denunciation is of a second
			r.teamSound(t, x, true)
			r.team(t, false)
		},
	} {
		for engine, open := range engines {
			t.Run(name+"/"+engine, func(t *testing.T) {
				r := newRaced(t, open)
				r.JoinTeam(t, "KZ", "AM", "BY") // its text ends what runs when it is denounced
				for n := range rounds {
					if n%20 == 19 { // before their tokens are over
						r.login(t)
					}
					x := teamRound{c: r.owner.FileCase(t, "A case", "AM")}
					x.given, x.standing = r.owner.Contribute(t, x.c), r.liaison.Standing(t, "AM", "BY")
					if race(t, r, x); t.Failed() {
						return
					}
				}
			})
		}
	}
}

// team has Armenia leave the joint team at once, or ratify it anew.
func (r *raced) team(t *testing.T, leave bool) {
	t.Helper()
	r.Publish(t, "AM", func(m *statement.Manifest) {
		for i := range m.Agreements {
			if a := &m.Agreements[i]; a.ID == tokentest.Team {
				a.Denounced = time.Time{}
				if leave {
					a.Denounced = r.Clock.Now().UTC()
				} else {
					a.Ratified = r.Clock.Now().UTC()
				}
			}
		}
	})
	if !leave {
		r.Clock.Advance(2 * time.Second) // what is signed from here on is of the new one
	}
}
