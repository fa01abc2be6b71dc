package client_test

import (
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/crypto/token/tokentest"
)

// TestDuty: shifts are set, listed and withdrawn through the client alone, and
// who asks abroad calls the line that the state signed.
func TestDuty(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.As(t, "liaison@KZ") // who is known from the first login on
	var between middle
	authority, foreign := w.as(t, "authority@KZ"), w.through(t, "liaison@AM", &between)
	now := w.Clock.Now()
	d, err := foreign.DutyContact(ctx, "KZ")
	must(t, err)
	if d.Contact != tokentest.Standing("KZ") || d.Officer != "" || !d.Check.Verified() {
		t.Fatalf("with nobody on duty: %+v", d)
	}
	set, err := authority.DutySet(ctx, client.NewShift{Officer: "KZ:liaison-1", From: now, Until: now.Add(8 * time.Hour), Contact: "+000 1"})
	must(t, err)
	if !set.Check.Verified() || !set.Running || set.Contact != "+000 1" {
		t.Fatalf("set: %+v", set)
	}
	_, err = w.as(t, "liaison@KZ").DutySet(ctx, client.NewShift{Officer: "KZ:liaison-1", From: now, Until: now.Add(time.Hour)})
	want(t, err, comity.CodeDenied, comity.ArticleLiaison)
	_, err = authority.DutySet(ctx, client.NewShift{Officer: "KZ:liaison-1", From: now.Add(time.Hour), Until: now.Add(9 * time.Hour)})
	want(t, err, comity.CodeConflict, 0)
	d, err = foreign.DutyContact(ctx, "KZ")
	must(t, err)
	if d.Contact != "+000 1" || d.Officer != "KZ:liaison-1" || d.Function == "" || d.Shift != set.ID || !d.Until.Equal(set.Until) || !d.Check.Verified() {
		t.Fatalf("abroad: %+v", d)
	}

	// Whoever turns the exchange gives no line of their own.
	for what, change := range map[string]func(map[string]any){
		"another line":           func(d map[string]any) { d["contact"] = "+666" },
		"another line, unsigned": func(d map[string]any) { d["contact"], d["statement"] = "+666", nil },
		"nobody, another line": func(d map[string]any) {
			d["contact"], d["statement"], d["officer"], d["shift"] = "+666", nil, nil, nil
		},
		"an officer who is not on duty, at the standing line": func(d map[string]any) {
			d["contact"], d["statement"] = tokentest.Standing("KZ"), nil
		},
		"only a function, at the standing line": func(d map[string]any) {
			d["contact"], d["statement"], d["officer"], d["shift"], d["until"] = tokentest.Standing("KZ"), nil, nil, nil, nil
		},
		"another officer": func(d map[string]any) { d["officer"] = "KZ:liaison-2" },
		"another shift":   func(d map[string]any) { d["shift"] = string(comity.NewID(comity.KindShift)) },
		"a longer shift":  func(d map[string]any) { d["until"] = "2090-01-01T00:00:00Z" },
		"another state":   func(d map[string]any) { d["state"] = "BY" },
		"the standing line in a shift that has its own": func(d map[string]any) { d["contact"] = tokentest.Standing("KZ") },
	} {
		between.on("DutyContact", func(data map[string]any) { change(within(data, "viewer", "dutyContact").(map[string]any)) })
		d, err := foreign.DutyContact(ctx, "KZ")
		must(t, err)
		if d.Check.Err() == nil {
			t.Errorf("%s is taken: %+v", what, d)
		}
	}
	// A shift that was, shown once more.
	var kept map[string]any
	between.on("DutyContact", func(data map[string]any) { kept = within(data, "viewer", "dutyContact").(map[string]any) })
	_, err = foreign.DutyContact(ctx, "KZ")
	must(t, err)
	w.Clock.Advance(8*time.Hour + 3*time.Minute)
	between.on("DutyContact", func(data map[string]any) { put(data, kept, "viewer", "dutyContact") })
	d, err = w.through(t, "liaison@AM", &between).DutyContact(ctx, "KZ")
	must(t, err)
	if d.Check.Err() == nil {
		t.Errorf("a shift that is over is taken: %+v", d)
	}
	between.on("DutyContact", nil)

	// By the roster, and off it.
	authority, foreign = w.as(t, "authority@KZ"), w.as(t, "liaison@AM")
	now = w.Clock.Now()
	next, err := authority.DutySet(ctx, client.NewShift{Officer: "KZ:liaison-1", From: now, Until: now.Add(time.Hour)})
	must(t, err)
	page, err := w.as(t, "liaison@KZ").Roster(ctx, true, 10, "")
	must(t, err)
	if len(page.Nodes) != 2 || page.Nodes[0].ID != set.ID || page.Nodes[1].ID != next.ID || !page.Nodes[0].Check.Verified() || page.Nodes[0].Running {
		t.Fatalf("the roster: %+v", page.Nodes)
	}
	if d, err := foreign.DutyContact(ctx, "KZ"); err != nil || d.Officer != "KZ:liaison-1" || d.Contact != tokentest.Standing("KZ") || !d.Check.Verified() {
		t.Fatalf("a shift without a line of its own: %+v, %v", d, err)
	}
	gone, err := authority.DutyWithdraw(ctx, next.ID)
	must(t, err)
	if gone.WithdrawnBy != "KZ:authority-1" || gone.Running || !gone.Check.Verified() {
		t.Fatalf("withdrawn: %+v", gone)
	}
	_, err = authority.DutyWithdraw(ctx, comity.NewID(comity.KindShift))
	want(t, err, comity.CodeNotFound, 0)
	if d, err := foreign.DutyContact(ctx, "KZ"); err != nil || d.Officer != "" || !d.Check.Verified() {
		t.Fatalf("after that: %+v, %v", d, err)
	}
}

