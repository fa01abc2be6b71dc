package exchange_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/sovereignty"
)

// ends are the acts that are in the register before they are in the database.
var ends = map[sovereignty.Action]func(*testing.T, *granted) (*exchangetest.Officer, exchange.Act){
	sovereignty.GrantRevoke: func(t *testing.T, g *granted) (*exchangetest.Officer, exchange.Act) {
		return g.liaison, g.liaison.Revoke(t, g.c, g.grant.Body.ID)
	},
	sovereignty.GrantNarrow: func(t *testing.T, g *granted) (*exchangetest.Officer, exchange.Act) {
		body := statement.NarrowBody{Case: g.c, Scope: comity.ScopeSummary, Caveats: g.grant.Body.Caveats, NotAfter: g.grant.Body.NotAfter}
		return g.liaison, &exchange.NarrowGrant{Key: exchangetest.Key(), Grant: g.grant.Body.ID, ExpectedVersion: 2, Body: body,
			Act: g.liaison.Sign(t, statement.Act{Act: statement.ActGrantNarrow, Record: g.grant.Body.ID}, body)}
	},
	sovereignty.CaseReserve: func(t *testing.T, g *granted) (*exchangetest.Officer, exchange.Act) {
		body := statement.ReserveBody{Reason: "a domestic matter"}
		return g.authority, &exchange.ReserveCase{Key: exchangetest.Key(), Case: g.c, ExpectedVersion: caseOf(t, g.authority, g.c, "").Version, Body: body,
			Act: g.authority.Sign(t, statement.Act{Act: statement.ActCaseReserve, Record: g.c}, body)}
	},
}

// done counts the entries of an officer's record that say so of an act.
func done(t *testing.T, g *granted, auditor, act string, of comity.ID) (n int) {
	t.Helper()
	for _, c := range about(logOf(t, g.World, auditor), of) {
		if c.Act == act && c.Outcome == audit.Done {
			n++
		}
	}
	return n
}

// TestSignedEndIsRecorded: an end that the register has and whose act did not
// come to its own end, since the database went away, comes into the database
// and into the record of acts of all that it concerns.
func TestSignedEndIsRecorded(t *testing.T) {
	for action, end := range ends {
		t.Run(string(action), func(t *testing.T) {
			onEngines(t, func(t *testing.T) {
				g := newGranted(t)
				var signed atomic.Bool
				x := serverWith(t, g.World, func(ctx context.Context, call string, perform func(context.Context) error) error {
					if call == "database Write" && signed.Load() {
						return comity.Unavailable("the database", nil)
					}
					if call == "custodian KZ Sign" {
						defer signed.Store(true)
					}
					return perform(ctx)
				})
				officer, act := end(t, g)
				want(t, at(officer, x).Try(t, act), comity.CodeUnavailable, 0)
				of := g.grant.Body.ID
				if action == sovereignty.CaseReserve {
					of = g.c
				}
				if n := done(t, g, "auditor@KZ", string(action), of); n != 0 {
					t.Fatalf("%d entries say that it is done, of an act that was cut off", n)
				}
				g.Clock.Advance(2 * time.Minute)
				effects(t, g.Exchange, func() bool { return done(t, g, "auditor@KZ", string(action), of) == 1 })
				told := done(t, g, "auditor@AM", "grantEnded", g.grant.Body.ID)
				v := caseOf(t, g.foreign, g.c, comity.PurposeInvestigation)
				switch {
				case action == sovereignty.GrantNarrow && (told != 0 || v.Access.Level != sovereignty.AccessSummary):
					t.Errorf("narrowed, it opens %s, and Armenia reads %d times of its end", v.Access.Level, told)
				case action != sovereignty.GrantNarrow && (told != 1 || v.Access.Level != sovereignty.AccessEnded):
					t.Errorf("ended, it opens %s, and Armenia reads %d times of its end", v.Access.Level, told)
				}
				if own := caseOf(t, g.owner, g.c, ""); own.Reserved != (action == sovereignty.CaseReserve) || own.Text == nil {
					t.Errorf("the case is shown as reserved %v, its words are %v", own.Reserved, own.Text)
				}
			})
		})
	}
}

// TestEndThatWasNeverSigned: what the custodian refused or never heard of
// changes nothing later.
func TestEndThatWasNeverSigned(t *testing.T) {
	for action, end := range ends {
		t.Run(string(action), func(t *testing.T) {
			g := newGranted(t)
			officer, act := end(t, g)
			want(t, at(officer, serverWith(t, g.World, failing("custodian KZ Sign"))).Try(t, act), comity.CodeUnavailable, 0)
			of := g.grant.Body.ID
			if action == sovereignty.CaseReserve {
				of = g.c
			}
			if waiting(t, g.World, of) != 1 {
				t.Fatal("no intent waits")
			}
			g.Clock.Advance(2 * time.Minute)
			effects(t, g.Exchange, func() bool { return waiting(t, g.World, of) == 0 })
			if v := caseOf(t, g.foreign, g.c, comity.PurposeInvestigation); v.Access.Level != sovereignty.AccessFull {
				t.Errorf("the grant opens %s", v.Access.Level)
			}
			if n := done(t, g, "auditor@KZ", string(action), of); n != 0 {
				t.Errorf("%d entries say that it is done", n)
			}
		})
	}
}

// TestNarrowingBringsNothingIntoForce: the statement that narrows a grant does
// not stand in for the grant's own, which the register never got.
func TestNarrowingBringsNothingIntoForce(t *testing.T) {
	g, raw := operated(t)
	away := at(g.liaison, serverWith(t, g.World, failing("custodian KZ Apply")))
	act := g.liaison.MakeGrant(t, g.c, g.liaison.GrantBody("AM", g.release, g.exhibit))
	want(t, away.Try(t, act), comity.CodeUnavailable, 0)
	exec(t, raw, `DELETE FROM effects`)
	body := statement.NarrowBody{Case: g.c, Scope: comity.ScopeSummary, Caveats: act.Body.Caveats, NotAfter: act.Body.NotAfter}
	g.liaison.Do(t, &exchange.NarrowGrant{Key: exchangetest.Key(), Grant: act.Body.ID, ExpectedVersion: 1, Body: body,
		Act: g.liaison.Sign(t, statement.Act{Act: statement.ActGrantNarrow, Record: act.Body.ID}, body)})
	b := &bench{World: g.World, liaison: g.liaison}
	for _, found := range b.grants(t, g.c) {
		if found.ID == act.Body.ID && found.Status != comity.GrantPending {
			t.Errorf("a grant that the register never got is %s", found.Status)
		}
	}
	if n := done(t, g, "auditor@AM", "grantBegun", act.Body.ID); n != 0 {
		t.Error("Armenia reads that it began")
	}
}
