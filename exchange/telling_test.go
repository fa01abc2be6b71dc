package exchange_test

import (
	"context"
	"strings"
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/sovereignty"
)

// TestEndTellsNoReason: from the record of acts no grantee tells a reservation
// from a revocation, nor how many others were concerned (Articles 4 and 12).
func TestEndTellsNoReason(t *testing.T) {
	ended := func(reserve bool) (contents []audit.Content) {
		w := exchangetest.New(t, "KZ", "AM", "BY", "KG", "RU")
		w.Mandate(t, "KZ")
		owner, liaison, authority := w.As(t, "investigator@KZ"), w.As(t, "liaison@KZ"), w.As(t, "authority@KZ")
		c := owner.FileCase(t, "A case", "AM")
		var grants []comity.ID
		for _, s := range []comity.State{"AM", "AM", "BY", "KG", "RU"} {
			m := liaison.MakeGrant(t, c, liaison.GrantBody(s, owner.Release(t, c, s)))
			liaison.Do(t, m)
			grants = append(grants, m.Body.ID)
		}
		if reserve {
			body := statement.ReserveBody{Reason: "secret"}
			authority.Do(t, &exchange.ReserveCase{Key: exchangetest.Key(), Case: c, ExpectedVersion: caseOf(t, authority, c, "").Version, Body: body,
				Act: authority.Sign(t, statement.Act{Act: statement.ActCaseReserve, Record: c}, body)})
		} else {
			liaison.Do(t, liaison.Revoke(t, c, grants[0]))
			liaison.Do(t, liaison.Revoke(t, c, grants[1]))
		}
		for _, e := range logOf(t, w, "auditor@AM") {
			if len(e.Commitments) != 4 {
				t.Errorf("an entry has %d commitments", len(e.Commitments))
			}
			if e.Content.Act == "grantEnded" {
				contents = append(contents, e.Content)
			} else if strings.Contains(e.Content.Act, "eserve") || strings.Contains(e.Content.Act, "evoke") {
				t.Errorf("Armenia reads %s", e.Content.Act)
			}
		}
		own := 0
		for _, e := range logOf(t, w, "auditor@KZ") {
			if e.Content.Act == string(sovereignty.CaseReserve) {
				own++
				if len(e.Content.Records) != 6 {
					t.Errorf("the originator reads of %d records, wanted the case and its five grants", len(e.Content.Records))
				}
			}
		}
		if (own == 1) != reserve {
			t.Errorf("the originator reads of %d reservations", own)
		}
		return contents
	}
	revoked, reserved := ended(false), ended(true)
	if len(revoked) != 2 || len(reserved) != 2 {
		t.Fatalf("%d entries after revocations, %d after a reservation, wanted one a grant", len(revoked), len(reserved))
	}
	for i := range revoked {
		a, b := revoked[i], reserved[i]
		if len(a.Records) != 1 || len(b.Records) != 1 || a.Act != b.Act || a.Actor != b.Actor || a.Article != b.Article || a.Reason != b.Reason || a.RequestID != b.RequestID {
			t.Errorf("revoked: %+v\nreserved: %+v", a, b)
		}
	}
}

// TestRoutingIsNotTold: of how the asked state works on a request within itself
// the asking state's record of acts tells nothing.
func TestRoutingIsNotTold(t *testing.T) {
	l := newLetters(t)
	id := l.brought(t, "receive, acknowledge, forward") // to KZ/ct
	l.moved(t, l.liaison, id, exchange.MoveRequest{Move: sovereignty.RequestForward, RouteTo: "KZ/cyber"})
	l.moved(t, l.liaison, id, exchange.MoveRequest{Move: sovereignty.RequestForward, RouteTo: "KZ/ct", Note: "We are at it"})
	see(t, l.As(t, "ct@KZ"), id)
	acts := map[string]int{}
	for _, e := range logOf(t, l.World, "auditor@AM") {
		if e.Content.Actor.State != "KZ" {
			continue
		}
		acts[e.Content.Act]++
		if a := e.Content.Actor; a.Agency != "" || a.Ref != "" || a.Function == "" {
			t.Errorf("%s is told of %+v", e.Content.Act, a)
		}
	}
	for act, n := range map[string]int{"requestReceive": 1, "requestAcknowledge": 1, "requestForward": 1, "messageSend": 1, "read": 0} {
		if acts[act] != n {
			t.Errorf("Armenia reads %d times of %s, wanted %d", acts[act], act, n)
		}
	}
	// Nor the other way: what Armenia reads of its own request is its own matter.
	for _, e := range about(logOf(t, l.World, "auditor@KZ"), id) {
		if e.Actor.State == "AM" && (e.Act == "read" || e.Actor.Ref != "") {
			t.Errorf("Kazakhstan reads of %s by %+v", e.Act, e.Actor)
		}
	}
}

// TestPendingNarrowedIsNotTold: a grant that has opened nothing yet is narrowed
// without its grantee learning of it.
func TestPendingNarrowedIsNotTold(t *testing.T) {
	g := newGranted(t)
	x := secondServer(t, g.World, turned{apply: func(context.Context, string) error { return comity.Unavailable("the custodian of KZ", nil) }})
	act := g.liaison.MakeGrant(t, g.c, g.liaison.GrantBody("AM", g.release, g.exhibit))
	want(t, x.Do(t.Context(), g.liaison.Caller, act), comity.CodeUnavailable, 0)
	n := &exchange.NarrowGrant{Key: exchangetest.Key(), Grant: act.Body.ID, ExpectedVersion: 1, Body: statement.NarrowBody{Case: g.c, Scope: comity.ScopeSummary,
		Caveats: act.Body.Caveats, NotAfter: act.Body.NotAfter}}
	n.Act = g.liaison.Sign(t, statement.Act{Act: statement.ActGrantNarrow, Record: act.Body.ID}, n.Body)
	want(t, x.Do(t.Context(), g.liaison.Caller, n), comity.CodeUnavailable, 0)
	if found := about(logOf(t, g.World, "auditor@KZ"), act.Body.ID); len(found) == 0 {
		t.Error("the originator's own record lacks the narrowing")
	}
	if found := about(logOf(t, g.World, "auditor@AM"), act.Body.ID); len(found) > 0 {
		t.Errorf("Armenia's record names a grant that has opened nothing yet: %+v", found[0])
	}
}
