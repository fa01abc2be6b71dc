package graph

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/storage"
)

// namingDomestic is naming for what a state keeps to itself. What takes two
// officers is proposed, and approved under a proposal that is not there either.
func (c *client) namingDomestic(t *testing.T, r records) map[string]map[string]any {
	t.Helper()
	sign := func(act string, id comity.ID, body any) string {
		return c.Sign(t, statement.Act{Act: act, Record: id}, body)
	}
	of, reservation, hold, withdrawal := r[comity.KindCase], r[comity.KindReservation], r[comity.KindHold], r[comity.KindWithdrawal]
	made, drawn := comity.NewID(comity.KindHold), comity.NewID(comity.KindWithdrawal)
	erasure := statement.EraseBody{ID: r[comity.KindErasure], Before: c.Clock.Now().Add(-comity.ErasureAge).Unix(), Reason: "a"}
	return map[string]map[string]any{
		"caseReserveLift": {"case": of, "reason": "a", "act": sign(statement.ActCaseReserveLift, of, statement.LiftBody{Reason: "a"})},
		"categoryReserveLift": {"reservation": reservation, "category": "FRAUD", "reason": "a",
			"act": sign(statement.ActCategoryReserveLift, reservation, statement.CategoryBody{Category: "FRAUD", Reason: "a"})},
		"holdPlace":   {"id": made, "case": of, "reason": "a", "act": sign(statement.ActHoldPlace, of, statement.HoldBody{ID: made, Reason: "a"})},
		"holdRelease": {"hold": hold, "case": of, "reason": "a", "act": sign(statement.ActHoldRelease, hold, statement.HoldReleaseBody{Case: of, Reason: "a"})},
		"caseWithdraw": {"id": drawn, "case": of, "reason": "a", "proposal": comity.NewID(comity.KindProposal),
			"act": sign(statement.ActCaseWithdraw, of, statement.WithdrawBody{ID: drawn, Reason: "a"})},
		"logErase": {"id": erasure.ID, "before": time.Unix(erasure.Before, 0).UTC(), "reason": "a", "proposal": r[comity.KindProposal],
			"act": sign(statement.ActLogErase, erasure.ID, erasure)},
		"caseWithdrawCancel": {"withdrawal": withdrawal, "case": of, "reason": "a",
			"act": sign(statement.ActCaseWithdrawCancel, withdrawal, statement.WithdrawCancelBody{Case: of, Reason: "a"})},
	}
}

// domestic adds a hold and a withdrawal to the records of a state.
func (a *api) domestic(t *testing.T, s comity.State, r records) {
	t.Helper()
	authority, second := a.World.As(t, "authority@"+string(s)), a.World.As(t, "second@"+string(s))
	r[comity.KindReservation] = comity.NewID(comity.KindReservation) // one that is there is told to the whole state
	r[comity.KindErasure] = comity.NewID(comity.KindErasure)         // made by the act that names it
	r[comity.KindWithdrawal] = exchangetest.Withdrawn(t, authority, second, r[comity.KindCase]).Body.ID
	hold := authority.Hold(t, r[comity.KindCase], "", time.Time{})
	authority.Do(t, hold)
	r[comity.KindHold] = hold.Body.ID
}

// TestDomesticStory: over HTTP a category is reserved and lifted, a case's
// reservation lifted, a hold placed and released, a withdrawal made and cancelled,
// each by who may and not by who may not; abroad nothing of it is read.
func TestDomesticStory(t *testing.T) {
	for engine, db := range map[string]func(testing.TB, func() time.Time) storage.DB{"SQLite": exchangetest.SQLite, "PostgreSQL": exchangetest.Postgres} {
		t.Run(engine, func(t *testing.T) {
			log := &logBuffer{}
			w := exchangetest.NewWith(t, exchangetest.Options{DB: db, Log: slog.New(slog.NewTextHandler(log, nil))})
			domesticStory(t, (&api{World: w, log: log}).serve(t, w.Exchange, nil))
		})
	}
}

