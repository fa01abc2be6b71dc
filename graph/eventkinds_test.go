package graph

import (
	"slices"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/sovereignty"
)

// watchers are all those who could be told, each with a stream of every kind.
type watchers struct {
	*api
	names   []string
	clients map[string]*client
	streams map[string]*stream
	last    map[string]string // id of the event that was told last
	ids     map[string]bool
}

func (a *api) watchers(t *testing.T, names ...string) *watchers {
	w := &watchers{a, names, map[string]*client{}, map[string]*stream{}, map[string]string{}, map[string]bool{}}
	w.open(t)
	return w
}

// open opens the streams, or goes on with them.
func (w *watchers) open(t *testing.T) {
	t.Helper()
	for _, name := range w.names {
		c := w.as(t, name)
		with := map[string]any{"purpose": "INVESTIGATION"}
		if w.last[name] != "" {
			with["after"] = w.last[name]
		}
		w.clients[name] = c
		r := c.asksStream(t, eventsOf, with)
		w.streams[name] = c.watching(t, r)
		w.streams[name].name = name
		if w.last[name] == "" {
			w.last[name] = w.streams[name].next(t).ID
		}
	}
}

// told wants each named to be told events of some kinds, those of one instant in any
// order, and nobody else of anything.
func (w *watchers) told(t *testing.T, what string, want map[string][]string) {
	t.Helper()
	for _, name := range w.names {
		left := slices.Clone(want[name])
		for range want[name] {
			e := w.streams[name].next(t)
			i := slices.Index(left, e.Kind)
			if i < 0 || e.Record == "" || len(e.Errors) > 0 {
				t.Errorf("%s: %s was told of %s, wanted %v", what, name, e.Raw, left)
				continue
			}
			left = slices.Delete(left, i, i+1)
			if w.ids[e.ID] {
				t.Errorf("%s: %s was told the id %s twice", what, name, e.ID)
			}
			w.last[name], w.ids[e.ID] = e.ID, true
		}
	}
}

// silent wants nobody to be told anything more.
func (w *watchers) silent(t *testing.T, what string) {
	t.Helper()
	time.Sleep(time.Second)
	for _, name := range w.names {
		select {
		case e := <-w.streams[name].events:
			t.Errorf("%s: %s was told of %s", what, name, e.Raw)
		default:
		}
	}
}

func tell(kind string, names ...string) map[string][]string {
	m := map[string][]string{}
	for _, n := range names {
		m[n] = []string{kind}
	}
	return m
}

