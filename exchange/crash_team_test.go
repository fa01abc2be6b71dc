package exchange_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/storage"
)

func init() { maps.Copy(struckActs, struckTeamActs) }

// teamOnce sets the joint team up where the bench has none yet.
func (b *bench) teamOnce(t *testing.T) {
	t.Helper()
	m, err := b.Directory.State("KZ")
	must(t, err)
	if !slices.ContainsFunc(m.Agreements, func(a statement.Agreement) bool { return a.Team }) {
		b.JoinTeam(t, "KZ", "AM", "BY")
	}
}

// contributed reads a contribution of KZ.
func (b *bench) contributed(t *testing.T, id comity.ID) (r comity.Release) {
	t.Helper()
	must(t, b.DB.Read(storage.AsSystem(t.Context()), func(tx storage.ReadTx) (err error) {
		r, err = tx.ContributionOf("KZ", id)
		if err == storage.ErrNotFound {
			err = nil
		}
		return err
	}))
	return r
}

func one(done bool) int {
	if done {
		return 1
	}
	return 0
}

var struckTeamActs = map[string]func(*testing.T, *bench) tried{
	"caseContribute": func(t *testing.T, b *bench) tried {
		b.teamOnce(t)
		standing := b.liaison.Standing(t, "AM", "BY")
		b.liaison.Do(t, standing)
		c, key := b.owner.FileCase(t, "A case", "AM"), exchangetest.Key()
		body := b.owner.Contribute(t, c).Body
		return tried{who: b.owner, act: func() exchange.Act {
			act := b.owner.ContributeAs(t, c, body)
			act.Key = key
			return act
		}, count: func() int { return one(b.contributed(t, body.ID).ID != "") }, after: func(t *testing.T, _ exchange.Act) {
			if grants := b.grants(t, c); !reads(t, b.foreign, c) || len(slices.DeleteFunc(grants, func(g *comity.Grant) bool { return g.Standing != standing.ID })) != 2 {
				t.Error("what was contributed is not granted to each member once")
			}
			b.owner.Do(t, b.owner.WithdrawContribution(t, body.ID, c)) // no other act of the bench grants it
			b.liaison.Do(t, b.liaison.EndStanding(t, standing.ID))
		}}
	},
	"contributionWithdraw": func(t *testing.T, b *bench) tried {
		b.teamOnce(t)
		standing := b.liaison.Standing(t, "AM")
		b.liaison.Do(t, standing)
		c, key := b.owner.FileCase(t, "A case", "AM"), exchangetest.Key()
		given := b.owner.Contribute(t, c)
		b.owner.Do(t, given)
		return tried{who: b.owner, act: func() exchange.Act {
			act := b.owner.WithdrawContribution(t, given.Body.ID, c)
			act.Key = key
			return act
		}, count: func() int {
			gone := !b.contributed(t, given.Body.ID).WithdrawnAt.IsZero()
			// Signed and not recorded yet, it is in the register alone.
			if open := reads(t, b.foreign, c); gone && open {
				t.Error("a contribution is withdrawn, and Armenia reads the case")
			}
			return one(gone)
		}, after: func(t *testing.T, _ exchange.Act) {
			if reads(t, b.foreign, c) {
				t.Error("what was taken back is open")
			}
			b.liaison.Do(t, b.liaison.EndStanding(t, standing.ID))
		}}
	},
	"standingMake": func(t *testing.T, b *bench) tried {
		b.teamOnce(t)
		c, key := b.owner.FileCase(t, "A case", "AM"), exchangetest.Key()
		given := b.owner.Contribute(t, c)
		b.owner.Do(t, given)
		made := b.liaison.Standing(t, "AM")
		return tried{who: b.liaison, act: func() exchange.Act {
			act := *made
			act.Key, act.Act = key, b.liaison.Sign(t, statement.Act{Act: statement.ActStandingMake, Record: made.ID}, made.Body)
			return &act
		}, count: func() (n int) {
			b.liaison.Read(t, func(r *exchange.Reader) error {
				s, err := r.Standing(made.ID)
				n = one(s != nil)
				return err
			})
			return n
		}, after: func(t *testing.T, _ exchange.Act) {
			if !reads(t, b.foreign, c) || len(b.grants(t, c)) != 1 {
				t.Error("what was contributed before is not granted once")
			}
			b.owner.Do(t, b.owner.WithdrawContribution(t, given.Body.ID, c))
			b.liaison.Do(t, b.liaison.EndStanding(t, made.ID))
		}}
	},
	"standingEnd": func(t *testing.T, b *bench) tried {
		b.teamOnce(t)
		standing := b.liaison.Standing(t, "AM")
		b.liaison.Do(t, standing)
		c, key := b.owner.FileCase(t, "A case", "AM"), exchangetest.Key()
		given := b.owner.Contribute(t, c)
		b.owner.Do(t, given)
		return tried{who: b.liaison, act: func() exchange.Act {
			act := b.liaison.EndStanding(t, standing.ID)
			act.Key = key
			return act
		}, count: func() (n int) {
			b.liaison.Read(t, func(r *exchange.Reader) error {
				s, err := r.Standing(standing.ID)
				n = one(!s.EndedAt.IsZero())
				return err
			})
			if n > 0 && reads(t, b.foreign, c) {
				t.Error("a standing grant has ended, and Armenia reads the case")
			}
			return n
		}, after: func(t *testing.T, _ exchange.Act) {
			if reads(t, b.foreign, c) {
				t.Error("open beyond the end of the standing grant")
			}
			b.owner.Do(t, b.owner.WithdrawContribution(t, given.Body.ID, c))
		}}
	},
}