func domesticStory(t *testing.T, a *api) {
	r := hidden(t, a)
	owner, liaison, authority, second, foreign := a.as(t, "investigator@KZ"), a.as(t, "liaison@KZ"), a.as(t, "authority@KZ"), a.as(t, "second@KZ"), a.as(t, "authority@AM")
	c := r[comity.KindCase]
	sign := func(o *client, act string, id comity.ID, body any) string {
		return o.Sign(t, statement.Act{Act: act, Record: id}, body)
	}
	refusedBy := func(o *client, mutation string, input map[string]any, article int) {
		t.Helper()
		if e := o.refused(t, mutation, input, comity.CodeDenied); e["article"] != float64(article) {
			t.Errorf("%s is refused by %v, wanted Article %d", mutation, e, article)
		}
	}

	// A category.
	reservation := comity.NewID(comity.KindReservation)
	category := statement.CategoryBody{Category: "RANSOMWARE", Reason: "the state's own"}
	reserve := func(o *client) map[string]any {
		return map[string]any{"id": reservation, "category": "RANSOMWARE", "reason": category.Reason, "act": sign(o, statement.ActCategoryReserve, reservation, category)}
	}
	refusedBy(liaison, "categoryReserve", reserve(liaison), 4)
	p := authority.done(t, "categoryReserve", "reservation endedGrants statement", reserve(authority))
	if p["reservation"] != string(reservation) || len(p["endedGrants"].([]any)) != 1 || p["statement"] == nil {
		t.Fatalf("reserved: %v", p)
	}
	listed := owner.get(t, "{ viewer { reservations { id category officer reason createdAt liftedAt } } }", nil)
	if text := fmt.Sprint(listed); !strings.Contains(text, "RANSOMWARE") || !strings.Contains(text, category.Reason) {
		t.Errorf("at home are listed %v", listed)
	}
	if text := fmt.Sprint(foreign.get(t, "{ viewer { reservations { id category reason } } }", nil)); strings.Contains(text, "RANSOMWARE") {
		t.Errorf("abroad are listed %v", text)
	}
	lift := func(o *client, proposal any) map[string]any {
		return map[string]any{"reservation": reservation, "category": "RANSOMWARE", "reason": category.Reason, "proposal": proposal,
			"act": sign(o, statement.ActCategoryReserveLift, reservation, category)}
	}
	foreign.refused(t, "categoryReserveLift", lift(foreign, nil), comity.CodeNotFound)
	p = authority.done(t, "categoryReserveLift", "reservation proposed statement", lift(authority, nil))
	if p["statement"] != nil || p["proposed"] == nil {
		t.Fatalf("proposed: %v", p)
	}
	refusedBy(authority, "categoryReserveLift", lift(authority, p["proposed"]), 4)
	if p = second.done(t, "categoryReserveLift", "proposed statement", lift(second, p["proposed"])); p["statement"] == nil || p["proposed"] != nil {
		t.Fatalf("lifted: %v", p)
	}

	// A case's reservation.
	version := owner.readCase(t, c, "")["version"]
	body := statement.ReserveBody{Reason: "own"}
	authority.done(t, "caseReserve", "case { reserved }", map[string]any{"id": c, "expectedVersion": version, "reason": body.Reason, "act": sign(authority, statement.ActCaseReserve, c, body)})
	uplift := func(o *client, proposal any) map[string]any {
		return map[string]any{"case": c, "reason": "over", "proposal": proposal, "act": sign(o, statement.ActCaseReserveLift, c, statement.LiftBody{Reason: "over"})}
	}
	refusedBy(liaison, "caseReserveLift", uplift(liaison, nil), 4)
	p = authority.done(t, "caseReserveLift", "proposed case { reserved }", uplift(authority, nil))
	if dig(t, p, "case", "reserved") != true {
		t.Fatalf("a proposal lifted it: %v", p)
	}
	if p = second.done(t, "caseReserveLift", "statement case { reserved }", uplift(second, p["proposed"])); dig(t, p, "case", "reserved") != false {
		t.Fatalf("lifted: %v", p)
	}

	// A withdrawal, a hold, and their ends.
	withdrawal, hold := comity.NewID(comity.KindWithdrawal), comity.NewID(comity.KindHold)
	authority.Do(t, authority.ReleaseHold(t, r[comity.KindHold], c))
	second.Do(t, second.Cancel(t, r[comity.KindWithdrawal], c))
	withdraw := func(o *client, proposal any) map[string]any {
		return map[string]any{"id": withdrawal, "case": c, "reason": "in error", "proposal": proposal,
			"act": sign(o, statement.ActCaseWithdraw, c, statement.WithdrawBody{ID: withdrawal, Reason: "in error"})}
	}
	refusedBy(owner, "caseWithdraw", withdraw(owner, nil), 11)
	p = authority.done(t, "caseWithdraw", "withdrawal dueAt proposed", withdraw(authority, nil))
	if p = second.done(t, "caseWithdraw", "withdrawal dueAt statement", withdraw(second, p["proposed"])); p["withdrawal"] != string(withdrawal) || p["dueAt"] == nil {
		t.Fatalf("withdrawn: %v", p)
	}
	place := func(o *client) map[string]any {
		return map[string]any{"id": hold, "case": c, "reason": "trial", "act": sign(o, statement.ActHoldPlace, c, statement.HoldBody{ID: hold, Reason: "trial"})}
	}
	refusedBy(liaison, "holdPlace", place(liaison), 11)
	authority.done(t, "holdPlace", "hold statement", place(authority))
	lists := owner.get(t, `query($c: ID) { viewer { holds(first: 5, filter: {lying: true, case: $c}) { nodes { id case officer reason request notAfter lies createdAt releasedBy releasedAt } edges { cursor } pageInfo { hasNextPage } }
		withdrawals(first: 5, case: $c) { nodes { id case proposedBy approvedBy reason dueAt status held createdAt endedBy endedAt } } } }`, map[string]any{"c": c})
	if text := fmt.Sprint(lists); !strings.Contains(text, string(hold)) || !strings.Contains(text, "trial") || !strings.Contains(text, "held:true") || !strings.Contains(text, "PENDING") {
		t.Errorf("at home are listed %v", lists)
	}
	if text := fmt.Sprint(foreign.get(t, "{ viewer { holds(first: 5) { nodes { id } } withdrawals(first: 5) { nodes { id } } } }", nil)); strings.Contains(text, "1_") {
		t.Errorf("abroad are listed %v", text)
	}
	authority.done(t, "holdRelease", "hold", map[string]any{"hold": hold, "case": c, "reason": "over",
		"act": sign(authority, statement.ActHoldRelease, hold, statement.HoldReleaseBody{Case: c, Reason: "over"})})
	cancel := func(o *client) map[string]any {
		return map[string]any{"withdrawal": withdrawal, "case": c, "reason": "no", "act": sign(o, statement.ActCaseWithdrawCancel, withdrawal, statement.WithdrawCancelBody{Case: c, Reason: "no"})}
	}
	refusedBy(liaison, "caseWithdrawCancel", cancel(liaison), 11)
	second.done(t, "caseWithdrawCancel", "withdrawal", cancel(second))
	if got := second.refused(t, "caseWithdrawCancel", cancel(second), comity.CodeConflict); got["code"] != "CONFLICT" {
		t.Errorf("cancelled twice: %v", got)
	}
}