// TestEscalated: the asked side lists what has gone up and is told who is to act;
// the asking side where to call once the clock has run out.
func TestEscalated(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.As(t, "liaison@KZ") // who is known from the first login on
	authority := w.as(t, "authority@KZ")
	now := w.Clock.Now()
	_, err := authority.DutySet(ctx, client.NewShift{Officer: "KZ:liaison-1", From: now, Until: now.Add(24 * time.Hour), Contact: "+000 1"})
	must(t, err)
	sent, err := w.as(t, "liaison@AM").RequestSend(ctx, client.NewRequest{To: "KZ", Kind: comity.RequestInformation, Urgency: comity.UrgencyUrgent,
		Category: tokentest.Category, Purpose: comity.PurposeInvestigation, Title: "A wallet", Facts: "We saw it"})
	must(t, err)
	escalated := client.RequestFilter{Escalated: true, ByDue: true}
	w.Clock.Advance(3 * time.Hour)
	page, err := w.as(t, "liaison@KZ").Requests(ctx, escalated, 10, "")
	must(t, err)
	if len(page.Nodes) != 1 || page.Nodes[0].ID != sent.ID || page.Nodes[0].Escalation == nil || page.Nodes[0].Escalation.Level != comity.EscalatedToDuty ||
		page.Nodes[0].Escalation.Officer != "KZ:liaison-1" || page.Nodes[0].Contact != nil {
		t.Fatalf("the asked side lists %+v", page.Nodes)
	}
	asking := w.as(t, "liaison@AM")
	if page, err := asking.Requests(ctx, escalated, 10, ""); err != nil || len(page.Nodes) != 0 {
		t.Fatalf("the asking side lists %+v, %v", page.Nodes, err)
	}
	if q, err := asking.Request(ctx, sent.ID); err != nil || q.Escalation != nil || q.Contact != nil {
		t.Fatalf("the asking side is told %+v, %v", q, err)
	}
	w.Clock.Advance(6 * time.Hour)
	q, err := w.as(t, "liaison@AM").Request(ctx, sent.ID)
	must(t, err)
	if !q.Overdue || q.Escalation != nil || q.Contact == nil || q.Contact.Contact != "+000 1" || !q.Contact.Check.Verified() {
		t.Fatalf("after the clock the asking side is told %+v", q.Contact)
	}
}
