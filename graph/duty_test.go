package graph

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
	"github.com/comity-platform/comity/exchange/exchangetest"
)

// roster adds a shift that runs to the records of a state.
func (a *api) roster(t *testing.T, s comity.State, r records) {
	t.Helper()
	authority := a.World.As(t, "authority@"+string(s))
	now := a.Clock.Now()
	shift := authority.Shift(t, now, now.Add(time.Hour), "+000 1")
	authority.Do(t, shift)
	r[comity.KindShift] = shift.Body.ID
}

// shiftInput puts the liaison of the asker's state on duty.
func (c *client) shiftInput(t *testing.T, from, until time.Time, contact string) map[string]any {
	t.Helper()
	b := c.Shift(t, from, until, contact).Body
	return map[string]any{"id": b.ID, "officer": b.Officer, "from": stamp(from), "until": stamp(until), "contact": contact,
		"act": c.Sign(t, statement.Act{Act: statement.ActDutySet, Record: b.ID}, b)}
}

const dutyContact = `query($state: String!) { viewer { dutyContact(state: $state) { state contactPoint contact shift officer function until statement } } }`

// TestDutyStory: over HTTP the authority sets and withdraws shifts, others do not;
// liaisons abroad are told who is on duty; an urgent request goes up.
func TestDutyStory(t *testing.T) {
	for engine, open := range engines {
		t.Run(engine, func(t *testing.T) { dutyStory(t, serveOn(t, open)) })
	}
}

