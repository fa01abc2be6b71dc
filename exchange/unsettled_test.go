package exchange_test

import (
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/exchange"
)

// TestIncidentsThatSettle: what the register says and the database does not yet is
// told as an incident when it lasts longer than an act may take, once, to the state
// that the record is of; and what settled meanwhile begins anew.
func TestIncidentsThatSettle(t *testing.T) {
	g, raw := operated(t)
	grant := string(g.grant.Body.ID)
	incidents := func(s comity.State) (all []audit.Content) {
		t.Helper()
		must(t, g.Exchange.TellIncidents(t.Context()))
		for _, e := range logOf(t, g.World, "auditor@"+string(s)) {
			if e.Content.Act == "incident" {
				all = append(all, e.Content)
			}
		}
		return all
	}
	look := func() { t.Helper(); caseOf(t, g.foreign, g.c, comity.PurposeInvestigation) }
	set := func(table string) {
		t.Helper()
		exec(t, raw, `UPDATE grants SET narrowing = x.narrowing, scope = x.scope, exhibits = x.exhibits, not_after = x.not_after FROM `+table+` x WHERE grants.id = x.id`)
	}
	exec(t, raw, `CREATE TABLE old AS SELECT * FROM grants`)
	g.narrow(t, 2, comity.ScopeSummary)
	exec(t, raw, `CREATE TABLE new AS SELECT * FROM grants`)

	// The act is under way, and comes to its end; hours later another is.
	set("old")
	look()
	set("new")
	look()
	g.Clock.Advance(2 * time.Hour)
	set("old")
	look()
	g.Clock.Advance(exchange.SettleAfter - time.Second)
	look()
	if told := incidents("KZ"); len(told) != 0 {
		t.Errorf("what may still settle is told: %+v", told)
	}

	// It lasts.
	g.Clock.Advance(2 * time.Second)
	look()
	look()
	told := incidents("KZ")
	if len(told) != 1 || told[0].Outcome != audit.Failed || len(told[0].Records) != 1 || told[0].Records[0].ID != grant || told[0].Actor.Ref != "" {
		t.Errorf("of a grant that stays widened in the database is told %+v", told)
	}
	look()
	if again := incidents("KZ"); len(again) != 1 {
		t.Errorf("it is told %d times on one day", len(again))
	}
	if abroad := incidents("AM"); len(abroad) != 0 {
		t.Errorf("Armenia is told %+v", abroad)
	}
}