// TestEventsToWhomTheyConcern goes through what can happen, and wants each event told
// to whom its record is shown, and to nobody else.
func TestEventsToWhomTheyConcern(t *testing.T) {
	for name, open := range engines {
		t.Run(name, func(t *testing.T) {
			a := serveOn(t, open)
			end := a.stream(t)
			const owner, other, liaison, authority, auditor = "investigator@KZ", "colleague@KZ", "liaison@KZ", "authority@KZ", "auditor@KZ"
			const theirs, theirLiaison, theirAuthority, theirAuditor = "investigator@AM", "liaison@AM", "authority@AM", "auditor@AM"
			w := a.watchers(t, owner, other, liaison, authority, auditor, theirs, theirLiaison, theirAuthority, theirAuditor, "liaison@BY", "authority@BY")
			as := func(name string) *client { return w.clients[name] }
			made := []string{owner, liaison}
			abroad := []string{theirs, theirLiaison, theirAuthority}

			c := as(owner).FileCase(t, "Ransomware", "AM")
			w.told(t, "a case filed", tell("CASE_CHANGED", owner))
			as(owner).Do(t, &exchange.AssignCase{Key: exchangetest.Key(), ID: c, Office: comity.RoleLiaison})
			w.told(t, "a case assigned", tell("CASE_CHANGED", made...))
			exhibit := as(owner).Upload(t, c, "disk.img", []byte("plain"))
			w.told(t, "an exhibit completed", tell("EVIDENCE_COMPLETED", made...))
			a.Mandate(t, "KZ")
			release := as(owner).Release(t, c, "AM", exhibit)
			made = append(made, authority) // whose office a release assigns the case to, too
			w.told(t, "a release decided", tell("CASE_CHANGED", made...))
			w.silent(t, "before the grant")

			body := as(liaison).GrantBody("AM", release, exhibit)
			body.NotAfter = a.Clock.Now().Add(3 * time.Hour).Unix()
			as(liaison).Do(t, as(liaison).MakeGrant(t, c, body))
			w.told(t, "a grant made", tell("GRANT_MADE", owner, liaison, authority, auditor, theirs, theirLiaison, theirAuthority, theirAuditor))

			update := func(version int, change func(*exchange.UpdateCase)) {
				t.Helper()
				u := &exchange.UpdateCase{Key: exchangetest.Key(), ID: c, ExpectedVersion: version}
				change(u)
				as(owner).Do(t, u)
			}
			text := func(s string) *string { return &s }
			update(1, func(u *exchange.UpdateCase) { u.Reference = text("an own file number") })
			w.told(t, "what no grant shows", tell("CASE_CHANGED", made...))
			update(2, func(u *exchange.UpdateCase) { u.Narrative = text("more is known") })
			w.told(t, "what full scope shows", tell("CASE_CHANGED", append(made, abroad...)...))
			as(owner).Do(t, &exchange.AddRecords{Key: exchangetest.Key(), Case: c, Entries: []exchange.NewEntry{{Marking: comity.Marking{TLP: comity.TLPRed, PAP: comity.PAPRed, Handling: comity.H0},
				Text: comity.EntryText{Text: "closed"}}}})
			w.told(t, "an entry that is closed abroad", tell("CASE_CHANGED", made...))
			w.silent(t, "what a grant does not show")

			// A notice reaches those who read.
			as(theirs).get(t, `query($id: ID!) { node(id: $id, purpose: INVESTIGATION) { ... on Case { title } } }`, map[string]any{"id": c})
			as(liaison).Do(t, as(liaison).Notice(t, c, c, 0, comity.NoticeCorrect))
			w.told(t, "a notice", map[string][]string{owner: {"DISPATCH_CHANGED"}, liaison: {"DISPATCH_CHANGED"}, authority: {"DISPATCH_CHANGED"}, theirs: {"DISPATCH_ARRIVED"},
				theirLiaison: {"DISPATCH_ARRIVED"}, theirAuthority: {"DISPATCH_ARRIVED"}})

			send := &exchange.SendRequest{Key: exchangetest.Key(), To: "KZ", Kind: comity.RequestInformation, Urgency: comity.UrgencyUrgent, Category: tokentest.Category,
				Purpose: comity.PurposeInvestigation, Marking: comity.DefaultMarking, Text: comity.RequestText{Title: "T", Facts: "facts"}}
			as(theirs).Do(t, send)
			w.told(t, "a request", map[string][]string{liaison: {"REQUEST_ARRIVED"}, authority: {"REQUEST_ARRIVED"}, theirs: {"REQUEST_CHANGED"},
				theirLiaison: {"REQUEST_CHANGED"}, theirAuthority: {"REQUEST_CHANGED"}})
			as(liaison).Do(t, &exchange.SendMessage{Key: exchangetest.Key(), Request: send.ID, Text: "which machine?"})
			w.told(t, "a message", tell("MESSAGE_ARRIVED", theirs, theirLiaison, theirAuthority))
			as(liaison).Do(t, &exchange.MoveRequest{Key: exchangetest.Key(), ID: send.ID, ExpectedVersion: 1, Move: sovereignty.RequestReceive, Note: "We look into it"})
			w.told(t, "a request received, with a note", map[string][]string{liaison: {"REQUEST_CHANGED"}, authority: {"REQUEST_CHANGED"}, theirs: {"REQUEST_CHANGED", "MESSAGE_ARRIVED"},
				theirLiaison: {"REQUEST_CHANGED", "MESSAGE_ARRIVED"}, theirAuthority: {"REQUEST_CHANGED", "MESSAGE_ARRIVED"}})

			narrow := statement.NarrowBody{Case: c, Scope: comity.ScopeSummary, Exhibits: []comity.ID{}, Caveats: body.Caveats, NotAfter: body.NotAfter}
			as(liaison).Do(t, &exchange.NarrowGrant{Key: exchangetest.Key(), Grant: body.ID, ExpectedVersion: 2, Body: narrow,
				Act: as(liaison).Sign(t, statement.Act{Act: statement.ActGrantNarrow, Record: body.ID}, narrow)})
			w.told(t, "a grant narrowed", tell("GRANT_CHANGED", owner, liaison, authority, auditor, theirs, theirLiaison, theirAuthority, theirAuditor))
			update(4, func(u *exchange.UpdateCase) { u.Narrative = text("yet more is known") })
			w.told(t, "what the summary does not show", tell("CASE_CHANGED", made...))
			as(authority).Do(t, as(authority).Hold(t, c, "", a.Clock.Now().Add(5*time.Hour)))
			w.told(t, "a hold placed", tell("CASE_CHANGED", made...))
			w.silent(t, "before clocks ran out")

			// Clocks run out while the server is away, and the tokens with them.
			end()
			for _, name := range w.names {
				w.streams[name].ends(t)
			}
			a.Clock.Advance(9 * time.Hour)
			next := (&api{World: a.World, log: a.log}).serve(t, a.Exchange, nil)
			next.stream(t)
			w.api = next
			w.open(t)
			w.told(t, "clocks", map[string][]string{owner: {"GRANT_ENDED", "HOLD_ENDED"}, auditor: {"GRANT_ENDED"},
				liaison:   {"REQUEST_ESCALATED", "GRANT_ENDED", "REQUEST_ESCALATED", "HOLD_ENDED", "REQUEST_OVERDUE"},
				authority: {"REQUEST_ESCALATED", "GRANT_ENDED", "REQUEST_ESCALATED", "HOLD_ENDED", "REQUEST_OVERDUE"},
				theirs:    {"GRANT_ENDED", "REQUEST_OVERDUE"}, theirLiaison: {"GRANT_ENDED", "REQUEST_OVERDUE"}, theirAuthority: {"GRANT_ENDED", "REQUEST_OVERDUE"},
				theirAuditor: {"GRANT_ENDED"}})
			w.silent(t, "in the end")
			for id := range w.ids {
				if len(id) != len(w.last[owner]) {
					t.Errorf("ids are of different lengths: %s and %s", id, w.last[owner])
				}
			}
		})
	}
}