func dutyStory(t *testing.T, a *api) {
	authority, liaison, foreign, asker := a.as(t, "authority@KZ"), a.as(t, "liaison@KZ"), a.as(t, "liaison@AM"), a.as(t, "investigator@AM")
	now := a.Clock.Now().UTC().Truncate(time.Second)
	told := func(c *client) map[string]any {
		t.Helper()
		return dig(t, c.get(t, dutyContact, map[string]any{"state": "KZ"}), "viewer", "dutyContact").(map[string]any)
	}
	if d := told(foreign); d["contact"] != tokentest.Standing("KZ") || d["officer"] != nil || d["shift"] != nil || d["contactPoint"] != "KZ/cyber" {
		t.Errorf("with nobody on duty: %v", d)
	}
	input := authority.shiftInput(t, now, now.Add(2*time.Hour), "+000 1")
	if e := liaison.refused(t, "dutySet", liaison.shiftInput(t, now, now.Add(2*time.Hour), "+000 1"), comity.CodeDenied); e["article"] != float64(8) || e["cure"] == "" {
		t.Errorf("a liaison is refused by %v", e)
	}
	if e := authority.refused(t, "dutySet", authority.shiftInput(t, now, now.Add(-time.Second), ""), comity.CodeInvalid); path(e) != "input.until" {
		t.Errorf("a shift that ends before it begins is refused at %v", e)
	}
	shift := dig(t, authority.done(t, "dutySet", "shift { id officer function from until contact running setBy createdAt withdrawnBy withdrawnAt statement }", input), "shift").(map[string]any)
	if shift["id"] != string(input["id"].(comity.ID)) || shift["running"] != true || shift["contact"] != "+000 1" || shift["statement"] == nil || shift["setBy"] != "KZ:authority-1" || shift["withdrawnAt"] != nil {
		t.Errorf("set: %v", shift)
	}
	authority.refused(t, "dutySet", authority.shiftInput(t, now.Add(time.Hour), now.Add(3*time.Hour), ""), comity.CodeConflict)
	if d := told(foreign); d["contact"] != "+000 1" || d["officer"] != "KZ:liaison-1" || d["function"] != shift["function"] || d["until"] != shift["until"] || d["statement"] != shift["statement"] {
		t.Errorf("the liaison abroad is told %v", d)
	}
	if d := told(asker); d["contact"] != tokentest.Standing("KZ") || d["officer"] != nil || d["until"] != nil || d["statement"] != nil {
		t.Errorf("the investigator abroad is told %v", d)
	}
	roster := dig(t, liaison.get(t, "{ viewer { roster(first: 5) { nodes { id } totalCount } } }", nil), "viewer", "roster").(map[string]any)
	if roster["totalCount"] != float64(1) {
		t.Errorf("the roster is %v", roster)
	}

	sent := dig(t, asker.done(t, "requestSend", "request { id }", map[string]any{"to": "KZ", "kind": "INFORMATION", "urgency": "URGENT", "category": "RANSOMWARE",
		"purpose": "INVESTIGATION", "title": "a", "facts": "b"}), "request", "id")
	up := func(c *client) map[string]any {
		t.Helper()
		return dig(t, c.get(t, "query($id: ID!) { node(id: $id) { ... on Request { overdue escalation { level since next role officer function deputies } contact { contact officer } } } }",
			map[string]any{"id": sent}), "node").(map[string]any)
	}
	escalated := func(c *client) any {
		t.Helper()
		return dig(t, c.get(t, "{ viewer { requests(first: 5, filter: {escalated: true}, order: DUE) { totalCount } } }", nil), "viewer", "requests", "totalCount")
	}
	if q := up(liaison); q["escalation"] != nil || q["contact"] != nil || escalated(liaison) != float64(0) {
		t.Errorf("at once: %v", q)
	}
	a.Clock.Advance(2*time.Hour + time.Minute)
	authority, liaison = a.as(t, "authority@KZ"), a.as(t, "liaison@KZ")
	authority.done(t, "dutySet", "shift { id }", authority.shiftInput(t, a.Clock.Now().Truncate(time.Second), a.Clock.Now().Add(time.Hour).Truncate(time.Second), ""))
	if e, _ := up(liaison)["escalation"].(map[string]any); e["level"] != "ON_DUTY" || e["role"] != "LIAISON" || e["officer"] != "KZ:liaison-1" || e["next"] == nil || escalated(liaison) != float64(1) {
		t.Errorf("after a quarter of the clock: %v", e)
	}
	a.Clock.Advance(2 * time.Hour)
	authority = a.as(t, "authority@KZ")
	if e, _ := up(authority)["escalation"].(map[string]any); e["level"] != "AUTHORITY" || e["role"] != "AUTHORITY" || e["officer"] != nil || e["next"] != nil {
		t.Errorf("after half of it: %v", e)
	}
	a.Clock.Advance(4 * time.Hour)
	foreign = a.as(t, "liaison@AM")
	q := up(foreign)
	if c, _ := q["contact"].(map[string]any); q["overdue"] != true || q["escalation"] != nil || c["contact"] != tokentest.Standing("KZ") || escalated(foreign) != float64(0) {
		t.Errorf("the asking side is told %v", q)
	}

	// The next one is withdrawn; another state's authority finds none.
	authority = a.as(t, "authority@KZ")
	at := a.Clock.Now().Truncate(time.Second)
	next := authority.shiftInput(t, at, at.Add(time.Hour), "")
	authority.done(t, "dutySet", "shift { id }", next)
	a.as(t, "authority@AM").refused(t, "dutyWithdraw", map[string]any{"shift": next["id"]}, comity.CodeNotFound)
	if s := dig(t, authority.done(t, "dutyWithdraw", "shift { running withdrawnBy withdrawnAt }", map[string]any{"shift": next["id"]}), "shift").(map[string]any); s["running"] != false || s["withdrawnBy"] != "KZ:authority-1" || s["withdrawnAt"] == nil {
		t.Errorf("withdrawn: %v", s)
	}
	authority.refused(t, "dutyWithdraw", map[string]any{"shift": next["id"]}, comity.CodeConflict)
	if e := authority.refused(t, "dutyWithdraw", map[string]any{"shift": exchangetest.Key()}, comity.CodeInvalid); path(e) != "input.shift" {
		t.Errorf("what is no id is refused at %v", e)
	}
}

// path is where an error of an act lies, as in "input.until".
func path(e map[string]any) string {
	var words []string
	all, _ := e["path"].([]any)
	for _, p := range all {
		words = append(words, fmt.Sprint(p))
	}
	return strings.Join(words, ".")
}
